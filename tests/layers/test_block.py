"""Blocks, stacks, heads and activations against plain torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dure.errors import ConfigError
from dure.layers.activation import ACTIVATIONS, activation
from dure.layers.block import EncoderBlock, EncoderStack
from dure.layers.packing import Packing
from dure.layers.prediction import VocabularyHead

OPTIONS = {"activation_name": "relu", "dropout": 0.0, "attention_dropout": 0.0, "epsilon": 1e-5}


def test_block_equals_torch() -> None:
    ours = EncoderBlock(8, 2, 16, **OPTIONS)
    theirs = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    attention = ours.attention
    parts = (attention.query, attention.key, attention.value)
    state = {
        "self_attn.in_proj_weight": torch.cat([part.weight for part in parts]),
        "self_attn.in_proj_bias": torch.cat([part.bias for part in parts]),
    }
    names = {"self_attn.out_proj": attention.output, "linear1": ours.up, "linear2": ours.down,
             "norm1": ours.attention_norm, "norm2": ours.output_norm}  # fmt: skip
    for name, part in names.items():
        state |= {f"{name}.weight": part.weight, f"{name}.bias": part.bias}
    theirs.load_state_dict(state)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    hidden = torch.randn(2, 4, 8)
    packing = Packing.from_mask(mask, 2, 4)
    result, _ = ours(packing.pack(hidden), packing)
    expected = theirs(hidden, src_key_padding_mask=mask == 0)
    real = mask.bool()
    torch.testing.assert_close(packing.unpack(result)[real], expected[real], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mask", [None, torch.tensor([[1, 1, 0], [0, 1, 1]])])
def test_first_tokens_alone_are_the_same(mask: torch.Tensor | None) -> None:
    stack = EncoderStack(3, 8, 2, 16, **OPTIONS)
    packing = Packing.from_mask(mask, 2, 3)
    hidden = packing.pack(torch.randn(2, 3, 8))
    wants = {"wants_states": False, "wants_weights": False}
    every, states, weights = stack(hidden, packing, is_first_only=False, **wants)
    first, _, _ = stack(hidden, packing, is_first_only=True, **wants)
    assert states is weights is None
    torch.testing.assert_close(first, every[:, :1], rtol=1e-5, atol=1e-5)


def test_who_wants_states_gets_all() -> None:
    stack = EncoderStack(3, 8, 2, 16, **OPTIONS)
    packing = Packing.from_mask(torch.tensor([[1, 1, 0], [1, 1, 1]]), 2, 3)
    hidden = packing.pack(torch.randn(2, 3, 8))
    last, states, weights = stack(hidden, packing, is_first_only=True, wants_states=True, wants_weights=True)
    assert len(states) == 4
    assert [tuple(seen.shape) for seen in weights] == [(2, 2, 3, 3)] * 3
    assert torch.equal(states[-1], last)
    assert last.shape == (2, 3, 8)


def test_vocabulary_head_is_a_layer_a_norm_and_a_table() -> None:
    head = VocabularyHead(8, 11, activation_name="gelu", epsilon=1e-12)
    hidden = torch.randn(2, 3, 8)
    middle = F.layer_norm(F.gelu(hidden @ head.dense.weight.T + head.dense.bias), (8,), eps=1e-12)
    torch.testing.assert_close(head(hidden), middle @ head.decoder.weight.T + head.decoder.bias, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_equal_the_originals(name: str) -> None:
    original = pytest.importorskip("transformers").activations.ACT2FN[name]
    values = torch.linspace(-6, 6, 400)
    torch.testing.assert_close(activation(name)(values), original(values), rtol=1e-6, atol=1e-6)


def test_unknown_activation_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r"unknown activation 'gulu'; known: gelu, gelu_new"):
        activation("gulu")
