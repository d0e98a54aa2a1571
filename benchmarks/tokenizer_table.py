"""The speed table of tokenizers: Dure and its rivals in turn, on texts that nobody has seen before.

python benchmarks/tokenizer_table.py --data PATH [--rival-python PATH] [--rounds 5] [--megabytes 1] [--only WORD]

Rivals are tokenizers, transformers and tiktoken beside Dure, and those of a second environment; the faster one counts.
Each has two cores. Medians of rounds; results are compared first. Training and worst cases have scripts of their own,
which this one runs too. (Not named tokenizers.py: beside a script of that name nobody could import the rival.)
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
os.environ.setdefault("RAYON_NUM_THREADS", "2")
os.environ["HF_HUB_OFFLINE"] = "1"

from tokenizer_turns import Row, measure, run_script
from tokenizer_vocabularies import make_folders, read_code, read_novels, read_reviews, slices
from tokenizer_works import ids_tokenizers

LISTS = {"bert-base-uncased": 8.0, "gpt2": 8.0, "t5-small": 5.0}


def rows(data: Path, folders: dict[str, Path], rounds: int, size_bytes: int) -> list[Row]:
    """The table; round 0 is for comparing results."""
    count = rounds + 1
    novels = read_novels(data)
    english, korean = slices(novels, size_bytes, count), slices(read_reviews(data), size_bytes, count)
    code = slices(read_code(data), min(size_bytes, 400_000), count)
    long_texts = [["\n\n".join(texts)] for texts in english]
    long_code = [["\n\n".join(texts)] for texts in code]
    short = [[text[:80] for text in texts[:1000]] for texts in slices(novels[::-1], 600_000, count)]
    ids = "ids of a list of texts, "
    found = [Row(ids + name, "ids", "tokenizers", folders[name], english, target) for name, target in LISTS.items()]
    found.append(Row(ids + "koelectra-base", "ids", "tokenizers", folders["koelectra-base"], korean, 8.0))
    for name in ("gpt2", "cl100k_base"):
        for kind, texts in {"text": long_texts, "code": long_code}.items():
            title, folder = f"one long {kind}, {name}", folders[name]
            found.append(Row(title, "plain ids", "tiktoken", folder, texts, 1.5))
            found.append(Row(title, "plain ids", "tokenizers", folder, texts, 8.0))
    one = "1,000 short texts one by one, "
    found += [Row(one + name, "one", "tokenizers", folders[name], short, 1.0) for name in LISTS]
    for name, texts in {**dict.fromkeys(LISTS, english), "koelectra-base": korean}.items():
        encode, folder = ids_tokenizers(str(folders[name])), folders[name]
        # One paragraph of the novels has 200,000 characters: padded to it, a batch would take gigabytes.
        cut = [[text[:2000] for text in part] for part in texts]
        found.append(Row(f"AutoTokenizer to tensors, {name}", "tensors", "transformers", folder, cut, 8.0))
        batches = [encode(part) for part in texts]
        found.append(Row(f"decode a batch, {name}", "decode", "transformers", folder, batches, 8.0))
    found.append(Row("load tokenizer.json, gpt2", "load", "tokenizers", folders["gpt2"], [None] * (2 * count), 2.0))
    return found


def main() -> None:
    """Print the table; fail where a row misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with corpora/ and vocab/")
    parser.add_argument("--rival-python", help="a second environment with the newest rivals")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=float, default=1.0, help="of text in each round")
    parser.add_argument("--only", default="", help="rows whose name holds this; leaves out training and worst cases")
    arguments = parser.parse_args()
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = make_folders(arguments.data, Path(scratch))
        table = rows(arguments.data, folders, arguments.rounds, int(arguments.megabytes * 1e6))
        wanted = [row for row in table if arguments.only in row.name]
        if not wanted:
            names = "\n  ".join(dict.fromkeys(row.name for row in table))
            parser.error(f"no row's name holds {arguments.only!r}; the rows are\n  {names}")
        missed += (f"{row.name} ({row.rival})" for row in wanted if not measure(row, arguments.rival_python))
    if not arguments.only:
        rival = ["--rival-python", arguments.rival_python] if arguments.rival_python else []
        scripts = {
            "tokenizer_worst_cases.py": ["--data", str(arguments.data)],
            "tokenizer_training.py": ["--data", str(arguments.data), *rival],
        }
        missed += [name for name, options in scripts.items() if not run_script(name, *options)]
    print(f"\nmissed: {', '.join(missed)}" if missed else "\nall reached their targets")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
