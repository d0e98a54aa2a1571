"""The Trainer against transformers' Trainer, and going on after any interruption."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

import dure
from dure.errors import CorruptCheckpointError, InputError, TrainingError
from dure.training.callbacks.base import TrainerCallback
from dure.training.callbacks.early_stopping import EarlyStoppingCallback
from dure.training.checkpoint import checkpoints

transformers = pytest.importorskip("transformers")


def accuracy(facts):
    return {"accuracy": float((np.argmax(facts.predictions, -1) == facts.label_ids).mean())}


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("accumulation", [1, 3])
def test_same_batches_give_the_losses_and_weights_of_transformers(parts, tmp_path, accumulation):
    """Same order, no dropout: losses, learning rates, gradient norms and final weights agree."""
    ours = parts.model(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    ours.save_pretrained(tmp_path / "start")
    theirs = transformers.BertForSequenceClassification.from_pretrained(tmp_path / "start")
    rows = parts.rows(44)
    shared = {
        "num_train_epochs": 2,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": accumulation,
        "learning_rate": 1e-2,
        "weight_decay": 0.1,
        "warmup_steps": 2,
        "logging_steps": 1,
        "save_strategy": "no",
    }
    trainer = parts.trainer(tmp_path / "ours", rows, model=ours, group_by_length=False, **shared)
    from dure.training import batching

    order = [
        [row for batch in batching.training_batches(44, 4, trainer.args.seed, epoch) for row in batch]
        for epoch in range(2)
    ]

    class SameOrder(transformers.Trainer):
        def _get_train_sampler(self, *args):
            class Sampler(torch.utils.data.Sampler):
                epoch = -1

                def __len__(self):
                    return 44

                def __iter__(self):
                    self.epoch += 1
                    return iter(order[self.epoch])

            return Sampler()

        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            return super().compute_loss(model, inputs, return_outputs)

    arguments = transformers.TrainingArguments(
        str(tmp_path / "theirs"), use_cpu=True, report_to="none", disable_tqdm=True, **shared
    )
    rival = SameOrder(theirs, arguments, data_collator=parts.collate, train_dataset=rows)
    # Each batch's mean counts the same, as in a plain loop.
    rival.model_accepts_loss_kwargs = False
    expected, found = rival.train(), trainer.train()
    assert found.global_step == expected.global_step
    logs = [[log for log in t.state.log_history if "loss" in log] for t in (trainer, rival)]
    assert len(logs[0]) == len(logs[1]) > 0
    for mine, yours in zip(*logs, strict=True):
        assert mine["loss"] == pytest.approx(yours["loss"], abs=2e-4)
        assert mine["learning_rate"] == pytest.approx(yours["learning_rate"], rel=1e-6)
        assert mine["grad_norm"] == pytest.approx(yours["grad_norm"], rel=1e-2, abs=1e-4)
        assert mine["epoch"] == pytest.approx(yours["epoch"])
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(trainer.model.state_dict()[name], tensor, rtol=1e-3, atol=1e-3)


def test_it_learns_and_reports(parts, tmp_path, capsys):
    trainer = parts.trainer(
        tmp_path,
        parts.rows(200),
        eval_dataset=parts.rows(60, seed=1),
        compute_metrics=accuracy,
        eval_strategy="epoch",
        logging_strategy="epoch",
        save_strategy="no",
        learning_rate=1e-2,
        num_train_epochs=4,
    )
    result = trainer.train()
    assert result.global_step == 100
    assert set(result.metrics) >= {"train_runtime", "train_samples_per_second", "train_loss", "total_flos", "epoch"}
    assert trainer.evaluate()["eval_accuracy"] > 0.9
    output = trainer.predict(parts.rows(33, seed=2))
    assert output.predictions.shape == (33, 2)
    assert output.label_ids.tolist() == [row["label"] for row in parts.rows(33, seed=2)]
    assert output.metrics["test_loss"] < 0.4
    trainer.save_model(tmp_path / "model")
    again = dure.AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    assert_same(weights(again), weights(trainer.model))


def test_table_has_a_line_per_epoch(parts, tmp_path, capsys):
    trainer = parts.trainer(
        tmp_path,
        eval_dataset=parts.rows(10, seed=1),
        compute_metrics=accuracy,
        eval_strategy="epoch",
        save_strategy="no",
        num_train_epochs=2,
    )
    trainer.args.disable_tqdm = False
    trainer.train()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Epoch", "Training", "Loss", "Validation", "Loss", "Accuracy"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2"]
    assert "No log" in lines[1]


@pytest.mark.parametrize("at", [3, 7, 10, 14])
def test_going_on_gives_the_same_weights_bit_by_bit(parts, tmp_path, at):
    """Dropout on, order random: a run that was interrupted ends exactly where an unbroken one does."""
    options = {"num_train_epochs": 3, "per_device_train_batch_size": 10, "save_steps": at, "logging_steps": 4}
    whole = parts.trainer(tmp_path / "whole", **options)
    whole.train()

    class Interrupt(TrainerCallback):
        def on_step_end(self, args, state, control, **facts):
            if state.global_step == at + 1:
                raise KeyboardInterrupt

    broken = parts.trainer(tmp_path / "broken", callbacks=[Interrupt], **options)
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    torch.manual_seed(999)
    resumed = parts.trainer(tmp_path / "broken", **options)
    resumed.train(resume_from_checkpoint=True)
    assert_same(weights(whole.model), weights(resumed.model))
    losses = [[log["loss"] for log in t.state.log_history if "loss" in log] for t in (whole, resumed)]
    assert losses[0] == losses[1]
    assert whole.state.log_history[-1]["train_loss"] == resumed.state.log_history[-1]["train_loss"]


def test_kill_in_the_middle_leaves_the_last_checkpoint_whole(parts, tmp_path):
    """The process dies while a checkpoint is being written, without any chance to tidy up."""
    script = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import conftest, dure
        from dure.training import checkpoint
        real, count = checkpoint.torch.save, [0]
        def save(*args, **kwargs):
            count[0] += 1
            if count[0] == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            real(*args, **kwargs)
        checkpoint.torch.save = save
        args = dure.TrainingArguments({str(tmp_path)!r}, save_steps=3, disable_tqdm=True)
        rows = conftest.make_rows(50)
        dure.Trainer(conftest.make_model(), args, data_collator=conftest.pad, train_dataset=rows).train()
    """)
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ}, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-3"]
    trainer = parts.trainer(tmp_path, save_steps=3)
    trainer.train(resume_from_checkpoint=True)
    assert trainer.state.global_step == 21
    reference = parts.trainer(tmp_path / "other", save_steps=3)
    reference.train()
    assert_same(weights(reference.model), weights(trainer.model))


