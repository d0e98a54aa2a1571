from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dure.errors import InputError
from dure.hub.patterns import DEFAULT_PATTERNS, TOKENIZER_PATTERNS, foreign_weights, matches, select

SMALL = ["config.json", "tokenizer.json", "vocab.txt"]


@pytest.mark.parametrize(
    ("filename", "pattern", "expected"),
    [
        ("config.json", "*.json", True),
        ("onnx/config.json", "*.json", False),
        ("data/train.csv", "**/*.csv", True),
        ("train.csv", "**/*.csv", True),
        ("a/b/c.csv", "**", True),
        ("model-1.bin", "model-?.bin", True),
        ("1_Pooling/config.json", "[0-9]*_*/config.json", True),
        ("x_Pooling/config.json", "[0-9]*_*/config.json", False),
        ("b.txt", "[!a].txt", True),
        ("a.txt", "[!a].txt", False),
        ("]^.txt", "[a[^&]^.txt", False),
        ("^.txt", "[a[^&].txt", True),
        ("config_json", "config.json", False),
        ("a[1].txt", "a[[]1].txt", True),
    ],
)
def test_stars_stay_inside_a_folder(filename: str, pattern: str, expected: bool) -> None:
    assert matches(filename, pattern) is expected


@given(st.text("ab.*?", max_size=8), st.text("ab.", max_size=8))
def test_without_folders_patterns_mean_what_the_shell_means(pattern: str, filename: str) -> None:
    assert matches(filename, pattern) == fnmatch.fnmatchcase(filename, pattern)


@pytest.mark.parametrize(
    ("weights", "kept"),
    [
        (["model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"], ["model.safetensors"]),
        (["model.safetensors", "model.fp16.safetensors", "consolidated.safetensors"], ["model.safetensors"]),
        (
            ["model.safetensors", "model.safetensors.index.json", "model-00001-of-00002.safetensors"],
            ["model.safetensors"],
        ),
        (
            [
                "model.safetensors.index.json",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "consolidated.safetensors",
                "pytorch_model.bin.index.json",
                "pytorch_model-00001-of-00001.bin",
            ],
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"],
        ),
        (["pytorch_model.bin", "tf_model.h5", "rust_model.ot", "onnx/model.onnx"], ["pytorch_model.bin"]),
        (
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin", "tf_model.h5.index.json"],
            ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"],
        ),
        (["adapter_model.safetensors"], ["adapter_model.safetensors"]),
        (["training_args.bin", "optimizer.pt", "onnx/model.safetensors"], []),
    ],
)
def test_the_same_weights_are_wanted_once(weights: list[str], kept: list[str]) -> None:
    assert select([*SMALL, *weights], DEFAULT_PATTERNS) == sorted([*SMALL, *kept])


def test_modules_of_sentence_transformers_belong_to_the_model() -> None:
    files = ["config.json", "1_Pooling/config.json", "2_Dense/model.safetensors", "2_Dense/pytorch_model.bin"]
    assert select(files, DEFAULT_PATTERNS) == sorted(files[:3])


def test_a_pickle_named_by_hand_is_still_not_wanted_beside_safetensors() -> None:
    patterns = ["config.json", "model.safetensors", "pytorch_model.bin"]
    assert select(["config.json", "model.safetensors", "pytorch_model.bin"], patterns) == patterns[:2]


def test_foreign_files_named_by_hand_are_wanted() -> None:
    assert select(["tf_model.h5"], ["tf_model.h5"]) == ["tf_model.h5"]
    assert select(["tf_model.h5"], ["*"]) == []
    assert foreign_weights(["tf_model.h5", "config.json", "a/model.onnx"]) == ["tf_model.h5", "a/model.onnx"]


def test_tokenizer_patterns_leave_weights_alone() -> None:
    files = [*SMALL, "model.safetensors", "spiece.model", "merges.txt", "chat_template.jinja", "README.md"]
    assert select(files, TOKENIZER_PATTERNS) == sorted({*files} - {"model.safetensors", "README.md"})


def test_a_set_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match=r"'\[z-a\]\.csv' is no pattern"):
        matches("b.csv", "[z-a].csv")
