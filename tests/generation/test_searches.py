"""Greedy search and beam search write the original's ids with the original's scores, whatever is asked for."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.generation.small_models import FAMILIES, FULL, both, prompts_of
from torch import Tensor

NUM_SETTINGS = 50 if FULL else 5
#: Relative to a tensor's largest value.
TOLERANCE = 1e-5


#: Rules after which an end may have no chance.
LEAVE_NO_END = {"min_new_tokens", "min_length", "bad_words_ids", "no_repeat_ngram_size", "forced_eos_token_id",
                "encoder_no_repeat_ngram_size", "forced_bos_token_id"}  # fmt: skip


def maybe(random_: random.Random, chance: float, fields: dict[str, Any]) -> dict[str, Any]:
    return fields if random_.random() < chance else {}


def some_ids(random_: random.Random, count: int) -> list[int]:
    return [random_.randrange(4, 50) for _ in range(count)]


def rules(random_: random.Random) -> dict[str, Any]:
    """A few rules on scores."""
    chosen = {
        "repetition_penalty": random_.choice([0.7, 1.3, 2.0]),
        "no_repeat_ngram_size": random_.choice([1, 2, 3]),
        "encoder_repetition_penalty": random_.choice([0.8, 1.5]),
        "encoder_no_repeat_ngram_size": random_.choice([1, 2, 3]),
        "bad_words_ids": [some_ids(random_, random_.randrange(1, 3)) for _ in range(8)],
        "sequence_bias": {tuple(some_ids(random_, random_.randrange(1, 3))): random_.uniform(-4, 4) for _ in range(8)},
        "suppress_tokens": some_ids(random_, 10),
        "begin_suppress_tokens": some_ids(random_, 20),
        "min_new_tokens": random_.randrange(1, 8),
        "min_length": random_.randrange(1, 16),
        "forced_bos_token_id": 1,
        # Of several forced ends, all have the score 0.
        "forced_eos_token_id": 2,
        "exponential_decay_length_penalty": (random_.randrange(1, 4), random_.choice([1.1, 1.5])),
        "renormalize_logits": True,
        "remove_invalid_values": True,
    }
    chosen = {name: value for name, value in chosen.items() if random_.random() < 0.12}
    if chosen.keys() & LEAVE_NO_END:
        # The original makes a NaN of the score of an end that has no chance.
        chosen.pop("exponential_decay_length_penalty", None)
    return chosen


def ends(random_: random.Random) -> dict[str, Any]:
    """What ends a text: nothing, one token, or so many that texts do end."""
    several = some_ids(random_, random_.randrange(2, 12))
    return random_.choice([{}, {"eos_token_id": several}, {"eos_token_id": several}, {"eos_token_id": 2}])


def beams(random_: random.Random) -> dict[str, Any]:
    num_beams = random_.randrange(2, 6)
    return {
        "num_beams": num_beams,
        "num_return_sequences": random_.randrange(1, num_beams + 1),
        "length_penalty": random_.choice([-1.0, 0.0, 0.5, 1.0, 2.0]),
        "early_stopping": random_.choice([True, False, "never"]),
    }


def setting(random_: random.Random) -> dict[str, Any]:
    fields = rules(random_) | ends(random_) | {"pad_token_id": random_.choice([0, 3])}
    # Where the first token is the last one and only one may come, all beams but the first are equally bad.
    least = 2 if fields.keys() & {"forced_bos_token_id", "forced_eos_token_id"} else 1
    fields |= random_.choice(
        [{"max_new_tokens": random_.randrange(least, 16)}, {"max_length": random_.randrange(13, 24)}]
    )
    shown = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
    shown |= maybe(random_, 0.3, {"output_attentions": True, "output_hidden_states": True})
    fields |= maybe(random_, 0.7, shown) | maybe(random_, 0.6, beams(random_))
    if "num_beams" in fields:
        # The original applies it to the first rows alone, as many as there are prompts, whichever their prompt is.
        fields.pop("encoder_repetition_penalty", None)
    return fields


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(FAMILIES))
def test_ids_and_scores_are_the_originals(name: str, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    random_ = random.Random(seed)
    torch.manual_seed(seed)
    ours, theirs = both(name, random_, tmp_path)
    for trial in range(NUM_SETTINGS):
        inputs, fields = prompts_of(name, theirs, random_), setting(random_)
        if not bool(inputs["attention_mask"].all()):
            # What the original shows of padding that sees nothing depends on its kind of attention.
            fields |= {"output_attentions": False, "output_hidden_states": False}
        where = f"{name}, seed {seed}, trial {trial}: {fields}"
        check_same(ours.generate(**inputs, **fields), theirs.generate(**inputs, **fields), where)


def check_same(ours: Any, theirs: Any, where: str) -> None:
    """The same ids; the same fields, with the same numbers."""
    if isinstance(theirs, Tensor):
        assert ours.tolist() == theirs.tolist(), where
        return
    assert ours.sequences.tolist() == theirs.sequences.tolist(), where
    fields = [name for name in theirs if name != "past_key_values"]
    assert [name for name in ours if name != "past_key_values"] == fields, where
    assert type(ours).__name__ == type(theirs).__name__
    for name in fields[1:]:
        check_close(ours[name], theirs[name], f"{where}: {name}")


def check_close(ours: Any, theirs: Any, where: str) -> None:
    if isinstance(theirs, tuple):
        assert len(ours) == len(theirs), where
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            check_close(one, other, f"{where} {index}")
        return
    assert ours.shape == theirs.shape, f"{where}: {tuple(ours.shape)}, not {tuple(theirs.shape)}"
    if not theirs.is_floating_point():
        assert torch.equal(ours.long(), theirs.long()), where
        return
    finite = theirs.abs()[theirs.abs() < 1e8]
    largest = float(finite.max()) if finite.numel() else 1.0
    torch.testing.assert_close(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE * max(1.0, largest), equal_nan=True,
                               msg=lambda text: f"{where}: {text}")  # fmt: skip
