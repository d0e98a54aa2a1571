"""A product with what follows it in one step gives what the steps give one by one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from dure.layers import _kernels
from dure.layers.activation import ACTIVATIONS
from dure.layers.linear import Linear, project_together


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


def twins(inputs, outputs, *, bias=True):
    """Our layer and torch's, with the same weights."""
    ours, theirs = Linear(inputs, outputs, bias=bias), torch.nn.Linear(inputs, outputs, bias=bias)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("sizes", [(12, 40), (40, 12), (16, 16)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(9,), (1,), (3, 5)])
@pytest.mark.parametrize("frozen", ["", "weight", "hidden"])
@pytest.mark.parametrize("activation", [None, "gelu"])
def test_gradients_are_those_of_torch(sizes, bias, shape, frozen, activation):
    layers = twins(*sizes, bias=bias)
    hidden, weights = torch.randn(*shape, sizes[0]), torch.randn(*shape, sizes[1])
    found = []
    for layer in layers:
        layer.weight.requires_grad_(frozen != "weight")
        given = hidden.clone().requires_grad_(frozen != "hidden")
        result = layer(given, activation=activation) if isinstance(layer, Linear) else layer(given)
        result = F.gelu(result) if activation and not isinstance(layer, Linear) else result
        (result * weights).sum().backward()
        found.append([x.grad for x in (given, *layer.parameters()) if x.requires_grad])
    assert len(found[0]) == 2 + bias - bool(frozen)
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_gradient_that_is_a_view():
    ours, theirs = twins(12, 40)
    hidden = torch.randn(9, 12)
    for layer in (ours, theirs):
        layer(hidden).sum().backward()  # one number, seen as (9, 40)
        layer(hidden)[:, 3].pow(2).sum().backward()
        layer(hidden).T.contiguous().pow(3).sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("activation", [None, "gelu"])
@pytest.mark.parametrize("frozen", ["", "weight", "bias"])
def test_gradient_of_the_gradient(activation, frozen):
    found = []
    hidden = torch.randn(5, 12)
    for layer in twins(12, 40):
        for name, parameter in layer.named_parameters():
            parameter.requires_grad_(name != frozen)
        given = hidden.clone().requires_grad_()
        result = layer(given, activation=activation) if isinstance(layer, Linear) else layer(given)
        result = F.gelu(result) if activation and not isinstance(layer, Linear) else result
        (slope,) = torch.autograd.grad(result.pow(2).sum(), given, create_graph=True)
        slope.pow(2).sum().backward()
        found.append((given.grad, layer.weight.grad, layer.bias.grad if activation else None))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_graph_is_walked_twice():
    layer, hidden = Linear(12, 40), torch.randn(9, 12)
    loss = layer(hidden, activation="gelu").sum()
    loss.backward(retain_graph=True)
    once = layer.weight.grad.clone()
    loss.backward()
    torch.testing.assert_close(layer.weight.grad, 2 * once)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("num_rows", [1, 2, 3, 4, 5, 16, 17, 33, 49, 64, 65])
