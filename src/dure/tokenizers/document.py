"""A tokenizer as its tokenizer.json says: the parts, reading and writing, and the engine that is made from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dure.errors import InputError, MissingFileError, TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.components import BRIEF, FULL, Component, dump, show
from dure.tokenizers.decoders import Decoder
from dure.tokenizers.models import Model, canonical_section
from dure.tokenizers.normalizers import Normalizer
from dure.tokenizers.pre_tokenizers import PreTokenizer
from dure.tokenizers.processors import PostProcessor
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine
    from dure.tokenizers.encoding_plan import EncodingPlan

__all__ = ["TokenizerDocument", "token_of"]

_KINDS: dict[str, type[Component]] = {
    "normalizer": Normalizer,
    "pre_tokenizer": PreTokenizer,
    "post_processor": PostProcessor,
    "decoder": Decoder,
}

#: How the engine describes an added token: (id, content, special, single_word, lstrip, rstrip, normalized).
AddedTuple = tuple[int, str, bool, bool, bool, bool, bool]


class TokenizerDocument:
    """The parts of a tokenizer. The engine is made when it's needed, and again when a part has changed.

    Args:
        model: How words become tokens.
    """

    def __init__(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise InputError(f"a tokenizer is made from a model, as in Tokenizer(models.BPE()), but got {model!r}")
        self._start({}, model.section_bytes(), model)

    def _start(self, header: JsonObject, model_text: bytes, model: Model | None = None) -> None:
        #: The sections and the model that the engine was made from; parts that somebody has seen may have changed.
        self._sections: dict[str, JsonObject | None] = {name: header.get(name) for name in _KINDS}
        self._model_text = model_text
        self._parts: dict[str, Component | None] = {}
        self._model = model
        self._added: list[AddedTuple] = []
        #: Earlier versions of tokens that were added again with other settings: they have a say in what is found.
        self._earlier: list[AddedToken] = []
        #: Tokens that the engine doesn't know yet.
        self._pending: list[AddedToken] = []
        self._truncation: dict[str, Any] | None = None
        self._padding: dict[str, Any] | None = None
        self._encodes_special_tokens = False
        self._made: Engine | None = None
        self._made_literal: Engine | None = None
        #: What is known about the engine, once somebody asked; forgotten when it or a setting changes.
        self._vocab_sizes: dict[bool, int] = {}
        self._plans: dict[tuple[bool, bool, int], EncodingPlan] = {}
        self._seen = -1

    @classmethod
    def from_str(cls, json: str) -> Self:
        """A tokenizer from the text of a tokenizer.json.

        Raises:
            TokenizerError: The text isn't that.
        """
        try:
            data = json.encode()
        except UnicodeEncodeError as error:
            raise TokenizerError(
                f"this text holds the lone surrogate U+{ord(json[error.start]):04X} at character {error.start}, "
                "so it isn't JSON"
            ) from error
        return cls._from_bytes(data, "this text")

    @classmethod
    def from_buffer(cls, buffer: bytes) -> Self:
        """A tokenizer from the bytes of a tokenizer.json.

        Raises:
            TokenizerError: The bytes aren't that.
        """
        if not isinstance(buffer, bytes):
            raise InputError(f"from_buffer takes bytes, not a {type(buffer).__name__}: a string is for from_str")
        return cls._from_bytes(buffer, "this buffer")

    @classmethod
    def from_file(cls, path: PathLike) -> Self:
        """A tokenizer from a tokenizer.json.

        Raises:
            TokenizerError: The file isn't there, or isn't that.
        """
        try:
            data = Path(path).read_bytes()
        except (OSError, UnicodeEncodeError) as error:
            shown = str(path).encode(errors="backslashreplace").decode()
            raise TokenizerError(f"{shown} can't be read: {_reason(error)}") from error
        return cls._from_bytes(data, str(path))

    @classmethod
    def from_pretrained(cls, identifier: PathLike, revision: str = "main", token: str | None = None) -> Self:
        """A tokenizer from the tokenizer.json of a repository: a name on the Hub, or a folder.

        Args:
            identifier: The name or folder.
            revision: A branch, tag or commit.
            token: Who asks, for private repositories.

        Raises:
            RepositoryError: The name can't be had.
            MissingFileError: There's no tokenizer.json.
        """
        from dure.hub.resolve import resolve

        chosen = None if revision == "main" else revision
        snapshot = resolve(identifier, files=("tokenizer.json",), revision=chosen, token=token)
        path = snapshot.find("tokenizer.json")
        if path is None:
            raise MissingFileError(
                f"{identifier} has no tokenizer.json: load it with AutoTokenizer, which reads others"
            )
        return cls.from_file(path)

    @classmethod
    def _from_bytes(cls, data: bytes, name: str) -> Self:
        made = cls.__new__(cls)
        made._restore(data, name)
        return made

    def _restore(self, data: bytes, name: str) -> None:
        from dure.tokenizers._core import Engine

        try:
            engine = Engine.from_json(data)
        except ValueError as error:
            raise TokenizerError(f"{name} is not a tokenizer that Dure reads: {error}") from error
        header, model_text = _split(data)
        self._start(header, model_text)
        self._made = engine
        self._seen = Component.changes
        self._added = engine.added_tokens()
        self._truncation = _truncation_from(header.get("truncation"))
        self._padding = _padding_from(header.get("padding"))

    def to_str(self, pretty: bool = False) -> str:
        """The tokenizer as the text of a tokenizer.json.

        Args:
            pretty: Whether to indent it.
        """
        header = self._header()
        parts = {name: None if self._part(name) is None else self._part(name).section() for name in _KINDS}
        document = {**header, **parts, "model": canonical_section(json.loads(self._model_text))}
        return json.dumps(document, ensure_ascii=False, indent=2) if pretty else dump(document).decode()

    def save(self, path: PathLike, pretty: bool = True) -> None:
        """Write a tokenizer.json.

        Args:
            path: The file.
            pretty: Whether to indent it.

        Raises:
            TokenizerError: It can't be written.
        """
        text = self.to_str(pretty)
        try:
            Path(path).write_text(text, encoding="utf-8", newline="\n")
        except (OSError, UnicodeEncodeError) as error:
            raise TokenizerError(f"{path!r} can't be written: {_reason(error)}") from error

    @property
    def model(self) -> Model:
        """How words become tokens."""
        if self._model is None:
            self._model = Model.from_text(self._model_text)
        return self._model

    @model.setter
    def model(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise InputError(f"the model of a tokenizer must be one of dure.tokenizers.models, but is {model!r}")
        self._model = model
        self._seen = -1

    def _part(self, name: str) -> Any:
        if name not in self._parts:
            section = self._sections[name]
            self._parts[name] = None if section is None else _KINDS[name].from_section(section)
        return self._parts[name]

    def _set_part(self, name: str, part: Component | None) -> None:
        if part is not None and not isinstance(part, _KINDS[name]):
            wanted = _KINDS[name].__name__
            raise InputError(f"the {name} of a tokenizer must be a {wanted} or None, but is {part!r}")
        self._parts[name] = part
        self._seen = -1

    @property
    def normalizer(self) -> Normalizer | None:
        """What is done to a text before it's split."""
        found: Normalizer | None = self._part("normalizer")
        return found

    @normalizer.setter
    def normalizer(self, part: Normalizer | None) -> None:
        self._set_part("normalizer", part)

    @property
    def pre_tokenizer(self) -> PreTokenizer | None:
        """How a text is split into words."""
        found: PreTokenizer | None = self._part("pre_tokenizer")
        return found

    @pre_tokenizer.setter
    def pre_tokenizer(self, part: PreTokenizer | None) -> None:
        self._set_part("pre_tokenizer", part)

    @property
    def post_processor(self) -> PostProcessor | None:
        """What is put around a text or two."""
        found: PostProcessor | None = self._part("post_processor")
        return found

    @post_processor.setter
    def post_processor(self, part: PostProcessor | None) -> None:
        self._set_part("post_processor", part)

    @property
    def decoder(self) -> Decoder | None:
        """How tokens become a text again."""
        found: Decoder | None = self._part("decoder")
        return found

    @decoder.setter
    def decoder(self, part: Decoder | None) -> None:
        self._set_part("decoder", part)

    @property
    def encode_special_tokens(self) -> bool:
        """Whether special tokens in a text are encoded as any other text, rather than found."""
        return self._encodes_special_tokens

    @encode_special_tokens.setter
    def encode_special_tokens(self, value: bool) -> None:
        self._encodes_special_tokens = bool(value)
        self._plans = {}

    def _engine(self) -> Engine:
        """The engine for the tokenizer as it is now."""
        if self._made is not None and self._seen == Component.changes and not self._pending:
            return self._made
        if self._seen != Component.changes and self._has_changed():
            self._made = None
        if self._made is None:
            self._made = self._make(self._added)
            self._made_literal = None
        if self._pending:
            self._remember_versions()
            self._made = self._made.with_added_tokens([token.to_tuple() for token in self._pending])
            self._pending = []
            self._added = self._made.added_tokens()
            self._made_literal = None
        self._seen = Component.changes
        self._vocab_sizes = {}
        self._plans = {}
        return self._made

    def _remember_versions(self) -> None:
        """Keep the versions of tokens that those to be added replace."""
        known = {token[1]: token_of(token) for token in self._added}
        for token in self._pending:
            if token.content in known:
                self._earlier.append(known[token.content])
            known[token.content] = token

    def _encoding_engine(self) -> Engine:
        """The engine that encodes, which may be one that doesn't know special tokens."""
        engine = self._engine()
        if not self._encodes_special_tokens:
            return engine
        if self._made_literal is None:
            special = {token.content for token in self._earlier if token.special}
            self._made_literal = self._make([token for token in self._added if not (token[2] or token[1] in special)])
        return self._made_literal

    def _has_changed(self) -> bool:
        """Take over what changed in parts that somebody has seen; whether anything did."""
        changed = False
        for name, part in self._parts.items():
            section = None if part is None else part.section()
            if section != self._sections[name]:
                self._sections[name] = section
                changed = True
        text = self._current_model_text()
        if text is not self._model_text and text != self._model_text:
            self._model_text = text
            changed = True
        return changed

    def _current_model_text(self) -> bytes:
        return self._model_text if self._model is None else self._model.section_bytes()

    def _make(self, added: Iterable[AddedTuple]) -> Engine:
        from dure.tokenizers._core import Engine

        # Tokens with a history start from their first version, and are added again as they were.
        first: dict[str, AddedToken] = {}
        for token in self._earlier:
            first.setdefault(token.content, token)
        now = list(added)
        start = [(token[0], *first[token[1]].to_tuple()) if token[1] in first else token for token in now]
        again = [*self._earlier, *(token_of(token) for token in now if token[1] in first)]
        known = {content for _, content, *_ in now}
        header = dump({"version": "1.0", "added_tokens": _added_sections(start), **self._sections})
        try:
            engine = Engine.from_json(b"".join((header[:-1], b',"model":', self._model_text, b"}")))
            versions = [token.to_tuple() for token in again if token.content in known]
            return engine.with_added_tokens(versions) if versions else engine
        except ValueError as error:
            raise TokenizerError(f"these parts don't make a tokenizer: {error}") from error

    def _header(self) -> JsonObject:
        """The document without its model."""
        self._engine()
        return {
            "version": "1.0",
            "truncation": _truncation_section(self._truncation),
            "padding": _padding_section(self._padding),
            "added_tokens": _added_sections(self._added),
            **self._sections,
        }

    def __getstate__(self) -> bytes:
        return b"".join((dump(self._header())[:-1], b',"model":', self._model_text, b"}"))

    def __setstate__(self, state: bytes) -> None:
        self._restore(state, "the pickled tokenizer")

    def __reduce__(self) -> Any:
        return (_unpickled, (type(self), self.__getstate__()))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)._from_bytes(self.__getstate__(), "the copied tokenizer")

    def __copy__(self) -> Self:
        return self.__deepcopy__({})

    def __repr__(self) -> str:
        return self._show(FULL)

    def __str__(self) -> str:
        return self._show(BRIEF)

    def _show(self, most_items: int) -> str:
        names = {"truncation": "TruncationParams", "padding": "PaddingParams"}
        header = self._header()
        for name, kind in names.items():
            if header[name] is not None:
                header[name] = {"type": kind, **header[name]}
        shown = [f"{name}={show(value, most_items, name)}" for name, value in header.items()]
        model = repr(self.model) if most_items == FULL else str(self.model)
        return f"Tokenizer({', '.join([*shown, f'model={model}'])})"


