"""BERT: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2018), https://arxiv.org/abs/1810.04805.

Read from top to bottom: configuration, embeddings, body, heads. Blocks are in :mod:`dure.layers.block`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dure.errors import ConfigError
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

__all__ = ["BertConfig", "BertForMaskedLM", "BertForMultipleChoice", "BertForQuestionAnswering",
           "BertForSequenceClassification", "BertForTokenClassification", "BertModel"]  # fmt: skip


class BertConfig(PretrainedConfig):
    """Configuration of a BERT; the defaults are those of bert-base-uncased."""

    model_type: ClassVar[str] = "bert"
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 30522,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "use_cache": True,
        "classifier_dropout": None,
    }
    only: ClassVar[JsonObject] = {"position_embedding_type": "absolute"}


class Embeddings(nn.Module):
    """Word, position and segment, summed and normed."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.word_embeddings = Embedding(config.vocab_size, size, padding_idx=config.pad_token_id)
        self.position_embeddings = Embedding(config.max_position_embeddings, size)
        self.token_type_embeddings = Embedding(config.type_vocab_size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = config.hidden_dropout_prob

    def forward(self, words: Tensor, types: Tensor | None, positions: Tensor) -> Tensor:
        """Packed words ``(num_tokens, hidden_size)``, segments and positions ``(num_tokens,)`` to hidden states."""
        kinds = self.token_type_embeddings.weight[0] if types is None else self.token_type_embeddings(types)
        hidden = self.LayerNorm(words + self.position_embeddings(positions) + kinds)
        return drop(hidden, self.dropout, self.training)


class Pooler(nn.Module):
    """The state of the first token, through one more layer: what next-sentence prediction was trained on."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(batch, length, hidden_size)`` to ``(batch, hidden_size)``."""
        return torch.tanh(self.dense(hidden[:, 0]))


class BertPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = BertConfig
    base_model_prefix: ClassVar[str] = "bert"
    renames: ClassVar[Renames] = Renames(
        ("attention.query", "attention.self.query"),
        ("attention.key", "attention.self.key"),
        ("attention.value", "attention.self.value"),
        ("attention.output", "attention.output.dense"),
        ("attention_norm", "attention.output.LayerNorm"),
        ("up", "intermediate.dense"),
        ("down", "output.dense"),
        ("output_norm", "output.LayerNorm"),
        ("cls.dense", "cls.predictions.transform.dense"),
        ("cls.norm", "cls.predictions.transform.LayerNorm"),
        ("cls.decoder", "cls.predictions.decoder"),
    )
    ignored_weights: ClassVar[tuple[str, ...]] = ("position_ids", "seq_relationship.weight", "seq_relationship.bias")


class BertModel(BertPreTrainedModel):
    """The body: ids in, hidden states out.

    Args:
        config: The configuration.
        add_pooling_layer: Whether the pooler is there; heads that read every token have none.
    """

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        if getattr(config, "is_decoder", False):
            raise ConfigError("is_decoder True is not supported for bert's encoder, only False; use BertLMHeadModel")
        self.embeddings = Embeddings(config)
        self.encoder = EncoderStack(
            config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size,
            activation_name=config.hidden_act, dropout=config.hidden_dropout_prob,
            attention_dropout=config.attention_probs_dropout_prob, epsilon=config.layer_norm_eps,
        )  # fmt: skip
        self.pooler = Pooler(config) if add_pooling_layer else None
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
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
            token_type_ids: ``(batch, length)``, 0 for the first text and 1 for the second.
            position_ids: ``(batch, length)`` or ``(1, length)``; by default 0, 1, 2, ...
            inputs_embeds: ``(batch, length, hidden_size)`` in place of ``input_ids``.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            keeps_padding: Compute padding too, for a loss that reads every position.
            is_first_only: Return states of the first token alone, ``(batch, 1, hidden_size)``; saves most of a block.
        """
        config = self.config
        check_inputs(
            input_ids, inputs_embeds, attention_mask, vocab_size=config.vocab_size,
            max_positions=config.max_position_embeddings, token_type_ids=token_type_ids,
            num_types=config.type_vocab_size, position_ids=position_ids,
        )  # fmt: skip
        if inputs_embeds is None:
            inputs_embeds = self.embeddings.word_embeddings(input_ids)
        batch_size, length = inputs_embeds.shape[:2]
        packing = Packing.from_mask(attention_mask, batch_size, length, keeps_padding=keeps_padding)
        words = packing.pack(inputs_embeds)
        types = None if token_type_ids is None else packing.pack(token_type_ids)
        positions = (
            packing.position_ids(words.device)
            if position_ids is None
            else packing.pack(position_ids.expand(batch_size, length))
        )
        hidden = self.embeddings(words, types, positions)
        last, states, weights = self.encoder(
            hidden, packing, is_first_only=is_first_only,
            wants_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            wants_weights=config.output_attentions if output_attentions is None else output_attentions,
        )  # fmt: skip
        pooled = self.pooler(last) if self.pooler else None
        result = outputs.BaseModelOutputWithPoolingAndCrossAttentions(last, pooled, states, weights)
        return self.as_returned(result, return_dict)


class BertForSequenceClassification(BertPreTrainedModel):
    """A class, several yes/no answers, or a number for each text."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(_head_dropout(config))
        self.classifier = Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, num_labels)``; with ``labels`` the loss too. Other arguments are the body's."""
        body = self.bert(input_ids, attention_mask, token_type_ids, return_dict=True, is_first_only=True, **inputs)
        logits = self.classifier(self.dropout(body.pooler_output))
        loss = classification_loss(logits, labels, self.config)
        result = outputs.SequenceClassifierOutput(loss, logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class BertForTokenClassification(BertPreTrainedModel):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(_head_dropout(config))
        self.classifier = Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, num_labels)``; ``labels`` of -100 are left out of the loss."""
        body = self.bert(input_ids, attention_mask, token_type_ids, return_dict=True, **inputs)
        logits = self.classifier(self.dropout(body.last_hidden_state))
        result = outputs.TokenClassifierOutput(token_loss(logits, labels), logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class BertForQuestionAnswering(BertPreTrainedModel):
    """Where in a text the answer to a question starts and ends."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.qa_outputs = Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, start_positions: Tensor | None = None,
                end_positions: Tensor | None = None, return_dict: bool | None = None,
                **inputs: Any) -> Any:  # fmt: skip
        """Start and end logits ``(batch, length)``."""
        # The loss is a softmax over all positions, padding included.
        has_labels = start_positions is not None
        body = self.bert(
            input_ids, attention_mask, token_type_ids, return_dict=True, keeps_padding=has_labels, **inputs
        )
        start, end = self.qa_outputs(body.last_hidden_state).unbind(-1)
        loss = span_loss(start, end, start_positions, end_positions)
        result = outputs.QuestionAnsweringModelOutput(loss, start, end, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class BertForMaskedLM(BertPreTrainedModel):
    """A word for each masked position."""

    tied_weights: ClassVar[dict[str, str]] = {"cls.decoder.weight": "bert.embeddings.word_embeddings.weight"}
    aliases: ClassVar[dict[str, str]] = {"cls.predictions.bias": "cls.predictions.decoder.bias"}

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = VocabularyHead(
            config.hidden_size, config.vocab_size, activation_name=config.hidden_act, epsilon=config.layer_norm_eps
        )
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that gives logits over the vocabulary."""
        return self.cls.decoder

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``; ``labels`` of -100 are left out of the loss."""
        body = self.bert(input_ids, attention_mask, token_type_ids, return_dict=True, **inputs)
        logits = self.cls(body.last_hidden_state)
        result = outputs.MaskedLMOutput(token_loss(logits, labels), logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class BertForMultipleChoice(BertPreTrainedModel):
    """The best of several continuations of a text."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(_head_dropout(config))
        self.classifier = Linear(config.hidden_size, 1)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, num_choices)`` from inputs of shape ``(batch, num_choices, length)``."""
        check_choices(input_ids)
        num_choices = input_ids.shape[1]
        flat = [None if x is None else x.flatten(0, 1) for x in (input_ids, attention_mask, token_type_ids)]
        body = self.bert(*flat, return_dict=True, is_first_only=True, **inputs)
        logits = self.classifier(self.dropout(body.pooler_output)).view(-1, num_choices)
        result = outputs.MultipleChoiceModelOutput(
            choice_loss(logits, labels), logits, body.hidden_states, body.attentions
        )
        return self.as_returned(result, return_dict)


def _head_dropout(config: PretrainedConfig) -> float:
    return config.hidden_dropout_prob if config.classifier_dropout is None else float(config.classifier_dropout)
