"""How decoders read a padded batch: what is new, what a cache holds, and where each token stands."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor

from dure.layers.cache import Cache
from dure.layers.packing import Packing
from dure.models.inputs import check_inputs
from dure.models.pretrained import PreTrainedModel

__all__ = ["Reading", "read", "reads_padding", "to_cache"]


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
    cache: Cache | None


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
    max_positions: int | None = None,
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
        max_positions: How many positions there are, where a table limits them.
        keeps_padding: Compute padding too, for a loss that reads every position.

    Raises:
        InputError: The inputs don't fit the model or each other.
    """
    cache = to_cache(past_key_values, model.config.use_cache if use_cache is None else use_cache)
    past = 0 if cache is None else cache.get_seq_length()
    check_inputs(
        input_ids, inputs_embeds, attention_mask, vocab_size=model.config.vocab_size, max_positions=max_positions,
        position_ids=position_ids, token_type_ids=token_type_ids, num_types=model.config.vocab_size, past_length=past,
    )  # fmt: skip
    if inputs_embeds is None:
        inputs_embeds = model.get_input_embeddings()(input_ids)
    batch_size, length = inputs_embeds.shape[:2]
    mask = None if attention_mask is None else attention_mask[:, past:]
    packing = Packing.from_mask(mask, batch_size, length, keeps_padding=keeps_padding)
    has_padding = past > 0 and attention_mask is not None and not bool((attention_mask != 0).all())
    if position_ids is None:
        positions = packing.position_ids(inputs_embeds.device) + past
    else:
        positions = packing.pack(position_ids.expand(batch_size, length))
    return Reading(
        packing.pack(inputs_embeds), packing, positions, past + length if position_ids is None else None,
        attention_mask if has_padding else None, cache,
    )  # fmt: skip


def to_cache(past_key_values: Any, use_cache: bool) -> Cache | None:
    """What users pass as a past: a cache, pairs for each layer as older programs have them, or nothing."""
    if past_key_values is None:
        return Cache() if use_cache else None
    return past_key_values if isinstance(past_key_values, Cache) else Cache.from_legacy_cache(past_key_values)


def reads_padding(labels: Tensor | None, attention_mask: Tensor | None) -> bool:
    """Whether a label ``(batch, new)`` is to be predicted from padding, as left padding has it before a text."""
    if labels is None or attention_mask is None or labels.dim() != 2 or labels.shape[1] < 2:
        return False
    if len(labels) != len(attention_mask) or labels.shape[1] > attention_mask.shape[-1]:
        return False  # refused where the loss is computed
    is_padding = attention_mask[:, -labels.shape[1] :][:, :-1] == 0
    return bool((is_padding & (labels[:, 1:] != -100)).any())
