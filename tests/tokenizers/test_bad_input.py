"""Gigantic numbers and lone surrogates: one clear error, or a result; never a crash, never gigabytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dure import PreTrainedTokenizerFast
from dure.errors import DureError
from dure.tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from dure.tokenizers._core import Engine

SURROGATE = "a\ud800b"
GIGANTIC = [2**31, 2**32, 2**32 + 5, 2**63, 2**64, 10**30]


def made() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1, "b": 2, "[PAD]": 3}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def fast(**settings: Any) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=made(), pad_token="[PAD]", unk_token="<unk>", **settings)


def with_processor(processor: Any) -> Any:
    tokenizer = made()
    tokenizer.post_processor = processor
    return tokenizer.encode("a")


TEMPLATE: dict[str, Any] = {"single": ["$A", SURROGATE], "pair": "$A $B", "special_tokens": [(SURROGATE, 1)]}
WITH_SURROGATE: dict[str, Callable[[], Any]] = {
    "encode": lambda: made().encode(SURROGATE),
    "encode a pair": lambda: made().encode("a", SURROGATE),
    "encode words": lambda: made().encode(["a", SURROGATE], is_pretokenized=True),
    "encode_batch": lambda: made().encode_batch(["a", SURROGATE]),
    "encode_batch_fast": lambda: made().encode_batch_fast([SURROGATE]),
    "token_to_id": lambda: made().token_to_id(SURROGATE),
    "add_tokens": lambda: made().add_tokens([SURROGATE]),
    "add_special_tokens": lambda: made().add_special_tokens([SURROGATE]),
    "from_str": lambda: Tokenizer.from_str('{"a":"' + SURROGATE + '"}'),
    "from_str, escaped": lambda: Tokenizer.from_str(
        json.dumps({"model": {"type": "WordLevel", "vocab": {"\ud800": 0}}})
    ),
    "from_file": lambda: Tokenizer.from_file(SURROGATE),
    "save": lambda: made().save(SURROGATE),
    "WordLevel": lambda: Tokenizer(models.WordLevel({SURROGATE: 0}, unk_token=SURROGATE)).encode("a"),
    "BPE": lambda: Tokenizer(models.BPE({SURROGATE: 0, "a": 1}, [(SURROGATE, "a")])).encode("a"),
    "Unigram": lambda: Tokenizer(models.Unigram([(SURROGATE, 0.0)], 0)).encode("a"),
    "model.tokenize": lambda: made().model.tokenize(SURROGATE),
    "model.token_to_id": lambda: made().model.token_to_id(SURROGATE),
    "normalize_str": lambda: normalizers.Lowercase().normalize_str(SURROGATE),
    "pre_tokenize_str": lambda: pre_tokenizers.Whitespace().pre_tokenize_str(SURROGATE),
    "Replace": lambda: normalizers.Replace(SURROGATE, "x").normalize_str("a"),
    "Prepend": lambda: normalizers.Prepend(SURROGATE).normalize_str("a"),
    "Split": lambda: pre_tokenizers.Split(SURROGATE, "isolated").pre_tokenize_str("a"),
    "Metaspace": lambda: pre_tokenizers.Metaspace("\ud800").pre_tokenize_str("a"),
    "decoder's setting": lambda: decoders.WordPiece(SURROGATE).decode(["a"]),
    "decoder's tokens": lambda: decoders.WordPiece().decode(["a", SURROGATE]),
    "TemplateProcessing": lambda: with_processor(processors.TemplateProcessing(**TEMPLATE)),
    "BertProcessing": lambda: with_processor(processors.BertProcessing((SURROGATE, 1), ("a", 1))),
    "train_from_iterator": lambda: made().train_from_iterator(["a", SURROGATE]),
    "train": lambda: made().train([SURROGATE]),
    "call": lambda: fast()(SURROGATE),
    "call, target": lambda: fast()(text_target=SURROGATE),
    "call, words": lambda: fast()([["a", SURROGATE]], is_split_into_words=True),
    "tokenize": lambda: fast().tokenize(SURROGATE),
    "convert_tokens_to_ids": lambda: fast().convert_tokens_to_ids(["a", SURROGATE]),
    "convert_tokens_to_string": lambda: fast().convert_tokens_to_string(["a", SURROGATE]),
    "add_tokens of a family": lambda: fast().add_tokens([SURROGATE]),
    "explain": lambda: fast().explain(SURROGATE),
    "train_new_from_iterator": lambda: fast().train_new_from_iterator([["a", SURROGATE]], 10),
}


@pytest.mark.parametrize("name", WITH_SURROGATE)
def test_a_lone_surrogate_is_one_clear_error(name: str) -> None:
    with pytest.raises(ValueError, match=r"surrogate|isn't text|can't be read") as caught:
        WITH_SURROGATE[name]()
    assert not isinstance(caught.value, UnicodeError)


def test_a_token_that_cannot_be_added_leaves_the_tokenizer_as_it_was() -> None:
    tokenizer = made()
    with pytest.raises(DureError, match="lone surrogate"):
        tokenizer.add_tokens(["b", SURROGATE])
    assert tokenizer.encode("a b").ids == [1, 2]


def padded(**padding: Any) -> Any:
    tokenizer = made()
    tokenizer.enable_padding(**padding)
    return tokenizer.encode_batch(["a b", "a"])


CHAT = ([{"role": "user", "content": "a"}],)
#: What takes a number, and whether a gigantic one has a meaning: no text is as long.
WITH_NUMBER: dict[str, tuple[Callable[[int], Any], bool]] = {
    "max_length of the engine": (lambda n: made()._engine().encode(["a b"], max_length=n), True),
    "stride of the engine": (lambda n: made()._engine().encode(["a b"], max_length=1, stride=n), False),
    "enable_truncation": (lambda n: made().enable_truncation(n), True),
    "enable_truncation, stride": (lambda n: made().enable_truncation(1, stride=n), False),
    "enable_padding, length": (lambda n: padded(length=n), False),
    "enable_padding, multiple": (lambda n: padded(pad_to_multiple_of=n), False),
    "Encoding.pad": (lambda n: made().encode("a").pad(n), False),
    "Encoding.truncate": (lambda n: made().encode("a b").truncate(n), True),
    "Encoding.truncate, stride": (lambda n: made().encode("a b").truncate(1, stride=n), False),
    "char_to_token": (lambda n: made().encode("a").char_to_token(n), True),
    "token_to_chars": (lambda n: made().encode("a").token_to_chars(n), True),
    "word_to_tokens": (lambda n: made().encode("a").word_to_tokens(n), True),
    "decode": (lambda n: made().decode([n]), True),
    "id_to_token": (lambda n: made().id_to_token(n), True),
    "call, truncation": (lambda n: fast()("a b", max_length=n, truncation=True), True),
    "call, padding": (lambda n: fast()("a b", max_length=n, padding="max_length"), False),
    "call, padding to arrays": (lambda n: fast()("a", max_length=n, padding="max_length", return_tensors="np"), False),
    "call, multiple": (lambda n: fast()("a b", padding=True, pad_to_multiple_of=n), False),
    "call, stride": (lambda n: fast()("a b", max_length=1, stride=n, truncation=True), False),
    "pad": (lambda n: fast().pad({"input_ids": [[1]]}, padding="max_length", max_length=n), False),
    "pad, multiple": (lambda n: fast().pad({"input_ids": [[1]]}, pad_to_multiple_of=n), False),
    "model_max_length": (lambda n: fast(model_max_length=n)("a", truncation=True), True),
}


@pytest.mark.parametrize("number", GIGANTIC)
@pytest.mark.parametrize("name", WITH_NUMBER)
def test_gigantic_numbers_are_taken_or_refused(name: str, number: int) -> None:
    call, has_meaning = WITH_NUMBER[name]
    if has_meaning:
        call(number)
        return
    with pytest.raises(ValueError, match=r"padding|stride") as caught:
        call(number)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("number", GIGANTIC)
def test_a_gigantic_max_length_cuts_nothing(number: int) -> None:
    tokenizer = made()
    tokenizer.enable_truncation(number)
    assert tokenizer.encode("a b").ids == [1, 2]
    assert fast()("a b", max_length=number, truncation=True)["input_ids"] == [1, 2]


@pytest.mark.parametrize("value", [-1, -(2**70), "x", None, 1.5])
def test_what_is_no_length_is_named(value: Any) -> None:
    engine: Engine = made()._engine()
    with pytest.raises(ValueError, match=r"max_length must be a number of at least 0, but is "):
        engine.encode(["a b"], max_length=value)


def test_large_batches_of_usual_length_are_padded() -> None:
    rows = fast()(["a b"] * 1000, max_length=32768, padding="max_length", return_tensors="np")["input_ids"]
    assert rows.shape == (1000, 32768)
