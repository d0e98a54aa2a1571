"""Root mean square norm: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["RMSNorm"]


class RMSNorm(nn.Module):
    """``x / sqrt(mean(x^2) + epsilon) * weight``, computed in float32.

    Args:
        size: Width of what is normed.
        epsilon: What is added to the mean square.
        is_centred: The factor is ``1 + weight``, which Gemma stores; such weights start at 0.
    """

    def __init__(self, size: int, epsilon: float, *, is_centred: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size))
        self.epsilon = epsilon
        self.is_centred = is_centred

    @property
    def initial(self) -> float:
        """The weight that leaves the normed values as they are."""
        return 0.0 if self.is_centred else 1.0

    def forward(self, hidden: Tensor) -> Tensor:
        """``(..., size)`` to the same."""
        values = hidden.float()
        values = values * torch.rsqrt(values.square().mean(-1, keepdim=True) + self.epsilon)
        if self.is_centred:
            return (values * (1.0 + self.weight.float())).to(hidden.dtype)
        return self.weight * values.to(hidden.dtype)  # rounded first, as the originals do
