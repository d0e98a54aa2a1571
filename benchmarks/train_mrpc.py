"""Fine-tuning MiniLM on MRPC: 3 epochs, batches of 8, learning rate 5e-5.

Dure's Trainer and transformers' take the same number of steps in the same process, one after the other; reading and
tokenizing count too.

python benchmarks/train_mrpc.py --data PATH/corpora/mrpc [--epochs 3] [--rows N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers

import dure
from dure.hub.resolve import resolve

NAME = "sentence-transformers/all-MiniLM-L6-v2"


def read(path: Path) -> tuple[list[str], list[str], list[int]]:
    """MRPC's first and second sentences, and whether they mean the same."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8-sig").splitlines()[1:]]
    return [row[3] for row in rows], [row[4] for row in rows], [int(row[0]) for row in rows]


def examples(tokenizer: Any, path: Path, count: int | None) -> list[dict[str, Any]]:
    """Rows as a model takes them."""
    first, second, labels = read(path)
    columns = {**tokenizer(first, second, truncation=True, max_length=512), "labels": labels}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)][:count]


def accuracy_and_f1(trainer: Any, rows: list[dict[str, Any]]) -> str:
    """How good the model is on the test file."""
    output = trainer.predict(rows)
    answers, labels = output.predictions.argmax(-1), output.label_ids
    right = ((answers == 1) & (labels == 1)).sum()
    f1 = 2 * right / ((answers == 1).sum() + (labels == 1).sum())
    return f"accuracy {(answers == labels).mean():.4f}  f1 {f1:.4f}"


def train(library: Any, data: Path, options: dict[str, Any], count: int | None) -> tuple[float, float, str]:
    """Seconds from texts to a trained model, the mean loss, and how good it is."""
    folder = str(resolve(NAME).path)
    torch.manual_seed(42)
    with tempfile.TemporaryDirectory() as output:
        started = time.perf_counter()
        tokenizer = library.AutoTokenizer.from_pretrained(folder)
        rows = examples(tokenizer, data / "train.tsv", count)
        trainer = library.Trainer(
            library.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2),
            library.TrainingArguments(output, save_strategy="no", disable_tqdm=True, report_to="none", **options),
            train_dataset=rows,
            processing_class=tokenizer,
            data_collator=library.DataCollatorWithPadding(tokenizer),
        )
        loss = trainer.train().training_loss
        seconds = time.perf_counter() - started
        return seconds, loss, accuracy_and_f1(trainer, examples(tokenizer, data / "test.tsv", count))


def main() -> None:
    """Print times, losses and the ratio; fail where it is above 0.6."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    options = {"num_train_epochs": arguments.epochs, "per_device_train_batch_size": 8, "learning_rate": 5e-5}
    total = {"dure": 0.0, "transformers": 0.0}
    for _ in range(arguments.rounds):
        for library in (dure, transformers):
            more = {} if library is dure else {"use_cpu": True}
            seconds, loss, quality = train(library, arguments.data, {**options, **more}, arguments.rows)
            total[library.__name__] += seconds
            print(f"{library.__name__:14} {seconds:8.1f} s  training loss {loss:.4f}  {quality}", flush=True)
    ratio = total["dure"] / total["transformers"]
    print(f"ratio dure / transformers {ratio:.3f}; target 0.6")
    sys.exit(ratio > 0.6)


if __name__ == "__main__":
    main()
