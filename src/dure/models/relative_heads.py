"""What T5 and mT5 share of their heads that answer about a text."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.linear import Linear
from dure.layers.prediction import ClassificationHead
from dure.models.config import PretrainedConfig
from dure.models.heads import token_loss
from dure.models.outputs import TokenClassifierOutput
from dure.models.relative import RelativeBody, RelativeEncoder, RelativePreTrainedModel
from dure.models.seq2seq import has_padded_labels
from dure.models.seq2seq_heads import QuestionAnsweringHead, SequenceClassificationHead

__all__ = ["RelativeQuestionAnsweringHead", "RelativeSequenceClassificationHead", "RelativeTokenClassificationHead"]


class RelativeSequenceClassificationHead(RelativePreTrainedModel, SequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[RelativeBody]]
    shared_weights: ClassVar[dict[str, str]] = {
        "transformer.encoder.embed_tokens.weight": "transformer.shared.weight",
        "transformer.decoder.embed_tokens.weight": "transformer.shared.weight",
    }
    aliases: ClassVar[dict[str, str]] = shared_weights

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.transformer = self.body_class(config)
        self.classification_head = ClassificationHead(
            config.d_model, config.num_labels, activation_name="tanh", dropout=config.classifier_dropout
        )
        self.post_init()


class RelativeTokenClassificationHead(RelativePreTrainedModel):
    """A class for each token, read from the encoder."""

    body_class: ClassVar[type[RelativeEncoder]]
    shared_weights: ClassVar[dict[str, str]] = {"transformer.encoder.embed_tokens.weight": "transformer.shared.weight"}
    aliases: ClassVar[dict[str, str]] = shared_weights

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.transformer = self.body_class(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = Linear(config.d_model, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, num_labels)``; ``labels`` of -100 are left out of the loss."""
        body = self.transformer(
            input_ids,
            attention_mask,
            return_dict=True,
            keeps_padding=has_padded_labels(labels, attention_mask),
            **inputs,
        )
        logits = self.classifier(self.dropout(body.last_hidden_state))
        result = TokenClassifierOutput(token_loss(logits, labels), logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class RelativeQuestionAnsweringHead(QuestionAnsweringHead, RelativeBody):
    """Where in a text the answer to a question starts and ends."""

    def add_head(self) -> None:
        """The layer that gives start and end."""
        self.qa_outputs = Linear(self.config.d_model, self.config.num_labels)
