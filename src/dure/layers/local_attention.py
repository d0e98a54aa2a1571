"""Attention to near tokens and to a few that all look at: Beltagy et al., "Longformer" (2020), section 3.

https://arxiv.org/abs/2004.05150. Memory grows with the length of a text, not with its square.
"""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.dropout import dropout as drop
from dure.layers.linear import Linear
from dure.layers.packing import Packing

__all__ = ["GlobalPacking", "WindowAttention"]

#: How many queries are computed at once; more, where the window is wider.
CHUNK = 256


@dataclasses.dataclass(frozen=True)
class GlobalPacking(Packing):
    """A packing that also says which tokens look at all others, and are looked at by all.

    Attributes:
        is_global: ``(batch, length)``, True for real tokens of that kind; None where there are none.
    """

    is_global: Tensor | None = None

    @property
    def places(self) -> tuple[Tensor, Tensor]:
        """Columns of the global tokens of each row, and which of them are there: ``(batch, most)`` each."""
        assert self.is_global is not None
        counts = self.is_global.sum(dim=1, keepdim=True)
        most = int(counts.max())
        columns = (~self.is_global).long().argsort(dim=1, stable=True)[:, :most]
        return columns, torch.arange(most, device=counts.device) < counts


class WindowAttention(nn.Module):
    """Self-attention to ``window // 2`` tokens on each side, and to global tokens.

    Args:
        hidden_size: Width of a token.
        num_heads: Heads; must divide ``hidden_size``.
        dropout: Probability of dropping an attention weight in training.
        window: Even.

    Raises:
        ConfigError: A number doesn't fit.
    """

    def __init__(self, hidden_size: int, num_heads: int, dropout: float, window: int) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ConfigError(f"hidden_size {hidden_size} must be a multiple of the number of heads, {num_heads}")
        if window <= 0 or window % 2:
            raise ConfigError(f"attention_window is {window}; expected a positive even number")
        self.num_heads, self.dropout, self.reach = num_heads, dropout, window // 2
        self.query, self.key, self.value = (Linear(hidden_size, hidden_size) for _ in range(3))
        self.query_global, self.key_global, self.value_global = (Linear(hidden_size, hidden_size) for _ in range(3))
        self.output = Linear(hidden_size, hidden_size)

    def forward(
        self,
        hidden: Tensor,
        packing: GlobalPacking,
        needs_weights: bool = False,
        asking: Tensor | None = None,
        *,
        residual: Tensor | None = None,
        output_dropout: float = 0.0,
    ) -> tuple[Tensor, tuple[Tensor, Tensor | None] | None]:
        """What each token reads.

        Args:
            hidden: ``(num_tokens, hidden_size)``, packed.
            packing: How they lie, and which are global.
            needs_weights: Also return weights: those on global tokens and on the window, ``(batch, num_heads, length,
                most + window + 1)``, and those of global tokens on all, ``(batch, num_heads, length, most)``.
            asking: ``(batch, hidden_size)``, the states of first tokens: only these are returned.
            residual: Added to what is returned; of the same shape.
            output_dropout: Probability of dropping a value before that.
        """
        places = None if packing.is_global is None else packing.places
        local, local_weights = self._look_near(hidden, packing, places, needs_weights)
        global_weights = None
        if places is not None:
            seen, global_weights = self._look_everywhere(hidden, packing, *places)
            row, slot = places[1].nonzero(as_tuple=True)
            local = local.index_put((row, places[0][row, slot]), seen[row, slot])
        context = local[:, 0] if asking is not None else packing.pack(local)
        result = self.output(context, residual=residual, dropout=output_dropout)
        return result, (local_weights, global_weights) if local_weights is not None else None

    def _look_near(
        self, hidden: Tensor, packing: GlobalPacking, places: tuple[Tensor, Tensor] | None, needs_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """``(batch, length, hidden_size)`` what tokens read that aren't global; zeros where padding is."""
        query, key, value = (self._heads(layer(hidden), packing) for layer in (self.query, self.key, self.value))
        length, is_key = packing.length, _real(packing, hidden.device)
        is_asking, shared = is_key, None
        if places is not None:
            columns = places[0][:, None, :, None].expand(-1, self.num_heads, -1, key.shape[3])
            shared = key.gather(2, columns), value.gather(2, columns), places[1]
            is_key, is_asking = is_key & ~packing.is_global, is_asking & ~packing.is_global  # type: ignore[operator]
        parts = []
        for start in range(0, length, max(CHUNK, self.reach)):
            stop = min(start + max(CHUNK, self.reach), length)
            low, high = max(0, start - self.reach), min(length, stop + self.reach)
            near = query[:, :, start:stop], key[:, :, low:high], value[:, :, low:high]
            parts.append(self._read(*near, is_key[:, low:high], start - low, shared, needs_weights))
        context = torch.cat([part for part, _ in parts], dim=2).transpose(1, 2).flatten(2)
        context = context.masked_fill(~_real(packing, hidden.device).unsqueeze(2), 0.0)
        if not needs_weights:
            return context, None
        weights = torch.cat([part for _, part in parts if part is not None], dim=2)
        return context, weights * is_asking[:, None, :, None]

    def _read(self, query: Tensor, key: Tensor, value: Tensor, is_key: Tensor, offset: int,
              shared: tuple[Tensor, Tensor, Tensor] | None, needs_weights: bool,
              ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """What some queries read from the keys around them: the first query stands at key number ``offset``.

        Returns:
            ``(batch, num_heads, queries, head_size)``, and the weights on shared keys and the window, or None.
        """
        places = torch.arange(key.shape[2], device=key.device)
        distance = places - (torch.arange(query.shape[2], device=key.device) + offset).unsqueeze(1)
        # A query sees itself even where it is padding: a softmax over nothing has no gradient.
        allowed = ((distance.abs() <= self.reach) & is_key[:, None, None, :]) | (distance == 0)
        if shared is not None:
            there = shared[2][:, None, None, :].expand(-1, -1, query.shape[2], -1)
            allowed = torch.cat((there, allowed), dim=3)
            key, value = torch.cat((shared[0], key), dim=2), torch.cat((shared[1], value), dim=2)
        dropout = self.dropout if self.training else 0.0
        if not needs_weights:
            return F.scaled_dot_product_attention(query, key, value, attn_mask=allowed, dropout_p=dropout), None
        scores = (query * query.shape[3] ** -0.5) @ key.transpose(2, 3)
        weights = drop(scores.masked_fill(~allowed, torch.finfo(scores.dtype).min).softmax(-1), dropout, dropout > 0.0)
        most = key.shape[2] - len(places)
        steps = torch.arange(-self.reach, self.reach + 1, device=key.device)
        column = torch.arange(query.shape[2], device=key.device).unsqueeze(1) + offset + steps
        inside = (column >= 0) & (column < len(places))
        window = weights[..., most:].gather(3, column.clamp(0, len(places) - 1).expand(*weights.shape[:2], -1, -1))
        return weights @ value, torch.cat((weights[..., :most], window * inside), dim=3)

    def _look_everywhere(
        self, hidden: Tensor, packing: GlobalPacking, columns: Tensor, is_there: Tensor
    ) -> tuple[Tensor, Tensor]:
        """``(batch, most, hidden_size)`` what global tokens read, and weights ``(batch, heads, length, most)``."""
        states = packing.unpack(hidden)
        asking = states.gather(1, columns.unsqueeze(2).expand(-1, -1, states.shape[2]))
        query = self.query_global(asking).view(*columns.shape, self.num_heads, -1).transpose(1, 2)
        key, value = (self._heads(layer(hidden), packing) for layer in (self.key_global, self.value_global))
        scores = (query * query.shape[3] ** -0.5) @ key.transpose(2, 3)
        is_key = _real(packing, hidden.device)[:, None, None, :]
        weights = scores.masked_fill(~is_key, torch.finfo(scores.dtype).min).softmax(dim=-1)
        weights = drop(weights, self.dropout, self.training)
        seen = (weights @ value).transpose(1, 2).flatten(2)
        return seen, (weights * is_there[:, None, :, None]).transpose(2, 3)

    def _heads(self, projected: Tensor, packing: Packing) -> Tensor:
        """Packed ``(num_tokens, hidden_size)`` to ``(batch, num_heads, length, head_size)``."""
        padded = packing.unpack(projected)
        return padded.view(*padded.shape[:2], self.num_heads, -1).transpose(1, 2)


def _real(packing: Packing, device: torch.device) -> Tensor:
    """``(batch, length)``, True for tokens that aren't padding."""
    if packing.mask is not None:
        return packing.mask
    return torch.ones(packing.batch_size, packing.length, dtype=torch.bool, device=device)
