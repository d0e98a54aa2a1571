"""Text classification: a label and a score for each text."""

from __future__ import annotations

from typing import Any

import numpy as np

from dure.errors import InputError
from dure.pipelines.base import Pipeline, to_numbers

__all__ = ["TextClassificationPipeline"]


class TextClassificationPipeline(Pipeline):
    """``[{"label": ..., "score": ...}]``, the most probable label first.

    Arguments of a call: ``top_k`` (how many labels; None for all), ``function_to_apply`` ("softmax", "sigmoid" or
    "none"; by default it follows from the model's ``problem_type``), and the older ``return_all_scores``.
    """

    task = "text-classification"
    task_arguments = frozenset({"top_k", "function_to_apply", "return_all_scores"})

    def postprocess(self, output: Any, lengths: list[int], **options: Any) -> list[Any]:
        """Logits to labels with scores."""
        del lengths
        logits = to_numbers(output.logits)
        scores = _apply(options.get("function_to_apply") or self._function(), logits)
        names = self.model.config.id2label
        count = self._count(options)
        if count == 0:
            best = scores.argmax(axis=1)
            return [{"label": names[int(i)], "score": float(row[i])} for i, row in zip(best, scores, strict=True)]
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        return [
            [{"label": names[int(i)], "score": float(row[i])} for i in ranks]
            for ranks, row in zip(order, scores, strict=True)
        ]

    def _count(self, options: dict[str, Any]) -> int | None:
        """How many labels are asked for: 0 for the best one as a bare dictionary, None for all."""
        if "top_k" in options:
            value = options["top_k"]
            return None if value is None else int(value)
        if "return_all_scores" in options:
            return None if options["return_all_scores"] else 0
        return 0

    def _one(self, answer: Any, options: dict[str, Any]) -> Any:
        # As the original does it: one text gives a list of one, unless all scores or `top_k` were asked for.
        return [answer] if isinstance(answer, dict) and "return_all_scores" not in options else answer

    def _function(self) -> str:
        config = self.model.config
        if config.problem_type == "regression":
            return "none"
        if config.problem_type == "multi_label_classification" or config.num_labels == 1:
            return "sigmoid"
        return "softmax"


def _apply(function: str, logits: Any) -> Any:
    if function == "sigmoid":
        return 1.0 / (1.0 + np.exp(-logits))
    if function == "softmax":
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)
    if function == "none":
        return logits
    raise InputError(f"function_to_apply {function!r} is not one of 'softmax', 'sigmoid', 'none'")
