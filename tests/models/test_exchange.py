"""Every family and head: all forms in which weights circulate, here and there."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import dure
from dure.errors import MissingFileError
from every_family import VOCAB_SIZE, both, equal, every, first_output, having, inputs, make, original, strictly

transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.filterwarnings("ignore:The `transformers.LEDForSequenceClassification`:FutureWarning")
WEIGHTS, PICKLE = "model.safetensors", "pytorch_model.bin"


def to_old(name: str) -> str:
    """As the first TensorFlow checkpoints have it, in a wrapper of torch."""
    if "norm" in name.lower():
        name = name.removesuffix("weight") + "gamma" if name.endswith(".weight") else name
        name = name.removesuffix("bias") + "beta" if name.endswith(".bias") else name
    return f"module.{name}"


def read_index(folder: Path, name: str) -> dict[str, str]:
    places: dict[str, str] = json.loads((folder / f"{name}.index.json").read_text())["weight_map"]
    return places


@pytest.mark.parametrize(("name", "head"), every())
def test_shards_both_ways(tmp_path: Path, name: str, head: str) -> None:
    theirs = original(name, head)
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="4KB")
    expected = read_index(tmp_path / "theirs", WEIGHTS)
    assert len(set(expected.values())) > 1
    ours = strictly(getattr(dure, name + head), tmp_path / "theirs")
    equal(ours, theirs)
    ours.save_pretrained(tmp_path / "ours", max_shard_size="4KB")
    assert set(read_index(tmp_path / "ours", WEIGHTS)) == set(expected)
    again, told = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(told.values()), told
    equal(again, theirs)
    shard = expected[sorted(expected)[0]]
    (tmp_path / "theirs" / shard).unlink()
    with pytest.raises(MissingFileError, match=rf"1 of \d+ shards .*: {shard}; fetch"):
        type(ours).from_pretrained(tmp_path / "theirs")


@pytest.mark.parametrize(("name", "head"), having("Model", "LMHeadModel", "ForCausalLM", "ForMaskedLM", "MTModel"))
@pytest.mark.parametrize("size", ["5GB", "4KB"])
def test_pickles(tmp_path: Path, name: str, head: str, size: str) -> None:
    theirs = original(name, head)
    theirs.save_pretrained(tmp_path, safe_serialization=False, max_shard_size=size)
    assert (tmp_path / (PICKLE if size == "5GB" else f"{PICKLE}.index.json")).exists()
    equal(strictly(getattr(dure, name + head), tmp_path), theirs)
    if size == "4KB":
        shard = sorted(set(read_index(tmp_path, PICKLE).values()))[-1]
        (tmp_path / shard).unlink()
        with pytest.raises(MissingFileError, match=rf"shards that pytorch_model\.bin\.index\.json names .*: {shard}"):
            getattr(dure, name + head).from_pretrained(tmp_path)


@pytest.mark.parametrize(("name", "head"), every())
def test_old_names(tmp_path: Path, name: str, head: str) -> None:
    ours, _ = both(name, head, tmp_path)
    weights = safetensors.torch.load_file(tmp_path / WEIGHTS)
    safetensors.torch.save_file({to_old(key): tensor for key, tensor in weights.items()}, tmp_path / WEIGHTS)
    equal(strictly(type(ours), tmp_path), ours)
    ours.load_state_dict({to_old(key): tensor for key, tensor in ours.state_dict().items()})


@pytest.mark.parametrize(("name", "head"), [case for case in every(without=("EncoderDecoder",)) if case.values[1] != "Model"])
def test_body_with_and_without_prefix(tmp_path: Path, name: str, head: str) -> None:
    """A head's checkpoint gives the body; a body's gives a head whose rest is drawn anew, as in the original."""
    ours, theirs = both(name, head, tmp_path / "head")
    prefix = theirs.base_model_prefix
    if not hasattr(theirs, prefix) or head in {"EncoderModel", "ForCausalLM", "LMHeadModel"} and name in {
        "Bart", "Bert", "MBart", "Marian"
    }:
        pytest.skip("no body inside, or another one")
    body_class = getattr(dure, name + ("EncoderModel" if name in {"T5", "MT5"} else "Model"))
    body = getattr(theirs, prefix)
    weights = {key: tensor.contiguous().clone() for key, tensor in body.state_dict().items()}
    expected = ours.base_model.state_dict()
    loaded = strictly(body_class, tmp_path / "head")
    for key, tensor in expected.items():
        assert torch.equal(loaded.state_dict()[key], tensor) or key not in loaded.state_dict(), key
    safetensors.torch.save_file(weights, tmp_path / "head" / WEIGHTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = type(ours).from_pretrained(tmp_path / "head")
    equal(again.base_model, ours.base_model)


def drawn(model: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


TIED = having("ForMaskedLM", "LMHeadModel", "ForCausalLM", "ForConditionalGeneration", "MTModel", without=("EncoderDecoder",))


@pytest.mark.parametrize(("name", "head"), TIED)
@pytest.mark.parametrize("is_tied", [True, False])
@pytest.mark.parametrize("stored", ["both", "one"])
def test_tied_and_untied_tables(tmp_path: Path, name: str, head: str, is_tied: bool, stored: str) -> None:
    ours, theirs = both(name, head, tmp_path, tie_word_embeddings=is_tied)
    equal(ours, theirs)
    layer, table = ours.get_output_embeddings().weight, ours.get_input_embeddings().weight
    assert (layer is table) == is_tied
    if stored == "both":  # each under every name that it has
        weights = {key: tensor.contiguous().clone() for key, tensor in theirs.state_dict().items()}
        safetensors.torch.save_file(weights, tmp_path / WEIGHTS)
    weights = safetensors.torch.load_file(tmp_path / WEIGHTS)
    buffers = {"embeddings.position_ids": torch.arange(12)[None], "embeddings.token_type_ids": torch.zeros(1, 12)}
    if name in {"Albert", "Bert", "Electra", "Roberta", "XLMRoberta", "Camembert"} and stored == "both":
        weights |= {f"{ours.base_model_prefix}.{key}": tensor for key, tensor in buffers.items()}
        safetensors.torch.save_file(weights, tmp_path / WEIGHTS)
    again = strictly(type(ours), tmp_path)
    equal(again, theirs)
    assert (again.get_output_embeddings().weight is again.get_input_embeddings().weight) == is_tied
    batch = inputs(name, head)
    torch.testing.assert_close(first_output(again, batch), first_output(theirs, batch), rtol=1e-5, atol=1e-4)


# --- vocabularies of another size ---

SIZES = [(64, None), (50, None), (61, 8), (None, 16)]


@pytest.mark.parametrize(("name", "head"), every(without=("EncoderDecoder",)))
@pytest.mark.parametrize("is_tied", [True, False])
def test_vocabularies_of_another_size(tmp_path: Path, name: str, head: str, is_tied: bool) -> None:
    for trial, (size, multiple) in enumerate(SIZES):
        ours, theirs = both(name, head, tmp_path / str(trial), tie_word_embeddings=is_tied)
        table = ours.resize_token_embeddings(size, pad_to_multiple_of=multiple)
        expected = theirs.resize_token_embeddings(size, pad_to_multiple_of=multiple)
        assert table is ours.get_input_embeddings()
        assert table.num_embeddings == len(table.weight) == len(expected.weight)
        assert ours.config.vocab_size == theirs.config.vocab_size == len(table.weight)
        found, wanted = ours.state_dict(), theirs.state_dict()
        assert set(found) == set(wanted)
        for key, tensor in wanted.items():
            # New rows lie around the mean of the old ones: 3e-5 of their deviation.
            torch.testing.assert_close(found[key], tensor, rtol=0, atol=2e-4, msg=lambda text, key=key: f"{key}: {text}")
        layer, their_layer = ours.get_output_embeddings(), theirs.get_output_embeddings()
        assert (layer is None) == (their_layer is None)
        if layer is not None:
            assert (layer.weight is table.weight) == (their_layer.weight is expected.weight)
            assert layer.out_features == len(layer.weight)
        batch = inputs(name, head)
        batch = {key: ids.clamp(max=49) for key, ids in batch.items()}
        torch.testing.assert_close(first_output(ours, batch), first_output(theirs, batch), rtol=1e-4, atol=2e-3)
        ours.save_pretrained(tmp_path / f"resized{trial}")
        equal(strictly(type(ours), tmp_path / f"resized{trial}"), ours)
        again, told = type(theirs).from_pretrained(tmp_path / f"resized{trial}", output_loading_info=True)
        assert not any(told.values()), told
        equal(again, ours)


@pytest.mark.parametrize(("name", "head"), having("Model", "EncoderModel"))
def test_the_same_size_and_new_words(name: str, head: str) -> None:
    model = make(name, head)
    if name == "EncoderDecoder":
        with pytest.raises(ValueError, match="EncoderDecoderModel has several vocabularies: resize model.encoder"):
            model.resize_token_embeddings(70)
        model.decoder.resize_token_embeddings(70)
        return
    table = model.get_input_embeddings()
    assert model.resize_token_embeddings() is model.resize_token_embeddings(VOCAB_SIZE) is table
    model.resize_token_embeddings(VOCAB_SIZE + 5)
    batch = inputs(name, head)
    batch["input_ids"][:, 1] = VOCAB_SIZE + 4
    assert torch.isfinite(first_output(model, batch)).all()
