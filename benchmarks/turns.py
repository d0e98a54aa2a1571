"""Contestants in turn, each measurement in a fresh process: what benchmarks against both rivals share.

A benchmark runs itself: ``script --measure LIBRARY ...`` measures once, in that contestant's environment, and prints a
line of JSON. So nothing that a script imports at its top may be missing in the second environment, Dure included.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


class Contestant(NamedTuple):
    """A library in an environment."""

    library: str
    python: str
    name: str

    def measure(self, **options: Any) -> dict[str, Any]:
        """What this benchmark says when it measures this contestant.

        Args:
            options: Options of the command: ``batch_size=8`` is ``--batch-size 8``.
        """
        with self.start(**options) as process:
            output = process.communicate()[0]
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
        return json.loads(output.splitlines()[-1])

    def start(self, **options: Any) -> subprocess.Popen[str]:
        """The process of :meth:`measure`."""
        command = [self.python, "-W", "ignore", sys.argv[0], "--measure", self.library]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        quiet = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "DURE_PROGRESS": "0"}
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", **quiet}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


class _Runner:
    """A process that works while the others are stopped, and a clock that runs while it works."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[tuple[float, str]] = []
        self._worked, self._since = 0.0, time.perf_counter()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((self._worked + time.perf_counter() - self._since, line.strip()))

    def work(self, seconds: float) -> bool:
        """Let it work for some seconds; whether there is more to do."""
        self._since = time.perf_counter()
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            return True
        return False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        self._worked += time.perf_counter() - self._since

    def result(self) -> dict[str, Any]:
        """What it answered, and the seconds of its own clock between its lines "start" and "stop"."""
        self.reader.join()
        if self.process.returncode:
            raise subprocess.CalledProcessError(self.process.returncode, self.process.args)
        times = {line: at for at, line in self.lines if line in {"start", "stop"}}
        return {**json.loads(self.lines[-1][1]), "seconds": times["stop"] - times["start"]}


def in_slices(entrants: list[Contestant], slice_s: float = 5.0, **options: Any) -> list[dict[str, Any]]:
    """Measure long runs side by side: each works for a few seconds while the others are stopped, then the next.

    A machine that is slower for some minutes is so for all. Each run prints the lines "start" and "stop".
    """
    runners = []
    try:
        for entrant in entrants:
            runners.append(_Runner(entrant.start(**options)))
            runners[-1].stop()
        waiting = list(runners)
        while waiting:
            waiting = [runner for runner in waiting if runner.work(slice_s)]
    finally:
        for runner in runners:
            if runner.process.poll() is None:
                runner.process.kill()
    return [runner.result() for runner in runners]


def contestants(rival_python: str | None) -> list[Contestant]:
    """Dure, transformers beside it, and the one of the second environment."""
    found = [Contestant("dure", sys.executable, "dure")]
    for python in filter(None, [sys.executable, rival_python]):
        command = [python, "-c", "import importlib.metadata as m; print(m.version('transformers'))"]
        version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        found.append(Contestant("transformers", python, f"transformers {version}"))
    return found


def options_of(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """A command line with what all of them take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--rival-python", help="a second environment with the newest transformers")
    parser.add_argument("--measure", metavar="LIBRARY", help="measure once and print JSON; used by the script itself")
    return parser


def starter_folder() -> str:
    """Where MiniLM is; the second environment is told."""
    from dure.hub.resolve import resolve

    return str(resolve(MINILM).path)


def library(name: str) -> Any:
    """Dure or transformers, whichever is measured here."""
    return importlib.import_module(name)


def answer(**found: Any) -> None:
    """Say what was measured."""
    print(json.dumps(found))


def medians(rounds: int, calls: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Each call's median over rounds in which all take their turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(call())
    return {name: statistics.median(values) for name, values in times.items()}


def check(name: str, ratio: float, *, at_least: float | None = None, at_most: float | None = None) -> bool:
    """Print a ratio beside its target, and say whether it was reached."""
    is_reached = (at_least is None or ratio >= at_least) and (at_most is None or ratio <= at_most)
    target = f"at least {at_least}" if at_least is not None else f"at most {at_most}"
    print(f"{name} {ratio:.3f}; target {target}: {'reached' if is_reached else 'MISSED'}")
    return is_reached
