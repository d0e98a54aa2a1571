"""Writes the seeds of fuzz_model_files.py: tiny vocabulary files of every kind, made here.

``python cpp/fuzz/model_file_seeds.py cpp/fuzz/corpus/model_files``
"""

from __future__ import annotations

import base64
import json
import struct
import sys
from pathlib import Path

#: Types of pieces.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

SPACE = "\u2581"
PIECES = [(SPACE, -2.0), (f"{SPACE}a", -2.5), ("a", -3.0), ("b", -3.5), ("ab", -4.0), ("한", -7.0), ("1", -9.0)]
FIRST = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
BYTES = [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]


def number(field: int, value: int) -> bytes:
    """A field that holds a number below 2**14."""
    low, high = value & 0x7F, value >> 7
    return key(field, 0) + (bytes([low | 0x80, high]) if high else bytes([low]))


def block(field: int, content: bytes) -> bytes:
    """A field that holds bytes, a text or a message of less than 2**14 bytes."""
    return key(field, 2) + number(0, len(content))[1:] + content


def key(field: int, wire: int) -> bytes:
    """A field's number and wire type."""
    value = field << 3 | wire
    return bytes([value & 0x7F | 0x80, value >> 7]) if value > 0x7F else bytes([value])


def piece(text: str, score: float, type_: int = NORMAL) -> bytes:
    """A piece of a model."""
    return block(1, block(1, text.encode()) + key(2, 5) + struct.pack("<f", score) + number(3, type_))


def charsmap(replacements: dict[str, str]) -> bytes:
    """A table that replaces ASCII characters, with the double array laid out so that a byte is its node's place."""
    units, texts = [0] * 128, b""
    free = iter(range(1, 32))
    for char, replacement in replacements.items():
        node, leaf = ord(char), next(free)
        units[node] = node | 1 << 8 | (node ^ leaf) << 10
        units[leaf] = 1 << 31 | len(texts)
        texts += replacement.encode() + b"\0"
    return struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + texts


def model(
    *more: tuple[str, float, int],
    type_: int = 1,
    trainer: bytes = b"",
    normalizer: bytes = b"",
    pieces: list[tuple[str, float]] = PIECES,
) -> bytes:
    """A SentencePiece model."""
    written = b"".join(piece(*item) for item in [*FIRST, *more, *pieces])
    return written + block(2, number(3, type_) + trainer) + block(3, normalizer)


def ranks(*tokens: bytes) -> bytes:
    """A rank file."""
    every = [bytes([byte]) for byte in range(256)] + list(tokens)
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(every))


def seeds() -> dict[str, bytes]:
    """The seeds by name; the first byte is the place of the kind in ``KINDS``."""
    bpe = [(f"{SPACE}a", 0.0), ("ab", -1.0), (f"{SPACE}ab", -2.0), (SPACE, -3.0), ("a", -4.0), ("b", -5.0)]
    letters = {token: id_ for id_, token in enumerate(["<unk>", "</s>", "<pad>", "\u2581", "\u2581a", "a", ">>fra<<"])}
    byte_level = {token: id_ for id_, token in enumerate(["a", "b", "c", "ab", "abc", "\u0120", "\u0120a", "H"])}
    defined = ("<x>", 0.0, USER_DEFINED)
    table = block(2, charsmap({"A": "a", "\t": " ", "H": "한"}))
    return {
        "unigram": b"\0" + model(),
        "unigram_defined": b"\0" + model(defined, ("<pad>", 0.0, CONTROL), ("u", -1.0, UNUSED)),
        "unigram_charsmap": b"\0" + model(normalizer=table),
        "unigram_suffix": b"\0" + model(trainer=number(24, 1), pieces=[("a\u2581", -1.0), ("b", -2.0)]),
        "unigram_bytes": b"\0" + model(*BYTES[:48], trainer=number(35, 1)),
        "unigram_spaces_stay": b"\0" + model(normalizer=number(3, 0) + number(4, 0)),
        "unigram_unk": b"\0" + model(trainer=number(40, 0) + block(45, b"<unk>")),
        "bpe": b"\0" + model(type_=2, pieces=bpe),
        "bpe_defined": b"\0" + model(defined, type_=2, pieces=bpe, normalizer=table),
        "bpe_bytes": b"\0" + model(*BYTES, type_=2, trainer=number(35, 1), pieces=bpe),
        "ranks": b"\1" + ranks(b"ab", b"abc", b" a", "한".encode()),
        "ranks_as_model": b"\0" + ranks(b"ab"),
        "vocab_txt": b"\2" + "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nhello\n한\n".encode(),
        "gpt2": b"\3" + json.dumps(byte_level).encode() + b"\0#version: 0.2\na b\nab c\n\xc4\xa0 a\n",
        "marian": b"\4" + json.dumps(letters).encode() + b"\0" + model(),
        "t5": b"\5" + model(),
        "albert": b"\6" + model(("[CLS]", 0.0, CONTROL), ("[MASK]", 0.0, CONTROL)),
        "deberta_v2": b"\7" + model(("[CLS]", 0.0, CONTROL), ("[SEP]", 0.0, CONTROL)),
        "camembert": b"\x08" + model(),
        "pegasus": b"\x09" + model(),
        "llama": b"\x0a" + model(*BYTES, type_=2, pieces=bpe),
        "gemma": b"\x0b" + model(*BYTES[:16], type_=2, pieces=bpe),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds().items():
        (folder / name).write_bytes(content)
