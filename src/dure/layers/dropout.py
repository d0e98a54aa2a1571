"""Dropout: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["dropout"]


def dropout(values: Tensor, probability: float, is_training: bool) -> Tensor:
    """Each value with that probability zero, the others scaled up, so that the mean stays.

    On a CPU, drawing the mask is what costs: torch draws a double for each value. One 64-bit number holds four 16-bit
    draws, which makes it several times cheaper; the probability is then a multiple of 2^-16 (0.1 becomes 0.100006), and
    the scale is the exact inverse of what is kept.

    Args:
        values: Any shape.
        probability: Of being dropped, 0 to 1.
        is_training: False returns ``values`` as they are.
    """
    if not is_training or probability == 0.0:
        return values
    threshold = round(probability * 65536)
    if values.device.type != "cpu" or not 0 < threshold < 65536:
        return F.dropout(values, probability)
    count = values.numel()
    draws = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.int16)[:count].view(values.shape) >= threshold - 32768
    return values * kept.to(values.dtype).mul_(65536 / (65536 - threshold))
