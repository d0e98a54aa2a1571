"""Blocks: attention and feed-forward, each with a residual, and a norm behind it (BERT and its kin) or before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor, nn

from dure.layers.activation import activation
from dure.layers.attention import Attention
from dure.layers.cache import Cache, EncoderDecoderCache
from dure.layers.linear import Linear
from dure.layers.packing import Packing
from dure.layers.recomputing import Recomputable

__all__ = ["DecoderBlock", "EncoderBlock", "EncoderStack", "Walk", "walk"]


class EncoderBlock(Recomputable):
    """``norm(x + attention(x))``, then ``norm(x + feedforward(x))`` (Vaswani et al. 2017, section 3.1).

    Args:
        hidden_size: Width of a token.
        num_heads: Attention heads.
        intermediate_size: Width of the feed-forward layer.
        activation_name: Its activation, by the name configurations use.
        dropout: Probability of dropping an output in training.
        attention_dropout: Probability of dropping an attention weight in training.
        epsilon: What the norms add to the variance.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        *,
        activation_name: str,
        dropout: float,
        attention_dropout: float,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.attention = Attention(hidden_size, num_heads, attention_dropout)
        self.attention_norm = nn.LayerNorm(hidden_size, eps=epsilon)
        self.up = Linear(hidden_size, intermediate_size)
        self.down = Linear(intermediate_size, hidden_size)
        self.output_norm = nn.LayerNorm(hidden_size, eps=epsilon)
        activation(activation_name)  # an unknown name fails here, not at the first text
        self.activation = activation_name
        self.dropout = dropout

    def forward(
        self, hidden: Tensor, packing: Packing, needs_weights: bool = False, *, is_first_only: bool = False, **seen: Any
    ) -> tuple[Tensor, Any]:
        """``(num_tokens, hidden_size)`` to the same, and the attention weights where they are asked for.

        With ``is_first_only``, ``(batch, hidden_size)``: the first token of each row. A head that reads nothing else
        saves five sixths of the last block. ``seen`` is what else the attention takes.
        """
        dropout = self.dropout if self.training else 0.0
        first = hidden.index_select(0, packing.first_tokens(hidden.device)) if is_first_only else None
        attended, weights = self.attention(
            hidden, packing, needs_weights, first, residual=hidden if first is None else first, output_dropout=dropout,
            **seen,
        )  # fmt: skip
        hidden = self.attention_norm(attended)
        expanded = self.up(hidden, activation=self.activation)
        return self.output_norm(self.down(expanded, residual=hidden, dropout=dropout)), weights


class EncoderStack(nn.Module):
    """Encoder blocks, one after another.

    Args:
        num_layers: How many.
        hidden_size: As for :class:`EncoderBlock`, like all that follow.
        num_heads: Attention heads.
        intermediate_size: Width of the feed-forward layer.
        activation_name: Its activation.
        dropout: Probability of dropping an output in training.
        attention_dropout: Probability of dropping an attention weight in training.
        epsilon: What the norms add to the variance.
    """

    def __init__(
        self,
        num_layers: int,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        *,
        activation_name: str,
        dropout: float,
        attention_dropout: float,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            EncoderBlock(
                hidden_size, num_heads, intermediate_size, activation_name=activation_name, dropout=dropout,
                attention_dropout=attention_dropout, epsilon=epsilon,
            )
            for _ in range(num_layers)
        )  # fmt: skip

    def forward(
        self,
        hidden: Tensor,
        packing: Packing,
        *,
        wants_states: bool,
        wants_weights: bool,
        is_first_only: bool,
        **seen: Any,
    ) -> tuple[Tensor, tuple[Tensor, ...] | None, tuple[Any, ...] | None]:
        """Packed ``(num_tokens, hidden_size)`` to what users see, padded.

        Args:
            hidden: The embedded tokens.
            packing: How they lie.
            wants_states: Also return the state before the first and after each block.
            wants_weights: Also return the attention weights of each block.
            is_first_only: Return the state of first tokens only; whoever asks for all states or weights gets all.
            **seen: What else the attention of each block takes.

        Returns:
            The last state ``(batch, length, hidden_size)``, or ``(batch, 1, hidden_size)`` of first tokens; the states,
            each ``(batch, length, hidden_size)``; the weights, each ``(batch, num_heads, length, length)``.
        """
        states, weights = [packing.unpack(hidden)] if wants_states else [], []
        last_block = self.layer[-1] if is_first_only and not (wants_states or wants_weights) else None
        for block in self.layer:
            hidden, looked = block(hidden, packing, wants_weights, is_first_only=block is last_block, **seen)
            if wants_states:
                states.append(packing.unpack(hidden))
            weights.append(looked)
        last = hidden.unsqueeze(1) if last_block is not None else packing.unpack(hidden)
        return last, tuple(states) if wants_states else None, tuple(weights) if wants_weights else None


