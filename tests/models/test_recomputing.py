"""Gradient checkpointing: the same numbers, for less memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import dure
from dure.errors import TrainingError
from every_family import every, having, inputs, labels, make, original


def gradients(model: Any, batch: dict[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    """Of one step in training, dropout included."""
    torch.manual_seed(seed)
    model.zero_grad()
    result = model(**batch)
    loss = result[0] if result[0].dim() == 0 else result[0].square().mean()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None} | {"loss": loss.detach()}


@pytest.mark.parametrize(("name", "head"), every())
def test_gradients_are_the_same(name: str, head: str) -> None:
    model, batch = make(name, head).train(), inputs(name, head)
    batch["attention_mask"][0, ..., 3:-1] = 0  # padding in between: packed tokens
    batch |= {} if head == "ForPreTraining" else labels(head, batch)
    assert not model.is_gradient_checkpointing
    expected = gradients(model, batch, 3)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    assert model.is_gradient_checkpointing
    calls = count_calls(model)
    found = gradients(model, batch, 3)
    assert calls and all(count == 2 for count in calls.values()), "a block that is never computed again"
    assert set(found) == set(expected)
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-6, atol=1e-7, msg=lambda text, key=key: f"{key}: {text}")
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing


def count_calls(model: Any) -> dict[int, int]:
    """How often the first attention of each block is computed."""
    calls: dict[int, int] = {}
    for module in model.modules():
        if type(module).__name__ in {"EncoderBlock", "DecoderBlock", "Block"}:
            norm = next(m for m in module.modules() if type(m).__name__ in {"LayerNorm", "RMSNorm"})
            calls[id(norm)] = 0

            def count(m: Any, *_: Any) -> None:
                calls[id(m)] += 1

            norm.register_forward_hook(count)
    return calls


@pytest.mark.parametrize(("name", "head"), having("ForMaskedLM", "ForCausalLM", "ForConditionalGeneration"))
def test_losses_are_the_originals(name: str, head: str, tmp_path: Path) -> None:
    theirs = original(name, head)
    theirs.save_pretrained(tmp_path)
    ours = getattr(dure, name + head).from_pretrained(tmp_path)
    for model in (ours, theirs):
        for module in model.modules():
            for field, value in vars(module).items():
                if "dropout" in field and isinstance(value, float):
                    setattr(module, field, 0.0)
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model.gradient_checkpointing_enable()
        model.train()
    batch = inputs(name, head)
    batch |= labels(head, batch)
    torch.testing.assert_close(ours(**batch).loss, theirs(**batch).loss, rtol=1e-5, atol=1e-5)


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


MEMORY = """
import sys, torch, dure
torch.set_num_threads(1)
torch.manual_seed(0)
config = dure.{family}Config(**{fields})
model = dure.{family}{head}(config).train()
if sys.argv[1] == "on":
    model.gradient_checkpointing_enable()
ids = torch.randint(5, 90, (8, 120))

def resident(name):
    import re
    from pathlib import Path
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = resident("VmRSS")
loss = model(input_ids=ids, labels=ids).loss
held = resident("VmRSS")
loss.backward()
print(held - before)
"""
BERT = {"vocab_size": 100, "hidden_size": 128, "num_hidden_layers": 12, "num_attention_heads": 4, "intermediate_size": 512}
GPT2 = {"vocab_size": 100, "n_embd": 128, "n_layer": 12, "n_head": 4, "n_positions": 128}


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
@pytest.mark.parametrize(("family", "head", "fields"), [("Bert", "ForMaskedLM", BERT), ("GPT2", "LMHeadModel", GPT2)])
def test_less_memory(family: str, head: str, fields: dict[str, int]) -> None:
    held = {}
    for mode in ("off", "on"):
        script = MEMORY.format(family=family, head=head, fields=fields)
        done = subprocess.run(
            [sys.executable, "-c", script, mode], capture_output=True, text=True, check=True, timeout=120
        )
        held[mode] = int(done.stdout)
    # Of twelve blocks' insides one input each is kept: a tenth, and what is not in blocks.
    assert held["on"] < held["off"] / 3, held


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
