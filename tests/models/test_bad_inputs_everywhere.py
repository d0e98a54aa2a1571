"""Whatever the family: inputs, labels and configurations that can't be used are refused with both numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from every_family import (
    FIELDS,
    LANGUAGE,
    LENGTH,
    SEQ2SEQ,
    UNLIMITED,
    VOCAB_SIZE,
    every,
    having,
    heads,
    inputs,
    labels,
    make,
)

import dure
from dure.errors import CheckpointError, ConfigError, InputError
from dure.models.auto import FAMILIES

SHIFTED = ("Camembert", "Longformer", "Roberta", "XLMRoberta")
CLASSES = ("ForSequenceClassification", "ForTokenClassification", "ForMultipleChoice", "ForNextSentencePrediction")


def test_every_family_is_here() -> None:
    assert sorted(FIELDS) == sorted(prefix for _, prefix in FAMILIES.values())


@pytest.mark.parametrize(("name", "head"), every())
def test_what_is_right_is_read(name: str, head: str) -> None:
    model, batch = make(name, head), inputs(name, head)
    assert torch.isfinite(model(**batch)[0]).all()
    given = labels(head, batch)
    if given and head != "ForPreTraining":
        assert torch.isfinite(model(**batch, **given).loss)


@pytest.mark.parametrize(("name", "head"), every())
@pytest.mark.parametrize("wrong", [VOCAB_SIZE, -1])
def test_ids_outside_the_vocabulary(name: str, head: str, wrong: int) -> None:
    model = make(name, head)
    for argument in ("input_ids", "decoder_input_ids"):
        batch = inputs(name, head)
        if argument in batch:
            batch[argument][..., 1] = wrong
            with pytest.raises(InputError, match=rf"input_ids hold {wrong}, but the vocabulary has {VOCAB_SIZE} ids"):
                model(**batch)


@pytest.mark.parametrize(("name", "head"), every(without=UNLIMITED))
def test_texts_longer_than_the_positions(name: str, head: str) -> None:
    model = make(name, head)
    limit = LENGTH - 1 - model.config.pad_token_id if name in SHIFTED else LENGTH
    fits = inputs(name, head, length=limit)
    assert torch.isfinite(model(**fits)[0]).all()
    with pytest.raises(InputError, match=rf"a text has {limit + 1} tokens, but the model has {limit} positions"):
        model(**inputs(name, head, length=limit + 1))
    if "decoder_input_ids" in fits:
        fits["decoder_input_ids"] = torch.full((2, limit + 3), 5)
        with pytest.raises(InputError, match=rf"a text has {limit + 3} tokens, but the model has {limit} positions"):
            model(**fits)


@pytest.mark.parametrize("name", UNLIMITED)
def test_other_texts_may_be_long(name: str) -> None:
    assert torch.isfinite(make(name)(**inputs(name, length=700))[0]).all()


@pytest.mark.parametrize(("name", "head"), every())
@pytest.mark.parametrize("shape", [(1, 5), (2, 6), (5,)])
def test_masks_of_another_shape(name: str, head: str, shape: tuple[int, ...]) -> None:
    model, batch = make(name, head), inputs(name, head)
    if head in {"ForMultipleChoice", "DoubleHeadsModel"}:
        shape, expected = (2, *shape), r"\(4, 5\)|\(2, 2, 5\)"
    else:
        expected = r"\(2, 5\)"
    batch["attention_mask"] = torch.ones(shape, dtype=torch.long)
    with pytest.raises(InputError, match=rf"attention_mask \(.*\) must have the shape .*({expected})"):
        model(**batch)


@pytest.mark.parametrize(("name", "head"), [case for case in every() if "decoder_input_ids" in inputs(*case.values)])
def test_decoders_masks_of_another_shape(name: str, head: str) -> None:
    batch = inputs(name, head)
    length = batch["decoder_input_ids"].shape[1]
    batch["decoder_attention_mask"] = torch.ones(2, length + 1, dtype=torch.long)
    with pytest.raises(InputError, match=rf"attention_mask \(2, {length + 1}\) must have the shape .*\(2, {length}\)"):
        make(name, head)(**batch)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"input_ids": torch.ones(5, dtype=torch.long)},
            r"input_ids must have the shape \(batch, length\), not \(5,\)",
        ),
        ({"input_ids": torch.ones(2, 5)}, r"input_ids must be integers \(torch\.long\), not torch\.float32"),
        ({"input_ids": torch.ones(2, 0, dtype=torch.long)}, "a text has no tokens at all"),
        ({}, "give .*input_ids"),
        ({"inputs_embeds": torch.ones(5, 16)}, r"inputs_embeds must have the shape .*, not \(5, 16\)"),
    ],
)
def test_inputs_that_are_none(name: str, given: dict[str, torch.Tensor], message: str) -> None:
    decoded = {"decoder_input_ids": torch.ones(2, 3, dtype=torch.long)} if name in SEQ2SEQ else {}
    model = make(name)
    with pytest.raises(InputError, match=message):
        model(**given, **decoded)
    if "input_ids" in given:
        with pytest.raises(InputError, match=message):
            model(**given, **decoded, attention_mask=torch.ones_like(given["input_ids"], dtype=torch.long))


@pytest.mark.parametrize("name", [name for name in SEQ2SEQ if name not in {"MT5", "T5"}])
def test_what_a_decoder_reads_is_made_of_rows(name: str) -> None:
    flat = torch.ones(5, dtype=torch.long)
    given = {"input_ids": flat[None], "labels": flat} if name == "EncoderDecoder" else {"input_ids": flat}
    with pytest.raises(InputError, match=r"must have the shape \(batch, length\), not \(5,\)"):
        make(name)(**given)


# --- labels ---


@pytest.mark.parametrize(("name", "head"), having(*CLASSES, *LANGUAGE))
@pytest.mark.parametrize("wrong", [VOCAB_SIZE, -1])
def test_labels_out_of_range(name: str, head: str, wrong: int) -> None:
    model, batch = make(name, head), inputs(name, head)
    given = labels(head, batch)["labels"]
    given[-1] = wrong
    count = {"ForMultipleChoice": 2, "ForNextSentencePrediction": 2}.get(head, VOCAB_SIZE if head in LANGUAGE else 3)
    with pytest.raises(InputError, match=rf"labels hold {wrong}, but there are {count} labels \(0 to {count - 1}\)"):
        model(**batch, labels=given)


@pytest.mark.parametrize(("name", "head"), having(*LANGUAGE, "ForTokenClassification"))
@pytest.mark.parametrize("kind", ["short", "flat", "float"])
def test_labels_of_tokens_of_another_shape_or_kind(name: str, head: str, kind: str) -> None:
    model, batch = make(name, head), inputs(name, head)
    right = labels(head, batch)["labels"]
    wrong = {"short": right[:, :-1], "flat": right[0], "float": right.float()}[kind]
    message = r"labels \(.*\) must have the shape of the texts, \(2, .\)"
    with pytest.raises(
        InputError, match="labels are torch.float32; classes are integers" if kind == "float" else message
    ):
        model(**batch, labels=wrong)


@pytest.mark.parametrize(("name", "head"), having("ForSequenceClassification"))
def test_labels_of_texts_of_another_shape(name: str, head: str) -> None:
    batch = inputs(name, head)
    with pytest.raises(InputError, match="3 labels for 2 rows of logits"):
        make(name, head)(**batch, labels=torch.zeros(3, dtype=torch.long))
    with pytest.raises(InputError, match=r"labels \(2, 2\) don't fit logits \(2, 3\)"):
        make(name, head)(**batch, labels=torch.zeros(2, 2))
    with pytest.raises(InputError, match=r"labels \(3,\) don't fit logits \(2, 1\); for problem_type 'regression'"):
        make(name, head, num_labels=1)(**batch, labels=torch.zeros(3))


@pytest.mark.parametrize(("name", "head"), having("ForQuestionAnswering"))
def test_spans_of_another_shape(name: str, head: str) -> None:
    batch = inputs(name, head)
    good = torch.zeros(2, dtype=torch.long)
    for wrong, shown in ((good[:1], r"torch\.int64 \(1,\)"), (good.float(), r"torch\.float32 \(2,\)")):
        with pytest.raises(InputError, match=rf"start_positions must be 2 integers, one for each text, not {shown}"):
            make(name, head)(**batch, start_positions=wrong, end_positions=good)


# --- configurations ---


def config_of(name: str, **changes: Any) -> Any:
    """Changes go to both sides where there are two."""
    fields = dict(FIELDS[name])
    if name == "EncoderDecoder":
        fields |= {side: {**fields[side], **changes} for side in ("encoder", "decoder")}
        changes = {}
    return getattr(dure, f"{name}Config")(**fields | changes)


#: What families call the activation, and the number of heads.
ACTIVATIONS = ("activation_function", "activation", "afn", "feed_forward_proj", "hidden_act", "hidden_activation")
HEADS = ("num_attention_heads", "n_heads", "n_head", "encoder_attention_heads", "num_heads")


def field_of(name: str, known: tuple[str, ...]) -> str:
    fields = dure.BertConfig() if name == "EncoderDecoder" else config_of(name)
    return next(field for field in known if field in fields.to_dict())


@pytest.mark.parametrize("name", FIELDS)
def test_unknown_activations(name: str) -> None:
    with pytest.raises(ConfigError, match=r"'gulu'.*known: .*gelu"):
        getattr(dure, f"{name}Model")(config_of(name, **{field_of(name, ACTIVATIONS): "gulu"}))


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in {"MT5", "T5", "Gemma", "Qwen3"}])
def test_heads_that_do_not_divide(name: str) -> None:
    told = "a head has 5 to turn, an odd number" if name == "Llama" else "16 must be a multiple of .*3"
    with pytest.raises(ConfigError, match=told):
        getattr(dure, f"{name}Model")(config_of(name, **{field_of(name, HEADS): 3}))


@pytest.mark.parametrize("name", ["Gemma", "Llama", "Mistral", "Qwen2", "Qwen3"])
def test_groups_that_do_not_divide(name: str) -> None:
    with pytest.raises(ConfigError, match="number of heads, 4, must be a multiple of num_key_value_heads, 3"):
        getattr(dure, f"{name}Model")(config_of(name, num_attention_heads=4, num_key_value_heads=3))


@pytest.mark.parametrize("name", FIELDS)
def test_sizes_that_are_none(name: str) -> None:
    sizes = [
        field
        for field, value in FIELDS[name].items()
        if type(value) is int and not field.endswith(("token_id", "window"))
    ]
    if name == "EncoderDecoder":
        sizes = ["vocab_size", "hidden_size"]
    assert len(sizes) > 1
    for field in sizes:
        for wrong in (0, -3, "16", 1.5, True, None):
            if field in {"head_dim", "num_key_value_heads"} and wrong is None:
                continue  # by default
            with pytest.raises(ConfigError, match=rf"\b{field} is {wrong!r}.*expected positive integers"):
                config_of(name, **{field: wrong})


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "EncoderDecoder"])
def test_fields_that_are_missing_have_the_familys_default(tmp_path: Path, name: str) -> None:
    config = getattr(dure, f"{name}Config")()
    (tmp_path / "config.json").write_text(json.dumps({"model_type": config.model_type}))
    assert dure.AutoConfig.from_pretrained(tmp_path).to_dict() == config.to_dict()


@pytest.mark.parametrize("name", FIELDS)
def test_fields_that_mean_nothing(name: str) -> None:
    for fields, message in (
        ({"pad_token_id": VOCAB_SIZE}, rf"pad_token_id is {VOCAB_SIZE}, but vocab_size is {VOCAB_SIZE}"),
        ({"problem_type": "regresion"}, "problem_type 'regresion' is not known"),
        ({"num_labels": 0}, "num_labels is 0; expected a positive integer"),
    ):
        with pytest.raises(ConfigError, match=message):
            config_of(name, **fields)


# --- checkpoints of another family ---


@pytest.mark.parametrize("name", FIELDS)
def test_checkpoint_of_another_family(tmp_path: Path, name: str) -> None:
    make(name).save_pretrained(tmp_path)
    own = make(name).config.model_type
    for other in ("Bert", "GPT2", "T5"):
        if other == name or (other != "Bert" and name in {"GPT2", "MT5", "OpenAIGPT", "T5"}):
            continue  # itself, or weights of the same names: below
        told = rf"checkpoint of the family '{own}', and {other}Model is of '.*'.*begins with {name}"
        with pytest.raises(CheckpointError, match=told):
            getattr(dure, f"{other}Model").from_pretrained(tmp_path)


def test_kin_is_read_with_a_word(tmp_path: Path) -> None:
    make("XLMRoberta").save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match=r"family 'xlm-roberta', and RobertaModel is of 'roberta'.*AutoModel"):
        loaded = dure.RobertaModel.from_pretrained(tmp_path)
    stored = dure.XLMRobertaModel.from_pretrained(tmp_path)
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in stored.state_dict().items())
    make("GPT2").save_pretrained(tmp_path)
    with (
        pytest.warns(UserWarning, match="family 'gpt2', and T5Model is of 't5'"),
        pytest.raises(CheckpointError, match="has no weights of T5Model; it holds"),
    ):
        dure.T5Model.from_pretrained(tmp_path)


def test_configuration_that_names_no_family_is_taken_at_its_word(tmp_path: Path) -> None:
    model = make("Roberta")
    model.save_pretrained(tmp_path)
    fields = json.loads((tmp_path / "config.json").read_text())
    del fields["model_type"]
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert dure.RobertaModel.from_pretrained(tmp_path).num_parameters() == model.num_parameters()


def test_heads_are_found() -> None:
    assert {"Model", "ForMaskedLM", "LMHeadModel"} <= set(heads("Bert"))
    assert heads("EncoderDecoder") == ["Model"]
