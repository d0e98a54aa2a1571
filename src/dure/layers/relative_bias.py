"""What the distance between two tokens adds to their score: Raffel et al., "T5" (2019), section 2.1."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from dure.layers.embedding import Embedding
from dure.layers.positions import distance_buckets

__all__ = ["RelativeBias"]


class RelativeBias(Embedding):
    """A number for each bucket of distances and each head.

    Args:
        num_buckets: Buckets.
        num_heads: Heads.
        max_distance: From here on, all distances are in the last bucket.
        is_causal: Later keys aren't looked at.
    """

    def __init__(self, num_buckets: int, num_heads: int, *, max_distance: int, is_causal: bool) -> None:
        super().__init__(num_buckets, num_heads)
        self.max_distance = max_distance
        self.is_causal = is_causal

    def scores(self, query_length: int, key_length: int) -> Tensor:
        """``(1, num_heads, query_length, key_length)`` to add to scores; queries are the last tokens of the keys."""
        buckets = distance_buckets(
            query_length, key_length, num_buckets=self.num_embeddings, max_distance=self.max_distance,
            is_causal=self.is_causal, device=self.weight.device,
        )  # fmt: skip
        return F.embedding(buckets, self.weight).permute(2, 0, 1).unsqueeze(0)
