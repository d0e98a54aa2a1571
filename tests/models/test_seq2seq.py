"""The encoder-decoder families give the original's numbers, in both directions, with and without a cache."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing import Batch, check_close, tensors_of
from verified import NUM_CONFIGS, note

import dure
from dure.errors import ConfigError, InputError
from parity import (
    Family,
    Fields,
    check_defaults,
    check_numbers,
    check_scheme,
    draw_seed,
    load_strictly,
    pairs,
    random_batch,
    random_original,
    random_shape,
)

transformers = pytest.importorskip("transformers")

EOS = 2
BART_HEADS = ("Model", "ForConditionalGeneration", "ForSequenceClassification", "ForQuestionAnswering", "ForCausalLM")
T5_HEADS = ("Model", "ForConditionalGeneration", "EncoderModel", "ForSequenceClassification", "ForTokenClassification",
            "ForQuestionAnswering")  # fmt: skip
LANGUAGE_HEADS = ("ForConditionalGeneration", "MTModel")


def bart_fields(random_: random.Random) -> Fields:
    size, heads, layers, intermediate, activation = random_shape(random_)
    return {
        "d_model": size, "encoder_attention_heads": heads, "decoder_attention_heads": random_.choice([1, heads]),
        "encoder_layers": layers, "decoder_layers": random_.randrange(1, 4), "encoder_ffn_dim": intermediate,
        "decoder_ffn_dim": random_.choice([12, 37]), "activation_function": activation, "init_std": 0.03,
        "vocab_size": random_.randrange(50, 90), "max_position_embeddings": 40, "dropout": 0.0,
        # The original sizes the cache of a decoder alone by the encoder.
        "num_hidden_layers": 4, "scale_embedding": random_.choice([True, False]),
    }  # fmt: skip


def marian_fields(random_: random.Random) -> Fields:
    fields = bart_fields(random_)
    special = {"pad_token_id": fields["vocab_size"] - 1, "decoder_start_token_id": fields["vocab_size"] - 1}
    return fields | special | {"share_encoder_decoder_embeddings": random_.choice([True, False])}


def led_fields(random_: random.Random) -> Fields:
    fields = bart_fields(random_)
    del fields["max_position_embeddings"], fields["scale_embedding"], fields["num_hidden_layers"]
    windows = [random_.choice([4, 8]) for _ in range(fields["encoder_layers"])]
    return fields | {
        "max_encoder_position_embeddings": 48, "max_decoder_position_embeddings": 40,
        "attention_window": random_.choice([4, windows]),
    }  # fmt: skip


def t5_fields(random_: random.Random) -> Fields:
    size, heads, layers, intermediate, _ = random_shape(random_)
    return {
        "d_model": size, "num_heads": heads, "d_kv": random_.choice([4, 8, 9]), "num_layers": layers,
        "num_decoder_layers": random_.choice([None, 1, 3]), "d_ff": intermediate, "dropout_rate": 0.0,
        "relative_attention_num_buckets": random_.choice([8, 32]),
        "relative_attention_max_distance": random_.choice([12, 128]),
        "feed_forward_proj": random_.choice(["relu", "gated-gelu", "gated-silu"]),
        "tie_word_embeddings": random_.choice([True, False]), "vocab_size": random_.randrange(50, 90),
        # Scores are not scaled: with large weights they are large, and their softmax enlarges what rounding did.
        "decoder_start_token_id": 0, "eos_token_id": EOS, "initializer_factor": 0.2,
    }  # fmt: skip


def adjust(batch: Batch, head: str, config: Any, random_: random.Random) -> Batch:
    """Labels for text to text; texts that end, where the end is read; the decoder's own text or a shifted one."""
    mask = batch["attention_mask"]
    if head == "ForSequenceClassification":
        ids = batch["input_ids"].masked_fill(batch["input_ids"] == config.eos_token_id, 7)
        last = mask.shape[1] - 1 - mask.flip(1).argmax(1)
        ids[torch.arange(len(ids)), last] = config.eos_token_id
        kept = {name: batch[name] for name in batch if name in {"labels", "global_attention_mask"}}
        return kept | {"input_ids": ids, "attention_mask": mask}
    if head in {*LANGUAGE_HEADS, "Model"} and random_.random() < 0.3:  # the decoder's padding on the left
        for name in ("decoder_input_ids", "decoder_attention_mask"):
            batch[name] = batch[name].flip(1)
    if head in LANGUAGE_HEADS:
        mask = batch["decoder_attention_mask"]
        labels = torch.where(mask > 0, torch.randint(3, config.vocab_size - 1, mask.shape), -100)
        if random_.random() < 0.5:
            del batch["decoder_input_ids"]
        return batch | {"labels": labels}
    return batch


