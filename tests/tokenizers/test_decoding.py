"""Batches of ids become the texts that transformers makes of them, whatever the rows are held in."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch
import transformers

from dure.errors import InputError
from dure.tokenizers._core import Engine
from dure.tokenizers.auto import AutoTokenizer
from dure.tokenizers.families import BertTokenizerFast

CHARACTERS = list(dict.fromkeys(" .?!,'ntmvsredox"))


@pytest.fixture(scope="module")
def spelling() -> Engine:
    """An engine whose tokens are characters."""
    model = {"type": "WordLevel", "vocab": {char: id_ for id_, char in enumerate(CHARACTERS)}, "unk_token": "x"}
    parts = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor"))
    document = {"version": "1.0", **parts, "added_tokens": [], "decoder": {"type": "Fuse"}, "model": model}
    return Engine.from_json(json.dumps(document).encode())


def test_cleaning_up_is_the_same(spelling) -> None:
    random_ = random.Random("clean up")
    rows = [
        [random_.choice([0, random_.randrange(len(CHARACTERS))]) for _ in range(random_.randrange(25))]
        for _ in range(20_000)
    ]
    plain = spelling.decode_rows(rows, False, False, 2)
    assert plain == ["".join(CHARACTERS[id_] for id_ in row) for row in rows]
    expected = [transformers.PreTrainedTokenizerFast.clean_up_tokenization(text) for text in plain]
    assert spelling.decode_rows(rows, False, True, 2) == expected
    assert [BertTokenizerFast.clean_up_tokenization(text) for text in plain] == expected


@pytest.fixture(scope="module")
def pair(tmp_path_factory, small_tokenizer_json) -> tuple:
    folder = tmp_path_factory.mktemp("decoding")
    (folder / "tokenizer.json").write_text(small_tokenizer_json, encoding="utf-8")
    return tuple(cls.from_pretrained(folder) for cls in (AutoTokenizer, transformers.PreTrainedTokenizerFast))


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("cleans", [False, True, None])
def test_rows_of_every_kind(pair, skips, cleans) -> None:
    rows = [[2, 100, 5, 40, 41, 3, 0], [2, 7, 99, 45, 3, 0, 0]]
    options = {"skip_special_tokens": skips, "clean_up_tokenization_spaces": cleans}
    expected = pair[1].batch_decode(rows, **options)
    for form in (
        rows,
        tuple(map(tuple, rows)),
        np.array(rows),
        np.array(rows, np.int32),
        torch.tensor(rows),
        [np.array(row) for row in rows],
        [torch.tensor(row) for row in rows],
        list(map(list, np.array(rows))),
        iter(rows),
    ):
        assert pair[0].batch_decode(form, **options) == expected
    assert pair[0].batch_decode([], **options) == pair[0].batch_decode([[]], **options)[1:] == []
    assert pair[0].batch_decode([5, 6], **options) == pair[1].batch_decode([5, 6], **options)
    assert pair[0].batch_decode([[5, 10**30, 2**63]], **options) == [pair[0].decode([5], **options)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[5, -1]], "-1 is not a token id"),
        ([[5], [0.5]], "ids must be whole numbers, but are of type float64"),
        ([["a"]], "ids must be whole numbers"),
        ([[[5]]], r"decode takes one row of ids, but got shape \(1, 1\)"),
        (np.array([[5, -100]]), "-100 is not a token id"),
        (np.array([[0.5]]), "ids must be whole numbers"),
        ([None], "ids must be whole numbers"),
    ],
)
def test_what_is_no_row_is_named(pair, rows, message) -> None:
    with pytest.raises(InputError, match=message):
        pair[0].batch_decode(rows)
