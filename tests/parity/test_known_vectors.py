"""Ids that other implementations published: llama.cpp's test vectors, and tiktoken on texts drawn at random."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from documents import CL100K, document_of
from texts import corpus_texts, draw_texts

from dure.tokenizers._core import Engine

VECTORS = {
    "bert-bge": "bert-base-uncased",
    "gpt-2": "gpt2",
    "roberta-bpe": "roberta-base",
    "llama-spm": "llama-2",
    "phi-3": "phi-3-mini",
    "qwen2": "qwen2",
    "deepseek-r1-qwen": "qwen2",
    "falcon": "falcon-7b",
}


@pytest.mark.parametrize("name", VECTORS)
def test_llama_cpp_vectors(name: str, shared_data: Path) -> None:
    folder = shared_data / "vocab" / "llama.cpp-vectors"
    stem = folder / f"ggml-vocab-{name}.gguf"
    texts = Path(f"{stem}.inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
    expected = [[int(i) for i in line.split()] for line in Path(f"{stem}.out").read_text().splitlines()]
    engine = Engine.from_json(document_of(shared_data / "vocab", VECTORS[name]).encode())
    found = engine.encode(texts[: len(expected)], add_special_tokens=False).lists("ids")
    assert len(found) == 46
    for text, ours, theirs in zip(texts, found, expected, strict=False):
        assert ours == theirs, repr(text)


def test_tiktoken(shared_data: Path) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    path = shared_data / "vocab" / "cl100k_base" / "cl100k_base.tiktoken"
    lines = [line.split() for line in path.read_bytes().splitlines() if line]
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    oracle = tiktoken.Encoding("ranks", pat_str=CL100K, mergeable_ranks=ranks, special_tokens={})
    engine = Engine.from_json(document_of(shared_data / "vocab", "cl100k_base").encode())
    texts = corpus_texts(shared_data, 1) + draw_texts(random.Random(1), 2000)
    found = engine.encode(texts, num_threads=2, add_special_tokens=False)
    for text, ours in zip(texts, found.lists("ids"), strict=True):
        assert ours == oracle.encode_ordinary(text), repr(text)
