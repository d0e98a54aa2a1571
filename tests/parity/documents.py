"""A tokenizer.json of every real vocabulary: its own, or what transformers' conversion makes of its files."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers.convert_slow_tokenizer import TikTokenConverter

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def bert(folder: Path, **options: Any) -> Any:
    return transformers.BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), **options).backend_tokenizer


def merges(folder: Path, family: str) -> Any:
    files = {"vocab_file": str(folder / "vocab.json"), "merges_file": str(folder / "merges.txt")}
    return getattr(transformers, f"{family}TokenizerFast")(**files).backend_tokenizer


def sentencepiece(folder: Path, family: str, name: str = "spiece.model", **options: Any) -> Any:
    pytest.importorskip("sentencepiece")
    pytest.importorskip("google.protobuf")
    return getattr(transformers, f"{family}TokenizerFast")(vocab_file=str(folder / name), **options).backend_tokenizer


def tiktoken(folder: Path, name: str, pattern: str) -> Any:
    pytest.importorskip("tiktoken")
    return TikTokenConverter(vocab_file=str(folder / name), pattern=pattern, additional_special_tokens=[]).converted()


# Unless asked for, this conversion leaves the space before the first word out.
llama = functools.partial(sentencepiece, family="Llama", add_prefix_space=True)
CONVERTED: dict[str, Callable[[Path], Any]] = {
    "bert-base-uncased": functools.partial(bert, do_lower_case=True),
    "bert-base-cased": functools.partial(bert, do_lower_case=False),
    "koelectra-base": functools.partial(bert, do_lower_case=False),
    "kcbert-base": functools.partial(bert, do_lower_case=False),
    "qwen2": functools.partial(merges, family="Qwen2"),
    "openai-gpt": functools.partial(merges, family="OpenAIGPT"),
    "albert-base-v2": functools.partial(sentencepiece, family="Albert"),
    "llama-2": functools.partial(llama, name="tokenizer.model"),
    "mistral-7b-v0.1": functools.partial(llama, name="tokenizer.model"),
    "mistral-7b-instruct-v0.3": functools.partial(llama, name="tokenizer.model.v3"),
    "cl100k_base": functools.partial(tiktoken, name="cl100k_base.tiktoken", pattern=CL100K),
}
READY = ["all-MiniLM-L6-v2", "clip-vit", "falcon-7b", "gpt2", "phi-2", "phi-3-mini", "roberta-base", "t5-small"]
READY += ["whisper-tiny"]
NAMES = [*READY, *CONVERTED]


@functools.cache
def document_of(vocab: Path, name: str) -> str:
    """The document, without truncation and padding."""
    folder = vocab / name
    if name in CONVERTED:
        text = CONVERTED[name](folder).to_str()
    else:
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    return json.dumps({**json.loads(text), "truncation": None, "padding": None}, ensure_ascii=False)