@pytest.mark.parametrize("sizes", [(64, 37), (96, 8), (33, 50), (1056, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_few_rows(dtype, num_rows, sizes, bias):
    """Whatever kernel a number of rows is for; sums are as exact as torch's, to the last bit of what is rounded."""
    layer = Linear(*sizes, bias=bias).to(dtype)
    hidden, residual = torch.randn(num_rows, sizes[0]).to(dtype), torch.randn(num_rows, 2 * sizes[1]).to(dtype)
    exact = hidden.double() @ layer.weight.T.double() + (layer.bias.double() if bias else 0.0)
    allowed = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 2**-7, "atol": 2**-9}
    with torch.inference_mode():
        for name in (None, "gelu", "relu"):
            expected = ACTIVATIONS[name](exact) if name else exact
            torch.testing.assert_close(layer(hidden, activation=name).double(), expected, **allowed)
        for added in (residual[:, : sizes[1]].contiguous(), residual[:, : sizes[1]]):
            found = layer(hidden, residual=added)
            assert found.dtype == dtype
            torch.testing.assert_close(
                found.double(),
                exact + added.double(),
                rtol=allowed["rtol"],
                atol=2**-5 if dtype == torch.bfloat16 else 1e-5,
            )
        several = layer(hidden.unsqueeze(0), residual=residual[:, : sizes[1]].unsqueeze(0))
        assert several.shape == (1, num_rows, sizes[1])


@pytest.mark.parametrize("num_rows", [1, 9])
@pytest.mark.parametrize("wrong", ["input", "bias", "type of the bias", "residual"])
def test_few_rows_of_a_wrong_size_are_refused(num_rows, wrong):
    """Kernels read addresses, so that they must never see what doesn't fit."""
    layer, hidden, residual = Linear(32, 20), torch.randn(num_rows, 33 if wrong == "input" else 32), None
    if wrong == "bias":
        layer.bias = torch.nn.Parameter(torch.ones(19))
    if wrong == "type of the bias":
        layer.bias = torch.nn.Parameter(torch.ones(20, dtype=torch.float16))
    if wrong == "residual":
        residual = torch.ones(num_rows, 19)
    with torch.inference_mode(), pytest.raises(RuntimeError):
        layer(hidden, residual=residual)


def test_a_residual_of_one_row_serves_all():
    layer, hidden, residual = Linear(33, 20), torch.randn(9, 33), torch.randn(1, 20)
    with torch.inference_mode():
        torch.testing.assert_close(layer(hidden, residual=residual), layer(hidden) + residual, rtol=1e-5, atol=1e-5)


def test_few_rows_that_are_no_numbers():
    layer = Linear(32, 5).bfloat16()
    for bad in (float("nan"), float("inf")):
        hidden = torch.ones(1, 32, dtype=torch.bfloat16)
        hidden[0, 7] = bad
        with torch.inference_mode():
            assert not layer(hidden).isfinite().any()


def test_gelu_and_its_slope():
    values = torch.cat([torch.linspace(-20, 20, 100_003), torch.tensor([0.0, -0.0, 1e-30, 90.0, -90.0, 1e19, -1e19])])
    exact = values.double().requires_grad_()
    expected = F.gelu(exact)
    expected.sum().backward()
    slope, result = values.clone(), torch.empty_like(values)
    _kernels.gelu(slope, result)
    torch.testing.assert_close(result.double(), expected.detach(), rtol=3e-7, atol=3e-7)
    torch.testing.assert_close(slope.double(), exact.grad, rtol=3e-7, atol=4e-7)


def test_functional_transforms_and_compilation_take_torch_s_way():
    layer, hidden = Linear(12, 20), torch.randn(4, 12)
    each = torch.func.vmap(lambda row: layer(row.unsqueeze(0)).squeeze(0))(hidden)
    torch.testing.assert_close(each, layer(hidden), rtol=1e-5, atol=1e-5)
    slopes = torch.func.vmap(torch.func.grad(lambda row: layer(row).sum()))(hidden)
    torch.testing.assert_close(slopes, layer.weight.sum(0).expand(4, 12), rtol=1e-5, atol=1e-5)


class Activated(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, hidden):
        return self.layer(hidden, activation="gelu")


@pytest.mark.filterwarnings("ignore:.torch.jit.trace:DeprecationWarning")
@pytest.mark.parametrize("rows", [1, 9, 200])
@pytest.mark.parametrize("has_gradients", [False, True])
def test_whoever_records_operators_sees_them(rows, has_gradients):
    """torch.jit.trace, a mode that counts operations, and tensors without memory."""
    layer, hidden = Linear(32, 20), torch.randn(rows, 32)
    with torch.set_grad_enabled(has_gradients):
        traced = torch.jit.trace(Activated(layer), hidden)
        other = torch.randn(rows, 32)
        torch.testing.assert_close(traced(other), layer(other, activation="gelu"), rtol=1e-5, atol=1e-5)
        with FlopCounterMode(display=False) as counter:
            layer(hidden, activation="gelu")
        assert counter.get_total_flops() == 2 * rows * 32 * 20
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.set_grad_enabled(has_gradients):
        found = layer(mode.from_tensor(hidden), activation="gelu", dropout=0.1)
    assert found.shape == (rows, 20)


@pytest.mark.parametrize("kind", ["plain", "hooked", "replaced", "no bias", "bfloat16"])
def test_together_is_side_by_side(kind):
    layers = [Linear(12, size, bias=kind != "no bias") for size in (20, 8, 16)]
    seen = []
    if kind == "hooked":
        layers[1].register_forward_hook(lambda *_: seen.append(1))
    if kind == "replaced":
        layers[2] = torch.nn.Sequential(layers[2], torch.nn.Tanh())
    hidden = torch.randn(7, 12)
    if kind == "bfloat16":
        layers, hidden = [layer.bfloat16() for layer in layers], hidden.bfloat16()
    expected = torch.cat([layer(hidden) for layer in layers], dim=-1)
    seen.clear()
    found = project_together(layers, hidden)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert len(seen) == (kind == "hooked")
    found.float().pow(2).sum().backward()
    assert all(parameter.grad is not None for layer in layers for parameter in layer.parameters())
