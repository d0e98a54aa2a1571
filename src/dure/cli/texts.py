"""Texts that a command is about: its arguments, the lines of a file, or those of standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from dure.errors import DataFileError, InputError

__all__ = ["check", "lines_of", "texts_of"]


def check(args: argparse.Namespace) -> None:
    """Say at once if there are no texts, or two sources of them.

    Raises:
        InputError: Texts and ``--file`` are both there, or neither is and nothing is piped in.
        DataFileError: The file isn't there.
    """
    if args.texts and args.file:
        raise InputError("give texts or --file, not both")
    if not args.texts and not args.file and sys.stdin.isatty():
        raise InputError("no texts: give one, --file F, or pipe texts in, one per line")
    if args.file and not Path(args.file).is_file():
        raise DataFileError(f"{args.file}: no such file (looked from {Path.cwd()})")


def texts_of(args: argparse.Namespace) -> Iterator[str]:
    """The texts, one after another.

    Raises:
        DataFileError: A line isn't UTF-8.
    """
    if args.texts:
        yield from args.texts
        return
    yield from lines_of(args.file)


def lines_of(path: str | None) -> Iterator[str]:
    """The lines of a file, or of standard input for None.

    Raises:
        DataFileError: A line isn't UTF-8.
    """
    source = path or "standard input"
    stream = Path(path).open("rb") if path else sys.stdin.buffer  # noqa: SIM115
    with stream:
        for number, line in enumerate(stream, 1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise DataFileError(f"{source}, line {number}: not UTF-8 ({error.reason}); save it as UTF-8") from error
