"""Checks at a model's door: what would end in an index error deep inside is refused with the number that is wrong."""

from __future__ import annotations

import torch
from torch import Tensor

from dure.errors import InputError

__all__ = ["check_choices", "check_inputs"]


def check_inputs(
    input_ids: Tensor | None,
    inputs_embeds: Tensor | None,
    attention_mask: Tensor | None,
    *,
    vocab_size: int,
    max_positions: int | None,
    token_type_ids: Tensor | None = None,
    num_types: int = 0,
    position_ids: Tensor | None = None,
    past_length: int = 0,
    first_position: int = 0,
) -> None:
    """Refuse inputs that a model can't read.

    Args:
        input_ids: ``(batch, length)``; or None with ``inputs_embeds``.
        inputs_embeds: ``(batch, length, hidden_size)`` in place of ids.
        attention_mask: ``(batch, past_length + length)``.
        vocab_size: How many ids there are.
        max_positions: How many positions there are; None for as many as one likes.
        token_type_ids: ``(batch, length)``.
        num_types: How many segments there are.
        position_ids: ``(batch, length)`` or ``(1, length)``.
        past_length: Tokens that a cache holds.
        first_position: The position of a text's first token; those before it are no text's.

    Raises:
        InputError: With what was given and what is allowed.
    """
    shape = _shape(input_ids, inputs_embeds)
    if shape[1] == 0:
        raise InputError("a text has no tokens at all; even an empty text has its special tokens")
    if max_positions is not None and past_length + shape[1] > max_positions - first_position:
        raise InputError(
            f"a text has {past_length + shape[1]} tokens, but the model has {max_positions - first_position} "
            "positions: pass truncation=True to the tokenizer or pipeline"
        )
    if attention_mask is not None and attention_mask.shape != (shape[0], past_length + shape[1]):
        past = f", {past_length} of them in the cache" if past_length else ""
        raise InputError(
            f"attention_mask {tuple(attention_mask.shape)} must have the shape of the texts, "
            f"{(shape[0], past_length + shape[1])}{past}"
        )
    if token_type_ids is not None and token_type_ids.shape != shape:
        raise InputError(f"token_type_ids {tuple(token_type_ids.shape)} must have the shape of the texts, {shape}")
    if position_ids is not None and position_ids.shape not in {shape, (1, shape[1])}:
        raise InputError(f"position_ids {tuple(position_ids.shape)} must have the shape of the texts, {tuple(shape)}")
    _check_range("input_ids", input_ids, vocab_size, "the vocabulary has {} ids: is this the model's tokenizer?")
    _check_range("token_type_ids", token_type_ids, num_types, "the model has {} segments")
    if max_positions is not None:
        _check_range("position_ids", position_ids, max_positions, "the model has {} positions")


def check_choices(input_ids: Tensor) -> None:
    """Refuse ids that aren't ``(batch, num_choices, length)``.

    Raises:
        InputError: With the shape that was given.
    """
    if input_ids.dim() != 3:
        raise InputError(
            f"input_ids must have the shape (batch, num_choices, length), not {tuple(input_ids.shape)}; "
            "for one question, add a batch dimension: input_ids.unsqueeze(0)"
        )


def _shape(input_ids: Tensor | None, inputs_embeds: Tensor | None) -> tuple[int, ...]:
    """``(batch, length)`` of the one that is given."""
    if input_ids is not None and inputs_embeds is not None:
        raise InputError("give either input_ids or inputs_embeds, not both")
    if inputs_embeds is not None:
        if inputs_embeds.dim() != 3:
            raise InputError(
                f"inputs_embeds must have the shape (batch, length, hidden_size), not {tuple(inputs_embeds.shape)}"
            )
        return tuple(inputs_embeds.shape[:2])
    if input_ids is None:
        raise InputError("give input_ids, as the tokenizer returns them, or inputs_embeds")
    if input_ids.dtype not in {torch.int64, torch.int32}:
        raise InputError(f"input_ids must be integers (torch.long), not {input_ids.dtype}")
    if input_ids.dim() != 2:
        hint = "; for one text, add a batch dimension: input_ids.unsqueeze(0)" if input_ids.dim() == 1 else ""
        raise InputError(f"input_ids must have the shape (batch, length), not {tuple(input_ids.shape)}{hint}")
    return tuple(input_ids.shape)


def _check_range(name: str, ids: Tensor | None, count: int, allowed: str) -> None:
    # On an accelerator the check would wait for everything that is queued; in a graph that is compiled it can't be.
    if ids is None or torch.compiler.is_compiling() or ids.numel() == 0 or ids.device.type != "cpu":
        return
    low, high = (int(end) for end in ids.aminmax())
    if low < 0 or high >= count:
        raise InputError(f"{name} hold {low if low < 0 else high}, but {allowed.format(count)}")
