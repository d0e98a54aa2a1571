"""TrainerCallback: the events of a run."""

from __future__ import annotations

from typing import Any

from dure.training.arguments import TrainingArguments
from dure.training.state import TrainerControl, TrainerState

__all__ = ["Callbacks", "TrainerCallback"]

EVENTS = (
    "on_init_end",
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_step_begin",
    "on_substep_end",
    "on_pre_optimizer_step",
    "on_optimizer_step",
    "on_step_end",
    "on_evaluate",
    "on_predict",
    "on_save",
    "on_log",
    "on_prediction_step",
)


class TrainerCallback:
    """Derive from it and define the events to hear: methods ``on_...(args, state, control, **kwargs)``.

    Events are ``on_init_end``, ``on_train_begin``, ``on_train_end``, ``on_epoch_begin``, ``on_epoch_end``,
    ``on_step_begin``, ``on_substep_end``, ``on_pre_optimizer_step``, ``on_optimizer_step``, ``on_step_end``,
    ``on_evaluate``, ``on_predict``, ``on_save``, ``on_log`` and ``on_prediction_step``. Keyword arguments are
    ``model``, ``processing_class``, ``optimizer``, ``lr_scheduler``, ``train_dataloader`` (the batches of the epoch),
    ``eval_dataloader``, and ``metrics`` or ``logs`` where there are any. Flags are set on ``control``.

    A callback with ``state()`` returns what it needs to go on; it comes back by ``load_state``.
    """

    def state(self) -> dict[str, Any]:
        """What a checkpoint should remember; JSON."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state` returned."""
        del state


class Callbacks:
    """Several callbacks, told one after another."""

    def __init__(self, callbacks: list[Any]) -> None:
        self.all = [callback() if isinstance(callback, type) else callback for callback in callbacks]

    def tell(
        self, event: str, args: TrainingArguments, state: TrainerState, control: TrainerControl, **facts: Any
    ) -> None:
        """Tell each callback that listens."""
        for callback in self.all:
            listener = getattr(callback, event, None)
            if listener is not None:
                listener(args, state, control, **facts)

    def hear(self, *events: str) -> bool:
        """Whether anybody listens to one of these."""
        return any(hasattr(callback, event) for callback in self.all for event in events)

    def states(self) -> dict[str, Any]:
        """What all of them want to remember, by the names of their classes."""
        saved = {type(c).__name__: c.state() for c in self.all if isinstance(c, TrainerCallback)}
        return {name: state for name, state in saved.items() if state}

    def load_states(self, states: dict[str, Any]) -> None:
        """Give them back what they wanted to remember."""
        for callback in self.all:
            if isinstance(callback, TrainerCallback) and type(callback).__name__ in states:
                callback.load_state(states[type(callback).__name__])
