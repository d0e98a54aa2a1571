"""The encoder block of BERT and its kin: attention and feed-forward, each with a residual and a norm behind it."""

from __future__ import annotations

from torch import Tensor, nn

from dure.layers.activation import activation
from dure.layers.attention import SelfAttention
from dure.layers.dropout import dropout as drop
from dure.layers.linear import Linear
from dure.layers.packing import Packing

__all__ = ["EncoderBlock"]


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
        self.activation = activation(activation_name)
        self.dropout = dropout

    def forward(
        self, hidden: Tensor, packing: Packing, needs_weights: bool = False, *, is_first_only: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """``(num_tokens, hidden_size)`` to the same, and the attention weights where they are asked for.

        With ``is_first_only``, ``(batch, hidden_size)``: the first token of each row. A head that reads nothing else
        saves five sixths of the last block.
        """
        first = hidden.index_select(0, packing.first_tokens(hidden.device)) if is_first_only else None
        attended, weights = self.attention(hidden, packing, needs_weights, first)
        hidden = hidden if first is None else first
        hidden = self.attention_norm(hidden + drop(attended, self.dropout, self.training))
        expanded = self.down(self.activation(self.up(hidden)))
        return self.output_norm(hidden + drop(expanded, self.dropout, self.training)), weights
