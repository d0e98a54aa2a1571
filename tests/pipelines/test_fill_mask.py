"""Words for masks, against the original."""

from __future__ import annotations

import pytest
from tests.pipelines.oracle import assert_same

import dure
from dure.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
HEAD = "ForMaskedLM"


def masked(texts, mask):
    """Texts with a mask somewhere, and some with two."""
    places = [len(text) // 2 for text in texts]
    one = [f"{text[:n]} {mask} {text[n:]}" for text, n in zip(texts, places, strict=True) if "[" not in text]
    return [*one, f"{mask} 은 {mask}다.", f"tea{mask}", f"a {mask} {mask} {mask} b"]


@pytest.mark.parametrize("family", ["Albert", "Bart", "DistilBert", "Electra", "Roberta"])
def test_best_words(made, both, texts, family):
    head = "ForConditionalGeneration" if family == "Bart" else HEAD
    ours, theirs = both("fill-mask", made(family, head))
    asked = masked(texts, ours.tokenizer.mask_token)
    expected = theirs(asked)
    assert_same(ours(asked), expected)
    assert_same(ours(asked, batch_size=4), expected)
    assert_same(ours(asked[0], top_k=2), theirs(asked[0], top_k=2))
    assert_same(ours([asked[1]]), theirs([asked[1]]))
    assert_same(ours(asked[-1]), theirs(asked[-1]))


def test_targets(made, both, texts, caplog):
    ours, theirs = both("fill-mask", made("Bert", HEAD))
    asked = masked(texts, "[MASK]")[:4]
    for targets in ("tea", ["tea", "cup", "tea"], ["unaffable", "the"]):
        assert_same(ours(asked, targets=targets), theirs(asked, targets=targets))
        assert_same(ours(asked[0], targets=targets, top_k=1), theirs(asked[0], targets=targets, top_k=1))
    assert "'unaffable' is not a token" in caplog.text


def test_arguments_of_the_tokenizer(made, both):
    ours, theirs = both("fill-mask", made("Bert", HEAD))
    text, options = "[MASK] " + "tea " * 300, {"truncation": True}
    assert_same(ours(text, tokenizer_kwargs=options), theirs(text, tokenizer_kwargs=options))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda p: p("no mask here"), r"text 0 has no mask: write \[MASK\]"),
        (lambda p: p(["a [MASK]", "none"]), "text 1 has no mask"),
        (lambda p: p(["a [MASK]", None]), "text 1 must be a string, not NoneType"),
        (lambda p: p(""), "text 0 has no mask"),
        (lambda p: p("a [MASK]", top_k=0), "top_k"),
        (lambda p: p("a [MASK]", targets=[]), "at least one"),
        (lambda p: p("a [MASK]", targets=[3]), "target 0 must be a string, not int"),
        (lambda p: p("[MASK] " * 200), r"text 0 has 202 tokens, but the model takes 160"),
    ],
)
def test_errors(made, call, match):
    with pytest.raises(InputError, match=match):
        call(dure.pipeline("fill-mask", model=made("Bert", HEAD)))


def test_a_tokenizer_without_a_mask(made):
    folder = made("Bert", HEAD)
    tokenizer = dure.AutoTokenizer.from_pretrained(folder)
    tokenizer.mask_token = None
    with pytest.raises(InputError, match="has no mask token"):
        dure.pipeline("fill-mask", model=folder, tokenizer=tokenizer)
