"""Dropout drops as often as asked, keeps the mean, and gives gradients to what was kept."""

from __future__ import annotations

import pytest
import torch

from dure.layers.dropout import dropout


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9, 1e-6, 1.0])
@pytest.mark.parametrize("shape", [(200_001,), (100, 7, 300)])
def test_statistics(probability: float, shape: tuple[int, ...]) -> None:
    torch.manual_seed(3)
    values = torch.ones(shape)
    result = dropout(values, probability, True)
    count = values.numel()
    dropped = int((result == 0).sum())
    # Five standard errors of a binomial count; the probability itself is rounded to 2^-16.
    allowed = 5 * (count * probability * (1 - probability)) ** 0.5 + count * 2**-16
    assert abs(dropped - count * probability) <= allowed
    if probability < 1:
        kept = result[result != 0]
        assert kept.unique().numel() == 1
        assert kept[0].item() == pytest.approx(1 / (1 - probability), rel=1e-3)


def test_neighbours_are_independent() -> None:
    torch.manual_seed(4)
    kept = (dropout(torch.ones(1 << 18), 0.3, True) != 0).double() - 0.7
    for lag in (1, 2, 3, 4, 8):  # four draws come from one number
        correlation = (kept[lag:] * kept[:-lag]).mean() / 0.21
        assert abs(correlation.item()) < 5 / (1 << 9)


def test_gradient_is_the_mask() -> None:
    values = torch.randn(50, 11, requires_grad=True)
    result = dropout(values, 0.25, True)
    result.sum().backward()
    kept = result != 0
    torch.testing.assert_close(values.grad, kept / 0.75, rtol=1e-4, atol=0)


def test_seed_repeats_and_evaluation_changes_nothing() -> None:
    values = torch.randn(1000)
    torch.manual_seed(7)
    first = dropout(values, 0.1, True)
    torch.manual_seed(7)
    assert torch.equal(dropout(values, 0.1, True), first)
    assert dropout(values, 0.1, False) is values
    assert dropout(values, 0.0, True) is values
    assert dropout(values.bfloat16(), 0.1, True).dtype == torch.bfloat16
    assert dropout(torch.ones(0, 3), 0.1, True).shape == (0, 3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_mean_stays_in_low_precisions(dtype):
    """What is kept is scaled in float32: 1 / 0.9 rounded to bfloat16 is 0.16 % too small."""
    torch.manual_seed(0)
    probability, ones = 0.1, torch.ones(4_000_000, dtype=dtype)
    kept = dropout(ones * 0.9, probability, True)  # scaled to about 1, where rounding is fine on both sides
    exact = 0.9 * 65536 / (65536 - round(probability * 65536))
    assert abs(kept[kept != 0].double().mean().item() / exact - 1) < 2e-3
    with_residual = dropout(ones, probability, True, residual=torch.zeros_like(ones))
    assert torch.equal(with_residual.unique(), dropout(ones, probability, True).unique())
    assert abs(dropout(ones.float(), probability, True).double().mean().item() - 1.0) < 1e-3
