"""Two tokenizers side by side: everything an encoding says, as plain lists, and the first difference found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from dure.tokenizers._core import Encodings, Engine

COLUMNS = ("ids", "tokens", "offsets", "word_ids", "type_ids", "special_tokens_mask", "sequence_ids")
Row = tuple[list[Any], ...]


def oracle_rows(encodings: Sequence[Any], *, loses_sequences: bool) -> list[Row]:
    """What `tokenizers` says, overflow after the row it comes from.

    Its sequence ids aren't believed where they contradict each other: at special tokens that a sequence of
    post-processors put there (0 or None, as it comes), and in the overflow of pairs without a post-processor.
    """
    rows = []
    for encoding in encodings:
        for row in [encoding, *encoding.overflowing]:
            columns = [list(getattr(row, column)) for column in COLUMNS]
            if loses_sequences and row is not encoding:
                columns[-1] = []
            rows.append(tuple(columns))
    return rows


def engine_rows(engine: Engine, found: Encodings) -> list[Row]:
    """What Dure's columns say."""
    tokens = engine.ids_to_tokens(found.ids)
    for index, text in found.surfaces():
        tokens[index] = text
    offsets = list(map(tuple, found.offsets.tolist()))
    columns = [found.ids.tolist(), tokens, offsets, none_for_minus(found.word_ids), found.type_ids.tolist()]
    columns += [found.special_tokens_mask.tolist(), none_for_minus(found.sequence_ids)]
    starts = found.row_starts.tolist()
    return [tuple(c[a:b] for c in columns) for a, b in pairwise(starts)]


def none_for_minus(column: Any) -> list[int | None]:
    return [None if value < 0 else value for value in column.tolist()]


def first_difference(ours: list[Row], theirs: list[Row]) -> str | None:
    """Where two lists of rows differ, in words."""
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, not {len(theirs)}"
    for index, (mine, yours) in enumerate(zip(ours, theirs, strict=True)):
        for column, left, right in zip(COLUMNS, mine, yours, strict=True):
            if column == "sequence_ids":
                is_special = yours[COLUMNS.index("special_tokens_mask")]
                pairs = zip(left, right, is_special, strict=False)
                is_equal = all(a == b for a, b, skip in pairs if not skip)
            else:
                is_equal = left == right
            if not is_equal:
                return f"row {index}, {column}:\n  dure   {left}\n  oracle {right}"
    return None


def encode_oracle(oracle: Any, texts: Sequence[Any], pairs: Sequence[Any] | None, options: dict[str, Any]) -> list[Row]:
    """Encode with `tokenizers`, with the options of Dure's engine."""
    oracle.no_truncation()
    if options.get("max_length"):
        oracle.enable_truncation(
            options["max_length"],
            stride=options.get("stride", 0),
            strategy=options.get("strategy", "longest_first"),
            direction="left" if options.get("truncate_left") else "right",
        )
    inputs = texts if pairs is None else list(zip(texts, pairs, strict=True))
    return oracle_rows(
        oracle.encode_batch(
            inputs,
            is_pretokenized=options.get("is_split", False),
            add_special_tokens=options.get("add_special_tokens", True),
        ),
        loses_sequences=oracle.post_processor is None,
    )


def encode_difference(
    engine: Engine, oracle: Any, texts: Sequence[Any], pairs: Sequence[Any] | None = None, **options: Any
) -> str | None:
    """Compare both, Dure with its memory of pieces and without; the smallest differing text is named."""
    expected = encode_oracle(oracle, texts, pairs, options)
    for uses_memory in (True, False):
        found = engine.encode(texts, pairs, overflow=True, num_threads=2, uses_memory=uses_memory, **options)
        if first_difference(engine_rows(engine, found), expected) is None:
            continue
        for index in sorted(range(len(texts)), key=lambda i: len(texts[i])):
            pair = None if pairs is None else pairs[index : index + 1]
            alone = encode_oracle(oracle, texts[index : index + 1], pair, options)
            again = engine.encode(texts[index : index + 1], pair, overflow=True, uses_memory=uses_memory, **options)
            difference = first_difference(engine_rows(engine, again), alone)
            if difference:
                return f"{texts[index]!r} {pair!r} {options} uses_memory={uses_memory}: {difference}"
        return f"{options} uses_memory={uses_memory}: only in a batch: " + str(
            first_difference(engine_rows(engine, found), expected)
        )
    return None


def decode_difference(engine: Engine, oracle: Any, rows: list[list[int]]) -> str | None:
    """Compare decoded texts, with and without special tokens."""
    for skip in (False, True):
        expected = oracle.decode_batch(rows, skip_special_tokens=skip)
        found = engine.decode_batch(rows, skip, 2)
        for row, left, right in zip(rows, found, expected, strict=True):
            if left != right:
                return f"decode {row}, skip_special_tokens={skip}:\n  dure   {left!r}\n  oracle {right!r}"
    return None
