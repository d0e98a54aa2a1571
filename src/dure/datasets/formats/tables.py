"""Whole tables out: pandas data frames (where pandas is installed) and Arrow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from dure.datasets.formats.base import Formatter

__all__ = ["ArrowFormatter", "PandasFormatter"]


class ArrowFormatter(Formatter):
    """Arrow as it is."""

    is_columnar = False

    def column(self, array: Any) -> Any:
        """A column as a ``pyarrow`` array."""
        return array

    def row(self, batch: Any) -> Any:
        """A row as a ``pyarrow.Table`` of length 1."""
        return pa.Table.from_batches([batch])

    def batch(self, table: Any) -> Any:
        """Some rows as a ``pyarrow.Table``."""
        return table


class PandasFormatter(Formatter):
    """Data frames; columns are series."""

    is_columnar = False

    def column(self, array: Any) -> Any:
        """A column as a ``pandas.Series``."""
        return array.to_pandas()

    def row(self, batch: Any) -> Any:
        """A row as a ``pandas.DataFrame`` of length 1."""
        return batch.to_pandas()

    def batch(self, table: Any) -> Any:
        """Some rows as a ``pandas.DataFrame``."""
        return table.to_pandas()
