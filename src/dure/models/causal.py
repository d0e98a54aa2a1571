"""The heads of decoders. They read a family's body, which knows its own names; see ``llama.py`` for their use."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dure.errors import InputError
from dure.layers.linear import Linear
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.generative import Generative
from dure.models.heads import causal_loss, classification_loss, span_loss, token_loss
from dure.models.pretrained import PreTrainedModel
from dure.models.reading import reads_padding

__all__ = ["CausalLM", "DecoderHead", "QuestionHead", "SequenceHead", "TokenHead"]


class DecoderHead(PreTrainedModel):
    """A body under the family's name for it."""

    body_class: ClassVar[type[PreTrainedModel]]

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, self.body_class(config))

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of word embeddings."""
        body = self.base_model
        assert isinstance(body, PreTrainedModel)
        return body.get_input_embeddings()


class CausalLM(DecoderHead, Generative):
    """The next word at each position."""

    skips_padding: ClassVar[bool] = True

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.lm_head = Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that gives logits over the vocabulary."""
        return self.lm_head

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, logits_to_keep: int | Tensor = 0,
                num_items_in_batch: Tensor | int | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``, each for the next token; with ``labels`` the loss too.

        Args:
            input_ids: ``(batch, length)``.
            attention_mask: ``(batch, past + length)``, 0 for padding.
            labels: ``(batch, length)``, usually the ids; each is predicted from what stands before it; -100 isn't.
            return_dict: False for a plain tuple.
            logits_to_keep: Only for so many of the last positions, or for these; 0 for all.
            num_items_in_batch: What the loss is divided by in place of the number of labels.
            **inputs: What else the body takes.
        """
        body = self.base_model(
            input_ids=input_ids, attention_mask=attention_mask, return_dict=True,
            keeps_padding=reads_padding(labels, attention_mask), **inputs,
        )  # fmt: skip
        hidden = body.last_hidden_state
        if isinstance(logits_to_keep, Tensor):
            hidden = hidden[:, logits_to_keep]
        elif logits_to_keep:
            hidden = hidden[:, -logits_to_keep:]
        logits = self.lm_head(hidden)
        loss = causal_loss(logits, labels, num_items_in_batch)
        result = outputs.CausalLMOutputWithPast(
            loss, logits, body.past_key_values, body.hidden_states, body.attentions, body.cross_attentions
        )
        return self.as_returned(result, return_dict)


class SequenceHead(DecoderHead):
    """A class, several yes/no answers, or a number for each text, read from its last token."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.score = Linear(config.hidden_size, config.num_labels, bias=False)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, num_labels)``; with ``labels`` the loss too. Other arguments are the body's."""
        body = self.base_model(input_ids=input_ids, attention_mask=attention_mask, return_dict=True, **inputs)
        logits = self.score(self._last_tokens(body.last_hidden_state, input_ids))
        loss = classification_loss(logits, labels, self.config)
        result = outputs.SequenceClassifierOutputWithPast(
            loss, logits, body.past_key_values, body.hidden_states, body.attentions
        )
        return self.as_returned(result, return_dict)

    def _last_tokens(self, hidden: Tensor, input_ids: Tensor | None) -> Tensor:
        """``(batch, hidden_size)`` of the last token that isn't the padding's, wherever padding stands."""
        pad = self.config.pad_token_id
        if pad is None and len(hidden) != 1:
            raise InputError(
                f"{len(hidden)} texts, but the configuration has no pad_token_id, so nothing says where each ends: "
                "set config.pad_token_id, or give one text at a time"
            )
        if pad is None or input_ids is None:
            return hidden[:, -1]
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        last = (places * (input_ids != pad)).argmax(dim=1)
        return hidden[torch.arange(len(hidden), device=hidden.device), last]


class TokenHead(DecoderHead):
    """A class for each token, such as the kind of a name."""

    #: What the family calls the layer.
    classifier_name: ClassVar[str] = "score"

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        given = (getattr(config, name, None) for name in ("classifier_dropout", "hidden_dropout"))
        self.dropout = nn.Dropout(next((dropout for dropout in given if dropout is not None), 0.1))
        setattr(self, self.classifier_name, Linear(config.hidden_size, config.num_labels))
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, num_labels)``; ``labels`` of -100 are left out of the loss."""
        body = self.base_model(input_ids=input_ids, attention_mask=attention_mask, return_dict=True, **inputs)
        logits = self.get_submodule(self.classifier_name)(self.dropout(body.last_hidden_state))
        result = outputs.TokenClassifierOutput(token_loss(logits, labels), logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class QuestionHead(DecoderHead):
    """Where in a text the answer to a question starts and ends."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.qa_outputs = Linear(config.hidden_size, 2)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                start_positions: Tensor | None = None, end_positions: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Start and end logits ``(batch, length)``."""
        # The loss is a softmax over all positions, padding included.
        body = self.base_model(
            input_ids=input_ids, attention_mask=attention_mask, return_dict=True,
            keeps_padding=start_positions is not None, **inputs,
        )  # fmt: skip
        start, end = self.qa_outputs(body.last_hidden_state).unbind(-1)
        loss = span_loss(start, end, start_positions, end_positions)
        result = outputs.QuestionAnsweringModelOutput(loss, start, end, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)
