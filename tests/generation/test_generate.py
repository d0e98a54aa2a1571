"""What `generate` takes, what it says, and what it refuses."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import dure
from dure.errors import InputError
from dure.generation import messages

transformers = pytest.importorskip("transformers")

SMALL = {"vocab_size": 40, "n_embd": 16, "n_head": 2, "n_layer": 2, "n_positions": 32, "initializer_range": 0.4}


@pytest.fixture
def model() -> dure.GPT2LMHeadModel:
    torch.manual_seed(0)
    return dure.GPT2LMHeadModel(dure.GPT2Config(**SMALL, bos_token_id=1, eos_token_id=2)).eval()


@pytest.fixture
def theirs(model: dure.GPT2LMHeadModel, tmp_path: Path) -> Any:
    model.save_pretrained(tmp_path / "model")
    return transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "model")


@pytest.fixture(autouse=True)
def _unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_said", set())


IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])


def test_padding_changes_nothing_on_either_side(model: dure.GPT2LMHeadModel) -> None:
    short = torch.tensor([[5, 6, 7]])
    expected = model.generate(short, max_new_tokens=8, pad_token_id=0)[0, 3:].tolist()
    for ids, mask in (([[0, 0, 5, 6, 7]], [[0, 0, 1, 1, 1]]), ([[5, 6, 7, 0, 0]], [[1, 1, 1, 0, 0]])):
        for beams in ({}, {"num_beams": 1, "num_return_sequences": 1}):
            both = torch.tensor([ids[0], [9, 8, 7, 6, 5]])
            found = model.generate(both, attention_mask=torch.tensor([mask[0], [1] * 5]), max_new_tokens=8,
                                   pad_token_id=0, **beams)  # fmt: skip
            assert found[0].tolist()[: 5 + len(expected)] == ids[0] + expected


def test_padding_is_found_without_a_mask(model: dure.GPT2LMHeadModel) -> None:
    ids = torch.tensor([[0, 0, 5, 6, 7], [9, 8, 7, 6, 5]])
    fields = {"max_new_tokens": 6, "pad_token_id": 0}
    assert torch.equal(model.generate(ids, **fields), model.generate(ids, attention_mask=(ids > 0).long(), **fields))


@pytest.mark.parametrize("fields", [{}, {"num_beams": 3}, {"num_beams": 2, "num_return_sequences": 2}], ids=str)
def test_embeddings_a_cache_and_segments_stand_for_a_prompt(
    model: dure.GPT2LMHeadModel, theirs: Any, fields: dict[str, Any]
) -> None:
    common = {"attention_mask": torch.ones_like(IDS), "max_new_tokens": 6, "pad_token_id": 0, **fields}
    embeds = model.get_input_embeddings()(IDS).detach()
    plain = model.generate(IDS, **common)
    assert torch.equal(model.generate(inputs_embeds=embeds, **common), plain[:, 4:])
    assert torch.equal(theirs.generate(inputs_embeds=embeds, **common), plain[:, 4:])
    assert torch.equal(model.generate(IDS, inputs_embeds=embeds, **common), plain)
    types = torch.randint(0, 40, IDS.shape)
    expected = theirs.generate(IDS, token_type_ids=types, **common)
    assert torch.equal(model.generate(IDS, token_type_ids=types, **common), expected)
    if not fields:
        past = model(IDS[:, :3], use_cache=True).past_key_values
        assert torch.equal(model.generate(IDS, past_key_values=past, **common), plain)


def test_without_a_prompt_it_starts_with_the_beginning_of_text(model: dure.GPT2LMHeadModel) -> None:
    assert torch.equal(model.generate(max_new_tokens=4), model.generate(torch.tensor([[1]]), max_new_tokens=4))
    model.generation_config.bos_token_id = None
    with pytest.raises(InputError, match="bos_token_id"):
        model.generate(max_new_tokens=4)


def test_its_results_can_be_trained_on(model: dure.GPT2LMHeadModel) -> None:
    found = model.generate(IDS, max_new_tokens=3, pad_token_id=0)
    model.train()
    model(found, labels=found).loss.backward()
    output = model.eval().generate(
        IDS, max_new_tokens=3, pad_token_id=0, return_dict_in_generate=True, output_logits=True
    )
    assert not output.logits[0].requires_grad
    (output.logits[0] * torch.ones(1, requires_grad=True)).sum().backward()
    assert not found.is_inference()


def test_scores_of_the_tokens_are_the_originals(model: dure.GPT2LMHeadModel, theirs: Any) -> None:
    for fields in ({}, {"num_beams": 3, "num_return_sequences": 2}, {"do_sample": True, "top_k": 5}):
        shown = {"return_dict_in_generate": True, "output_scores": True, "max_new_tokens": 7, "pad_token_id": 0}
        output = model.generate(IDS, **shown, **fields)
        arguments = output.sequences, output.scores, getattr(output, "beam_indices", None)
        for is_normalized in (False, True):
            found = model.compute_transition_scores(*arguments, normalize_logits=is_normalized)
            expected = theirs.compute_transition_scores(*arguments, normalize_logits=is_normalized)
            torch.testing.assert_close(found, expected)


def test_own_processors_and_criteria(model: dure.GPT2LMHeadModel, theirs: Any) -> None:
    class Bans(dure.LogitsProcessor):
        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            return scores.index_fill(1, input_ids[:, -1], -float("inf"))

    class Ends(dure.StoppingCriteria):
        def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
            return input_ids.sum(1) % 7 == 0

    own = {"logits_processor": dure.LogitsProcessorList([Bans()]), "stopping_criteria": [Ends()]}
    their = {"logits_processor": transformers.LogitsProcessorList([Bans()]),
             "stopping_criteria": transformers.StoppingCriteriaList([Ends()])}  # fmt: skip
    for fields in ({}, {"num_beams": 3}, {"num_beams": 2, "eos_token_id": None}):
        fields |= {"max_new_tokens": 12, "pad_token_id": 0}
        assert model.generate(IDS, **own, **fields).tolist() == theirs.generate(IDS, **their, **fields).tolist()


def test_ones_own_processor_stands_for_the_one_of_its_kind(
    model: dure.GPT2LMHeadModel, caplog: pytest.LogCaptureFixture
) -> None:
    own = dure.RepetitionPenaltyLogitsProcessor(0.01)
    found = model.generate(IDS, logits_processor=[own], repetition_penalty=5.0, max_new_tokens=5, pad_token_id=0)
    expected = model.generate(IDS, repetition_penalty=0.01, max_new_tokens=5, pad_token_id=0)
    assert torch.equal(found, expected)
    assert "RepetitionPenaltyLogitsProcessor" in caplog.text


def test_stop_strings_end_a_text_wherever_they_fall(model: dure.GPT2LMHeadModel) -> None:
    class Letters:
        """Each token is a syllable."""

        def decode(self, ids: list[int], **options: Any) -> str:
            return "".join("ab"[i % 2] + "cdefg"[i % 5] for i in ids)

    full = model.generate(IDS[:1], max_new_tokens=20, pad_token_id=0, eos_token_id=None)[0].tolist()
    text = Letters().decode(full[4:])
    stop = text[7:10]
    found = model.generate(IDS[:1], max_new_tokens=20, pad_token_id=0, eos_token_id=None, stop_strings=stop,
                           tokenizer=Letters())[0].tolist()  # fmt: skip
    before = Letters().decode(full[:4])
    first = next(n for n in range(5, 25) if (before + Letters().decode(full[4:n])).count(stop) > before.count(stop))
    assert found == full[:first]
    with pytest.raises(InputError, match="could not locate a tokenizer"):
        model.generate(IDS, max_new_tokens=2, stop_strings="x", pad_token_id=0)


def test_time_ends_a_text(model: dure.GPT2LMHeadModel) -> None:
    found = model.generate(IDS, max_new_tokens=20, max_time=1e-9, pad_token_id=0, eos_token_id=None)
    assert found.shape == (2, 5)


def test_what_the_original_says_is_said_once(model: dure.GPT2LMHeadModel, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            model.generate(IDS, max_new_tokens=2)
    assert caplog.text.count("Setting `pad_token_id` to `eos_token_id`:2 for open-end generation.") == 1
    assert "The attention mask and the pad token id were not set." in caplog.text
    caplog.clear()
    model.generate(IDS, max_new_tokens=2, pad_token_id=2)
    assert "pad token is same as eos token" in caplog.text
    model.generate(IDS, max_new_tokens=2, max_length=9, pad_token_id=0)
    assert "Both `max_new_tokens` (=2) and `max_length`(=9)" in caplog.text
    model.generate(IDS, max_new_tokens=2, min_length=30, pad_token_id=0)
    assert "`min_length` (30) is larger than the maximum possible length (6)" in caplog.text
    model.generate(IDS, max_new_tokens=99, pad_token_id=0)
    assert "GPT2LMHeadModel has 32 positions" in caplog.text


@pytest.mark.parametrize(("inputs", "fields", "told"), [
    (IDS, {"num_beams": 2, "num_return_sequences": 3}, r"num_return_sequences` \(3\) has to be smaller .*\(2\)"),
    (IDS, {"num_return_sequences": 2}, "Greedy methods.*got 2"),
    (IDS, {"do_sample": True, "temperature": -1.0}, "temperature.*-1.0"),
    (IDS, {"do_sample": True, "temperature": 0.0}, "do_sample=False"),
    (IDS, {"do_sample": True, "top_p": 0.0}, "top_p.*0.0"),
    (IDS, {"do_sample": True, "top_p": 1.5}, "top_p.*1.5"),
    (IDS, {"do_sample": True, "top_k": -3}, "top_k.*-3"),
    (IDS, {"num_beams": 0}, "num_beams.*0"),
    (IDS, {"max_new_tokens": 0}, "max_new_tokens.*0"),
    (IDS, {"max_new_tokens": 2.5}, "max_new_tokens.*2.5"),
    (IDS, {"min_length": -2}, "min_length.*-2"),
    (IDS, {"max_length": 3}, "Input length of input_ids is 4, but `max_length` is set to 3"),
    (IDS, {"early_stopping": "soon"}, "soon"),
    (IDS, {"tempreature": 0.5}, r"\['tempreature'\].*did you mean temperature\?"),
    (IDS, {"guidance_scale": 1.5}, "guidance_scale.*1.5"),
    (IDS, {"num_beams": 4, "num_beam_groups": 2}, "num_beam_groups.*2"),
    (IDS, {"input_ids": IDS}, "alongside"),
    (IDS, {"attention_mask": torch.ones(2, 3)}, r"\(2, 3\).*\(2, 4\)"),
    (IDS, {"attention_mask": torch.ones(2, 1, 4)}, "must be 2D"),
    (IDS[0], {}, r"input_ids.unsqueeze\(0\)"),
    (IDS.float(), {}, "float32"),
    (IDS.tolist(), {}, "not list"),
    (IDS[:, :0], {}, "no tokens at all"),
    (torch.ones(1, 33, dtype=torch.long), {}, "prompt has 33 tokens, but GPT2LMHeadModel reads at most 32"),
    (IDS, {"num_beams": 2, "streamer": object()}, "streamer"),
    (IDS, {"generation_config": dure.GenerationConfig(repetition_penalty=-1.0)}, "penalty.*-1.0"),
])  # fmt: skip
def test_what_is_wrong_is_named(model: dure.GPT2LMHeadModel, inputs: Any, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        model.generate(
            inputs, **{"pad_token_id": 0, "max_new_tokens": 3, **fields} if "max_length" not in fields else fields
        )


def test_models_that_write_say_so(model: dure.GPT2LMHeadModel) -> None:
    assert model.can_generate()
    assert dure.T5ForConditionalGeneration.can_generate()
    assert not dure.BertForMaskedLM.can_generate()
    assert not hasattr(dure.BertModel, "generate")


def test_an_encoder_decoder_takes_what_its_encoder_read(tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = dure.T5Config(
        vocab_size=40, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    model = dure.T5ForConditionalGeneration(config).eval()
    model.save_pretrained(tmp_path)
    theirs = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path)
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])
    fields = {"attention_mask": mask, "max_new_tokens": 6}
    plain = model.generate(IDS, **fields)
    read = model.get_encoder()(IDS, mask)
    assert torch.equal(model.generate(encoder_outputs=read, **fields), plain)
    assert torch.equal(model.generate(encoder_outputs=tuple(read.to_tuple()), **fields), plain)
    embeds = model.get_input_embeddings()(IDS).detach()
    assert torch.equal(model.generate(inputs_embeds=embeds, **fields), plain)
    for started in (torch.tensor([[7, 8], [9, 3]]), torch.tensor([[0, 8], [0, 3]])):
        for beams in (1, 3):
            arguments = {**fields, "decoder_input_ids": started, "num_beams": beams}
            assert torch.equal(model.generate(IDS, **arguments), theirs.generate(IDS, **arguments))
    found = model.generate(IDS, **fields, do_sample=True, num_return_sequences=5, eos_token_id=[1, 4, 5, 6, 7, 8, 9])
    assert len(found) == 10
    with pytest.raises(InputError, match="length 2 but got 3"):
        model.generate(IDS, decoder_start_token_id=[1, 2, 3], max_new_tokens=2)
    with pytest.raises(InputError, match="Please pick one"):
        model.generate(IDS, inputs_embeds=embeds, max_new_tokens=2)
    model.generation_config.decoder_start_token_id = None
    with pytest.raises(InputError, match="has to be defined for encoder-decoder"):
        model.generate(IDS, max_new_tokens=2)
