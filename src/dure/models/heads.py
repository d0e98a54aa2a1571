"""Losses that heads of all families share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dure.errors import InputError
from dure.models.config import PretrainedConfig

__all__ = ["causal_loss", "choice_loss", "classification_loss", "pair_loss", "span_loss", "token_loss"]


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
    if config.problem_type == "single_label_classification":
        return F.cross_entropy(logits, _classes(labels.view(-1), logits))
    if labels.numel() != logits.numel() or len(labels) != len(logits):
        raise InputError(
            f"labels {tuple(labels.shape)} don't fit logits {tuple(logits.shape)}; for problem_type "
            f"{config.problem_type!r} give one number for each text and label"
        )
    labels = labels.view_as(logits)
    if config.problem_type == "regression":
        return F.mse_loss(logits, labels.to(logits.dtype))
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def token_loss(logits: Tensor, labels: Tensor | None) -> Tensor | None:
    """Mean cross entropy of ``(batch, length, classes)`` logits over the tokens whose label isn't -100."""
    if labels is None:
        return None
    if labels.shape != logits.shape[:2]:
        raise InputError(f"labels {tuple(labels.shape)} must have the shape of the texts, {tuple(logits.shape[:2])}")
    return F.cross_entropy(logits.flatten(0, 1), _classes(labels.flatten(), logits))


def causal_loss(logits: Tensor, labels: Tensor | None, num_items: Tensor | int | None = None) -> Tensor | None:
    """Cross entropy of ``(batch, length, vocab_size)`` logits and the token that comes next.

    Args:
        logits: For the token behind each.
        labels: ``(batch, length)``, usually the ids themselves; -100 is left out.
        num_items: What the sum is divided by, where a batch is read in parts; by default the number of labels.
    """
    if labels is None:
        return None
    if labels.shape != logits.shape[:2]:
        raise InputError(f"labels {tuple(labels.shape)} must have the shape of the texts, {tuple(logits.shape[:2])}")
    following = logits[:, :-1]
    classes = _classes(labels[:, 1:].flatten(), following)
    if num_items is None:
        return F.cross_entropy(following.flatten(0, 1).float(), classes)
    return F.cross_entropy(following.flatten(0, 1).float(), classes, reduction="sum") / num_items


def choice_loss(logits: Tensor, labels: Tensor | None) -> Tensor | None:
    """Mean cross entropy of ``(batch, num_choices)`` logits."""
    if labels is None:
        return None
    return F.cross_entropy(logits, _classes(labels.view(-1), logits))


def pair_loss(words: Tensor, labels: Tensor | None, relations: Tensor, relation_labels: Tensor | None) -> Tensor | None:
    """The loss of pre-training on pairs of texts: of words and of how the texts belong together; with both labels only.

    Args:
        words: ``(batch, length, vocab_size)`` logits.
        labels: ``(batch, length)``, -100 where there is nothing to predict.
        relations: ``(batch, 2)`` logits.
        relation_labels: ``(batch,)``.
    """
    of_words, of_relations = token_loss(words, labels), choice_loss(relations, relation_labels)
    return None if of_words is None or of_relations is None else of_words + of_relations


def span_loss(start_logits: Tensor, end_logits: Tensor, start: Tensor | None, end: Tensor | None) -> Tensor | None:
    """Mean of both ends' cross entropies; a position past the text counts as no answer and is left out."""
    if start is None or end is None:
        return None
    batch_size, length = start_logits.shape
    for name, position in (("start_positions", start), ("end_positions", end)):
        if position.numel() != batch_size or position.is_floating_point():
            raise InputError(
                f"{name} must be {batch_size} integers, one for each text, not {position.dtype} {tuple(position.shape)}"
            )
    ends = [position.view(-1).long() for position in (start, end)]
    first, last = (position.clamp(0, length) for position in ends)
    start_loss = F.cross_entropy(start_logits, first, ignore_index=length)
    return (start_loss + F.cross_entropy(end_logits, last, ignore_index=length)) / 2


def _classes(labels: Tensor, logits: Tensor) -> Tensor:
    """Labels ``(rows,)`` that fit logits ``(..., num_labels)``; a clear error in place of one deep in a kernel."""
    num_labels = logits.shape[-1]
    if labels.is_floating_point():
        raise InputError(f"labels are {labels.dtype}; classes are integers, 0 to {num_labels - 1}")
    if len(labels) * num_labels != logits.numel():
        raise InputError(f"{len(labels)} labels for {logits.numel() // num_labels} rows of logits")
    if not torch.compiler.is_compiling() and labels.numel():
        low, high = (int(end) for end in labels.aminmax())
        if high >= num_labels or (low < 0 and low != -100):
            worst = high if high >= num_labels else low
            raise InputError(f"labels hold {worst}, but there are {num_labels} labels (0 to {num_labels - 1})")
    return labels.long()
