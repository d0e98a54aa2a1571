"""Texts that are split into words, parts of texts that overflow, ids that are there already: as in transformers."""

from __future__ import annotations

import json
import shutil
import warnings

import numpy as np
import pytest
import torch
import transformers

from dure.errors import InputError
from dure.tokenizers import families

RETURNS = {"return_offsets_mapping": True, "return_special_tokens_mask": True, "return_length": True}
WORDS = [["Hello", "world", ",", "unaffable"], ["a"], ["naïve", "한국어", " two words ", "x" * 20], []]
PAIRS = [(["Hello", "there"], ["my", "friend"]), (["a"], ["b", "c", "unaffable"])]


@pytest.fixture(scope="module")
def small(tmp_path_factory, small_tokenizer_json) -> tuple:
    folder = tmp_path_factory.mktemp("words")
    (folder / "tokenizer.json").write_text(small_tokenizer_json, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 24}))
    return families.BertTokenizerFast.from_pretrained(folder), transformers.BertTokenizerFast.from_pretrained(folder)


@pytest.fixture(scope="module")
def roberta(shared_data, tmp_path_factory) -> tuple:
    folder = tmp_path_factory.mktemp("roberta")
    for name in ("vocab.json", "merges.txt", "tokenizer.json"):
        shutil.copyfile(shared_data / "vocab/roberta-base" / name, folder / name)
    options = {"add_prefix_space": True}
    return tuple(lib.RobertaTokenizerFast.from_pretrained(folder, **options) for lib in (families, transformers))


@pytest.fixture(scope="module")
def t5(shared_data) -> tuple:
    folder = shared_data / "vocab/t5-small"
    return tuple(lib.T5TokenizerFast.from_pretrained(folder) for lib in (families, transformers))


def same(ours, theirs) -> None:
    assert list(ours) == list(theirs)
    for name in theirs:
        values = [batch[name].tolist() if hasattr(batch[name], "tolist") else batch[name] for batch in (ours, theirs)]
        assert values[0] == values[1], name
    for row in range(len(theirs.encodings or [])):
        for name in ("tokens", "word_ids", "sequence_ids"):
            assert getattr(ours, name)(row) == getattr(theirs, name)(row), name


@pytest.mark.parametrize("which", ["small", "roberta", "t5"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": True, "return_tensors": "pt"},
        {"truncation": True, "max_length": 14, "stride": 1, "return_overflowing_tokens": True},
        {"add_special_tokens": False},
    ],
    ids=str,
)
def test_words(which, options, request) -> None:
    ours, theirs = request.getfixturevalue(which)
    options = {**options, **RETURNS, "is_split_into_words": True}
    for arguments in (
        (WORDS,),
        (WORDS[:2], WORDS[:2]),
        (WORDS[0],),
        (tuple(WORDS[0]),),
        ([tuple(words) for words in WORDS],),
    ):
        same(ours(*arguments, **options), theirs(*arguments, **options))
    if "max_length" not in options:
        same(ours(WORDS[0], WORDS[1], **options), theirs(WORDS[0], WORDS[1], **options))
        # A list of pairs, which theirs takes under an old name only.
        same(ours(PAIRS, **options), theirs.batch_encode_plus(PAIRS, **options))
    batch = ours(WORDS, is_split_into_words=True)
    assert batch.word_ids(1) == theirs(WORDS, is_split_into_words=True).word_ids(1)
    assert batch.word_to_tokens(0, 3) == theirs(WORDS, is_split_into_words=True).word_to_tokens(0, 3)


def test_old_methods_take_words(small) -> None:
    for name, argument in (("encode_plus", WORDS[0]), ("batch_encode_plus", WORDS), ("batch_encode_plus", PAIRS)):
        same(*(getattr(tokenizer, name)(argument, is_split_into_words=True) for tokenizer in small))
    assert small[0].encode(WORDS[0], is_split_into_words=True) == small[1].encode(WORDS[0], is_split_into_words=True)
    assert small[0].tokenize(WORDS[0], is_split_into_words=True) == small[1].tokenize(
        WORDS[0], is_split_into_words=True
    )


def test_byte_level_words_need_a_space_in_front(shared_data) -> None:
    tokenizer = families.GPT2TokenizerFast.from_pretrained(shared_data / "vocab/gpt2")
    with pytest.raises(InputError, match=r"GPT2TokenizerFast needs add_prefix_space=True for texts that are split"):
        tokenizer([["a"]], is_split_into_words=True)