def adjust_led(batch: Batch, head: str, config: Any, random_: random.Random) -> Batch:
    """Sometimes global tokens, some of them at padding; each row has another number of them."""
    if random_.random() < 0.7:
        batch["global_attention_mask"] = (torch.rand(batch["attention_mask"].shape) < 0.3).long()
    return adjust(batch, head, config, random_)


#: The original returns weights of filler too, and of more columns than the text has.
GLOBAL_WEIGHTS = "encoder_global_attentions"
#: Caches are compared one token at a time: what stands at a source's padding is ours to choose.
CACHES = ("past_key_values",)
FAMILIES = [
    Family("Bart", bart_fields, BART_HEADS, adjust=adjust, unseen=CACHES),
    Family("MBart", bart_fields, BART_HEADS, adjust=adjust, unseen=CACHES),
    Family("Marian", marian_fields, ("Model", "MTModel", "ForCausalLM"), adjust=adjust, unseen=CACHES),
    Family("LED", led_fields, ("Model", *BART_HEADS[1:4]), adjust=adjust_led, unseen=(*CACHES, GLOBAL_WEIGHTS)),
    Family("T5", t5_fields, T5_HEADS, adjust=adjust, unseen=CACHES),
    Family("MT5", t5_fields, T5_HEADS, adjust=adjust, unseen=CACHES),
]
WIDE = {
    "Bart": {"d_model": 240, "encoder_ffn_dim": 240, "decoder_ffn_dim": 240, "vocab_size": 500},
    "T5": {"d_model": 240, "d_ff": 300, "d_kv": 60, "vocab_size": 500, "initializer_factor": 1.5,
           "relative_attention_num_buckets": 120, "relative_attention_max_distance": 500},
}  # fmt: skip
BODIES = [(family, head) for family in FAMILIES for head in family.heads if head in LANGUAGE_HEADS]


@pytest.mark.filterwarnings("ignore:The `transformers.LEDForSequenceClassification`:FutureWarning")
@pytest.mark.parametrize(("family", "head"), pairs(FAMILIES))
def test_numbers_equal_the_original_both_ways(family: Family, head: str, tmp_path: Path) -> None:
    check_numbers(family, head, tmp_path)


@pytest.mark.filterwarnings("ignore:The `transformers.LEDForSequenceClassification`:FutureWarning")
@pytest.mark.parametrize(("family", "head"), pairs(FAMILIES))
def test_random_weights_follow_the_original_scheme(family: Family, head: str) -> None:
    wider = WIDE["T5" if family.name.endswith("T5") else "Bart"]
    special = {"pad_token_id": 499, "decoder_start_token_id": 499} if family.name == "Marian" else {}
    check_scheme(family, head, **wider, **special)
    if head in LANGUAGE_HEADS:
        for is_tied in (True, False):
            check_scheme(family, head, **wider, **special, tie_word_embeddings=is_tied)


@pytest.mark.parametrize("name", [family.name for family in FAMILIES])
def test_defaults_equal_the_original(name: str) -> None:
    check_defaults(name)


