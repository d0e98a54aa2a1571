"""Encodings: the same calls on ours and on the original's, with the same results."""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

import pytest

import dure.tokenizers as ours
import tokenizers as original
from dure.errors import InputError

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello", "world", "a", "b", "##b", "##a", "!", "한국", "##어"]
VOCAB = {token: id_ for id_, token in enumerate(TOKENS)}
TEXTS = ["hello world abba !", "a b", "", "한국어 hello", "zzz a", "world"]


def everything(encoding: Any) -> dict[str, Any]:
    return {
        "ids": encoding.ids,
        "tokens": encoding.tokens,
        "type_ids": encoding.type_ids,
        "attention_mask": encoding.attention_mask,
        "special_tokens_mask": encoding.special_tokens_mask,
        "offsets": encoding.offsets,
        "word_ids": encoding.word_ids,
        "sequence_ids": encoding.sequence_ids,
        "n_sequences": encoding.n_sequences,
        "len": len(encoding),
        "overflowing": [everything(row) for row in encoding.overflowing],
    }


def lookups(encoding: Any) -> list[Any]:
    found: list[Any] = []
    for index in range(12):
        found += [encoding.token_to_sequence(index), encoding.token_to_word(index), encoding.token_to_chars(index)]
        for sequence in range(3):
            found += [encoding.char_to_token(index, sequence), encoding.char_to_word(index, sequence)]
            found += [encoding.word_to_tokens(index, sequence), encoding.word_to_chars(index, sequence)]
    return found


def plain(library: Any) -> Any:
    tokenizer = library.Tokenizer(library.models.WordPiece(VOCAB, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    return tokenizer


def bert(library: Any) -> Any:
    tokenizer = plain(library)
    tokenizer.post_processor = library.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


@pytest.mark.parametrize("make", [plain, bert])
@pytest.mark.parametrize("pair", [None, "a b hello", ""])
@pytest.mark.parametrize("text", TEXTS)
def test_everything_is_as_in_the_original(make: Any, text: str, pair: str | None) -> None:
    results = [make(library).encode(text, pair) for library in (original, ours)]
    assert everything(results[0]) == everything(results[1])
    assert lookups(results[0]) == lookups(results[1])


@pytest.mark.parametrize("seed", range(60))
def test_truncation_and_padding_are_as_in_the_original(seed: int) -> None:
    rng = random.Random(seed)
    make = rng.choice([plain, bert])
    texts = [" ".join(rng.choices(TOKENS[4:], k=rng.randrange(9))) for _ in range(3)]
    pairs = [rng.choice([None, " ".join(rng.choices(TOKENS[4:], k=rng.randrange(9)))]) for _ in range(3)]
    items = [text if pair is None else (text, pair) for text, pair in zip(texts, pairs, strict=True)]
    truncation = {
        "max_length": rng.randrange(3, 12),
        "stride": rng.choice([0, 0, 1, 2]),
        "direction": rng.choice(["left", "right"]),
        "strategy": rng.choice(["longest_first", "longest_first", "only_first"]),
    }
    padding = {
        "direction": rng.choice(["left", "right"]),
        "pad_id": rng.randrange(3),
        "pad_type_id": rng.randrange(3),
        "pad_token": "<p>",
        "length": rng.choice([None, 4, 9]),
        "pad_to_multiple_of": rng.choice([None, 0, 4]),
    }
    adds, truncates, pads = rng.random() < 0.8, rng.random() < 0.8, rng.random() < 0.5
    results = []
    for library in (original, ours):
        tokenizer = make(library)
        try:
            if truncates:
                tokenizer.enable_truncation(**truncation)
            if pads:
                tokenizer.enable_padding(**padding)
            results.append([everything(e) for e in tokenizer.encode_batch(items, add_special_tokens=adds)])
        except BaseException as error:  # the original panics  # noqa: BLE001
            results.append(["failed", type(error).__name__ != "KeyboardInterrupt"])
    assert results[0] == results[1]


def test_each_way_to_change_an_encoding_is_as_in_the_original() -> None:
    def changed(library: Any) -> list[Any]:
        tokenizer = plain(library)
        found = []
        cut = tokenizer.encode("hello a b abba")
        cut.truncate(3, stride=1)
        found.append(everything(cut))
        cut.pad(6, direction="left", pad_id=3, pad_type_id=2, pad_token="x")
        cut.pad(8)
        found += [everything(cut), lookups(cut)]
        left = tokenizer.encode("hello a b abba")
        left.truncate(2, stride=1, direction="left")
        left.truncate(0)
        found.append(everything(left))
        first, second = tokenizer.encode("hello a"), tokenizer.encode("b b")
        found += [everything(library.Encoding.merge([first, second], growing)) for growing in (True, False)]
        first.set_sequence_id(0)
        second.set_sequence_id(1)
        merged = library.Encoding.merge([first, second])
        found += [everything(merged), lookups(merged)]
        first.truncate(1)
        second.truncate(1)
        found += [everything(library.Encoding.merge([first, second])), everything(library.Encoding())]
        return found

    assert changed(original) == changed(ours)


@pytest.mark.parametrize("name", ["template", "bert", "roberta", "bytes", "sequence", "none"])
@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize("limit", [None, 5])
def test_post_processing_encodings_is_as_in_the_original(name: str, adds: bool, limit: int | None) -> None:
    def processed(library: Any) -> list[Any]:
        p = library.processors
        tokenizer = bert(library)
        tokenizer.post_processor = {
            "template": tokenizer.post_processor,
            "bert": p.BertProcessing(("[SEP]", 3), ("[CLS]", 2)),
            "roberta": p.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2)),
            "bytes": p.ByteLevel(),
            "sequence": p.Sequence([p.ByteLevel(trim_offsets=False), tokenizer.post_processor]),
            "none": None,
        }[name]
        if limit:
            tokenizer.enable_truncation(limit, stride=0)
        source = plain(library)
        first, second = source.encode("hello a b abba"), source.encode("b b a")
        results = [tokenizer.post_process(first, second, adds), tokenizer.post_process(first, None, adds)]
        if name != "none":
            results.append(tokenizer.post_processor.process(first, second, adds))
        return [everything(result) for result in results]

    assert processed(original) == processed(ours)


