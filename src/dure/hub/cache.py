"""The Hugging Face cache: ``models--org--name/{refs,snapshots,blobs}``, as huggingface_hub lays it out.

Everything here only looks at the disk. The environment is read at each call, so a program may point elsewhere at any
time.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from dure.errors import InputError
from dure.hub.patterns import is_vocabulary, is_weights, wants
from dure.typing import PathLike

__all__ = ["cache_folder", "cached_names", "cached_revisions", "find_snapshot", "missing_files", "repository_folder"]

_SAFETENSORS, _PICKLE = "model.safetensors", "pytorch_model.bin"


def cache_folder(cache_dir: PathLike | None = None) -> Path:
    """Where repositories are cached: the argument, ``HF_HUB_CACHE``, ``HF_HOME/hub``, ``~/.cache/huggingface/hub``."""

    def expanded(path: PathLike) -> Path:
        return Path(os.path.expandvars(path)).expanduser()

    if cache_dir is not None:
        return expanded(cache_dir)
    explicit = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if explicit:
        return expanded(explicit)
    home = os.environ.get("HF_HOME")
    if not home:
        home = os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")  # noqa: PTH118
    return expanded(home) / "hub"


def repository_folder(name: str, cache_dir: PathLike | None = None, repo_type: str = "model") -> Path:
    """The folder of one repository in the cache, whether it exists or not."""
    return cache_folder(cache_dir) / f"{repo_type}s--{name.replace('/', '--')}"


def cached_names(cache_dir: PathLike | None = None, repo_type: str = "model") -> list[str]:
    """The repositories of which the cache has anything."""
    prefix = f"{repo_type}s--"
    found = cache_folder(cache_dir).glob(f"{prefix}*")
    return sorted(folder.name.removeprefix(prefix).replace("--", "/") for folder in found)


def cached_revisions(repository: Path) -> list[str]:
    """The commits that a repository's folder has files of."""
    snapshots = repository / "snapshots"
    return sorted(child.name for child in snapshots.iterdir()) if snapshots.is_dir() else []


def find_snapshot(repository: Path, revision: str | None = None) -> Path | None:
    """The folder of a branch, tag or (short) commit; None where the cache has nothing of it.

    Args:
        repository: What :func:`repository_folder` returns.
        revision: None means ``main``.

    Raises:
        InputError: A short commit that several commits begin with.
    """
    wanted = revision or "main"
    try:
        # Another process may be writing it: then it's empty, and the snapshot is not complete yet anyhow.
        commit = (repository / "refs" / wanted).read_text(encoding="utf-8").strip() or wanted
    except (OSError, UnicodeDecodeError):
        commit = wanted
    snapshot = repository / "snapshots" / commit
    if snapshot.is_dir():
        return snapshot
    if not re.fullmatch(r"[0-9a-f]{4,39}", commit):
        return None
    found = [full for full in cached_revisions(repository) if full.startswith(commit)]
    if len(found) > 1:
        raise InputError(
            f"revision {commit!r} is short for several cached commits ({', '.join(found)}): give more of it"
        )
    return repository / "snapshots" / found[0] if found else None


def missing_files(snapshot: Path, patterns: Sequence[str]) -> list[str]:
    """What a folder lacks of the files that patterns ask for; empty where it is complete.

    Hardly any cache has a repository's own list of files, so this asks for what nobody can do without: weights with
    their configuration (all shards that an index names) where the patterns mean weights, else a vocabulary where they
    mean a tokenizer, else each file that they name. A link whose blob is gone, or not there yet, is no file.

    Args:
        snapshot: A folder with a repository's files.
        patterns: What is wanted.
    """
    entries = [Path(root, name) for root, _, names in os.walk(snapshot) for name in names]
    files = {path.relative_to(snapshot).as_posix(): path.exists() for path in entries}
    wanted = {file: is_there for file, is_there in files.items() if wants(patterns, file)}
    there = {file for file, is_there in wanted.items() if is_there}
    # Of weights in two formats, one may be gone.
    missing = {file for file, is_there in wanted.items() if not is_there and not is_weights(file)}
    if wants(patterns, _SAFETENSORS) or wants(patterns, _PICKLE):
        if wants(patterns, "config.json") and "config.json" not in there:
            missing.add("config.json")
        missing.update(_missing_weights(snapshot))
    elif wants(patterns, "tokenizer.json") or wants(patterns, "vocab.txt"):
        if not any(is_vocabulary(file) for file in there):
            missing.add("tokenizer.json or vocab.txt")
    else:
        missing.update(p for p in patterns if not re.search(r"[*?[]", p) and p not in there)
        if not there:
            missing.update(patterns)
    return sorted(missing)


def _missing_weights(snapshot: Path) -> list[str]:
    """What is lacking of the weights that a model would be loaded from."""
    for single in (_SAFETENSORS, _PICKLE):
        if (snapshot / single).is_file():
            return []
        index = snapshot / f"{single}.index.json"
        if not index.is_file():
            continue
        try:
            shards = set(json.loads(index.read_bytes())["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            return [f"{index.name} (what is there is not an index)"]
        return sorted(shard for shard in shards if not (snapshot / shard).is_file())
    return [_SAFETENSORS]
