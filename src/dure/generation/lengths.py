"""How long a text may become, and must."""

from __future__ import annotations

import logging
import sys
from typing import Any

from dure.errors import InputError
from dure.generation.config import GenerationConfig
from dure.generation.messages import say_once
from dure.generation.prompt import Prompt

__all__ = ["set_lengths"]

logger = logging.getLogger(__name__)
_DEFAULT_LENGTH = 20


def set_lengths(model: Any, config: GenerationConfig, prompt: Prompt, *, given: dict[str, Any]) -> None:
    """Set ``max_length`` and ``min_length``, prompt included, from what the caller said.

    Args:
        model: The model.
        config: Changed in place.
        prompt: What is continued.
        given: The call's own arguments.

    Raises:
        InputError: The prompt is as long as the text may be, or longer than the model can read.
    """
    length = prompt.ids.shape[1]
    embedded = 0 if prompt.embeds is None else prompt.embeds.shape[1] - length
    is_default = given.get("max_length") is None
    if config.max_new_tokens is not None:
        if not is_default:
            say_once(logger, f"Both `max_new_tokens` (={config.max_new_tokens}) and `max_length`(={config.max_length}) "
                             "seem to have been set. `max_new_tokens` will take precedence.")  # fmt: skip
        config.max_length = config.max_new_tokens + length
    elif embedded:
        config.max_length -= embedded
    elif is_default and config.max_length == _DEFAULT_LENGTH:
        limit = getattr(model.config, "max_position_embeddings", None) or sys.maxsize
        config.max_length = min(_DEFAULT_LENGTH + length, limit)
    if config.min_new_tokens is not None:
        config.min_length = config.min_new_tokens + length
    elif embedded:
        config.min_length = max(config.min_length - embedded, 0)
    _check(model, config, length + embedded, length)


def _check(model: Any, config: GenerationConfig, read: int, length: int) -> None:
    name = "decoder_input_ids" if getattr(model.config, "is_encoder_decoder", False) else "input_ids"
    context: int | None = model.max_positions
    if context is not None and read > context:
        raise InputError(
            f"the prompt has {read} tokens, but {type(model).__name__} reads at most {context}: shorten it, for "
            "instance with truncation=True and max_length in the tokenizer"
        )
    if length >= config.max_length:
        raise InputError(
            f"Input length of {name} is {length}, but `max_length` is set to {config.max_length}. This can lead to "
            "unexpected behavior. You should consider increasing `max_length` or, better yet, setting `max_new_tokens`."
        )
    # The last token is written and never read.
    if context is not None and config.max_length + read - length > context + 1:
        config.max_length = context + 1 + length - read
        say_once(logger, f"{type(model).__name__} has {context} positions: texts end there, whatever `max_length` and "
                         "`max_new_tokens` say.")  # fmt: skip
    if config.min_length and config.min_length > config.max_length:
        say_once(logger, f"Unfeasible length constraints: `min_length` ({config.min_length}) is larger than the "
                         f"maximum possible length ({config.max_length}). Generation will stop at the defined maximum "
                         "length. Decrease the minimum length and/or increase the maximum length.")  # fmt: skip
