"""How decoders read a padded batch: what is new, what a cache holds, and where each token stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dure.layers.cache import Cache, EncoderDecoderCache
from dure.layers.packing import Packing
from dure.models.inputs import check_inputs
from dure.models.pretrained import PreTrainedModel
from dure.typing import JsonObject

__all__ = ["Reading", "read", "read_source", "reads_padding", "to_cache"]

#: From ids ``(batch, new)``, or None, and the number of rows, new and past columns to positions ``(batch, new)``, or
#: None where a token's position is its column.
Numbering = Callable[[Tensor | None, int, int, int], Tensor | None]


@dataclasses.dataclass(frozen=True)
class Reading:
    """The new tokens of a batch.

    Attributes:
        words: ``(num_tokens, hidden_size)``, embedded and packed.
        packing: How they lie.
        positions: ``(num_tokens,)``, where they stand.
        length: Of the texts, padding and past included; None where the caller numbered the tokens.
        key_mask: ``(batch, past + new)``, non-zero for real tokens, where there is a past with padding.
        cache: The past, to which the new tokens will be added; None where nobody wants it.
    """

    words: Tensor
    packing: Packing
    positions: Tensor
    length: int | None
    key_mask: Tensor | None
    cache: Cache | EncoderDecoderCache | None


def read(
    model: PreTrainedModel,
    *,
    input_ids: Tensor | None,
    inputs_embeds: Tensor | None,
    attention_mask: Tensor | None,
    position_ids: Tensor | None,
    token_type_ids: Tensor | None = None,
    past_key_values: Any = None,
    use_cache: bool | None = False,
    has_source: bool = False,
    max_positions: int | None = None,
    first_position: int = 0,
    num_types: int | None = None,
    numbering: Numbering | None = None,
    keeps_padding: bool = False,
) -> Reading:
    """The inputs of a decoder's body, checked and packed.

    Args:
        model: The body, whose embeddings are looked up.
        input_ids: ``(batch, new)``.
        inputs_embeds: ``(batch, new, hidden_size)`` in place of ids.
        attention_mask: ``(batch, past + new)``, 0 for padding.
        position_ids: ``(batch, new)`` or ``(1, new)``; by default tokens are counted, padding included.
        token_type_ids: ``(batch, new)``, for families that look them up among the words.
        past_key_values: A cache, or pairs of keys and values for each layer.
        use_cache: Whether a cache is wanted; None asks the configuration.
        has_source: Whether the decoder looks at a source, whose keys are cached too.
        max_positions: How many positions there are, where a table limits them.
        first_position: The position of a text's first token.
        num_types: How many segments there are, where they have a table of their own.
        numbering: How the family numbers tokens, where not by their column.
        keeps_padding: Compute padding too, for a loss that reads every position.

    Raises:
        InputError: The inputs don't fit the model or each other.
    """
    wants_cache = model.config.use_cache if use_cache is None else use_cache
    cache = to_cache(past_key_values, wants_cache, has_source=has_source)
    past, vocab_size = 0 if cache is None else cache.get_seq_length(), model.config.vocab_size
    check_inputs(
        input_ids, inputs_embeds, attention_mask, vocab_size=vocab_size, max_positions=max_positions,
        position_ids=position_ids, first_position=first_position, token_type_ids=token_type_ids,
        num_types=vocab_size if num_types is None else num_types, past_length=past,
    )  # fmt: skip
    if inputs_embeds is None:
        inputs_embeds = model.get_input_embeddings()(input_ids)
    batch_size, length = inputs_embeds.shape[:2]
    mask = None if attention_mask is None else attention_mask[:, past:]
    packing = Packing.from_mask(mask, batch_size, length, keeps_padding=keeps_padding)
    is_counted = position_ids is None
    if position_ids is None and numbering is not None:
        position_ids = numbering(input_ids, batch_size, length, past)
    if position_ids is None:
        positions = packing.position_ids(inputs_embeds.device) + past
    else:
        positions = packing.pack(position_ids.expand(batch_size, length))
    return Reading(
        packing.pack(inputs_embeds), packing, positions, past + length if is_counted else None,
        attention_mask if past > 0 and _has_padding(attention_mask) else None, cache,
    )  # fmt: skip


def _has_padding(mask: Tensor | None) -> bool:
    # A graph that is compiled once serves batches with and without.
    return mask is not None and (torch.compiler.is_compiling() or not bool((mask != 0).all()))


def read_source(
    states: Tensor | None, attention_mask: Tensor | None, cache: Cache | EncoderDecoderCache | None
) -> JsonObject:
    """What :class:`dure.layers.block.DecoderBlock` must know of an encoder's states, by name.

    Args:
        states: ``(batch, source_length, hidden_size)``, or None where there is no encoder.
        attention_mask: ``(batch, source_length)``, 0 for padding.
        cache: The decoder's.
    """
    if states is None:
        return {}
    packing = Packing.from_mask(attention_mask, *states.shape[:2])
    # Once its keys are in the cache, nobody reads the source again.
    is_known = isinstance(cache, EncoderDecoderCache) and len(cache.cross_attention_cache) > 0
    return {"source": states.flatten(0, 1) if is_known else packing.pack(states), "source_packing": packing}


def to_cache(past_key_values: Any, use_cache: bool, *, has_source: bool = False) -> Cache | EncoderDecoderCache | None:
    """The cache to read and to fill, or None.

    Args:
        past_key_values: What users pass: a cache, two or four tensors for each layer as older programs have them, or
            nothing.
        use_cache: Whether one is wanted where nothing is passed.
        has_source: Whether the keys of a source are cached too.
    """
    if past_key_values is None and not use_cache:
        return None
    past = Cache() if past_key_values is None else past_key_values
    if not isinstance(past, Cache | EncoderDecoderCache):
        kind = EncoderDecoderCache if has_source else Cache
        past = kind.from_legacy_cache(past)
    return EncoderDecoderCache(past) if has_source and isinstance(past, Cache) else past


def reads_padding(labels: Tensor | None, attention_mask: Tensor | None) -> bool:
    """Whether a label ``(batch, new)`` is to be predicted from padding, as left padding has it before a text."""
    if labels is None or attention_mask is None or labels.dim() != 2 or labels.shape[1] < 2:
        return False
    if len(labels) != len(attention_mask) or labels.shape[1] > attention_mask.shape[-1]:
        return False  # refused where the loss is computed
    if torch.compiler.is_compiling():
        return True
    is_padding = attention_mask[:, -labels.shape[1] :][:, :-1] == 0
    return bool((is_padding & (labels[:, 1:] != -100)).any())
