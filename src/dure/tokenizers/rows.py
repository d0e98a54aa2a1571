"""Views of single rows of a batch: tokens, words, characters, and the ways between them. Made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from dure.errors import InputError
from dure.tokenizers.layout import Layout

if TYPE_CHECKING:
    from dure.tokenizers._core import Encodings, Engine

__all__ = ["EncodingRow", "Rows", "token_names"]

Span = tuple[int, int]

_COLUMNS = ("row_starts", "ids", "type_ids", "special_tokens_mask", "word_ids", "sequence_ids", "offsets")


def token_names(engine: Engine) -> Callable[[int], str]:
    """A look-up from an id to its token."""
    return lambda id_: engine.id_to_token(id_) or ""


class Rows(Sequence["EncodingRow"]):
    """The rows of an encoded batch.

    Args:
        encodings: What the engine made of the texts.
        layout: How the rows are padded.
        engine: Knows the tokens' names.
        padding: The id, token type id and name of padding.
        num_sequences: 2 for pairs of texts, else 1.
        complete: Encodes the texts again, with all columns, where ``encodings`` has only those that the call returned.
    """

    def __init__(
        self,
        encodings: Encodings,
        layout: Layout,
        engine: Engine,
        padding: tuple[int, int, str],
        num_sequences: int,
        complete: Callable[[], Encodings] | None = None,
    ) -> None:
        self._source: Any = encodings
        self._complete = complete
        self._surfaces: dict[int, str] | None = None
        self.layout = layout
        self._engine: Engine | None = engine
        self._names: Callable[[int], str] | None = None
        self.padding = padding
        self.num_sequences = num_sequences

    def column(self, name: str) -> NDArray[Any]:
        """A flat column of the whole batch, as the engine has it."""
        column: NDArray[Any] = getattr(self._source, name)
        if self._complete is not None and not len(column) and name != "ids":
            # Empty because it wasn't asked for, or because there are no tokens at all.
            self._source, self._complete = self._complete(), None
            column = getattr(self._source, name)
        return column

    def surface(self, position: int) -> str | None:
        """What an unknown token stands for, where the tokenizer shows that; by its position in the flat columns."""
        if self._surfaces is None:
            if self._complete is not None:
                self._source, self._complete = self._complete(), None
            self._surfaces = dict(self._source.surfaces())
        return self._surfaces.get(position)

    def name_of(self, id_: int) -> str:
        """The token with this id, as it was found in the text."""
        if self._names is None:
            assert self._engine is not None
            self._names = token_names(self._engine)
        return self._names(id_)

    def __len__(self) -> int:
        return len(self.layout.lengths)

    @overload
    def __getitem__(self, index: int) -> EncodingRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[EncodingRow]: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [EncodingRow(self, i) for i in range(*index.indices(len(self)))]
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"there is no row {index}: the batch has {len(self)} rows")
        return EncodingRow(self, position)

    def __getstate__(self) -> dict[str, Any]:
        # Workers get plain arrays and the names of the tokens that occur, not the engine.
        self.surface(0)
        columns: dict[str, Any] = {name: np.array(self.column(name)) for name in _COLUMNS}
        columns["_surfaces"] = self._surfaces
        names = {id_: self.name_of(id_) for id_ in np.unique(columns["ids"]).tolist()}
        state = {"layout": self.layout, "padding": self.padding, "num_sequences": self.num_sequences}
        return {**state, "columns": columns, "names": names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._source = _Copied(state["columns"])
        self._surfaces = state["columns"]["_surfaces"]
        self._engine = self._complete = None
        self._names = state["names"].__getitem__
        self.layout, self.padding = state["layout"], state["padding"]
        self.num_sequences = state["num_sequences"]


class _Copied:
    """Columns that came out of a pickle."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.__dict__.update(columns)


