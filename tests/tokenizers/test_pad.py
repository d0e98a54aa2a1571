"""Padding rows that are encoded already gives what transformers gives."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import transformers

from dure.errors import InputError, TokenizerError
from dure.tokenizers.families import BertTokenizerFast


@pytest.fixture(scope="module")
def pair(tmp_path_factory, small_tokenizer_json) -> tuple:
    folder = tmp_path_factory.mktemp("pad")
    (folder / "tokenizer.json").write_text(small_tokenizer_json, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 12}))
    return BertTokenizerFast.from_pretrained(folder), transformers.BertTokenizerFast.from_pretrained(folder)


ROWS = [
    {"input_ids": [1, 2, 3], "token_type_ids": [0, 0, 1], "special_tokens_mask": [1, 0, 1], "labels": 1},
    {"input_ids": [4], "token_type_ids": [0], "special_tokens_mask": [1], "labels": 0},
]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
INPUTS = [
    ROWS,
    COLUMNS,
    {**COLUMNS, "attention_mask": [[1, 1, 0], [1]]},
    [{**row, "labels": 0.5 * row["labels"]} for row in ROWS],
    {"input_ids": [7, 8, 9]},
    {"input_ids": [7, 8, 9], "attention_mask": [1, 1, 0]},
    {"input_ids": [[], [1, 2]]},
    {"input_ids": []},
    [{"input_ids": np.array([1, 2, 3]), "labels": np.int64(1)}, {"input_ids": np.array([4]), "labels": np.int64(0)}],
    [{"input_ids": torch.tensor([1, 2, 3])}, {"input_ids": torch.tensor([4])}],
    {"input_ids": torch.tensor([[1, 2, 3], [4, 5, 6]]), "labels": torch.tensor([1, 0])},
    {"input_ids": np.array([[1, 2, 3], [4, 5, 6]])},
]
OPTIONS = [
    {},
    {"padding": "longest", "pad_to_multiple_of": 4},
    {"padding": "max_length"},
    {"padding": "max_length", "max_length": 5, "padding_side": "left"},
    {"padding": "max_length", "max_length": 2},
    {"padding": False},
    {"return_attention_mask": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("index", range(len(INPUTS)))
@pytest.mark.parametrize("tensors", [None, "pt", "np"])
def test_pad_returns_the_same(pair, index, options, tensors) -> None:
    results = []
    for tokenizer in pair:
        # The original changes a dictionary of columns that it's given.
        given = INPUTS[index] if isinstance(INPUTS[index], list) else dict(INPUTS[index])
        try:
            results.append(tokenizer.pad(given, return_tensors=tensors, **options))
        except ValueError:
            results.append("ragged")
    ours, theirs = results
    if index == 6 and (tensors, options) == ("pt", {"padding": False}):
        assert ours == "ragged"  # the original returns a tensor without the second row's ids
        return
    if isinstance(theirs, (str, dict)):
        assert ours == theirs
        return
    assert list(ours) == list(theirs)
    for name in theirs:
        assert type(ours[name]) is type(theirs[name]), name
        if isinstance(theirs[name], torch.Tensor):
            assert ours[name].dtype == theirs[name].dtype
        assert np.array_equal(_rows(ours[name]), _rows(theirs[name])), name


def _rows(column):
    return np.array([str(np.asarray(row).tolist()) for row in column])


def test_a_given_dictionary_is_left_alone(pair) -> None:
    given = {"input_ids": [[1], [2, 3]]}
    pair[0].pad(given)
    assert given == {"input_ids": [[1], [2, 3]]}


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([{"labels": 1}], {}, "pad needs 'input_ids', but was given 'labels'"),
        (5, {}, "a list of dictionaries or a dictionary of columns, but got 5"),
        ([{"input_ids": [1], "labels": 1}, {"input_ids": [1]}], {}, "row 1 has no 'labels', but row 0 has"),
        ({"input_ids": [[1], [2]], "labels": [1]}, {}, "column 'labels' has 1 rows, but there are 2"),
        ({"input_ids": [[1], [2]]}, {"padding": "longset"}, "padding='longset' is not known"),
        ({"input_ids": [[1], [2]]}, {"padding_side": "up"}, "padding_side must be 'left' or 'right', but is 'up'"),
        ({"input_ids": [[1], [2]], "token_type_ids": [[0], [0, 0]]}, {}, "row 1 of 'token_type_ids' has 2 items"),
        (
            {"input_ids": [[1], [2, 3]], "labels": [[1], [1, 2]]},
            {"return_tensors": "pt"},
            "rows of 'labels' have 1 to 2 items",
        ),
        ({"input_ids": [[1], [2]], "text": ["a", "b"]}, {"return_tensors": "pt"}, "column 'text' can't be a tensor"),
    ],
)
def test_bad_input_is_named(pair, given, options, message) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        pair[0].pad(given, **options)


def test_padding_needs_a_padding_token(pair) -> None:
    tokenizer = BertTokenizerFast.from_pretrained(pair[0].name_or_path)
    tokenizer.pad_token = None
    for attempt in (lambda: tokenizer.pad({"input_ids": [[1], [2]]}), lambda: tokenizer(["a", "b"], padding=True)):
        with pytest.raises(TokenizerError, match="has no padding token: set one, as in"):
            attempt()
