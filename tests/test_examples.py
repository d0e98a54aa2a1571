"""The examples run as their docstrings say, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dure.hub.starter import STARTERS, find_starter

EXAMPLES = Path(__file__).parents[1] / "examples"

if find_starter(STARTERS[0]) is None:
    pytest.skip(f"the starter model isn't installed: {STARTERS[0].install_command}", allow_module_level=True)


@pytest.fixture
def run(tmp_path: Path):
    """Run an example in an empty folder, without network, and return what it prints."""

    def run(name: str, *arguments: str) -> str:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, str(EXAMPLES / name), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


@pytest.fixture
def csv(tmp_path: Path) -> str:
    """Forty messages in two classes, each with a word that gives it away."""
    lines = ["text,label"]
    for number in range(40):
        word, label = (("parcel is late", "delivery"), ("bill is wrong", "payment"))[number % 2]
        lines.append(f'"My {word}, {("please help", "again", "dear team", "thanks")[number // 2 % 4]}",{label}')
    (tmp_path / "messages.csv").write_text("\n".join(lines) + "\n")
    return "messages.csv"


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(
        re.findall(r"run\(\"(\w+\.py)\"", Path(__file__).read_text())
    )


def test_classify_csv(run, csv: str, tmp_path: Path) -> None:
    out = run("classify_csv.py", csv, "Where is my parcel?", "There's a mistake in the bill.", "--epochs", "2")
    assert "accuracy on 8 rows it hasn't seen: 1.000" in out
    assert [line.split()[0] for line in out.splitlines()[-2:]] == ["delivery", "payment"]
    assert (tmp_path / "my-model" / "model.safetensors").is_file()


def test_training_loop(run, csv: str) -> None:
    last = run("training_loop.py", csv).splitlines()[-1]
    assert re.fullmatch(r"epoch 3: loss 0\.\d+, 8 of 8 new rows right", last), last


def test_sentence_similarity(run) -> None:
    out = run("sentence_similarity.py", "My package hasn't come yet.")
    ranked = re.findall(r"^(-?\d\.\d+)  (.*)$", out, re.MULTILINE)
    assert ranked[0][1].startswith("Where is my parcel?")
    assert [float(similarity) for similarity, _ in ranked] == sorted((float(s) for s, _ in ranked), reverse=True)


def test_exchange(run) -> None:
    pytest.importorskip("transformers")
    out = run("exchange.py")
    assert float(re.search(r"largest difference: (\S+)", out).group(1)) < 1e-5