def test_best_checkpoint_is_kept_and_comes_back(parts, tmp_path):
    values = iter([0.1, 0.9, 0.5, 0.4])
    seen = []

    class Remember(TrainerCallback):
        def on_save(self, args, state, control, **facts):
            seen.append(weights(facts["model"]))

    trainer = parts.trainer(
        tmp_path,
        eval_dataset=parts.rows(8),
        compute_metrics=lambda facts: {"made_up": next(values)},
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        num_train_epochs=4,
        load_best_model_at_end=True,
        metric_for_best_model="made_up",
        callbacks=[Remember],
    )
    trainer.train()
    assert trainer.state.best_metric == 0.9
    assert trainer.state.best_model_checkpoint.endswith("checkpoint-14")
    assert_same(weights(trainer.model), seen[1])
    assert {path.name for path in checkpoints(tmp_path)} == {"checkpoint-14", "checkpoint-28"}


def test_early_stopping(parts, tmp_path):
    values = iter([0.5, 0.4, 0.3, 0.2])
    trainer = parts.trainer(
        tmp_path,
        eval_dataset=parts.rows(8),
        compute_metrics=lambda facts: {"score": next(values)},
        eval_strategy="epoch",
        save_strategy="no",
        num_train_epochs=4,
        metric_for_best_model="score",
        callbacks=[EarlyStoppingCallback(2)],
    )
    assert trainer.train().global_step == 21


