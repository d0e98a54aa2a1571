"""Gradient checkpointing: Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).

A block keeps what came in, and computes its inside again when gradients are asked for: memory for one block in place
of all, at the cost of one more forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import is_grad_enabled, nn
from torch.utils.checkpoint import checkpoint

__all__ = ["HasRecomputable", "Recomputable"]


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


class HasRecomputable(nn.Module):
    """A model made of such blocks."""

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """In training, keep what goes into each block and compute its inside again for the gradient.

        Less memory, a third more time, the same numbers.

        Args:
            gradient_checkpointing_kwargs: Accepted; the way is that of ``use_reentrant=False``.
        """
        self._set_recomputing(is_on=True)

    def gradient_checkpointing_disable(self) -> None:
        """Keep the inside of blocks again."""
        self._set_recomputing(is_on=False)

    def _set_recomputing(self, *, is_on: bool) -> None:
        for module in self.modules():
            if isinstance(module, Recomputable):
                module.is_recomputed = is_on

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether blocks are computed again for their gradients."""
        return any(isinstance(module, Recomputable) and module.is_recomputed for module in self.modules())
