"""Feature extraction: the last hidden state of each token."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch

from dure.errors import InputError
from dure.pipelines.base import Options, Pipeline
from dure.pipelines.rows import Row

__all__ = ["FeatureExtractionPipeline"]


class FeatureExtractionPipeline(Pipeline):
    """For each text a list of one list of token vectors; with ``return_tensors=True`` a tensor ``(1, length, n)``.

    Arguments of the tokenizer may stand in a dictionary ``tokenize_kwargs`` too.
    """

    task = "feature-extraction"
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset({"return_tensors"})

    def choose(self, options: Mapping[str, Any]) -> Options:
        """Arguments by stage; those of the tokenizer come as they are or in a dictionary of their own."""
        options = dict(options)
        inner = options.pop("tokenize_kwargs", None) or {}
        if "truncation" in inner and options.get("truncation") is not None:
            raise InputError("truncation is given twice: as an argument and in tokenize_kwargs")
        return super().choose({**inner, **options})

    def forward(self, rows: Sequence[Row], **options: Any) -> list[Any]:
        """The first thing that the model gives: hidden states, or the logits of a model with a head."""
        return self.unpadded(self.run_model(rows, **options)[0], rows)

    def postprocess(self, rows: list[Row], outputs: list[Any], *, return_tensors: Any = False) -> Any:
        """Hidden states as lists or a tensor."""
        del rows
        if return_tensors:
            return torch.from_numpy(outputs[0].copy()).unsqueeze(0)
        with _without_garbage_collection():
            return [outputs[0].tolist()]


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Millions of numbers in lists are no garbage; looking for it took a third of the time of making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
