"""The tokenizer that users call: texts to columns of ids, ready for a model."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dure.errors import InputError, TokenizerError
from dure.tokenizers.calling import Calling
from dure.tokenizers.decoding import Decoding
from dure.tokenizers.load import TokenizerFiles, engine_from, header_of, load_files
from dure.tokenizers.options import VERY_LARGE_INTEGER
from dure.tokenizers.wordpiece import document_from_vocab
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["PreTrainedTokenizerFast"]

logger = logging.getLogger(__name__)


class PreTrainedTokenizerFast(Calling, Decoding):
    """Any tokenizer with a tokenizer.json; ``BertTokenizerFast`` and others add what their family is used to.

    Args:
        tokenizer_file: Path of a tokenizer.json.
        vocab_file: Path of a vocab.txt, if there's no tokenizer.json.
        tokenizer_object: An engine, or a tokenizer of the ``tokenizers`` library, instead of a file.
        **settings: Those of tokenizer_config.json: special tokens (``pad_token``, ...), ``model_max_length``,
            ``padding_side``, ``truncation_side``, ``model_input_names``, ``clean_up_tokenization_spaces``, ...

    Raises:
        TokenizerError: A file is damaged, or there's neither a file nor an object.
        InputError: A setting is wrong.
    """

    model_input_names: list[str] = ["input_ids", "token_type_ids", "attention_mask"]  # noqa: RUF012
    padding_side = "right"
    truncation_side = "right"
    is_fast = True
    #: Whether tokenizer_config.json names the class with "Fast" at its end.
    _keeps_fast_in_name = True

    def __init__(
        self,
        *,
        tokenizer_file: PathLike | None = None,
        vocab_file: PathLike | None = None,
        tokenizer_object: Any = None,
        added_tokens_decoder: Mapping[int, Any] | None = None,
        **settings: Any,
    ) -> None:
        data, name, is_built = _document(tokenizer_file, vocab_file, tokenizer_object, settings)
        self._header = header = header_of(data, name)
        self._engine = engine_from(data, name)
        self._take_stored_defaults(header, settings)
        # A tokenizer built from vocab.txt alone cleans up by default; one with a tokenizer.json doesn't.
        self.clean_up_tokenization_spaces = bool(settings.setdefault("clean_up_tokenization_spaces", is_built))
        self.init_kwargs = dict(settings)
        self.deprecation_warnings: dict[str, bool] = {}
        self.name_or_path = str(settings.get("name_or_path", ""))
        limit = settings.get("model_max_length", settings.get("max_len"))
        self.model_max_length = VERY_LARGE_INTEGER if limit is None else int(limit)
        self.model_input_names = list(settings.get("model_input_names") or self.model_input_names)
        self.chat_template = settings.get("chat_template")
        self.extra_special_tokens: dict[str, Any] = dict(settings.get("extra_special_tokens") or {})
        for side in ("padding_side", "truncation_side"):
            value = settings.get(side, getattr(self, side))
            if value not in ("left", "right"):
                raise InputError(f"{side} must be 'left' or 'right', but is {value!r}")
            setattr(self, side, value)
        self._init_special_tokens(settings, self.extra_special_tokens)
        self._add_missing(added_tokens_decoder or {})

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
        """Add the tokens that tokenizer_config.json lists, or that play a role, and tokenizer.json doesn't have."""
        known = {token.content: token for token in self.added_tokens_decoder.values()}
        listed = [token for _, token in sorted(by_id.items()) if known.get(str(token)) != token]
        self.add_tokens(listed)
        # What is saved says more of a role's token than its text, where more is known.
        self._roles = {role: known.get(str(token), token) for role, token in self._roles.items()}
        texts = self.added_tokens_encoder
        self.add_tokens([t for t in self.all_special_tokens_extended if str(t) not in texts], special_tokens=True)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: PathLike, *inputs: Any, **kwargs: Any) -> Self:
        """Load a tokenizer.

        Args:
            pretrained_model_name_or_path: A name on the Hub, a folder, or the path of a tokenizer.json or vocab.txt.
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
        return cls(**files.arguments(settings))

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
            legacy_format: False leaves out vocab.txt.
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
        return name if self._keeps_fast_in_name else name.removesuffix("Fast")

    @property
    def backend_tokenizer(self) -> Engine:
        """The engine that does the work."""
        return self._engine

    @property
    def max_len_single_sentence(self) -> int:
        """How many tokens a text may have beside its special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=False)

    @property
    def max_len_sentences_pair(self) -> int:
        """How many tokens a pair of texts may have beside its special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

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
        return {**self.__dict__, "_engine": self._engine.to_json()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        engine = state["_engine"]
        engine = engine_from(engine.encode(), "the pickled tokenizer") if isinstance(engine, str) else engine
        self.__dict__.update({**state, "_engine": engine})


def _document(
    tokenizer_file: PathLike | None, vocab_file: PathLike | None, tokenizer_object: Any, settings: Mapping[str, Any]
) -> tuple[bytes, str, bool]:
    """The bytes of a tokenizer.json, what errors call it, and whether it was built from a vocab.txt."""
    if tokenizer_object is not None:
        to_json = getattr(tokenizer_object, "to_json", None) or getattr(tokenizer_object, "to_str", None)
        if to_json is None:
            raise InputError(f"tokenizer_object can't be a {type(tokenizer_object).__name__}: it must be a tokenizer")
        return to_json().encode(), "tokenizer_object", False
    path = Path(tokenizer_file or vocab_file or "")
    if tokenizer_file is None and vocab_file is None:
        raise TokenizerError("a tokenizer needs files: use from_pretrained, or give tokenizer_file or vocab_file")
    if not path.is_file():
        raise TokenizerError(f"there is no file {path}")
    if tokenizer_file is not None:
        return path.read_bytes(), str(path), False
    return json.dumps(document_from_vocab(path, settings)).encode(), str(path), True
