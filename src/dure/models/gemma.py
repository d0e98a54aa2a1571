"""Gemma: Gemma Team, "Gemma: Open Models Based on Gemini Research and Technology" (2024), https://arxiv.org/abs/2403.08295.

Read from top to bottom: configuration, block, body, heads. What it shares with its kin is in
:mod:`dure.models.rotary_decoder` and :mod:`dure.models.causal`.
"""

from __future__ import annotations

from typing import ClassVar

from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock
from dure.layers.feedforward import GatedFeedForward
from dure.layers.mask import Mask
from dure.layers.norm import RMSNorm
from dure.models.causal import CausalLM, SequenceHead, TokenHead
from dure.models.config import PretrainedConfig
from dure.models.pretrained import PreTrainedModel
from dure.models.rotary_decoder import BLOCK_NAMES, RotaryDecoder
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["GemmaConfig", "GemmaForCausalLM", "GemmaForSequenceClassification",
           "GemmaForTokenClassification", "GemmaModel"]  # fmt: skip


class GemmaConfig(PretrainedConfig):
    """Configuration of a Gemma; the defaults are those of the one with 7 billion parameters."""

    model_type: ClassVar[str] = "gemma"
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 256000,
        "hidden_size": 3072,
        "intermediate_size": 24576,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "head_dim": 256,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": None,
        "max_position_embeddings": 8192,
        "initializer_range": 0.02,
        "rms_norm_eps": 1e-06,
        "use_cache": True,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
        "tie_word_embeddings": True,
        "rope_theta": 10000.0,
        "attention_bias": False,
        "attention_dropout": 0.0,
    }


def block(config: PretrainedConfig, layer: int) -> DecoderBlock:
    """One block: causal attention, and a gated feed-forward layer, each behind a norm whose weights are around 0."""
    size, epsilon = config.hidden_size, config.rms_norm_eps
    attention = Attention(
        size, config.num_attention_heads, config.attention_dropout, num_key_value_heads=config.num_key_value_heads,
        head_size=config.head_dim, has_bias=config.attention_bias, mask=Mask(is_causal=True), layer=layer,
    )  # fmt: skip
    feedforward = GatedFeedForward(size, config.intermediate_size, activation_name=config.hidden_act)
    return DecoderBlock(
        attention, RMSNorm(size, epsilon, is_centred=True), feedforward, RMSNorm(size, epsilon, is_centred=True)
    )


class GemmaPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = GemmaConfig
    base_model_prefix: ClassVar[str] = "model"
    renames: ClassVar[Renames] = BLOCK_NAMES
    ignored_weights: ClassVar[tuple[str, ...]] = ("rotary_emb.inv_freq",)


class GemmaModel(GemmaPreTrainedModel, RotaryDecoder):
    """The body: ids in, hidden states out."""

    def __init__(self, config: GemmaConfig) -> None:
        blocks = (block(config, layer) for layer in range(config.num_hidden_layers))
        norm = RMSNorm(config.hidden_size, config.rms_norm_eps, is_centred=True)
        super().__init__(config, blocks, norm, embedding_scale=config.hidden_size**0.5)


class GemmaForCausalLM(GemmaPreTrainedModel, CausalLM):
    """The next word at each position."""

    body_class: ClassVar[type[PreTrainedModel]] = GemmaModel
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "model.embed_tokens.weight"}


class GemmaForSequenceClassification(GemmaPreTrainedModel, SequenceHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[PreTrainedModel]] = GemmaModel


class GemmaForTokenClassification(GemmaPreTrainedModel, TokenHead):
    """A class for each token."""

    body_class: ClassVar[type[PreTrainedModel]] = GemmaModel
