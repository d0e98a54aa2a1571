"""What is done to scores before a token is chosen: rules on which tokens may come. One class for each rule.

Rules that follow from what was written are in :mod:`dure.generation.repetition`, those of sampling in
:mod:`dure.generation.warping`. A processor takes all tokens so far ``(rows, length)`` and scores ``(rows, vocab_size)``
and returns new scores.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from dure.errors import InputError

__all__ = [
    "ExponentialDecayLengthPenalty",
    "ForcedBOSTokenLogitsProcessor",
    "ForcedEOSTokenLogitsProcessor",
    "InfNanRemoveLogitsProcessor",
    "LogitNormalization",
    "LogitsProcessor",
    "LogitsProcessorList",
    "LogitsWarper",
    "MinLengthLogitsProcessor",
    "MinNewTokensLengthLogitsProcessor",
    "NoBadWordsLogitsProcessor",
    "PrefixConstrainedLogitsProcessor",
    "SequenceBiasLogitsProcessor",
    "SuppressTokensAtBeginLogitsProcessor",
    "SuppressTokensLogitsProcessor",
    "Tokens",
]

#: One token, or several.
Tokens = int | Sequence[int] | Tensor


class LogitsProcessor:
    """Changes the scores of the next token; derive from it for one's own."""

    #: Whether a row's result depends on which row it is, so that rows must stay where they are.
    knows_rows: ClassVar[bool] = True
    #: Whether the tokens so far matter.
    reads_tokens: ClassVar[bool] = True

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """New scores ``(rows, vocab_size)``, from all tokens so far ``(rows, length)`` and the scores."""
        raise NotImplementedError(f"{type(self).__name__} is an abstract class: derive from it and define __call__")


#: The older name of processors for sampling.
LogitsWarper = LogitsProcessor


class LogitsProcessorList(list[Any]):
    """Processors, one after another."""

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        """New scores; ``kwargs`` go to processors that take more than two arguments."""
        for processor in self:
            names = list(inspect.signature(processor.__call__).parameters)[2:] if kwargs else []
            scores = processor(input_ids, scores, **{name: kwargs[name] for name in names if name in kwargs})
        return scores


class _Rule(LogitsProcessor):
    """A rule that is the same for all rows."""

    knows_rows: ClassVar[bool] = False


class MinLengthLogitsProcessor(_Rule):
    """No end before a text has ``min_length`` tokens, prompt included."""

    def __init__(self, min_length: int, eos_token_id: Tokens, device: Any = None) -> None:  # noqa: ARG002
        _check_count("min_length", min_length)
        self.min_length, self.eos_token_id = min_length, _as_list(eos_token_id)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Ends have no chance while a text is shorter."""
        return _without(scores, self.eos_token_id) if input_ids.shape[1] < self.min_length else scores


class MinNewTokensLengthLogitsProcessor(_Rule):
    """No end before ``min_new_tokens`` tokens follow the prompt."""

    def __init__(self, prompt_length_to_skip: int, min_new_tokens: int, eos_token_id: Tokens,
                 device: Any = None) -> None:  # noqa: ARG002  # fmt: skip
        _check_count("prompt_length_to_skip", prompt_length_to_skip)
        _check_count("min_new_tokens", min_new_tokens)
        self.prompt_length_to_skip, self.min_new_tokens = prompt_length_to_skip, min_new_tokens
        self.eos_token_id = _as_list(eos_token_id)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Ends have no chance while there are fewer."""
        is_short = input_ids.shape[1] - self.prompt_length_to_skip < self.min_new_tokens
        return _without(scores, self.eos_token_id) if is_short else scores


