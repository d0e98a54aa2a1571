"""From Python values to Arrow: a column's values to an array, and chunk after chunk to a table in memory or a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dure.datasets.cache import open_arrow
from dure.datasets.casting import cast_array, widen
from dure.datasets.schema import Features, feature_from_arrow
from dure.errors import DatasetError

__all__ = ["TableWriter", "columns_to_table", "to_array"]

#: What a tokenizer returns fits narrower integers than Python's; an eighth of the space for masks.
_TOKENIZER_TYPES = {
    "input_ids": pa.int32(),
    "attention_mask": pa.int8(),
    "special_tokens_mask": pa.int8(),
    "token_type_ids": pa.int8(),
}


def to_array(values: Any, *, column: str) -> Any:
    """One column's values as an Arrow array of the type that they suggest.

    Args:
        values: A list (of numbers, texts, lists, dictionaries, arrays, tensors, None), an array, or a tensor.
        column: The column's name, for messages.

    Raises:
        DatasetError: If the values don't go together in one column.
    """
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    values = _plain(values)
    if isinstance(values, np.ndarray):
        return _from_numpy(values)
    if not isinstance(values, list):
        values = list(values)
    if values and _is_array_like(next((value for value in values if value is not None), None)):
        values = [_plain(value) for value in values]
        if any(isinstance(value, np.ndarray) and value.ndim != 1 for value in values):
            values = [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError):
        return _from_mixed(values, column)


def _is_array_like(value: Any) -> bool:
    return hasattr(value, "__array__") or hasattr(value, "detach")


def _plain(value: Any) -> Any:
    """A tensor as a numpy array; anything else as it is."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        # numpy has no bfloat16.
        return (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    if hasattr(value, "__array__") and not isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value)
    return value


def _deeply_plain(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _deeply_plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, range)):
        return [_deeply_plain(part) for part in value]
    return value


def _from_numpy(values: Any) -> Any:
    """An array of any number of dimensions; those after the first become lists."""
    if values.ndim == 0:
        raise DatasetError("a column needs one value for each row, not a single number")
    if values.dtype.kind in "OUS":
        return pa.array([_deeply_plain(value) for value in values.tolist()])
    array = pa.array(np.ascontiguousarray(values).reshape(-1))
    for axis in range(values.ndim - 1, 0, -1):
        count, size = int(np.prod(values.shape[:axis])), values.shape[axis]
        array = pa.ListArray.from_arrays(pa.array(np.arange(count + 1) * size, type=pa.int32()), array)
    return array


def _from_mixed(values: list[Any], column: str) -> Any:
    """The second, slower try: arrays nested in lists are unpacked, and rows that differ in type are found."""
    values = [_deeply_plain(value) for value in values]
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError) as error:
        type_: Any = pa.null()
        for row, value in enumerate(values):
            try:
                type_ = widen(type_, pa.array([value]).type)
            except (pa.ArrowException, DatasetError, TypeError, ValueError):
                raise DatasetError(
                    f"column {column!r}: row {row} is {value!r:.80} ({type(value).__name__}), but the rows before it "
                    f"are {type_}; one column holds one type"
                ) from None
        try:
            return pa.array(values, type=type_)
        except (pa.ArrowException, TypeError, ValueError):
            raise DatasetError(f"column {column!r}: {str(error).splitlines()[0]}") from None


def columns_to_table(
    columns: Mapping[str, Any], *, features: Features | None = None, preferred: Features | None = None
) -> tuple[Any, Features]:
    """Columns of Python values as an Arrow table and its features.

    Args:
        columns: Values by column name.
        features: The types to have; None to let the values decide.
        preferred: Types to have where the values fit them, and to do without where they don't.

    Returns:
        The table and the types its columns have.

    Raises:
        DatasetError: If columns differ in length, or values don't fit.
    """
    arrays: dict[str, Any] = {}
    found = Features()
    for name, values in columns.items():
        array = to_array(values, column=name)
        if features is not None:
            found[name] = features.require(name, purpose=" in features, but in the data")
            arrays[name] = cast_array(array, found[name], column=name)
        else:
            arrays[name], found[name] = _preferred(array, name, None if preferred is None else preferred.get(name))
    check_lengths({name: len(array) for name, array in arrays.items()})
    return pa.table(list(arrays.values()), schema=found.type_schema), found


def check_lengths(lengths: Mapping[str, int]) -> None:
    """Raise a DatasetError that names both numbers if columns differ in length."""
    first = next(iter(lengths), "")
    for name, length in lengths.items():
        if length != lengths[first]:
            raise DatasetError(f"column {name!r} has {length} rows, but column {first!r} has {lengths[first]}")


