"""Dropout: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dure.layers import _kernels
from dure.layers.following import is_followed

__all__ = ["can_draw", "draw_mask", "draw_seed", "dropout", "threshold_of"]


def dropout(values: Tensor, probability: float, is_training: bool, *, residual: Tensor | None = None) -> Tensor:
    """Each value with that probability zero, the others scaled up, so that the mean stays.

    Args:
        values: Any shape.
        probability: Of being dropped, 0 to 1.
        is_training: False drops nothing.
        residual: Added to what is left; of the same shape.
    """
    if is_training and can_draw(probability, values.device):
        mask, scale = _mask_of(values, probability)
        if residual is not None:
            return torch.addcmul(residual, values, mask, value=scale)
        return values * mask if scale == 1.0 else values * mask * scale
    if is_training and probability > 0.0:
        values = F.dropout(values, probability)
    return values if residual is None else residual + values


def _mask_of(values: Tensor, probability: float) -> tuple[Tensor, float]:
    """Of the values' precision, and what is left to multiply with."""
    if values.dtype == torch.float32:
        return draw_mask(values.shape, probability), 1.0
    # The scale isn't rounded to a low precision, or the mean wouldn't stay.
    threshold = threshold_of(probability)
    mask = torch.empty(values.shape, dtype=torch.bfloat16, device="cpu")
    _kernels.draw_half_mask(mask.data_ptr(), mask.numel(), threshold, draw_seed())
    return mask.to(values.dtype), 65536 / (65536 - threshold)


def can_draw(probability: float, device: torch.device) -> bool:
    """Whether :func:`draw_mask` is the way to drop with that probability on that device."""
    return device.type == "cpu" and 0 < threshold_of(probability) < 65536 and not is_followed()


def draw_mask(shape: Sequence[int], probability: float) -> Tensor:
    """On the CPU, what to multiply values with: 0 with that probability, else the inverse of what is kept; float32.

    Drawing is what costs: torch draws a double for each value, one after another. Here a draw has 16 bits, and many
    generators side by side, seeded by torch's, give them: 424 x 384 values take 14 us in place of 211 with 16 bits of
    torch's own. The probability is a multiple of 2^-16 (0.1 becomes 0.100006), and the scale is the exact inverse of
    what is kept.
    """
    threshold = threshold_of(probability)
    mask = torch.empty(shape, dtype=torch.float32, device="cpu")
    _kernels.draw_mask(mask, threshold, 65536 / (65536 - threshold), draw_seed())
    return mask


def draw_seed() -> int:
    """A seed from torch's generator."""
    return int(torch.empty((), dtype=torch.int64, device="cpu").random_())


def threshold_of(probability: float) -> int:
    """Draws of 16 bits below it drop a value."""
    return round(probability * 65536)
