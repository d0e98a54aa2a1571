"""One training step: forward, backward, AdamW, on batches shaped like MRPC's pairs. Dure and transformers alternate.

python benchmarks/train_step.py [--steps 20] [--model sentence-transformers/all-MiniLM-L6-v2]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import torch
import transformers

import dure
from dure.hub.resolve import resolve
from dure.layers.embedding import keep_gradients


def make_batches(count: int, rows: int) -> list[dict[str, torch.Tensor]]:
    """Random ids; lengths are spread as those of MRPC's pairs are (mean 53, standard deviation 13)."""
    batches = []
    for _ in range(count):
        lengths = torch.normal(53.0, 13.0, (rows,)).round().long().clamp(20, 103)
        mask = (torch.arange(int(lengths.max()))[None, :] < lengths[:, None]).long()
        ids = torch.randint(1000, 30000, mask.shape) * mask
        labels = torch.randint(0, 2, (rows,))
        batches.append({"input_ids": ids, "attention_mask": mask, "token_type_ids": mask * 0, "labels": labels})
    return batches


def main() -> None:
    """Print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--model", default="sentence-transformers/all-MiniLM-L6-v2")
    arguments = parser.parse_args()
    folder = str(resolve(arguments.model).path)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    models = {
        "dure": dure.AutoModelForSequenceClassification.from_pretrained(folder).train(),
        "transformers": transformers.AutoModelForSequenceClassification.from_pretrained(folder).train(),
    }
    optimizers = {name: torch.optim.AdamW(m.parameters(), lr=5e-5, fused=True) for name, m in models.items()}
    # As Dure's Trainer does: the tables' gradients keep their memory between steps.
    keep_gradients(models["dure"])
    times: dict[str, list[float]] = {name: [] for name in models}
    losses: dict[str, float] = {}
    for batch in make_batches(arguments.steps + 2, arguments.rows):
        for name, model in models.items():
            start = time.perf_counter()
            loss = model(**batch).loss
            loss.backward()
            optimizers[name].step()
            optimizers[name].zero_grad(set_to_none=name != "dure")
            times[name].append(time.perf_counter() - start)
            losses[name] = loss.item()
    medians = {name: statistics.median(values[2:]) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:14} {seconds * 1000:8.1f} ms per step   last loss {losses[name]:.4f}")
    print(f"ratio dure / transformers {medians['dure'] / medians['transformers']:.3f}")


if __name__ == "__main__":
    main()
