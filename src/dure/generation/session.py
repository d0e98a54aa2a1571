"""A model at work: its cache, what it is given at each step, and which rows are still there."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dure.layers.cache import Cache, EncoderDecoderCache

__all__ = ["Session"]


class Session:
    """Reads the tokens that are new and gives logits for the next one.

    Rows may share what they are given: beams, and several answers to a prompt, look at one source.

    Args:
        model: A model that gives logits.
        inputs: What each step is given: ``encoder_outputs``, ``attention_mask`` of the source, ...
        mask: ``(rows, length)``, 0 for padding in the prompt; None where there is none.
        max_length: Tokens of the longest text.
        past: A cache that holds the beginning of the texts, or None.
        use_cache: Whether to keep keys and values.
        embeds: ``(rows, length, hidden_size)`` in place of the prompt's ids.
        types: ``(rows, length)`` segments of the prompt; what is written belongs to the last one's.
        keeps_all: Whether tokens will be taken back, so that nothing may be forgotten.
        output_attentions: Whether the model shows attention weights.
        output_hidden_states: Whether it shows hidden states.
    """

    def __init__(
        self,
        model: Any,
        inputs: dict[str, Any],
        *,
        mask: Tensor | None,
        max_length: int,
        past: Any = None,
        use_cache: bool = True,
        embeds: Tensor | None = None,
        types: Tensor | None = None,
        keeps_all: bool = False,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> None:
        self.model, self.inputs = model, dict(inputs)
        self.is_decoding = bool(getattr(model.config, "is_encoder_decoder", False))
        accepted = accepted_arguments(model)
        self.embeds, self.types = embeds, types
        #: Columns that embeddings have filled, and ids haven't.
        self.offset = 0
        self.mask = None if mask is None else _with_room(mask, max_length)
        self.positions = None
        if self.mask is not None and model.skips_padding:
            self.positions = (self.mask.cumsum(1) - 1).clamp(min=0)
        self.prompt_length = self.rows = 0
        #: Rows that share one row of ``inputs``, one after another.
        self.sharing = 1
        self.cache = past
        if past is None and use_cache and "past_key_values" in accepted:
            self.cache = Cache(max_length, keeps_all=keeps_all)
            if self.is_decoding or inputs.get("encoder_hidden_states") is not None:
                self.cache = EncoderDecoderCache(self.cache, Cache())
        self.keeps_logits = "logits_to_keep" in accepted
        self.options: dict[str, Any] = {"return_dict": True}
        if "use_cache" in accepted:
            self.options["use_cache"] = self.cache is not None
        if output_attentions:
            self.options["output_attentions"] = True
        if output_hidden_states:
            self.options["output_hidden_states"] = True

    def read(self, ids: Tensor, count: int = 1) -> Any:
        """The model's output for texts so far, with logits for the last ``count`` places or more.

        Args:
            ids: ``(rows, length)``, all tokens; those in the cache aren't computed again.
            count: How many places.
        """
        past = 0 if self.cache is None else self.cache.get_seq_length()
        inputs: dict[str, Any] = {**self.inputs, **self.options}
        if self.cache is not None:
            inputs["past_key_values"] = self.cache
        if self.keeps_logits:
            inputs["logits_to_keep"] = count
        if self.embeds is not None and past == 0:
            self.offset = self.embeds.shape[1] - ids.shape[1]
            inputs["inputs_embeds"] = self.embeds
        else:
            inputs["decoder_input_ids" if self.is_decoding else "input_ids"] = ids[
                :, past - self.offset if past else 0 :
            ]
        end = ids.shape[1] + self.offset
        if not self.prompt_length:
            self.prompt_length, self.rows = end, len(ids)
        if self.mask is not None:
            inputs["decoder_attention_mask" if self.is_decoding else "attention_mask"] = self.mask[:, :end]
        if self.positions is not None:
            inputs["position_ids"] = self.positions[:, past:end]
        if self.types is not None:
            new = self.types if past == 0 else self.types[:, -1:]
            inputs["token_type_ids"] = torch.cat((new, new[:, -1:].expand(-1, end - past - new.shape[1])), 1)
        return self.model(**inputs)

    def repeat(self, times: int) -> None:
        """Each row so often, one after another, once the prompt was read."""
        self.sharing, self.rows = times * self.sharing, times * self.rows
        if self.mask is not None:
            self.mask = self.mask.repeat_interleave(times, 0)
        if self.positions is not None:
            self.positions = self.positions.repeat_interleave(times, 0)
        if self.types is not None:
            self.types = self.types.repeat_interleave(times, 0)
        if self.cache is not None:
            self._own().batch_repeat_interleave(times)

    def reorder(self, rows: Tensor) -> None:
        """Texts go on from other rows ``(rows,)`` of the same prompt."""
        if self.cache is not None:
            self._own().reorder_cache(rows, shared_length=self.prompt_length)

    def unshare(self) -> None:
        """Each row gets what it shared for itself, so that it can leave alone."""
        if self.sharing > 1:
            self._take_shared([row // self.sharing for row in range(self.rows)])
            self.sharing = 1

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows, in this order. Rows that share something must be kept or left together."""
        self._take_shared([row // self.sharing for row in rows[:: self.sharing]])
        index = torch.tensor(rows, device=self.model.device)
        self.mask, self.positions, self.types = (
            None if tensor is None else tensor.index_select(0, index)
            for tensor in (self.mask, self.positions, self.types)
        )
        if self.cache is not None:
            self._own().keep_rows(rows)
        self.rows = len(rows)

    def _take_shared(self, rows: list[int]) -> None:
        index = torch.tensor(rows, device=self.model.device)
        self.inputs = {name: _rows_of(value, index) for name, value in self.inputs.items()}
        if isinstance(self.cache, EncoderDecoderCache):
            self.cache.cross_attention_cache.keep_rows(rows)

    def crop(self, length: int) -> None:
        """Take back all but the first ``length`` tokens."""
        if self.cache is not None:
            self.cache.crop(length + self.offset)

    def _own(self) -> Cache:
        """The cache of the texts themselves."""
        cache: Cache = self.cache.self_attention_cache if isinstance(self.cache, EncoderDecoderCache) else self.cache
        return cache


def accepted_arguments(model: Any) -> set[str]:
    """Names of what a model's ``forward`` takes, and what it hands on to its body, encoder and decoder."""
    parts = [model, model.base_model]
    if getattr(model.config, "is_encoder_decoder", False):
        parts += [model.get_encoder(), model.get_decoder()]
    elif hasattr(model.base_model, "decoder"):
        parts.append(model.base_model.decoder)
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        name for part in parts for name, parameter in inspect.signature(part.forward).parameters.items()
        if parameter.kind not in kinds
    }  # fmt: skip


def _with_room(mask: Tensor, length: int) -> Tensor:
    """A mask of ``length`` columns; those behind the prompt are for real tokens."""
    return torch.cat((mask, mask.new_ones(len(mask), max(0, length - mask.shape[1]))), 1)


def _rows_of(value: Any, rows: Tensor) -> Any:
    """Rows ``(new,)`` of a tensor, or of an output's tensors."""
    if isinstance(value, Tensor):
        return value.index_select(0, rows) if value.dim() else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _rows_of(getattr(value, f.name), rows) for f in dataclasses.fields(value)}
        return type(value)(**fields)
    return tuple(_rows_of(part, rows) for part in value) if isinstance(value, tuple) else value
