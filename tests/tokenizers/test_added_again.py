"""A token that is added again with other settings is found as in the original: both versions have a say."""

from __future__ import annotations

import itertools
import json
import pickle
from typing import Any

import pytest

from dure import PreTrainedTokenizerFast
from dure.tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
from dure.tokenizers._core import Engine

tokenizers = pytest.importorskip("tokenizers")

TEXTS = ["a Xy b", "a xy b", "aXyb", "axyb", "Xy  a", "xy  a", "Xyxy"]


def made(package: Any) -> Any:
    vocabulary = {"<unk>": 0, "a": 1, "b": 2, "x": 3}
    tokenizer = package.Tokenizer(package.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = package.pre_tokenizers.WhitespaceSplit()
    tokenizer.normalizer = package.normalizers.Lowercase()
    return tokenizer


class Ours:
    """Dure's names, as a module."""

    Tokenizer, AddedToken = Tokenizer, AddedToken
    models, normalizers, pre_tokenizers = models, normalizers, pre_tokenizers


def results(tokenizer: Any) -> list[Any]:
    found = [[(e.ids, e.tokens, e.offsets) for e in tokenizer.encode_batch(TEXTS)]]
    found += [tokenizer.decode([1, 4, 2], skip_special_tokens=skips) for skips in (True, False)]
    tokenizer.encode_special_tokens = True
    found.append([e.ids for e in tokenizer.encode_batch(TEXTS)])
    tokenizer.encode_special_tokens = False
    return found


def add(package: Any, tokenizer: Any, versions: Any) -> list[int]:
    added = []
    for is_special, normalized, rstrip in versions:
        token = package.AddedToken("Xy", normalized=normalized, special=is_special, rstrip=rstrip)
        added.append((tokenizer.add_special_tokens if is_special else tokenizer.add_tokens)([token]))
    return added


VERSIONS = list(itertools.product((False, True), repeat=3))


@pytest.mark.parametrize("versions", list(itertools.product(VERSIONS, repeat=2)), ids=str)
def test_two_versions_equal_the_original(versions: Any) -> None:
    check(versions)


@pytest.mark.parametrize("versions", list(itertools.product(VERSIONS, repeat=3))[::7], ids=str)
def test_three_versions_equal_the_original(versions: Any) -> None:
    check(versions)


def check(versions: Any) -> None:
    ours, theirs = made(Ours), made(tokenizers)
    assert add(Ours, ours, versions) == add(tokenizers, theirs, versions)
    assert results(ours) == results(theirs)
    # A part that changes makes another engine, which must know the same.
    for tokenizer, package in ((ours, Ours), (theirs, tokenizers)):
        tokenizer.pre_tokenizer = package.pre_tokenizers.Whitespace()
    assert results(ours) == results(theirs)
    # Files hold the last version only.
    assert json.loads(ours.to_str())["added_tokens"] == json.loads(theirs.to_str())["added_tokens"]
    assert results(pickle.loads(pickle.dumps(ours))) == results(pickle.loads(pickle.dumps(theirs)))


def test_one_version_each_time_with_encoding_in_between() -> None:
    for first, second in itertools.product(VERSIONS, repeat=2):
        ours, theirs = made(Ours), made(tokenizers)
        for version in (first, second):
            add(Ours, ours, [version])
            add(tokenizers, theirs, [version])
            assert results(ours) == results(theirs), (first, second)


def test_a_file_that_lists_a_token_twice_adds_it_twice() -> None:
    document = json.loads(made(tokenizers).to_str())
    for first, second in itertools.product(VERSIONS, repeat=2):
        document["added_tokens"] = [
            {"id": 4, "content": "Xy", "single_word": False, "lstrip": False}
            | {"special": special, "normalized": normalized, "rstrip": rstrip}
            for special, normalized, rstrip in (first, second)
        ]
        text = json.dumps(document)
        expected = [e.ids for e in tokenizers.Tokenizer.from_str(text).encode_batch(TEXTS)]
        assert [Engine.from_json(text.encode()).encode([t]).ids.tolist() for t in TEXTS] == expected, (first, second)


def test_a_family_tokenizer_finds_both() -> None:
    transformers = pytest.importorskip("transformers")
    for first, second in itertools.product([(False, True), (False, False), (True, False), (True, True)], repeat=2):
        found = []
        for package, kind, base in (
            (Ours, PreTrainedTokenizerFast, made(Ours)),
            (tokenizers, transformers.PreTrainedTokenizerFast, made(tokenizers)),
        ):
            tokenizer = kind(tokenizer_object=base)
            for is_special, normalized in (first, second):
                tokenizer.add_tokens([package.AddedToken("Xy", normalized=normalized)], special_tokens=is_special)
            found.append([(tokenizer(text)["input_ids"], tokenizer(text).tokens()) for text in TEXTS])
        assert found[0] == found[1], (first, second)
