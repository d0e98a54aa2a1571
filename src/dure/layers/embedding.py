"""Embedding tables whose gradient costs what a batch touches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Embedding", "keep_gradients"]


class _Lookup(torch.autograd.Function):
    """Rows of a table; the gradient is added to the table's own ``grad`` instead of to a new table full of zeros.

    A dense gradient of a 30,000 x 384 table is 47 MB of fresh memory at every step, a sixth of the time of a small
    model's step on a CPU. Adding in place needs it once.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, padding_idx: int | None) -> Tensor:
        ctx.weight, ctx.ids, ctx.padding_idx = weight, ids, padding_idx
        return weight.detach().index_select(0, ids.flatten()).view(*ids.shape, weight.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, None]:
        weight, ids = ctx.weight, ctx.ids.flatten()
        gradient = gradients[0].reshape(-1, weight.shape[1])
        if ctx.padding_idx is not None:
            gradient = gradient.masked_fill((ids == ctx.padding_idx).unsqueeze(1), 0.0)
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        weight.grad.index_add_(0, ids, gradient.to(weight.dtype))
        return None, None, None


class Embedding(nn.Embedding):
    """A table of ``(num_embeddings, embedding_dim)``; the padding row gets no gradient."""

    def reset_parameters(self) -> None:
        """Draw the table, unless it has no memory yet: torch's way to draw nothing imports its whole compiler."""
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, ids: Tensor) -> Tensor:
        """``(...,)`` ids to ``(..., embedding_dim)``."""
        # Hooks on the parameter (distributed training), tied tables and other devices take torch's way.
        if self.training and self.weight.is_leaf and self.weight.requires_grad and self.adds_in_place:
            looked_up: Tensor = _Lookup.apply(self.weight, ids, self.padding_idx)  # type: ignore[no-untyped-call]
            return looked_up
        return super().forward(ids)

    #: Set by the training loop, which keeps gradients' memory between steps (``zero_grad(set_to_none=False)``).
    adds_in_place: bool = False


def keep_gradients(model: nn.Module, *, is_kept: bool = True) -> None:
    """Let a model's tables add gradients in place, for a loop that calls ``zero_grad(set_to_none=False)``.

    Args:
        model: Any module.
        is_kept: False goes back to torch's way.
    """
    for module in model.modules():
        if isinstance(module, Embedding):
            module.adds_in_place = is_kept and module.weight.device.type == "cpu"
