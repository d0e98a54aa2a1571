"""JSON: an object per line, an array of objects, or an object of columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dure.datasets.readers.encoding import read_text
from dure.datasets.writer import TableWriter, columns_to_table
from dure.errors import DataFileError

__all__ = ["read_json"]

_ROWS_AT_ONCE = 10_000


def read_json(path: Path, *, field: str | None = None, encoding: str | None = None) -> Any:
    """A JSON file as ``pyarrow.Table``. What an object lacks is null.

    Args:
        path: The file.
        field: Where in the file the rows are, such as "data".
        encoding: UTF-8 by default.

    Raises:
        DataFileError: It isn't JSON, or not of rows; names the line.
    """
    text = read_text(path, encoding)
    if not text.strip():
        raise DataFileError(f"{path} is empty")
    is_document = field is not None or text.lstrip()[0] == "["
    rows = _document(path, text, field) if is_document else _lines(path, text)
    writer = TableWriter()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        names = dict.fromkeys(name for row in part for name in row)
        writer.write(*columns_to_table({name: [row.get(name) for row in part] for name in names}))
    return writer.finish()[0]


def _lines(path: Path, text: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            if number == 1:
                return _document(path, text, None)  # one object over several lines
            raise DataFileError(f"{path}, line {number}: not JSON ({error}): {line[:80]!r}") from None
        if not isinstance(row, dict):
            raise DataFileError(f"{path}, line {number}: a row must be an object, not {type(row).__name__}")
        rows.append(row)
    return rows


def _document(path: Path, text: str, field: str | None) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataFileError(f"{path} isn't JSON: {error}") from None
    if field is not None:
        if not isinstance(found, dict) or field not in found:
            there = ", ".join(found) if isinstance(found, dict) else "none"
            raise DataFileError(f"{path} has no field {field!r}; it has {there}")
        found = found[field]
    if isinstance(found, dict) and found and all(isinstance(values, list) for values in found.values()):
        lengths = {len(values) for values in found.values()}
        if len(lengths) == 1:
            return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
    rows = [found] if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataFileError(f"{path} must hold a list of objects, one per row")
    return rows
