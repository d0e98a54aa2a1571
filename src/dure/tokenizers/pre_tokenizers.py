"""Pre-tokenizers: how a text is split into words. ``from dure.tokenizers import pre_tokenizers``."""

from __future__ import annotations

from typing import Any

from dure.tokenizers.components import REQUIRED, Chain, Component, Setting, pattern_setting
from dure.tokenizers.metaspace import prepend_scheme_setting, replacement_setting, upgraded

__all__ = [
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Digits",
    "FixedLength",
    "Metaspace",
    "PreTokenizer",
    "Punctuation",
    "Sequence",
    "Split",
    "UnicodeScripts",
    "Whitespace",
    "WhitespaceSplit",
]

_BEHAVIORS = {
    "removed": "Removed",
    "isolated": "Isolated",
    "merged_with_previous": "MergedWithPrevious",
    "merged_with_next": "MergedWithNext",
    "contiguous": "Contiguous",
}


def _behavior_setting(default: Any = REQUIRED) -> Setting[str]:
    """What becomes of the pieces that a pattern finds."""

    def write(value: str) -> str:
        if value not in _BEHAVIORS:
            raise ValueError(f"must be one of {', '.join(_BEHAVIORS)}")
        return _BEHAVIORS[value]

    def read(value: str) -> str:
        return next((name for name, stored in _BEHAVIORS.items() if stored == value), value)

    return Setting(default, kind=str, write=write, read=read)


class PreTokenizer(Component, is_kind=True):
    """What all pre-tokenizers have in common."""

    def pre_tokenize_str(self, sequence: str) -> list[tuple[str, tuple[int, int]]]:
        """Split a text.

        Args:
            sequence: The text.

        Returns:
            The words, each with the place in the text that it comes from, in code points: ``(first, last + 1)``.
        """
        from dure.tokenizers._core import pre_tokenize

        return pre_tokenize(self.section_bytes(), sequence)


class BertPreTokenizer(PreTokenizer):
    """Splits at white space, which is dropped, and around each punctuation character."""


class UnicodeScripts(PreTokenizer):
    """Splits where the script changes, as SentencePiece does: Latin to Hangul, Han to Cyrillic, ..."""


class Whitespace(PreTokenizer):
    r"""Splits into runs of letters and digits and runs of other characters: ``\w+|[^\w\s]+``."""


class WhitespaceSplit(PreTokenizer):
    """Splits at white space, which is dropped."""


class ByteLevel(PreTokenizer):
    """Splits as GPT-2 does, and turns each byte into a visible character.

    Args:
        add_prefix_space: Put a space in front of a text that has none.
        trim_offsets: Kept for files that have it; the post-processor trims.
        use_regex: Split with GPT-2's expression; False: leave the splitting to another pre-tokenizer.
    """

    add_prefix_space = Setting(True)
    trim_offsets = Setting(True)
    use_regex = Setting(True)
    _ignores_unknown = True

    @staticmethod
    def alphabet() -> list[str]:
        """The 256 characters that stand for the 256 bytes, sorted."""
        visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
        return sorted([*map(chr, visible), *map(chr, range(256, 256 + 256 - len(visible)))])


class Metaspace(PreTokenizer):
    """White space becomes a visible character, as in SentencePiece, and words begin with it.

    Args:
        replacement: The character, ``▁`` (U+2581) by default.
        prepend_scheme: Whether the text begins with one that isn't there: ``always``, ``never``, or ``first``: only at
            the beginning of the whole text, not behind a special token.
        split: Whether to split before it.
    """

    replacement = replacement_setting()
    prepend_scheme = prepend_scheme_setting()
    split = Setting(True)

    def _load(self, section: dict[str, Any]) -> None:
        super()._load(upgraded(section))


class CharDelimiterSplit(PreTokenizer):
    """Splits at a character, which is dropped.

    Args:
        delimiter: The character.
    """

    delimiter = replacement_setting(REQUIRED)


class Punctuation(PreTokenizer):
    """Splits around punctuation characters.

    Args:
        behavior: What becomes of them: ``isolated``, ``removed``, ``merged_with_previous``, ``merged_with_next`` or
            ``contiguous``.
    """

    behavior = _behavior_setting("isolated")

    def _load(self, section: dict[str, Any]) -> None:
        super()._load({"behavior": "Isolated", **section})


class Digits(PreTokenizer):
    """Splits digits off.

    Args:
        individual_digits: Each digit by itself rather than a number as a whole.
    """

    individual_digits = Setting(False)


class FixedLength(PreTokenizer):
    """Splits into pieces of the same length.

    Args:
        length: In characters.
    """

    length = Setting(5, minimum=0)


class Split(PreTokenizer):
    """Splits with a pattern.

    Args:
        pattern: A string, or a :class:`~dure.tokenizers.Regex`.
        behavior: What becomes of what it finds: ``removed``, ``isolated``, ``merged_with_previous``,
            ``merged_with_next`` or ``contiguous``.
        invert: Whether the pattern says what is between the places to split.
    """

    pattern = pattern_setting()
    behavior = _behavior_setting()
    invert = Setting(False)


class Sequence(Chain, PreTokenizer):
    """Several pre-tokenizers: each splits the pieces of the one before.

    Args:
        pretokenizers: A list of them.
    """

    _key = "pretokenizers"
    _kind = PreTokenizer

    def __init__(self, pretokenizers: Any) -> None:
        self._take(pretokenizers)
