"""Plain text: a row per line, per paragraph, or per file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from dure.datasets.readers.encoding import read_text
from dure.errors import InputError

__all__ = ["read_text_file"]


def read_text_file(
    path: Path, *, sample_by: str = "line", keep_linebreaks: bool = False, encoding: str | None = None
) -> Any:
    """A text file as ``pyarrow.Table`` with the column "text".

    Args:
        path: The file.
        sample_by: "line", "paragraph" (parted by empty lines) or "document".
        keep_linebreaks: Keep the end of each line.
        encoding: UTF-8 by default.
    """
    text = read_text(path, encoding)
    if sample_by == "line":
        rows = text.split("\n")
        # Only "\n" ends a line: other separators of Unicode may stand within one.
        ends = [row + "\n" for row in rows[:-1]] + ([rows[-1]] if rows[-1] else [])
        rows = ends if keep_linebreaks else [row.removesuffix("\n") for row in ends]
    elif sample_by == "paragraph":
        rows = [part for part in text.split("\n\n") if part]
    elif sample_by == "document":
        rows = [text]
    else:
        raise InputError(f"sample_by={sample_by!r} must be 'line', 'paragraph' or 'document'")
    return pa.table({"text": pa.array(rows, type=pa.string())})
