"""What is packed comes back to its place, and padding costs nothing."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dure.layers.packing import Packing


@st.composite
def masks(draw: st.DrawFn) -> torch.Tensor:
    batch, length = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    bits = draw(st.lists(st.integers(0, 1), min_size=batch * length, max_size=batch * length))
    return torch.tensor(bits).view(batch, length)


@settings(max_examples=150, deadline=None)
@given(masks())
def test_round_trip_keeps_real_tokens_and_zeroes_padding(mask: torch.Tensor) -> None:
    packing = Packing.from_mask(mask, *mask.shape)
    padded = torch.randn(*mask.shape, 3)
    packed = packing.pack(padded)
    back = packing.unpack(packed)
    # Rows without a real token, and first columns, are kept as they are.
    kept = mask.bool() | ~mask.bool().any(dim=1, keepdim=True)
    kept[:, 0] = True
    assert len(packed) == int(kept.sum())
    assert torch.equal(back[kept], padded[kept])
    assert not back[~kept].any()
    assert torch.equal(packing.pack(back), packed)


@settings(max_examples=100, deadline=None)
@given(masks())
def test_positions_are_columns_and_first_tokens_are_found(mask: torch.Tensor) -> None:
    packing = Packing.from_mask(mask, *mask.shape)
    columns = torch.arange(mask.shape[1]).expand(mask.shape)
    assert torch.equal(packing.position_ids(mask.device), packing.pack(columns))
    rows = packing.pack(torch.arange(mask.shape[0]).unsqueeze(1).expand(mask.shape))
    first = packing.first_tokens(mask.device)
    assert torch.equal(rows[first], torch.arange(mask.shape[0]))
    assert not packing.position_ids(mask.device)[first].any()


def test_without_padding_nothing_is_moved() -> None:
    padded = torch.randn(2, 3, 4)
    for mask in (None, torch.ones(2, 3, dtype=torch.long)):
        packing = Packing.from_mask(mask, 2, 3)
        assert packing.key_mask() is None
        assert packing.pack(padded).data_ptr() == padded.data_ptr()
        assert torch.equal(packing.unpack(packing.pack(padded)), padded)
        assert packing.first_tokens(padded.device).tolist() == [0, 3]


def test_padding_is_computed_where_a_loss_reads_it() -> None:
    mask = torch.tensor([[1, 1, 0], [0, 1, 1]])
    packing = Packing.from_mask(mask, 2, 3, keeps_padding=True)
    assert len(packing.pack(torch.randn(2, 3, 4))) == 6
    assert packing.key_mask().tolist() == mask.bool()[:, None, None, :].tolist()


def test_gradients_reach_the_tokens_that_count() -> None:
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    padded = torch.randn(2, 3, 2, requires_grad=True)
    packing = Packing.from_mask(mask, 2, 3)
    packing.unpack(packing.pack(padded)).sum().backward()
    assert torch.equal(padded.grad, mask.unsqueeze(-1).expand(2, 3, 2).float())


@settings(max_examples=100, deadline=None)
@given(masks(), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_heads_go_and_come_back(mask: torch.Tensor, parts: int, num_heads: int, keeps_padding: bool) -> None:
    packing = Packing.from_mask(mask, *mask.shape, keeps_padding=keeps_padding)
    packed = torch.randn(len(packing.pack(mask.unsqueeze(-1))), parts, num_heads, 5)
    heads = packing.to_heads(packed)
    assert heads.is_contiguous()
    assert torch.equal(packing.from_heads(heads, num_heads), packed)
    expected = packing.unpack(packed).permute(2, 0, 3, 1, 4).flatten(1, 2)
    for part, expected_part in zip(heads, expected, strict=True):
        assert torch.equal(packing.clear_padding(part), expected_part)


def test_bias_hides_the_keys_that_the_mask_hides() -> None:
    packing = Packing.from_mask(torch.tensor([[1, 1, 0], [1, 0, 0]]), 2, 3)
    assert (packing.key_bias(torch.float32) == 0).tolist() == packing.key_mask().tolist()
    assert packing.key_bias(torch.float32) is packing.key_bias(torch.float32)
    assert Packing.from_mask(None, 2, 3).key_bias(torch.float32) is None
