"""The C++ engine: text to columns of numbers and back. The binding is thin; cpp/include/dure/*.h is the manual."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

class Encodings:
    """A batch of encoded texts in flat columns: row ``i`` is ``column[row_starts[i]:row_starts[i + 1]]``.

    Truncation with ``overflow`` makes several rows of one text; ``sample_ids`` says which text a row came from. Columns
    that weren't asked for are empty.
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
    def surfaces(self) -> list[tuple[int, str]]:
        """Tokens that stand for something else than the vocabulary says: the index among all tokens, and the text."""
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
        texts: Sequence[str] | Sequence[Sequence[str]],
        pairs: Sequence[str] | Sequence[Sequence[str]] | None = None,
        *,
        is_split: bool = False,  # texts are lists of words
        add_special_tokens: bool = True,
        max_length: int = 0,  # 0: no truncation. Includes special tokens.
        stride: int = 0,
        strategy: Literal["longest_first", "only_first", "only_second"] = "longest_first",
        truncate_left: bool = False,
        overflow: bool = False,
        columns: int = 63,  # 1 type_ids, 2 special_tokens_mask, 4 word_ids, 8 sequence_ids, 16 offsets, 32 surfaces
        num_threads: int = 1,
        uses_memory: bool = True,
    ) -> Encodings:
        """Encode with the GIL released."""
    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str: ...
    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False, num_threads: int = 1
    ) -> list[str]: ...
    def decode_rows(
        self, rows: list[list[int]], skip_special_tokens: bool = False, cleans_up: bool = False, num_threads: int = 1, /
    ) -> list[str]:
        """The same, and cleaned up; a TypeError or ValueError for what isn't a list of numbers from 0 on."""
    def token_to_id(self, token: str, /) -> int | None: ...
    def id_to_token(self, id: int, /) -> str | None: ...
    def ids_to_tokens(self, ids: NDArray[np.int32], /) -> list[str | None]: ...
    def vocab(self, with_added_tokens: bool = True) -> dict[str, int]: ...
    def num_special_tokens(self, is_pair: bool, /) -> int: ...
    def row_sequences(self, is_pair: bool, add_special_tokens: bool, /) -> list[int]: ...
    def added_tokens(self) -> list[tuple[int, str, bool, bool, bool, bool, bool]]:
        """Each (id, content, special, single_word, lstrip, rstrip, normalized), by id."""
    def normalize(self, text: str, /) -> str: ...
    def pre_tokenize(self, text: str, /) -> list[tuple[str, tuple[int, int]]]: ...
    def model_tokenize(self, word: str, /) -> list[tuple[int, str, tuple[int, int]]]:
        """Each (id, token, place in the word in code points)."""

def normalize(component: bytes, text: str, /) -> str:
    """What a section "normalizer" of a tokenizer.json makes of a text."""

def pre_tokenize(component: bytes, text: str, /) -> list[tuple[str, tuple[int, int]]]:
    """What a section "pre_tokenizer" makes of a text: the words and their places in code points."""

def decode_tokens(component: bytes | None, tokens: list[str], /) -> str:
    """What a section "decoder" makes of tokens."""

def train(
    trainer: bytes,
    batches: Iterable[list[str]],
    *,
    normalizer: bytes | None,
    pre_tokenizer: bytes | None,
    budget_bytes: int,
    num_threads: int,
    progress: Callable[[str, int, int], bool] | None,
) -> bytes:
    """Learn a vocabulary; the result is a section "model". ``progress``: (stage, done, total), False stops."""
