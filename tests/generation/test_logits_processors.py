"""Each processor changes random scores as the original's does; wrong values are refused with their name."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from dure.errors import InputError
from dure.generation import logits, repetition, warping

transformers = pytest.importorskip("transformers")

ROWS, LENGTH, VOCAB = 6, 9, 23
SOURCE = torch.randint(0, VOCAB, (ROWS // 2, 7), generator=torch.Generator().manual_seed(5))
#: Class, and some arguments.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("MinLengthLogitsProcessor", {"min_length": LENGTH, "eos_token_id": 3}),
    ("MinLengthLogitsProcessor", {"min_length": LENGTH + 1, "eos_token_id": [3, 4]}),
    ("MinNewTokensLengthLogitsProcessor", {"prompt_length_to_skip": 4, "min_new_tokens": 5, "eos_token_id": 3}),
    ("MinNewTokensLengthLogitsProcessor", {"prompt_length_to_skip": 4, "min_new_tokens": 6, "eos_token_id": [3]}),
    ("SequenceBiasLogitsProcessor", {"sequence_bias": {(1,): 2.0, (2, 3): -1.5, (4, 5, 6): 0.5, (7,): -math.inf}}),
    ("SequenceBiasLogitsProcessor", {"sequence_bias": [[[1], 2.0], [[2, 3], -1.5]]}),
    ("NoBadWordsLogitsProcessor", {"bad_words_ids": [[1], [2, 3], [3, 3]], "eos_token_id": 1}),
    ("ForcedBOSTokenLogitsProcessor", {"bos_token_id": 3}),
    ("ForcedEOSTokenLogitsProcessor", {"max_length": LENGTH + 1, "eos_token_id": 3}),
    ("ForcedEOSTokenLogitsProcessor", {"max_length": LENGTH, "eos_token_id": [3, 4]}),
    ("InfNanRemoveLogitsProcessor", {}),
    (
        "ExponentialDecayLengthPenalty",
        {"exponential_decay_length_penalty": (2, 1.3), "eos_token_id": [3, 4], "input_ids_seq_length": 4},
    ),
    ("SuppressTokensLogitsProcessor", {"suppress_tokens": [1, 5, 9]}),
    ("SuppressTokensAtBeginLogitsProcessor", {"begin_suppress_tokens": [1, 5, 9], "begin_index": LENGTH}),
    ("SuppressTokensAtBeginLogitsProcessor", {"begin_suppress_tokens": [1, 5, 9], "begin_index": 4}),
    ("LogitNormalization", {}),
    ("RepetitionPenaltyLogitsProcessor", {"penalty": 1.7}),
    ("RepetitionPenaltyLogitsProcessor", {"penalty": 0.4, "prompt_ignore_length": 5}),
    ("NoRepeatNGramLogitsProcessor", {"ngram_size": 1}),
    ("NoRepeatNGramLogitsProcessor", {"ngram_size": 2}),
    ("NoRepeatNGramLogitsProcessor", {"ngram_size": 3}),
    ("EncoderNoRepeatNGramLogitsProcessor", {"encoder_ngram_size": 1, "encoder_input_ids": SOURCE}),
    ("EncoderNoRepeatNGramLogitsProcessor", {"encoder_ngram_size": 2, "encoder_input_ids": SOURCE}),
    ("EncoderRepetitionPenaltyLogitsProcessor", {"penalty": 1.7, "encoder_input_ids": SOURCE.repeat(2, 1)}),
    ("TemperatureLogitsWarper", {"temperature": 0.4}),
    ("TopKLogitsWarper", {"top_k": 4}),
    ("TopKLogitsWarper", {"top_k": 4, "min_tokens_to_keep": 6}),
    ("TopKLogitsWarper", {"top_k": 400}),
    ("TopPLogitsWarper", {"top_p": 0.7}),
    ("TopPLogitsWarper", {"top_p": 0.01, "min_tokens_to_keep": 3}),
    ("MinPLogitsWarper", {"min_p": 0.2}),
    ("MinPLogitsWarper", {"min_p": 0.99, "min_tokens_to_keep": 4}),
    ("TypicalLogitsWarper", {"mass": 0.6}),
    ("TypicalLogitsWarper", {"mass": 0.05, "min_tokens_to_keep": 3}),
    ("EpsilonLogitsWarper", {"epsilon": 0.05}),
    ("EpsilonLogitsWarper", {"epsilon": 0.9, "min_tokens_to_keep": 2}),
    ("EtaLogitsWarper", {"epsilon": 0.05}),
    ("EtaLogitsWarper", {"epsilon": 0.9, "min_tokens_to_keep": 2}),
]


def ours(name: str) -> Any:
    return next(getattr(module, name) for module in (logits, repetition, warping) if name in module.__all__)


@pytest.mark.parametrize(("name", "fields"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_scores_are_the_originals(name: str, fields: dict[str, Any]) -> None:
    theirs = getattr(transformers.generation.logits_process, name)
    for trial in range(20):
        length = 1 if trial == 0 else LENGTH
        ids = torch.randint(0, VOCAB if trial % 2 else 5, (ROWS, length))
        scores = torch.randn(ROWS, VOCAB) * 3
        if trial % 3 == 0 and name != "TypicalLogitsWarper":
            scores[:, torch.randint(0, VOCAB, (4,))] = -math.inf
        before = scores.clone()
        found = ours(name)(**fields)(ids, scores)
        expected = theirs(**fields)(ids, scores.clone())
        if name == "ExponentialDecayLengthPenalty":
            expected = torch.where(expected.isnan(), -math.inf, expected)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
        assert torch.equal(scores, before), "a processor leaves what it is given as it is"


def test_a_function_says_which_tokens_may_follow() -> None:
    ids, scores = torch.randint(0, VOCAB, (ROWS, LENGTH)), torch.randn(ROWS, VOCAB)
    arguments = (lambda prompt, text: [prompt, int(text[-1])], 2)
    found = logits.PrefixConstrainedLogitsProcessor(*arguments)(ids, scores)
    assert torch.equal(found, transformers.PrefixConstrainedLogitsProcessor(*arguments)(ids, scores))
    with pytest.raises(InputError, match="empty list for batch ID 0"):
        logits.PrefixConstrainedLogitsProcessor(lambda *_: [], 2)(ids, scores)


def test_a_list_hands_on_what_a_processor_asks_for() -> None:
    class Adds(logits.LogitsProcessor):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, amount: float = 0.0) -> torch.Tensor:
            return scores + amount

    both = logits.LogitsProcessorList([Adds(), logits.SuppressTokensLogitsProcessor([1])])
    found = both(torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 3), amount=2.0)
    assert found.tolist() == [[2.0, -math.inf, 2.0]]
    with pytest.raises(NotImplementedError, match="Only is an abstract class"):
        type("Only", (logits.LogitsProcessor,), {})()(torch.zeros(1, 1), torch.zeros(1, 3))


@pytest.mark.parametrize(("name", "fields", "told"), [
    ("TemperatureLogitsWarper", {"temperature": -0.5}, "-0.5.* strictly positive"),
    ("TemperatureLogitsWarper", {"temperature": 0.0}, "do_sample=False"),
    ("TemperatureLogitsWarper", {"temperature": "hot"}, "hot"),
    ("TopKLogitsWarper", {"top_k": 0}, "top_k.*0"),
    ("TopKLogitsWarper", {"top_k": 2.5}, "2.5"),
    ("TopPLogitsWarper", {"top_p": 0.0}, "> 0 and <= 1, but is 0.0"),
    ("TopPLogitsWarper", {"top_p": 1.2}, "1.2"),
    ("TopPLogitsWarper", {"top_p": 0.5, "min_tokens_to_keep": 0}, "min_tokens_to_keep.*0"),
    ("MinPLogitsWarper", {"min_p": 1.5}, "1.5"),
    ("TypicalLogitsWarper", {"mass": 1.0}, "typical_p.*1.0"),
    ("EpsilonLogitsWarper", {"epsilon": 0}, "epsilon_cutoff.*0"),
    ("EtaLogitsWarper", {"epsilon": 1}, "eta_cutoff.*1"),
    ("RepetitionPenaltyLogitsProcessor", {"penalty": 0.0}, "penalty.*0.0"),
    ("RepetitionPenaltyLogitsProcessor", {"penalty": 1.5, "prompt_ignore_length": -1}, "-1"),
    ("NoRepeatNGramLogitsProcessor", {"ngram_size": -2}, "-2"),
    ("EncoderNoRepeatNGramLogitsProcessor", {"encoder_ngram_size": 0, "encoder_input_ids": SOURCE}, "size.*0"),
    ("MinLengthLogitsProcessor", {"min_length": -1, "eos_token_id": 2}, "min_length.*-1"),
    ("MinNewTokensLengthLogitsProcessor", {"prompt_length_to_skip": 1, "min_new_tokens": 1.5, "eos_token_id": 2}, "5"),
    ("ForcedEOSTokenLogitsProcessor", {"max_length": 5, "eos_token_id": -3}, "-3"),
    ("SequenceBiasLogitsProcessor", {"sequence_bias": {}}, "sequence_bias"),
    ("SequenceBiasLogitsProcessor", {"sequence_bias": {(): 1.0}}, r"\(\)"),
    ("SequenceBiasLogitsProcessor", {"sequence_bias": {(-1,): 1.0}}, "-1"),
    ("SequenceBiasLogitsProcessor", {"sequence_bias": {7: 1.0}}, "7"),
    ("NoBadWordsLogitsProcessor", {"bad_words_ids": []}, r"bad_words_ids.*\[\]"),
    ("NoBadWordsLogitsProcessor", {"bad_words_ids": [1]}, r"\[1\]"),
])  # fmt: skip
def test_wrong_values_are_named(name: str, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        ours(name)(**fields)


def test_a_bias_on_a_token_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"vocabulary size is 3.*\[7\]"):
        logits.SequenceBiasLogitsProcessor({(7,): 1.0})(torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 3))


def test_bad_words_that_are_all_ends_change_nothing() -> None:
    scores = torch.randn(2, 5)
    processor = logits.NoBadWordsLogitsProcessor([[2]], eos_token_id=2)
    assert torch.equal(processor(torch.zeros(2, 1, dtype=torch.long), scores), scores)
