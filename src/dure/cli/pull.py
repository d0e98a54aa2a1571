"""`dure pull NAME`: fetch a model, or look for news of one."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the program."""
    parser = subparsers.add_parser("pull", help="download a model, or its newest version, into the cache",
                                   description="Example: dure pull sentence-transformers/all-MiniLM-L6-v2")  # fmt: skip
    parser.add_argument("name", help="the repository, org/name")
    parser.add_argument("--revision", help="branch, tag or commit (default: main)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fetch, and say where the files are."""
    from dure.hub.resolve import resolve

    print(resolve(arguments.name, revision=arguments.revision, update=True).path)
    return 0
