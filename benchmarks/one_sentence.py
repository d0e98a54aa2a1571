"""One sentence of 16 tokens, again and again: through the pipeline, and through the model alone. MiniLM, in turn.

python benchmarks/one_sentence.py [--rounds 5] [--calls 200] [--rival-python PATH]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from turns import answer, check, contestants, library, options_of, starter_folder

SENTENCE = "The parcel that we had been waiting for arrived on a Monday morning."
NUM_TOKENS = 16


def measure(arguments: Any) -> None:
    """Median times of a call, in seconds, and some numbers of the result."""
    import torch

    package = library(arguments.measure)
    pipe = package.pipeline("feature-extraction", model=arguments.model)
    tokenizer = package.AutoTokenizer.from_pretrained(arguments.model)
    model = package.AutoModel.from_pretrained(arguments.model).eval()
    batch = tokenizer(SENTENCE, return_tensors="pt")
    assert batch["input_ids"].shape[1] == NUM_TOKENS, batch["input_ids"].shape

    def alone() -> Any:
        with torch.inference_mode():
            return model(**batch)[0]

    def median(call: Callable[[], Any]) -> float:
        times = []
        for _ in range(arguments.calls):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return statistics.median(times[arguments.calls // 5 :])

    states = alone()[0].flatten()[:500].tolist()
    answer(pipeline=median(lambda: pipe(SENTENCE)), model=median(alone), states=states)


def main() -> None:
    """Print medians and both ratios; fail where one misses its target."""
    parser = options_of(__doc__, rounds=5)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--model", help="for --measure")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
        return
    ours, *rivals = contestants(arguments.rival_python)
    options = {"model": starter_folder(), "calls": arguments.calls}
    found: dict[str, list[dict[str, Any]]] = {c.name: [] for c in (ours, *rivals)}
    for _ in range(arguments.rounds):
        for contestant in (ours, *rivals):
            found[contestant.name].append(contestant.measure(**options))
    expected = found["dure"][0]["states"]
    errors = [max(abs(a - b) for a, b in zip(expected, found[r.name][0]["states"], strict=True)) for r in rivals]
    print(f"largest difference {max(errors):.1e}; allowed 1e-5")
    assert max(errors) < 1e-5
    is_reached = True
    for part, target in {"pipeline": 2.0, "model": 1.3}.items():
        times = {name: statistics.median(turn[part] for turn in turns) for name, turns in found.items()}
        for name, seconds in times.items():
            print(f"{part:10} {name:22} {seconds * 1e3:7.2f} ms")
        ratio = min(times[rival.name] for rival in rivals) / times["dure"]
        is_reached &= check(f"one sentence, {part}, times as fast as the faster rival:", ratio, at_least=target)
    sys.exit(not is_reached)


if __name__ == "__main__":
    main()
