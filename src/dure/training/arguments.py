"""TrainingArguments: everything about a training run that isn't the model or the data."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dure.errors import InputError

__all__ = ["RENAMED", "TrainingArguments"]

#: Old names of arguments: today's name, and the version of transformers that renamed them.
RENAMED = {
    "evaluation_strategy": ("eval_strategy", "4.41"),
    "no_cuda": ("use_cpu", "4.34"),
    "per_gpu_train_batch_size": ("per_device_train_batch_size", "3.1"),
    "per_gpu_eval_batch_size": ("per_device_eval_batch_size", "3.1"),
}

_STRATEGIES = ("no", "steps", "epoch")
_OPTIMIZERS = ("adamw_torch", "adamw_torch_fused", "sgd")


def _takes_old_names(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that knows the old names too, and says what was probably meant by an unknown one."""

    @functools.wraps(init)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        for old, (new, _) in RENAMED.items():
            if old in kwargs:
                kwargs.setdefault(new, kwargs.pop(old))
        known = [field.name for field in dataclasses.fields(self)]
        for name in kwargs:
            if name not in known:
                near = difflib.get_close_matches(name, known, 3)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise InputError(f"TrainingArguments has no argument {name!r}{hint}")
        init(self, *args, **kwargs)

    return wrapped


