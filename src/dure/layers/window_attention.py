"""Attention to near tokens, and to a few that all see: Beltagy et al., "Longformer" (2020), section 3.1.

https://arxiv.org/abs/2004.05150. Time and memory grow with the length times the window, and not with its square.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dure.errors import ConfigError, InputError
from dure.layers.dropout import dropout as drop
from dure.layers.linear import Linear
from dure.layers.packing import Packing

__all__ = ["GlobalTokens", "WindowAttention", "WindowWeights"]

#: Queries are taken so many at a time at least: with fewer, starting each product costs more than it does.
CHUNK = 64


class WindowWeights(NamedTuple):
    """Attention weights as the originals lay them out.

    Attributes:
        near: ``(batch, num_heads, length, num_global + window + 1)``: on global tokens, then on the window, the token
            itself in its middle; zero for queries that are global or padding.
        of_global: ``(batch, num_heads, length, num_global)``, what global queries give to each key; None where there
            are none.
    """

    near: Tensor
    of_global: Tensor | None


class GlobalTokens:
    """Which tokens see all and are seen by all.

    Args:
        is_global: ``(batch, length)``, True for those tokens; padding isn't.
    """

    def __init__(self, is_global: Tensor) -> None:
        self.is_global = is_global
        count = int(is_global.sum(1).max())
        #: ``(batch, count)`` their columns, and which of these are there: rows may have fewer.
        self.columns = is_global.long().argsort(dim=1, descending=True, stable=True)[:, :count]
        self.is_there = is_global.gather(1, self.columns)

    @classmethod
    def from_masks(
        cls, global_attention_mask: Tensor | None, attention_mask: Tensor | None, shape: tuple[int, int]
    ) -> GlobalTokens | None:
        """The tokens of a padded batch, as users name them; None where there are none.

        Args:
            global_attention_mask: ``(batch, length)``, non-zero for global tokens.
            attention_mask: ``(batch, length)``, 0 for padding.
            shape: Of the texts.

        Raises:
            InputError: The first mask has another shape than the texts.
        """
        if global_attention_mask is None:
            return None
        if global_attention_mask.shape != shape:
            raise InputError(
                f"global_attention_mask {tuple(global_attention_mask.shape)} must have the shape of the texts, "
                f"{tuple(shape)}"
            )
        is_global = global_attention_mask != 0
        is_global = is_global if attention_mask is None else is_global & (attention_mask != 0)
        return cls(is_global) if bool(is_global.any()) else None

    def take(self, heads: Tensor) -> Tensor:
        """``(batch, num_heads, length, size)`` to ``(batch, num_heads, count, size)``."""
        columns = self.columns[:, None, :, None].expand(-1, heads.shape[1], -1, heads.shape[3])
        return heads.gather(2, columns)

    def put(self, heads: Tensor, found: Tensor) -> Tensor:
        """``(batch, num_heads, length, size)`` with ``found`` of :meth:`take`'s shape in place of these tokens."""
        columns = self.columns[:, None, :, None].expand(-1, heads.shape[1], -1, heads.shape[3])
        kept = torch.where(self.is_there[:, None, :, None], found, self.take(heads))
        return heads.scatter(2, columns, kept)


