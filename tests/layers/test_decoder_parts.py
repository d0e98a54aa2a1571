"""Norms, feed-forward layers, and attention with shared keys, windows, sources and caches follow their formulas."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.attention import Attention, attend
from dure.layers.block import DecoderBlock, walk
from dure.layers.cache import Cache, EncoderDecoderCache
from dure.layers.feedforward import FeedForward, GatedFeedForward
from dure.layers.mask import Mask
from dure.layers.norm import RMSNorm
from dure.layers.packing import Packing


def with_random_weights(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0.0, 0.3)
    return module.eval()


@pytest.mark.parametrize("is_centred", [False, True])
def test_root_mean_square_norm(is_centred: bool) -> None:
    norm = with_random_weights(RMSNorm(6, 1e-3, is_centred=is_centred))
    hidden = torch.randn(4, 6)
    expected = hidden / (hidden.square().mean(-1, keepdim=True) + 1e-3).sqrt() * (norm.weight + float(is_centred))
    torch.testing.assert_close(norm(hidden), expected)
    assert norm.to(torch.bfloat16)(hidden.bfloat16()).dtype == torch.bfloat16
    assert norm.initial == 1.0 - is_centred


@pytest.mark.parametrize("is_joint", [False, True])
def test_gated_layer(is_joint: bool) -> None:
    layer = with_random_weights(GatedFeedForward(4, 6, activation_name="silu", has_bias=True, is_joint=is_joint))
    hidden, residual = torch.randn(3, 4), torch.randn(3, 4)
    gate, up = layer.joint(hidden).chunk(2, -1) if is_joint else (layer.gate(hidden), layer.up(hidden))
    expected = layer.down(F.silu(gate) * up) + residual
    torch.testing.assert_close(layer(hidden, residual=residual), expected)


def test_plain_layer_drops_in_between_in_training_alone() -> None:
    layer = with_random_weights(FeedForward(4, 64, activation_name="relu", inner_dropout=0.5))
    hidden = torch.randn(3, 4)
    torch.testing.assert_close(layer(hidden), layer.down(F.relu(layer.up(hidden))))
    assert not torch.equal(layer.train()(hidden), layer.eval()(hidden))


def slowly(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """``(length, num_heads, head_size)`` of one row, by the formula, a head and a query at a time."""
    groups = query.shape[1] // key.shape[1]
    context = torch.zeros_like(query)
    for head in range(query.shape[1]):
        for place in range(len(query)):
            scores = key[:, head // groups] @ query[place, head] * scale
            scores = scores if bias is None else scores + bias[head, place]
            weights = scores.masked_fill(~allowed[place], -torch.inf).softmax(0)
            context[place, head] = weights @ value[:, head // groups]
    return context


@pytest.mark.parametrize("needs_weights", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("side", ["none", "left", "right"])
@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (4, 1)])
def test_attention_equals_the_formula(
    heads: tuple[int, int], window: int | None, side: str, has_bias: bool, needs_weights: bool
) -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 5, heads[0], 6), torch.randn(2, 5, heads[1], 6), torch.randn(2, 5, heads[1], 6)
    bias = torch.randn(1, heads[0], 5, 5) if has_bias else None
    mask = torch.ones(2, 5)
    if side != "none":
        mask[1, slice(0, 3) if side == "left" else slice(2, 5)] = 0
    packing = Packing.from_mask(mask, 2, 5)
    context, weights = attend(
        packing.pack(query), packing.pack(key), packing.pack(value), packing=packing, bias=bias, scale=0.3,
        mask=Mask(is_causal=True, window=window), needs_weights=needs_weights,
    )  # fmt: skip
    assert (weights is not None) == needs_weights
    distances = torch.arange(5).unsqueeze(1) - torch.arange(5)
    allowed = (distances >= 0) & (distances < (window or 5))
    for row in range(2):
        real = mask[row] > 0
        expected = slowly(
            query[row][real], key[row][real], value[row][real], allowed[real][:, real],
            None if bias is None else bias[0][:, real][:, :, real], 0.3,
        )  # fmt: skip
        found = packing.unpack(context)[row][real]
        torch.testing.assert_close(found, expected.flatten(1), rtol=1e-5, atol=1e-5)


def test_one_query_of_heads_that_share_keys() -> None:
    torch.manual_seed(1)
    query, key, value = torch.randn(2, 4, 6), torch.randn(2, 2, 7, 6), torch.randn(2, 2, 7, 6)
    real = torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1]])
    context, _ = attend(query, key, value, packing=Packing(2, 1), key_mask=real, mask=Mask(is_causal=True))
    for row in range(2):
        keys, values = key[row].transpose(0, 1), value[row].transpose(0, 1)
        expected = slowly(query[row : row + 1], keys, values, real[row : row + 1] > 0, None, 6**-0.5)
        torch.testing.assert_close(context[row], expected.flatten(), rtol=1e-5, atol=1e-5)


def test_rows_that_see_nothing_give_finite_numbers_and_gradients() -> None:
    layer = with_random_weights(Attention(8, 2, mask=Mask(is_causal=True)))
    hidden = torch.randn(2, 3, 8, requires_grad=True)
    packing = Packing.from_mask(torch.tensor([[0, 0, 1], [1, 1, 1]]), 2, 3, keeps_padding=True)
    result, _ = layer(packing.pack(hidden), packing)
    result.sum().backward()
    assert torch.isfinite(result).all()
    assert torch.isfinite(hidden.grad).all()


@pytest.mark.parametrize("is_pre_norm", [False, True])
def test_a_source_is_projected_once_and_padding_in_it_is_not_seen(is_pre_norm: bool) -> None:
    torch.manual_seed(2)
    block = with_random_weights(DecoderBlock(
        Attention(8, 2, mask=Mask(is_causal=True)), nn.LayerNorm(8), FeedForward(8, 12, activation_name="gelu"),
        nn.LayerNorm(8), is_pre_norm=is_pre_norm, cross_attention=Attention(8, 2, source_size=6),
        cross_norm=nn.LayerNorm(8),
    ))  # fmt: skip
    source, mask = torch.randn(2, 4, 6), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    source_packing, packing = Packing.from_mask(mask, 2, 4), Packing(2, 3)
    hidden = torch.randn(2, 3, 8)
    seen = {"source": source_packing.pack(source), "source_packing": source_packing}
    with torch.no_grad():
        whole = walk([block], packing.pack(hidden), packing, wants_weights=True, **seen)
        alone = walk([block], hidden[1], Packing(1, 3), source=source[1, :2], source_packing=Packing(1, 2)).last
        torch.testing.assert_close(whole.last[1:], alone, rtol=1e-5, atol=1e-5)
        assert whole.cross_weights[0].shape == (2, 2, 3, 4)
        assert not whole.cross_weights[0][1, :, :, 2:].any()
        cache, steps = EncoderDecoderCache(), []
        calls: list[int] = []
        block.cross_attention.key.register_forward_hook(lambda *_: calls.append(1))
        for place in range(3):
            one = Packing(2, 1)
            steps.append(walk([block], one.pack(hidden[:, place : place + 1]), one, cache=cache, **seen).last)
        torch.testing.assert_close(torch.cat(steps, 1), whole.last, rtol=1e-5, atol=1e-5)
        assert len(calls) == 1


@pytest.mark.parametrize("is_joint", [False, True])
def test_first_tokens_alone_read_what_they_read_among_others(is_joint: bool) -> None:
    torch.manual_seed(3)
    layer = with_random_weights(Attention(8, 4, num_key_value_heads=2, is_joint=is_joint, key_norm=RMSNorm(2, 1e-6)))
    packing = Packing.from_mask(torch.tensor([[1, 1, 1], [1, 1, 0]]), 2, 3)
    hidden = packing.pack(torch.randn(2, 3, 8))
    angles = torch.randn(len(hidden), 1, 1).cos(), torch.randn(len(hidden), 1, 1).sin()
    first = packing.first_tokens(hidden.device)
    everything, _ = layer(hidden, packing, angles=angles)
    alone, _ = layer(hidden, packing, asking=hidden[first], angles=angles)
    torch.testing.assert_close(alone, everything[first], rtol=1e-5, atol=1e-5)


def test_a_past_is_the_text_so_far() -> None:
    torch.manual_seed(4)
    layer = with_random_weights(Attention(8, 2, mask=Mask(is_causal=True)))
    hidden, cache = torch.randn(2, 5, 8), Cache()
    whole, _ = layer(hidden.flatten(0, 1), Packing(2, 5))
    for part in (slice(0, 2), slice(2, 4), slice(4, 5)):
        piece = hidden[:, part]
        packing = Packing(2, piece.shape[1])
        result, _ = layer(piece.flatten(0, 1), packing, cache=cache)
        torch.testing.assert_close(packing.unpack(result), whole.view(2, 5, 8)[:, part], rtol=1e-5, atol=1e-5)


def test_shared_keys_must_divide_the_heads() -> None:
    with pytest.raises(ConfigError, match=r"number of heads, 4, must be a multiple of num_key_value_heads, 3"):
        Attention(8, 4, num_key_value_heads=3)
