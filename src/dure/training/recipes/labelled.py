"""Labelled text from files: columns checked, labels numbered, rows tokenized."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dure.datasets.dataset import Dataset
from dure.datasets.load import load_dataset
from dure.errors import ColumnError, InputError, LabelError

__all__ = ["Columns", "Labels", "read_labelled"]

#: Format by the end of a file's name, and what its reader has to know. TSV has no quotes: IANA's registration of
#: text/tab-separated-values.
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".csv": ("csv", {}),
    ".tsv": ("csv", {"delimiter": "\t", "quoting": 3}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
}


@dataclasses.dataclass(frozen=True)
class Columns:
    """Which columns hold what.

    Attributes:
        text: The text.
        label: The label.
        text_pair: The second text of a pair.
    """

    text: str
    label: str
    text_pair: str | None = None

    def names(self) -> list[str]:
        """All columns that are needed."""
        return [name for name in (self.text, self.text_pair, self.label) if name is not None]


@dataclasses.dataclass(frozen=True)
class Labels:
    """The classes, in the order of their numbers."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[Any], source: str) -> Labels:
        """All that occur, whole numbers by value and texts by their letters.

        Raises:
            LabelError: Fewer than two.
        """
        found = set(values)
        is_numbers = all(isinstance(value, int) for value in found)
        names = tuple(str(value) for value in sorted(found, key=None if is_numbers else str))
        if len(names) < 2:
            raise LabelError(f"{source} has only the label {', '.join(names)!r}: a classifier needs at least two")
        return cls(names)

    def number(self, values: Sequence[Any], column: str, source: str) -> list[int]:
        """Labels as numbers.

        Raises:
            LabelError: One that isn't among them; names the row.
        """
        numbers = {name: i for i, name in enumerate(self.names)}
        for row, value in enumerate(values):
            if str(value) not in numbers:
                raise LabelError(
                    f"{source}, row {row + 1}: {column}={str(value)!r} is a label that the training data never shows; "
                    f"it has {', '.join(self.names)}"
                )
        return [numbers[str(value)] for value in values]


def read_labelled(path: str, columns: Columns, *, delimiter: str | None = None, encoding: str | None = None) -> Dataset:
    """A file of labelled texts.

    Args:
        path: A CSV, TSV, JSON or JSON Lines file; its name says which.
        columns: Which columns are needed.
        delimiter: What parts the fields of a CSV file; a comma by default, a tab for TSV.
        encoding: UTF-8 by default.

    Raises:
        InputError: The file's name doesn't say what it holds.
        DataFileError: It can't be read.
        ColumnError: It lacks a column.
        LabelError: A label is empty.
    """
    kind, options = _FORMATS.get(Path(path).suffix.lower(), (None, {}))
    if kind is None:
        raise InputError(f"{path}: the name must end in {', '.join(_FORMATS)}, so that it is known how to read it")
    if kind == "csv":
        given = {"delimiter": delimiter, "encoding": encoding}
        options = {**options, **{name: value for name, value in given.items() if value is not None}}
    dataset = load_dataset(kind, data_files=path, split="train", **options)
    assert isinstance(dataset, Dataset)
    for name in columns.names():
        if name not in dataset.column_names:
            raise ColumnError(f"{path} has no column {name!r}; it has {', '.join(dataset.column_names)}")
    for row, value in enumerate(dataset[columns.label]):
        if value is None or str(value).strip() == "":
            raise LabelError(
                f"{path}, row {row + 1}: the label ({columns.label}) is empty; fill it in or remove the row"
            )
    return dataset


def tokenized(dataset: Dataset, columns: Columns, labels: list[int], tokenizer: Any, max_length: int | None) -> Dataset:
    """The rows as the model takes them, with ``labels``."""

    def encode(batch: Any, indices: list[int]) -> dict[str, Any]:
        firsts = [text or "" for text in batch[columns.text]]
        seconds = [text or "" for text in batch[columns.text_pair]] if columns.text_pair else None
        encoded = tokenizer(firsts, seconds, truncation=True, max_length=max_length)
        return {**encoded, "labels": [labels[i] for i in indices]}

    return dataset.map(encode, batched=True, with_indices=True, remove_columns=dataset.column_names)
