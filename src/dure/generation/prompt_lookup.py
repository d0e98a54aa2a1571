"""Prompt lookup: a text that quotes is continued as what it quotes; no model is asked for a draft.

Saxena, "Prompt Lookup Decoding" (2023), https://github.com/apoorvumang/prompt-lookup-decoding.
"""

from __future__ import annotations

from torch import Tensor

from dure.errors import InputError

__all__ = ["PromptLookup"]


class PromptLookup:
    """Finds the last tokens earlier in the text, and proposes what followed them there.

    Args:
        count: The most tokens to propose.
        max_ngram_size: The most tokens to look for.
        eos: What ends a text; nothing from there on is proposed.

    Raises:
        InputError: A number isn't above 0.
    """

    def __init__(self, count: int, max_ngram_size: int, eos: list[int]) -> None:
        if count <= 0 or max_ngram_size <= 0:
            raise InputError(f"prompt_lookup_num_tokens is {count} and max_matching_ngram_size {max_ngram_size}; both "
                             "must be above 0")  # fmt: skip
        self.count, self.max_ngram_size, self.eos = count, max_ngram_size, set(eos)

    def propose(self, ids: Tensor, limit: int) -> tuple[Tensor, None]:
        """At most ``limit`` tokens to follow ``ids`` ``(1, length)``; none where nothing is found."""
        text: list[int] = ids[0].tolist()
        found = self._find(text)[: max(0, limit)]
        end = next((place for place, token in enumerate(found) if token in self.eos), len(found))
        return ids.new_tensor(found[:end]), None

    def learn(self, count: int, accepted: int) -> None:
        """Nothing is learnt."""

    def _find(self, text: list[int]) -> list[int]:
        """What followed the longest end that came before, at the latest place with enough behind it."""
        for size in range(min(self.max_ngram_size, len(text) - 1), 0, -1):
            end = text[-size:]
            best: list[int] = []
            for start in range(len(text) - size - 1, -1, -1):
                if text[start : start + size] == end:
                    following = text[start + size : start + size + self.count]
                    best = max(best, following, key=len)
                    if len(best) == self.count:
                        break
            if best:
                return best
        return []
