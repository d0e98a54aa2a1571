"""The heads of decoders. They read a family's body, which knows its own names; see ``llama.py`` for their use."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dure.errors import InputError
from dure.layers.linear import Linear
from dure.layers.prediction import Summary
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.generative import Generative
from dure.models.heads import causal_loss, choice_loss, classification_loss, span_loss, token_loss
from dure.models.pretrained import PreTrainedModel
from dure.models.reading import reads_padding

__all__ = ["CausalLM", "DecoderHead", "DoubleHeads", "QuestionHead", "SequenceHead", "TokenHead"]


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
        result = outputs.CausalLMOutputWithCrossAttentions(
            loss, logits, body.past_key_values, body.hidden_states, body.attentions, body.get("cross_attentions")
        )
        return self.as_returned(result, return_dict)


class DoubleHeads(CausalLM):
    """The next word at each position, and the best of several continuations of a text.

    The configuration's ``summary_`` fields say which token stands for a text, and what is computed from it.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        config.num_labels = 1
        super().__init__(config)
        num_outputs = config.num_labels if config.summary_proj_to_labels else config.hidden_size
        self.multiple_choice_head = Summary(
            config.hidden_size, num_outputs if config.summary_use_proj else None, kind=config.summary_type,
            activation_name=config.summary_activation, dropout=config.summary_first_dropout,
        )  # fmt: skip
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,  # type: ignore[override]
                token_type_ids: Tensor | None = None, position_ids: Tensor | None = None,
                inputs_embeds: Tensor | None = None, mc_token_ids: Tensor | None = None, labels: Tensor | None = None,
                mc_labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits of words ``(batch, num_choices, length, vocab_size)`` and of choices ``(batch, num_choices)``.

        Args:
            input_ids: ``(batch, num_choices, length)``.
            attention_mask: Of the same shape, 0 for padding.
            token_type_ids: Of the same shape.
            position_ids: Of the same shape.
            inputs_embeds: ``(batch, num_choices, length, hidden_size)`` in place of ``input_ids``.
            mc_token_ids: ``(batch, num_choices)``, the column of the token that stands for a text; by default the last.
            labels: ``(batch, num_choices, length)``; each is predicted from what stands before it; -100 isn't.
            mc_labels: ``(batch,)``, the right choices.
            return_dict: False for a plain tuple.
            **inputs: What else the body takes.
        """
        given = input_ids if inputs_embeds is None else inputs_embeds
        leading = () if given is None else tuple(given.shape[: given.dim() - (1 if inputs_embeds is None else 2)])
        one_by_one = {
            "input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids,
            "position_ids": position_ids,
        }  # fmt: skip
        flat = {
            name: tensor.flatten(0, -2) if tensor.dim() > 1 else tensor
            for name, tensor in one_by_one.items()
            if tensor is not None
        }
        flat_labels = None if labels is None else labels.flatten(0, -2)
        keeps_padding = self.multiple_choice_head.reads_padding(mc_token_ids) or reads_padding(
            flat_labels, flat.get("attention_mask")
        )
        body = self.base_model(
            inputs_embeds=None if inputs_embeds is None else inputs_embeds.flatten(0, -3), return_dict=True,
            keeps_padding=keeps_padding, **flat, **inputs,
        )  # fmt: skip
        hidden = body.last_hidden_state.unflatten(0, leading)
        logits, choices = self.lm_head(hidden), self.multiple_choice_head(hidden, mc_token_ids).squeeze(-1)
        loss = causal_loss(logits.flatten(0, -3), flat_labels)
        result = outputs.GPT2DoubleHeadsModelOutput(
            loss, choice_loss(choices, mc_labels), logits, choices, body.past_key_values, body.hidden_states,
            body.attentions,
        )  # fmt: skip
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
