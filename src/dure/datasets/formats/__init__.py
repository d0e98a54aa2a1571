"""What a data set's rows and columns come out as: Python values, numpy arrays, tensors, data frames, Arrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dure.datasets.formats.base import Format, Formatter
from dure.errors import InputError

__all__ = ["Format", "Formatter", "formatter_for", "known_type"]

_ALIASES = {
    "python": None,
    "np": "numpy",
    "pt": "torch",
    "pytorch": "torch",
    "pd": "pandas",
    "pa": "arrow",
    "pyarrow": "arrow",
}
_NAMES = ("numpy", "torch", "pandas", "arrow")


def known_type(name: str | None) -> str | None:
    """The full name of a format; None for Python values.

    Raises:
        InputError: If there's no such format.
    """
    name = _ALIASES.get(name, name) if name is not None else None
    if name is not None and name not in _NAMES:
        raise InputError(f"unknown format {name!r}; known are 'python', {', '.join(map(repr, _NAMES))}")
    return name


def formatter_for(format_: Format) -> Formatter:
    """The formatter that a format asks for. Its library is imported here and not before."""
    return _FACTORIES[format_.type](format_.kwargs)


def _python(_: dict[str, Any]) -> Formatter:
    from dure.datasets.formats.python import PythonFormatter

    return PythonFormatter()


def _numpy(kwargs: dict[str, Any]) -> Formatter:
    from dure.datasets.formats.numpy import NumpyFormatter

    return NumpyFormatter(**kwargs)


def _torch(kwargs: dict[str, Any]) -> Formatter:
    from dure.datasets.formats.torch import TorchFormatter

    return TorchFormatter(**kwargs)


def _pandas(_: dict[str, Any]) -> Formatter:
    from dure.datasets.formats.tables import PandasFormatter

    return PandasFormatter()


def _arrow(_: dict[str, Any]) -> Formatter:
    from dure.datasets.formats.tables import ArrowFormatter

    return ArrowFormatter()


_FACTORIES: dict[str | None, Callable[[dict[str, Any]], Formatter]] = {
    None: _python,
    "numpy": _numpy,
    "torch": _torch,
    "pandas": _pandas,
    "arrow": _arrow,
}
