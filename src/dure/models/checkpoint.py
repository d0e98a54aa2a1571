"""Weight files: safetensors (memory-mapped), shards with an index, and pickles that hold nothing but tensors."""

from __future__ import annotations

import functools
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from dure.errors import CorruptCheckpointError, MissingFileError, UnsafePickleError
from dure.hub.resolve import Snapshot

__all__ = ["WEIGHTS_FILE", "open_checkpoint", "write_weights"]

WEIGHTS_FILE = "model.safetensors"
_PICKLE_FILE = "pytorch_model.bin"

#: A checkpoint: a function for each name that maps its tensor into memory.
Checkpoint = dict[str, Callable[[], Tensor]]


def open_checkpoint(snapshot: Snapshot) -> Checkpoint:
    """The weights of a snapshot by name. Nothing is copied: a tensor of a safetensors file is a view of it.

    Raises:
        MissingFileError: There is no weight file, or a shard is missing.
        CorruptCheckpointError: A file is truncated or damaged.
        UnsafePickleError: A pickle asks for more than tensors.
    """
    for name, read in ((WEIGHTS_FILE, _read_safetensors), (_PICKLE_FILE, _read_pickle)):
        if (path := snapshot.find(name)) is not None:
            return read(path)
        if (index := snapshot.find(f"{name}.index.json")) is not None:
            weights: Checkpoint = {}
            for shard in _shards(index):
                weights.update(read(snapshot.file(shard)))
            return weights
    looked_for = f"{WEIGHTS_FILE}, {_PICKLE_FILE}, and their index for shards"
    raise MissingFileError(f"{snapshot.name}: no weights in {snapshot.path}; looked for {looked_for}")


def _shards(index: Path) -> list[str]:
    try:
        return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError) as error:
        raise CorruptCheckpointError(f"{index} is not an index of shards: {error}") from error


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
    return {name: functools.partial(file.get_tensor, name) for name in file.keys()}  # noqa: SIM118 - not a dictionary


def _expected_size(path: Path) -> int | None:
    """How long a safetensors file says it is: 8 bytes of header size, the header, the data."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            return None
        try:
            header = json.loads(file.read(length))
            return 8 + length + int(max(v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


def _read_pickle(path: Path) -> Checkpoint:
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise UnsafePickleError(
            f"{path} asks for more than tensors, so it could run code, and was not loaded; "
            "ask its author for model.safetensors, or convert it where it is trusted"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise CorruptCheckpointError(f"{path} is truncated or damaged: {str(error).splitlines()[0]}") from error
    if not isinstance(weights, dict):
        raise CorruptCheckpointError(f"{path} holds a {type(weights).__name__}, not weights by name")
    return {name: functools.partial(_identity, value) for name, value in weights.items() if isinstance(value, Tensor)}


def _identity(tensor: Tensor) -> Tensor:
    return tensor


def write_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors. Call it inside :func:`dure.hub.commit.atomic_folder`."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
