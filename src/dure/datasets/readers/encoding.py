"""Where a file isn't in the encoding that it should be in."""

from __future__ import annotations

import codecs
from pathlib import Path

from dure.errors import DataFileError

__all__ = ["decoding_error", "read_text"]


def decoding_error(path: Path, encoding: str) -> DataFileError:
    """The error that names the first byte that can't be decoded, and its line."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, offset = 1, 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                byte = error.object[error.start]
                return DataFileError(
                    f"{path}, line {line}: byte 0x{byte:02x} at position {offset + error.start} isn't {encoding}; save "
                    "the file as UTF-8, or pass its encoding, such as encoding='cp949' (Korean) or 'cp1252' (western)"
                )
            offset += len(block)
    return DataFileError(f"{path} isn't {encoding}: it ends within a character; is it complete?")


def read_text(path: Path, encoding: str | None) -> str:
    """A whole file as text.

    Raises:
        DataFileError: It isn't in that encoding.
    """
    name = encoding or "utf-8-sig"
    try:
        return path.read_text(encoding=name)
    except UnicodeDecodeError:
        raise decoding_error(path, encoding or "utf-8") from None
    except LookupError:
        raise DataFileError(f"unknown encoding {encoding!r}; Python's names are known, such as 'utf-8'") from None
