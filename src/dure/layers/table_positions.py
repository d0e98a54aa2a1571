"""Tables of words and positions as fairseq's models have them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dure.layers.embedding import Embedding
from dure.layers.positions import sines

__all__ = ["FixedPositions", "LearnedPositions", "ScaledEmbedding"]

#: fairseq's tables of positions start with rows that are never read, for ids before the first position.
OFFSET = 2


class ScaledEmbedding(Embedding):
    """A table of words whose rows are multiplied as they are read.

    Args:
        num_embeddings: Words.
        embedding_dim: Width of a row.
        padding_idx: The word whose row gets no gradient.
        scale: What rows are multiplied with.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None, scale: float) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx=padding_idx)
        self.scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        """``(...,)`` ids to ``(..., embedding_dim)``."""
        words = super().forward(ids)
        return words if self.scale == 1.0 else words * self.scale


class LearnedPositions(Embedding):
    """A learned row for each column.

    Args:
        num_positions: Columns.
        size: Width of a row.
    """

    def __init__(self, num_positions: int, size: int) -> None:
        super().__init__(num_positions + OFFSET, size)

    def forward(self, columns: Tensor) -> Tensor:
        """``(...,)`` columns to ``(..., size)``."""
        return super().forward(columns + OFFSET)


class FixedPositions(nn.Embedding):
    """Sines and cosines of the column (Vaswani et al. 2017, section 3.5), all sines first; it isn't trained.

    Args:
        num_positions: Columns.
        size: Width of a row.
    """

    def __init__(self, num_positions: int, size: int) -> None:
        super().__init__(num_positions, size)
        self.weight.requires_grad_(False)

    def reset_parameters(self) -> None:
        """Fill the table, unless it has no memory yet."""
        if self.weight.is_meta:
            return
        with torch.no_grad():
            self.weight.copy_(sines(*self.weight.shape))
