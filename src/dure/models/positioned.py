"""Encoder-decoders with a table of positions: what BART, mBART, Marian and LED share beside their configurations."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dure.layers.linear import Linear
from dure.layers.prediction import ClassificationHead
from dure.layers.table_positions import LearnedPositions, ScaledEmbedding
from dure.models.config import PretrainedConfig
from dure.models.generative import Generative
from dure.models.heads import token_loss
from dure.models.outputs import CausalLMOutputWithCrossAttentions
from dure.models.seq2seq import LanguageHead, Seq2SeqBody, Seq2SeqPreTrainedModel, has_padded_labels
from dure.models.seq2seq_heads import QuestionAnsweringHead, SequenceClassificationHead
from dure.models.seq2seq_stack import PositionedStack, Stack
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["POSITIONED_DEFAULTS", "PositionedBody", "PositionedCausalHead", "PositionedConfig",
           "PositionedLanguageHead", "PositionedPreTrainedModel", "PositionedQuestionAnsweringHead",
           "PositionedSequenceClassificationHead"]  # fmt: skip

#: Fields of all configurations, with the values of the largest BART.
POSITIONED_DEFAULTS: JsonObject = {
    "vocab_size": 50265,
    "max_position_embeddings": 1024,
    "encoder_layers": 12,
    "encoder_ffn_dim": 4096,
    "encoder_attention_heads": 16,
    "decoder_layers": 12,
    "decoder_ffn_dim": 4096,
    "decoder_attention_heads": 16,
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
    "activation_function": "gelu",
    "d_model": 1024,
    "dropout": 0.1,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "init_std": 0.02,
    "scale_embedding": False,
    "use_cache": True,
    "is_encoder_decoder": True,
}


class PositionedConfig(PretrainedConfig):
    """What the configurations share; ``num_hidden_layers`` is the encoder's."""

    attribute_map: ClassVar[dict[str, str]] = {
        "num_attention_heads": "encoder_attention_heads",
        "hidden_size": "d_model",
        "initializer_range": "init_std",
    }

    def __init__(self, **fields: Any) -> None:
        num_layers = fields.get("encoder_layers", self.defaults.get("encoder_layers"))
        super().__init__(**{"num_hidden_layers": num_layers, **fields})


class PositionedPreTrainedModel(Seq2SeqPreTrainedModel):
    """What bodies and heads share: the names of weights, and what the two stacks are made of."""

    base_model_prefix: ClassVar[str] = "model"
    renames: ClassVar[Renames] = Renames(
        ("attention.query", "self_attn.q_proj"),
        ("attention.key", "self_attn.k_proj"),
        ("attention.value", "self_attn.v_proj"),
        ("attention.output", "self_attn.out_proj"),
        ("attention_norm", "self_attn_layer_norm"),
        ("cross_attention.query", "encoder_attn.q_proj"),
        ("cross_attention.key", "encoder_attn.k_proj"),
        ("cross_attention.value", "encoder_attn.v_proj"),
        ("cross_attention.output", "encoder_attn.out_proj"),
        ("cross_norm", "encoder_attn_layer_norm"),
        ("feedforward.up", "fc1"),
        ("feedforward.down", "fc2"),
        ("feedforward_norm", "final_layer_norm"),
    )
    ignored_weights: ClassVar[tuple[str, ...]] = ("encoder.version", "decoder.version")
    spells_out_tables: ClassVar[bool] = True
    #: Norms before each part of a block and one after each stack; else behind each part.
    is_pre_norm: ClassVar[bool] = False

    @property
    def shared_weights(self) -> dict[str, str]:  # type: ignore[override]
        """One table of words for both stacks."""
        path = self._path_of_body
        return {f"{path}{side}.embed_tokens.weight": f"{path}shared.weight" for side in ("encoder", "decoder")}

    @property
    def aliases(self) -> dict[str, str]:  # type: ignore[override]
        """Some checkpoints hold the table only where it is read."""
        return self.shared_weights

    @property
    def _path_of_body(self) -> str:
        return "" if isinstance(self, Seq2SeqBody) else f"{self.base_model_prefix}."

    @classmethod
    def make_table(cls, config: PretrainedConfig) -> nn.Embedding:
        """The table of words."""
        scale = config.d_model**0.5 if config.scale_embedding else 1.0
        return ScaledEmbedding(config.vocab_size, config.d_model, padding_idx=config.pad_token_id, scale=scale)

    @classmethod
    def make_stack(cls, config: PretrainedConfig, table: nn.Embedding, *, is_decoder: bool) -> Stack:
        """Encoder or decoder that reads a table of words."""
        positions = LearnedPositions(config.max_position_embeddings, config.d_model)
        return PositionedStack(
            config, table, positions, is_decoder=is_decoder, max_positions=config.max_position_embeddings,
            is_pre_norm=cls.is_pre_norm,
        )  # fmt: skip


