"""Vocabularies of another size are those of the original's: rows, biases, configuration, outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import dure
from dure.errors import InputError

HEADS = [
    ("Bert", "ForMaskedLM", {}),
    ("Bert", "ForMaskedLM", {"tie_word_embeddings": False}),
    ("Bert", "ForSequenceClassification", {}),
    ("DistilBert", "ForMaskedLM", {}),
    ("GPT2", "LMHeadModel", {}),
    ("Llama", "ForCausalLM", {"tie_word_embeddings": False}),
    ("Llama", "ForCausalLM", {"tie_word_embeddings": True}),
    ("Bart", "ForConditionalGeneration", {}),
]
SIZES = {
    "Bert": {"vocab_size": 60, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2,
             "intermediate_size": 24, "max_position_embeddings": 12},
    "DistilBert": {"vocab_size": 60, "dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 24,
                   "max_position_embeddings": 12},
    "GPT2": {"vocab_size": 60, "n_embd": 16, "n_head": 2, "n_layer": 2, "n_positions": 12, "bos_token_id": 1,
             "eos_token_id": 2},
    "Llama": {"vocab_size": 60, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2,
              "intermediate_size": 24},
    "Bart": {"vocab_size": 60, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
             "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
             "max_position_embeddings": 12},
}  # fmt: skip


def both(family: str, head: str, fields: dict[str, Any], folder: Path) -> tuple[Any, Any]:
    """The same random model twice, ours and the original's, with biases that aren't zero."""
    transformers = pytest.importorskip("transformers")
    config = getattr(transformers, f"{family}Config")(**SIZES[family] | fields)
    theirs = getattr(transformers, family + head)(config).eval()
    with torch.no_grad():
        for tensor in [*theirs.parameters(), *(b for n, b in theirs.named_buffers() if n == "final_logits_bias")]:
            tensor.add_(torch.randn_like(tensor), alpha=0.2)
    theirs.save_pretrained(folder)
    return getattr(dure, family + head).from_pretrained(folder), theirs


def logits(model: Any) -> torch.Tensor:
    """For a few ids that every size has."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([[5, 7, 9, 11, 2]]))[0]


@pytest.mark.parametrize(("family", "head", "fields"), HEADS)
@pytest.mark.parametrize(("size", "multiple"), [(64, None), (50, None), (61, 8), (None, 8)])
def test_size_is_the_originals(
    tmp_path: Path, family: str, head: str, fields: dict[str, Any], size: int | None, multiple: int | None
) -> None:
    ours, theirs = both(family, head, fields, tmp_path)
    table = ours.resize_token_embeddings(size, pad_to_multiple_of=multiple)
    expected = theirs.resize_token_embeddings(size, pad_to_multiple_of=multiple)
    assert table is ours.get_input_embeddings()
    assert table.num_embeddings == len(table.weight) == len(expected.weight) == ours.config.vocab_size
    assert ours.config.vocab_size == theirs.config.vocab_size
    found, wanted = ours.state_dict(), theirs.state_dict()
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        # New rows lie around the mean of the old ones: 3e-5 of their deviation.
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-4, msg=name)
    torch.testing.assert_close(logits(ours), logits(theirs), rtol=1e-4, atol=1e-3)
    if ours.active_ties:
        head_layer = ours.get_output_embeddings()
        assert head_layer is None or head_layer.weight is table.weight
    folder = tmp_path / "resized"
    ours.save_pretrained(folder)
    again = type(theirs).from_pretrained(folder)
    torch.testing.assert_close(logits(again), logits(ours), rtol=1e-4, atol=1e-5)
    assert torch.equal(logits(type(ours).from_pretrained(folder)), logits(ours))


@pytest.mark.parametrize("family", ["Bert", "GPT2"])
def test_new_rows_by_the_familys_scheme(tmp_path: Path, family: str) -> None:
    ours, _ = both(family, "Model", {"initializer_range": 0.5}, tmp_path)
    old = ours.get_input_embeddings().weight.clone()
    weight = ours.resize_token_embeddings(1060, mean_resizing=False).weight
    assert torch.equal(weight[:60], old)
    assert weight[60:].std().item() == pytest.approx(0.5, rel=0.05)
    assert weight[60:].mean().item() == pytest.approx(0.0, abs=0.05)


