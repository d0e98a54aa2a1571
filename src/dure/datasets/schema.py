"""The types of a data set's columns, and how they're stored in an Arrow schema.

The classes print, compare and serialise as those of the ``datasets`` library, so that either library reads what the
other wrote: the features travel as JSON under the key ``huggingface`` of the Arrow schema's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import pyarrow as pa

from dure.datasets.dtypes import arrow_type, dtype_name
from dure.errors import ColumnError, DatasetError, LabelError
from dure.typing import JsonObject, PathLike

__all__ = ["ClassLabel", "Features", "Sequence", "Value", "feature_from_arrow", "missing_column", "storage_type"]

_METADATA_KEY = b"huggingface"


@dataclass
class Value:
    """A column of plain values: numbers, truth values, texts, dates.

    Attributes:
        dtype: "int64", "float32", "string", "bool", "timestamp[s]", ...

    >>> Value("double")
    Value(dtype='float64', id=None)
    """

    dtype: str
    id: str | None = None

    def __post_init__(self) -> None:
        self.dtype = dtype_name(arrow_type(self.dtype))


@dataclass
class ClassLabel:
    """A column of named classes, stored as numbers from 0.

    Attributes:
        names: What the classes are called, in the order of their numbers.
        num_classes: How many there are; alone, it names them "0", "1", ...

    >>> ClassLabel(names=["ham", "spam"]).str2int("spam")
    1
    """

    # Not shown and not compared: it follows from the names.
    num_classes: int = field(default=None, repr=False)  # type: ignore[assignment]
    names: list[str] = field(default=None)  # type: ignore[arg-type]
    names_file: PathLike | None = field(default=None, repr=False)
    id: str | None = None

    def __post_init__(self) -> None:
        if self.names_file is not None and self.names is not None:
            raise DatasetError("ClassLabel takes names or names_file, not both")
        if self.names_file is not None:
            lines = Path(self.names_file).read_text(encoding="utf-8").splitlines()
            self.names, self.names_file = [line.strip() for line in lines if line.strip()], None
        if self.names is None and self.num_classes is None:
            raise DatasetError("ClassLabel needs names=[...] or num_classes=N")
        if self.names is None:
            self.names = [str(number) for number in range(self.num_classes)]
        self.names = [str(name) for name in self.names]
        if self.num_classes not in (None, len(self.names)):
            raise DatasetError(f"ClassLabel has num_classes={self.num_classes} but {len(self.names)} names")
        self.num_classes = len(self.names)
        if len(set(self.names)) < len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise DatasetError(f"ClassLabel names must differ, but these appear twice: {', '.join(twice)}")

    @property
    def dtype(self) -> str:
        """How the numbers are stored."""
        return "int64"

    @overload
    def str2int(self, values: str) -> int: ...  # type: ignore[overload-overlap]
    @overload
    def str2int(self, values: SequenceOf[str]) -> list[int]: ...
    def str2int(self, values: str | SequenceOf[str]) -> int | list[int]:
        """The number of a class (or of each of several), by name. A name that is a number in digits also counts.

        Raises:
            LabelError: If there's no such class; the message lists the names.
        """
        if isinstance(values, str):
            return self._number_of(values)
        return [self._number_of(value) for value in values]

    @overload
    def int2str(self, values: int) -> str: ...
    @overload
    def int2str(self, values: SequenceOf[int]) -> list[str]: ...
    def int2str(self, values: int | SequenceOf[int]) -> str | list[str]:
        """The name of a class (or of each of several), by number.

        Raises:
            LabelError: If the number isn't that of a class.
        """
        if hasattr(values, "__iter__"):
            return [self._name_of(int(value)) for value in values]
        return self._name_of(int(values))

    def _number_of(self, name: str) -> int:
        for candidate in (str(name), str(name).strip()):
            if candidate in self.names:
                return self.names.index(candidate)
        try:
            number = int(name)
        except ValueError:
            number = -1
        if 0 <= number < self.num_classes:
            return number
        raise unknown_label(name, self.names)

    def _name_of(self, number: int) -> str:
        if not 0 <= number < self.num_classes:
            raise LabelError(f"label number {number} is out of range: there are {self.num_classes} classes, from 0")
        return self.names[number]


def unknown_label(label: object, names: SequenceOf[str], where: str = "") -> LabelError:
    """The error for a label that isn't one of the known names."""
    shown = ", ".join(repr(name) for name in names[:20]) + (f" ... ({len(names)} in all)" if len(names) > 20 else "")
    return LabelError(f"unknown label {label!r}{where}: the classes are {shown}")


@dataclass
class Sequence:
    """A column of lists. A dictionary of features inside means a dictionary of lists.

    Attributes:
        feature: The type of an element.
        length: How many elements each list has; -1 where it varies.

    >>> Sequence(Value("int32"))
    Sequence(feature=Value(dtype='int32', id=None), length=-1, id=None)
    """

    feature: Any
    length: int = -1
    id: str | None = None


