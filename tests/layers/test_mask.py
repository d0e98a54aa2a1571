"""Masks say what their sentences say, key by key."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dure.layers.mask import Mask, visible_keys
from dure.layers.packing import Packing


def may_look(mask: Mask, query: int, key: int) -> bool:
    """The rule, for places counted from the first key."""
    if mask.is_causal:
        return key <= query and (mask.window is None or key > query - mask.window)
    return mask.window is None or abs(query - key) <= mask.window // 2


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.none() | st.integers(1, 9), st.integers(1, 6), st.integers(0, 6))
def test_allowed_keys_follow_the_rule(is_causal: bool, window: int | None, new: int, past: int) -> None:
    mask = Mask(is_causal, window)
    expected = [[may_look(mask, past + query, key) for key in range(past + new)] for query in range(new)]
    allowed = mask.allowed(new, past + new, torch.device("cpu"))
    assert (torch.ones(new, past + new).bool() if allowed is None else allowed).tolist() == expected
    if mask.is_triangle(new, past + new):
        assert expected == torch.ones(new, new).tril().bool().tolist()


def test_one_token_that_sees_everything_needs_no_mask() -> None:
    assert Mask(is_causal=True).allowed(1, 9, torch.device("cpu")) is None
    assert Mask(is_causal=True, window=9).allowed(1, 9, torch.device("cpu")) is None
    assert Mask().allowed(3, 9, torch.device("cpu")) is None


def test_the_answer_is_found_once_for_each_mask_of_keys() -> None:
    packing, key = Packing(2, 3), torch.zeros(2, 1, 3, 4)
    first, second = torch.tensor([[1, 1, 0], [1, 1, 1]]), torch.tensor([[0, 1, 1], [1, 1, 1]])
    mask = Mask(is_causal=True)
    assert visible_keys(mask, packing, first, 3, key) is visible_keys(mask, packing, first, 3, key)
    triangle = torch.ones(3, 3).tril().bool()
    for real in (first, second):
        assert torch.equal(visible_keys(mask, packing, real, 3, key), triangle & real[:, None, None, :].bool())


def test_a_cache_that_forgot_the_oldest_keys_reads_the_last_columns() -> None:
    real = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    visible = visible_keys(Mask(is_causal=True, window=3), Packing(2, 1), real, 1, torch.zeros(2, 1, 3, 4))
    assert visible.tolist() == [[[[True, True, True]]], [[[True, True, True]]]]
