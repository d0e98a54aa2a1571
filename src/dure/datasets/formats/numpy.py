"""Arrow to numpy arrays: whole numbers as int64, others as float32, lists of equal length stacked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from dure.datasets.formats.base import Formatter
from dure.datasets.formats.python import to_list

__all__ = ["NumpyFormatter", "numeric_column"]


class NumpyFormatter(Formatter):
    """Arrays where values are numbers, arrays of texts or objects elsewhere.

    Args:
        dtype: What arrays of numbers become; by default int64 or float32.
    """

    def __init__(self, dtype: Any = None) -> None:
        self._dtype = dtype

    def column(self, array: Any) -> Any:
        """A column as an array whose first axis are the rows."""
        stacked = numeric_column(array)
        if stacked is not None:
            return stacked.astype(self._dtype or default_dtype(stacked.dtype), copy=False)
        return _objects([self._value(value) for value in to_list(array)])

    def row(self, batch: Any) -> dict[str, Any]:
        """A row as a dictionary: numbers are numpy scalars, lists are arrays."""
        return {name: self._cell(batch.column(place)) for place, name in enumerate(batch.schema.names)}

    def _cell(self, array: Any) -> Any:
        stacked = numeric_column(array)
        if stacked is not None:
            return stacked.astype(self._dtype or default_dtype(stacked.dtype), copy=False)[0]
        return self._value(to_list(array)[0])

    def _value(self, value: Any) -> Any:
        """A value that isn't an array of numbers already."""
        if isinstance(value, dict):
            return {name: self._value(part) for name, part in value.items()}
        if isinstance(value, list):
            if all(isinstance(part, (int, float)) for part in value):
                array = np.asarray(value) if value else np.asarray([], dtype=np.int64)
                return array.astype(self._dtype or default_dtype(array.dtype), copy=False)
            return _objects([self._value(part) for part in value])
        return value


def _objects(values: list[Any]) -> Any:
    if values and all(isinstance(value, str) for value in values):
        return np.array(values)
    shapes = {value.shape for value in values if isinstance(value, np.ndarray)}
    if values and len(shapes) == 1 and all(isinstance(v, np.ndarray) and v.dtype != object for v in values):
        return np.stack(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def default_dtype(dtype: Any) -> Any:
    """The dtype that numbers come out as: int64 or float32, truth values as they are."""
    if dtype.kind in "iu":
        return np.int64
    return np.float32 if dtype.kind == "f" else dtype


def numeric_column(array: Any) -> Any:
    """A column of numbers, or of (nested) lists of numbers of equal length, as one array; None for any other.

    Missing numbers become NaN.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
        if isinstance(array, pa.ChunkedArray):
            return None
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        return array.to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(array.type):
        return None if array.null_count else array.to_numpy(zero_copy_only=False)
    is_fixed = pa.types.is_fixed_size_list(array.type)
    if not (is_fixed or pa.types.is_list(array.type)) or array.null_count or not len(array):
        return None
    lengths = np.unique(np.asarray(array.value_lengths()))
    if len(lengths) != 1:
        return None
    inner = numeric_column(array.flatten())
    if inner is None:
        return None
    return inner.reshape(len(array), int(lengths[0]), *inner.shape[1:])
