"""The encoder families give the original's numbers, in both directions."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from parity import Family, Fields, check_defaults, check_numbers, check_scheme, pairs, random_shape

HEADS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
         "ForMultipleChoice")  # fmt: skip
WIDE = {"hidden_size": 240, "intermediate_size": 240, "num_attention_heads": 4, "vocab_size": 500}


def bert_fields(random_: random.Random) -> Fields:
    names = ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "hidden_act")
    fields = dict(zip(names, random_shape(random_), strict=True))
    return fields | {
        "vocab_size": random_.randrange(50, 90), "max_position_embeddings": 40, "initializer_range": 0.03,
        "type_vocab_size": random_.choice([1, 2, 3]), "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip


FAMILIES = [Family("Bert", bert_fields, HEADS, has_types=True)]


@pytest.mark.parametrize(("family", "head"), pairs(FAMILIES))
def test_numbers_equal_the_original_both_ways(family: Family, head: str, tmp_path: Path) -> None:
    check_numbers(family, head, tmp_path)


@pytest.mark.parametrize(("family", "head"), pairs(FAMILIES))
def test_random_weights_follow_the_original_scheme(family: Family, head: str) -> None:
    check_scheme(family, head, **WIDE)


@pytest.mark.parametrize("name", [family.name for family in FAMILIES])
def test_defaults_equal_the_original(name: str) -> None:
    check_defaults(name)
