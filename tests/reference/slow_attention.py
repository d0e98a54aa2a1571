"""Attention as its formula says it, one row, head and token at a time: the slow twin of ``dure.layers.attention``."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """``softmax(Q K^T / sqrt(d)) V`` (Vaswani et al. 2017, equation 1) over the keys whose mask is 1.

    Args:
        query: ``(batch, length, num_heads, head_size)``, like ``key`` and ``value``.
        mask: ``(batch, length)``; a row of zeros reads everything.

    Returns:
        Context ``(batch, length, num_heads, head_size)`` and weights ``(batch, num_heads, length, length)``.
    """
    batch, length, num_heads, head_size = query.shape
    context = torch.zeros(query.shape, dtype=torch.float64)
    weights = torch.zeros(batch, num_heads, length, length, dtype=torch.float64)
    for row in range(batch):
        real = [k for k in range(length) if mask[row, k]] or list(range(length))
        for head in range(num_heads):
            for asking in range(length):
                scores = [
                    sum(
                        a * b
                        for a, b in zip(query[row, asking, head].tolist(), key[row, k, head].tolist(), strict=True)
                    )
                    / math.sqrt(head_size)
                    for k in real
                ]
                exponentials = [math.exp(score - max(scores)) for score in scores]
                for k, exponential in zip(real, exponentials, strict=True):
                    weight = exponential / sum(exponentials)
                    weights[row, head, asking, k] = weight
                    context[row, asking, head] += weight * value[row, k, head].double()
    return context, weights
