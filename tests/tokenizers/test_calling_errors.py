"""A call that can't be honoured says in one sentence what is wrong, where, and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from dure.errors import InputError, TokenizerError
from dure.tokenizers.families import BertTokenizerFast


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory, small_tokenizer_json) -> BertTokenizerFast:
    path = tmp_path_factory.mktemp("errors") / "tokenizer.json"
    path.write_text(small_tokenizer_json, encoding="utf-8")
    return BertTokenizerFast(tokenizer_file=path)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((5,), "text must be a string, a list of strings or a list of pairs of strings, but is of type int"),
        ((b"a",), "but is of type bytes"),
        (({"a": 1},), "but is of type dict"),
        ((["a", 5],), "text 1 must be a string, but is of type int"),
        ((["a", None],), "text 1 must be a string, but is of type NoneType; fill or drop missing values first"),
        ((["a", float("nan")],), "text 1 must be a string, but is of type float; fill or drop missing values first"),
        ((["a"] * 100 + [5],), "text 100 must be a string, but is of type int"),
        ((["a", "b"], ["c", 5]), "text_pair 1 must be a string, but is of type int"),
        ((["a", ["b", "c"]],), "text 1 must be a string, but is of type list"),
        (([["a", "b"], "c"],), "text 1 is a str, but this is a list of pairs"),
        (([["a", "b"], ["c"]],), "text 1 has 1 items, but this is a list of pairs"),
        (([["a", "b", "c"]],), "text 0 has 3 items, but this is a list of pairs"),
        (([["a", 5]],), "text_pair 0 must be a string, but is of type int"),
        (("a", ["b"]), "text is one string, so text_pair must be one too, but it is of type list"),
        ((["a"], "b"), "text_pair must be a list of strings, as text is a list, but is of type str"),
        ((["a"], ["b", "c"]), "text has 1 items and text_pair 2: they must be as many"),
        ((), "there is nothing to encode: give text, text_target, or both"),
    ],
)
def test_what_is_not_text_is_named(tokenizer, args, message) -> None:
    with pytest.raises(InputError, match=message):
        tokenizer(*args)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("a b",), "with is_split_into_words=True, text must be a list of words, a list of such lists or a list of"),
        ((["a", 5],), "word 1 of text must be a string, but is of type int"),
        (([["a"], ["b", None]],), "word 1 of text 1 must be a string, but is of type NoneType; fill or drop"),
        (([["a"], "b"],), "text 1 must be a list of words, but is of type str"),
        (([["a"], ["b\ud800"]],), r"word 0 of text 1 holds the lone surrogate U\+D800 at character 1"),
        (([["a"]], [["b"], ["c"]]), "text has 1 items and text_pair 2: they must be as many"),
        (([[["a"], ["b"]], [["c"]]],), "text 1 has 1 items, but this is a list of pairs"),
    ],
)
def test_what_is_not_words_is_named(tokenizer, args, message) -> None:
    with pytest.raises((InputError, TokenizerError), match=message):
        tokenizer(*args, is_split_into_words=True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("ab\ud800",), r"text holds the lone surrogate U\+D800 at character 2, which isn't text: clean it with"),
        ((["a", "\udfff"],), r"text 1 holds the lone surrogate U\+DFFF at character 0"),
        ((["a"], ["b\ud800"]), r"text_pair 0 holds the lone surrogate U\+D800 at character 1"),
    ],
)
def test_lone_surrogates_are_named(tokenizer, args, message) -> None:
    with pytest.raises(TokenizerError, match=message):
        tokenizer(*args)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"padding": "longset"},
            "padding='longset' is not known: use one of True, False, 'longest', 'max_length', 'do_not",
        ),
        ({"padding": None}, "padding=None is not known"),
        ({"padding": 1}, "padding=1 is not known"),
        ({"truncation": "first"}, "truncation='first' is not known: use one of True, False, None, 'longest_first'"),
        ({"padding_side": "up"}, "padding_side must be 'left' or 'right', but is 'up'"),
        ({"max_length": -1}, "max_length must be a whole number from 0 on, but is -1"),
        ({"max_length": 2.5}, "max_length must be a whole number from 0 on, but is 2.5"),
        ({"stride": -1}, "stride must be a whole number from 0 on, but is -1"),
        ({"pad_to_multiple_of": "8"}, "pad_to_multiple_of must be a whole number from 0 on, but is '8'"),
        (
            {"return_tensors": "tf"},
            r"return_tensors='tf' isn't supported: use 'pt' \(PyTorch\), 'np' \(NumPy\) or None",
        ),
        (
            {"paddings": True},
            "a tokenizer has no option 'paddings'; its options are add_special_tokens, padding, trunc",
        ),
        (
            {"padding": True, "truncation": True, "max_length": 9, "pad_to_multiple_of": 8},
            "max_length=9 is not a multiple of pad_to_multiple_of=8",
        ),
        ({"return_tensors": "pt"}, "the rows have 3 to 4 tokens, but a tensor needs equal lengths: pass padding=True"),
    ],
)
def test_unknown_options_are_named(tokenizer, options, message) -> None:
    with pytest.raises(InputError, match=message):
        tokenizer(["a", "b c"], **options)


def test_what_cannot_be_cut_is_named(tokenizer) -> None:
    with pytest.raises(TokenizerError, match=r"stride 5 must be smaller than the 2 tokens"):
        tokenizer("a b c d e", truncation=True, max_length=4, stride=5, return_overflowing_tokens=True)
    with pytest.raises(
        TokenizerError, match=r"the second text has 1 tokens, but 3 would have to go .*: raise it or use"
    ):
        tokenizer("a b c d e", "f", truncation="only_second", max_length=6)


def test_what_is_not_an_id_is_named(tokenizer) -> None:
    for attempt, message in [
        (lambda: tokenizer.decode([5, -100]), "-100 is not a token id: ids start at 0"),
        (lambda: tokenizer.batch_decode(np.array([[5, -100]])), "replace the label padding -100 by pad_token_id"),
        (lambda: tokenizer.decode([[5], [6]]), "decode takes one row of ids, .* use batch_decode"),
        (lambda: tokenizer.decode([0.5]), "ids must be whole numbers, but are of type float64"),
        (lambda: tokenizer.decode("hello"), "ids must be whole numbers"),
        (lambda: tokenizer.decode(None), "ids must be whole numbers"),
        (lambda: tokenizer.convert_ids_to_tokens([5, -1]), "-1 is not a token id"),
        (lambda: tokenizer.convert_tokens_to_string(["a", 5]), "tokens must be strings, but one is of type int"),
    ]:
        with pytest.raises(InputError, match=message):
            attempt()


def test_old_names_of_options_work(tokenizer) -> None:
    new = tokenizer("a b c", padding="max_length", truncation="only_first", max_length=4)
    assert tokenizer("a b c", pad_to_max_length=True, truncation_strategy="only_first", max_length=4).data == new.data
    assert tokenizer.encode_plus("a", pad_to_max_length=False).data == tokenizer("a").data
