"""Decoders: from tokens back to a text. ``from dure.tokenizers import decoders``."""

from __future__ import annotations

from collections.abc import Sequence as Sequence_
from typing import TYPE_CHECKING, Any

from dure.errors import InputError, TokenizerError
from dure.tokenizers.components import REQUIRED, Chain, Component, Setting, pattern_setting
from dure.tokenizers.metaspace import prepend_scheme_setting, replacement_setting, upgraded

if TYPE_CHECKING:
    from dure.tokenizers.core_tokenizer import Tokenizer

__all__ = [
    "CTC",
    "BPEDecoder",
    "ByteFallback",
    "ByteLevel",
    "DecodeStream",
    "Decoder",
    "Fuse",
    "Metaspace",
    "Replace",
    "Sequence",
    "Strip",
    "WordPiece",
]


class Decoder(Component, is_kind=True):
    """What all decoders have in common."""

    def decode(self, tokens: Sequence_[str]) -> str:
        """Join tokens to a text.

        Args:
            tokens: The tokens.

        Returns:
            The text.
        """
        from dure.tokenizers._core import decode_tokens

        if isinstance(tokens, str):
            raise InputError(f"tokens must be a list of strings, but are the string {tokens!r}")
        return decode_tokens(self.section_bytes(), list(tokens))


class ByteLevel(Decoder):
    """Visible characters become the bytes that they stand for, as for GPT-2."""

    def _load(self, section: dict[str, Any]) -> None:
        super()._load({"add_prefix_space": True, "trim_offsets": True, "use_regex": True, **section})

    def __init__(self) -> None:
        self._load({})


class ByteFallback(Decoder):
    """Tokens like ``<0x61>`` become the bytes that they stand for."""


class Fuse(Decoder):
    """All tokens become one, which later decoders see as a whole."""


class WordPiece(Decoder):
    """Pieces that continue a word are joined to it.

    Args:
        prefix: What such a piece begins with.
        cleanup: Whether to drop spaces before punctuation and inside of English contractions.
    """

    prefix = Setting("##")
    cleanup = Setting(True)


class Replace(Decoder):
    """Every occurrence of a pattern is replaced.

    Args:
        pattern: A string, or a :class:`~dure.tokenizers.Regex`.
        content: What takes its place.
    """

    pattern = pattern_setting()
    content: Setting[str] = Setting(REQUIRED, kind=str)


class Strip(Decoder):
    """A character is dropped at the ends of each token.

    Args:
        content: The character.
        left: At most how many at the beginning.
        right: At most how many at the end.
    """

    content = replacement_setting(" ")
    left = Setting(0, key="start", minimum=0)
    right = Setting(0, key="stop", minimum=0)

    @property
    def start(self) -> int:
        """At most how many characters are dropped at the beginning."""
        return self.left

    @start.setter
    def start(self, value: int) -> None:
        self.left = value

    @property
    def stop(self) -> int:
        """At most how many characters are dropped at the end."""
        return self.right

    @stop.setter
    def stop(self, value: int) -> None:
        self.right = value


class Metaspace(Decoder):
    """The visible character that stands for white space becomes a space.

    Args:
        replacement: The character, ``▁`` (U+2581) by default.
        prepend_scheme: Whether the first one of a text was added: ``always``, ``never`` or ``first``.
        split: Kept for files that have it.
    """

    replacement = replacement_setting()
    prepend_scheme = prepend_scheme_setting()
    split = Setting(True)

    def _load(self, section: dict[str, Any]) -> None:
        super()._load(upgraded(section))


class BPEDecoder(Decoder):
    """A suffix that ends words becomes a space.

    Args:
        suffix: The suffix.
    """

    suffix = Setting("</w>")


class CTC(Decoder):
    """What a speech model with CTC loss says: repetitions and padding are dropped.

    Args:
        pad_token: The token that stands between repetitions.
        word_delimiter_token: The token that becomes a space.
        cleanup: Whether to drop spaces before punctuation and inside of English contractions.
    """

    pad_token = Setting("<pad>")
    word_delimiter_token = Setting("|")
    cleanup = Setting(True)


class Sequence(Chain, Decoder):
    """Several decoders, one after the other.

    Args:
        decoders: A list of them.
    """

    _key = "decoders"
    _kind = Decoder
    _is_flat = False

    def __init__(self, decoders: Any) -> None:
        self._take(decoders)


class DecodeStream:
    """Decodes ids as they come, a text that grows: each step returns what it adds.

    Args:
        ids: Ids that are there already, and whose text isn't returned.
        skip_special_tokens: Whether special tokens are left out.
    """

    def __init__(self, ids: Sequence_[int] | None = None, skip_special_tokens: bool = False) -> None:
        self.skip_special_tokens = skip_special_tokens
        self._ids = list(ids or [])
        #: The text of the first `_num_done` ids, which was returned already.
        self._prefix = ""
        self._num_done = 0

    def step(self, tokenizer: Tokenizer, id: int | Sequence_[int]) -> str | None:
        """Add an id, or several.

        Args:
            tokenizer: The tokenizer whose ids they are.
            id: The id or ids.

        Returns:
            What they add to the text; None while a character is incomplete.

        Raises:
            TokenizerError: The decoder changes what was returned before.
        """
        if not self._prefix and self._ids:
            prefix = tokenizer.decode(self._ids, skip_special_tokens=self.skip_special_tokens)
            if not prefix.endswith("\ufffd"):
                self._prefix, self._num_done = prefix, len(self._ids)
        self._ids += [id] if isinstance(id, int) else list(id)
        text = tokenizer.decode(self._ids, skip_special_tokens=self.skip_special_tokens)
        is_longer = len(text.encode()) > len(self._prefix.encode())
        if not is_longer or text.endswith("\ufffd"):
            return None
        if not text.startswith(self._prefix):
            raise TokenizerError(
                f"with the token {self._ids[-1]} the text {self._prefix!r} becomes {text!r}: this decoder can't stream"
            )
        added = text[len(self._prefix) :]
        num_new = len(self._ids) - self._num_done
        self._ids = self._ids[self._num_done :]
        self._prefix = tokenizer.decode(self._ids, skip_special_tokens=self.skip_special_tokens)
        self._num_done = num_new
        return added

    def __copy__(self) -> DecodeStream:
        made = DecodeStream(self._ids, self.skip_special_tokens)
        made._prefix, made._num_done = self._prefix, self._num_done
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> DecodeStream:
        return self.__copy__()
