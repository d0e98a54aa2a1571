"""Which processors and criteria a configuration asks for, in the original's order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from torch import Tensor

from dure.errors import InputError
from dure.generation import logits, repetition, stopping, warping
from dure.generation.config import GenerationConfig
from dure.generation.messages import say_once
from dure.generation.prompt import Special

__all__ = ["criteria_for", "processors_for", "warpers_for"]

logger = logging.getLogger(__name__)


def processors_for(
    config: GenerationConfig,
    special: Special,
    prompt_length: int,
    source: Tensor,
    allowed: Callable[[int, Tensor], list[int]] | None = None,
    own: list[Any] | None = None,
) -> logits.LogitsProcessorList:
    """What is done to scores, the caller's own processors included.

    Args:
        config: What is asked for, with ``max_length`` and ``min_length`` known.
        special: Special tokens.
        prompt_length: Tokens that texts start with.
        source: ``(batch, source_length)``, what rules on the source look at.
        allowed: ``prefix_allowed_tokens_fn``.
        own: The caller's.

    Raises:
        InputError: A rule has a value that can't be used.
    """
    eos, made = special.eos, logits.LogitsProcessorList()

    def add(is_wanted: Any, make: Callable[..., Any], *arguments: Any) -> None:
        if is_wanted:
            made.append(make(*arguments))

    add(config.sequence_bias is not None, logits.SequenceBiasLogitsProcessor, config.sequence_bias)
    penalty, source_penalty = config.repetition_penalty, config.encoder_repetition_penalty
    add(source_penalty not in {None, 1.0}, repetition.EncoderRepetitionPenaltyLogitsProcessor, source_penalty, source)
    add(penalty not in {None, 1.0}, repetition.RepetitionPenaltyLogitsProcessor, penalty)
    size, source_size = config.no_repeat_ngram_size, config.encoder_no_repeat_ngram_size
    add(size, repetition.NoRepeatNGramLogitsProcessor, size)
    add(source_size, repetition.EncoderNoRepeatNGramLogitsProcessor, source_size, source)
    add(config.bad_words_ids is not None, logits.NoBadWordsLogitsProcessor, config.bad_words_ids, eos)
    add(config.min_length and eos, logits.MinLengthLogitsProcessor, config.min_length, eos)
    add(config.min_new_tokens and eos, logits.MinNewTokensLengthLogitsProcessor, prompt_length, config.min_new_tokens,
        eos)  # fmt: skip
    add(allowed, logits.PrefixConstrainedLogitsProcessor, allowed, config.num_beams)
    first, last = config.forced_bos_token_id, config.forced_eos_token_id
    add(first is not None, logits.ForcedBOSTokenLogitsProcessor, first)
    add(last is not None, logits.ForcedEOSTokenLogitsProcessor, config.max_length, last)
    add(config.remove_invalid_values is True, logits.InfNanRemoveLogitsProcessor)
    decay = config.exponential_decay_length_penalty
    add(decay is not None, logits.ExponentialDecayLengthPenalty, decay, eos, prompt_length)
    add(config.suppress_tokens is not None, logits.SuppressTokensLogitsProcessor, config.suppress_tokens)
    begin = prompt_length if prompt_length > 1 or first is None else prompt_length + 1
    add(config.begin_suppress_tokens is not None, logits.SuppressTokensAtBeginLogitsProcessor,
        config.begin_suppress_tokens, begin)  # fmt: skip
    made = logits.LogitsProcessorList(_merged(made, own))
    made.extend(warpers_for(config, len(eos)))
    add(config.renormalize_logits is True, logits.LogitNormalization)
    return made


def warpers_for(config: GenerationConfig, num_ends: int) -> list[logits.LogitsProcessor]:
    """What shapes the distribution that tokens are drawn from; nothing where none are drawn."""
    if not config.do_sample:
        return []
    # A beam that has drawn every end must find something else to go on with.
    least = max(2, num_ends + 1) if config.num_beams > 1 else 1
    made: list[logits.LogitsProcessor] = []
    if config.temperature not in {None, 1.0}:
        made.append(warping.TemperatureLogitsWarper(config.temperature))
    if config.top_k not in {None, 0}:
        made.append(warping.TopKLogitsWarper(config.top_k, min_tokens_to_keep=least))
    if config.top_p not in {None, 1.0}:
        made.append(warping.TopPLogitsWarper(config.top_p, min_tokens_to_keep=least))
    if config.min_p is not None:
        made.append(warping.MinPLogitsWarper(config.min_p, min_tokens_to_keep=least))
    if config.typical_p not in {None, 1.0}:
        made.append(warping.TypicalLogitsWarper(config.typical_p, min_tokens_to_keep=least))
    if config.epsilon_cutoff not in {None, 0.0}:
        made.append(warping.EpsilonLogitsWarper(config.epsilon_cutoff, min_tokens_to_keep=least))
    if config.eta_cutoff not in {None, 0.0}:
        made.append(warping.EtaLogitsWarper(config.eta_cutoff, min_tokens_to_keep=least))
    return made


def criteria_for(config: GenerationConfig, special: Special, tokenizer: Any = None,
                 own: list[Any] | None = None) -> stopping.StoppingCriteriaList:  # fmt: skip
    """When texts end, the caller's own criteria included.

    Raises:
        InputError: There are stop strings, but no tokenizer.
    """
    made: list[Any] = [stopping.MaxLengthCriteria(config.max_length)]
    if config.max_time is not None:
        made.append(stopping.MaxTimeCriteria(config.max_time))
    if config.stop_strings:
        if tokenizer is None:
            raise InputError(
                "There are one or more stop strings, either in the arguments to `generate` or in the model's "
                "generation config, but we could not locate a tokenizer. When generating with stop strings, you must "
                "pass the model's tokenizer to the `tokenizer` argument of `generate`."
            )
        made.append(stopping.StopStringCriteria(tokenizer, config.stop_strings))
    if special.eos:
        made.append(stopping.EosTokenCriteria(special.eos))
    return stopping.StoppingCriteriaList(_merged(made, own))


def _merged(made: list[Any], own: list[Any] | None) -> list[Any]:
    """The caller's own stand where one of their kind stood, the others behind."""
    kinds = {type(one): one for one in reversed(own or [])}
    for kind in {type(one) for one in made} & set(kinds):
        say_once(logger, f"A custom processor or criterion of type {kind.__name__} has been passed to `.generate()`, "
                         "but it was also created in `.generate()`, given its parameterization. The custom one takes "
                         "precedence.")  # fmt: skip
    merged = [kinds.get(type(one), one) for one in made]
    return merged + [one for one in own or [] if not any(one is other for other in merged)]
