"""Weight files: safetensors (memory-mapped), shards with an index, and pickles that hold nothing but tensors."""

from __future__ import annotations

import functools
import json
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from dure.errors import CorruptCheckpointError, MissingFileError, UnsafePickleError
from dure.hub.resolve import Snapshot

__all__ = ["WEIGHTS_FILE", "open_checkpoint", "stored_weights", "write_weights"]

WEIGHTS_FILE = "model.safetensors"
_PICKLE_FILE = "pytorch_model.bin"

#: A checkpoint: a function for each name that gives its tensor in a precision; for None as it lies in the file.
Checkpoint = dict[str, Callable[[torch.dtype | None], Tensor]]


def open_checkpoint(snapshot: Snapshot, *, reads_pickles: bool = True) -> Checkpoint:
    """The weights of a snapshot by name. Nothing is copied: a tensor of a safetensors file is a view of it.

    Args:
        snapshot: The files.
        reads_pickles: Whether pickles are looked for, too: opening one reads it.

    Raises:
        MissingFileError: There is no weight file, or a shard is missing.
        CorruptCheckpointError: A file is truncated or damaged.
        UnsafePickleError: A pickle asks for more than tensors.
    """
    formats = ((WEIGHTS_FILE, _read_safetensors), (_PICKLE_FILE, _read_pickle))
    for name, read in formats if reads_pickles else formats[:1]:
        if (path := snapshot.find(name)) is not None:
            return read(path)
        if (index := snapshot.find(f"{name}.index.json")) is not None:
            return _read_shards(snapshot, index, read)
    looked_for = f"{WEIGHTS_FILE}, {_PICKLE_FILE}, and their index for shards"
    raise MissingFileError(f"{snapshot.name}: no weights in {snapshot.path}; looked for {looked_for}")


def _read_shards(snapshot: Snapshot, index: Path, read: Callable[[Path], Checkpoint]) -> Checkpoint:
    try:
        places: dict[str, str] = dict(json.loads(index.read_text(encoding="utf-8"))["weight_map"])
        shards = sorted(set(places.values()))
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptCheckpointError(f"{index} is not an index of shards: {error!r}") from error
    missing = [shard for shard in shards if not isinstance(shard, str) or snapshot.find(shard) is None]
    if missing:
        raise MissingFileError(
            f"{snapshot.name}: {len(missing)} of {len(shards)} shards that {index.name} names are not in "
            f"{snapshot.path}: {', '.join(map(str, missing))}; fetch them with `dure pull`, or copy them again"
        )
    weights: Checkpoint = {}
    for shard in shards:
        weights.update(read(snapshot.file(shard)))
    absent = sorted(set(places) - set(weights))
    if absent:
        raise CorruptCheckpointError(f"{index} names weights that its shards don't hold: {', '.join(absent[:8])}")
    return weights


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        file: Any = safetensors.safe_open(path, framework="pt")
    except (safetensors.SafetensorError, OSError) as error:
        size = path.stat().st_size
        expected = _expected_size(path)
        told = f"{size:,} bytes" + (f", {expected:,} expected" if expected and expected != size else "")
        raise CorruptCheckpointError(
            f"{path} is truncated or damaged ({told}: {error}); fetch it again with `dure pull`, or copy it again"
        ) from error
    return {name: functools.partial(_tensor, file, name, path) for name in file.keys()}  # noqa: SIM118 - no dictionary


def _tensor(file: Any, name: str, path: Path, dtype: torch.dtype | None) -> Tensor:
    """A view of the file, mapped into memory; in another precision, a copy."""
    try:
        tensor: Tensor = file.get_tensor(name)
        if dtype is not None and tensor.dtype != dtype:
            # Through a mapping of its own, whose pages are given back at once: peak memory is one tensor more.
            with safetensors.safe_open(path, framework="pt") as mapping:
                tensor = mapping.get_tensor(name).to(dtype)
    except (safetensors.SafetensorError, RuntimeError, ValueError, KeyError) as error:
        raise CorruptCheckpointError(f"{path}: {name} can't be read: {error}") from error
    return tensor


def _expected_size(path: Path) -> int | None:
    """How long a safetensors file says it is: 8 bytes of header size, the header, the data."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            return None
        try:
            header = json.loads(file.read(length))
            return 8 + length + int(max(v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"))
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            return None


def stored_weights(snapshot: Snapshot) -> list[tuple[str, int]]:
    """Precision (``"float32"``) and bytes of each weight, from the headers of safetensors files alone.

    Raises:
        MissingFileError: There are no such files, or not all of them.
        CorruptCheckpointError: A file is truncated or damaged.
    """
    weights = open_checkpoint(snapshot, reads_pickles=False)
    tensors = (find(None) for find in weights.values())
    return [(str(tensor.dtype).removeprefix("torch."), tensor.nbytes) for tensor in tensors]


def _read_pickle(path: Path) -> Checkpoint:
    # Files from before torch 1.6 aren't zip archives and can't be mapped.
    is_zip = zipfile.is_zipfile(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about the pickle's protocol
            weights = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as error:
        with path.open("rb") as file:
            is_pickle = is_zip or file.read(1) == pickle.PROTO
        if not is_pickle:
            raise CorruptCheckpointError(f"{path} is damaged, or no weight file at all") from error
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise UnsafePickleError(
            f"{path} asks for more than tensors{f' ({asked[1]})' if asked else ''}, so it could run code, and was not "
            "loaded; ask its author for model.safetensors, or convert it where it is trusted"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        reason = next(iter(str(error).splitlines()), "it ends too early")
        raise CorruptCheckpointError(f"{path} is truncated or damaged: {reason}") from error
    if not isinstance(weights, dict):
        raise CorruptCheckpointError(f"{path} holds a {type(weights).__name__}, not weights by name")
    return {
        name: functools.partial(_in_precision, value) for name, value in weights.items() if isinstance(value, Tensor)
    }


def _in_precision(tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    return tensor.to(dtype)


def write_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors. Call it inside :func:`dure.hub.commit.atomic_folder`."""
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in weights.items():
        stored = tensor.detach().cpu().contiguous()
        # The format holds no tensor under two names; those who ask for both get both.
        tensors[name] = stored.clone() if stored.data_ptr() in seen else stored
        seen.add(stored.data_ptr())
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
