"""What all encoder-decoders share: a body of two stacks, and what heads compute.

A family gives its embeddings, blocks and weight names (:mod:`dure.models.bart`, :mod:`dure.models.t5`).
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dure.errors import ConfigError, InputError
from dure.models.generative import Generative
from dure.models.heads import token_loss
from dure.models.pretrained import PreTrainedModel
from dure.models.seq2seq_outputs import EncoderOutput, Seq2SeqLMOutput, Seq2SeqModelOutput
from dure.models.seq2seq_stack import Stack
from dure.models.weights import Renames

__all__ = ["LanguageHead", "Seq2SeqBody", "Seq2SeqPreTrainedModel", "StackRenames", "has_padded_labels",
           "shift_tokens_right"]  # fmt: skip


def shift_tokens_right(input_ids: Tensor, pad_token_id: int | None, decoder_start_token_id: int | None) -> Tensor:
    """What a decoder reads to write ``input_ids``: the start token, then all but the last; -100 becomes padding.

    Args:
        input_ids: ``(batch, length)`` ids or labels.
        pad_token_id: The configuration's.
        decoder_start_token_id: The configuration's.

    Raises:
        ConfigError: One of the two isn't set.
        InputError: ``input_ids`` has another shape.
    """
    if pad_token_id is None or decoder_start_token_id is None:
        name = "pad_token_id" if pad_token_id is None else "decoder_start_token_id"
        raise ConfigError(f"{name} is not set, so decoder_input_ids can't be made from labels: set model.config.{name}")
    if input_ids.dim() != 2:
        raise InputError(f"ids or labels must have the shape (batch, length), not {tuple(input_ids.shape)}")
    shifted = input_ids.roll(1, dims=1)
    shifted[:, 0] = decoder_start_token_id
    return shifted.masked_fill(shifted == -100, pad_token_id)


def has_padded_labels(labels: Tensor | None, attention_mask: Tensor | None) -> bool:
    """Whether a label ``(batch, length)`` stands at padding, so that a loss reads what is computed there."""
    if labels is None or attention_mask is None or labels.shape != attention_mask.shape:
        return False
    if torch.compiler.is_compiling():
        return True
    return bool(((attention_mask == 0) & (labels != -100)).any())


class StackRenames(Renames):
    """Names that depend on the stack.

    Args:
        encoder: Names in the encoder, and outside both.
        decoder: Names in the decoder.
    """

    def __init__(self, encoder: Renames, decoder: Renames) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def to_original(self, name: str) -> str:
        """The checkpoint's name of one of our parameters."""
        return self._stack(name).to_original(name)

    def from_original(self, name: str) -> str:
        """Our name of a parameter in a checkpoint."""
        return self._stack(name).from_original(name)

    def _stack(self, name: str) -> Renames:
        return self.decoder if ".decoder." in f".{name}" else self.encoder


class Seq2SeqPreTrainedModel(PreTrainedModel):
    """What bodies and heads share: one table of words for both stacks, and the decoder's inputs made from labels."""

    #: Parameters (our names) that are always the same tensor as another one, whatever the configuration says.
    shared_weights: ClassVar[dict[str, str]] = {}

    @property
    def active_ties(self) -> dict[str, str]:
        """The shared tables, and those of ``tied_weights`` that the configuration wants."""
        return self.shared_weights | super().active_ties

    def body(self, **inputs: Any) -> Seq2SeqModelOutput:
        """Hidden states; heads that aren't a body themselves have one."""
        result: Seq2SeqModelOutput = self.base_model(return_dict=True, **inputs)
        return result

    def get_encoder(self) -> nn.Module:
        """The stack that reads."""
        return self.base_model.encoder  # type: ignore[return-value]

    def get_decoder(self) -> nn.Module:
        """The stack that writes."""
        return self.base_model.decoder  # type: ignore[return-value]

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of word embeddings that both stacks read."""
        return self.get_encoder().embed_tokens  # type: ignore[return-value]

    def get_output_embeddings(self) -> nn.Module | None:
        """The layer that gives logits over the vocabulary, if there is one."""
        return getattr(self, "lm_head", None)

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """What the decoder reads to write ``labels`` ``(batch, length)``."""
        return shift_tokens_right(labels, self.config.pad_token_id, self.config.decoder_start_token_id)

    def shifted_source(self, input_ids: Tensor | None) -> Tensor:
        """What the decoder reads where it has no text of its own: the encoder's, shifted."""
        if input_ids is None:
            raise InputError("give decoder_input_ids (or decoder_inputs_embeds), or input_ids to make them from")
        return self.prepare_decoder_input_ids_from_labels(input_ids)


