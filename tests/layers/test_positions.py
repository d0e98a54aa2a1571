"""Rotations keep what they promise, sines and buckets follow their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from dure.errors import ConfigError
from dure.layers.positions import Rotary, distance_buckets, rotate, sines


def test_scores_depend_on_distances_alone() -> None:
    torch.manual_seed(0)
    rotary = Rotary(8, theta=100.0, max_positions=64)
    query, key = torch.randn(1, 2, 8), torch.randn(1, 2, 8)

    def score(place: int, other: int) -> torch.Tensor:
        turned = (rotate(s, rotary(torch.tensor([p]), s.dtype)) for s, p in ((query, place), (key, other)))
        return torch.linalg.vecdot(*turned)

    torch.testing.assert_close(score(5, 2), score(43, 40), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(score(5, 2), score(5, 3))


def test_dimensions_behind_those_that_turn_stay() -> None:
    states = torch.randn(3, 2, 10)
    turned = rotate(states, Rotary(4, theta=100.0, max_positions=8)(torch.arange(3), states.dtype))
    assert torch.equal(turned[..., 4:], states[..., 4:])
    assert torch.equal(turned[0], states[0])
    torch.testing.assert_close(turned.norm(dim=-1), states.norm(dim=-1))


def test_the_same_text_gives_the_same_numbers_whatever_came_before() -> None:
    rotary = Rotary(8, theta=100.0, scaling={"rope_type": "dynamic", "factor": 2.0}, max_positions=4)
    short = rotary(torch.arange(4), torch.float32)[0]
    longer = rotary(torch.arange(9), torch.float32)[0]
    assert torch.equal(rotary(torch.arange(4), torch.float32)[0], short)
    assert not torch.equal(longer[:4], short)


def test_longrope_takes_the_factors_of_the_length() -> None:
    scaling = {"rope_type": "longrope", "long_factor": [2.0, 4.0], "short_factor": [1.0, 1.0]}
    rotary = Rotary(4, theta=100.0, scaling=scaling, max_positions=32, original_positions=8)
    device = torch.device("cpu")
    short, factor = rotary.speeds(8, device)
    assert factor == pytest.approx(math.sqrt(1 + math.log(4) / math.log(8)))
    torch.testing.assert_close(rotary.speeds(9, device)[0] * torch.tensor([2.0, 4.0]), short)


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ({"rope_type": "other"}, r"rope_type 'other' is not known; known: default, linear, dynamic"),
        ({"rope_type": "linear"}, r"rope_scaling of type 'linear' lacks factor"),
        ({"rope_type": "llama3", "factor": 2.0}, r"'llama3' lacks low_freq_factor, high_freq_factor"),
    ],
)
def test_wrong_scalings_say_what_is_missing(scaling: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Rotary(8, theta=100.0, scaling=scaling, max_positions=4)


def test_longrope_needs_a_factor_for_each_pair() -> None:
    scaling = {"rope_type": "longrope", "long_factor": [1.0], "short_factor": [1.0], "factor": 2.0}
    with pytest.raises(ConfigError, match=r"longrope needs 4 factors, not 1"):
        Rotary(8, theta=100.0, scaling=scaling, max_positions=4)(torch.arange(2), torch.float32)


def test_an_odd_number_of_dimensions_cannot_turn() -> None:
    with pytest.raises(ConfigError, match=r"a head has 7 to turn"):
        Rotary(7, theta=100.0, max_positions=4)


def test_sines_follow_the_formula() -> None:
    table = sines(5, 6)
    for place in range(5):
        for pair in range(3):
            angle = place / 10000 ** (2 * pair / 6)
            assert table[place, pair].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[place, 3 + pair].item() == pytest.approx(math.cos(angle), abs=1e-6)


@pytest.mark.parametrize("is_causal", [False, True])
def test_buckets_are_exact_near_and_logarithmic_far(is_causal: bool) -> None:
    options = {"num_buckets": 8, "max_distance": 16, "is_causal": is_causal, "device": torch.device("cpu")}
    buckets = distance_buckets(30, 30, **options)
    behind = buckets[-1].flip(0).tolist()
    assert behind[:3] == [0, 1, 2] if is_causal else [0, 1, 2]
    assert behind == sorted(behind)
    assert behind[-1] == (7 if is_causal else 3)
    ahead = buckets[0].tolist()
    assert set(ahead) == {0} if is_causal else max(ahead) == 7 and min(ahead[1:]) == 5
    assert torch.equal(distance_buckets(2, 30, **options), buckets[-2:])
