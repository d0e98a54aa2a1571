"""Texts that make tokenizers slow: eight times the text takes eight times the work, times a logarithm and caches.

At this range the order of growth shows: n log n is 9, n to the power of 1.5 is 23, n squared 64. What counts is the
time in the engine's own code on all threads (user time). Beside it stands the time on the clock: the kernel hands out
fresh memory in proportion to the text too, but only where the allocator has none left from before, at sizes that differ
from one machine to another; such a step looks like growth and isn't.

python benchmarks/tokenizer_worst_cases.py --data PATH [--rounds 3] [--chars 1000000]
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tokenizer_vocabularies import make_folders

from dure.tokenizers._core import Engine

#: How much longer the long text is, and how much more work it may make.
TIMES, MAX_RATIO = 8, 14.0
#: Ratios of shorter times say nothing.
NOISE_S = 0.03


def letters(count: int) -> str:
    return "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz", k=count))


CASES: dict[str, Callable[[int], str]] = {
    "letters without a space": letters,
    "one letter repeated": lambda count: "a" * count,
    "one Hangul syllable repeated": lambda count: "가" * count,
    "one emoji repeated": lambda count: "😀" * count,
    "only combining marks": lambda count: "\u0301\u0323" * (count // 2),
    "only spaces": lambda count: " " * count,
    "spaces and line ends": lambda count: " \n" * (count // 2),
    "only digits": lambda count: "1234567890" * (count // 10),
    "only punctuation": lambda count: "!?" * (count // 2),
}


def seconds(document: bytes, text: str) -> tuple[float, float]:
    """In the engine's code, and on the clock; with a fresh engine, which has no memory of pieces."""
    engine = Engine.from_json(document)
    used, start = resource.getrusage(resource.RUSAGE_SELF).ru_utime, time.perf_counter()
    engine.encode([text], num_threads=2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - used, time.perf_counter() - start


def main() -> None:
    """Print times and ratios; fail where one grows faster than the text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chars", type=int, default=1_000_000)
    arguments = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as scratch:
        for name, folder in make_folders(arguments.data, Path(scratch)).items():
            document = (folder / "tokenizer.json").read_bytes()
            for case, make in CASES.items():
                texts = make(arguments.chars), make(TIMES * arguments.chars)
                times = [[seconds(document, text) for text in texts] for _ in range(arguments.rounds)]
                # The least time: noise only ever adds, and here nobody is compared with a rival.
                short, long = (tuple(map(min, zip(*column, strict=True))) for column in zip(*times, strict=True))
                ratio = long[0] / max(short[0], 1e-4)
                is_missed = ratio > MAX_RATIO and long[0] > NOISE_S
                missed = missed or is_missed
                verdict = f"MISSED (at most {MAX_RATIO:g})" if is_missed else ""
                clock = f"on the clock {short[1] * 1e3:8.1f} {long[1] * 1e3:8.1f} ms"
                work = f"{short[0] * 1e3:8.1f} {long[0] * 1e3:8.1f} ms  x{ratio:6.2f}"
                print(f"{name:18} {case:30} {work}   {clock} {verdict}", flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    main()
