"""Models: how a word becomes tokens. ``from dure.tokenizers import models``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from dure.errors import InputError, TokenizerError
from dure.tokenizers.components import BRIEF, FULL, Component, Setting, dump, known_only, show
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine
    from dure.tokenizers.trainers import Trainer

__all__ = ["BPE", "Model", "Token", "Unigram", "WordLevel", "WordPiece"]

#: The fields that hold a vocabulary. They are large, and only the engine needs them.
_LARGE = ("vocab", "merges")


class Token(NamedTuple):
    """A token of a word.

    Attributes:
        id: Its id.
        value: Its text.
        offsets: Its place in the word, in code points: ``(first, last + 1)``.
    """

    id: int
    value: str
    offsets: tuple[int, int]

    def as_tuple(self) -> tuple[int, str, tuple[int, int]]:
        """``(id, value, offsets)``."""
        return (self.id, self.value, self.offsets)


class Model(Component, is_kind=True):
    """What all models have in common.

    The section stays JSON text, since a vocabulary as Python objects is slow to make and large.
    """

    _text: bytes
    _settings_read: dict[str, Any] | None
    _made_engine: Engine | None

    def _take(self, section: Mapping[str, Any]) -> None:
        """Become what a section says.

        Raises:
            TokenizerError: The vocabulary isn't consistent, or a setting is out of its range.
        """
        self._set_text(dump({"type": self._type, **section}))
        self._engine()

    def _set_text(self, text: bytes) -> None:
        self._text = text
        self._settings_read = None
        self._made_engine = None

    @classmethod
    def from_text(cls, text: bytes) -> Model:
        """The model that JSON text describes, which isn't looked into until somebody asks for a setting."""
        head = text.partition(b'"vocab"')[0]
        kind = next((name for name in cls._known if f'"{name}"'.encode() in head), None)
        if kind is None:
            section = json.loads(text)
            return cls.from_section({**section, "type": _kind_of(section)})
        made = cls._known[kind].__new__(cls._known[kind])
        assert isinstance(made, Model)
        made._set_text(text)
        return made

    def _engine(self) -> Engine:
        if self._made_engine is None:
            from dure.tokenizers._core import Engine

            try:
                self._made_engine = Engine.from_json(b'{"model":' + self._text + b"}")
            except ValueError as error:
                raise TokenizerError(f"this {type(self).__name__} can't be used: {error}") from error
        return self._made_engine

    def section(self) -> dict[str, Any]:
        """The model as its section of tokenizer.json, vocabulary and all."""
        found: dict[str, Any] = json.loads(self._text)
        return found

    def section_bytes(self) -> bytes:
        """The section as JSON."""
        return self._text

    def _load(self, section: dict[str, Any]) -> None:
        self._set_text(dump({"type": self._type, **section}))

    def _fields(self) -> dict[str, Any]:
        if self._settings_read is None:
            self._settings_read = {name: value for name, value in self.section().items() if name not in _LARGE}
        return self._settings_read

    def _change(self, key: str, value: Any) -> None:
        self._set_text(dump({**self.section(), key: value}))
        Component.changes += 1

    def __setstate__(self, state: bytes) -> None:
        self._set_text(state)

    def __repr__(self) -> str:
        return _show_model(self.section(), FULL)

    def __str__(self) -> str:
        return _show_model(self.section(), BRIEF)

    def tokenize(self, sequence: str) -> list[Token]:
        """The tokens of a word.

        Args:
            sequence: The word, as a pre-tokenizer makes it.

        Raises:
            TokenizerError: Something in it is unknown, and the model has no token for that.
        """
        try:
            return [Token(id_, value, span) for id_, value, span in self._engine().model_tokenize(sequence)]
        except ValueError as error:
            raise TokenizerError(str(error)) from error

    def token_to_id(self, token: str) -> int | None:
        """The id of a token; None if there's no such token."""
        return self._engine().token_to_id(token)

    def id_to_token(self, id: int) -> str | None:
        """The token with an id; None if there's none."""
        return self._engine().id_to_token(id)

    def get_trainer(self) -> Trainer:
        """A trainer that makes models of this kind."""
        from dure.tokenizers import trainers

        made: Trainer = getattr(trainers, f"{type(self).__name__.replace('BPE', 'Bpe')}Trainer")()
        return made

    def save(self, folder: PathLike, prefix: str | None = None) -> list[str]:
        """Write the vocabulary to the files that are usual for this kind of model.

        Args:
            folder: Where to; it must be there.
            prefix: Put in front of the files' names, with a hyphen.

        Returns:
            The paths of the files.
        """
        root = Path(folder)
        if not root.is_dir():
            raise InputError(f"there is no folder {root} to save a model to")
        paths = []
        for name, text in self._files().items():
            path = root / (f"{prefix}-{name}" if prefix else name)
            path.write_text(text, encoding="utf-8", newline="\n")
            paths.append(str(path))
        return paths

    def _files(self) -> dict[str, str]:
        """The content of each file by its name."""
        raise NotImplementedError

    def trained(self, section: Mapping[str, Any]) -> Model:
        """A model as training made it, with the settings of this one that training doesn't decide."""
        if section.get("type") != self._type:
            raise InputError(f"a trainer for {section.get('type')} can't train a {self._type}: choose another trainer")
        made = type(self).__new__(type(self))
        made._set_text(dump({**self.section(), **{name: section[name] for name in self._learned if name in section}}))
        return made

    #: The fields that training decides.
    _learned: tuple[str, ...] = ("vocab",)

    def _clear_cache(self) -> None:
        """Accepted for code that calls it: the engine looks after its memory itself."""

    def _resize_cache(self, capacity: int) -> None:
        """Accepted for code that calls it: the engine looks after its memory itself."""


