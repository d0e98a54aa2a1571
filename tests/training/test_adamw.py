"""AdamW takes torch's steps, whatever it leaves out; what it saves, torch loads."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from dure.layers.embedding import Embedding, keep_gradients
from dure.training.adamw import AdamW
from dure.training.gradients import clear_gradients, clip_gradients


class Model(nn.Module):
    """A table and two layers; the first may share the table's weights."""

    def __init__(self, is_tied: bool = False) -> None:
        super().__init__()
        self.words = Embedding(300, 24)
        self.inner, self.out = nn.Linear(24, 40), nn.Linear(40, 3)
        self.back = nn.Linear(24, 300, bias=False)
        if is_tied:
            self.back.weight = self.words.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        words = self.words(ids)
        return self.out(self.inner(words).tanh()).pow(2).mean() + self.back(words).logsumexp(-1).mean()


def both(is_tied: bool = False, **options: Any) -> tuple[Model, AdamW, Model, torch.optim.AdamW]:
    ours = Model(is_tied)
    theirs = copy.deepcopy(ours)
    keep_gradients(ours)
    optimizer = AdamW(ours.parameters(), tables=[ours.words], lr=1e-2, **options)
    return ours, optimizer, theirs, torch.optim.AdamW(theirs.parameters(), lr=1e-2, **options)


def train(model: Model, optimizer: Any, batches: list[torch.Tensor], max_norm: float = 0.0) -> None:
    for ids in batches:
        model(ids).backward()
        if isinstance(optimizer, AdamW):
            if max_norm:
                clip_gradients(model, max_norm, optimizer)
            optimizer.step()
            clear_gradients(model)
        else:
            if max_norm:
                nn.utils.clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            optimizer.zero_grad()


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for mine, reference in zip(one.parameters(), other.parameters(), strict=True):
        # A step is lr times a quotient, in which a rounding of the smallest gradients shows.
        torch.testing.assert_close(mine, reference, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("is_tied", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("max_norm", [0.0, 0.05, 1e6])
def test_steps_equal_torch(is_tied: bool, weight_decay: float, max_norm: float) -> None:
    ours, optimizer, theirs, reference = both(is_tied, weight_decay=weight_decay, betas=(0.8, 0.99), eps=1e-6)
    batches = [torch.randint(0, 60, (4, 5)) for _ in range(6)]
    train(ours, optimizer, batches, max_norm)
    train(theirs, reference, batches, max_norm)
    assert_same(ours, theirs)


def test_rows_that_were_never_touched_stay_as_they_are() -> None:
    ours, optimizer, _, _ = both(weight_decay=0.0)
    before = ours.words.weight.clone()
    train(ours, optimizer, [torch.randint(100, 110, (4, 5)) for _ in range(3)])
    changed = (ours.words.weight != before).any(1).nonzero().flatten().tolist()
    assert changed
    assert set(changed) <= set(range(100, 110))
    # A row goes on moving after its last batch.
    middle = ours.words.weight.clone()
    train(ours, optimizer, [torch.randint(0, 5, (4, 5))])
    assert not torch.equal(ours.words.weight[changed], middle[changed])


@pytest.mark.parametrize("goes_to_torch", [False, True])
def test_states_are_exchanged(goes_to_torch: bool) -> None:
    ours, optimizer, theirs, reference = both(weight_decay=0.0)
    batches = [torch.randint(0, 200, (4, 5)) for _ in range(8)]
    train(ours, optimizer, batches[:4])
    train(theirs, reference, batches[:4])
    assert optimizer.state_dict()["state"].keys() == reference.state_dict()["state"].keys()
    if goes_to_torch:
        reference.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    else:
        optimizer.load_state_dict(copy.deepcopy(reference.state_dict()))
    train(ours, optimizer, batches[4:])
    train(theirs, reference, batches[4:])
    assert_same(ours, theirs)


@pytest.mark.parametrize("kind", ["bfloat16", "amsgrad", "maximize", "transposed", "tensor lr"])
def test_what_the_kernel_does_not_do_is_torchs(kind: str) -> None:
    torch.manual_seed(5)
    options: dict[str, Any] = {kind: True} if kind in {"amsgrad", "maximize"} else {}
    options["lr"] = torch.tensor(0.01) if kind == "tensor lr" else 0.01
    weight = torch.randn(7, 9).bfloat16() if kind == "bfloat16" else torch.randn(7, 9)
    weight = weight.t() if kind == "transposed" else weight
    ours, theirs = nn.Parameter(weight.clone()), nn.Parameter(weight.clone())
    optimizer, reference = AdamW([ours], **options), torch.optim.AdamW([theirs], **options)
    for _ in range(3):
        gradient = torch.randn(7, 9).t() if kind == "transposed" else torch.randn(7, 9)
        ours.grad, theirs.grad = gradient.to(ours.dtype), gradient.to(ours.dtype) * 0.5
        optimizer.gradient_scale = 0.5
        optimizer.step()
        reference.step()
    torch.testing.assert_close(ours, theirs)


def test_a_closure_computes_the_gradients() -> None:
    weight = nn.Parameter(torch.ones(3))
    optimizer = AdamW([weight], lr=0.1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = weight.pow(2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 3.0
    torch.testing.assert_close(weight.detach(), torch.full((3,), 0.9 - 0.1 * 0.01))


def test_a_weight_changed_between_forward_and_backward_is_noticed() -> None:
    weight = nn.Parameter(torch.ones(3))
    optimizer = AdamW([weight], lr=0.1)
    loss = (weight * weight).sum()
    weight.grad = torch.ones(3)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_copy_steps_as_the_original() -> None:
    ours, optimizer, _, _ = both(weight_decay=0.0)
    train(ours, optimizer, [torch.randint(0, 60, (4, 5)) for _ in range(3)])
    other = copy.deepcopy((ours, optimizer))
    keep_gradients(other[0])
    batches = [torch.randint(0, 60, (4, 5)) for _ in range(3)]
    train(ours, optimizer, batches)
    train(other[0], other[1], batches)
    assert_same(ours, other[0])


@pytest.mark.parametrize("kind", ["shape", "layout"])
def test_a_state_that_does_not_fit_never_reaches_the_kernel(kind: str) -> None:
    weight = nn.Parameter(torch.ones(6, 4))
    optimizer = AdamW([weight], lr=0.1)
    weight.grad = torch.ones(6, 4)
    optimizer.step()
    state = optimizer.state[weight]
    if kind == "shape":
        state["exp_avg"] = torch.zeros(2, 2)
        with pytest.raises(RuntimeError):
            optimizer.step()
    else:
        state["exp_avg"] = state["exp_avg"].t().contiguous().t()
        optimizer.step()
        assert weight.isfinite().all()
