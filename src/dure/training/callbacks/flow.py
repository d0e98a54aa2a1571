"""When to log, to evaluate and to save, as the arguments say."""

from __future__ import annotations

from typing import Any

from dure.training.arguments import TrainingArguments
from dure.training.callbacks.base import TrainerCallback
from dure.training.state import TrainerControl, TrainerState

__all__ = ["FlowCallback"]


class FlowCallback(TrainerCallback):
    """Sets the flags that the strategies ask for."""

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any) -> None:
        """Strategies that count steps."""
        del facts
        step = state.global_step
        control.should_log |= args.logging_strategy == "steps" and step % state.logging_steps == 0
        control.should_log |= args.logging_first_step and step == 1
        is_due = args.eval_strategy == "steps" and step % state.eval_steps == 0
        control.should_evaluate |= is_due and step >= args.eval_delay
        control.should_save |= args.save_strategy == "steps" and step % state.save_steps == 0
        if step >= state.max_steps:
            control.should_training_stop = True
            # The last weights are saved whatever the interval says.
            control.should_save |= args.save_strategy == "steps"

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any) -> None:
        """Strategies that count epochs."""
        del facts
        control.should_log |= args.logging_strategy == "epoch"
        control.should_evaluate |= args.eval_strategy == "epoch" and state.epoch >= args.eval_delay
        control.should_save |= args.save_strategy == "epoch"
