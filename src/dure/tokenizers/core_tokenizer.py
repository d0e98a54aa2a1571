"""The tokenizer without a model family around it: texts to encodings and back, and training."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dure.errors import InputError
from dure.threads import num_threads
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.document import token_of
from dure.tokenizers.encoding import Encoding
from dure.tokenizers.encoding_plan import ALL_COLUMNS, WITHOUT_PLACES, EncodingPlan
from dure.tokenizers.limits import Limits
from dure.tokenizers.text_inputs import Inputs, batch_inputs, checked_text
from dure.typing import PathLike

if TYPE_CHECKING:
    from dure.tokenizers.trainers import Trainer

__all__ = ["Tokenizer"]


class Tokenizer(Limits):
    """Encodes texts to ids and decodes ids to texts.

    Its parts are settings: ``normalizer``, ``pre_tokenizer``, ``model``, ``post_processor``, ``decoder``.

    Args:
        model: How words become tokens: one of ``dure.tokenizers.models``.
    """

    def encode(
        self, sequence: Any, pair: Any = None, is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> Encoding:
        """Encode a text, or a pair of texts.

        Args:
            sequence: The text; with ``is_pretokenized`` a list of words.
            pair: The second text, of the same kind.
            is_pretokenized: Whether the texts are split into words already.
            add_special_tokens: Whether to put special tokens around them.

        Raises:
            InputError: A text is of another kind.
            TokenizerError: The text can't be encoded.
        """
        text = checked_text(sequence, is_split=is_pretokenized)
        other = None if pair is None else checked_text(pair, is_split=is_pretokenized)
        encoding = self._plan(add_special_tokens, other is not None, ALL_COLUMNS).encode_one(
            text, other, is_pretokenized
        )
        if self._padding is not None:
            self._pad([encoding])
        return encoding

    def encode_batch(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Encoding]:
        """Encode texts, or pairs of texts.

        Args:
            input: Texts and pairs of texts, mixed; with ``is_pretokenized`` lists of words and pairs of them.
            is_pretokenized: Whether the texts are split into words already.
            add_special_tokens: Whether to put special tokens around them.

        Raises:
            InputError: A text is of another kind.
            TokenizerError: A text can't be encoded.
        """
        inputs = batch_inputs(input, is_split=is_pretokenized)
        return self._encode(inputs, add_special_tokens, ALL_COLUMNS)

    def encode_batch_fast(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Encoding]:
        """Encode texts, or pairs of texts, without looking where in the text tokens are: offsets are all zero.

        Arguments are those of :meth:`encode_batch`.
        """
        inputs = batch_inputs(input, is_split=is_pretokenized)
        return self._encode(inputs, add_special_tokens, WITHOUT_PLACES)

    async def async_encode(
        self, sequence: Any, pair: Any = None, is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> Encoding:
        """:meth:`encode` in another thread, while this one does other work."""
        return await asyncio.to_thread(self.encode, sequence, pair, is_pretokenized, add_special_tokens)

    async def async_encode_batch(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Encoding]:
        """:meth:`encode_batch` in another thread, while this one does other work."""
        return await asyncio.to_thread(self.encode_batch, input, is_pretokenized, add_special_tokens)

    async def async_encode_batch_fast(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Encoding]:
        """:meth:`encode_batch_fast` in another thread, while this one does other work."""
        return await asyncio.to_thread(self.encode_batch_fast, input, is_pretokenized, add_special_tokens)

    def _encode(self, inputs: list[Inputs], add_special_tokens: bool, columns: int) -> list[Encoding]:
        if len(inputs) == 1:
            encodings = self._plan(add_special_tokens, inputs[0].pairs is not None, columns).encode(inputs[0])
        else:
            found: dict[int, Encoding] = {}
            for group in inputs:
                plan = self._plan(add_special_tokens, group.pairs is not None, columns)
                found |= dict(zip(group.places, plan.encode(group), strict=True))
            encodings = [found[place] for place in range(len(found))]
        if self._padding is not None:
            self._pad(encodings)
        return encodings

    def _plan(self, add_special_tokens: bool, is_pair: bool, columns: int) -> EncodingPlan:
        engine = self._engine()
        plan = self._plans.get((add_special_tokens, is_pair, columns))
        if plan is None:
            # A text that stands alone with nothing around it is the whole row, and has no place of its own.
            has_places = is_pair or self._sections["post_processor"] is not None
            sequences = tuple(engine.row_sequences(is_pair, add_special_tokens)) if has_places else ()
            limits = self._truncation_options(add_special_tokens, is_pair=is_pair)
            plan = self._plans[add_special_tokens, is_pair, columns] = EncodingPlan(
                engine=self._encoding_engine(),
                vocabulary=engine,
                options={"add_special_tokens": add_special_tokens, "columns": columns, **limits},
                sequences=sequences,
                overflow_sequences=() if self._sections["post_processor"] is None else sequences,
                is_truncating=self._truncation is not None,
            )
        return plan

    def _truncation_options(self, add_special_tokens: bool, *, is_pair: bool) -> dict[str, Any]:
        """Arguments of the engine; none where nothing is truncated, or nothing left."""
        settings = self._truncation
        if settings is None:
            return {}
        special = self.num_special_tokens_to_add(is_pair) if add_special_tokens else 0
        if settings["max_length"] == 0 and special == 0:
            return {}
        return {
            "max_length": min(settings["max_length"], 2**31 - 1),
            "stride": settings["stride"],
            "strategy": settings["strategy"],
            "truncate_left": settings["direction"] == "left",
        }

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """The text of ids.

        Args:
            ids: The ids; those that no token has are left out.
            skip_special_tokens: Whether to leave special tokens out.
        """
        try:
            return self._engine().decode(ids, skip_special_tokens)
        except TypeError as error:
            raise InputError(f"ids must be a list of numbers, but are {ids!r}") from error

    def decode_batch(self, sequences: Sequence[Sequence[int]], skip_special_tokens: bool = True) -> list[str]:
        """The texts of rows of ids.

        Args:
            sequences: The rows.
            skip_special_tokens: Whether to leave special tokens out.
        """
        try:
            return self._engine().decode_batch(sequences, skip_special_tokens, num_threads())
        except TypeError as error:
            raise InputError("sequences must be a list of lists of numbers") from error

    async def async_decode_batch(
        self, sequences: Sequence[Sequence[int]], skip_special_tokens: bool = True
    ) -> list[str]:
        """:meth:`decode_batch` in another thread, while this one does other work."""
        return await asyncio.to_thread(self.decode_batch, sequences, skip_special_tokens)

    def token_to_id(self, token: str) -> int | None:
        """The id of a token; None if there's no such token."""
        return self._engine().token_to_id(token)

    def id_to_token(self, id: int) -> str | None:
        """The token with an id; None if there's none."""
        return self._engine().id_to_token(id)

    def get_vocab(self, with_added_tokens: bool = True) -> dict[str, int]:
        """The id of each token.

        Args:
            with_added_tokens: Whether those count that were added to the model's vocabulary.
        """
        return self._engine().vocab(with_added_tokens)

    def get_vocab_size(self, with_added_tokens: bool = True) -> int:
        """The number of tokens.

        Args:
            with_added_tokens: Whether those count that were added to the model's vocabulary.
        """
        engine = self._engine()
        if with_added_tokens not in self._vocab_sizes:
            self._vocab_sizes[with_added_tokens] = len(engine.vocab(with_added_tokens))
        return self._vocab_sizes[with_added_tokens]

    def get_added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by their ids."""
        self._engine()
        return {added[0]: token_of(added) for added in self._added}

    def add_tokens(self, tokens: Sequence[str | AddedToken]) -> int:
        """Add tokens, which are found in a text before the model splits it. Those that are known keep their ids.

        Args:
            tokens: The tokens.

        Returns:
            How many are new, or are known with other settings.
        """
        return self._add([AddedToken(token) if isinstance(token, str) else token for token in _listed(tokens)])

    def add_special_tokens(self, tokens: Sequence[str | AddedToken]) -> int:
        """Add special tokens, which decoding can leave out. Those that are known keep their ids.

        Args:
            tokens: The tokens.

        Returns:
            How many are new, or are known with other settings.
        """
        listed = [AddedToken(token, special=True) if isinstance(token, str) else token for token in _listed(tokens)]
        return self._add([token.as_special() if isinstance(token, AddedToken) else token for token in listed])

    def _add(self, tokens: list[Any]) -> int:
        for token in tokens:
            if not isinstance(token, AddedToken):
                raise InputError(f"a token to add must be a string or an AddedToken, but is {token!r}")
            if any("\ud800" <= character <= "\udfff" for character in token.content):
                raise InputError(f"a token to add must be text, but {token.content!r} holds a lone surrogate")
        known = {content: tuple(rest) for _, content, *rest in self._added}
        known |= {token.content: token.to_tuple()[1:] for token in self._pending}
        added = 0
        for token in tokens:
            flags = token.to_tuple()[1:]
            if not token.content or known.get(token.content) == flags:
                continue
            known[token.content] = flags
            self._pending.append(token)
            added += 1
        return added

    def train(self, files: Sequence[PathLike], trainer: Trainer | None = None) -> None:
        """Learn the model's vocabulary from text files.

        Args:
            files: Paths of UTF-8 files; each line is a text, with the line break at its end.
            trainer: How; by default as is usual for the model.

        Raises:
            TokenizerError: A file can't be read or isn't UTF-8, or the settings contradict each other.
        """
        from dure.tokenizers.learning import lines_of, size_of

        paths = [files] if isinstance(files, (str, bytes)) or hasattr(files, "__fspath__") else list(files)
        self._train(lines_of(paths), trainer, total=size_of(paths), unit="B")

    def train_from_iterator(
        self, iterator: Iterable[Any], trainer: Trainer | None = None, length: int | None = None
    ) -> None:
        """Learn the model's vocabulary from texts.

        Args:
            iterator: Texts, or lists of texts.
            trainer: How; by default as is usual for the model.
            length: How many texts there are, for the progress bar.

        Raises:
            InputError: Something that isn't a text comes.
            TokenizerError: The settings contradict each other.
        """
        from dure.tokenizers.learning import batches_of

        self._train(batches_of(iterator), trainer, total=length, unit=" texts")

    def _train(
        self, batches: Iterable[tuple[list[str], int]], trainer: Trainer | None, *, total: int | None, unit: str
    ) -> None:
        from dure.tokenizers.learning import learn

        trainer = self.model.get_trainer() if trainer is None else trainer
        self._has_changed()
        section = learn(
            batches,
            trainer,
            normalizer=self._sections["normalizer"],
            pre_tokenizer=self._sections["pre_tokenizer"],
            total=total,
            unit=unit,
        )
        self.model = self.model.trained(section)
        # Added tokens find their ids anew in the vocabulary that was learnt.
        present = [token_of(added) for added in self._added]
        self._added = []
        self._pending = [*self._earlier, *present, *self._pending]
        self._earlier = []
        self._add([AddedToken.from_dict(token) for token in trainer.section()["special_tokens"]])


def _listed(tokens: Any) -> list[Any]:
    if isinstance(tokens, (str, AddedToken)) or not isinstance(tokens, Iterable):
        raise InputError(f"tokens to add must be a list, but are {tokens!r}: use [{tokens!r}]")
    return list(tokens)
