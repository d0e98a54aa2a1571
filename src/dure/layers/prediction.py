"""From hidden states to words: the head of masked language models."""

from __future__ import annotations

from torch import Tensor, nn

from dure.layers.activation import activation
from dure.layers.linear import Linear

__all__ = ["VocabularyHead"]


class VocabularyHead(nn.Module):
    """One more layer, then logits over the vocabulary (Devlin et al. 2018, section 3.1, task 1).

    Args:
        hidden_size: Width of a token.
        vocab_size: Words; the matrix ``decoder.weight`` is usually the table of word embeddings.
        activation_name: The layer's activation, by the name configurations use.
        epsilon: What the norm adds to the variance.
    """

    def __init__(self, hidden_size: int, vocab_size: int, *, activation_name: str, epsilon: float) -> None:
        super().__init__()
        self.dense = Linear(hidden_size, hidden_size)
        activation(activation_name)  # an unknown name fails here, not at the first text
        self.activation = activation_name
        self.norm = nn.LayerNorm(hidden_size, eps=epsilon)
        self.decoder = Linear(hidden_size, vocab_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(..., hidden_size)`` to ``(..., vocab_size)``."""
        logits: Tensor = self.decoder(self.norm(self.dense(hidden, activation=self.activation)))
        return logits
