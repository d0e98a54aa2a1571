"""Token classification: names and other spans of a text, token by token or put together."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from dure.errors import InputError
from dure.pipelines.base import Options, Pipeline, as_text, wrong_input
from dure.pipelines.entities import Tokens, grouped, merged, tokens_of, words_of
from dure.pipelines.figures import Figure
from dure.pipelines.particles import without_particle
from dure.pipelines.rows import Row, encode, limit_of, windows
from dure.pipelines.text_classification import probabilities

__all__ = ["TokenClassificationPipeline"]

STRATEGIES = ("none", "simple", "first", "average", "max")


class TokenClassificationPipeline(Pipeline):
    """A list of entities for each text, in the order in which they stand there.

    Arguments of a call:

    - ``aggregation_strategy``: "none" (each token by itself: ``entity``, ``score``, ``index``, ``word``, ``start``,
      ``end``), "simple" (neighbouring tokens of a kind make an entity: ``entity_group`` in place of ``entity``,
      ``index``), or "first", "average", "max" (the same, and the tokens of a word are made to agree).
      ``grouped_entities=True`` is the older way to say "simple".
    - ``ignore_labels``: Labels to leave out, ``["O"]`` by default.
    - ``stride``: Read a text that is too long in windows, which share so many tokens.
    - ``is_split_into_words``: Texts are lists of words; ``delimiter`` (a space) joins them, and places are counted in
      the joined text.
    - ``trim_particles``: Leave Korean particles off the ends of entities (서울에 -> 서울).
    """

    task = "token-classification"
    preprocess_arguments: ClassVar[frozenset[str]] = Pipeline.preprocess_arguments | {
        "stride", "is_split_into_words", "delimiter",
    }  # fmt: skip
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset(
        {"aggregation_strategy", "ignore_labels", "grouped_entities", "ignore_subwords", "trim_particles"}
    )

    def choose(self, options: Any) -> Options:
        """Arguments by stage; the older names of strategies become today's."""
        chosen = super().choose(options)
        after, stride = chosen.postprocess, chosen.preprocess.get("stride")
        groups, skips = after.pop("grouped_entities", None), after.pop("ignore_subwords", None)
        if groups is not None or skips is not None:
            strategy = "none" if not groups else "first" if skips else "simple"
            after.setdefault("aggregation_strategy", strategy)
        named = after.get("aggregation_strategy", "none")
        strategy = str(getattr(named, "value", named)).lower()
        if strategy not in STRATEGIES:
            raise InputError(f"aggregation_strategy {named!r} is not one of {', '.join(map(repr, STRATEGIES))}")
        after["aggregation_strategy"] = strategy
        if isinstance(after.get("ignore_labels"), str):
            raise InputError(f"ignore_labels must be a list of labels, not the string {after['ignore_labels']!r}")
        if stride is not None and options.get("aggregation_strategy") == "none":
            raise InputError(
                "stride reads a long text in windows, whose entities are put together: choose an aggregation_strategy "
                "('simple', 'first', 'average' or 'max')"
            )
        return chosen

    def is_single(self, inputs: Any, options: Options) -> bool:
        """Whether this is one text; a list of words is one where texts are split."""
        if options.preprocess.get("is_split_into_words") and isinstance(inputs, (list, tuple)):
            return not all(isinstance(words, (list, tuple)) for words in inputs)
        return super().is_single(inputs, options)

    def single(self, answer: Any, inputs: Any, options: Any) -> Any:
        """The entities of a text; for one list of words a list of one such list, as the original has it."""
        del options
        return answer if isinstance(inputs, str) else [answer]

    def preprocess(
        self,
        inputs: Sequence[Any],
        *,
        start: int = 0,
        stride: int | None = None,
        is_split_into_words: bool = False,
        delimiter: str | None = None,
        **options: Any,
    ) -> list[Row]:
        """Texts to rows, or to windows with ``stride``; each row notes where its words stand in the text."""
        options.pop("padding", None)
        glue = " " if delimiter is None else delimiter
        texts = [_read(value, start + i, is_split=is_split_into_words) for i, value in enumerate(inputs)]
        options |= {"return_offsets_mapping": True, "is_split_into_words": is_split_into_words}
        if stride is None:
            rows = encode(
                self, texts, numbers=range(start, start + len(texts)), is_strict=True, **options,
                advice="pass stride=... (such as 64) to read it in windows, or truncation=True to cut it",
            )  # fmt: skip
        else:
            options |= {"truncation": True, "stride": stride, "max_length": self._window_length(stride, options)}
            rows = windows(self, texts, **options)
        for row in rows:
            words = texts[row.owner]
            row.example = glue.join(words) if is_split_into_words else words
            row.note = _word_starts(words, glue) if is_split_into_words else None
        return rows

    def _window_length(self, stride: int, options: dict[str, Any]) -> int:
        limits = [options.pop("max_length", None), limit_of(self.model), self.tokenizer.model_max_length]
        length = int(min(limit for limit in limits if limit is not None))
        room = length - self.tokenizer.num_special_tokens_to_add(False)
        if not isinstance(stride, int) or not 0 <= stride < room:
            raise InputError(
                f"stride must be a number from 0 to {room - 1}, as a window has {room} tokens; not {stride!r}"
            )
        return length

    def forward(self, rows: Sequence[Row], **options: Any) -> list[Any]:
        """Logits of each row, ``(length, num_labels)``."""
        return self.unpadded(self.run_model(rows, **options).logits, rows)

    def postprocess(
        self,
        rows: list[Row],
        outputs: list[Any],
        *,
        aggregation_strategy: str = "none",
        ignore_labels: Sequence[str] | None = None,
        trim_particles: bool = False,
    ) -> Any:
        """Logits of one text's windows to its entities."""
        ignored = ["O"] if ignore_labels is None else list(ignore_labels)
        entities: list[dict[str, Any]] = []
        for row, logits in zip(rows, outputs, strict=True):
            tokens = tokens_of(row, probabilities(logits), self.tokenizer, is_marked=self._is_marked)
            entities += self._entities(tokens, aggregation_strategy, ignored)
        if len(rows) > 1:
            entities = merged(entities)
        if trim_particles:
            entities = [without_particle(entity, rows[0].example) for entity in entities]
        return entities

    def figures(self, rows: list[Row], outputs: list[Any]) -> list[Figure]:
        """The best label of each token."""
        names, scores = self.model.config.id2label, probabilities(outputs[0])
        tokens = self.tokenizer.convert_ids_to_tokens(rows[0].inputs["input_ids"])
        best = scores.argmax(axis=-1).tolist()
        cells = [
            (token, names[label], float(outputs[0][i][label]), float(scores[i][label]))
            for i, (token, label) in enumerate(zip(tokens, best, strict=True))
        ]
        return [Figure("Each token's best label", ("token", "label", "logit", "probability"), cells, bar=3)]

    @functools.cached_property
    def _is_marked(self) -> bool:
        """Whether the tokenizer puts a mark before tokens that go on with a word."""
        model = json.loads(self.tokenizer.backend_tokenizer.to_json())["model"]
        return bool(model.get("continuing_subword_prefix"))

    def _entities(self, tokens: Tokens, strategy: str, ignored: Sequence[str]) -> list[dict[str, Any]]:
        names = self.model.config.id2label
        if strategy in ("first", "average", "max"):
            tokens = words_of(tokens, strategy, self.tokenizer)
        best = tokens.scores.argmax(axis=-1)
        labels = [names[int(i)] for i in best]
        scores = tokens.scores[np.arange(len(best)), best]
        if strategy != "none":
            return grouped(tokens, labels, scores, self.tokenizer, ignored)
        return [
            {
                "entity": labels[i],
                "score": scores[i],
                "index": tokens.indices[i],
                "word": tokens.words[i],
                "start": tokens.starts[i],
                "end": tokens.ends[i],
            }
            for i in range(len(labels))
            if labels[i] not in ignored
        ]


def _read(value: Any, index: int, *, is_split: bool) -> Any:
    if not is_split:
        if isinstance(value, (list, tuple)):
            raise wrong_input(value, index, "a string, or a list of words with is_split_into_words=True")
        return as_text(value, index)
    if not isinstance(value, (list, tuple)):
        raise wrong_input(value, index, "a list of words, as is_split_into_words=True says")
    for position, word in enumerate(value):
        if not isinstance(word, str):
            raise InputError(f"word {position} of text {index} must be a string, not {type(word).__name__}")
    return list(value)


def _word_starts(words: Sequence[str], glue: str) -> list[int]:
    lengths = [len(word) + len(glue) for word in words]
    return [0, *np.cumsum(lengths[:-1]).tolist()]
