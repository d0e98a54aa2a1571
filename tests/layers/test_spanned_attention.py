"""Attention by the kernel gives what the steps of attention give in float64, and stays out where it doesn't fit."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from dure.layers import _kernels, attention
from dure.layers.attention import attend
from dure.layers.mask import Mask
from dure.layers.packing import Packing
from dure.layers.spanned_attention import _Attention, _rule, _spelled_out, find_spans

pytestmark = pytest.mark.skipif(_kernels.head_size_unit() == 0, reason="this processor has no variant of the kernel")
TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 2e-2}


class _Recorder(TorchDispatchMode):
    """Sees each operator."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def masked(batch, length, side):
    """A mask of random lengths, one of them whole."""
    lengths = torch.randint(1, length + 1, (batch,))
    lengths[0] = length
    mask = torch.arange(length)[None, :] < lengths[:, None]
    return {"right": mask, "left": mask.flip(1), "none": None}[side]


def spelled_out(query, key, value, visible, scale):
    """In float64, padded ``(batch, num_heads, queries, head_size)`` and ``visible`` ``(batch, 1, queries, keys)``."""
    query, key, value = query.double(), key.double(), value.double()
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = (query @ key.transpose(2, 3)) * (query.shape[3] ** -0.5 if scale is None else scale)
    weights = scores.masked_fill(~visible, float("-inf")).softmax(dim=-1).nan_to_num()
    return (weights @ value).transpose(1, 2)


def is_near(found, expected, dtype):
    error = (found.double() - expected).abs().max().item() if found.numel() else 0.0
    assert error < TOLERANCE[dtype] * max(1.0, expected.abs().max().item()), error


