"""The body of BERT's kin: what their families share once each has said which parts it is made of."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.block import EncoderStack
from dure.layers.embedding import TextEmbeddings
from dure.layers.packing import Packing
from dure.layers.prediction import Pooler, VocabularyHead
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.inputs import check_inputs
from dure.models.pretrained import PreTrainedModel
from dure.typing import JsonObject

__all__ = ["BLOCK_NAMES", "FIELDS", "EncoderModel", "embeddings_of", "head_dropout", "stack_of", "words_of"]

#: Fields that BERT's configuration and most of its kin's have, with the defaults they share.
FIELDS: JsonObject = {
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

#: Names of a block's weights: ours, and those of BERT and most of its kin.
BLOCK_NAMES = (
    ("attention.query", "attention.self.query"),
    ("attention.key", "attention.self.key"),
    ("attention.value", "attention.self.value"),
    ("attention.output", "attention.output.dense"),
    ("attention_norm", "attention.output.LayerNorm"),
    ("up", "intermediate.dense"),
    ("down", "output.dense"),
    ("output_norm", "output.LayerNorm"),
)


def embeddings_of(config: PretrainedConfig, *, size: int | None = None, skips_padding: bool = False) -> TextEmbeddings:
    """The embeddings that a configuration with BERT's fields describes.

    Args:
        config: The configuration.
        size: Width of the tables, where it isn't ``hidden_size``.
        skips_padding: As for :class:`TextEmbeddings`.
    """
    return TextEmbeddings(
        config.hidden_size if size is None else size, config.vocab_size, config.max_position_embeddings,
        config.type_vocab_size, padding_idx=config.pad_token_id, epsilon=config.layer_norm_eps,
        dropout=config.hidden_dropout_prob, skips_padding=skips_padding,
    )  # fmt: skip


def stack_of(config: PretrainedConfig) -> EncoderStack:
    """The blocks that a configuration with BERT's fields describes."""
    return EncoderStack(
        config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size,
        activation_name=config.hidden_act, dropout=config.hidden_dropout_prob,
        attention_dropout=config.attention_probs_dropout_prob, epsilon=config.layer_norm_eps,
    )  # fmt: skip


def words_of(
    config: PretrainedConfig, *, activation_name: str | None = None, table_size: int | None = None
) -> VocabularyHead:
    """The head over words that a configuration with BERT's fields describes.

    Args:
        config: The configuration.
        activation_name: Of its layer, where it isn't ``hidden_act``.
        table_size: Width of the table of words, where it isn't ``hidden_size``.
    """
    return VocabularyHead(
        config.hidden_size, config.vocab_size, activation_name=activation_name or config.hidden_act,
        epsilon=config.layer_norm_eps, table_size=table_size,
    )  # fmt: skip


def head_dropout(config: PretrainedConfig) -> float:
    """Probability of dropping a value before a classifier: the configuration's own, or that of the body."""
    return float(config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout)


class EncoderModel(PreTrainedModel):
    """Ids in, hidden states out.

    A family's constructor sets ``embeddings``, ``encoder``, and what it has of ``pooler`` and ``embeddings_project``.
    """

    embeddings: TextEmbeddings
    encoder: nn.Module

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        if getattr(config, "is_decoder", False):
            raise ConfigError(
                f"is_decoder True is not supported for {config.model_type}'s encoder, only False; load it with "
                "AutoModelForCausalLM"
            )
        self.pooler: Pooler | None = None
        # From the width of the tables to that of a token, where they differ.
        self.embeddings_project: nn.Module | None = None

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
        **others: Any,
    ) -> Any:
        """Hidden states of a padded batch; padding is left out inside.

        Args:
            input_ids: ``(batch, length)``.
            attention_mask: ``(batch, length)``, 0 for padding.
            token_type_ids: ``(batch, length)``, 0 for the first text and 1 for the second.
            position_ids: ``(batch, length)`` or ``(1, length)``; by default what the family counts.
            inputs_embeds: ``(batch, length, width of the tables)`` in place of ``input_ids``.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            keeps_padding: Compute padding too, for a loss that reads every position.
            is_first_only: Return states of the first token alone, ``(batch, 1, hidden_size)``; saves most of a block.
            **others: What the family's :meth:`seen_by_blocks` takes.
        """
        config = self.config
        check_inputs(
            input_ids, inputs_embeds, attention_mask, vocab_size=config.vocab_size,
            max_positions=config.max_position_embeddings, token_type_ids=token_type_ids,
            num_types=config.type_vocab_size, position_ids=position_ids, first_position=self.embeddings.first_position,
        )  # fmt: skip
        if inputs_embeds is None:
            inputs_embeds = self.embeddings.word_embeddings(input_ids)
        batch_size, length = inputs_embeds.shape[:2]
        packing = Packing.from_mask(attention_mask, batch_size, length, keeps_padding=keeps_padding)
        seen = self.seen_by_blocks(attention_mask, (batch_size, length), **others)
        if position_ids is None:
            position_ids = self.embeddings.positions(input_ids, batch_size, length)
        positions = (
            packing.position_ids(inputs_embeds.device)
            if position_ids is None
            else packing.pack(position_ids.expand(batch_size, length))
        )
        types = None if token_type_ids is None else packing.pack(token_type_ids)
        hidden = self.embeddings(packing.pack(inputs_embeds), types, positions)
        if self.embeddings_project is not None:
            hidden = self.embeddings_project(hidden)
        last, states, weights = self.encoder(
            hidden, packing, is_first_only=is_first_only, **seen,
            wants_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            wants_weights=config.output_attentions if output_attentions is None else output_attentions,
        )  # fmt: skip
        pooled = self.pooler(last) if self.pooler is not None else None
        return self.as_returned(self.result_of(last, pooled, states, weights), return_dict)

    def seen_by_blocks(self, attention_mask: Tensor | None, shape: tuple[int, int]) -> JsonObject:  # noqa: ARG002
        """What the family's attention takes beside the packed tokens, by name; ``shape`` is that of the texts."""
        return {}

    def result_of(self, last: Tensor, pooled: Tensor | None, states: Any, weights: Any) -> outputs.ModelOutput:
        """The output, from the last state, the pooled one, all states and all attention weights."""
        return outputs.BaseModelOutputWithPoolingAndCrossAttentions(last, pooled, states, weights)
