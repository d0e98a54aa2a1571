"""A tiny model of every family and head, for what must hold whatever the family."""

from __future__ import annotations

import copy
import importlib
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import dure
from dure.models.auto import FAMILIES

Fields = dict[str, Any]

VOCAB_SIZE, LENGTH = 60, 20
_SPECIAL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3}
_BERT: Fields = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2,
    "intermediate_size": 24, "max_position_embeddings": LENGTH,
}  # fmt: skip
_DISTILBERT: Fields = {
    "vocab_size": VOCAB_SIZE, "dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 24,
    "max_position_embeddings": LENGTH,
}  # fmt: skip
_LLAMA: Fields = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1,
    "num_hidden_layers": 2, "intermediate_size": 24, **_SPECIAL,
}  # fmt: skip
_GPT: Fields = {
    "vocab_size": VOCAB_SIZE, "n_embd": 16, "n_head": 2, "n_layer": 2, "n_positions": LENGTH, "pad_token_id": 3,
}  # fmt: skip
_BART: Fields = {
    "vocab_size": VOCAB_SIZE, "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": LENGTH,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3, "decoder_start_token_id": 2,
}  # fmt: skip
_LED: Fields = {
    **{name: value for name, value in _BART.items() if name != "max_position_embeddings"}, "attention_window": 4,
    "max_encoder_position_embeddings": LENGTH, "max_decoder_position_embeddings": LENGTH,
}  # fmt: skip
_T5: Fields = {
    "vocab_size": VOCAB_SIZE, "d_model": 16, "num_heads": 2, "d_kv": 8, "num_layers": 2, "d_ff": 24, "eos_token_id": 2,
    "pad_token_id": 3, "decoder_start_token_id": 3,
}  # fmt: skip
_ENCODER_DECODER: Fields = {
    "encoder": {"model_type": "bert", **_BERT},
    "decoder": {"model_type": "bert", **_BERT, "is_decoder": True, "add_cross_attention": True},
    "pad_token_id": 3, "decoder_start_token_id": 2,
}  # fmt: skip
#: The beginning of a family's classes, and the fields of its tiny configuration.
FIELDS: dict[str, Fields] = {
    "Albert": {**_BERT, "embedding_size": 8},
    "Bart": _BART,
    "Bert": _BERT,
    "Camembert": _BERT,
    "DistilBert": _DISTILBERT,
    "Electra": {**_BERT, "embedding_size": 8},
    "EncoderDecoder": _ENCODER_DECODER,
    "GPT2": {**_GPT, "bos_token_id": 1, "eos_token_id": 2},
    "GPTNeoX": {**_BERT, **_SPECIAL},
    "Gemma": {**_LLAMA, "head_dim": 8},
    "LED": _LED,
    "Llama": _LLAMA,
    "Longformer": {**_BERT, "attention_window": 4},
    "MBart": _BART,
    "MT5": _T5,
    "Marian": _BART,
    "Mistral": _LLAMA,
    "ModernBert": {**_BERT, **_SPECIAL, "cls_token_id": 1, "sep_token_id": 2, "local_attention": 6,
                   "reference_compile": False},
    "OpenAIGPT": _GPT,
    "Qwen2": _LLAMA,
    "Qwen3": {**_LLAMA, "head_dim": 8},
    "Roberta": _BERT,
    "T5": _T5,
    "XLMRoberta": _BERT,
}  # fmt: skip
#: Heads that give a word.
LANGUAGE = ("ForMaskedLM", "LMHeadModel", "ForCausalLM", "ForConditionalGeneration", "MTModel")
#: Heads that stand for all: others share their code.
TYPICAL = ("Model", "EncoderModel", "ForSequenceClassification", *LANGUAGE)
#: Families that write what they read somewhere else.
SEQ2SEQ = ("Bart", "EncoderDecoder", "LED", "MBart", "MT5", "Marian", "T5")
#: Families that see all of a text, unless they are told to write.
ENCODERS = ("Bert", "Camembert", "Electra", "Roberta", "XLMRoberta")
#: Families whose positions are computed, as many as one likes.
UNLIMITED = ("GPTNeoX", "Gemma", "Llama", "MT5", "Mistral", "Qwen2", "Qwen3", "T5")


def heads(name: str) -> list[str]:
    """What the names of a family's models end in."""
    module = next(module for module, prefix in FAMILIES.values() if prefix == name)
    names = importlib.import_module(module).__all__
    return [found.removeprefix(name) for found in names if not found.endswith("Config")]


