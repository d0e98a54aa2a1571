"""Atomic writing: a reader sees the old files or the new ones, never half of anything, whatever is killed when."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dure.typing import PathLike

__all__ = ["atomic_file", "atomic_folder", "write_json"]

#: Readers decide by these whether a folder is complete, so they are put in place last.
_LAST = ("model.safetensors.index.json", "trainer_state.json", "config.json")


def _sync(path: Path) -> None:
    """Flush a file or folder to the disk, so that a rename that follows can't survive without its content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def atomic_file(path: PathLike) -> Iterator[Path]:
    """A temporary sibling to write to; it takes the place of ``path`` when the block ends well, and vanishes otherwise."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: PathLike) -> Iterator[Path]:
    """A temporary folder to write to, which becomes ``path`` when the block ends well.

    Where ``path`` doesn't exist, one rename makes it appear complete. Where it does, each written file replaces its
    namesake, those that mark a folder as complete (config.json, an index) last; other files stay.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        files = sorted(p for p in temporary.rglob("*") if p.is_file())
        for file in files:
            _sync(file)
        if target.is_dir():
            for file in sorted(files, key=lambda p: (_LAST.index(p.name) if p.name in _LAST else -1, p)):
                place = target / file.relative_to(temporary)
                place.parent.mkdir(parents=True, exist_ok=True)
                file.replace(place)
            _sync(target)
        else:
            _sync(temporary)
            temporary.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: PathLike, value: Any) -> None:
    """Write a value as indented JSON, atomically; text stays readable (no ``\\u`` escapes)."""
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _umask() -> int:
    """The permissions this process takes away from new files; reading it means setting it for a moment."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
