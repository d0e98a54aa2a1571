"""Embedding tables whose gradient costs what a batch touches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dure.layers.dropout import dropout as drop

__all__ = ["Embedding", "TextEmbeddings", "keep_gradients"]


class _Lookup(torch.autograd.Function):
    """Rows of a table; the gradient is added to the table's own ``grad`` instead of to a new table full of zeros.

    A dense gradient of a 30,000 x 384 table is 47 MB of fresh memory at every step, a sixth of the time of a small
    model's step on a CPU. Adding in place needs it once.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, table: Embedding) -> Tensor:
        ctx.table, ctx.ids = table, ids
        return weight.detach().index_select(0, ids.flatten()).view(*ids.shape, weight.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, None]:
        ctx.table.add_gradient(ctx.ids.flatten(), gradients[0].flatten(0, -2))
        return None, None, None


class Embedding(nn.Embedding):
    """A table of ``(num_embeddings, embedding_dim)``; the padding row gets no gradient."""

    def reset_parameters(self) -> None:
        """Draw the table, unless it has no memory yet: torch's way to draw nothing imports its whole compiler."""
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, ids: Tensor) -> Tensor:
        """``(...,)`` ids to ``(..., embedding_dim)``."""
        # Hooks on the parameter (distributed training) and other devices take torch's way.
        weight = self.weight
        has_hooks = weight._backward_hooks or getattr(weight, "_post_accumulate_grad_hooks", None)
        if self.training and weight.is_leaf and weight.requires_grad and self.adds_in_place and not has_hooks:
            looked_up: Tensor = _Lookup.apply(weight, ids, self)  # type: ignore[no-untyped-call]
            return looked_up
        return super().forward(ids)

    #: Set by the training loop, which keeps a table's gradient between steps and clears it by :meth:`clear_gradient`.
    adds_in_place: bool = False
    #: The ids of all lookups since the gradient was clear, and the gradient's memory and version after the last.
    _touched: tuple[Tensor, ...] = ()
    _last_seen: tuple[int, int] | None = None

    def add_gradient(self, ids: Tensor, gradient: Tensor) -> None:
        """Add ``(num_ids, embedding_dim)`` to the gradient of the rows ``(num_ids,)``."""
        if self.padding_idx is not None:
            gradient = gradient * (ids != self.padding_idx).to(gradient.dtype).unsqueeze(1)
        if self.weight.grad is None:
            self.weight.grad = torch.zeros_like(self.weight)
            self.note_gradient(is_clear=True)
        is_known = self._is_known()
        self.weight.grad.index_add_(0, ids, gradient.to(self.weight.dtype))
        if is_known:
            self._touched += (ids,)
            self.note_gradient()

    def gradient_rows(self) -> Tensor | None:
        """The rows outside which the gradient is zero; None where somebody else wrote to it, such as a tied layer."""
        if not self._is_known():
            return None
        touched = torch.cat(self._touched) if self._touched else torch.empty(0, dtype=torch.long)
        rows: Tensor = torch.unique(touched)
        return rows

    def note_gradient(self, *, is_clear: bool = False) -> None:
        """Whoever changed the rows of :meth:`gradient_rows` alone, or cleared all, says so."""
        grad = self.weight.grad
        self._last_seen = None if grad is None else (grad.data_ptr(), grad._version)
        self._touched = () if is_clear else self._touched

    def clear_gradient(self) -> None:
        """Zeros in the memory that is there."""
        grad, rows = self.weight.grad, self.gradient_rows()
        if grad is not None:
            if rows is None:
                grad.zero_()
            else:
                grad.index_copy_(0, rows, grad.new_zeros(len(rows), grad.shape[1]))
            self.note_gradient(is_clear=True)

    def _is_known(self) -> bool:
        grad = self.weight.grad
        return grad is not None and self._last_seen == (grad.data_ptr(), grad._version)


class TextEmbeddings(nn.Module):
    """Word, position and segment, summed and normed (Devlin et al. 2018, section 3).

    Args:
        size: Width of each table.
        vocab_size: Words.
        num_positions: Positions.
        num_types: Segments.
        padding_idx: The word that is padding.
        epsilon: What the norm adds to the variance.
        dropout: Probability of dropping a value in training.
        skips_padding: Positions number the words that aren't padding, from ``padding_idx + 1``, as fairseq's do; else
            the columns, from 0.
    """

    def __init__(
        self,
        size: int,
        vocab_size: int,
        num_positions: int,
        num_types: int,
        *,
        padding_idx: int | None,
        epsilon: float,
        dropout: float,
        skips_padding: bool = False,
    ) -> None:
        super().__init__()
        self.first_position = 1 + (padding_idx or 0) if skips_padding else 0
        self.word_embeddings = Embedding(vocab_size, size, padding_idx=padding_idx)
        self.position_embeddings = Embedding(num_positions, size, padding_idx=padding_idx if skips_padding else None)
        self.token_type_embeddings = Embedding(num_types, size)
        self.LayerNorm = nn.LayerNorm(size, eps=epsilon)
        self.dropout = dropout

    def positions(self, ids: Tensor | None, batch_size: int, length: int, past: int = 0) -> Tensor | None:
        """``(batch, length)`` the position of each token, or None where it is the column.

        Args:
            ids: ``(batch, length)``; None where only embeddings are known, of which none counts as padding.
            batch_size: Rows.
            length: Columns.
            past: Columns before these, all counted as words.
        """
        if not self.first_position:
            return None
        if ids is None:
            columns = torch.arange(length, device=self.position_embeddings.weight.device)
            return (columns + (self.first_position + past)).expand(batch_size, length)
        is_word = (ids != self.first_position - 1).long()
        return (is_word.cumsum(dim=1) + past) * is_word + (self.first_position - 1)

    def forward(self, words: Tensor, types: Tensor | None, positions: Tensor) -> Tensor:
        """Packed words ``(num_tokens, size)``, segments and positions ``(num_tokens,)`` to hidden states."""
        kinds = self.token_type_embeddings.weight[0] if types is None else self.token_type_embeddings(types)
        hidden = self.LayerNorm(words + self.position_embeddings(positions) + kinds)
        return drop(hidden, self.dropout, self.training)


def keep_gradients(model: nn.Module, *, is_kept: bool = True) -> None:
    """Let a model's tables add gradients in place, for a loop that clears them by :meth:`Embedding.clear_gradient`.

    Args:
        model: Any module.
        is_kept: False goes back to torch's way.
    """
    for module in model.modules():
        if isinstance(module, Embedding):
            module.adds_in_place = is_kept and module.weight.device.type == "cpu"
