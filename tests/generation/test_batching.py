"""A prompt in a list is answered as it is alone, whatever stands beside it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.generation.small_models import FAMILIES, both, prompts_of
from tests.generation.test_searches import beams, ends, rules
from torch import Tensor

import dure
from dure.errors import InputError
from dure.generation.batching import generate_many

pytest.importorskip("transformers")


def alone(model: Any, prompt: list[int], fields: dict[str, Any]) -> list[list[int]]:
    return model.generate(torch.tensor([prompt]), **fields).tolist()


def check_same(found: list[Tensor], expected: list[list[int]], where: str) -> None:
    """The same texts, of which those in ``expected`` may be filled up behind their end."""
    assert len(found) == len(expected), where
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.tolist() == theirs[: len(ours)], where
        assert len(set(theirs[len(ours) :])) <= 1, where


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_list_gives_what_its_prompts_give_alone(name: str, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    random_ = random.Random(seed)
    torch.manual_seed(seed)
    model, theirs = both(name, random_, tmp_path)
    for trial in range(4):
        prompts = [
            prompts_of(name, theirs, random_, rows=1)["input_ids"][0].tolist() for _ in range(random_.randrange(1, 9))
        ]
        fields = rules(random_) | ends(random_) | {"pad_token_id": random_.choice([0, 3])}
        fields |= (
            {"max_new_tokens": random_.randrange(2, 12)} if trial % 2 else {"max_length": random_.randrange(14, 24)}
        )
        fields |= beams(random_) if random_.random() < 0.4 else {}
        batch_size = random_.choice([None, 1, 2, 3])
        found = dict(generate_many(model, prompts, batch_size=batch_size, **fields))
        assert sorted(found) == list(range(len(prompts)))
        for number, prompt in enumerate(prompts):
            check_same(found[number], alone(model, prompt, fields), f"seed {seed}, trial {trial}, {fields}: {prompt}")


@pytest.fixture
def model() -> dure.GPT2LMHeadModel:
    torch.manual_seed(0)
    config = dure.GPT2Config(vocab_size=30, n_embd=16, n_head=2, n_layer=2, n_positions=32, initializer_range=0.5,
                             bos_token_id=1, eos_token_id=2)  # fmt: skip
    return dure.GPT2LMHeadModel(config).eval()


def sizes_of(model: dure.GPT2LMHeadModel) -> list[int]:
    """How many rows each step has; grows as the model works."""
    sizes: list[int] = []

    def note(module: Any, args: Any, kwargs: Any) -> None:
        sizes.append(len(kwargs["input_ids"]))

    model.transformer.register_forward_pre_hook(note, with_kwargs=True)
    return sizes


def test_places_are_taken_by_those_that_wait(model: dure.GPT2LMHeadModel) -> None:
    sizes = sizes_of(model)
    prompts = [[4 + number] * (1 + number % 7) for number in range(20)]
    fields = {"max_length": 9, "pad_token_id": 0, "eos_token_id": None}
    found = dict(generate_many(model, prompts, batch_size=4, **fields))
    assert max(sizes) == 4
    # 83 tokens follow the first ones: 21 steps, were all places always taken.
    assert sum(size == 4 for size in sizes) > 14
    for number, prompt in enumerate(prompts):
        check_same(found[number], alone(model, prompt, fields), str(number))


def test_finished_texts_leave_the_batch(model: dure.GPT2LMHeadModel) -> None:
    sizes = sizes_of(model)
    torch.manual_seed(3)
    ids = torch.randint(3, 30, (12, 4))
    fields = {"max_new_tokens": 20, "pad_token_id": 0, "eos_token_id": [2, 5, 9, 11]}
    found = model.generate(ids, attention_mask=torch.ones_like(ids), **fields)
    assert sizes[0] == 12
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 12
    for row, prompt in zip(found, ids.tolist(), strict=True):
        expected = alone(model, prompt, fields)[0]
        assert row.tolist() == expected + [0] * (len(row) - len(expected))


def test_a_budget_of_tokens_limits_what_runs_at_once(model: dure.GPT2LMHeadModel) -> None:
    sizes = sizes_of(model)
    prompts = [[4, 5, 6]] * 10
    list(generate_many(model, prompts, token_budget=25, max_new_tokens=5, pad_token_id=0, eos_token_id=None))
    assert max(sizes) == 3
    assert list(generate_many(model, [], max_new_tokens=5, pad_token_id=0)) == []


def test_own_processors_and_criteria_see_each_text_alone(model: dure.GPT2LMHeadModel) -> None:
    def favour_length(input_ids: Tensor, scores: Tensor) -> Tensor:
        assert len(input_ids) == 1
        scores = scores.clone()
        scores[:, input_ids.shape[1]] = 100.0
        return scores

    def at_seven(input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        return input_ids[:, -1] == 7

    found = dict(generate_many(model, [[4], [4, 5, 6]], logits_processor=[favour_length], stopping_criteria=[at_seven],
                               max_new_tokens=20, pad_token_id=0, eos_token_id=None))  # fmt: skip
    assert found[0][0].tolist() == [4, 1, 2, 3, 4, 5, 6, 7]
    assert found[1][0].tolist() == [4, 5, 6, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(("prompts", "fields", "told"), [
    ([[1], []], {}, r"prompt 1 .*\(0,\)"),
    ([[[1]]], {}, r"prompt 0 .*\(1, 1\)"),
    ([[1] * 33], {"max_new_tokens": 2}, "prompt has 33 tokens, but GPT2LMHeadModel reads at most 32"),
    ([[1]], {"batch_size": 0}, "batch_size must be at least 1, but is 0"),
    ([[1]], {"token_budget": 0}, "token_budget must be at least 1"),
    ([[1]], {"streamer": object()}, "streamer"),
    ([[1]], {"temprature": 2.0}, "temprature.*did you mean temperature"),
])  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_written(
    model: dure.GPT2LMHeadModel, prompts: list[Any], fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        generate_many(model, prompts, pad_token_id=0, **fields)
