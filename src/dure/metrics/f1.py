"""F1: the harmonic mean of precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dure.metrics.counts import Label, PairCounts, ratio
from dure.metrics.precision_recall import Average, _Accumulator, average_over_labels

__all__ = ["F1", "f1"]


def _f1(
    right: npt.NDArray[Any], predicted: npt.NDArray[Any], actual: npt.NDArray[Any], zero_division: float
) -> npt.NDArray[np.float64]:
    # 2PR / (P + R) with the divisions carried out: 2 right / (predicted + actual).
    return ratio(2 * right, predicted + actual, zero_division=zero_division)


def f1(
    predictions: Any,
    references: Any,
    *,
    average: Average | None = "binary",
    pos_label: Label = 1,
    labels: Sequence[Label] | None = None,
    zero_division: float = 0.0,
) -> float | npt.NDArray[np.float64]:
    """The harmonic mean of precision and recall.

    Args:
        predictions: One label per example, ``(examples,)``.
        references: The true labels, ``(examples,)``.
        average: See :func:`dure.metrics.precision_recall.average_over_labels`.
        pos_label: The positive label of ``average="binary"``.
        labels: Which labels count; all that were seen where None.
        zero_division: The score of a label that was neither predicted nor there.

    Raises:
        InputError: The two differ in number, or the average doesn't fit the labels.

    >>> f1([1, 1, 0], [1, 0, 0])
    0.6666666666666666
    """
    counts = PairCounts.of(predictions, references)
    return average_over_labels(
        _f1, counts, average=average, pos_label=pos_label, labels=labels, zero_division=zero_division
    )


class F1(_Accumulator):
    """:func:`f1` over batches."""

    _name = "f1"
    _score = staticmethod(_f1)
