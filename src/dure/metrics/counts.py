"""How often each label was predicted for each label: what every metric here is computed from."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dure.errors import InputError

__all__ = ["Label", "PairCounts", "ratio", "to_labels"]

#: A class as data sets name it: a number or a string.
Label = Hashable


def to_labels(values: Any, *, name: str) -> npt.NDArray[Any]:
    """One-dimensional array of labels from a list, an array, or a tensor on any device.

    Args:
        values: The labels.
        name: What the argument is called, for the error.

    Raises:
        InputError: The labels have more than one axis (logits, most likely).
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(
            f"{name} has shape {array.shape}; a metric takes one label per example. For logits of shape "
            "(examples, classes), pass logits.argmax(-1)."
        )
    return array


class PairCounts:
    """Counts of (reference, prediction) pairs, added up over any number of batches."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Label, Label], int] = {}

    @classmethod
    def of(cls, predictions: Any, references: Any) -> PairCounts:
        """Counts of one set of predictions."""
        counts = cls()
        counts.add(predictions, references)
        return counts

    def add(self, predictions: Any, references: Any) -> None:
        """Add a batch of predictions and the references they should have been.

        Raises:
            InputError: They differ in number, or aren't one label per example.
        """
        predicted = to_labels(predictions, name="predictions")
        actual = to_labels(references, name="references")
        if len(predicted) != len(actual):
            raise InputError(
                f"There are {len(predicted)} predictions but {len(actual)} references; pass one prediction for each."
            )
        if not len(actual):
            return
        # One integer per pair, so that a single bincount does the counting.
        predicted_names, predicted_ids = np.unique(predicted, return_inverse=True)
        actual_names, actual_ids = np.unique(actual, return_inverse=True)
        found = np.bincount(actual_ids * len(predicted_names) + predicted_ids)
        for cell in np.flatnonzero(found):
            pair = (
                actual_names[cell // len(predicted_names)].item(),
                predicted_names[cell % len(predicted_names)].item(),
            )
            self._counts[pair] = self._counts.get(pair, 0) + int(found[cell])

    @property
    def total(self) -> int:
        """Number of examples counted."""
        return sum(self._counts.values())

    @property
    def num_correct(self) -> int:
        """Number of examples whose prediction is the reference."""
        return sum(count for (actual, predicted), count in self._counts.items() if actual == predicted)

    def labels(self) -> list[Label]:
        """Every label seen as a prediction or a reference, sorted."""
        seen = {label for pair in self._counts for label in pair}
        try:
            return sorted(seen)  # type: ignore[type-var]
        except TypeError:
            kinds = sorted({type(label).__name__ for label in seen})
            raise InputError(
                f"Predictions and references mix labels of the types {', '.join(kinds)}; use one type for all."
            ) from None

    def matrix(self, labels: Sequence[Label] | None = None) -> npt.NDArray[np.int64]:
        """Counts as ``(references, predictions)``.

        Args:
            labels: Which labels, in which order; the labels seen where None. Pairs with other labels aren't counted.
        """
        chosen = list(self.labels() if labels is None else labels)
        position = {label: place for place, label in enumerate(chosen)}
        matrix = np.zeros((len(chosen), len(chosen)), dtype=np.int64)
        for (actual, predicted), count in self._counts.items():
            if actual in position and predicted in position:
                matrix[position[actual], position[predicted]] = count
        return matrix

    def outcomes(self, labels: Iterable[Label]) -> npt.NDArray[np.int64]:
        """Per label: how often it was right, predicted, and the reference, as ``(labels, 3)``."""
        chosen = list(labels)
        position = {label: place for place, label in enumerate(chosen)}
        rows = np.zeros((len(chosen), 3), dtype=np.int64)
        for (actual, predicted), count in self._counts.items():
            if actual == predicted and actual in position:
                rows[position[actual], 0] += count
            if predicted in position:
                rows[position[predicted], 1] += count
            if actual in position:
                rows[position[actual], 2] += count
        return rows


def ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any], *, zero_division: float = 0.0) -> npt.NDArray[np.float64]:
    """``part / whole``, and ``zero_division`` where the whole is nothing."""
    whole = np.asarray(whole, dtype=np.float64)
    filled = np.full(whole.shape, zero_division, dtype=np.float64)
    np.divide(part, whole, out=filled, where=whole != 0)
    return filled
