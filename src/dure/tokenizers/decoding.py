"""Ids back to text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dure.errors import InputError
from dure.threads import num_threads
from dure.typing import JsonObject

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["Decoding"]

#: What ``clean_up_tokenization`` replaces, in this order: spaces that tokenizing English put in.
_CLEANUPS = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


class Decoding:
    """The part of a tokenizer that turns ids into text."""

    _engine: Engine
    _header: JsonObject
    clean_up_tokenization_spaces: bool

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> str:
        """The text of one row of ids.

        Args:
            token_ids: An id, or a list, NumPy array or tensor of ids.
            skip_special_tokens: Leave out special tokens.
            clean_up_tokenization_spaces: Take out spaces before English punctuation; by default as the tokenizer's
                configuration says.
            **kwargs: Accepted because other tokenizers have more options; not used.

        Raises:
            InputError: The ids aren't whole numbers from 0 on, or are several rows.
        """
        del kwargs
        text = self._engine.decode(_row_of_ids(token_ids), skip_special_tokens)
        return self._clean(self._finish(text), clean_up_tokenization_spaces)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """The texts of several rows of ids: a list of rows, or a two-dimensional array or tensor.

        The other arguments and errors are those of :meth:`decode`.
        """
        del kwargs
        is_wanted = clean_up_tokenization_spaces
        cleans_up = bool(self.clean_up_tokenization_spaces if is_wanted is None else is_wanted)
        # A family that finishes texts itself does that before they're cleaned up.
        finishes = type(self)._finish is not Decoding._finish
        options = (skip_special_tokens, cleans_up and not finishes, num_threads())
        rows = sequences.tolist() if hasattr(sequences, "tolist") else list(sequences)
        try:
            texts = self._engine.decode_rows(rows, *options)
        except (TypeError, ValueError):  # rows of another kind, or no ids: looked at one by one
            texts = self._engine.decode_rows([_row_of_ids(row) for row in rows], *options)
        return [self._clean(self._finish(text), cleans_up) for text in texts] if finishes else texts

    def _finish(self, text: str) -> str:
        """What a family does to decoded text."""
        return text

    def _clean(self, text: str, is_wanted: bool | None) -> str:
        is_wanted = self.clean_up_tokenization_spaces if is_wanted is None else is_wanted
        return self.clean_up_tokenization(text) if is_wanted else text

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """The text without the spaces that tokenizing English put before punctuation and contractions."""
        for found, replacement in _CLEANUPS:
            out_string = out_string.replace(found, replacement)
        return out_string

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text that these tokens are, sub-words joined."""
        from dure.tokenizers._core import decode_tokens

        decoder = self._header.get("decoder")
        wrong = next((token for token in tokens if not isinstance(token, str)), None)
        if wrong is not None:
            raise InputError(f"tokens must be strings, but one is of type {type(wrong).__name__}")
        return decode_tokens(None if decoder is None else json.dumps(decoder).encode(), list(tokens))


def _row_of_ids(ids: Any) -> list[int]:
    """One row of ids as a list of whole numbers, whatever holds it."""
    if isinstance(ids, int):
        ids = [ids]
    # A list goes through NumPy to be checked at once; tensors on another device come over with tolist().
    array = np.asarray(ids.tolist() if hasattr(ids, "tolist") else list(ids) if isinstance(ids, Sequence) else ids)
    if array.ndim == 0:
        array = array[None]
    if array.ndim > 1:
        raise InputError(f"decode takes one row of ids, but got shape {array.shape}: use batch_decode for several rows")
    if array.size == 0:
        return []
    if array.dtype.kind not in "iu":
        raise InputError(f"ids must be whole numbers, but are of type {array.dtype}: {ids!r:.80}")
    if array.min() < 0:
        raise InputError(
            f"{array.min()} is not a token id: ids start at 0 (replace the label padding -100 by pad_token_id first)"
        )
    row: list[int] = array.tolist()
    return row
