"""Trainer: fine-tune a model on a data set. The loop is :meth:`Trainer._loop`; the rest prepares it."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dure.datasets.collators import DataCollatorWithPadding, default_data_collator
from dure.errors import InputError, TrainingError
from dure.hub.commit import atomic_folder, write_json
from dure.layers.embedding import keep_gradients
from dure.training.arguments import TrainingArguments
from dure.training.batching import Examples, accepted_columns, training_batches
from dure.training.callbacks.base import Callbacks
from dure.training.callbacks.flow import FlowCallback
from dure.training.callbacks.report import ReportCallback
from dure.training.checkpoint import STATE_FILE, last_checkpoint, load_progress, remove_old, save_checkpoint
from dure.training.evaluation import Predictions, predict_all
from dure.training.memory import gather_parameters, keep_freed_memory
from dure.training.optimizers import create_optimizer
from dure.training.outputs import EvalPrediction, PredictionOutput, TrainOutput
from dure.training.schedules import get_scheduler
from dure.training.seed import set_seed
from dure.training.state import Plan, TrainerControl, TrainerState
from dure.training.step import smoothed_loss, train_step
from dure.typing import PathLike

__all__ = ["Trainer"]


class Trainer:
    """Trains, evaluates and predicts with a model.

    Args:
        model: The model, whose ``forward`` returns a loss when it gets labels.
        args: Everything else about the run.
        data_collator: Makes a batch out of rows; by default pads them where there is a tokenizer.
        train_dataset: Rows with the columns that the model takes.
        eval_dataset: The same for evaluation, or a dictionary of several.
        processing_class: The tokenizer; it is saved with the model.
        model_init: Makes a new model at the start of each training, in place of ``model``.
        compute_loss_func: ``(outputs, labels)`` to the loss, in place of the model's own.
        compute_metrics: :class:`EvalPrediction` to a dictionary of metrics.
        callbacks: More callbacks.
        optimizers: An optimizer and a schedule to use in place of those that the arguments ask for.
        preprocess_logits_for_metrics: ``(logits, labels)`` to what predictions keep of the logits.
        tokenizer: The older name of ``processing_class``.

    Raises:
        InputError: No model, or arguments that exclude each other.
    """

    def __init__(
        self,
        model: Any = None,
        args: TrainingArguments | None = None,
        data_collator: Callable[[list[Any]], Any] | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        model_init: Callable[[], nn.Module] | None = None,
        compute_loss_func: Callable[..., Tensor] | None = None,
        compute_metrics: Callable[[EvalPrediction], dict[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        optimizers: tuple[Any, Any] = (None, None),
        preprocess_logits_for_metrics: Callable[[Any, Any], Any] | None = None,
        *,
        tokenizer: Any = None,
    ) -> None:
        if (model is None) == (model_init is None):
            raise InputError("Trainer needs either model or model_init")
        self.args = args or TrainingArguments()
        # Before model_init: weights that are drawn at random follow the seed.
        set_seed(self.args.seed)
        self.model_init = model_init
        self.model: Any = model if model_init is None else model_init()
        self.processing_class = processing_class if processing_class is not None else tokenizer
        pads = data_collator is None and hasattr(self.processing_class, "pad")
        self.data_collator = data_collator or (
            DataCollatorWithPadding(self.processing_class) if pads else default_data_collator
        )
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset
        self.compute_loss_func, self.compute_metrics = compute_loss_func, compute_metrics
        self.preprocess_logits_for_metrics = preprocess_logits_for_metrics
        self.optimizer, self.lr_scheduler = optimizers
        self.label_names = self.args.label_names or _label_names(self.model)
        self.model.to(self.args.device)
        self.callbacks = Callbacks([FlowCallback, ReportCallback, *(callbacks or [])])
        self.state, self.control = TrainerState(), TrainerControl()
        self._loss_since_log, self._total_loss, self._last_log = 0.0, 0.0, 0
        self._grad_norm, self._learning_rate = 0.0, self.args.learning_rate
        self._tell("on_init_end")

    # --- training -----------------------------------------------------------------------------------------------

    def train(self, resume_from_checkpoint: PathLike | bool | None = None) -> TrainOutput:
        """Train the model.

        Args:
            resume_from_checkpoint: A checkpoint's folder to go on from, or True for the newest in ``output_dir``. The
                result is the same, bit by bit, as if training had never stopped.

        Returns:
            Steps taken, the mean loss, and times and rates.

        Raises:
            TrainingError: There is nothing to train on or to go on from, or the loss isn't a number any more.
        """
        if self.train_dataset is None:
            raise TrainingError("Trainer.train needs train_dataset")
        set_seed(self.args.seed)
        if self.model_init is not None:
            self.model, self.optimizer, self.lr_scheduler = self.model_init().to(self.args.device), None, None
        if self.args.gradient_checkpointing:
            if not hasattr(self.model, "gradient_checkpointing_enable"):
                name = type(self.model).__name__
                raise TrainingError(f"gradient_checkpointing=True: {name} has no gradient_checkpointing_enable")
            self.model.gradient_checkpointing_enable(self.args.gradient_checkpointing_kwargs)
        gather_parameters(self.model)
        examples = self._examples(self.train_dataset)
        plan = Plan.make(self.args, len(examples))
        self._prepare(plan)
        source = resume_from_checkpoint or self.args.resume_from_checkpoint
        if source:
            self._resume(last_checkpoint(self.args.output_dir) if source is True else Path(str(source)), len(examples))
        first_step, started = self.state.global_step, time.perf_counter()
        keep_gradients(self.model)
        try:
            with keep_freed_memory():
                self._loop(examples, plan)
            self._log_end(started, first_step)
        finally:
            keep_gradients(self.model, is_kept=False)
            self.model.zero_grad()
            self._tell("on_train_end")
        if self.args.load_best_model_at_end and self.state.best_model_checkpoint:
            self._load_weights(Path(self.state.best_model_checkpoint))
        metrics = {**self.state.log_history[-1]}
        metrics.pop("step")
        return TrainOutput(self.state.global_step, metrics["train_loss"], metrics)

    def _loop(self, examples: Examples, plan: Plan) -> None:
        """The loop: epochs, steps, and what callbacks ask for in between."""
        args, state, control = self.args, self.state, self.control
        lengths = examples.lengths() if args.group_by_length else None
        seed = args.seed if args.data_seed is None else args.data_seed
        self._tell("on_train_begin")
        if args.eval_on_start:
            self.evaluate()
        epoch, first = divmod(state.global_step, plan.steps_per_epoch)
        while state.global_step < state.max_steps and not control.should_training_stop:
            batches = training_batches(
                len(examples), args.train_batch_size, seed, epoch, lengths=lengths, drop_last=args.dataloader_drop_last
            )
            if first == 0:
                self._tell("on_epoch_begin", train_dataloader=batches)
            for step in range(first, plan.steps_per_epoch):
                several = batches[step * args.gradient_accumulation_steps :][: args.gradient_accumulation_steps]
                self._tell("on_step_begin")
                self._step([examples.batch(rows) for rows in several])
                state.global_step += 1
                done = min((step + 1) * args.gradient_accumulation_steps, plan.batches_per_epoch)
                state.epoch = epoch + done / plan.batches_per_epoch
                self._tell("on_step_end")
                self._obey()
                if control.should_epoch_stop or control.should_training_stop:
                    break
            self._tell("on_epoch_end")
            self._obey()
            control.should_epoch_stop = False
            epoch, first = epoch + 1, 0

    def _step(self, batches: list[Any]) -> None:
        """One step of the optimizer, and what is counted about it."""
        self.model.train()
        self._learning_rate = self.lr_scheduler.get_last_lr()[0]
        result = train_step(
            self.model,
            batches,
            self.compute_loss,
            self.optimizer,
            self.lr_scheduler,
            self.args,
            tell=self._tell,
            are_gradients_read=self.callbacks.hear("on_pre_optimizer_step", "on_optimizer_step"),
        )
        self._loss_since_log += result.loss
        self._grad_norm = result.grad_norm
        self.state.num_input_tokens_seen += result.num_tokens
        # Kaplan et al., "Scaling Laws for Neural Language Models" (2020): two per weight forward, four backward.
        self.state.total_flos += 6.0 * result.num_tokens * self._num_weights

    def _obey(self) -> None:
        """Do what callbacks asked for."""
        control = self.control
        if control.should_log and self.state.global_step > self._last_log:
            steps = self.state.global_step - self._last_log
            self.log(
                {
                    "loss": round(self._loss_since_log / steps, 4),
                    "grad_norm": self._grad_norm,
                    "learning_rate": self._learning_rate,
                }
            )
            self._total_loss, self._loss_since_log = self._total_loss + self._loss_since_log, 0.0
            self._last_log = self.state.global_step
        if control.should_evaluate:
            metrics = self.evaluate()
            is_best = self._is_best(metrics)
            control.should_save |= is_best and self.args.save_strategy == "best"
        if control.should_save:
            self._save_checkpoint()
        control.should_log = control.should_evaluate = control.should_save = False

    def _prepare(self, plan: Plan) -> None:
        """A fresh state, optimizer and schedule."""
        args = self.args
        self.state = TrainerState(
            max_steps=plan.max_steps,
            logging_steps=plan.every(args.logging_steps),
            eval_steps=plan.every(args.eval_steps),
            save_steps=plan.every(args.save_steps),
            train_batch_size=args.train_batch_size,
            num_train_epochs=plan.num_epochs,
        )
        self.control = TrainerControl()
        self._loss_since_log, self._total_loss, self._last_log = 0.0, 0.0, 0
        tables = sum(m.weight.numel() for m in self.model.modules() if isinstance(m, nn.Embedding))
        self._num_weights = sum(p.numel() for p in self.model.parameters()) - tables
        if self.optimizer is None:
            self.optimizer = create_optimizer(self.model, args)
        if self.lr_scheduler is None:
            self.lr_scheduler = get_scheduler(
                args.lr_scheduler_type,
                self.optimizer,
                args.get_warmup_steps(plan.max_steps),
                plan.max_steps,
                args.lr_scheduler_kwargs,
            )

    def compute_loss(self, model: nn.Module, inputs: Any, return_outputs: bool = False) -> Any:
        """The loss of a batch; override it for a loss of your own.

        Args:
            model: The model.
            inputs: The batch, on the model's device.
            return_outputs: Return ``(loss, outputs)``.

        Raises:
            TrainingError: The model returns no loss, because the batch has no labels.
        """
        labels = inputs.get("labels")
        if self.compute_loss_func is not None:
            outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
            loss: Tensor | None = self.compute_loss_func(outputs, labels)
        else:
            outputs = model(**inputs)
            loss = outputs.get("loss")
            if loss is None:
                raise TrainingError(
                    f"the model returned no loss: a batch has {', '.join(inputs)}, but no labels; give the data set a "
                    f"column {' and '.join(repr(name) for name in self.label_names)}"
                )
            if self.args.label_smoothing_factor and labels is not None:
                loss = smoothed_loss(outputs["logits"], labels, self.args.label_smoothing_factor)
        return (loss, outputs) if return_outputs else loss

    # --- evaluation ---------------------------------------------------------------------------------------------

    def evaluate(self, eval_dataset: Any = None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """Loss and metrics on a data set.

        Args:
            eval_dataset: The data set, or a dictionary of several; by default the Trainer's.
            metric_key_prefix: Stands before the name of each metric.
        """
        dataset = self.eval_dataset if eval_dataset is None else eval_dataset
        if dataset is None:
            raise TrainingError("Trainer.evaluate needs eval_dataset")
        if isinstance(dataset, dict):
            several = {}
            for name, part in dataset.items():
                several.update(self.evaluate(part, f"{metric_key_prefix}_{name}"))
            return several
        _, metrics = self._predict(dataset, metric_key_prefix, "evaluating")
        self.log(metrics)
        self._tell("on_evaluate", metrics=metrics)
        return metrics

    def predict(self, test_dataset: Any, metric_key_prefix: str = "test") -> PredictionOutput:
        """The model's logits for a data set, in its order, with labels and metrics where it has labels."""
        result, metrics = self._predict(test_dataset, metric_key_prefix, "predicting")
        self._tell("on_predict", metrics=metrics)
        return PredictionOutput(result.predictions, result.label_ids, metrics)

    def _predict(self, dataset: Any, prefix: str, description: str) -> tuple[Predictions, dict[str, float]]:
        started = time.perf_counter()
        examples = self._examples(dataset)
        result = predict_all(
            self.model,
            examples,
            self.args,
            self.label_names,
            lambda model, batch: self.compute_loss(model, batch, return_outputs=True),
            preprocess_logits=self.preprocess_logits_for_metrics,
            on_batch=lambda: self._tell("on_prediction_step"),
            description=description,
        )
        metrics: dict[str, Any] = {} if result.loss is None else {"loss": result.loss}
        if self.compute_metrics is not None and result.label_ids is not None:
            facts = EvalPrediction(result.predictions, result.label_ids, result.inputs)
            metrics.update({name: _number(value) for name, value in self.compute_metrics(facts).items()})
        batches = -(-len(examples) // self.args.eval_batch_size)
        metrics.update(_speed(time.perf_counter() - started, len(examples), batches))
        start = f"{prefix}_"
        return result, {name if name.startswith(start) else start + name: value for name, value in metrics.items()}

    def _is_best(self, metrics: dict[str, float]) -> bool:
        """Remember the best value of the metric that decides; True when this evaluation has it."""
        if self.args.metric_for_best_model is None:
            return False
        name = f"eval_{self.args.metric_for_best_model.removeprefix('eval_')}"
        if name not in metrics:
            raise InputError(
                f"metric_for_best_model={self.args.metric_for_best_model!r} wasn't computed; "
                f"there are {', '.join(metrics)}"
            )
        best, value = self.state.best_metric, metrics[name]
        if best is not None and not (value > best if self.args.greater_is_better else value < best):
            return False
        self.state.best_metric, self.state.best_global_step = value, self.state.global_step
        return True

    # --- saving -------------------------------------------------------------------------------------------------

    def save_model(self, output_dir: PathLike | None = None) -> None:
        """Write model, tokenizer and arguments; the folder is complete or absent, whatever is killed when."""
        with atomic_folder(output_dir or self.args.output_dir) as folder:
            self._write_model(folder)

    def save_state(self) -> None:
        """Write where the run is to ``output_dir``."""
        self.state.save_to_json(Path(self.args.output_dir) / STATE_FILE)

    def _write_model(self, folder: Path) -> None:
        if not hasattr(self.model, "save_pretrained"):
            raise InputError(f"{type(self.model).__name__} has no save_pretrained; save its state_dict yourself")
        self.model.save_pretrained(folder)
        if hasattr(self.processing_class, "save_pretrained"):
            self.processing_class.save_pretrained(folder)
        write_json(folder / "training_args.json", self.args.to_dict())

    def _save_checkpoint(self) -> None:
        path = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        if self.state.best_global_step == self.state.global_step:
            self.state.best_model_checkpoint = str(path)
        self.state.stateful_callbacks = self.callbacks.states()
        progress = {
            "num_examples": len(self.train_dataset),
            "loss_since_log": self._loss_since_log,
            "total_loss": self._total_loss,
            "last_log": self._last_log,
        }
        optimizer = None if self.args.save_only_model else self.optimizer
        save_checkpoint(path, self._write_model, self.state, progress, optimizer, self.lr_scheduler)
        remove_old(self.args.output_dir, self.args.save_total_limit, self.state.best_model_checkpoint)
        self._tell("on_save")

    def _resume(self, folder: Path, num_examples: int) -> None:
        """Go on from a checkpoint."""
        if not (folder / STATE_FILE).is_file():
            raise TrainingError(f"{folder} is no complete checkpoint: it has no {STATE_FILE}")
        saved = TrainerState.load_from_json(folder / STATE_FILE)
        self._load_weights(folder)
        progress = load_progress(folder, self.optimizer, self.lr_scheduler, self.args.device)
        if progress["num_examples"] != num_examples:
            raise TrainingError(
                f"{folder} was trained on {progress['num_examples']} examples, but train_dataset has {num_examples}: "
                "go on with the same data, or start anew from the checkpoint's weights"
            )
        fresh, self.state = self.state, saved
        for name in ("max_steps", "num_train_epochs", "logging_steps", "eval_steps", "save_steps", "train_batch_size"):
            setattr(self.state, name, getattr(fresh, name))
        self._loss_since_log, self._total_loss = progress["loss_since_log"], progress["total_loss"]
        self._last_log = progress["last_log"]
        self.callbacks.load_states(saved.stateful_callbacks)

    def _load_weights(self, folder: Path) -> None:
        """Take a checkpoint's weights into the model that is there: the optimizer holds its parameters."""
        weights = type(self.model).from_pretrained(folder, config=self.model.config).state_dict()
        self.model.load_state_dict(weights)

    # --- reporting ----------------------------------------------------------------------------------------------

    def log(self, logs: dict[str, float]) -> None:
        """Add numbers to the run's history and tell the callbacks."""
        logs = {**logs, "epoch": self.state.epoch}
        self.state.log_history.append({**logs, "step": self.state.global_step})
        self._tell("on_log", logs=logs)

    def add_callback(self, callback: Any) -> None:
        """Add a callback, or a class of one."""
        self.callbacks.all += Callbacks([callback]).all

    def _log_end(self, started: float, first_step: int) -> None:
        steps = self.state.global_step - first_step
        examples = steps * self.args.train_batch_size * self.args.gradient_accumulation_steps
        speed = {f"train_{n}": v for n, v in _speed(time.perf_counter() - started, examples, steps).items()}
        loss = (self._total_loss + self._loss_since_log) / max(1, self.state.global_step)
        self.log({**speed, "total_flos": self.state.total_flos, "train_loss": loss})

    def _tell(self, event: str, **facts: Any) -> None:
        everyday = {
            "model": self.model,
            "processing_class": self.processing_class,
            "optimizer": self.optimizer,
            "lr_scheduler": self.lr_scheduler,
        }
        self.callbacks.tell(event, self.args, self.state, self.control, **everyday, **facts)

    def _examples(self, dataset: Any) -> Examples:
        columns = accepted_columns(self.model, self.label_names) if self.args.remove_unused_columns else None
        return Examples(dataset, self.data_collator, columns, self.args.length_column_name)


def _label_names(model: Any) -> list[str]:
    """Which arguments of the model are labels."""
    arguments = inspect.signature(model.forward).parameters
    if "start_positions" in arguments:
        return ["start_positions", "end_positions"]
    return [name for name in arguments if "label" in name]


def _speed(seconds: float, num_examples: int, num_steps: int) -> dict[str, float]:
    return {
        "runtime": round(seconds, 4),
        "samples_per_second": round(num_examples / seconds, 3),
        "steps_per_second": round(num_steps / seconds, 3),
    }


def _number(value: Any) -> Any:
    """Numbers of NumPy and torch as Python's own, which JSON holds."""
    return value.item() if isinstance(value, Tensor) or hasattr(value, "item") else value
