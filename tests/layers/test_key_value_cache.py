"""A cache holds what was put in, however it was put in."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from dure.layers.cache import Cache, EncoderDecoderCache


def states(length: int, *, batch: int = 2) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, 3, length, 4), torch.randn(batch, 3, length, 4)


@pytest.mark.parametrize("window", [None, 1, 2, 5])
@pytest.mark.parametrize("needs_grad", [False, True])
def test_steps_give_what_one_concatenation_gives(window: int | None, needs_grad: bool) -> None:
    cache, whole, random_ = Cache(), [], random.Random(3)
    for _ in range(40):
        new = states(random_.choice([1, 1, 1, 4]))
        new = tuple(state.requires_grad_(needs_grad) for state in new)
        found = cache.update(0, *new, window=window)
        past = whole[-1][0].shape[2] if whole else 0
        whole.append(
            tuple(torch.cat((old, state), 2) for old, state in zip(whole[-1], new, strict=True)) if whole else new
        )
        seen = past + new[0].shape[2] if window is None else min(past, window - 1) + new[0].shape[2]
        for part, expected in zip(found, whole[-1], strict=True):
            assert torch.equal(part, expected[:, :, expected.shape[2] - seen :])
    assert cache.get_seq_length() == whole[-1][0].shape[2]
    held = cache[0][0].shape[2]
    assert held == (cache.get_seq_length() if window is None else window - 1)
    if needs_grad:
        cache[0][0].sum().backward()


def test_the_first_tokens_are_not_copied_and_steps_write_into_room() -> None:
    cache = Cache()
    key, value = states(5)
    assert cache.update(0, key, value)[0].data_ptr() == key.data_ptr()
    places = set()
    for _ in range(100):
        cache.update(0, *states(1))
        places.add(cache[0][0].data_ptr())
    assert len(places) <= 6  # doubling: 12, 26, 54, 110, ...
    assert torch.equal(cache[0][0][:, :, :5], key)


def test_a_step_does_not_write_into_the_models_own_states() -> None:
    key, value = states(3)
    cache = Cache.from_legacy_cache([(key, value)])
    copy = key.clone()
    cache.update(0, *states(1))
    assert torch.equal(key, copy)


def test_reads_like_pairs() -> None:
    cache = Cache()
    pairs = [states(2), states(2)]
    for layer, pair in enumerate(pairs):
        cache.update(layer, *pair)
    assert len(cache) == 2
    assert [torch.equal(key, pair[0]) for (key, _), pair in zip(cache, pairs, strict=True)] == [True, True]
    assert torch.equal(cache[-1][1], pairs[1][1])
    assert torch.equal(Cache.from_legacy_cache(cache.to_legacy_cache())[0][0], pairs[0][0])
    with pytest.raises(IndexError, match=r"the cache holds 2 layers; there is no layer 2"):
        cache[2]


def test_rows_are_chosen_repeated_and_cropped() -> None:
    key, value = states(4)
    cache = Cache.from_legacy_cache([(key, value)])
    cache.reorder_cache(torch.tensor([1, 1, 0]))
    assert torch.equal(cache[0][0], key[[1, 1, 0]])
    cache.batch_repeat_interleave(2)
    assert torch.equal(cache[0][1], value[[1, 1, 1, 1, 0, 0]])
    cache.crop(3)
    assert torch.equal(cache[0][0], key[[1, 1, 1, 1, 0, 0], :, :3])
    cache.crop(-1)
    assert cache.get_seq_length() == cache[0][0].shape[2] == 2


def test_a_source_is_held_beside_the_text() -> None:
    own, source = states(2), states(7)
    cache = EncoderDecoderCache()
    cache.self_attention_cache.update(0, *own)
    assert [len(layer) for layer in cache] == [2]
    cache.cross_attention_cache.update(0, *source)
    again = EncoderDecoderCache.from_legacy_cache(cache.to_legacy_cache())
    assert all(torch.equal(a, b) for a, b in zip(again[0], (*own, *source), strict=True))
    again.reorder_cache(torch.tensor([1]))
    again.batch_repeat_interleave(3)
    again.crop(1)
    assert [tuple(part.shape) for part in again[0]] == [(3, 3, 1, 4)] * 2 + [(3, 3, 7, 4)] * 2
    assert again.get_seq_length() == 1
    assert len(again) == 1


def filled(
    rows: int, lengths: list[int], *, window: int | None = None, expected_length: int = 0
) -> tuple[Cache, Tensor]:
    """A cache of two layers that has seen some steps, and what it should hold."""
    cache, steps = Cache(expected_length), [torch.randn(rows, 2, length, 3) for length in lengths]
    for step in steps:
        for layer in range(2):
            cache.update(layer, step * (1 + layer), -step, window=window)
    return cache, torch.cat(steps, 2)


def check(cache: Cache, whole: Tensor) -> None:
    for layer in range(2):
        key, value = cache[layer]
        seen = whole[:, :, whole.shape[2] - key.shape[2] :]
        assert torch.equal(key, seen * (1 + layer))
        assert torch.equal(value, -seen)


def grow(cache: Cache, whole: Tensor, *, window: int | None = None) -> Tensor:
    step = torch.randn(*whole.shape[:2], 1, 3)
    for layer in range(2):
        cache.update(layer, step * (1 + layer), -step, window=window)
    return torch.cat((whole, step), 2)


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("lengths", [[5], [5, 1, 1]])
def test_rows_are_taken_repeated_and_put_beside_others(window: int | None, lengths: list[int]) -> None:
    torch.manual_seed(len(lengths))
    for _ in range(5):
        cache, whole = filled(3, lengths, window=window)
        cache.batch_repeat_interleave(2)
        whole = grow(cache, whole.repeat_interleave(2, 0), window=window)
        check(cache, whole)
        rows = [5, 1, 2, 4]
        cache.keep_rows(rows)
        whole = grow(cache, whole[rows], window=window)
        check(cache, whole)
        order = torch.tensor([1, 1, 3, 0])
        cache.reorder_cache(order)
        whole = grow(cache, whole[order], window=window)
        check(cache, whole)
        for count in (2, 20):  # shorter texts, and longer ones
            other, more = filled(2, [count], window=window)
            cache.put_rows(other, num_rows=5)
            longest = max(whole.shape[2], count)
            whole = torch.cat([torch.nn.functional.pad(t, (0, 0, longest - t.shape[2], 0)) for t in (whole, more)])
            assert cache.get_seq_length() == longest
            check(cache, whole)
            whole = grow(cache, whole, window=window)
            check(cache, whole)
        cache.forget(7)
        whole = whole[:, :, 7:]
        assert cache.get_seq_length() == whole.shape[2]
        check(cache, whole)
        check(cache, grow(cache, whole, window=window))


def test_beams_of_one_prompt_copy_only_what_they_wrote() -> None:
    cache, whole = filled(2, [6])
    cache.batch_repeat_interleave(2)
    whole = grow(cache, grow(cache, whole.repeat_interleave(2, 0)))
    order = torch.tensor([1, 1, 2, 2])
    memory = cache._layers[0].key
    cache.reorder_cache(order, shared_length=6)
    assert cache._layers[0].key is memory, "in place"
    check(cache, whole[order])


def test_memory_is_allocated_once_where_the_length_is_known() -> None:
    cache, whole = filled(2, [4, 1], expected_length=40)
    memory = cache._layers[0].key
    for _ in range(35):
        whole = grow(cache, whole)
    assert cache._layers[0].key is memory
    check(cache, whole)


def test_a_cache_that_keeps_all_goes_back_behind_its_window() -> None:
    cache, steps = Cache(keeps_all=True), torch.randn(1, 1, 9, 2)
    cache.update(0, steps, steps, window=3)
    cache.crop(5)
    assert torch.equal(cache[0][0], steps[:, :, :5])
