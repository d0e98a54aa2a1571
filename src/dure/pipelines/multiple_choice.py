"""Multiple choice: which of several continuations fits a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from dure.errors import InputError
from dure.pipelines.base import Pipeline, as_text, to_numbers, wrong_input
from dure.pipelines.figures import Figure, of_labels
from dure.pipelines.rows import Row, encode
from dure.pipelines.text_classification import probabilities

__all__ = ["MultipleChoicePipeline"]


class MultipleChoicePipeline(Pipeline):
    """``{"answer": ..., "index": ..., "score": ..., "scores": [...]}``: the best choice, its place, all scores.

    Ask ``pipe(text, choices=[...])`` or give ``{"text": ..., "choices": [...]}`` ("question", "prompt" or "context" do
    for "text" too), or a list of such dictionaries.
    """

    task = "multiple-choice"
    preprocess_arguments: ClassVar[frozenset[str]] = Pipeline.preprocess_arguments | {"choices"}

    def read(self, value: Any, index: int) -> Any:
        """A text and its choices."""
        names = ("text", "question", "prompt", "context")
        name = next((name for name in names if isinstance(value, Mapping) and name in value), None)
        if name is None or "choices" not in value:
            raise wrong_input(value, index, "{'text': ..., 'choices': [...]}", "input")
        choices = value["choices"]
        if isinstance(choices, str) or not isinstance(choices, Sequence) or not choices:
            raise InputError(f"choices {index} must be a list of at least one text, not {choices!r}")
        return as_text(value[name], index), [as_text(choice, index, "a choice of input") for choice in choices]

    def preprocess(self, inputs: Sequence[Any], *, start: int = 0, choices: Any = None, **options: Any) -> list[Row]:
        """Each choice to a row, behind its text."""
        options.pop("padding", None)
        if choices is not None:
            inputs = [{"text": value, "choices": choices} if isinstance(value, str) else value for value in inputs]
        examples = [self.read(value, start + i) for i, value in enumerate(inputs)]
        owners = [i for i, (_, own) in enumerate(examples) for _ in own]
        firsts = [examples[i][0] for i in owners]
        seconds = [choice for _, own in examples for choice in own]
        rows = encode(self, firsts, seconds, numbers=[start + i for i in owners], is_strict=True, **options)
        for row, owner in zip(rows, owners, strict=True):
            row.owner, row.example = owner, examples[owner]
        return rows

    def forward(self, rows: Sequence[Row], **options: Any) -> list[Any]:
        """The logit of each row."""
        return list(to_numbers(self.run_model(rows, **options).logits[:, 0]))

    def run_model(self, rows: Sequence[Row], model: Any = None, **more: Any) -> Any:
        """The model's output: as questions of one choice each, rows of any questions share a batch."""
        del model
        tensors = {name: tensor.unsqueeze(1) for name, tensor in self.tensors(rows).items()}
        return self.model(**tensors, return_dict=True, **more)

    def postprocess(self, rows: list[Row], outputs: list[Any]) -> Any:
        """Logits of all choices to the best one."""
        scores = probabilities(np.array(outputs))
        best, choices = int(scores.argmax()), rows[0].example[1]
        return {"answer": choices[best], "index": best, "score": float(scores[best]), "scores": scores.tolist()}

    def figures(self, rows: list[Row], outputs: list[Any]) -> list[Figure]:
        """Choices with their logits and scores."""
        logits = np.array(outputs)
        return [of_labels("Logits of the choices to scores", rows[0].example[1], logits, probabilities(logits))]
