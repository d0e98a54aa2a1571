"""A tokenizer like another one, with a vocabulary learnt from other texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from dure.errors import InputError, TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.byte_level import alphabet
from dure.tokenizers.family import ROLES
from dure.tokenizers.load import model_type_of
from dure.typing import JsonObject

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine
    from dure.tokenizers.trainers import Trainer

__all__ = ["Retraining"]


class Retraining:
    """The part of a tokenizer that learns a new vocabulary."""

    _engine: Engine
    init_kwargs: dict[str, Any]
    _roles: dict[str, Any]
    _additional: list[Any]

    def train_new_from_iterator(
        self,
        text_iterator: Iterable[Any],
        vocab_size: int,
        length: int | None = None,
        new_special_tokens: Sequence[str | AddedToken] | None = None,
        special_tokens_map: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Learn a vocabulary from texts, with everything else as it is here.

        Args:
            text_iterator: Texts, or lists of texts.
            vocab_size: How many tokens to learn at most, special ones included.
            length: How many texts there are, for the progress bar.
            new_special_tokens: Further special tokens.
            special_tokens_map: New names of special tokens, by the old ones.
            **kwargs: Further settings of the trainer, such as ``min_frequency``; see
                :mod:`dure.tokenizers.trainers`.

        Returns:
            A new tokenizer of the same class.

        Raises:
            InputError: Something that isn't a text comes, or a setting is wrong.
            TokenizerError: The settings contradict each other.
        """
        from dure.tokenizers.core_tokenizer import Tokenizer

        renamed, new = dict(special_tokens_map or {}), list(new_special_tokens or [])
        document = json.loads(self._engine.to_json())
        special = _special_tokens(document, renamed, new)
        trainer = _trainer(document, renamed, {"vocab_size": vocab_size, "special_tokens": special, **kwargs})
        processor = document.pop("post_processor")
        document["added_tokens"] = []
        tokenizer = Tokenizer.from_str(json.dumps({**document, "post_processor": None}))
        tokenizer.train_from_iterator(text_iterator, trainer, length)
        learnt = json.loads(tokenizer.to_str())
        learnt["post_processor"] = _processor(processor, renamed, tokenizer.get_vocab())
        settings = {name: value for name, value in self.init_kwargs.items() if name != "added_tokens_decoder"}
        settings |= {role: _renamed(token, renamed) for role, token in self._roles.items() if role in ROLES}
        additional = [*self._additional, *new]
        if additional:
            settings["additional_special_tokens"] = additional
        make: Any = type(self)
        made: Self = make(tokenizer_object=_Document(learnt), **settings)
        return made


class _Document:
    """A document as what tokenizers are made from."""

    def __init__(self, document: JsonObject) -> None:
        self._document = document

    def to_json(self) -> str:
        """The document."""
        return json.dumps(self._document)


def _renamed(token: Any, renamed: Mapping[str, str]) -> Any:
    """A token under its new name."""
    if not isinstance(token, AddedToken):
        return renamed.get(token, token)
    return AddedToken.from_dict(token.to_dict(), content=renamed.get(token.content, token.content), special=True)


def _special_tokens(document: JsonObject, renamed: Mapping[str, str], new: list[Any]) -> list[Any]:
    """The tokens that the new vocabulary begins with."""
    is_unigram = model_type_of(document["model"]) == "Unigram"
    stored = [token for token in document["added_tokens"] if token["special"] or is_unigram]
    return [*(_renamed(AddedToken.from_dict(token), renamed) for token in stored), *new]


def _trainer(document: JsonObject, renamed: Mapping[str, str], settings: dict[str, Any]) -> Trainer:
    """The trainer that goes with the document's model, which is emptied on the way."""
    from dure.tokenizers import trainers

    model = document["model"]
    if model.get("unk_token") in renamed:
        model["unk_token"] = renamed[model["unk_token"]]
    if _is_byte_level(document["pre_tokenizer"]):
        settings.setdefault("initial_alphabet", list(alphabet()))
    kind = model["type"] = model_type_of(model)
    if kind == "BPE":
        model |= {"vocab": {}, "merges": []}
        for name in ("continuing_subword_prefix", "end_of_word_suffix"):
            if model.get(name) is not None:
                settings.setdefault(name, model[name])
        return trainers.BpeTrainer(**settings)
    if kind == "Unigram":
        if model["unk_id"] is not None:
            unknown = model["vocab"][model["unk_id"]][0]
            settings["unk_token"] = renamed.get(unknown, unknown)
            model |= {"unk_id": 0, "vocab": [[settings["unk_token"], 0.0]]}
        return trainers.UnigramTrainer(**settings)
    kinds = {"WordLevel": trainers.WordLevelTrainer, "WordPiece": trainers.WordPieceTrainer}
    if kind not in kinds:
        known = ", ".join(["BPE", "Unigram", *kinds])
        raise TokenizerError(f"a model of type {kind} can't be trained; these can: {known}")
    model["vocab"] = {}
    return kinds[kind](**settings)


def _is_byte_level(pre_tokenizer: JsonObject | None) -> bool:
    steps = (pre_tokenizer or {}).get("pretokenizers", [pre_tokenizer] if pre_tokenizer else [])
    return any(step["type"] == "ByteLevel" for step in steps)


def _processor(processor: Any, renamed: Mapping[str, str], ids: Mapping[str, int]) -> Any:
    """The post-processor with the new names and ids of its tokens.

    Raises:
        InputError: One of them isn't in the new vocabulary.
    """

    def id_of(token: str) -> int:
        if token not in ids:
            raise InputError(
                f"{token!r} stands around texts, but isn't in the new vocabulary: keep it a special token, or give its "
                "new name in special_tokens_map"
            )
        return ids[token]

    for step in (processor or {}).get("processors", [processor] if processor else []):
        for item in step.get("special_tokens", {}).values():
            item["tokens"] = [renamed.get(token, token) for token in item["tokens"]]
            item["ids"] = [id_of(token) for token in item["tokens"]]
        for place in ("cls", "sep"):
            if place in step:
                token = renamed.get(step[place][0], step[place][0])
                step[place] = [token, id_of(token)]
    return processor
