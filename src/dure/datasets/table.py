"""What a data set is made of: an Arrow table, the rows chosen from it, and the types of its columns.

Choosing rows never copies them: it only changes ``indices``, which stays a range as long as it can, because a range is
read by slicing, without copying.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dure.datasets.casting import cast_array
from dure.datasets.schema import Features, missing_column

__all__ = ["Indices", "Table", "as_indices"]

#: Which rows, in which order; a range wherever possible.
Indices = range | NDArray[np.int64]

#: Rows that are read at once where a whole data set passes through memory.
_CHUNK_ROWS = 1000


@dataclass(frozen=True)
class Table:
    """Rows of an Arrow table. Immutable: every transform returns another.

    Attributes:
        arrow: The ``pyarrow.Table``, memory-mapped where it lies on disk. Its types are those of ``features``.
        features: The types of the columns.
        indices: Which rows of ``arrow`` these are; None for all.
        identity: What the rows are, computed from facts (a file's identity, the transforms since); None for rows that
            only exist in memory.
        files: The Arrow files behind ``arrow``; empty where it's in memory.
    """

    arrow: Any
    features: Features
    indices: Indices | None = None
    identity: str | None = None
    files: tuple[Path, ...] = ()

    @classmethod
    def from_arrow(
        cls,
        arrow: Any,
        features: Features | None = None,
        *,
        identity: str | None = None,
        files: tuple[Path, ...] = (),
    ) -> Table:
        """Take an Arrow table, cast to ``features`` where they're given and differ from what the schema says.

        Raises:
            ColumnError: If ``features`` names other columns than the table has.
            DatasetError: If values don't fit.
        """
        suggested = Features.from_arrow_schema(arrow.schema)
        if features is None:
            features = suggested
        if set(features) != set(arrow.column_names):
            absent = [name for name in features if name not in suggested]
            extra = [name for name in suggested if name not in features]
            if absent:
                raise missing_column(absent, suggested, " named in features")
            raise missing_column(extra, features, " in features, but in the data")
        columns = [cast_array(arrow[name], feature, column=name) for name, feature in features.items()]
        # zip of no columns would lose the number of rows, which a table without columns doesn't have anyway.
        arrow = pa.Table.from_arrays(columns, schema=features.type_schema)
        return cls(arrow, features, identity=identity, files=files)

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return self.arrow.num_rows if self.indices is None else len(self.indices)

    @property
    def rows(self) -> Indices:
        """The chosen rows' positions in ``arrow``."""
        return range(self.arrow.num_rows) if self.indices is None else self.indices

    def choose(self, indices: Indices, *, identity: str | None = None) -> Table:
        """Rows by position among the chosen ones; positions must be valid."""
        if isinstance(indices, range):
            chosen: Indices = self.rows[indices.start : _stop(indices) : indices.step] if len(indices) else range(0)
        else:
            chosen = indices if self.indices is None else np.asarray(self.rows, dtype=np.int64)[indices]
        return replace(self, indices=chosen, identity=identity)

    def read(self, indices: Indices | None = None) -> Any:
        """The rows (all, or some by position among the chosen ones) as a ``pyarrow.Table``."""
        rows = self.rows if indices is None else self.choose(indices).rows
        if isinstance(rows, range) and rows.step == 1:
            return self.arrow.slice(rows.start, len(rows))
        return self._gather(np.asarray(rows, dtype=np.int64))

    def row(self, position: int) -> Any:
        """One row, by a valid position among the chosen ones, as a ``pyarrow.RecordBatch`` of length 1."""
        row = int(self.rows[position])
        chunk = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._batches[chunk].slice(row - int(self._starts[chunk]), 1)

    def batches(self, size: int = _CHUNK_ROWS) -> Iterator[tuple[int, Any]]:
        """The rows in order as (position of the first, ``pyarrow.Table``), ``size`` at a time."""
        for start in range(0, self.num_rows, size):
            yield start, self.read(range(start, min(start + size, self.num_rows)))

    def column(self, name: str) -> Any:
        """One column as a ``pyarrow.ChunkedArray``.

        Raises:
            ColumnError: If there's no such column.
        """
        return self.columns([name]).read().column(0)

    def columns(self, names: list[str], *, purpose: str = "") -> Table:
        """The same rows with these columns only, in this order.

        Raises:
            ColumnError: If one doesn't exist.
        """
        if missing := [name for name in names if name not in self.features]:
            raise missing_column(missing, self.features, purpose)
        return replace(
            self, arrow=self.arrow.select(names), features=Features({n: self.features[n] for n in names}), identity=None
        )

    def flattened(self) -> Table:
        """The same rows as a table of their own, without indices."""
        if self.indices is None:
            return self
        chunks = [chunk for _, chunk in self.batches()]
        arrow = pa.concat_tables(chunks) if chunks else self.arrow.slice(0, 0)
        return replace(self, arrow=arrow, indices=None)

    @functools.cached_property
    def _batches(self) -> list[Any]:
        return [batch for batch in self.arrow.to_batches() if batch.num_rows]

    @functools.cached_property
    def _starts(self) -> NDArray[np.int64]:
        lengths = [batch.num_rows for batch in self._batches]
        return np.cumsum([0, *lengths[:-1]], dtype=np.int64)

    def _gather(self, rows: NDArray[np.int64]) -> Any:
        """Copy rows out of the chunks that hold them: each chunk is visited once, then the order is restored.

        Arrow's own ``take`` on a table of many chunks first joins them, which copies everything and can overflow.
        """
        if len(self._batches) <= 1:
            whole = self._batches or [self.arrow.slice(0, 0).combine_chunks()]
            return pa.Table.from_batches([whole[0].take(pa.array(rows))]) if self._batches else self.arrow.slice(0, 0)
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        chunks = np.searchsorted(self._starts, ordered, side="right") - 1
        edges = np.flatnonzero(np.diff(chunks)) + 1
        parts = [
            self._batches[chunk].take(pa.array(ordered[first:last] - self._starts[chunk]))
            for first, last, chunk in zip([0, *edges], [*edges, len(ordered)], chunks[[0, *edges]], strict=True)
        ]
        table = pa.Table.from_batches(parts)
        if np.array_equal(order, np.arange(len(order))):
            return table
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return table.combine_chunks().take(pa.array(back))


def _stop(indices: range) -> int | None:
    """Where a slice that equals the range stops; None where a falling range reaches position 0."""
    last = indices[-1] + (1 if indices.step > 0 else -1)
    return last if last >= 0 else None


def as_indices(positions: Any, num_rows: int) -> Indices:
    """Check positions as users give them, and turn them into a range where they are one.

    Args:
        positions: A range, list, array, or iterable of whole numbers; negative ones count from the end.
        num_rows: How many rows there are.

    Raises:
        IndexError: If a position is out of range.
    """
    if isinstance(positions, range) and (not positions or (min(positions) >= 0 and max(positions) < num_rows)):
        return positions
    if not hasattr(positions, "__len__"):
        positions = list(positions)
    if not len(positions):
        return range(0)
    array = np.asarray(positions)
    if array.dtype == bool:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise TypeError(f"row positions must be whole numbers, not {positions!r:.80}")
    array = array.astype(np.int64)
    wrong = array[(array >= num_rows) | (array < -num_rows)]
    if len(wrong):
        raise IndexError(f"row {wrong[0]} is out of range: the data set has {num_rows} rows")
    array = np.where(array < 0, array + num_rows, array)
    # A run of neighbours is a range; checking the ends first makes the common "no" instant.
    if array[-1] - array[0] == len(array) - 1 and np.array_equal(array, np.arange(array[0], array[-1] + 1)):
        return range(int(array[0]), int(array[-1]) + 1)
    return array
