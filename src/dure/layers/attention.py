"""Scaled dot-product attention: Vaswani et al., "Attention Is All You Need" (2017), section 3.2.1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.cache import Cache
from dure.layers.dropout import can_draw, draw_mask
from dure.layers.dropout import dropout as drop
from dure.layers.dropped_attention import dropped_attention
from dure.layers.following import is_followed
from dure.layers.linear import Linear, project_together
from dure.layers.mask import Mask, visible_keys
from dure.layers.packing import Packing
from dure.layers.positions import Angles, rotate
from dure.layers.spanned_attention import find_spans, joint_attention, spanned_attention

__all__ = ["Attention", "attend"]

_EVERYTHING = Mask()


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    packing: Packing,
    key_packing: Packing | None = None,
    key_mask: Tensor | None = None,
    mask: Mask = _EVERYTHING,
    bias: Tensor | None = None,
    scale: float | None = None,
    dropout: float = 0.0,
    needs_weights: bool = False,
    is_first_only: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What each token reads from the tokens of its own row.

    Args:
        query: ``(num_tokens, num_heads, head_size)``, packed; or ``(batch, num_heads, head_size)``, only the first of
            each row.
        key: ``(num_tokens, num_key_value_heads, head_size)``, packed; or ``(batch, num_key_value_heads, keys,
            head_size)``, as a cache returns it. Each of its heads serves as many heads of queries, and each of its
            texts as many texts of queries, one after another: beams look at one source.
        value: As ``key``.
        packing: Which queries belong together.
        key_packing: Which keys belong together, where they are those of another text.
        key_mask: ``(batch, keys)``, non-zero for real ones; by default what the packing of the keys says.
        mask: Which keys a query may look at, beside padding.
        bias: ``(batch or 1, num_heads, queries, keys)``, added to the scores.
        scale: What scores are multiplied with; ``head_size ** -0.5`` by default.
        dropout: Probability of dropping a weight; 0 outside training.
        needs_weights: Also return the weights, which costs the fused kernel.
        is_first_only: ``query`` holds only the first token of each row.

    Returns:
        As many rows as ``query`` has, ``(..., num_heads * head_size)``, and the weights
        ``(batch, num_heads, queries, keys)`` or None.
    """
    keys = packing if key_packing is None else key_packing
    if bias is None and not needs_weights and (dropout == 0.0 or can_draw(dropout, query.device)):
        spans = find_spans(
            query, key, value, packing=packing, key_packing=keys, key_mask=key_mask, mask=mask,
            is_first_only=is_first_only,
        )  # fmt: skip
        if spans is not None:
            is_causal = mask.is_causal and packing.length > 1 and not is_first_only
            context = spanned_attention(query, key, value, spans, scale=scale, is_causal=is_causal, dropout=dropout)
            return context, None
    query = query.unsqueeze(2) if is_first_only else packing.unpack(query).transpose(1, 2)
    if key.dim() == 3:
        key, value = keys.unpack(key).transpose(1, 2), keys.unpack(value).transpose(1, 2)
    key_mask = keys.mask if key_mask is None else key_mask
    sharing = query.shape[0] // key.shape[0]
    if sharing > 1:
        query = query.reshape(-1, sharing, *query.shape[1:]).transpose(1, 2).flatten(2, 3)
    # With dropout, torch's kernel for the CPU falls back to these same steps, and takes more of them.
    if needs_weights or (dropout > 0.0 and query.device.type == "cpu"):
        visible = visible_keys(mask, packing, key_mask, query.shape[2], key)
        context, weights = _spell_out(query, key, value, visible, bias, scale, dropout)
    else:
        if bias is None and key_mask is None and mask.is_triangle(query.shape[2], key.shape[2]):
            is_causal, visible = True, None
        else:
            is_causal, visible = False, visible_keys(mask, packing, key_mask, query.shape[2], key)
        if bias is not None:
            visible = _with_bias(packing, visible, bias)
        context, weights = _fused(query, key, value, visible, is_causal, scale, dropout), None
    if sharing > 1:
        context, weights = (
            _for_each_text(context, sharing),
            weights if weights is None else _for_each_text(weights, sharing),
        )
    if is_first_only:
        return context.flatten(1), None if not needs_weights else weights
    return packing.pack(context.transpose(1, 2)).flatten(1), weights if needs_weights else None


