"""`dure train`: fine-tune a model on labelled text from a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dure.errors import InputError

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Fine-tune a pretrained model on labelled texts, measure it on texts that it hasn't seen, and save it. Files are CSV,
TSV, JSON or JSON Lines. Without --validation and --test, a fifth of the data is set aside to measure with."""

_EXAMPLES = """\
examples:
  dure train --data reviews.csv --text review --label stars \\
      --model sentence-transformers/all-MiniLM-L6-v2 --output stars
  dure train --data pairs.tsv --test test.tsv --text first --text-pair second --label same \\
      --model ./my-bert --output same --epochs 3 --batch-size 8 --learning-rate 5e-5
  dure train ... --output stars --resume         go on after an interruption, as if there had been none
  dure run text-classification --model stars     ask the result"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the program.

    Args:
        subparsers: What ``argparse.ArgumentParser.add_subparsers`` returns.
    """
    parser = subparsers.add_parser(
        "train",
        help="fine-tune a model on your own file",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--task", default="text-classification", choices=["text-classification"], help="what to learn")
    files = parser.add_argument_group("files")
    files.add_argument("--data", required=True, metavar="FILE", help="labelled texts to learn from")
    files.add_argument("--validation", metavar="FILE", help="texts to measure with after each epoch")
    files.add_argument("--test", metavar="FILE", help="texts to measure with once, at the end")
    files.add_argument("--held-out", type=float, default=0.2, metavar="SHARE", help="without both (default: 0.2)")
    files.add_argument("--text", required=True, metavar="COL", help="the column of texts")
    files.add_argument("--text-pair", metavar="COL", help="the column of second texts, for pairs")
    files.add_argument("--label", required=True, metavar="COL", help="the column of labels")
    files.add_argument("--delimiter", metavar="C", help="what parts the fields of a CSV file (default: a comma)")
    files.add_argument("--encoding", help="the files' encoding (default: utf-8)")
    files.add_argument("--output", required=True, metavar="DIR", help="where the model goes")
    files.add_argument("--resume", action="store_true", help="go on from the last checkpoint in DIR")
    files.add_argument("--overwrite", action="store_true", help="replace a model that is in DIR already")
    how = parser.add_argument_group("training")
    how.add_argument("--model", required=True, metavar="NAME", help="the pretrained model: a folder or a repository")
    how.add_argument("--epochs", type=float, default=3.0, metavar="N", help="passes over the data (default: 3)")
    how.add_argument("--batch-size", type=int, default=8, metavar="N", help="texts per step (default: 8)")
    how.add_argument("--learning-rate", type=float, default=5e-5, metavar="X", help="the highest one (default: 5e-5)")
    how.add_argument("--weight-decay", type=float, default=0.0, metavar="X", help="(default: 0)")
    how.add_argument("--warmup-ratio", type=float, default=0.0, metavar="X", help="share of steps (default: 0)")
    how.add_argument("--max-length", type=int, metavar="N", help="tokens at which texts are cut (default: the model's)")
    how.add_argument(
        "--seed", type=int, default=42, metavar="N", help="the same seed gives the same model (default: 42)"
    )
    how.add_argument("--bf16", action="store_true", help="compute in bfloat16: faster where supported, less exact")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, and say how good the model is.

    Returns:
        The exit code: 0. What goes wrong is raised as a :class:`~dure.errors.DureError`.
    """
    output = Path(args.output)
    if (output / "config.json").is_file() and not (args.overwrite or args.resume):
        raise InputError(f"{output} holds a model already: choose another --output, or pass --overwrite")
    from dure.training.arguments import TrainingArguments
    from dure.training.recipes.labelled import Columns
    from dure.training.recipes.text_classification import TextClassification

    has_validation = args.validation is not None or (args.test is None and args.held_out > 0)
    job = TextClassification(
        model=args.model,
        data=args.data,
        columns=Columns(args.text, args.label, args.text_pair),
        args=TrainingArguments(
            output_dir=str(output),
            num_train_epochs=args.epochs,
            per_device_train_batch_size=args.batch_size,
            per_device_eval_batch_size=max(32, args.batch_size),
            learning_rate=args.learning_rate,
            weight_decay=args.weight_decay,
            warmup_ratio=args.warmup_ratio,
            seed=args.seed,
            bf16=args.bf16,
            eval_strategy="epoch" if has_validation else "no",
            logging_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
        ),
        validation=args.validation,
        test=args.test,
        held_out=args.held_out,
        max_length=args.max_length,
        delimiter=args.delimiter,
        encoding=args.encoding,
    )
    try:
        report = job.run(resume=args.resume)
    except KeyboardInterrupt:
        print(f"\ninterrupted; --resume goes on from the last checkpoint in {output}, if there is one")
        raise
    if report is not None:
        print(f"\non {report.num_texts} texts of {report.source}:")
        print("  ".join(f"{name} {value:.4f}" for name, value in report.metrics.items()))
        print(f"\n{report.table}")
    print(f"\nsaved to {output}\ntry: dure run text-classification --model {output} 'your text'")
    return 0