@pytest.mark.parametrize("which", ["small", "roberta", "t5"])
@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_overflow(which, strategy, side, request) -> None:
    pair = request.getfixturevalue(which)
    long, short = ["the hello world " * 20, "unaffable the cab " * 25], ["hello the " * 3, "the cab"]
    pairs = [(long, short)] if strategy == "only_first" else [(short, long)]
    if strategy == "longest_first":
        pairs = [(long, short), (short, long), (long, long[::-1])]
    for tokenizer in pair:
        tokenizer.truncation_side = side
    try:
        for stride in (0, 3):
            options = {"truncation": strategy, "max_length": 40, "stride": stride, "return_overflowing_tokens": True}
            for texts in pairs:
                for more in ({}, {"padding": True}, {"padding": "max_length", "return_tensors": "np"}):
                    same(*(t(*texts, **options, **more, **RETURNS) for t in pair))
                same(*(t(texts[0][0], texts[1][0], **options, **RETURNS) for t in pair))
            if strategy != "only_second":
                same(*(t(long, **options, **RETURNS) for t in pair))
                same(*(t(long[0], **options, **RETURNS) for t in pair))
                del options["return_overflowing_tokens"]
                same(*(t(long, padding=True, return_tensors="pt", **options, **RETURNS) for t in pair))
    finally:
        for tokenizer in pair:
            tokenizer.truncation_side = "right"


@pytest.mark.parametrize("which", ["small", "roberta", "t5"])
def test_special_tokens_can_be_split(which, request) -> None:
    ours, theirs = request.getfixturevalue(which)
    text = "a [MASK] b </s> c <mask> [SEP]"
    for options in ({}, {"split_special_tokens": True}, {"split_special_tokens": False}):
        assert ours(text, **options).data == theirs(text, **options).data
    ours.split_special_tokens = True
    try:
        assert ours(text).data == theirs(text, split_special_tokens=True).data
        assert ours(text, split_special_tokens=False).data == theirs(text, split_special_tokens=False).data
    finally:
        ours.split_special_tokens = False


@pytest.mark.parametrize("which", ["small", "roberta", "t5"])
def test_what_a_row_is_asked_for_is_worked_out_then(which, request) -> None:
    """A call works out only what it returns; rows know everything nevertheless."""
    ours, theirs = request.getfixturevalue(which)
    texts = ["hello world", "a [MASK] unaffable naïve 한국어", ""]
    batch, expected = ours(texts, padding=True), theirs(texts, padding=True)
    for row in range(3):
        for name in ("tokens", "offsets", "type_ids", "special_tokens_mask", "word_ids", "sequence_ids"):
            assert getattr(batch[row], name) == getattr(expected[row], name), name
        assert batch.char_to_token(row, 1) == expected.char_to_token(row, 1)
    assert ours(texts, return_token_type_ids=False)[1].type_ids == theirs(texts)[1].type_ids


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"add_special_tokens": False},
        {"padding": "max_length", "max_length": 12},
        {"truncation": "only_first", "max_length": 6, "return_overflowing_tokens": True, "stride": 1},
        {"truncation": "only_second", "max_length": 8, "return_overflowing_tokens": True},
        {"truncation": "longest_first", "max_length": 7},
        {
            "return_special_tokens_mask": False,
            "return_length": True,
            "return_tensors": "pt",
            "prepend_batch_axis": True,
        },
        {"return_token_type_ids": False, "return_attention_mask": False, "return_tensors": "np"},
        {"padding": "longest", "pad_to_multiple_of": 8, "padding_side": "left"},
    ],
    ids=str,
)
def test_ids_are_prepared(small, roberta, t5, options) -> None:
    for ours, theirs in (small, roberta, t5):
        for ids in (([5, 6, 7, 8, 9],), ([5, 6, 7, 8, 9, 10, 11], [12, 13, 14, 15])):
            if len(ids) == 1 and options.get("truncation") == "only_second":
                continue
            found = [t.prepare_for_model(*ids, **options) for t in (ours, theirs)]
            same(*found)
            for name in found[1]:
                assert type(found[0][name]) is type(found[1][name]), name


