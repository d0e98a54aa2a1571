"""Llama: Touvron et al., "LLaMA: Open and Efficient Foundation Language Models" (2023), and Llama 2 and 3.

Read from top to bottom: configuration, block, body, heads. What it shares with its kin is in
:mod:`dure.models.rotary_decoder` and :mod:`dure.models.causal`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock
from dure.layers.feedforward import GatedFeedForward
from dure.layers.mask import Mask
from dure.layers.norm import RMSNorm
from dure.models.causal import CausalLM, QuestionHead, SequenceHead, TokenHead
from dure.models.config import PretrainedConfig
from dure.models.pretrained import PreTrainedModel
from dure.models.rotary_decoder import BLOCK_NAMES, RotaryDecoder
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["LlamaConfig", "LlamaForCausalLM", "LlamaForQuestionAnswering", "LlamaForSequenceClassification",
           "LlamaForTokenClassification", "LlamaModel"]  # fmt: skip


class LlamaConfig(PretrainedConfig):
    """Configuration of a Llama; the defaults are those of the first one with 7 billion parameters."""

    model_type: ClassVar[str] = "llama"
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 32000,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": None,
        "hidden_act": "silu",
        "max_position_embeddings": 2048,
        "initializer_range": 0.02,
        "rms_norm_eps": 1e-6,
        "use_cache": True,
        "pad_token_id": None,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pretraining_tp": 1,
        "tie_word_embeddings": False,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "mlp_bias": False,
        "head_dim": None,
    }

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.num_key_value_heads: int
        self.head_dim: int
        if self.num_key_value_heads is None:
            self.num_key_value_heads = self.num_attention_heads
        if self.head_dim is None:
            self.head_dim = self.hidden_size // self.num_attention_heads


def block(config: PretrainedConfig, layer: int) -> DecoderBlock:
    """One block: causal attention with shared keys, and a gated feed-forward layer, each behind a norm."""
    size = config.hidden_size
    attention = Attention(
        size, config.num_attention_heads, config.attention_dropout, num_key_value_heads=config.num_key_value_heads,
        head_size=config.head_dim, has_bias=config.attention_bias, mask=Mask(is_causal=True), layer=layer,
    )  # fmt: skip
    feedforward = GatedFeedForward(
        size, config.intermediate_size, activation_name=config.hidden_act, has_bias=config.mlp_bias
    )
    return DecoderBlock(attention, RMSNorm(size, config.rms_norm_eps), feedforward, RMSNorm(size, config.rms_norm_eps))


class LlamaPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = LlamaConfig
    base_model_prefix: ClassVar[str] = "model"
    renames: ClassVar[Renames] = BLOCK_NAMES
    ignored_weights: ClassVar[tuple[str, ...]] = ("rotary_emb.inv_freq",)


class LlamaModel(LlamaPreTrainedModel, RotaryDecoder):
    """The body: ids in, hidden states out."""

    def __init__(self, config: LlamaConfig) -> None:
        blocks = (block(config, layer) for layer in range(config.num_hidden_layers))
        super().__init__(config, blocks, RMSNorm(config.hidden_size, config.rms_norm_eps))


class LlamaForCausalLM(LlamaPreTrainedModel, CausalLM):
    """The next word at each position."""

    body_class: ClassVar[type[PreTrainedModel]] = LlamaModel
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "model.embed_tokens.weight"}


class LlamaForSequenceClassification(LlamaPreTrainedModel, SequenceHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[PreTrainedModel]] = LlamaModel


class LlamaForTokenClassification(LlamaPreTrainedModel, TokenHead):
    """A class for each token."""

    body_class: ClassVar[type[PreTrainedModel]] = LlamaModel


class LlamaForQuestionAnswering(LlamaPreTrainedModel, QuestionHead):
    """Where an answer starts and ends."""

    base_model_prefix: ClassVar[str] = "transformer"
    body_class: ClassVar[type[PreTrainedModel]] = LlamaModel
