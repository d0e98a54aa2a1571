"""CSV (RFC 4180) and its relatives: what pandas makes of it, which is what users of ``datasets`` know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from dure.datasets.readers.encoding import decoding_error
from dure.errors import DataFileError, InputError

__all__ = ["read_csv"]

#: What stands for "no value" in pandas.
_NULLS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
_TRUE, _FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")
_BLOCK_BYTES = 16 << 20
_QUOTE_NONE = 3


def read_csv(
    path: Path,
    *,
    delimiter: str | None = None,
    sep: str | None = None,
    encoding: str | None = None,
    quoting: int = 0,
    quotechar: str = '"',
    escapechar: str | None = None,
    column_names: list[str] | None = None,
    names: list[str] | None = None,
    keep_default_na: bool = True,
) -> Any:
    """A CSV file as ``pyarrow.Table``; columns of whole numbers, of numbers and of truth values are recognised.

    Args:
        path: The file; its first line names the columns.
        delimiter: What parts fields; a comma by default.
        sep: Another name of ``delimiter``.
        encoding: UTF-8 by default, with or without a byte order mark.
        quoting: 3 takes quotation marks as they are.
        quotechar: What surrounds a field that holds delimiters.
        escapechar: What takes the next character's meaning.
        column_names: The columns' names where the file has no header.
        names: Another name of ``column_names``.
        keep_default_na: Take "", "NA", "null" and the like as no value.

    Raises:
        DataFileError: The file is empty, not in that encoding, or a row has more or fewer fields than the header.
    """
    mark = delimiter or sep or ","
    if len(mark) != 1:
        raise InputError(f"delimiter={mark!r} must be one character")
    bad_rows: list[Any] = []

    def remember(row: Any) -> str:
        bad_rows.append(row)
        return "error"

    parse = pa_csv.ParseOptions(
        delimiter=mark,
        quote_char=False if quoting == _QUOTE_NONE else quotechar,
        escape_char=escapechar or False,
        newlines_in_values=quoting != _QUOTE_NONE,
        invalid_row_handler=remember,
    )
    header = column_names or names
    # One thread: only then are bad rows numbered.
    read = pa_csv.ReadOptions(
        encoding=encoding or "utf8", block_size=_BLOCK_BYTES, use_threads=False, column_names=header
    )
    try:
        columns = _column_names(path, header, read, parse)
        convert = pa_csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()))
        table = pa_csv.read_csv(path, read, parse, convert)
    except (pa.ArrowInvalid, UnicodeDecodeError, LookupError) as error:
        raise _explained(path, error, bad_rows, encoding) from error
    return pa.table([_typed(table[name], keep_default_na) for name in columns], names=columns)


def _column_names(path: Path, header: list[str] | None, read: Any, parse: Any) -> list[str]:
    """The names of the columns; nothing is converted yet."""
    if header is not None:
        return list(header)
    first = pa_csv.ReadOptions(encoding=read.encoding, block_size=_BLOCK_BYTES, use_threads=False)
    with pa_csv.open_csv(path, first, parse) as reader:
        names: list[str] = list(reader.schema.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataFileError(f"{path}: the header names {twice[0]!r} twice; rename one of the columns")
    return names


def _explained(path: Path, error: Exception, bad_rows: list[Any], encoding: str | None) -> DataFileError:
    if isinstance(error, LookupError):
        return DataFileError(f"unknown encoding {encoding!r}; Python's names are known, such as 'utf-8'")
    if bad_rows:
        row = bad_rows[0]
        where = f"{path}, row {row.number}" if row.number else str(path)
        return DataFileError(
            f"{where}: {row.actual_columns} fields, but the header has {row.expected_columns}: {row.text[:80]!r}; put "
            "fields that hold the delimiter into quotation marks, or pass another delimiter"
        )
    text = str(error)
    if "UTF8" in text or isinstance(error, UnicodeDecodeError):
        return decoding_error(path, encoding or "utf-8")
    if "Empty CSV" in text:
        return DataFileError(f"{path} is empty; the first line must name the columns")
    return DataFileError(f"{path} can't be read as CSV: {text.splitlines()[0]}")


def _typed(column: Any, has_nulls: bool) -> Any:
    """Texts to whole numbers, numbers or truth values where all of them are that."""
    import pyarrow.compute as pc

    if has_nulls:
        is_null = pc.is_in(column, value_set=pa.array(_NULLS))
        column = pc.if_else(is_null, pa.scalar(None, pa.string()), column)
    if column.null_count == len(column):
        return column if len(column) == 0 else column.cast(pa.string())
    first = next(value for value in (chunk.drop_null() for chunk in column.chunks) if len(value))[0].as_py()
    if first in _TRUE or first in _FALSE:
        values = pa.array([*_TRUE, *_FALSE])
        if column.null_count == 0 and pc.all(pc.is_in(column, value_set=values)).as_py():
            return pc.is_in(column, value_set=pa.array(_TRUE))
        return column
    for type_ in (pa.int64(), pa.float64()):
        try:
            numbers = column.cast(type_)
        except pa.ArrowInvalid:
            continue
        # As in pandas, a column of whole numbers with gaps is one of numbers.
        return numbers.cast(pa.float64()) if type_ == pa.int64() and column.null_count else numbers
    return column
