"""Dataset: the facade over an Arrow table. Each method says what it gives and delegates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np

from dure.datasets.formats import Format, Formatter, formatter_for, known_type
from dure.datasets.schema import Features
from dure.datasets.table import Table, as_indices
from dure.datasets.transforms import columns as columns_
from dure.datasets.transforms import rows
from dure.datasets.transforms.mapping import Mapped, arguments_of
from dure.datasets.writer import columns_to_table
from dure.errors import DatasetError, InputError

__all__ = ["Dataset"]


class _Access:
    """Construction, facts, rows and columns."""

    def __init__(self, table: Table, format_: Format | None = None, split: str | None = None) -> None:
        self._table = table
        self._format = format_ or Format()
        self.split = split

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any], features: Features | None = None, split: str | None = None) -> Self:
        """From columns of Python values, arrays or tensors.

        Raises:
            DatasetError: Columns differ in length, or values in type.
        """
        arrow, found = columns_to_table(mapping, features=features)
        return cls(Table.from_arrow(arrow, found), split=split)

    @classmethod
    def from_list(cls, mapping: list[dict[str, Any]], features: Features | None = None) -> Self:
        """From rows; what a row lacks is None."""
        names = dict.fromkeys(name for row in mapping for name in row)
        return cls.from_dict({name: [row.get(name) for row in mapping] for name in names}, features)

    @classmethod
    def from_pandas(cls, df: Any, features: Features | None = None) -> Self:
        """From a pandas data frame, without its index."""
        import pyarrow as pa

        return cls(Table.from_arrow(pa.Table.from_pandas(df, preserve_index=False).replace_schema_metadata(), features))

    @property
    def features(self) -> Features:
        """The types of the columns."""
        return self._table.features.copy()

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self._table.features)

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return self._table.num_rows

    @property
    def num_columns(self) -> int:
        """How many columns there are."""
        return len(self._table.features)

    @property
    def shape(self) -> tuple[int, int]:
        """``(rows, columns)``."""
        return self.num_rows, self.num_columns

    def __len__(self) -> int:
        return self.num_rows

    def __repr__(self) -> str:
        return f"Dataset({{\n    features: {self.column_names},\n    num_rows: {self.num_rows}\n}})"

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._formatter.column(self._table.column(key))
        table = self._visible
        if isinstance(key, (int, np.integer)):
            if not -len(self) <= key < len(self):
                raise IndexError(f"row {key} is out of range: the data set has {len(self)} rows")
            return self._formatter.row(table.row(int(key) % len(self)))
        chosen = range(*key.indices(len(self))) if isinstance(key, slice) else as_indices(key, len(self))
        return self._formatter.batch(table.read(chosen))

    def __iter__(self) -> Iterator[Any]:
        formatter, table = self._formatter, self._visible
        for _, part in table.batches():
            if formatter.is_columnar:
                batch = formatter.batch(part)
                names = list(batch)
                for values in zip(*batch.values(), strict=True):
                    yield dict(zip(names, values, strict=True))
            else:
                for row in range(part.num_rows):
                    yield formatter.row(part.slice(row, 1).to_batches()[0])

    def list_lengths(self, name: str) -> list[int]:
        """How many elements each list of a column has."""
        import pyarrow.compute as pc

        return [length or 0 for length in pc.list_value_length(self._table.column(name)).to_pylist()]

    def unique(self, column: str) -> list[Any]:
        """The values of a column, each once, in the order in which they first come."""
        values: list[Any] = self._table.column(column).unique().to_pylist()
        return values

    @property
    def _formatter(self) -> Formatter:
        return formatter_for(self._format)

    @property
    def _visible(self) -> Table:
        """The table with the columns that the format shows."""
        if self._format.columns is None or self._format.output_all_columns:
            return self._table
        return self._table.columns(list(self._format.columns))

    def _with(self, table: Table) -> Self:
        """Another table in the same format."""
        shown = self._format.columns
        if shown is not None:
            shown = tuple(name for name in shown if name in table.features)
        return type(self)(table, replace(self._format, columns=shown), self.split)


class _Rows(_Access):
    """Choosing and ordering rows."""

    def select(self, indices: Any) -> Self:
        """Rows by position: a range, a list, an array."""
        return self._with(rows.selected(self._table, indices))

    def take(self, n: int) -> Self:
        """The first rows."""
        return self.select(range(min(n, len(self))))

    def skip(self, n: int) -> Self:
        """All but the first rows."""
        return self.select(range(min(n, len(self)), len(self)))

    def shuffle(self, seed: int | None = None, generator: Any = None) -> Self:
        """Rows in random order; the same seed always gives the same one."""
        return self._with(rows.shuffled(self._table, seed, generator))

    def sort(self, column_names: str | list[str], reverse: bool | list[bool] = False) -> Self:
        """Rows ordered by columns."""
        names = [column_names] if isinstance(column_names, str) else column_names
        return self._with(rows.sorted_by(self._table, names, reverse))

    def filter(
        self,
        function: Callable[..., Any],
        with_indices: bool = False,
        input_columns: str | list[str] | None = None,
        batched: bool = False,
        batch_size: int | None = 1000,
        fn_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Rows for which the function returns something true; with ``batched``, it returns a list of truth values."""
        formatter, names = self._formatter, [input_columns] if isinstance(input_columns, str) else input_columns

        def keep(start: int, part: Any) -> list[Any]:
            calls = [None] if batched else range(part.num_rows)
            found = [
                function(
                    *arguments_of(part, formatter, start, row=row, input_columns=names, with_indices=with_indices),
                    **(fn_kwargs or {}),
                )
                for row in calls
            ]
            return found[0] if batched else found

        return self._with(rows.filtered(self._table, keep, batch_size or max(1, len(self))))

    def train_test_split(
        self,
        test_size: float | None = None,
        train_size: float | None = None,
        shuffle: bool = True,
        stratify_by_column: str | None = None,
        seed: int | None = None,
        generator: Any = None,
    ) -> Any:
        """Two parts, "train" and "test"; sizes are shares (0.2) or numbers of rows (100).

        Args:
            test_size: Of the test part; a quarter by default.
            train_size: Of the training part; by default what is left.
            shuffle: Mix the rows first.
            stratify_by_column: Keep the proportions of this column's classes in both parts.
            seed: The same seed gives the same parts.
            generator: A NumPy generator in place of the seed.
        """
        from dure.datasets.dataset_dict import DatasetDict

        sizes = rows.split_sizes(len(self), test_size, train_size)
        random = generator if generator is not None else np.random.default_rng(seed)
        train, test = rows.train_test_indices(
            self._table, sizes, random, is_shuffled=shuffle, stratify_by=stratify_by_column
        )
        parts: dict[str, Any] = {"train": self.select(train), "test": self.select(test)}
        return DatasetDict(parts)

    def flatten_indices(self) -> Self:
        """The same rows, lying in order."""
        return self._with(self._table.flattened())


