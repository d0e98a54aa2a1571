"""Models go to disk, whole or in shards, and from there to the Hub."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from dure.errors import InputError
from dure.hub.commit import atomic_folder, write_json
from dure.models.card import CARD_FILE, card_of, card_tags
from dure.models.checkpoint import WEIGHTS_FILE, write_weights
from dure.typing import PathLike

if TYPE_CHECKING:
    from dure.models.pretrained import PreTrainedModel

__all__ = ["push", "save", "to_bytes"]

_INDEX_FILE = f"{WEIGHTS_FILE}.index.json"
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def save(
    model: PreTrainedModel,
    folder: PathLike,
    *,
    state_dict: Mapping[str, Tensor] | None = None,
    max_shard_size: int | str = "5GB",
    card: Mapping[str, Any] | None = None,
) -> None:
    """Write config.json, the weights, and README.md where there's none.

    Args:
        model: What to save.
        folder: Where; made if it's not there.
        state_dict: Weights to write in place of the model's, by the original's names.
        max_shard_size: How large a weight file may become, such as ``"200KB"`` or a number of bytes; more go into
            shards.
        card: More metadata for the card.

    Raises:
        InputError: ``max_shard_size`` is no size.
    """
    limit = to_bytes(max_shard_size)
    model.config.architectures = [type(model).__name__]
    weights = _each_once(model, state_dict if state_dict is not None else model.state_dict())
    fields = {**model.config.to_dict(), "dtype": str(model.dtype).removeprefix("torch.")}
    has_card = (Path(folder) / CARD_FILE).exists()
    with atomic_folder(folder) as temporary:
        written = _write_shards(weights, temporary, limit)
        type(model.config).from_dict(fields).save_pretrained(temporary)
        model.write_beside(temporary)
        if not has_card:
            (temporary / CARD_FILE).write_text(card_of(model, card), encoding="utf-8")
    # Files of an earlier save: a reader would take a whole file before an index.
    for path in Path(folder).iterdir():
        if path.name not in written and (path.name in {WEIGHTS_FILE, _INDEX_FILE} or _SHARD.fullmatch(path.name)):
            path.unlink()


def push(
    model: PreTrainedModel,
    repo_id: str,
    *,
    max_shard_size: int | str,
    card: Mapping[str, Any] | None,
    tags: Sequence[str],
    token: str | bool | None,
    private: bool | None,
    **commit: Any,
) -> Any:
    """Save a model into a folder that vanishes, and upload that. A card that the repository has stays.

    Args:
        model: What to upload.
        repo_id: The repository, such as ``org/name``; made if it's not there.
        max_shard_size: As for :func:`save`.
        card: As for :func:`save`.
        tags: More tags for the card.
        token: An access token; the stored one by default.
        private: Whether a new repository is private; the server's default where not given.
        **commit: ``commit_message``, ``commit_description``, ``revision`` and ``create_pr``.

    Returns:
        What huggingface_hub says about the commit.
    """
    from huggingface_hub import HfApi

    api: Any = HfApi(token=token)
    repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
    if tags:
        card = {**(card or {}), "tags": [*card_tags(model), *tags]}
    with tempfile.TemporaryDirectory() as folder:
        save(model, folder, max_shard_size=max_shard_size, card=card)
        if api.file_exists(repo_id, CARD_FILE, revision=commit.get("revision")):
            (Path(folder) / CARD_FILE).unlink()
        return api.upload_folder(repo_id=repo_id, folder_path=folder, **commit)


def to_bytes(size: int | str) -> int:
    """A size as a number of bytes.

    >>> to_bytes("5GB"), to_bytes("200 KiB"), to_bytes(12)
    (5000000000, 204800, 12)

    Raises:
        InputError: It is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(size))
    if isinstance(size, bool) or found is None or found[2].upper() not in _UNITS or float(found[1]) == 0:
        raise InputError(f"max_shard_size is {size!r}; give a number of bytes, or a text such as '200MB' or '5GB'")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _each_once(model: PreTrainedModel, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights without those that readers make out of others, under the names that the original writes."""
    ties = {model.renames.to_original(head) for head in model.active_ties}
    is_short = model.config.tie_word_embeddings or not model.spells_out_tables
    once = {name: tensor for name, tensor in weights.items() if not (is_short and name in ties)}
    for second, first in model.aliases.items():
        is_known = second not in ties and second in once and first in once
        if is_known and once[second].data_ptr() == once[first].data_ptr():
            del once[first]
    return once


def _write_shards(weights: Mapping[str, Tensor], folder: Path, limit: int) -> set[str]:
    """Write weights in their order, a file for each run that fits; returns the files' names."""
    shards: list[dict[str, Tensor]] = [{}]
    free = limit
    for name, tensor in weights.items():
        if tensor.nbytes > free and shards[-1]:
            shards.append({})
            free = limit
        shards[-1][name] = tensor
        free -= tensor.nbytes
    if len(shards) == 1:
        write_weights(shards[0], folder / WEIGHTS_FILE)
        return {WEIGHTS_FILE}
    names = [f"model-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards, strict=True):
        write_weights(shard, folder / name)
    places = {weight: name for name, shard in zip(names, shards, strict=True) for weight in shard}
    total = {"total_parameters": sum(t.numel() for t in weights.values())}
    total["total_size"] = sum(tensor.nbytes for tensor in weights.values())
    write_json(folder / _INDEX_FILE, {"metadata": total, "weight_map": dict(sorted(places.items()))})
    return {_INDEX_FILE, *names}
