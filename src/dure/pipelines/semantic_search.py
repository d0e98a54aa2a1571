"""Semantic search: the texts of a data set that mean what a query means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from dure.errors import InputError
from dure.pipelines.base import as_text
from dure.pipelines.rows import Row, encode
from dure.pipelines.sentence_similarity import EmbeddingPipeline
from dure.pipelines.vector_index import VectorIndex, digest_of
from dure.typing import PathLike

__all__ = ["SemanticSearchPipeline"]


class SemanticSearchPipeline(EmbeddingPipeline):
    """``[{"score": ..., "index": ..., "text": ...}]``, the nearest text first; ``index`` is its row.

    First ``pipe.index(dataset, column="text")``, then ``pipe(query, top_k=5)``. ``pipe.save_index(folder)`` writes the
    index beside the data, ``pipe.load_index(folder, dataset)`` reads it.
    """

    task = "semantic-search"
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset({"top_k"})

    def __init__(self, model: Any, tokenizer: Any, **options: Any) -> None:
        super().__init__(model, tokenizer, **options)
        self._found: tuple[VectorIndex, Sequence[Any], str] | None = None

    def index(
        self, data: Any, column: str = "text", *, backend: str = "exact", batch_size: int | None = None, **options: Any
    ) -> Self:
        """Make the texts of a column searchable.

        Args:
            data: A data set, or a list of texts.
            column: The column of a data set.
            backend: "exact" compares a query with all texts; "faiss" and "usearch" are faster for very many, and
                packages of their own.
            batch_size: The most rows in one batch.
            **options: Arguments of the tokenizer, such as ``truncation=True``.

        Raises:
            InputError: A text is none or too long, or the backend isn't installed.
        """
        texts = _texts(data, column)
        vectors = self.vectors(texts, batch_size=batch_size, **options)
        self._found = VectorIndex(vectors, backend, digest_of(texts)), texts, column
        return self

    def save_index(self, folder: PathLike) -> None:
        """Write the index into ``folder``, beside the data that it is of.

        Raises:
            InputError: There is no index yet.
        """
        index, _, column = self._require()
        model = getattr(self.model.config, "_name_or_path", "")
        index.save(folder, {"column": column, "model": model, "pooling": self.pooling})

    def load_index(self, folder: PathLike, data: Any) -> Self:
        """Read the index beside some data.

        Args:
            folder: Where :meth:`save_index` wrote.
            data: The data set, or the list of texts, that it was made of.

        Raises:
            DataFileError: There is no index there.
            InputError: It was made of other texts, or by a model of another size.
        """
        index, facts = VectorIndex.load(folder)
        column = str(facts.get("column", "text"))
        texts = _texts(data, column)
        if index.digest != digest_of(texts):
            raise InputError(
                f"the index in {folder} was made of other texts ({index.shape[0]}, now {len(texts)}): "
                "make it anew with pipe.index(...)"
            )
        if index.shape[1] != self.model.config.hidden_size:
            raise InputError(
                f"the index in {folder} has vectors of {index.shape[1]} numbers, by the model {facts.get('model')!r}; "
                f"this model's have {self.model.config.hidden_size}"
            )
        self._found = index, texts, column
        return self

    def read(self, value: Any, index: int) -> Any:
        """A query."""
        return as_text(value, index, "query")

    def preprocess(self, inputs: Sequence[Any], *, start: int = 0, **options: Any) -> list[Row]:
        """Queries to rows."""
        self._require()
        options.pop("padding", None)
        queries = [self.read(value, start + i) for i, value in enumerate(inputs)]
        return encode(self, queries, numbers=range(start, start + len(queries)), is_strict=True, **options)

    def postprocess(self, rows: list[Row], outputs: list[Any], *, top_k: int = 5) -> Any:
        """A query's vector to the nearest texts."""
        del rows
        if not isinstance(top_k, int) or top_k < 1:
            raise InputError(f"top_k must be a whole number from 1 on, not {top_k!r}")
        index, texts, _ = self._require()
        ((places, scores),) = index.search(np.stack(outputs), top_k)
        return [
            {"score": float(score), "index": int(place), "text": texts[int(place)]}
            for place, score in zip(places, scores, strict=True)
        ]

    def _require(self) -> tuple[VectorIndex, Sequence[Any], str]:
        if self._found is None:
            raise InputError(
                "there is nothing to search yet: first pipe.index(dataset, column='text'), or "
                "pipe.load_index(folder, dataset)"
            )
        return self._found


def _texts(data: Any, column: str) -> list[str]:
    """The texts of a column, or of a list."""
    names = getattr(data, "column_names", None)
    if names is None:
        texts = list(data)
    elif column in names:
        texts = list(data[column])
    else:
        raise InputError(f"the data set has no column {column!r}; its columns are {', '.join(names)}")
    return [as_text(text, i) for i, text in enumerate(texts)]
