"""Data sets against the ``datasets`` library, on fresh random rows."""

from __future__ import annotations

import random
import string

import numpy as np
import pytest
import torch

import dure
from dure.errors import ColumnError, DatasetError, InputError

datasets = pytest.importorskip("datasets")
# The original sorts in a way that newer releases of pyarrow warn about.
pytestmark = pytest.mark.filterwarnings("ignore:Specifying null_placement")

WORDS = ["두레", "🙂", "e\u0301", "", "naïve", "a,b", 'say "x"', "줄\n바꿈", "tab\there", *string.ascii_lowercase]


@pytest.fixture
def columns():
    random_ = random.Random()
    count = random_.randrange(20, 60)
    return {
        "text": [" ".join(random_.choices(WORDS, k=3)) for _ in range(count)],
        "number": [random_.randrange(-5, 5) for _ in range(count)],
        "share": [random_.choice([random_.random(), None]) for _ in range(count)],
        "ids": [[random_.randrange(100) for _ in range(random_.randrange(4))] for _ in range(count)],
        "label": [random_.choice(["b", "a", "c"]) for _ in range(count)],
    }


@pytest.fixture
def both(columns):
    return dure.Dataset.from_dict(columns), datasets.Dataset.from_dict(columns)


def rows(dataset):
    return [dict(row) for row in dataset]


def test_reading(both, columns):
    ours, theirs = both
    assert repr(ours) == repr(theirs)
    assert ours.to_dict() == theirs.to_dict() == columns
    assert rows(ours) == rows(theirs) == ours.to_list()
    assert ours[3] == theirs[3]
    assert ours[-1] == theirs[-1]
    assert ours[2:7] == theirs[2:7]
    assert ours[::-2] == theirs[::-2]
    assert ours[[4, 0, 4]] == theirs[[4, 0, 4]]
    assert ours["text"] == list(theirs["text"])
    assert (ours.shape, ours.num_columns, ours.column_names) == (theirs.shape, theirs.num_columns, theirs.column_names)
    assert ours.unique("label") == theirs.unique("label")
    assert {name: feature.dtype for name, feature in ours.features.items() if hasattr(feature, "dtype")} == {
        name: feature.dtype for name, feature in theirs.features.items() if name != "ids"
    }
    assert ours.list_lengths("ids") == [len(ids) for ids in columns["ids"]]
    assert ours.to_pandas().equals(theirs.to_pandas())


def test_rows_are_chosen_as_in_the_original(both):
    ours, theirs = both
    for seed in (0, 42, random.randrange(10**6)):
        assert rows(ours.shuffle(seed=seed)) == rows(theirs.shuffle(seed=seed))
        for options in ({"test_size": 0.3}, {"test_size": 7}, {"train_size": 0.5, "test_size": 4}, {}):
            expected = theirs.train_test_split(seed=seed, **options)
            found = ours.train_test_split(seed=seed, **options)
            assert {name: rows(part) for name, part in found.items()} == {n: rows(p) for n, p in expected.items()}
    assert rows(ours.train_test_split(0.2, shuffle=False)["test"]) == rows(
        theirs.train_test_split(0.2, shuffle=False)["test"]
    )
    assert rows(ours.sort("number")) == rows(theirs.sort("number"))
    assert rows(ours.select([5, 1, 1]).select([2, 0])) == rows(theirs.select([5, 1, 1]).select([2, 0]))
    assert rows(ours.take(3)) == rows(theirs.take(3))
    assert rows(ours.skip(3)) == rows(theirs.skip(3))


def test_stratified_split_is_that_of_the_original():
    labels = [random.choice("aab") for _ in range(97)] + ["a", "a", "b", "b"]
    data = {"x": list(range(101)), "label": labels}
    ours = dure.Dataset.from_dict(data).class_encode_column("label")
    theirs = datasets.Dataset.from_dict(data).class_encode_column("label")
    for seed in range(5):
        options = {"test_size": 0.21, "seed": seed, "stratify_by_column": "label"}
        found, expected = ours.train_test_split(**options), theirs.train_test_split(**options)
        assert [found[name]["x"] for name in found] == [list(expected[name]["x"]) for name in expected]


