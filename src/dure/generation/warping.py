"""What shapes the distribution that tokens are drawn from. Each leaves out tokens, or makes it flatter or steeper.

Arguments have the original's names; ``min_tokens_to_keep`` best tokens always stay.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from dure.errors import InputError
from dure.generation.logits import LogitsProcessor

__all__ = [
    "EpsilonLogitsWarper",
    "EtaLogitsWarper",
    "MinPLogitsWarper",
    "TemperatureLogitsWarper",
    "TopKLogitsWarper",
    "TopPLogitsWarper",
    "TypicalLogitsWarper",
]


class _Warper(LogitsProcessor):
    """Looks at scores alone."""

    knows_rows: ClassVar[bool] = False
    reads_tokens: ClassVar[bool] = False
    filter_value: float
    min_tokens_to_keep: int

    def _set(self, filter_value: float, min_tokens_to_keep: int) -> None:
        if not isinstance(min_tokens_to_keep, int) or min_tokens_to_keep < 1:
            raise InputError(f"`min_tokens_to_keep` has to be a positive integer, but is {min_tokens_to_keep}")
        self.filter_value, self.min_tokens_to_keep = filter_value, min_tokens_to_keep

    def _remove(self, scores: Tensor, is_removed: Tensor) -> Tensor:
        return scores.masked_fill(is_removed, self.filter_value)

    def _below_best(self, scores: Tensor) -> Tensor:
        """Which tokens aren't among the best ``min_tokens_to_keep``."""
        least = scores.topk(min(self.min_tokens_to_keep, scores.shape[1]))[0][:, -1:]
        return scores < least


class TemperatureLogitsWarper(_Warper):
    """Scores are divided: below 1 the likely become likelier.

    Raises:
        InputError: The temperature isn't above 0.
    """

    def __init__(self, temperature: float) -> None:
        if not _is_number(temperature) or not temperature > 0:
            hint = (
                " If you're looking for greedy decoding strategies, set `do_sample=False`." if temperature == 0 else ""
            )
            raise InputError(
                f"`temperature` (={temperature}) has to be a strictly positive float, otherwise your next token "
                f"scores will be invalid.{hint}"
            )
        self.temperature = float(temperature)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Scores by temperature."""
        return scores / self.temperature


class TopKLogitsWarper(_Warper):
    """Only the ``top_k`` best: Fan et al., "Hierarchical Neural Story Generation" (2018), section 5.4."""

    def __init__(self, top_k: int, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k <= 0:
            raise InputError(f"`top_k` has to be a strictly positive integer, but is {top_k}")
        self._set(filter_value, min_tokens_to_keep)
        self.top_k = max(top_k, min_tokens_to_keep)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Others have no chance."""
        least = scores.topk(min(self.top_k, scores.shape[1]))[0][:, -1:]
        return self._remove(scores, scores < least)


class TopPLogitsWarper(_Warper):
    """The fewest with ``top_p`` together: Holtzman et al., "The Curious Case of Neural Text Degeneration" (2019)."""

    def __init__(self, top_p: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        if not _is_number(top_p) or not 0 < top_p <= 1:
            raise InputError(f"`top_p` has to be a float > 0 and <= 1, but is {top_p}")
        self._set(filter_value, min_tokens_to_keep)
        self.top_p = float(top_p)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Others have no chance."""
        ascending, order = scores.sort(dim=-1)
        is_removed = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - self.top_p
        is_removed[:, -self.min_tokens_to_keep :] = False
        return self._remove(scores, is_removed.scatter(1, order, is_removed))


class MinPLogitsWarper(_Warper):
    """Those with at least ``min_p`` of the best one's probability: Nguyen et al., "Turning Up the Heat" (2024)."""

    def __init__(self, min_p: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        if not _is_number(min_p) or not 0 <= min_p <= 1:
            raise InputError(f"`min_p` has to be a float in the [0, 1] interval, but is {min_p}")
        self._set(filter_value, min_tokens_to_keep)
        self.min_p = float(min_p)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Others have no chance."""
        chances = scores.softmax(dim=-1)
        is_removed = chances < self.min_p * chances.amax(dim=-1, keepdim=True)
        return self._remove(scores, is_removed & self._below_best(scores))


class TypicalLogitsWarper(_Warper):
    """Those whose information is nearest to the expected one: Meister et al., "Locally Typical Sampling" (2022)."""

    def __init__(self, mass: float = 0.9, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        if not _is_number(mass) or not 0 < mass < 1:
            raise InputError(f"`typical_p` has to be a float > 0 and < 1, but is {mass}")
        self._set(filter_value, min_tokens_to_keep)
        self.mass = float(mass)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """The fewest that together have ``mass`` stay."""
        logs = scores.log_softmax(dim=-1)
        entropy = -(logs * logs.exp()).nansum(dim=-1, keepdim=True)
        distances, order = (-logs - entropy).abs().sort(dim=-1)
        chances = scores.gather(-1, order).softmax(dim=-1).cumsum(dim=-1)
        last = (chances < self.mass).sum(dim=-1, keepdim=True).clamp(max=scores.shape[1] - 1)
        is_removed = distances > distances.gather(1, last)
        is_removed[:, : self.min_tokens_to_keep] = False
        return self._remove(scores, is_removed.scatter(1, order, is_removed))


class EpsilonLogitsWarper(_Warper):
    """Those with a probability of ``epsilon`` or more: Hewitt et al. (2022), https://arxiv.org/abs/2210.15191."""

    def __init__(self, epsilon: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        self.epsilon = _share("epsilon_cutoff", epsilon)
        self._set(filter_value, min_tokens_to_keep)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Others have no chance."""
        return self._remove(scores, (scores.softmax(dim=-1) < self.epsilon) & self._below_best(scores))


class EtaLogitsWarper(_Warper):
    """As :class:`EpsilonLogitsWarper`, with a threshold that falls as entropy grows (ibid., section 4)."""

    def __init__(self, epsilon: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1,
                 device: Any = None) -> None:  # noqa: ARG002  # fmt: skip
        self.epsilon = _share("eta_cutoff", epsilon)
        self._set(filter_value, min_tokens_to_keep)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Tokens below the threshold have no chance."""
        logs = scores.log_softmax(dim=-1)
        # Tokens without a chance have 0 times minus infinity, which counts as 0.
        entropy = -(logs.exp() * logs.clamp(min=torch.finfo(logs.dtype).min)).sum(dim=-1, keepdim=True)
        threshold = (math.sqrt(self.epsilon) * (-entropy).exp()).clamp(max=self.epsilon)
        return self._remove(scores, (logs.exp() < threshold) & self._below_best(scores))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _share(name: str, value: float) -> float:
    if not _is_number(value) or not 0 < value < 1:
        raise InputError(f"`{name}` has to be a float > 0 and < 1, but is {value}")
    return float(value)