class _Columns(_Rows):
    """Choosing, naming and typing columns."""

    def rename_column(self, original_column_name: str, new_column_name: str) -> Self:
        """A column under another name."""
        return self.rename_columns({original_column_name: new_column_name})

    def rename_columns(self, column_mapping: dict[str, str]) -> Self:
        """Columns under other names."""
        return self._with(columns_.renamed(self._table, column_mapping))

    def remove_columns(self, column_names: str | list[str]) -> Self:
        """All columns but these."""
        return self._with(columns_.removed(self._table, _listed(column_names)))

    def select_columns(self, column_names: str | list[str]) -> Self:
        """Only these columns, in this order."""
        return self._with(self._table.columns(_listed(column_names)))

    def add_column(self, name: str, column: Any, feature: Any = None) -> Self:
        """One more column, with a value for each row."""
        return self._with(columns_.added(self._table, name, column, feature))

    def cast(self, features: Features) -> Self:
        """Columns of other types."""
        return self._with(columns_.cast(self._table, features))

    def cast_column(self, column: str, feature: Any) -> Self:
        """A column of another type."""
        self._table.features.require(column)
        return self.cast(Features({**self._table.features, column: feature}))

    def class_encode_column(self, column: str, include_nulls: bool = False) -> Self:
        """A column's values as numbers of classes, named in sorted order."""
        return self._with(columns_.class_encoded(self._table, column, include_nulls))


