"""Padding rows that are encoded already: what a data collator asks for at every step."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dure.errors import InputError, TokenizerError
from dure.tokenizers.batch import BatchEncoding
from dure.tokenizers.layout import check_padding, round_up
from dure.tokenizers.options import Plan, resolve
from dure.tokenizers.special_tokens import SpecialTokens
from dure.tokenizers.tensors import kind_of, tensor_type

__all__ = ["Padding"]

logger = logging.getLogger(__name__)


class Padding(SpecialTokens):
    """The part of a tokenizer that pads."""

    model_input_names: list[str]
    model_max_length: int
    padding_side: str
    deprecation_warnings: dict[str, bool]

    def _plan(
        self,
        padding: Any,
        truncation: Any,
        max_length: int | None,
        pad_to_multiple_of: int | None,
        verbose: bool,
    ) -> Plan:
        """The plan that arguments mean here, where it's known whether there's a padding token."""
        plan = resolve(
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            pad_to_multiple_of=pad_to_multiple_of,
            model_max_length=self.model_max_length,
            verbose=verbose,
            said=self.deprecation_warnings,
        )
        if plan.padding is not None and self.pad_token_id is None:
            raise TokenizerError(
                "padding was asked for, but this tokenizer has no padding token: set one, as in "
                "tokenizer.pad_token = tokenizer.eos_token, or tokenizer.add_special_tokens({'pad_token': '[PAD]'})"
            )
        return plan

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: Any = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad encoded rows to one length.

        ``input_ids``, ``attention_mask``, ``token_type_ids`` and ``special_tokens_mask`` are padded; other columns
        stay as they are. Columns of arrays or tensors come back as such.

        Args:
            encoded_inputs: A list of dictionaries (one per row), or a dictionary of columns, or of one row.
            padding: True or ``'longest'``; ``'max_length'``; False.
            max_length: The length for ``'max_length'``; by default the model's limit.
            pad_to_multiple_of: Round the length up to a multiple of this.
            padding_side: ``'right'`` or ``'left'``; by default the tokenizer's.
            return_attention_mask: Whether to make and pad an attention mask; by default if the model takes one.
            return_tensors: ``'pt'``, ``'np'`` or None.
            verbose: Whether to log advice.

        Returns:
            The columns, without the rows' tokens and words.

        Raises:
            InputError: There is no ``input_ids``, columns have different numbers of rows, or an argument is unknown.
            TokenizerError: The tokenizer has no padding token.
        """
        self._advise_against_padding_late()
        if padding_side not in (None, "left", "right"):
            raise InputError(f"padding_side must be 'left' or 'right', but is {padding_side!r}")
        columns = _columns_of(encoded_inputs, self.model_input_names[0])
        rows = columns[self.model_input_names[0]]
        if rows is None or len(rows) == 0:
            return BatchEncoding({**columns, **({"attention_mask": []} if return_attention_mask else {})})
        if return_attention_mask is None:
            return_attention_mask = "attention_mask" in self.model_input_names
        kind = tensor_type(return_tensors) or kind_of(rows) or kind_of(rows[0])
        is_batch = isinstance(rows[0], (list, tuple)) or getattr(rows[0], "ndim", 0) > 0
        if not is_batch:
            columns = {name: [column] for name, column in columns.items()}
        _check_sizes(columns, len(columns[self.model_input_names[0]]))
        plan = self._plan(padding, None, max_length, pad_to_multiple_of, verbose)
        fills = self._fills(with_mask=return_attention_mask)
        is_left = (padding_side or self.padding_side) == "left"
        data = _padded(columns, plan, fills, multiple=pad_to_multiple_of, is_left=is_left)
        if not is_batch:
            data = {name: column[0] for name, column in data.items()}
        if kind is None:
            data = {name: _plain(column) for name, column in data.items()}
        return BatchEncoding(data, tensor_type=kind)

    def _fills(self, *, with_mask: bool) -> dict[str, int]:
        """What padding holds in each column that is padded; the column of ids comes first."""
        fills = {self.model_input_names[0]: self.pad_token_id or 0}
        if with_mask:
            fills["attention_mask"] = 0
        return fills | {"token_type_ids": self.pad_token_type_id, "special_tokens_mask": 1}

    def _advise_against_padding_late(self) -> None:
        # Padding per batch is what collators do, and cheap here, so this is information rather than a warning.
        if not self.deprecation_warnings.get("Asking-to-pad-a-fast-tokenizer"):
            logger.info(
                "You're using a %s tokenizer. Please note that with a fast tokenizer, using the `__call__` method is "
                "faster than using a method to encode the text followed by a call to the `pad` method to get a padded "
                "encoding.",
                type(self).__name__,
            )
            self.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True


