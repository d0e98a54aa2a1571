"""Dure and its rivals take turns at one piece of work, on texts that nobody has seen before."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from tokenizer_works import Worker

WORKS_FILE = Path(__file__).with_name("tokenizer_works.py")


class Row(NamedTuple):
    """A line of the table: a rival library, and how many times as fast as it Dure has to be."""

    name: str
    work: str
    rival: str
    folder: Path
    payloads: list[Any]
    target: float


class Elsewhere:
    """A rival in another environment, behind a pipe."""

    def __init__(self, python: str, row: Row) -> None:
        self._scratch = tempfile.TemporaryDirectory()
        payloads = Path(self._scratch.name) / "payloads.json"
        payloads.write_text(json.dumps(row.payloads), encoding="utf-8")
        command = [python, "-W", "ignore", str(WORKS_FILE), row.work, row.rival, str(row.folder), str(payloads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._scratch.cleanup()

    def _answer(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the rival's process ended with {self._process.wait()}")
        return line

    def seconds(self, number: int, *, is_fresh: bool) -> float:
        """Time to do a payload there."""
        self._process.stdin.write(f"{number} {int(is_fresh)}\n")
        self._process.stdin.flush()
        return float(self._answer())


def flat(result: Any) -> list[Any]:
    """Results of every library in one form."""
    values = result.tolist() if hasattr(result, "tolist") else list(result)
    return [item for row in values for item in row] if values and isinstance(values[0], list) else values


def compare(row: Row, ours: Worker, theirs: Worker) -> None:
    """Refuse to time work that differs."""
    if row.work != "load":
        assert flat(ours.result(0)) == flat(theirs.result(0)), f"{row.name}: results differ from {row.rival}'s"


def ratios(times: dict[str, list[float]], rivals: Sequence[str]) -> tuple[float, str]:
    """How many times as fast as the fastest rival, and its name."""
    middle = {name: statistics.median(values) for name, values in times.items()}
    best = min(rivals, key=middle.__getitem__)
    return middle[best] / middle["dure"], best


def measure(row: Row, rival_python: str | None) -> bool:
    """Print the row, and say whether the target was reached.

    New texts: tokenizers that have worked on others. Just loaded: their first texts. Seen: the same texts once more.
    """
    ours = Worker(row.work, "dure", str(row.folder), row.payloads)
    theirs = Worker(row.work, row.rival, str(row.folder), row.payloads)
    compare(row, ours, theirs)
    contestants: dict[str, Any] = {"dure": ours, row.rival: theirs}
    if rival_python is None or row.rival == "tiktoken":
        return rounds(row, contestants)
    with Elsewhere(rival_python, row) as newest:
        return rounds(row, {**contestants, f"newest {row.rival}": newest})


def rounds(row: Row, contestants: dict[str, Any]) -> bool:
    """All rounds but the first, on which results were compared."""
    views: dict[str, dict[str, list[float]]] = {
        view: {name: [] for name in contestants} for view in ("new", "seen", "loaded")
    }
    for contestant in contestants.values():
        contestant.seconds(0, is_fresh=False)
    for number in range(1, len(row.payloads)):
        for view, times in views.items():
            for name, contestant in contestants.items():
                times[name].append(contestant.seconds(number, is_fresh=view == "loaded"))
    rivals = [name for name in contestants if name != "dure"]
    (new, best), (seen, _), (loaded, _) = (ratios(times, rivals) for times in views.values())
    mine, yours = (statistics.median(views["new"][name]) * 1000 for name in ("dure", best))
    verdict = "reached" if new >= row.target else "MISSED"
    times = f"{mine:9.2f} {yours:9.2f} ms {best:20} x{new:6.2f}"
    others = f"(just loaded x{loaded:6.2f}, seen x{seen:6.2f})"
    print(f"{row.name:48} {times} {others} target {row.target}: {verdict}", flush=True)
    return new >= row.target


def run_script(name: str, *options: str) -> bool:
    """Another benchmark of this folder."""
    print(f"\n== {name}", flush=True)
    return subprocess.run([sys.executable, str(WORKS_FILE.with_name(name)), *options], check=False).returncode == 0
