"""`dure quickstart`: the whole way, on data that ships with Dure."""

from __future__ import annotations

import argparse
import importlib.resources
from pathlib import Path
from typing import Any

__all__ = ["add_parser", "run"]

_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_QUESTIONS = ("The courier says delivered but nothing is here", "Why was my card charged twice this month?")

_DESCRIPTION = """\
Fine-tune a small model on customer messages in six classes, measure it on a fifth of them that it hasn't seen, save it,
load it again, and ask it about two new messages. Needs no network, and a minute or two on a laptop."""


def add_parser(subparsers: Any) -> None:
    """Add the command to the program.

    Args:
        subparsers: What ``argparse.ArgumentParser.add_subparsers`` returns.
    """
    parser = subparsers.add_parser("quickstart", help="see it work in a minute", description=_DESCRIPTION)
    parser.add_argument("--output", default="dure-quickstart", metavar="DIR", help="where the model goes")
    parser.add_argument("--epochs", type=float, default=6.0, metavar="N", help="passes over the data (default: 6)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Go the whole way.

    Returns:
        The exit code: 0. What goes wrong is raised as a :class:`~dure.errors.DureError`.
    """
    from dure.pipelines.registry import pipeline
    from dure.training.arguments import TrainingArguments
    from dure.training.recipes.labelled import Columns
    from dure.training.recipes.text_classification import TextClassification

    output = Path(args.output)
    with importlib.resources.as_file(importlib.resources.files("dure.cli") / "data" / "messages.csv") as data:
        print(f"1. fine-tuning {_MODEL} on {data.name}, which ships with Dure\n")
        report = TextClassification(
            model=_MODEL,
            data=str(data),
            columns=Columns("text", "label"),
            args=TrainingArguments(
                output_dir=str(output),
                num_train_epochs=args.epochs,
                learning_rate=1e-4,
                warmup_ratio=0.1,
                weight_decay=0.01,
                label_smoothing_factor=0.1,
                per_device_eval_batch_size=32,
                eval_strategy="epoch",
                logging_strategy="epoch",
                save_strategy="no",
            ),
        ).run()
        columns = f"--text text --label label --model {_MODEL}"
    assert report is not None
    print(f"\n2. on the {report.num_texts} messages it hasn't seen: accuracy {report.metrics['accuracy']:.3f}\n")
    print(report.table)
    print(f"\n3. saved to {output}, loaded again, and asked about two new messages\n")
    for question, answer in zip(
        _QUESTIONS, pipeline("text-classification", model=output)(list(_QUESTIONS)), strict=True
    ):
        print(f"   {answer['label']} ({answer['score']:.2f})  {question}")
    print("\nnext, on your own file:\n")
    print(f"   dure train --data FILE.csv {columns} --output my-model")
    print("   dure run text-classification --model my-model 'your text'")
    print("   dure --help")
    return 0
