"""Losses that heads of all families share."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from dure.errors import InputError
from dure.models.config import PretrainedConfig

__all__ = ["choice_loss", "classification_loss", "span_loss", "token_loss"]


def classification_loss(logits: Tensor, labels: Tensor | None, config: PretrainedConfig) -> Tensor | None:
    """The loss of ``(batch, num_labels)`` logits, by ``config.problem_type``.

    Without one, it follows from the labels, and is noted in the configuration: one label is a regression, integers are
    classes, floats are independent yes/no answers.
    """
    if labels is None:
        return None
    if config.problem_type is None:
        is_class = not labels.is_floating_point()
        several = "single_label_classification" if is_class else "multi_label_classification"
        config.problem_type = "regression" if config.num_labels == 1 else several
    if config.problem_type == "regression":
        return F.mse_loss(logits.squeeze(), labels.squeeze().to(logits.dtype))
    if config.problem_type == "single_label_classification":
        _check_labels(labels, config.num_labels)
        return F.cross_entropy(logits.view(-1, config.num_labels), labels.view(-1))
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def token_loss(logits: Tensor, labels: Tensor | None) -> Tensor | None:
    """Mean cross entropy of ``(batch, length, classes)`` logits over the tokens whose label isn't -100."""
    if labels is None:
        return None
    _check_labels(labels, logits.shape[-1])
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def choice_loss(logits: Tensor, labels: Tensor | None) -> Tensor | None:
    """Mean cross entropy of ``(batch, num_choices)`` logits."""
    if labels is None:
        return None
    _check_labels(labels, logits.shape[-1])
    return F.cross_entropy(logits, labels.view(-1))


def span_loss(start_logits: Tensor, end_logits: Tensor, start: Tensor | None, end: Tensor | None) -> Tensor | None:
    """Mean of both ends' cross entropies; a position past the text counts as no answer and is left out."""
    if start is None or end is None:
        return None
    length = start_logits.shape[1]
    ends = [position.squeeze(-1) if position.dim() > 1 else position for position in (start, end)]
    first, last = (position.clamp(0, length) for position in ends)
    start_loss = F.cross_entropy(start_logits, first, ignore_index=length)
    return (start_loss + F.cross_entropy(end_logits, last, ignore_index=length)) / 2


def _check_labels(labels: Tensor, num_labels: int) -> None:
    """A clear error in place of an index out of range deep in a kernel."""
    if labels.numel() == 0:
        return
    low, high = labels.min().item(), labels.max().item()
    if high >= num_labels or (low < 0 and low != -100):
        worst = high if high >= num_labels else low
        raise InputError(f"labels hold {worst}, but there are {num_labels} labels (0 to {num_labels - 1})")
