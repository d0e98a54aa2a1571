"""The right tokenizer for a name or folder."""

from __future__ import annotations

from typing import Any

from dure.errors import InputError
from dure.tokenizers.families import CLASS_OF_MODEL_TYPE, CLASSES
from dure.tokenizers.load import TokenizerFiles, load_files, read_json
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
from dure.typing import PathLike

__all__ = ["AutoTokenizer"]


class AutoTokenizer:
    """Loads a tokenizer of the class that its files ask for. Not made itself: use :meth:`from_pretrained`."""

    def __init__(self) -> None:
        raise InputError("AutoTokenizer isn't made itself: use AutoTokenizer.from_pretrained(name)")

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: PathLike, *inputs: Any, **kwargs: Any
    ) -> PreTrainedTokenizerFast:
        """Load a tokenizer.

        The class is the one that tokenizer_config.json names, else the one that goes with the ``model_type`` in
        config.json, else ``PreTrainedTokenizerFast`` for a tokenizer.json, and else the one whose vocabulary files are
        there.

        Args:
            pretrained_model_name_or_path: A name on the Hub, a folder, or the path of a tokenizer.json or of a
                vocabulary file (vocab.txt, a SentencePiece .model, a tiktoken rank file).
            *inputs: None are taken.
            **kwargs: Where from (``revision``, ``cache_dir``, ``token``, ``local_files_only``, ``update``);
                ``tokenizer_type``, a ``model_type`` that decides the class; settings that replace the saved ones.
                ``use_fast`` is accepted and changes nothing: there's one engine.

        Raises:
            RepositoryError: The name can't be had, or has no tokenizer.
            TokenizerError: A file is damaged.
            InputError: ``tokenizer_type`` is unknown.
        """
        if inputs:
            raise InputError(f"from_pretrained takes its settings by name, but got {inputs!r}")
        settings = dict(kwargs)
        settings.pop("config", None)
        model_type = settings.pop("tokenizer_type", None)
        if model_type is not None and model_type not in CLASS_OF_MODEL_TYPE:
            known = ", ".join(sorted(CLASS_OF_MODEL_TYPE))
            raise InputError(f"tokenizer_type={model_type!r} is not known: use one of {known}")
        files = load_files(pretrained_model_name_or_path, settings)
        return _class_for(files, model_type)._from_files(files, settings)


def _class_for(files: TokenizerFiles, model_type: str | None) -> type[PreTrainedTokenizerFast]:
    if model_type is not None:
        return CLASS_OF_MODEL_TYPE[model_type]
    named = str(files.config.get("tokenizer_class") or files.model_config.get("tokenizer_class") or "")
    for name in (f"{named.removesuffix('Fast')}Fast", named):
        if name in CLASSES:
            return CLASSES[name]
    if not named and files.model_config.get("model_type") in CLASS_OF_MODEL_TYPE:
        return CLASS_OF_MODEL_TYPE[files.model_config["model_type"]]
    return PreTrainedTokenizerFast if files.find("tokenizer.json") else _class_of_files(files)


def _class_of_files(files: TokenizerFiles) -> type[PreTrainedTokenizerFast]:
    """The class whose vocabulary files these are, where nothing else says."""
    if files.find("source.spm"):
        return CLASSES["MarianTokenizer"]
    if files.find("vocab.json") and files.find("merges.txt"):
        vocab = read_json(files.find("vocab.json"))
        if "<mask>" in vocab and "<s>" in vocab:
            return CLASSES["RobertaTokenizerFast"]
        if "<|startoftext|>" in vocab:
            return CLASSES["CLIPTokenizerFast"]
        return CLASSES["OpenAIGPTTokenizerFast" if "the</w>" in vocab else "GPT2TokenizerFast"]
    if path := files.find("*.tiktoken"):
        return CLASSES["WhisperTokenizerFast"] if path.stem == "multilingual" else PreTrainedTokenizerFast
    lone = files.find("*.model", "*.spm", "*.model.v*")
    return PreTrainedTokenizerFast if lone else CLASSES["BertTokenizerFast"]
