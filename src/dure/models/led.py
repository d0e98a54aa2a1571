"""LED: Beltagy et al., "Longformer: The Long-Document Transformer" (2020), https://arxiv.org/abs/2004.05150, section 7.

BART whose encoder reads long texts: a token sees its neighbours and a few global tokens. Weight names and constructors
are in :mod:`dure.models.positioned`, that attention is in :mod:`dure.layers.window_attention`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.embedding import Embedding
from dure.layers.window_attention import GlobalTokens, WindowAttention
from dure.models.config import PretrainedConfig
from dure.models.positioned import (
    POSITIONED_DEFAULTS,
    PositionedBody,
    PositionedConfig,
    PositionedLanguageHead,
    PositionedPreTrainedModel,
    PositionedQuestionAnsweringHead,
    PositionedSequenceClassificationHead,
)
from dure.models.seq2seq import StackRenames
from dure.models.seq2seq_stack import PositionedStack, Stack
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["LEDConfig", "LEDForConditionalGeneration", "LEDForQuestionAnswering", "LEDForSequenceClassification",
           "LEDModel"]  # fmt: skip

_INHERITED = {name: value for name, value in POSITIONED_DEFAULTS.items() if name not in
              {"max_position_embeddings", "scale_embedding"}}  # fmt: skip


class LEDConfig(PositionedConfig):
    """Configuration of an LED; the defaults are those of allenai/led-large-16384."""

    model_type: ClassVar[str] = "led"
    attribute_map: ClassVar[dict[str, str]] = {
        **PositionedConfig.attribute_map,
        "attention_probs_dropout_prob": "attention_dropout",
    }
    defaults: ClassVar[JsonObject] = {
        **_INHERITED,
        "max_encoder_position_embeddings": 16384,
        "max_decoder_position_embeddings": 1024,
        "classifier_dropout": 0.0,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "decoder_start_token_id": 2,
        "attention_window": 512,
    }


class LEDStack(PositionedStack):
    """A stack whose positions start at the table's first row.

    Args:
        config: The configuration.
        table: The table of words.
        is_decoder: Whether it is the decoder.
    """

    def __init__(self, config: PretrainedConfig, table: nn.Embedding, *, is_decoder: bool) -> None:
        side = "decoder" if is_decoder else "encoder"
        count = getattr(config, f"max_{side}_position_embeddings")
        positions = Embedding(count, config.d_model)
        super().__init__(config, table, positions, is_decoder=is_decoder, max_positions=count)


class LEDEncoder(LEDStack):
    """The encoder: each block has a window of its own."""

    def __init__(self, config: PretrainedConfig, table: nn.Embedding) -> None:
        window, count = config.attention_window, config.encoder_layers
        if isinstance(window, int):
            config.attention_window = [window] * count
        elif not isinstance(window, list | tuple) or len(window) != count:
            raise ConfigError(f"attention_window is {window!r}; expected an even number, or {count}, one a layer")
        super().__init__(config, table, is_decoder=False)

    def make_attention(self, num_heads: int, layer: int) -> nn.Module:
        """What looks at the text, for one block."""
        config = self.config
        return WindowAttention(config.d_model, num_heads, config.attention_dropout, config.attention_window[layer])

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                global_attention_mask: Tensor | None = None, *, inputs_embeds: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Hidden states of a padded batch.

        Args:
            input_ids: ``(batch, length)``.
            attention_mask: ``(batch, length)``, 0 for padding.
            global_attention_mask: ``(batch, length)``, 1 for tokens that see all and are seen by all.
            inputs_embeds: ``(batch, length, d_model)`` in place of ``input_ids``.
            return_dict: False for a plain tuple.
            **inputs: What else a stack takes, :meth:`dure.models.seq2seq_stack.Stack.forward`.
        """
        given = input_ids if input_ids is not None else inputs_embeds
        tokens = None
        if given is not None and given.dim() > 1:  # else the stack says what is wrong
            tokens = GlobalTokens.from_masks(global_attention_mask, attention_mask, (given.shape[0], given.shape[1]))
        result = super().forward(
            input_ids, attention_mask, inputs_embeds=inputs_embeds, return_dict=True, global_tokens=tokens, **inputs
        )
        if result.attentions is not None:
            weights = result.attentions
            result.attentions = tuple(seen.near for seen in weights)
            result.global_attentions = None if tokens is None else tuple(seen.of_global for seen in weights)
        return result if (self.config.use_return_dict if return_dict is None else return_dict) else result.to_tuple()


class LEDPreTrainedModel(PositionedPreTrainedModel):
    """What the body and all heads share: the configuration's class, the names of weights, and the stacks."""

    config_class: ClassVar[type[PretrainedConfig]] = LEDConfig
    base_model_prefix: ClassVar[str] = "led"
    renames: ClassVar[Renames] = StackRenames(
        Renames(
            *((f"attention.{name}", f"self_attn.longformer_self_attn.{name}")
              for name in ("query", "key", "value", "query_global", "key_global", "value_global")),
            ("attention.output", "self_attn.output"),
            *PositionedPreTrainedModel.renames.pairs,
        ),
        PositionedPreTrainedModel.renames,
    )  # fmt: skip

    @classmethod
    def make_table(cls, config: PretrainedConfig) -> nn.Embedding:
        """The table of words."""
        return Embedding(config.vocab_size, config.d_model, padding_idx=config.pad_token_id)

    @classmethod
    def make_stack(cls, config: PretrainedConfig, table: nn.Embedding, *, is_decoder: bool) -> Stack:
        """Encoder or decoder that reads a table of words."""
        return LEDStack(config, table, is_decoder=True) if is_decoder else LEDEncoder(config, table)


class LEDModel(LEDPreTrainedModel, PositionedBody):
    """The body: ids in, hidden states out; ``global_attention_mask`` says which tokens see all."""


class LEDForConditionalGeneration(LEDPreTrainedModel, PositionedLanguageHead):
    """Text to text: summaries of long texts."""

    body_class: ClassVar[type[PositionedBody]] = LEDModel


class LEDForSequenceClassification(LEDPreTrainedModel, PositionedSequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text, read from the state of its end token."""

    body_class: ClassVar[type[PositionedBody]] = LEDModel


class LEDForQuestionAnswering(LEDPreTrainedModel, PositionedQuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""

    body_class: ClassVar[type[PositionedBody]] = LEDModel