class Seq2SeqBody(Seq2SeqPreTrainedModel):
    """Encoder and decoder: ids in, hidden states out. A family makes ``encoder`` and ``decoder``."""

    encoder: Stack
    decoder: Stack
    #: Whether the decoder reads the encoder's ids, shifted, where it isn't given its own.
    reads_source: ClassVar[bool] = True

    def body(self, **inputs: Any) -> Seq2SeqModelOutput:
        """Its own hidden states, for a head that is a body too."""
        result: Seq2SeqModelOutput = Seq2SeqBody.forward(self, return_dict=True, **inputs)
        return result

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        *,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        keeps_padding: bool = False,
        **seen: Any,
    ) -> Any:
        """Hidden states of the decoder and the encoder.

        Args:
            input_ids: ``(batch, source_length)``, what is read.
            attention_mask: ``(batch, source_length)``, 0 for padding.
            decoder_input_ids: ``(batch, length)``, what is written so far; with a cache only the new tokens.
            decoder_attention_mask: ``(batch, past + length)``, 0 for padding.
            encoder_outputs: What the encoder returned before, in place of ``input_ids``.
            past_key_values: The cache of an earlier call.
            inputs_embeds: ``(batch, source_length, hidden_size)`` in place of ``input_ids``.
            decoder_inputs_embeds: ``(batch, length, hidden_size)`` in place of ``decoder_input_ids``.
            use_cache: Return keys and values for the next call; the configuration's by default.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            keeps_padding: Compute the decoder's padding too, for a loss that reads every position.
            **seen: What else the family's encoder takes.
        """
        if decoder_input_ids is None and decoder_inputs_embeds is None and self.reads_source:
            decoder_input_ids = self.shifted_source(input_ids)
        shown = {"output_attentions": output_attentions, "output_hidden_states": output_hidden_states}
        if encoder_outputs is None:
            encoder_outputs = self.encoder(
                input_ids, attention_mask, inputs_embeds=inputs_embeds, return_dict=True, **shown, **seen
            )
        elif not isinstance(encoder_outputs, EncoderOutput):
            encoder_outputs = EncoderOutput(*(encoder_outputs[index] for index in range(len(encoder_outputs))))
        decoded = self.decoder(
            decoder_input_ids, decoder_attention_mask, encoder_hidden_states=encoder_outputs.last_hidden_state,
            encoder_attention_mask=attention_mask, past_key_values=past_key_values, use_cache=use_cache,
            inputs_embeds=decoder_inputs_embeds, return_dict=True, keeps_padding=keeps_padding, **shown,
        )  # fmt: skip
        result = Seq2SeqModelOutput(
            decoded.last_hidden_state, decoded.past_key_values, decoded.hidden_states, decoded.attentions,
            decoded.cross_attentions, encoder_outputs.last_hidden_state, encoder_outputs.hidden_states,
            encoder_outputs.attentions, encoder_outputs.global_attentions,
        )  # fmt: skip
        return self.as_returned(result, return_dict)


class LanguageHead(Seq2SeqPreTrainedModel, Generative):
    """Text to text. A family's class says :meth:`to_logits`."""

    #: Whether a call with labels, which is training, goes without a cache.
    caches_with_labels: ClassVar[bool] = False

    def to_logits(self, hidden: Tensor) -> Tensor:
        """``(batch, length, hidden_size)`` to ``(batch, length, vocab_size)``."""
        raise NotImplementedError

    @property
    def max_positions(self) -> int | None:
        """Tokens of the longest text that is written, where a table of positions limits it."""
        limit = int(self.get_decoder().max_positions)  # type: ignore[arg-type]
        return None if limit == sys.maxsize else limit

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                decoder_input_ids: Tensor | None = None, decoder_attention_mask: Tensor | None = None,
                encoder_outputs: Any = None, past_key_values: Any = None, inputs_embeds: Tensor | None = None,
                decoder_inputs_embeds: Tensor | None = None, *, labels: Tensor | None = None,
                use_cache: bool | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``; ``labels`` of -100 are left out of the loss.

        Without ``decoder_input_ids`` the decoder reads the labels, shifted. Other arguments are the body's.
        """
        if labels is not None:
            use_cache = use_cache if self.caches_with_labels else False
            if decoder_input_ids is None and decoder_inputs_embeds is None:
                decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        body = self.body(
            input_ids=input_ids, attention_mask=attention_mask, decoder_input_ids=decoder_input_ids,
            decoder_attention_mask=decoder_attention_mask, encoder_outputs=encoder_outputs,
            past_key_values=past_key_values, inputs_embeds=inputs_embeds, decoder_inputs_embeds=decoder_inputs_embeds,
            use_cache=use_cache, keeps_padding=has_padded_labels(labels, decoder_attention_mask), **inputs,
        )  # fmt: skip
        assert body.last_hidden_state is not None
        logits = self.to_logits(body.last_hidden_state)
        result = Seq2SeqLMOutput(token_loss(logits, labels), logits, **body.after_states())
        return self.as_returned(result, return_dict)
