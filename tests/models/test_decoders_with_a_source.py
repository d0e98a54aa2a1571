"""Decoders that may look at an encoder's states give the original's numbers, alone, with them, and in pairs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing import Batch, check_close
from test_decoder_families import as_decoders_read, some_gpt2
from test_encoders import WIDE, bert_fields, electra_fields
from test_seq2seq import CACHES, bart_fields
from verified import NUM_CONFIGS, note

import dure
from parity import Family, Fields, check_models, check_numbers, check_scheme, draw_seed, load_strictly, random_original

transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.filterwarnings("ignore:Version v4.12.0 introduces a better way:FutureWarning")


def as_decoder(fields: Any) -> Any:
    """The family's fields, for a decoder that may look at a source."""
    return lambda random_: fields(random_) | {"is_decoder": True, "add_cross_attention": True}


def with_source(batch: Batch, head: str, config: Any, random_: random.Random) -> Batch:
    """A batch as decoders read it, with an encoder's states, some of them padding."""
    if "LMHead" in head or head == "ForCausalLM":
        batch = as_decoders_read(batch, head, config, random_)
    rows, length = len(batch["input_ids"]), random_.randrange(2, 8)
    if getattr(config, "type_vocab_size", 0) and random_.random() < 0.5:
        batch["token_type_ids"] = torch.randint(0, config.type_vocab_size, batch["input_ids"].shape)
    mask = (torch.arange(length) < torch.randint(1, length + 1, (rows, 1))).long()
    return batch | {
        "encoder_hidden_states": torch.randn(rows, length, config.hidden_size), "encoder_attention_mask": mask,
    }  # fmt: skip


def decoder(name: str, fields: Any, head: str) -> Family:
    return Family(name, as_decoder(fields), (head,), adjust=with_source, unseen=CACHES)


FAMILIES = [
    decoder("Bert", bert_fields, "LMHeadModel"),
    decoder("Roberta", bert_fields, "ForCausalLM"),
    decoder("Camembert", bert_fields, "ForCausalLM"),
    decoder("XLMRoberta", bert_fields, "ForCausalLM"),
    decoder("Electra", electra_fields, "ForCausalLM"),
    decoder("GPT2", some_gpt2, "LMHeadModel"),
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_numbers_equal_the_original_both_ways(family: Family, tmp_path: Path) -> None:
    check_numbers(family, family.heads[0], tmp_path)


@pytest.mark.parametrize("family", FAMILIES[:-1], ids=lambda family: family.name)
def test_random_weights_follow_the_original_scheme(family: Family) -> None:
    check_scheme(family, family.heads[0], **WIDE)


@pytest.mark.parametrize(
    ("family", "has_source"),
    [pytest.param(family, has_source, id=f"{family.name}-{has_source}")
     for family in FAMILIES for has_source in (True, False) if has_source or family.name != "GPT2"],
)  # fmt: skip
@torch.no_grad()
def test_one_token_at_a_time_equals_the_whole_text(family: Family, has_source: bool, tmp_path: Path) -> None:
    random_ = draw_seed()
    for trial in range(NUM_CONFIGS):
        theirs = random_original(family, family.heads[0], random_)
        theirs.save_pretrained(tmp_path / str(trial))
        ours = load_strictly(getattr(dure, family.name + family.heads[0]), tmp_path / str(trial))
        ids = torch.randint(4, theirs.config.vocab_size, (2, 7))
        mask = torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1]])
        ids[mask == 0] = theirs.config.pad_token_id
        source: Batch = {}
        if has_source:
            source = with_source({"input_ids": ids}, "Model", theirs.config, random_)
            source = {name: value for name, value in source.items() if name.startswith("encoder_")}
        whole = ours(ids, attention_mask=mask, **source).logits
        past = their_past = None
        for end in range(3, 8):
            begin = 0 if past is None else end - 1
            inputs = {"input_ids": ids[:, begin:end], "attention_mask": mask[:, :end], "use_cache": True, **source}
            found, expected = ours(**inputs, past_key_values=past), theirs(**inputs, past_key_values=their_past)
            past, their_past = found.past_key_values, expected.past_key_values
            real, where = mask[:, begin:end] > 0, f"trial {trial}, tokens {begin} to {end}"
            check_close(found.logits[real], expected.logits[real], where, floor=1.0)
            if family.name not in {"Bert", "Electra", "GPT2"}:
                real[0] = False  # as the originals, they number a past's padding, but not that of a whole text
            check_close(found.logits[real], whole[:, begin:end][real], where, floor=1.0)
    note(family.name + family.heads[0], cache=NUM_CONFIGS)


