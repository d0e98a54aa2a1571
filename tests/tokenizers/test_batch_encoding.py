"""What a call returns is a dictionary, has attributes, survives pickling and moves between forms."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
import torch

from dure.errors import InputError
from dure.tokenizers.batch import BatchEncoding, CharSpan, TokenSpan
from dure.tokenizers.families import BertTokenizerFast


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory, small_tokenizer_json) -> BertTokenizerFast:
    path = tmp_path_factory.mktemp("batch") / "tokenizer.json"
    path.write_text(small_tokenizer_json, encoding="utf-8")
    return BertTokenizerFast(tokenizer_file=path)


def test_it_is_a_dictionary_with_attributes(tokenizer) -> None:
    batch = tokenizer("hello world")
    assert batch.input_ids == batch["input_ids"]
    assert {**batch}.keys() == set(batch) == {"input_ids", "token_type_ids", "attention_mask"}
    assert len(batch) == 3
    assert "input_ids" in batch
    batch["labels"] = [1]
    assert batch.labels == [1]
    assert batch.pop("labels") == [1]
    assert str(batch) == str(batch.data)
    with pytest.raises(AttributeError, match="no column or attribute 'inputs'; its columns are input_ids"):
        _ = batch.inputs
    with pytest.raises(KeyError, match="inputs"):
        _ = batch["inputs"]


def test_rows_and_spans(tokenizer) -> None:
    batch = tokenizer(["hello world", "a"], padding=True)
    assert len(batch[0]) == 5
    assert batch[-1].tokens == ["[CLS]", "a", "[SEP]", "[PAD]", "[PAD]"]
    assert [len(row) for row in batch[0:2]] == [5, 5]
    assert batch.word_to_tokens(0, 1) == TokenSpan(2, 4)
    assert batch.word_to_chars(1) == CharSpan(6, 11)
    assert batch.token_to_word(0, -2) == 1
    assert batch.char_to_token(-1, 0) == 1
    assert repr(batch[1]).startswith("EncodingRow(num_tokens=5, tokens=['[CLS]', 'a'")
    with pytest.raises(IndexError, match="no row 2: the batch has 2 rows"):
        batch.tokens(2)
    with pytest.raises(InputError, match="no word 9 in text 0"):
        batch.word_to_chars(0, 9)
    with pytest.raises(InputError, match="-6 is not a token's position in a row of 5"):
        batch.token_to_chars(0, -11)
    with pytest.warns(FutureWarning, match=r"use BatchEncoding.word_ids\(\)"):
        assert batch.words(1) == batch.word_ids(1) == batch[1].words


def test_without_text_there_are_no_tokens() -> None:
    batch = BatchEncoding({"input_ids": [[1, 2], [3, 4]]})
    assert not batch.is_fast
    assert batch.encodings is None
    assert batch.n_sequences is None
    assert batch[:1] == {"input_ids": [[1, 2]]}
    with pytest.raises(InputError, match="was not made from text"):
        batch.tokens()
    with pytest.raises(KeyError, match="0 is not a key: use the name of a column"):
        _ = batch[0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))], ids=["copy", "pickle"])
def test_copies_know_what_the_original_knew(tokenizer, copied) -> None:
    batch = tokenizer(["hello world 한국어", "a"], ["b", "c d"], padding=True, padding_side="left", return_tensors="np")
    twin = copied(batch)
    assert twin.keys() == batch.keys()
    assert twin.n_sequences == 2
    for row in range(2):
        assert twin.tokens(row) == batch.tokens(row)
        assert twin.word_ids(row) == batch.word_ids(row)
        assert twin[row].offsets == batch[row].offsets


def test_convert_to_tensors(tokenizer) -> None:
    batch = tokenizer(["a", "b"])
    assert batch.convert_to_tensors(None) is batch
    assert isinstance(batch.convert_to_tensors("pt")["input_ids"], torch.Tensor)
    assert isinstance(tokenizer("a").convert_to_tensors("np")["input_ids"], np.ndarray)
    assert tokenizer("a").convert_to_tensors("pt", prepend_batch_axis=True)["input_ids"].shape == (1, 3)
    assert BatchEncoding({"ids": []}, tensor_type="pt")["ids"].dtype == torch.int64
    assert BatchEncoding({"ids": []}, tensor_type="np")["ids"].dtype == np.int64
    assert BatchEncoding({"x": [np.ones(2), np.ones(2)]}, tensor_type="pt")["x"].shape == (2, 2)
    assert BatchEncoding({"x": torch.ones(2)}, tensor_type="np")["x"].tolist() == [1, 1]
    with pytest.raises(InputError, match="rows of 'input_ids' have 3 to 4 items"):
        tokenizer(["a", "b c"]).convert_to_tensors("pt")
    with pytest.raises(InputError, match="rows of 'x' have 1 to 2 items"):
        BatchEncoding({"x": [np.ones(1), np.ones(2)]}, tensor_type="pt")


def test_tensors_are_made_without_lists_between(tokenizer) -> None:
    """The tensor shares its memory with the array that the engine filled."""
    batch = tokenizer(["a", "hello"] * 50, padding=True, return_tensors="pt")
    assert batch["input_ids"].is_contiguous()
    assert batch["input_ids"].untyped_storage().nbytes() == 100 * 3 * 8
    batch["input_ids"][0, 0] = 1  # and may be written to


def test_to_moves_tensors_only(tokenizer) -> None:
    batch = tokenizer("a", return_tensors="pt")
    batch["name"] = "x"
    assert batch.to("meta") is batch
    assert batch["input_ids"].device.type == "meta"
    assert batch["name"] == "x"
    with pytest.raises(
        InputError, match=r"can be moved to a device, such as 'cpu' or 'cuda:0', but not to torch\.float16"
    ):
        batch.to(torch.float16)


def test_an_empty_batch_has_empty_columns(tokenizer) -> None:
    assert tokenizer([]).data == {"input_ids": [], "token_type_ids": [], "attention_mask": []}
    assert tokenizer([], padding=True, return_tensors="pt", return_offsets_mapping=True)["input_ids"].shape[0] == 0


def test_columns_of_data_sets_and_arrays_are_texts(tokenizer) -> None:
    assert tokenizer(np.array(["a", "b"])).data == tokenizer(["a", "b"]).data
    assert tokenizer(json.loads('["a"]'), text_pair=np.array(["b"])).data == tokenizer(["a"], ["b"]).data
