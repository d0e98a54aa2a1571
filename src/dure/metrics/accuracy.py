"""Accuracy: the fraction of predictions that are right."""

from __future__ import annotations

from typing import Any

from dure.errors import InputError
from dure.metrics.counts import PairCounts

__all__ = ["Accuracy", "accuracy"]


def accuracy(predictions: Any, references: Any) -> float:
    """The fraction of predictions that equal their reference.

    Args:
        predictions: One label per example, ``(examples,)``.
        references: The true labels, ``(examples,)``.

    Raises:
        InputError: There are no examples, or the two differ in number.

    >>> accuracy([0, 1, 1, 0], [0, 1, 0, 0])
    0.75
    """
    return _from_counts(PairCounts.of(predictions, references))


class Accuracy:
    """:func:`accuracy` over batches."""

    def __init__(self) -> None:
        self._counts = PairCounts()

    def add_batch(self, *, predictions: Any, references: Any) -> None:
        """Add a batch of labels."""
        self._counts.add(predictions, references)

    def compute(self) -> dict[str, float]:
        """``{"accuracy": ...}`` over all batches so far; the accumulator is empty again afterwards."""
        counts, self._counts = self._counts, PairCounts()
        return {"accuracy": _from_counts(counts)}


def _from_counts(counts: PairCounts) -> float:
    if counts.total == 0:
        raise InputError("Accuracy of 0 examples isn't defined; add predictions and references first.")
    return counts.num_correct / counts.total