@pytest.fixture
def calls(monkeypatch):
    """How often the kernel ran."""
    seen = []
    kernel = attention.spanned_attention

    def counted(*args, **kwargs):
        seen.append(args)
        return kernel(*args, **kwargs)

    monkeypatch.setattr(attention, "spanned_attention", counted)
    return seen


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("seed", range(12))
def test_texts_end_to_end(dtype, seed, calls):
    torch.manual_seed(seed)
    draw = random.Random(seed)
    batch, length, size = draw.randint(1, 5), draw.choice([1, 2, 15, 16, 17, 40, 131]), draw.choice([16, 32, 64, 80])
    heads, groups = draw.randint(1, 4), draw.choice([1, 2])
    is_causal, side = draw.random() < 0.5, draw.choice(["right", "left", "none"])
    scale = draw.choice([None, 0.3])
    mask = masked(batch, length, side)
    packing = Packing.from_mask(mask, batch, length)
    joint = torch.randn(packing.num_tokens, heads * groups + 2 * heads, size).to(dtype)
    query, key, value = joint.split([heads * groups, heads, heads], dim=1)  # views, rows apart
    with torch.inference_mode():
        found, _ = attend(query, key, value, packing=packing, mask=Mask(is_causal=is_causal), scale=scale)
    assert len(calls) == 1
    real = torch.ones(batch, length, dtype=torch.bool) if mask is None else mask
    visible = real[:, None, None, :] & (torch.ones(length, length).tril().bool() if is_causal else torch.tensor(True))
    padded = [packing.unpack(t).transpose(1, 2) for t in (query, key, value)]
    expected = spelled_out(*padded, visible, scale)
    is_near(packing.unpack(found).view(expected.shape)[real], expected[real], dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("side", ["right", "left", "none"])
def test_first_tokens_and_sources(dtype, side, calls):
    mask, source_mask = masked(4, 9, side), masked(4, 23, side)
    packing, sources = Packing.from_mask(mask, 4, 9), Packing.from_mask(source_mask, 4, 23)
    key, value = (torch.randn(sources.num_tokens, 3, 32).to(dtype) for _ in range(2))
    query, first = (torch.randn(count, 3, 32).to(dtype) for count in (packing.num_tokens, 4))
    real = torch.ones(4, 23, dtype=torch.bool) if source_mask is None else source_mask
    padded = [sources.unpack(t).transpose(1, 2) for t in (key, value)]
    with torch.inference_mode():
        crossed, _ = attend(query, key, value, packing=packing, key_packing=sources)
        one, _ = attend(first, key, value, packing=sources, is_first_only=True)
    assert len(calls) == 2
    asked = packing.unpack(query).transpose(1, 2)
    expected = spelled_out(asked, *padded, real[:, None, None, :], None)
    kept = torch.ones(4, 9, dtype=torch.bool) if mask is None else mask
    is_near(packing.unpack(crossed).view(expected.shape)[kept], expected[kept], dtype)
    expected = spelled_out(first.unsqueeze(2), *padded, real[:, None, None, :], None)
    is_near(one, expected.flatten(1), dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("side", ["right", "left", "none"])
@pytest.mark.parametrize("new", [1, 5])
def test_caches(dtype, side, new, calls):
    """Keys in a cache's memory, which has more room; the mask counts past and new tokens."""
    memory = torch.randn(2, 3, 2, 40, 16).to(dtype)
    key, value = memory[0, :, :, 4:27], memory[1, :, :, 4:27]
    mask = masked(3, 23, side)
    if side == "right" and mask is not None:
        mask = torch.ones_like(mask)
    packing = Packing.from_mask(None if mask is None else mask[:, -new:], 3, new)
    query = torch.randn(packing.num_tokens, 4, 16).to(dtype)
    with torch.inference_mode():
        found, _ = attend(query, key, value, packing=packing, key_mask=mask, mask=Mask(is_causal=True))
    assert len(calls) == 1
    real = torch.ones(3, 23, dtype=torch.bool) if mask is None else mask
    visible = real[:, None, None, :] & torch.ones(new, 23).tril(23 - new).bool()
    asked = packing.unpack(query).transpose(1, 2)
    expected = spelled_out(asked, key, value, visible, None)
    kept = real[:, -new:]
    is_near(packing.unpack(found).view(expected.shape)[kept], expected[kept], dtype)


def test_beams_share_a_source(calls):
    key, value = torch.randn(3, 2, 11, 32), torch.randn(3, 2, 11, 32)
    mask = masked(3, 11, "right")
    sources = Packing.from_mask(mask, 3, 11)
    query = torch.randn(12, 2, 32)
    with torch.inference_mode():
        found, _ = attend(query, key, value, packing=Packing(12, 1), key_packing=sources)
    assert len(calls) == 1
    repeated = [t.repeat_interleave(4, 0) for t in (key, value, mask)]
    expected = spelled_out(query.unsqueeze(2), repeated[0], repeated[1], repeated[2][:, None, None, :], None)
    is_near(found, expected.flatten(1), torch.float32)


def test_holes_and_windows_are_left_to_torch(calls):
    key, value, query = torch.randn(2, 2, 8, 16), torch.randn(2, 2, 8, 16), torch.randn(2, 2, 16)
    mask = torch.tensor([[1, 1, 0, 0, 1, 1, 1, 1], [1] * 8])
    with torch.inference_mode():
        found, _ = attend(query, key, value, packing=Packing(2, 1), key_mask=mask, mask=Mask(is_causal=True))
        expected = spelled_out(query.unsqueeze(2), key, value, mask.bool()[:, None, None, :], None)
        is_near(found, expected.flatten(1), torch.float32)
        packed = [torch.randn(2 * 8, 2, 16) for _ in range(3)]
        attend(*packed, packing=Packing(2, 8), mask=Mask(window=4))
        attend(*packed, packing=Packing(2, 8), mask=Mask(is_causal=True, window=4))
        everything = torch.zeros(2, 8)
        attend(query, key, value, packing=Packing(2, 1), key_mask=everything, mask=Mask(is_causal=True))
    assert not calls


def test_who_looks_on_gets_torchs_way(calls):
    packed = [torch.randn(2 * 8, 2, 16) for _ in range(3)]
    packing = Packing(2, 8)
    with torch.no_grad(), _Recorder() as recorder:
        attend(*packed, packing=packing)
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16):  # which casts
            attend(*packed, packing=packing)
        attend(*(t.double() for t in packed), packing=packing)
        attend(packed[0], packed[1], packed[2].bfloat16().float().expand(16, 2, 16), packing=packing)
        assert len(calls) == 1
        attend(*(torch.randn(16, 2, 24) for _ in range(3)), packing=packing)  # not a multiple of sixteen
        attend(*(t.transpose(1, 2).contiguous().transpose(1, 2) for t in packed), packing=packing)
        attend(packed[0], packed[1], packed[2], packing=packing, needs_weights=True)
    assert any("scaled_dot_product" in name for name in recorder.names)
    assert len(calls) == 1


def test_sizes_that_do_not_fit_never_reach_the_kernel():
    packing = Packing(2, 8)
    given = {"packing": packing, "key_packing": packing, "key_mask": None, "mask": Mask(), "is_first_only": False}
    good = [torch.randn(16, 2, 16) for _ in range(3)]
    with torch.inference_mode():
        assert find_spans(*good, **given) is not None
        assert find_spans(good[0][:15], *good[1:], **given) is None
        assert find_spans(good[0], good[1][:15], good[2][:15], **given) is None
        assert find_spans(good[0], good[1], good[2][:, :1], **given) is None
        assert find_spans(good[0], good[1][:, :, :8], good[2][:, :, :8], **given) is None
        cached = [torch.randn(2, 2, 5, 16) for _ in range(2)]
        mask = torch.ones(2, 4)
        assert find_spans(good[0], *cached, **(given | {"key_mask": mask})) is None
        assert find_spans(good[0], *(t[:1] for t in cached), **given) is None
        assert find_spans(good[0][:0], *(t[:0] for t in good[1:]), **(given | {"packing": Packing(0, 8)})) is None


def test_what_is_no_number_stays_in_its_text():
    packed = [torch.randn(3 * 20, 2, 32) for _ in range(3)]
    packed[1][25] = float("nan")
    packed[2][45, 1, 3] = float("inf")
    with torch.inference_mode():
        found, _ = attend(*packed, packing=Packing(3, 20))
    texts = found.view(3, 20, 2, 32)
    assert texts[0].isfinite().all()
    assert texts[1].isnan().all()
    assert texts[2, :, 1, 3].isinf().all()
    assert texts[2, :, 0].isfinite().all()


def test_scores_far_apart():
    """A weight that float32 can't hold counts as nothing, and nothing overflows."""
    query, key = torch.full((20, 1, 16), 30.0), torch.randn(20, 1, 16) * 30.0
    value = torch.randn(20, 1, 16)
    with torch.inference_mode():
        found, _ = attend(query, key, value, packing=Packing(1, 20))
    padded = [t.view(1, 20, 1, 16).transpose(1, 2) for t in (query, key, value)]
    expected = F.scaled_dot_product_attention(*(t.double() for t in padded)).transpose(1, 2).reshape(20, 16)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


def test_many_threads_share_one_long_text():
    before = torch.get_num_threads()
    packed = [torch.randn(700, 1, 32) for _ in range(3)]
    try:
        torch.set_num_threads(7)
        with torch.inference_mode():
            found, _ = attend(*packed, packing=Packing(1, 700), mask=Mask(is_causal=True))
    finally:
        torch.set_num_threads(before)
    padded = [t.view(1, 700, 1, 32).transpose(1, 2) for t in packed]
    visible = torch.ones(700, 700).tril().bool()[None, None]
    is_near(found, spelled_out(*padded, visible, None).reshape(700, 32), torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_gradients(dtype, probability, seed):
    """Against the steps in float64, with the same weights dropped."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    batch, length, size = draw.randint(1, 4), draw.choice([1, 7, 16, 33, 150]), draw.choice([16, 32, 64])
    heads, is_causal, side = draw.randint(1, 3), draw.random() < 0.5, draw.choice(["right", "left", "none"])
    is_first = draw.random() < 0.3
    packing = Packing.from_mask(masked(batch, length, side), batch, length)
    joint = torch.randn(packing.num_tokens, 2 if is_first else 3, heads, size).to(dtype).requires_grad_()
    first = torch.randn(batch, heads, size).to(dtype).requires_grad_()
    tensors = (first, joint) if is_first else (joint,)
    if not is_first and draw.random() < 0.5:
        tensors = tuple(torch.randn(packing.num_tokens, heads, size).to(dtype).requires_grad_() for _ in range(3))
    parts = tensors if len(tensors) == 3 else (*tensors[:-1], *tensors[-1].unbind(1))
    mask = Mask(is_causal=is_causal and not is_first)
    spans = find_spans(*parts, packing=packing, key_packing=packing, key_mask=None, mask=mask, is_first_only=is_first)
    rule = _rule(spans, draw.choice([None, 0.3]), mask.is_causal, probability)
    exact = [t.detach().double().requires_grad_() for t in tensors]
    found, expected = _Attention.apply(rule, *tensors), _spelled_out(rule, exact)
    is_near(found, expected, dtype)
    gradient = torch.randn_like(found)
    found.backward(gradient)
    expected.backward(gradient.double())
    for ours, theirs in zip(tensors, exact, strict=True):
        is_near(ours.grad, theirs.grad, dtype)


def test_second_gradients_and_dropped_share():
    torch.manual_seed(0)
    query, key, value = (torch.randn(12, 2, 16).requires_grad_() for _ in range(3))
    packing = Packing(2, 6)
    spans = find_spans(
        query, key, value, packing=packing, key_packing=packing, key_mask=None, mask=Mask(), is_first_only=False
    )
    rule = _rule(spans, None, False, 0.4)

    def slopes(compute, tensors):
        found = torch.autograd.grad(compute(tensors).square().sum(), tensors, create_graph=True)
        return torch.autograd.grad(sum(f.square().sum() for f in found), tensors)

    exact = [t.detach().double().requires_grad_() for t in (query, key, value)]
    ours = slopes(lambda tensors: _Attention.apply(rule, *tensors), (query, key, value))
    theirs = slopes(lambda tensors: _spelled_out(rule, tensors), exact)
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)
    # Each value a column of ones where it stands: the context is the dropped weights.
    packing = Packing(1, 64)
    query, key = torch.zeros(64, 8, 64).requires_grad_(), torch.randn(64, 8, 64)
    identity = torch.eye(64).unsqueeze(1).expand(64, 8, 64).contiguous()
    weights, _ = attend(query, key, identity, packing=packing, dropout=0.25)
    share = (weights == 0.0).double().mean().item()
    assert 0.24 < share < 0.26
    torch.testing.assert_close(weights[weights != 0.0], torch.full(((weights != 0.0).sum(),), 1 / 64 / 0.75))
    again, _ = attend(query, key, identity, packing=packing, dropout=0.25)
    assert not torch.equal(weights, again)


def test_a_source_of_another_shape_is_not_taken_for_the_last_one():
    """Spans are remembered by the source's packing, which must not be replaced by one with its id."""
    packing = Packing(3, 4)
    query = torch.randn(12, 2, 16)
    with torch.inference_mode():
        for _ in range(20):
            mask = masked(3, 9, "right")
            sources = Packing.from_mask(mask, 3, 9)
            key, value = (torch.randn(sources.num_tokens, 2, 16) for _ in range(2))
            found, _ = attend(query, key, value, packing=packing, key_packing=sources)
            padded = [sources.unpack(t).transpose(1, 2) for t in (key, value)]
            asked = packing.unpack(query).transpose(1, 2)
            is_near(
                packing.unpack(found).view(3, 4, 2, 16),
                spelled_out(asked, *padded, mask[:, None, None, :], None),
                torch.float32,
            )
            del sources