def test_encoding_does_not_change_what_was_given_to_post_processing() -> None:
    tokenizer = bert(ours)
    first = plain(ours).encode("hello a b")
    before = everything(first)
    tokenizer.post_process(first)
    assert everything(first) == before


def test_pickling_and_copying_keep_everything() -> None:
    tokenizer = bert(ours)
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=7, direction="left")
    encoding = tokenizer.encode("hello world abba", "a b b")
    for copied in (pickle.loads(pickle.dumps(encoding)), copy.deepcopy(encoding)):
        assert everything(copied) == everything(encoding)
        assert lookups(copied) == lookups(encoding)
        assert copied == encoding


def test_state_is_that_of_the_original() -> None:
    loaded = original.Encoding()
    loaded.__setstate__(bert(ours).encode("hello a", "b").__getstate__())
    assert everything(loaded) == everything(bert(original).encode("hello a", "b"))


def test_lists_are_fresh() -> None:
    encoding = plain(ours).encode("a b")
    encoding.ids.append(7)
    assert len(encoding.ids) == 2


def test_repr_says_how_many_tokens() -> None:
    assert repr(plain(ours).encode("a b")) == repr(plain(original).encode("a b"))


def test_wrong_arguments_are_named() -> None:
    encoding = plain(ours).encode("a b b b")
    with pytest.raises(InputError, match="direction must be 'left' or 'right', but is 'up'"):
        encoding.pad(9, direction="up")
    with pytest.raises(InputError, match="direction must be 'left' or 'right', but is 'up'"):
        encoding.truncate(2, direction="up")
    with pytest.raises(InputError, match="stride must be smaller than max_length, but is 2 with 2"):
        encoding.truncate(2, stride=2)
    with pytest.raises(InputError, match="max_length must be a number of at least 0, but is -1"):
        encoding.truncate(-1)
    with pytest.raises(InputError, match="token_index must be a number of at least 0, but is -1"):
        encoding.token_to_chars(-1)