class BPE(Model):
    """Byte-pair encoding: a word's characters are merged in the order that was learnt.

    Args:
        vocab: The id of each token.
        merges: The pairs of tokens that are merged, in order.
        cache_capacity: Accepted; the engine decides what it remembers.
        dropout: How likely a merge is skipped, between 0 and 1; for training robust models.
        unk_token: The token for what isn't in the vocabulary.
        continuing_subword_prefix: What tokens begin with that don't begin a word.
        end_of_word_suffix: What tokens end with that end a word.
        fuse_unk: Whether unknown tokens in a row become one.
        byte_fallback: Whether unknown characters become tokens like ``<0x61>`` for their bytes.
        ignore_merges: Whether a word that is a token isn't split whatever the merges say.

    Raises:
        InputError: There are merges without a vocabulary, or the other way round.
        TokenizerError: A merge names a token that isn't in the vocabulary.
    """

    dropout: Setting[float | None] = Setting(None, kind=float)
    unk_token: Setting[str | None] = Setting(None, kind=str)
    continuing_subword_prefix: Setting[str | None] = Setting(None, kind=str)
    end_of_word_suffix: Setting[str | None] = Setting(None, kind=str)
    fuse_unk = Setting(False)
    byte_fallback = Setting(False)
    ignore_merges = Setting(False)
    _learned = ("vocab", "merges", "continuing_subword_prefix", "end_of_word_suffix")

    def __init__(
        self,
        vocab: Mapping[str, int] | str | None = None,
        merges: Sequence[tuple[str, str]] | str | None = None,
        *,
        cache_capacity: int | None = None,
        **settings: Any,
    ) -> None:
        del cache_capacity
        if (vocab is None) != (merges is None):
            raise InputError("vocab and merges must be given both, or neither")
        if isinstance(vocab, str) or isinstance(merges, str):
            vocab, merges = self.read_file(str(vocab), str(merges))
        pairs = [_checked_merge(merge) for merge in merges or ()]
        fields = _stored(type(self), settings)
        self._take({**fields, "vocab": _by_id(vocab or {}), "merges": pairs})

    @staticmethod
    def read_file(vocab: PathLike, merges: PathLike) -> tuple[dict[str, int], list[tuple[str, str]]]:
        """What a vocab.json and a merges.txt hold.

        Args:
            vocab: The path of a vocab.json.
            merges: The path of a merges.txt.

        Returns:
            The vocabulary and the merges.

        Raises:
            TokenizerError: A file isn't there, or isn't what its name says.
        """
        pairs = []
        for number, line in enumerate(_read(merges).split("\n"), start=1):
            line = line.removesuffix("\r")
            if line.startswith("#version") or not line:
                continue
            pair = line.split(" ")
            if len(pair) != 2:
                raise TokenizerError(f"{merges}, line {number}: a merge is two tokens with a space, not {line!r}")
            pairs.append((pair[0], pair[1]))
        return _read_vocab_json(vocab), pairs

    @classmethod
    def from_file(cls, vocab: PathLike, merges: PathLike, **kwargs: Any) -> Self:
        """A model from a vocab.json and a merges.txt.

        Args:
            vocab: The path of a vocab.json.
            merges: The path of a merges.txt.
            **kwargs: Settings of the model.
        """
        return cls(*cls.read_file(vocab, merges), **kwargs)

    def _files(self) -> dict[str, str]:
        section = self.section()
        pairs = [merge if isinstance(merge, str) else " ".join(merge) for merge in section["merges"]]
        return {
            "vocab.json": dump(_by_id(section["vocab"])).decode(),
            "merges.txt": "\n".join(["#version: 0.2", *pairs, ""]),
        }


