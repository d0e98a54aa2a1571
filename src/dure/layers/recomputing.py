"""Gradient checkpointing: Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).

A block keeps what came in, and computes its inside again when gradients are asked for: memory for one block in place
of all, at the cost of one more forward pass.
"""

from __future__ import annotations

from typing import Any

from torch import is_grad_enabled, nn
from torch.utils.checkpoint import checkpoint

__all__ = ["Recomputable"]


class Recomputable(nn.Module):
    """A block that may forget its inside until gradients need it.

    Attributes:
        is_recomputed: Whether it does, in training.
    """

    is_recomputed: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What ``forward`` gives."""
        if not (self.is_recomputed and self.training and is_grad_enabled()):
            return super().__call__(*args, **kwargs)
        cache = kwargs.get("cache")
        if cache is not None:
            if cache.get_seq_length() > 0:  # a past can't be read twice: the second reading would append to it again
                return super().__call__(*args, **kwargs)
            kwargs["cache"] = None
        return checkpoint(super().__call__, *args, use_reentrant=False, **kwargs)
