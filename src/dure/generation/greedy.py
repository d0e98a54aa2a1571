"""Greedy search: always the best token."""

from __future__ import annotations

from torch import Tensor

__all__ = ["best"]


def best(scores: Tensor) -> Tensor:
    """The best token of each row, ``(rows, vocab_size)`` to ``(rows,)``."""
    return scores.argmax(dim=-1)
