"""Tasks and models by name: what fits, what is inferred, what is said where something is missing."""

from __future__ import annotations

import json
import os

import pytest
import torch

import dure
from dure.errors import InputError, RepositoryNotFoundError
from dure.pipelines.tasks import TASKS, tasks_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_unknown_tasks_suggest_the_nearest(made):
    for name, near in (("sentiment-analysys", "sentiment-analysis"), ("summarisation", "summarization")):
        with pytest.raises(InputError, match=f"did you mean '{near}'"):
            dure.pipeline(name, model=made("Bert", "Model"))
    with pytest.raises(InputError, match="unknown task 3; known: "):
        dure.pipeline(3, model="x")


def test_a_model_that_does_not_serve_a_task_says_which_it_serves(made):
    with pytest.raises(
        InputError, match=r"translation: .* \(bert\) can't do this; models of its family serve: .*fill-mask"
    ):
        dure.pipeline("translation", model=made("Bert", "Model"))
    folder = made("Bert", "ForSequenceClassification", num_labels=2)
    model, tokenizer = (
        dure.BertForSequenceClassification.from_pretrained(folder),
        dure.AutoTokenizer.from_pretrained(folder),
    )
    with pytest.raises(InputError, match=r"ner: BertForSequenceClassification \(bert\) can't do this"):
        dure.pipeline("ner", model=model, tokenizer=tokenizer)
    assert dure.pipeline("feature-extraction", model=model, tokenizer=tokenizer)("tea")


def test_tasks_of_families():
    assert "text-generation" in tasks_of(dure.GPT2Config())
    assert "fill-mask" not in tasks_of(dure.GPT2Config())
    assert "summarization" in tasks_of(dure.T5Config())
    assert set(TASKS) >= {"text2text-generation", "zero-shot-classification"}


@pytest.mark.parametrize(
    ("family", "head", "task"),
    [
        ("Bert", "ForSequenceClassification", "text-classification"),
        ("Bert", "ForTokenClassification", "token-classification"),
        ("Roberta", "ForMaskedLM", "fill-mask"),
        ("GPT2", "LMHeadModel", "text-generation"),
        ("Marian", "MTModel", "translation"),
        ("T5", "ForConditionalGeneration", "text2text-generation"),
        ("Bert", "Model", "feature-extraction"),
    ],
)
def test_the_task_follows_from_the_model(made, family, head, task):
    assert dure.pipeline(model=made(family, head)).task == task


def test_the_models_card_decides(made, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(made("Bert", "ForSequenceClassification"), copy)
    (copy / "README.md").write_text("---\ntags:\n- x\npipeline_tag: zero-shot-classification\n---\n# A model\n")
    assert dure.pipeline(model=str(copy)).task == "zero-shot-classification"
    config = json.loads((copy / "config.json").read_text())
    (copy / "README.md").unlink()
    (copy / "config.json").write_text(json.dumps({**config, "architectures": ["BertForPoetry"]}))
    with pytest.raises(InputError, match="nothing says which task it is for"):
        dure.pipeline(model=str(copy))


def test_defaults_are_pinned_and_named(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")
    for name, row in TASKS.items():
        known = transformers.pipelines.SUPPORTED_TASKS.get(name)
        if known and name != "translation":
            assert known["default"]["model"]["pt"] == (row.default_model, row.default_revision)
    message = (
        "No model was supplied, defaulted to facebook/bart-large-mnli and revision d7645e1 "
        r"\(https://huggingface.co/facebook/bart-large-mnli\)\.\nUsing a pipeline without specifying a model name"
    )
    with (
        pytest.warns(UserWarning, match=message),
        pytest.raises(RepositoryNotFoundError, match="Models on this machine: "),
    ):
        dure.pipeline("zero-shot-classification")


def test_threads_are_those_that_are_asked_for(made):
    from dure.threads import num_threads

    pipe = dure.pipeline("text-classification", model=made("Bert", "ForSequenceClassification"), num_threads=1)
    seen, before = [], (torch.get_num_threads(), num_threads())
    pipe.model.register_forward_hook(lambda *_: seen.append((torch.get_num_threads(), num_threads())))
    pipe("tea")
    assert seen == [(1, 1)]
    assert (torch.get_num_threads(), num_threads()) == before


def test_long_lists_show_how_far_they_are(made, monkeypatch, capsys):
    monkeypatch.setitem(os.environ, "DURE_PROGRESS", "1")
    pipe = dure.pipeline("text-classification", model=made("Bert", "ForSequenceClassification"))
    pipe(["tea"] * 10)
    assert capsys.readouterr().err == ""
    pipe([f"tea {i}" for i in range(80)])
    assert "80/80" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number from 1 on, not 0"),
        ({"num_threads": "two"}, "num_threads must be a whole number from 1 on, not 'two'"),
        ({"framework": "tf"}, "framework 'tf' is not supported"),
        ({"device": "gpu"}, "device 'gpu' is not one"),
    ],
)
def test_wrong_arguments(made, options, match):
    with pytest.raises(InputError, match=match):
        dure.pipeline("text-classification", model=made("Bert", "ForSequenceClassification"), **options)


def test_saving(made, tmp_path):
    pipe = dure.pipeline("text-classification", model=made("Bert", "ForSequenceClassification"))
    pipe.save_pretrained(tmp_path / "saved")
    again = dure.pipeline(model=str(tmp_path / "saved"))
    assert again.predict(["tea"]) == pipe.transform(["tea"]) == pipe(["tea"])
    assert again.dtype == torch.float32


def test_nothing_given():
    with pytest.raises(InputError, match="give a task"):
        dure.pipeline()
    with pytest.raises(InputError, match="a tokenizer without a model"):
        dure.pipeline("ner", tokenizer="x")
