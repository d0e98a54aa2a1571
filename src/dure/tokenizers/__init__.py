"""Texts to ids and back, over the C++ engine, with the names of the ``tokenizers`` package.

Code for that package runs after a change of the import: ``from dure.tokenizers import Tokenizer, models, trainers``. A
tokenizer that belongs to a model is loaded with ``from dure import AutoTokenizer``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dure.tokenizers import decoders, models, normalizers, pre_tokenizers, processors, ready_made, trainers
    from dure.tokenizers.added_tokens import AddedToken
    from dure.tokenizers.components import Regex
    from dure.tokenizers.core_tokenizer import Tokenizer
    from dure.tokenizers.encoding import Encoding
    from dure.tokenizers.models import Token
    from dure.tokenizers.ready_made import (
        BertWordPieceTokenizer,
        ByteLevelBPETokenizer,
        CharBPETokenizer,
        SentencePieceBPETokenizer,
        SentencePieceUnigramTokenizer,
    )

_HOMES = {
    "added_tokens": ("AddedToken",),
    "components": ("Regex",),
    "core_tokenizer": ("Tokenizer",),
    "encoding": ("Encoding",),
    "models": ("Token",),
    "ready_made": (
        "BertWordPieceTokenizer",
        "ByteLevelBPETokenizer",
        "CharBPETokenizer",
        "SentencePieceBPETokenizer",
        "SentencePieceUnigramTokenizer",
    ),
}
_HOME_OF = {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}
_MODULES = ("decoders", "models", "normalizers", "pre_tokenizers", "processors", "ready_made", "trainers")

__all__ = [
    "AddedToken",
    "BertWordPieceTokenizer",
    "ByteLevelBPETokenizer",
    "CharBPETokenizer",
    "Encoding",
    "Regex",
    "SentencePieceBPETokenizer",
    "SentencePieceUnigramTokenizer",
    "Token",
    "Tokenizer",
    "decoders",
    "models",
    "normalizers",
    "pre_tokenizers",
    "processors",
    "ready_made",
    "trainers",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
