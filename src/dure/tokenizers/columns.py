"""What is known about each token of an encoded text, column by column. Nothing is made per token until it's asked for.

A :class:`Row` looks into the columns of a whole batch. What is done to one row alone (truncation, merging) gives it
columns of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dure.tokenizers._core import Encodings, Engine

__all__ = ["COLUMNS", "Batch", "Pad", "Row"]

#: The columns, in the order of the original's pickles.
COLUMNS = (
    "ids",
    "type_ids",
    "tokens",
    "word_ids",
    "offsets",
    "special_tokens_mask",
    "attention_mask",
)

#: For each text of a row, the range of its tokens. Empty: one text, and it has them all.
Ranges: TypeAlias = dict[int, tuple[int, int]]


class _Columns(Protocol):
    """Where rows find their values."""

    def values(self, name: str, begin: int, end: int) -> list[Any]:
        """The values of a column for the tokens from ``begin`` to ``end``."""


class _OwnColumns:
    """Columns of one row, as lists."""

    __slots__ = ("_lists",)

    def __init__(self, lists: Mapping[str, list[Any]]) -> None:
        self._lists = lists

    def values(self, name: str, begin: int, end: int) -> list[Any]:
        return self._lists[name][begin:end]


class Batch:
    """The columns of a batch, as the engine made them.

    Args:
        rows: The engine's columns.
        engine: The engine, which knows what ids stand for.
        has_places: Whether words and offsets are known.
        ids: The ids of a batch that has one row only: making arrays takes longer than a short row itself.
    """

    __slots__ = ("_arrays", "_engine", "_has_places", "_lists", "_rows", "_surfaces")

    def __init__(
        self,
        rows: Encodings,
        engine: Engine,
        *,
        has_places: bool = True,
        ids: list[int] | None = None,
    ) -> None:
        self._rows = rows
        self._engine = engine
        self._has_places = has_places
        self._arrays: dict[str, NDArray[np.int32]] = {}
        self._lists: dict[str, list[int]] | None = None if ids is None else {"ids": ids}
        self._surfaces: dict[int, str] | None = None

    def array(self, name: str) -> NDArray[np.int32]:
        """A column of the whole batch."""
        found = self._arrays.get(name)
        if found is None:
            found = self._arrays[name] = getattr(self._rows, name)
        return found

    def has(self, name: str) -> bool:
        """Whether a column is known."""
        return self._has_places or name not in ("word_ids", "offsets")

    def values(self, name: str, begin: int, end: int) -> list[Any]:
        """The values of a column for the tokens from ``begin`` to ``end``."""
        if name == "attention_mask":
            return [1] * (end - begin)
        if name == "tokens":
            return self._tokens(begin, end)
        if not self.has(name):
            return [None if name == "word_ids" else (0, 0)] * (end - begin)
        if name == "offsets":
            return [(first, last) for first, last in self.array(name)[begin:end].tolist()]
        values = self._numbers(name, begin, end)
        if name == "word_ids":
            return [None if word < 0 else word for word in values]
        return values

    def _numbers(self, name: str, begin: int, end: int) -> list[int]:
        if self._lists is not None:
            if name not in self._lists:
                self._lists[name] = self._rows.lists(name)[0]
            return self._lists[name][begin:end]
        values: list[int] = self.array(name)[begin:end].tolist()
        return values

    def _tokens(self, begin: int, end: int) -> list[str]:
        tokens = [token or "" for token in self._engine.ids_to_tokens(self.array("ids")[begin:end])]
        if self._surfaces is None:
            self._surfaces = dict(self._rows.surfaces())
        if self._surfaces:
            for index in range(begin, end):
                if index in self._surfaces:
                    tokens[index - begin] = self._surfaces[index]
        return tokens

    def ranges(self, begin: int, end: int, sequences: tuple[int, ...]) -> Ranges:
        """Where the tokens of each text are; a text in ``sequences`` without tokens has an empty range."""
        ids = self.array("sequence_ids")[begin:end]
        found: Ranges = {}
        for sequence in sequences:
            places = np.flatnonzero(ids == sequence)
            if len(places) == 0:
                found[sequence] = (0, 0)
                continue
            last = int(places[-1])
            # A template may have the same text twice: the last one counts.
            gaps = np.flatnonzero(np.diff(places) > 1)
            first = int(places[gaps[-1] + 1]) if len(gaps) else int(places[0])
            found[sequence] = (first, last + 1)
        return found


class Pad(NamedTuple):
    """Tokens in front of and behind a row that fill it up, and their values in each column."""

    left: int
    right: int
    fills: Mapping[str, Any]


class Row:
    """One row: a text or a pair with what is known about each token, and the rows that truncation cut off."""

    __slots__ = (
        "_begin",
        "_char_tokens",
        "_columns",
        "_end",
        "_looked_up",
        "_overflow",
        "_pads",
        "_ranges",
        "_sequences",
    )

    def __init__(self) -> None:
        self._take({name: [] for name in COLUMNS}, {})

    @classmethod
    def of_batch(cls, batch: Batch, begin: int, end: int, sequences: tuple[int, ...]) -> Self:
        """A row of a batch.

        Args:
            batch: The batch.
            begin: The place of its first token.
            end: The place behind its last.
            sequences: Which texts the row knows the places of.
        """
        made = cls.__new__(cls)
        made._columns = batch
        made._begin = begin
        made._end = end
        made._sequences = sequences
        made._ranges = None if sequences else {}
        made._pads = ()
        made._overflow = []
        made._looked_up = None
        made._char_tokens = None
        return made

    @classmethod
    def from_columns(cls, **columns: list[Any]) -> Self:
        """A row from a list for each of ``ids``, ``type_ids``, ``tokens``, ``word_ids``, ``offsets``,
        ``special_tokens_mask`` and ``attention_mask``.
        """  # noqa: D205
        made = cls()
        made._take({name: columns[name] for name in COLUMNS}, {})
        return made

    def _take(self, lists: Mapping[str, list[Any]], ranges: Ranges, overflow: Any = None) -> None:
        """Become a row with columns of its own."""
        self._columns: _Columns = _OwnColumns(lists)
        self._begin = 0
        self._end = len(lists["ids"])
        self._sequences: tuple[int, ...] = ()
        self._ranges: Ranges | None = ranges
        self._pads: tuple[Pad, ...] = ()
        self._overflow: list[Any] | Callable[[], list[Any]] = [] if overflow is None else overflow
        #: What lookups have needed so far.
        self._looked_up: dict[str, NDArray[np.int64]] | None = None
        self._char_tokens: dict[int, list[int]] | None = None

    def _list(self, name: str) -> list[Any]:
        values = self._columns.values(name, self._begin, self._end)
        for pad in self._pads:
            fill = [pad.fills[name]]
            values = fill * pad.left + values + fill * pad.right
        return values

    def _lists(self) -> dict[str, list[Any]]:
        return {name: self._list(name) for name in COLUMNS}

    def _array(self, name: str) -> NDArray[np.int64]:
        """A column for looking things up: -1 where there's no word."""
        if self._looked_up is None:
            self._looked_up = {}
        if name not in self._looked_up:
            values = self._list(name)
            if name == "word_ids":
                values = [-1 if word is None else word for word in values]
            shape = (-1, 2) if name == "offsets" else (-1,)
            self._looked_up[name] = np.asarray(values, dtype=np.int64).reshape(shape)
        return self._looked_up[name]

    def _token_of_each_char(self, sequence: int) -> list[int]:
        """For each character of a text the first token that it's in, or -1."""
        if self._char_tokens is None:
            self._char_tokens = {}
        if sequence not in self._char_tokens:
            begin, end = self._range_of(sequence)
            offsets = self._list("offsets")[begin:end]
            tokens = [-1] * max((last for _, last in offsets), default=0)
            for token in range(len(offsets) - 1, -1, -1):
                first, last = offsets[token]
                tokens[first:last] = [begin + token] * (last - first)
            self._char_tokens[sequence] = tokens
        return self._char_tokens[sequence]

    def _known_ranges(self) -> Ranges:
        if self._ranges is None:
            assert isinstance(self._columns, Batch)
            ranges = self._columns.ranges(self._begin, self._end, self._sequences)
            shift = sum(pad.left for pad in self._pads)
            self._ranges = {text: (begin + shift, end + shift) for text, (begin, end) in ranges.items()}
        return self._ranges

    def _range_of(self, sequence: int) -> tuple[int, int]:
        return self._known_ranges().get(sequence, (0, len(self)))

    def _set_column(self, name: str, values: list[Any]) -> None:
        lists = {**self._lists(), name: values}
        self._take(lists, dict(self._known_ranges()), self._overflow)

    def copied(self) -> Self:
        """A copy, which can be changed without changing this row; so can the rows of its overflow."""
        made = type(self).__new__(type(self))
        for name in Row.__slots__:
            setattr(made, name, getattr(self, name))
        if self._ranges is not None:
            made._ranges = dict(self._ranges)
        made._overflow = [row.copied() for row in self.overflowing]
        return made

    def set_type_id(self, type_id: int) -> None:
        """Give every token a type id."""
        self._set_column("type_ids", [type_id] * len(self))

    def set_offsets(self, offsets: list[tuple[int, int]]) -> None:
        """Give every token a place in its text."""
        self._set_column("offsets", offsets)

    def mark_as_text(self) -> None:
        """Count every token as text: none is special, the model attends to each."""
        self._set_column("special_tokens_mask", [0] * len(self))
        self._set_column("attention_mask", [1] * len(self))

    def __len__(self) -> int:
        return self._end - self._begin + sum(pad.left + pad.right for pad in self._pads)

    @property
    def ids(self) -> list[int]:
        """The tokens' ids, which a model takes."""
        return self._list("ids")

    @property
    def type_ids(self) -> list[int]:
        """Which part of the input each token belongs to, as the model was taught: 0 for the first text, mostly."""
        return self._list("type_ids")

    @property
    def tokens(self) -> list[str]:
        """The tokens as text."""
        return self._list("tokens")

    @property
    def word_ids(self) -> list[int | None]:
        """The index of each token's word in its text; None for special tokens."""
        return self._list("word_ids")

    @property
    def words(self) -> list[int | None]:
        """The older name of ``word_ids``."""
        return self._list("word_ids")

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Each token's place in its text, in code points: ``(first, last + 1)``; ``(0, 0)`` for special tokens."""
        return self._list("offsets")

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for special tokens, 0 for those of the text."""
        return self._list("special_tokens_mask")

    @property
    def attention_mask(self) -> list[int]:
        """1 for what the model attends to, 0 for padding."""
        return self._list("attention_mask")

    @property
    def sequence_ids(self) -> list[int | None]:
        """Which text each token is from: 0, 1, or None for special tokens."""
        sequences: list[int | None] = [None] * len(self)
        for text in range(self.n_sequences):
            begin, end = self._range_of(text)
            sequences[begin:end] = [text] * (end - begin)
        return sequences

    @property
    def n_sequences(self) -> int:
        """How many texts the row has."""
        return len(self._known_ranges()) or 1

    @property
    def overflowing(self) -> list[Self]:
        """The rows that truncation cut off, in order."""
        if callable(self._overflow):
            self._overflow = self._overflow()
        return list(self._overflow)
