"""A tokenizer like another one, with a vocabulary learnt from other texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from dure.errors import InputError, TokenizerError
from dure.threads import num_threads
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.byte_level import alphabet
from dure.tokenizers.family import ROLES
from dure.typing import JsonObject

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["Retraining", "train_model"]

#: How much memory counts may take before they go to disk.
BUDGET_BYTES = 2 << 30

_TRAINERS = {
    "BPE": "BpeTrainer",
    "Unigram": "UnigramTrainer",
    "WordLevel": "WordLevelTrainer",
    "WordPiece": "WordPieceTrainer",
}


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
            vocab_size: How many tokens to learn at most.
            length: How many texts there are; only a progress bar needs it.
            new_special_tokens: Further special tokens.
            special_tokens_map: New names of special tokens, by the old ones.
            **kwargs: Further settings of the trainer, such as ``min_frequency``.

        Returns:
            A new tokenizer of the same class.

        Raises:
            InputError: A setting is unknown or wrong.
            TokenizerError: The texts are not what they should be, or there are none.
        """
        del length
        renamed = dict(special_tokens_map or {})
        document = json.loads(self._engine.to_json())
        special = _special_tokens(document, renamed, new_special_tokens or [])
        trainer = _trainer(document, renamed, vocab_size, special, kwargs)
        model = train_model(document, trainer, text_iterator)
        _check_special_tokens(document, model, special, renamed)
        settings = dict(self.init_kwargs)
        settings.pop("added_tokens_decoder", None)
        for role in ROLES:
            token = self._roles.get(role)
            if token is not None:
                settings[role] = _renamed(token, renamed)
        additional = [*self._additional, *(new_special_tokens or [])]
        if additional:
            settings["additional_special_tokens"] = additional
        make: Any = type(self)
        again: Self = make(tokenizer_object=_Document(document), **settings)
        return again


class _Document:
    """What a tokenizer's class takes instead of a file."""

    def __init__(self, document: JsonObject) -> None:
        self._document = document

    def to_json(self) -> str:
        """The document."""
        return json.dumps(self._document)


def _renamed(token: Any, renamed: Mapping[str, str]) -> Any:
    """A token under its new name."""
    if not isinstance(token, AddedToken):
        return renamed.get(token, token)
    fields = {**token.to_dict(), "content": renamed.get(token.content, token.content), "special": True}
    return AddedToken.from_dict(fields)


def _special_tokens(document: JsonObject, renamed: Mapping[str, str], new: Sequence[Any]) -> list[AddedToken]:
    """The tokens that the new vocabulary begins with."""
    is_unigram = document["model"]["type"] == "Unigram"
    tokens = []
    for stored in document["added_tokens"]:
        if stored["special"] or is_unigram:
            content = renamed.get(stored["content"], stored["content"])
            tokens.append(AddedToken.from_dict({**stored, "content": content, "special": True}))
    return tokens + [token if isinstance(token, AddedToken) else AddedToken(token, special=True) for token in new]


def _trainer(
    document: JsonObject,
    renamed: Mapping[str, str],
    vocab_size: int,
    special: list[AddedToken],
    settings: dict[str, Any],
) -> JsonObject:
    """The trainer that goes with the document's model; the model's own names of tokens are renamed on the way."""
    model = document["model"]
    kind = model["type"]
    if kind not in _TRAINERS:
        raise TokenizerError(f"a model of type {kind} can't be trained: one of {', '.join(_TRAINERS)} can")
    trainer: JsonObject = {"type": _TRAINERS[kind], "vocab_size": vocab_size, **settings}
    trainer["special_tokens"] = [token.to_dict() for token in special]
    if kind == "BPE":
        for name in ("continuing_subword_prefix", "end_of_word_suffix"):
            if model.get(name) is not None:
                trainer.setdefault(name, model[name])
    if kind == "Unigram" and model["unk_id"] is not None:
        unknown = model["vocab"][model["unk_id"]][0]
        trainer["unk_token"] = renamed.get(unknown, unknown)
    elif model.get("unk_token") in renamed:
        model["unk_token"] = renamed[model["unk_token"]]
    if _is_byte_level(document["pre_tokenizer"]):
        trainer["initial_alphabet"] = list(alphabet())
    return trainer


