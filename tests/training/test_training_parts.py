"""Arguments, schedules, optimizer groups, batches, seeds."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import dure
from dure.errors import InputError
from dure.training.batching import evaluation_batches, training_batches
from dure.training.optimizers import decayed_parameters
from dure.training.seed import get_random_state, set_random_state, set_seed

transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("name", ["linear", "cosine", "constant", "constant_with_warmup", "inverse_sqrt"])
@pytest.mark.parametrize("warmup", [0, 7])
def test_schedules_are_those_of_transformers(name, warmup):
    rates = []
    for get in (dure.get_scheduler, transformers.get_scheduler):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
        schedule = get(name, optimizer, num_warmup_steps=warmup, num_training_steps=30)
        rates.append([])
        for _ in range(35):
            optimizer.step()
            rates[-1].append(schedule.get_last_lr()[0])
            schedule.step()
    assert rates[0] == pytest.approx(rates[1], abs=1e-9)


def test_schedule_errors():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    with pytest.raises(InputError, match="triangle"):
        dure.get_scheduler("triangle", optimizer)
    with pytest.raises(InputError, match="num_training_steps"):
        dure.get_scheduler("linear", optimizer, num_warmup_steps=0)
    with pytest.raises(InputError, match="num_warmup_steps"):
        dure.get_scheduler("constant_with_warmup", optimizer)


@pytest.mark.filterwarnings("ignore")
def test_decay_spares_what_transformers_spares(parts, tmp_path):
    model = parts.model()
    model.save_pretrained(tmp_path)
    theirs = transformers.BertForSequenceClassification.from_pretrained(tmp_path)
    args = transformers.TrainingArguments(str(tmp_path / "x"), use_cpu=True, report_to="none")
    expected = set(transformers.Trainer(theirs, args).get_decay_parameter_names(theirs))
    assert {model.renames.to_original(name) for name in decayed_parameters(model)} == expected


@pytest.mark.parametrize("count", [1, 7, 8, 1000])
@pytest.mark.parametrize("has_lengths", [True, False])
def test_each_row_comes_once_and_epochs_differ(count, has_lengths):
    lengths = [random.randrange(1, 100) for _ in range(count)] if has_lengths else None
    batches = training_batches(count, 8, 3, 0, lengths=lengths)
    assert sorted(row for batch in batches for row in batch) == list(range(count))
    assert len(batches) == -(-count // 8)
    assert batches == training_batches(count, 8, 3, 0, lengths=lengths)
    if count == 1000:
        assert batches != training_batches(count, 8, 3, 1, lengths=lengths)
    full = training_batches(count, 8, 3, 0, lengths=lengths, drop_last=True)
    assert all(len(batch) == 8 for batch in full)


def test_grouping_leaves_little_padding_and_starts_with_the_widest():
    lengths = [random.randrange(5, 200) for _ in range(2000)]

    def padded(batches):
        return sum(max(lengths[row] for row in batch) * len(batch) for batch in batches) / sum(lengths)

    grouped = training_batches(2000, 8, 0, 0, lengths=lengths)
    assert padded(grouped) < 1.1 < 1.5 < padded(training_batches(2000, 8, 0, 0))
    assert max(lengths[row] for row in grouped[0]) == max(lengths)
    assert [max(lengths[r] for r in b) for b in grouped] != sorted(max(lengths[r] for r in b) for b in grouped)


def test_evaluation_is_longest_first():
    assert evaluation_batches(4, 2, [1, 9, 3, 4]) == [[1, 3], [2, 0]]
    assert evaluation_batches(3, 2, None) == [[0, 1], [2]]


def test_random_state_comes_back():
    set_seed(5)
    state = get_random_state()
    drawn = [random.random(), np.random.rand(), torch.rand(1).item()]
    set_random_state(state)
    assert [random.random(), np.random.rand(), torch.rand(1).item()] == drawn


def test_old_names_of_arguments():
    args = dure.TrainingArguments("x", evaluation_strategy="epoch", no_cuda=True, per_gpu_train_batch_size=3)
    assert (args.eval_strategy, args.use_cpu, args.per_device_train_batch_size) == ("epoch", True, 3)


def test_defaults_are_those_of_transformers():
    fields = transformers.TrainingArguments.__dataclass_fields__
    differ = {"group_by_length", "output_dir", "report_to", "disable_tqdm", "optim", "lr_scheduler_kwargs"}
    for name, field in dure.TrainingArguments.__dataclass_fields__.items():
        if name not in differ and field.default is not getattr(fields[name], "default", None):
            theirs = fields[name].default
            assert field.default == getattr(theirs, "value", theirs) or callable(fields[name].default_factory), name


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"learning_rte": 1}, "did you mean learning_rate"),
        ({"eval_strategy": "sometimes"}, "sometimes"),
        ({"optim": "adafactor"}, "adafactor"),
        ({"report_to": "wandb"}, "wandb"),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size=0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"warmup_ratio": 2}, "warmup_ratio=2"),
        ({"num_train_epochs": 0}, "num_train_epochs=0"),
        ({"save_total_limit": 0}, "save_total_limit=0"),
        ({"load_best_model_at_end": True}, "eval_strategy"),
        ({"load_best_model_at_end": True, "eval_strategy": "epoch"}, "save_strategy='epoch'"),
        (
            {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 3, "save_steps": 4},
            "save_steps=4",
        ),
    ],
)
def test_wrong_arguments(fields, match):
    with pytest.raises(InputError, match=match):
        dure.TrainingArguments("x", **fields)
