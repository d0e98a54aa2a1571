"""Zero-shot classification: labels given at the call, judged by a model that knows what follows from what.

Wenpeng Yin et al., "Benchmarking Zero-shot Text Classification", 2019, https://arxiv.org/abs/1909.00161
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np

from dure.errors import InputError
from dure.pipelines.base import Pipeline, as_text
from dure.pipelines.figures import Figure
from dure.pipelines.rows import Row, encode
from dure.pipelines.text_classification import ending_kind, probabilities

__all__ = ["ZeroShotClassificationPipeline"]

logger = logging.getLogger(__name__)


class ZeroShotClassificationPipeline(Pipeline):
    """``{"sequence": ..., "labels": [...], "scores": [...]}``, the best label first.

    Arguments of a call: ``candidate_labels`` (a list, or a string with commas; also the second argument by place),
    ``hypothesis_template`` ("This example is {}."), ``multi_label`` (each label by itself; by default scores of all
    labels sum to 1).
    """

    task = "zero-shot-classification"
    preprocess_arguments: ClassVar[frozenset[str]] = Pipeline.preprocess_arguments | {
        "candidate_labels", "hypothesis_template",
    }  # fmt: skip
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset({"multi_label"})
    old_names: ClassVar[dict[str, str]] = {"multi_class": "multi_label"}

    def __init__(self, model: Any, tokenizer: Any, **options: Any) -> None:
        super().__init__(model, tokenizer, **options)
        if self.entailment_id == -1:
            logger.warning(
                "the model's label2id %s names no label that begins with 'entail', so its last label is taken for it",
                model.config.label2id,
            )

    @property
    def entailment_id(self) -> int:
        """The label that says that the second text follows from the first; -1, the last, where none is named so."""
        named = self.model.config.label2id.items()
        return next((id_ for label, id_ in named if label.lower().startswith("entail")), -1)

    def __call__(self, inputs: Any, candidate_labels: Any = None, **options: Any) -> Any:
        """Labels for one text or many, as :meth:`Pipeline.__call__`.

        Args:
            inputs: A text or many.
            candidate_labels: The labels to choose from.
            **options: Further arguments.
        """
        if candidate_labels is not None:
            options["candidate_labels"] = candidate_labels
        return super().__call__(inputs, **options)

    def preprocess(
        self,
        inputs: Sequence[Any],
        *,
        start: int = 0,
        candidate_labels: Any = None,
        hypothesis_template: str = "This example is {}.",
        truncation: Any = None,
        **options: Any,
    ) -> list[Row]:
        """Texts to rows, each with one label's hypothesis as its partner; a row notes its label.

        Raises:
            InputError: There is no label, the template has no place for one, or a text is empty.
        """
        options.pop("padding", None)
        labels = _labels(candidate_labels)
        if not isinstance(hypothesis_template, str) or hypothesis_template.format(labels[0]) == hypothesis_template:
            raise InputError(
                f"hypothesis_template {hypothesis_template!r} has no place for a label: write {{}} where it goes"
            )
        texts = [as_text(value, start + i) for i, value in enumerate(inputs)]
        for i, text in enumerate(texts):
            if not text:
                raise InputError(f"text {start + i} is empty: there is nothing to classify")
        firsts = [text for text in texts for _ in labels]
        seconds = [hypothesis_template.format(label) for label in labels] * len(texts)
        strategy = "only_first" if truncation is True else truncation
        rows = encode(
            self,
            firsts,
            seconds,
            numbers=[start + i for i in range(len(texts)) for _ in labels],
            truncation=strategy,
            is_strict=True,
            **options,
        )
        for row in rows:
            row.owner, row.note = divmod(row.owner, len(labels))
            row.example, row.note = texts[row.owner], labels[row.note]
        return rows

    def kind_of(self, row: Row) -> Hashable:
        """Rows that this model can classify together."""
        return super().kind_of(row), ending_kind(self, row)

    def postprocess(self, rows: list[Row], outputs: list[Any], *, multi_label: bool = False) -> Any:
        """Logits of all labels to their order and scores."""
        logits, yes = np.stack(outputs), self.entailment_id
        if multi_label or len(rows) == 1:
            no = -1 if yes == 0 else 0
            scores = probabilities(logits[:, [no, yes]])[:, 1]
        else:
            scores = probabilities(logits[:, yes])
        order = scores.argsort()[::-1]
        return {
            "sequence": rows[0].example,
            "labels": [rows[i].note for i in order],
            "scores": [float(scores[i]) for i in order],
        }

    def figures(self, rows: list[Row], outputs: list[Any]) -> list[Figure]:
        """Each label's hypothesis, judged."""
        names = self.model.config.id2label
        cells = [
            (row.note, *map(float, logits), float(probabilities(logits)[self.entailment_id]))
            for row, logits in zip(rows, outputs, strict=True)
        ]
        labels = [names[i] for i in range(len(outputs[0]))]
        columns = ("label", *labels, "it follows")
        return [
            Figure("Logits of each label's hypothesis, and how likely it follows", columns, cells, bar=len(columns) - 1)
        ]


def _labels(given: Any) -> list[str]:
    labels = [label.strip() for label in given.split(",")] if isinstance(given, str) else list(given or ())
    labels = [label for label in labels if label or not isinstance(given, str)]
    if not labels:
        raise InputError(f"candidate_labels={given!r}: give at least one label, such as ['politics', 'sport']")
    for label in labels:
        if not isinstance(label, str) or not label.strip():
            raise InputError(
                f"candidate_labels={given!r}: {label!r} is not a label; labels are texts that aren't empty"
            )
    return labels
