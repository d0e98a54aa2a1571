"""The roles that special tokens play: ``tokenizer.cls_token``, ``tokenizer.pad_token_id`` and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from dure.errors import InputError
from dure.tokenizers.added_tokens import TOKEN_FIELDS, AddedToken
from dure.tokenizers.family import ROLES
from dure.tokenizers.vocabulary import Vocabulary

__all__ = ["ROLES", "SpecialTokens", "TokenIdRole", "TokenRole"]

Token = str | AddedToken


class TokenRole:
    """The token that plays a role, such as ``tokenizer.pad_token``; None if there is none. Can be set."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.role = name

    @overload
    def __get__(self, tokenizer: None, owner: type) -> TokenRole: ...
    @overload
    def __get__(self, tokenizer: SpecialTokens, owner: type) -> str | None: ...

    def __get__(self, tokenizer: SpecialTokens | None, owner: type) -> TokenRole | str | None:
        if tokenizer is None:
            return self
        token = tokenizer._roles.get(self.role)
        return None if token is None else str(token)

    def __set__(self, tokenizer: SpecialTokens, token: Token | None) -> None:
        tokenizer._set_role(self.role, token)


class TokenIdRole:
    """The id of the token that plays a role, such as ``tokenizer.pad_token_id``; None if there is none. Can be set."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.role = name.removesuffix("_id")

    @overload
    def __get__(self, tokenizer: None, owner: type) -> TokenIdRole: ...
    @overload
    def __get__(self, tokenizer: SpecialTokens, owner: type) -> int | None: ...

    def __get__(self, tokenizer: SpecialTokens | None, owner: type) -> TokenIdRole | int | None:
        if tokenizer is None:
            return self
        token = tokenizer._roles.get(self.role)
        return None if token is None else tokenizer._id_of(str(token))

    def __set__(self, tokenizer: SpecialTokens, id_: int | None) -> None:
        tokenizer._set_role(self.role, None if id_ is None else tokenizer.convert_ids_to_tokens(id_))


class SpecialTokens(Vocabulary):
    """The part of a tokenizer that knows which token plays which role."""

    _roles: dict[str, Token]
    _additional: list[Token]
    _pad_token_type_id = 0

    bos_token, bos_token_id = TokenRole(), TokenIdRole()
    eos_token, eos_token_id = TokenRole(), TokenIdRole()
    unk_token, unk_token_id = TokenRole(), TokenIdRole()
    sep_token, sep_token_id = TokenRole(), TokenIdRole()
    pad_token, pad_token_id = TokenRole(), TokenIdRole()
    cls_token, cls_token_id = TokenRole(), TokenIdRole()
    mask_token, mask_token_id = TokenRole(), TokenIdRole()

    def _init_special_tokens(self, tokens: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
        """Take the roles out of a tokenizer's arguments; ``extra`` are roles that only this model has."""
        self._roles = {}
        self._additional = []
        for role in ROLES:
            self._set_role(role, tokens.get(role))
        self.additional_special_tokens = tokens.get("additional_special_tokens") or []
        for role, token in extra.items():
            self._set_role(role, token)

    def _set_role(self, role: str, token: Any) -> None:
        if token is None:
            self._roles.pop(role, None)
        elif isinstance(token, (str, AddedToken)):
            self._roles[role] = token
        elif isinstance(getattr(token, "content", None), str):  # the original library's class
            self._roles[role] = AddedToken.from_dict({name: getattr(token, name) for name in TOKEN_FIELDS})
        else:
            raise InputError(f"{role} must be a string or an AddedToken, but is of type {type(token).__name__}")

    def __getattr__(self, name: str) -> Any:
        # Only asked when nothing else has the name: roles that only this model has, such as `image_token`.
        roles = self.__dict__.get("_roles", {})
        if name in roles:
            return str(roles[name])
        if name.endswith("_id") and name.removesuffix("_id") in roles:
            return self.convert_tokens_to_ids(str(roles[name.removesuffix("_id")]))
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens without a role."""
        return [str(token) for token in self._additional]

    @additional_special_tokens.setter
    def additional_special_tokens(self, tokens: Sequence[Token]) -> None:
        if isinstance(tokens, str) or not all(isinstance(token, (str, AddedToken)) for token in tokens):
            raise InputError(f"additional_special_tokens must be a list of strings or AddedTokens, but is {tokens!r}")
        self._additional = list(tokens)

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        """The ids of :attr:`additional_special_tokens`."""
        return list(self.convert_tokens_to_ids(self.additional_special_tokens))

    @property
    def special_tokens_map_extended(self) -> dict[str, Any]:
        """Every role that is played and its token, with the :class:`AddedToken` where one is known."""
        known: dict[str, Any] = {role: self._roles[role] for role in ROLES if role in self._roles}
        if self._additional:
            known["additional_special_tokens"] = list(self._additional)
        return known | {role: token for role, token in self._roles.items() if role not in ROLES}

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """Every role that is played and its token's text."""
        return {
            role: [str(token) for token in tokens] if isinstance(tokens, list) else str(tokens)
            for role, tokens in self.special_tokens_map_extended.items()
        }

    @property
    def all_special_tokens_extended(self) -> list[Token]:
        """The special tokens, each once, with the :class:`AddedToken` where one is known."""
        found: dict[str, Token] = {}
        for tokens in self.special_tokens_map_extended.values():
            for token in tokens if isinstance(tokens, list) else [tokens]:
                found.setdefault(str(token), token)
        return list(found.values())

    @property
    def all_special_tokens(self) -> list[str]:
        """The texts of the special tokens, each once."""
        return [str(token) for token in self.all_special_tokens_extended]

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of :attr:`all_special_tokens`."""
        return list(self.convert_tokens_to_ids(self.all_special_tokens))

    def _ids_to_skip(self) -> set[int]:
        return set(self.all_special_ids)

    def _unknown_id(self) -> int | None:
        unknown = self._roles.get("unk_token")
        return None if unknown is None else self._engine.token_to_id(str(unknown))

    @property
    def pad_token_type_id(self) -> int:
        """The token type id of padding."""
        return self._pad_token_type_id

    def add_special_tokens(
        self,
        special_tokens_dict: Mapping[str, Token | Sequence[Token]],
        replace_additional_special_tokens: bool = True,
    ) -> int:
        """Give tokens a role, and add those that the vocabulary lacks.

        Args:
            special_tokens_dict: Roles (``pad_token``, ..., ``additional_special_tokens``) and their tokens.
            replace_additional_special_tokens: The given ``additional_special_tokens`` replace those before.

        Returns:
            How many tokens were new to the vocabulary or changed.

        Raises:
            InputError: A role is unknown, or a token is neither a string nor an :class:`AddedToken`.
        """
        new: list[Token] = []
        for role, value in special_tokens_dict.items():
            if role == "additional_special_tokens":
                new += self._add_additional(value, replace=replace_additional_special_tokens)
                continue
            if role not in ROLES and role not in self._roles:
                raise InputError(f"{role!r} is not a special token: use one of {', '.join(ROLES)}")
            self._set_role(role, _as_special(value))
            if self._roles[role] not in new:
                new.append(self._roles[role])
        return self.add_tokens(new, special_tokens=True)

    def _add_additional(self, tokens: Any, *, replace: bool) -> list[Token]:
        if not isinstance(tokens, (list, tuple)):
            raise InputError(f"additional_special_tokens must be a list of tokens, but is {tokens!r}")
        given = [_as_special(token) for token in tokens]
        if not replace:
            given = [token for token in given if str(token) not in self.additional_special_tokens]
        self.additional_special_tokens = given if replace and given else [*self._additional, *given]
        return list(given)

    def get_special_tokens_mask(
        self, token_ids_0: Sequence[int], token_ids_1: None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for each id that is a special token's, 0 for the others.

        Args:
            token_ids_0: Ids that contain their special tokens already.
            token_ids_1: Not used.
            already_has_special_tokens: Must be True; ask the call itself with ``return_special_tokens_mask=True`` else.

        Raises:
            InputError: ``already_has_special_tokens`` is False.
        """
        if not already_has_special_tokens or token_ids_1 is not None:
            raise InputError(
                "already_has_special_tokens=False isn't supported: call the tokenizer with "
                "return_special_tokens_mask=True instead"
            )
        special = set(self.all_special_ids)
        return [int(id_ in special) for id_ in token_ids_0]


def _as_special(token: Any) -> Any:
    if isinstance(token, str):
        return AddedToken(token, special=True)
    return token.as_special() if isinstance(token, AddedToken) else token
