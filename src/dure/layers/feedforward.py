"""The layer that works on each token alone: plain (Vaswani et al. 2017, section 3.3) or gated (Shazeer 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from dure.layers.activation import activation
from dure.layers.dropout import dropout as drop
from dure.layers.linear import Linear

__all__ = ["FeedForward", "GatedFeedForward"]


class FeedForward(nn.Module):
    """``down(activation(up(x)))``.

    Args:
        hidden_size: Width of a token.
        intermediate_size: Width in between.
        activation_name: The activation, by the name configurations use.
        has_bias: Whether both layers have one.
        inner_dropout: Probability of dropping a value in between, in training.
    """

    def __init__(
        self,
        hidden_size: int,
        intermediate_size: int,
        *,
        activation_name: str,
        has_bias: bool = True,
        inner_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.up = Linear(hidden_size, intermediate_size, bias=has_bias)
        self.down = Linear(intermediate_size, hidden_size, bias=has_bias)
        activation(activation_name)  # an unknown name fails here, not at the first text
        self.activation = activation_name
        self.inner_dropout = inner_dropout

    def forward(self, hidden: Tensor, *, residual: Tensor | None = None, dropout: float = 0.0) -> Tensor:
        """``(..., hidden_size)`` to the same; with a residual added, and values dropped before that."""
        expanded = drop(self.up(hidden, activation=self.activation), self.inner_dropout, self.training)
        result: Tensor = self.down(expanded, residual=residual, dropout=dropout)
        return result


class GatedFeedForward(nn.Module):
    """``down(activation(gate(x)) * up(x))``.

    Args:
        hidden_size: Width of a token.
        intermediate_size: Width in between.
        activation_name: The gate's activation, by the name configurations use.
        has_bias: Whether the layers have one.
        inner_dropout: Probability of dropping a value in between, in training.
        is_joint: Gate and up are one layer, ``joint``, the gate first.
    """

    def __init__(
        self,
        hidden_size: int,
        intermediate_size: int,
        *,
        activation_name: str,
        has_bias: bool = False,
        inner_dropout: float = 0.0,
        is_joint: bool = False,
    ) -> None:
        super().__init__()
        self.is_joint = is_joint
        if is_joint:
            self.joint = Linear(hidden_size, 2 * intermediate_size, bias=has_bias)
        else:
            self.gate = Linear(hidden_size, intermediate_size, bias=has_bias)
            self.up = Linear(hidden_size, intermediate_size, bias=has_bias)
        self.down = Linear(intermediate_size, hidden_size, bias=has_bias)
        activation(activation_name)
        self.activation = activation_name
        self.inner_dropout = inner_dropout

    def forward(self, hidden: Tensor, *, residual: Tensor | None = None, dropout: float = 0.0) -> Tensor:
        """``(..., hidden_size)`` to the same; with a residual added, and values dropped before that."""
        if self.is_joint:
            gate, up = self.joint(hidden).chunk(2, dim=-1)
            gated = activation(self.activation)(gate) * up
        else:
            gated = self.gate(hidden, activation=self.activation) * self.up(hidden)
        gated = drop(gated, self.inner_dropout, self.training)
        result: Tensor = self.down(gated, residual=residual, dropout=dropout)
        return result
