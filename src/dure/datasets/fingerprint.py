"""Fingerprints: what a result depends on, as a short hexadecimal text, computed from facts.

A function counts by what it does: its bytecode, constants, defaults, and the values of the outer names it uses. What
can't be reduced to facts has no fingerprint, and then nothing is cached. There are no random keys.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import hashlib
import importlib.metadata
import inspect
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Protocol

import numpy as np

__all__ = ["UnhashableError", "of", "of_arrow", "of_file"]

#: Up to this size a file counts by its content, beyond it by path, size and time of change.
_SMALL_BYTES = 4 << 20
_LENGTH = 16


#: Values that are what they look like.
_WRITTEN_OUT = (
    *(bool, int, float, complex, str, bytes, PurePath, np.generic, np.dtype),
    *(dt.date, dt.time, dt.timedelta, enum.Enum, range, slice),
)


class UnhashableError(Exception):
    """Something whose content can't be reduced to facts."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def of(*parts: Any) -> str | None:
    """The fingerprint of some values; None if one of them (or what it refers to) can't be reduced to facts.

    >>> of("select", [1, 2]) == of("select", [1, 2])
    True
    >>> of(object()) is None
    True
    """
    digest = hashlib.sha256()
    try:
        _add(digest, parts, [])
    except (UnhashableError, RecursionError):
        return None
    return digest.hexdigest()[:_LENGTH]


