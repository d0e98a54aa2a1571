"""What `generate` was given, made ready: ids to continue, their mask, and what an encoder read."""

from __future__ import annotations

import dataclasses
import difflib
import logging
from typing import Any

import torch
from torch import Tensor

from dure.errors import InputError
from dure.generation.config import GenerationConfig
from dure.generation.messages import say_once
from dure.generation.session import accepted_arguments
from dure.models.outputs import BaseModelOutput

__all__ = ["Prompt", "Special", "check_arguments", "prepare", "special_tokens"]

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Special:
    """Special tokens.

    Attributes:
        eos: What ends a text; may be empty.
        pad: What fills rows that have ended.
        bos: What a prompt starts with where there is none.
        start: What a decoder starts with: a token, or one for each row.
    """

    eos: list[int]
    pad: int | None
    bos: int | None
    start: Any


@dataclasses.dataclass
class Prompt:
    """Texts to continue.

    Attributes:
        ids: ``(batch, length)``, padding on the left.
        given: As ``ids``, as the caller gave them: what is returned begins with these.
        mask: ``(batch, length)``, 0 for padding; None where there is none.
        source: ``(batch, source_length)`` ids that an encoder read; ``ids`` themselves without an encoder.
        inputs: What each step is given.
        past: A cache that the caller gave.
        embeds: ``(batch, length, hidden_size)`` in place of ``ids``.
        types: ``(batch, length)`` segments.
    """

    ids: Tensor
    given: Tensor
    mask: Tensor | None
    source: Tensor
    inputs: dict[str, Any]
    past: Any = None
    embeds: Tensor | None = None
    types: Tensor | None = None


def check_arguments(model: Any, arguments: dict[str, Any]) -> None:
    """Refuse arguments that no part of a model takes.

    Raises:
        InputError: With their names.
    """
    known = accepted_arguments(model) | {"decoder_input_ids", "decoder_attention_mask"}
    unknown = [name for name, value in arguments.items() if value is not None and name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], [*vars(GenerationConfig()), *known], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(
            f"The following `model_kwargs` are not used by the model: {unknown} (note: typos in the generate arguments "
            f"will also show up in this list){hint}"
        )


def special_tokens(model: Any, config: GenerationConfig, *, has_mask: bool) -> Special:
    """The special tokens of a call.

    Raises:
        InputError: An encoder-decoder has nothing to start with.
    """
    eos, pad = config.eos_token_id, config.pad_token_id
    ends = [] if eos is None else eos if isinstance(eos, list) else [int(eos)]
    if pad is None and ends:
        if not has_mask:
            say_once(logger, "The attention mask and the pad token id were not set. As a consequence, you may observe "
                             "unexpected behavior. Please pass your input's `attention_mask` to obtain reliable "
                             "results.")  # fmt: skip
        pad = ends[0]
        say_once(logger, f"Setting `pad_token_id` to `eos_token_id`:{pad} for open-end generation.")
    elif pad in ends and not has_mask:
        say_once(logger, "The attention mask is not set and cannot be inferred from input because pad token is same "
                         "as eos token. As a consequence, you may observe unexpected behavior. Please pass your "
                         "input's `attention_mask` to obtain reliable results.")  # fmt: skip
    start = config.bos_token_id if config.decoder_start_token_id is None else config.decoder_start_token_id
    if start is None and getattr(model.config, "is_encoder_decoder", False):
        raise InputError("`decoder_start_token_id` or `bos_token_id` has to be defined for encoder-decoder generation.")
    return Special(ends, pad, config.bos_token_id, start)


def prepare(model: Any, inputs: Tensor | None, arguments: dict[str, Any], special: Special,
            config: GenerationConfig) -> Prompt:  # fmt: skip
    """The prompt of a call.

    Args:
        model: The model.
        inputs: What `generate` was given first.
        arguments: Arguments of ``forward``.
        special: Special tokens.
        config: What is to be shown of an encoder.

    Raises:
        InputError: Inputs are missing, doubled, or of the wrong shape.
    """
    arguments = {name: value for name, value in arguments.items() if value is not None}
    given = arguments.pop("input_ids", None)
    if given is not None and inputs is not None:
        raise InputError("`inputs` were passed alongside `input_ids`, which is not allowed: pass one of them")
    given = inputs if given is None else given
    if given is not None:
        _check_ids(given)
    is_decoding = bool(getattr(model.config, "is_encoder_decoder", False))
    read = _read_source if is_decoding else _read_prompt
    return read(model, given, arguments, special, config)