def test_early_stopping_needs_a_metric(parts, tmp_path):
    with pytest.raises(InputError, match="metric_for_best_model"):
        parts.trainer(tmp_path, callbacks=[EarlyStoppingCallback]).train()


def test_state_is_read_by_transformers(parts, tmp_path):
    parts.trainer(tmp_path, max_steps=3).train()
    state = transformers.TrainerState.load_from_json(str(tmp_path / "checkpoint-3" / "trainer_state.json"))
    assert state.global_step == 3


def test_max_steps_and_fractions_of_steps(parts, tmp_path):
    trainer = parts.trainer(tmp_path, max_steps=10, logging_steps=0.5, save_strategy="no")
    trainer.train()
    assert [log["step"] for log in trainer.state.log_history if "loss" in log] == [5, 10]


def test_callbacks_hear_each_step(parts, tmp_path):
    heard = []

    class Ear(TrainerCallback):
        def on_substep_end(self, args, state, control, **facts):
            heard.append("substep")

        def on_pre_optimizer_step(self, args, state, control, *, model, **facts):
            heard.append("gradients" if model.classifier.weight.grad.any() else "none")

        def on_optimizer_step(self, args, state, control, *, model, **facts):
            heard.append("gradients still" if model.classifier.weight.grad.any() else "none")

        def on_step_end(self, args, state, control, *, model, **facts):
            heard.append("cleared" if model.classifier.weight.grad is None else "left")

    options = {"max_steps": 2, "gradient_accumulation_steps": 2, "save_strategy": "no"}
    parts.trainer(tmp_path, callbacks=[Ear], **options).train()
    assert heard == ["substep", "substep", "gradients", "gradients still", "cleared"] * 2


def test_own_loss(parts, tmp_path):
    calls = []

    def loss(outputs, labels):
        calls.append(len(labels))
        return (outputs["logits"].sum() - labels.sum()) ** 2

    parts.trainer(tmp_path, compute_loss_func=loss, max_steps=2, save_strategy="no").train()
    assert calls == [8, 8]


def test_model_init_draws_the_same_model_each_time(parts, tmp_path):
    def init():
        from dure.models.bert import BertForSequenceClassification

        return BertForSequenceClassification(parts.model().config)

    first = parts.trainer(tmp_path / "a", model_init=init, max_steps=2)
    first.train()
    second = parts.trainer(tmp_path / "b", model_init=init, max_steps=2)
    second.train()
    assert_same(weights(first.model), weights(second.model))


def test_label_smoothing_is_that_of_transformers(parts):
    from dure.training.step import smoothed_loss

    logits, labels = torch.randn(6, 5), torch.tensor([1, 2, -100, 4, 0, 3])
    smoother = transformers.trainer_pt_utils.LabelSmoother(0.1)
    torch.testing.assert_close(smoothed_loss(logits, labels, 0.1), smoother({"logits": logits}, labels))


def test_predictions_of_different_widths_are_filled_up(parts, tmp_path):
    from dure.models.bert import BertForTokenClassification

    def collate(rows):
        batch = parts.collate(rows)
        batch["labels"] = torch.where(batch["attention_mask"] == 1, batch["input_ids"] % 2, -100)
        return batch

    rows = parts.rows(20, seed=3)
    model = BertForTokenClassification(parts.model().config)
    args = dure.TrainingArguments(str(tmp_path), disable_tqdm=True)
    output = dure.Trainer(model, args, data_collator=collate).predict(rows)
    width = max(len(row["input_ids"]) for row in rows)
    assert output.predictions.shape == (20, width, 2)
    for row, labels in zip(rows, output.label_ids, strict=True):
        expected = [token % 2 for token in row["input_ids"]]
        assert labels.tolist() == expected + [-100] * (width - len(expected))


# --- bad input --------------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_stops_before_the_weights_are_touched(parts, tmp_path):
    trainer = parts.trainer(tmp_path, compute_loss_func=lambda outputs, labels: outputs["logits"].sum() * math.nan)
    before = weights(trainer.model)
    with pytest.raises(TrainingError, match="loss became nan"):
        trainer.train()
    assert_same(before, weights(trainer.model))


