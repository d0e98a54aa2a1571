"""``torch.compile`` gives the same numbers, in one graph for all lengths; a full run compiles every family and head."""

from __future__ import annotations

import random
import shutil
from typing import Any

import pytest
import test_decoder_families
import test_encoders
import test_seq2seq
import torch
from comparing import Batch, check_close, named
from verified import IS_FULL, note

import dure
from parity import Family, pairs, random_batch, random_original

EVERYTHING = pairs([*test_encoders.FAMILIES, *test_decoder_families.FAMILIES, *test_seq2seq.FAMILIES])
#: One of each kind, which between them use all layers.
KINDS = {"BertForSequenceClassification", "LongformerModel", "ModernBertForMaskedLM", "GPT2LMHeadModel",
         "Qwen2ForCausalLM", "BartForSequenceClassification", "T5ForConditionalGeneration"}  # fmt: skip
#: The number of their global tokens, or of what is predicted, follows from a batch's values.
IN_PARTS = {"Longformer", "LED"}


def model_and_batches(family: Family, head: str) -> tuple[Any, list[Batch]]:
    """A small model, and a padded batch and one that isn't, of other shapes."""
    random_ = random.Random(7)
    torch.manual_seed(7)
    theirs = random_original(family, head, random_)
    ours = getattr(dure, family.name + head)(getattr(dure, f"{family.name}Config")(**theirs.config.to_dict())).eval()
    ours.load_state_dict(theirs.state_dict())
    sides = ("none",) if head in family.unpadded_only else ("right", "none")
    return ours, [random_batch(family, head, theirs.config, random_, side) for side in sides]


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore:The `transformers.LED:FutureWarning", "ignore:The .grad attribute:UserWarning"
)
@pytest.mark.parametrize(("family", "head"), [pair for pair in EVERYTHING if IS_FULL or pair.id in KINDS])
def test_compiled_models_give_the_same_numbers(family: Family, head: str) -> None:
    torch._dynamo.reset()
    model, batches = model_and_batches(family, head)
    compiled = torch.compile(model, backend="eager", fullgraph=family.name not in IN_PARTS, dynamic=True)
    for batch in batches:
        expected, found = (dict(named(one(**batch), batch, family.unseen, "")) for one in (model, compiled))
        assert list(found) == list(expected)
        for name, tensor in expected.items():
            check_close(found[name], tensor, name, floor=1.0)
    note(family.name + head, compiled=1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_model_is_trained_to_the_same_gradients() -> None:
    torch._dynamo.reset()
    model, batches = model_and_batches(test_encoders.FAMILIES[0], "ForSequenceClassification")
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=True)
    for batch in batches:
        gradients = []
        for one in (model, compiled):
            model.zero_grad()
            one(**batch).loss.backward()
            gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
        for name, gradient in gradients[0].items():
            check_close(gradients[1][name], gradient, name, floor=1.0)


@pytest.mark.skipif(not IS_FULL or shutil.which("g++") is None, reason="minutes of C++; a full run does it")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_default_compiler_gives_the_same_numbers() -> None:
    torch._dynamo.reset()
    model, batches = model_and_batches(test_encoders.FAMILIES[0], "Model")
    compiled = torch.compile(model, fullgraph=True, dynamic=True)
    with torch.no_grad():
        for batch in batches:
            real = batch["attention_mask"] > 0
            check_close(compiled(**batch)[0][real], model(**batch)[0][real], "last state", floor=1.0)
