"""Tokens that stand outside the model's vocabulary file: special tokens and those a user adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dure.errors import InputError, TokenizerError

__all__ = ["TOKEN_FIELDS", "AddedToken"]

#: The fields of an added token, as files name them.
TOKEN_FIELDS = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


@dataclass(init=False, repr=False, eq=True, unsafe_hash=True)
class AddedToken:
    """A token that is found in the text before the model splits it.

    Args:
        content: The text that is found.
        single_word: Found only where no letter or digit touches it.
        lstrip: Takes the white space on its left with it.
        rstrip: Takes the white space on its right with it.
        normalized: Found in the normalized text rather than in the original. By default the opposite of ``special``.
        special: Left out by ``decode(..., skip_special_tokens=True)``.
    """

    content: str
    single_word: bool
    lstrip: bool
    rstrip: bool
    normalized: bool
    special: bool
    #: Whether ``normalized`` was left to follow from ``special``.
    _follows: bool = field(compare=False)

    def __init__(
        self,
        content: str | None = None,
        single_word: bool = False,
        lstrip: bool = False,
        rstrip: bool = False,
        normalized: bool | None = None,
        special: bool = False,
    ) -> None:
        follows = normalized is None
        values = (
            content or "",
            single_word,
            lstrip,
            rstrip,
            not special if normalized is None else normalized,
            special,
        )
        self.__dict__.update(dict(zip(TOKEN_FIELDS, values, strict=True)), _follows=follows)
        for name, value in zip(TOKEN_FIELDS, values, strict=True):
            kind = str if name == "content" else bool
            if not isinstance(value, kind):
                raise InputError(f"{name} of an AddedToken must be a {kind.__name__}, but is {value!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        # As in the original: of a token that exists, only its text and whether it's special can be set.
        if name not in ("content", "special"):
            raise AttributeError(f"{name} of an AddedToken can't be set: make a new one")
        self.__dict__[name] = value
        if name == "special" and self._follows:
            self.__dict__["normalized"] = not value

    def __getstate__(self) -> dict[str, Any]:
        return self.to_dict()

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state, _follows=False)

    def __str__(self) -> str:
        return self.content

    def __repr__(self) -> str:
        return (
            f'AddedToken("{self.content}", rstrip={self.rstrip}, lstrip={self.lstrip}, '
            f"single_word={self.single_word}, normalized={self.normalized}, special={self.special})"
        )

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], **overrides: Any) -> AddedToken:
        """From an entry of tokenizer_config.json, special_tokens_map.json or tokenizer.json.

        Raises:
            TokenizerError: The entry has no ``content``.
        """
        if not isinstance(fields.get("content"), str):
            raise TokenizerError(f"an added token needs a text as its 'content', but this one is {dict(fields)}")
        return cls(**{**{name: fields[name] for name in TOKEN_FIELDS if name in fields}, **overrides})

    def to_dict(self, *, with_special: bool = True) -> dict[str, Any]:
        """As an entry of tokenizer_config.json (``with_special``) or special_tokens_map.json."""
        fields = {name: getattr(self, name) for name in TOKEN_FIELDS}
        if not with_special:
            del fields["special"]
        return fields

    def as_special(self) -> AddedToken:
        """The same token as a special one."""
        normalized = None if self._follows else self.normalized
        return AddedToken(self.content, self.single_word, self.lstrip, self.rstrip, normalized, special=True)

    def to_tuple(self) -> tuple[str, bool, bool, bool, bool, bool]:
        """As the engine takes it: (content, special, single_word, lstrip, rstrip, normalized)."""
        return (self.content, self.special, self.single_word, self.lstrip, self.rstrip, self.normalized)