def of_file(path: Path) -> str:
    """The fingerprint of a file: its content if it's small, else its path, size and time of change."""
    status = path.stat()
    digest = hashlib.sha256()
    if status.st_size <= _SMALL_BYTES:
        digest.update(b"content" + path.read_bytes())
    else:
        digest.update(f"file {path.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()[:_LENGTH]


def of_arrow(table: Any) -> str:
    """The fingerprint of an Arrow table's content (its values, types and order; not how it's cut into chunks)."""
    digest = hashlib.sha256(str(table.schema.remove_metadata()).encode())
    for start in range(0, table.num_rows, 1000):
        part = table.slice(start, 1000).combine_chunks()
        # Writing normalises what slices leave behind: offsets, unused values.
        digest.update(_ipc(part))
    return digest.hexdigest()[:_LENGTH]


def _ipc(table: Any) -> Any:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _add(digest: _Digest, value: Any, above: list[int]) -> None:
    """Feed a value to the digest. ``above`` holds the ids of the containers it's in, to end cycles."""
    digest.update(f"<{type(value).__qualname__}>".encode())
    if id(value) in above:
        digest.update(str(above.index(id(value))).encode())
    elif value is None or isinstance(value, _WRITTEN_OUT):
        digest.update(repr(value).encode("utf-8", "surrogatepass"))
    elif handler := _handler(value):
        above.append(id(value))
        handler(digest, value, above)
        above.pop()
    else:
        raise UnhashableError(type(value).__qualname__)


def _handler(value: Any) -> Any:
    if callable(getattr(type(value), "__dure_fingerprint__", None)):
        return _add_declared
    for kinds, handler in _HANDLERS:
        if isinstance(value, kinds):
            return handler
    return _add_instance if hasattr(value, "__dict__") and _is_own_code(type(value)) else None


def _add_declared(digest: _Digest, value: Any, _: list[int]) -> None:
    digest.update(str(value.__dure_fingerprint__()).encode())


def _add_sequence(digest: _Digest, value: Any, above: list[int]) -> None:
    digest.update(str(len(value)).encode())
    for item in value:
        _add(digest, item, above)


def _add_mapping(digest: _Digest, value: Mapping[Any, Any], above: list[int]) -> None:
    _add_sequence(digest, [part for item in value.items() for part in item], above)


def _add_set(digest: _Digest, value: Any, above: list[int]) -> None:
    def single(item: Any) -> bytes:
        inner = hashlib.sha256()
        _add(inner, item, above)
        return inner.digest()

    _add_sequence(digest, sorted(single(item) for item in value), above)


def _add_array(digest: _Digest, value: Any, above: list[int]) -> None:
    if value.dtype.hasobject:
        _add_sequence(digest, value.ravel().tolist(), above)
    else:
        digest.update(np.ascontiguousarray(value).tobytes())
    _add(digest, (value.shape, str(value.dtype)), above)


def _add_code(digest: _Digest, code: types.CodeType, above: list[int]) -> None:
    # File names and line numbers are left out: a function that moved is still the same.
    _add(digest, (code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_flags), above)
    # A frozen set among the constants iterates in another order in each process, hence not a repr.
    _add(digest, code.co_consts, above)


def _add_function(digest: _Digest, function: types.FunctionType, above: list[int]) -> None:
    package = function.__module__.partition(".")[0] if function.__module__ else ""
    if version := _version(package):
        digest.update(f"{function.__module__}.{function.__qualname__} {version}".encode())
        # A function made inside a library function depends on what it closes over, too.
        _add(digest, _outer_values(function).nonlocals, above)
        return
    outer = _outer_values(function)
    _add(digest, (function.__code__, function.__defaults__, function.__kwdefaults__), above)
    _add(digest, sorted(outer.nonlocals.items()), above)
    _add(digest, sorted({**_inner_globals(function), **outer.globals}.items()), above)


def _outer_values(function: types.FunctionType) -> inspect.ClosureVars:
    try:
        return inspect.getclosurevars(function)
    except ValueError as error:  # a name that isn't bound yet can't be followed
        raise UnhashableError(function.__qualname__) from error


def _inner_globals(function: types.FunctionType) -> dict[str, Any]:
    """Globals that functions and comprehensions inside a function use."""
    found: dict[str, Any] = {}
    pending = [c for c in function.__code__.co_consts if isinstance(c, types.CodeType)]
    while pending:
        code = pending.pop()
        pending += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        found |= {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
    return found


def _add_method(digest: _Digest, method: types.MethodType, above: list[int]) -> None:
    _add(digest, (method.__func__, method.__self__), above)


def _add_pattern(digest: _Digest, pattern: re.Pattern[Any], above: list[int]) -> None:
    _add(digest, (pattern.pattern, pattern.flags), above)


def _add_partial(digest: _Digest, partial: Any, above: list[int]) -> None:
    _add(digest, (partial.func, partial.args, partial.keywords), above)


def _add_builtin(digest: _Digest, function: types.BuiltinFunctionType, above: list[int]) -> None:
    digest.update(f"{function.__module__}.{function.__qualname__}".encode())
    # A method such as "abc".find depends on the object it belongs to.
    if function.__self__ is not None and not isinstance(function.__self__, types.ModuleType):
        _add(digest, function.__self__, above)


def _add_module(digest: _Digest, module: types.ModuleType, above: list[int]) -> None:
    version = _version(module.__name__.partition(".")[0])
    if version is None:
        # A module of one's own: its text says what it does, as far as that is in this file.
        source = getattr(module, "__file__", None)
        if source is None or not Path(source).is_file():
            raise UnhashableError(module.__name__)
        version = of_file(Path(source))
    _add(digest, (module.__name__, version), above)


def _add_class(digest: _Digest, class_: type, above: list[int]) -> None:
    version = _version(class_.__module__.partition(".")[0])
    digest.update(f"{class_.__module__}.{class_.__qualname__} {version}".encode())
    if version is None:
        hidden = {"__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__", "__static_attributes__"}
        _add(digest, class_.__bases__, above)
        _add(digest, sorted((k, v) for k, v in vars(class_).items() if k not in hidden), above)


def _add_descriptor(digest: _Digest, value: Any, above: list[int]) -> None:
    parts = (value.fget, value.fset) if isinstance(value, property) else (value.__func__,)
    _add(digest, parts, above)


def _add_instance(digest: _Digest, value: Any, above: list[int]) -> None:
    _add(digest, type(value), above)
    _add(digest, vars(value), above)


def _is_own_code(class_: type) -> bool:
    """Whether a class is the user's: an instance is then its attributes. A library's may keep state elsewhere."""
    return _version(class_.__module__.partition(".")[0]) is None


@functools.cache
def _version(package: str) -> str | None:
    """The version of an installed package or of Python's library; None for the user's own code."""
    if package in sys.stdlib_module_names and package != "__main__":
        return sys.version
    for distribution in _distributions().get(package, []):
        return importlib.metadata.version(distribution)
    return None


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


_HANDLERS: tuple[tuple[Any, Any], ...] = (
    ((list, tuple), _add_sequence),
    ((dict, types.MappingProxyType), _add_mapping),
    ((set, frozenset), _add_set),
    (np.ndarray, _add_array),
    (types.CodeType, _add_code),
    (types.FunctionType, _add_function),
    (types.MethodType, _add_method),
    (re.Pattern, _add_pattern),
    (functools.partial, _add_partial),
    (types.BuiltinFunctionType, _add_builtin),
    (types.ModuleType, _add_module),
    (type, _add_class),
    ((property, staticmethod, classmethod), _add_descriptor),
)
