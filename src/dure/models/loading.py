"""Weights of a checkpoint go into a model: each is taken as it lies in the file.

What the checkpoint lacks is drawn anew, and the user is told.
"""

from __future__ import annotations

import collections
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dure.errors import CheckpointError, InputError, ShapeMismatchError
from dure.models.checkpoint import Checkpoint
from dure.models.finite import looked_at, warn_of_nan
from dure.models.weights import from_legacy

if TYPE_CHECKING:
    from dure.models.config import PretrainedConfig
    from dure.models.pretrained import PreTrainedModel

__all__ = ["check_family", "fill", "set_parameter", "stated_dtype", "to_device", "to_dtype"]

#: The name of a weight in the original, and its shapes in the checkpoint and in the model.
Mismatch = tuple[str, tuple[int, ...], tuple[int, ...]]


def fill(
    model: PreTrainedModel,
    weights: Checkpoint,
    source: str,
    *,
    dtype: torch.dtype | None,
    device: torch.device | None = None,
    ignores_mismatched_sizes: bool,
) -> None:
    """Give a model that was built without memory (on the meta device) its weights.

    Args:
        model: The model.
        weights: A checkpoint's.
        source: The checkpoint's name, for messages.
        dtype: The precision; None takes the one that is stored.
        device: Where weights go; None leaves them where they were read, mapped into memory.
        ignores_mismatched_sizes: Draw weights of another shape anew, in place of an error.

    Raises:
        ShapeMismatchError: Weights have other shapes than the model's; all are named.
        CheckpointError: The checkpoint has none of the model's weights, or stores some as integers.
    """
    ours = {model.renames.to_original(name): name for name, _ in _named_weights(model)}
    found = _match(model, weights, set(ours))
    if not found:
        held = ", ".join(sorted(weights)[:4]) or "nothing"
        raise CheckpointError(f"{source} has no weights of {type(model).__name__}; it holds {held}, ...")
    if dtype is None:
        dtype = _stored_dtype(weights[name](None) for name in found.values())
    mismatched: list[Mismatch] = []
    looked: dict[str, Tensor] = {}
    for original, stored in sorted(_without_twins(model, found).items()):
        tensor, shape = model.turned(original, weights[stored](None)), _weight(model, ours[original]).shape
        if tensor.shape != shape:
            mismatched.append((original, tuple(tensor.shape), tuple(shape)))
            continue
        if not tensor.is_floating_point():
            raise CheckpointError(f"{source}: {stored} is stored as {tensor.dtype}; Dure reads floating-point weights")
        loaded = weights[stored](dtype)
        looked[stored] = looked_at(loaded)
        _set_weight(model, ours[original], model.turned(original, loaded).to(device))
    if mismatched and not ignores_mismatched_sizes:
        rows = "".join(f"\n- {n}: {list(a)} in the checkpoint, {list(b)} in the model" for n, a, b in mismatched)
        raise ShapeMismatchError(
            f"weights of {source} don't fit {type(model).__name__}:{rows}\n"
            "Pass the matching configuration, or ignore_mismatched_sizes=True to draw these anew."
        )
    warn_of_nan(looked, source)
    fresh = _draw_missing(model, dtype, set(found) - {name for name, *_ in mismatched})
    tied = {model.renames.to_original(name) for name in model.active_ties}
    unused = sorted(
        name
        for name in set(weights) - set(found.values())
        if not name.endswith(model.ignored_weights) and from_legacy(name) not in tied | set(model.aliases)
    )
    _report(model, source, fresh, unused, mismatched)


def check_family(model_class: type[PreTrainedModel], model_type: Any, source: str) -> None:
    """Refuse a checkpoint of another family; warn of one whose weights have the same names.

    Args:
        model_class: The class that is to read it.
        model_type: The family that the checkpoint's config.json names; None where it names none.
        source: The checkpoint's name, for messages.

    Raises:
        CheckpointError: With both families.
    """
    from dure.models.auto import FAMILIES, family_class

    own, name = model_class.config_class.model_type, model_class.__name__
    if model_type in (None, own) or not own:
        return
    told = f"{source} is a checkpoint of the family {model_type!r}, and {name} is of {own!r}"
    is_known = model_type in FAMILIES
    prefix = family_class(model_type, "Model", source).base_model_prefix if is_known else model_class.base_model_prefix
    if prefix != model_class.base_model_prefix:
        other = FAMILIES[model_type][1]
        raise CheckpointError(f"{told}; load it with dure.AutoModel..., or with a class that begins with {other}")
    warnings.warn(
        f"{told}: its weights are read as if they were, and may mean something else there; dure.AutoModel... chooses "
        "the class by itself",
        UserWarning,
        stacklevel=3,
    )


def _match(model: PreTrainedModel, weights: Checkpoint, expected: set[str]) -> dict[str, str]:
    """Which name in the checkpoint holds which weight: old names too, with or without the body's prefix.

    Of two weights that are one, a checkpoint may hold either.
    """
    prefix = f"{model.base_model_prefix}."
    # Some heads have the body under another name than its other heads.
    usual = f"{getattr(model, 'body_class', model).base_model_prefix}."
    found: dict[str, str] = {}
    second: dict[str, str] = {}
    for name in weights:
        today = from_legacy(name)
        for candidate in (today, prefix + today, today.removeprefix(prefix), prefix + today.removeprefix(usual)):
            if candidate in expected:
                found[candidate] = name
                break
            if candidate in model.aliases:
                second[model.aliases[candidate]] = name
    found = {**second, **found}
    for head, body in model.active_ties.items():
        theirs, twin = model.renames.to_original(head), model.renames.to_original(body)
        if theirs in found and twin in expected:
            found.setdefault(twin, found[theirs])
    return found


