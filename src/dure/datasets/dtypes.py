"""Names of plain types ("int64", "string", "timestamp[s]") and the Arrow types behind them."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from dure.errors import DatasetError

__all__ = ["arrow_type", "dtype_name"]

_PLAIN: dict[str, Any] = {
    "null": pa.null(),
    "bool": pa.bool_(),
    **{f"{sign}int{bits}": getattr(pa, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "date32": pa.date32(),
    "date64": pa.date64(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "string": pa.string(),
    "large_string": pa.large_string(),
}
#: What Arrow itself calls some of them, and short forms that people write.
_ALIASES = {
    "float": "float32",
    "double": "float64",
    "halffloat": "float16",
    "boolean": "bool",
    "utf8": "string",
    "large_utf8": "large_string",
    "date32[day]": "date32",
    "date64[ms]": "date64",
}
_NAMES = {type_: name for name, type_ in _PLAIN.items()}
_WITH_ARGUMENTS = re.compile(r"(time32|time64|timestamp|duration|decimal128|decimal256)[\[(](.+)[\])]")


def arrow_type(name: str) -> Any:
    """The Arrow type of a dtype name.

    Raises:
        DatasetError: If no type has that name.
    """
    if plain := _PLAIN.get(_ALIASES.get(name, name)):
        return plain
    if parts := _WITH_ARGUMENTS.fullmatch(name):
        family, arguments = parts.group(1), [part.strip() for part in parts.group(2).split(",")]
        try:
            return _parametric(family, arguments)
        except (ValueError, TypeError, IndexError):
            pass
    raise DatasetError(
        f"unknown dtype {name!r}; known are {', '.join(_PLAIN)}, timestamp[s|ms|us|ns], time32[s|ms], time64[us|ns], "
        "duration[s|ms|us|ns] and decimal128(precision, scale)"
    )


def _parametric(family: str, arguments: list[str]) -> Any:
    if family.startswith("decimal"):
        return getattr(pa, family)(*map(int, arguments))
    if family == "timestamp" and len(arguments) > 1:
        return pa.timestamp(arguments[0], tz=arguments[1].removeprefix("tz="))
    return getattr(pa, family)(arguments[0])


def dtype_name(type_: Any) -> str:
    """The dtype name of an Arrow type; the inverse of :func:`arrow_type`."""
    return _NAMES.get(type_) or str(type_)