class WindowAttention(nn.Module):
    """Self-attention with its projections; global tokens have projections of their own.

    Args:
        hidden_size: Width of a token.
        num_heads: Heads; must divide ``hidden_size``.
        dropout: Probability of dropping a weight in training.
        window: A token sees ``window // 2`` tokens on each side; even.

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
        packing: Packing,
        needs_weights: bool = False,
        asking: Tensor | None = None,
        *,
        residual: Tensor | None = None,
        output_dropout: float = 0.0,
        global_tokens: GlobalTokens | None = None,
        cache: None = None,  # noqa: ARG002  # encoders have none
    ) -> tuple[Tensor, WindowWeights | None]:
        """What each token reads, and the weights where they are asked for.

        Args:
            hidden: ``(num_tokens, hidden_size)``, packed.
            packing: How they lie.
            needs_weights: Also return the weights.
            asking: ``(batch, hidden_size)``, the states of first tokens: only these are returned.
            residual: Added to what is returned; of the same shape.
            output_dropout: Probability of dropping a value before that.
            global_tokens: Those that see all and are seen by all.
            cache: Always None.

        Returns:
            ``(num_tokens, hidden_size)``, or ``(batch, hidden_size)`` with ``asking``, and the weights or None.
        """
        context, near = self._look_near(hidden, packing, global_tokens, needs_weights)
        of_global = None
        if global_tokens is not None:
            found, of_global = self._look_everywhere(hidden, packing, global_tokens)
            context = global_tokens.put(context, found)
        context = context.transpose(1, 2)
        merged = (packing.pack(context) if asking is None else context[:, 0]).flatten(1)
        output: Tensor = self.output(merged, residual=residual, dropout=output_dropout)
        return output, None if near is None else WindowWeights(near, of_global)

    def _look_near(
        self, hidden: Tensor, packing: Packing, tokens: GlobalTokens | None, needs_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """What each token reads from its window and from global tokens, chunk by chunk, and the weights.

        Returns:
            ``(batch, num_heads, length, head_size)``, zeros where padding is.
        """
        query, key, value = (self._heads(layer(hidden), packing) for layer in (self.query, self.key, self.value))
        is_real = _real(packing, hidden.device)
        in_window, shared = is_real, None
        if tokens is not None:
            in_window, shared = is_real & ~tokens.is_global, (tokens.take(key), tokens.take(value), tokens.is_there)
        contexts, bands = [], []
        step = max(CHUNK, self.reach)
        for start in range(0, packing.length, step):
            stop = min(start + step, packing.length)
            low, high = max(0, start - self.reach), min(packing.length, stop + self.reach)
            near = query[:, :, start:stop], key[:, :, low:high], value[:, :, low:high]
            context, band = self._read(*near, in_window[:, low:high], start - low, shared, needs_weights)
            contexts.append(context)
            bands.append(band)
        context = torch.cat(contexts, dim=2).masked_fill(~is_real[:, None, :, None], 0.0)
        if not needs_weights:
            return context, None
        weights = torch.cat([band for band in bands if band is not None], dim=2)
        return context, weights * in_window[:, None, :, None]

    def _read(self, query: Tensor, key: Tensor, value: Tensor, in_window: Tensor, offset: int,
              shared: tuple[Tensor, Tensor, Tensor] | None, needs_weights: bool,
              ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """What some queries read from the keys around them: the first query stands at key number ``offset``.

        Returns:
            ``(batch, num_heads, queries, head_size)``, and the weights on shared keys and the window, or None.
        """
        places = torch.arange(key.shape[2], device=key.device)
        distance = places - (torch.arange(query.shape[2], device=key.device) + offset).unsqueeze(1)
        # A query sees itself even where it is padding: a softmax over nothing has no gradient.
        visible = ((distance.abs() <= self.reach) & in_window[:, None, None, :]) | (distance == 0)
        if shared is not None:
            there = shared[2][:, None, None, :].expand(-1, -1, query.shape[2], -1)
            visible = torch.cat((there, visible), dim=3)
            key, value = torch.cat((shared[0], key), dim=2), torch.cat((shared[1], value), dim=2)
        if not needs_weights and not (self.training and self.dropout > 0.0):
            return F.scaled_dot_product_attention(query, key, value, attn_mask=visible), None
        weights = self._weights(query, key, visible)
        count = key.shape[2] - len(places)
        return weights @ value, self._band(weights, offset, count) if needs_weights else None

    def _weights(self, query: Tensor, key: Tensor, visible: Tensor) -> Tensor:
        """``(batch, num_heads, queries, keys)``, some of them dropped in training."""
        scores = (query * query.shape[3] ** -0.5) @ key.transpose(2, 3)
        weights = scores.masked_fill(~visible, torch.finfo(scores.dtype).min).softmax(dim=-1)
        return drop(weights, self.dropout, self.training)

    def _band(self, weights: Tensor, offset: int, count: int) -> Tensor:
        """Weights on ``count`` global keys, and on those behind them by their distance from the query."""
        num_keys = weights.shape[3] - count
        steps = torch.arange(-self.reach, self.reach + 1, device=weights.device)
        places = torch.arange(weights.shape[2], device=weights.device).unsqueeze(1) + offset + steps
        is_inside = (places >= 0) & (places < num_keys)
        index = places.clamp(0, num_keys - 1).expand(*weights.shape[:2], -1, -1)
        return torch.cat((weights[..., :count], weights[..., count:].gather(3, index) * is_inside), dim=3)

    def _look_everywhere(self, hidden: Tensor, packing: Packing, tokens: GlobalTokens) -> tuple[Tensor, Tensor]:
        """What global tokens read from the whole text, and the weights ``(batch, num_heads, length, num_global)``."""
        layers = (self.query_global, self.key_global, self.value_global)
        query, key, value = (self._heads(layer(hidden), packing) for layer in layers)
        weights = self._weights(tokens.take(query), key, _real(packing, hidden.device)[:, None, None, :])
        return weights @ value, (weights * tokens.is_there[:, None, :, None]).transpose(2, 3)

    def _heads(self, projected: Tensor, packing: Packing) -> Tensor:
        """``(num_tokens, hidden_size)`` to ``(batch, num_heads, length, head_size)``."""
        return packing.unpack(projected.view(len(projected), self.num_heads, -1)).transpose(1, 2)


def _real(packing: Packing, device: torch.device) -> Tensor:
    """``(batch, length)``, True for tokens that aren't padding."""
    if packing.mask is not None:
        return packing.mask
    return torch.ones(packing.batch_size, packing.length, dtype=torch.bool, device=device)
