"""`dure run`: ask a model about texts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from dure.cli.texts import check, texts_of

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Ask a model about texts: given as arguments, one per line of a file, or one per line of standard input. Answers come in
the order of the texts."""

_EXAMPLES = """\
examples:
  dure run text-classification --model stars "A fine product" "Broke on day one"
  dure run text-classification --model stars --file reviews.txt --json > answers.jsonl
  cat reviews.txt | dure run sentiment-analysis --model stars
  dure run feature-extraction --model sentence-transformers/all-MiniLM-L6-v2 --json "A sentence" """


def add_parser(subparsers: Any) -> None:
    """Add the command to the program.

    Args:
        subparsers: What ``argparse.ArgumentParser.add_subparsers`` returns.
    """
    parser = subparsers.add_parser(
        "run",
        help="ask a model about texts",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", metavar="TASK", help="text-classification, sentiment-analysis or feature-extraction")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="a text")
    parser.add_argument("--model", required=True, metavar="NAME", help="a folder or a repository")
    parser.add_argument("--file", metavar="F", help="a file with one text per line")
    parser.add_argument("--json", action="store_true", help="one JSON object per text: {text, answer}")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, and print the answers.

    Returns:
        The exit code: 0. What goes wrong is raised as a :class:`~dure.errors.DureError`.
    """
    check(args)
    from dure.pipelines.registry import pipeline

    pipe = pipeline(args.task, model=args.model, truncation=True)
    texts: list[str] = []

    def remembered() -> Iterator[str]:
        for text in texts_of(args):
            texts.append(text)
            yield text

    for position, answer in enumerate(pipe(remembered())):
        text, texts[position] = texts[position], ""  # said once, kept no longer
        if args.json:
            print(json.dumps({"text": text, "answer": answer}, ensure_ascii=False))
        else:
            print(_readable(text, answer))
    return 0


def _readable(text: str, answer: Any) -> str:
    """One line for people."""
    first = answer[0] if isinstance(answer, list) else answer
    if isinstance(first, dict):
        return f"{first['score']:.4f}  {first['label']}  {text}"
    vectors = first if isinstance(first[0], list) else answer
    start = ", ".join(f"{number:.4f}" for number in vectors[0][:4])
    return f"{len(vectors)} tokens x {len(vectors[0])} numbers [{start}, ...]  {text}"
