"""The one seam for precision: every matrix product of a model goes through :class:`Linear`."""

from __future__ import annotations

import functools
import platform
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dure.layers import _kernels
from dure.layers.activation import activation as activation_by_name
from dure.layers.dropout import dropout as drop
from dure.layers.following import is_followed, is_ordinary

__all__ = ["Linear", "project_together"]

#: Activations that oneDNN computes while a product's tile is still in the cache, as its operator calls them.
_FUSED = {
    None: ("none", ""),
    "gelu": ("gelu", "none"),
    "gelu_new": ("gelu", "tanh"),
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "relu": ("relu", ""),
    "silu": ("swish", ""),
    "swish": ("swish", ""),
    "tanh": ("tanh", ""),
}
#: Up to so many rows reading the weights is what takes the time, and kernels of our own are faster: one whose vectors
#: hold rows (float32), and for the next token one whose vectors run along the inputs (bfloat16 too; their number is a
#: multiple of 32). 0 on processors where they aren't. Without gradients.
_FEW_ROWS, _VERY_FEW_ROWS, _INPUTS = _kernels.most_rows(), _kernels.most_rows_along_inputs(), 32
#: Up to so many rows torch's own product is faster than oneDNN's.
_ROWS_OF_TORCH = 2
#: Measured on x86-64 alone; elsewhere torch's own way stays.
_HAS_ONEDNN = bool(torch._C._has_mkldnn) and platform.machine().lower() in {"x86_64", "amd64"}


