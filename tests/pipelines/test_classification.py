"""Classification of texts, with the model's labels and with one's own, over families, against the original."""

from __future__ import annotations

import random

import pytest
from tests.pipelines.oracle import assert_same

import dure
from dure.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
HEAD = "ForSequenceClassification"
FAMILIES = ["Albert", "Bart", "Bert", "DistilBert", "Electra", "GPT2", "Roberta", "T5"]
ENTAILMENT = {
    "num_labels": 3,
    "id2label": {0: "contradiction", 1: "neutral", 2: "entailment"},
    "label2id": {"contradiction": 0, "neutral": 1, "entailment": 2},
}
ENTAILMENT_FIRST = {
    "num_labels": 2, "id2label": {0: "Entailed", 1: "not"}, "label2id": {"Entailed": 0, "not": 1},
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_and_pairs(made, both, texts, family):
    fields = {"pad_token_id": 50256} if family == "GPT2" else {}
    ours, theirs = both("text-classification", made(family, HEAD, num_labels=4, **fields))
    pairs = [{"text": a, "text_pair": b} for a, b in zip(texts, texts[::-1], strict=True)]
    expected = theirs(texts)
    assert_same(ours(texts), expected)
    assert_same(ours(texts, batch_size=5), expected)
    mixed = [*texts[:2], *pairs[::2], *texts[3:5]]
    assert_same(ours(mixed, top_k=2), theirs(mixed, top_k=2))
    assert_same(ours([[["tea", "cup"]]]), theirs([[["tea", "cup"]]]))


def test_a_decoder_whose_padding_is_not_the_tokenizers(made, both, texts):
    for fields in ({}, {"pad_token_id": 7}):
        ours, theirs = both("text-classification", made("GPT2", HEAD, num_labels=3, **fields))
        ours.tokenizer.pad_token = "!"
        assert_same(ours(texts), theirs(texts))


@pytest.mark.parametrize(
    "options", [{}, {"top_k": 2}, {"top_k": None}, {"return_all_scores": True}, {"return_all_scores": False}]
)
@pytest.mark.parametrize(
    "call", [{}, {"top_k": 1}, {"top_k": None}, {"return_all_scores": True}, {"function_to_apply": "sigmoid"}]
)
def test_forms_of_answers(made, both, texts, options, call):
    ours, theirs = both("text-classification", made("Bert", HEAD, num_labels=3), **options)
    for asked in (texts[7], texts[6:9], {"text": "tea", "text_pair": "cup"}):
        assert_same(ours(asked, **call), theirs(asked, **call))


@pytest.mark.parametrize(
    ("family", "fields"),
    [("Bart", ENTAILMENT), ("Bert", ENTAILMENT), ("Electra", ENTAILMENT_FIRST), ("Roberta", ENTAILMENT_FIRST)],
)
def test_labels_of_ones_own(made, both, texts, family, fields):
    ours, theirs = both("zero-shot-classification", made(family, HEAD, **fields))
    asked, labels = [text[:60] for text in texts if "</s>" not in text], ["정치", "sport", "tea & cup"]
    assert_same(ours(asked, labels), theirs(asked, labels))
    assert_same(ours(asked[0], candidate_labels="정치, sport,"), theirs(asked[0], candidate_labels="정치, sport,"))
    options = {"multi_label": True, "hypothesis_template": "{}에 관한 글이다."}
    assert_same(ours(asked, labels, batch_size=7, **options), theirs(asked, labels, **options))
    assert_same(ours(asked[2], labels[:1]), theirs(asked[2], labels[:1]))
    assert_same(ours(asked[2], labels, multi_class=True), theirs(asked[2], labels, multi_class=True))


def test_zero_shot_cuts_the_text_and_not_the_label(made, both):
    ours, theirs = both("zero-shot-classification", made("Bert", HEAD, **ENTAILMENT))
    long = ["tea " * 300, "a cup"]
    assert_same(ours(long, ["x", "y z"], truncation=True), theirs(long, ["x", "y z"]))


def test_a_model_that_names_no_entailment(made, both, texts, caplog):
    ours, theirs = both("zero-shot-classification", made("Bert", HEAD, num_labels=3))
    assert "no label that begins with 'entail'" in caplog.text
    assert_same(ours(texts[7], ["a", "b"]), theirs(texts[7], ["a", "b"]))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda p: p("tea"), "candidate_labels=None: give at least one label"),
        (lambda p: p("tea", []), r"candidate_labels=\[\]: give at least one label"),
        (lambda p: p("tea", " , "), "candidate_labels=' , '"),
        (lambda p: p("tea", ["a", ""]), "'' is not a label"),
        (lambda p: p("tea", ["a", None]), "None is not a label"),
        (lambda p: p("", ["a"]), "text 0 is empty"),
        (lambda p: p(["tea", None], ["a"]), "text 1 must be a string, not NoneType"),
        (lambda p: p("tea", ["a"], hypothesis_template="About."), "'About.' has no place for a label"),
        (lambda p: p(["tea", "tea " * 300], ["a", "b"]), r"text 1 has 30\d tokens, but the model takes 96"),
    ],
)
def test_zero_shot_errors(made, call, match):
    with pytest.raises(InputError, match=match):
        call(dure.pipeline("zero-shot-classification", model=made("Bert", HEAD, **ENTAILMENT)))


@pytest.mark.parametrize("family", ["Bart", "Bert", "GPT2", "Roberta"])
def test_features(made, both, texts, family):
    ours, theirs = both("feature-extraction", made(family, "Model"))
    asked = texts[:4]
    assert_same(ours(asked), theirs(asked))
    assert_same(ours(asked[0]), theirs(asked[0]))
    assert_same(ours("tea " * 300, tokenize_kwargs={"truncation": True}), theirs("tea " * 300, truncation=True))
    with pytest.raises(InputError, match="given twice"):
        ours("tea", truncation=True, tokenize_kwargs={"truncation": True})


def test_any_batch_size_gives_the_same(made, texts):
    pipe = dure.pipeline("text-classification", model=made("Electra", HEAD, num_labels=3))
    many = random.Random(0).choices(texts, k=90)
    expected = [pipe(text)[0] for text in many]
    for size in (None, 1, 7, 1000):
        assert_same(pipe(many, batch_size=size), expected)
