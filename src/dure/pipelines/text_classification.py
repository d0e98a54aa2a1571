"""Text classification: a label and a score for each text or pair of texts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import numpy as np

from dure.errors import InputError
from dure.models.causal import SequenceHead
from dure.models.seq2seq_heads import SequenceClassificationHead
from dure.pipelines.base import Options, Pipeline
from dure.pipelines.figures import Figure, of_labels
from dure.pipelines.rows import Row

__all__ = ["TextClassificationPipeline", "ending_kind", "probabilities"]


class TextClassificationPipeline(Pipeline):
    """``[{"label": ..., "score": ...}]``, the most probable label first.

    Arguments of a call: ``top_k`` (how many labels; None for all), ``function_to_apply`` ("softmax", "sigmoid" or
    "none"; by default it follows from the model's ``problem_type``), and the older ``return_all_scores``.
    """

    task = "text-classification"
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset({"top_k", "function_to_apply", "return_all_scores"})

    def read(self, value: Any, index: int) -> Any:
        """A text, ``{"text": ..., "text_pair": ...}``, or the older form ``[[text, text_pair]]``."""
        if isinstance(value, list):
            if len(value) == 1 and isinstance(value[0], list) and len(value[0]) == 2:
                return tuple(value[0])
            raise InputError(
                f"text {index} is a list; for a pair of texts, give a dictionary: {{'text': ..., 'text_pair': ...}}"
            )
        return super().read(value, index)

    def postprocess(
        self,
        rows: list[Row],
        outputs: list[Any],
        *,
        top_k: Any = "",
        function_to_apply: str | None = None,
        return_all_scores: bool | None = None,
    ) -> Any:
        """Logits to labels with scores."""
        del rows
        scores = self.scores(outputs[0], function_to_apply)
        names = self.model.config.id2label
        is_old = not (isinstance(top_k, int) or top_k is None)
        if is_old and not return_all_scores:
            best = int(scores.argmax())
            return {"label": names[best], "score": float(scores[best])}
        # Asked in the older way, labels come in the model's order.
        order = range(len(scores)) if is_old else np.argsort(-scores, kind="stable")[:top_k]
        return [{"label": names[int(i)], "score": float(scores[i])} for i in order]

    def options_of(self, call: Mapping[str, Any]) -> Options:
        """Arguments of a call with the defaults; where a call speaks of them in the older way, ``top_k`` gives way."""
        if "top_k" in self.defaults and call.get("return_all_scores") is not None and "top_k" not in call:
            call = {**call, "top_k": None if call["return_all_scores"] else 1}
        return super().options_of(call)

    def single(self, answer: Any, inputs: Any, options: Mapping[str, Any]) -> Any:
        """One text gives a list of one, unless this call asked for ``top_k``: as the original does it."""
        return [answer] if isinstance(inputs, str) and "top_k" not in options else answer

    def figures(self, rows: list[Row], outputs: list[Any]) -> list[Figure]:
        """Labels with their logits and scores."""
        del rows
        names = [self.model.config.id2label[i] for i in range(len(outputs[0]))]
        return [of_labels("Logits to scores", names, outputs[0], self.scores(outputs[0]))]

    def kind_of(self, row: Row) -> Hashable:
        """Rows that this model can classify together."""
        return super().kind_of(row), ending_kind(self, row)

    def scores(self, logits: Any, function: str | None = None) -> Any:
        """Logits ``(num_labels,)`` to scores, by a function or what follows from the configuration.

        Raises:
            InputError: There is no such function.
        """
        config = self.model.config
        if function is None:
            is_yes_or_no = config.problem_type == "multi_label_classification" or config.num_labels == 1
            chosen = "sigmoid" if is_yes_or_no else "softmax"
            function = "none" if config.problem_type == "regression" else chosen
        name = str(getattr(function, "value", function)).lower()
        if name == "sigmoid":
            return 1.0 / (1.0 + np.exp(-logits))
        if name == "softmax":
            return probabilities(logits)
        if name == "none":
            return logits
        raise InputError(f"function_to_apply {function!r} is not one of 'softmax', 'sigmoid', 'none'")


def ending_kind(pipe: Pipeline, row: Row) -> Hashable:
    """What rows must have in common for heads that look for a text's end.

    A decoder's head reads the last token that isn't padding; where model and tokenizer don't agree what padding is,
    rows that are equally long need none. An encoder-decoder's head reads the last end of text, of which rows must have
    as many.
    """
    model, pad = pipe.model, pipe.tokenizer.pad_token_id
    if isinstance(model, SequenceHead):
        if model.config.pad_token_id is None:
            return id(row)
        return len(row) if model.config.pad_token_id != pad else None
    if isinstance(model, SequenceClassificationHead):
        return row.inputs["input_ids"].count(model.config.eos_token_id)
    return None


def probabilities(logits: Any) -> Any:
    """The softmax of logits over their last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
