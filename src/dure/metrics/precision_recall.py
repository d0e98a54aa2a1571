"""Precision (how much of what was predicted is right) and recall (how much of what is there was found)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dure.errors import InputError
from dure.metrics.counts import Label, PairCounts, ratio

__all__ = ["Average", "Precision", "Recall", "average_over_labels", "precision", "recall"]

#: How per-label scores become one number: of the positive label, over labels, over examples, over labels by frequency.
Average = Literal["binary", "macro", "micro", "weighted"]

#: Per-label scores from the counts of right, predicted and actual, each ``(labels,)``.
Score = Callable[[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], float], npt.NDArray[np.float64]]


def _precision(
    right: npt.NDArray[Any], predicted: npt.NDArray[Any], actual: npt.NDArray[Any], zero_division: float
) -> npt.NDArray[np.float64]:
    del actual
    return ratio(right, predicted, zero_division=zero_division)


def _recall(
    right: npt.NDArray[Any], predicted: npt.NDArray[Any], actual: npt.NDArray[Any], zero_division: float
) -> npt.NDArray[np.float64]:
    del predicted
    return ratio(right, actual, zero_division=zero_division)


def average_over_labels(
    score: Score,
    counts: PairCounts,
    *,
    average: Average | None = "binary",
    pos_label: Label = 1,
    labels: Sequence[Label] | None = None,
    zero_division: float = 0.0,
) -> float | npt.NDArray[np.float64]:
    """A score per label, made into one number.

    Args:
        score: Computes the score of each label from its counts.
        counts: The pairs of references and predictions.
        average: ``"binary"`` gives the score of ``pos_label``; ``"macro"`` the plain mean over labels; ``"micro"`` the
            score of all labels counted together; ``"weighted"`` the mean by how often each label is the reference;
            None one score per label.
        pos_label: The positive label of ``"binary"``.
        labels: Which labels count; all that were seen where None.
        zero_division: The score where nothing was predicted or nothing is there.

    Raises:
        InputError: Unknown average, ``"binary"`` over more than two labels, or a positive label that isn't there.
    """
    seen = counts.labels()
    if average == "binary":
        _check_binary(seen, pos_label)
        chosen: list[Label] = [pos_label]
    elif average in ("macro", "micro", "weighted", None):
        chosen = list(seen if labels is None else labels)
    else:
        raise InputError(f"average={average!r} is unknown; use 'binary', 'macro', 'micro', 'weighted' or None.")
    outcomes = counts.outcomes(chosen)
    if average == "micro":
        outcomes = outcomes.sum(axis=0, keepdims=True)
    right, predicted, actual = outcomes.T
    scores = score(right, predicted, actual, zero_division)
    if average is None:
        return scores
    if average == "weighted":
        # Without references there is nothing to weigh by: the rule for empty denominators holds.
        weighed = ratio(np.sum(scores * actual), np.sum(actual), zero_division=zero_division)
        return float(weighed)
    return float(scores.mean())


def _check_binary(seen: list[Label], pos_label: Label) -> None:
    if len(seen) > 2:
        raise InputError(
            f"average='binary' takes two labels, but there are {len(seen)}: {seen}. Use average='macro', 'micro' or "
            "'weighted'."
        )
    if len(seen) == 2 and pos_label not in seen:
        raise InputError(f"pos_label={pos_label!r} is none of the labels {seen}; pass the one that counts as positive.")


def precision(
    predictions: Any,
    references: Any,
    *,
    average: Average | None = "binary",
    pos_label: Label = 1,
    labels: Sequence[Label] | None = None,
    zero_division: float = 0.0,
) -> float | npt.NDArray[np.float64]:
    """The fraction of predicted labels that are right. Arguments as for :func:`average_over_labels`.

    >>> precision([1, 1, 0], [1, 0, 0])
    0.5
    """
    counts = PairCounts.of(predictions, references)
    return average_over_labels(
        _precision, counts, average=average, pos_label=pos_label, labels=labels, zero_division=zero_division
    )


def recall(
    predictions: Any,
    references: Any,
    *,
    average: Average | None = "binary",
    pos_label: Label = 1,
    labels: Sequence[Label] | None = None,
    zero_division: float = 0.0,
) -> float | npt.NDArray[np.float64]:
    """The fraction of true labels that were predicted. Arguments as for :func:`average_over_labels`.

    >>> recall([1, 1, 0], [1, 0, 0])
    1.0
    """
    counts = PairCounts.of(predictions, references)
    return average_over_labels(
        _recall, counts, average=average, pos_label=pos_label, labels=labels, zero_division=zero_division
    )


class _Accumulator:
    """A score over batches; keywords as for :func:`average_over_labels`."""

    _name: str
    _score: Score

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._counts = PairCounts()

    def add_batch(self, *, predictions: Any, references: Any) -> None:
        """Add a batch of labels."""
        self._counts.add(predictions, references)

    def compute(self) -> dict[str, float | npt.NDArray[np.float64]]:
        """The score under its name, over all batches so far; the accumulator is empty again afterwards."""
        counts, self._counts = self._counts, PairCounts()
        return {self._name: average_over_labels(type(self)._score, counts, **self._options)}


class Precision(_Accumulator):
    """:func:`precision` over batches."""

    _name = "precision"
    _score = staticmethod(_precision)


class Recall(_Accumulator):
    """:func:`recall` over batches."""

    _name = "recall"
    _score = staticmethod(_recall)
