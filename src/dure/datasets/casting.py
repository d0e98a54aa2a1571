"""Arrow arrays to the types that features ask for: numbers, labels by name, lists of records to records of lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dure.datasets.schema import ClassLabel, Sequence, Value, storage_type, unknown_label
from dure.errors import DatasetError, LabelError

__all__ = ["cast_array", "encode_classes", "widen"]


def cast_array(array: Any, feature: Any, *, column: str) -> Any:
    """Cast an array (or chunked array) to the storage of a feature; returned as it is where nothing has to change.

    Raises:
        LabelError: If a label isn't a class of a `ClassLabel`.
        DatasetError: If a value doesn't fit; the message names the column.
    """
    if isinstance(array, pa.ChunkedArray):
        if _is_stored(array.type, feature):
            return array
        chunks = [cast_array(chunk, feature, column=column) for chunk in array.chunks]
        return pa.chunked_array(chunks, type=storage_type(feature))
    try:
        return _cast(array, feature, column)
    except pa.ArrowException as error:
        raise DatasetError(
            f"column {column!r} holds {array.type} and can't become {_described(feature)}: {str(error).splitlines()[0]}"
        ) from None


def _is_stored(type_: Any, feature: Any) -> bool:
    # Labels have their values checked, so equal types aren't enough for arrays that come from outside.
    return type_ == storage_type(feature) and not isinstance(feature, ClassLabel)


def _described(feature: Any) -> str:
    return feature.dtype if isinstance(feature, Value) else repr(feature)


def _cast(array: Any, feature: Any, column: str) -> Any:
    target = storage_type(feature)
    if isinstance(feature, ClassLabel):
        return _to_labels(array, feature, column)
    if array.type == target:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), target)
    if pa.types.is_dictionary(array.type):
        return _cast(array.dictionary_decode(), feature, column)
    if isinstance(feature, Mapping):
        return _cast_struct(array, feature, column)
    if isinstance(feature, Sequence) and isinstance(feature.feature, Mapping):
        if not pa.types.is_struct(array.type):
            array = _records_to_lists(array)
        inner = {name: Sequence(part, feature.length) for name, part in feature.feature.items()}
        return _cast_struct(array, inner, column)
    if isinstance(feature, (list, tuple)):
        return _cast_list(array, feature[0], -1, column)
    if isinstance(feature, Sequence):
        return _cast_list(array, feature.feature, feature.length, column)
    return array.cast(target)


def _cast_struct(array: Any, parts: Mapping[str, Any], column: str) -> Any:
    if not pa.types.is_struct(array.type):
        raise pa.ArrowInvalid("not a dictionary")
    there = {field.name for field in array.type}
    if extra := there - set(parts):
        raise pa.ArrowInvalid(f"field {min(extra)!r} isn't among {', '.join(map(repr, parts))}")
    # flatten() and not field(): it hands down the nulls of the records to their fields.
    fields = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
    children = [
        _cast(fields[name], part, f"{column}.{name}") if name in fields else pa.nulls(len(array), storage_type(part))
        for name, part in parts.items()
    ]
    described = [pa.field(name, child.type) for name, child in zip(parts, children, strict=True)]
    if not described:
        return pa.array([{}] * len(array), type=pa.struct([]))
    return pa.StructArray.from_arrays(children, fields=described, mask=_nulls(array))


def _cast_list(array: Any, inner: Any, length: int, column: str) -> Any:
    offsets, values = _offsets_and_values(array)
    values = _cast(values, inner, column)
    if length == -1:
        return pa.ListArray.from_arrays(pa.array(offsets, type=pa.int32()), values, mask=_nulls(array))
    lengths = np.diff(offsets)
    if array.null_count:
        # A missing list of fixed length still takes its place among the values: leave that case to Arrow.
        return pa.array(array.to_pylist(), type=pa.list_(values.type, length))
    if wrong := np.flatnonzero(lengths != length).tolist():
        raise pa.ArrowInvalid(f"row {wrong[0]} has {lengths[wrong[0]]} elements, not {length}")
    return pa.FixedSizeListArray.from_arrays(values, length)


def _offsets_and_values(array: Any) -> tuple[Any, Any]:
    """Offsets from 0 and the values they refer to, of any kind of list array, whatever it's a slice of."""
    if pa.types.is_fixed_size_list(array.type):
        if array.null_count:
            array = array.cast(pa.list_(array.type.value_type))
        else:
            size = array.type.list_size
            return np.arange(len(array) + 1) * size, array.flatten()
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        raise pa.ArrowInvalid("not a list")
    # A missing list may hide elements, which flatten() leaves out; counting lengths keeps both in step.
    lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0))
    return np.concatenate([[0], np.cumsum(lengths)]), array.flatten()


