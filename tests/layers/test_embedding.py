"""Gradients that are added in place equal torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dure.layers.embedding import Embedding, keep_gradients


def pair(padding_idx: int | None) -> tuple[Embedding, nn.Embedding]:
    ours, theirs = Embedding(20, 5, padding_idx=padding_idx), nn.Embedding(20, 5, padding_idx=padding_idx)
    with torch.no_grad():
        ours.weight.copy_(theirs.weight)
    keep_gradients(ours)
    return ours, theirs


@pytest.mark.parametrize("padding_idx", [None, 0, 3])
@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4), (0,)])
def test_gradient_equals_torch(padding_idx: int | None, shape: tuple[int, ...]) -> None:
    ours, theirs = pair(padding_idx)
    for _ in range(3):  # gradients accumulate
        ids, weights = torch.randint(0, 6, shape), torch.randn(*shape, 5)
        result, expected = ours(ids), theirs(ids)
        assert torch.equal(result, expected)
        (result * weights).sum().backward()
        (expected * weights).sum().backward()
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_memory_of_the_gradient_is_kept_between_steps() -> None:
    ours, theirs = pair(0)
    optimizers = [torch.optim.AdamW(model.parameters(), lr=0.1) for model in (ours, theirs)]
    places = set()
    for _ in range(4):
        ids = torch.randint(0, 20, (6,))
        for model, optimizer in zip((ours, theirs), optimizers, strict=True):
            model(ids).pow(2).sum().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False) if model is theirs else model.clear_gradient()
        places.add(ours.weight.grad.data_ptr())
        torch.testing.assert_close(ours.weight, theirs.weight)
    assert len(places) == 1


def test_torch_takes_over_where_hooks_or_evaluation_need_it() -> None:
    ours, _ = pair(None)
    ids = torch.tensor([1, 2])
    assert ours.eval()(ids).grad_fn.name().startswith("EmbeddingBackward")
    keep_gradients(ours.train(), is_kept=False)
    assert ours(ids).grad_fn.name().startswith("EmbeddingBackward")
    keep_gradients(ours)
    for register in (ours.weight.register_hook, ours.weight.register_post_accumulate_grad_hook):
        handle = register(lambda gradient: None)
        assert ours(ids).grad_fn.name().startswith("EmbeddingBackward")
        handle.remove()
    assert ours(ids).grad_fn.name().startswith("_Lookup")
    ours.weight.requires_grad_(False)
    assert not ours(ids).requires_grad
    with torch.no_grad():
        assert not ours(ids).requires_grad


def test_a_tied_table_sums_both_gradients() -> None:
    ours, theirs = pair(0)
    ids = torch.tensor([[1, 2, 2, 0]])
    for table in (ours, theirs):
        hidden = table(ids)
        nn.functional.linear(hidden, table.weight).logsumexp(-1).sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_rows_that_have_a_gradient_are_known_until_somebody_else_writes() -> None:
    ours, _ = pair(None)
    assert ours.gradient_rows() is None  # nothing yet
    for ids in ([3, 5], [5, 9]):
        ours(torch.tensor(ids)).sum().backward()
    assert ours.gradient_rows().tolist() == [3, 5, 9]
    ours.clear_gradient()
    assert ours.gradient_rows().tolist() == []
    assert not ours.weight.grad.any()
    ours(torch.tensor([2])).sum().backward()
    ours.weight.pow(2).sum().backward()  # a penalty on all weights
    assert ours.gradient_rows() is None
    ours(torch.tensor([4])).sum().backward()
    assert ours.gradient_rows() is None
    ours.clear_gradient()
    assert not ours.weight.grad.any()
    ours(torch.tensor([2])).sum().backward()
    ours.weight.grad = torch.ones(20, 5)
    assert ours.gradient_rows() is None
    ours.weight.grad = None
    ours(torch.tensor([1])).sum().backward()
    assert ours.gradient_rows().tolist() == [1]
