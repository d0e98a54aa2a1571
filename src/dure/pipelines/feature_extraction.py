"""Feature extraction: the last hidden state of each token."""

from __future__ import annotations

from typing import Any

from dure.pipelines.base import Pipeline

__all__ = ["FeatureExtractionPipeline"]


class FeatureExtractionPipeline(Pipeline):
    """For each text a list of one list of token vectors; with ``return_tensors=True`` a tensor ``(1, length, n)``."""

    task = "feature-extraction"
    task_arguments = frozenset({"return_tensors", "tokenize_kwargs"})

    def _split(self, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        # The original takes the tokenizer's arguments in a dictionary of their own; both forms are welcome.
        options = dict(options)
        return super()._split({**(options.pop("tokenize_kwargs", None) or {}), **options})

    def postprocess(self, output: Any, lengths: list[int], **options: Any) -> list[Any]:
        """Hidden states without padding."""
        hidden = output[0].float().cpu()
        # The tokenizer decides the side of padding, so real tokens are counted from there.
        is_left = self.tokenizer.padding_side == "left"
        rows = [row[len(row) - n :] if is_left else row[:n] for row, n in zip(hidden, lengths, strict=True)]
        if options.get("return_tensors"):
            return [row.unsqueeze(0) for row in rows]
        return [[row.tolist()] for row in rows]
