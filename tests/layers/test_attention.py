"""Attention equals its formula, whatever is padded and whichever kernel runs."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dure.errors import ConfigError
from dure.layers.attention import Attention, attend
from dure.layers.packing import Packing


@st.composite
def masks(draw: st.DrawFn) -> torch.Tensor:
    batch, length = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    kind = draw(st.sampled_from(["left", "right", "any", "none", "empty row"]))
    mask = torch.ones(batch, length, dtype=torch.long)
    for row in mask:
        count = draw(st.integers(0, length - 1))
        if kind == "left":
            row[:count] = 0
        elif kind == "right":
            row[length - count :] = 0
        elif kind == "any":
            row[:] = torch.tensor(draw(st.lists(st.integers(0, 1), min_size=length, max_size=length)))
    if kind == "empty row":
        mask[-1] = 0
    return mask


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(masks(), st.integers(0, 1 << 30), st.booleans(), st.booleans(), st.booleans())
def test_equals_the_formula(
    slow_attention: ModuleType, mask: torch.Tensor, seed: int, needs_weights: bool, first: bool, keeps_padding: bool
) -> None:
    torch.manual_seed(seed)
    query, key, value = (torch.randn(*mask.shape, 2, 3) for _ in range(3))
    packing = Packing.from_mask(mask, *mask.shape, keeps_padding=keeps_padding)
    packed = [packing.pack(tensor) for tensor in (query, key, value)]
    if first:
        packed[0] = query[:, 0]
    context, weights = attend(*packed, packing=packing, needs_weights=needs_weights, is_first_only=first)
    expected, expected_weights = slow_attention.attend(query, key, value, mask)
    asked = slice(0, 1) if first else slice(None)
    expected, expected_weights = expected[:, asked].float(), expected_weights[:, :, asked].float()
    result = context.unsqueeze(1) if first else packing.unpack(context)
    # Padding is not computed, except where it is kept and in first columns.
    real = mask.bool() | ~mask.bool().any(dim=1, keepdim=True)
    real[:, 0] = True
    real = (torch.ones_like(real) if keeps_padding else real)[:, asked]
    torch.testing.assert_close(result[real], expected.flatten(2)[real], rtol=1e-5, atol=1e-5)
    assert (weights is not None) == needs_weights
    if weights is not None:
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]), rtol=1e-5, atol=1e-5)
        rows = real.unsqueeze(1).expand(weights.shape[:-1])
        torch.testing.assert_close(weights[rows], expected_weights[rows], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_does_not_change_a_text(side: str) -> None:
    layer = Attention(8, 2, dropout=0.0)
    hidden = torch.randn(1, 4, 8)
    alone, _ = layer(hidden[0], Packing.from_mask(None, 1, 4))
    padding = torch.randn(1, 3, 8)
    parts = (padding, hidden) if side == "left" else (hidden, padding)
    ones, zeros = torch.ones(1, 4), torch.zeros(1, 3)
    packing = Packing.from_mask(torch.cat((zeros, ones) if side == "left" else (ones, zeros), 1), 1, 7)
    result, _ = layer(packing.pack(torch.cat(parts, 1)), packing)
    start = 3 if side == "left" else 0
    torch.testing.assert_close(packing.unpack(result)[0, start : start + 4], alone, rtol=1e-5, atol=1e-5)


def test_a_row_of_padding_gives_finite_numbers_and_gradients() -> None:
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    for dropout in (0.0, 0.5):
        layer = Attention(4, 2, dropout=dropout)
        hidden = torch.randn(2, 3, 4, requires_grad=True)
        packing = Packing.from_mask(mask, 2, 3)
        result, _ = layer(packing.pack(hidden), packing)
        result.sum().backward()
        assert torch.isfinite(result).all()
        assert torch.isfinite(hidden.grad).all()


def test_dropped_weights_keep_their_mean() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(6, 1, 4) for _ in range(3))
    packing = Packing.from_mask(torch.tensor([[1, 1, 1, 1, 1, 0], [1, 0, 0, 0, 0, 0]]), 2, 6)
    exact, _ = attend(query, key, value, packing=packing)
    draws = torch.stack([attend(query, key, value, packing=packing, dropout=0.3)[0] for _ in range(3000)])
    error = draws.std(0) / 3000**0.5
    assert ((draws.mean(0) - exact).abs() <= 5 * error + 1e-6).all()


def test_half_precision_follows_float32() -> None:
    torch.manual_seed(1)
    query, key, value = (torch.randn(8, 2, 16) for _ in range(3))
    packing = Packing.from_mask(torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]), 2, 5)
    exact, _ = attend(query, key, value, packing=packing)
    for needs_weights in (False, True):
        rounded, _ = attend(
            query.bfloat16(), key.bfloat16(), value.bfloat16(), packing=packing, needs_weights=needs_weights
        )
        assert rounded.dtype == torch.bfloat16
        # bfloat16 keeps 8 bits: inputs, weights and outputs are each rounded to 2^-8 of values up to 3.
        torch.testing.assert_close(rounded.float(), exact, rtol=0.03, atol=0.03)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match=r"hidden_size 10 must be a multiple of the number of heads, 4"):
        Attention(10, 4, 0.0)
