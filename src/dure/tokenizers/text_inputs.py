"""What users give a tokenizer to encode, as the engine takes it: texts alone, and pairs of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from dure.errors import InputError

__all__ = ["Inputs", "batch_inputs", "checked_text"]


class Inputs(NamedTuple):
    """Texts that the engine encodes in one call.

    Attributes:
        places: Where in the user's batch they are.
        texts: Strings, or lists of words.
        pairs: The second texts; None for texts that stand alone.
        is_split: Whether they are lists of words.
    """

    places: Sequence[int]
    texts: list[Any]
    pairs: list[Any] | None
    is_split: bool


def batch_inputs(batch: Any, *, is_split: bool) -> list[Inputs]:
    """A batch of texts and pairs: first those that stand alone, then the pairs.

    Raises:
        InputError: Something in it is neither a text nor a pair.
    """
    if isinstance(batch, (str, bytes, dict, set)) or not hasattr(batch, "__len__"):
        raise InputError(f"a batch must be a list of texts or pairs, not a {type(batch).__name__}")
    items = list(batch)
    if not items:
        return []
    if not is_split and all(type(item) is str for item in items):
        return [Inputs(range(len(items)), items, None, False)]
    alone: list[tuple[int, Any]] = []
    pairs: list[tuple[int, Any, Any]] = []
    for place, item in enumerate(items):
        text = _text(item, is_split)
        if text is not None:
            alone.append((place, text))
            continue
        first, second = _pair(item, is_split)
        pairs.append((place, first, second))
    groups = []
    if alone:
        groups.append(Inputs([p for p, _ in alone], [text for _, text in alone], None, is_split))
    if pairs:
        places = [place for place, _, _ in pairs]
        groups.append(Inputs(places, [a for _, a, _ in pairs], [b for _, _, b in pairs], is_split))
    return groups


def _text(item: Any, is_split: bool) -> Any:
    """A text as the engine takes it; None for something else."""
    if not is_split:
        return item if isinstance(item, str) else None
    if hasattr(item, "tolist") and getattr(item, "ndim", 0) == 1:
        item = item.tolist()
    is_words = isinstance(item, (list, tuple)) and all(isinstance(word, str) for word in item)
    return list(item) if is_words else None


def checked_text(item: Any, *, is_split: bool) -> Any:
    """A text as the engine takes it: a string, or a list of words.

    Raises:
        InputError: It's something else.
    """
    text = _text(item, is_split)
    if text is None:
        raise InputError(f"{_wanted(is_split)}, but got {item!r}")
    return text


def _pair(item: Any, is_split: bool) -> tuple[Any, Any]:
    if isinstance(item, (str, bytes)) or not hasattr(item, "__len__") or len(item) != 2:
        raise InputError(f"{_wanted(is_split)}, or a pair of two, but got {item!r}")
    return checked_text(item[0], is_split=is_split), checked_text(item[1], is_split=is_split)


def _wanted(is_split: bool) -> str:
    return "with is_pretokenized=True a text must be a list of words" if is_split else "a text must be a string"