def _spell_out(query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None, bias: Tensor | None,
               scale: float | None, dropout: float) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The context ``(batch, num_heads, queries, head_size)`` and the weights, step by step."""
    key, value = _for_each_head(key, query), _for_each_head(value, query)
    scores = (query * (query.shape[-1] ** -0.5 if scale is None else scale)) @ key.transpose(-1, -2)
    least = torch.finfo(scores.dtype).min
    if bias is not None:
        scores = scores + (bias if visible is None else bias.masked_fill(~visible, least))
    elif visible is not None:
        scores = scores.masked_fill(~visible, least)
    weights = drop(scores.softmax(dim=-1), dropout, dropout > 0.0)
    return weights @ value, weights


def _fused(query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None, is_causal: bool,
           scale: float | None, dropout: float) -> Tensor:  # fmt: skip
    """The context ``(batch, num_heads, queries, head_size)`` by torch's kernels."""
    shape = query.shape
    if shape[2] == 1 and key.shape[1] < shape[1] and (visible is None or visible.shape[1] == 1):
        # Heads that share keys ask like several queries of one head: nothing is copied.
        query = query.reshape(shape[0], key.shape[1], -1, shape[3])
    else:
        # Measured: torch's own flag for shared keys copies too, and takes twice as long.
        key, value = _for_each_head(key, query), _for_each_head(value, query)
    context = F.scaled_dot_product_attention(
        query, key, value, attn_mask=visible, dropout_p=dropout, is_causal=is_causal, scale=scale
    )
    return context.reshape(*shape[:3], value.shape[3])


def _for_each_head(shared: Tensor, query: Tensor) -> Tensor:
    """Keys or values, once for each head of queries."""
    groups = query.shape[1] // shared.shape[1]
    return shared if groups == 1 else shared.unsqueeze(2).expand(-1, -1, groups, -1, -1).flatten(1, 2)


def _for_each_text(asked: Tensor, sharing: int) -> Tensor:
    """``(batch, num_heads, sharing * queries, size)`` to ``(batch * sharing, num_heads, queries, size)``."""
    shape = asked.shape
    return asked.reshape(*shape[:2], sharing, -1, shape[3]).transpose(1, 2).flatten(0, 1)


def _with_bias(packing: Packing, visible: Tensor | None, bias: Tensor) -> Tensor:
    """What a kernel adds to the scores; made once for all blocks that share the bias."""
    if visible is None:
        return bias
    kept = visible

    def find() -> tuple[Tensor, ...]:
        return bias.masked_fill(~kept, torch.finfo(bias.dtype).min), kept, bias

    both: Tensor = packing.once(("bias", id(visible), id(bias)), find)[0]
    return both


