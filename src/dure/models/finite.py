"""Weights that aren't numbers, found without reading all of them.

A training run that diverges leaves NaN in nearly every weight at one step. So it's enough to look at all biases and
norms, and at the first row of each matrix: a thousandth of a model, half a millisecond for BERT-base. Reading all of
its 440 MB would take longer than loading it does. A single damaged number inside a matrix isn't found.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["looked_at", "warn_of_nan"]


def looked_at(tensor: Tensor) -> Tensor:
    """The part of a weight that is looked at, ``(width,)``: a view."""
    while tensor.dim() > 1 and len(tensor):
        tensor = tensor[0]
    return tensor


def warn_of_nan(parts: Mapping[str, Tensor], source: str) -> None:
    """Warn of weights that hold NaN or infinity where they are looked at.

    Args:
        parts: What :func:`looked_at` gave, by name.
        source: The checkpoint.
    """
    if not parts:
        return
    # NaN and infinity survive a sum.
    sums = torch.stack([part.sum(dtype=torch.float32).cpu() for part in parts.values()])
    if bool(sums.isfinite().all()):
        return
    names = [name for name, part in parts.items() if not bool(part.isfinite().all())]
    if names:
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        warnings.warn(
            f"{source} has weights that are NaN or infinite: {', '.join(names[:8])}{more}. What the model computes "
            "will be, too; take an earlier checkpoint, and train with a smaller learning rate",
            UserWarning,
            stacklevel=5,
        )
