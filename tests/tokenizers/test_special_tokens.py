"""Roles of special tokens, and tokens that a user adds, work as in transformers."""

from __future__ import annotations

import pytest
import transformers

from dure.errors import InputError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.families import BertTokenizerFast


@pytest.fixture
def pair(tmp_path, small_tokenizer_json) -> tuple:
    (tmp_path / "tokenizer.json").write_text(small_tokenizer_json, encoding="utf-8")
    return BertTokenizerFast.from_pretrained(tmp_path), transformers.BertTokenizerFast.from_pretrained(tmp_path)


def both(pair, function) -> list:
    return [function(pair[0], AddedToken), function(pair[1], transformers.AddedToken)]


TEXT = "a newtoken NEWTOKEN Zed zed b<x>c  <y> hello [MASK]."


def state(tokenizer) -> dict:
    encoded = tokenizer(TEXT, return_special_tokens_mask=True, return_offsets_mapping=True)
    return {
        **encoded,
        "tokens": encoded.tokens(),
        "words": encoded.word_ids(),
        "added": {id_: repr(token) for id_, token in tokenizer.added_tokens_decoder.items()},
        "map": tokenizer.special_tokens_map,
        "extended": repr(sorted(map(str, tokenizer.all_special_tokens_extended))),
        "ids": sorted(tokenizer.all_special_ids),
        "size": (tokenizer.vocab_size, len(tokenizer)),
        "text": tokenizer.decode(encoded["input_ids"], skip_special_tokens=True),
        "skipped": tokenizer.convert_ids_to_tokens(encoded["input_ids"], skip_special_tokens=True),
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda t, _: t.add_tokens("newtoken"),
        lambda t, _: t.add_tokens(["newtoken", "Zed", "newtoken", "", "hello"]),
        lambda t, _: t.add_tokens([]),
        lambda t, a: t.add_tokens(
            [a("Zed", normalized=False), a("<y>", lstrip=True, rstrip=True), a("he", single_word=True)]
        ),
        lambda t, a: (t.add_tokens(["Zed"]), t.add_tokens([a("Zed", lstrip=True)]), t.add_tokens(["Zed", "b"])),
        lambda t, _: t.add_tokens(["<x>"], special_tokens=True),
        lambda t, _: t.add_special_tokens({"additional_special_tokens": ["<x>", "<y>"]}),
        lambda t, _: (
            t.add_special_tokens({"additional_special_tokens": ["<x>"]}),
            t.add_special_tokens(
                {"additional_special_tokens": ["<y>", "<x>"]}, replace_additional_special_tokens=False
            ),
        ),
        lambda t, _: (
            t.add_special_tokens({"additional_special_tokens": ["<x>"]}),
            t.add_special_tokens({"additional_special_tokens": ["<y>"]}),
        ),
        lambda t, a: t.add_special_tokens({"bos_token": "<s>", "eos_token": a("<x>", lstrip=True), "pad_token": "<s>"}),
        lambda t, _: t.add_special_tokens({}),
    ],
)
def test_added_tokens(pair, change) -> None:
    counts = both(pair, change)
    assert counts[0] == counts[1]
    ours, theirs = state(pair[0]), state(pair[1])
    for name, value in theirs.items():
        assert ours[name] == value, name


def test_roles_can_be_set(pair) -> None:
    for tokenizer in pair:
        tokenizer.pad_token = "hello"
        tokenizer.eos_token_id = 5
        tokenizer.mask_token = None
        tokenizer.cls_token_id = None
        tokenizer.additional_special_tokens = ["b"]
    ours, theirs = state(pair[0]), state(pair[1])
    assert ours == theirs
    assert (pair[0].pad_token_id, pair[0].eos_token, pair[0].mask_token_id) == (
        pair[1].pad_token_id, pair[1].eos_token, None,
    )  # fmt: skip
    assert pair[0].convert_tokens_to_ids(["nothing such"]) == [pair[0].unk_token_id]
    assert pair[0](["a", "b c"], padding=True).data == pair[1](["a", "b c"], padding=True).data
    pair[0].unk_token = None
    assert pair[0].convert_tokens_to_ids("nothing such") is None
    assert bool(pair[0])


def test_added_token_is_the_original(pair) -> None:
    for arguments in [("a",), ("a", True, False, True), ("a", False, True, False, True, True)]:
        ours = AddedToken(*arguments)
        theirs = transformers.AddedToken(*arguments[:1], **dict(zip(
            ("single_word", "lstrip", "rstrip", "normalized", "special"), arguments[1:], strict=False)))  # fmt: skip
        assert repr(ours) == repr(theirs)
        assert str(ours) == str(theirs) == "a"
    assert AddedToken("a") != AddedToken("a", lstrip=True)
    # The other library's objects are taken as they are.
    assert pair[0].add_tokens([transformers.AddedToken("qq", lstrip=True)]) == 1
    assert pair[0].added_tokens_decoder[len(pair[0]) - 1] == AddedToken("qq", lstrip=True)
    pair[0].sep_token = transformers.AddedToken("qq")
    assert pair[0].sep_token == "qq"


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda t: t.add_tokens(["a", 5]), "new token 1 is of type int"),
        (
            lambda t: t.add_special_tokens({"dog_token": "x"}),
            "'dog_token' is not a special token: use one of bos_token",
        ),
        (
            lambda t: t.add_special_tokens({"pad_token": 5}),
            "pad_token must be a string or an AddedToken, but is of type int",
        ),
        (lambda t: t.add_special_tokens({"additional_special_tokens": "x"}), "must be a list of tokens, but is 'x'"),
        (
            lambda t: setattr(t, "additional_special_tokens", [5]),
            r"must be a list of strings or AddedTokens, but is \[5\]",
        ),
        (lambda t: setattr(t, "cls_token", 5), "cls_token must be a string"),
        (lambda t: t.get_special_tokens_mask([1]), "already_has_special_tokens=False isn't supported"),
    ],
)
def test_bad_tokens_are_named(pair, attempt, message) -> None:
    with pytest.raises(InputError, match=message):
        attempt(pair[0])
