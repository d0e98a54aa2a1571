"""Predictions for a whole data set: batches of like lengths, results in the data set's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dure.progress import track
from dure.training.arguments import TrainingArguments
from dure.training.batching import Examples, evaluation_batches
from dure.training.step import autocast, to_device

__all__ = ["Predictions", "predict_all"]

#: What fills up rows of different lengths; metrics pass over it.
_FILLER = -100


class Predictions(NamedTuple):
    """Arrays in the order of the data set, or None where the batches held none; the loss is a mean over examples."""

    predictions: Any
    label_ids: Any
    inputs: Any
    loss: float | None


def predict_all(
    model: nn.Module,
    examples: Examples,
    args: TrainingArguments,
    label_names: Sequence[str],
    compute_loss: Callable[[nn.Module, Any], tuple[Tensor, Any]],
    *,
    preprocess_logits: Callable[[Any, Any], Any] | None,
    on_batch: Callable[[], None],
    description: str,
) -> Predictions:
    """Run the model over a data set in evaluation mode.

    Args:
        model: The model; it is back in the mode it was in afterwards.
        examples: The data set.
        args: For batch size, device and precision.
        label_names: Which columns are labels. The loss is computed where a batch has all of them.
        compute_loss: ``(model, batch)`` to loss and outputs.
        preprocess_logits: ``(logits, labels)`` to what is kept of the logits.
        on_batch: Called after each batch.
        description: What the progress bar says.
    """
    was_training = model.training
    model.eval()
    kept: dict[str, list[Any]] = {"predictions": [], "label_ids": [], "inputs": []}
    order: list[int] = []
    losses, num_rows = 0.0, 0
    batches = evaluation_batches(len(examples), args.per_device_eval_batch_size, examples.lengths())
    with torch.inference_mode():
        for indices in track(batches, description=description, unit="batch", is_disabled=args.disable_tqdm):
            batch = to_device(examples.batch(indices), args.device)
            labels = [batch[name] for name in label_names if name in batch]
            has_labels = len(labels) == len(label_names) > 0
            with autocast(args):
                loss, outputs = compute_loss(model, batch) if has_labels else (None, model(**batch))
            logits = _logits(outputs)
            target = _unwrap(labels) if has_labels else None
            if preprocess_logits is not None:
                logits = preprocess_logits(logits, target)
            kept["predictions"].append(_to_numpy(logits))
            if has_labels:
                kept["label_ids"].append(_to_numpy(target))
            if "inputs" in args.include_for_metrics:
                kept["inputs"].append(_to_numpy(batch[getattr(model, "main_input_name", "input_ids")]))
            if loss is not None:
                losses += loss.float().mean().item() * len(indices)
                num_rows += len(indices)
            order.extend(indices)
            on_batch()
    model.train(was_training)
    back = np.argsort(np.asarray(order))
    arrays = {name: _join(parts, back) if parts else None for name, parts in kept.items()}
    return Predictions(**arrays, loss=losses / num_rows if num_rows else None)


def _logits(outputs: Any) -> Any:
    """What a model returns, without the loss."""
    if hasattr(outputs, "items"):
        return _unwrap([value for name, value in outputs.items() if name != "loss"])
    return outputs


def _unwrap(values: list[Any]) -> Any:
    """One value stands for itself."""
    return values[0] if len(values) == 1 else tuple(values)


def _to_numpy(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_to_numpy(part) for part in value)
    tensor = value.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _join(parts: list[Any], back: Any) -> Any:
    """Batches end to end, filled up to the longest, and in the data set's order."""
    if isinstance(parts[0], tuple):
        return tuple(_join([part[i] for part in parts], back) for i in range(len(parts[0])))
    if parts[0].ndim >= 2:
        longest = max(part.shape[1] for part in parts)
        parts = [
            np.pad(p, [(0, 0), (0, longest - p.shape[1]), *[(0, 0)] * (p.ndim - 2)], constant_values=_FILLER)
            for p in parts
        ]
    return np.concatenate([np.atleast_1d(part) for part in parts])[back]
