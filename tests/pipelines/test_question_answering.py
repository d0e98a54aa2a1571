"""Answers in contexts, short and long, against the original; forms of input; errors."""

from __future__ import annotations

import random

import pytest
from tests.pipelines.oracle import assert_same

import dure
from dure.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
HEAD = "ForQuestionAnswering"


@pytest.mark.parametrize("family", ["Albert", "Bart", "Electra", "GPT2", "Roberta"])
def test_long_and_short_contexts(made, both, questions, family):
    ours, theirs = both("question-answering", made(family, HEAD))
    questions = questions[::2]
    assert_same(ours(questions), [theirs(**each) for each in questions])
    assert_same(ours(**questions[0]), theirs(**questions[0]))


@pytest.mark.parametrize("seed", range(4))
def test_options(made, both, questions, seed):
    draw = random.Random(seed)
    family = draw.choice(["Bert", "Electra", "Roberta", "Albert"])
    options = {
        "top_k": draw.choice([1, 3, 8]),
        "doc_stride": draw.choice([5, 16, 24]),
        "max_seq_len": draw.choice([72, 90]),
        "max_answer_len": draw.choice([1, 4, 30]),
        "handle_impossible_answer": draw.random() < 0.5,
        "align_to_words": draw.random() < 0.5,
    }
    ours, theirs = both("question-answering", made(family, HEAD))
    chosen = draw.sample(questions[:-1], 4)
    assert_same(ours(chosen, batch_size=draw.choice([None, 1, 4]), **options), [theirs(**q, **options) for q in chosen])


def test_forms_of_input(made, both, questions):
    ours, theirs = both("question-answering", made("Bert", HEAD))
    first, second = questions[:2]
    expected = theirs([first, second])
    assert_same(ours([first, second]), expected)
    assert_same(ours(first), theirs(first))
    assert_same(ours([first]), theirs([first]))
    assert_same(ours(first["question"], first["context"]), expected[0])
    columns = {name: [first[name], second[name]] for name in first}
    assert_same(ours(**columns), expected)
    assert_same(ours(**dure.Dataset.from_dict(columns)[:]), expected)
    assert_same(list(ours(each for each in (first, second))), expected)
    assert_same(
        ours(question=columns["question"], context=first["context"]),
        theirs(question=columns["question"], context=first["context"]),
    )
    assert_same(ours(data=[first, second], topk=2), theirs(data=[first, second], topk=2))


def test_left_padding_looks_for_answers_in_the_context_only(made, questions):
    pipe = dure.pipeline("question-answering", model=made("Bert", HEAD))
    pipe.tokenizer.padding_side = "left"
    for answer, asked in zip(pipe(questions, top_k=4), questions, strict=True):
        for each in answer:
            assert each["answer"] == asked["context"][each["start"] : each["end"]]


def test_a_context_without_any_answer(made, both):
    ours, theirs = both("question-answering", made("Electra", HEAD))
    asked = {"question": "어디?", "context": "\u200b"}
    assert_same(ours(asked), theirs(asked))
    few = {"question": "What?", "context": "tea"}
    assert ours(few, top_k=50)["answer"] == "tea"


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda p: p(question="Who?"), "context is missing"),
        (lambda p: p("Who?"), "must be a dictionary {'question': ..., 'context': ...}, not str"),
        (lambda p: p({"question": "Who?"}), "must be a dictionary"),
        (lambda p: p(question="Who?", context=""), "context 0 is empty"),
        (lambda p: p(question=" ", context="me"), "question 0 is empty"),
        (lambda p: p(question="Who?", context=3), "context 0 must be a string, not int"),
        (lambda p: p([{"question": "a", "context": "b"}, {"question": None, "context": "b"}]), "question 1.*NoneType"),
        (lambda p: p(question=["a", "b"], context=["a", "b", "c"]), "2 questions, but 3 contexts"),
        (lambda p: p(question="Who?", context="me", top_k=0), "top_k must be a whole number from 1 on, not 0"),
        (lambda p: p(question="Who?", context="me", max_answer_len=0), "max_answer_len.*not 0"),
        (lambda p: p(question="Who?", context="me", doc_stride=80, max_seq_len=60), "doc_stride=80 is larger"),
        (lambda p: p(question="Who?", context="me", max_seq_len=200), "max_seq_len=200 is more than the 160 tokens"),
        (lambda p: p(question="Who is it " * 20, context="me " * 99), "question 0 has 60 tokens.*no room"),
    ],
)
def test_errors(made, call, match):
    with pytest.raises(InputError, match=match):
        call(dure.pipeline("question-answering", model=made("Bert", HEAD)))