class Features(dict[str, Any]):
    """The types of a data set's columns, by name: `Value`, `ClassLabel`, `Sequence`, a nested dict, or `[feature]`.

    >>> Features({"text": Value("string")}).arrow_schema.field("text").type
    DataType(string)
    """

    @property
    def arrow_schema(self) -> Any:
        """The ``pyarrow.Schema`` that stores these columns, with the features in its metadata."""
        metadata = {_METADATA_KEY: json.dumps({"info": {"features": self.to_dict()}})}
        return self.type_schema.with_metadata(metadata)

    @property
    def type_schema(self) -> Any:
        """The ``pyarrow.Schema`` without metadata."""
        return pa.schema([(name, storage_type(feature)) for name, feature in self.items()])

    @classmethod
    def from_arrow_schema(cls, schema: Any) -> Features:
        """The features that a schema carries in its metadata, or else those that its types suggest."""
        stored = json.loads((schema.metadata or {}).get(_METADATA_KEY, b"{}"))
        described = (stored.get("info") or {}).get("features") or {}
        known = cls.from_dict(described) if set(described) == set(schema.names) else cls()
        return cls({f.name: known[f.name] if f.name in known else feature_from_arrow(f.type) for f in schema})

    def to_dict(self) -> JsonObject:
        """The features as JSON, as they're stored in files."""
        return {name: _to_json(feature) for name, feature in self.items()}

    @classmethod
    def from_dict(cls, described: JsonObject) -> Features:
        """The inverse of :meth:`to_dict`; also reads what newer releases of ``datasets`` write."""
        return cls({name: _from_json(feature) for name, feature in described.items()})

    def copy(self) -> Features:
        """The same features in a new dictionary."""
        return Features(self)

    def require(self, name: str, *, purpose: str = "") -> Any:
        """The feature of a column.

        Raises:
            ColumnError: If there's no such column; the message lists those that exist.
        """
        if name not in self:
            raise missing_column([name], self, purpose)
        return self[name]


def missing_column(names: SequenceOf[str], existing: Any, purpose: str = "") -> ColumnError:
    """The error for columns that don't exist: it names them and lists those that do."""
    noun = "column" if len(names) == 1 else "columns"
    wanted, there = ", ".join(map(repr, names)), ", ".join(map(repr, existing)) or "(none)"
    return ColumnError(f"no {noun} {wanted}{purpose}; the columns are {there}")


def storage_type(feature: Any) -> Any:
    """The Arrow type that stores a feature."""
    if isinstance(feature, Value):
        return arrow_type(feature.dtype)
    if isinstance(feature, ClassLabel):
        return pa.int64()
    if isinstance(feature, Mapping):
        return pa.struct([(name, storage_type(part)) for name, part in feature.items()])
    if isinstance(feature, (list, tuple)) and len(feature) == 1:
        return pa.list_(storage_type(feature[0]))
    if isinstance(feature, Sequence):
        # A list of records is stored by columns: one list for each field.
        if isinstance(feature.feature, Mapping):
            parts = feature.feature.items()
            return pa.struct([(name, pa.list_(storage_type(part), feature.length)) for name, part in parts])
        return pa.list_(storage_type(feature.feature), feature.length)
    raise DatasetError(f"{feature!r} isn't a feature: use Value, ClassLabel, Sequence, a dict or a list of one feature")


def feature_from_arrow(type_: Any) -> Any:
    """The feature that an Arrow type suggests."""
    if pa.types.is_struct(type_):
        return {field.name: feature_from_arrow(field.type) for field in type_}
    if pa.types.is_fixed_size_list(type_):
        return Sequence(feature_from_arrow(type_.value_type), length=type_.list_size)
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        inner = feature_from_arrow(type_.value_type)
        return [inner] if isinstance(inner, (dict, list)) else Sequence(inner)
    if pa.types.is_dictionary(type_):
        return feature_from_arrow(type_.value_type)
    return Value(dtype_name(type_))


def _to_json(feature: Any) -> Any:
    if isinstance(feature, Mapping):
        return {name: _to_json(part) for name, part in feature.items()}
    if isinstance(feature, (list, tuple)):
        return [_to_json(part) for part in feature]
    named = {"id": feature.id} if feature.id is not None else {}
    if isinstance(feature, Value):
        return {"dtype": feature.dtype, **named, "_type": "Value"}
    if isinstance(feature, ClassLabel):
        return {"names": feature.names, **named, "_type": "ClassLabel"}
    length = {"length": feature.length} if feature.length != -1 else {}
    return {"feature": _to_json(feature.feature), **length, **named, "_type": "Sequence"}


def _from_json(described: Any) -> Any:
    if isinstance(described, list):
        return [_from_json(part) for part in described]
    kind = described.get("_type")
    # A nested dictionary may have a field that is itself called "_type".
    if not isinstance(kind, str):
        return {name: _from_json(part) for name, part in described.items()}
    if kind == "Value":
        return Value(described["dtype"], id=described.get("id"))
    if kind == "ClassLabel":
        names = described.get("names")
        return ClassLabel(described.get("num_classes") if names is None else None, names, id=described.get("id"))  # type: ignore[arg-type]
    if kind in {"Sequence", "List", "LargeList"}:
        inner = _from_json(described["feature"])
        if kind != "Sequence" and isinstance(inner, (dict, list)):
            return [inner]
        return Sequence(inner, length=described.get("length", -1), id=described.get("id"))
    raise DatasetError(
        f"the data set has a column of type {kind!r}; supported are Value, ClassLabel, Sequence and List"
    )
