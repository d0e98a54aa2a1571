"""Attention to near tokens, and to a few that all see: Beltagy et al., "Longformer" (2020), section 3.1.

https://arxiv.org/abs/2004.05150. Time and memory grow with the length times the window, and not with its square.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.dropout import dropout as drop
from dure.layers.linear import Linear
from dure.layers.packing import Packing

__all__ = ["GlobalTokens", "WindowAttention", "WindowWeights"]

#: Queries are taken so many at a time at least: with fewer, starting each product costs more than it does.
_MIN_CHUNK = 64


class WindowWeights(NamedTuple):
    """Attention weights as the original lays them out.

    Attributes:
        near: ``(batch, num_heads, length, num_global + window + 1)``: on global tokens, then on the window, the token
            itself in its middle; zero for queries that are global.
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
    """Attention with its projections; global tokens have projections of their own.

    Args:
        hidden_size: Width of a token.
        num_heads: Heads; must divide ``hidden_size``.
        dropout: Probability of dropping a weight in training.
        window: A token sees ``window // 2`` tokens on each side.
    """

    def __init__(self, hidden_size: int, num_heads: int, dropout: float, *, window: int) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ConfigError(f"hidden_size {hidden_size} must be a multiple of the number of heads, {num_heads}")
        if window <= 0 or window % 2:
            raise ConfigError(f"attention_window is {window}; expected an even number above 0")
        self.num_heads, self.dropout, self.reach = num_heads, dropout, window // 2
        self.query, self.key, self.value = (Linear(hidden_size, hidden_size) for _ in range(3))
        self.query_global, self.key_global, self.value_global = (Linear(hidden_size, hidden_size) for _ in range(3))
        self.output = Linear(hidden_size, hidden_size)

    def forward(
        self,
        hidden: Tensor,
        packing: Packing,
        needs_weights: bool = False,
        *,
        residual: Tensor | None = None,
        output_dropout: float = 0.0,
        global_tokens: GlobalTokens | None = None,
        cache: None = None,  # noqa: ARG002  # encoders have none
    ) -> tuple[Tensor, WindowWeights | None]:
        """``(num_tokens, hidden_size)`` to the same, and the weights where they are asked for.

        Args:
            hidden: Packed.
            packing: How they lie.
            needs_weights: Also return the weights.
            residual: Added to what is returned; of the same shape.
            output_dropout: Probability of dropping a value before that.
            global_tokens: Those that see all and are seen by all.
            cache: Always None.
        """
        query, key, value = (self._heads(layer(hidden), packing) for layer in (self.query, self.key, self.value))
        context, near = self._near(query, key, value, packing.mask, global_tokens, needs_weights)
        of_global = None
        if global_tokens is not None:
            found, of_global = self._everywhere(hidden, packing, global_tokens)
            context = global_tokens.put(context, found)
        weights = None
        if needs_weights and near is not None:
            weights = WindowWeights(near, None if of_global is None else of_global.transpose(2, 3))
        merged = packing.pack(context.transpose(1, 2)).flatten(1)
        output: Tensor = self.output(merged, residual=residual, dropout=output_dropout)
        return output, weights

    def _heads(self, projected: Tensor, packing: Packing) -> Tensor:
        """``(num_tokens, hidden_size)`` to ``(batch, num_heads, length, head_size)``."""
        return packing.unpack(projected.view(len(projected), self.num_heads, -1)).transpose(1, 2)

    def _near(self, query: Tensor, key: Tensor, value: Tensor, real: Tensor | None, seen_by_all: GlobalTokens | None,
              needs_weights: bool) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """What each token reads from its window and from global tokens, chunk by chunk; and the weights."""
        length = query.shape[2]
        in_window = torch.ones_like(query[:, 0, :, 0], dtype=torch.bool) if real is None else real
        if seen_by_all is not None:
            in_window = in_window & ~seen_by_all.is_global
            shared_key, shared_value = seen_by_all.take(key), seen_by_all.take(value)
        contexts, bands = [], []
        step = max(2 * self.reach, _MIN_CHUNK)
        for start in range(0, length, step):
            stop = min(start + step, length)
            low, high = max(0, start - self.reach), min(length, stop + self.reach)
            places = torch.arange(low, high, device=query.device)
            is_near = (places - torch.arange(start, stop, device=query.device).unsqueeze(1)).abs() <= self.reach
            visible = (is_near & in_window[:, None, low:high]).unsqueeze(1)
            keys, values = key[:, :, low:high], value[:, :, low:high]
            if seen_by_all is not None:
                there = seen_by_all.is_there[:, None, None].expand(-1, -1, stop - start, -1)
                keys, values = torch.cat((shared_key, keys), 2), torch.cat((shared_value, values), 2)
                visible = torch.cat((there, visible), 3)
            weights = self._weights(query[:, :, start:stop], keys, visible)
            contexts.append(weights @ values)
            if needs_weights:
                bands.append(self._band(weights, start, low, high))
        if not needs_weights:
            return torch.cat(contexts, 2), None
        band = torch.cat(bands, 2)
        if seen_by_all is not None:
            band = band.masked_fill(seen_by_all.is_global[:, None, :, None], 0.0)
        return torch.cat(contexts, 2), band

    def _weights(self, query: Tensor, key: Tensor, visible: Tensor) -> Tensor:
        scores = (query * query.shape[3] ** -0.5) @ key.transpose(2, 3)
        scores = scores.masked_fill(~visible, torch.finfo(query.dtype).min)
        return drop(scores.softmax(dim=-1), self.dropout, self.training)

    def _band(self, weights: Tensor, start: int, low: int, high: int) -> Tensor:
        """Weights on global keys and on places ``low`` to ``high``, the latter by their distance from the query."""
        count = weights.shape[3] - (high - low)
        queries = torch.arange(start, start + weights.shape[2], device=weights.device)
        places = queries.unsqueeze(1) + torch.arange(-self.reach, self.reach + 1, device=weights.device) - low
        is_inside = (places >= 0) & (places < high - low)
        index = places.clamp(0, high - low - 1).expand(*weights.shape[:2], -1, -1)
        return torch.cat((weights[..., :count], weights[..., count:].gather(3, index) * is_inside), 3)

    def _everywhere(self, hidden: Tensor, packing: Packing, tokens: GlobalTokens) -> tuple[Tensor, Tensor]:
        """What global tokens read from the whole text, and the weights ``(batch, num_heads, num_global, length)``."""
        layers = (self.query_global, self.key_global, self.value_global)
        query, key, value = (self._heads(layer(hidden), packing) for layer in layers)
        visible = tokens.is_there[:, None, :, None]
        if packing.mask is not None:
            visible = visible & packing.mask[:, None, None, :]
        weights = self._weights(tokens.take(query), key, visible)
        return weights @ value, weights
