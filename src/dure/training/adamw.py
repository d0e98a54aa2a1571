"""AdamW: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dure.layers import _kernels
from dure.layers.embedding import Embedding
from dure.layers.following import is_ordinary

__all__ = ["AdamW"]

#: A table of which a larger share was touched is stepped as a whole: memory is read faster in one piece.
_DENSE = 0.8


class AdamW(torch.optim.AdamW):
    """torch's AdamW, with its state and files, which takes a step in less time on a CPU.

    Each value is read and written once, clipping included; rows of an embedding table that no batch has touched since
    the beginning stay out, because nothing would change in them without weight decay. What isn't float32 on a CPU, or
    has settings beyond the paper's, is stepped by torch.

    Args:
        params: As torch takes them.
        tables: Embeddings whose weights are among them.
        **options: As torch takes them.
    """

    #: What :meth:`step` multiplies gradients with, once; they stay as they are.
    gradient_scale: float = 1.0

    def __init__(self, params: Any, *, tables: Iterable[Embedding] = (), **options: Any) -> None:
        super().__init__(params, **options)
        self._tables = {table.weight: table for table in tables}
        self._touched: dict[Tensor, Tensor] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """What a copy or torch's way of loading brings; a copy knows no tables, and steps them as a whole."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._tables = getattr(self, "_tables", {})
        self._touched = {}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take more parameters, as torch does; its decorator would import a compiler first, which takes a second."""
        plain = getattr(torch.optim.Optimizer.add_param_group, "__wrapped__", torch.optim.Optimizer.add_param_group)
        plain(self, param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; returns what ``closure`` returns, which may compute the gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        scale, self.gradient_scale = self.gradient_scale, 1.0
        ready = [[p for p in group["params"] if p.grad is not None] for group in self.param_groups]
        if not all(self._is_plain(*both) for both in zip(self.param_groups, ready, strict=True)):
            if scale != 1.0:
                torch._foreach_mul_([p.grad for parameters in ready for p in parameters], scale)
            super().step()
            return loss
        for group, parameters in zip(self.param_groups, ready, strict=True):
            self._step_group(group, parameters, scale)
        return loss

    def _is_plain(self, group: dict[str, Any], parameters: list[Tensor]) -> bool:
        """Whether the paper's algorithm is asked for, and memory is as the kernel reads it.

        It takes addresses: a state that doesn't fit, from another model's file, is left to torch, which refuses it.
        """
        if group["amsgrad"] or group["maximize"] or group["capturable"] or group["differentiable"]:
            return False
        if isinstance(group["lr"], Tensor) or any(isinstance(beta, Tensor) for beta in group["betas"]):
            return False
        for parameter in parameters:
            state = self.state.get(parameter, {})
            kept = [state[name] for name in ("exp_avg", "exp_avg_sq") if name in state]
            if not all(_is_flat(tensor, parameter) for tensor in (parameter, parameter.grad, *kept)):
                return False
        return True

    def _step_group(self, group: dict[str, Any], parameters: list[Tensor], scale: float) -> None:
        states = [self._state_of(parameter) for parameter in parameters]
        torch._foreach_add_([state["step"] for state in states], 1)
        at_step: dict[int, list[tuple[int, ...]]] = {}
        kept_alive = []
        for parameter, state in zip(parameters, states, strict=True):
            grad, rows = parameter.grad, self._rows(parameter, state, group["weight_decay"])
            assert grad is not None
            places = [t.data_ptr() for t in (parameter, grad, state["exp_avg"], state["exp_avg_sq"])]
            chosen = (0, 0, 0) if rows is None else (rows.data_ptr(), len(rows), parameter.shape[1])
            at_step.setdefault(int(state["step"]), []).append((*places, parameter.numel(), *chosen))
            kept_alive.append(rows)
        for step, table in at_step.items():
            beta1, beta2 = group["betas"]
            addresses = np.array(table, dtype=np.int64)
            _kernels.adamw(addresses, group["lr"], beta1, beta2, group["eps"], group["weight_decay"], scale, step)
        torch.autograd.graph.increment_version(parameters)

    def _state_of(self, parameter: Tensor) -> dict[str, Tensor]:
        """As torch begins it."""
        state: dict[str, Tensor] = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        return state

    def _rows(self, parameter: Tensor, state: dict[str, Tensor], weight_decay: float) -> Tensor | None:
        """The rows of a table in which a step changes something; None: all, or the parameter isn't a table."""
        table = self._tables.get(parameter)
        if table is None or weight_decay != 0.0:
            return None
        if parameter not in self._touched:
            self._touched[parameter] = (state["exp_avg"] != 0).any(dim=1) | (state["exp_avg_sq"] != 0).any(dim=1)
        touched, rows = self._touched[parameter], table.gradient_rows()
        if rows is None:
            touched.fill_(True)
        else:
            touched[rows] = True
        rows = touched.nonzero().flatten()
        return None if len(rows) > _DENSE * len(touched) else rows


def _is_flat(tensor: Tensor | None, parameter: Tensor) -> bool:
    """Whether it is float32 on the CPU, value after value, as many as the parameter has."""
    return (
        tensor is not None
        and is_ordinary(tensor)
        and tensor.dtype == torch.float32
        and tensor.device.type == "cpu"
        and tensor.layout == torch.strided
        and tensor.shape == parameter.shape
        and tensor.is_contiguous()
    )