def _read_prompt(model: Any, ids: Tensor | None, arguments: dict[str, Any], special: Special,
                 config: GenerationConfig) -> Prompt:  # fmt: skip
    """A decoder's prompt."""
    del config
    embeds, types = arguments.pop("inputs_embeds", None), arguments.pop("token_type_ids", None)
    mask, past = arguments.pop("attention_mask", None), arguments.pop("past_key_values", None)
    arguments.pop("use_cache", None)
    if ids is None and embeds is None:
        if special.bos is None:
            raise InputError("`bos_token_id` has to be defined when no `input_ids` are provided.")
        rows = next((len(value) for value in arguments.values() if isinstance(value, Tensor) and value.dim()), 1)
        ids = torch.full((rows, 1), special.bos, dtype=torch.long, device=model.device)
    elif ids is None:
        ids = torch.empty((len(embeds), 0), dtype=torch.long, device=embeds.device)
    if ids.shape[1] == 0 and embeds is None:
        raise InputError(
            "a prompt has no tokens at all; even an empty text needs one to continue, such as bos_token_id"
        )
    if mask is None and embeds is None:
        mask = _guessed_mask(ids, special)
    mask = _checked_mask(mask, ids if embeds is None else embeds)
    given = ids
    if mask is not None and embeds is None and past is None and bool((mask[:, -1] == 0).any()):
        ids, mask = _to_left(ids, mask)
    return Prompt(ids, given, mask, ids, arguments, past, embeds, types)


def _read_source(model: Any, ids: Tensor | None, arguments: dict[str, Any], special: Special,
                 config: GenerationConfig) -> Prompt:  # fmt: skip
    """An encoder-decoder's source, read by the encoder, and what the decoder starts with."""
    decoder_ids, mask = arguments.pop("decoder_input_ids", None), arguments.pop("decoder_attention_mask", None)
    outputs, past = arguments.pop("encoder_outputs", None), arguments.pop("past_key_values", None)
    embeds, source_mask = arguments.pop("inputs_embeds", None), arguments.pop("attention_mask", None)
    arguments.pop("use_cache", None)
    if ids is not None and embeds is not None:
        raise InputError("You passed `inputs_embeds` and `input_ids` to `.generate()`. Please pick one.")
    if outputs is None:
        if ids is None and embeds is None:
            if special.bos is None:
                raise InputError("`bos_token_id` has to be defined when no `input_ids` are provided.")
            ids = torch.full((1, 1), special.bos, dtype=torch.long, device=model.device)
        if source_mask is None and ids is not None:
            source_mask = _guessed_mask(ids, special)
        outputs = model.get_encoder()(
            input_ids=ids, attention_mask=source_mask, inputs_embeds=embeds, return_dict=True,
            output_attentions=config.output_attentions, output_hidden_states=config.output_hidden_states, **arguments,
        )  # fmt: skip
    elif isinstance(outputs, tuple):
        outputs = BaseModelOutput(*outputs)
    states = outputs[0]
    inputs = {"encoder_outputs": outputs}
    if source_mask is not None:
        inputs["attention_mask"] = source_mask
    written = _starts(decoder_ids, special, len(states), states.device)
    if decoder_ids is not None and mask is not None and written.shape[1] > mask.shape[1]:
        mask = torch.cat((mask.new_ones(len(mask), 1), mask), 1)
    source = torch.empty((len(states), 0), dtype=torch.long) if ids is None else ids
    return Prompt(written, written, _checked_mask(mask, written), source, inputs, past)


def _starts(ids: Tensor | None, special: Special, rows: int, device: torch.device) -> Tensor:
    """What decoders start with, ``(rows, length)``: the start token, and the caller's tokens behind it."""
    start = torch.as_tensor(special.start, dtype=torch.long, device=device)
    if start.dim() and len(start) != rows:
        raise InputError(f"`decoder_start_token_id` expected to have length {rows} but got {len(start)}")
    start = start.view(-1, 1).expand(rows, 1) if start.dim() else start.repeat(rows, 1)
    if ids is None:
        return start.contiguous()
    return torch.cat((start, ids), 1) if bool((ids[:, 0] != start[:, 0]).all()) else ids


def _check_ids(ids: Any) -> None:
    if not isinstance(ids, Tensor):
        raise InputError(f"inputs must be a tensor of ids, (batch, length), not {type(ids).__name__}: use the "
                         "tokenizer with return_tensors='pt'")  # fmt: skip
    if ids.dim() != 2 or ids.is_floating_point():
        hint = "; for one text, add a batch dimension: input_ids.unsqueeze(0)" if ids.dim() == 1 else ""
        raise InputError(f"inputs must be ids of the shape (batch, length), not {ids.dtype} {tuple(ids.shape)}{hint}")


def _guessed_mask(ids: Tensor, special: Special) -> Tensor | None:
    """Where padding is, if its token is no end of text as well."""
    if special.pad is None or special.pad in special.eos:
        return None
    return (ids != special.pad).long()


def _checked_mask(mask: Tensor | None, given: Tensor) -> Tensor | None:
    """The mask, or None where nothing is padding."""
    if mask is None:
        return None
    if mask.dim() != 2:
        raise InputError(f"`attention_mask` passed to `generate` must be 2D, not {tuple(mask.shape)}")
    if len(mask) != len(given) or mask.shape[1] < given.shape[1]:
        raise InputError(f"attention_mask {tuple(mask.shape)} must have the shape of the prompts, "
                         f"{tuple(given.shape[:2])}")  # fmt: skip
    return None if bool((mask != 0).all()) else (mask != 0).long()


def _to_left(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Padding behind a text goes before it: what continues a text must follow it."""
    order = torch.sort(mask, dim=1, stable=True)[1]
    return ids.gather(1, order), mask.gather(1, order)
