"""What people see while a model trains: a progress bar, and a table with a line for each evaluation."""

from __future__ import annotations

from typing import Any

from dure.progress import bar
from dure.training.arguments import TrainingArguments
from dure.training.callbacks.base import TrainerCallback
from dure.training.state import TrainerControl, TrainerState

__all__ = ["ReportCallback"]

_WIDTH = 15
#: Times and rates are in the log; in the table they would only crowd out what matters.
_HIDDEN = ("runtime", "samples_per_second", "steps_per_second")


class ReportCallback(TrainerCallback):
    """Shows a bar on standard error where there is a terminal, and the table on standard output."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._columns: list[str] = []
        self._training_loss: float | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any
    ) -> None:
        """Open the bar."""
        del control, facts
        self._columns, self._training_loss = [], None
        self._bar = bar(total=state.max_steps, description="training", unit="step", is_disabled=args.disable_tqdm)
        self._bar.update(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any) -> None:
        """Move the bar."""
        del args, control, facts
        self._bar.update(state.global_step - self._bar.n)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any) -> None:
        """Remember the loss for the table, and show it at the bar."""
        del control
        logs = facts.get("logs", {})
        if "loss" not in logs or self._bar is None:
            return
        self._training_loss = logs["loss"]
        self._bar.set_postfix(loss=f"{logs['loss']:.4f}")
        if args.eval_strategy == "no" and not args.disable_tqdm:
            self._line({"Step": str(state.global_step), "Training Loss": f"{logs['loss']:.4f}"})

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any) -> None:
        """Add a line to the table."""
        del control
        if self._bar is None or args.disable_tqdm:
            return
        first = {"Epoch": f"{state.epoch:g}"} if args.eval_strategy == "epoch" else {"Step": str(state.global_step)}
        loss = "No log" if self._training_loss is None else f"{self._training_loss:.4f}"
        cells = {**first, "Training Loss": loss}
        for name, value in facts.get("metrics", {}).items():
            title = name.removeprefix("eval_")
            if title.endswith(_HIDDEN) or title == "epoch":
                continue
            title = "Validation Loss" if title == "loss" else title.replace("_", " ").title()
            cells[title] = f"{value:.4f}" if isinstance(value, float) else str(value)
        self._line(cells)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any) -> None:
        """Close the bar."""
        del args, state, control, facts
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _line(self, cells: dict[str, str]) -> None:
        """Print a line, and the header before the first one or where columns changed."""
        if list(cells) != self._columns:
            self._columns = list(cells)
            self._print("".join(title.rjust(max(_WIDTH, len(title) + 2)) for title in self._columns))
        self._print("".join(cells[title].rjust(max(_WIDTH, len(title) + 2)) for title in self._columns))

    def _print(self, text: str) -> None:
        """Print above the bar, not into it."""
        self._bar.clear()
        print(text, flush=True)
        self._bar.refresh()
