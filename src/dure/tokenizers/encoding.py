"""What a tokenizer makes of a text or a pair: ``Encoding``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from dure.errors import InputError
from dure.tokenizers.columns import COLUMNS, Pad, Row
from dure.tokenizers.components import dump
from dure.tokenizers.layout import check_padding

__all__ = ["Encoding"]

#: What the original calls a column in a pickle, where it's another name.
_PICKLED_NAMES = {"word_ids": "words"}


class Encoding(Row):
    """An encoded text, or a pair: ids and what else is known about each token.

    Positions in the text are code points, counted from the start of the text that a token is from.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return (
            f"Encoding(num_tokens={len(self)}, attributes=[ids, type_ids, tokens, offsets, attention_mask, "
            "special_tokens_mask, overflowing])"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Encoding) and self._state() == other._state()

    __hash__ = None  # type: ignore[assignment]

    def char_to_token(self, char_pos: int, sequence_index: int = 0) -> int | None:
        """The token that a character is in.

        Args:
            char_pos: The position of the character in its text.
            sequence_index: Which text.

        Returns:
            The index of the token; None where there's none.
        """
        _check_index("char_pos", char_pos)
        tokens = self._token_of_each_char(sequence_index)
        token = tokens[char_pos] if char_pos < len(tokens) else -1
        return None if token < 0 else token

    def char_to_word(self, char_pos: int, sequence_index: int = 0) -> int | None:
        """The word that a character is in.

        Args:
            char_pos: The position of the character in its text.
            sequence_index: Which text.

        Returns:
            The index of the word; None where there's none.
        """
        token = self.char_to_token(char_pos, sequence_index)
        return None if token is None else self.token_to_word(token)

    def token_to_sequence(self, token_index: int) -> int | None:
        """Which text a token is from.

        Args:
            token_index: The index of the token.

        Returns:
            0 or 1; None for special tokens.
        """
        _check_index("token_index", token_index)
        if token_index > len(self):
            return None
        ranges = self._known_ranges()
        if not ranges:
            return 0
        return next((text for text, (begin, end) in ranges.items() if begin <= token_index < end), None)

    def token_to_chars(self, token_index: int) -> tuple[int, int] | None:
        """The place of a token in its text.

        Args:
            token_index: The index of the token.

        Returns:
            ``(first, last + 1)``; None for special tokens.
        """
        if self.token_to_sequence(token_index) is None or token_index >= len(self):
            return None
        first, last = self._array("offsets")[token_index].tolist()
        return (first, last)

    def token_to_word(self, token_index: int) -> int | None:
        """The word that a token is in.

        Args:
            token_index: The index of the token.

        Returns:
            The index of the word in its text; None for special tokens.
        """
        if self.token_to_sequence(token_index) is None or token_index >= len(self):
            return None
        word = int(self._array("word_ids")[token_index])
        return None if word < 0 else word

    def word_to_tokens(self, word_index: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """The tokens of a word.

        Args:
            word_index: The index of the word in its text.
            sequence_index: Which text.

        Returns:
            ``(first, last + 1)``; None where there's no such word.
        """
        _check_index("word_index", word_index)
        begin, end = self._range_of(sequence_index)
        words = self._array("word_ids")[begin:end]
        # Words are in order: what comes behind a later word belongs to another text.
        later = np.flatnonzero(words > word_index)
        places = np.flatnonzero(words[: later[0] if len(later) else None] == word_index)
        return (begin + int(places[0]), begin + int(places[-1]) + 1) if len(places) else None

    def word_to_chars(self, word_index: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """The place of a word in its text.

        Args:
            word_index: The index of the word in its text.
            sequence_index: Which text.

        Returns:
            ``(first, last + 1)``; None where there's no such word.
        """
        tokens = self.word_to_tokens(word_index, sequence_index)
        if tokens is None:
            return None
        offsets = self._array("offsets")
        return (int(offsets[tokens[0], 0]), int(offsets[tokens[1] - 1, 1]))

    def set_sequence_id(self, sequence_id: int) -> None:
        """Say which text all the tokens are from.

        Args:
            sequence_id: The index of the text.
        """
        _check_index("sequence_id", sequence_id)
        self._char_tokens = None
        self._ranges = {**self._known_ranges(), sequence_id: (0, len(self))}

    def pad(
        self,
        length: int,
        direction: str = "right",
        pad_id: int = 0,
        pad_type_id: int = 0,
        pad_token: str = "[PAD]",  # noqa: S107
    ) -> None:
        """Fill the encoding and its overflow up; one that is long enough stays as it is.

        Args:
            length: The length.
            direction: At which side: ``right`` or ``left``.
            pad_id: The id of the padding token.
            pad_type_id: Its type id.
            pad_token: Its text.

        Raises:
            InputError: An argument is wrong.
        """
        _check_index("length", length)
        check_direction(direction)
        check_padding(length, len(self), 1)
        fills = (pad_id, pad_type_id, pad_token, None, (0, 0), 1, 0)
        self._pad(length, is_left=direction == "left", fills=dict(zip(COLUMNS, fills, strict=True)))

    def _pad(self, length: int, *, is_left: bool, fills: dict[str, Any]) -> None:
        before = self._overflow
        if callable(before):
            # The overflow isn't made until somebody asks for it.
            self._overflow = lambda: [_padded(row, length, is_left, fills) for row in before()]
        else:
            for row in before:
                row._pad(length, is_left=is_left, fills=fills)
        missing = length - len(self)
        if missing <= 0:
            return
        self._pads = (*self._pads, Pad(missing * is_left, missing * (not is_left), fills))
        self._looked_up = self._char_tokens = None
        if is_left and self._ranges:
            self._ranges = {text: (begin + missing, end + missing) for text, (begin, end) in self._ranges.items()}

    def truncate(self, max_length: int, stride: int = 0, direction: str = "right") -> None:
        """Cut the encoding off; the rest becomes its overflow.

        Args:
            max_length: The most tokens that stay.
            stride: How many tokens neighbouring rows share.
            direction: At which side: ``right`` or ``left``.

        Raises:
            InputError: An argument is wrong.
        """
        _check_index("max_length", max_length)
        _check_index("stride", stride)
        check_direction(direction)
        length = len(self)
        if max_length >= length:
            return
        if max_length == 0:
            whole = self.copied()
            self._take({name: [] for name in COLUMNS}, {}, [whole])
            return
        if stride >= max_length:
            raise InputError(f"stride must be smaller than max_length, but is {stride} with {max_length}")
        lists = self._lists()
        ranges = _cut(length, max_length, stride, is_left=direction == "left")
        rows = [Encoding.from_columns(**{n: v[begin:end] for n, v in lists.items()}) for begin, end in ranges]
        self._take(rows[0]._lists(), {}, rows[1:])

    @staticmethod
    def merge(encodings: Iterable[Encoding], growing_offsets: bool = True) -> Encoding:
        """One encoding from several, one behind the other; their overflow is combined.

        Args:
            encodings: The encodings.
            growing_offsets: Whether offsets go on counting where the one before ended.

        Returns:
            A new encoding.
        """
        merged = Encoding()
        for encoding in encodings:
            merged = _merged(merged, encoding, growing_offsets)
        return merged

    def _state(self) -> dict[str, Any]:
        ranges = {str(text): {"start": begin, "end": end} for text, (begin, end) in self._known_ranges().items()}
        columns = {_PICKLED_NAMES.get(name, name): values for name, values in self._lists().items()}
        return {**columns, "overflowing": [row._state() for row in self.overflowing], "sequence_ranges": ranges}

    def __getstate__(self) -> bytes:
        return dump(self._state())

    def __setstate__(self, state: bytes) -> None:
        self._restore(json.loads(state))

    def _restore(self, state: dict[str, Any]) -> None:
        lists = {name: state[_PICKLED_NAMES.get(name, name)] for name in COLUMNS}
        lists["offsets"] = [(first, last) for first, last in lists["offsets"]]
        ranges = {int(text): (found["start"], found["end"]) for text, found in state["sequence_ranges"].items()}
        rows = [Encoding() for _ in state["overflowing"]]
        for row, saved in zip(rows, state["overflowing"], strict=True):
            row._restore(saved)
        self._take(lists, ranges, rows)


def _padded(row: Encoding, length: int, is_left: bool, fills: dict[str, Any]) -> Encoding:
    row._pad(length, is_left=is_left, fills=fills)
    return row


def _merged(first: Encoding, second: Encoding, growing: bool) -> Encoding:
    """Two encodings, one behind the other. The original's order of overflow, which may itself overflow."""
    overflow = []
    for row in first.overflowing:
        overflow += [_merged(row, other, growing) for other in (second, *second.overflowing)]
    overflow += [_merged(first, other, growing) for other in second.overflowing]
    mine, other = first._lists(), second._lists()
    if growing and mine["offsets"]:
        shift = mine["offsets"][-1][1]
        other["offsets"] = [(begin + shift, end + shift) for begin, end in other["offsets"]]
    length = len(first)
    ranges = {text: (begin + length, end + length) for text, (begin, end) in second._known_ranges().items()}
    made = Encoding()
    made._take({n: mine[n] + other[n] for n in COLUMNS}, {**first._known_ranges(), **ranges}, overflow)
    return made


def _cut(length: int, kept: int, stride: int, *, is_left: bool) -> list[tuple[int, int]]:
    """The ranges of ``kept`` tokens that truncation makes of ``length``, the first one first."""
    step = kept - stride
    ranges: list[tuple[int, int]] = []
    if is_left:
        for end in range(length, 0, -step):
            ranges.append((max(0, end - kept), end))
            if end <= kept:
                break
        return ranges
    for begin in range(0, length, step):
        ranges.append((begin, min(begin + kept, length)))
        if begin + kept >= length:
            break
    return ranges


def _check_index(name: str, value: int) -> None:
    if not isinstance(value, (int, np.integer)) or value < 0:
        raise InputError(f"{name} must be a number of at least 0, but is {value!r}")


def check_direction(direction: str) -> None:
    """Raise an InputError for a side that isn't one."""
    if direction not in ("left", "right"):
        raise InputError(f"direction must be 'left' or 'right', but is {direction!r}")
