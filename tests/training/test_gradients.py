"""Clipping gives what torch's gives, whoever wrote the gradients; clearing leaves nothing behind."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from dure.layers.embedding import Embedding, keep_gradients
from dure.training.gradients import clear_gradients, clip_gradients


class Model(nn.Module):
    """Two tables and a layer, which may share the first table's weights."""

    def __init__(self, is_tied: bool) -> None:
        super().__init__()
        self.words, self.places = Embedding(30, 6, padding_idx=0), Embedding(9, 6)
        self.out = nn.Linear(6, 30)
        if is_tied:
            self.out.weight = self.words.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        places = torch.arange(ids.shape[1]).expand(ids.shape)
        return self.out(self.words(ids) + self.places(places)).logsumexp(-1).sum()


@pytest.mark.parametrize("is_tied", [False, True])
@pytest.mark.parametrize("max_norm", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_steps_equal_torch(is_tied: bool, max_norm: float, penalty: float) -> None:
    ours = Model(is_tied)
    theirs = copy.deepcopy(ours)
    keep_gradients(ours)
    optimizers = [torch.optim.AdamW(model.parameters(), lr=0.01) for model in (ours, theirs)]
    for _ in range(4):
        for _ in range(2):  # gradients of two batches are added
            ids = torch.randint(0, 30, (3, 7))
            for model in (ours, theirs):
                (model(ids) + penalty * model.words.weight.pow(2).sum()).backward()
        norm = clip_gradients(ours, max_norm)
        expected = nn.utils.clip_grad_norm_(theirs.parameters(), max_norm)
        assert norm == pytest.approx(expected.item(), rel=1e-5)
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-7)
        for optimizer in optimizers:
            optimizer.step()
        clear_gradients(ours)
        optimizers[1].zero_grad()
        assert not any(p.grad is not None and p.grad.any() for p in ours.parameters())
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_noise_of_a_callback_is_cleared_too() -> None:
    model = Model(False)
    keep_gradients(model)
    model(torch.tensor([[1, 2]])).backward()
    for parameter in model.parameters():
        parameter.grad.add_(torch.randn_like(parameter))
    assert clip_gradients(model, 1.0) > 1.0
    clear_gradients(model)
    assert not model.words.weight.grad.any()


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_norm_that_is_no_number_is_returned(value: float) -> None:
    model = Model(False)
    keep_gradients(model)
    (model(torch.tensor([[1, 2]])) * value).backward()
    assert not torch.isfinite(torch.tensor(clip_gradients(model, 1.0)))


def test_without_gradients_nothing_happens() -> None:
    model = Model(False)
    assert clip_gradients(model, 1.0) == 0.0
    clear_gradients(model)
