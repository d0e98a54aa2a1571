"""Checkpoints that can't be used: one clear error that names the file and what is wrong with it."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

import dure
from dure.errors import (
    CheckpointError,
    ConfigError,
    CorruptCheckpointError,
    DureError,
    InputError,
    MissingFileError,
    ShapeMismatchError,
    UnknownModelTypeError,
    UnsafePickleError,
)

WEIGHTS = "model.safetensors"


def change_config(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize("load", [dure.AutoConfig, dure.AutoModel, dure.BertModel, dure.BertConfig])
def test_folder_without_config(saved: Callable, load: type) -> None:
    _, folder = saved()
    (folder / "config.json").unlink()
    with pytest.raises(
        MissingFileError, match=rf"no file config\.json in {folder}; found there: README\.md, model\.safetensors"
    ):
        load.from_pretrained(folder)


@pytest.mark.parametrize("load", [dure.AutoConfig, dure.AutoModel, dure.AutoModelForMaskedLM])
@pytest.mark.parametrize("model_type", ["bort", None, 3, ["bert"]])
def test_unknown_model_type_lists_the_known(saved: Callable, load: type, model_type: object) -> None:
    _, folder = saved()
    change_config(folder, model_type=model_type)
    with pytest.raises(UnknownModelTypeError, match=r"model_type .* is not known; known: .*distilbert") as raised:
        load.from_pretrained(folder)
    assert repr(model_type) in str(raised.value)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "must hold a JSON object, not list"),
        ("\x00", "not valid JSON"),
        ("", "not valid"),
    ],
)
def test_config_that_is_no_json_object(saved: Callable, text: str, message: str) -> None:
    _, folder = saved()
    (folder / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=message) as raised:
        dure.AutoModel.from_pretrained(folder)
    assert "config.json" in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_size": -3}, r"hidden_size is -3; expected positive integers"),
        ({"hidden_size": "16", "vocab_size": 1.5}, r"vocab_size is 1\.5, hidden_size is '16'"),
        ({"num_hidden_layers": True}, r"num_hidden_layers is True"),
        ({"hidden_act": "gulu"}, r"unknown activation 'gulu'"),
        ({"num_attention_heads": 3}, r"hidden_size 16 must be a multiple of the number of heads, 3"),
        ({"problem_type": "regresion"}, r"problem_type 'regresion' is not known; known: 'regression'"),
        ({"id2label": {"a": "b"}}, r"id2label .*'a'"),
        ({"id2label": ["x", "y"]}, r"id2label"),
        ({"num_labels": 0}, r"num_labels is 0"),
        ({"pad_token_id": 60}, r"pad_token_id is 60, but vocab_size is 60"),
        (
            {"position_embedding_type": "relative_key"},
            r"position_embedding_type 'relative_key' is not supported for bert, only 'absolute'",
        ),
        ({"is_decoder": True}, r"is_decoder True is not supported for bert"),
    ],
)
def test_config_with_wrong_fields(saved: Callable, fields: dict, message: str) -> None:
    _, folder = saved()
    change_config(folder, **fields)
    with pytest.raises(ConfigError, match=message):
        dure.AutoModelForSequenceClassification.from_pretrained(folder)


def test_truncated_safetensors(saved: Callable) -> None:
    _, folder = saved()
    data = (folder / WEIGHTS).read_bytes()
    for size in [0, 4, 8, 100, len(data) // 2, len(data) - 1]:
        (folder / WEIGHTS).write_bytes(data[:size])
        with pytest.raises(
            CorruptCheckpointError, match=rf"model\.safetensors is truncated or damaged \({size:,} bytes"
        ):
            dure.AutoModel.from_pretrained(folder)
    with pytest.raises(CorruptCheckpointError, match=rf"{len(data):,} expected.*dure pull"):
        dure.AutoModel.from_pretrained(folder)


def test_garbage_in_place_of_safetensors(saved: Callable) -> None:
    _, folder = saved()
    for garbage in (
        b"version https://git-lfs.github.com/spec/v1",
        b"\xff" * 200,
        b"\x02" + b"\0" * 7 + b"{]" + b"\0" * 64,
    ):
        (folder / WEIGHTS).write_bytes(garbage)
        with pytest.raises(CorruptCheckpointError, match=r"model\.safetensors is truncated or damaged"):
            dure.AutoModel.from_pretrained(folder)


def test_flipped_header_bytes_never_end_in_another_error(saved: Callable) -> None:
    _, folder = saved("Model")
    data = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(data[:8], "little")
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    random_ = random.Random(seed)
    num_errors = 0
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(random_.choice([1, 1, 3])):
            damaged[random_.randrange(8 + length)] = random_.randrange(256)
        (folder / WEIGHTS).write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a name that changed is a weight that lacks
            try:
                dure.BertModel.from_pretrained(folder, local_files_only=True)
            except DureError as error:
                num_errors += 1
                assert str(folder) in str(error) or "model" in str(error)  # noqa: PT017
    assert num_errors > 50


@pytest.mark.parametrize("places", ["[0]", "[]", "[0, 7232.8256]", "[0, 1e999]", "{}", "null"])
def test_header_with_wrong_places(saved: Callable, places: str) -> None:
    _, folder = saved("Model")
    header = f'{{"a": {{"dtype": "F32", "shape": [1], "data_offsets": {places}}}}}'.encode()
    (folder / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(CorruptCheckpointError, match="truncated or damaged"):
        dure.BertModel.from_pretrained(folder, local_files_only=True)


def test_shapes_that_do_not_fit_are_named(saved: Callable) -> None:
    model, folder = saved(num_labels=3)
    expected = (
        r"don't fit BertForSequenceClassification:\n- classifier\.bias: \[3\] in the checkpoint, \[5\] in the model\n"
        r"- classifier\.weight: \[3, 16\] in the checkpoint, \[5, 16\] in the model\n"
        r"Pass .*ignore_mismatched_sizes=True"
    )
    with pytest.raises(ShapeMismatchError, match=expected):
        dure.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=5)
    told = (
        r"newly initialized: \['classifier\.bias', 'classifier\.weight'\]\nOf these.*\n"
        r"- classifier\.bias: \[3\] in .*\n"
        r"- classifier\.weight: \[3, 16\] in"
    )
    with pytest.warns(UserWarning, match=told):
        other = dure.AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=5, ignore_mismatched_sizes=True
        )
    assert other.classifier.weight.shape == (5, 16)
    assert torch.isfinite(other.classifier.weight).all()
    assert not other.classifier.bias.any()
    for name, tensor in model.bert.state_dict().items():
        assert torch.equal(other.bert.state_dict()[name], tensor)


def test_ignored_shapes_go_as_in_the_original(saved: Callable) -> None:
    transformers = pytest.importorskip("transformers")
    _, folder = saved(num_labels=3, vocab_size=70)
    change_config(folder, vocab_size=64)
    theirs = transformers.BertForSequenceClassification.from_pretrained(folder, ignore_mismatched_sizes=True)
    with pytest.warns(UserWarning, match=r"word_embeddings\.weight: \[70, 16\] in the checkpoint, \[64, 16\]"):
        ours = dure.BertForSequenceClassification.from_pretrained(folder, ignore_mismatched_sizes=True)
    for name, tensor in theirs.state_dict().items():
        if "word_embeddings" not in name:
            assert torch.equal(ours.state_dict()[name], tensor), name


def test_checkpoint_of_something_else(saved: Callable) -> None:
    _, folder = saved()
    safetensors.torch.save_file({"conv.weight": torch.zeros(3)}, folder / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"has no weights of BertModel; it holds conv\.weight"):
        dure.AutoModel.from_pretrained(folder)


def test_integer_weights(saved: Callable) -> None:
    model, folder = saved()
    weights = model.state_dict() | {"classifier.weight": torch.zeros(2, 16, dtype=torch.int8)}
    safetensors.torch.save_file(weights, folder / WEIGHTS)
    with pytest.raises(
        CheckpointError, match=r"classifier\.weight is stored as torch\.int8; Dure reads floating-point"
    ):
        dure.AutoModelForSequenceClassification.from_pretrained(folder)


def test_no_weights_at_all(saved: Callable) -> None:
    _, folder = saved()
    (folder / WEIGHTS).unlink()
    with pytest.raises(MissingFileError, match=r"no weights in .*; looked for model\.safetensors, pytorch_model\.bin"):
        dure.AutoModel.from_pretrained(folder)


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("kind", ["zip", "legacy", "raw", "raw2", "inside"])
def test_pickle_that_wants_to_run_code_does_not(saved: Callable, tmp_path: Path, kind: str) -> None:
    model, folder = saved()
    (folder / WEIGHTS).unlink()
    path, evidence = folder / "pytorch_model.bin", tmp_path / "ran"
    payload = {"weight": Payload(evidence)}
    if kind == "inside":
        payload |= model.state_dict()
    if kind.startswith("raw"):
        path.write_bytes(pickle.dumps(payload, protocol=2 if kind == "raw2" else 4))
    else:
        torch.save(payload, path, _use_new_zipfile_serialization=kind != "legacy")
    with pytest.raises(
        UnsafePickleError, match=r"pytorch_model\.bin asks for more than tensors.*could run code.*safetens"
    ):
        dure.AutoModel.from_pretrained(folder)
    assert not evidence.exists()
    if kind == "zip":  # the trap is real
        torch.load(path, weights_only=False)
        assert evidence.exists()


def test_damaged_pickle(saved: Callable) -> None:
    model, folder = saved()
    (folder / WEIGHTS).unlink()
    path = folder / "pytorch_model.bin"
    contents = [b"", b"<html>", b"version https://git-lfs.github.com/spec/v1"]
    for is_zip in (True, False):
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=is_zip)
        contents.append(path.read_bytes()[: path.stat().st_size // 2])
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(CorruptCheckpointError, match=r"pytorch_model\.bin is .*(damaged)"):
            dure.AutoModel.from_pretrained(folder)
    torch.save([torch.zeros(2)], path)
    with pytest.raises(CorruptCheckpointError, match=r"pytorch_model\.bin holds a list, not weights by name"):
        dure.AutoModel.from_pretrained(folder)


def make_shards(folder: Path) -> Path:
    weights = safetensors.torch.load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    names = sorted(weights)
    places = {name: f"model-0000{1 + i % 3}-of-00003.safetensors" for i, name in enumerate(names)}
    for shard in set(places.values()):
        part = {name: weights[name] for name in names if places[name] == shard}
        safetensors.torch.save_file(part, folder / shard, metadata={"format": "pt"})
    index = folder / f"{WEIGHTS}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


def test_shards(saved: Callable) -> None:
    model, folder = saved()
    index = make_shards(folder)
    loaded = dure.AutoModelForSequenceClassification.from_pretrained(folder)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    shard = folder / "model-00002-of-00003.safetensors"
    kept = shard.read_bytes()
    shard.unlink()
    with pytest.raises(
        MissingFileError, match=r"1 of 3 shards .* are not in .*: model-00002-of-00003\.safetensors; fetch"
    ):
        dure.AutoModel.from_pretrained(folder)
    shard.write_bytes(kept[:-1])
    with pytest.raises(CorruptCheckpointError, match=r"model-00002-of-00003\.safetensors is truncated"):
        dure.AutoModel.from_pretrained(folder)
    shutil.copy(folder / "model-00001-of-00003.safetensors", shard)
    with pytest.raises(CorruptCheckpointError, match=r"index\.json names weights that its shards don't hold: bert\."):
        dure.AutoModel.from_pretrained(folder)
    for text in ("{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": []}}'):
        index.write_text(text)
        with pytest.raises(CorruptCheckpointError, match=r"index\.json is not an index of shards"):
            dure.AutoModel.from_pretrained(folder)
    index.write_text('{"weight_map": {"a": "../secret.safetensors"}}')
    with pytest.raises(MissingFileError, match=r"\.\./secret\.safetensors"):
        dure.AutoModel.from_pretrained(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_label": 3}, r"doesn't know num_label; did you mean num_labels\?"),
        ({"config": dure.DistilBertConfig()}, r"config must be a BertConfig, not DistilBertConfig"),
        ({"config": dure.BertConfig(), "num_labels": 3}, r"num_labels: set them in the config"),
        ({"dtype": "float33"}, r"dtype 'float33' is not a precision"),
        ({"dtype": torch.int32}, r"dtype torch\.int32 is not a precision"),
        ({"torch_dtype": 16}, r"dtype 16 is not a precision"),
    ],
)
def test_wrong_arguments(saved: Callable, arguments: dict, message: str) -> None:
    _, folder = saved()
    with pytest.raises(InputError, match=message):
        dure.BertForSequenceClassification.from_pretrained(folder, **arguments)


def test_auto_classes_have_no_constructor() -> None:
    with pytest.raises(InputError, match=r"use AutoModel\.from_pretrained"):
        dure.AutoModel()
    with pytest.raises(UnknownModelTypeError, match=r"AutoConfig\.for_model: model_type 'x'"):
        dure.AutoConfig.for_model("x")
