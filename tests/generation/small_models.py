"""Random small models of every family that writes, and the same model of the original."""

from __future__ import annotations

import os
import random
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import dure

transformers = pytest.importorskip("transformers")

FULL = os.environ.get("DURE_PARITY") == "full"
Fields = dict[str, Any]


def size_of(random_: random.Random) -> tuple[int, int]:
    heads = random_.choice([1, 2, 4])
    return heads * random_.choice([4, 8]) if heads > 1 else 16, heads


def gpt(random_: random.Random) -> Fields:
    size, heads = size_of(random_)
    return {"n_embd": size, "n_head": heads, "n_layer": random_.randrange(1, 4), "n_positions": 64}


def rotary(random_: random.Random) -> Fields:
    size, heads = size_of(random_)
    return {
        "hidden_size": size, "num_attention_heads": heads, "num_hidden_layers": random_.randrange(1, 4),
        "num_key_value_heads": random_.choice([count for count in (1, 2, 4) if heads % count == 0]),
        "intermediate_size": 24, "max_position_embeddings": 64, "head_dim": random_.choice([4, 8]),
    }  # fmt: skip


def windowed(random_: random.Random) -> Fields:
    return rotary(random_) | {"sliding_window": random_.choice([3, 6, 64]), "use_sliding_window": True,
                              "max_window_layers": random_.randrange(0, 2)}  # fmt: skip


def qwen2(random_: random.Random) -> Fields:
    fields = windowed(random_)
    del fields["head_dim"]
    return fields


def bert(random_: random.Random) -> Fields:
    size, heads = size_of(random_)
    return {
        "hidden_size": size, "num_attention_heads": heads, "num_hidden_layers": random_.randrange(1, 4),
        "intermediate_size": 24, "max_position_embeddings": 64, "is_decoder": True,
    }  # fmt: skip


def bart(random_: random.Random) -> Fields:
    size, heads = size_of(random_)
    layers = random_.randrange(1, 4)
    return {
        "d_model": size, "encoder_attention_heads": heads, "decoder_attention_heads": heads, "encoder_layers": layers,
        "decoder_layers": layers, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": 64,
        "scale_embedding": random_.choice([True, False]), "decoder_start_token_id": 2, "forced_eos_token_id": None,
    }  # fmt: skip


def led(random_: random.Random) -> Fields:
    fields = bart(random_) | {"attention_window": 4, "max_encoder_position_embeddings": 64,
                              "max_decoder_position_embeddings": 64}  # fmt: skip
    return {name: fields[name] for name in fields if name not in {"max_position_embeddings", "scale_embedding"}}


def t5(random_: random.Random) -> Fields:
    size, heads = size_of(random_)
    return {
        "d_model": size, "num_heads": heads, "d_kv": 8, "num_layers": random_.randrange(1, 4), "d_ff": 24,
        "relative_attention_num_buckets": 8, "relative_attention_max_distance": 12, "decoder_start_token_id": 0,
        "feed_forward_proj": random_.choice(["relu", "gated-gelu"]), "initializer_factor": 0.2,
    }  # fmt: skip


#: Class, and the fields of a small configuration.
DECODERS = {
    "OpenAIGPTLMHeadModel": gpt, "GPT2LMHeadModel": gpt, "LlamaForCausalLM": rotary, "MistralForCausalLM": windowed,
    "Qwen2ForCausalLM": qwen2, "Qwen3ForCausalLM": windowed, "GemmaForCausalLM": rotary, "BertLMHeadModel": bert,
    "BartForCausalLM": bart, "MarianForCausalLM": bart,
}  # fmt: skip
SEQ2SEQ = {
    "BartForConditionalGeneration": bart, "MBartForConditionalGeneration": bart, "T5ForConditionalGeneration": t5,
    "MT5ForConditionalGeneration": t5, "MarianMTModel": bart, "LEDForConditionalGeneration": led,
    "EncoderDecoderModel": bert,
}  # fmt: skip
FAMILIES = DECODERS | SEQ2SEQ
#: Classes whose original numbers columns, padding included, or (GPT) doesn't look at the mask at all.
COUNT_PADDING = {"OpenAIGPTLMHeadModel", "BartForCausalLM", "MarianForCausalLM"}


def config_name(name: str) -> str:
    for end in ("LMHeadModel", "ForCausalLM", "ForConditionalGeneration", "MTModel", "Model"):
        name = name.removesuffix(end)
    return f"{name}Config"


def original(name: str, random_: random.Random) -> Any:
    """The original with random weights, clear enough that no two tokens are all but equal."""
    special = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3, "vocab_size": random_.randrange(50, 90)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config_class = getattr(transformers, config_name(name))
        if name == "EncoderDecoderModel":
            sides = [transformers.BertConfig(**FAMILIES[name](random_), **special) for _ in range(2)]
            sides[0].is_decoder = False
            sides[1].vocab_size = sides[0].vocab_size
            config = config_class.from_encoder_decoder_configs(*sides)
            config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 3, 2
        else:
            config = config_class(**special | FAMILIES[name](random_))
        config._attn_implementation = "eager"
        model = getattr(transformers, name)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.25)
    return model


def both(name: str, random_: random.Random, folder: Path) -> tuple[Any, Any]:
    """Dure's model and the original, with the same weights."""
    theirs = original(name, random_)
    theirs.save_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(dure, name).from_pretrained(folder), theirs


def prompts_of(name: str, model: Any, random_: random.Random, *, rows: int | None = None) -> dict[str, torch.Tensor]:
    """Random prompts or sources, sometimes padded."""
    rows, length = rows or random_.randrange(1, 4), random_.randrange(2, 12)
    vocab_size = getattr(model.config, "vocab_size", 0) or model.config.encoder.vocab_size
    ids = torch.randint(4, vocab_size, (rows, length))
    mask = torch.ones_like(ids)
    if random_.random() < 0.5 and name not in COUNT_PADDING:
        for row in mask[1:]:
            row[random_.randrange(1, length + 1) :] = 0
        mask = mask.flip(1) if name in DECODERS else mask
        ids = torch.where(mask > 0, ids, 3)
    inputs = {"input_ids": ids, "attention_mask": mask}
    if name.startswith("LED"):
        inputs["global_attention_mask"] = (torch.rand(ids.shape) < 0.3).long() * mask
    return inputs