class SequenceBiasLogitsProcessor(_Rule):
    """Adds to the score of a token that would complete one of some sequences of tokens.

    Args:
        sequence_bias: ``{(5, 7): -2.0}``, or ``[[[5, 7], -2.0]]``.
    """

    def __init__(self, sequence_bias: dict[tuple[int, ...], float] | list[Any]) -> None:
        try:
            pairs = sequence_bias.items() if isinstance(sequence_bias, dict) else [(p[0], p[1]) for p in sequence_bias]
            self.sequence_bias = {tuple(ids): float(bias) for ids, bias in pairs}
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise InputError(
                "`sequence_bias` has to map tuples of tokens to numbers, such as {(5, 7): -2.0}, not "
                f"{sequence_bias!r}"
            ) from error
        wrong = [ids for ids in self.sequence_bias if not ids or not all(_is_token(token) for token in ids)]
        if wrong or not self.sequence_bias:
            given = wrong[0] if wrong else sequence_bias
            raise InputError(f"`sequence_bias` needs non-empty sequences of tokens from 0, not {given!r}")

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores and what is added to them."""
        vocab_size, scores = scores.shape[1], scores.clone()
        beyond = [token for ids in self.sequence_bias for token in ids if token >= vocab_size]
        if beyond:
            raise InputError(
                f"The model vocabulary size is {vocab_size}, but the following tokens were being biased: {beyond}"
            )
        for ids, amount in self.sequence_bias.items():
            if len(ids) == 1:
                scores[:, ids[0]] += amount
            elif len(ids) <= input_ids.shape[1]:
                before = input_ids.new_tensor(ids[:-1])
                matches = (input_ids[:, 1 - len(ids) :] == before).all(dim=1)
                scores[:, ids[-1]] += torch.where(matches, amount, 0.0)
        return scores


class NoBadWordsLogitsProcessor(SequenceBiasLogitsProcessor):
    """Some sequences of tokens never come; an end of text alone isn't among them."""

    def __init__(self, bad_words_ids: list[list[int]], eos_token_id: Tokens | None = None) -> None:
        is_list = isinstance(bad_words_ids, list) and all(isinstance(ids, list) for ids in bad_words_ids)
        if not is_list or not bad_words_ids:
            raise InputError(
                f"`bad_words_ids` has to be a non-empty list of lists of tokens, but is {bad_words_ids!r}."
            )
        ends = [] if eos_token_id is None else _as_list(eos_token_id)
        allowed = [ids for ids in bad_words_ids if ids not in [[end] for end in ends]]
        self.sequence_bias = {}
        if allowed:
            super().__init__({tuple(ids): -math.inf for ids in allowed})


class PrefixConstrainedLogitsProcessor(LogitsProcessor):
    """Only tokens that a function allows: De Cao et al., "Autoregressive Entity Retrieval" (2020).

    Args:
        prefix_allowed_tokens_fn: The number of the prompt and a text so far ``(length,)`` to a list of tokens.
        num_beams: Rows of each prompt.
    """

    def __init__(self, prefix_allowed_tokens_fn: Callable[[int, Tensor], list[int]], num_beams: int) -> None:
        self._allowed, self._num_beams = prefix_allowed_tokens_fn, num_beams

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Other tokens have no chance."""
        mask = torch.full_like(scores, -math.inf)
        for row, ids in enumerate(input_ids):
            allowed = self._allowed(row // self._num_beams, ids)
            if len(allowed) == 0:
                raise InputError(
                    f"`prefix_allowed_tokens_fn` returned an empty list for batch ID {row // self._num_beams}: "
                    "it must allow at least one token"
                )
            mask[row, allowed] = 0
        return scores + mask


class ForcedBOSTokenLogitsProcessor(_Rule):
    """The first token behind the start token."""

    def __init__(self, bos_token_id: int) -> None:
        self.bos_token_id = bos_token_id

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Behind a single token, only this one has a chance."""
        return _only(scores, self.bos_token_id) if input_ids.shape[1] == 1 else scores


