"""Training in a low precision, and under autocast: dropout, residuals and losses hold together."""

from __future__ import annotations

import random
from typing import Any

import pytest
import test_decoder_families
import test_encoders
import test_seq2seq
import torch
from comparing import Batch

import dure
from parity import Family, random_batch, random_original

#: One of each kind of block, with its dropouts.
TRAINED = {
    "BertForSequenceClassification": {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1},
    "LongformerForTokenClassification": {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1},
    "ModernBertForMaskedLM": {"mlp_dropout": 0.1, "embedding_dropout": 0.1, "attention_dropout": 0.1},
    "GPT2LMHeadModel": {"resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1},
    "LlamaForCausalLM": {"attention_dropout": 0.1},
    "BartForConditionalGeneration": {"dropout": 0.1, "attention_dropout": 0.1, "activation_dropout": 0.1},
    "T5ForConditionalGeneration": {"dropout_rate": 0.1},
}
FAMILIES = [*test_encoders.FAMILIES, *test_decoder_families.FAMILIES, *test_seq2seq.FAMILIES]


def model_and_batch(name: str) -> tuple[Any, Batch]:
    family, head = next(
        (family, head) for family in FAMILIES for head in family.heads if family.name + head == name
    )  # fmt: skip
    torch.manual_seed(3)
    random_ = random.Random(3)
    drawn = Family(family.name, family.config, family.heads)
    theirs = random_original(drawn, head, random_)
    config = getattr(dure, f"{family.name}Config")(**theirs.config.to_dict() | TRAINED[name])
    model = getattr(dure, name)(config)
    model.load_state_dict(theirs.state_dict())
    return model.train(), random_batch(family, head, theirs.config, random_, "right")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("is_mixed", [True, False], ids=["mixed", "low"])
@pytest.mark.parametrize("name", TRAINED)
def test_a_step_lowers_the_loss(name: str, is_mixed: bool, dtype: torch.dtype) -> None:
    model, batch = model_and_batch(name)
    model = model if is_mixed else model.to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.003)
    before = float(model.eval()(**batch).loss.detach())
    model.train()
    for _ in range(8):
        with torch.autocast("cpu", dtype, enabled=is_mixed):
            loss = model(**batch).loss
        loss.backward()
        for parameter in model.parameters():
            if parameter.grad is not None:
                assert parameter.grad.dtype == parameter.dtype == (torch.float32 if is_mixed else dtype)
                assert bool(parameter.grad.isfinite().all())
        optimizer.step()
        optimizer.zero_grad()
    after = float(model.eval()(**batch).loss.detach())
    assert after < before if is_mixed else after <= before * 1.1  # small steps are lost in few digits