class Attention(nn.Module):
    """Multi-head attention with its projections: to a text itself, or to a source.

    Args:
        hidden_size: Width of a token.
        num_heads: Heads that ask; must divide ``hidden_size`` unless ``head_size`` is given.
        dropout: Probability of dropping an attention weight in training.
        num_key_value_heads: Heads of keys and values, each shared by as many that ask (Ainslie et al., "GQA", 2023);
            by default ``num_heads``.
        head_size: Width of a head; ``hidden_size / num_heads`` by default.
        source_size: Width of a source's token, for cross-attention; ``hidden_size`` by default.
        is_crossed: Only a source is looked at, which matters to joint layers.
        has_bias: Whether the layers of queries, keys and values have one.
        has_output_bias: Whether the output's layer has one; by default as the others.
        scale: What scores are multiplied with; ``head_size ** -0.5`` by default.
        mask: Which keys a query may look at, beside padding.
        is_joint: Queries, keys and values are one layer, ``joint``, in this order; with ``is_crossed`` keys and values.
        query_norm: Applied to each head's query.
        key_norm: Applied to each head's key.
        layer: Its number in the model, for the cache.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        dropout: float = 0.0,
        *,
        num_key_value_heads: int | None = None,
        head_size: int | None = None,
        source_size: int | None = None,
        is_crossed: bool = False,
        has_bias: bool = True,
        has_output_bias: bool | None = None,
        scale: float | None = None,
        mask: Mask = _EVERYTHING,
        is_joint: bool = False,
        query_norm: nn.Module | None = None,
        key_norm: nn.Module | None = None,
        layer: int = 0,
    ) -> None:
        super().__init__()
        if head_size is None and hidden_size % num_heads:
            raise ConfigError(f"hidden_size {hidden_size} must be a multiple of the number of heads, {num_heads}")
        shared = num_heads if num_key_value_heads is None else num_key_value_heads
        if shared < 1 or num_heads % shared:
            raise ConfigError(f"the number of heads, {num_heads}, must be a multiple of num_key_value_heads, {shared}")
        self.num_heads, self.num_key_value_heads = num_heads, shared
        self.head_size = hidden_size // num_heads if head_size is None else head_size
        widths = num_heads * self.head_size, shared * self.head_size
        self.is_joint = is_joint
        source_size = hidden_size if source_size is None else source_size
        if not is_joint or is_crossed:
            self.query = Linear(hidden_size, widths[0], bias=has_bias)
        if is_joint:
            self.joint = Linear(source_size, (0 if is_crossed else widths[0]) + 2 * widths[1], bias=has_bias)
        else:
            self.key = Linear(source_size, widths[1], bias=has_bias)
            self.value = Linear(source_size, widths[1], bias=has_bias)
        self.output = Linear(widths[0], hidden_size, bias=has_bias if has_output_bias is None else has_output_bias)
        self.query_norm, self.key_norm = query_norm, key_norm
        self.dropout, self.scale, self.mask, self.layer = dropout, scale, mask, layer

    def forward(
        self,
        hidden: Tensor,
        packing: Packing,
        needs_weights: bool = False,
        asking: Tensor | None = None,
        *,
        residual: Tensor | None = None,
        output_dropout: float = 0.0,
        key_mask: Tensor | None = None,
        bias: Tensor | None = None,
        angles: Angles | None = None,
        cache: Cache | None = None,
        source: Tensor | None = None,
        source_packing: Packing | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """What each token reads, and the weights where they are asked for.

        Args:
            hidden: ``(num_tokens, hidden_size)``, packed.
            packing: How they lie.
            needs_weights: Also return the weights ``(batch, num_heads, queries, keys)``.
            asking: ``(batch, hidden_size)``, the states of first tokens: only these ask and are returned.
            residual: Added to what is returned; of the same shape.
            output_dropout: Probability of dropping a value before that.
            key_mask: ``(batch, past + new)``, non-zero for real tokens; needed where a cache holds a past.
            bias: ``(batch or 1, num_heads, queries, keys)``, added to the scores.
            angles: What :class:`dure.layers.positions.Rotary` gives for the tokens' positions.
            cache: Keys and values of past tokens; the new ones are appended. A source's are kept from the first call.
            source: ``(num_source_tokens, source_size)``, packed: what is looked at in place of ``hidden``.
            source_packing: How the source lies.

        Returns:
            ``(num_tokens, hidden_size)``, or ``(batch, hidden_size)`` with ``asking``, and the weights or None.
        """
        dropout = self.dropout if self.training else 0.0
        is_plain = angles is None and cache is None and source is None and bias is None and key_mask is None
        if dropout > 0.0 and not needs_weights and is_plain and self._is_simple and _is_spelled_out(hidden, dropout):
            context, weights = self._attend_dropped(hidden, packing, asking, dropout), None
        else:
            query, key, value = self._keys_of(hidden, packing, asking, angles, cache, source, source_packing)
            context, weights = attend(
                query, key, value, packing=packing, key_packing=source_packing, key_mask=key_mask, mask=self.mask,
                bias=bias, scale=self.scale, dropout=dropout, needs_weights=needs_weights,
                is_first_only=asking is not None,
            )  # fmt: skip
        return self.output(context, residual=residual, dropout=output_dropout), weights

    def _keys_of(self, hidden: Tensor, packing: Packing, asking: Tensor | None, angles: Angles | None,
                 cache: Cache | None, source: Tensor | None, source_packing: Packing | None,
                 ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Queries, keys and values as :func:`attend` takes them."""
        if source is not None and cache is not None and cache.holds(self.layer):
            return self._heads(self.query(hidden), self.query_norm), *cache[self.layer]
        query, key, value = self.project(hidden, packing, hidden if asking is None else asking, source)
        if angles is not None:
            key = rotate(key, angles)
            if asking is not None:
                first = packing.first_tokens(hidden.device)
                angles = angles[0].index_select(0, first), angles[1].index_select(0, first)
            query = rotate(query, angles)
        if cache is None:
            return query, key, value
        keys = packing if source_packing is None else source_packing
        window = self.mask.window if self.mask.is_causal else None
        padded = keys.unpack(key).transpose(1, 2), keys.unpack(value).transpose(1, 2)
        return query, *cache.update(self.layer, *padded, window=window)

    def project(
        self, hidden: Tensor, packing: Packing, asking: Tensor, source: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, ``(num_tokens, heads, head_size)`` each, normed where the model does.

        A family whose layers lie in another way says here how.

        Args:
            hidden: ``(num_tokens, hidden_size)``, packed.
            packing: How they lie.
            asking: The states of those that ask: all of ``hidden``, or ``(batch, hidden_size)`` of first tokens.
            source: ``(num_source_tokens, source_size)``, looked at in place of ``hidden``.
        """
        if self.is_joint and source is not None:
            key, value = self._heads(self.joint(source), None).chunk(2, dim=1)
            return self._heads(self.query(asking), self.query_norm), key, value
        if self.is_joint:
            heads = [self.num_heads, self.num_key_value_heads, self.num_key_value_heads]
            query, key, value = self.joint(hidden).view(len(hidden), sum(heads), self.head_size).split(heads, dim=1)
            if asking is not hidden:
                query = query.index_select(0, packing.first_tokens(hidden.device))
            query = query if self.query_norm is None else self.query_norm(query)
            return query, key if self.key_norm is None else self.key_norm(key), value
        looked_at = hidden if source is None else source
        query = self._heads(self.query(asking), self.query_norm)
        key = self._heads(self.key(looked_at), self.key_norm)
        return query, key, self._heads(self.value(looked_at), None)

    def _heads(self, projected: Tensor, norm: nn.Module | None) -> Tensor:
        heads = projected.view(len(projected), -1, self.head_size)
        return heads if norm is None else norm(heads)

    @property
    def _is_simple(self) -> bool:
        """Whether the layer is BERT's, which has a way of its own in training."""
        return (
            self.mask == _EVERYTHING
            and not self.is_joint
            and self.num_heads == self.num_key_value_heads
            and self.scale is None
            and self.query_norm is None
            and self.key_norm is None
        )

    def _attend_dropped(self, hidden: Tensor, packing: Packing, asking: Tensor | None, dropout: float) -> Tensor:
        """As :func:`attend`, from the states, where :func:`_is_spelled_out`."""
        layers = (self.query, self.key, self.value) if asking is None else (self.key, self.value)
        projected = project_together(layers, hidden).view(len(hidden), len(layers), self.num_heads, -1)
        first = None if asking is None else self.query(asking).view(len(asking), self.num_heads, -1)
        query = projected[:, 0] if first is None else first
        key, value = projected[:, -2], projected[:, -1]
        spans = find_spans(
            query, key, value, packing=packing, key_packing=packing, key_mask=None, mask=self.mask,
            is_first_only=first is not None,
        )  # fmt: skip
        if spans is not None:
            return joint_attention(projected, first, spans, dropout=dropout)
        if projected.dtype != torch.float32:
            return attend(query, key, value, packing=packing, dropout=dropout, is_first_only=first is not None)[0]
        length = packing.length if asking is None else 1
        mask = draw_mask((packing.batch_size * self.num_heads, length, packing.length), dropout)
        return dropped_attention(projected, first, packing, mask).flatten(1)


def _is_spelled_out(hidden: Tensor, dropout: float) -> bool:
    """Whether the steps and their gradient written out apply: on a CPU, and where nobody looks inside."""
    return can_draw(dropout, hidden.device) and hidden.dtype in (torch.float32, torch.bfloat16) and not is_followed()
