"""What encoder-decoders return: the decoder's results first, then the encoder's."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor

from dure.models.outputs import BaseModelOutput, ModelOutput

__all__ = [
    "EncoderOutput",
    "Seq2SeqLMOutput",
    "Seq2SeqModelOutput",
    "Seq2SeqQuestionAnsweringModelOutput",
    "Seq2SeqSequenceClassifierOutput",
]


@dataclasses.dataclass
class EncoderOutput(BaseModelOutput):
    """Hidden states of an encoder; ``global_attentions`` are there where some tokens see all (LED)."""

    global_attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class Seq2SeqModelOutput(ModelOutput):
    """Hidden states of both: ``last_hidden_state``, the decoder's, is ``(batch, length, hidden_size)``."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
    encoder_global_attentions: tuple[Tensor, ...] | None = None

    def after_states(self) -> dict[str, Any]:
        """All fields behind the first, which heads pass on as they are."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)[1:]}


@dataclasses.dataclass
class Seq2SeqLMOutput(ModelOutput):
    """``logits`` are ``(batch, length, vocab_size)``; ``loss`` is a number where labels were given."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
    encoder_global_attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class Seq2SeqSequenceClassifierOutput(Seq2SeqLMOutput):
    """``logits`` are ``(batch, num_labels)``."""


@dataclasses.dataclass
class Seq2SeqQuestionAnsweringModelOutput(ModelOutput):
    """``start_logits`` and ``end_logits`` are ``(batch, length)``."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    past_key_values: Any = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
    encoder_global_attentions: tuple[Tensor, ...] | None = None
