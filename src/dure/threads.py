"""One decision for the whole process: how many threads compute.

The tokenizer engine, torch and data workers all ask here, so that they never compete for the same cores.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import math
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["limited", "num_threads"]

_limit: contextvars.ContextVar[int | None] = contextvars.ContextVar("limit", default=None)


def num_threads() -> int:
    """How many threads Dure uses.

    ``OMP_NUM_THREADS`` decides where it is set. Otherwise it is the number of cores this process may run on, and no
    more than its cgroup's CPU quota (rounded up): in a container, the machine's core count says nothing about what is
    ours. Inside :func:`limited`, its number holds.

    Returns:
        A number of threads, at least 1.
    """
    return _limit.get() or _num_threads()


@contextlib.contextmanager
def limited(count: int) -> Iterator[None]:
    """Use so many threads within a ``with`` block, in this thread of the program."""
    token = _limit.set(count)
    try:
        yield
    finally:
        _limit.reset(token)


@functools.cache
def _num_threads() -> int:
    """The process's number, decided once."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, _cgroup_limit()))


def _cgroup_limit(root: Path = Path("/sys/fs/cgroup")) -> int:
    """The CPU quota of this process's cgroup in whole cores (version 2, then version 1); a huge number without one."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return 1 << 30
    if quota == "max" or int(quota) <= 0:
        return 1 << 30
    return math.ceil(int(quota) / int(period))
