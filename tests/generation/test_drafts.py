"""Drafts change when a text is written, not what is written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from tests.generation.small_models import FAMILIES, both, prompts_of
from tests.generation.test_searches import ends, rules

import dure
from dure.errors import InputError
from dure.generation.prompt_lookup import PromptLookup

pytest.importorskip("transformers")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in FAMILIES if not name.startswith("OpenAI")])
def test_drafts_and_prompt_lookup_give_greedys_text(name: str, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    random_ = random.Random(seed)
    torch.manual_seed(seed)
    model, theirs = both(name, random_, tmp_path)
    draft = both(name, random.Random(seed), tmp_path / "draft")[0]
    with torch.no_grad():
        for ours, other in zip(draft.parameters(), model.parameters(), strict=False):
            if ours.shape == other.shape:
                ours.copy_(other + 0.02 * torch.randn_like(other))
    draft.generation_config.assistant_confidence_threshold = 0.1
    draft.generation_config.num_assistant_tokens_schedule = random_.choice(["constant", "heuristic"])
    for _ in range(4):
        inputs = prompts_of(name, theirs, random_, rows=1)
        fields = rules(random_) | ends(random_) | {"max_new_tokens": random_.randrange(1, 25), "pad_token_id": 3}
        shown = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
        greedy = model.generate(**inputs, **fields, **shown)
        drafts = [{"prompt_lookup_num_tokens": random_.randrange(1, 6)}]
        if draft.config.to_dict().get("vocab_size") == model.config.to_dict().get("vocab_size"):
            drafts.append({"assistant_model": draft})
        for how in drafts:
            found = model.generate(**inputs, **fields, **shown, **how)
            assert found.sequences.tolist() == greedy.sequences.tolist(), (fields, how)
            for ours, expected in zip(found.scores + found.logits, greedy.scores + greedy.logits, strict=True):
                torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4, equal_nan=True)


def small(**fields: int) -> dure.GPT2LMHeadModel:
    config = {"vocab_size": 12, "n_embd": 8, "n_head": 2, "n_layer": 1, "n_positions": 40, "eos_token_id": None}
    return dure.GPT2LMHeadModel(dure.GPT2Config(**{**config, **fields})).eval()


def test_sampling_with_drafts_has_the_models_distribution() -> None:
    torch.manual_seed(1)
    model, draft = small(), small()
    with torch.no_grad():
        for one in (model, draft):
            one.transformer.wte.weight.mul_(50)
    draft.generation_config.assistant_confidence_threshold = 0.0
    fields = {"do_sample": True, "top_k": 0, "max_new_tokens": 2, "pad_token_id": 0}
    prompt = torch.tensor([[1, 2, 3]])
    alone = model.generate(prompt, num_return_sequences=4000, **fields)[:, 4].bincount(minlength=12) / 4000
    drawn = [int(model.generate(prompt, assistant_model=draft, **fields)[0, 4]) for _ in range(500)]
    found = torch.tensor(drawn).bincount(minlength=12) / 500
    # 500 draws from at most 12 tokens: the expected distance is below 0.06.
    assert float((found - alone).abs().sum() / 2) < 0.13


@pytest.mark.parametrize(("fields", "told"), [
    ({"num_beams": 2}, "num_beams is 2"),
    ({"num_return_sequences": 2, "do_sample": True}, "has to be 1 .* but is 2"),
    ({"use_cache": False}, "use_cache=True"),
    ({"return_dict_in_generate": True, "output_attentions": True}, "output_attentions"),
])  # fmt: skip
def test_what_does_not_go_with_drafts_is_named(fields: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        small().generate(torch.tensor([[1, 2]]), prompt_lookup_num_tokens=3, pad_token_id=0, **fields)


def test_several_prompts_and_other_vocabularies_are_refused() -> None:
    with pytest.raises(InputError, match="batch_size = 1, not 2"):
        small().generate(torch.tensor([[1, 2], [3, 4]]), prompt_lookup_num_tokens=3, pad_token_id=0)
    with pytest.raises(InputError, match="12 ids and the assistant 15"):
        small().generate(torch.tensor([[1, 2]]), assistant_model=small(vocab_size=15), pad_token_id=0)
    with pytest.raises(InputError, match="prompt_lookup_num_tokens is 0"):
        small().generate(torch.tensor([[1, 2]]), prompt_lookup_num_tokens=0, pad_token_id=0)


@pytest.mark.parametrize(("text", "limit", "found"), [
    ([1, 2, 3, 9, 1, 2], 10, [3, 9, 1]),
    ([1, 2, 3, 9, 1, 2], 2, [3, 9]),
    ([1, 2, 3, 1, 2, 4, 5, 6, 1, 2], 10, [4, 5, 6]),
    ([7, 7, 7, 7], 10, [7, 7]),
    ([1, 2, 0, 3, 1, 2], 10, []),
    ([1, 2, 3], 10, []),
    ([1], 10, []),
    ([1, 2, 3, 9, 1, 2], -1, []),
])  # fmt: skip
def test_a_text_is_continued_as_what_it_quotes(text: list[int], limit: int, found: list[int]) -> None:
    lookup = PromptLookup(3, 2, eos=[0])
    assert lookup.propose(torch.tensor([text]), limit)[0].tolist() == found
