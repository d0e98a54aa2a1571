"""The C++ engine: text to columns of numbers and back. The binding is thin; cpp/include/dure/*.h is the manual."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

class Encodings:
    """A batch of encoded texts in flat columns: row ``i`` is ``column[row_starts[i]:row_starts[i + 1]]``.

    Truncation with ``overflow`` makes several rows of one text; ``sample_ids`` says which text a row came from.
    """

    @property
    def num_rows(self) -> int: ...
    @property
    def row_starts(self) -> NDArray[np.int64]: ...  # (num_rows + 1,)
    @property
    def ids(self) -> NDArray[np.int32]: ...  # (num_tokens,)
    @property
    def type_ids(self) -> NDArray[np.int32]: ...
    @property
    def special_tokens_mask(self) -> NDArray[np.int32]: ...
    @property
    def word_ids(self) -> NDArray[np.int32]: ...  # -1: special token
    @property
    def sequence_ids(self) -> NDArray[np.int32]: ...  # -1: special token; 0 first text; 1 second
    @property
    def offsets(self) -> NDArray[np.int32]: ...  # (num_tokens, 2), in code points of the original text; (0, 0): special
    @property
    def sample_ids(self) -> NDArray[np.int64]: ...  # (num_rows,)
    def padded(self, column: str, length: int, fill: int, left: bool, /) -> NDArray[np.int64]:
        """``(num_rows, length)`` of ids, type_ids, special_tokens_mask or attention_mask; ``length`` >= longest row."""
    def lists(self, column: str, /) -> list[list[int]]: ...

class Engine:
    """A tokenizer: immutable and safe to share between threads."""

    @staticmethod
    def from_json(data: bytes, /) -> Engine:
        """From the bytes of a tokenizer.json. Raises ValueError with one clear sentence."""
    def to_json(self) -> str:
        """As a tokenizer.json that the original reads; sections it doesn't use (truncation, padding) are kept."""
    def with_added_tokens(self, tokens: Sequence[tuple[str, bool, bool, bool, bool, bool]], /) -> Engine:
        """A copy with more tokens: (content, special, single_word, lstrip, rstrip, normalized); known ones keep ids."""
    def encode(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        add_special_tokens: bool = True,
        max_length: int = 0,  # 0: no truncation. Includes special tokens.
        stride: int = 0,
        strategy: Literal["longest_first", "only_first", "only_second"] = "longest_first",
        truncate_left: bool = False,
        overflow: bool = False,
        with_offsets: bool = True,  # False: offsets, word_ids may be left empty (faster)
        num_threads: int = 1,
    ) -> Encodings:
        """Encode with the GIL released."""
    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False, /) -> str: ...
    def decode_batch(self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False, /) -> list[str]: ...
    def token_to_id(self, token: str, /) -> int | None: ...
    def id_to_token(self, id: int, /) -> str | None: ...
    def vocab(self, with_added_tokens: bool = True, /) -> dict[str, int]: ...
    def num_special_tokens(self, is_pair: bool, /) -> int: ...
    def added_tokens(self) -> list[tuple[int, str, bool, bool, bool, bool, bool]]:
        """Each (id, content, special, single_word, lstrip, rstrip, normalized), by id."""
    def normalize(self, text: str, /) -> str: ...
    def pre_tokenize(self, text: str, /) -> list[tuple[str, tuple[int, int]]]: ...
