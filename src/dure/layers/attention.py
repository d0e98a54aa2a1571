"""Scaled dot-product attention: Vaswani et al., "Attention Is All You Need" (2017), section 3.2.1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.linear import Linear
from dure.layers.packing import Packing

__all__ = ["SelfAttention", "attend"]


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, packing: Packing, dropout: float = 0.0, needs_weights: bool = False
) -> tuple[Tensor, Tensor | None]:
    """What each token reads from the tokens of its own row.

    Args:
        query: ``(num_tokens, num_heads, head_size)``, packed.
        key: As ``query``.
        value: As ``query``.
        packing: Which tokens belong together.
        dropout: Probability of dropping a weight; 0 outside training.
        needs_weights: Also return the weights, which costs the fused kernel.

    Returns:
        ``(num_tokens, num_heads * head_size)``, and the weights ``(batch, num_heads, length, length)`` or None.
    """
    query, key, value = (packing.unpack(x).transpose(1, 2) for x in (query, key, value))
    mask = packing.key_mask()
    weights = None
    if needs_weights:
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = F.dropout(scores.softmax(dim=-1), dropout)
        context = weights @ value
    else:
        context = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    return packing.pack(context.transpose(1, 2)).flatten(1), weights


class SelfAttention(nn.Module):
    """Multi-head self-attention with its output projection.

    Args:
        hidden_size: Width of a token.
        num_heads: Heads; must divide ``hidden_size``.
        dropout: Probability of dropping an attention weight in training.
    """

    def __init__(self, hidden_size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ConfigError(f"hidden_size {hidden_size} must be a multiple of the number of heads, {num_heads}")
        self.num_heads = num_heads
        self.query = Linear(hidden_size, hidden_size)
        self.key = Linear(hidden_size, hidden_size)
        self.value = Linear(hidden_size, hidden_size)
        self.output = Linear(hidden_size, hidden_size)
        self.dropout = dropout

    def forward(self, hidden: Tensor, packing: Packing, needs_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """``(num_tokens, hidden_size)`` to the same, and the weights where they are asked for."""
        query, key, value = (
            layer(hidden).unflatten(1, (self.num_heads, -1)) for layer in (self.query, self.key, self.value)
        )
        dropout = self.dropout if self.training else 0.0
        context, weights = attend(query, key, value, packing=packing, dropout=dropout, needs_weights=needs_weights)
        return self.output(context), weights
