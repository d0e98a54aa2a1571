"""The program ``dure``: one command per file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dure import __version__
from dure.cli import info, pull, quickstart, run, tokenize, train, train_tokenizer
from dure.errors import DureError

__all__ = ["main"]

_EXAMPLES = """\
examples:
  dure quickstart                                                     see it work in a minute
  dure train --data reviews.csv --text review --label stars \\
      --model sentence-transformers/all-MiniLM-L6-v2 --output stars   fine-tune on your own file
  dure run text-classification --model stars "A fine product"         ask the model
  dure tokenize --model stars --explain "A fine product"              see a text as the model does
  dure train-tokenizer --algorithm unigram --files corpus.txt \\
      --vocab-size 16000 --output my-tokenizer                        a vocabulary for your own texts
  dure info stars                                                     what is known of a model
  dure pull klue/bert-base                                            fetch a model for use without a network

exit codes: 0 all is well; 1 something about files, data or models is wrong; 2 a wrong argument; 130 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="dure",
        description="Train, run and fetch text models, without a network and without a graphics card.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dure {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (quickstart, train, run, tokenize, train_tokenizer, info, pull):
        command.add_parser(commands)
    # Texts may also stand after options, which argparse doesn't see below a command.
    args, rest = parser.parse_known_args(argv)
    if rest and (not hasattr(args, "texts") or any(text.startswith("--") for text in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    elif rest:
        args.texts.extend(rest)
    try:
        code: int = args.run(args)
        return code
    except KeyboardInterrupt:
        print("dure: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has enough of it; nothing may be written at exit either.
        sys.stderr.close()
        return 0
    except Exception as error:
        if args.debug:
            raise
        kind = "" if isinstance(error, DureError) else f"{type(error).__name__}: "
        hint = "" if isinstance(error, DureError) else " (dure --debug ... shows where)"
        message = " ".join(str(error).split())
        print(f"dure: error: {kind}{message}{hint}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