def test_new_rows_have_the_mean_and_a_little_of_the_covariance(tmp_path: Path) -> None:
    ours, _ = both("Bert", "Model", {}, tmp_path)
    rows = ours.get_input_embeddings().weight.detach().clone()
    new = ours.resize_token_embeddings(4060).weight.detach()[60:]
    torch.testing.assert_close(new.mean(dim=0), rows.mean(dim=0), rtol=0, atol=1e-5)
    expected = torch.cov(rows.T, correction=0) * 1e-9
    found = torch.cov((new - rows.mean(dim=0)).T.double()).float()
    assert (found - expected).abs().max() < 0.15 * expected.abs().max()


def test_gradients_reach_new_rows_and_frozen_tables_stay_frozen(tmp_path: Path) -> None:
    ours, _ = both("Bert", "ForMaskedLM", {}, tmp_path)
    ours.resize_token_embeddings(70)
    ids = torch.tensor([[65, 5, 69]])
    ours(input_ids=ids, labels=ids).loss.backward()
    assert ours.get_input_embeddings().weight.grad[65].any()
    ours.get_input_embeddings().weight.requires_grad_(False)
    assert not ours.resize_token_embeddings(71).weight.requires_grad


def test_precision_is_kept(tmp_path: Path) -> None:
    ours, _ = both("Bert", "ForMaskedLM", {}, tmp_path)
    assert ours.to(torch.bfloat16).resize_token_embeddings(70).weight.dtype == torch.bfloat16
    assert ours.get_output_embeddings().bias.dtype == torch.bfloat16


def test_other_tables_and_layers(tmp_path: Path) -> None:
    ours, _ = both("Bert", "ForMaskedLM", {}, tmp_path)
    table = torch.nn.Embedding(60, 16)
    ours.set_input_embeddings(table)
    assert ours.get_input_embeddings() is ours.bert.embeddings.word_embeddings is table
    assert ours.get_output_embeddings().weight is table.weight
    layer = torch.nn.Linear(16, 60)
    ours.set_output_embeddings(layer)
    assert ours.get_output_embeddings() is layer
    body, _ = both("Bert", "Model", {}, tmp_path / "body")
    assert body.get_output_embeddings() is None
    with pytest.raises(InputError, match="BertModel has no layer that gives logits over the vocabulary"):
        body.set_output_embeddings(layer)


def test_shared_table_is_exchanged_everywhere(tmp_path: Path) -> None:
    ours, _ = both("Bart", "ForConditionalGeneration", {}, tmp_path)
    table = copy.deepcopy(ours.get_input_embeddings())
    ours.set_input_embeddings(table)
    assert ours.model.shared.weight is ours.model.encoder.embed_tokens.weight is table.weight
    assert ours.model.decoder.embed_tokens.weight is table.weight is ours.lm_head.weight


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"new_num_tokens": 0}, "new_num_tokens is 0; expected a positive integer"),
        ({"new_num_tokens": 60.5}, r"new_num_tokens is 60\.5"),
        ({"pad_to_multiple_of": -8}, "pad_to_multiple_of is -8"),
        ({"new_num_tokens": 3}, "padding's id 4 would be outside a vocabulary of 3"),
    ],
)
def test_wrong_sizes(small_config: Callable, arguments: dict[str, Any], message: str) -> None:
    model = dure.BertModel(small_config(pad_token_id=4))
    with pytest.raises(InputError, match=message):
        model.resize_token_embeddings(**arguments)


def test_the_same_size_changes_nothing(small_config: Callable) -> None:
    model = dure.BertModel(small_config())
    table = model.get_input_embeddings()
    assert model.resize_token_embeddings() is model.resize_token_embeddings(60) is table