def _product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """``left @ right.T + bias``, computed by oneDNN; transposed views are read where they lie."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")
    return product


class _Product(torch.autograd.Function):
    """``hidden @ weight.T + bias`` with oneDNN's products forward and backward.

    On 424 tokens (a batch of eight pairs) and two cores, forward and backward of a block's six layers take 22.2 ms, and
    24.7 ms with torch's own.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(hidden, weight)
        return _product(hidden, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight = ctx.saved_tensors
        return _gradients_of(hidden, weight, gradients[0], ctx.needs_input_grad)


class _GeluProduct(torch.autograd.Function):
    """``gelu(hidden @ weight.T + bias)``; the derivative comes with the value and takes the place of what went in.

    5 % of a small model's step: the exponential that both need is computed once.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        slope = _product(hidden, weight, bias)
        result = torch.empty_like(slope)
        _kernels.gelu(slope, result)
        ctx.save_for_backward(hidden, weight, bias, slope)
        ctx.has_slope = True
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, slope = ctx.saved_tensors
        if not torch.is_grad_enabled():
            if not ctx.has_slope:  # a graph that is walked again
                slope = _product(hidden, weight, bias)
                _kernels.gelu(slope, torch.empty_like(slope))
            # The slope's memory is in the cache, and serves nothing else.
            ctx.has_slope = False
            return _gradients_of(hidden, weight, slope.data.mul_(gradients[0]), ctx.needs_input_grad)
        # A gradient of the gradient: let torch see the steps.
        result = F.gelu(F.linear(hidden, weight, bias))
        inputs = [t for t, needs in zip((hidden, weight, bias), ctx.needs_input_grad, strict=True) if needs]
        found = iter(torch.autograd.grad(result, inputs, gradients, create_graph=True))
        return tuple(next(found) if needs else None for needs in ctx.needs_input_grad)


def _gradients_of(hidden: Tensor, weight: Tensor, gradient: Tensor, needs: Sequence[bool]) -> tuple[Tensor | None, ...]:
    """Of the states, the weight and the bias, where they are needed."""
    flat, flat_hidden = gradient.flatten(0, -2), hidden.flatten(0, -2)
    # A gradient of a gradient needs operators that torch can differentiate again.
    is_last = not torch.is_grad_enabled() and gradient.is_contiguous()
    of_hidden = of_weight = None
    if needs[0]:
        of_hidden = _product(gradient, weight.T) if is_last else gradient @ weight
    if needs[1]:
        # Measured: oneDNN is a quarter faster where the result is wide, torch's own a tenth where it is high.
        is_wide = is_last and weight.shape[1] > weight.shape[0]
        of_weight = _product(flat.T, flat_hidden.T) if is_wide else flat.T @ flat_hidden
    return of_hidden, of_weight, flat.sum(0) if needs[2] else None


class Linear(nn.Linear):
    """``hidden @ weight.T + bias``, with ``weight`` of shape ``(out_features, in_features)``.

    Quantised weights will be another implementation of this class, chosen when a model is loaded, and nothing else will
    have to change.

    Without gradients, on a CPU, oneDNN computes the product together with what follows it. 512 tokens, 384 to 1536 and
    GELU on one core: 9.0 ms in two steps, 6.0 ms in one (5.8 with the weights laid out for it, which would take as much
    memory again). In bfloat16 what follows is computed before the product is rounded.
    """

    def forward(
        self,
        hidden: Tensor,
        *,
        activation: str | None = None,
        residual: Tensor | None = None,
        dropout: float = 0.0,
    ) -> Tensor:
        """``residual + dropout(activation(hidden @ weight.T + bias))``; what isn't given is left out.

        Args:
            hidden: ``(..., in_features)``.
            activation: Its name in configurations; not together with a residual.
            residual: ``(..., out_features)``.
            dropout: Probability of dropping a value; 0 outside training.
        """
        product: Tensor
        can_fuse = not torch.is_grad_enabled() and dropout == 0.0 and activation in _FUSED
        if can_fuse and _has_few_rows(hidden, self.weight, self.bias):
            return _few_rows(hidden, self.weight, self.bias, activation, residual)
        if can_fuse and _uses_onednn(hidden, self.weight, takes_half=True):
            if residual is None:
                name, algorithm = _FUSED[activation]
                product = torch.ops.mkldnn._linear_pointwise(hidden, self.weight, self.bias, name, [], algorithm)
                return product
            if activation is None and residual.is_contiguous() and residual.dtype == hidden.dtype:
                product = torch.ops.mkldnn._linear_pointwise.binary(hidden, residual, self.weight, self.bias, "add")
                return product
        if activation == "gelu" and _uses_onednn(hidden, self.weight):
            product = _GeluProduct.apply(hidden, self.weight, self.bias)  # type: ignore[no-untyped-call]
        else:
            product = _product_of(hidden, self.weight, self.bias)
            product = product if activation is None else activation_by_name(activation)(product)
        return drop(product, dropout, dropout > 0.0, residual=residual)


def _few_rows(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, activation: str | None, residual: Tensor | None
) -> Tensor:
    """As :meth:`Linear.forward`, where :func:`_has_few_rows`."""
    num_outputs, num_inputs = weight.shape
    product = hidden.new_empty(*hidden.shape[:-1], num_outputs)
    sizes = product.numel() // num_outputs, num_inputs, num_outputs
    of_weight, of_bias = weight.data_ptr(), 0 if bias is None else bias.data_ptr()
    if sizes[0] <= _VERY_FEW_ROWS and num_inputs % _INPUTS == 0:
        is_half = hidden.dtype == torch.bfloat16
        _kernels.very_few_rows(hidden.data_ptr(), of_weight, of_bias, product.data_ptr(), *sizes, is_half)
    else:
        is_gelu, added = activation == "gelu", residual if activation is None else None
        if added is not None and not (added.shape == product.shape and _is_plain(added, weight)):
            added = None
        of_added = 0 if added is None else added.data_ptr()
        _kernels.few_rows(hidden.data_ptr(), of_weight, of_bias, of_added, product.data_ptr(), *sizes, is_gelu)
        activation, residual = None if is_gelu else activation, residual if added is None else None
    if activation is not None:
        product = activation_by_name(activation)(product)
    return product if residual is None else residual + product


def project_together(layers: Sequence[nn.Module], hidden: Tensor) -> Tensor:
    """What several layers make of the same input, side by side: ``(..., sum of out_features)``.

    Their weights are put together for one product, which is wider and so faster than several; weights that a user
    replaced by a layer of another kind, or whose results a hook wants to see, are applied one by one.
    """
    if not all(type(layer) is Linear and not _has_hooks(layer) and layer.bias is not None for layer in layers):
        return torch.cat([layer(hidden) for layer in layers], dim=-1)
    weight = torch.cat([layer.weight for layer in layers])  # type: ignore[misc]
    bias = torch.cat([layer.bias for layer in layers])  # type: ignore[misc]
    return _product_of(hidden, weight, bias)


def _product_of(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``hidden @ weight.T + bias``, the fastest way that gives the same."""
    if _uses_onednn(hidden, weight):
        product: Tensor = _Product.apply(hidden, weight, bias)  # type: ignore[no-untyped-call]
        return product
    return F.linear(hidden, weight, bias)


def _has_hooks(layer: nn.Module) -> bool:
    return bool(layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks)


def _has_few_rows(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether a kernel does it. They take addresses: what doesn't fit is left to torch, which says what is wrong."""
    if not (_is_plain(hidden, weight) and weight.is_contiguous() and weight.numel()):
        return False
    num_values, num_inputs = hidden.numel(), hidden.shape[-1]
    if num_inputs != weight.shape[1]:
        return False
    if bias is not None and not (bias.shape == weight.shape[:1] and _is_plain(bias, weight)):
        return False
    if hidden.dtype == torch.float32 and 0 < num_values <= _FEW_ROWS * num_inputs:
        return True
    return (
        0 < num_values <= _VERY_FEW_ROWS * num_inputs
        and num_inputs % _INPUTS == 0
        and hidden.dtype in (torch.float32, torch.bfloat16)
    )


def _uses_onednn(hidden: Tensor, weight: Tensor, *, takes_half: bool = False) -> bool:
    return (
        _HAS_ONEDNN
        and (hidden.dtype == torch.float32 or (takes_half and hidden.dtype == torch.bfloat16 and _has_half()))
        and _is_plain(hidden, weight)
        and hidden.shape[-1] == weight.shape[1]  # else torch says what is wrong
        and hidden.numel() > _ROWS_OF_TORCH * hidden.shape[-1]
    )


def _is_plain(hidden: Tensor, weight: Tensor) -> bool:
    """Whether both lie in memory as they are, and nobody follows what is done with them."""
    return (
        hidden.dtype == weight.dtype
        and hidden.device.type == weight.device.type == "cpu"
        and hidden.is_contiguous()
        and is_ordinary(hidden)
        and is_ordinary(weight)
        and not torch.is_autocast_enabled("cpu")
        and not is_followed()
    )


@functools.cache
def _has_half() -> bool:
    """Whether oneDNN has bfloat16 on this processor."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
