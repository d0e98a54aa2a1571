"""One step of the optimizer: forward, backward, clip, step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dure.errors import TrainingError
from dure.training.adamw import AdamW
from dure.training.arguments import TrainingArguments
from dure.training.gradients import clear_gradients, clip_gradients

__all__ = ["StepResult", "smoothed_loss", "to_device", "train_step"]


class StepResult(NamedTuple):
    """Mean loss of the batches, norm of the gradient before clipping, and tokens trained on."""

    loss: float
    grad_norm: float
    num_tokens: int


def train_step(
    model: nn.Module,
    batches: Sequence[Any],
    compute_loss: Callable[[nn.Module, Any], Tensor],
    optimizer: torch.optim.Optimizer,
    schedule: Any,
    args: TrainingArguments,
    *,
    tell: Callable[[str], None],
    are_gradients_read: bool = True,
) -> StepResult:
    """Train on batches whose gradients are averaged, and take one step.

    Args:
        model: The model, in training mode.
        batches: Each is a dictionary of tensors.
        compute_loss: Model and batch to the loss.
        optimizer: What takes the step.
        schedule: Its learning rate.
        args: Device, precision and clipping.
        tell: Gets the names of events in between, as callbacks know them.
        are_gradients_read: Whether anybody who is told looks at clipped gradients.

    Raises:
        TrainingError: The loss isn't a finite number; the weights are as they were before the step.
    """
    total, num_tokens = 0.0, 0
    for batch in batches:
        inputs = to_device(batch, args.device)
        with autocast(args):
            loss = compute_loss(model, inputs) / len(batches)
        value = loss.item()
        if value != value or value in (float("inf"), float("-inf")):
            optimizer.zero_grad()
            raise TrainingError(
                f"the loss became {value}; lower learning_rate={args.learning_rate:g}, or look for broken labels or "
                "features in the data; the last checkpoint is intact"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        total += value
        ids = inputs.get("input_ids") if hasattr(inputs, "get") else None
        num_tokens += 0 if ids is None else ids.numel()
        tell("on_substep_end")
    norm = 0.0
    if args.max_grad_norm > 0:
        scaling = optimizer if isinstance(optimizer, AdamW) and not are_gradients_read else None
        norm = clip_gradients(model, args.max_grad_norm, scaling)
    tell("on_pre_optimizer_step")
    optimizer.step()
    tell("on_optimizer_step")
    schedule.step()
    clear_gradients(model)
    return StepResult(total, norm, num_tokens)


def autocast(args: TrainingArguments) -> contextlib.AbstractContextManager[Any]:
    """Compute in bfloat16 where the arguments say so."""
    if not args.bf16:
        return contextlib.nullcontext()
    return torch.autocast(args.device.type, dtype=torch.bfloat16)


def to_device(batch: Any, device: torch.device) -> Any:
    """The tensors of a batch where the model is; what isn't a tensor stays."""
    if hasattr(batch, "items"):
        return {name: to_device(value, device) for name, value in batch.items()}
    return batch.to(device) if isinstance(batch, Tensor) else batch


def smoothed_loss(logits: Tensor, labels: Tensor, factor: float) -> Tensor:
    """Cross-entropy against targets of which a share is spread evenly over all classes.

    Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2016). Labels of -100 don't count.
    """
    return nn.functional.cross_entropy(
        logits.flatten(0, -2), labels.flatten(), label_smoothing=factor, ignore_index=-100
    )
