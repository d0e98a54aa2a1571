"""Names in texts: every strategy, windows, words, against the original; particles and errors."""

from __future__ import annotations

import pytest
from tests.pipelines.oracle import assert_same

import dure
from dure.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "I-ORG", "MISC-X"]
NAMES = {"num_labels": 7, "id2label": dict(enumerate(LABELS)), "label2id": {n: i for i, n in enumerate(LABELS)}}
FAMILIES = ["Albert", "Bert", "Electra", "Roberta"]


@pytest.mark.parametrize("family", FAMILIES)
def test_all_strategies(made, both, texts, family):
    ours, theirs = both("ner", made(family, "ForTokenClassification", **NAMES))
    for strategy in ("none", "simple", "first", "average", "max"):
        expected = [theirs(text, aggregation_strategy=strategy) for text in texts]
        assert_same(ours(texts, aggregation_strategy=strategy), expected)
        assert_same(ours(texts[0], aggregation_strategy=strategy), expected[0])
    assert_same(ours(texts, ignore_labels=[], batch_size=3), theirs(texts, ignore_labels=[]))
    labels = ["PER", "O"]
    assert_same(
        ours(texts, ignore_labels=labels, aggregation_strategy="simple"),
        theirs(texts, ignore_labels=labels, aggregation_strategy="simple"),
    )


@pytest.mark.parametrize("family", ["Electra", "Roberta"])
def test_long_texts_in_windows(made, both, texts, family):
    folder = made(family, "ForTokenClassification", **NAMES)
    long = [" ".join(texts[6:11]), " ".join(texts), "짧은 글", ""]
    for stride in (0, 20):
        ours, theirs = both("ner", folder, aggregation_strategy="simple", stride=stride)
        assert_same(ours(long), [theirs(text) for text in long])
        assert_same(
            ours(long, aggregation_strategy="average"), [theirs(t, aggregation_strategy="average") for t in long]
        )


@pytest.mark.parametrize("family", ["Bert", "Electra"])
@pytest.mark.parametrize("delimiter", [None, "", "--"])
def test_texts_that_are_split_into_words(made, both, texts, family, delimiter):
    ours, theirs = both("ner", made(family, "ForTokenClassification", **NAMES))
    words = [text.split() for text in texts]
    for strategy in ("none", "simple", "first"):
        options = {"is_split_into_words": True, "aggregation_strategy": strategy, "delimiter": delimiter}
        assert_same(ours(words, **options), theirs(words, **options))
        assert_same(ours(words[8], **options), theirs(words[8], **options))


def test_older_names_of_strategies(made, both, texts):
    folder = made("Bert", "ForTokenClassification", **NAMES)
    for options in (
        {"grouped_entities": True},
        {"grouped_entities": True, "ignore_subwords": True},
        {"ignore_subwords": True},
    ):
        ours, theirs = both("ner", folder, **options)
        assert_same(ours(texts), theirs(texts))


def test_spans_are_the_texts_own_characters(made, texts):
    pipe = dure.pipeline("ner", model=made("Electra", "ForTokenClassification", **NAMES), aggregation_strategy="first")
    for text, entities in zip(texts, pipe(texts), strict=True):
        assert [e["start"] for e in entities] == sorted(e["start"] for e in entities)
        assert all(text[e["start"] : e["end"]].strip() for e in entities)


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("서울에 갔다", "서울에", "서울"),
        ("홍길동은 왔다", "홍길동은", "홍길동"),
        ("김정은 위원장", "김정은", "김정은"),
        ("제주도 여행", "제주도", "제주도"),
        ("한국전력공사에서는", "한국전력공사에서는", "한국전력공사"),
        ("부산으로 갔다", "부산으로", "부산"),
        ("서울로으로", "서울로", "서울로"),
        ("LG 트윈스가", "LG 트윈스가", "LG 트윈스"),
        ("Seoul에", "Seoul에", "Seoul에"),
    ],
)
def test_particles_are_trimmed(text, span, expected):
    from dure.pipelines.particles import without_particle

    entity = {"entity_group": "LOC", "score": 0.5, "word": span, "start": 0, "end": len(span)}
    found = without_particle(entity, text)
    assert (found["word"], text[: found["end"]]) == (expected, expected)


def test_particles_are_trimmed_in_a_call(made):
    pipe = dure.pipeline("ner", model=made("Electra", "ForTokenClassification", **NAMES), ignore_labels=[])
    whole = pipe("서울에서는 홍길동을", aggregation_strategy="first")
    trimmed = pipe("서울에서는 홍길동을", aggregation_strategy="first", trim_particles=True)
    assert [e["start"] for e in whole] == [e["start"] for e in trimmed]
    assert trimmed[-1]["end"] < whole[-1]["end"]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda p: p("tea " * 400), r"text 0 has \d+ tokens, but the model takes 96 at most: pass stride"),
        (lambda p: p(["tea", None]), "text 1 must be a string, not NoneType; fill or drop"),
        (lambda p: p(5), "must be a string, not int"),
        (lambda p: p([["a", "b"]]), "is_split_into_words=True, not list"),
        (lambda p: p([["a", 3]], is_split_into_words=True), "word 1 of text 0 must be a string, not int"),
        (lambda p: p("tea", is_split_into_words=True), "a list of words"),
        (lambda p: p("tea", aggregation_strategy="best"), "'best' is not one of 'none', 'simple'"),
        (lambda p: p("tea", aggregation_strategy="none", stride=4), "choose an aggregation_strategy"),
        (lambda p: p("tea", aggregation_strategy="simple", stride=94), "from 0 to 93"),
        (lambda p: p("tea", ignore_labels="O"), "not the string 'O'"),
        (lambda p: p("tea", strides=3), "did you mean 'stride'"),
    ],
)
def test_errors(made, call, match):
    with pytest.raises(InputError, match=match):
        call(dure.pipeline("ner", model=made("Bert", "ForTokenClassification", **NAMES)))


def test_what_is_cut_is_said(made, both, caplog):
    ours, theirs = both("ner", made("Bert", "ForTokenClassification", **NAMES))
    long = ["good tea", "tea " * 300, "a cup " * 90]
    assert_same(ours(long, truncation=True), theirs(long))
    assert "2 of 3 texts had more than 96 tokens and were cut; the longest is text 1, which had 302" in caplog.text
