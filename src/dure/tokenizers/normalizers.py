"""Normalizers: what is done to a text before it's split. ``from dure.tokenizers import normalizers``."""

from __future__ import annotations

import base64
from typing import Any

from dure.errors import InputError
from dure.tokenizers.components import REQUIRED, Chain, Component, Setting, pattern_setting

__all__ = [
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "BertNormalizer",
    "ByteLevel",
    "Lowercase",
    "Nmt",
    "Normalizer",
    "Precompiled",
    "Prepend",
    "Replace",
    "Sequence",
    "Strip",
    "StripAccents",
    "unicode_normalizer_from_str",
]


class Normalizer(Component, is_kind=True):
    """What all normalizers have in common."""

    def normalize_str(self, sequence: str) -> str:
        """Normalize a text.

        Args:
            sequence: The text.

        Returns:
            What the next steps of a tokenizer would see.
        """
        from dure.tokenizers._core import normalize

        return normalize(self.section_bytes(), sequence)


class NFC(Normalizer):
    """Unicode's form C: characters are composed (``e`` and an accent become ``é``)."""


class NFD(Normalizer):
    """Unicode's form D: characters are decomposed (``é`` becomes ``e`` and an accent)."""


class NFKC(Normalizer):
    """Unicode's form KC: like NFC, and characters that only look different become the same (``ﬁ``, ``fi``)."""


class NFKD(Normalizer):
    """Unicode's form KD: like NFD, and characters that only look different become the same."""


class Lowercase(Normalizer):
    """Capital letters become small ones."""


class StripAccents(Normalizer):
    """Accents (combining marks) are taken off; use it behind NFD or NFKD."""


class Nmt(Normalizer):
    """Control characters are dropped and odd spaces become plain ones, as SentencePiece does for translation."""


class ByteLevel(Normalizer):
    """Each byte of the text becomes a visible character, as GPT-2 does."""


class BertNormalizer(Normalizer):
    """What BERT does to a text.

    Args:
        clean_text: Drop control characters; any white space becomes a space.
        handle_chinese_chars: Put spaces around Chinese characters.
        strip_accents: Take accents off; None: if ``lowercase``.
        lowercase: Capital letters become small ones.
    """

    clean_text = Setting(True)
    handle_chinese_chars = Setting(True)
    strip_accents: Setting[bool | None] = Setting(None, kind=bool)
    lowercase = Setting(True)


class Strip(Normalizer):
    """White space at the ends of the text is dropped.

    Args:
        left: At the beginning.
        right: At the end.
    """

    left = Setting(True, key="strip_left")
    right = Setting(True, key="strip_right")


class Prepend(Normalizer):
    """A text is put in front, unless there's nothing to put it in front of.

    Args:
        prepend: The text.
    """

    prepend = Setting("▁")


class Replace(Normalizer):
    """Every occurrence of a pattern is replaced.

    Args:
        pattern: A string, or a :class:`~dure.tokenizers.Regex`.
        content: What takes its place.
    """

    pattern = pattern_setting()
    content: Setting[str] = Setting(REQUIRED, kind=str)


class Precompiled(Normalizer):
    """The table of replacements in a SentencePiece model.

    Args:
        precompiled_charsmap: The bytes of the table.
    """

    precompiled_charsmap: Setting[bytes] = Setting(
        REQUIRED,
        kind=bytes,
        write=lambda value: base64.b64encode(value).decode(),
        read=base64.b64decode,
    )

    def __init__(self, precompiled_charsmap: bytes) -> None:
        super().__init__(precompiled_charsmap)
        try:
            self.normalize_str("")
        except ValueError as error:
            raise InputError(
                f"these {len(precompiled_charsmap)} bytes are not a table of replacements: {error}"
            ) from error


class Sequence(Chain, Normalizer):
    """Several normalizers, one after the other.

    Args:
        normalizers: A list of them.
    """

    _key = "normalizers"
    _kind = Normalizer

    def __init__(self, normalizers: Any) -> None:
        self._take(normalizers)


_BY_NAME = {"nfc": NFC, "nfd": NFD, "nfkc": NFKC, "nfkd": NFKD}


def unicode_normalizer_from_str(normalizer: str) -> Normalizer:
    """The normalizer with a name: ``nfc``, ``nfd``, ``nfkc`` or ``nfkd``.

    Raises:
        InputError: There's none of that name.
    """
    if normalizer not in _BY_NAME:
        raise InputError(f"{normalizer!r} is not a Unicode normalizer: use one of {', '.join(_BY_NAME)}")
    return _BY_NAME[normalizer]()