def _records_to_lists(array: Any) -> Any:
    """[{a: 1}, {a: 2}] in each row to {a: [1, 2]}."""
    offsets, records = _offsets_and_values(array)
    if not pa.types.is_struct(records.type):
        raise pa.ArrowInvalid("not a list of dictionaries")
    starts = pa.array(offsets, type=pa.int32())
    lists = [pa.ListArray.from_arrays(starts, child) for child in records.flatten()]
    names = [field.name for field in records.type]
    return pa.StructArray.from_arrays(lists, names=names, mask=_nulls(array))


def _nulls(array: Any) -> Any:
    return array.is_null() if array.null_count else None


def _to_labels(array: Any, feature: ClassLabel, column: str) -> Any:
    """Numbers are checked, names are looked up, nulls and -1 (no label) stay."""
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.int64())
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        distinct = array.dictionary_encode()
        numbers = []
        for name in distinct.dictionary.to_pylist():
            try:
                numbers.append(feature.str2int(name))
            except LabelError:
                row = distinct.indices.to_pylist().index(len(numbers))
                raise unknown_label(name, feature.names, f" in column {column!r}, row {row}") from None
        return pa.array(numbers, type=pa.int64()).take(distinct.indices)
    numbers = array.cast(pa.int64())
    bounds = pc.min_max(numbers).as_py()
    if bounds["max"] is not None and (bounds["max"] >= feature.num_classes or bounds["min"] < -1):
        wrong = bounds["max"] if bounds["max"] >= feature.num_classes else bounds["min"]
        raise LabelError(
            f"label number {wrong} in column {column!r} is out of range: the {feature.num_classes} classes are "
            f"{', '.join(feature.names[:20])}"
        )
    return numbers


def encode_classes(array: Any, *, include_nulls: bool) -> tuple[Any, ClassLabel]:
    """Turn plain values into labels: the classes are the distinct values as text, in alphabetical order."""
    texts = pa.chunked_array([_as_text(chunk) for chunk in array.chunks], type=pa.string())
    if include_nulls:
        texts = pc.fill_null(texts, "None")
    names = sorted(name for name in pc.unique(texts).to_pylist() if name is not None)
    label = ClassLabel(names=names)
    return pc.index_in(texts, pa.array(names, type=pa.string())).cast(pa.int64()), label


def _as_text(array: Any) -> Any:
    """Values as Python writes them: True, 1.0."""
    if pa.types.is_boolean(array.type) or pa.types.is_floating(array.type):
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], type=pa.string())
    return array.cast(pa.string())


def widen(first: Any, second: Any, *, mixed: Any = None) -> Any:
    """The narrowest Arrow type that holds the values of both: null < bool < int < float, then whatever text can hold.

    Args:
        first: A type.
        second: Another.
        mixed: The type for values that have nothing in common, such as numbers and texts; None to refuse them.

    Raises:
        DatasetError: If they have nothing in common and ``mixed`` is None.
    """
    if first == second or pa.types.is_null(second):
        return first
    if pa.types.is_null(first):
        return second
    if _is_any_list(first) and _is_any_list(second):
        return pa.list_(widen(first.value_type, second.value_type, mixed=mixed))
    if pa.types.is_struct(first) and pa.types.is_struct(second):
        return _widen_structs(first, second, mixed)
    if all(_is_number(type_) for type_ in (first, second)):
        return _wider_number(first, second)
    if all(pa.types.is_string(type_) or pa.types.is_large_string(type_) for type_ in (first, second)):
        return pa.large_string()
    if mixed is None:
        raise DatasetError(f"{first} and {second} don't go together in one column")
    return mixed


def _widen_structs(first: Any, second: Any, mixed: Any) -> Any:
    parts = {field.name: field.type for field in first}
    for field in second:
        parts[field.name] = widen(parts.get(field.name, pa.null()), field.type, mixed=mixed)
    return pa.struct(list(parts.items()))


def _is_any_list(type_: Any) -> bool:
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_))


def _is_number(type_: Any) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_))


def _wider_number(first: Any, second: Any) -> Any:
    kinds = [np.dtype(type_.to_pandas_dtype()) for type_ in (first, second)]
    wide = np.promote_types(*kinds)
    # numpy has no integer that holds both signs of 64 bits, and offers a float that is too short for either.
    if wide.kind == "f" and all(kind.kind in "iu" for kind in kinds):
        wide = np.dtype(np.float64)
    return pa.from_numpy_dtype(wide)
