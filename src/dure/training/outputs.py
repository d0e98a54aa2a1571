"""What training, evaluation and prediction hand out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["EvalPrediction", "PredictionOutput", "TrainOutput"]


class EvalPrediction:
    """What ``compute_metrics`` gets; also unpacks into ``predictions, label_ids``.

    Attributes:
        predictions: The model's logits as NumPy array ``(num_examples, ...)``, or a tuple of them.
        label_ids: The labels as NumPy array ``(num_examples, ...)``, or a tuple of them.
        inputs: The main input, where ``include_for_metrics`` names "inputs".
    """

    def __init__(self, predictions: Any, label_ids: Any, inputs: Any = None) -> None:
        self.predictions = predictions
        self.label_ids = label_ids
        self.inputs = inputs

    def _parts(self) -> tuple[Any, ...]:
        parts = (self.predictions, self.label_ids)
        return parts if self.inputs is None else (*parts, self.inputs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parts())

    def __getitem__(self, index: int) -> Any:
        return self._parts()[index]


class TrainOutput(NamedTuple):
    """What ``Trainer.train`` returns: steps taken, mean training loss, and times and rates."""

    global_step: int
    training_loss: float
    metrics: dict[str, float]


class PredictionOutput(NamedTuple):
    """What ``Trainer.predict`` returns, in the order of the data set."""

    predictions: Any
    label_ids: Any
    metrics: dict[str, float] | None
