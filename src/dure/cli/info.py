"""`dure info MODEL`: what is known of a model, without loading its weights."""

from __future__ import annotations

import argparse
import json
from typing import Any

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Show a model's family, the heads that it can have, its parameters by part, the memory it needs at each precision, its
context length, tokenizer, labels and licence. Weights are neither loaded nor downloaded."""

_EXAMPLES = """\
examples:
  dure info klue/bert-base
  dure info stars                       a folder
  dure info stars --json"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the program.

    Args:
        subparsers: What ``argparse.ArgumentParser.add_subparsers`` returns.
    """
    parser = subparsers.add_parser(
        "info",
        help="show what is known of a model",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="MODEL", help="a folder or a repository")
    parser.add_argument("--revision", metavar="R", help="branch, tag or commit (default: main)")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what is known.

    Returns:
        The exit code: 0. What goes wrong is raised as a :class:`~dure.errors.DureError`.
    """
    from dure.models.summary import summarize

    summary = summarize(args.name, revision=args.revision)
    print(json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) if args.json else summary)
    return 0
