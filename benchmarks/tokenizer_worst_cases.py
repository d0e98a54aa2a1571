"""Texts that make tokenizers slow: sixteen times the text takes sixteen times the time, times a logarithm and caches.

Over a range as wide as this the order of growth shows: n log n is 20, n to the power of 1.5 is 64, n squared 256. In
between, a text's merges leave the second and then the third cache, and each step costs up to half of the time again.

python benchmarks/tokenizer_worst_cases.py --data PATH [--rounds 3] [--chars 250000]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tokenizer_vocabularies import make_folders

from dure.tokenizers._core import Engine

#: How much longer the long text is, and how much more time it may take.
TIMES, MAX_RATIO = 16, 40.0
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


def seconds(document: bytes, text: str) -> float:
    """With a fresh engine, which has no memory of pieces."""
    engine = Engine.from_json(document)
    start = time.perf_counter()
    engine.encode([text], num_threads=2)
    return time.perf_counter() - start


def main() -> None:
    """Print times and ratios; fail where one grows faster than the text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chars", type=int, default=250_000)
    arguments = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as scratch:
        for name, folder in make_folders(arguments.data, Path(scratch)).items():
            document = (folder / "tokenizer.json").read_bytes()
            for case, make in CASES.items():
                texts = make(arguments.chars), make(TIMES * arguments.chars)
                times = [[seconds(document, text) for text in texts] for _ in range(arguments.rounds)]
                # The least time: noise only ever adds, and here nobody is compared with a rival.
                short, long = (min(column) for column in zip(*times, strict=True))
                is_missed = long / short > MAX_RATIO and long > NOISE_S
                missed = missed or is_missed
                verdict = f"MISSED (at most {MAX_RATIO:g})" if is_missed else ""
                print(f"{name:18} {case:30} {short * 1e3:8.1f} {long * 1e3:8.1f} ms  x{long / short:6.2f} {verdict}")
    sys.exit(missed)


if __name__ == "__main__":
    main()
