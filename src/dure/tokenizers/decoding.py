"""Ids back to text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dure.errors import InputError

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
        return self._clean(
            self._engine.decode(_row_of_ids(token_ids), skip_special_tokens), clean_up_tokenization_spaces
        )

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
        rows = [_row_of_ids(row) for row in sequences]
        texts = self._engine.decode_batch(rows, skip_special_tokens)
        return [self._clean(text, clean_up_tokenization_spaces) for text in texts]

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
        ids = [self._engine.token_to_id(token) for token in tokens]
        missing = [token for token, id_ in zip(tokens, ids, strict=True) if id_ is None]
        if missing:
            raise InputError(f"{missing[0]!r} is not a token of this vocabulary")
        return self._engine.decode([id_ for id_ in ids if id_ is not None], False)


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
