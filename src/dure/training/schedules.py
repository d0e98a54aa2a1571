"""How the learning rate changes from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from dure.errors import InputError

__all__ = ["SCHEDULES", "get_scheduler"]

#: A schedule: step, steps of warm-up, all steps, and its own arguments, to the factor of the learning rate.
Schedule = Callable[..., float]


def _constant(step: int, warmup: int, total: int) -> float:
    del step, warmup, total
    return 1.0


def _constant_with_warmup(step: int, warmup: int, total: int) -> float:
    del total
    return min(1.0, step / warmup) if warmup else 1.0


def _linear(step: int, warmup: int, total: int) -> float:
    if step < warmup:
        return step / max(1, warmup)
    return max(0.0, (total - step) / max(1, total - warmup))


def _cosine(step: int, warmup: int, total: int, num_cycles: float = 0.5) -> float:
    """Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), without restarts."""
    if step < warmup:
        return step / max(1, warmup)
    progress = (step - warmup) / max(1, total - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * num_cycles * 2.0 * progress)))


def _inverse_sqrt(step: int, warmup: int, total: int, timescale: int | None = None) -> float:
    """Vaswani et al., "Attention Is All You Need" (2017)."""
    del total
    scale = timescale or warmup or 10_000
    if step < warmup:
        return step / max(1, warmup)
    return 1.0 / math.sqrt((step + scale - warmup) / scale)


SCHEDULES: dict[str, Schedule] = {
    "constant": _constant,
    "constant_with_warmup": _constant_with_warmup,
    "cosine": _cosine,
    "inverse_sqrt": _inverse_sqrt,
    "linear": _linear,
}


def get_scheduler(
    name: str,
    optimizer: Optimizer,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    scheduler_specific_kwargs: dict[str, Any] | None = None,
) -> LambdaLR:
    """A schedule by name; call its ``step()`` after each step of the optimizer.

    Args:
        name: "linear", "cosine", "constant", "constant_with_warmup" or "inverse_sqrt".
        optimizer: Whose learning rate to change.
        num_warmup_steps: Steps in which it rises from 0.
        num_training_steps: All steps; needed where it falls to 0 at the end.
        scheduler_specific_kwargs: Such as ``num_cycles`` of "cosine".

    Raises:
        InputError: No such schedule, or a number that it needs is missing.
    """
    name = str(getattr(name, "value", name))
    if name not in SCHEDULES:
        raise InputError(f"unknown schedule {name!r}; known: {', '.join(sorted(SCHEDULES))}")
    if num_training_steps is None and name in ("linear", "cosine"):
        raise InputError(f"schedule {name!r} needs num_training_steps")
    if num_warmup_steps is None and name not in ("constant", "inverse_sqrt"):
        raise InputError(f"schedule {name!r} needs num_warmup_steps (0 for none)")
    schedule, warmup, total = SCHEDULES[name], num_warmup_steps or 0, num_training_steps or 0
    more = scheduler_specific_kwargs or {}
    return LambdaLR(optimizer, lambda step: schedule(step, warmup, total, **more))
