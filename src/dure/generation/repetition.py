"""Rules on scores that follow from what was written, or read, before: against repetition."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from dure.errors import InputError
from dure.generation.logits import LogitsProcessor

__all__ = [
    "EncoderNoRepeatNGramLogitsProcessor",
    "EncoderRepetitionPenaltyLogitsProcessor",
    "NoRepeatNGramLogitsProcessor",
    "RepetitionPenaltyLogitsProcessor",
]


class RepetitionPenaltyLogitsProcessor(LogitsProcessor):
    """Tokens that a text has already become less likely: Keskar et al., "CTRL" (2019), section 4.1.

    Args:
        penalty: Scores below 0 are multiplied with it, others divided by it; below 1 it's a reward.
        prompt_ignore_length: Tokens at the start that don't count.
    """

    knows_rows: ClassVar[bool] = False

    def __init__(self, penalty: float, prompt_ignore_length: int | None = None) -> None:
        self.penalty = _positive("penalty", penalty)
        if prompt_ignore_length is not None and (not isinstance(prompt_ignore_length, int) or prompt_ignore_length < 0):
            raise InputError(f"`prompt_ignore_length` has to be a positive integer, but is {prompt_ignore_length}")
        self.prompt_ignore_length = prompt_ignore_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores of those tokens are lower."""
        return _penalised(scores, input_ids[:, self.prompt_ignore_length or 0 :], self.penalty)


class EncoderRepetitionPenaltyLogitsProcessor(LogitsProcessor):
    """Tokens of the source become likelier, against invented ones.

    Args:
        penalty: As for :class:`RepetitionPenaltyLogitsProcessor`, the other way round.
        encoder_input_ids: ``(rows, source_length)``.
    """

    def __init__(self, penalty: float, encoder_input_ids: Tensor) -> None:
        self.penalty = 1 / _positive("penalty", penalty)
        self.encoder_input_ids = encoder_input_ids

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Scores of those tokens are higher."""
        source = self.encoder_input_ids.repeat_interleave(len(scores) // len(self.encoder_input_ids), 0)
        return _penalised(scores, source, self.penalty)


class NoRepeatNGramLogitsProcessor(LogitsProcessor):
    """No sequence of ``ngram_size`` tokens comes twice: Paulus et al. (2017), section 2.5, for any size."""

    knows_rows: ClassVar[bool] = False

    def __init__(self, ngram_size: int) -> None:
        self.ngram_size = _size("ngram_size", ngram_size)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Tokens that would complete one again have no chance."""
        scores = scores.clone()
        for row, ids in enumerate(input_ids.tolist()):
            scores[row, _followers(ids, _last(ids, self.ngram_size), self.ngram_size)] = -math.inf
        return scores


class EncoderNoRepeatNGramLogitsProcessor(LogitsProcessor):
    """No sequence of ``encoder_ngram_size`` tokens of the source comes.

    Args:
        encoder_ngram_size: Tokens.
        encoder_input_ids: ``(rows, source_length)``; each row may serve several texts.
    """

    def __init__(self, encoder_ngram_size: int, encoder_input_ids: Tensor) -> None:
        self.ngram_size = _size("encoder_ngram_size", encoder_ngram_size)
        self.sources: list[list[int]] = encoder_input_ids.view(-1, encoder_input_ids.shape[-1]).tolist()

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Tokens that would complete one have no chance."""
        scores, share = scores.clone(), len(scores) // len(self.sources)
        for row, ids in enumerate(input_ids[:, -self.ngram_size :].tolist()):
            source = self.sources[row // share]
            scores[row, _followers(source, _last(ids, self.ngram_size), self.ngram_size)] = -math.inf
        return scores


def _last(ids: list[int], size: int) -> list[int]:
    """The tokens of which one more makes a sequence of ``size``."""
    return ids[len(ids) - size + 1 :] if len(ids) >= size - 1 else []


def _followers(ids: list[int], before: list[int], size: int) -> list[int]:
    """What follows ``before`` anywhere in ``ids``; nothing where ``before`` is too short."""
    if len(before) != size - 1:
        return []
    return [ids[end] for end in range(size - 1, len(ids)) if ids[end - size + 1 : end] == before]


def _penalised(scores: Tensor, ids: Tensor, penalty: float) -> Tensor:
    found = scores.gather(1, ids)
    return scores.scatter(1, ids, torch.where(found < 0, found * penalty, found / penalty))


def _positive(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
        raise InputError(f"`{name}` has to be a strictly positive float, but is {value}")
    return float(value)


def _size(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise InputError(f"`{name}` has to be a strictly positive integer, but is {value}")
    return value
