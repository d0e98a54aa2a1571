"""One training step: forward, backward, AdamW, on batches shaped like MRPC's pairs. Fresh processes, in turn.

python benchmarks/train_step.py [--steps 20] [--rounds 3] [--rows 8] [--dtype float32] [--rival-python PATH]

With --dtype bfloat16, weights stay in float32 and all compute under autocast; rivals run without it too, and the
fastest of all counts. The ratio to the rivals in each precision is printed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from typing import Any

from turns import MINILM, answer, check, contestants, library, medians, options_of

#: At least so many times as fast as the faster rival, in batches of 16.
TARGETS = {"float32": 1.6, "bfloat16": 3.0}


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
    model = library(arguments.measure).AutoModelForSequenceClassification.from_pretrained(arguments.model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=True)
    if is_ours:
        # As Dure's Trainer does: the tables' gradients keep their memory between steps, and the step is Dure's.
        from dure.layers.embedding import keep_gradients
        from dure.training.adamw import AdamW
        from dure.training.gradients import clear_gradients

        keep_gradients(model)
        optimizer = AdamW(model.parameters(), lr=5e-5, fused=True)
    times = []
    is_half = arguments.dtype == "bfloat16"
    made = make_batches(arguments.steps + 2, arguments.rows)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=is_half):
        first_loss = model.eval()(**made[0]).loss.item()
    model.train()
    for batch in made:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        if is_ours:
            clear_gradients(model)
        else:
            optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    answer(seconds=statistics.median(times[2:]), loss=first_loss)


def main() -> None:
    """Print medians and their ratio; fail where a batch of 16 misses its target."""
    parser = options_of(__doc__, rounds=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--dtype", choices=sorted(TARGETS), default="float32")
    parser.add_argument("--model", default=MINILM)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        import torch

        import dure

        torch.manual_seed(0)  # the head is new, and must be the same for all
        dure.AutoModelForSequenceClassification.from_pretrained(arguments.model).save_pretrained(folder)
        is_reached = compare(arguments, folder)
    sys.exit(not is_reached)


def compare(arguments: Any, folder: str) -> bool:
    """Print medians, losses of the first batch without dropout, and the ratio."""
    options = {"steps": arguments.steps, "rows": arguments.rows, "model": folder}
    ours, *rivals = contestants(arguments.rival_python)
    for entrant in (ours, *rivals):
        loss = entrant.measure(**{**options, "steps": 1}, dtype=arguments.dtype)["loss"]
        print(f"{entrant.name:32} loss of the first batch, {arguments.dtype}: {loss:.6f}")
    calls = {"dure": lambda: ours.measure(**options, dtype=arguments.dtype)["seconds"]}
    for rival in rivals:
        for dtype in sorted({"float32", arguments.dtype}):
            calls[f"{rival.name}, {dtype}"] = lambda r=rival, d=dtype: r.measure(**options, dtype=d)["seconds"]
    found = medians(arguments.rounds, calls)
    for name, seconds in found.items():
        print(f"{name:32} {seconds * 1000:8.1f} ms per step {seconds / found['dure']:6.2f} times dure")
    fastest = {
        dtype: min(seconds for name, seconds in found.items() if name.endswith(f", {dtype}")) / found["dure"]
        for dtype in sorted({"float32", arguments.dtype})
    }
    for dtype, ratio in fastest.items():
        print(f"{arguments.dtype} against the faster rival in {dtype}: {ratio:.3f}")
    ratio = min(fastest.values())
    name = f"step in batches of {arguments.rows}, {arguments.dtype}, times as fast as the fastest rival:"
    if arguments.rows == 16:
        return check(name, ratio, at_least=TARGETS[arguments.dtype])
    print(f"{name} {ratio:.3f}")
    return True


if __name__ == "__main__":
    main()