def test_without_is_decoder_every_token_sees_all_and_somebody_says_so(tmp_path: Path) -> None:
    family = Family("Bert", bert_fields, ())
    theirs = random_original(family, "LMHeadModel", random.Random(3))
    theirs.save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="BertLMHeadModel sees later words too: set is_decoder=True"):
        ours = dure.BertLMHeadModel.from_pretrained(tmp_path)
    ids = torch.randint(4, 50, (2, 7))
    check_close(ours(ids).logits.detach(), theirs(ids).logits.detach(), "logits", floor=1.0)


def small(fields: Fields, model_type: str, size: int) -> Fields:
    """Fields of one side: of that width, with a vocabulary of its own."""
    width = {"bart": "d_model", "mbart": "d_model", "gpt2": "n_embd"}.get(model_type, "hidden_size")
    heads = {"bart": "decoder_attention_heads", "mbart": "decoder_attention_heads", "gpt2": "n_head"}
    return fields | {width: size, heads.get(model_type, "num_attention_heads"): 2, "vocab_size": 70}


#: What can write, with the fields of a small one.
WRITERS = {
    "Bart": bart_fields, "MBart": bart_fields, "Bert": bert_fields, "Roberta": bert_fields, "XLMRoberta": bert_fields,
    "Electra": electra_fields, "GPT2": some_gpt2, "Camembert": bert_fields,
}  # fmt: skip


def random_pair(name: str, random_: random.Random) -> Any:
    """An original's model of two sides: a BERT or a RoBERTa that reads, and a family that writes."""
    reader = random_.choice(["Bert", "Roberta"])
    width = random_.choice([16, 32])
    encoder = getattr(transformers, f"{reader}Config")(
        **bert_fields(random_) | {"hidden_size": 16, "num_attention_heads": 2}
    )
    config_class = getattr(transformers, f"{name}Config")
    fields = small(WRITERS[name](random_), config_class.model_type, width)
    if name in {"Bart", "MBart"}:
        fields |= {"encoder_attention_heads": 2}
    sides = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        encoder, config_class(**fields), pad_token_id=1, decoder_start_token_id=2
    )
    theirs = transformers.EncoderDecoderModel(sides).eval()
    for side in (theirs.encoder, theirs.decoder):
        side.set_attn_implementation("eager")  # the one that returns weights
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return theirs


def pair_batch(theirs: Any, side: str) -> Batch:
    """A text to read and labels to write."""
    ids, mask = torch.randint(3, 50, (3, 9)), torch.ones(3, 9, dtype=torch.long)
    if side != "none":
        mask[1, 5:] = 0
    mask = mask.flip(1) if side == "left" else mask
    labels = torch.randint(3, 70, (3, 6))
    labels[0, 4:] = -100
    pad = theirs.config.encoder.pad_token_id
    return {
        "input_ids": ids.masked_fill(mask == 0, pad), "attention_mask": mask, "labels": labels,
        "decoder_attention_mask": (labels != -100).long(), "use_cache": True,  # which ELECTRA makes only when asked
    }  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_encoder_and_decoder_of_two_families(name: str, tmp_path: Path) -> None:
    random_ = draw_seed()
    check_models("EncoderDecoderModel", lambda _: random_pair(name, random_), pair_batch, tmp_path, unseen=CACHES)
    assert type(dure.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "ours0")) is dure.EncoderDecoderModel
