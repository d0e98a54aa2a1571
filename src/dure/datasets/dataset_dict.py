"""DatasetDict: the parts of a data set by name; each transform goes through all of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from dure.datasets.dataset import Dataset
from dure.datasets.schema import Features

__all__ = ["DatasetDict"]


class DatasetDict(dict[str, Dataset]):
    """Parts such as "train" and "test". Methods are those of :class:`~dure.datasets.dataset.Dataset`."""

    def __repr__(self) -> str:
        parts = "\n".join(textwrap.indent(f"{name}: {part!r}", "    ") for name, part in self.items())
        return f"DatasetDict({{\n{parts}\n}})"

    def _each(self, method: str, *args: Any, **kwargs: Any) -> DatasetDict:
        return DatasetDict({name: getattr(part, method)(*args, **kwargs) for name, part in self.items()})

    @property
    def column_names(self) -> dict[str, list[str]]:
        """The columns of each part."""
        return {name: part.column_names for name, part in self.items()}

    @property
    def num_rows(self) -> dict[str, int]:
        """The rows of each part."""
        return {name: part.num_rows for name, part in self.items()}

    @property
    def shape(self) -> dict[str, tuple[int, int]]:
        """``(rows, columns)`` of each part."""
        return {name: part.shape for name, part in self.items()}

    def map(self, function: Callable[..., Any], **kwargs: Any) -> DatasetDict:
        """See :meth:`Dataset.map`."""
        return self._each("map", function, **kwargs)

    def filter(self, function: Callable[..., Any], **kwargs: Any) -> DatasetDict:
        """See :meth:`Dataset.filter`."""
        return self._each("filter", function, **kwargs)

    def shuffle(self, seed: int | None = None) -> DatasetDict:
        """See :meth:`Dataset.shuffle`."""
        return self._each("shuffle", seed=seed)

    def sort(self, column_names: str | list[str], reverse: bool | list[bool] = False) -> DatasetDict:
        """See :meth:`Dataset.sort`."""
        return self._each("sort", column_names, reverse)

    def rename_column(self, original_column_name: str, new_column_name: str) -> DatasetDict:
        """See :meth:`Dataset.rename_column`."""
        return self._each("rename_column", original_column_name, new_column_name)

    def rename_columns(self, column_mapping: dict[str, str]) -> DatasetDict:
        """See :meth:`Dataset.rename_columns`."""
        return self._each("rename_columns", column_mapping)

    def remove_columns(self, column_names: str | list[str]) -> DatasetDict:
        """See :meth:`Dataset.remove_columns`."""
        return self._each("remove_columns", column_names)

    def select_columns(self, column_names: str | list[str]) -> DatasetDict:
        """See :meth:`Dataset.select_columns`."""
        return self._each("select_columns", column_names)

    def cast(self, features: Features) -> DatasetDict:
        """See :meth:`Dataset.cast`."""
        return self._each("cast", features)

    def cast_column(self, column: str, feature: Any) -> DatasetDict:
        """See :meth:`Dataset.cast_column`."""
        return self._each("cast_column", column, feature)

    def class_encode_column(self, column: str, include_nulls: bool = False) -> DatasetDict:
        """See :meth:`Dataset.class_encode_column`."""
        return self._each("class_encode_column", column, include_nulls)

    def unique(self, column: str) -> dict[str, list[Any]]:
        """See :meth:`Dataset.unique`."""
        return {name: part.unique(column) for name, part in self.items()}

    def with_format(self, type: str | None = None, **kwargs: Any) -> DatasetDict:
        """See :meth:`Dataset.with_format`."""
        return self._each("with_format", type, **kwargs)

    def set_format(self, type: str | None = None, **kwargs: Any) -> None:
        """See :meth:`Dataset.set_format`."""
        for part in self.values():
            part.set_format(type, **kwargs)
