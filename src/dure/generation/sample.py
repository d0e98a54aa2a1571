"""Multinomial sampling: a token by chance, as likely as the model says."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["draw"]


def draw(scores: Tensor) -> Tensor:
    """A token of each row drawn by its probability, ``(rows, vocab_size)`` to ``(rows,)``."""
    return torch.multinomial(scores.softmax(dim=-1), num_samples=1).squeeze(1)
