"""What Dure sets for the whole process: freed memory is kept, and the end is quick but whole."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys
import dure.models.pretrained
import torch

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.empty(12_000_000).fill_(1.0)  # 48 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**_environment(), **environment}
    )
    return done.stdout


def _environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_freed_memory_is_kept_unless_the_user_decides():
    assert int(run(CODE)) < 1000
    assert int(run(CODE, MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072")) > 10_000


def test_what_a_program_leaves_open_is_still_finished(tmp_path):
    code = f"""
import atexit, weakref
import dure.models.pretrained

class Last:
    def __del__(self):
        print("finalized")

class Known: pass
known = Known()
weakref.finalize(known, print, "weakly")
atexit.register(print, "at exit")
last = Last()
file = open({str(tmp_path / "written")!r}, "w")
file.write("whole")
"""
    assert set(run(code).split("\n")) >= {"finalized", "weakly", "at exit"}
    assert (tmp_path / "written").read_text() == "whole"
