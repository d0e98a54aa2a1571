"""The data cache: Arrow files under the name of what they were made from, memory-mapped, complete or absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from dure.hub.commit import atomic_file
from dure.typing import PathLike

__all__ = ["cache_folder", "open_arrow", "stored"]


def cache_folder(cache_dir: PathLike | None = None) -> Path:
    """Where Arrow files go: ``dure`` in ``cache_dir``, else in ``HF_DATASETS_CACHE``, else in ``HF_HOME/datasets``.

    The environment is read at each call, so that a program can change it.
    """
    if cache_dir is not None:
        return Path(cache_dir).expanduser() / "dure"
    if explicit := os.environ.get("HF_DATASETS_CACHE"):
        return Path(explicit).expanduser() / "dure"
    general = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(os.environ.get("HF_HOME") or Path(general) / "huggingface").expanduser()
    return home / "datasets" / "dure"


def open_arrow(path: PathLike, *, keep_in_memory: bool = False) -> Any:
    """Open an Arrow stream file as a ``pyarrow.Table``, memory-mapped unless ``keep_in_memory``."""
    source = pa.OSFile(os.fspath(path)) if keep_in_memory else pa.memory_map(os.fspath(path))
    with source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()


def stored(path: Path, write: Callable[[Path], None], *, is_reused: bool = True) -> Any:
    """The Arrow table of a cache file, which is written first where there's none.

    Args:
        path: The file in the cache; its name says what it's made from.
        write: Called with a temporary path to write to.
        is_reused: Take the file that is there; otherwise write it anew.
    """
    if is_reused and path.is_file():
        try:
            return open_arrow(path)
        except (pa.ArrowInvalid, OSError):
            # Damaged by something else than us (a full disk, a copy that broke off): made anew below.
            pass
    with atomic_file(path) as temporary:
        write(temporary)
    return open_arrow(path)