def _columns_of(encoded: Any, ids: str) -> dict[str, Any]:
    """A dictionary of columns, from that or from a list of rows."""
    if isinstance(encoded, (list, tuple)) and encoded and isinstance(encoded[0], Mapping):
        for index, row in enumerate(encoded):
            missing = [name for name in encoded[0] if name not in row]
            if missing:
                raise InputError(f"row {index} has no {missing[0]!r}, but row 0 has")
        columns = {name: [row[name] for row in encoded] for name in encoded[0]}
    elif isinstance(encoded, Mapping):
        columns = dict(encoded)
    else:
        raise InputError(f"pad takes a list of dictionaries or a dictionary of columns, but got {encoded!r:.80}")
    if ids not in columns:
        raise InputError(f"pad needs {ids!r}, but was given {', '.join(map(repr, columns)) or 'nothing'}")
    return columns


def _check_sizes(columns: Mapping[str, Any], num_rows: int) -> None:
    for name, column in columns.items():
        if len(column) != num_rows:
            raise InputError(f"column {name!r} has {len(column)} rows, but there are {num_rows}")


def _padded(
    columns: Mapping[str, Any], plan: Plan, fills: Mapping[str, int], *, multiple: int | None, is_left: bool
) -> dict[str, Any]:
    """The columns with padding; rectangular ones as arrays. ``fills`` starts with the column of ids."""
    ids = next(iter(fills))
    lengths = [len(row) for row in columns[ids]]
    columns = dict(columns)
    if "attention_mask" in fills and "attention_mask" not in columns:
        columns["attention_mask"] = [np.ones(length, np.int64) for length in lengths]
    if plan.padding is None:
        return columns
    wanted = max(lengths) if plan.padding == "longest" else plan.max_length or 0
    wanted = round_up(wanted, multiple)
    check_padding(wanted, max(lengths), len(lengths))
    is_rectangular = max(lengths) <= wanted
    return {
        name: column
        if name not in fills
        else _rectangle(name, column, lengths, wanted, fills[name], is_left)
        if is_rectangular
        else [_padded_row(row, wanted, fills[name], is_left) for row in column]
        for name, column in columns.items()
    }


def _rectangle(name: str, rows: Sequence[Any], lengths: list[int], width: int, fill: int, is_left: bool) -> Any:
    array = np.full((len(rows), width), fill, np.int64)
    for index, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        if len(row) != length:
            raise InputError(f"row {index} of {name!r} has {len(row)} items, but the row has {length} ids")
        if length:
            array[index, width - length if is_left else 0 : width if is_left else length] = row
    return array


def _padded_row(row: Any, width: int, fill: int, is_left: bool) -> list[int]:
    values: list[int] = _plain(row)
    padding = [fill] * (width - len(values))
    return padding + values if is_left else values + padding


def _plain(column: Any) -> Any:
    """A column as Python lists and numbers."""
    if hasattr(column, "tolist"):
        return column.tolist()
    return [_plain(item) for item in column] if isinstance(column, (list, tuple)) and _holds_arrays(column) else column


def _holds_arrays(column: Sequence[Any]) -> bool:
    return any(hasattr(item, "tolist") for item in column[:1])