@dataclasses.dataclass
class TrainingArguments:
    """Names and defaults are those of transformers, but for ``group_by_length``, which is on.

    Attributes:
        output_dir: Where checkpoints go.
        eval_strategy: When to evaluate: "no", "steps" (every ``eval_steps``) or "epoch".
        per_device_train_batch_size: Examples in a batch.
        per_device_eval_batch_size: Examples in a batch of an evaluation.
        gradient_accumulation_steps: Batches whose gradients make one step of the optimizer.
        eval_delay: Epochs or steps to wait for the first evaluation.
        learning_rate: The highest one; ``lr_scheduler_type`` says how it changes.
        weight_decay: Decoupled decay of matrices and tables; biases and norms are spared.
        adam_beta1: AdamW's decay of the mean.
        adam_beta2: AdamW's decay of the variance.
        adam_epsilon: AdamW's guard against division by zero.
        max_grad_norm: The gradient's norm is clipped to it; 0 turns that off.
        num_train_epochs: Passes over the training data; may be a fraction.
        max_steps: Steps of the optimizer; overrides ``num_train_epochs`` where positive.
        lr_scheduler_type: A name that :func:`~dure.training.schedules.get_scheduler` knows.
        lr_scheduler_kwargs: More arguments of the schedule.
        warmup_ratio: Share of the steps in which the learning rate rises from 0.
        warmup_steps: The same as a number of steps; it wins where both are given.
        logging_strategy: When to log: "no", "steps" or "epoch".
        logging_first_step: Log the first step too.
        logging_steps: Steps between logs; below 1, a share of all steps.
        save_strategy: When to save a checkpoint: "no", "steps", "epoch" or "best".
        save_steps: Steps between checkpoints; below 1, a share of all steps.
        save_total_limit: How many checkpoints to keep; the best one always stays.
        save_only_model: Save no optimizer; training can't go on from there.
        use_cpu: Stay on the CPU even where there is an accelerator.
        seed: Seeds new weights, dropout, and the order of the data.
        data_seed: Seeds the order of the data alone.
        bf16: Compute in bfloat16 where torch's autocast says that it is safe; changes the numbers.
        eval_steps: Steps between evaluations, ``logging_steps`` by default; below 1, a share of all steps.
        dataloader_drop_last: Leave out a last batch that isn't full.
        disable_tqdm: Show neither progress bars nor the table.
        remove_unused_columns: Ignore the columns that the model doesn't take.
        label_names: Which columns are labels; by default "labels", or start and end positions.
        load_best_model_at_end: Go back to the best checkpoint when training ends.
        metric_for_best_model: The metric that says which is best; the loss by default.
        greater_is_better: Whether more of it is better; by default true unless its name ends in "loss".
        label_smoothing_factor: Share of the target that is spread over all classes.
        optim: "adamw_torch_fused", "adamw_torch" or "sgd".
        group_by_length: Put examples of about the same length into a batch, so that little is padded.
        length_column_name: A column that holds lengths, where there is one.
        eval_on_start: Evaluate before the first step.
        resume_from_checkpoint: A checkpoint to go on from; an argument of ``Trainer.train`` wins.
        do_train: Kept for scripts that ask for it; not read.
        do_eval: Kept for scripts that ask for it; not read.
        do_predict: Kept for scripts that ask for it; not read.
        overwrite_output_dir: Kept for scripts that pass it; checkpoints are replaced one by one.
        report_to: "none"; other services are callbacks.
        run_name: A name for the run.
        dataloader_num_workers: Accepted; batches are made in this process.
        dataloader_pin_memory: Accepted.
        include_for_metrics: May name "inputs", for ``EvalPrediction.inputs``.
        gradient_checkpointing: Compute each block's inside again for its gradient, in place of keeping it.
        gradient_checkpointing_kwargs: Accepted; the way is that of ``use_reentrant=False``, and the numbers are equal.
    """

    output_dir: str = "trainer_output"
    overwrite_output_dir: bool = False
    do_train: bool = False
    do_eval: bool = False
    do_predict: bool = False
    eval_strategy: str = "no"
    per_device_train_batch_size: int = 8
    per_device_eval_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    eval_delay: float = 0
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    num_train_epochs: float = 3.0
    max_steps: int = -1
    lr_scheduler_type: str = "linear"
    lr_scheduler_kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)
    warmup_ratio: float = 0.0
    warmup_steps: int = 0
    logging_strategy: str = "steps"
    logging_first_step: bool = False
    logging_steps: float = 500
    save_strategy: str = "steps"
    save_steps: float = 500
    save_total_limit: int | None = None
    save_only_model: bool = False
    use_cpu: bool = False
    seed: int = 42
    data_seed: int | None = None
    bf16: bool = False
    eval_steps: float | None = None
    dataloader_drop_last: bool = False
    dataloader_num_workers: int = 0
    dataloader_pin_memory: bool = True
    run_name: str | None = None
    disable_tqdm: bool = False
    remove_unused_columns: bool = True
    label_names: list[str] | None = None
    load_best_model_at_end: bool = False
    metric_for_best_model: str | None = None
    greater_is_better: bool | None = None
    label_smoothing_factor: float = 0.0
    optim: str = "adamw_torch_fused"
    group_by_length: bool = True
    length_column_name: str = "length"
    report_to: str | list[str] = "none"
    resume_from_checkpoint: str | bool | None = None
    include_for_metrics: list[str] = dataclasses.field(default_factory=list)
    eval_on_start: bool = False
    gradient_checkpointing: bool = False
    gradient_checkpointing_kwargs: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check what was given, and fill in what follows from it."""
        self.output_dir = str(Path(self.output_dir).expanduser())
        self._check_choices()
        self._check_numbers()
        if self.eval_strategy == "steps" and self.eval_steps is None:
            self.eval_steps = self.logging_steps
        if self.load_best_model_at_end or self.save_strategy == "best":
            self._check_best()
        if self.metric_for_best_model is not None and self.greater_is_better is None:
            self.greater_is_better = not self.metric_for_best_model.endswith("loss")

    def _check_choices(self) -> None:
        choices = {
            "eval_strategy": _STRATEGIES,
            "logging_strategy": _STRATEGIES,
            "save_strategy": (*_STRATEGIES, "best"),
            "optim": _OPTIMIZERS,
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            value = str(getattr(value, "value", value))  # transformers' enumerations are strings too
            if value not in allowed:
                raise InputError(f"{name}={value!r} must be one of {', '.join(allowed)}")
            setattr(self, name, value)
        services = [self.report_to] if isinstance(self.report_to, str) else list(self.report_to)
        if any(service not in ("none", "all") for service in services):
            raise InputError(f"report_to={self.report_to!r}: only 'none' is known; pass a callback for other services")

    def _check_numbers(self) -> None:
        positive = ["per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"]
        positive += ["logging_steps", "save_steps", *(["eval_steps"] if self.eval_steps is not None else [])]
        for name in positive:
            if not getattr(self, name) > 0:
                raise InputError(f"{name}={getattr(self, name)!r} must be more than 0")
        for name in ("learning_rate", "weight_decay", "warmup_steps", "max_grad_norm", "label_smoothing_factor"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name}={getattr(self, name)!r} must not be negative")
        if not 0 <= self.warmup_ratio <= 1:
            raise InputError(f"warmup_ratio={self.warmup_ratio!r} must lie between 0 and 1")
        if self.max_steps <= 0 and not self.num_train_epochs > 0:
            raise InputError(f"num_train_epochs={self.num_train_epochs!r} must be more than 0, or give max_steps")
        if self.save_total_limit is not None and self.save_total_limit < 1:
            raise InputError(f"save_total_limit={self.save_total_limit!r} must be at least 1, or None for all")

    def _check_best(self) -> None:
        """What is best is known only where evaluating and saving go together."""
        if self.metric_for_best_model is None:
            self.metric_for_best_model = "loss"
        if self.eval_strategy == "no":
            raise InputError("load_best_model_at_end and save_strategy='best' need eval_strategy='epoch' or 'steps'")
        if self.save_strategy not in ("best", self.eval_strategy):
            raise InputError(
                f"load_best_model_at_end needs save_strategy={self.eval_strategy!r} (or 'best'), as eval_strategy is, "
                f"not {self.save_strategy!r}"
            )
        if self.save_strategy == "steps" and self.eval_steps and self.save_steps % self.eval_steps:
            raise InputError(
                f"load_best_model_at_end needs save_steps={self.save_steps} to be a multiple of "
                f"eval_steps={self.eval_steps}"
            )

    @property
    def device(self) -> torch.device:
        """Where training runs: the first accelerator, or the CPU."""
        return torch.device("cuda" if torch.cuda.is_available() and not self.use_cpu else "cpu")

    @property
    def train_batch_size(self) -> int:
        """Examples in a batch."""
        return self.per_device_train_batch_size

    @property
    def eval_batch_size(self) -> int:
        """Examples in a batch of an evaluation."""
        return self.per_device_eval_batch_size

    def get_warmup_steps(self, num_training_steps: int) -> int:
        """In how many of all steps the learning rate rises."""
        return self.warmup_steps or -int(-num_training_steps * self.warmup_ratio // 1)

    def to_dict(self) -> dict[str, Any]:
        """All arguments, as JSON holds them."""
        return dataclasses.asdict(self)


TrainingArguments.__init__ = _takes_old_names(TrainingArguments.__init__)  # type: ignore[method-assign]
