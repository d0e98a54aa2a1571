"""DistilBERT: Sanh et al., "DistilBERT, a distilled version of BERT" (2019), https://arxiv.org/abs/1910.01108.

BERT with half the blocks, without segments and without a pooler. Read from top to bottom: configuration, embeddings,
body, heads.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from dure.layers.block import EncoderStack
from dure.layers.dropout import dropout as drop
from dure.layers.embedding import Embedding
from dure.layers.linear import Linear
from dure.layers.packing import Packing
from dure.layers.prediction import VocabularyHead
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.heads import choice_loss, classification_loss, span_loss, token_loss
from dure.models.inputs import check_choices, check_inputs
from dure.models.pretrained import PreTrainedModel
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["DistilBertConfig", "DistilBertForMaskedLM", "DistilBertForMultipleChoice", "DistilBertForQuestionAnswering",
           "DistilBertForSequenceClassification", "DistilBertForTokenClassification", "DistilBertModel"]  # fmt: skip

#: What the norms add to the variance; the family's configuration has no field for it.
EPSILON = 1e-12


class DistilBertConfig(PretrainedConfig):
    """Configuration of a DistilBERT; the defaults are those of distilbert-base-uncased."""

    model_type: ClassVar[str] = "distilbert"
    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "dim",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
        "intermediate_size": "hidden_dim",
    }
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 30522,
        "max_position_embeddings": 512,
        "sinusoidal_pos_embds": False,
        "n_layers": 6,
        "n_heads": 12,
        "dim": 768,
        "hidden_dim": 3072,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "activation": "gelu",
        "initializer_range": 0.02,
        "qa_dropout": 0.1,
        "seq_classif_dropout": 0.2,
        "pad_token_id": 0,
    }


class Embeddings(nn.Module):
    """Word and position, summed and normed."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.word_embeddings = Embedding(config.vocab_size, config.dim, padding_idx=config.pad_token_id)
        self.position_embeddings = Embedding(config.max_position_embeddings, config.dim)
        self.LayerNorm = nn.LayerNorm(config.dim, eps=EPSILON)
        self.dropout = config.dropout

    def forward(self, words: Tensor, positions: Tensor) -> Tensor:
        """Packed word embeddings ``(num_tokens, dim)`` and positions ``(num_tokens,)`` to hidden states."""
        return drop(self.LayerNorm(words + self.position_embeddings(positions)), self.dropout, self.training)


class DistilBertPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = DistilBertConfig
    base_model_prefix: ClassVar[str] = "distilbert"
    renames: ClassVar[Renames] = Renames(
        ("attention.query", "attention.q_lin"),
        ("attention.key", "attention.k_lin"),
        ("attention.value", "attention.v_lin"),
        ("attention.output", "attention.out_lin"),
        ("attention_norm", "sa_layer_norm"),
        ("up", "ffn.lin1"),
        ("down", "ffn.lin2"),
        ("output_norm", "output_layer_norm"),
        ("predictions.dense", "vocab_transform"),
        ("predictions.norm", "vocab_layer_norm"),
        ("predictions.decoder", "vocab_projector"),
    )


