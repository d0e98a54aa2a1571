"""``map``: a user's function over all rows, with the result in the cache where its facts are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from dure.datasets import fingerprint
from dure.datasets.cache import cache_folder, stored
from dure.datasets.formats import Formatter
from dure.datasets.schema import Features, missing_column
from dure.datasets.table import Table
from dure.datasets.writer import TableWriter, check_lengths, columns_to_table
from dure.errors import DatasetError, InputError
from dure.progress import bar

__all__ = ["LazyRows", "Mapped", "arguments_of"]


class LazyRows(MutableMapping[str, Any]):
    """A row or a batch whose columns are converted when they are read."""

    def __init__(self, part: Any, formatter: Formatter, row: int | None = None) -> None:
        self._part, self._formatter, self._row = part, formatter, row
        self._read: dict[str, Any] = {}
        self._names = dict.fromkeys(part.column_names)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise missing_column([name], self._names)
        if name not in self._read:
            column = self._part.column(name)
            if self._row is None:
                self._read[name] = self._formatter.column(column)
            else:
                self._read[name] = self._formatter.column(column.slice(self._row, 1))[0]
        return self._read[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._names[name] = None
        self._read[name] = value

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        self._read.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))


def arguments_of(
    part: Any, formatter: Formatter, start: int, *, row: int | None, input_columns: list[str] | None, with_indices: bool
) -> list[Any]:
    """What the function gets: the row (or batch) or some of its columns, and its position (or positions)."""
    rows = LazyRows(part, formatter, row)
    arguments: list[Any] = [rows] if input_columns is None else [rows[name] for name in input_columns]
    if with_indices:
        arguments.append(list(range(start, start + part.num_rows)) if row is None else start + row)
    return arguments


@dataclass
class Mapped:
    """How to map.

    Attributes:
        function: ``(row or batch, ...)`` to a dictionary of columns to add or replace, or None to change nothing.
        formatter: What the function gets values as.
        is_batched: The function takes a batch at a time.
        batch_size: Rows of a batch.
        with_indices: The function gets positions too.
        input_columns: The function gets these columns as arguments.
        remove_columns: Columns to drop.
        features: The types that the result has.
        kwargs: More arguments of the function.
        is_cached: Keep the result where its facts are known.
        description: What the progress bar says.
    """

    function: Callable[..., Any]
    formatter: Formatter
    is_batched: bool = False
    batch_size: int = 1000
    with_indices: bool = False
    input_columns: list[str] | None = None
    remove_columns: list[str] = field(default_factory=list)
    features: Features | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    is_cached: bool = True
    description: str | None = None

    def over(self, table: Table) -> Table:
        """The rows with the function's columns.

        Raises:
            ColumnError: A column that is named doesn't exist.
            DatasetError: The function returned something that can't be columns.
        """
        for names, purpose in ((self.remove_columns, " to remove"), (self.input_columns or [], " in input_columns")):
            if absent := [name for name in names if name not in table.features]:
                raise missing_column(absent, table.features, purpose)
        identity = self._identity(table)
        if identity is None or not self.is_cached:
            writer = TableWriter(folder=cache_folder())
            try:
                self._write(table, writer)
                arrow, features = writer.finish()
            except BaseException:
                writer.abandon()
                raise
            return Table.from_arrow(arrow, features)
        path = cache_folder() / "maps" / f"{identity}.arrow"

        def write(temporary: Any) -> None:
            writer = TableWriter(temporary)
            try:
                self._write(table, writer)
            except BaseException:
                writer.abandon()
                raise
            writer.finish()

        return Table.from_arrow(stored(path, write), identity=identity, files=(path,))

    def _identity(self, table: Table) -> str | None:
        if table.identity is None:
            return None
        types = None if self.features is None else self.features.to_dict()
        facts = (self.is_batched, self.batch_size, self.with_indices, self.input_columns, self.remove_columns, types)
        return fingerprint.of(table.identity, "map", self.function, self.kwargs, type(self.formatter).__name__, facts)

    def _write(self, table: Table, writer: TableWriter) -> None:
        if table.num_rows == 0:
            kept = [name for name in table.features if name not in self.remove_columns]
            empty = table.columns(kept)
            writer.write(empty.read().select(kept), empty.features)
            return
        size = self.batch_size if self.is_batched else 1000
        with bar(total=table.num_rows, description=self.description or "map", unit="row") as shown:
            for start, part in table.batches(size):
                columns = self._batch(part, start) if self.is_batched else self._rows(part, start)
                writer.write(*self._merged(part, table.features, columns))
                shown.update(part.num_rows)

    def _call(self, part: Any, start: int, row: int | None) -> Mapping[str, Any] | None:
        arguments = arguments_of(
            part, self.formatter, start, row=row, input_columns=self.input_columns, with_indices=self.with_indices
        )
        result = self.function(*arguments, **self.kwargs)
        if result is None or isinstance(result, Mapping):
            return result
        raise DatasetError(
            f"map: the function returned {type(result).__name__} for row {start + (row or 0)}; it must return a "
            "dictionary of columns, or None"
        )

    def _batch(self, part: Any, start: int) -> dict[str, Any]:
        result = self._call(part, start, None)
        if isinstance(result, LazyRows):
            return dict(result)
        return dict(result or {})

    def _rows(self, part: Any, start: int) -> dict[str, list[Any]]:
        results = [self._call(part, start, row) for row in range(part.num_rows)]
        present = [result for result in results if result is not None]
        if present and len(present) < len(results):
            raise DatasetError("map: the function returned None for some rows and a dictionary for others")
        names = dict.fromkeys(name for result in present for name in result)
        return {name: [result.get(name) for result in present] for name in names}

    def _merged(self, part: Any, features: Features, columns: dict[str, Any]) -> tuple[Any, Features]:
        """The columns that stay, with their Arrow data as it is, and the new ones."""
        kept = {name: features[name] for name in features if name not in self.remove_columns and name not in columns}
        preferred = features if self.features is None else None
        given = None if self.features is None else Features({n: self.features.require(n) for n in columns})
        new, found = columns_to_table(columns, features=given, preferred=preferred)
        if columns and kept:
            check_lengths({next(iter(kept)): part.num_rows, next(iter(columns)): new.num_rows})
        order = [name for name in features if name in kept or name in columns]
        order += [name for name in columns if name not in features]
        sources = {name: new if name in columns else part for name in order}
        merged = Features({name: found[name] if name in columns else kept[name] for name in order})
        if not order:
            raise InputError("map: no column is left; remove fewer, or return some")
        return pa.table([sources[name][name] for name in order], schema=merged.type_schema), merged
