"""Inputs and labels that a model can't read: one clear error that names the argument and what is allowed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import dure
from dure.errors import InputError

FAMILIES = ["Bert", "DistilBert"]


def make(family: str, head: str, **fields: object) -> object:
    small = {"vocab_size": 60, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
             "intermediate_size": 24, "max_position_embeddings": 12}  # fmt: skip
    config = getattr(dure, f"{family}Config")(**{**small, **fields})
    return getattr(dure, family + head)(config).eval()


IDS = torch.ones(2, 5, dtype=torch.long)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"input_ids": IDS[0]}, r"input_ids must have the shape \(batch, length\), not \(5,\); for one.*unsqueeze"),
        ({"input_ids": IDS[None]}, r"input_ids must have the shape \(batch, length\), not \(1, 2, 5\)"),
        ({"input_ids": IDS.float()}, r"input_ids must be integers \(torch\.long\), not torch\.float32"),
        ({"input_ids": IDS * 60}, r"input_ids hold 60, but the vocabulary has 60 ids"),
        ({"input_ids": -IDS}, r"input_ids hold -1, but the vocabulary has 60 ids"),
        ({"input_ids": IDS.repeat(1, 3)}, r"a text has 15 tokens, but the model has 12 positions.*truncation=True"),
        ({"inputs_embeds": torch.zeros(1, 13, 16)}, r"a text has 13 tokens, but the model has 12 positions"),
        ({"inputs_embeds": torch.zeros(5, 16)}, r"inputs_embeds must have the shape .*, not \(5, 16\)"),
        ({"input_ids": IDS[:, :0]}, r"a text has no tokens at all"),
        (
            {"input_ids": IDS, "attention_mask": IDS[:1]},
            r"attention_mask \(1, 5\) must have the shape of the texts, \(2, 5\)",
        ),
        ({"input_ids": IDS, "inputs_embeds": torch.zeros(2, 5, 16)}, r"not both"),
        ({}, r"give input_ids, as the tokenizer returns them, or inputs_embeds"),
    ],
)
def test_bodies(family: str, inputs: dict[str, torch.Tensor], message: str) -> None:
    for head in ("Model", "ForSequenceClassification"):
        with pytest.raises(InputError, match=message):
            make(family, head)(**inputs)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"token_type_ids": IDS * 2}, r"token_type_ids hold 2, but the model has 2 segments"),
        ({"token_type_ids": IDS[:, :3]}, r"token_type_ids \(2, 3\) must have the shape of the texts, \(2, 5\)"),
        ({"position_ids": IDS * 12}, r"position_ids hold 12, but the model has 12 positions"),
        ({"position_ids": IDS[:, :3]}, r"position_ids \(2, 3\) must have the shape"),
    ],
)
def test_segments_and_positions(inputs: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make("Bert", "Model")(IDS, **inputs)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("head", "labels", "message"),
    [
        ("ForSequenceClassification", torch.tensor([0, 3]), r"labels hold 3, but there are 3 labels \(0 to 2\)"),
        ("ForSequenceClassification", torch.tensor([0, -1]), r"labels hold -1, but there are 3 labels"),
        ("ForSequenceClassification", torch.tensor([0, 1, 1]), r"3 labels for 2 rows of logits"),
        ("ForSequenceClassification", torch.zeros(2, 2), r"labels \(2, 2\) don't fit logits \(2, 3\)"),
        (
            "ForTokenClassification",
            torch.zeros(2, 4, dtype=torch.long),
            r"labels \(2, 4\) must have the shape of the texts",
        ),
        ("ForTokenClassification", IDS * 3, r"labels hold 3, but there are 3 labels"),
        ("ForTokenClassification", IDS.float(), r"labels are torch\.float32; classes are integers, 0 to 2"),
        ("ForMaskedLM", IDS * 60, r"labels hold 60, but there are 60 labels"),
        ("ForMaskedLM", IDS[:1], r"labels \(1, 5\) must have the shape"),
    ],
)
def test_labels(family: str, head: str, labels: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(family, head, num_labels=3)(IDS, labels=labels)


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_of_the_wrong_kind(family: str) -> None:
    model = make(family, "ForSequenceClassification", num_labels=3, problem_type="single_label_classification")
    with pytest.raises(InputError, match=r"labels are torch\.float32; classes are integers"):
        model(IDS, labels=torch.zeros(2))
    model = make(family, "ForSequenceClassification", num_labels=1)
    with pytest.raises(InputError, match=r"labels \(3,\) don't fit logits \(2, 1\); for problem_type 'regression'"):
        model(IDS, labels=torch.zeros(3))


@pytest.mark.parametrize("family", FAMILIES)
def test_spans(family: str) -> None:
    model = make(family, "ForQuestionAnswering")
    good = torch.tensor([1, 2])
    for bad, shown in ((torch.tensor([1]), r"torch\.int64 \(1,\)"), (good.float(), r"torch\.float32 \(2,\)")):
        with pytest.raises(InputError, match=rf"end_positions must be 2 integers, one for each text, not {shown}"):
            model(IDS, start_positions=good, end_positions=bad)


@pytest.mark.parametrize("family", FAMILIES)
def test_choices(family: str) -> None:
    model = make(family, "ForMultipleChoice")
    with pytest.raises(InputError, match=r"must have the shape \(batch, num_choices, length\), not \(2, 5\)"):
        model(IDS)
    with pytest.raises(InputError, match=r"labels hold 2, but there are 2 labels"):
        model(IDS[None], labels=torch.tensor([2]))


def test_problem_types_follow_the_labels_as_in_the_original(saved: Callable) -> None:
    transformers = pytest.importorskip("transformers")
    cases = [
        (1, torch.randn(2)), (1, torch.randn(2, 1)), (3, torch.tensor([0, 2])), (3, torch.tensor([[1], [0]])),
        (3, torch.rand(2, 3).round()), (1, torch.tensor([1, 0])),
    ]  # fmt: skip
    for num_labels, labels in cases:
        _, folder = saved(num_labels=num_labels)
        ours = dure.BertForSequenceClassification.from_pretrained(folder)
        theirs = transformers.BertForSequenceClassification.from_pretrained(folder)
        result = ours(IDS, labels=labels)
        expected = theirs(IDS, labels=labels.float() if num_labels == 1 else labels)
        torch.testing.assert_close(result.loss, expected.loss, rtol=1e-5, atol=1e-5)
        assert ours.config.problem_type == theirs.config.problem_type
    regression = dure.BertForSequenceClassification(
        dure.BertConfig(**{**ours.config.to_dict(), "num_labels": 3, "problem_type": "regression"})
    )
    assert regression(IDS, labels=torch.randn(2, 3)).loss.dim() == 0


def test_small_integers_are_fine() -> None:
    model = make("Bert", "ForSequenceClassification")
    output = model(IDS.int(), labels=torch.tensor([0, 1], dtype=torch.int32))
    assert torch.isfinite(output.loss)