def _without_twins(model: PreTrainedModel, found: dict[str, str]) -> dict[str, str]:
    """Of two weights that will be one, the one that stays; the other isn't read."""
    to_original = model.renames.to_original
    twins = {to_original(head) for head, body in model.active_ties.items() if to_original(body) in found}
    return {original: stored for original, stored in found.items() if original not in twins}


def _stored_dtype(tensors: Iterable[Tensor]) -> torch.dtype:
    """The precision of most weights."""
    counts = collections.Counter(tensor.dtype for tensor in tensors if tensor.is_floating_point())
    return counts.most_common(1)[0][0] if counts else torch.float32


def _draw_missing(model: PreTrainedModel, dtype: torch.dtype, given: set[str]) -> list[str]:
    """Make the weights that the checkpoint doesn't give, and return their original names."""
    to_original = model.renames.to_original
    names = [name for name, _ in _named_weights(model) if to_original(name) not in given]
    names = [name for name in names if name not in model.active_ties]
    for name in names:
        owner, _, leaf = name.rpartition(".")
        _set_weight(model, name, torch.zeros(_weight(model, name).shape, dtype=dtype))
        if leaf in model.get_submodule(owner)._parameters:
            model.init_parameter(model.get_submodule(owner), leaf)
    model.tie_weights()
    return sorted(name for name in map(to_original, names) if not name.endswith(model.optional_weights))


def _report(
    model: PreTrainedModel, source: str, fresh: list[str], unused: list[str], mismatched: list[Mismatch]
) -> None:
    """One warning that names what was drawn anew and what was left unused, and says what to do.

    Weights of another head alone are no news: that a body or another head leaves them out is what was asked for.
    """
    name = type(model).__name__
    parts = []
    if unused and (fresh or name in (model.config.architectures or [name])):
        parts.append(
            f"Some weights of the model checkpoint at {source} were not used when initializing {name}: {unused}\n"
            "- This IS expected if the checkpoint was trained with another head or for another task.\n"
            f"- This IS NOT expected if it was saved from {name} itself: then its files and config.json differ."
        )
    if fresh:
        shapes = "".join(f"\n- {n}: {list(a)} in the checkpoint, {list(b)} in the model" for n, a, b in mismatched)
        because = f"\nOf these, the shapes did not match:{shapes}" if shapes else ""
        parts.append(
            f"Some weights of {name} were not initialized from the model checkpoint at {source} and are newly "
            f"initialized: {fresh}{because}\nYou should probably TRAIN this model on a down-stream task to be able to "
            "use it for predictions and inference."
        )
    if parts:
        warnings.warn("\n".join(parts), UserWarning, stacklevel=4)


def set_parameter(model: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Put a parameter at a dotted name."""
    owner, _, leaf = name.rpartition(".")
    model.get_submodule(owner)._parameters[leaf] = parameter


def _named_weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters, and the buffers that checkpoints hold: of those, a model without memory has only the shapes."""
    yield from model.named_parameters()
    for prefix, module in model.named_modules():
        for leaf, buffer in module._buffers.items():
            if buffer is not None and leaf not in module._non_persistent_buffers_set:
                yield f"{prefix}.{leaf}".removeprefix("."), buffer


def _weight(model: nn.Module, name: str) -> Tensor:
    """The parameter or buffer at a dotted name."""
    owner, _, leaf = name.rpartition(".")
    weight: Tensor = getattr(model.get_submodule(owner), leaf)
    return weight


def _set_weight(model: nn.Module, name: str, tensor: Tensor) -> None:
    """Put a tensor at a dotted name, as what stands there: a buffer, or a parameter that is trained or not."""
    owner, _, leaf = name.rpartition(".")
    module = model.get_submodule(owner)
    if leaf in module._buffers:
        module._buffers[leaf] = tensor
    else:
        set_parameter(model, name, nn.Parameter(tensor, requires_grad=_weight(model, name).requires_grad))


def stated_dtype(config: PretrainedConfig) -> torch.dtype | None:
    """The precision that config.json names, if it names one."""
    named = config.__dict__.get("dtype") or config.__dict__.get("torch_dtype")
    found = getattr(torch, str(named).removeprefix("torch."), None)
    return found if isinstance(found, torch.dtype) and found.is_floating_point else None


def to_device(device: Any) -> torch.device | None:
    """A device as users say it: by name, number, as torch's, ``"auto"``, or a map with one entry ``{"": device}``.

    Raises:
        InputError: It's none, or a map that divides the model.
    """
    if isinstance(device, dict):
        if set(device) != {""}:
            raise InputError(f"device_map {device!r} divides the model; Dure puts it on one device, such as 'cpu'")
        device = device[""]
    if device is None or isinstance(device, torch.device):
        return device
    if device == "auto":
        found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return found or torch.device("cpu")
    try:
        return torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise InputError(f"device {device!r} is none; use 'cpu', 'cuda', 'cuda:0' or 'auto'") from error


def to_dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    """A precision by name or as torch's; float32 where none is given, None for ``"auto"``.

    Raises:
        InputError: No precision has that name.
    """
    if dtype == "auto":
        return None
    named = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if dtype is None:
        return torch.float32
    if not isinstance(named, torch.dtype) or not named.is_floating_point:
        raise InputError(f"dtype {dtype!r} is not a precision; use 'float32', 'bfloat16', 'float16' or 'auto'")
    return named
