"""The encoder families give the original's numbers, in both directions."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing import Batch

import dure
from dure.errors import DureError, InputError
from dure.layers import window_attention
from parity import (
    Family,
    Fields,
    check_defaults,
    check_numbers,
    check_scheme,
    pairs,
    random_original,
    random_shape,
)

HEADS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
         "ForMultipleChoice")  # fmt: skip
WIDE_DISTILBERT = {"dim": 240, "hidden_dim": 240, "n_heads": 4, "vocab_size": 500}
WIDE = {"hidden_size": 240, "intermediate_size": 240, "num_attention_heads": 4, "vocab_size": 500}


def bert_fields(random_: random.Random) -> Fields:
    names = ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "hidden_act")
    fields = dict(zip(names, random_shape(random_), strict=True))
    return fields | {
        "vocab_size": random_.randrange(50, 90), "max_position_embeddings": 40, "initializer_range": 0.03,
        "type_vocab_size": random_.choice([1, 2, 3]), "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip


def electra_fields(random_: random.Random) -> Fields:
    fields = bert_fields(random_)
    return fields | {
        "embedding_size": random_.choice([6, fields["hidden_size"]]), "summary_last_dropout": 0.0,
        "summary_activation": random_.choice(["gelu", "tanh", None]),
    }  # fmt: skip


def albert_fields(random_: random.Random) -> Fields:
    fields = bert_fields(random_) | {"num_hidden_layers": random_.choice([1, 2, 4])}
    groups = random_.choice([n for n in (1, 2) if n <= fields["num_hidden_layers"]])
    return fields | {"embedding_size": random_.choice([6, 16]), "num_hidden_groups": groups,
                     "classifier_dropout_prob": 0.0}  # fmt: skip


def modernbert_fields(random_: random.Random) -> Fields:
    size, heads, layers, width, act = random_shape(random_)
    return {
        "hidden_size": size, "num_attention_heads": heads, "num_hidden_layers": layers + 1, "intermediate_size": width,
        "hidden_activation": act, "vocab_size": 70, "max_position_embeddings": 40, "local_attention": 6,
        "global_attn_every_n_layers": random_.choice([1, 2, 3]), "pad_token_id": 1, "eos_token_id": 2,
        "bos_token_id": 0, "cls_token_id": 0, "sep_token_id": 2, "classifier_pooling": random_.choice(["cls", "mean"]),
        "norm_bias": random_.random() < 0.5, "attention_bias": random_.random() < 0.5,
        "mlp_bias": random_.random() < 0.5, "classifier_bias": random_.random() < 0.5,
        "decoder_bias": random_.random() < 0.5, "reference_compile": False, "initializer_range": 0.03,
    }  # fmt: skip


def distilbert_fields(random_: random.Random) -> Fields:
    size, heads, layers, width, act = random_shape(random_)
    return {
        "dim": size, "n_heads": heads, "n_layers": layers, "hidden_dim": width, "activation": act,
        "vocab_size": random_.randrange(50, 90), "max_position_embeddings": 40, "initializer_range": 0.03,
        "dropout": 0.0, "attention_dropout": 0.0, "qa_dropout": 0.0, "seq_classif_dropout": 0.0,
    }  # fmt: skip


def longformer_fields(random_: random.Random) -> Fields:
    fields = bert_fields(random_)
    windows = [random_.choice([4, 8]) for _ in range(fields["num_hidden_layers"])]
    return fields | {"attention_window": random_.choice([4, windows])}


def longformer_batch(batch: Batch, head: str, config: Any, random_: random.Random) -> Batch:
    """Texts with as many separators as heads look for, or tokens that are global."""
    ids, mask = batch["input_ids"], batch["attention_mask"]
    separators = {"ForQuestionAnswering", "ForMultipleChoice"}
    if head in separators and random_.random() < 0.5:
        ids[ids == config.sep_token_id] = 3
        for row in ids.view(-1, ids.shape[-1]):
            row[torch.randperm(ids.shape[-1])[:3]] = config.sep_token_id
        return batch
    if head == "ForSequenceClassification" and random_.random() < 0.5:
        return batch
    return batch | {"global_attention_mask": (torch.rand(ids.shape) < random_.choice([0, 0.3])).long() * mask}


def pre_training_labels(batch: Batch, head: str, config: Any, random_: random.Random) -> Batch:
    if head != "ForPreTraining":
        return batch
    ids, mask = batch["input_ids"], batch["attention_mask"]
    if config.model_type == "electra":
        return batch | {"labels": torch.randint(0, 2, ids.shape)}
    relation = {"bert": "next_sentence_label", "albert": "sentence_order_label"}[config.model_type]
    labels = torch.where(mask > 0, torch.randint(0, config.vocab_size, ids.shape), -100)
    return batch | {"labels": labels, relation: torch.randint(0, 2, (len(ids),))}


FAMILIES = [
    Family("Bert", bert_fields, (*HEADS, "ForPreTraining", "ForNextSentencePrediction"), has_types=True,
           adjust=pre_training_labels),
    Family("DistilBert", distilbert_fields, HEADS),
    Family("Roberta", bert_fields, HEADS, has_types=True),
    Family("Camembert", bert_fields, HEADS, has_types=True),
    Family("XLMRoberta", bert_fields, HEADS, has_types=True),
    Family("Electra", electra_fields, (*HEADS, "ForPreTraining"), has_types=True, adjust=pre_training_labels),
    Family("Albert", albert_fields, (*HEADS, "ForPreTraining"), has_types=True, adjust=pre_training_labels),
    Family("ModernBert", modernbert_fields, HEADS, right_only=("ForSequenceClassification",)),
    Family("Longformer", longformer_fields, HEADS, has_types=True, adjust=longformer_batch,
           unseen=("global_attentions",)),
]  # fmt: skip


@pytest.mark.parametrize(("family", "head"), pairs(FAMILIES))
def test_numbers_equal_the_original_both_ways(family: Family, head: str, tmp_path: Path) -> None:
    check_numbers(family, head, tmp_path)


@pytest.mark.parametrize(("family", "head"), pairs(FAMILIES))
def test_random_weights_follow_the_original_scheme(family: Family, head: str) -> None:
    check_scheme(family, head, **(WIDE_DISTILBERT if family.name == "DistilBert" else WIDE))


@pytest.mark.parametrize("name", [family.name for family in FAMILIES])
def test_defaults_equal_the_original(name: str) -> None:
    check_defaults(name)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_embeddings_and_positions_that_are_given(family: Family) -> None:
    theirs = random_original(family, "Model", random.Random(3)).eval()
    ours = getattr(dure, f"{family.name}Model")(getattr(dure, f"{family.name}Config")(**theirs.config.to_dict())).eval()
    ours.load_state_dict(theirs.state_dict())
    ids = torch.randint(3, theirs.config.vocab_size, (3, 8))
    positions = torch.randint(2, 20, (3, 8))
    for inputs in (
        {"input_ids": ids},
        {"input_ids": ids, "position_ids": positions},
        {"input_ids": ids, "position_ids": positions[:1]},
        {"inputs_embeds": ours.get_input_embeddings()(ids)},
    ):
        if family.name == "DistilBert" and "position_ids" in inputs:
            continue  # it has no such argument
        if family.name == "Longformer" and ("inputs_embeds" in inputs or len(inputs.get("position_ids", ids)) == 1):
            continue  # the original embeds its padding twice, and can't stretch positions
        expected, result = theirs(**inputs)[0], ours(**inputs)[0]
        torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours(**inputs, return_dict=False)[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_padding_on_either_side_changes_nothing(family: Family) -> None:
    fields = family.config(random.Random(4)) | ({"attention_window": 4} if family.name == "Longformer" else {})
    model = getattr(dure, f"{family.name}ForTokenClassification")(
        getattr(dure, f"{family.name}Config")(**fields)
    ).eval()
    ids, mask = torch.randint(3, model.config.vocab_size, (2, 9)), torch.ones(2, 9, dtype=torch.long)
    expected = model(ids).logits
    if family.name == "DistilBert":
        return  # it counts columns, and nobody can say where texts start
    # These count columns: the caller says where texts start.
    counts_columns = model.config.model_type in {"bert", "electra", "albert"}
    inputs = {"position_ids": torch.arange(-5, 9).clamp(min=0)[None]} if counts_columns else {}
    pad = {"value": model.config.pad_token_id}
    right = model(torch.nn.functional.pad(ids, (0, 5), **pad), torch.nn.functional.pad(mask, (0, 5))).logits[:, :9]
    left = model(torch.nn.functional.pad(ids, (5, 0), **pad), torch.nn.functional.pad(mask, (5, 0)), **inputs).logits[
        :, 5:
    ]
    torch.testing.assert_close(right, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(left, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_modernbert_classifies_a_text_whatever_side_padding_is_on(pooling: str) -> None:
    fields = modernbert_fields(random.Random(4)) | {"classifier_pooling": pooling}
    model = dure.ModernBertForSequenceClassification(dure.ModernBertConfig(**fields)).eval()
    ids, mask = torch.randint(3, 70, (2, 9)), torch.ones(2, 9, dtype=torch.long)
    expected = model(ids).logits
    for sides in ((4, 0), (0, 4)):
        padded = torch.nn.functional.pad(ids, sides, value=1)
        result = model(padded, torch.nn.functional.pad(mask, sides)).logits
        torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


def test_modernbert_predicts_masked_words_alone_where_asked_to() -> None:
    family = Family("ModernBert", lambda random_: modernbert_fields(random_) | {"sparse_prediction": True}, ())
    theirs = random_original(family, "ForMaskedLM", random.Random(6)).eval()
    ours = dure.ModernBertForMaskedLM(dure.ModernBertConfig(**theirs.config.to_dict())).eval()
    ours.load_state_dict(theirs.state_dict())
    ids, labels = torch.randint(3, 70, (2, 9)), torch.full((2, 9), -100)
    labels[0, 3], labels[1, 5] = 7, 8
    expected, result = theirs(ids, labels=labels), ours(ids, labels=labels)
    torch.testing.assert_close(result.logits, expected.logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(result.loss, expected.loss, rtol=1e-5, atol=1e-5)


def test_longformer_reads_long_texts_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(window_attention, "CHUNK", 3)
    family = next(family for family in FAMILIES if family.name == "Longformer")
    for head in ("Model", "ForQuestionAnswering"):
        check_numbers(family, head, tmp_path / head)


def test_longformer_attentions_of_global_tokens() -> None:
    family = Family("Longformer", lambda random_: longformer_fields(random_) | {"attention_window": 4}, ())
    theirs = random_original(family, "Model", random.Random(5)).eval()
    ours = dure.LongformerModel(dure.LongformerConfig(**theirs.config.to_dict())).eval()
    ours.load_state_dict(theirs.state_dict())
    ids, everywhere = torch.randint(3, theirs.config.vocab_size, (2, 12)), torch.zeros(2, 12, dtype=torch.long)
    everywhere[0, [0, 7]] = everywhere[1, [2, 3]] = 1
    inputs = {"global_attention_mask": everywhere, "output_attentions": True}
    for a, b in zip(ours(ids, **inputs).global_attentions, theirs(ids, **inputs).global_attentions, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "fields", "inputs", "message"),
    [
        ("LongformerModel", {"attention_window": 5}, {}, "attention_window is 5; expected a positive even number"),
        ("LongformerModel", {"attention_window": [4]}, {}, r"attention_window is \[4\]; expected an even number, or 2"),
        ("LongformerModel", {"num_attention_heads": 3}, {}, "hidden_size 16 must be a multiple"),
        ("LongformerModel", {}, {"global_attention_mask": torch.ones(2, 3)}, r"global_attention_mask \(2, 3\) must"),
        ("LongformerForQuestionAnswering", {}, {}, "must hold the separator 2 three times"),
        ("RobertaModel", {"max_position_embeddings": 7}, {}, "a text has 6 tokens, but the model has 5 positions"),
        ("ModernBertModel", {"classifier_pooling": "max"}, {}, "classifier_pooling is 'max'; known: 'cls', 'mean'"),
        ("ElectraForMultipleChoice", {"summary_activation": "gulu"}, {}, "unknown activation 'gulu'"),
        ("ElectraModel", {"summary_type": "last"}, {}, "summary_type .last. is not supported for electra"),
        ("ElectraForPreTraining", {}, {"labels": torch.ones(2, 3)}, r"labels \(2, 3\) must have the shape"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused(name: str, fields: Fields, inputs: Batch, message: str) -> None:
    small = {"vocab_size": 60, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2,
             "intermediate_size": 24, "pad_token_id": 1}  # fmt: skip
    config = getattr(dure, name.partition("For")[0].removesuffix("Model") + "Config")
    with pytest.raises(DureError, match=message):
        getattr(dure, name)(config(**{**small, **fields}))(torch.full((2, 6), 5), **inputs)


def test_auto_classes_find_the_heads() -> None:
    config = dure.BertConfig(hidden_size=16, num_attention_heads=2, num_hidden_layers=1, intermediate_size=8)
    assert type(dure.AutoModelForNextSentencePrediction.from_config(config)) is dure.BertForNextSentencePrediction
    assert type(dure.AutoModelForPreTraining.from_config(config)) is dure.BertForPreTraining
    config = dure.RobertaConfig(hidden_size=16, num_attention_heads=2, num_hidden_layers=1, intermediate_size=8)
    assert type(dure.AutoModelForPreTraining.from_config(config)) is dure.RobertaForMaskedLM
    with pytest.raises(
        InputError, match=r"there is no RobertaForNextSentencePrediction; the family has RobertaForCausalLM, "
    ):
        dure.AutoModelForNextSentencePrediction.from_config(config)
