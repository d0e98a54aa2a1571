"""Files against the ``datasets`` library, and files that are wrong."""

from __future__ import annotations

import json
import random

import pytest

import dure
from dure.errors import DataFileError, InputError

datasets = pytest.importorskip("datasets")


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def same(kind, path, tmp_path, **options):
    ours = dure.load_dataset(kind, data_files=path, split="train", **options)
    theirs = datasets.load_dataset(kind, data_files=path, split="train", cache_dir=str(tmp_path / "theirs"), **options)
    assert ours.column_names == theirs.column_names
    assert ours.to_dict() == theirs.to_dict()
    for name, feature in theirs.features.items():
        # Newer releases of pandas say "large" where offsets are wider; the values are the same.
        assert ours.features[name].dtype == feature.dtype.removeprefix("large_")
    return ours


@pytest.mark.filterwarnings("ignore")
def test_csv_is_read_as_by_datasets(tmp_path):
    numbers = ",".join(["7", "-3", "007", "2"])
    cases = [
        'text,n,f,b\n"a, b",1,1.5,True\n두레 🙂,2,,False\n"say ""x""",3,1e-3,True\n',
        "n,m\n1,\n,2\n3,4\n",
        "a,b\nNA,x\nnull,y\nz,None\n",
        "a;b\n1;2\n",
        '"line\nbreak",x\n"two\nlines",1\n',
        "\ufeffa,b\n1,2\n",
        f"x\n{numbers.replace(',', chr(10))}\n",
        "d,t\n2020-01-01,12:30\n2021-02-03,01:02\n",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a\n9223372036854775807\n1\n",
        "a,b\n1,2\n\n3,4\n",
    ]
    for number, content in enumerate(cases):
        options = {"delimiter": ";"} if ";" in content else {}
        same("csv", write(tmp_path / f"{number}.csv", content), tmp_path, **options)


@pytest.mark.filterwarnings("ignore")
def test_mrpc_is_read_as_by_datasets(shared_data, tmp_path):
    path = str(shared_data / "corpora" / "mrpc" / "train.tsv")
    ours = same("csv", path, tmp_path, delimiter="\t", quoting=3)
    assert len(ours) == 2928


@pytest.mark.filterwarnings("ignore")
def test_json_and_text_are_read_as_by_datasets(tmp_path):
    records = [
        {
            "text": random.choice(["두레", "🙂", 'a "b"', ""]),
            "n": random.randrange(9),
            "ids": [1, 2],
            "who": {"a": None},
        }
        for _ in range(30)
    ]
    records[3]["n"] = None
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    same_values = dure.load_dataset("json", data_files=write(tmp_path / "a.jsonl", lines), split="train").to_list()
    assert same_values == records
    array = write(tmp_path / "a.json", json.dumps(records))
    assert dure.load_dataset("json", data_files=array, split="train").to_list() == records
    inside = write(tmp_path / "b.json", json.dumps({"data": records}, indent=1))
    assert dure.load_dataset("json", data_files=inside, field="data", split="train").to_list() == records
    columns = write(tmp_path / "c.json", json.dumps({"a": [1, 2], "b": ["x", "y"]}, indent=1))
    assert dure.load_dataset("json", data_files=columns, split="train").to_dict() == {"a": [1, 2], "b": ["x", "y"]}
    same("text", write(tmp_path / "a.txt", "eins\n\nzwei\u2028drei\n셋"), tmp_path)
    same("text", write(tmp_path / "b.txt", "eins\nzwei\n\ndrei\n"), tmp_path, sample_by="paragraph")
    same("text", write(tmp_path / "c.txt", "eins\nzwei\n"), tmp_path, sample_by="document")