class WordPiece(Model):
    """The longest token that a word begins with, then the longest that goes on, and so on.

    Args:
        vocab: The id of each token.
        unk_token: The token for words that can't be split so.
        max_input_chars_per_word: Longer words are unknown.
        continuing_subword_prefix: What tokens begin with that don't begin a word.
    """

    unk_token = Setting("[UNK]")
    continuing_subword_prefix = Setting("##")
    max_input_chars_per_word = Setting(100, minimum=0)
    _learned = ("vocab", "continuing_subword_prefix")

    def __init__(self, vocab: Mapping[str, int] | str | None = None, **settings: Any) -> None:
        if isinstance(vocab, str):
            vocab = self.read_file(vocab)
        self._take({**_stored(type(self), settings), "vocab": _by_id(vocab or {})})

    @staticmethod
    def read_file(vocab: PathLike) -> dict[str, int]:
        """The vocabulary in a vocab.txt: a token per line, whose number is its id.

        Raises:
            TokenizerError: The file isn't there, or isn't text.
        """
        return {line.rstrip(): number for number, line in enumerate(_read(vocab).removesuffix("\n").split("\n"))}

    @classmethod
    def from_file(cls, vocab: PathLike, **kwargs: Any) -> Self:
        """A model from a vocab.txt.

        Args:
            vocab: The path of the file.
            **kwargs: Settings of the model.
        """
        return cls(cls.read_file(vocab), **kwargs)

    def _files(self) -> dict[str, str]:
        return {"vocab.txt": "".join(f"{token}\n" for token in _by_id(self.section()["vocab"]))}


class WordLevel(Model):
    """Each word is a token, or unknown.

    Args:
        vocab: The id of each word.
        unk_token: The token for other words.
    """

    unk_token = Setting("<unk>")

    def __init__(self, vocab: Mapping[str, int] | str | None = None, unk_token: str | None = None) -> None:
        if isinstance(vocab, str):
            vocab = self.read_file(vocab)
        settings = {} if unk_token is None else {"unk_token": unk_token}
        self._take({"vocab": _by_id(vocab or {}), **_stored(type(self), settings)})

    @staticmethod
    def read_file(vocab: PathLike) -> dict[str, int]:
        """The vocabulary in a vocab.json.

        Raises:
            TokenizerError: The file isn't there, or isn't what its name says.
        """
        return _read_vocab_json(vocab)

    @classmethod
    def from_file(cls, vocab: PathLike, unk_token: str | None = None) -> Self:
        """A model from a vocab.json.

        Args:
            vocab: The path of the file.
            unk_token: The token for other words.
        """
        return cls(cls.read_file(vocab), unk_token)

    def _files(self) -> dict[str, str]:
        return {"vocab.json": dump(_by_id(self.section()["vocab"])).decode()}


