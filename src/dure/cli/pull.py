"""`dure pull NAME`: fetch a model with its tokenizer, or look for news of one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Download a model and its tokenizer into the Hugging Face cache, or update them. Afterwards the model opens by its name
without a network. This is the command that asks the server; everything else looks in the cache first."""

_EXAMPLES = """\
examples:
  dure pull distilbert/distilbert-base-uncased
  dure pull klue/bert-base --revision main
  HF_HOME=/mnt/models dure pull google-bert/bert-base-uncased      another cache
  HF_ENDPOINT=https://hub.example.org dure pull team/model         another server
  HF_TOKEN=hf_... dure pull team/private-model                     a private model"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the program.

    Args:
        subparsers: What ``argparse.ArgumentParser.add_subparsers`` returns.
    """
    parser = subparsers.add_parser(
        "pull",
        help="download a model into the cache, or look for news of it",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="the repository, such as org/name")
    parser.add_argument("--revision", metavar="R", help="branch, tag or commit (default: main)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fetch a model, and say where its files are.

    Returns:
        The exit code: 0. What goes wrong is raised as a :class:`~dure.errors.DureError`.
    """
    from dure.hub.resolve import resolve

    snapshot = resolve(args.name, revision=args.revision, update=True)
    if snapshot.source == "folder":
        print(f"{args.name} is a folder here: there is nothing to download")
        return 0
    files = [path for path in Path(snapshot.path).rglob("*") if path.is_file()]
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    print(f"{args.name} at {snapshot.revision}: {len(files)} files, {size_mb:.1f} MB in {snapshot.path}")
    return 0
