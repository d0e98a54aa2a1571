"""Lists to tensors and back, without a loop over tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dure.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["is_tensor", "kind_of", "tensor_type", "to_tensor"]


def tensor_type(value: Any) -> str | None:
    """``'pt'``, ``'np'`` or None, from what a user gave as ``return_tensors``.

    Raises:
        InputError: Another framework, or no framework at all.
    """
    name = getattr(value, "value", value)
    if name in (None, "pt", "np"):
        return None if name is None else str(name)
    raise InputError(
        f"return_tensors={name!r} isn't supported: use 'pt' (PyTorch), 'np' (NumPy) or None (Python lists)"
    )


def kind_of(value: Any) -> str | None:
    """``'pt'`` for a PyTorch tensor, ``'np'`` for a NumPy array or number, None for anything else."""
    if isinstance(value, (np.ndarray, np.generic)):
        return "np"
    # A value can only be a tensor if something has imported torch already.
    import sys

    torch = sys.modules.get("torch")
    return "pt" if torch is not None and isinstance(value, torch.Tensor) else None


def is_tensor(value: Any, kind: str) -> bool:
    """Whether a value is what :func:`to_tensor` would make."""
    return kind_of(value) == kind and not isinstance(value, np.generic)


def to_tensor(name: str, value: Any, kind: str) -> Any:
    """Nested lists as one tensor or array; with ``'np'``, rows of unequal length become an array of arrays.

    Raises:
        InputError: Rows have unequal lengths, or something isn't a number.
    """
    if kind == "np":
        return _to_array(value)
    import torch

    if isinstance(value, np.ndarray) and value.dtype != object:
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, list) and value and (parts := kind_of(value[0])):
        if len({item.shape for item in value}) > 1:
            raise InputError(_ragged(name, [len(item) for item in value]))
        return torch.stack(value) if parts == "pt" else torch.from_numpy(np.stack(value))
    try:
        tensor = torch.tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        lengths = [len(row) for row in value if hasattr(row, "__len__")] if isinstance(value, (list, tuple)) else []
        if len(set(lengths)) > 1:
            raise InputError(_ragged(name, lengths)) from error
        raise InputError(
            f"column {name!r} can't be a tensor ({error}): it must hold numbers, nested as rows of equal length"
        ) from error
    # Empty lists have no type of their own; ids do.
    return tensor.to(torch.int64) if tensor.numel() == 0 and not isinstance(value, torch.Tensor) else tensor


def _ragged(name: str, lengths: list[int]) -> str:
    return (
        f"the rows of {name!r} have {min(lengths)} to {max(lengths)} items, but a tensor needs equal lengths: "
        "pass padding=True and/or truncation=True (columns of other lengths, such as labels per token, "
        "must be padded or removed first)"
    )


def _to_array(value: Any) -> NDArray[Any]:
    if isinstance(value, (list, tuple)) and value and kind_of(value[0]) == "pt":
        value = [item.numpy(force=True) for item in value]
    has_rows = isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple, np.ndarray))
    if has_rows and len({len(row) for row in value}) > 1:
        array = np.empty(len(value), object)
        array[:] = [np.asarray(row) for row in value]
        return array
    array = np.asarray(value.numpy(force=True) if kind_of(value) == "pt" else value)
    return array.astype(np.int64) if array.size == 0 else array
