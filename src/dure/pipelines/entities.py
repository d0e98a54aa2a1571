"""Classified tokens to entities: words made to agree, neighbours put together, windows merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dure.pipelines.rows import Row

__all__ = ["Tokens", "grouped", "merged", "tokens_of", "words_of"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens, or words, of a row, without special tokens.

    Attributes:
        words: As strings.
        scores: ``(length, num_labels)`` probabilities.
        starts: Where each begins in the text, in characters.
        ends: Where it ends.
        indices: Its position in the row; of words there is none.
        continues: Whether it goes on with the word of the one before.
    """

    words: list[str]
    scores: Any
    starts: list[int]
    ends: list[int]
    indices: list[int]
    continues: list[bool]


def tokens_of(row: Row, scores: Any, tokenizer: Any, *, is_marked: bool) -> Tokens:
    """The tokens of a row with their scores.

    Args:
        row: The row; its example is the text, its note says where words start in it, if they came one by one.
        scores: ``(length, num_labels)`` probabilities.
        tokenizer: The tokenizer.
        is_marked: Whether a mark, such as ``##``, is put before tokens that go on with a word.
    """
    text, encoding = row.example, row.encoding
    kept = [i for i, is_special in enumerate(encoding.special_tokens_mask) if not is_special]
    ids, places = row.inputs["input_ids"], encoding.offsets
    shifts = [0] * len(places) if row.note is None else [0 if w is None else row.note[w] for w in encoding.word_ids]
    starts = [places[i][0] + shifts[i] for i in kept]
    ends = [places[i][1] + shifts[i] for i in kept]
    words = tokenizer.convert_ids_to_tokens([ids[i] for i in kept])
    continues = []
    for n, (i, start, end) in enumerate(zip(kept, starts, ends, strict=True)):
        if ids[i] == tokenizer.unk_token_id:
            words[n] = text[start:end]
            continues.append(False)
        elif is_marked:
            continues.append(len(words[n]) != end - start)
        else:
            # Without a mark on tokens, a word begins where the text has a space.
            continues.append(start > 0 and " " not in text[start - 1 : start + 1])
    return Tokens(words, scores[kept], starts, ends, kept, continues)


def words_of(tokens: Tokens, strategy: str, tokenizer: Any) -> Tokens:
    """Tokens put together to words, each with the scores of its first token, its surest one, or of their average."""
    groups: list[list[int]] = []
    for i, goes_on in enumerate(tokens.continues):
        if groups and goes_on:
            groups[-1].append(i)
        else:
            groups.append([i])
    scores = np.zeros((len(groups), *tokens.scores.shape[1:]), tokens.scores.dtype)
    for n, group in enumerate(groups):
        own = tokens.scores[group]
        if strategy == "average":
            scores[n] = np.nanmean(own, axis=0)
        else:
            scores[n] = own[0 if strategy == "first" else own.max(axis=-1).argmax()]
    words = [tokenizer.convert_tokens_to_string([tokens.words[i] for i in group]) for group in groups]
    starts, ends = [tokens.starts[g[0]] for g in groups], [tokens.ends[g[-1]] for g in groups]
    return Tokens(words, scores, starts, ends, [], [False] * len(groups))


def grouped(
    tokens: Tokens, labels: Sequence[str], scores: Any, tokenizer: Any, ignored: Sequence[str]
) -> list[dict[str, Any]]:
    """Neighbours of a kind as one entity; ``B-`` begins another one.

    Args:
        tokens: Tokens or words.
        labels: The label of each.
        scores: Its score.
        tokenizer: Puts words together.
        ignored: Kinds to leave out.
    """
    groups: list[list[int]] = []
    for i, label in enumerate(labels):
        if groups and not label.startswith("B-") and _kind(label) == _kind(labels[i - 1]):
            groups[-1].append(i)
        else:
            groups.append([i])
    entities = []
    for group in groups:
        kind = labels[group[0]].split("-", 1)[-1]
        if kind not in ignored:
            entities.append(
                {
                    "entity_group": kind,
                    "score": np.nanmean(scores[group]),
                    "word": tokenizer.convert_tokens_to_string([tokens.words[i] for i in group]),
                    "start": tokens.starts[group[0]],
                    "end": tokens.ends[group[-1]],
                }
            )
    return entities


def merged(entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entities of overlapping windows, in order; of two that overlap stays the longer, then the surer one."""
    kept: list[dict[str, Any]] = []
    for entity in sorted(entities, key=lambda entity: entity["start"]):
        if not kept or not kept[-1]["start"] <= entity["start"] < kept[-1]["end"]:
            kept.append(entity)
        elif _rank(entity) > _rank(kept[-1]):
            kept[-1] = entity
    return kept


def _rank(entity: dict[str, Any]) -> tuple[int, float]:
    return entity["end"] - entity["start"], entity["score"]


def _kind(label: str) -> str:
    return label[2:] if label.startswith(("B-", "I-")) else label
