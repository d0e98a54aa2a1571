"""From hidden states to answers: words, classes, and the state that stands for a text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.activation import activation
from dure.layers.linear import Linear

__all__ = ["ClassificationHead", "Pooler", "Summary", "VocabularyHead"]

#: Which token stands for a text.
_SUMMARIES = ("first", "last", "mean", "cls_index")


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


class Summary(nn.Module):
    """What stands for a text: the state of one of its tokens, or their mean, through one more layer.

    Args:
        size: Width of a token.
        num_outputs: Width of what is returned; None for no layer.
        kind: ``"first"``, ``"last"``, ``"mean"``, or ``"cls_index"``, the token that is named.
        activation_name: The layer's activation, if it has one.
        dropout: Probability of dropping a value before the layer in training.

    Raises:
        ConfigError: The kind or the activation isn't known.
    """

    def __init__(
        self, size: int, num_outputs: int | None, *, kind: str, activation_name: str | None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if kind not in _SUMMARIES:
            raise ConfigError(f"summary_type is {kind!r}; known: {', '.join(map(repr, _SUMMARIES))}")
        if activation_name:
            activation(activation_name)  # an unknown name fails here, not at the first text
        self.kind, self.activation = kind, activation_name
        self.dropout = nn.Dropout(dropout)
        self.summary = nn.Identity() if num_outputs is None else Linear(size, num_outputs)

    def reads_padding(self, index: Tensor | None) -> bool:
        """Whether a token may be read that is padding, unless the caller names others by ``index``."""
        return self.kind in {"last", "mean"} or (self.kind == "cls_index" and index is None)

    def forward(self, hidden: Tensor, index: Tensor | None = None) -> Tensor:
        """``(..., length, size)`` to ``(..., num_outputs)``; ``index`` ``(...,)`` names tokens by their columns."""
        if self.kind == "mean":
            state = hidden.mean(dim=-2)
        elif self.kind == "cls_index" and index is not None:
            places = index[..., None, None].expand(*index.shape, 1, hidden.shape[-1])
            state = hidden.gather(-2, places).squeeze(-2)
        else:
            state = hidden[..., 0 if self.kind == "first" else -1, :]
        state = self.summary(self.dropout(state))
        return activation(self.activation)(state) if self.activation else state


class ClassificationHead(nn.Module):
    """Logits of a text from the state that stands for it, through one more layer.

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

    def forward(self, state: Tensor) -> Tensor:
        """``(batch, hidden_size)`` to ``(batch, num_labels)``."""
        widened = self.dense(self.dropout(state), activation=self.activation)
        logits: Tensor = self.out_proj(self.dropout(widened))
        return logits
