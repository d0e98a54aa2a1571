"""Attention with dropped weights, and its gradient written out, equal the formula with the same weights dropped."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dure.layers.attention import Attention
from dure.layers.dropout import draw_mask
from dure.layers.dropped_attention import dropped_attention
from dure.layers.packing import Packing


def formula(projected: torch.Tensor, first: torch.Tensor | None, packing: Packing, dropped: torch.Tensor):
    """Step by step on padded tensors, in double precision."""
    padded = packing.unpack(projected).double().permute(2, 0, 3, 1, 4)  # (parts, batch, heads, length, size)
    query = padded[0] if first is None else first.double().unsqueeze(2)
    scores = query @ padded[-2].transpose(-1, -2) * query.shape[-1] ** -0.5
    mask = packing.key_mask()
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(-1) * dropped.double().view(scores.shape)
    context = weights @ padded[-1]
    return context.squeeze(2) if first is not None else packing.pack(context.transpose(1, 2))


@st.composite
def cases(draw: st.DrawFn):
    batch, length = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    bits = draw(st.lists(st.integers(0, 1), min_size=batch * length, max_size=batch * length))
    mask = None if draw(st.booleans()) else torch.tensor(bits).view(batch, length)
    torch.manual_seed(draw(st.integers(0, 1 << 30)))
    packing = Packing.from_mask(mask, batch, length, keeps_padding=draw(st.booleans()))
    has_first = draw(st.booleans())
    num_tokens = len(packing.pack(torch.zeros(batch, length, 1)))
    projected = torch.randn(num_tokens, 2 if has_first else 3, 2, 4, requires_grad=True)
    first = torch.randn(batch, 2, 4, requires_grad=True) if has_first else None
    dropped = draw_mask((batch * 2, 1 if has_first else length, length), 0.3)
    return projected, first, packing, dropped


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_equals_the_formula_with_gradients(case) -> None:
    projected, first, packing, dropped = case
    inputs = [tensor for tensor in (projected, first) if tensor is not None]
    result, expected = dropped_attention(*case), formula(*case)
    torch.testing.assert_close(result, expected.float(), rtol=1e-5, atol=1e-5)
    weights = torch.randn(result.shape)
    found = torch.autograd.grad((result * weights).sum(), inputs)
    wanted = torch.autograd.grad((expected * weights).sum(), inputs)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_gradient_of_the_gradient(case) -> None:
    inputs = [tensor for tensor in case[:2] if tensor is not None]
    found = []
    for attend in (dropped_attention, formula):
        slopes = torch.autograd.grad(attend(*case).pow(2).sum(), inputs, create_graph=True)
        found.append(torch.autograd.grad(sum(slope.pow(2).sum() for slope in slopes), inputs))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("first", [False, True])
def test_a_layer_in_training_keeps_its_mean(first: bool) -> None:
    torch.manual_seed(0)
    layer = Attention(8, 2, dropout=0.3)
    packing = Packing.from_mask(torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]]), 2, 5)
    hidden = torch.randn(6, 8)
    asking = hidden.index_select(0, packing.first_tokens(hidden.device)) if first else None
    with torch.no_grad():
        exact, _ = layer.eval()(hidden, packing, asking=asking)
        draws = torch.stack([layer.train()(hidden, packing, asking=asking)[0] for _ in range(3000)])
    error = draws.std(0) / 3000**0.5
    assert ((draws.mean(0) - exact).abs() <= 5 * error + 1e-6).all()


def test_autocast_and_weights_take_the_spelled_out_way() -> None:
    layer = Attention(8, 2, dropout=0.3).train()
    packing = Packing.from_mask(torch.tensor([[1, 1, 1], [1, 0, 0]]), 2, 3)
    hidden = torch.randn(4, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(hidden, packing)[0].dtype == torch.bfloat16
    _, weights = layer(hidden, packing, needs_weights=True)
    assert weights.shape == (2, 2, 3, 3)