def _is_byte_level(pre_tokenizer: JsonObject | None) -> bool:
    steps = (pre_tokenizer or {}).get("pretokenizers", [pre_tokenizer] if pre_tokenizer else [])
    return any(step["type"] == "ByteLevel" for step in steps)


def train_model(
    document: JsonObject,
    trainer: JsonObject,
    texts: Iterable[Any],
    progress: Any = None,
) -> JsonObject:
    """Learn the model of a document from texts, and put it in; its special tokens become the document's added tokens.

    Args:
        document: A tokenizer.json, whose normalizer and pre-tokenizer are used.
        trainer: The trainer: its ``type`` and settings.
        texts: Texts, or lists of texts.
        progress: Called with what is being done, how far it is, and how far it goes; False stops.

    Returns:
        The section ``model``.

    Raises:
        InputError: A setting is unknown or wrong.
        TokenizerError: The texts are not what they should be.
    """
    from dure.tokenizers import _core

    def section(name: str) -> bytes | None:
        part = document.get(name)
        return None if part is None else json.dumps(part).encode()

    try:
        data = _core.train(
            json.dumps(trainer).encode(),
            _batches(texts),
            normalizer=section("normalizer"),
            pre_tokenizer=section("pre_tokenizer"),
            budget_bytes=BUDGET_BYTES,
            num_threads=num_threads(),
            progress=progress,
        )
    except ValueError as error:
        raise TokenizerError(f"training failed: {error}") from error
    learnt = json.loads(data)
    kept = ("dropout", "unk_token", "fuse_unk", "byte_fallback", "ignore_merges", "max_input_chars_per_word")
    model: JsonObject = {**learnt, **{name: document["model"][name] for name in kept if name in document["model"]}}
    document["model"] = model
    ids = _ids(model)
    document["added_tokens"] = [
        {"id": ids[token["content"]], **{name: token[name] for name in token}}
        for token in trainer["special_tokens"]
        if token["content"] in ids
    ]
    return model


def _ids(model: JsonObject) -> dict[str, int]:
    if isinstance(model["vocab"], dict):
        return dict(model["vocab"])
    return {piece: id_ for id_, (piece, _) in enumerate(model["vocab"])}


def _batches(texts: Iterable[Any]) -> Iterator[list[str]]:
    """Lists of texts, whatever the texts come in."""
    if isinstance(texts, str):
        raise InputError("texts must be an iterator over texts or lists of texts, not a single text")
    batch: list[str] = []
    for item in texts:
        if isinstance(item, str):
            batch.append(item)
            if len(batch) < 1000:
                continue
        else:
            batch += item
        yield batch
        batch = []
    if batch:
        yield batch


def _check_special_tokens(
    document: JsonObject, model: JsonObject, special: list[AddedToken], renamed: Mapping[str, str]
) -> None:
    """Give the post-processor the new ids of its tokens.

    Raises:
        InputError: It has a token that is no special one.
    """
    ids = _ids(model)
    processor = document["post_processor"]

    def id_of(token: str) -> int:
        if token not in ids:
            raise InputError(
                f"{token!r} stands around texts, but isn't in the new vocabulary: its special tokens are "
                f"{', '.join(map(str, special)) or 'none'}"
            )
        return ids[token]

    for step in (processor or {}).get("processors", [processor] if processor else []):
        for key, item in step.get("special_tokens", {}).items():
            item["tokens"] = [renamed.get(token, token) for token in item["tokens"]]
            item["ids"] = [id_of(token) for token in item["tokens"]]
            step["special_tokens"][key] = item
        for place in ("cls", "sep"):
            if place in step:
                token = renamed.get(step[place][0], step[place][0])
                step[place] = [token, id_of(token)]
