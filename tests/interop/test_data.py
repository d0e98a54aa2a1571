"""CSV, JSON and JSON Lines go to the newest ``datasets`` and come back with equal rows."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import dure

pytestmark = pytest.mark.interop

WORDS = ["tea", "두레", "🙂", 'say "x"', "a, b", "two\nlines", "tab\there", "back\\slash", "e\u0301", "  spaces  ", "'"]


def flat_row(random_: random.Random) -> dict[str, Any]:
    """Plain values, some missing; a text is never empty, since CSV can't tell that from missing."""
    values = {
        "text": " ".join(random_.choices(WORDS, k=random_.randrange(1, 5))),
        "name": random_.choice(WORDS),
        "count": random_.randrange(-(10**12), 10**12),
        "share": random_.choice([0.1, -1e-7, 2.5e30, random_.random()]),
        "is_good": random_.random() < 0.5,
    }
    values["rating"] = None if random_.random() < 0.2 else random_.randrange(5) + 0.5
    values["note"] = None if random_.random() < 0.3 else random_.choice(WORDS)
    return values


def nested_row(random_: random.Random) -> dict[str, Any]:
    """What JSON can hold besides: empty texts, lists, objects, and whole numbers that are missing."""
    return {
        **flat_row(random_),
        "empty": random_.choice(["", "x"]),
        "words": random_.choices(WORDS, k=random_.randrange(4)) or ["x"],
        "matrix": [[random_.randrange(9)], [1, 2]],
        "who": {"name": random_.choice(WORDS), "ids": [random_.randrange(9)], "age": random_.choice([None, 7])},
        "whole": random_.choice([None, 3]),
    }


@pytest.fixture(scope="module")
def exchanged(newest, tmp_path_factory) -> dict[str, dict[str, Any]]:
    """Rows, the folders they are in, and what they read; one process of theirs does it all."""
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    random_ = random.Random(seed)
    cases: dict[str, dict[str, Any]] = {}
    for kind, draw in (("flat", flat_row), ("nested", nested_row)):
        for writer in ("theirs", "ours"):
            folder = tmp_path_factory.mktemp(kind + writer)
            case = {"rows": [draw(random_) for _ in range(200)], "is_flat": kind == "flat", "folder": folder}
            case["do"] = "write_data" if writer == "theirs" else "read_data"
            cases[f"{kind} {writer}"] = case
            if writer == "ours":
                write_ours(case["rows"], folder, is_flat=case["is_flat"])
    for case, found in zip(cases.values(), newest(list(cases.values())), strict=True):
        case["found"] = found
    return cases


def write_ours(rows: list[dict[str, Any]], folder: Path, *, is_flat: bool) -> None:
    dataset = dure.Dataset.from_list(rows)
    dataset.to_json(folder / "rows.jsonl")
    if is_flat:
        dataset.to_csv(folder / "rows.csv")


@pytest.mark.parametrize("case", ["flat theirs", "flat ours", "nested theirs", "nested ours"])
def test_both_read_the_same_rows(exchanged, case: str) -> None:
    case = exchanged[case]
    expected = {"rows.jsonl"} | ({"rows.csv"} if case["is_flat"] else set())
    assert set(case["found"]) >= expected
    for name, found in case["found"].items():
        kind = "csv" if name.endswith("csv") else "json"
        dataset = dure.load_dataset(kind, data_files=str(case["folder"] / name), split="train")
        assert dataset.column_names == list(case["rows"][0]), name
        for number, row in enumerate(dataset):
            assert row == found["rows"][number], (name, number)
            if case["do"] == "read_data":  # pandas, with which they write, rounds numbers to ten digits
                assert row == case["rows"][number], (name, number)
        assert len(dataset) == len(found["rows"]) == len(case["rows"])


def test_columns_of_plain_values_have_the_same_types(exchanged) -> None:
    for case in ("flat theirs", "flat ours"):
        for name, found in exchanged[case]["found"].items():
            kind, path = ("csv" if name.endswith("csv") else "json"), exchanged[case]["folder"] / name
            ours = dure.load_dataset(kind, data_files=str(path), split="train").features
            # Newer releases of pandas say "large" where offsets are wider; the values are the same.
            theirs = {column: text.replace("large_", "") for column, text in found["types"].items()}
            assert {column: f"Value('{feature.dtype}')" for column, feature in ours.items()} == theirs, name


def test_json_keeps_rows_exactly(exchanged) -> None:
    """Numbers too: to the last bit."""
    case = exchanged["nested ours"]
    lines = (case["folder"] / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == case["rows"]
