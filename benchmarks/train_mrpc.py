"""Fine-tuning MiniLM on MRPC's pairs: 3 epochs, batches of 8, learning rate 5e-5, from texts to a trained model.

The same number of steps on the same rows with the same settings; reading and tokenizing count, measuring on the test
file doesn't. Each run has a process of its own; they work in turn, five seconds each while the others are stopped, so
that a machine which is slower for some minutes is so for all.

python benchmarks/train_mrpc.py --data PATH/corpora/mrpc [--epochs 3] [--rows N] [--rival-python PATH]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from turns import answer, check, contestants, in_slices, library, options_of, starter_folder


def examples(tokenizer: Any, path: Path, count: int | None) -> list[dict[str, Any]]:
    """Rows as a model takes them: both sentences, and whether they mean the same."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8-sig").splitlines()[1:]][:count]
    columns = tokenizer([row[3] for row in rows], [row[4] for row in rows], truncation=True, max_length=512)
    columns = {**columns, "labels": [int(row[0]) for row in rows]}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def quality(trainer: Any, rows: list[dict[str, Any]]) -> dict[str, float]:
    """How good the model is on the test file."""
    output = trainer.predict(rows)
    answers, labels = output.predictions.argmax(-1), output.label_ids
    right = ((answers == 1) & (labels == 1)).sum()
    f1 = 2 * right / ((answers == 1).sum() + (labels == 1).sum())
    return {"accuracy": float((answers == labels).mean()), "f1": float(f1)}


def measure(arguments: Any) -> None:
    """Train once: seconds, steps, the mean loss, and how good the model is."""
    import torch

    measured = library(arguments.measure)
    _ = measured.Trainer, measured.AutoModelForSequenceClassification  # imported before the clock starts
    options = {} if arguments.measure == "dure" else {"use_cpu": True}
    torch.manual_seed(42)
    with tempfile.TemporaryDirectory() as output:
        print("start", flush=True)
        tokenizer = measured.AutoTokenizer.from_pretrained(arguments.model)
        rows = examples(tokenizer, arguments.data / "train.tsv", arguments.rows)
        trainer = measured.Trainer(
            measured.AutoModelForSequenceClassification.from_pretrained(arguments.model, num_labels=2),
            measured.TrainingArguments(
                output,
                num_train_epochs=arguments.epochs,
                per_device_train_batch_size=8,
                learning_rate=5e-5,
                save_strategy="no",
                disable_tqdm=True,
                report_to="none",
                **options,
            ),
            train_dataset=rows,
            processing_class=tokenizer,
            data_collator=measured.DataCollatorWithPadding(tokenizer),
        )
        loss = trainer.train().training_loss
        print("stop", flush=True)
        tested = quality(trainer, examples(tokenizer, arguments.data / "test.tsv", arguments.rows))
        answer(steps=trainer.state.global_step, loss=loss, **tested)


def main() -> None:
    """Print times, losses and the ratio; fail where it is above 0.6."""
    parser = options_of(__doc__, rounds=1)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--model", help="for --measure")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments)
        return
    options = {"data": arguments.data, "epochs": arguments.epochs, "model": starter_folder()}
    options |= {"rows": arguments.rows} if arguments.rows else {}
    entrants = contestants(arguments.rival_python)
    found: dict[str, list[float]] = {entrant.name: [] for entrant in entrants}
    steps = set()
    for _ in range(arguments.rounds):
        for entrant, run in zip(entrants, in_slices(entrants, **options), strict=True):
            found[entrant.name].append(run["seconds"])
            steps.add(run["steps"])
            rest = "  ".join(f"{name} {run[name]:.4f}" for name in ("loss", "accuracy", "f1"))
            print(f"{entrant.name:22} {run['seconds']:8.1f} s  {run['steps']} steps  {rest}", flush=True)
    assert len(steps) == 1, f"numbers of steps differ: {steps}"
    ours, *rivals = map(statistics.median, found.values())
    for rival, seconds in zip(entrants[1:], rivals, strict=True):
        print(f"ratio dure / {rival.name} {ours / seconds:.3f}")
    sys.exit(not check("ratio dure / faster rival", ours / min(rivals), at_most=0.6))


if __name__ == "__main__":
    main()
