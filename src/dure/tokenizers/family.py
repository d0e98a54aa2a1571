"""What a family of models is used to: its files, special tokens and settings, and how its tokenizer.json is built."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dure.errors import TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.typing import JsonObject

__all__ = ["ROLES", "Family", "Sources", "dump", "template"]

#: The roles of single tokens, in the order in which the original library lists them.
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The facts about a family of tokenizers.

    Attributes:
        files: The arguments that take vocabulary files, in the order of positional arguments, and the files' names in
            a repository, the usual one first.
        roles: The special tokens' texts.
        additional: Special tokens without a role.
        settings: Further arguments and their defaults.
        flags: How the class makes tokens of texts, by role (``*``: the others): ``l`` takes the white space on the
            left, ``n`` is found in normalized text. A role that isn't here stays a text, and the flags in
            tokenizer.json count.
        built_flags: The same where the tokenizer is built from vocabulary files.
        single: The template around one text: roles (``{cls}``) or tokens, and ``$A``, each with its token type.
        pair: The template around two texts.
        build: Makes the document from files.
    """

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    roles: Mapping[str, str | None] = field(default_factory=dict)
    additional: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    built_flags: Mapping[str, str] = field(default_factory=dict)
    single: str = "$A:0"
    pair: str = "$A:0 $B:1"
    build: Callable[[Sources], JsonObject]

    def with_defaults(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """A tokenizer's arguments, with the family's own where nothing is said."""
        complete = {**self.settings, **self.roles, **settings}
        if self.additional:
            complete.setdefault("additional_special_tokens", list(self.additional))
        return complete

    def token(self, role: str, token: Any, *, is_built: bool) -> Any:
        """What a role's text becomes: a token with flags where the family has an opinion, else the text itself."""
        flags = self.built_flags if is_built else self.flags
        found = flags.get(role, flags.get("*"))
        if not isinstance(token, str) or found is None:
            return token
        return AddedToken(token, lstrip="l" in found, normalized="n" in found, special=not found)


class Sources:
    """The files and settings that a document is built from, and the ids of its special tokens.

    Args:
        family: The family.
        paths: The vocabulary files by argument.
        settings: The tokenizer's arguments, defaults included.
        listed: The added tokens that tokenizer_config.json lists, by id.
    """

    def __init__(
        self, family: Family, paths: Mapping[str, Path], settings: Mapping[str, Any], listed: Mapping[int, Any]
    ) -> None:
        self.family, self.paths, self.settings = family, paths, settings
        self.listed = [token for _, token in sorted(listed.items())]
        self.vocab: Mapping[str, int] = {}
        self.added: dict[str, tuple[int, AddedToken]] = {}

    def path(self, argument: str = "vocab_file") -> Path:
        """The file that an argument names.

        Raises:
            TokenizerError: It was not given.
        """
        if argument not in self.paths:
            names = " or ".join(self.family.files[argument])
            raise TokenizerError(f"this tokenizer needs {argument}, usually called {names}, but it was not given")
        return self.paths[argument]

    def settle(self, vocab: Mapping[str, int], pieces: Sequence[AddedToken] = (), *, size: int | None = None) -> None:
        """Give every special and added token its id, now that the vocabulary is known.

        Args:
            vocab: The model's tokens.
            pieces: Tokens that the vocabulary file itself marks as control or user-defined ones.
            size: How many ids the model has, where that's more than tokens.
        """
        self.vocab = vocab
        self._size = len(vocab) if size is None else size
        roles = {role: self.settings.get(role) for role in ROLES}
        tokens: list[Any] = [
            self.family.token(role, token, is_built=True) for role, token in roles.items() if token is not None
        ]
        tokens += self.settings.get("additional_special_tokens") or []
        special = {str(token) for token in tokens}
        for token in (*pieces, *self.listed, *tokens):
            if isinstance(token, str) and token in self.added:
                continue
            content = str(token)
            id_ = self.added[content][0] if content in self.added else self._next_id(content)
            added = token if isinstance(token, AddedToken) else AddedToken(content, special=True)
            if content in special and not added.special:
                added = AddedToken(
                    content, added.single_word, added.lstrip, added.rstrip, added.normalized, special=True
                )
            self.added[content] = (id_, added)

    def _next_id(self, content: str) -> int:
        if content in self.vocab:
            return self.vocab[content]
        return max(self._size, 1 + max((id_ for id_, _ in self.added.values()), default=-1))

    def text(self, role: str) -> str:
        """The text of a role's token.

        Raises:
            TokenizerError: No token plays the role.
        """
        token = self.settings.get(role)
        if token is None:
            raise TokenizerError(f"this kind of tokenizer needs a {role}, but has none: pass {role}=...")
        return str(token)

    def id_of(self, token: str) -> int:
        """The id of a token; that of the unknown one if there's no such token."""
        if token in self.added:
            return self.added[token][0]
        unknown = str(self.settings.get("unk_token"))
        found = self.vocab.get(token, self.vocab.get(unknown))
        if found is None:
            raise TokenizerError(f"the vocabulary has no token {token!r}")
        return found

    def template(self) -> JsonObject:
        """The family's template as a post-processor."""
        return self.template_of(self.family.single, self.family.pair)

    def template_of(self, single: str, pair: str) -> JsonObject:
        """Templates as a post-processor."""
        return template(single, pair, self._named, self.id_of)

    def _named(self, text: str) -> str:
        return self.text(f"{text[1:-1]}_token") if text.startswith("{") else text

    def document(self, parts: JsonObject) -> JsonObject:
        """A whole tokenizer.json around its parts."""
        ordered = sorted(self.added.values(), key=lambda item: item[0])
        added = [{"id": id_, **token.to_dict()} for id_, token in ordered]
        return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, **parts}


