"""Which keys a query may look at, beside padding: a rule, from which attention takes the cheapest way to apply it."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from dure.layers.packing import Packing

__all__ = ["Mask", "visible_keys"]


@dataclasses.dataclass(frozen=True)
class Mask:
    """A rule on distances. Queries are the last tokens of the keys, so the last query stands at the last key.

    Attributes:
        is_causal: A query sees itself and what came before.
        window: With ``is_causal`` the last ``window`` keys, the query's own included; without, as many as
            ``window // 2`` on each side.
    """

    is_causal: bool = False
    window: int | None = None

    def is_triangle(self, query_length: int, key_length: int) -> bool:
        """Whether the rule says just "no later key", for which kernels have a flag."""
        has_room = self.window is None or self.window >= key_length
        return self.is_causal and has_room and query_length == key_length > 1

    def is_span(self, query_length: int, key_length: int) -> bool:
        """Whether each query sees all keys, or all but those behind it."""
        if self.is_causal:
            return self.window is None or self.window >= key_length
        return self.window is None or self.window // 2 + 1 >= max(query_length, key_length)

    def allowed(self, query_length: int, key_length: int, device: torch.device) -> Tensor | None:
        """``(query_length, key_length)``, True where a query may look; None where all may look everywhere."""
        reach = key_length if self.window is None else (self.window if self.is_causal else self.window // 2 + 1)
        if (query_length == 1 or not self.is_causal) and reach >= key_length:
            return None
        places = torch.arange(key_length, device=device)
        distances = places[key_length - query_length :].unsqueeze(1) - places
        return (distances >= 0) & (distances < reach) if self.is_causal else distances.abs() < reach


def visible_keys(
    mask: Mask, packing: Packing, key_mask: Tensor | None, query_length: int, key: Tensor
) -> Tensor | None:
    """``(batch or 1, 1, query_length or 1, key_length)``, True where a query may look; None where all may.

    Args:
        mask: The rule.
        packing: Of the queries; it remembers the answer for the blocks that follow.
        key_mask: ``(batch, keys)``, non-zero for real tokens; where a cache forgot the oldest keys, its last columns
            count. None where all are real.
        query_length: How many queries a row has.
        key: ``(batch, heads, key_length, size)``.
    """
    key_length = key.shape[2]

    def find() -> tuple[Tensor | None, Tensor | None]:
        allowed = mask.allowed(query_length, key_length, key.device)
        allowed = None if allowed is None else allowed[None, None]
        if key_mask is None:
            return allowed, None
        real = key_mask[:, None, None, -key_length:] != 0
        return real if allowed is None else allowed & real, key_mask

    # The key's mask is kept beside the answer: as long as it lives, no other tensor has its id.
    found: Tensor | None = packing.once((mask, query_length, key_length, id(key_mask)), find)[0]
    return found
