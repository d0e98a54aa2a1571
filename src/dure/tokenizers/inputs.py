"""The texts of a call, in whichever of the accepted forms they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from dure.errors import InputError, TokenizerError

__all__ = ["Texts", "explain"]

_ACCEPTED = {
    "text": "a string, a list of strings or a list of pairs of strings",
    "text_pair": "a list of strings, as text is a list",
}
_WORDS = "a list of words, a list of such lists or a list of pairs of them"


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts to encode, and their partners where they come in pairs.

    Attributes:
        first: The texts, or each text's list of words.
        second: Their partners.
        is_batch: Whether the call was about several.
        is_split: Whether texts are lists of words.
    """

    first: list[Any]
    second: list[Any] | None
    is_batch: bool
    is_split: bool = False

    @classmethod
    def gather(cls, text: Any, text_pair: Any = None, *, is_split: bool = False) -> Texts:
        """From a text, a pair, a list of texts, two lists, or a list of pairs.

        A nested list ``[[a, b]]`` is one pair; a flat list ``[a, b]`` is two texts, or with ``is_split`` one of two
        words.

        Raises:
            InputError: The two arguments don't fit each other, or nothing here can be texts.
        """
        if is_split:
            return cls._gather_words(text, text_pair)
        if isinstance(text, str):
            if text_pair is not None and not isinstance(text_pair, str):
                raise InputError(
                    f"text is one string, so text_pair must be one too, but it is of type {type(text_pair).__name__}"
                )
            return cls([text], [text_pair] if text_pair else None, is_batch=False)
        first = _listed("text", text)
        if text_pair is None:
            return cls.of_batch(first)
        second = _listed("text_pair", text_pair)
        _check_equally_many(first, second)
        return cls(first, second, is_batch=True)

    @classmethod
    def _gather_words(cls, text: Any, text_pair: Any) -> Texts:
        """From texts that are lists of words."""
        first = _words("text", text)
        second = None if text_pair is None else _words("text_pair", text_pair)
        if not first or not isinstance(first[0], (list, tuple)):
            return cls([first], [second] if second else None, is_batch=False, is_split=True)
        if second is None:
            return cls.of_batch(first, is_split=True)
        _check_equally_many(first, second)
        return cls(first, second, is_batch=True, is_split=True)

    @classmethod
    def of_batch(cls, batch: list[Any], *, is_split: bool = False) -> Texts:
        """From a list of texts or a list of pairs.

        Raises:
            InputError: An item that should be a pair isn't one.
        """
        if not batch or not isinstance(batch[0], (list, tuple)):
            return cls(batch, None, is_batch=True)
        is_pairs = not is_split or (len(batch[0]) > 0 and isinstance(batch[0][0], (list, tuple)))
        if not is_pairs:
            return cls(batch, None, is_batch=True, is_split=True)
        for index, item in enumerate(batch):
            if not isinstance(item, (list, tuple)) or len(item) != 2:
                found = f"has {len(item)} items" if isinstance(item, (list, tuple)) else f"is a {type(item).__name__}"
                raise InputError(
                    f"text {index} {found}, but this is a list of pairs: each must be two strings "
                    "(a flat list of strings is a batch of single texts)"
                )
        return cls([item[0] for item in batch], [item[1] for item in batch], is_batch=True, is_split=is_split)


def _check_equally_many(first: list[Any], second: list[Any]) -> None:
    if len(first) != len(second):
        raise InputError(f"text has {len(first)} items and text_pair {len(second)}: they must be as many")


def _listed(name: str, texts: Any) -> list[Any]:
    """A column of texts as a list."""
    if isinstance(texts, (list, tuple)):
        return list(texts) if isinstance(texts, tuple) else texts
    # Columns of data sets, arrays and series are fine; a mapping or bytes is a mistake.
    if isinstance(texts, Iterable) and not isinstance(texts, (str, bytes, bytearray, dict, set)):
        return [str(text) if isinstance(text, str) else text for text in texts]
    raise InputError(f"{name} must be {_ACCEPTED[name]}, but is of type {type(texts).__name__}")


def _words(name: str, texts: Any) -> list[Any]:
    """A list of words, or a column of them, as a list."""
    if isinstance(texts, (list, tuple)):
        return list(texts)
    if isinstance(texts, Iterable) and not isinstance(texts, (str, bytes, bytearray, dict, set)):
        return [item if isinstance(item, str) else list(item) for item in texts]
    raise InputError(f"with is_split_into_words=True, {name} must be {_WORDS}, but is of type {type(texts).__name__}")


def explain(error: Exception, texts: Texts) -> NoReturn:
    """Say which text the engine stumbled over. Checking every text up front would cost more than encoding short ones.

    Raises:
        InputError: A text isn't a string.
        TokenizerError: A text can't be encoded, or the engine had another reason.
    """
    for name, column in (("text", texts.first), ("text_pair", texts.second or [])):
        for index, text in enumerate(column):
            where = f"{name} {index}" if texts.is_batch else name
            if not texts.is_split:
                _check(text, where, error)
            elif not isinstance(text, (list, tuple)):
                kind = type(text).__name__
                raise InputError(f"{where} must be a list of words, but is of type {kind}") from error
            else:
                for position, word in enumerate(text):
                    _check(word, f"word {position} of {where}", error)
    raise TokenizerError(str(error)) from error


def _check(text: Any, where: str, error: Exception) -> None:
    if not isinstance(text, str):
        hint = "; fill or drop missing values first" if text is None or text != text else ""
        raise InputError(f"{where} must be a string, but is of type {type(text).__name__}{hint}") from error
    try:
        text.encode()
    except UnicodeEncodeError as surrogate:
        raise TokenizerError(
            f"{where} holds the lone surrogate U+{ord(text[surrogate.start]):04X} at character "
            f"{surrogate.start}, which isn't text: clean it with "
            "text.encode('utf-8', 'replace').decode('utf-8')"
        ) from error
