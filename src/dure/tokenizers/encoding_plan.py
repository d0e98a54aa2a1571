"""How a tokenizer encodes with its present settings: worked out once, used for every call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dure.errors import TokenizerError
from dure.threads import num_threads
from dure.tokenizers.columns import Batch
from dure.tokenizers.encoding import Encoding
from dure.tokenizers.overflow import overflow_of

if TYPE_CHECKING:
    from dure.tokenizers._core import Encodings, Engine
    from dure.tokenizers.text_inputs import Inputs

__all__ = ["ALL_COLUMNS", "WITHOUT_PLACES", "EncodingPlan"]

#: All columns of the engine, and those that don't say where in the text a token is: see cpp/include/dure/encoding.h.
ALL_COLUMNS = 63
WITHOUT_PLACES = 43
#: A smaller batch isn't worth starting threads for.
_MIN_TEXTS_FOR_THREADS = 8


@dataclass(frozen=True, slots=True)
class EncodingPlan:
    """What encoding texts, or pairs, takes.

    Attributes:
        engine: The engine that encodes.
        vocabulary: The engine that knows what ids stand for.
        options: Arguments of the engine.
        sequences: Which texts a row knows the places of.
        overflow_sequences: The same for rows that truncation cut off.
        is_truncating: Whether texts are truncated; if ``options`` don't say how, nothing is left of them.
    """

    engine: Engine
    vocabulary: Engine
    options: dict[str, Any]
    sequences: tuple[int, ...]
    overflow_sequences: tuple[int, ...]
    is_truncating: bool

    def encode(self, inputs: Inputs) -> list[Encoding]:
        """Encode texts, or pairs.

        Raises:
            TokenizerError: One of them can't be encoded.
        """
        count = len(inputs.texts)
        if count == 1:
            return [self.encode_one(inputs.texts[0], inputs.pairs and inputs.pairs[0], inputs.is_split)]
        threads = num_threads() if count >= _MIN_TEXTS_FOR_THREADS else 1
        rows = self._run(inputs.texts, inputs.pairs, is_split=inputs.is_split, num_threads=threads)
        batch, starts = self._view(rows), rows.row_starts.tolist()
        encodings = [Encoding.of_batch(batch, starts[i], starts[i + 1], self.sequences) for i in range(count)]
        if self.is_truncating:
            pairs = inputs.pairs or [None] * count
            for encoding, text, pair in zip(encodings, inputs.texts, pairs, strict=True):
                self._remember(encoding, text, pair, inputs.is_split)
        return encodings

    def encode_one(self, text: Any, pair: Any, is_split: bool) -> Encoding:
        """Encode a text, or a pair. The same as :meth:`encode`, without what only a batch needs.

        Raises:
            TokenizerError: It can't be encoded.
        """
        try:
            rows = self.engine.encode([text], None if pair is None else [pair], is_split=is_split, **self.options)
        except ValueError as error:
            raise TokenizerError(str(error)) from error
        ids = rows.lists("ids")[0]
        encoding = Encoding.of_batch(self._view(rows, ids), 0, len(ids), self.sequences)
        if self.is_truncating:
            self._remember(encoding, text, pair, is_split)
        return encoding

    def _remember(self, encoding: Encoding, text: Any, pair: Any, is_split: bool) -> None:
        """Keep the text of an encoding that may be truncated, for when somebody asks for the rest."""
        limit = self.options.get("max_length")
        if limit is None:
            encoding.truncate(0)
        elif len(encoding) >= limit:  # a shorter row can't have been truncated; a template may have a text twice
            encoding._overflow = partial(self._overflow, [text], None if pair is None else [pair], is_split)

    def _run(self, texts: list[Any], pairs: list[Any] | None, **options: Any) -> Encodings:
        try:
            return self.engine.encode(texts, pairs, **self.options, **options)
        except ValueError as error:
            raise TokenizerError(str(error)) from error

    def _view(self, rows: Encodings, ids: list[int] | None = None) -> Batch:
        has_places = self.options["columns"] == ALL_COLUMNS
        return Batch(rows, self.vocabulary, has_places=has_places, ids=ids)

    def _overflow(self, text: list[Any], pair: list[Any] | None, is_split: bool) -> list[Encoding]:
        """What truncation cut off of one text or pair, encoded when somebody asks for it."""
        rows = self._run(text, pair, is_split=is_split, overflow=True)
        return overflow_of(
            self._view(rows), rows.row_starts.tolist(), self.overflow_sequences, is_pair=pair is not None
        )