class Unigram(Model):
    """The most likely tokens of a word, each with a probability of its own, as in SentencePiece.

    Args:
        vocab: The tokens with the logarithms of their probabilities, in the order of their ids.
        unk_id: The id of the token for what isn't in the vocabulary.
        byte_fallback: Whether unknown characters become tokens like ``<0x61>`` for their bytes.
    """

    unk_id: Setting[int | None] = Setting(None, kind=int)
    byte_fallback = Setting(False)
    _learned = ("vocab", "unk_id", "byte_fallback")

    def __init__(
        self,
        vocab: Sequence[tuple[str, float]] | None = None,
        unk_id: int | None = None,
        byte_fallback: bool | None = None,
    ) -> None:
        if isinstance(vocab, str):
            raise InputError("vocab of a Unigram must be a list of pairs of a token and a number, not a string")
        if vocab is None and (unk_id is not None or byte_fallback is not None):
            raise InputError("unk_id and byte_fallback need a vocab")
        pairs = [["<unk>", 0.0]] if vocab is None else [[token, float(score)] for token, score in vocab]
        settings = _stored(type(self), {"unk_id": 0 if vocab is None else unk_id, "byte_fallback": bool(byte_fallback)})
        self._take({"unk_id": settings["unk_id"], "vocab": pairs, "byte_fallback": settings["byte_fallback"]})

    def _files(self) -> dict[str, str]:
        return {"unigram.json": json.dumps(self.section(), ensure_ascii=False, indent=2)}


def _stored(cls: type[Model], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a model's section for its settings; unknown ones are ignored, as the original does."""
    given = known_only(cls.__name__, settings, cls._settings)
    return {
        str(setting.key): setting.stored(given.get(name, setting.default), cls.__name__)
        for name, setting in cls._settings.items()
    }


def _by_id(vocab: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(vocab.items(), key=itemgetter(1)))


def _checked_merge(merge: Any) -> list[str]:
    if isinstance(merge, (tuple, list)) and len(merge) == 2:
        return list(merge)
    raise InputError(f"a merge must be a pair of two tokens, but is {merge!r}")


def _read(path: PathLike) -> str:
    """The text of a file.

    Raises:
        TokenizerError: There's no such file, or it isn't UTF-8.
    """
    try:
        return Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} isn't UTF-8 text: byte {error.start} is wrong") from error
    except OSError as error:
        raise TokenizerError(f"{path} can't be read: {error.strerror}") from error


def _read_vocab_json(path: PathLike) -> dict[str, int]:
    try:
        vocab = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise TokenizerError(f"{path} is not valid JSON ({error})") from error
    if not isinstance(vocab, dict) or not all(isinstance(id_, int) for id_ in vocab.values()):
        raise TokenizerError(f"{path} must hold a JSON object with an id for each token")
    return vocab


def _show_model(section: dict[str, Any], most_items: int) -> str:
    pairs = {name: [tuple(pair) for pair in section[name]] for name in _LARGE if isinstance(section.get(name), list)}
    return show({**section, **pairs}, most_items)


_ORDER = {
    "BPE": ("type", *BPE._settings, "vocab", "merges"),
    "WordPiece": ("type", *WordPiece._settings, "vocab"),
    "WordLevel": ("type", "vocab", "unk_token"),
    "Unigram": ("type", "unk_id", "vocab", "byte_fallback"),
}


def _kind_of(section: Mapping[str, Any]) -> Any:
    """The type of a model's section, which old files don't name."""
    if "type" in section or "vocab" not in section:
        return section.get("type")
    if "merges" in section:
        return "BPE"
    if isinstance(section["vocab"], list):
        return "Unigram"
    return "WordPiece" if "max_input_chars_per_word" in section else "WordLevel"


def canonical_section(section: JsonObject) -> JsonObject:
    """A model's section as the original writes it: all fields, in its order, the vocabulary in the order of ids."""
    kind = _kind_of(section)
    if kind not in _ORDER:
        return section
    cls = Model._known[kind]
    fields = {str(setting.key): setting.default for setting in cls._settings.values()} | section | {"type": kind}
    if isinstance(fields["vocab"], dict):
        fields["vocab"] = _by_id(fields["vocab"])
    if kind == "BPE":
        pairs = fields.get("merges") or []
        fields["merges"] = [merge.split(" ") if isinstance(merge, str) else merge for merge in pairs]
    return {name: fields[name] for name in _ORDER[kind]}
