"""Any bytes as vocabulary files: they're refused with one sentence, or they read, encode, decode and save themselves.

The first byte of an input picks who reads the rest: a family's class, or the class that finds out itself what a file
is. The files are SentencePiece models, tiktoken's rank files, vocab.txt, and vocab.json with what goes with it behind a
NUL. README.md has the commands; without atheris, ``check`` can still be called with any bytes.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

if __name__ == "__main__" and "DURE_CORE" in os.environ:
    # The sanitized engine stands in for the package's own, whoever imports it.
    SPEC = importlib.util.spec_from_file_location("dure.tokenizers._core", os.environ["DURE_CORE"])
    assert SPEC is not None
    assert SPEC.loader is not None
    sys.modules["dure.tokenizers._core"] = importlib.util.module_from_spec(SPEC)
    SPEC.loader.exec_module(sys.modules["dure.tokenizers._core"])

if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["dure.tokenizers"]):
        from dure.tokenizers import families
        from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
else:
    from dure.tokenizers import families
    from dure.tokenizers.tokenizer import PreTrainedTokenizerFast

from dure.errors import DureError

__all__ = ["KINDS", "check"]

#: Who reads an input: the class, and the arguments and names of its files.
KINDS: list[tuple[type[PreTrainedTokenizerFast], dict[str, str]]] = [
    (PreTrainedTokenizerFast, {"vocab_file": "tokenizer.model"}),
    (PreTrainedTokenizerFast, {"vocab_file": "ranks.tiktoken"}),
    (families.BertTokenizerFast, {"vocab_file": "vocab.txt"}),
    (families.GPT2TokenizerFast, {"vocab_file": "vocab.json", "merges_file": "merges.txt"}),
    (families.MarianTokenizer, {"vocab": "vocab.json", "source_spm": "source.spm", "target_spm": "source.spm"}),
    (families.T5TokenizerFast, {"vocab_file": "spiece.model"}),
    (families.AlbertTokenizerFast, {"vocab_file": "spiece.model"}),
    (families.DebertaV2TokenizerFast, {"vocab_file": "spm.model"}),
    (families.CamembertTokenizerFast, {"vocab_file": "sentencepiece.bpe.model"}),
    (families.PegasusTokenizerFast, {"vocab_file": "spiece.model"}),
    (families.LlamaTokenizerFast, {"vocab_file": "tokenizer.model"}),
    (families.GemmaTokenizerFast, {"vocab_file": "tokenizer.model"}),
]

TEXTS = ["Hello, world! ab abc  <s> [MASK] \u0120 aab", "한국어 e\u0301 \u3000\U0001f600 \0 1 22\tA\xa0\u2581x", ""]

#: A file system in memory, where there is one: flushing files to a disk would take most of the time.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def check(data: bytes) -> str:
    """What became of an input: the sentence that refused it, or an empty text.

    Raises:
        AssertionError: It was refused without a sentence, or what was saved isn't the same tokenizer.
    """
    if not data:
        return ""
    kind, names = KINDS[data[0] % len(KINDS)]
    parts = data[1:].split(b"\0", 1) if len(names) > 1 else [data[1:]]
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        paths = {argument: Path(folder, name) for argument, name in names.items()}
        for path, content in zip(dict.fromkeys(paths.values()), [*parts, b""], strict=False):
            path.write_bytes(content)
        try:
            tokenizer = kind(**{argument: str(path) for argument, path in paths.items()})
        except DureError as error:
            sentence = str(error)
            if not sentence:
                raise AssertionError("refused without a sentence") from error
            return sentence
        found = used(tokenizer)
        # Nothing is caught here: what was saved must read.
        tokenizer.save_pretrained(Path(folder, "saved"))
        again = kind.from_pretrained(Path(folder, "saved"))
        assert used(again) == found, "the saved tokenizer does something else"
        assert again.get_vocab() == tokenizer.get_vocab(), "the saved tokenizer has another vocabulary"
    return ""


def used(tokenizer: PreTrainedTokenizerFast) -> object:
    """What a tokenizer makes of the texts; a word that nothing stands for may be refused."""
    found: list[object] = []
    for options in ({}, {"truncation": True, "max_length": 7, "stride": 2, "return_overflowing_tokens": True}):
        try:
            rows = tokenizer(TEXTS, TEXTS[::-1], **options)["input_ids"]
        except DureError:
            found.append("refused")
            continue
        found += [rows, tokenizer.batch_decode(rows), tokenizer.batch_decode(rows, skip_special_tokens=True)]
        found.append(tokenizer.convert_ids_to_tokens(rows[0]))
    return found


def fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Where each field of a protocol buffer begins, where its size or value does, where its content does, and ends.

    Raises:
        ValueError: The bytes are no protocol buffer.
    """
    at = 0
    while at < len(data):
        begin = at
        key, at = varint(data, at)
        size_at = at
        if key & 7 == 2:
            size, at = varint(data, at)
        elif key & 7 in (1, 5):
            size = 8 if key & 7 == 1 else 4
        else:
            size, at = 0, varint(data, at)[1]
        if at + size > len(data):
            raise ValueError("a field ends behind the message")
        yield begin, size_at, at, at + size
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of 7 bits, and where it ends."""
    value = shift = 0
    while at < len(data) and shift < 64:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at
    raise ValueError("a number doesn't end")


def to_varint(value: int) -> bytes:
    """The bytes of a number."""
    more, low = divmod(value, 128)
    return bytes([low | 0x80]) + to_varint(more) if more else bytes([low])


def changed_field(data: bytes, change: Callable[[bytes], bytes], random_: random.Random) -> bytes:
    """A message in which one field, or one inside it, is changed, left out, moved or there twice; its size fits."""
    try:
        begin, size_at, content, end = random_.choice(list(fields(data)))
    except (ValueError, IndexError):  # no message, or an empty one
        return change(data)
    deed = random_.randrange(12)
    if deed < 3:
        whole = data[begin:end]
        rest = data[:begin] + data[end:] if deed else data
        return rest if deed == 1 else rest + whole
    if data[begin] & 7 != 2:
        return data[:size_at] + change(data[size_at:end]) + data[end:]
    inner = data[content:end]
    inner = changed_field(inner, change, random_) if deed < 9 else change(inner)
    return data[:size_at] + to_varint(len(inner)) + inner + data[end:]


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """An input changed anywhere, or in one field of its protocol buffer; for atheris."""
    random_ = random.Random(seed)

    def change(part: bytes) -> bytes:
        return bytes(atheris.Mutate(part, max(len(part) + 16, 16)))

    if random_.random() < 0.3 or len(data) < 2:
        return bytes(atheris.Mutate(data, max_size))
    # What goes before the message: the byte that picks the class, and Marian's vocabulary.
    start = data.find(b"\0", 1) + 1 if data[0] % len(KINDS) == 4 else 1
    return (data[:start] + changed_field(data[start:], change, random_))[:max_size]


if __name__ == "__main__":
    atheris.Setup(sys.argv, check, custom_mutator=mutated)
    atheris.Fuzz()