class ForcedEOSTokenLogitsProcessor(_Rule):
    """The last token of a text that reaches ``max_length``."""

    def __init__(self, max_length: int, eos_token_id: Tokens, device: Any = None) -> None:  # noqa: ARG002
        self.max_length, self.eos_token_id = max_length, _as_list(eos_token_id)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """At the last place, only ends have a chance."""
        return _only(scores, self.eos_token_id) if input_ids.shape[1] == self.max_length - 1 else scores


class InfNanRemoveLogitsProcessor(_Rule):
    """Numbers in place of infinities and what isn't a number."""

    reads_tokens: ClassVar[bool] = False

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Finite scores."""
        range_ = torch.finfo(scores.dtype)
        return scores.nan_to_num(nan=0.0, posinf=range_.max, neginf=range_.min)


class ExponentialDecayLengthPenalty(_Rule):
    """Ends become likelier, ever faster, from some length on.

    Args:
        exponential_decay_length_penalty: After how many tokens, and the factor by which it grows with each.
        eos_token_id: What ends a text.
        input_ids_seq_length: Tokens of the prompt.
    """

    def __init__(self, exponential_decay_length_penalty: tuple[int, float], eos_token_id: Tokens,
                 input_ids_seq_length: int) -> None:  # fmt: skip
        self.regulation_start = exponential_decay_length_penalty[0] + input_ids_seq_length
        self.regulation_factor = exponential_decay_length_penalty[1]
        self.eos_token_id = _as_list(eos_token_id)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Ends gain a share of the size of their score."""
        excess = input_ids.shape[1] - self.regulation_start
        if excess <= 0:
            return scores
        scores, ends = scores.clone(), scores[:, self.eos_token_id]
        gain = ends.abs() * (self.regulation_factor**excess - 1)
        # An end that has no chance, because of another rule, gets none.
        scores[:, self.eos_token_id] = torch.where(ends.isinf(), ends, ends + gain)
        return scores


class SuppressTokensLogitsProcessor(_Rule):
    """Some tokens never come."""

    reads_tokens: ClassVar[bool] = False

    def __init__(self, suppress_tokens: Sequence[int], device: Any = None) -> None:  # noqa: ARG002
        self.suppress_tokens = list(suppress_tokens)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """They have no chance."""
        return _without(scores, self.suppress_tokens)


class SuppressTokensAtBeginLogitsProcessor(_Rule):
    """Some tokens don't come first: where a text has ``begin_index`` tokens."""

    def __init__(self, begin_suppress_tokens: Sequence[int], begin_index: int,
                 device: Any = None) -> None:  # noqa: ARG002  # fmt: skip
        self.begin_suppress_tokens, self.begin_index = list(begin_suppress_tokens), begin_index

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """At the beginning they have no chance."""
        return _without(scores, self.begin_suppress_tokens) if input_ids.shape[1] == self.begin_index else scores


class LogitNormalization(_Rule):
    """Scores become logarithms of probabilities again."""

    reads_tokens: ClassVar[bool] = False

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Their exponentials sum to 1."""
        return scores.log_softmax(dim=-1)


def _without(scores: Tensor, tokens: list[int]) -> Tensor:
    scores = scores.clone()
    scores[:, [token for token in tokens if token < scores.shape[1]]] = -math.inf
    return scores


def _only(scores: Tensor, tokens: int | list[int]) -> Tensor:
    scores = torch.full_like(scores, -math.inf)
    scores[:, tokens] = 0
    return scores


def _as_list(tokens: Tokens) -> list[int]:
    """One token or several as a list.

    Raises:
        InputError: They aren't tokens.
    """
    if isinstance(tokens, Tensor):
        tokens = tokens.flatten().tolist()
    listed = [tokens] if isinstance(tokens, int) else list(tokens)
    if not all(_is_token(token) for token in listed):
        raise InputError(f"`eos_token_id` has to be a list of positive integers, but is {listed}")
    return listed


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_count(name: str, value: Any) -> None:
    if not _is_token(value):
        raise InputError(f"`{name}` has to be a non-negative integer, but is {value!r}")
