"""Attention whose weights are dropped, on a CPU: the steps of training, with their gradient written out.

It computes what :func:`dure.layers.attention.attend` spells out. Torch's automatic gradient of those steps spends as
long moving tokens in and out of padding and between layouts as on the products. Here each tensor is moved once, a head
at a time, and what can be computed in place is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dure.layers.packing import Packing

__all__ = ["dropped_attention"]


def dropped_attention(projected: Tensor, first: Tensor | None, packing: Packing, mask: Tensor) -> Tensor:
    """What each token reads from the tokens of its own row.

    Args:
        projected: Queries, keys and values of packed tokens, ``(num_tokens, 3, num_heads, head_size)``; with ``first``
            only keys and values, ``(num_tokens, 2, num_heads, head_size)``.
        first: Queries of the first token of each row, ``(batch, num_heads, head_size)``; None where all ask.
        packing: Which tokens belong together.
        mask: What to multiply the weights with, ``(batch * num_heads, length, length)``; ``(..., 1, length)`` with
            ``first``.

    Returns:
        ``(num_tokens or batch, num_heads, head_size)``.
    """
    context: Tensor = _DroppedAttention.apply(projected, first, packing, mask)  # type: ignore[no-untyped-call]
    return context


class _DroppedAttention(torch.autograd.Function):
    """``softmax(query @ key.T / sqrt(head_size)) * mask @ value``."""

    @staticmethod
    def forward(ctx: Any, projected: Tensor, first: Tensor | None, packing: Packing, mask: Tensor) -> Tensor:
        ctx.packing = packing
        heads = packing.to_heads(projected)
        context, weights = _steps(heads, first, packing, mask)
        ctx.save_for_backward(projected, first, mask, heads, weights)
        return context

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        projected, first, mask, heads, weights = ctx.saved_tensors
        packing: Packing = ctx.packing
        if torch.is_grad_enabled():  # a gradient of the gradient: let torch see the steps
            context, _ = _steps(packing.to_heads(projected), first, packing, mask)
            inputs = (projected,) if first is None else (projected, first)
            found = torch.autograd.grad(context, inputs, gradients, create_graph=True)
            return found[0], found[1] if len(found) > 1 else None, None, None
        if first is None:
            query = heads[0]
            gradient = packing.clear_padding(packing.to_heads(gradients[0].unsqueeze(1))[0])
        else:
            query, gradient = _as_rows(first), _as_rows(gradients[0])
        key, value = heads[-2:]
        of_heads = torch.empty_like(heads)
        torch.bmm((weights * mask).transpose(1, 2), gradient, out=of_heads[-1])
        of_weights = torch.bmm(gradient, value.transpose(1, 2)).mul_(mask)
        of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype).mul_(query.shape[2] ** -0.5)
        torch.bmm(of_scores.transpose(1, 2), query, out=of_heads[-2])
        if first is None:
            torch.bmm(of_scores, key, out=of_heads[0])
        of_first = None if first is None else torch.bmm(of_scores, key).view(first.shape)
        return packing.from_heads(of_heads, projected.shape[2]), of_first, None, None


def _steps(heads: Tensor, first: Tensor | None, packing: Packing, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The context, packed, and the weights before any is dropped."""
    query = heads[0] if first is None else _as_rows(first)
    key, value = heads[-2:]
    scores = torch.bmm(query, key.transpose(1, 2)).mul_(query.shape[2] ** -0.5)
    bias = packing.key_bias(scores.dtype)
    if bias is not None:
        scores = scores.view(packing.batch_size, -1, *scores.shape[1:]).add_(bias).view(scores.shape)
    weights = scores.softmax(dim=-1)
    context = torch.bmm(weights * mask, value)
    if first is not None:
        return context.view(first.shape), weights
    num_heads = len(value) // packing.batch_size
    return packing.from_heads(context.unsqueeze(0), num_heads).squeeze(1), weights


def _as_rows(first: Tensor) -> Tensor:
    """``(batch, num_heads, head_size)`` to ``(batch * num_heads, 1, head_size)``."""
    return first.reshape(-1, 1, first.shape[2])