def test_errors_name_what_is_missing(parts, tmp_path):
    with pytest.raises(InputError, match="either model or model_init"):
        dure.Trainer()
    with pytest.raises(TrainingError, match="train_dataset"):
        dure.Trainer(parts.model(), dure.TrainingArguments(str(tmp_path))).train()
    with pytest.raises(TrainingError, match="eval_dataset"):
        parts.trainer(tmp_path).evaluate()
    with pytest.raises(TrainingError, match="no rows"):
        parts.trainer(tmp_path, []).train()
    with pytest.raises(InputError, match="text, other"):
        parts.trainer(tmp_path, [{"text": "a", "other": 1}]).train()
    with pytest.raises(InputError, match="dictionaries"):
        parts.trainer(tmp_path, [[1, 2]]).train()
    with pytest.raises(InputError, match="generator"):
        parts.trainer(tmp_path, (row for row in [])).train()
    without = [{name: value for name, value in row.items() if name != "label"} for row in parts.rows(4)]
    with pytest.raises(TrainingError, match="no loss"):
        parts.trainer(tmp_path, without).train()
    with pytest.raises(TrainingError, match="drop_last"):
        parts.trainer(tmp_path, parts.rows(4), dataloader_drop_last=True).train()
    with pytest.raises(InputError, match="wasn't computed"):
        parts.trainer(
            tmp_path, eval_dataset=parts.rows(4), eval_strategy="epoch", metric_for_best_model="nothing"
        ).train()
    with pytest.raises(InputError, match="save_pretrained"):
        dure.Trainer(torch.nn.Linear(2, 2), dure.TrainingArguments(str(tmp_path))).save_model(tmp_path / "x")


def test_resume_errors(parts, tmp_path):
    with pytest.raises(TrainingError, match="no complete checkpoint"):
        parts.trainer(tmp_path / "none").train(resume_from_checkpoint=True)
    with pytest.raises(TrainingError, match=r"trainer_state\.json"):
        parts.trainer(tmp_path / "none").train(resume_from_checkpoint=tmp_path)
    parts.trainer(tmp_path, max_steps=2).train()
    folder = tmp_path / "checkpoint-2"
    with pytest.raises(TrainingError, match="50 examples, but train_dataset has 49"):
        parts.trainer(tmp_path, parts.rows(49), max_steps=4).train(resume_from_checkpoint=folder)
    (folder / "optimizer.pt").write_bytes((folder / "optimizer.pt").read_bytes()[:100])
    with pytest.raises(CorruptCheckpointError, match=r"optimizer\.pt"):
        parts.trainer(tmp_path, max_steps=4).train(resume_from_checkpoint=folder)
    (folder / "optimizer.pt").unlink()
    with pytest.raises(TrainingError, match=r"lacks optimizer\.pt"):
        parts.trainer(tmp_path, max_steps=4).train(resume_from_checkpoint=folder)
    (folder / "trainer_state.json").write_text("[]")
    with pytest.raises(TrainingError, match="isn't the state"):
        parts.trainer(tmp_path, max_steps=4).train(resume_from_checkpoint=folder)


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("evil-was-here",))


def test_a_pickle_in_a_checkpoint_is_not_run(parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parts.trainer(tmp_path, max_steps=2).train()
    torch.save(Evil(), tmp_path / "checkpoint-2" / "scheduler.pt")
    with pytest.raises(CorruptCheckpointError, match=r"scheduler\.pt"):
        parts.trainer(tmp_path, max_steps=4).train(resume_from_checkpoint=True)
    assert not (tmp_path / "evil-was-here").exists()


def test_arguments_are_saved_as_json(parts, tmp_path):
    trainer = parts.trainer(tmp_path)
    trainer.save_model()
    assert json.loads((tmp_path / "training_args.json").read_text())["learning_rate"] == 5e-5
    trainer.save_state()
    assert (tmp_path / "trainer_state.json").is_file()
