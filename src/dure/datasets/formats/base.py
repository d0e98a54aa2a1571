"""What every format does: a row, a column, or a batch of rows out of Arrow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Format", "Formatter"]


@dataclass(frozen=True)
class Format:
    """How a data set's rows come out.

    Attributes:
        type: "numpy", "torch", "pandas", "arrow"; None for Python values.
        columns: Which columns come out formatted; None for all.
        output_all_columns: Whether the other columns come out too, as Python values.
        kwargs: Passed on to the array or tensor, such as ``dtype``.
    """

    type: str | None = None
    columns: tuple[str, ...] | None = None
    output_all_columns: bool = False
    kwargs: dict[str, Any] = field(default_factory=dict)


class Formatter:
    """Turns Arrow into a format. Subclasses say what becomes of a column; rows and batches follow from that."""

    #: Whether a batch is a dictionary of columns; otherwise it is one object, such as a data frame.
    is_columnar = True

    def column(self, array: Any) -> Any:
        """A column, from a ``pyarrow.Array`` or ``ChunkedArray``."""
        raise NotImplementedError

    def row(self, batch: Any) -> Any:
        """A row, from a ``pyarrow.RecordBatch`` of length 1."""
        return {name: self.column(batch.column(place))[0] for place, name in enumerate(batch.schema.names)}

    def batch(self, table: Any) -> Any:
        """Some rows, from a ``pyarrow.Table``."""
        return {name: self.column(table.column(place)) for place, name in enumerate(table.column_names)}
