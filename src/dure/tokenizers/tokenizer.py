"""The tokenizer that users call: texts to columns of ids, ready for a model."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dure.errors import InputError, TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.assembling import Assembling
from dure.tokenizers.calling import Calling
from dure.tokenizers.chat import Chat
from dure.tokenizers.decoding import Decoding
from dure.tokenizers.explain import Explaining
from dure.tokenizers.family import ROLES, Family, Sources, dump, template
from dure.tokenizers.load import TokenizerFiles, engine_from, header_of, load_files
from dure.tokenizers.options import VERY_LARGE_INTEGER
from dure.tokenizers.retraining import Retraining
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["PreTrainedTokenizer", "PreTrainedTokenizerBase", "PreTrainedTokenizerFast"]

logger = logging.getLogger(__name__)

#: Settings that are about one loading, not about the tokenizer.
_PASSING = ("from_slow", "merges_file", "vocab_file", "tokenizer_file")


def _no_files(sources: Sources) -> JsonObject:
    raise TokenizerError(f"a tokenizer can't be built from {', '.join(map(str, sources.paths.values())) or 'nothing'}")


class PreTrainedTokenizerFast(Calling, Assembling, Decoding, Chat, Retraining, Explaining):
    """Any tokenizer with a tokenizer.json; ``BertTokenizerFast`` and others add what their family is used to.

    Args:
        *paths: The vocabulary files of the family, and then ``tokenizer_file``.
        tokenizer_file: Path of a tokenizer.json.
        vocab_file: Path of a vocabulary, if there's no tokenizer.json: a vocab.txt, a SentencePiece .model, a tiktoken
            rank file, or a vocab.json, which goes with a ``merges_file``.
        tokenizer_object: An engine, or a tokenizer of the ``tokenizers`` library, instead of a file.
        **settings: Those of tokenizer_config.json: special tokens (``pad_token``, ...), ``model_max_length``,
            ``padding_side``, ``truncation_side``, ``model_input_names``, ``clean_up_tokenization_spaces``, ...

    Raises:
        TokenizerError: A file is damaged, or there's neither a file nor an object.
        InputError: A setting is wrong.
    """

    #: What the tokenizer's family is used to.
    family: ClassVar[Family] = Family(
        files={
            "vocab_file": (
                "tokenizer.model",
                "*.tiktoken",
                "*.model",
                "*.spm",
                "*.model.v*",
                "vocab.txt",
                "vocab.json",
            ),
            "merges_file": ("merges.txt",),
        },
        build=_no_files,
    )
    model_input_names: list[str] = ["input_ids", "token_type_ids", "attention_mask"]  # noqa: RUF012
    padding_side = "right"
    truncation_side = "right"
    is_fast = True
    #: Whether ``add_prefix_space`` asks for building from vocabulary files although there is a tokenizer.json.
    _rebuilds_for_prefix_space = False
    #: Whether tokenizer.json says all there is to say.
    _has_document = True

    def __init__(
        self,
        *paths: PathLike | None,
        tokenizer_object: Any = None,
        added_tokens_decoder: Mapping[int, Any] | None = None,
        **settings: Any,
    ) -> None:
        listed = dict(added_tokens_decoder or {})
        files = _files(self.family, paths, settings)
        family = self._family_of(files)
        is_given = settings.keys() & {*ROLES, "additional_special_tokens"}
        settings = self._prepare(family.with_defaults(settings))
        self._vocab_files = {name: path for name, path in files.items() if name != "tokenizer_file"}
        self.vocab_file = str(files["vocab_file"]) if "vocab_file" in files else None
        data, name, is_built = self._document(family, files, tokenizer_object, settings, listed)
        self._header = header = header_of(data, name)
        changed = self._changed_parts(header, settings)
        if changed:
            data = dump({**json.loads(data), **changed})
            self._header = {**header, **changed}
        self._engine = engine_from(data, name)
        self._variants: dict[str, Engine] = {}
        self._take_stored_defaults(header, settings)
        cleans = is_built and (header["decoder"] or {}).get("type") == "WordPiece"
        self.clean_up_tokenization_spaces = bool(settings.setdefault("clean_up_tokenization_spaces", cleans))
        self._take_settings(settings)
        tokens = _role_tokens(family, header, settings, listed, is_given, is_built=is_built)
        self._init_special_tokens(tokens, self.extra_special_tokens)
        self._add_missing(listed)

    def _family_of(self, files: Mapping[str, Path]) -> Family:
        """This class's family; that of the files where the class has none."""
        if type(self).family is not PreTrainedTokenizerFast.family or "tokenizer_file" in files:
            return self.family
        if "vocab_file" not in files:
            return self.family
        from dure.tokenizers.families.generic import family_for

        return family_for(files)

    def _prepare(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Settings that follow from others, before anything is built."""
        return settings

    def _document(
        self,
        family: Family,
        files: Mapping[str, Path],
        tokenizer_object: Any,
        settings: Mapping[str, Any],
        listed: Mapping[int, Any],
    ) -> tuple[bytes, str, bool]:
        """The bytes of a tokenizer.json, what errors call it, and whether it was built from vocabulary files."""
        if tokenizer_object is not None:
            to_json = getattr(tokenizer_object, "to_json", None) or getattr(tokenizer_object, "to_str", None)
            if to_json is None:
                kind = type(tokenizer_object).__name__
                raise InputError(f"tokenizer_object can't be a {kind}: it must be a tokenizer")
            return to_json().encode(), "tokenizer_object", False
        if not files:
            raise TokenizerError("a tokenizer needs files: use from_pretrained, or give tokenizer_file or vocab_file")
        path = files.get("tokenizer_file")
        vocabularies = {name: file for name, file in files.items() if name != "tokenizer_file"}
        rebuilds = settings.get("from_slow") or (
            self._rebuilds_for_prefix_space and settings.get("add_prefix_space") is not None
        )
        if path is not None and not (rebuilds and vocabularies):
            return path.read_bytes(), str(path), False
        document = family.build(Sources(family, vocabularies, settings, listed))
        return dump(document), str(next(iter(vocabularies.values()))), True

    def _changed_parts(self, header: JsonObject, settings: dict[str, Any]) -> JsonObject:
        """The components of a stored tokenizer.json with which settings disagree, as they should be."""
        stored, wanted = header.get("pre_tokenizer") or {}, bool(settings.get("add_prefix_space", False))
        if stored.get("add_prefix_space", wanted) == wanted:
            return {}
        return {"pre_tokenizer": {**stored, "add_prefix_space": wanted}}

    def _take_settings(self, settings: dict[str, Any]) -> None:
        self.init_kwargs = {name: value for name, value in settings.items() if name not in _PASSING}
        self.deprecation_warnings: dict[str, bool] = {}
        self.name_or_path = str(settings.get("name_or_path", ""))
        limit = settings.get("model_max_length", settings.get("max_len"))
        self.model_max_length = VERY_LARGE_INTEGER if limit is None else int(limit)
        self.model_input_names = list(settings.get("model_input_names") or self.model_input_names)
        self.split_special_tokens = bool(settings.get("split_special_tokens", False))
        self.add_prefix_space = settings.get("add_prefix_space", False)
        self.chat_template = settings.get("chat_template")
        if isinstance(self.chat_template, (list, tuple)):
            self.chat_template = {item["name"]: item["template"] for item in self.chat_template}
        self.extra_special_tokens: dict[str, Any] = dict(settings.get("extra_special_tokens") or {})
        for name in self.family.settings:
            if name not in self.__dict__ and not hasattr(type(self), name):
                setattr(self, name, settings[name])
        for side in ("padding_side", "truncation_side"):
            value = settings.get(side, getattr(self, side))
            if value not in ("left", "right"):
                raise InputError(f"{side} must be 'left' or 'right', but is {value!r}")
            setattr(self, side, value)

    @staticmethod
    def _take_stored_defaults(header: JsonObject, settings: dict[str, Any]) -> None:
        """Sides and the padding token that a tokenizer.json stores. Its lengths don't count: each call says its own."""
        cutting, padding = header.get("truncation") or {}, header.get("padding") or {}
        if cutting.get("direction"):
            settings.setdefault("truncation_side", str(cutting["direction"]).lower())
        if padding:
            settings.setdefault("padding_side", str(padding.get("direction", "right")).lower())
            settings.setdefault("pad_token", padding.get("pad_token"))

    def _add_missing(self, by_id: Mapping[int, Any]) -> None:
        """Add the tokens that tokenizer_config.json lists, or that play a role, where the document differs."""
        known = {token.content: token for token in self.added_tokens_decoder.values()}
        special = set(self.all_special_tokens)
        listed = [token for _, token in sorted(by_id.items())]
        texts = {*known, *map(str, listed)}
        wanted = listed + [
            AddedToken(token, special=True) if isinstance(token, str) else token
            for token in self.all_special_tokens_extended
            if not isinstance(token, str) or token not in texts
        ]
        flagged = [t.as_special() if t.content in special and not t.special else t for t in wanted]
        self.add_tokens([token for token in flagged if known.get(token.content) != token])

    def _variant(self, parts: JsonObject) -> Engine:
        """The engine with other components; remembered, since languages are switched back and forth."""
        key = f"{id(self._engine)} {json.dumps(parts)}"
        if key not in self._variants:
            document = json.loads(self._engine.to_json()) | parts
            self._variants[key] = engine_from(dump(document), self.name_or_path or "the tokenizer")
        return self._variants[key]

    def _template(self, single: str, pair: str) -> JsonObject:
        """Templates as a post-processor; see :func:`dure.tokenizers.family.template`."""

        def name(text: str) -> str:
            return str(getattr(self, f"{text[1:-1]}_token")) if text.startswith("{") else text

        def id_of(token: str) -> int:
            id_ = self._id_of(token)
            if id_ is None:
                raise InputError(f"{token!r} should stand around texts, but the vocabulary has no such token")
            return id_

        return template(single, pair, name, id_of)

    def _set_template(self, single: str, pair: str) -> None:
        """Put other special tokens around texts from now on."""
        wanted = self._template(single, pair)
        if wanted == self._header["post_processor"]:
            return
        before = self._engine, self._header["post_processor"]
        self._engine = self._variant({"post_processor": wanted})
        self._header["post_processor"] = wanted
        self._variants[f"{id(self._engine)} {json.dumps({'post_processor': before[1]})}"] = before[0]

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: PathLike, *inputs: Any, **kwargs: Any) -> Self:
        """Load a tokenizer.

        Args:
            pretrained_model_name_or_path: A name on the Hub, a folder, or the path of a tokenizer.json, vocab.txt, ...
            *inputs: None are taken.
            **kwargs: Where from (``revision``, ``cache_dir``, ``token``, ``local_files_only``, ``update``), and
                settings that replace the saved ones (``model_max_length=128``, ``padding_side="left"``, ...).

        Raises:
            RepositoryError: The name can't be had, or has no tokenizer.
            TokenizerError: A file is damaged.
        """
        if inputs:
            raise InputError(f"from_pretrained takes its settings by name, but got {inputs!r}")
        settings = dict(kwargs)
        return cls._from_files(load_files(pretrained_model_name_or_path, settings), settings)

    @classmethod
    def _from_files(cls, files: TokenizerFiles, settings: Mapping[str, Any]) -> Self:
        saved = str(files.config.get("tokenizer_class") or cls.__name__)
        # The general class reads every kind, and is what files say that don't know their family.
        kinds = {saved.removesuffix("Fast"), cls.__name__.removesuffix("Fast")} - {
            "PreTrainedTokenizer",
            "TokenizersBackend",
        }
        if len(kinds) > 1:
            logger.warning("%s was saved from a %s, but is loaded as a %s", files.name, saved, cls.__name__)
        return cls(**files.arguments(cls.family, settings))

    def save_pretrained(
        self,
        save_directory: PathLike,
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
        push_to_hub: bool = False,
        **kwargs: Any,
    ) -> tuple[str, ...]:
        """Save the tokenizer so that Dure and transformers (4 and 5) load it with the same results.

        Args:
            save_directory: A folder; made if it's not there. Other files in it stay.
            legacy_format: False leaves out the family's own vocabulary files, such as vocab.txt.
            filename_prefix: Put in front of every file's name, with a hyphen.
            push_to_hub: Not there yet.
            **kwargs: Accepted for code that passes options of uploading; not used.

        Returns:
            The paths of the files written.
        """
        del kwargs
        if push_to_hub:
            raise InputError("push_to_hub=True isn't there yet: save to a folder, then upload that folder")
        from dure.tokenizers.saving import save

        return save(self, save_directory, filename_prefix=filename_prefix, with_vocab_file=legacy_format is not False)

    @property
    def saved_class_name(self) -> str:
        """What tokenizer_config.json calls this class."""
        name = type(self).__name__
        return name if self.family is PreTrainedTokenizerFast.family else name.removesuffix("Fast")

    @property
    def backend_tokenizer(self) -> Engine:
        """The engine that does the work."""
        return self._engine

    def __repr__(self) -> str:
        added = "\n\t".join(f"{id_}: {token!r}," for id_, token in self.added_tokens_decoder.items())
        return (
            f"{type(self).__name__}(name_or_path='{self.name_or_path}', vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, is_fast={self.is_fast}, "
            f"padding_side='{self.padding_side}', truncation_side='{self.truncation_side}', "
            f"special_tokens={self.special_tokens_map}, "
            f"clean_up_tokenization_spaces={self.clean_up_tokenization_spaces}, "
            f"added_tokens_decoder={{\n\t{added}\n}}\n)"
        )

    def __getstate__(self) -> dict[str, Any]:
        # Engines that can be made again stay here.
        again: dict[str, Any] = {"_variants": {}, **({"_encoders": {}} if "_encoders" in self.__dict__ else {})}
        return {**self.__dict__, **again, "_engine": self._engine.to_json(), "_counted": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        engine = state["_engine"]
        engine = engine_from(engine.encode(), "the pickled tokenizer") if isinstance(engine, str) else engine
        self.__dict__.update({**state, "_engine": engine})


#: The names under which code for tokenizers written in Python knows the class.
PreTrainedTokenizer = PreTrainedTokenizerBase = PreTrainedTokenizerFast


def _files(family: Family, paths: tuple[PathLike | None, ...], settings: dict[str, Any]) -> dict[str, Path]:
    """The files among the arguments, by argument; they're taken out of the settings."""
    names = [*family.files, "tokenizer_file"]
    if len(paths) > len(names):
        raise InputError(f"at most {len(names)} files are taken ({', '.join(names)}), but {len(paths)} were given")
    given = dict(zip(names, paths, strict=False))
    # Code written for tokenizers in Python passes more of them than some have.
    for name in {*names, "vocab_file", "merges_file"}:
        given[name] = settings.pop(name, None) or given.get(name)
    chosen = {name: given.get(name) for name in (*names, "merges_file")}
    found = {name: Path(path) for name, path in chosen.items() if path}
    for path in found.values():
        if not path.is_file():
            raise TokenizerError(f"there is no file {path}")
    return found


def _role_tokens(
    family: Family,
    header: JsonObject,
    settings: Mapping[str, Any],
    listed: Mapping[int, Any],
    is_given: Any,
    *,
    is_built: bool,
) -> dict[str, Any]:
    """The special tokens with what is known of them: flags from files go before the family's."""
    stored = {} if listed else {str(token["content"]): token for token in header.get("added_tokens") or []}
    tokens: dict[str, Any] = {"additional_special_tokens": settings.get("additional_special_tokens")}
    by_text = {str(token): token for token in listed.values()}
    for role in ROLES:
        token = settings.get(role)
        if token is None:
            continue
        if str(token) in by_text and role in is_given:
            token = by_text[str(token)]
        elif role in is_given and str(token) in stored and not is_built:
            token = AddedToken.from_dict(stored[str(token)])
        else:
            token = family.token(role, token, is_built=is_built)
        tokens[role] = token
    return tokens
