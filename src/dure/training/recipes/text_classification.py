"""Fine-tune a text classifier on labelled files, measure it, save it."""

from __future__ import annotations

import dataclasses
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from dure.datasets.dataset import Dataset
from dure.errors import InputError
from dure.hub.commit import write_json
from dure.metrics.accuracy import accuracy
from dure.metrics.confusion import confusion_matrix, confusion_table
from dure.metrics.f1 import f1
from dure.models.auto import AutoModelForSequenceClassification
from dure.tokenizers.auto import AutoTokenizer
from dure.training.arguments import TrainingArguments
from dure.training.checkpoint import checkpoints
from dure.training.outputs import EvalPrediction
from dure.training.recipes.labelled import Columns, Labels, read_labelled, tokenized
from dure.training.seed import set_seed
from dure.training.trainer import Trainer

__all__ = ["Report", "TextClassification"]


@dataclasses.dataclass(frozen=True)
class Report:
    """How good a classifier is on texts that it wasn't trained on.

    Attributes:
        source: Where the texts came from.
        num_texts: How many there were.
        metrics: "loss", "accuracy" and "f1".
        table: Rows are true classes, columns are answers.
    """

    source: str
    num_texts: int
    metrics: dict[str, float]
    table: str


@dataclasses.dataclass
class TextClassification:
    """The job: which model learns from which files.

    Attributes:
        model: The pretrained model's name or folder.
        data: File of labelled texts to train on.
        columns: Which columns hold what.
        args: How to train; ``output_dir`` is where the model goes.
        validation: File to evaluate on after each epoch.
        test: File to evaluate on once, at the end.
        held_out: Share of the data that is set aside for evaluation where neither file is given.
        max_length: Tokens at which texts are cut; by default what the model can take.
        delimiter: What parts the fields of a CSV file.
        encoding: The encoding of the files.
    """

    model: str
    data: str
    columns: Columns
    args: TrainingArguments
    validation: str | None = None
    test: str | None = None
    held_out: float = 0.2
    max_length: int | None = None
    delimiter: str | None = None
    encoding: str | None = None

    def run(self, *, resume: bool = False) -> Report | None:
        """Train, measure and save.

        Args:
            resume: Go on from the newest checkpoint in the output folder.

        Returns:
            How good the model is; None where nothing was set aside to measure it with.

        Raises:
            DureError: Something about the files, the model or the arguments is wrong; nothing was written.
        """
        if not 0 <= self.held_out < 1:
            raise InputError(f"held_out={self.held_out} must be at least 0 and less than 1")
        datasets = self._read()
        train = datasets["train"]
        labels = Labels.of(train[self.columns.label], self.data)
        set_seed(self.args.seed)  # the head's weights are drawn at random
        tokenizer = AutoTokenizer.from_pretrained(self.model)
        model = _new_model(self.model, labels)
        max_length = self.max_length or min(tokenizer.model_max_length, model.config.max_position_embeddings)
        rows = {}
        for name, dataset in datasets.items():
            source = {"validation": self.validation, "test": self.test}.get(name) or self.data
            numbers = labels.number(dataset[self.columns.label], self.columns.label, source)
            rows[name] = tokenized(dataset, self.columns, numbers, tokenizer, max_length)
        if "validation" not in rows:
            self.args.eval_strategy = "no"
        trainer = Trainer(
            model,
            self.args,
            train_dataset=rows["train"],
            eval_dataset=rows.get("validation"),
            processing_class=tokenizer,
            compute_metrics=lambda facts: _metrics(facts, len(labels.names)),
        )
        trainer.train(resume_from_checkpoint=resume)
        measured = "test" if "test" in rows else "validation"
        report = self._measure(trainer, rows[measured], labels, measured) if measured in rows else None
        self._save(trainer, report)
        return report

    def _read(self) -> dict[str, Dataset]:
        """All files; where there is only one, a part of it is set aside."""
        options: dict[str, Any] = {"delimiter": self.delimiter, "encoding": self.encoding}
        datasets = {"train": read_labelled(self.data, self.columns, **options)}
        for name, path in (("validation", self.validation), ("test", self.test)):
            if path is not None:
                datasets[name] = read_labelled(path, self.columns, **options)
        if len(datasets) == 1 and self.held_out > 0:
            train = datasets["train"].class_encode_column(self.columns.label)
            parts = train.train_test_split(self.held_out, seed=self.args.seed, stratify_by_column=self.columns.label)
            rows = {"train": parts["train"], "validation": parts["test"]}
            # Back to the labels as they are written: their numbers are decided by the training part.
            names = train.features[self.columns.label].names
            for name, part in rows.items():
                written = [names[number] for number in part[self.columns.label]]
                datasets[name] = part.remove_columns(self.columns.label).add_column(self.columns.label, written)
        return datasets

    def _measure(self, trainer: Trainer, dataset: Dataset, labels: Labels, name: str) -> Report:
        output = trainer.predict(dataset)
        answers = np.argmax(output.predictions, axis=-1)
        matrix = confusion_matrix(answers, output.label_ids, labels=range(len(labels.names)))
        metrics = {key.removeprefix("test_"): value for key, value in (output.metrics or {}).items()}
        kept = {key: metrics[key] for key in ("loss", "accuracy", "f1")}
        source = {"validation": self.validation, "test": self.test}[name] or f"{self.held_out:.0%} of {self.data}"
        return Report(source, len(dataset), kept, confusion_table(matrix, labels.names))

    def _save(self, trainer: Trainer, report: Report | None) -> None:
        """The model is complete first; only then are the checkpoints that led to it removed."""
        trainer.save_model(self.args.output_dir)
        if report is not None:
            write_json(Path(self.args.output_dir) / "results.json", {"data": report.source, **report.metrics})
        for folder in checkpoints(self.args.output_dir):
            shutil.rmtree(folder)


def _metrics(facts: EvalPrediction, num_labels: int) -> dict[str, float]:
    """Accuracy and F1: of the second class where there are two, else the mean over classes."""
    answers = np.argmax(facts.predictions, axis=-1)
    average = "binary" if num_labels == 2 else "macro"
    return {
        "accuracy": accuracy(answers, facts.label_ids),
        "f1": float(f1(answers, facts.label_ids, average=average)),  # type: ignore[arg-type]
    }


def _new_model(name: str, labels: Labels) -> Any:
    """The pretrained body with a new head."""
    with warnings.catch_warnings():
        # That the head is new is the point here, not a surprise.
        warnings.filterwarnings("ignore", message=".*newly initialized")
        return AutoModelForSequenceClassification.from_pretrained(
            name,
            num_labels=len(labels.names),
            id2label=dict(enumerate(labels.names)),
            label2id={label: i for i, label in enumerate(labels.names)},
        )
