"""Who follows a computation: kernels that torch doesn't know stay out of its sight."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["is_followed", "is_ordinary"]

_ORDINARY = (Tensor, nn.Parameter)


def is_followed() -> bool:
    """Whether somebody records or transforms what is computed now.

    That is ``torch.compile``, ``torch.export``, ``torch.jit.trace``, ``torch.func``, or a mode that sees each
    operator, such as one that counts operations or makes tensors without memory.
    """
    return bool(
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or torch._C._get_tracing_state() is not None
        or torch._C._len_torch_dispatch_stack() > 0
    )


def is_ordinary(tensor: Tensor) -> bool:
    """Whether a tensor's numbers lie where it says: not one of a class that keeps them elsewhere, or has none."""
    return type(tensor) in _ORDINARY
