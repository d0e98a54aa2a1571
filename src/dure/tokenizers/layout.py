"""How the rows of a batch are padded, and its columns as arrays, tensors or lists."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dure.errors import InputError
from dure.tokenizers.options import Plan

if TYPE_CHECKING:
    from dure.tokenizers._core import Encodings

__all__ = ["Columns", "Layout", "check_padding", "round_up"]

#: Rows are not padded to a length that no text of theirs has, if the length is more than this and all rows together
#: more than that: a column of it would take more than a gigabyte, which nobody means.
_LARGE_LENGTH = 1 << 16
_LARGE_COLUMN = 1 << 27


def round_up(length: int, multiple: int | None) -> int:
    """The next multiple; the length itself if there's none to round to."""
    return -(-length // multiple) * multiple if multiple else length


def check_padding(length: int, longest: int, num_rows: int) -> None:
    """Refuse lengths that only a mistake can have asked for, before memory is filled with padding.

    Args:
        length: The length to pad to.
        longest: That of the longest row.
        num_rows: How many rows are padded.

    Raises:
        InputError: The padding would take gigabytes.
    """
    if length > longest and length > _LARGE_LENGTH and length * num_rows > _LARGE_COLUMN:
        raise InputError(
            f"padding to {length} tokens was asked for, but the longest of {num_rows} rows has {longest}: that much "
            "padding fills gigabytes; lower max_length (or length) and pad_to_multiple_of"
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """The lengths of a batch's rows before and after padding, both ``(num_rows,)``, and the side that's padded."""

    lengths: NDArray[np.int64]
    padded_lengths: NDArray[np.int64]
    is_left: bool

    @classmethod
    def of(cls, encodings: Encodings, plan: Plan, *, multiple: int | None, is_left: bool) -> Layout:
        """The layout that a plan asks for. Rows longer than the wanted length stay as they are."""
        lengths = np.diff(encodings.row_starts)
        if plan.padding is None or not len(lengths):
            return cls(lengths, lengths, is_left)
        if plan.padding == "max_length":
            wanted = plan.max_length or 0
        else:
            # The longest first row of a text decides; what overflows is never longer, save where nothing could be cut.
            is_first = np.diff(encodings.sample_ids, prepend=-1) > 0
            wanted = int(lengths[is_first].max())
        wanted = round_up(wanted, multiple)
        check_padding(wanted, int(lengths.max()), len(lengths))
        return cls(lengths, np.maximum(lengths, wanted), is_left)

    @property
    def is_padded(self) -> bool:
        """Whether any row gets padding."""
        return self.padded_lengths is not self.lengths

    @property
    def is_rectangular(self) -> bool:
        """Whether all rows are equally long after padding."""
        return bool((self.padded_lengths == self.padded_lengths[:1]).all())

    @property
    def width(self) -> int:
        """The length of the longest row after padding."""
        return int(self.padded_lengths.max(initial=0))

    def pad_lists(self, rows: list[list[Any]], fill: Any) -> list[list[Any]]:
        """Lists with padding put in front or behind."""
        if not self.is_padded:
            return rows
        missing = (self.padded_lengths - self.lengths).tolist()
        if self.is_left:
            return [[fill] * count + row for row, count in zip(rows, missing, strict=True)]
        return [row + [fill] * count for row, count in zip(rows, missing, strict=True)]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a batch in the form that was asked for."""

    encodings: Encodings
    layout: Layout
    tensors: str | None

    def numbers(self, name: str, fill: int) -> Any:
        """A column with one number per token: a tensor or array ``(num_rows, width)``, or lists.

        Args:
            name: ``ids``, ``type_ids``, ``special_tokens_mask`` or ``attention_mask``.
            fill: What padding holds.

        Raises:
            InputError: Rows of unequal length can't be a PyTorch tensor.
        """
        if self.layout.is_rectangular and (self.tensors or self.layout.is_padded):
            array = self.encodings.padded(name, self.layout.width, fill, self.layout.is_left)
            return self._wrapped(array) if self.tensors else array.tolist()
        rows = self.layout.pad_lists(self.encodings.lists(name), fill)
        return self._ragged(rows) if self.tensors else rows

    def offsets(self) -> Any:
        """Where each token is in its text: a tensor or array ``(num_rows, width, 2)``, or lists of pairs."""
        flat = self.encodings.offsets
        if self.layout.is_rectangular and self.tensors:
            width = self.layout.width
            is_token = self.encodings.padded("attention_mask", width, 0, self.layout.is_left).astype(bool)
            array = np.zeros((*is_token.shape, 2), np.int64)
            array[is_token] = flat
            return self._wrapped(array)
        pairs = list(zip(flat[:, 0].tolist(), flat[:, 1].tolist(), strict=True))
        starts = self.encodings.row_starts.tolist()
        rows = [pairs[start:end] for start, end in itertools.pairwise(starts)]
        padded = self.layout.pad_lists(rows, (0, 0))
        return self._ragged(padded) if self.tensors else padded

    def per_row(self, values: NDArray[np.int64]) -> Any:
        """A column with one number per row: ``(num_rows,)``."""
        return self._wrapped(np.array(values, np.int64)) if self.tensors else values.tolist()

    def _wrapped(self, array: NDArray[np.int64]) -> Any:
        if self.tensors == "np":
            return array
        import torch

        return torch.from_numpy(array)

    def _ragged(self, rows: list[list[Any]]) -> NDArray[np.object_]:
        if self.tensors == "np":
            array = np.empty(len(rows), object)
            array[:] = [np.asarray(row) for row in rows]
            return array
        shortest, longest = int(self.layout.padded_lengths.min()), self.layout.width
        raise InputError(
            f"the rows have {shortest} to {longest} tokens, but a tensor needs equal lengths: "
            "pass padding=True, and truncation=True if texts may be longer than the model's limit"
        )
