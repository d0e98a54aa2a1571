"""Text as soon as it's certain: ids in, one after another, and the text that they add."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["DecodeStream"]

#: What unfinished characters are decoded to.
_REPLACEMENT = "\ufffd"


class DecodeStream:
    """Turns ids into text one by one; the parts together are what decoding all ids at once gives.

    A part is held back while it ends in an unfinished character, and what's decoded again at each step is only what
    neighbours can change: the cost of a step doesn't grow with the text.

    Args:
        engine: The engine.
        skip_special_tokens: Leave out special tokens.
    """

    def __init__(self, engine: Engine, *, skip_special_tokens: bool = False) -> None:
        self._engine = engine
        self._skips = skip_special_tokens
        self._ids: list[int] = []
        #: The first ids of `_ids` whose text is out already, and which text that was.
        self._num_done = 0
        self._done = ""

    def step(self, id_: int) -> str:
        """The text that one more id adds; empty while it's not certain."""
        self._ids.append(id_)
        text = self._engine.decode(self._ids, self._skips)
        if len(text) <= len(self._done) or text.endswith(_REPLACEMENT):
            return ""
        added = text.removeprefix(self._done)
        # What comes next depends on its neighbours: those are kept, everything before them is forgotten.
        self._ids = self._ids[self._num_done :]
        self._num_done = len(self._ids)
        self._done = self._engine.decode(self._ids, self._skips)
        return added

    def end(self) -> str:
        """What was held back, when there are no more ids."""
        text = self._engine.decode(self._ids, self._skips)
        added = text[len(self._done) :] if text.startswith(self._done) else ""
        self._ids, self._num_done, self._done = [], 0, ""
        return added
