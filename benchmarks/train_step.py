"""One training step: forward, backward, AdamW, on batches shaped like MRPC's pairs. Fresh processes, in turn.

python benchmarks/train_step.py [--steps 20] [--rounds 3] [--rival-python PATH] [--model NAME]
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from turns import MINILM, answer, contestants, library, medians, options_of


def make_batches(count: int, rows: int) -> list[dict[str, Any]]:
    """Random ids; lengths are spread as those of MRPC's pairs are (mean 53, standard deviation 13)."""
    import torch

    torch.manual_seed(1)
    batches = []
    for _ in range(count):
        lengths = torch.normal(53.0, 13.0, (rows,)).round().long().clamp(20, 103)
        mask = (torch.arange(int(lengths.max()))[None, :] < lengths[:, None]).long()
        ids = torch.randint(1000, 30000, mask.shape) * mask
        labels = torch.randint(0, 2, (rows,))
        batches.append({"input_ids": ids, "attention_mask": mask, "token_type_ids": mask * 0, "labels": labels})
    return batches


def measure(arguments: Any) -> None:
    """The median time of a step."""
    import torch

    is_ours = arguments.measure == "dure"
    model = library(arguments.measure).AutoModelForSequenceClassification.from_pretrained(arguments.model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=True)
    if is_ours:
        # As Dure's Trainer does: the tables' gradients keep their memory between steps.
        from dure.layers.embedding import keep_gradients
        from dure.training.gradients import clear_gradients

        keep_gradients(model)
    times = []
    for batch in make_batches(arguments.steps + 2, arguments.rows):
        start = time.perf_counter()
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        if is_ours:
            clear_gradients(model)
        else:
            optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    answer(seconds=statistics.median(times[2:]))


def main() -> None:
    """Print medians and their ratio."""
    parser = options_of(__doc__, rounds=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--model", default=MINILM)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
        return
    from dure.hub.resolve import resolve

    options = {"steps": arguments.steps, "rows": arguments.rows, "model": resolve(arguments.model).path}
    entrants = contestants(arguments.rival_python)
    found = medians(arguments.rounds, {c.name: (lambda c=c: c.measure(**options)["seconds"]) for c in entrants})
    for name, seconds in found.items():
        print(f"{name:22} {seconds * 1000:8.1f} ms per step")
    ours, *rivals = found.values()
    print(f"ratio dure / faster rival {ours / min(rivals):.3f}")


if __name__ == "__main__":
    main()
