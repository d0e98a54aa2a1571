"""From hidden states to answers: words, classes, and the state that stands for a text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dure.layers.activation import activation
from dure.layers.linear import Linear

__all__ = ["ClassificationHead", "Pooler", "VocabularyHead"]


class VocabularyHead(nn.Module):
    """One more layer, then logits over the vocabulary (Devlin et al. 2018, section 3.1, task 1).

    Args:
        hidden_size: Width of a token.
        vocab_size: Words; the matrix ``decoder.weight`` is usually the table of word embeddings.
        activation_name: The layer's activation, by the name configurations use.
        epsilon: What the norm adds to the variance.
        table_size: Width of the table of word embeddings, where it isn't ``hidden_size``.
    """

    def __init__(
        self, hidden_size: int, vocab_size: int, *, activation_name: str, epsilon: float, table_size: int | None = None
    ) -> None:
        super().__init__()
        table_size = hidden_size if table_size is None else table_size
        self.dense = Linear(hidden_size, table_size)
        activation(activation_name)  # an unknown name fails here, not at the first text
        self.activation = activation_name
        self.norm = nn.LayerNorm(table_size, eps=epsilon)
        self.decoder = Linear(table_size, vocab_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(..., hidden_size)`` to ``(..., vocab_size)``."""
        logits: Tensor = self.decoder(self.norm(self.dense(hidden, activation=self.activation)))
        return logits


class Pooler(nn.Module):
    """The state of the first token, through one more layer: what next-sentence prediction was trained on.

    Args:
        hidden_size: Width of a token.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.dense = Linear(hidden_size, hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(batch, length, hidden_size)`` to ``(batch, hidden_size)``."""
        return torch.tanh(self.dense(hidden[:, 0]))


class ClassificationHead(nn.Module):
    """Logits of a text from the state of its first token, through one more layer.

    Args:
        hidden_size: Width of a token.
        num_labels: Classes.
        activation_name: The layer's activation.
        dropout: Probability of dropping a value before each of both layers in training.
    """

    def __init__(self, hidden_size: int, num_labels: int, *, activation_name: str, dropout: float) -> None:
        super().__init__()
        self.dense = Linear(hidden_size, hidden_size)
        self.activation = activation_name
        self.dropout = nn.Dropout(dropout)
        self.out_proj = Linear(hidden_size, num_labels)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(batch, length, hidden_size)`` to ``(batch, num_labels)``."""
        first = self.dense(self.dropout(hidden[:, 0]), activation=self.activation)
        logits: Tensor = self.out_proj(self.dropout(first))
        return logits