class EncodingRow:
    """One row of a batch, padding included. The names are those of the original library's ``Encoding``."""

    def __init__(self, rows: Rows, index: int) -> None:
        self._rows = rows
        self._start, self._end = (int(i) for i in rows.column("row_starts")[index : index + 2])
        num_missing = int(rows.layout.padded_lengths[index]) - (self._end - self._start)
        self._before, self._behind = (num_missing, 0) if rows.layout.is_left else (0, num_missing)

    def __len__(self) -> int:
        return self._before + self._end - self._start + self._behind

    def __repr__(self) -> str:
        return f"EncodingRow(num_tokens={len(self)}, tokens={self.tokens})"

    def _values(self, name: str) -> NDArray[Any]:
        return self._rows.column(name)[self._start : self._end]

    def _padded(self, values: list[Any], fill: Any) -> list[Any]:
        return [fill] * self._before + values + [fill] * self._behind

    @property
    def ids(self) -> list[int]:
        """Token ids."""
        return self._padded(self._values("ids").tolist(), self._rows.padding[0])

    @property
    def type_ids(self) -> list[int]:
        """Token type ids."""
        return self._padded(self._values("type_ids").tolist(), self._rows.padding[1])

    @property
    def tokens(self) -> list[str]:
        """Tokens."""
        rows, ids = self._rows, self._values("ids").tolist()
        names = [rows.surface(self._start + i) or rows.name_of(id_) for i, id_ in enumerate(ids)]
        return self._padded(names, self._rows.padding[2])

    @property
    def attention_mask(self) -> list[int]:
        """1 for tokens, 0 for padding."""
        return self._padded([1] * (self._end - self._start), 0)

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for special tokens that were added, padding included."""
        return self._padded(self._values("special_tokens_mask").tolist(), 1)

    @property
    def offsets(self) -> list[Span]:
        """Where each token is in its text, in characters; (0, 0) for special tokens."""
        return self._padded([(start, end) for start, end in self._values("offsets").tolist()], (0, 0))

    @property
    def word_ids(self) -> list[int | None]:
        """The word that each token is a part of; None for special tokens."""
        return self._padded(_none_for_negative(self._values("word_ids")), None)

    @property
    def words(self) -> list[int | None]:
        """An old name of :attr:`word_ids`."""
        return self.word_ids

    @property
    def sequence_ids(self) -> list[int | None]:
        """0 for tokens of the first text, 1 for the second, None for special tokens."""
        return self._padded(_none_for_negative(self._values("sequence_ids")), None)

    @property
    def n_sequences(self) -> int:
        """How many texts the row has."""
        return self._rows.num_sequences

    def _range_of(self, sequence: int) -> Span:
        """First token and end of a text. The whole row for a text that the row doesn't have, as in the original."""
        found = np.flatnonzero(self._values("sequence_ids") == sequence)
        if len(found):
            return int(found[0]), int(found[-1]) + 1
        return (0, 0) if 0 <= sequence < self.n_sequences else (0, self._end - self._start)

    def word_to_tokens(self, word: int, sequence: int = 0) -> Span | None:
        """First token and end of a word; None if no token is a part of it."""
        first, end = self._range_of(sequence)
        words = self._values("word_ids")[first:end]
        later = np.flatnonzero(words > word)
        found = np.flatnonzero(words[: later[0] if len(later) else None] == word)
        if word < 0 or not len(found):
            return None
        shift = first + self._before
        return int(found[0]) + shift, int(found[-1]) + 1 + shift

    def word_to_chars(self, word: int, sequence: int = 0) -> Span | None:
        """First character and end of a word; None if no token is a part of it."""
        span = self.word_to_tokens(word, sequence)
        if span is None:
            return None
        offsets = self._values("offsets")
        return int(offsets[span[0] - self._before][0]), int(offsets[span[1] - 1 - self._before][1])

    def token_to_sequence(self, token: int) -> int | None:
        """0 or 1: which text the token is from; None for special tokens and padding."""
        return self._at(token, "sequence_ids")

    def token_to_word(self, token: int) -> int | None:
        """The word that the token is a part of; None for special tokens and padding."""
        return self._at(token, "word_ids")

    def token_to_chars(self, token: int) -> Span | None:
        """First character and end of a token; None for special tokens and padding."""
        if self._at(token, "sequence_ids") is None:
            return None
        start, end = self._values("offsets")[token - self._before].tolist()
        return start, end

    def char_to_token(self, char: int, sequence: int = 0) -> int | None:
        """The token that holds a character; None if none does, as for white space."""
        first, end = self._range_of(sequence)
        offsets = self._values("offsets")[first:end]
        found = np.flatnonzero((offsets[:, 0] <= char) & (char < offsets[:, 1]))
        return int(found[0]) + first + self._before if len(found) else None

    def char_to_word(self, char: int, sequence: int = 0) -> int | None:
        """The word that holds a character; None if none does."""
        token = self.char_to_token(char, sequence)
        return None if token is None else self.token_to_word(token)

    def _at(self, token: int, name: str) -> int | None:
        if token < 0:
            raise InputError(f"{token} is not a token's position in a row of {len(self)}")
        position = token - self._before
        if not 0 <= position < self._end - self._start:
            return None
        value = int(self._values(name)[position])
        return None if value < 0 else value


def _none_for_negative(values: NDArray[Any]) -> list[int | None]:
    return [None if value < 0 else value for value in values.tolist()]
