"""Gradient checkpointing: the same numbers, for less memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from every_family import TYPICAL, having, inputs, labels, make

import dure
from dure.errors import TrainingError


def gradients(model: Any, batch: dict[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    """Of one step in training, dropout included."""
    torch.manual_seed(seed)
    model.zero_grad()
    result = model(**batch)
    loss = result[0] if result[0].dim() == 0 else result[0].square().mean()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None} | {
        "loss": loss.detach()
    }


@pytest.mark.parametrize(("name", "head"), having(*TYPICAL))
def test_gradients_are_the_same(name: str, head: str) -> None:
    model, batch = make(name, head).train(), inputs(name, head)
    batch["attention_mask"][0, ..., 3:-1] = 0  # padding in between: packed tokens
    batch |= {} if head == "ForPreTraining" else labels(head, batch)
    assert not model.is_gradient_checkpointing
    calls = count_calls(model)
    expected = gradients(model, batch, 3)
    once = dict(calls)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    assert model.is_gradient_checkpointing
    found = gradients(model, batch, 3)
    assert once
    assert calls == {block: 3 * count for block, count in once.items()}, "not every block is computed again"
    assert set(found) == set(expected)
    for key, gradient in expected.items():
        torch.testing.assert_close(
            found[key], gradient, rtol=1e-6, atol=1e-7, msg=lambda text, key=key: f"{key}: {text}"
        )
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing


def count_calls(model: Any) -> dict[int, int]:
    """How often the first norm of each block is computed, counted from now on."""
    calls: dict[int, int] = {}
    for module in model.modules():
        if type(module).__name__ in {"EncoderBlock", "DecoderBlock", "Block"}:
            norm = next(m for m in module.modules() if type(m).__name__ in {"LayerNorm", "RMSNorm"})
            calls[id(norm)] = 0

            def count(m: Any, *_: Any) -> None:
                calls[id(m)] += 1

            norm.register_forward_hook(count)
    return calls


def test_evaluation_and_generation_are_untouched() -> None:
    model = make("GPT2", "LMHeadModel")
    batch = inputs("GPT2")
    expected = model(**batch)
    model.gradient_checkpointing_enable()
    found = model(**batch)
    assert torch.equal(found.logits, expected.logits)
    assert len(found.past_key_values) == 2
    more = torch.tensor([[7], [8]])
    mask = torch.ones(2, 6, dtype=torch.long)
    past = model.train()(input_ids=more, attention_mask=mask, past_key_values=found.past_key_values)
    assert past.logits.shape == (2, 1, 60)
    assert past.past_key_values.get_seq_length() == 6


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
def test_less_memory() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "gradient_checkpointing.py"
    sizes = ("--hidden-size", "128", "--batch", "8", "--steps", "1", "--json")
    done = subprocess.run([sys.executable, script, *sizes], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    # Of twelve blocks' insides, one input each is kept, and what isn't in blocks.
    assert rows["on"]["kept_mb"] < rows["off"]["kept_mb"] / 3, rows
    assert rows["on"]["difference"] < 1e-6


@pytest.mark.parametrize("is_on", [True, False])
def test_trainer_turns_it_on(tmp_path: Path, is_on: bool) -> None:
    rows = [{"input_ids": [1, 5 + i % 7, 9, 2], "labels": i % 2} for i in range(8)]
    weights = []
    for checkpointing in (False, is_on):
        torch.manual_seed(0)
        model = make("Bert", "ForSequenceClassification")
        arguments = dure.TrainingArguments(
            str(tmp_path), max_steps=3, per_device_train_batch_size=4, gradient_checkpointing=checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": True}, save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        dure.Trainer(model, arguments, train_dataset=rows).train()
        assert model.is_gradient_checkpointing == checkpointing
        weights.append(model.state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-6, atol=1e-7)


def test_trainer_needs_a_model_that_can(tmp_path: Path) -> None:
    arguments = dure.TrainingArguments(str(tmp_path), gradient_checkpointing=True, max_steps=1)
    with pytest.raises(TrainingError, match="gradient_checkpointing=True: Linear has no gradient_checkpointing_enable"):
        dure.Trainer(torch.nn.Linear(2, 2), arguments, train_dataset=[{"input": [1.0, 2.0], "labels": 1}]).train()
