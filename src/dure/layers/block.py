"""The encoder block of BERT and its kin: attention and feed-forward, each with a residual and a norm behind it."""

from __future__ import annotations

from torch import Tensor, nn

from dure.layers.activation import activation
from dure.layers.attention import SelfAttention
from dure.layers.linear import Linear
from dure.layers.packing import Packing

__all__ = ["EncoderBlock", "EncoderStack"]


class EncoderBlock(nn.Module):
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
        self.attention = SelfAttention(hidden_size, num_heads, attention_dropout)
        self.attention_norm = nn.LayerNorm(hidden_size, eps=epsilon)
        self.up = Linear(hidden_size, intermediate_size)
        self.down = Linear(intermediate_size, hidden_size)
        self.output_norm = nn.LayerNorm(hidden_size, eps=epsilon)
        activation(activation_name)  # an unknown name fails here, not at the first text
        self.activation = activation_name
        self.dropout = dropout

    def forward(
        self, hidden: Tensor, packing: Packing, needs_weights: bool = False, *, is_first_only: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """``(num_tokens, hidden_size)`` to the same, and the attention weights where they are asked for.

        With ``is_first_only``, ``(batch, hidden_size)``: the first token of each row. A head that reads nothing else
        saves five sixths of the last block.
        """
        dropout = self.dropout if self.training else 0.0
        first = hidden.index_select(0, packing.first_tokens(hidden.device)) if is_first_only else None
        attended, weights = self.attention(
            hidden, packing, needs_weights, first, residual=hidden if first is None else first, output_dropout=dropout
        )
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
        self, hidden: Tensor, packing: Packing, *, wants_states: bool, wants_weights: bool, is_first_only: bool
    ) -> tuple[Tensor, tuple[Tensor, ...] | None, tuple[Tensor, ...] | None]:
        """Packed ``(num_tokens, hidden_size)`` to what users see, padded.

        Args:
            hidden: The embedded tokens.
            packing: How they lie.
            wants_states: Also return the state before the first and after each block.
            wants_weights: Also return the attention weights of each block.
            is_first_only: Return the state of first tokens only; whoever asks for all states or weights gets all.

        Returns:
            The last state ``(batch, length, hidden_size)``, or ``(batch, 1, hidden_size)`` of first tokens; the states,
            each ``(batch, length, hidden_size)``; the weights, each ``(batch, num_heads, length, length)``.
        """
        states, weights = [packing.unpack(hidden)] if wants_states else [], []
        last_block = self.layer[-1] if is_first_only and not (wants_states or wants_weights) else None
        for block in self.layer:
            hidden, seen = block(hidden, packing, wants_weights, is_first_only=block is last_block)
            if wants_states:
                states.append(packing.unpack(hidden))
            weights.append(seen)
        last = hidden.unsqueeze(1) if last_block is not None else packing.unpack(hidden)
        return last, tuple(states) if wants_states else None, tuple(weights) if wants_weights else None
