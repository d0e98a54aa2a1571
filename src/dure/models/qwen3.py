"""Qwen3: Yang et al., "Qwen3 Technical Report" (2025), https://arxiv.org/abs/2505.09388: queries and keys are normed.

Read from top to bottom: configuration, block, body, heads. What it shares with its kin is in
:mod:`dure.models.rotary_decoder` and :mod:`dure.models.causal`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock
from dure.layers.feedforward import GatedFeedForward
from dure.layers.norm import RMSNorm
from dure.models.causal import CausalLM, QuestionHead, SequenceHead, TokenHead
from dure.models.config import PretrainedConfig
from dure.models.pretrained import PreTrainedModel
from dure.models.rotary_decoder import BLOCK_NAMES, RotaryDecoder, mask_of, set_windows
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["Qwen3Config", "Qwen3ForCausalLM", "Qwen3ForQuestionAnswering", "Qwen3ForSequenceClassification",
           "Qwen3ForTokenClassification", "Qwen3Model"]  # fmt: skip


class Qwen3Config(PretrainedConfig):
    """Configuration of a Qwen3; the defaults are those of the one with 8 billion parameters."""

    model_type: ClassVar[str] = "qwen3"
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 22016,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "head_dim": 128,
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "initializer_range": 0.02,
        "rms_norm_eps": 1e-06,
        "use_cache": True,
        "tie_word_embeddings": False,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "attention_bias": False,
        "use_sliding_window": False,
        "sliding_window": 4096,
        "max_window_layers": 28,
        "layer_types": None,
        "attention_dropout": 0.0,
    }

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        set_windows(self)


def block(config: PretrainedConfig, layer: int) -> DecoderBlock:
    """One block: causal attention with normed queries and keys, and a gated feed-forward layer, each behind a norm."""
    size, epsilon = config.hidden_size, config.rms_norm_eps
    attention = Attention(
        size, config.num_attention_heads, config.attention_dropout, num_key_value_heads=config.num_key_value_heads,
        head_size=config.head_dim, has_bias=config.attention_bias, mask=mask_of(config, layer), layer=layer,
        query_norm=RMSNorm(config.head_dim, epsilon), key_norm=RMSNorm(config.head_dim, epsilon),
    )  # fmt: skip
    feedforward = GatedFeedForward(size, config.intermediate_size, activation_name=config.hidden_act)
    return DecoderBlock(attention, RMSNorm(size, epsilon), feedforward, RMSNorm(size, epsilon))


class Qwen3PreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = Qwen3Config
    base_model_prefix: ClassVar[str] = "model"
    renames: ClassVar[Renames] = BLOCK_NAMES
    ignored_weights: ClassVar[tuple[str, ...]] = ("rotary_emb.inv_freq",)


class Qwen3Model(Qwen3PreTrainedModel, RotaryDecoder):
    """The body: ids in, hidden states out."""

    def __init__(self, config: Qwen3Config) -> None:
        blocks = (block(config, layer) for layer in range(config.num_hidden_layers))
        super().__init__(config, blocks, RMSNorm(config.hidden_size, config.rms_norm_eps))


class Qwen3ForCausalLM(Qwen3PreTrainedModel, CausalLM):
    """The next word at each position."""

    body_class: ClassVar[type[PreTrainedModel]] = Qwen3Model
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "model.embed_tokens.weight"}


class Qwen3ForSequenceClassification(Qwen3PreTrainedModel, SequenceHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[PreTrainedModel]] = Qwen3Model


class Qwen3ForTokenClassification(Qwen3PreTrainedModel, TokenHead):
    """A class for each token."""

    body_class: ClassVar[type[PreTrainedModel]] = Qwen3Model


class Qwen3ForQuestionAnswering(Qwen3PreTrainedModel, QuestionHead):
    """Where an answer starts and ends."""

    base_model_prefix: ClassVar[str] = "transformer"
    body_class: ClassVar[type[PreTrainedModel]] = Qwen3Model