class DecoderBlock(Recomputable):
    """Attention, then a source if there is one, then the feed-forward layer; each is added to what came in.

    With ``is_pre_norm``, ``x + part(norm(x))`` (Xiong et al., "On Layer Normalization in the Transformer Architecture",
    2020); else ``norm(x + part(x))``. It serves encoders as well: what a token sees is up to its attention's mask.

    Args:
        attention: Looks at the text itself.
        attention_norm: Its norm.
        feedforward: Works on each token alone.
        feedforward_norm: Its norm.
        is_pre_norm: Where norms stand.
        dropout: Probability of dropping what a part adds, in training.
        cross_attention: Looks at a source.
        cross_norm: Its norm.
    """

    def __init__(
        self,
        attention: nn.Module,
        attention_norm: nn.Module,
        feedforward: nn.Module,
        feedforward_norm: nn.Module,
        *,
        is_pre_norm: bool = True,
        dropout: float = 0.0,
        cross_attention: Attention | None = None,
        cross_norm: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.attention_norm = attention_norm
        self.cross_attention = cross_attention
        self.cross_norm = cross_norm
        self.feedforward = feedforward
        self.feedforward_norm = feedforward_norm
        self.is_pre_norm = is_pre_norm
        self.dropout = dropout

    def forward(
        self,
        hidden: Tensor,
        packing: Packing,
        needs_weights: bool = False,
        *,
        cache: Cache | EncoderDecoderCache | None = None,
        source: Tensor | None = None,
        source_packing: Packing | None = None,
        **seen: Any,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """One block.

        Args:
            hidden: ``(num_tokens, hidden_size)``, packed.
            packing: How they lie.
            needs_weights: Also return attention weights.
            cache: Of the text, or of the text and its source.
            source: ``(num_source_tokens, source_size)``, packed, for a block that has cross-attention.
            source_packing: How the source lies.
            **seen: What else attention to the text itself takes: ``key_mask``, ``bias``, ``angles``.

        Returns:
            ``(num_tokens, hidden_size)``; the weights and those on the source, ``(batch, num_heads, queries, keys)``,
            where they are asked for.
        """
        dropout = self.dropout if self.training else 0.0
        own, of_source = cache if isinstance(cache, Cache) else None, None
        if isinstance(cache, EncoderDecoderCache):
            own, of_source = cache.self_attention_cache, cache.cross_attention_cache
        read = self.attention_norm(hidden) if self.is_pre_norm else hidden
        hidden, weights = self.attention(
            read, packing, needs_weights, residual=hidden, output_dropout=dropout, cache=own, **seen
        )
        hidden = hidden if self.is_pre_norm else self.attention_norm(hidden)
        cross_weights = None
        if source is not None and self.cross_attention is not None and self.cross_norm is not None:
            read = self.cross_norm(hidden) if self.is_pre_norm else hidden
            hidden, cross_weights = self.cross_attention(
                read, packing, needs_weights, residual=hidden, output_dropout=dropout, source=source,
                source_packing=source_packing, cache=of_source,
            )  # fmt: skip
            hidden = hidden if self.is_pre_norm else self.cross_norm(hidden)
        read = self.feedforward_norm(hidden) if self.is_pre_norm else hidden
        hidden = self.feedforward(read, residual=hidden, dropout=dropout)
        return hidden if self.is_pre_norm else self.feedforward_norm(hidden), weights, cross_weights


class Walk(NamedTuple):
    """What a walk through blocks gives, padded as users see it.

    Attributes:
        last: The last state, ``(batch, length, hidden_size)``.
        states: The state before the first block and after each, or None.
        weights: The attention weights of each block, ``(batch, num_heads, length, keys)``, or None.
        cross_weights: Those on the source, or None.
    """

    last: Tensor
    states: tuple[Tensor, ...] | None
    weights: tuple[Tensor, ...] | None
    cross_weights: tuple[Tensor, ...] | None


def walk(
    blocks: Iterable[nn.Module],
    hidden: Tensor,
    packing: Packing,
    *,
    norm: Callable[[Tensor], Tensor] | None = None,
    wants_states: bool = False,
    wants_weights: bool = False,
    **seen: Any,
) -> Walk:
    """Through :class:`DecoderBlock` after block, and a norm at the end.

    Args:
        blocks: In order.
        hidden: The embedded tokens ``(num_tokens, hidden_size)``, packed.
        packing: How they lie.
        norm: Applied at the end; the last of the states is behind it.
        wants_states: Also return all states.
        wants_weights: Also return attention weights.
        **seen: What each block takes: ``cache``, ``key_mask``, ``bias``, ``angles``, ``source``, ``source_packing``.
    """
    states: list[Tensor] = []
    weights: list[tuple[Tensor, Tensor]] = []
    for block in blocks:
        if wants_states:
            states.append(packing.unpack(hidden))
        hidden, *looked = block(hidden, packing, wants_weights, **seen)
        weights.append(tuple(looked))
    hidden = hidden if norm is None else norm(hidden)
    last = packing.unpack(hidden)
    if not wants_weights:
        return Walk(last, (*states, last) if wants_states else None, None, None)
    own, cross = zip(*weights, strict=True)
    has_source = seen.get("source") is not None
    return Walk(last, (*states, last) if wants_states else None, own, cross if has_source else None)