class Dataset(_Columns):
    """Rows of named, typed columns, in Arrow, memory-mapped where they come from files. Transforms return another.

    ``dataset[0]`` is a row, ``dataset[:3]`` and ``dataset[[5, 2]]`` are dictionaries of columns, ``dataset["text"]`` is
    a column.
    """

    def map(
        self,
        function: Callable[..., Any],
        with_indices: bool = False,
        input_columns: str | list[str] | None = None,
        batched: bool = False,
        batch_size: int | None = 1000,
        remove_columns: str | list[str] | None = None,
        features: Features | None = None,
        fn_kwargs: dict[str, Any] | None = None,
        load_from_cache_file: bool = True,
        num_proc: int | None = None,
        desc: str | None = None,
    ) -> Self:
        """Columns that a function computes, added or replaced.

        Args:
            function: Gets a row (with ``batched``, a dictionary of columns) and returns a dictionary of columns.
            with_indices: The function also gets the row's position.
            input_columns: The function gets these columns as arguments instead of the row.
            batched: Call the function with many rows at a time; it may return another number of rows.
            batch_size: How many; None for all.
            remove_columns: Columns to drop.
            features: The types of the result; by default the values decide.
            fn_kwargs: More arguments of the function.
            load_from_cache_file: Keep the result, and take it from the cache the next time.
            num_proc: Accepted; one process is used, and Dure's tokenizers use all cores in it.
            desc: What the progress bar says.

        Raises:
            DatasetError: The function returned something that can't be columns.
        """
        del num_proc
        mapped = Mapped(
            function,
            self._formatter,
            is_batched=batched,
            batch_size=batch_size or max(1, len(self)),
            with_indices=with_indices,
            input_columns=None if input_columns is None else _listed(input_columns),
            remove_columns=_listed(remove_columns or []),
            features=features,
            kwargs=fn_kwargs or {},
            is_cached=load_from_cache_file,
            description=desc,
        )
        return self._with(mapped.over(self._table))

    def with_format(
        self, type: str | None = None, columns: list[str] | None = None, output_all_columns: bool = False, **kwargs: Any
    ) -> Self:
        """The same rows as "torch" tensors, "numpy" arrays, "pandas" or "arrow" tables, or Python values (None)."""
        if columns is not None:
            self._table.columns(columns)  # raises where one doesn't exist
        shown = None if columns is None else tuple(columns)
        return self.__class__(self._table, Format(known_type(type), shown, output_all_columns, kwargs), self.split)

    def set_format(
        self, type: str | None = None, columns: list[str] | None = None, output_all_columns: bool = False, **kwargs: Any
    ) -> None:
        """:meth:`with_format`, on this object."""
        self._format = self.with_format(type, columns, output_all_columns, **kwargs)._format

    def reset_format(self) -> None:
        """Back to Python values."""
        self._format = Format()

    def to_dict(self) -> dict[str, list[Any]]:
        """All columns as lists."""
        result: dict[str, list[Any]] = formatter_for(Format()).batch(self._table.read())
        return result

    def to_list(self) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
        return list(self.with_format(None))

    def to_pandas(self) -> Any:
        """A pandas data frame."""
        return self._table.read().to_pandas()

    def to_csv(self, path_or_buf: Any) -> None:
        """Write a CSV file with a header."""
        import pyarrow.csv as csv

        from dure.hub.commit import atomic_file

        with atomic_file(path_or_buf) as temporary:
            csv.write_csv(self._table.read(), temporary)

    def to_json(self, path_or_buf: Any) -> None:
        """Write one JSON object per line."""
        import json

        from dure.hub.commit import atomic_file

        with atomic_file(path_or_buf) as temporary, temporary.open("w", encoding="utf-8") as file:
            for row in self.with_format(None):
                try:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                except TypeError as error:
                    raise DatasetError(f"a row can't be written as JSON: {error}") from error


def _listed(names: str | list[str]) -> list[str]:
    if isinstance(names, str):
        return [names]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"column names must be texts, not {names!r:.80}")
    return list(names)
