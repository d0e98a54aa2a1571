"""The confusion matrix: which label was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dure.errors import InputError
from dure.metrics.counts import Label, PairCounts

__all__ = ["Confusion", "confusion_matrix", "confusion_table"]


def confusion_matrix(
    predictions: Any, references: Any, *, labels: Sequence[Label] | None = None
) -> npt.NDArray[np.int64]:
    """How often each reference (row) was predicted as each label (column), ``(labels, labels)``.

    Args:
        predictions: One label per example, ``(examples,)``.
        references: The true labels, ``(examples,)``.
        labels: Which labels, in which order; all that were seen, sorted, where None.

    >>> confusion_matrix([0, 1, 1], [0, 0, 1]).tolist()
    [[1, 1], [0, 1]]
    """
    return PairCounts.of(predictions, references).matrix(labels)


class Confusion:
    """:func:`confusion_matrix` over batches."""

    def __init__(self, *, labels: Sequence[Label] | None = None) -> None:
        self._labels = labels
        self._counts = PairCounts()

    def add_batch(self, *, predictions: Any, references: Any) -> None:
        """Add a batch of labels."""
        self._counts.add(predictions, references)

    def compute(self) -> dict[str, npt.NDArray[np.int64]]:
        """``{"confusion_matrix": ...}`` over all batches so far; the accumulator is empty again afterwards."""
        counts, self._counts = self._counts, PairCounts()
        return {"confusion_matrix": counts.matrix(self._labels)}


def confusion_table(matrix: npt.NDArray[np.int64], names: Sequence[str]) -> str:
    """A confusion matrix as text: rows are the true labels, columns what was predicted; zeros are dots.

    Args:
        matrix: Counts, ``(labels, labels)``.
        names: The name of each label.

    Raises:
        InputError: The matrix doesn't have a row and a column per name.
    """
    if matrix.shape != (len(names), len(names)):
        raise InputError(f"A matrix of shape {matrix.shape} doesn't fit {len(names)} names.")
    corner = "true \\ predicted"
    side = max([len(corner), *(len(name) for name in names)])
    lines = [" ".join([f"{corner:<{side}}", *(f"{name:>4}" for name in names)])]
    for name, row in zip(names, matrix, strict=True):
        cells = [f"{count or '·':>{max(len(column), 4)}}" for column, count in zip(names, row.tolist(), strict=True)]
        lines.append(" ".join([f"{name:<{side}}", *cells]))
    return "\n".join(lines)
