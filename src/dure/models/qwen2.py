"""Qwen2: Yang et al., "Qwen2 Technical Report" (2024), https://arxiv.org/abs/2407.10671: Llama with some biases.

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

__all__ = ["Qwen2Config", "Qwen2ForCausalLM", "Qwen2ForQuestionAnswering", "Qwen2ForSequenceClassification",
           "Qwen2ForTokenClassification", "Qwen2Model"]  # fmt: skip


class Qwen2Config(PretrainedConfig):
    """Configuration of a Qwen2; the defaults are those of the first one with 7 billion parameters."""

    model_type: ClassVar[str] = "qwen2"
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 22016,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "initializer_range": 0.02,
        "rms_norm_eps": 1e-06,
        "use_cache": True,
        "tie_word_embeddings": False,
        "rope_theta": 10000.0,
        "rope_scaling": None,
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
    """One block: causal attention with biases, and a gated feed-forward layer, each behind a norm."""
    size = config.hidden_size
    attention = Attention(
        size, config.num_attention_heads, config.attention_dropout, num_key_value_heads=config.num_key_value_heads,
        has_output_bias=False, mask=mask_of(config, layer), layer=layer,
    )  # fmt: skip
    feedforward = GatedFeedForward(size, config.intermediate_size, activation_name=config.hidden_act)
    return DecoderBlock(attention, RMSNorm(size, config.rms_norm_eps), feedforward, RMSNorm(size, config.rms_norm_eps))


class Qwen2PreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = Qwen2Config
    base_model_prefix: ClassVar[str] = "model"
    renames: ClassVar[Renames] = BLOCK_NAMES
    ignored_weights: ClassVar[tuple[str, ...]] = ("rotary_emb.inv_freq",)


class Qwen2Model(Qwen2PreTrainedModel, RotaryDecoder):
    """The body: ids in, hidden states out."""

    def __init__(self, config: Qwen2Config) -> None:
        blocks = (block(config, layer) for layer in range(config.num_hidden_layers))
        super().__init__(config, blocks, RMSNorm(config.hidden_size, config.rms_norm_eps))


class Qwen2ForCausalLM(Qwen2PreTrainedModel, CausalLM):
    """The next word at each position."""

    body_class: ClassVar[type[PreTrainedModel]] = Qwen2Model
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "model.embed_tokens.weight"}


class Qwen2ForSequenceClassification(Qwen2PreTrainedModel, SequenceHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[PreTrainedModel]] = Qwen2Model


class Qwen2ForTokenClassification(Qwen2PreTrainedModel, TokenHead):
    """A class for each token."""

    body_class: ClassVar[type[PreTrainedModel]] = Qwen2Model


class Qwen2ForQuestionAnswering(Qwen2PreTrainedModel, QuestionHead):
    """Where an answer starts and ends."""

    base_model_prefix: ClassVar[str] = "transformer"
    body_class: ClassVar[type[PreTrainedModel]] = Qwen2Model
