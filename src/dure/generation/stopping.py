"""When a text ends. A criterion says it for each row, after each token."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

__all__ = ["EosTokenCriteria", "MaxLengthCriteria", "MaxTimeCriteria", "StopStringCriteria", "StoppingCriteria",
           "StoppingCriteriaList"]  # fmt: skip


class StoppingCriteria:
    """Called with all tokens so far; derive from it for one's own."""

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Any:
        """Which rows end.

        Args:
            input_ids: ``(rows, length)``, prompt included.
            scores: What the search was asked to record so far; None where it wasn't.
            **kwargs: Not used.

        Returns:
            ``(rows,)``, True where a text is complete.
        """
        raise NotImplementedError("StoppingCriteria needs to be subclassed")


class MaxLengthCriteria(StoppingCriteria):
    """At so many tokens, prompt included.

    Args:
        max_length: Tokens.
        max_position_embeddings: Accepted, and not needed: what is too long for a model is refused before it starts.
    """

    def __init__(self, max_length: int, max_position_embeddings: int | None = None) -> None:
        self.max_length = max_length
        self.max_position_embeddings = max_position_embeddings

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:  # noqa: ARG002
        """All rows or none."""
        is_done = input_ids.shape[1] >= self.max_length
        return torch.full((len(input_ids),), is_done, dtype=torch.bool, device=input_ids.device)


class MaxTimeCriteria(StoppingCriteria):
    """After so many seconds.

    Args:
        max_time: Seconds.
        initial_timestamp: When they start, as :func:`time.time` counts; now by default.
    """

    def __init__(self, max_time: float, initial_timestamp: float | None = None) -> None:
        self.max_time = max_time
        self.initial_timestamp = time.time() if initial_timestamp is None else initial_timestamp

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:  # noqa: ARG002
        """All rows or none."""
        is_done = time.time() - self.initial_timestamp > self.max_time
        return torch.full((len(input_ids),), is_done, dtype=torch.bool, device=input_ids.device)


class EosTokenCriteria(StoppingCriteria):
    """At a token that ends a text.

    Args:
        eos_token_id: One or several.
    """

    def __init__(self, eos_token_id: int | list[int] | Tensor) -> None:
        self.eos_token_id = torch.as_tensor(eos_token_id).flatten()

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:  # noqa: ARG002
        """Rows whose last token is one of them."""
        return torch.isin(input_ids[:, -1], self.eos_token_id.to(input_ids.device))


class StopStringCriteria(StoppingCriteria):
    """At a text, wherever it falls between tokens: as soon as the last token completes it.

    Args:
        tokenizer: What decodes.
        stop_strings: One or several.
    """

    def __init__(self, tokenizer: Any, stop_strings: str | list[str]) -> None:
        self.tokenizer = tokenizer
        self.stop_strings = (stop_strings,) if isinstance(stop_strings, str) else tuple(stop_strings)
        # A character has at most four bytes, each of which may be a token.
        self.window = 4 * max(len(text) for text in self.stop_strings) + 1

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:  # noqa: ARG002
        """Rows whose last token completes one of them."""
        ends = [self._is_complete(row) for row in input_ids[:, -self.window :].tolist()]
        return torch.tensor(ends, device=input_ids.device)

    def _is_complete(self, ids: list[int]) -> bool:
        text, before = (
            self.tokenizer.decode(part, skip_special_tokens=False, clean_up_tokenization_spaces=False)
            for part in (ids, ids[:-1])
        )
        return any(text.rfind(stop) > before.rfind(stop) for stop in self.stop_strings)


class StoppingCriteriaList(list[StoppingCriteria]):
    """Several: a text ends at the first that says so."""

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """``(rows,)``, True where a text is complete."""
        is_done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        for criterion in self:
            is_done = is_done | criterion(input_ids, scores, **kwargs)
        return is_done

    @property
    def max_length(self) -> int | None:
        """The most tokens, if there is a limit."""
        return next((one.max_length for one in self if isinstance(one, MaxLengthCriteria)), None)
