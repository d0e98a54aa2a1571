"""Batches out of rows, as transformers makes them."""

from __future__ import annotations

import pytest
import torch

import dure
from dure.datasets.collators import default_data_collator
from dure.errors import InputError

transformers = pytest.importorskip("transformers")


def test_default_collator_is_that_of_transformers():
    rows = [{"input_ids": [i, 2], "label": i, "score": i / 2, "text": "x", "none": None} for i in range(3)]
    ours = default_data_collator(rows)
    theirs = transformers.default_data_collator([{k: v for k, v in row.items() if k != "none"} for row in rows])
    assert set(ours) == set(theirs)
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
    assert default_data_collator(rows, return_tensors="np")["input_ids"].tolist() == [[0, 2], [1, 2], [2, 2]]


def test_rows_that_differ_in_length_need_padding():
    with pytest.raises(InputError, match=r"'input_ids'.*DataCollatorWithPadding"):
        default_data_collator([{"input_ids": [1]}, {"input_ids": [1, 2]}])


def test_padding_collator(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]))
    tokenizer = dure.BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt"))
    theirs = transformers.BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt"))
    rows = [dict(tokenizer("a b a" if i else "a"), label=i) for i in range(2)]
    for options in ({}, {"pad_to_multiple_of": 8}, {"padding": "max_length", "max_length": 9}):
        found = dure.DataCollatorWithPadding(tokenizer, **options)([dict(row) for row in rows])
        expected = transformers.DataCollatorWithPadding(theirs, **options)([dict(row) for row in rows])
        assert set(found) == set(expected)
        for name, tensor in expected.items():
            assert torch.equal(found[name], tensor), name
