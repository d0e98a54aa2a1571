"""Similarity, search and multiple choice, which the original has no pipelines for."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tests.pipelines.oracle import assert_same

import dure
from dure.errors import DataFileError, InputError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
TEXTS = ["tea is hot", "a cup of tea", "cars are fast", "한국어 문장", "tea is hot", "😀"]


@pytest.fixture
def folder(made):
    return made("Bert", "Model")


def mean_vectors(folder, texts):
    """The textbook's way: padded batch, mean over the mask, length 1."""
    transformers = pytest.importorskip("transformers")
    tokenizer, model = (
        transformers.AutoTokenizer.from_pretrained(folder),
        transformers.AutoModel.from_pretrained(folder),
    )
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1).numpy()


def test_similarities_are_cosines_of_mean_vectors(folder):
    pipe = dure.pipeline("sentence-similarity", model=folder)
    vectors = mean_vectors(folder, TEXTS)
    found = pipe(TEXTS[0], TEXTS[1:])
    np.testing.assert_allclose(found, vectors[1:] @ vectors[0], atol=1e-5)
    asked = {"source_sentence": TEXTS[0], "sentences": TEXTS[1:]}
    assert pipe(asked) == pytest.approx(found, abs=1e-6)
    assert pipe([asked, {"source_sentence": TEXTS[2], "sentences": TEXTS[3]}])[1] == pytest.approx(
        [float(vectors[2] @ vectors[3])], abs=1e-5
    )


def test_pooling_is_what_the_models_files_say(made, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(made("Bert", "Model"), copy)
    (copy / "1_Pooling").mkdir()
    (copy / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    assert dure.pipeline("sentence-similarity", model=str(copy)).pooling == "cls"
    assert dure.pipeline("sentence-similarity", model=str(copy), pooling="max").pooling == "max"
    with pytest.raises(InputError, match="'sum' is not one of"):
        dure.pipeline("sentence-similarity", model=str(copy), pooling="sum")


@pytest.mark.parametrize("backend", ["exact", "faiss", "usearch"])
def test_search(folder, tmp_path, backend):
    if backend != "exact":
        pytest.importorskip(backend, reason=f"{backend} isn't installed")
    data = dure.Dataset.from_dict({"body": TEXTS, "n": list(range(6))})
    pipe = dure.pipeline("semantic-search", model=folder).index(data, "body", backend=backend)
    vectors = mean_vectors(folder, ["a hot cup", *TEXTS])
    scores = vectors[1:] @ vectors[0]
    found = pipe("a hot cup", top_k=3)
    assert [hit["score"] for hit in found] == pytest.approx(sorted(scores.tolist(), reverse=True)[:3], abs=1e-5)
    assert all(hit["text"] == TEXTS[hit["index"]] for hit in found)
    assert len(pipe(["a", "b"], top_k=99)[1]) == 6
    pipe.save_index(tmp_path)
    other = dure.pipeline("semantic-search", model=folder).load_index(tmp_path, data)
    assert_same(other("a hot cup", top_k=3), found)
    with pytest.raises(InputError, match=r"made of other texts \(6, now 5\)"):
        other.load_index(tmp_path, data.select(range(5)))
    (tmp_path / "semantic_index" / "index.json").write_text("{")
    with pytest.raises(DataFileError, match="no index that can be read"):
        other.load_index(tmp_path, data)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda p: p("tea"), "nothing to search yet"),
        (lambda p: p.save_index("x"), "nothing to search yet"),
        (lambda p: p.index(["a", None]), "text 1 must be a string, not NoneType"),
        (lambda p: p.index(dure.Dataset.from_dict({"a": ["b"]})), "no column 'text'; its columns are a"),
        (lambda p: p.index(["a"], backend="scan"), "'scan' is not one of 'exact', 'faiss', 'usearch'"),
        (lambda p: p.index(["a"])(None), "query 0 must be a string"),
        (lambda p: p.index(["a"])("b", top_k=0), "top_k must be a whole number"),
        (lambda p: p.index(["tea " * 300]), "text 0 has 302 tokens, but the model takes 96"),
    ],
)
def test_search_errors(folder, call, match):
    with pytest.raises(InputError, match=match):
        call(dure.pipeline("semantic-search", model=folder))


def test_multiple_choice(made):
    transformers = pytest.importorskip("transformers")
    folder, choices = made("Bert", "ForMultipleChoice"), ["hot", "a fast car on the road", "blue"]
    pipe = dure.pipeline("multiple-choice", model=folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForMultipleChoice.from_pretrained(folder)
    batch = tokenizer(["Tea is"] * 3, choices, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = model(**{name: tensor.unsqueeze(0) for name, tensor in batch.items()}).logits[0].softmax(0)
    found = pipe("Tea is", choices=choices)
    assert found["scores"] == pytest.approx(expected.tolist(), abs=1e-5)
    assert found["answer"] == choices[int(expected.argmax())]
    many = pipe([{"question": "Tea is", "choices": choices}, {"text": "a", "choices": ["b", "c"]}] * 9)
    assert many[0]["scores"] == pytest.approx(found["scores"], abs=1e-6)
    assert len(many[1]["scores"]) == 2
    with pytest.raises(InputError, match="choices 0 must be a list of at least one text"):
        pipe("Tea", choices=[])
    with pytest.raises(InputError, match="a choice of input 0 must be a string, not int"):
        pipe("Tea", choices=["a", 3])