def test_map_and_filter(both):
    ours, theirs = both
    functions = [
        (lambda row: {"length": len(row["text"])}, {}),
        (lambda row, i: {"text": f"{i}: {row['text']}"}, {"with_indices": True}),
        (lambda batch: {"length": [len(text) for text in batch["text"]]}, {"batched": True, "batch_size": 7}),
        (lambda text, number: {"both": f"{text}{number}"}, {"input_columns": ["text", "number"]}),
        (lambda row: {"next": row["number"] + 1}, {"remove_columns": ["ids", "number"]}),
        (lambda batch: {"twice": batch["number"] * 2}, {"batched": True, "remove_columns": ours.column_names}),
        (lambda row, k: {"number": row["number"] * k}, {"fn_kwargs": {"k": 3}}),
    ]
    for function, options in functions:
        assert rows(ours.map(function, **options)) == rows(theirs.map(function, **options))
    assert rows(ours.filter(lambda row: row["number"] > 0)) == rows(theirs.filter(lambda row: row["number"] > 0))
    keep = {"batched": True, "input_columns": "label"}
    assert rows(ours.filter(lambda labels: [x == "a" for x in labels], **keep)) == rows(
        theirs.filter(lambda labels: [x == "a" for x in labels], **keep)
    )


def test_row_functions_get_lazy_rows(both):
    read = []

    def look(row):
        read.append(sorted(row._read))
        row["extra"] = 1
        return row

    result = both[0].map(look)
    assert read[0] == []
    assert result["extra"] == [1] * len(both[0])
    assert result.remove_columns("extra").to_dict() == both[0].to_dict()


def test_columns_are_changed_as_in_the_original(both):
    ours, theirs = both
    for change in (
        lambda d: d.rename_column("text", "words"),
        lambda d: d.rename_columns({"text": "a", "number": "b"}),
        lambda d: d.remove_columns(["ids", "label"]),
        lambda d: d.select_columns(["label", "text"]),
        lambda d: d.select([3, 1]).add_column("new", [1.5, 2.5]),
        lambda d: d.class_encode_column("label"),
    ):
        assert rows(change(ours)) == rows(change(theirs))
    encoded = ours.class_encode_column("label")
    assert encoded.features["label"].names == ["a", "b", "c"]
    named = encoded.cast_column("label", dure.ClassLabel(names=["x", "y", "z"]))
    assert named.features["label"].int2str(1) == "y"


def test_formats(both):
    ours, _ = both
    tensors = ours.with_format("torch", columns=["number", "share"])
    assert torch.equal(tensors[:5]["number"], torch.tensor(ours[:5]["number"]))
    assert set(tensors[0]) == {"number", "share"}
    assert isinstance(ours.with_format("numpy")["number"], np.ndarray)
    assert ours.with_format("pandas")[:3].shape == (3, 5)
    changed = ours.select(range(4))
    changed.set_format("numpy")
    assert isinstance(changed[0]["number"], np.integer)
    changed.reset_format()
    assert changed.to_dict() == ours[:4]


def test_dictionary_of_parts(both):
    ours, theirs = both
    found, expected = ours.train_test_split(0.2, seed=1), theirs.train_test_split(0.2, seed=1)
    assert repr(found) == repr(expected)
    for change in (
        lambda d: d.map(lambda row: {"n": 1}),
        lambda d: d.filter(lambda row: row["number"] > 0),
        lambda d: d.rename_column("text", "t").remove_columns("ids").select_columns(["t", "label"]),
        lambda d: d.shuffle(seed=3),
        lambda d: d.sort("number"),
        lambda d: d.class_encode_column("label"),
    ):
        mine, yours = change(found), change(expected)
        assert {n: rows(p) for n, p in mine.items()} == {n: rows(p) for n, p in yours.items()}
    assert (found.num_rows, found.shape) == (expected.num_rows, expected.shape)
    assert found.unique("label") == expected.unique("label")
    found.set_format("torch")
    assert isinstance(found["train"][0]["number"], torch.Tensor)


