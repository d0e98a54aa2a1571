"""Pipelines against those of transformers, with random models."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

import dure
from dure.errors import DureError, InputError

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

WORDS = ["good", "bad", "tea", "cup", "the", "a", "was", "맛", "##있", "##다", "두", "##레", ",", "!"]
TEXTS = ["good tea", "", "두레 맛있다!", "🙂 the", "a " * 20, "bad, bad tea was the cup", "cafe\u0301 good"]


@pytest.fixture
def save(tmp_path):
    """Save a random model with a tokenizer; returns the folder."""

    def save(family="Bert", head="ForSequenceClassification", **fields):
        folder = tmp_path / f"{family}{len(fields)}{random.random()}"
        folder.mkdir()
        (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
        tokenizer = getattr(dure, f"{family}TokenizerFast")(vocab_file=str(folder / "vocab.txt"), model_max_length=48)
        tokenizer.save_pretrained(folder)
        sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 32}
        if family == "DistilBert":
            sizes = {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 32}
        config = getattr(dure, f"{family}Config")(vocab_size=19, max_position_embeddings=48, **sizes, **fields)
        model = getattr(dure, f"{family}{head}")(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
        model.save_pretrained(folder)
        return str(folder)

    return save


def both(task, folder, **options):
    return dure.pipeline(task, model=folder, **options), transformers.pipeline(task, model=folder, device="cpu")


def assert_close(ours, theirs):
    """The same structure, the same labels, numbers to 1e-5."""
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name in theirs:
            assert_close(ours[name], theirs[name])
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for mine, yours in zip(ours, theirs, strict=True):
            assert_close(mine, yours)
    elif isinstance(theirs, float):
        assert math.isclose(ours, theirs, abs_tol=1e-5)
    else:
        assert ours == theirs


@pytest.mark.parametrize("family", ["Bert", "DistilBert"])
@pytest.mark.parametrize(
    "fields",
    [
        {"num_labels": 3},
        {"num_labels": 2, "id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}},
        {"num_labels": 1},
        {"num_labels": 4, "problem_type": "multi_label_classification"},
        {"num_labels": 3, "problem_type": "regression"},
    ],
)
def test_text_classification(save, family, fields):
    ours, theirs = both("text-classification", save(family, **fields))
    assert_close(ours("good tea"), theirs("good tea"))
    assert_close(ours(TEXTS), theirs(TEXTS))
    for options in ({"top_k": 2}, {"top_k": None}, {"top_k": 1}, {"function_to_apply": "none"}):
        assert_close(ours(TEXTS, **options), theirs(TEXTS, **options))
        assert_close(ours("bad", **options), theirs("bad", **options))
    pairs = [{"text": "good", "text_pair": "bad tea"}, {"text": "a cup", "text_pair": "tea"}]
    assert_close(ours(pairs), theirs(pairs))
    assert_close(ours(pairs[0], top_k=None), theirs(pairs[0], top_k=None))
    assert_close(ours(TEXTS, batch_size=2), theirs(TEXTS, batch_size=2))


def test_alias_and_function(save):
    ours, theirs = both("sentiment-analysis", save(num_labels=3))
    assert_close(ours("tea", function_to_apply="sigmoid"), theirs("tea", function_to_apply="sigmoid"))


@pytest.mark.parametrize("family", ["Bert", "DistilBert"])
def test_feature_extraction(save, family):
    ours, theirs = both("feature-extraction", save(family, "Model"))
    assert_close(ours("good tea"), theirs("good tea"))
    assert_close(ours(TEXTS), theirs(TEXTS))
    tensors = ours(TEXTS, return_tensors=True)
    for mine, yours in zip(tensors, theirs(TEXTS, return_tensors=True), strict=True):
        torch.testing.assert_close(mine, yours, rtol=1e-5, atol=1e-5)


def test_many_texts_come_back_in_their_order(save):
    folder = save(num_labels=3)
    ours, theirs = both("text-classification", folder)
    texts = [" ".join(random.choices(WORDS[:7], k=random.randrange(1, 30))) for _ in range(300)]
    expected = theirs(texts, batch_size=32)
    assert_close(ours(texts), expected)
    assert_close(list(ours(text for text in texts)), expected)
    assert_close(ours(tuple(texts)), expected)
    assert_close(ours(dure.Dataset.from_dict({"text": texts})["text"]), expected)
    assert ours([]) == []


def test_a_generator_is_read_as_far_as_needed(save):
    ours, read = dure.pipeline("text-classification", model=save(num_labels=2)), []

    def endless():
        while True:
            read.append(1)
            yield "good tea"

    answers = ours(endless())
    assert {"label", "score"} == set(next(answers))
    assert len(read) < 5000


def test_too_long_texts(save):
    folder = save(num_labels=2)
    pipe = dure.pipeline("text-classification", model=folder)
    long = "tea " * 500
    with pytest.raises(InputError, match="truncation=True"):
        pipe(long)
    expected = transformers.pipeline("text-classification", model=folder, device="cpu")(long, truncation=True)
    assert_close(pipe(long, truncation=True), expected)
    assert_close(dure.pipeline("text-classification", model=folder, truncation=True)(long), expected)


def test_truncation_without_a_tokenizers_limit_is_the_models(save, caplog):
    folder = save(num_labels=2)
    expected = dure.pipeline("text-classification", model=folder)("tea " * 500, truncation=True)
    model = dure.AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = dure.BertTokenizerFast(vocab_file=f"{folder}/vocab.txt")
    pipe = dure.pipeline("text-classification", model=model, tokenizer=tokenizer, truncation=True)
    assert pipe("tea " * 500) == expected
    assert {record.getMessage() for record in caplog.records} == {
        "1 of 1 texts had more than 48 tokens and were cut; the longest is text 0, which had 502"
    }


def test_objects_and_precision(save):
    folder = save(num_labels=2)
    model = dure.AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = dure.AutoTokenizer.from_pretrained(folder)
    expected = dure.pipeline("text-classification", model=folder)("tea")
    assert dure.pipeline("text-classification", model=model, tokenizer=tokenizer)("tea") == expected
    assert dure.pipeline("text-classification", model=folder, tokenizer=folder)("tea") == expected
    low = dure.pipeline("text-classification", model=folder, dtype="bfloat16")("tea")
    assert np.isclose(low[0]["score"], expected[0]["score"], atol=0.05)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda f: dure.pipeline("poetry", model=f), "unknown task 'poetry'; known: feature-extraction"),
        (lambda f: dure.pipeline("text-classification", model=f, topk=1), "unknown argument 'topk'"),
        (lambda f: dure.pipeline("text-classification", model=f)("tea", topk=1), "unknown argument 'topk'"),
        (lambda f: dure.pipeline("text-classification", model=f)(3), "not int"),
        (lambda f: dure.pipeline("text-classification", model=f)(["tea", 3]), "text 1 must be a string.*int"),
        (lambda f: dure.pipeline("text-classification", model=f)("tea", function_to_apply="tanh"), "tanh"),
        (
            lambda f: dure.pipeline(
                "text-classification", model=dure.AutoModelForSequenceClassification.from_pretrained(f)
            ),
            "needs its tokenizer",
        ),
    ],
)
def test_errors(save, call, match):
    with pytest.raises(DureError, match=match):
        call(save(num_labels=2))


def test_the_default_model_is_named(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.warns(UserWarning, match="defaulted to distilbert"), pytest.raises(DureError, match="dure pull"):
        dure.pipeline("sentiment-analysis")
