"""Every family and head: all forms in which weights circulate, here and there."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import safetensors.torch
import torch
from every_family import (
    LANGUAGE,
    TYPICAL,
    VOCAB_SIZE,
    both,
    equal,
    first_output,
    having,
    inputs,
    make,
    original,
    strictly,
)

import dure
from dure.errors import MissingFileError
from dure.models.pretrained import PreTrainedModel

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


@pytest.mark.parametrize(("name", "head"), having(*TYPICAL))
def test_shards_both_ways(tmp_path: Path, name: str, head: str) -> None:
    theirs = original(name, head)
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="4KB")
    expected = read_index(tmp_path / "theirs", WEIGHTS)
    assert len(set(expected.values())) > 1
    ours = strictly(getattr(dure, name + head), tmp_path / "theirs")
    equal(ours, theirs)
    ours.save_pretrained(tmp_path / "ours", max_shard_size="4KB")
    written = {key for key in read_index(tmp_path / "ours", WEIGHTS) if key in expected or "embed_positions" not in key}
    assert written == set(expected)
    again, told = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(told.values()), told
    equal(again, theirs)
    shard = expected[min(expected)]
    (tmp_path / "theirs" / shard).unlink()
    with pytest.raises(MissingFileError, match=rf"1 of \d+ shards .*: {shard}; fetch"):
        type(ours).from_pretrained(tmp_path / "theirs")


@pytest.mark.parametrize(("name", "head"), having("Model"))
@pytest.mark.parametrize("size", ["5GB", "4KB"])
def test_pickles(tmp_path: Path, name: str, head: str, size: str) -> None:
    theirs = original(name, head)
    theirs.save_pretrained(tmp_path, safe_serialization=False, max_shard_size=size)
    assert (tmp_path / (PICKLE if size == "5GB" else f"{PICKLE}.index.json")).exists()
    equal(strictly(getattr(dure, name + head), tmp_path), theirs)
    if size == "4KB":
        shard = max(read_index(tmp_path, PICKLE).values())
        (tmp_path / shard).unlink()
        with pytest.raises(MissingFileError, match=rf"shards that pytorch_model\.bin\.index\.json names .*: {shard}"):
            getattr(dure, name + head).from_pretrained(tmp_path)


@pytest.mark.parametrize(("name", "head"), having("Model", *LANGUAGE))
def test_old_names(tmp_path: Path, name: str, head: str) -> None:
    ours, _ = both(name, head, tmp_path)
    weights = safetensors.torch.load_file(tmp_path / WEIGHTS)
    safetensors.torch.save_file({to_old(key): tensor for key, tensor in weights.items()}, tmp_path / WEIGHTS)
    equal(strictly(type(ours), tmp_path), ours)
    ours.load_state_dict({to_old(key): tensor for key, tensor in ours.state_dict().items()})


@pytest.mark.parametrize(("name", "head"), having(*TYPICAL, without=("EncoderDecoder",)))
def test_body_with_and_without_prefix(tmp_path: Path, name: str, head: str) -> None:
    """A head's checkpoint gives the body; a body's gives a head whose rest is drawn anew, as in the original."""
    ours, theirs = both(name, head, tmp_path)
    body = ours.base_model
    if body is ours or not isinstance(body, PreTrainedModel) or body.base_model_prefix != ours.base_model_prefix:
        pytest.skip("no body inside, or under another name")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a pooler that the head lacks
        loaded = type(body).from_pretrained(tmp_path).state_dict()
    for key, tensor in body.state_dict().items():
        assert torch.equal(loaded[key], tensor), key
    weights = getattr(theirs, theirs.base_model_prefix).state_dict()
    safetensors.torch.save_file({key: t.contiguous().clone() for key, t in weights.items()}, tmp_path / WEIGHTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the head
        equal(type(ours).from_pretrained(tmp_path).base_model, body)


@pytest.mark.filterwarnings("ignore:Some weights")
@pytest.mark.parametrize("name", ["Llama", "Qwen2", "Qwen3"])
def test_head_that_has_its_body_under_another_name(tmp_path: Path, name: str) -> None:
    ours, _ = both(name, "ForCausalLM", tmp_path)
    loaded = getattr(dure, f"{name}ForQuestionAnswering").from_pretrained(tmp_path)
    equal(loaded.base_model, ours.base_model)


#: What older checkpoints hold beside weights.
BUFFERS = {
    "GPT2": ("transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias"),
    "OpenAIGPT": ("transformer.h.0.attn.bias",),
    **dict.fromkeys(("Albert", "Bert", "Camembert", "Electra", "Longformer", "Roberta", "XLMRoberta"),
                    ("{}.embeddings.position_ids",)),
    **dict.fromkeys(("Gemma", "Llama", "Mistral", "Qwen2", "Qwen3"),
                    ("model.layers.0.self_attn.rotary_emb.inv_freq",)),
    **dict.fromkeys(("T5", "MT5"), ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",)),
    **dict.fromkeys(("Bart", "MBart", "Marian"), ("model.encoder.version", "model.decoder.version")),
}  # fmt: skip


@pytest.mark.parametrize(("name", "head"), having(*LANGUAGE))
@pytest.mark.parametrize("is_tied", [True, False])
def test_tied_and_untied_tables(tmp_path: Path, name: str, head: str, is_tied: bool) -> None:
    ours, theirs = both(name, head, tmp_path, tie_word_embeddings=is_tied)
    batch = inputs(name, head)
    expected = first_output(theirs, batch)
    # As it is saved: tied tables once. Then each under every name that it has, with buffers of older checkpoints.
    for trial in range(2):
        if trial:
            weights = {key: tensor.contiguous().clone() for key, tensor in theirs.state_dict().items()}
            weights |= {key.format(ours.base_model_prefix): torch.zeros(3) for key in BUFFERS.get(name, ())}
            safetensors.torch.save_file(weights, tmp_path / WEIGHTS)
        loaded = strictly(type(ours), tmp_path)
        equal(loaded, theirs)
        assert (loaded.get_output_embeddings().weight is loaded.get_input_embeddings().weight) == is_tied
        torch.testing.assert_close(first_output(loaded, batch), expected, rtol=1e-5, atol=1e-4)
    ours.save_pretrained(tmp_path / "ours")
    again, told = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(told.values()), told
    torch.testing.assert_close(first_output(again, batch), expected, rtol=1e-5, atol=1e-4)


# --- vocabularies of another size ---


@pytest.mark.parametrize(("name", "head"), having("Model", *LANGUAGE, without=("EncoderDecoder",)))
@pytest.mark.parametrize(("is_tied", "size", "multiple"), [(True, 61, 8), (False, 50, None)])
def test_vocabularies_of_another_size(
    tmp_path: Path, name: str, head: str, is_tied: bool, size: int | None, multiple: int | None
) -> None:
    if name == "Marian" and head == "MTModel" and multiple:
        pytest.skip("the original's bias has the number before it is rounded up")
    ours, theirs = both(name, head, tmp_path / "old", tie_word_embeddings=is_tied)
    table = ours.resize_token_embeddings(size, pad_to_multiple_of=multiple)
    expected = theirs.resize_token_embeddings(size, pad_to_multiple_of=multiple)
    assert table is ours.get_input_embeddings()
    assert table.num_embeddings == len(table.weight) == len(expected.weight)
    assert ours.config.vocab_size == theirs.config.vocab_size == len(table.weight)
    assert getattr(ours.config, "decoder_vocab_size", len(table.weight)) == len(table.weight)
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
    batch = {key: ids.clamp(max=49) for key, ids in inputs(name, head).items()}
    torch.testing.assert_close(first_output(ours, batch), first_output(theirs, batch), rtol=1e-4, atol=2e-3)
    ours.save_pretrained(tmp_path / "new")
    equal(strictly(type(ours), tmp_path / "new"), ours)
    again, told = type(theirs).from_pretrained(tmp_path / "new", output_loading_info=True)
    assert not any(told.values()), told
    equal(again, ours)


@pytest.mark.parametrize(("name", "head"), having("Model", "EncoderModel"))
def test_the_same_size_and_new_words(name: str, head: str) -> None:
    model = make(name, head)
    if name == "EncoderDecoder":
        with pytest.raises(ValueError, match=r"EncoderDecoderModel has several vocabularies: resize model\.encoder"):
            model.resize_token_embeddings(70)
        model.decoder.resize_token_embeddings(70)
        return
    table = model.get_input_embeddings()
    assert model.resize_token_embeddings() is model.resize_token_embeddings(VOCAB_SIZE) is table
    model.resize_token_embeddings(VOCAB_SIZE + 5)
    batch = inputs(name, head)
    batch["input_ids"][:, 1] = VOCAB_SIZE + 4
    assert torch.isfinite(first_output(model, batch)).all()
