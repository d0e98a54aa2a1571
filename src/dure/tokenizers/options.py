"""What a call asks for: its options, checked and resolved to one plan for truncation and padding."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dure.errors import InputError
from dure.tokenizers.tensors import tensor_type

__all__ = ["LARGE_INTEGER", "OLD_NAMES", "VERY_LARGE_INTEGER", "EncodeOptions", "Plan", "resolve"]

logger = logging.getLogger(__name__)

#: ``model_max_length`` of a tokenizer that doesn't know its model's limit.
VERY_LARGE_INTEGER = int(1e30)
#: A ``model_max_length`` beyond this means "unknown".
LARGE_INTEGER = int(1e20)

#: Arguments that transformers renamed: old name -> (new name, new values of old ones, version that renamed them).
OLD_NAMES: dict[str, tuple[str, dict[Any, Any], str]] = {
    "pad_to_max_length": ("padding", {True: "max_length", False: False}, "3.0"),
    "truncation_strategy": ("truncation", {}, "3.0"),
}

_PADDINGS = ("longest", "max_length", "do_not_pad")
_TRUNCATIONS = ("longest_first", "only_first", "only_second", "do_not_truncate")

Strategy = Literal["longest_first", "only_first", "only_second"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions:
    """The options of a call, named and defaulted as users know them. See ``PreTrainedTokenizerFast.__call__``."""

    add_special_tokens: bool = True
    padding: bool | str = False
    truncation: bool | str | None = None
    max_length: int | None = None
    stride: int = 0
    is_split_into_words: bool = False
    pad_to_multiple_of: int | None = None
    padding_side: str | None = None
    return_tensors: str | None = None
    return_token_type_ids: bool | None = None
    return_attention_mask: bool | None = None
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False
    verbose: bool = True
    split_special_tokens: bool | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> EncodeOptions:
        """From a call's arguments, of which some may have old names.

        Raises:
            InputError: A name that no version knows, or a value that can't be.
        """
        current = {name: value for name, value in given.items() if name not in OLD_NAMES}
        unknown = current.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise InputError(
                f"a tokenizer has no option {min(unknown)!r}; its options are {', '.join(cls.__dataclass_fields__)}"
            )
        for old_name in given.keys() & OLD_NAMES.keys():
            name, values, _ = OLD_NAMES[old_name]
            current[name] = values.get(given[old_name], given[old_name])
        return cls(**current)

    def __post_init__(self) -> None:
        tensor_type(self.return_tensors)
        if self.padding_side not in (None, "left", "right"):
            raise InputError(f"padding_side must be 'left' or 'right', but is {self.padding_side!r}")
        for name in ("max_length", "stride", "pad_to_multiple_of"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 0):
                raise InputError(f"{name} must be a whole number from 0 on, but is {value!r}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is cut and padded, and to which length.

    Attributes:
        padding: Pad to the longest row, to ``max_length``, or (None) not at all.
        truncation: Which text is cut; None: none.
        max_length: The length for both, special tokens included; None where neither needs one.
    """

    padding: Literal["longest", "max_length"] | None
    truncation: Strategy | None
    max_length: int | None


def resolve(
    *,
    padding: Any,
    truncation: Any,
    max_length: int | None,
    pad_to_multiple_of: int | None,
    model_max_length: int,
    verbose: bool,
    said: dict[str, bool],
) -> Plan:
    """The plan behind the arguments ``padding``, ``truncation`` and ``max_length``.

    Args:
        padding: True, False or a strategy's name.
        truncation: True, False, None or a strategy's name. None with a ``max_length`` and no padding means True.
        max_length: The length to cut or pad to; None: the model's limit.
        pad_to_multiple_of: Lengths are rounded up to a multiple of it.
        model_max_length: The model's limit.
        verbose: Whether to log advice.
        said: Advice already given; it's given once per tokenizer.

    Raises:
        InputError: An unknown strategy, or lengths that contradict each other.
    """

    def advise(key: str, text: str) -> None:
        if verbose and not said.get(key):
            logger.warning(text)
        said[key] = True

    if max_length is not None and padding is False and truncation is None:
        advise(
            "Truncation-not-explicitly-activated",
            f"max_length={max_length} was given without truncation=True; texts are cut as if it had been.",
        )
        truncation = "longest_first"
    if verbose and padding is True and max_length is not None and truncation in (None, False, "do_not_truncate"):
        warnings.warn(
            "`max_length` is ignored when `padding`=`True` and there is no truncation strategy. "
            "To pad to max length, use `padding='max_length'`.",
            stacklevel=4,
        )
    pads = _strategy("padding", padding, {True: "longest", False: "do_not_pad"}, _PADDINGS)
    cuts = _strategy("truncation", truncation, {True: "longest_first", False: None, None: None}, _TRUNCATIONS)
    pads = None if pads == "do_not_pad" else pads
    cuts = None if cuts == "do_not_truncate" else cuts
    if max_length is None and (pads == "max_length" or cuts):
        if model_max_length <= LARGE_INTEGER:
            max_length = model_max_length
        else:
            if pads == "max_length":
                advise("Asking-to-pad-to-max_length", _unknown_limit("padding to max_length", "padded"))
                pads = None
            if cuts:
                advise("Asking-to-truncate-to-max_length", _unknown_limit("truncation", "cut"))
                cuts = None
    if cuts and pads and pad_to_multiple_of and max_length is not None and max_length % pad_to_multiple_of:
        raise InputError(
            f"max_length={max_length} is not a multiple of pad_to_multiple_of={pad_to_multiple_of}, "
            "though texts are both cut and padded to it"
        )
    return Plan(pads, cuts, max_length)  # type: ignore[arg-type]


def _unknown_limit(wish: str, done: str) -> str:
    return (
        f"{wish} was asked for, but neither max_length nor the model's own limit is known, so nothing is {done}. "
        "Pass max_length=..., or set tokenizer.model_max_length."
    )


def _strategy(name: str, value: Any, shorthands: dict[Any, str | None], known: tuple[str, ...]) -> str | None:
    """The strategy that an argument means. ``1`` is not taken for ``True``: it is more likely a mistake."""
    for shorthand, strategy in shorthands.items():
        if value is shorthand:
            return strategy
    value = getattr(value, "value", value)  # the original library's enumerations
    if value not in known:
        allowed = ", ".join(repr(item) for item in (*shorthands, *known))
        raise InputError(f"{name}={value!r} is not known: use one of {allowed}")
    return str(value)