def every(*, without: tuple[str, ...] = ()) -> list[Any]:
    """``(family, head)`` for :func:`pytest.mark.parametrize`."""
    names = [name for name in FIELDS if name not in without]
    return [pytest.param(name, head, id=name + head) for name in names for head in heads(name)]


def having(*suffixes: str, without: tuple[str, ...] = ()) -> list[Any]:
    """Of :func:`every`, those whose head has one of the names."""
    return [case for case in every(without=without) if case.values[1] in suffixes]


def fields_of(name: str, head: str = "Model", **changes: Any) -> Fields:
    """Fields of a tiny configuration that fits a head."""
    fields = copy.deepcopy(FIELDS[name])  # the original takes keys out
    if head in {"LMHeadModel", "ForCausalLM"} and name in ENCODERS:
        fields["is_decoder"] = True
    if head not in {"ForQuestionAnswering", "ForPreTraining"} and name != "EncoderDecoder":
        fields["num_labels"] = 3
    return fields | changes


def make(name: str, head: str = "Model", **changes: Any) -> Any:
    """Ours, with random weights, in evaluation mode."""
    config = getattr(dure, f"{name}Config")(**fields_of(name, head, **changes))
    return getattr(dure, name + head)(config).eval()


def original(name: str, head: str = "Model", **changes: Any) -> Any:
    """The original with random weights, norms, biases and buffers too."""
    transformers = pytest.importorskip("transformers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = getattr(transformers, f"{name}Config")(**fields_of(name, head, **changes))
        model = getattr(transformers, name + head)(config).eval()
    stored = model.state_dict()
    buffers = (buffer for key, buffer in model.named_buffers() if key in stored and buffer.is_floating_point())
    with torch.no_grad():
        for tensor in (*(p for p in model.parameters() if p.requires_grad), *buffers):
            tensor.add_(torch.randn_like(tensor), alpha=0.2)
    return model


def both(name: str, head: str, folder: Path, **changes: Any) -> tuple[Any, Any]:
    """The same random model twice, ours and the original's."""
    theirs = original(name, head, **changes)
    theirs.save_pretrained(folder)
    return strictly(getattr(dure, name + head), folder), theirs


def strictly(model_class: Any, folder: Path, **options: Any) -> Any:
    """A model whose checkpoint leaves nothing to warn about."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model_class.from_pretrained(folder, **options)


def inputs(name: str, head: str = "Model", *, rows: int = 2, length: int = 5) -> dict[str, Tensor]:
    """What every model of the family can read; each text has one end, ``eos_token_id``."""
    ids = torch.randint(4, VOCAB_SIZE, (rows, length))
    ids[:, -1] = 2
    if name == "Longformer" and head in {"ForQuestionAnswering", "ForMultipleChoice"}:
        ids[:, -3:] = 2  # separators, behind which choices and texts begin
    if head in {"ForMultipleChoice", "DoubleHeadsModel"}:
        ids = ids.unsqueeze(1).repeat(1, 2, 1)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if name in SEQ2SEQ and head not in {"EncoderModel", "ForTokenClassification", "ForCausalLM"}:
        batch["decoder_input_ids"] = ids[:, :4].clone()
        if head == "ForSequenceClassification":
            batch["decoder_input_ids"] = ids.clone()
    return batch


def labels(head: str, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a head's loss asks for, zeros all."""
    ids = batch.get("decoder_input_ids", batch["input_ids"])
    rows = len(ids)
    if head in {"ForSequenceClassification", "ForMultipleChoice", "ForNextSentencePrediction"}:
        return {"labels": torch.zeros(rows, dtype=torch.long)}
    if head == "ForQuestionAnswering":
        return {name: torch.zeros(rows, dtype=torch.long) for name in ("start_positions", "end_positions")}
    return {} if head in {"Model", "EncoderModel"} else {"labels": torch.zeros_like(ids)}


def equal(model: Any, other: Any) -> None:
    """Two models have the same weights by the same names."""
    ours, theirs = model.state_dict(), other.state_dict()
    assert set(ours) == set(theirs)
    for name, tensor in ours.items():
        assert torch.equal(theirs[name], tensor), name


def first_output(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """The first tensor of a model's output, without gradients."""
    with torch.no_grad():
        result: Tensor = model(**batch)[0]
    return result
