"""`dure tokenize`: texts as a model sees them."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import Any

from dure.cli.texts import check, texts_of

__all__ = ["add_parser", "run"]

#: How many texts are encoded at once.
_BATCH = 1000

_DESCRIPTION = """\
Show the tokens, ids or every stage of texts: given as arguments, one per line of a file, or one per line of standard
input."""

_EXAMPLES = """\
examples:
  dure tokenize --model klue/bert-base "아버지가 방에 들어가신다"
  dure tokenize --model gpt2 --ids --file corpus.txt > ids.txt
  dure tokenize --model t5-small --explain "Studies show that"
  dure tokenize --model vocab.txt --json "a text"                 a vocabulary file alone"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the program.

    Args:
        subparsers: What ``argparse.ArgumentParser.add_subparsers`` returns.
    """
    parser = subparsers.add_parser(
        "tokenize",
        help="show texts as a model sees them",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="a text")
    parser.add_argument("--model", required=True, metavar="NAME", help="a folder, a repository or a vocabulary file")
    parser.add_argument("--file", metavar="F", help="a file with one text per line")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--ids", action="store_true", help="ids instead of tokens")
    form.add_argument("--json", action="store_true", help="one JSON object per text: {text, tokens, ids, offsets}")
    form.add_argument("--explain", action="store_true", help="a table with every stage")
    parser.add_argument("--no-special-tokens", action="store_true", help="without special tokens around the text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the tokens.

    Returns:
        The exit code: 0. What goes wrong is raised as a :class:`~dure.errors.DureError`.
    """
    check(args)
    from dure.tokenizers.auto import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(args.model)
    adds = not args.no_special_tokens
    texts = texts_of(args)
    if args.explain:
        for number, text in enumerate(texts):
            print("\n" * (number > 0) + str(tokenizer.explain(text, add_special_tokens=adds)))
        return 0
    while batch := list(itertools.islice(texts, _BATCH)):
        encoded = tokenizer(batch, add_special_tokens=adds, return_offsets_mapping=args.json, verbose=False)
        for row, text in enumerate(batch):
            if args.ids:
                print(*encoded["input_ids"][row])
            elif args.json:
                offsets = encoded["offset_mapping"][row]
                line = {
                    "text": text,
                    "tokens": encoded.tokens(row),
                    "ids": encoded["input_ids"][row],
                    "offsets": offsets,
                }
                print(json.dumps(line, ensure_ascii=False))
            else:
                print(*encoded.tokens(row))
    return 0
