"""Memory that a forward pass keeps for its gradient, and the time of a step, with and without gradient checkpointing.

All in one fresh process: with checkpointing first, so that what the allocator keeps can only be to its disadvantage.
Memory is the growth of the resident set over one forward pass in training, after a small step and one
without gradients. Linux only.

    python benchmarks/gradient_checkpointing.py
    python benchmarks/gradient_checkpointing.py --layers 24 --hidden-size 512 --batch 16
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from pathlib import Path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden-size", type=int, default=384)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = measure(args.layers, args.hidden_size, args.batch, args.length, args.steps)
    if args.json:
        print(json.dumps(rows))
        return
    print(f"{'checkpointing':<15}{'kept MB':>9}{'step ms':>9}{'largest difference of gradients':>33}")
    for name, row in rows.items():
        print(f"{name:<15}{row['kept_mb']:>9.1f}{row['step_ms']:>9.1f}{row['difference']:>33.1e}")


def measure(layers: int, size: int, batch: int, length: int, steps: int) -> dict[str, dict[str, float]]:
    """A row for each."""
    import torch

    import dure

    torch.manual_seed(0)
    config = dure.BertConfig(
        vocab_size=1000, hidden_size=size, num_hidden_layers=layers, num_attention_heads=max(1, size // 64),
        intermediate_size=4 * size,
    )  # fmt: skip
    model = dure.BertForSequenceClassification(config)
    inputs = {"input_ids": torch.randint(5, 1000, (batch, length)), "labels": torch.zeros(batch, dtype=torch.long)}
    model.train().gradient_checkpointing_enable()
    few = {name: tensor[:1, :8] if tensor.dim() == 2 else tensor[:1] for name, tensor in inputs.items()}
    model(**few).loss.backward()  # what torch imports at the first step isn't counted
    with torch.no_grad():
        model(**inputs)
    rows: dict[str, dict[str, float]] = {}
    gradients: dict[str, list[torch.Tensor]] = {}
    for name in ("on", "off"):
        (model.gradient_checkpointing_enable if name == "on" else model.gradient_checkpointing_disable)()
        times = []
        for step in range(steps):
            torch.manual_seed(1)  # the same dropout
            model.zero_grad()
            before, started = _resident_mb(), time.perf_counter()
            loss = model(**inputs).loss
            if step == 0:
                rows[name] = {"kept_mb": _resident_mb() - before}
            loss.backward()
            times.append(time.perf_counter() - started)
        rows[name]["step_ms"] = 1000 * statistics.median(times)
        gradients[name] = [p.grad for p in model.parameters() if p.grad is not None]
    pairs = zip(gradients["on"], gradients["off"], strict=True)
    difference = max(float((a - b).abs().max()) for a, b in pairs)
    return {name: row | {"difference": difference} for name, row in rows.items()}


def _resident_mb() -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1000


if __name__ == "__main__":
    main()
