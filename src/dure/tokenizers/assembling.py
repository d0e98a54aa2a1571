"""Ids that are there already: special tokens put around them, cut, and padded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

from dure.errors import InputError
from dure.tokenizers.batch import BatchEncoding
from dure.tokenizers.family import Family
from dure.tokenizers.padding import Padding
from dure.typing import JsonObject

__all__ = ["Assembling"]

logger = logging.getLogger(__name__)

Ids = Sequence[int]


class Assembling(Padding):
    """The part of a tokenizer that works on ids rather than on texts."""

    family: ClassVar[Family]
    truncation_side: str
    _header: JsonObject
    #: How token types follow from ids: as most tokenizers have it, all zero, or as the template says.
    _segment_rule = "usual"
    #: Whether special tokens are put around ids; None: if the family has any.
    _surrounds_ids: bool | None = None

    def _around(self, is_pair: bool) -> list[tuple[str | list[int], int]]:
        """The places of the template: ``"A"``, ``"B"`` or ids, each with its token type."""
        surrounds = self.family.single != "$A:0" if self._surrounds_ids is None else self._surrounds_ids
        processor = self._header.get("post_processor") or {}
        if not surrounds or not ({"single", "cls"} & processor.keys()):
            return [("A", 0), ("B", 1)] if is_pair else [("A", 0)]
        if "cls" in processor:  # BertProcessing and RobertaProcessing
            begin, end = [processor["cls"][1]], [processor["sep"][1]]
            is_roberta = processor["type"] == "RobertaProcessing"
            second: list[tuple[str | list[int], int]] = [("B", 0 if is_roberta else 1), (end, 0 if is_roberta else 1)]
            between: list[tuple[str | list[int], int]] = [(end, 0)] if is_roberta else []
            return [(begin, 0), ("A", 0), (end, 0), *(between + second if is_pair else [])]
        found: list[tuple[str | list[int], int]] = []
        for item in processor["pair" if is_pair else "single"]:
            ((kind, fields),) = item.items()
            ids = processor["special_tokens"][fields["id"]]["ids"] if kind == "SpecialToken" else fields["id"]
            found.append((ids, fields["type_id"]))
        return found

    def build_inputs_with_special_tokens(self, token_ids_0: Ids, token_ids_1: Ids | None = None) -> list[int]:
        """Ids of one or two texts with the family's special tokens around them.

        Args:
            token_ids_0: Ids of the first text.
            token_ids_1: Ids of the second text.
        """
        texts = {"A": list(token_ids_0), "B": list(token_ids_1 or [])}
        places = self._around(token_ids_1 is not None)
        return [id_ for place, _ in places for id_ in (texts[place] if isinstance(place, str) else place)]

    def create_token_type_ids_from_sequences(self, token_ids_0: Ids, token_ids_1: Ids | None = None) -> list[int]:
        """The token types that go with :meth:`build_inputs_with_special_tokens`.

        Args:
            token_ids_0: Ids of the first text.
            token_ids_1: Ids of the second text.
        """
        if self._segment_rule == "usual":
            begin, end = int(self.cls_token_id is not None), int(self.sep_token_id is not None)
            second = [] if token_ids_1 is None else [1] * (len(token_ids_1) + end)
            return [0] * (begin + len(token_ids_0) + end) + second
        texts = {"A": token_ids_0, "B": token_ids_1 or []}
        places = self._around(token_ids_1 is not None)
        types = [type_id for place, type_id in places for _ in (texts[place] if isinstance(place, str) else place)]
        return types if self._segment_rule == "template" else [0] * len(types)

    def prepare_for_model(
        self,
        ids: Ids,
        pair_ids: Ids | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: Any = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        prepend_batch_axis: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Make one row of columns of one or two texts' ids: cut, special tokens around them, padded.

        Args:
            ids: Ids of the first text, without special tokens.
            pair_ids: Ids of the second text.
            add_special_tokens: Put special tokens around them.
            padding: As in calling the tokenizer; so are the arguments that follow.
            truncation: What is cut.
            max_length: The length for both.
            stride: How many ids ``overflowing_tokens`` shares with the row.
            pad_to_multiple_of: Round padded lengths up to a multiple of this.
            padding_side: ``'right'`` or ``'left'``.
            return_tensors: ``'pt'``, ``'np'`` or None.
            return_token_type_ids: Whether.
            return_attention_mask: Whether.
            return_overflowing_tokens: Return what was cut as ``overflowing_tokens``.
            return_special_tokens_mask: Whether to mark special tokens.
            return_length: Whether to give the row's length.
            verbose: Whether to log advice.
            prepend_batch_axis: Make a batch of one row.
            **kwargs: Not used.

        Raises:
            InputError: Arguments contradict each other.
        """
        del kwargs
        plan = self._plan(padding, truncation, max_length, pad_to_multiple_of, verbose)
        wants_types = self._wants("token_type_ids", return_token_type_ids)
        if return_token_type_ids and not add_special_tokens:
            raise InputError("return_token_type_ids=True needs add_special_tokens=True, which is False")
        if return_overflowing_tokens and plan.truncation == "longest_first" and pair_ids is not None:
            raise InputError("of two texts cut 'longest_first' nothing overflows: use 'only_first' or 'only_second'")
        first, second = list(ids), None if pair_ids is None else list(pair_ids)
        length = len(first) + len(second or [])
        length += self.num_special_tokens_to_add(second is not None) if add_special_tokens else 0
        data: dict[str, Any] = {}
        overflow: list[int] = []
        if plan.truncation and plan.max_length is not None and length > plan.max_length:
            excess = length - plan.max_length
            first, second, overflow = self.truncate_sequences(first, second, excess, plan.truncation, stride)
        if return_overflowing_tokens:
            data["overflowing_tokens"] = overflow
            data["num_truncated_tokens"] = length - (plan.max_length or 0)
        data |= self._row(first, second, adds=add_special_tokens, types=wants_types)
        if return_special_tokens_mask:
            mask = self.get_special_tokens_mask(data["input_ids"], None, True) if add_special_tokens else None
            data["special_tokens_mask"] = mask or [0] * len(data["input_ids"])
        wants_mask = self._wants("attention_mask", return_attention_mask)
        if plan.padding or wants_mask:
            data = dict(
                self.pad(
                    data,
                    padding=plan.padding or False,
                    max_length=plan.max_length,
                    pad_to_multiple_of=pad_to_multiple_of,
                    padding_side=padding_side,
                    return_attention_mask=wants_mask,
                )
            )
        if return_length:
            data["length"] = len(data["input_ids"])
        return BatchEncoding(data, tensor_type=return_tensors, prepend_batch_axis=prepend_batch_axis)

    def _wants(self, name: str, answer: bool | None) -> bool:
        return name in self.model_input_names if answer is None else answer

    def _row(self, first: list[int], second: list[int] | None, *, adds: bool, types: bool) -> dict[str, Any]:
        """Ids with special tokens, and their types."""
        if adds:
            row: dict[str, Any] = {"input_ids": self.build_inputs_with_special_tokens(first, second)}
            return row | ({"token_type_ids": self.create_token_type_ids_from_sequences(first, second)} if types else {})
        plain = [*first, *(second or [])]
        return {"input_ids": plain, **({"token_type_ids": [0] * len(plain)} if types else {})}

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: Any = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """Cut ids of one or two texts.

        Args:
            ids: Ids of the first text.
            pair_ids: Ids of the second text.
            num_tokens_to_remove: How many to cut.
            truncation_strategy: ``'longest_first'``, ``'only_first'`` or ``'only_second'``.
            stride: How many of the ids that stay are returned with those that were cut.

        Returns:
            The ids of both texts, and those that were cut. Of two texts cut ``'longest_first'``, nothing is returned.
        """
        strategy = getattr(truncation_strategy, "value", truncation_strategy)
        if num_tokens_to_remove <= 0 or strategy == "do_not_truncate":
            return ids, pair_ids, []
        if strategy == "longest_first" and pair_ids is not None:
            counts = _shares(len(ids), len(pair_ids), num_tokens_to_remove)
            return self._cut(ids, counts[0], 0)[0], self._cut(pair_ids, counts[1], 0)[0], []
        is_second = strategy == "only_second"
        text = pair_ids if is_second else ids
        if text is None or len(text) <= num_tokens_to_remove:
            which, size = ("second", len(pair_ids or [])) if is_second else ("first", len(ids))
            logger.error(
                "%d tokens should be cut from the %s text, which has %d: use truncation='longest_first'",
                num_tokens_to_remove,
                which,
                size,
            )
            return ids, pair_ids, []
        kept, overflow = self._cut(text, num_tokens_to_remove, stride)
        return (ids, kept, overflow) if is_second else (kept, pair_ids, overflow)

    def _cut(self, ids: list[int], count: int, stride: int) -> tuple[list[int], list[int]]:
        """The ids that stay, and those that go with ``stride`` of their neighbours."""
        window = min(len(ids), stride + count)
        if count <= 0:
            return ids, []
        if self.truncation_side == "left":
            return ids[count:], ids[:window]
        return ids[: max(0, len(ids) - count)], ids[len(ids) - window :]

    @property
    def max_len_single_sentence(self) -> int:
        """How many tokens a text may have beside its special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=False)

    @property
    def max_len_sentences_pair(self) -> int:
        """How many tokens a pair of texts may have beside its special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def sanitize_special_tokens(self) -> int:
        """Add the special tokens that the vocabulary lacks; an old name that nothing needs any more."""
        return self.add_tokens(self.all_special_tokens_extended, special_tokens=True)


def _shares(first: int, second: int, count: int) -> tuple[int, int]:
    """How much of two texts is cut: the longer one down to the shorter one, the rest from both."""
    difference = min(abs(second - first), count)
    rest = count - difference
    if first > second:
        return difference + rest // 2, rest - rest // 2
    return rest // 2, difference + rest - rest // 2
