"""The Hugging Face cache: ``models--org--name/{refs,snapshots,blobs}``, as huggingface_hub lays it out.

Everything here only looks at the disk. The environment is read at each call, so a program may point elsewhere at any time.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from dure.typing import PathLike

__all__ = ["cache_folder", "find_snapshot", "is_complete", "repository_folder"]

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model", "source.spm")


def cache_folder(cache_dir: PathLike | None = None) -> Path:
    """Where models are cached: the argument, ``HF_HUB_CACHE``, ``HF_HOME``/hub, or ``~/.cache/huggingface/hub``."""
    if cache_dir is not None:
        return Path(cache_dir).expanduser()
    explicit = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if explicit:
        return Path(explicit).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "huggingface" / "hub"


def repository_folder(name: str, cache_dir: PathLike | None = None) -> Path:
    """The folder of one model repository in the cache."""
    return cache_folder(cache_dir) / ("models--" + name.replace("/", "--"))


def find_snapshot(name: str, revision: str | None = None, cache_dir: PathLike | None = None) -> Path | None:
    """The cached snapshot of a branch, tag or (short) commit; None where there is none.

    Args:
        name: A repository, ``org/name`` or ``name``.
        revision: Branch, tag or commit; None means ``main``.
        cache_dir: Another cache than the environment's.
    """
    folder = repository_folder(name, cache_dir)
    wanted = revision or "main"
    reference = folder / "refs" / wanted
    if reference.is_file():
        wanted = reference.read_text().strip()
    snapshot = folder / "snapshots" / wanted
    if snapshot.is_dir():
        return snapshot
    if re.fullmatch(r"[0-9a-f]{6,39}", wanted):
        found = sorted((folder / "snapshots").glob(wanted + "*"))
        return found[0] if len(found) == 1 else None
    return None


def is_complete(snapshot: Path) -> bool:
    """Whether a snapshot can be used: a configuration, every shard that an index names, and no dangling link."""
    files = list(snapshot.iterdir())
    if any(not f.exists() for f in files):  # a link whose blob is gone, or not there yet
        return False
    for index in snapshot.glob("*.index.json"):
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError):
            return False
        if not all((snapshot / shard).is_file() for shard in shards):
            return False
    names = {f.name for f in files}
    has_weights = any(n.endswith((".safetensors", "pytorch_model.bin")) for n in names)
    if "config.json" in names and has_weights:
        return True
    return not has_weights and "config.json" not in names and bool(names & set(_TOKENIZER_FILES))
