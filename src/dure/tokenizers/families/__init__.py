"""Tokenizers of model families: what each is used to beyond its tokenizer.json."""

from __future__ import annotations

from dure.tokenizers.families import bpe, llama, marian, sentencepiece, translation, whisper, wordpiece
from dure.tokenizers.families.bpe import *  # noqa: F403
from dure.tokenizers.families.llama import *  # noqa: F403
from dure.tokenizers.families.marian import *  # noqa: F403
from dure.tokenizers.families.model_types import MODEL_TYPES
from dure.tokenizers.families.sentencepiece import *  # noqa: F403
from dure.tokenizers.families.translation import *  # noqa: F403
from dure.tokenizers.families.whisper import *  # noqa: F403
from dure.tokenizers.families.wordpiece import *  # noqa: F403
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast

_MODULES = (bpe, llama, marian, sentencepiece, translation, whisper, wordpiece)

#: The classes that tokenizer_config.json may name.
CLASSES: dict[str, type[PreTrainedTokenizerFast]] = {
    "PreTrainedTokenizerFast": PreTrainedTokenizerFast,
    **{
        name: cls
        for module in _MODULES
        for name, cls in vars(module).items()
        if name in module.__all__ and isinstance(cls, type)
    },
}

#: The tokenizers of models, by ``model_type`` in config.json.
CLASS_OF_MODEL_TYPE: dict[str, type[PreTrainedTokenizerFast]] = {
    model_type: CLASSES.get(f"{name}Fast") or CLASSES[name]
    for name, model_types in MODEL_TYPES.items()
    for model_type in model_types.split()
}

__all__ = ["CLASSES", "CLASS_OF_MODEL_TYPE", *(name for module in _MODULES for name in module.__all__)]
