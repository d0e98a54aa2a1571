"""Calling a tokenizer: texts to columns of ids."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dure.errors import InputError
from dure.threads import num_threads
from dure.tokenizers.batch import BatchEncoding
from dure.tokenizers.inputs import Texts, explain
from dure.tokenizers.layout import Columns, Layout
from dure.tokenizers.options import EncodeOptions, Plan
from dure.tokenizers.padding import Padding
from dure.tokenizers.rows import Rows
from dure.tokenizers.tensors import tensor_type

if TYPE_CHECKING:
    from dure.tokenizers._core import Encodings, Engine

__all__ = ["Calling"]

logger = logging.getLogger(__name__)

#: Below this many texts, starting threads takes longer than the work.
_MIN_TEXTS_FOR_THREADS = 32

#: The engine's columns beside ids, as bits. What a call doesn't return is worked out when a row is asked for it.
TYPE_IDS, SPECIAL_TOKENS_MASK, WORD_IDS, SEQUENCE_IDS, OFFSETS, SURFACES = (1 << bit for bit in range(6))
ALL_COLUMNS = 63

#: The engine counts tokens in 32 bits; nothing is longer than that.
_LARGEST_LENGTH = (1 << 31) - 1


class Calling(Padding):
    """The part of a tokenizer that encodes texts."""

    truncation_side: str
    split_special_tokens: bool
    #: Whether words can only be encoded with ``add_prefix_space=True``: else all but the first one would look like
    #: continuations.
    _needs_prefix_space_for_words = False
    add_prefix_space: Any
    _is_in_target_context = False
    _whole: tuple[Engine, Engine] | None = None

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: Any = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Encode a text, a pair, a list of texts, two lists, or a list of pairs.

        A nested list ``[[a, b]]`` is one pair; a flat list ``[a, b]`` is two texts.

        Args:
            text: The text or texts.
            text_pair: Their partners.
            text_target: Texts whose ids become ``labels``.
            text_pair_target: The partners of those.
            add_special_tokens: Add ``[CLS]``, ``[SEP]`` and the like.
            padding: True or ``'longest'``: to the longest row; ``'max_length'``: to ``max_length``; False: not.
            truncation: True or ``'longest_first'``, ``'only_first'``, ``'only_second'``: what is cut; False: nothing.
            max_length: The length for both, special tokens included; by default the model's limit.
            stride: How many tokens overflowing rows share with the row before.
            is_split_into_words: Texts are lists of words: a list is one text, a list of lists several.
            pad_to_multiple_of: Round padded lengths up to a multiple of this.
            padding_side: ``'right'`` or ``'left'``; by default the tokenizer's.
            return_tensors: ``'pt'``, ``'np'``, or None for lists.
            return_token_type_ids: Whether; by default if the model takes them.
            return_attention_mask: Whether; by default if the model takes one.
            return_overflowing_tokens: What was cut comes as further rows, with ``overflow_to_sample_mapping``.
            return_special_tokens_mask: Whether to mark special tokens.
            return_offsets_mapping: Whether to say where each token is in its text.
            return_length: Whether to give the rows' lengths.
            verbose: Whether to log advice.
            **kwargs: Old names of these arguments.

        Raises:
            InputError: An argument is unknown or wrong, or something isn't a text.
            TokenizerError: A text can't be encoded as asked.
        """
        given = {
            "add_special_tokens": add_special_tokens,
            "padding": padding,
            "truncation": truncation,
            "max_length": max_length,
            "stride": stride,
            "is_split_into_words": is_split_into_words,
            "pad_to_multiple_of": pad_to_multiple_of,
            "padding_side": padding_side,
            "return_tensors": return_tensors,
            "return_token_type_ids": return_token_type_ids,
            "return_attention_mask": return_attention_mask,
            "return_overflowing_tokens": return_overflowing_tokens,
            "return_special_tokens_mask": return_special_tokens_mask,
            "return_offsets_mapping": return_offsets_mapping,
            "return_length": return_length,
            "verbose": verbose,
        }
        options = EncodeOptions.of(given | kwargs)
        if text is None and text_target is None:
            raise InputError("there is nothing to encode: give text, text_target, or both")
        if text_target is None:
            return self._call(text, text_pair, options)
        if text is None:
            with self._target_mode():
                return self._call(text_target, text_pair_target, options)
        batch = self._call(text, text_pair, options)
        with self._target_mode():
            batch["labels"] = self._call(text_target, text_pair_target, options)["input_ids"]
        return batch

    def _call(self, text: Any, text_pair: Any, options: EncodeOptions) -> BatchEncoding:
        return self._encode(Texts.gather(text, text_pair, is_split=options.is_split_into_words), options)

    def _switch_to_input_mode(self) -> None:
        """Encode texts from now on; only tokenizers that treat two languages differently do anything."""

    def _switch_to_target_mode(self) -> None:
        """Encode targets from now on."""

    @contextmanager
    def _target_mode(self) -> Iterator[None]:
        self._switch_to_target_mode()
        try:
            yield
        finally:
            if not self._is_in_target_context:
                self._switch_to_input_mode()

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Encode targets in a ``with`` block; an old way to say ``text_target``."""
        warnings.warn(
            "as_target_tokenizer() is old: use tokenizer(texts, text_target=targets)", FutureWarning, stacklevel=3
        )
        self._is_in_target_context = True
        try:
            with self._target_mode():
                yield
        finally:
            self._is_in_target_context = False
            self._switch_to_input_mode()

    def encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Encode one text or one pair; an old name of calling the tokenizer.

        Args:
            text: The text; or both texts of a pair, as a tuple.
            text_pair: Its partner.
            **options: Those of :meth:`__call__`.
        """
        chosen = EncodeOptions.of(options)
        return self._encode(_one(text, text_pair, is_split=chosen.is_split_into_words), chosen)

    def batch_encode_plus(self, batch_text_or_text_pairs: Any, **options: Any) -> BatchEncoding:
        """Encode a list of texts or of pairs; an old name of calling the tokenizer, with the same options."""
        chosen = EncodeOptions.of(options)
        if chosen.is_split_into_words:
            return self._encode(Texts.of_batch(list(batch_text_or_text_pairs), is_split=True), chosen)
        return self._encode(Texts.gather(batch_text_or_text_pairs), chosen)

    def encode(self, text: Any, text_pair: Any = None, add_special_tokens: bool = True, **options: Any) -> Any:
        """The ids alone, of one text or pair. Options are those of :meth:`__call__`."""
        return self.encode_plus(text, text_pair, add_special_tokens=add_special_tokens, **options)["input_ids"]

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """The tokens of a text or a pair, as strings. Options are those of :meth:`__call__`."""
        return self.encode_plus(text, pair, add_special_tokens=add_special_tokens, **options).tokens()

    def _encode_with(self, engine: Engine, text: str, text_pair: str | None, **options: Any) -> BatchEncoding:
        """Encode one text or pair by another engine than the tokenizer's own."""
        return self._encode(_one(text, text_pair, is_split=False), EncodeOptions.of(options), engine)

    def _encode(self, texts: Texts, options: EncodeOptions, engine: Engine | None = None) -> BatchEncoding:
        """Encode, and arrange the columns that were asked for."""
        plan = self._plan(
            options.padding, options.truncation, options.max_length, options.pad_to_multiple_of, options.verbose
        )
        if texts.is_split and self._needs_prefix_space_for_words and not self.add_prefix_space:
            raise InputError(
                f"{type(self).__name__} needs add_prefix_space=True for texts that are split into words: load it with "
                "from_pretrained(..., add_prefix_space=True)"
            )
        run = self._runner(texts, options, plan, engine)
        encodings = run(self._columns_for(options))
        is_left = (options.padding_side or self.padding_side) == "left"
        layout = Layout.of(encodings, plan, multiple=options.pad_to_multiple_of, is_left=is_left)
        data = self._columns(encodings, layout, options)
        num_texts = 2 if texts.second is not None else 1
        padding = (self.pad_token_id or 0, self.pad_token_type_id, self.pad_token or "")
        rows = Rows(encodings, layout, self._engine, padding, num_texts, complete=lambda: run(ALL_COLUMNS))
        if not texts.is_batch and options.return_tensors is None and not options.return_overflowing_tokens:
            data = {
                name: column[0] if column and isinstance(column[0], list) else column for name, column in data.items()
            }
        if plan.max_length is None and options.verbose:
            self._warn_if_too_long(layout.width)
        return BatchEncoding(data, rows)

    def _columns_for(self, options: EncodeOptions) -> int:
        """The columns that the engine has to work out at once."""
        if options.return_offsets_mapping or options.is_split_into_words:
            return ALL_COLUMNS  # whoever asks for these asks for words next
        types = TYPE_IDS if self._wants_column("token_type_ids", options.return_token_type_ids) else 0
        return types | (SPECIAL_TOKENS_MASK if options.return_special_tokens_mask else 0)

    def _wants_column(self, name: str, answer: bool | None) -> bool:
        return name in self.model_input_names if answer is None else answer

    def _runner(
        self, texts: Texts, options: EncodeOptions, plan: Plan, engine: Engine | None
    ) -> Callable[[int], Encodings]:
        """A function that encodes the texts of a call into the columns it's given."""
        limit = (plan.max_length or 0) if plan.truncation is not None else 0
        splits = self.split_special_tokens if options.split_special_tokens is None else options.split_special_tokens
        encode = self._encoding(texts, self._engine_without_special_tokens() if splits else engine)
        # A side that's changed later doesn't change what a row is asked for.
        truncate_left = self.truncation_side == "left"

        def run(columns: int) -> Encodings:
            try:
                encodings: Encodings = encode(
                    is_split=texts.is_split,
                    add_special_tokens=options.add_special_tokens,
                    max_length=min(limit, _LARGEST_LENGTH),
                    stride=min(options.stride, _LARGEST_LENGTH) if limit else 0,
                    strategy=plan.truncation or "longest_first",
                    truncate_left=truncate_left,
                    overflow=options.return_overflowing_tokens,
                    columns=columns,
                    num_threads=num_threads() if len(texts.first) >= _MIN_TEXTS_FOR_THREADS else 1,
                )
            except (TypeError, ValueError) as error:
                explain(error, texts)
            return encodings

        return run

    def _encoding(self, texts: Texts, engine: Engine | None = None) -> Callable[..., Any]:
        """The engine's function for these texts."""
        function = (engine or self._engine).encode
        return lambda **options: function(texts.first, texts.second, **options)

    def _engine_without_special_tokens(self) -> Engine:
        """The engine that doesn't find special tokens in texts."""
        if self._whole is None or self._whole[0] is not self._engine:
            import json

            from dure.tokenizers.family import dump
            from dure.tokenizers.load import engine_from

            document = json.loads(self._engine.to_json())
            document["added_tokens"] = [token for token in document["added_tokens"] if not token["special"]]
            self._whole = (self._engine, engine_from(dump(document), "the tokenizer"))
        return self._whole[1]

    def _columns(self, encodings: Encodings, layout: Layout, options: EncodeOptions) -> dict[str, Any]:
        """The columns that were asked for, in the order in which users know them."""
        columns = Columns(encodings, layout, tensor_type(options.return_tensors))
        data = {"input_ids": columns.numbers("ids", self.pad_token_id or 0)}
        if self._wants_column("token_type_ids", options.return_token_type_ids):
            data["token_type_ids"] = columns.numbers("type_ids", self.pad_token_type_id)
        if self._wants_column("attention_mask", options.return_attention_mask):
            data["attention_mask"] = columns.numbers("attention_mask", 0)
        if options.return_special_tokens_mask:
            data["special_tokens_mask"] = columns.numbers("special_tokens_mask", 1)
        if options.return_offsets_mapping:
            data["offset_mapping"] = columns.offsets()
        if options.return_length:
            data["length"] = columns.per_row(layout.padded_lengths)
        if options.return_overflowing_tokens:
            data["overflow_to_sample_mapping"] = columns.per_row(encodings.sample_ids)
        return data

    def _warn_if_too_long(self, length: int) -> None:
        if length > self.model_max_length > 0:
            key = "sequence-length-is-longer-than-the-specified-maximum"
            if not self.deprecation_warnings.get(key):
                logger.warning(
                    "a text has %d tokens, but the model takes %d at most: pass truncation=True, or the model will "
                    "fail with an index error",
                    length,
                    self.model_max_length,
                )
            self.deprecation_warnings[key] = True


def _one(text: Any, text_pair: Any, *, is_split: bool) -> Texts:
    """One text or one pair, whatever it comes in."""
    if is_split:
        if isinstance(text, (list, tuple)) and text and isinstance(text[0], (list, tuple)):
            text, text_pair = text
        texts = Texts([text], [text_pair] if text_pair else None, is_batch=False, is_split=True)
        if not isinstance(text, (list, tuple)):
            raise InputError(f"with is_split_into_words=True, text must be a list of words, not {type(text).__name__}")
        return texts
    if isinstance(text, (list, tuple)):
        pair = Texts.of_batch([text])
        return Texts(pair.first, pair.second, is_batch=False)
    return Texts.gather(text, text_pair)