def _reason(error: OSError | UnicodeEncodeError) -> str:
    return "its name isn't text" if isinstance(error, UnicodeEncodeError) else str(error.strerror)


def token_of(added: AddedTuple) -> AddedToken:
    """An added token as the engine describes it."""
    _, content, special, single_word, lstrip, rstrip, normalized = added
    return AddedToken(content, single_word, lstrip, rstrip, normalized, special)


def _unpickled(cls: type[TokenizerDocument], state: bytes) -> TokenizerDocument:
    return cls._from_bytes(state, "the pickled tokenizer")


def _split(data: bytes) -> tuple[JsonObject, bytes]:
    """A tokenizer.json without its model, and the model's text: nearly all of the file, which only the engine reads."""
    # The key can't be inside of a string: quotes are escaped there. In a deeper object, the head wouldn't be complete.
    head, key, tail = data.partition(b'"model":')
    try:
        header = json.loads(head + b'"model":null}') if key else {}
    except ValueError:
        header = {}
    if {"added_tokens", *_KINDS} <= header.keys():
        return header, tail.rstrip()[:-1]
    document = json.loads(data)
    return document, dump(document.pop("model"))


def _added_sections(tokens: Iterable[AddedTuple]) -> list[JsonObject]:
    return [
        {
            "id": id_,
            "content": content,
            "single_word": single_word,
            "lstrip": lstrip,
            "rstrip": rstrip,
            "normalized": normalized,
            "special": special,
        }
        for id_, content, special, single_word, lstrip, rstrip, normalized in tokens
    ]