def test_parts_and_pieces(tmp_path):
    one = write(tmp_path / "1.csv", "a\n" + "\n".join(map(str, range(10))))
    two = write(tmp_path / "2.csv", "a\n" + "\n".join(map(str, range(10, 15))))
    assert dure.load_dataset("csv", data_files=[one, two], split="train")["a"] == list(range(15))
    assert dure.load_dataset("csv", data_files=str(tmp_path / "*.csv"), split="train").num_rows == 15
    parts = dure.load_dataset("csv", data_files={"train": one, "test": two})
    assert parts.num_rows == {"train": 10, "test": 5}

    def read(split):
        return dure.load_dataset("csv", data_files={"train": one, "test": two}, split=split)["a"]

    assert read("train[:3]") == [0, 1, 2]
    assert read("train[-2:]") == [8, 9]
    assert read("train[20%:50%]") == [2, 3, 4]
    assert read("test+train[:1]") == [10, 11, 12, 13, 14, 0]
    features = dure.Features({"a": dure.Value("float32")})
    typed = dure.load_dataset("csv", data_files=one, split="train", features=features, keep_in_memory=True)
    assert typed.features["a"].dtype == "float32"


@pytest.mark.parametrize(
    ("kind", "content", "options", "error", "match"),
    [
        ("csv", "a,b\n1,2\n1,2,3\n", {}, DataFileError, r"row 3: 3 fields.* 2"),
        ("csv", "a,b\n1,2\n1\n", {}, DataFileError, r"row 3: 1 fields"),
        ("csv", "", {}, DataFileError, "empty"),
        ("csv", "a,a\n1,2\n", {}, DataFileError, "'a' twice"),
        ("csv", "글,라벨\n좋다,1\n".encode("cp949"), {}, DataFileError, "line 1: byte 0x.. at position 0.*cp949"),
        ("csv", b"a\nok\n\xff\n", {}, DataFileError, "line 3: byte 0xff at position 5"),
        ("csv", "a\n1\n", {"delimiter": "::"}, InputError, "'::'"),
        ("csv", "a\n1\n", {"delimeter": ";"}, InputError, "did you mean 'delimiter'"),
        ("csv", "a\n1\n", {"encoding": "klingon"}, DataFileError, "klingon"),
        ("csv", "a\n1\n", {"split": "test"}, InputError, "no part 'test'"),
        ("csv", "a\n1\n", {"split": "train[x]"}, InputError, "can't be read"),
        ("json", '{"a": 1}\n{"a": \n', {}, DataFileError, "line 2: not JSON"),
        ("json", '{"a": 1}\n[1]\n', {}, DataFileError, "line 2: a row must be an object, not list"),
        ("json", "[1, 2]", {}, DataFileError, "list of objects"),
        ("json", "[1, 2", {}, DataFileError, "isn't JSON"),
        ("json", '{"a": []}', {"field": "b"}, DataFileError, "no field 'b'; it has a"),
        ("json", " ", {}, DataFileError, "empty"),
        ("text", b"ok\n\xc3", {}, DataFileError, "utf-8"),
        ("text", "x", {"sample_by": "word"}, InputError, "'word'"),
        ("text", "x", {"encoding": "klingon"}, DataFileError, "klingon"),
        ("xml", "x", {}, InputError, "unknown format 'xml'"),
    ],
)
def test_wrong_files(tmp_path, kind, content, options, error, match):
    path = write(tmp_path / "file", content)
    with pytest.raises(error, match=match) as caught:
        dure.load_dataset(kind, data_files=path, **options)
    if error is DataFileError and "klingon" not in match:
        assert path in str(caught.value)


def test_missing_files(tmp_path):
    with pytest.raises(DataFileError, match=r"nothing\.csv: no such file"):
        dure.load_dataset("csv", data_files=str(tmp_path / "nothing.csv"))
    with pytest.raises(InputError, match="data_files"):
        dure.load_dataset("csv")
    with pytest.raises(DataFileError, match="a folder"):
        dure.load_dataset("csv", data_files=str(tmp_path))


def test_another_encoding(tmp_path):
    path = write(tmp_path / "a.csv", "글,라벨\n좋다,1\n".encode("cp949"))
    dataset = dure.load_dataset("csv", data_files=path, split="train", encoding="cp949")
    assert dataset.to_dict() == {"글": ["좋다"], "라벨": [1]}
