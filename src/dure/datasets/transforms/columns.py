"""Which columns, under which names, of which types."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dure.datasets import fingerprint
from dure.datasets.casting import cast_array, encode_classes
from dure.datasets.schema import Features, missing_column
from dure.datasets.table import Table
from dure.datasets.writer import check_lengths, columns_to_table
from dure.errors import ColumnError, DatasetError

__all__ = ["added", "cast", "class_encoded", "removed", "renamed"]


def removed(table: Table, names: list[str]) -> Table:
    """All columns but these.

    Raises:
        ColumnError: One doesn't exist.
    """
    if absent := [name for name in names if name not in table.features]:
        raise missing_column(absent, table.features, " to remove")
    kept = table.columns([name for name in table.features if name not in names])
    return replace(kept, identity=_next(table, "remove", names))


def renamed(table: Table, mapping: dict[str, str]) -> Table:
    """Columns under new names.

    Raises:
        ColumnError: An old name doesn't exist.
        DatasetError: Two columns would have the same name.
    """
    if absent := [name for name in mapping if name not in table.features]:
        raise missing_column(absent, table.features, " to rename")
    names = [mapping.get(name, name) for name in table.features]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DatasetError(f"renaming would make two columns {twice[0]!r}; choose another name")
    features = Features(dict(zip(names, table.features.values(), strict=True)))
    arrow = table.arrow.rename_columns(names)
    return replace(table, arrow=arrow, features=features, identity=_next(table, "rename", sorted(mapping.items())))


def added(table: Table, name: str, values: Any, feature: Any) -> Table:
    """One more column.

    Raises:
        ColumnError: There is one of that name.
        DatasetError: Not one value for each row.
    """
    if name in table.features:
        raise ColumnError(f"there is a column {name!r} already; remove or rename it first")
    features = None if feature is None else Features({name: feature})
    column, found = columns_to_table({name: values}, features=features)
    check_lengths({"(the rows)": table.num_rows, name: column.num_rows})
    flat = table.flattened()
    arrow = flat.arrow.append_column(name, column.column(0))
    return replace(flat, arrow=arrow, features=Features({**table.features, **found}), identity=None)


def cast(table: Table, features: Features) -> Table:
    """Columns of other types.

    Raises:
        ColumnError: The names aren't those of the columns.
        DatasetError: Values don't fit.
    """
    if absent := [name for name in table.features if name not in features]:
        raise missing_column(absent, features, " of the data set in features")
    arrow = table.arrow
    for place, name in enumerate(table.features):
        feature = features[name]
        if feature != table.features[name]:
            arrow = arrow.set_column(place, name, cast_array(arrow[name], feature, column=name))
    ordered = Features({name: features[name] for name in table.features})
    return replace(table, arrow=arrow, features=ordered, identity=_next(table, "cast", ordered.to_dict()))


def class_encoded(table: Table, name: str, include_nulls: bool) -> Table:
    """A column's values as numbers of classes, which are named in sorted order."""
    table.features.require(name)
    flat = table.flattened()
    array, label = encode_classes(flat.arrow[name], include_nulls=include_nulls)
    place = list(flat.features).index(name)
    features = Features({**flat.features, name: label})
    arrow = flat.arrow.set_column(place, name, array)
    return replace(flat, arrow=arrow, features=features, identity=_next(table, "encode", name, include_nulls))


def _next(table: Table, what: str, *facts: Any) -> str | None:
    return None if table.identity is None else fingerprint.of(table.identity, what, *facts)