_STRATEGIES = {"longest_first": "LongestFirst", "only_first": "OnlyFirst", "only_second": "OnlySecond"}


def _truncation_from(section: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if section is None:
        return None
    names = {stored: name for name, stored in _STRATEGIES.items()}
    return {
        "max_length": section["max_length"],
        "stride": section.get("stride", 0),
        "strategy": names.get(section.get("strategy", ""), "longest_first"),
        "direction": section.get("direction", "Right").lower(),
    }


def _truncation_section(settings: Mapping[str, Any] | None) -> JsonObject | None:
    if settings is None:
        return None
    return {
        "direction": settings["direction"].capitalize(),
        "max_length": settings["max_length"],
        "strategy": _STRATEGIES[settings["strategy"]],
        "stride": settings["stride"],
    }


def _padding_from(section: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if section is None:
        return None
    strategy = section.get("strategy")
    return {
        "length": strategy["Fixed"] if isinstance(strategy, dict) else None,
        "pad_to_multiple_of": section.get("pad_to_multiple_of"),
        "pad_id": section.get("pad_id", 0),
        "pad_token": section.get("pad_token", "[PAD]"),
        "pad_type_id": section.get("pad_type_id", 0),
        "direction": section.get("direction", "Right").lower(),
    }


def _padding_section(settings: Mapping[str, Any] | None) -> JsonObject | None:
    if settings is None:
        return None
    return {
        "strategy": "BatchLongest" if settings["length"] is None else {"Fixed": settings["length"]},
        "direction": settings["direction"].capitalize(),
        "pad_to_multiple_of": settings["pad_to_multiple_of"],
        "pad_id": settings["pad_id"],
        "pad_type_id": settings["pad_type_id"],
        "pad_token": settings["pad_token"],
    }
