"""Tokenizers go to the newest transformers and come back with the same ids, offsets, masks and type ids."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

import dure

pytestmark = pytest.mark.interop

EVERYTHING = {
    "return_offsets_mapping": True,
    "return_special_tokens_mask": True,
    "return_attention_mask": True,
    "return_token_type_ids": True,
}
PADDED = {"padding": "max_length", "max_length": 24, "truncation": True}
CALLS = [
    {"is_pair": False, "options": {}},
    {"is_pair": False, "options": EVERYTHING},
    {"is_pair": True, "options": EVERYTHING},
    {"is_pair": False, "options": {**EVERYTHING, "truncation": True, "max_length": 9}},
    {"is_pair": True, "options": {**EVERYTHING, "padding": True, "truncation": True, "max_length": 20}},
    {"is_pair": False, "options": {**EVERYTHING, **PADDED, "padding_side": "left"}},
    {"is_pair": True, "options": {**EVERYTHING, **PADDED, "pad_to_multiple_of": 8}},
    {
        "is_pair": False,
        "options": {
            **EVERYTHING, "truncation": True, "max_length": 12, "stride": 3, "return_overflowing_tokens": True,
        },
    },
]  # fmt: skip
SMALL = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-/#%한국어텍스트입니다日本語éÉAHW"


def folder_with_vocab(name: str, request: pytest.FixtureRequest, folder: Path) -> Path:
    """A folder with vocab.txt: a small one, or a real one."""
    if name != "small":
        return request.getfixturevalue("shared_data") / "vocab" / name
    words = ["hello", "wor", "##ld", "the", "##ing", "un", "##able", "한국", "##국어"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SMALL, *("##" + letter for letter in SMALL), *words]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    return folder


def korean_texts(request: pytest.FixtureRequest) -> list[str]:
    """Reviews of films."""
    with gzip.open(request.getfixturevalue("shared_data") / "corpora/nsmc/test.csv.gz", "rt", encoding="utf-8") as file:
        rows = itertools.islice(csv.DictReader(file), 400)
        return [row["document"] if "document" in row else row["text"] for row in rows]


@pytest.fixture(
    scope="module",
    params=[
        ("small", "BertTokenizer", {}),
        ("bert-base-uncased", "DistilBertTokenizer", {"model_max_length": 512}),
        ("koelectra-base", "BertTokenizer", {"do_lower_case": False}),
    ],
    ids=lambda case: case[0],
)
def exchanged(request, newest, hard_texts, random_text, tmp_path_factory) -> dict[str, Any]:
    """What they saved, what they made of what we saved, and the texts; one process of theirs for each vocabulary."""
    name, class_name, options = request.param
    theirs, ours = tmp_path_factory.mktemp("theirs"), tmp_path_factory.mktemp("ours")
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    random_ = random.Random(seed)
    texts = [*hard_texts, "가" * 2000, "hello " * 600, "a" * 500, "e\u0301" * 100]
    texts += [random_text(random_) for _ in range(1500)]
    vocab = folder_with_vocab(name, request, tmp_path_factory.mktemp("vocab"))
    if name != "small":
        texts += korean_texts(request)
    (theirs / "texts.json").write_text(json.dumps(texts))
    getattr(dure, class_name).from_pretrained(vocab, **options).save_pretrained(ours / "tokenizer")
    shared = {"class": class_name, "vocab": vocab, "options": options, "calls": CALLS, "texts": theirs / "texts.json"}
    found = newest([
        {"do": "save_tokenizer", "folder": theirs, **shared},
        {"do": "load_tokenizer", "folder": ours, **shared},
    ])  # fmt: skip
    assert found[1] == class_name
    return {"theirs": theirs, "ours": ours, "texts": texts, "class": class_name}


@pytest.mark.parametrize("direction", ["theirs", "ours"])
def test_calls_return_the_same(exchanged, direction: str, caplog) -> None:
    folder, texts = exchanged[direction], exchanged["texts"]
    tokenizer = dure.AutoTokenizer.from_pretrained(folder / "tokenizer")
    assert type(tokenizer).__name__.removesuffix("Fast") == exchanged["class"]
    assert not caplog.records
    results = json.loads((folder / "results.json").read_text())
    for call, expected in zip(CALLS, results["calls"], strict=True):
        result = tokenizer(texts, *([texts[::-1]] if call["is_pair"] else []), **call["options"])
        assert set(result) == set(expected), call
        for name, rows in expected.items():
            for row, (mine, yours) in enumerate(zip(result[name], rows, strict=True)):
                mine = [list(item) for item in mine] if name == "offset_mapping" else mine  # JSON has no tuples
                assert mine == yours, (name, call, texts[row] if len(rows) == len(texts) else row)
    ids = results["calls"][0]["input_ids"]
    for skips, decoded in zip((False, True), results["decoded"], strict=True):
        assert tokenizer.batch_decode(ids, skip_special_tokens=skips) == decoded


def test_saving_again_keeps_everything(exchanged, tmp_path) -> None:
    """What they saved, Dure loads and saves: nothing is lost on the way."""
    first = dure.AutoTokenizer.from_pretrained(exchanged["theirs"] / "tokenizer")
    first.save_pretrained(tmp_path)
    again = dure.AutoTokenizer.from_pretrained(tmp_path)
    assert type(again) is type(first)
    assert again.special_tokens_map == first.special_tokens_map
    assert again.model_max_length == first.model_max_length
    assert again(exchanged["texts"])["input_ids"] == first(exchanged["texts"])["input_ids"]