class PositionedBody(PositionedPreTrainedModel, Seq2SeqBody):
    """The body: two stacks that read one table of words."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.shared: nn.Embedding | None = self.make_table(config)
        self.encoder = self.make_stack(config, self.shared, is_decoder=False)
        self.decoder = self.make_stack(config, self.shared, is_decoder=True)
        self.post_init()


class PositionedLanguageHead(PositionedPreTrainedModel, LanguageHead):
    """Text to text; the logits of some checkpoints have a bias that isn't trained."""

    body_class: ClassVar[type[PositionedBody]]
    optional_weights: ClassVar[tuple[str, ...]] = ("final_logits_bias",)

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        body = self.body_class(config)
        setattr(self, self.base_model_prefix, body)
        vocab_size = body.decoder.embed_tokens.num_embeddings
        self.lm_head = Linear(config.d_model, vocab_size, bias=False)
        self.final_logits_bias: Tensor
        self.register_buffer("final_logits_bias", torch.zeros(1, vocab_size))
        self.post_init()

    @property
    def tied_weights(self) -> dict[str, str]:  # type: ignore[override]
        """The logits' weights are the table of words, if the configuration wants it."""
        return {"lm_head.weight": f"{self._path_of_body}shared.weight"}

    def to_logits(self, hidden: Tensor) -> Tensor:
        """``(batch, length, d_model)`` to ``(batch, length, vocab_size)``."""
        logits: Tensor = self.lm_head(hidden)
        bias = self.final_logits_bias
        if torch.is_grad_enabled() or logits.dtype != bias.dtype:  # autocast gives another precision than the sum has
            return logits + bias
        return logits.add_(bias)  # a vocabulary's logits are large, and nobody needs them without


class PositionedSequenceClassificationHead(PositionedPreTrainedModel, SequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[PositionedBody]]

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, self.body_class(config))
        self.classification_head = ClassificationHead(
            config.d_model, config.num_labels, activation_name="tanh", dropout=config.classifier_dropout
        )
        self.post_init()


class PositionedQuestionAnsweringHead(PositionedPreTrainedModel, QuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""

    body_class: ClassVar[type[PositionedBody]]

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        config.num_labels = 2
        setattr(self, self.base_model_prefix, self.body_class(config))
        self.qa_outputs = Linear(config.d_model, 2)
        self.post_init()


class _DecoderAlone(nn.Module):
    """The decoder under the name it has in the body."""

    def __init__(self, decoder: Stack) -> None:
        super().__init__()
        self.decoder = decoder


class PositionedCausalHead(PositionedPreTrainedModel, Generative):
    """The decoder alone, for the next word; it may be given an encoder's states."""

    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "model.decoder.embed_tokens.weight"}

    def __init__(self, config: PretrainedConfig) -> None:
        config.is_decoder, config.is_encoder_decoder = True, False
        super().__init__(config)
        self.model = _DecoderAlone(self.make_stack(config, self.make_table(config), is_decoder=True))
        self.lm_head = Linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()

    @property
    def shared_weights(self) -> dict[str, str]:  # type: ignore[override]
        """There is one stack alone."""
        return {}

    @property
    def max_positions(self) -> int | None:
        """Tokens of the longest text that is written, where a table of positions limits it."""
        return self.model.decoder.max_positions

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of words."""
        return self.model.decoder.embed_tokens

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``; ``labels``, not shifted, of -100 are left out of the loss.

        Other arguments are the decoder's.
        """
        body = self.model.decoder(
            input_ids,
            attention_mask,
            return_dict=True,
            keeps_padding=has_padded_labels(labels, attention_mask),
            **inputs,
        )
        logits = self.lm_head(body.last_hidden_state)
        result = CausalLMOutputWithCrossAttentions(
            token_loss(logits, labels), logits, body.past_key_values, body.hidden_states, body.attentions,
            body.cross_attentions,
        )  # fmt: skip
        return self.as_returned(result, return_dict)
