"""Scaled dot-product attention: Vaswani et al., "Attention Is All You Need" (2017), section 3.2.1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.dropout import can_draw, draw_mask
from dure.layers.dropout import dropout as drop
from dure.layers.dropped_attention import dropped_attention
from dure.layers.linear import Linear, project_together
from dure.layers.packing import Packing

__all__ = ["SelfAttention", "attend"]


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    packing: Packing,
    dropout: float = 0.0,
    needs_weights: bool = False,
    is_first_only: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What each token reads from the tokens of its own row.

    Args:
        query: ``(num_tokens, num_heads, head_size)``, packed; or ``(batch, num_heads, head_size)``, only the first of
            each row.
        key: ``(num_tokens, num_heads, head_size)``, packed.
        value: As ``key``.
        packing: Which tokens belong together.
        dropout: Probability of dropping a weight; 0 outside training.
        needs_weights: Also return the weights, which costs the fused kernel.
        is_first_only: ``query`` holds only the first token of each row.

    Returns:
        As many rows as ``query`` has, ``(..., num_heads * head_size)``, and the weights
        ``(batch, num_heads, length, length)`` or None.
    """
    query = query.unsqueeze(2) if is_first_only else packing.unpack(query).transpose(1, 2)
    key, value = packing.unpack(key).transpose(1, 2), packing.unpack(value).transpose(1, 2)
    mask = packing.key_mask()
    weights = None
    # With dropout, torch's kernel for the CPU falls back to these same steps, and takes more of them.
    if needs_weights or (dropout > 0.0 and query.device.type == "cpu"):
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = drop(scores.softmax(dim=-1), dropout, dropout > 0.0)
        context = weights @ value
        weights = weights if needs_weights else None
    else:
        context = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    if is_first_only:
        return context.flatten(1), weights
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

    def forward(
        self,
        hidden: Tensor,
        packing: Packing,
        needs_weights: bool = False,
        asking: Tensor | None = None,
        *,
        residual: Tensor | None = None,
        output_dropout: float = 0.0,
    ) -> tuple[Tensor, Tensor | None]:
        """``(num_tokens, hidden_size)`` to the same, and the weights where they are asked for.

        With ``asking``, the states ``(batch, hidden_size)`` of first tokens, only these ask and are returned. A
        ``residual`` is added to what is returned, whose values are dropped with a probability of ``output_dropout``.
        """
        dropout = self.dropout if self.training else 0.0
        if dropout > 0.0 and not needs_weights and _is_spelled_out(hidden, dropout):
            context, weights = self._attend_dropped(hidden, packing, asking, dropout), None
        else:
            sources = (hidden if asking is None else asking, hidden, hidden)
            layers = (self.query, self.key, self.value)
            query, key, value = (
                layer(source).view(len(source), self.num_heads, -1)
                for layer, source in zip(layers, sources, strict=True)
            )
            context, weights = attend(
                query, key, value, packing=packing, dropout=dropout, needs_weights=needs_weights,
                is_first_only=asking is not None,
            )  # fmt: skip
        return self.output(context, residual=residual, dropout=output_dropout), weights

    def _attend_dropped(self, hidden: Tensor, packing: Packing, asking: Tensor | None, dropout: float) -> Tensor:
        """As :func:`attend`, from the states, where :func:`_is_spelled_out`."""
        layers = (self.query, self.key, self.value) if asking is None else (self.key, self.value)
        projected = project_together(layers, hidden).view(len(hidden), len(layers), self.num_heads, -1)
        first = None if asking is None else self.query(asking).view(len(asking), self.num_heads, -1)
        length = packing.length if asking is None else 1
        mask = draw_mask((packing.batch_size * self.num_heads, length, packing.length), dropout)
        return dropped_attention(projected, first, packing, mask).flatten(1)


def _is_spelled_out(hidden: Tensor, dropout: float) -> bool:
    """Whether the steps and their gradient written out apply: in float32 on a CPU, and where nobody looks inside."""
    return (
        can_draw(dropout, hidden.device)
        and hidden.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
    )
