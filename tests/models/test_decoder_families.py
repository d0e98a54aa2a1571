"""The decoder families give the original's numbers, in both directions, with and without a cache."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing import check_close
from verified import NUM_CONFIGS, note

import dure
from parity import (
    Family,
    Fields,
    check_defaults,
    check_numbers,
    check_scheme,
    draw_seed,
    load_strictly,
    pairs,
    random_mask,
    random_original,
    random_shape,
)

transformers = pytest.importorskip("transformers")

HEADS = ("Model", "ForCausalLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
OLDER_HEADS = ("Model", "LMHeadModel", *HEADS[2:])
#: Ways to stretch rotary positions that don't depend on a text's length; texts have 4 to 20 tokens.
SCALINGS: list[Fields | None] = [
    None,
    {"rope_type": "default"},
    {"type": "linear", "factor": 2.5},
    {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    {"rope_type": "yarn", "factor": 2.0, "beta_fast": 4.0, "mscale": 0.7, "mscale_all_dim": 0.9, "truncate": False},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 12},
]  # fmt: skip


def llama_fields(random_: random.Random) -> Fields:
    size, heads, layers, inner, activation = random_shape(random_)
    return {
        "hidden_size": size, "num_attention_heads": heads, "num_hidden_layers": layers, "intermediate_size": inner,
        "hidden_act": random_.choice([activation, "silu"]), "vocab_size": random_.randrange(50, 90), "pad_token_id": 3,
        "num_key_value_heads": random_.choice([count for count in (1, 2, 4) if heads % count == 0]),
        "max_position_embeddings": random_.choice([16, 64]), "rope_theta": random_.choice([100.0, 10000.0]),
        "initializer_range": 0.03, "bos_token_id": 1, "eos_token_id": 2,
        "tie_word_embeddings": random_.choice([True, False]),
    }  # fmt: skip


def scaled(random_: random.Random) -> Fields:
    scaling = random_.choice(SCALINGS)
    return {} if scaling is None else {"rope_scaling": dict(scaling)}


def some_llama(random_: random.Random) -> Fields:
    fields = llama_fields(random_) | scaled(random_)
    if random_.random() < 0.3:
        fields["head_dim"] = random_.choice([8, 12])
    return fields | {"attention_bias": random_.random() < 0.3, "mlp_bias": random_.random() < 0.3}


def some_mistral(random_: random.Random) -> Fields:
    fields = {"sliding_window": random_.choice([None, 2, 5, 64]), "head_dim": random_.choice([None, 8, 12])}
    return llama_fields(random_) | fields


def some_qwen2(random_: random.Random) -> Fields:
    fields = llama_fields(random_) | scaled(random_)
    return fields | {
        "use_sliding_window": random_.random() < 0.5, "sliding_window": random_.choice([3, 6]),
        "max_window_layers": random_.randrange(0, 2),
    }  # fmt: skip


def some_qwen3(random_: random.Random) -> Fields:
    return some_qwen2(random_) | {"head_dim": random_.choice([4, 8, 12]), "attention_bias": random_.random() < 0.3}


def some_gemma(random_: random.Random) -> Fields:
    return llama_fields(random_) | {"head_dim": random_.choice([8, 12]), "attention_bias": random_.random() < 0.3}


def gpt_fields(random_: random.Random) -> Fields:
    size, heads, layers, _, activation = random_shape(random_)
    return {
        "n_embd": size, "n_head": heads, "n_layer": layers, "vocab_size": random_.randrange(50, 90), "n_positions": 40,
        "pad_token_id": 3, "initializer_range": 0.03, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
        "activation_function": activation, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip


def some_gpt2(random_: random.Random) -> Fields:
    return gpt_fields(random_) | {
        "n_inner": random_.choice([None, 24]), "scale_attn_weights": random_.random() < 0.8,
        "scale_attn_by_inverse_layer_idx": random_.random() < 0.3, "tie_word_embeddings": random_.random() < 0.8,
    }  # fmt: skip


def some_gpt_neox(random_: random.Random) -> Fields:
    fields = llama_fields(random_) | scaled(random_)
    del fields["num_key_value_heads"]
    fields["rotary_emb_base"] = fields.pop("rope_theta")
    fields |= {"rotary_pct": random_.choice([0.5, 1.0]), "classifier_dropout": 0.0}
    return fields | {"use_parallel_residual": random_.random() < 0.5, "attention_bias": random_.random() < 0.7}


def some_gpt(random_: random.Random) -> Fields:
    fields = gpt_fields(random_) | {"afn": random_.choice(["gelu", "relu", "silu"])}
    del fields["activation_function"], fields["bos_token_id"], fields["eos_token_id"]
    return fields


def as_decoders_read(batch: dict[str, Any], head: str, config: Any, random_: random.Random) -> dict[str, Any]:
    """Leave out what nobody reads: what stands before a text's first token, and in which way it is made up.

    A padded token on the left sees nothing. What the original gives it depends on its implementation of attention.
    """
    mask, pad = batch["attention_mask"], config.pad_token_id
    mask[0] = 1  # a label to predict
    ids = batch["input_ids"]
    batch["input_ids"] = torch.where((ids == pad) & (mask == 1), (pad + 1) % config.vocab_size, ids)
    if head in {"ForCausalLM", "LMHeadModel"}:
        first = mask.argmax(dim=1)
        batch["labels"][0] = ids[0]
        batch["labels"][torch.arange(len(mask)), first] = -100
    if head == "DoubleHeadsModel":  # one row of these heads' masks is a text of several continuations
        batch["labels"].scatter_(2, mask.argmax(dim=2, keepdim=True), -100)
        if config.model_type == "openai-gpt":  # the original wants the mask flat
            batch["attention_mask"] = mask.flatten(0, 1)
    if head == "ForQuestionAnswering" and not bool((mask[:, 0] == 1).all()):
        batch |= {name: batch[name].flip(-1) for name in ("input_ids", "attention_mask")}
    if getattr(config, "sliding_window", None) is not None and not bool(mask.all()):
        # Padding far behind a text sees nothing either; its loss reads it, and its cache holds it.
        batch |= {"attention_mask": torch.ones_like(mask)} if head == "ForQuestionAnswering" else {"use_cache": False}
    if random_.random() < 0.3 and mask.dim() == 2:
        batch["position_ids"] = (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)
    if hasattr(config, "n_embd") and head != "ForSequenceClassification" and random_.random() < 0.3:
        batch["token_type_ids"] = torch.randint(0, config.vocab_size, mask.shape)
    return batch


def family(name: str, fields: Any, heads: tuple[str, ...]) -> Family:
    return Family(name, fields, heads, adjust=as_decoders_read)


FAMILIES = [
    family("GPT2", some_gpt2, (*OLDER_HEADS, "DoubleHeadsModel")),
    family("Llama", some_llama, HEADS),
    family("Mistral", some_mistral, HEADS),
    family("Qwen2", some_qwen2, HEADS),
    family("Qwen3", some_qwen3, HEADS),
    family("Gemma", some_gemma, HEADS[:-1]),
    family("GPTNeoX", some_gpt_neox, HEADS),
    family("OpenAIGPT", some_gpt, (*OLDER_HEADS[:3], "DoubleHeadsModel")),
]
#: The original's fused attention forgets how scores are scaled, unless it is the usual way.
USUAL = [
    dataclasses.replace(family, config=gpt_fields) if family.name == "GPT2" else family for family in FAMILIES[:-1]
]
WIDE = {"hidden_size": 240, "intermediate_size": 240, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 60, "vocab_size": 500}  # fmt: skip
WIDE_GPT = {"n_embd": 240, "n_head": 4, "vocab_size": 500}


@pytest.mark.parametrize(("family", "head"), pairs(FAMILIES))
def test_numbers_equal_the_original_both_ways(family: Family, head: str, tmp_path: Path) -> None:
    check_numbers(family, head, tmp_path)


@pytest.mark.parametrize(("family", "head"), pairs(FAMILIES))
def test_random_weights_follow_the_original_scheme(family: Family, head: str) -> None:
    check_scheme(family, head, **(WIDE_GPT if "GPT" in family.name else WIDE))


@pytest.mark.parametrize("name", [family.name for family in FAMILIES])
def test_defaults_equal_the_original(name: str) -> None:
    check_defaults(name)


def with_cache(family: Family) -> str:
    return "LMHeadModel" if family.name == "GPT2" else "ForCausalLM"


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("family", USUAL, ids=lambda family: family.name)
def test_a_cache_gives_what_the_whole_text_gives(family: Family, implementation: str, tmp_path: Path) -> None:
    """A few tokens at first, then one by one, with padding on the left as in a batch of prompts."""
    random_ = draw_seed()
    for trial in range(NUM_CONFIGS):
        theirs = random_original(family, with_cache(family), random_)
        theirs.save_pretrained(tmp_path / str(trial))
        theirs = type(theirs).from_pretrained(tmp_path / str(trial), attn_implementation=implementation)
        ours = load_strictly(getattr(dure, family.name + with_cache(family)), tmp_path / str(trial))
        length, start = random_.randrange(6, 20), random_.randrange(1, 5)
        ids = torch.randint(0, theirs.config.vocab_size, (3, length))
        mask = torch.ones_like(ids)
        mask[:, :start] = random_mask((3, start), random_, random_.choice(["none", "left"]))
        cache, expected_cache, end = None, None, start
        with torch.no_grad():
            whole = ours(ids, attention_mask=mask)
            check_close(
                whole.logits[mask > 0], ours(ids, attention_mask=mask, use_cache=False).logits[mask > 0], "", floor=1.0
            )
            begin = 0
            while begin < length:
                inputs = {"input_ids": ids[:, begin:end], "attention_mask": mask[:, :end]}
                if not bool((mask == 0).any()) and random_.random() < 0.5:
                    del inputs["attention_mask"]
                expected = theirs(**inputs, past_key_values=expected_cache)
                found = ours(**inputs, past_key_values=cache)
                cache, expected_cache = found.past_key_values, expected.past_key_values
                real = mask[:, begin:end] > 0
                where = f"trial {trial}, tokens {begin} to {end}"
                check_close(found.logits[real], expected.logits[real], where, floor=1.0)
                check_close(found.logits[real], whole.logits[:, begin:end][real], where, floor=1.0)
                assert cache.get_seq_length() == end
                for layer, held in enumerate(expected_cache.layers):
                    seen = mask[:, :end][:, end - held.keys.shape[2] :] > 0
                    for ours_, theirs_ in zip(cache[layer], (held.keys, held.values), strict=True):
                        assert ours_.shape == theirs_.shape
                        check_close(ours_.transpose(1, 2)[seen], theirs_.transpose(1, 2)[seen], where, floor=1.0)
                begin, end = end, min(length, end + random_.choice([1, 1, 1, 3]))
    note(family.name + with_cache(family), cache=NUM_CONFIGS)


@pytest.mark.parametrize("length", [3, 8, 9, 20])
@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_positions_that_stretch_with_the_text(kind: str, length: int, tmp_path: Path) -> None:
    fields = llama_fields(random.Random(5)) | {"head_dim": 8, "max_position_embeddings": 8}
    if kind == "longrope":
        factors = {"long_factor": [1.0, 1.5, 3.0, 4.0], "short_factor": [1.0, 1.1, 1.2, 1.3]}
        fields |= {"rope_scaling": {"rope_type": kind, "factor": 4.0, **factors}}
        fields |= {"max_position_embeddings": 32, "original_max_position_embeddings": 8}
    else:
        fields |= {"rope_scaling": {"rope_type": kind, "factor": 3.0}}
    theirs = random_original(Family("Llama", lambda _: fields, HEADS), "ForCausalLM", random.Random(1))
    theirs.save_pretrained(tmp_path)
    ours = load_strictly(dure.LlamaForCausalLM, tmp_path)
    ids = torch.randint(0, theirs.config.vocab_size, (2, length))
    for positions in (None, torch.arange(length).unsqueeze(0) + 1):
        # The original remembers the longest text: each call asks a fresh one.
        fresh = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
        check_close(ours(ids, position_ids=positions).logits, fresh(ids, position_ids=positions).logits.detach(), "",
                    floor=1.0)  # fmt: skip


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", USUAL, ids=lambda family: family.name)
def test_labels_at_padding_give_the_loss_of_the_originals_default(family: Family, side: str, tmp_path: Path) -> None:
    """Many programs pass the ids themselves as labels, padding and all."""
    torch.manual_seed(0)
    random_ = random.Random(7)
    theirs = random_original(family, with_cache(family), random_)
    theirs.save_pretrained(tmp_path)
    theirs = type(theirs).from_pretrained(tmp_path, attn_implementation="sdpa")
    ours = load_strictly(type(dure.AutoModelForCausalLM.from_pretrained(tmp_path)), tmp_path)
    ids, mask = torch.randint(0, theirs.config.vocab_size, (3, 12)), random_mask((3, 12), random_, side)
    inputs = {"input_ids": ids, "attention_mask": mask, "labels": ids}
    check_close(ours(**inputs).loss.detach(), theirs(**inputs).loss.detach(), side, floor=1.0)
    some = ours(ids, attention_mask=mask, logits_to_keep=2)
    check_close(some.logits.detach(), ours(ids, attention_mask=mask).logits[:, -2:].detach(), side, floor=1.0)
    summed = ours(**inputs, num_items_in_batch=5).loss
    check_close(summed.detach(), theirs(**inputs, num_items_in_batch=5).loss.detach(), side, floor=1.0)


def test_a_class_per_text_needs_to_know_where_texts_end() -> None:
    config = dure.GPT2Config(n_embd=8, n_head=2, n_layer=1, vocab_size=20)
    model = dure.GPT2ForSequenceClassification(config).eval()
    ids = torch.randint(0, 20, (2, 3))
    with pytest.raises(dure.errors.InputError, match=r"2 texts, but the configuration has no pad_token_id"):
        model(ids)
    assert model(ids[:1]).logits.shape == (1, 2)
    assert model(inputs_embeds=torch.randn(1, 3, 8)).logits.shape == (1, 2)


def test_a_mask_must_cover_the_past() -> None:
    model = dure.LlamaModel(dure.LlamaConfig(**llama_fields(random.Random(0)))).eval()
    past = model(torch.tensor([[1, 2, 3]])).past_key_values
    with pytest.raises(dure.errors.InputError, match=r"shape of the texts, \(1, 4\), 3 of them in the cache"):
        model(torch.tensor([[4]]), attention_mask=torch.ones(1, 1), past_key_values=past)


def test_texts_longer_than_the_positions_are_refused_past_included() -> None:
    model = dure.GPT2Model(dure.GPT2Config(n_embd=8, n_head=2, n_layer=1, vocab_size=20, n_positions=4)).eval()
    past = model(torch.tensor([[1, 2, 3]])).past_key_values
    with pytest.raises(dure.errors.InputError, match=r"a text has 5 tokens, but the model has 4 positions"):
        model(torch.tensor([[4, 5]]), past_key_values=past)


def test_layer_types_fit_the_layers() -> None:
    with pytest.raises(dure.errors.ConfigError, match=r"expected one of full_attention, sliding_attention for each"):
        dure.Qwen2Config(num_hidden_layers=2, layer_types=["full_attention"])


@pytest.mark.parametrize("kind", ["first", "last", "mean", "cls_index"])
def test_double_heads_may_read_other_tokens(kind: str, tmp_path: Path) -> None:
    """Of texts alone: of several continuations, the original's other kinds take one for a token."""
    summary = {"summary_type": kind, "summary_activation": "tanh", "summary_use_proj": kind != "mean"}
    drawn = Family("GPT2", lambda random_: some_gpt2(random_) | summary, ())
    theirs = random_original(drawn, "DoubleHeadsModel", random.Random(4))
    theirs.save_pretrained(tmp_path)
    ours = load_strictly(dure.GPT2DoubleHeadsModel, tmp_path)
    ids, mask = torch.randint(4, 50, (3, 7)), torch.ones(3, 7, dtype=torch.long)
    mask[1, 4:] = 0
    found, expected = (model(ids, attention_mask=mask).mc_logits.detach() for model in (ours, theirs))
    check_close(found, expected, kind, floor=1.0)


def test_a_summary_of_no_known_kind_is_refused() -> None:
    config = dure.GPT2Config(n_embd=8, n_head=2, n_layer=1, vocab_size=20, summary_type="attn")
    with pytest.raises(dure.errors.ConfigError, match="summary_type is 'attn'; known: 'first', 'last', 'mean', 'cls_i"):
        dure.GPT2DoubleHeadsModel(config)
