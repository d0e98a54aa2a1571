"""What a tokenizer returns: a dictionary of columns that also knows tokens, words and characters."""

from __future__ import annotations

import warnings
from collections import UserDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dure.errors import InputError
from dure.tokenizers.rows import EncodingRow
from dure.tokenizers.tensors import is_tensor, tensor_type, to_tensor

if TYPE_CHECKING:
    import torch

__all__ = ["BatchEncoding", "CharSpan", "TokenSpan"]


class CharSpan(NamedTuple):
    """Characters of a text, from ``start`` up to, not including, ``end``."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens of a row, from ``start`` up to, not including, ``end``."""

    start: int
    end: int


class BatchEncoding(UserDict[str, Any]):
    """A dictionary of columns (``input_ids``, ``attention_mask``, ...), each also an attribute: ``batch.input_ids``.

    ``batch[i]`` with a number is row ``i`` as an :class:`~dure.tokenizers.rows.EncodingRow`.

    Args:
        data: The columns.
        encoding: The rows, if the columns come from text.
        tensor_type: Turn the columns into PyTorch tensors (``'pt'``) or NumPy arrays (``'np'``).
        prepend_batch_axis: The columns are one row, so put an axis in front.
        n_sequences: 1 for texts, 2 for pairs; known from ``encoding`` if left out.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        encoding: Sequence[EncodingRow] | EncodingRow | None = None,
        tensor_type: Any = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
    ) -> None:
        self._encodings = [encoding] if isinstance(encoding, EncodingRow) else encoding
        if n_sequences is None and self._encodings:
            n_sequences = self._encodings[0].n_sequences
        self._n_sequences = n_sequences
        super().__init__(data)
        self.convert_to_tensors(tensor_type=tensor_type, prepend_batch_axis=prepend_batch_axis)

    @property
    def n_sequences(self) -> int | None:
        """1 if the rows were texts, 2 if they were pairs, None if nobody knows."""
        return self._n_sequences

    @property
    def is_fast(self) -> bool:
        """Whether tokens, words and characters are known."""
        return self._encodings is not None

    @property
    def encodings(self) -> Sequence[EncodingRow] | None:
        """The rows; None if the batch doesn't come from text."""
        return self._encodings

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, str):
            return self.data[item]
        if self._encodings is not None:
            return self._encodings[item]
        if isinstance(item, slice):
            return {name: column[item] for name, column in self.data.items()}
        raise KeyError(f"{item!r} is not a key: use the name of a column ({', '.join(self.data)}), or a slice of rows")

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(f"this batch has no column or attribute {name!r}; its columns are {', '.join(data)}")

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "_encodings": self._encodings, "_n_sequences": self._n_sequences}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _row(self, index: int) -> EncodingRow:
        if not self._encodings:
            raise InputError(
                "tokens, words and characters aren't known here: this batch was not made from text by calling a "
                "tokenizer (tokenizer.pad and collators return columns only)"
            )
        return self._encodings[index]

    def _row_and_position(self, first: int, second: int | None) -> tuple[EncodingRow, int]:
        """The arguments ``(batch_index, position)``, where ``batch_index`` may be left out; both may be negative."""
        row = self._row(first if second is not None else 0)
        position = first if second is None else second
        return row, position + len(row) if position < 0 else position

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a row."""
        return self._row(batch_index).tokens

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token of a row: 0 or 1, the text it comes from; None for special tokens and padding."""
        return self._row(batch_index).sequence_ids

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token of a row: the word it's a part of; None for special tokens and padding."""
        return self._row(batch_index).word_ids

    def words(self, batch_index: int = 0) -> list[int | None]:
        """An old name of :meth:`word_ids`."""
        warnings.warn("BatchEncoding.words() was renamed: use BatchEncoding.word_ids()", FutureWarning, stacklevel=2)
        return self.word_ids(batch_index)

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """0 or 1: which text a token comes from; None for special tokens and padding.

        Called with the token's position (for the first row), or with the row's index and the token's position.
        """
        row, token = self._row_and_position(batch_or_token_index, token_index)
        return row.token_to_sequence(token)

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The word a token is a part of; None for special tokens and padding. Called as :meth:`token_to_sequence`."""
        row, token = self._row_and_position(batch_or_token_index, token_index)
        return row.token_to_word(token)

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """The tokens of a word, or None. ``sequence_index`` is 1 for the second text of a pair."""
        row, word = self._row_and_position(batch_or_word_index, word_index)
        span = row.word_to_tokens(word, sequence_index)
        return None if span is None else TokenSpan(*span)

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """The characters of a token; None for special tokens and padding. Called as :meth:`token_to_sequence`."""
        row, token = self._row_and_position(batch_or_token_index, token_index)
        span = row.token_to_chars(token)
        return None if span is None else CharSpan(*span)

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token that holds a character, or None. ``sequence_index`` is 1 for the second text of a pair."""
        row, char = self._row_and_position(batch_or_char_index, char_index)
        return row.char_to_token(char, sequence_index)

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan:
        """The characters of a word. ``sequence_index`` is 1 for the second text of a pair.

        Raises:
            InputError: The row has no such word.
        """
        row, word = self._row_and_position(batch_or_word_index, word_index)
        span = row.word_to_chars(word, sequence_index)
        if span is None:
            raise InputError(f"the row has no word {word} in text {sequence_index}")
        return CharSpan(*span)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word that holds a character, or None. ``sequence_index`` is 1 for the second text of a pair."""
        row, char = self._row_and_position(batch_or_char_index, char_index)
        return row.char_to_word(char, sequence_index)

    def convert_to_tensors(self, tensor_type: Any = None, prepend_batch_axis: bool = False) -> BatchEncoding:
        """Turn every column into a tensor (``'pt'``) or array (``'np'``), in place; None leaves them.

        Raises:
            InputError: A column's rows have unequal lengths, or it holds something else than numbers.
        """
        kind = _tensor_type(tensor_type)
        if kind is None:
            return self
        for name, column in self.data.items():
            value = [column] if prepend_batch_axis else column
            if not is_tensor(value, kind):
                self.data[name] = to_tensor(name, value, kind)
        return self

    def to(self, device: str | int | torch.device, *, non_blocking: bool = False) -> BatchEncoding:
        """Move every tensor to a device, in place; what isn't a tensor stays.

        Raises:
            InputError: Something else than a device was given, such as a dtype: ids must stay whole numbers.
        """
        import torch

        if not isinstance(device, (str, int, torch.device)):
            raise InputError(f"a batch can be moved to a device, such as 'cpu' or 'cuda:0', but not to {device!r}")
        self.data = {
            name: column.to(device, non_blocking=non_blocking) if isinstance(column, torch.Tensor) else column
            for name, column in self.data.items()
        }
        return self


#: The function, under a name that the parameter of the same name doesn't hide.
_tensor_type = tensor_type