def _preferred(array: Any, name: str, feature: Any) -> tuple[Any, Any]:
    if feature is None and name in _TOKENIZER_TYPES and _innermost_is_int64(array.type):
        feature = feature_from_arrow(_with_innermost(array.type, _TOKENIZER_TYPES[name]))
    if feature is not None:
        try:
            return cast_array(array, feature, column=name), feature
        except DatasetError:
            pass
    feature = feature_from_arrow(array.type)
    return cast_array(array, feature, column=name), feature


def _innermost_is_int64(type_: Any) -> bool:
    while pa.types.is_list(type_):
        type_ = type_.value_type
    return bool(type_ == pa.int64())


def _with_innermost(type_: Any, innermost: Any) -> Any:
    return pa.list_(_with_innermost(type_.value_type, innermost)) if pa.types.is_list(type_) else innermost


class TableWriter:
    """Collects Arrow tables; the result is one table, in memory or memory-mapped.

    Types widen as chunks come: what was null or integer in the first chunk may become float in the last. Up to
    ``buffer_bytes`` stay in memory; beyond that, chunks go to ``path``, or to a temporary file that disappears with
    the process.
    """

    def __init__(self, path: Path | None = None, *, folder: Path | None = None, buffer_bytes: int = 64 << 20) -> None:
        self._path = path
        self._folder = folder
        self._buffer_bytes = buffer_bytes
        self._buffered: list[Any] = []
        self._size_bytes = 0
        self._features: Features | None = None
        self._file: Any = None
        self._spill: Path | None = None

    def write(self, table: Any, features: Features) -> None:
        """Add rows.

        Raises:
            DatasetError: If columns or types don't go with those before.
        """
        if self._features is None:
            self._features = features
        elif features != self._features:
            self._widen(table, features)
        self._buffered.append(table)
        self._size_bytes += table.nbytes
        if self._size_bytes > self._buffer_bytes:
            self._flush()

    def finish(self) -> tuple[Any, Features]:
        """The table and its features. With a ``path``, everything is in that file."""
        if self._features is None:
            self._features = Features()
        if self._path is None and self._file is None:
            return self._joined(), self._features
        self._flush()
        self._file.close()
        target = self._path or self._spill
        assert target is not None
        table = open_arrow(target)
        if self._spill is not None:
            # The mapping keeps the data alive; without a name, the space is free again when the process ends.
            self._spill.unlink()
        return table, self._features

    def abandon(self) -> None:
        """Drop what was written, after a failure."""
        if self._file is not None:
            self._file.close()
        if self._spill is not None:
            self._spill.unlink(missing_ok=True)

    def _joined(self) -> Any:
        assert self._features is not None
        schema = self._features.arrow_schema
        if not self._buffered:
            return schema.empty_table()
        return pa.concat_tables([self._conform(table) for table in self._buffered]).replace_schema_metadata(
            schema.metadata
        )

    def _conform(self, table: Any) -> Any:
        assert self._features is not None
        columns = []
        for name, feature in self._features.items():
            columns.append(
                cast_array(table[name], feature, column=name)
                if name in table.column_names
                else pa.nulls(table.num_rows, self._features.type_schema.field(name).type)
            )
        return pa.table(columns, schema=self._features.type_schema)

    def _flush(self) -> None:
        table = self._joined()
        if self._file is None:
            self._file = pa.ipc.new_stream(os.fspath(self._target()), table.schema)
        self._file.write_table(table.combine_chunks())
        self._buffered, self._size_bytes = [], 0

    def _target(self) -> Path:
        if self._path is not None:
            return self._path
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".map.", suffix=".arrow.tmp", dir=self._folder)
        os.close(handle)
        self._spill = Path(name)
        return self._spill

    def _widen(self, table: Any, features: Features) -> None:
        """Let the types hold what came before and what comes now; a file that has begun is written again."""
        assert self._features is not None
        wider = self._features.copy()
        for name, feature in features.items():
            before = wider.get(name, feature)
            if before != feature:
                try:
                    type_ = widen(self._features.type_schema.field(name).type, table.schema.field(name).type)
                except DatasetError as error:
                    raise DatasetError(f"column {name!r} changes its type on the way: {error}") from None
                same = type_ == self._features.type_schema.field(name).type
                before = before if same else feature_from_arrow(type_)
            wider[name] = before
        if wider == self._features:
            return
        self._features = wider
        if self._file is not None:
            self._file.close()
            target = self._path or self._spill
            assert target is not None
            again = target.with_name(target.name + ".wider")
            self._file = pa.ipc.new_stream(os.fspath(again), wider.arrow_schema)
            for batch in open_arrow(target).to_batches():
                self._file.write_table(self._conform(pa.Table.from_batches([batch])))
            # The open file keeps its name's successor: what follows is appended to it.
            again.replace(target)
