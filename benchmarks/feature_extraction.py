"""2,000 MRPC sentences through the feature-extraction pipeline, against each rival by default and at its best.

Its best is the best of several batch sizes, found in its first turn. Results are checked to be equal first.

python benchmarks/feature_extraction.py --data PATH/corpora/mrpc/train.tsv [--rounds 3] [--rival-python PATH]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from turns import answer, check, contestants, library, medians, options_of, starter_folder

SIZES = (4, 8, 16, 32, 64)


def read_sentences(path: str, count: int) -> list[str]:
    """The first sentences of MRPC's pairs, then the second ones."""
    rows = [line.split("\t") for line in Path(path).read_text(encoding="utf-8-sig").splitlines()[1:]]
    return [row[column] for column in (3, 4) for row in rows][:count]


def measure(arguments: Any) -> None:
    """Seconds for all sentences, with the pipeline warm; or, with --results, the first results and the best size."""
    texts = read_sentences(arguments.data, arguments.sentences)
    options = {} if arguments.measure == "dure" else {"device": "cpu"}
    pipe = library(arguments.measure).pipeline("feature-extraction", model=arguments.model, **options)

    def timed(some: list[str], **call: Any) -> float:
        start = time.perf_counter()
        assert len(pipe(some, **call)) == len(some)
        return time.perf_counter() - start

    first = pipe(texts[:200])
    if arguments.results:
        np.save(arguments.results, np.concatenate([np.array(rows[0]) for rows in first]))
        tried = SIZES if arguments.measure != "dure" else ()
        answer(sizes={size: timed(texts[:400], batch_size=size) for size in tried})
    else:
        answer(seconds=timed(texts, **({"batch_size": arguments.batch_size} if arguments.batch_size else {})))


def main() -> None:
    """Print medians and both ratios; fail where one misses its target."""
    parser = options_of(__doc__, rounds=3)
    parser.add_argument("--data", required=True)
    parser.add_argument("--sentences", type=int, default=2000)
    for name, kind in (("--model", str), ("--batch-size", int), ("--results", str)):
        parser.add_argument(name, type=kind, help="for --measure")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
        return
    ours, *rivals = contestants(arguments.rival_python)
    shared = {"data": arguments.data, "sentences": arguments.sentences, "model": starter_folder()}
    calls = {"dure": lambda: ours.measure(**shared)["seconds"]}
    with tempfile.TemporaryDirectory() as folder:
        ours.measure(**shared, results=f"{folder}/dure.npy")
        for rival in rivals:
            sizes = rival.measure(**shared, results=f"{folder}/rival.npy")["sizes"]
            np.testing.assert_allclose(np.load(f"{folder}/dure.npy"), np.load(f"{folder}/rival.npy"), atol=1e-5)
            best = min(sizes, key=sizes.__getitem__)
            calls[f"{rival.name} by default"] = lambda rival=rival: rival.measure(**shared)["seconds"]
            calls[f"{rival.name} in batches of {best}"] = lambda rival=rival, best=best: rival.measure(
                **shared, batch_size=best
            )["seconds"]
    print("the first 200 results are equal to 1e-5")
    found = medians(arguments.rounds, calls)
    for name, seconds in found.items():
        print(f"{name:42} {seconds:7.2f} s   {seconds / found['dure']:5.2f} times dure")
    by_default = min(seconds for name, seconds in found.items() if "by default" in name) / found["dure"]
    in_batches = min(seconds for name, seconds in found.items() if "in batches" in name) / found["dure"]
    is_reached = check("times as fast as the faster rival by default:", by_default, at_least=2.5)
    is_reached &= check("times as fast as the faster rival's best batches:", in_batches, at_least=1.5)
    sys.exit(not is_reached)


if __name__ == "__main__":
    main()
