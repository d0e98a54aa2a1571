"""Heads of encoder-decoders that answer about a text: a class of it, or where an answer stands."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dure.errors import InputError
from dure.layers.prediction import ClassificationHead
from dure.models.heads import classification_loss, span_loss
from dure.models.seq2seq import Seq2SeqPreTrainedModel
from dure.models.seq2seq_outputs import Seq2SeqQuestionAnsweringModelOutput, Seq2SeqSequenceClassifierOutput

__all__ = ["QuestionAnsweringHead", "SequenceClassificationHead"]


class SequenceClassificationHead(Seq2SeqPreTrainedModel):
    """A class, several yes/no answers, or a number for each text, read from the decoder's last end of text."""

    classification_head: ClassificationHead

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                decoder_input_ids: Tensor | None = None, decoder_attention_mask: Tensor | None = None,
                encoder_outputs: Any = None, past_key_values: Any = None, inputs_embeds: Tensor | None = None,
                decoder_inputs_embeds: Tensor | None = None, *, labels: Tensor | None = None,
                use_cache: bool | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, num_labels)``; with ``labels`` the loss too. Other arguments are the body's."""
        if input_ids is None:
            raise InputError("classification needs input_ids: it reads the state of the text's end token")
        if decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.shifted_source(input_ids)
        body = self.body(
            input_ids=input_ids, attention_mask=attention_mask, decoder_input_ids=decoder_input_ids,
            decoder_attention_mask=decoder_attention_mask, encoder_outputs=encoder_outputs,
            past_key_values=past_key_values, inputs_embeds=inputs_embeds, decoder_inputs_embeds=decoder_inputs_embeds,
            use_cache=False if labels is not None else use_cache, **inputs,
        )  # fmt: skip
        assert body.last_hidden_state is not None
        logits = self.classification_head(self._at_end(body.last_hidden_state, input_ids))
        loss = classification_loss(logits, labels, self.config)
        return self.as_returned(Seq2SeqSequenceClassifierOutput(loss, logits, **body.after_states()), return_dict)

    def _at_end(self, hidden: Tensor, input_ids: Tensor) -> Tensor:
        """The states of the last end tokens, ``(batch, hidden_size)``."""
        is_end = (input_ids == self.config.eos_token_id).long()
        if not torch.compiler.is_compiling():
            counts = is_end.sum(1)
            if len(counts.unique()) > 1 or not counts.any():
                raise InputError(
                    f"texts have {counts.tolist()} end tokens (id {self.config.eos_token_id}); classification reads "
                    "the last one, and each text must have as many"
                )
        last = (torch.arange(is_end.shape[1], device=is_end.device) * is_end).argmax(dim=1).to(hidden.device)
        return hidden[torch.arange(len(hidden), device=hidden.device), last]


class QuestionAnsweringHead(Seq2SeqPreTrainedModel):
    """Where in a text the answer to a question starts and ends, read from the decoder."""

    qa_outputs: nn.Module

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                decoder_input_ids: Tensor | None = None, decoder_attention_mask: Tensor | None = None,
                encoder_outputs: Any = None, past_key_values: Any = None, inputs_embeds: Tensor | None = None,
                decoder_inputs_embeds: Tensor | None = None, *, start_positions: Tensor | None = None,
                end_positions: Tensor | None = None, use_cache: bool | None = None, return_dict: bool | None = None,
                **inputs: Any) -> Any:  # fmt: skip
        """Start and end logits ``(batch, length)``. Other arguments are the body's."""
        # The loss is a softmax over all positions, padding included.
        has_labels = start_positions is not None and end_positions is not None
        if decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.shifted_source(input_ids)
        body = self.body(
            input_ids=input_ids, attention_mask=attention_mask, decoder_input_ids=decoder_input_ids,
            decoder_attention_mask=decoder_attention_mask, encoder_outputs=encoder_outputs,
            past_key_values=past_key_values, inputs_embeds=inputs_embeds, decoder_inputs_embeds=decoder_inputs_embeds,
            use_cache=False if has_labels else use_cache, keeps_padding=has_labels, **inputs,
        )  # fmt: skip
        start, end = self.qa_outputs(body.last_hidden_state).unbind(-1)
        loss = span_loss(start, end, start_positions, end_positions)
        result = Seq2SeqQuestionAnsweringModelOutput(loss, start, end, **body.after_states())
        return self.as_returned(result, return_dict)