def template(single: str, pair: str, name: Callable[[str], str], id_of: Callable[[str], int]) -> JsonObject:
    """A post-processor from templates such as ``{cls}:0 $A:0 {sep}:0``.

    Args:
        single: The template for one text.
        pair: The template for two texts.
        name: The token that an item stands for.
        id_of: The id of a token.
    """
    special: dict[str, JsonObject] = {}

    def item(text: str) -> JsonObject:
        content, _, type_id = text.rpartition(":")
        if content in ("$A", "$B"):
            return {"Sequence": {"id": content[1], "type_id": int(type_id)}}
        token = name(content)
        special[token] = {"id": token, "ids": [id_of(token)], "tokens": [token]}
        return {"SpecialToken": {"id": token, "type_id": int(type_id)}}

    parts = {
        kind: [item(text) for text in re.split(" +", given)] for kind, given in (("single", single), ("pair", pair))
    }
    return {"type": "TemplateProcessing", **parts, "special_tokens": special}


def dump(document: JsonObject) -> bytes:
    """A tokenizer.json as bytes from which the engine reads exactly the scores that are in it."""
    model = document["model"]
    if model.get("type") != "Unigram":
        return json.dumps(document).encode()
    vocab = ",".join([f"[{json.dumps(piece)},{_literal(score)}]" for piece, score in model["vocab"]])
    parts = json.dumps({name: part for name, part in document.items() if name != "model"})
    settings = json.dumps({name: value for name, value in model.items() if name != "vocab"})
    return f'{parts[:-1]}, "model": {settings[:-1]}, "vocab": [{vocab}]}}}}'.encode()


def _literal(value: float) -> str:
    """A number with digits that read back exactly.

    The original reads digits as a whole number and divides it by a power of ten: two roundings, and so does the engine.
    Where they don't come out at the number itself, they do for other digits close by.
    """
    text = repr(float(value))
    whole, _, fraction = text.lstrip("-").partition(".")
    if not (whole + fraction).isdigit():  # with an exponent, or not a number
        return text
    size = abs(value)
    if float(int(whole + fraction)) / 10.0 ** len(fraction) == size:
        return text
    for num_decimals in range(14, 23):
        power = 10.0**num_decimals
        middle = size * power
        for near in (middle, math.nextafter(middle, math.inf), math.nextafter(middle, 0)):
            if 1 << 53 <= near < 1 << 63 and near / power == size:
                digits = str(int(near)).rjust(num_decimals + 1, "0")
                return f"{'-' if value < 0 else ''}{digits[:-num_decimals]}.{digits[-num_decimals:]}"
    return text
