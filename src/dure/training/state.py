"""Where a run is, and what its callbacks want next."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from dure.errors import TrainingError
from dure.hub.commit import write_json
from dure.training.arguments import TrainingArguments
from dure.typing import PathLike

__all__ = ["Plan", "TrainerControl", "TrainerState"]


@dataclasses.dataclass
class TrainerState:
    """Where a run is; saved with each checkpoint as trainer_state.json, which transformers reads too.

    Attributes:
        epoch: Epochs done, with a fraction within one.
        global_step: Steps of the optimizer done.
        max_steps: Steps of the whole run.
        logging_steps: Steps between logs.
        eval_steps: Steps between evaluations.
        save_steps: Steps between checkpoints.
        train_batch_size: Examples in a batch.
        num_train_epochs: Epochs of the whole run, rounded up.
        num_input_tokens_seen: Tokens trained on.
        total_flos: Floating-point operations of all steps, by the rule 6 x tokens x weights.
        log_history: Everything that was logged.
        best_metric: The best value of the metric that decides.
        best_global_step: The step that had it.
        best_model_checkpoint: The checkpoint of that step.
        is_local_process_zero: Whether this process reports for its machine.
        is_world_process_zero: Whether this process reports for all.
        is_hyper_param_search: Kept for transformers.
        trial_name: Kept for transformers.
        trial_params: Kept for transformers.
        stateful_callbacks: What callbacks need to go on.
    """

    epoch: float = 0.0
    global_step: int = 0
    max_steps: int = 0
    logging_steps: int = 500
    eval_steps: int = 500
    save_steps: int = 500
    train_batch_size: int | None = None
    num_train_epochs: int = 0
    num_input_tokens_seen: int = 0
    total_flos: float = 0
    log_history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    best_metric: float | None = None
    best_global_step: int | None = None
    best_model_checkpoint: str | None = None
    is_local_process_zero: bool = True
    is_world_process_zero: bool = True
    is_hyper_param_search: bool = False
    trial_name: str | None = None
    trial_params: dict[str, Any] | None = None
    stateful_callbacks: dict[str, Any] = dataclasses.field(default_factory=dict)

    def save_to_json(self, json_path: PathLike) -> None:
        """Write the state."""
        write_json(json_path, dataclasses.asdict(self))

    @classmethod
    def load_from_json(cls, json_path: PathLike) -> TrainerState:
        """Read a state; fields of other versions are passed over.

        Raises:
            TrainingError: The file isn't one.
        """
        try:
            with open(json_path, encoding="utf-8") as file:  # noqa: PTH123 - any kind of path
                fields = json.load(file)
            known = {field.name for field in dataclasses.fields(cls)}
            return cls(**{name: value for name, value in fields.items() if name in known})
        except (ValueError, AttributeError) as error:
            raise TrainingError(f"{json_path} isn't the state of a run: {error}; choose another checkpoint") from error


@dataclasses.dataclass
class TrainerControl:
    """What should happen next; callbacks set the flags, the loop obeys and clears them."""

    should_training_stop: bool = False
    should_epoch_stop: bool = False
    should_save: bool = False
    should_evaluate: bool = False
    should_log: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many steps there will be.

    Attributes:
        batches_per_epoch: Batches of an epoch.
        steps_per_epoch: Steps of the optimizer in an epoch.
        max_steps: Steps of the whole run.
        num_epochs: Epochs begun.
    """

    batches_per_epoch: int
    steps_per_epoch: int
    max_steps: int
    num_epochs: int

    @classmethod
    def make(cls, args: TrainingArguments, num_examples: int) -> Plan:
        """From the arguments and the size of the data set.

        Raises:
            TrainingError: Not even one batch.
        """
        size = args.per_device_train_batch_size
        batches = num_examples // size if args.dataloader_drop_last else math.ceil(num_examples / size)
        if batches == 0:
            raise TrainingError(
                f"{num_examples} examples don't fill a batch of {size}, and dataloader_drop_last leaves out the rest"
            )
        steps = math.ceil(batches / args.gradient_accumulation_steps)
        most = args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * steps)
        return cls(batches, steps, most, math.ceil(most / steps))

    def every(self, steps: float | None) -> int:
        """A number of steps, of which numbers below 1 are a share of all."""
        if steps is None:
            return self.max_steps
        return math.ceil(self.max_steps * steps) if steps < 1 else int(steps)