def test_map_comes_from_the_cache_the_second_time(tmp_path):
    (tmp_path / "a.csv").write_text("text\nfoo\nbar\n")
    calls = tmp_path / "calls"

    def count(row):
        with calls.open("a") as file:
            file.write("x")
        return {"n": len(row["text"])}

    for _ in range(2):
        dataset = dure.load_dataset("csv", data_files=str(tmp_path / "a.csv"), split="train")
        assert dataset.map(count)["n"] == [3, 3]
    assert calls.read_text() == "xx"
    (tmp_path / "a.csv").write_text("text\nfoo!\nbar\n")
    dataset = dure.load_dataset("csv", data_files=str(tmp_path / "a.csv"), split="train")
    assert dataset.map(count)["n"] == [4, 3]


def test_what_map_returned_in_part_is_not_kept(both):
    def fail(row, i):
        if i == 13:
            raise RuntimeError("thirteen")
        return {"n": i}

    with pytest.raises(RuntimeError, match="thirteen"):
        both[0].map(fail, with_indices=True)
    assert both[0].map(lambda row, i: {"n": i}, with_indices=True)["n"] == list(range(len(both[0])))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda d: d["nope"], ColumnError, "'nope'.*text"),
        (lambda d: d[99999], IndexError, "99999"),
        (lambda d: d.select([99999]), IndexError, "99999"),
        (lambda d: d.map(lambda row: row["nope"]), ColumnError, "nope"),
        (lambda d: d.map(lambda row: 3), DatasetError, "int.*row 0"),
        (lambda d: d.map(lambda row, i: None if i else {"a": 1}, with_indices=True), DatasetError, "None for some"),
        (lambda d: d.map(lambda b: {"n": [1]}, batched=True), DatasetError, "'n' has 1 rows"),
        (lambda d: d.map(len, remove_columns="nope"), ColumnError, "nope"),
        (lambda d: d.map(lambda row: None, remove_columns=d.column_names), InputError, "no column is left"),
        (lambda d: d.filter(lambda b: [True], batched=True), DatasetError, "returned 1 values"),
        (lambda d: d.remove_columns("nope"), ColumnError, "nope"),
        (lambda d: d.rename_column("nope", "x"), ColumnError, "nope"),
        (lambda d: d.rename_column("text", "label"), DatasetError, "'label'"),
        (lambda d: d.add_column("text", [1]), ColumnError, "'text' already"),
        (lambda d: d.add_column("new", [1]), DatasetError, "'new' has 1 rows"),
        (lambda d: d.train_test_split(1.5), InputError, "test_size=1.5"),
        (lambda d: d.train_test_split(0.5, train_size=0.9), InputError, "but there are"),
        (lambda d: d.take(1).train_test_split(0.5), InputError, "no row is left"),
        (lambda d: d.train_test_split(0.5, stratify_by_column="text"), DatasetError, "class_encode_column"),
        (lambda d: d.train_test_split(0.5, stratify_by_column="label", shuffle=False), InputError, "shuffle=True"),
        (lambda d: d.sort("text", reverse=[True, False]), InputError, "2 directions"),
        (lambda d: d.with_format("jax"), InputError, "jax"),
        (lambda d: d.with_format("torch", columns=["nope"]), ColumnError, "nope"),
        (lambda d: d.select_columns([3]), (InputError, ColumnError), "3"),
        (lambda d: d.cast(dure.Features({"text": dure.Value("string")})), ColumnError, "number"),
        (lambda d: dure.Dataset.from_dict({"a": [1], "b": [1, 2]}), DatasetError, "'b' has 2 rows"),
        (lambda d: dure.Dataset.from_dict({"a": [1, "x"]}), DatasetError, "row 1 is 'x'"),
    ],
)
def test_errors(both, call, error, match):
    with pytest.raises(error, match=match):
        call(both[0])


def test_too_small_classes_cannot_be_stratified():
    dataset = dure.Dataset.from_dict({"label": ["a", "b", "b", "b", "b"]}).class_encode_column("label")
    with pytest.raises(DatasetError, match="only one row"):
        dataset.train_test_split(0.5, stratify_by_column="label")
    dataset = dure.Dataset.from_dict({"label": ["a", "a", "b", "b", "c", "c"]}).class_encode_column("label")
    with pytest.raises(DatasetError, match="can't hold 3 classes"):
        dataset.train_test_split(2, stratify_by_column="label")
