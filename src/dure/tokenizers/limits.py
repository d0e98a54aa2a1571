"""How long the rows of a tokenizer are: truncation and padding, as set on the tokenizer itself."""

from __future__ import annotations

from typing import Any

from dure.errors import InputError
from dure.tokenizers.columns import COLUMNS
from dure.tokenizers.document import TokenizerDocument
from dure.tokenizers.encoding import Encoding, check_direction
from dure.tokenizers.layout import check_padding

__all__ = ["Limits"]

_STRATEGIES = ("longest_first", "only_first", "only_second")


class Limits(TokenizerDocument):
    """The part of a tokenizer that truncates and pads."""

    def enable_truncation(
        self, max_length: int, stride: int = 0, strategy: str = "longest_first", direction: str = "right"
    ) -> None:
        """Truncate from now on.

        Args:
            max_length: The most tokens of a row, special tokens included.
            stride: How many tokens neighbouring rows share, where a text makes several.
            strategy: What is cut of a pair: ``longest_first``, ``only_first`` or ``only_second``.
            direction: At which side: ``right`` or ``left``.

        Raises:
            InputError: An argument is wrong.
        """
        _check_number("max_length", max_length)
        _check_number("stride", stride)
        if strategy not in _STRATEGIES:
            raise InputError(f"strategy must be one of {', '.join(_STRATEGIES)}, but is {strategy!r}")
        check_direction(direction)
        room = max_length - self.num_special_tokens_to_add(False)
        if 0 <= room < stride:
            raise InputError(
                f"stride must be smaller than the {room} tokens that max_length={max_length} leaves beside special "
                f"tokens, but is {stride}"
            )
        self._truncation = {
            "max_length": max_length,
            "stride": stride,
            "strategy": strategy,
            "direction": direction,
        }
        self._plans = {}

    def no_truncation(self) -> None:
        """Don't truncate any more."""
        self._truncation = None
        self._plans = {}

    @property
    def truncation(self) -> dict[str, Any] | None:
        """How it truncates; None if it doesn't. Set it with ``enable_truncation``."""
        return None if self._truncation is None else dict(self._truncation)

    def enable_padding(
        self,
        direction: str = "right",
        pad_id: int = 0,
        pad_type_id: int = 0,
        pad_token: str = "[PAD]",  # noqa: S107
        length: int | None = None,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        """Pad from now on.

        Args:
            direction: At which side: ``right`` or ``left``.
            pad_id: The id of the padding token.
            pad_type_id: Its type id.
            pad_token: Its text.
            length: To which length; None: to that of the longest row of a batch.
            pad_to_multiple_of: Round the length up to a multiple of this.

        Raises:
            InputError: An argument is wrong.
        """
        check_direction(direction)
        numbers = {"pad_id": pad_id, "pad_type_id": pad_type_id}
        optional = {"length": length, "pad_to_multiple_of": pad_to_multiple_of}
        for name, value in (numbers | {name: value for name, value in optional.items() if value is not None}).items():
            _check_number(name, value)
        self._padding = {
            "length": length,
            "pad_to_multiple_of": pad_to_multiple_of,
            "pad_id": pad_id,
            "pad_token": pad_token,
            "pad_type_id": pad_type_id,
            "direction": direction,
        }

    def no_padding(self) -> None:
        """Don't pad any more."""
        self._padding = None

    @property
    def padding(self) -> dict[str, Any] | None:
        """How it pads; None if it doesn't. Set it with ``enable_padding``."""
        return None if self._padding is None else dict(self._padding)

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """How many special tokens are put around one text, or around two (``is_pair``)."""
        return self._engine().num_special_tokens(is_pair)

    def post_process(
        self, encoding: Encoding, pair: Encoding | None = None, add_special_tokens: bool = True
    ) -> Encoding:
        """Do to encoded texts what is done at the end: truncate, put special tokens around them, pad.

        Args:
            encoding: The first text, without special tokens.
            pair: The second text.
            add_special_tokens: Whether to put special tokens around them.

        Returns:
            A new encoding.
        """
        first, second = encoding.copied(), None if pair is None else pair.copied()
        if self._truncation is not None:
            special = self.num_special_tokens_to_add(pair is not None) if add_special_tokens else 0
            _truncate(first, second, self._truncation["max_length"] - special, self._truncation)
        if self.post_processor is not None:
            first = self.post_processor.process(first, second, add_special_tokens)
        elif second is not None:
            first.set_sequence_id(0)
            second.set_sequence_id(1)
            first = Encoding.merge([first, second], growing_offsets=False)
        self._pad([first])
        return first

    def _pad(self, encodings: list[Encoding]) -> None:
        """Fill all encodings up to one length, if padding is on."""
        settings = self._padding
        if settings is None or not encodings:
            return
        longest = max(map(len, encodings))
        length = longest if settings["length"] is None else settings["length"]
        multiple = settings["pad_to_multiple_of"]
        if multiple:
            length += -length % multiple
        check_padding(length, longest, len(encodings))
        fills = (settings["pad_id"], settings["pad_type_id"], settings["pad_token"], None, (0, 0), 1, 0)
        by_name = dict(zip(COLUMNS, fills, strict=True))
        for encoding in encodings:
            encoding._pad(length, is_left=settings["direction"] == "left", fills=by_name)


def _truncate(first: Encoding, second: Encoding | None, room: int, settings: dict[str, Any]) -> None:
    """Cut one encoding or two so that ``room`` tokens stay."""
    if room < 0:
        raise InputError(f"max_length={settings['max_length']} is smaller than the number of special tokens")
    kept = _share(len(first), None if second is None else len(second), room, settings["strategy"])
    for encoding, length in zip((first, second), kept, strict=True):
        if encoding is not None:
            encoding.truncate(length, settings["stride"], settings["direction"])


def _share(first: int, second: int | None, room: int, strategy: str) -> tuple[int, int]:
    """How many tokens stay of the first and of the second text."""
    other = second or 0
    excess = first + other - room
    if excess <= 0:
        return (first, other)
    if room == 0:
        return (0, 0)
    if strategy == "longest_first":
        if second is None:
            return (room, 0)
        small = min(first, other)
        large = small if small > room else max(small, room - small)
        if small + large > room:
            small, large = room // 2, room // 2 + room % 2
        return (large, small) if first > other else (small, large)
    if strategy == "only_second" and second is None:
        raise InputError("strategy='only_second' needs a second text")
    target = first if strategy == "only_first" else other
    if target <= excess:
        raise InputError(f"strategy={strategy!r} can't drop {excess} of {target} tokens: raise max_length")
    return (first - excess, other) if strategy == "only_first" else (first, other - excess)


def _check_number(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError(f"{name} must be a number of at least 0, but is {value!r}")