@torch.no_grad()
def test_windows_of_a_long_text() -> None:
    """Longer than a chunk of queries, and than the windows."""
    fields = led_fields(random.Random(3)) | {"max_encoder_position_embeddings": 320, "encoder_layers": 2}
    fields |= {"attention_window": [8, 80]}
    theirs = transformers.LEDModel(transformers.LEDConfig(**fields)).eval()
    ours = dure.LEDModel(dure.LEDConfig(**fields)).eval()
    ours.load_state_dict(theirs.state_dict())
    ids = torch.randint(3, fields["vocab_size"], (2, 300))
    mask, wide = torch.ones_like(ids), torch.zeros_like(ids)
    mask[1, 190:] = 0
    wide[0, [0, 7, 150]] = wide[1, 4] = 1
    for extra in ({}, {"global_attention_mask": wide}):
        inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": ids[:, :5], **extra}
        result, expected = (model(**inputs, output_attentions=True) for model in (ours, theirs))
        check_close(result[0], expected[0], "last state", floor=1.0)
        for a, b in zip(result.encoder_attentions, expected.encoder_attentions, strict=True):
            check_close(a.transpose(1, 2)[mask > 0], b.transpose(1, 2)[mask > 0], "weights", floor=1.0)
    for a, b in zip(result.encoder_global_attentions, expected.encoder_global_attentions, strict=True):
        real = wide.sum(1)
        for row in range(2):  # the original keeps the columns that it added, and filler where a row has fewer
            check_close(a[row, :, :, : real[row]], b[row, :, :300, : real[row]], "global weights", floor=1.0)


def load_both(family: Family, head: str, folder: Path) -> tuple[Any, Any, Batch]:
    random_ = draw_seed()
    theirs = random_original(family, head, random_)
    theirs.save_pretrained(folder)
    batch = random_batch(family, head, theirs.config, random_, random_.choice(["left", "right", "none"]))
    return load_strictly(getattr(dure, family.name + head), folder), theirs, batch


def check_past(ours: Any, theirs: Any, source_mask: torch.Tensor) -> None:
    """Keys and values of both caches, those of a source on its real positions."""
    assert len(ours) == len(theirs)
    for layer in range(len(theirs)):
        for index, (a, b) in enumerate(zip(ours[layer], theirs[layer], strict=True)):
            if index >= 2:
                a, b = (x.transpose(1, 2)[source_mask.bool()] for x in (a, b))
            check_close(a, b, f"layer {layer}, tensor {index}", floor=1.0)


@pytest.mark.parametrize(("family", "head"), BODIES, ids=lambda value: getattr(value, "name", value))
@torch.no_grad()
def test_one_token_at_a_time_equals_the_whole_text(family: Family, head: str, tmp_path: Path) -> None:
    for trial in range(NUM_CONFIGS):
        check_one_by_one(*load_both(family, head, tmp_path / str(trial)))
    note(family.name + head, cache=NUM_CONFIGS)


def check_one_by_one(ours: Any, theirs: Any, batch: Batch) -> None:
    """Each token, its cache, and the text as a whole are the original's."""
    mask = batch["attention_mask"]
    ids = torch.randint(3, theirs.config.vocab_size - 1, (len(mask), 7))
    whole = ours(batch["input_ids"], mask, decoder_input_ids=ids).logits
    encoded = ours.get_encoder()(batch["input_ids"], mask)
    past = their_past = None
    for step in range(ids.shape[1]):
        token = ids[:, step : step + 1]
        result = ours(
            attention_mask=mask, decoder_input_ids=token, encoder_outputs=encoded, past_key_values=past, use_cache=True
        )
        expected = theirs(
            attention_mask=mask, decoder_input_ids=token, past_key_values=their_past, use_cache=True,
            encoder_outputs=transformers.modeling_outputs.BaseModelOutput(encoded.last_hidden_state),
        )  # fmt: skip
        past, their_past = result.past_key_values, expected.past_key_values
        check_close(result.logits, expected.logits, f"step {step}", floor=1.0)
        check_close(result.logits[:, 0], whole[:, step], f"step {step}, the whole text", floor=1.0)
        check_past(past, their_past, mask)


