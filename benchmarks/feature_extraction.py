"""2,000 MRPC sentences through the feature-extraction pipeline, against transformers by default and at its best.

Its best is the best of several batch sizes. Results are checked to be equal first.

python benchmarks/feature_extraction.py --data PATH/corpora/mrpc/train.tsv [--rounds 3] [--sentences 2000]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import transformers

import dure
from dure.hub.resolve import resolve


def read_sentences(path: str, count: int) -> list[str]:
    """The first sentences of MRPC's pairs, then the second ones."""
    rows = [line.split("\t") for line in Path(path).read_text(encoding="utf-8-sig").splitlines()[1:]]
    return [row[column] for column in (3, 4) for row in rows][:count]


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Print medians and both ratios; fail where one misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sentences", type=int, default=2000)
    arguments = parser.parse_args()
    texts = read_sentences(arguments.data, arguments.sentences)
    folder = str(resolve("sentence-transformers/all-MiniLM-L6-v2").path)
    transformers.logging.set_verbosity_error()
    ours = dure.pipeline("feature-extraction", model=folder)
    theirs = transformers.pipeline("feature-extraction", model=folder, device="cpu")
    for mine, yours in zip(ours(texts[:200]), theirs(texts[:200]), strict=True):
        np.testing.assert_allclose(mine, yours, atol=1e-5)
    print("the first 200 results are equal to 1e-5")
    sample = texts[:400]
    sizes = {size: timed(lambda size=size: theirs(sample, batch_size=size)) for size in (4, 8, 16, 32, 64)}
    best = min(sizes, key=sizes.__getitem__)
    calls: dict[str, Callable[[], object]] = {
        "dure": lambda: ours(texts),
        "transformers by default": lambda: theirs(texts),
        f"transformers in batches of {best}": lambda: theirs(texts, batch_size=best),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(arguments.rounds):
        for name, call in calls.items():
            times[name].append(timed(call))
    medians = [statistics.median(values) for values in times.values()]
    for name, seconds in zip(times, medians, strict=True):
        print(f"{name:34} {seconds:7.2f} s")
    by_default, in_batches = medians[1] / medians[0], medians[2] / medians[0]
    print(
        f"times as fast as by default: {by_default:.2f} (target 2.5); as its best batch: {in_batches:.2f} (target 1.5)"
    )
    sys.exit(by_default < 2.5 or in_batches < 1.5)


if __name__ == "__main__":
    main()
