"""Atomic writing: a reader sees the old files or the new ones, never half of anything, whatever is killed when.

Everything is written under another name, flushed to the disk, and then renamed: a rename happens or doesn't. What a
killed process leaves behind are hidden files that end in ``.tmp``; the next writer removes those that are a day old.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dure.errors import InputError
from dure.typing import PathLike

__all__ = ["atomic_file", "atomic_folder", "write_json"]

#: Nobody writes for so long without touching a file.
_STALE_S = 24 * 3600


@contextlib.contextmanager
def atomic_file(path: PathLike) -> Iterator[Path]:
    """A temporary file to write to; it takes the place of ``path`` when the block ends well, and vanishes otherwise.

    Args:
        path: The file to write. Folders above it are made. If it's a link, the link is replaced and not what it leads
            to, so a file of the cache is never changed through a link.

    Raises:
        InputError: ``path`` is a folder.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target} is a folder: give the path of a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target.parent, target.name)
    # Made as any new file is: the process's umask decides who may read it.
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(target)
        _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: PathLike) -> Iterator[Path]:
    """A temporary folder to write to, which becomes ``path`` when the block ends well, and vanishes otherwise.

    Where ``path`` doesn't exist, one rename makes it appear complete. Where it does, each file that was written takes
    the place of its namesake, those that mark a folder as complete (an index, then config.json) last; other files stay.

    Args:
        path: The folder to write. Folders above it are made.

    Raises:
        InputError: ``path`` is a file.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file: give a folder")
    # Inside a folder that exists: what is beside it may be another disk (a mounted folder), or not writable.
    parent, stem = (target, "saving") if target.is_dir() else (target.parent, target.name)
    parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(parent, stem)
    temporary.mkdir()
    try:
        yield temporary
        for folder, _, names in os.walk(temporary, topdown=False):
            for name in names:
                _flush(Path(folder, name))
            _flush(Path(folder))
        _put_in_place(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: PathLike, value: Any) -> None:
    """Write a value as indented JSON, atomically. Letters of all scripts stay readable.

    Raises:
        InputError: A part of the value has no form in JSON.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        # A lone surrogate can't be encoded; its escape can.
        data = text.encode() if _is_encodable(text) else json.dumps(value, indent=2).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} can't be written as JSON: {error}") from error
    with atomic_file(path) as temporary:
        temporary.write_bytes(data + b"\n")


def _put_in_place(temporary: Path, target: Path) -> None:
    """Make a finished folder, or the files in it, visible."""
    if not target.exists():
        # OSError: another process made it in the meantime; then the files move in one by one.
        with contextlib.suppress(OSError):
            temporary.rename(target)
            _flush(target.parent)
            return
    files = [file for file in temporary.rglob("*") if not file.is_dir()]
    folders = {target}
    for name in sorted((file.relative_to(temporary) for file in files), key=_rank):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if _rank(name)[0]:
            _flush(place.parent)  # what comes before a mark is on the disk before the mark
        (temporary / name).replace(place)
        folders.add(place.parent)
    for folder in folders:
        _flush(folder)


def _rank(name: Path) -> tuple[int, str]:
    """When a file is put in place. Readers decide by three kinds whether a folder is complete: these come last."""
    is_marker = [name.match("*.index.json"), name == Path("trainer_state.json"), name == Path("config.json")]
    return is_marker.index(True) + 1 if any(is_marker) else 0, str(name)


def _temporary(parent: Path, stem: str) -> Path:
    """A name that nobody uses, and no remains of processes that were killed long ago."""
    for old in parent.glob(f".{_literal(stem)}.*.tmp"):
        with contextlib.suppress(OSError):  # another process may be quicker
            newest = max(file.stat().st_mtime for file in [old, *old.rglob("*")])
            if newest < time.time() - _STALE_S:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
    return parent / f".{stem}.{secrets.token_hex(4)}.tmp"


def _literal(text: str) -> str:
    """Text as a shell pattern that means just this text."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


def _is_encodable(text: str) -> bool:
    """Whether text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _flush(path: Path) -> None:
    """Write a file or folder to the disk, so that a rename that follows can't survive without its content."""
    if os.name == "nt" and path.is_dir():  # Windows can't open a folder
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