class DistilBertModel(DistilBertPreTrainedModel):
    """The body: ids in, hidden states out."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.transformer = EncoderStack(
            config.n_layers, config.dim, config.n_heads, config.hidden_dim, activation_name=config.activation,
            dropout=config.dropout, attention_dropout=config.attention_dropout, epsilon=EPSILON,
        )  # fmt: skip
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        keeps_padding: bool = False,
        is_first_only: bool = False,
    ) -> Any:
        """Hidden states of a padded batch; padding is left out inside.

        Args:
            input_ids: ``(batch, length)``.
            attention_mask: ``(batch, length)``, 0 for padding.
            inputs_embeds: ``(batch, length, dim)`` in place of ``input_ids``.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            keeps_padding: Compute padding too, for a loss that reads every position.
            is_first_only: Return states of the first token alone, ``(batch, 1, hidden_size)``; saves most of a block.
        """
        config = self.config
        check_inputs(
            input_ids, inputs_embeds, attention_mask, vocab_size=config.vocab_size,
            max_positions=config.max_position_embeddings,
        )  # fmt: skip
        if inputs_embeds is None:
            inputs_embeds = self.embeddings.word_embeddings(input_ids)
        batch_size, length = inputs_embeds.shape[:2]
        packing = Packing.from_mask(attention_mask, batch_size, length, keeps_padding=keeps_padding)
        words = packing.pack(inputs_embeds)
        hidden = self.embeddings(words, packing.position_ids(words.device))
        last, states, weights = self.transformer(
            hidden, packing, is_first_only=is_first_only,
            wants_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            wants_weights=config.output_attentions if output_attentions is None else output_attentions,
        )  # fmt: skip
        return self.as_returned(outputs.BaseModelOutput(last, states, weights), return_dict)


class DistilBertForSequenceClassification(DistilBertPreTrainedModel):
    """A class, several yes/no answers, or a number for each text."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.pre_classifier = Linear(config.dim, config.dim)
        self.classifier = Linear(config.dim, config.num_labels)
        self.dropout = nn.Dropout(config.seq_classif_dropout)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, num_labels)``; with ``labels`` the loss too. Other arguments are the body's."""
        body = self.distilbert(input_ids, attention_mask, return_dict=True, is_first_only=True, **inputs)
        pooled = self.dropout(F.relu(self.pre_classifier(body.last_hidden_state[:, 0])))
        logits = self.classifier(pooled)
        loss = classification_loss(logits, labels, self.config)
        result = outputs.SequenceClassifierOutput(loss, logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class DistilBertForTokenClassification(DistilBertPreTrainedModel):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = Linear(config.dim, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, num_labels)``; ``labels`` of -100 are left out of the loss."""
        body = self.distilbert(input_ids, attention_mask, return_dict=True, **inputs)
        logits = self.classifier(self.dropout(body.last_hidden_state))
        result = outputs.TokenClassifierOutput(token_loss(logits, labels), logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class DistilBertForQuestionAnswering(DistilBertPreTrainedModel):
    """Where in a text the answer to a question starts and ends."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.qa_outputs = Linear(config.dim, config.num_labels)
        self.dropout = nn.Dropout(config.qa_dropout)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                start_positions: Tensor | None = None, end_positions: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Start and end logits ``(batch, length)``."""
        # The loss is a softmax over all positions, padding included.
        has_labels = start_positions is not None
        body = self.distilbert(input_ids, attention_mask, return_dict=True, keeps_padding=has_labels, **inputs)
        start, end = self.qa_outputs(self.dropout(body.last_hidden_state)).unbind(-1)
        loss = span_loss(start, end, start_positions, end_positions)
        result = outputs.QuestionAnsweringModelOutput(loss, start, end, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class DistilBertForMaskedLM(DistilBertPreTrainedModel):
    """A word for each masked position."""

    tied_weights: ClassVar[dict[str, str]] = {
        "predictions.decoder.weight": "distilbert.embeddings.word_embeddings.weight"
    }

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.predictions = VocabularyHead(
            config.dim, config.vocab_size, activation_name=config.activation, epsilon=EPSILON
        )
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that gives logits over the vocabulary."""
        return self.predictions.decoder

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``; ``labels`` of -100 are left out of the loss."""
        body = self.distilbert(input_ids, attention_mask, return_dict=True, **inputs)
        logits = self.predictions(body.last_hidden_state)
        result = outputs.MaskedLMOutput(token_loss(logits, labels), logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class DistilBertForMultipleChoice(DistilBertPreTrainedModel):
    """The best of several continuations of a text."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.pre_classifier = Linear(config.dim, config.dim)
        self.classifier = Linear(config.dim, 1)
        self.dropout = nn.Dropout(config.seq_classif_dropout)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, num_choices)`` from inputs of shape ``(batch, num_choices, length)``."""
        check_choices(input_ids)
        num_choices = input_ids.shape[1]
        mask = None if attention_mask is None else attention_mask.flatten(0, 1)
        body = self.distilbert(input_ids.flatten(0, 1), mask, return_dict=True, is_first_only=True, **inputs)
        pooled = self.dropout(F.relu(self.pre_classifier(body.last_hidden_state[:, 0])))
        logits = self.classifier(pooled).view(-1, num_choices)
        result = outputs.MultipleChoiceModelOutput(
            choice_loss(logits, labels), logits, body.hidden_states, body.attentions
        )
        return self.as_returned(result, return_dict)
