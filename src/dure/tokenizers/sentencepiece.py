"""SentencePiece's .model files: the pieces and settings in them, read from the protocol buffer's wire format.

Field numbers are those of sentencepiece_model.proto; https://protobuf.dev/programming-guides/encoding has the format.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dure.errors import TokenizerError

__all__ = [
    "BPE",
    "CONTROL",
    "NORMAL",
    "UNIGRAM",
    "UNKNOWN",
    "USER_DEFINED",
    "Piece",
    "SentencePieceModel",
    "read_sentencepiece",
]

#: The model types that can be turned into a tokenizer.json.
UNIGRAM, BPE = 1, 2
#: Types of pieces; the others are unused (5) and byte (6).
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4

_MODEL_NAMES = {1: "Unigram", 2: "BPE", 3: "word", 4: "char"}
_FLOAT = struct.Struct("<f")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the vocabulary, its score (a log probability, or the negative rank of a merge) and its type."""

    text: str
    score: float
    type: int


@dataclass(slots=True)
class SentencePieceModel:
    """What a .model file holds that matters for tokenizing.

    Attributes:
        pieces: The vocabulary; a piece's index is its id.
        model_type: :data:`UNIGRAM` or :data:`BPE`.
        unk_id: The id of unknown characters.
        unk_piece: Their piece.
        byte_fallback: Unknown characters become pieces for their bytes.
        charsmap: The normalization's table, as SentencePiece compiled it; may be empty.
        add_dummy_prefix: A space is put in front of the text.
        remove_extra_whitespaces: Spaces at the ends and after other spaces are removed.
        treat_whitespace_as_suffix: Spaces belong to the word before them.
    """

    pieces: list[Piece] = field(default_factory=list)
    model_type: int = UNIGRAM
    unk_id: int = 0
    unk_piece: str = "<unk>"
    byte_fallback: bool = False
    charsmap: bytes = b""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    treat_whitespace_as_suffix: bool = False


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """Read a .model file.

    Raises:
        TokenizerError: The file is truncated or damaged (with the byte where that shows), or holds a model of words or
            characters.
    """
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=2)
def _read(path: Path, _changed_ns: int, _size_bytes: int) -> SentencePieceModel:
    """The model in a file; remembered, because finding out what kind of file it is takes reading it."""
    return parse_sentencepiece(path.read_bytes(), str(path))


def parse_sentencepiece(data: bytes, name: str) -> SentencePieceModel:
    """The model in the bytes of a .model file; ``name`` is what errors call it. See :func:`read_sentencepiece`."""
    model = SentencePieceModel()
    message = _Message(data, 0, len(data), name)
    for number, value, start in message.fields():
        part = _Message(data, start, start + len(value), name) if isinstance(value, bytes) else None
        if part is None:
            continue
        if number == 1:
            model.pieces.append(_piece(part))
        elif number == 2:
            _take_trainer_spec(model, part)
        elif number == 3:
            _take_normalizer_spec(model, part)
    if not model.pieces:
        raise TokenizerError(f"{name} has no pieces: it isn't a SentencePiece model, or a damaged one")
    if model.model_type not in (UNIGRAM, BPE):
        kind = _MODEL_NAMES.get(model.model_type, str(model.model_type))
        raise TokenizerError(f"{name} is a SentencePiece model of type {kind}; Unigram and BPE models can be read")
    if not 0 <= model.unk_id < len(model.pieces):
        raise TokenizerError(f"{name} says that piece {model.unk_id} is the unknown one of {len(model.pieces)} pieces")
    return model


def _piece(message: _Message) -> Piece:
    text, score, type_ = "", 0.0, 1
    for number, value, start in message.fields():
        if number == 1:
            text = message.text(value, start)
        elif number == 2:
            score = message.number(value, start)
        elif number == 3:
            type_ = message.whole(value, start)
    return Piece(text, score, type_)


def _take_trainer_spec(model: SentencePieceModel, message: _Message) -> None:
    for number, value, start in message.fields():
        if number == 3:
            model.model_type = message.whole(value, start)
        elif number == 24:
            model.treat_whitespace_as_suffix = bool(value)
        elif number == 35:
            model.byte_fallback = bool(value)
        elif number == 40:
            model.unk_id = message.whole(value, start)
        elif number == 45:
            model.unk_piece = message.text(value, start)


def _take_normalizer_spec(model: SentencePieceModel, message: _Message) -> None:
    for number, value, _ in message.fields():
        if number == 2 and isinstance(value, bytes):
            model.charsmap = value
        elif number == 3:
            model.add_dummy_prefix = bool(value)
        elif number == 4:
            model.remove_extra_whitespaces = bool(value)


class _Message:
    """The fields of one message: bytes ``start`` to ``end`` of a file."""

    def __init__(self, data: bytes, start: int, end: int, name: str) -> None:
        self.data, self.start, self.end, self.name = data, start, end, name

    def fields(self) -> Iterator[tuple[int, int | float | bytes, int]]:
        """Each field's number, its value, and where in the file the value begins."""
        at = self.start
        while at < self.end:
            key, at = self._varint(at)
            wire, begin = key & 7, at
            value: int | float | bytes
            if wire == 0:
                value, at = self._varint(at)
            elif wire == 2:
                size, begin = self._varint(at)
                at = self._skip(begin, size)
                value = self.data[begin:at]
            elif wire == 5:
                at = self._skip(at, 4)
                (value,) = _FLOAT.unpack_from(self.data, begin)
            elif wire == 1:
                at = self._skip(at, 8)
                value = self.data[begin:at]
            else:
                raise self._error(begin, f"holds a field of the unknown wire type {wire}")
            yield key >> 3, value, begin

    def text(self, value: int | float | bytes, start: int) -> str:
        """A field's value as text."""
        if not isinstance(value, bytes):
            raise self._error(start, "holds a number where a text should be")
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise self._error(start + error.start, "holds bytes that aren't UTF-8") from error

    def whole(self, value: int | float | bytes, start: int) -> int:
        """A field's value as a whole number."""
        found = self.number(value, start)
        if isinstance(found, float):
            raise self._error(start, "holds a fraction where a whole number should be")
        return found

    def number(self, value: int | float | bytes, start: int) -> int | float:
        """A field's value as a number; 64 bits of which the first says minus, as protocol buffers have it."""
        if isinstance(value, bytes):
            raise self._error(start, "holds bytes where a number should be")
        return value - (1 << 64) if isinstance(value, int) and value >> 63 else value

    def _varint(self, at: int) -> tuple[int, int]:
        value, shift, begin = 0, 0, at
        while True:
            if at >= self.end:
                raise self._error(at, "ends in the middle of a number")
            byte = self.data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at
            shift += 7
            if shift > 63:
                raise self._error(begin, "holds a number of more than 64 bits")

    def _skip(self, at: int, size: int) -> int:
        if at + size > self.end:
            raise self._error(at, f"should have {size} more bytes, but {self.end - at} are left")
        return at + size

    def _error(self, at: int, what: str) -> TokenizerError:
        return TokenizerError(
            f"{self.name} is not a SentencePiece model, or a damaged one: at byte {at} it {what}; fetch it again"
        )
