"""What is drawn: reproducible by its seed, distributed as the model says, and the original's own draw."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.generation.small_models import both, prompts_of
from tests.generation.test_searches import check_same

import dure
from dure.generation.batching import generate_many
from dure.generation.rules import warpers_for
from dure.generation.sample import draw, draw_warped

transformers = pytest.importorskip("transformers")

SETTINGS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.6, "top_k": 0},
    {"top_p": 0.8, "num_return_sequences": 3},
    {"top_k": 5, "min_p": 0.1},
    {"typical_p": 0.7, "repetition_penalty": 1.3},
    {"epsilon_cutoff": 0.02, "eta_cutoff": 0.01},
    {"num_beams": 3},
    {"num_beams": 4, "num_return_sequences": 2, "temperature": 1.5, "length_penalty": 0.3},
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["GPT2LMHeadModel", "LlamaForCausalLM", "T5ForConditionalGeneration", "MarianMTModel"])
def test_one_seed_gives_what_it_gives_in_the_original(name: str, tmp_path: Path) -> None:
    random_ = random.Random(7)
    torch.manual_seed(7)
    ours, theirs = both(name, random_, tmp_path)
    for fields in SETTINGS:
        inputs = prompts_of(name, theirs, random_, rows=2)
        shown = {"return_dict_in_generate": True, "output_scores": True, "do_sample": True, "max_new_tokens": 8}
        found = []
        for model in (ours, theirs, ours):
            dure.set_seed(3)
            found.append(model.generate(**inputs, **fields, **shown, pad_token_id=3))
        check_same(found[0], found[1], str(fields))
        assert torch.equal(found[0].sequences, found[2].sequences)


def distance(counts: torch.Tensor, chances: torch.Tensor) -> float:
    """Half the sum of the differences: 0 for equal distributions, 1 for those that share nothing."""
    return float((counts / counts.sum() - chances).abs().sum() / 2)


@pytest.mark.parametrize("fields", SETTINGS[:6], ids=str)
def test_many_draws_are_distributed_as_the_originals_scores_say(fields: dict[str, Any]) -> None:
    torch.manual_seed(2)
    scores, ids = torch.randn(1, 40) * 2, torch.zeros(1, 1, dtype=torch.long)
    config = dure.GenerationConfig(do_sample=True, **{n: v for n, v in fields.items() if "penalty" not in n})
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=40, n_embd=4, n_head=1, n_layer=1))
    original = transformers.GenerationConfig(do_sample=True, **fields | {"repetition_penalty": 1.0})
    original._eos_token_tensor = None
    chances = theirs._get_logits_processor(original)(ids, scores).softmax(-1)[0]
    warpers = warpers_for(config, 1)
    warped = scores
    for warper in warpers:
        warped = warper(ids, warped)
    for tokens in (draw(warped.expand(20000, -1)), draw_warped(scores.expand(20000, -1), warpers)):
        counts = tokens.bincount(minlength=40).float()
        assert not bool(counts[chances == 0].any())
        # With 20,000 draws from at most 40 tokens, the expected distance is below 0.02.
        assert distance(counts, chances) < 0.04


def test_prompts_in_lists_are_continued_with_the_same_distribution() -> None:
    torch.manual_seed(4)
    config = dure.GPT2Config(vocab_size=12, n_embd=8, n_head=2, n_layer=1, n_positions=16, eos_token_id=None)
    model = dure.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        model.transformer.wte.weight.mul_(60)
    prompts = [[1, 2, 3], [4], [5, 6]] * 700
    fields = {"do_sample": True, "top_k": 6, "temperature": 0.9, "max_new_tokens": 2, "pad_token_id": 0}
    dure.set_seed(1)
    found = dict(generate_many(model, prompts, **fields, batch_size=100))
    dure.set_seed(1)
    again = dict(generate_many(model, prompts, **fields, batch_size=100))
    assert all(torch.equal(found[number][0], again[number][0]) for number in found)
    for kind in range(3):
        alone = model.generate(torch.tensor(prompts[kind : kind + 1]), num_return_sequences=700, **fields)
        counts = torch.stack([found[number][0][-2:] for number in range(kind, len(prompts), 3)])
        for place in range(2):
            ours, theirs = (t[:, place - 2].bincount(minlength=12).float() for t in (counts, alone))
            # Two samples of 700 from at most 12 tokens: the expected distance is below 0.06.
            assert distance(ours, theirs / theirs.sum()) < 0.12
