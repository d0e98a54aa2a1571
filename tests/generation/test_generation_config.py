"""GenerationConfig: the original's fields, files both ways, and where a call's settings come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import dure
from dure.errors import ConfigError, InputError, MissingFileError
from dure.generation import messages

transformers = pytest.importorskip("transformers")

IDS = torch.tensor([[5, 6, 7, 8]])


@pytest.fixture(autouse=True)
def _unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_said", set())


def test_fields_and_defaults_are_the_originals() -> None:
    ours, theirs = dure.GenerationConfig().to_dict(), transformers.GenerationConfig().to_dict()
    for fields in (ours, theirs):
        fields.pop("transformers_version")
        fields.pop("_from_model_config", None)
        fields.pop("assistant_ids", None)
    assert ours == theirs


FIELDS: dict[str, Any] = {"max_new_tokens": 7, "do_sample": True, "top_p": 0.9, "eos_token_id": [2, 3], "num_beams": 2,
                          "bad_words_ids": [[4]], "own_field": "kept"}  # fmt: skip


def test_files_are_exchanged_both_ways(tmp_path: Path) -> None:
    dure.GenerationConfig(**FIELDS).save_pretrained(tmp_path / "ours")
    theirs = transformers.GenerationConfig.from_pretrained(tmp_path / "ours")
    assert {name: getattr(theirs, name) for name in FIELDS} == FIELDS
    theirs.save_pretrained(tmp_path / "theirs")
    again = dure.GenerationConfig.from_pretrained(tmp_path / "theirs", top_p=0.5)
    assert {name: getattr(again, name) for name in FIELDS} == FIELDS | {"top_p": 0.5}
    written = [json.loads((tmp_path / side / "generation_config.json").read_text()) for side in ("ours", "theirs")]
    assert written[0] == written[1]
    again, unused = dure.GenerationConfig.from_pretrained(
        tmp_path / "ours", top_p=0.5, foo=1, return_unused_kwargs=True
    )
    assert (again.top_p, unused) == (0.5, {"foo": 1})
    assert again != dure.GenerationConfig(**FIELDS)
    assert dure.GenerationConfig.from_pretrained(tmp_path / "theirs") == dure.GenerationConfig(**FIELDS)
    assert '"top_p": 0.9' in repr(dure.GenerationConfig(**FIELDS))


@pytest.mark.parametrize(("name", "fields"), [
    ("GPT2", {"task_specific_params": {"a": 1}, "max_length": 33}),
    ("Marian", {"forced_eos_token_id": 5, "num_beams": 6, "bad_words_ids": [[7]]}),
    ("Bart", {"no_repeat_ngram_size": 3, "early_stopping": True, "num_beams": 4}),
    ("T5", {"output_attentions": True}),
    ("Llama", {"pad_token_id": 9}),
    ("Bert", {}),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_a_models_configuration_says_what_it_says_in_the_original(name: str, fields: dict[str, Any]) -> None:
    ours = dure.GenerationConfig.from_model_config(getattr(dure, f"{name}Config")(**fields))
    theirs = transformers.GenerationConfig.from_model_config(getattr(transformers, f"{name}Config")(**fields))
    assert ours.to_diff_dict() | {"transformers_version": 0} == theirs.to_diff_dict() | {"transformers_version": 0}


def test_an_encoder_decoders_sides_are_asked() -> None:
    sides = [{"vocab_size": 30, "bos_token_id": 1, "pad_token_id": 4, "max_length": 40}] * 2
    theirs = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        *(transformers.BertConfig(**side) for side in sides)
    )
    ours = dure.EncoderDecoderConfig.from_encoder_decoder_configs(*(dure.BertConfig(**side) for side in sides))
    found = dure.GenerationConfig.from_model_config(ours)
    expected = transformers.GenerationConfig.from_model_config(theirs)
    assert (found.bos_token_id, found.pad_token_id, found.max_length) == (1, 4, 40)
    assert (expected.bos_token_id, expected.pad_token_id, expected.max_length) == (1, 4, 40)


def small() -> dure.GPT2LMHeadModel:
    torch.manual_seed(0)
    fields = {"vocab_size": 40, "n_embd": 16, "n_head": 2, "n_layer": 1, "n_positions": 64, "initializer_range": 0.4}
    return dure.GPT2LMHeadModel(dure.GPT2Config(**fields, bos_token_id=1, eos_token_id=None)).eval()


def test_a_checkpoint_keeps_it(tmp_path: Path) -> None:
    model = small()
    model.generation_config.max_new_tokens = 3
    model.save_pretrained(tmp_path)
    assert dure.GPT2LMHeadModel.from_pretrained(tmp_path).generate(IDS).shape == (1, 7)
    assert transformers.GPT2LMHeadModel.from_pretrained(tmp_path).generate(IDS).shape == (1, 7)
    (tmp_path / "generation_config.json").unlink()
    assert dure.GPT2LMHeadModel.from_pretrained(tmp_path).generate(IDS).shape == (1, 24)


def test_a_call_wins_over_its_configuration_and_that_over_the_models() -> None:
    model = small()
    assert model.generate(IDS).shape == (1, 24)
    model.generation_config.max_new_tokens = 5
    assert model.generate(IDS).shape == (1, 9)
    given = dure.GenerationConfig(max_new_tokens=4)
    assert model.generate(IDS, given).shape == (1, 8)
    assert model.generate(IDS, given, max_new_tokens=2).shape == (1, 6)
    assert given.max_new_tokens == 4, "what is given isn't changed"
    other = dure.GenerationConfig(num_beams=2)
    assert model.generate(IDS, other).shape == (1, 9)
    assert model.generate(IDS, other, use_model_defaults=False).shape == (1, 24)
    model.generation_config.transformers_version = "4.30.0"
    assert model.generate(IDS, other).shape == (1, 24)


def test_older_programs_set_the_models_configuration(caplog: pytest.LogCaptureFixture) -> None:
    model = small()
    model.generate(IDS)
    model.config.max_length = 9
    assert model.generate(IDS).shape == (1, 9)
    assert "use and modify the model generation configuration" in caplog.text


def test_flags_without_effect_are_told(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    config = dure.GenerationConfig(temperature=0.5, length_penalty=2.0, output_scores=True, pad_token_id=-1)
    told = "['pad_token_id', 'temperature', 'length_penalty', 'output_scores']"
    assert f"The following generation flags are not valid and may be ignored: {told}" in caplog.text
    with pytest.raises(InputError, match=r"`temperature` is set to `0.5`(.|\n)*Fix these issues"):
        config.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="Argument `streamer` is not a valid argument"):
        dure.GenerationConfig(streamer=1)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"generation_config\.json"):
        dure.GenerationConfig.from_pretrained(tmp_path)
    path = tmp_path / "generation_config.json"
    for text, told in (("{", "not valid JSON"), ("[]", "must hold a JSON object, not list")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=told):
            dure.GenerationConfig.from_pretrained(tmp_path)
    path.write_text('{"num_beams": -1}')
    with pytest.raises(ConfigError, match=r"generation_config.json: `num_beams` must be greater than 0, but is -1"):
        dure.GenerationConfig.from_file(path)