@pytest.mark.parametrize(("family", "head"), BODIES, ids=lambda value: getattr(value, "name", value))
@torch.no_grad()
def test_several_tokens_behind_a_padded_past(family: Family, head: str, tmp_path: Path) -> None:
    ours, theirs, batch = load_both(family, head, tmp_path)
    rows = len(batch["attention_mask"])
    ids = torch.randint(3, theirs.config.vocab_size - 1, (rows, 9))
    written = torch.ones_like(ids)
    written[0, 2:4] = 0
    results = []
    for model in (ours, theirs):
        source = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "use_cache": True}
        past = model(**source, decoder_input_ids=ids[:, :5], decoder_attention_mask=written[:, :5]).past_key_values
        source |= {"past_key_values": past, "output_attentions": True, "output_hidden_states": True}
        results.append(model(**source, decoder_input_ids=ids[:, 5:], decoder_attention_mask=written))
    for name in ("logits", "decoder_hidden_states", "decoder_attentions"):
        for a, b in zip(tensors_of(results[0][name]), tensors_of(results[1][name]), strict=True):
            check_close(a, b, name, floor=1.0)


@pytest.mark.parametrize(("family", "head"), BODIES, ids=lambda value: getattr(value, "name", value))
@torch.no_grad()
def test_embeddings_tuples_and_older_caches(family: Family, head: str, tmp_path: Path) -> None:
    ours, theirs, batch = load_both(family, head, tmp_path)
    source = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    ids = batch["decoder_input_ids"] if "decoder_input_ids" in batch else batch["input_ids"]
    expected = theirs(**source, decoder_input_ids=ids, return_dict=False, use_cache=False)
    result = ours(**source, decoder_input_ids=ids, return_dict=False, use_cache=False)
    assert len(result) == len(expected)
    check_close(result[0], expected[0], "logits", floor=1.0)
    encoded = ours.get_encoder()(**source, return_dict=False)
    again = ours(attention_mask=source["attention_mask"], encoder_outputs=encoded, decoder_input_ids=ids)
    torch.testing.assert_close(again.logits, result[0])
    embedded = [model.get_input_embeddings()(batch["input_ids"]) for model in (ours, theirs)]
    written = [model.get_decoder().embed_tokens(ids) for model in (ours, theirs)]
    by_embedding = [
        model(inputs_embeds=words, decoder_inputs_embeds=own, attention_mask=source["attention_mask"]).logits
        for model, words, own in zip((ours, theirs), embedded, written, strict=True)
    ]
    check_close(*by_embedding, "embeddings", floor=1.0)
    past = ours(**source, decoder_input_ids=ids[:, :2]).past_key_values.to_legacy_cache()
    short = ours(attention_mask=source["attention_mask"], encoder_outputs=encoded, past_key_values=past,
                 decoder_input_ids=ids[:, 2:3])  # fmt: skip
    check_close(short.logits[:, 0], result[0][:, 2], "older cache", floor=1.0)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_auto_class_finds_the_family(family: Family, tmp_path: Path) -> None:
    head = next(head for head in family.heads if head in LANGUAGE_HEADS)
    ours, _, _ = load_both(family, head, tmp_path)
    found = dure.AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    assert type(found) is type(ours)
    assert type(dure.AutoConfig.from_pretrained(tmp_path)).__name__ == f"{family.name}Config"
    labels = torch.tensor([[5, 6, EOS, -100]])
    expected = getattr(transformers, family.name + head).from_pretrained(tmp_path)
    shifted = expected.prepare_decoder_input_ids_from_labels(labels)
    assert torch.equal(found.prepare_decoder_input_ids_from_labels(labels), shifted)


