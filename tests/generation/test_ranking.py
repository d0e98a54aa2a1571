"""The best of many scores are those that sorting finds."""

from __future__ import annotations

import pytest
import torch

from dure.generation.ranking import best_of


@pytest.mark.parametrize("vocab_size", [5, 63, 64, 1000, 4096, 50257])
@pytest.mark.parametrize("count", [1, 5])
def test_the_best_are_what_sorting_finds(vocab_size: int, count: int) -> None:
    torch.manual_seed(vocab_size)
    for scores in (
        torch.randn(7, vocab_size),
        torch.randn(7, vocab_size).index_fill(1, torch.arange(3), -float("inf")),
    ):
        found, places = best_of(scores, count)
        expected = scores.sort(dim=1, descending=True)
        assert torch.equal(found, expected.values[:, :count])
        assert torch.equal(scores.gather(1, places), found)
        finite = found > -float("inf")
        assert torch.equal(places[finite], expected.indices[:, :count][finite])


def test_where_few_have_a_chance_they_come_first() -> None:
    scores = torch.full((2, 2000), -float("inf"))
    scores[:, 1777] = 0.5
    found, places = best_of(scores, 4)
    assert found[:, 0].tolist() == [0.5, 0.5]
    assert places[:, 0].tolist() == [1777, 1777]
    assert all(len(set(row)) == 4 for row in places.tolist())
