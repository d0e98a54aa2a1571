"""What happens to gradients between backward and the next forward: clipping and clearing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dure.layers.embedding import Embedding
from dure.training.adamw import AdamW

__all__ = ["clear_gradients", "clip_gradients"]


def clip_gradients(model: nn.Module, max_norm: float, optimizer: AdamW | None = None) -> float:
    """Scale all gradients, in place, so that their norm as one vector is at most ``max_norm``.

    Pascanu et al., "On the difficulty of training recurrent neural networks" (2012). The same as torch's
    ``clip_grad_norm_``, but of an embedding table only the rows that a batch touched are read and written.

    Args:
        model: Whose gradients they are.
        max_norm: The largest norm that stays.
        optimizer: Scales them in its next step instead, where it reads them anyway.

    Returns:
        The norm before; infinite or not a number where a gradient is.
    """
    tables = _tables(model)
    parts: list[Tensor] = []
    rows: list[tuple[Embedding, Tensor, Tensor]] = []
    for parameter in model.parameters():
        if parameter.grad is None:
            continue
        table = tables.get(id(parameter))
        touched = None if table is None else table.gradient_rows()
        if table is None or touched is None:
            parts.append(parameter.grad)
        else:
            rows.append((table, touched, parameter.grad.index_select(0, touched)))
    parts += [part for _, _, part in rows]
    norm = nn.utils.get_total_norm(parts)
    # Like torch's, and a norm that isn't a number stays one: the gradients become what they would have.
    scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    if optimizer is not None:
        optimizer.gradient_scale = scale.item()
    elif scale.item() != 1.0:
        torch._foreach_mul_(parts, scale)
        for table, touched, part in rows:
            assert table.weight.grad is not None
            table.weight.grad.index_copy_(0, touched, part)
            table.note_gradient()
    return float(norm.item())


def clear_gradients(model: nn.Module) -> None:
    """Forget all gradients; tables that keep theirs (:func:`dure.layers.embedding.keep_gradients`) get zeros."""
    tables = _tables(model)
    for parameter in model.parameters():
        table = tables.get(id(parameter))
        if table is None:
            parameter.grad = None
        else:
            table.clear_gradient()


def _tables(model: nn.Module) -> dict[int, Embedding]:
    """Tables that keep their gradients, by their parameter's identity."""
    return {id(m.weight): m for m in model.modules() if isinstance(m, Embedding) and m.adds_in_place}