@contextlib.contextmanager
def warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_body_becomes_any_head(family: Family, tmp_path: Path) -> None:
    head = next(head for head in family.heads if head in LANGUAGE_HEADS)
    ours, _, _ = load_both(family, "Model", tmp_path)
    with (
        pytest.warns(UserWarning, match="newly initialized")
        if not ours.config.tie_word_embeddings
        else warnings_are_errors()
    ):
        text_to_text = getattr(dure, family.name + head).from_pretrained(tmp_path)
    for name, tensor in text_to_text.get_encoder().state_dict().items():
        assert torch.equal(tensor, ours.get_encoder().state_dict()[name])
    text_to_text.save_pretrained(tmp_path / "again")
    body = getattr(dure, f"{family.name}Model").from_pretrained(tmp_path / "again")
    assert torch.equal(body.get_input_embeddings().weight, ours.get_input_embeddings().weight)


def test_wrong_inputs_are_named() -> None:
    model = dure.BartForConditionalGeneration(dure.BartConfig(**bart_fields(random.Random(1)))).eval()
    ids = torch.tensor([[5, 6, 7]])
    with pytest.raises(InputError, match=r"attention_mask \(1, 2\) must have the shape of the texts, \(1, 3\)"):
        model(ids, decoder_input_ids=ids, decoder_attention_mask=torch.ones(1, 2))
    with pytest.raises(InputError, match="41 tokens, but the model has 40 positions"):
        model(ids, decoder_input_ids=torch.ones(1, 41, dtype=torch.long))
    with pytest.raises(InputError, match="give decoder_input_ids"):
        model(encoder_outputs=(torch.zeros(1, 3, model.config.d_model),))
    labels = dure.BartForSequenceClassification(dure.BartConfig(**bart_fields(random.Random(1)))).eval()
    with pytest.raises(InputError, match=r"\[1, 2\] end tokens \(id 2\)"):
        labels(torch.tensor([[5, 6, 2], [5, 2, 2]]))
    t5 = dure.T5ForConditionalGeneration(
        dure.T5Config(**t5_fields(random.Random(1)) | {"decoder_start_token_id": None})
    )
    with pytest.raises(ConfigError, match="decoder_start_token_id is not set"):
        t5(ids, labels=ids)
    with pytest.raises(ConfigError, match="feed_forward_proj is 'wide-relu'"):
        dure.T5Config(feed_forward_proj="wide-relu")


@torch.no_grad()
def test_two_checkpoints_become_one_model(tmp_path: Path) -> None:
    bert = dure.BertModel(dure.BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=50))
    decoder = dure.BartForCausalLM(dure.BartConfig(**bart_fields(random.Random(2)) | {"d_model": 16}))
    bert.save_pretrained(tmp_path / "bert")
    decoder.save_pretrained(tmp_path / "bart")
    ids = torch.randint(3, 50, (2, 5))
    model = dure.EncoderDecoderModel.from_encoder_decoder_pretrained(
        tmp_path / "bert", tmp_path / "bart", pad_token_id=1, decoder_start_token_id=2
    )
    states = bert.eval()(ids).last_hidden_state
    expected = decoder.eval()(ids, encoder_hidden_states=states).logits
    torch.testing.assert_close(model(ids, decoder_input_ids=ids).logits, expected)
    with pytest.raises(ConfigError, match="needs a configuration of both sides"):
        dure.EncoderDecoderModel()


def test_logits_under_autocast_keep_the_precision_of_their_sum():
    """The product is bfloat16, its bias float32, and so is the original's sum: with gradients or without."""
    sizes = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    model = dure.BartForConditionalGeneration(dure.BartConfig(d_model=32, encoder_layers=1, decoder_layers=1, **sizes))
    ids = torch.randint(4, 50, (2, 7))
    model.eval()
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            found = model(ids).logits
        expected = model(ids).logits
    assert found.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(found, expected.detach(), rtol=0.02, atol=0.02)