def test_sequences_are_cut(small) -> None:
    for side in ("right", "left"):
        for tokenizer in small:
            tokenizer.truncation_side = side
        for strategy in ("longest_first", "only_first", "only_second", "do_not_truncate"):
            for first, second in (([1, 2, 3, 4, 5], [6, 7]), ([1, 2], [3, 4, 5, 6, 7]), ([1, 2, 3], None)):
                for count in (0, 1, 2, 9):
                    if strategy == "longest_first" and second and count == 9:
                        continue  # more than there is
                    found = [t.truncate_sequences(first, second, count, strategy, 1) for t in small]
                    assert found[0] == found[1], (side, strategy, first, second, count)
    for tokenizer in small:
        tokenizer.truncation_side = "right"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"return_token_type_ids": True, "add_special_tokens": False}, "needs add_special_tokens=True, which is False"),
        (
            {"truncation": "longest_first", "max_length": 3, "return_overflowing_tokens": True, "pair_ids": [1]},
            "of two texts cut 'longest_first' nothing overflows",
        ),
    ],
)
def test_contradictions_are_named(small, options, message) -> None:
    with pytest.raises(InputError, match=message):
        small[0].prepare_for_model([1, 2, 3], **options)


def test_led_pads_its_own_mask() -> None:
    assert families.LEDTokenizerFast._fills is not families.BartTokenizerFast._fills


def test_long_lengths_are_no_problem(small) -> None:
    for length in (10**9, 2**31, 2**40):
        batch = small[0]("a b", truncation=True, max_length=length, stride=0)
        assert batch["input_ids"] == small[1]("a b")["input_ids"]


def test_columns_of_other_kinds(small) -> None:
    words = np.array(["hello", "a"])
    assert small[0](words)["input_ids"] == small[1](list(words))["input_ids"]
    assert isinstance(small[0](words, return_tensors="pt", padding=True)["input_ids"], torch.Tensor)


def test_translation_puts_languages_around_texts(shared_data, tmp_path) -> None:
    pytest.importorskip("sentencepiece")
    model = shared_data / "vocab/sentencepiece-test-models/test_model.model"
    shutil.copyfile(model, tmp_path / "sentencepiece.bpe.model")
    for name, languages in (
        ("MBartTokenizerFast", ("en_XX", "ko_KR")),
        ("MBart50TokenizerFast", ("fr_XX", "sl_SI")),
        ("NllbTokenizerFast", ("eng_Latn", "kor_Hang")),
    ):
        settings = {"src_lang": languages[0], "tgt_lang": languages[1]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pair = [getattr(lib, name).from_pretrained(tmp_path, **settings) for lib in (families, transformers)]
        for _ in range(2):
            same(*(t(["a b", "c"], text_target=["d", "e f"], padding=True) for t in pair))
            same(*(t("a", "b") for t in pair))
            same(*(t(text_target="a b") for t in pair))
        for tokenizer in pair:
            tokenizer.src_lang = languages[1]
        same(*(t("a b") for t in pair))
        inputs = [t._build_translation_inputs("a", None, languages[0], languages[1]) for t in pair]
        same(*inputs)
        pair[0].tgt_lang = None
        with pytest.raises(InputError, match=r"the language of text_target isn't known: set tokenizer\.tgt_lang"):
            pair[0](text_target="a")
        with pytest.raises(InputError, match="needs both src_lang and tgt_lang"):
            pair[0]._build_translation_inputs("a", None, None, None)
        pair[0].eos_token, pair[0].unk_token = "xx", None
        with pytest.raises(InputError, match="'xx' should stand around texts"):
            pair[0].src_lang = languages[0]


def test_llamas_ends_can_be_changed(shared_data) -> None:
    pair = [
        lib.LlamaTokenizerFast.from_pretrained(shared_data / "vocab/phi-3-mini") for lib in (families, transformers)
    ]
    for bos, eos in ((True, True), (False, True), (False, False), (True, False)):
        for tokenizer in pair:
            tokenizer.add_bos_token, tokenizer.add_eos_token = bos, eos
        same(*(t("Hello there", "friend") for t in pair))
        assert pair[0].build_inputs_with_special_tokens([5], [6]) == pair[1].build_inputs_with_special_tokens([5], [6])
        assert pair[0].add_bos_token == bos
    pair[0].bos_token = None
    with pytest.raises(InputError, match="add_bos_token=True, but there is no bos_token: set one, or pass False"):
        pair[0].add_bos_token = True
