"""A product with what follows it in one step gives what the steps give one by one."""

from __future__ import annotations

import pytest
import torch

from dure.layers.activation import ACTIVATIONS
from dure.layers.linear import Linear


@pytest.mark.parametrize("activation", [None, *sorted(ACTIVATIONS)])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("shape", [(7, 12), (1, 12), (3, 5, 12), (0, 12)])
def test_activation(activation, has_bias, shape):
    layer, hidden = Linear(12, 20, bias=has_bias), torch.randn(shape)
    product = hidden @ layer.weight.T + (layer.bias if has_bias else 0.0)
    expected = ACTIVATIONS[activation](product) if activation else product
    with torch.inference_mode():
        torch.testing.assert_close(layer(hidden, activation=activation), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(layer(hidden, activation=activation), expected, rtol=1e-5, atol=1e-5)


def test_residual_and_views():
    layer, hidden, residual = Linear(12, 20), torch.randn(9, 12), torch.randn(9, 20)
    expected = residual + hidden @ layer.weight.T + layer.bias
    every_second = torch.randn(18, 20)[::2]
    with torch.inference_mode():
        torch.testing.assert_close(layer(hidden, residual=residual), expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(layer(hidden.T.contiguous().T, residual=residual), expected, rtol=1e-5, atol=1e-5)
        shifted = layer(hidden, residual=every_second)
    torch.testing.assert_close(shifted, expected - residual + every_second, rtol=1e-5, atol=1e-5)


def test_gradients_and_dropout():
    layer, hidden = Linear(12, 2000), torch.randn(9, 12)
    residual = torch.zeros(9, 2000, requires_grad=True)
    dropped = layer(hidden, residual=residual, dropout=0.5)
    assert 0.4 < (dropped == 0.0).float().mean().item() < 0.6
    dropped.sum().backward()
    assert layer.weight.grad is not None
    assert torch.equal(residual.grad, torch.ones_like(residual))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_precisions_keep_theirs(dtype):
    layer, hidden = Linear(12, 20).to(dtype), torch.randn(9, 12, dtype=dtype)
    with torch.inference_mode():
        assert layer(hidden, activation="gelu", residual=None).dtype == dtype
