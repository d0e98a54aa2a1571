"""Where an answer starts and ends: probabilities of positions to the best spans, tokens to characters."""

from __future__ import annotations

from typing import Any

import numpy as np

from dure.pipelines.rows import Row
from dure.pipelines.text_classification import probabilities
from dure.tokenizers.rows import EncodingRow

__all__ = ["answer_of", "best_spans", "chances", "characters_of"]

#: What a position that can't be in an answer counts as.
NEVER = -10_000.0


def answer_of(score: float, start: int, end: int, text: str) -> dict[str, Any]:
    """An answer as users know it."""
    return {"score": score, "start": start, "end": end, "answer": text}


def chances(logits: Any, row: Row, no_answer_id: int | None) -> Any:
    """The probability of each position of a window, ``(length,)``; only those of the context count, and "no answer".

    Args:
        logits: ``(length,)``.
        row: The window; its note says which tokens are the context's.
        no_answer_id: The token on which models put their weight where the context has no answer; None without one.
    """
    counts = row.note.copy()
    if no_answer_id is not None:
        counts |= np.array(row.inputs["input_ids"]) == no_answer_id
    return probabilities(np.where(counts, logits, np.float32(NEVER)))


def best_spans(starts: Any, ends: Any, allowed: Any, count: int, max_length: int) -> list[tuple[int, int, float]]:
    """The most probable spans: first token, last token, and the product of both probabilities; the best first.

    Args:
        starts: ``(length,)`` probabilities of being first.
        ends: ``(length,)`` probabilities of being last.
        allowed: ``(length,)``, which tokens may be at either end.
        count: How many at most.
        max_length: The most tokens of a span.
    """
    length = len(starts)
    allowed = allowed.copy()
    allowed[0] = False  # where there is no context, as in a padded row, the first token stands for "no answer"
    width = min(max_length, length)
    # Row i, column k: from token i to token i + k. All pairs would be `length` times as many.
    scores = np.full((length, width), -1.0, np.float32)
    for k in range(width):
        fits = allowed[: length - k] & allowed[k:]
        scores[: length - k, k] = np.where(fits, starts[: length - k] * ends[k:], -1.0)
    flat = scores.ravel()
    best = np.argpartition(-flat, count - 1)[:count] if count < len(flat) else np.arange(len(flat))
    best = best[np.argsort(-flat[best], kind="stable")]
    return [(int(i) // width, int(i) // width + int(i) % width, float(flat[i])) for i in best if flat[i] >= 0]


def characters_of(
    encoding: EncodingRow, first: int, last: int, sequence: int, *, is_whole_words: bool
) -> tuple[int, int]:
    """From tokens to characters, widened to whole words where the tokenizer knows words.

    Args:
        encoding: The window.
        first: The first token.
        last: The last token.
        sequence: Which text of the pair they are in.
        is_whole_words: Whether to widen.
    """
    if is_whole_words:
        words = [encoding.token_to_word(token) for token in (first, last)]
        start, end = (None if word is None else encoding.word_to_chars(word, sequence) for word in words)
        if start is not None and end is not None:
            return start[0], end[1]
    places = [encoding.token_to_chars(token) or (0, 0) for token in (first, last)]
    return places[0][0], places[1][1]
