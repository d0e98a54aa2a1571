"""Tokens and their ids: look-ups, sizes, and tokens that a user adds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dure.errors import InputError
from dure.tokenizers.added_tokens import AddedToken

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["Vocabulary"]


class Vocabulary:
    """The part of a tokenizer that knows which token has which id."""

    _engine: Engine

    @property
    def vocab_size(self) -> int:
        """How many tokens the model's own vocabulary has, without those added later (see ``len(tokenizer)``)."""
        return self._sizes()[0]

    def __len__(self) -> int:
        return self._sizes()[1]

    def _sizes(self) -> tuple[int, int]:
        """Without and with added tokens; counted once per engine, which never changes."""
        counted = self.__dict__.get("_counted")
        if counted is None or counted[0] is not self._engine:
            counted = (self._engine, (len(self._engine.vocab(False)), len(self._engine.vocab(True))))
            self._counted = counted
        sizes: tuple[int, int] = counted[1]
        return sizes

    def __bool__(self) -> bool:
        return True

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id, added ones included."""
        return self._engine.vocab(True)

    @property
    def vocab(self) -> dict[str, int]:
        """The same as :meth:`get_vocab`."""
        return self.get_vocab()

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id."""
        return {
            id_: AddedToken(content, single_word, lstrip, rstrip, normalized, special)
            for id_, content, special, single_word, lstrip, rstrip, normalized in self._engine.added_tokens()
        }

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """The ids of the added tokens."""
        return {token.content: id_ for id_, token in self.added_tokens_decoder.items()}

    def get_added_vocab(self) -> dict[str, int]:
        """The ids of the added tokens."""
        return self.added_tokens_encoder

    def convert_tokens_to_ids(self, tokens: str | Iterable[str]) -> Any:
        """The id of a token, or the ids of several; a token that isn't in the vocabulary has that of ``unk_token``."""
        if isinstance(tokens, str):
            return self._id_of(tokens)
        return [self._id_of(token) for token in tokens]

    def _id_of(self, token: str) -> int | None:
        id_ = self._engine.token_to_id(token)
        return self._unknown_id() if id_ is None else id_

    def _unknown_id(self) -> int | None:
        return None

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id, or the tokens of several (a list, array or tensor).

        Args:
            ids: One id or a row of ids.
            skip_special_tokens: Leave out special tokens.

        Returns:
            A string, or a list of strings with None where no token has that id.

        Raises:
            InputError: An id is negative or not a whole number.
        """
        ids = ids.tolist() if hasattr(ids, "tolist") else ids
        if isinstance(ids, int):
            return self._token_of(ids)
        skipped = self._ids_to_skip() if skip_special_tokens else set()
        return [self._token_of(id_) for id_ in map(int, ids) if id_ not in skipped]

    def _token_of(self, id_: int) -> str | None:
        if id_ < 0:
            raise InputError(f"{id_} is not a token id: ids start at 0 (replace the label padding -100 first)")
        return self._engine.id_to_token(id_)

    def _ids_to_skip(self) -> set[int]:
        return set()

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens a text, or a pair of texts, gets."""
        return self._engine.num_special_tokens(pair)

    def add_tokens(
        self, new_tokens: str | AddedToken | Sequence[str | AddedToken], special_tokens: bool = False
    ) -> int:
        """Add tokens that are never split. Ids of new ones follow the vocabulary; known ones keep theirs.

        A model must then get as many embeddings: ``model.resize_token_embeddings(len(tokenizer))``.

        Args:
            new_tokens: One token or several.
            special_tokens: They are special: not normalized, and skipped by ``decode`` on request.

        Returns:
            How many were new or changed.

        Raises:
            InputError: A token is neither a string nor an :class:`AddedToken`.
        """
        if not new_tokens:
            return 0
        if isinstance(new_tokens, (str, AddedToken)):
            new_tokens = [new_tokens]
        tokens = [_as_added_token(token, index, special_tokens) for index, token in enumerate(new_tokens)]
        known = {token.content: token for token in self.added_tokens_decoder.values()}
        changed = []
        for token in tokens:
            if token.content and known.get(token.content) != token:
                known[token.content] = token
                changed.append(token)
        if changed:
            self._engine = self._engine.with_added_tokens([token.to_tuple() for token in changed])
        return len(changed)


def _as_added_token(token: Any, index: int, is_special: bool) -> AddedToken:
    """What the user gave as an :class:`AddedToken` of our own."""
    if isinstance(token, str):
        return AddedToken(token, special=is_special)
    if not isinstance(token, AddedToken):
        # The original library's class has the same fields.
        if not isinstance(getattr(token, "content", None), str):
            raise InputError(f"new token {index} is of type {type(token).__name__}: give a string or an AddedToken")
        token = AddedToken(
            token.content, token.single_word, token.lstrip, token.rstrip, token.normalized, token.special
        )
    added: AddedToken = token.as_special() if is_special else token
    return added
