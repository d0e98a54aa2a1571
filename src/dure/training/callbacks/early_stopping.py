"""Stop when it doesn't get better any more."""

from __future__ import annotations

from typing import Any

from dure.errors import InputError
from dure.training.arguments import TrainingArguments
from dure.training.callbacks.base import TrainerCallback
from dure.training.state import TrainerControl, TrainerState

__all__ = ["EarlyStoppingCallback"]


class EarlyStoppingCallback(TrainerCallback):
    """Stops a run after some evaluations without a better value of ``metric_for_best_model``.

    Args:
        early_stopping_patience: How many such evaluations to bear.
        early_stopping_threshold: By how much better counts as better.
    """

    def __init__(self, early_stopping_patience: int = 1, early_stopping_threshold: float = 0.0) -> None:
        self.early_stopping_patience = early_stopping_patience
        self.early_stopping_threshold = early_stopping_threshold
        self.early_stopping_patience_counter = 0
        self.best: float | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any
    ) -> None:
        """Check that there is something to go by."""
        del state, control, facts
        if args.metric_for_best_model is None or args.eval_strategy == "no":
            raise InputError("EarlyStoppingCallback needs metric_for_best_model and eval_strategy='epoch' or 'steps'")

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any) -> None:
        """Count evaluations that weren't better."""
        del state
        name = f"eval_{(args.metric_for_best_model or 'loss').removeprefix('eval_')}"
        metrics = facts.get("metrics", {})
        if name not in metrics:
            raise InputError(f"EarlyStoppingCallback: metric {name!r} wasn't computed; there are {', '.join(metrics)}")
        value = metrics[name]
        sign = 1 if args.greater_is_better else -1
        if self.best is None or sign * (value - self.best) > self.early_stopping_threshold:
            self.best, self.early_stopping_patience_counter = value, 0
        else:
            self.early_stopping_patience_counter += 1
        if self.early_stopping_patience_counter >= self.early_stopping_patience:
            control.should_training_stop = True

    def state(self) -> dict[str, Any]:
        """The count and the best value so far."""
        return {"best": self.best, "early_stopping_patience_counter": self.early_stopping_patience_counter}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take them back."""
        self.best = state.get("best")
        self.early_stopping_patience_counter = state.get("early_stopping_patience_counter", 0)
