"""What heads on BERT's kin do with the body's states, once for all families.

A family's class says which body it has and derives from one of these and from the family's own base class.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.linear import Linear
from dure.layers.prediction import ClassificationHead, VocabularyHead
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.heads import choice_loss, classification_loss, span_loss, token_loss
from dure.models.inputs import check_choices
from dure.models.pretrained import PreTrainedModel

__all__ = ["EncoderHead", "MaskedLM", "MultipleChoice", "QuestionAnswering", "SequenceClassification",
           "TokenClassification", "looked"]  # fmt: skip


def looked(body: Any) -> tuple[Any, Any, Any]:
    """What a body's output says beside its last state: all states, attentions, and those of global tokens."""
    return body.hidden_states, body.attentions, body.get("global_attentions")


class EncoderHead(PreTrainedModel):
    """A body under the family's name.

    Args:
        config: The configuration.
        body: The body.
    """

    def __init__(self, config: PretrainedConfig, body: PreTrainedModel) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, body)

    def run_body(self, input_ids: Tensor | None, attention_mask: Tensor | None, token_type_ids: Tensor | None,
                 **inputs: Any) -> Any:  # fmt: skip
        """The body's output; a body without segments isn't asked about them."""
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        return self.base_model(input_ids, attention_mask, return_dict=True, **inputs)

    def text_state(self, body: Any, attention_mask: Tensor | None) -> Tensor:  # noqa: ARG002
        """What a text is classified by, ``(batch, hidden_size)``: the pooled state, or the first without a pooler.

        Args:
            body: The body's output.
            attention_mask: ``(batch, length)``, for families that look for their token or a mean.
        """
        state: Tensor = body.last_hidden_state[:, 0] if body.pooler_output is None else body.pooler_output
        return state

    def token_states(self, body: Any) -> Tensor:
        """What each token is classified by, ``(batch, length, hidden_size)``."""
        states: Tensor = body.last_hidden_state
        return states


class SequenceClassification(EncoderHead):
    """A class, several yes/no answers, or a number for each text.

    Args:
        config: The configuration.
        body: The body.
        dropout: Probability of dropping a value of the state in training.
        layer_activation: The body has no pooler, so the head has a layer of its own, with this activation.
    """

    def __init__(
        self, config: PretrainedConfig, body: PreTrainedModel, *, dropout: float, layer_activation: str | None = None
    ) -> None:
        super().__init__(config, body)
        sizes = config.hidden_size, config.num_labels
        self.dropout = nn.Dropout(dropout if layer_activation is None else 0.0)
        self.classifier: nn.Module = (
            Linear(*sizes)
            if layer_activation is None
            else ClassificationHead(*sizes, activation_name=layer_activation, dropout=dropout)
        )
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, num_labels)``; with ``labels`` the loss too. Other arguments are the body's."""
        body = self.run_body(input_ids, attention_mask, token_type_ids, is_first_only=True, **inputs)
        logits = self.classifier(self.dropout(self.text_state(body, attention_mask)))
        loss = classification_loss(logits, labels, self.config)
        result = outputs.SequenceClassifierOutput(loss, logits, *looked(body))
        return self.as_returned(result, return_dict)


class TokenClassification(EncoderHead):
    """A class for each token, such as the kind of a name.

    Args:
        config: The configuration.
        body: The body; it needs no pooler.
        dropout: Probability of dropping a value of the states in training.
    """

    def __init__(self, config: PretrainedConfig, body: PreTrainedModel, *, dropout: float) -> None:
        super().__init__(config, body)
        self.dropout = nn.Dropout(dropout)
        self.classifier = Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, num_labels)``; ``labels`` of -100 are left out of the loss."""
        body = self.run_body(input_ids, attention_mask, token_type_ids, **inputs)
        logits = self.classifier(self.dropout(self.token_states(body)))
        result = outputs.TokenClassifierOutput(token_loss(logits, labels), logits, *looked(body))
        return self.as_returned(result, return_dict)


class QuestionAnswering(EncoderHead):
    """Where in a text the answer to a question starts and ends.

    Args:
        config: The configuration.
        body: The body; it needs no pooler.
    """

    def __init__(self, config: PretrainedConfig, body: PreTrainedModel) -> None:
        super().__init__(config, body)
        self.qa_outputs = Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, start_positions: Tensor | None = None,
                end_positions: Tensor | None = None, return_dict: bool | None = None,
                **inputs: Any) -> Any:  # fmt: skip
        """Start and end logits ``(batch, length)``."""
        # The loss is a softmax over all positions, padding included.
        has_labels = start_positions is not None
        body = self.run_body(input_ids, attention_mask, token_type_ids, keeps_padding=has_labels, **inputs)
        start, end = self.qa_outputs(self.token_states(body)).unbind(-1)
        loss = span_loss(start, end, start_positions, end_positions)
        result = outputs.QuestionAnsweringModelOutput(loss, start, end, *looked(body))
        return self.as_returned(result, return_dict)


class MaskedLM(EncoderHead):
    """A word for each masked position.

    Args:
        config: The configuration.
        body: The body; it needs no pooler.
        head: From states to words.
    """

    #: Where the family has its head.
    head_name: ClassVar[str] = "cls"

    def __init__(self, config: PretrainedConfig, body: PreTrainedModel, head: VocabularyHead) -> None:
        super().__init__(config, body)
        setattr(self, self.head_name, head)
        self.post_init()

    @property
    def head(self) -> Any:
        """From states to words."""
        return getattr(self, self.head_name)

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that gives logits over the vocabulary."""
        layer: nn.Linear = self.head.decoder
        return layer

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``; ``labels`` of -100 are left out of the loss."""
        body = self.run_body(input_ids, attention_mask, token_type_ids, **inputs)
        logits = self.head(body.last_hidden_state)
        result = outputs.MaskedLMOutput(token_loss(logits, labels), logits, *looked(body))
        return self.as_returned(result, return_dict)


class MultipleChoice(EncoderHead):
    """The best of several continuations of a text.

    Args:
        config: The configuration.
        body: The body, with a pooler.
        dropout: Probability of dropping a value of the pooled state in training.
    """

    def __init__(self, config: PretrainedConfig, body: PreTrainedModel, *, dropout: float) -> None:
        super().__init__(config, body)
        self.dropout = nn.Dropout(dropout)
        self.classifier = Linear(config.hidden_size, 1)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, num_choices)`` from inputs of shape ``(batch, num_choices, length)``."""
        check_choices(input_ids)
        num_choices = input_ids.shape[1]
        flat = [None if x is None else x.flatten(0, 1) for x in (input_ids, attention_mask, token_type_ids)]
        body = self.run_body(*flat, is_first_only=True, **inputs)
        logits = self.classifier(self.dropout(self.text_state(body, flat[1]))).view(-1, num_choices)
        result = outputs.MultipleChoiceModelOutput(choice_loss(logits, labels), logits, *looked(body))
        return self.as_returned(result, return_dict)
