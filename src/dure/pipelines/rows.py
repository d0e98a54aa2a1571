"""Texts to rows of token ids that a model can read: within its limit, refused with the limit, or cut aloud."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dure.errors import InputError
from dure.tokenizers.rows import EncodingRow

__all__ = ["Row", "batches", "encode", "limit_of", "windows"]

logger = logging.getLogger(__name__)

#: Above this, a tokenizer's limit means that it has none.
LARGE_INTEGER = 10**20


@dataclass(slots=True)
class Row:
    """What a model reads at once: a text, a pair, or a window of a long one.

    Attributes:
        inputs: The model's arguments, such as ``input_ids``, each a list as long as the row.
        encoding: Tokens, words and places in the text.
        owner: Which of the call's inputs it is a part of.
        example: That input, as the task reads it.
        note: What else the last stage needs to know of the row.
    """

    inputs: dict[str, list[int]]
    encoding: EncodingRow
    owner: int
    example: Any = None
    note: Any = None

    def __len__(self) -> int:
        return len(self.inputs["input_ids"])


def limit_of(model: Any) -> int | None:
    """How many tokens a model can read; None where its positions have no end."""
    config, body = model.config, getattr(model, "base_model", model)
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None:
        return None
    embeddings = getattr(body, "embeddings", None)
    return int(positions) - int(getattr(embeddings, "first_position", 0) or 0)


def encode(
    pipe: Any,
    firsts: Sequence[Any],
    seconds: Sequence[str] | None = None,
    *,
    numbers: Sequence[int] | None = None,
    truncation: bool | str | None = None,
    max_length: int | None = None,
    is_strict: bool = False,
    is_unlimited: bool = False,
    advice: str = "pass truncation=True to cut it",
    **options: Any,
) -> list[Row]:
    """Rows for texts or pairs, one for each.

    Args:
        pipe: The pipeline, for its tokenizer and its model's limit.
        firsts: Texts, or lists of words with ``is_split_into_words=True``.
        seconds: Their partners.
        numbers: The number of each text among all inputs of the call, for messages.
        truncation: True or a strategy: cut what is too long, and say so. Otherwise it is refused.
        max_length: Cut to this length in place of the model's.
        is_strict: Refuse what is longer than the tokenizer's limit too, not only what the model can't read.
        is_unlimited: Refuse nothing: the caller cuts.
        advice: What to do about a text that is too long, for the error.
        **options: Further arguments of the tokenizer.

    Raises:
        InputError: A text is too long.
    """
    positions, named = limit_of(pipe.model), pipe.tokenizer.model_max_length
    known = [limit for limit in (positions, named) if limit is not None and limit <= LARGE_INTEGER]
    options = {"verbose": False, **options}
    batch = pipe.tokenizer(list(firsts), None if seconds is None else list(seconds), **options)
    rows = _rows(pipe, batch, range(len(firsts)))
    cuts = truncation not in (None, False, "do_not_truncate")
    limit = max_length if cuts and max_length is not None else min(known, default=None)
    if not cuts and not is_strict:
        limit = positions
    long = [] if limit is None or is_unlimited else [i for i, row in enumerate(rows) if len(row) > limit]
    if not long:
        return rows
    worst = max(long, key=lambda i: len(rows[i]))
    numbers = range(len(rows)) if numbers is None else numbers
    if not cuts:
        raise InputError(
            f"text {numbers[worst]} has {len(rows[worst])} tokens, but the model takes {limit} at most: {advice}"
        )
    logger.warning(
        "%d of %d texts had more than %d tokens and were cut; the longest is text %d, which had %d",
        len({numbers[i] for i in long}), len(set(numbers)), limit, numbers[worst], len(rows[worst]),
    )  # fmt: skip
    pairs = None if seconds is None else [seconds[i] for i in long]
    batch = pipe.tokenizer([firsts[i] for i in long], pairs, truncation=truncation, max_length=limit, **options)
    for i, row in zip(long, _rows(pipe, batch, long), strict=True):
        rows[i] = row
    return rows


def windows(pipe: Any, firsts: Sequence[Any], seconds: Sequence[str] | None = None, **options: Any) -> list[Row]:
    """Rows for texts or pairs, as many for each as its length asks for, in order.

    Args:
        pipe: The pipeline.
        firsts: Texts, or lists of words.
        seconds: Their partners.
        **options: Arguments of the tokenizer: ``truncation``, ``max_length`` and ``stride`` say what a window is.
    """
    pairs = None if seconds is None else list(seconds)
    batch = pipe.tokenizer(list(firsts), pairs, return_overflowing_tokens=True, verbose=False, **options)
    return _rows(pipe, batch, batch["overflow_to_sample_mapping"])


def _rows(pipe: Any, batch: Any, owners: Sequence[int]) -> list[Row]:
    names = [name for name in batch if name in pipe.tokenizer.model_input_names]
    columns = [batch[name] for name in names]
    return [
        Row(dict(zip(names, values, strict=True)), encoding, owner)
        for values, encoding, owner in zip(zip(*columns, strict=True), batch.encodings, owners, strict=True)
    ]


def batches(
    lengths: Sequence[int], budget: int | None, limit: int | None, kinds: Sequence[Hashable] | None = None
) -> Iterator[list[int]]:
    """Indices in batches of about equal length.

    Args:
        lengths: The rows' lengths.
        budget: The most tokens of a batch, padding included, unless it is a single row; None for no such limit.
        limit: The most rows of a batch; None for no such limit.
        kinds: What rows of one batch must have in common.
    """
    kinds = [None] * len(lengths) if kinds is None else kinds
    batch: list[int] = []
    # Longest first: the first row of a batch decides its width. Sorting is stable, so kinds are sorted last.
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    if len(set(kinds)) > 1:
        order.sort(key=lambda i: hash(kinds[i]))
    for i in order:
        is_full = batch and budget is not None and lengths[batch[0]] * (len(batch) + 1) > budget
        if batch and (is_full or len(batch) == limit or kinds[i] != kinds[batch[0]]):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
