"""What the speed table of tokenizers measures: each piece of work, as each library does it.

Also the other side of a pipe: ``python tokenizer_works.py WORK LIBRARY FOLDER PAYLOADS`` does the work in another
environment. So nothing that is imported at the top may be missing there, Dure included.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[[Any], Any]
NUM_THREADS = 2
#: tiktoken's own for the GPT-4 family.
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
    r"|\s+(?!\S)|\s"
)
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"


def document(folder: str) -> str:
    return str(Path(folder) / "tokenizer.json")


def ids_dure(folder: str) -> Call:
    """Ids as one array."""
    engine = importlib.import_module("dure.tokenizers._core").Engine.from_json(Path(document(folder)).read_bytes())
    return lambda texts: engine.encode(texts, columns=0, num_threads=NUM_THREADS).ids


def plain_ids_dure(folder: str) -> Call:
    engine = importlib.import_module("dure.tokenizers._core").Engine.from_json(Path(document(folder)).read_bytes())
    return lambda texts: engine.encode(texts, columns=0, num_threads=NUM_THREADS, add_special_tokens=False).ids


def ids_tokenizers(folder: str) -> Call:
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(document(folder))
    return lambda texts: [row.ids for row in tokenizer.encode_batch_fast(texts)]


def plain_ids_tokenizers(folder: str) -> Call:
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(document(folder))
    return lambda texts: [row.ids for row in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def plain_ids_tiktoken(folder: str) -> Call:
    ranks = {bytes.fromhex(token): rank for token, rank in json.loads(Path(folder, "ranks.json").read_text()).items()}
    pattern = CL100K if Path(folder).name.startswith("cl100k") else GPT2
    encoding = importlib.import_module("tiktoken").Encoding(
        "ranks", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
    )
    return lambda texts: [encoding.encode_ordinary(text) for text in texts]


def one_by_one(library: str) -> Callable[[str], Call]:
    """Each text alone, everything an encoding holds."""

    def make(folder: str) -> Call:
        tokenizer = importlib.import_module(library).Tokenizer.from_file(document(folder))
        return lambda texts: [tokenizer.encode(text).ids for text in texts]

    return make


def auto(library: str) -> Any:
    module = importlib.import_module(library)
    if library == "transformers":
        module.logging.set_verbosity_error()
    return module.AutoTokenizer


def tensors(library: str) -> Callable[[str], Call]:
    def make(folder: str) -> Call:
        tokenizer = auto(library).from_pretrained(folder)
        return lambda texts: tokenizer(texts, padding=True, return_tensors="pt")["input_ids"]

    return make


def decoding(library: str) -> Callable[[str], Call]:
    def make(folder: str) -> Call:
        tokenizer = auto(library).from_pretrained(folder)
        return lambda rows: tokenizer.batch_decode(rows, skip_special_tokens=True)

    return make


def loading(library: str) -> Callable[[str], Call]:
    def make(folder: str) -> Call:
        tokenizer_type = importlib.import_module(library).Tokenizer
        return lambda _: tokenizer_type.from_file(document(folder))

    return make


WORKS: dict[str, dict[str, Callable[[str], Call]]] = {
    "ids": {"dure": ids_dure, "tokenizers": ids_tokenizers},
    "plain ids": {"dure": plain_ids_dure, "tokenizers": plain_ids_tokenizers, "tiktoken": plain_ids_tiktoken},
    "one": {"dure": one_by_one("dure.tokenizers"), "tokenizers": one_by_one("tokenizers")},
    "tensors": {"dure": tensors("dure"), "transformers": tensors("transformers")},
    "decode": {"dure": decoding("dure"), "transformers": decoding("transformers")},
    "load": {"dure": loading("dure.tokenizers"), "tokenizers": loading("tokenizers")},
}


class Worker:
    """Does one piece of work on numbered payloads, with a tokenizer that stays or a fresh one."""

    def __init__(self, work: str, library: str, folder: str, payloads: list[Any]) -> None:
        self._make = WORKS[work][library]
        self._folder, self._payloads = folder, payloads
        self._call = self._make(folder)

    def seconds(self, number: int, *, is_fresh: bool) -> float:
        """Time to do payload ``number``; results are freed outside the time."""
        call = self._make(self._folder) if is_fresh else self._call
        payload = self._payloads[number]
        start = time.perf_counter()
        result = call(payload)
        seconds = time.perf_counter() - start
        del result
        return seconds

    def result(self, number: int) -> Any:
        """What comes out, to be compared."""
        return self._call(self._payloads[number])


def main() -> None:
    """Serve: a line ``NUMBER FRESH`` asks for a measurement."""
    work, library, folder, path = sys.argv[1:]
    worker = Worker(work, library, folder, json.loads(Path(path).read_text(encoding="utf-8")))
    print("ready", flush=True)
    for line in sys.stdin:
        number, is_fresh = line.split()
        print(worker.seconds(int(number), is_fresh=is_fresh == "1"), flush=True)


if __name__ == "__main__":
    main()
