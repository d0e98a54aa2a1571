"""Sentence similarity: how close the meanings of texts are.

Nils Reimers, Iryna Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", 2019,
https://arxiv.org/abs/1908.10084
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from dure.errors import InputError, RepositoryError
from dure.hub.resolve import resolve
from dure.pipelines.base import Pipeline, as_text, wrong_input
from dure.pipelines.rows import Row, encode

__all__ = ["EmbeddingPipeline", "SentenceSimilarityPipeline"]

POOLINGS = ("mean", "cls", "max")


class EmbeddingPipeline(Pipeline):
    """Texts to vectors of length 1, one for each text: what similarity and search have in common.

    The vector is the mean of a text's tokens, its first token (``pooling="cls"``) or the largest values ("max"); by
    default what the model's own ``1_Pooling/config.json`` says, else the mean.
    """

    def __init__(self, model: Any, tokenizer: Any, *, pooling: str | None = None, **options: Any) -> None:
        super().__init__(model, tokenizer, **options)
        self.pooling = pooling or _pooling_of(model)
        if self.pooling not in POOLINGS:
            raise InputError(f"pooling {pooling!r} is not one of {', '.join(map(repr, POOLINGS))}")

    def forward(self, rows: Sequence[Row], **options: Any) -> list[Any]:
        """One vector for each row."""
        hidden = self.unpadded(self.run_model(rows, **options)[0], rows)
        return [self._pooled(states) for states in hidden]

    def _pooled(self, states: Any) -> Any:
        if self.pooling == "cls":
            vector = states[0]
        else:
            vector = states.mean(axis=0) if self.pooling == "mean" else states.max(axis=0)
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def vectors(self, texts: Sequence[str], *, batch_size: int | None = None, **options: Any) -> Any:
        """Vectors of texts, ``(num_texts, hidden_size)``, float32.

        Args:
            texts: The texts.
            batch_size: The most rows in one batch.
            **options: Arguments of the tokenizer, such as ``truncation``.
        """
        rows = encode(self, [as_text(text, i) for i, text in enumerate(texts)], is_strict=True, **options)
        found = dict(self.compute(rows, batch_size or self.batch_size, {}))
        width = self.model.config.hidden_size
        return np.stack([found[i] for i in range(len(rows))]) if rows else np.zeros((0, width), np.float32)


class SentenceSimilarityPipeline(EmbeddingPipeline):
    """For a sentence and others a list of numbers from -1 to 1, one for each of the others.

    Ask ``pipe(sentence, sentences)``, or give ``{"source_sentence": ..., "sentences": [...]}``, or a list of such
    dictionaries.
    """

    task = "sentence-similarity"
    preprocess_arguments: ClassVar[frozenset[str]] = Pipeline.preprocess_arguments | {"sentences"}

    def __call__(self, inputs: Any, sentences: Any = None, **options: Any) -> Any:
        """Similarities for one sentence or many, as :meth:`Pipeline.__call__`.

        Args:
            inputs: A sentence, or a dictionary, or many.
            sentences: What it is compared with: a text or a list.
            **options: Further arguments.
        """
        if sentences is not None:
            options["sentences"] = sentences
        return super().__call__(inputs, **options)

    def read(self, value: Any, index: int) -> Any:
        """A sentence and others."""
        if not isinstance(value, Mapping) or not {"source_sentence", "sentences"} <= set(value):
            raise wrong_input(value, index, "{'source_sentence': ..., 'sentences': [...]}", "input")
        others = value["sentences"]
        others = [others] if isinstance(others, str) else others
        if not isinstance(others, Sequence) or not others:
            raise InputError(f"sentences {index} must be a list of at least one text, not {others!r}")
        return [as_text(text, index, "a sentence of input") for text in (value["source_sentence"], *others)]

    def preprocess(self, inputs: Sequence[Any], *, start: int = 0, sentences: Any = None, **options: Any) -> list[Row]:
        """Each sentence to a row; the first of an input is the one that the others are compared with."""
        options.pop("padding", None)
        if sentences is not None:
            inputs = [
                {"source_sentence": value, "sentences": sentences} if isinstance(value, str) else value
                for value in inputs
            ]
        examples = [self.read(value, start + i) for i, value in enumerate(inputs)]
        owners = [i for i, texts in enumerate(examples) for _ in texts]
        rows = encode(
            self,
            [text for texts in examples for text in texts],
            numbers=[start + i for i in owners],
            is_strict=True,
            **options,
        )
        for row, owner in zip(rows, owners, strict=True):
            row.owner, row.example = owner, examples[owner]
        return rows

    def postprocess(self, rows: list[Row], outputs: list[Any]) -> Any:
        """Vectors to similarities: the cosines of their angles."""
        del rows
        return [float(outputs[0] @ other) for other in outputs[1:]]


def _pooling_of(model: Any) -> str:
    """What the files beside a model say about pooling."""
    name = getattr(model.config, "_name_or_path", "")
    try:
        path = resolve(name, files=["config.json"], local_files_only=True).path / "1_Pooling" / "config.json"
        told = json.loads(path.read_text(encoding="utf-8"))
    except (RepositoryError, InputError, OSError, ValueError):
        return "mean"
    if told.get("pooling_mode_cls_token"):
        return "cls"
    return "max" if told.get("pooling_mode_max_tokens") else "mean"
