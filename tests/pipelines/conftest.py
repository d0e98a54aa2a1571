"""Random models with real vocabularies, texts that go wrong, and what the original makes of them."""

from __future__ import annotations

import gzip
import json
import shutil
import zlib

import pytest
import torch

import dure

SMALL = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 32}
#: For each family the vocabulary, and the fields that make it small.
FAMILIES = {
    "Albert": ("albert-base-v2", {**SMALL, "embedding_size": 8, "max_position_embeddings": 160, "vocab_size": 30000}),
    "Bart": (
        "roberta-base",
        {
            "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "vocab_size": 50265,
            "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 160,
        },
    ),
    "Bert": ("bert-base-cased", {**SMALL, "max_position_embeddings": 160, "vocab_size": 28996}),
    "DistilBert": (
        "bert-base-cased",
        {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 32, "max_position_embeddings": 160, "vocab_size": 28996},
    ),
    "Electra": ("koelectra-base", {**SMALL, "embedding_size": 8, "max_position_embeddings": 160, "vocab_size": 32200}),
    "GPT2": ("gpt2", {"n_embd": 16, "n_head": 2, "n_layer": 2, "n_positions": 160, "vocab_size": 50257}),
    "Marian": (
        "opus-mt-tc-big-fr-en",
        {
            "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "vocab_size": 53017,
            "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 160,
            "pad_token_id": 53016, "eos_token_id": 43311, "decoder_start_token_id": 53016,
        },
    ),
    "Roberta": ("roberta-base", {**SMALL, "max_position_embeddings": 162, "vocab_size": 50265, "type_vocab_size": 1}),
    "T5": ("t5-small", {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "vocab_size": 32128,
                        "decoder_start_token_id": 0}),
}  # fmt: skip
#: Byte-level vocabularies write a Korean letter in three tokens.
LIMITS = {"Bart": 160, "Electra": 160, "GPT2": 160, "Roberta": 160}


@pytest.fixture(scope="session")
def made(shared_data, tmp_path_factory):
    """Makes a random model of a family, with a real vocabulary, in a folder; each only once."""
    folders = {}

    def make(family, head, *, limit=None, **fields):
        key = json.dumps([family, head, limit, fields], sort_keys=True, default=str)
        if key in folders:
            return folders[key]
        folder = folders[key] = str(tmp_path_factory.mktemp(f"{family}{head}"))
        vocabulary, sizes = FAMILIES[family]
        for file in (shared_data / "vocab" / vocabulary).iterdir():
            if file.name != "config.json":
                shutil.copyfile(file, f"{folder}/{file.name}")
        tokenizer = getattr(dure, f"{family}Tokenizer{'' if family == 'Marian' else 'Fast'}").from_pretrained(
            folder,
            model_max_length=limit or LIMITS.get(family, 96),
            **({"do_lower_case": False} if vocabulary.startswith(("bert", "ko")) else {}),
        )
        tokenizer.save_pretrained(folder)
        torch.manual_seed(zlib.crc32(key.encode()))
        model = getattr(dure, f"{family}{head}")(getattr(dure, f"{family}Config")(**{**sizes, **fields}))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.2)
        model.tie_weights()
        model.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def texts(shared_data):
    """English and Korean sentences, and texts on which pipelines go wrong."""
    hard = [
        "한국어 텍스트입니다.",
        "😀👨‍👩‍👧🇰🇷 ok",
        "e\u0301a\u0323\u0301 cafe\u0301",
        "\u1112\u1161\u11ab글",
        "[CLS] I [SEP] </s>",
        "  lead",
    ]
    lines = (shared_data / "corpora/mrpc/dev.tsv").read_text(encoding="utf-8-sig").splitlines()[1:8]
    with gzip.open(shared_data / "corpora/nsmc/test.csv.gz", "rt", encoding="utf-8") as file:
        korean = [line.split(",")[1] for _, line in zip(range(8), file, strict=False)][1:]
    return [*hard, *(line.split("\t")[3] for line in lines), *korean, "a", "x" * 30]


@pytest.fixture(scope="session")
def questions(shared_data):
    """Questions with contexts, some of them long."""
    data = json.loads((shared_data / "corpora/xquad/xquad.en.json").read_text())["data"]
    paragraphs = [paragraph for article in data[:6] for paragraph in article["paragraphs"][:2]]
    with gzip.open(shared_data / "corpora/klue/klue-mrc-v1.1_dev-first1350.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for _, line in zip(range(3), file, strict=False)]
    found = [{"question": p["qas"][0]["question"], "context": p["context"]} for p in paragraphs]
    found += [{"question": row["question"], "context": row["context"][:600]} for row in rows]
    return [*found, {"question": "Où?", "context": "A cafe\u0301 😀 in Zürich"}]


@pytest.fixture
def both():
    """The same pipeline from both libraries."""
    transformers = pytest.importorskip("transformers")

    def both(task, folder, **options):
        theirs = transformers.pipeline(task, model=folder, device="cpu", **options)
        return dure.pipeline(task, model=folder, **options), theirs

    return both
