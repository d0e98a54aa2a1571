"""What pipelines show of themselves: tokens, shapes, numbers, attention, answer; as tables and as a page."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from tests.pipelines.oracle import assert_same

import dure
from dure.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
CASES = {
    "text-classification": ("Bert", "ForSequenceClassification", "a cup <b>of</b> tea & 한국어"),
    "ner": ("Electra", "ForTokenClassification", "서울에 갔다"),
    "fill-mask": ("Roberta", "ForMaskedLM", "a <mask> of tea"),
    "question-answering": ("Bert", "ForQuestionAnswering", {"question": "Who?", "context": "It was <me>. " * 30}),
    "feature-extraction": ("Bert", "Model", "tea"),
    "multiple-choice": ("Bert", "ForMultipleChoice", {"text": "Tea is", "choices": ["hot", "a car", "blue"]}),
    "sentence-similarity": ("Bert", "Model", {"source_sentence": "tea", "sentences": ["cup", "car"]}),
    "text-generation": ("GPT2", "LMHeadModel", "Once upon"),
    "summarization": ("Bart", "ForConditionalGeneration", "a cup of tea"),
}


class Balanced(HTMLParser):
    """Counts tags, and whether each is closed in turn."""

    def __init__(self):
        super().__init__()
        self.open, self.count, self.text = [], 0, ""

    def handle_starttag(self, tag, attrs):
        if tag not in ("br", "meta"):
            self.open.append(tag)
        self.count += 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("task", CASES)
def test_every_task_explains_itself(made, tmp_path, task):
    family, head, asked = CASES[task]
    options = {"do_sample": False, "max_new_tokens": 4} if task in ("text-generation", "summarization") else {}
    pipe = dure.pipeline(task, model=made(family, head), **options)
    explained = pipe.explain(asked, attention=True)
    assert_same(explained.answer, pipe(asked))
    ids = pipe.preprocess([asked])[0].inputs["input_ids"]
    assert [piece.id for piece in explained.rows[0]] == ids
    assert explained.shapes
    assert any(len(ids) in shape.shape for shape in explained.shapes)
    for weights in explained.attentions:
        assert weights.shape[1:] == (len(ids), len(ids))
        np.testing.assert_allclose(weights.sum(-1), 1.0, atol=1e-5)
    assert len(explained.attentions) == 2
    printed = str(explained)
    assert "shapes through the model" in printed
    page = Balanced()
    explained.save(tmp_path / "page.html")
    page.feed((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not page.open
    assert page.count > 30
    assert "Tokens and their ids" in page.text
    assert "<script" not in explained._repr_html_()
    assert "http" not in explained._repr_html_()


def test_hooks_are_gone_and_attention_is_on_request(made):
    pipe = dure.pipeline("text-classification", model=made("Bert", "ForSequenceClassification"))
    explained = pipe.explain("tea")
    assert explained.attentions == []
    assert not any(module._forward_hooks for module in pipe.model.modules())
    figure = explained.figures[0]
    assert figure.rows[0][2] == pytest.approx(explained.answer[0]["score"], abs=1e-6)
    assert sum(row[2] for row in figure.rows) == pytest.approx(1.0, abs=1e-5)


def test_equal_layers_are_folded(made):
    pipe = dure.pipeline("ner", model=made("Bert", "ForTokenClassification"))
    assert "2 x EncoderBlock" in str(pipe.explain("tea"))


def test_a_list_is_refused(made):
    pipe = dure.pipeline("text-classification", model=made("Bert", "ForSequenceClassification"))
    with pytest.raises(InputError, match="explain takes one input, not list"):
        pipe.explain(["a", "b"])
    with pytest.raises(InputError, match="must be a string"):
        pipe.explain(None)
