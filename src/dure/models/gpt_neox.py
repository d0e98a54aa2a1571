"""GPT-NeoX: Black et al., "GPT-NeoX-20B" (2022), https://arxiv.org/abs/2204.06745; Pythia and Polyglot-Ko too.

Read from top to bottom: configuration, attention, block, body, heads. Positions are Llama's, turned in a part of each
head; heads on the body are those of all decoders, in :mod:`dure.models.causal`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.attention import Attention
from dure.layers.feedforward import FeedForward
from dure.layers.mask import Mask
from dure.layers.packing import Packing
from dure.layers.recomputing import Recomputable
from dure.models.causal import CausalLM, QuestionHead, SequenceHead, TokenHead
from dure.models.config import PretrainedConfig
from dure.models.pretrained import PreTrainedModel
from dure.models.rotary_decoder import RotaryDecoder
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["GPTNeoXConfig", "GPTNeoXForCausalLM", "GPTNeoXForQuestionAnswering", "GPTNeoXForSequenceClassification",
           "GPTNeoXForTokenClassification", "GPTNeoXModel"]  # fmt: skip


class GPTNeoXConfig(PretrainedConfig):
    """Configuration of a GPT-NeoX; the defaults are those of the one with 20 billion parameters."""

    model_type: ClassVar[str] = "gpt_neox"
    attribute_map: ClassVar[dict[str, str]] = {
        "rope_theta": "rotary_emb_base", "partial_rotary_factor": "rotary_pct",
    }  # fmt: skip
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 50432, "hidden_size": 6144, "num_hidden_layers": 44, "num_attention_heads": 64,
        "intermediate_size": 24576, "hidden_act": "gelu", "rotary_pct": 0.25, "rotary_emb_base": 10000,
        "attention_dropout": 0.0, "hidden_dropout": 0.0, "classifier_dropout": 0.1, "max_position_embeddings": 2048,
        "initializer_range": 0.02, "layer_norm_eps": 1e-5, "use_cache": True, "bos_token_id": 0, "eos_token_id": 2,
        "tie_word_embeddings": False, "use_parallel_residual": True, "rope_scaling": None, "attention_bias": True,
    }  # fmt: skip


class HeadwiseAttention(Attention):
    """Attention whose one layer gives a head's query, key and value side by side, then the next head's."""

    def project(
        self, hidden: Tensor, packing: Packing, asking: Tensor, source: Tensor | None  # noqa: ARG002
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Queries, keys and values, ``(num_tokens, num_heads, head_size)`` each."""
        query, key, value = self.joint(hidden).view(len(hidden), self.num_heads, -1).chunk(3, dim=-1)
        return query, key, value


class Block(Recomputable):
    """``x + attention(norm(x)) + feedforward(norm(x))`` (section 2.1), or one part after the other."""

    def __init__(self, config: PretrainedConfig, layer: int) -> None:
        super().__init__()
        size = config.hidden_size
        self.attention = HeadwiseAttention(
            size, config.num_attention_heads, config.attention_dropout, has_bias=config.attention_bias,
            mask=Mask(is_causal=True), is_joint=True, layer=layer,
        )  # fmt: skip
        self.feedforward = FeedForward(size, config.intermediate_size, activation_name=config.hidden_act)
        self.attention_norm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.feedforward_norm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.is_parallel, self.dropout = config.use_parallel_residual, config.hidden_dropout

    def forward(
        self, hidden: Tensor, packing: Packing, needs_weights: bool = False, **seen: Any
    ) -> tuple[Tensor, Tensor | None, None]:
        """``(num_tokens, hidden_size)`` to the same, the attention weights where they are asked for, and no others."""
        dropout = self.dropout if self.training else 0.0
        attended, weights = self.attention(
            self.attention_norm(hidden), packing, needs_weights, residual=hidden, output_dropout=dropout, **seen
        )
        read = self.feedforward_norm(hidden if self.is_parallel else attended)
        return self.feedforward(read, residual=attended, dropout=dropout), weights, None


class GPTNeoXPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = GPTNeoXConfig
    base_model_prefix: ClassVar[str] = "gpt_neox"
    renames: ClassVar[Renames] = Renames(
        ("attention.joint", "attention.query_key_value"),
        ("attention.output", "attention.dense"),
        ("attention_norm", "input_layernorm"),
        ("feedforward.up", "mlp.dense_h_to_4h"),
        ("feedforward.down", "mlp.dense_4h_to_h"),
        ("feedforward_norm", "post_attention_layernorm"),
        ("embed_tokens", "embed_in"),
        ("norm", "final_layer_norm"),
        ("lm_head", "embed_out"),
    )
    ignored_weights: ClassVar[tuple[str, ...]] = ("attention.bias", "attention.masked_bias", "rotary_emb.inv_freq")


class GPTNeoXModel(GPTNeoXPreTrainedModel, RotaryDecoder):
    """The body: ids in, hidden states out."""

    def __init__(self, config: GPTNeoXConfig) -> None:
        blocks = (Block(config, layer) for layer in range(config.num_hidden_layers))
        norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        super().__init__(config, blocks, norm, embedding_dropout=config.hidden_dropout, has_padding_row=False)


class GPTNeoXForCausalLM(GPTNeoXPreTrainedModel, CausalLM):
    """The next word at each position."""

    body_class: ClassVar[type[PreTrainedModel]] = GPTNeoXModel
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "gpt_neox.embed_tokens.weight"}


class GPTNeoXForSequenceClassification(GPTNeoXPreTrainedModel, SequenceHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[PreTrainedModel]] = GPTNeoXModel


class GPTNeoXForTokenClassification(GPTNeoXPreTrainedModel, TokenHead):
    """A class for each token."""

    body_class: ClassVar[type[PreTrainedModel]] = GPTNeoXModel
    classifier_name: ClassVar[str] = "classifier"


class GPTNeoXForQuestionAnswering(GPTNeoXPreTrainedModel, QuestionHead):
    """Where an answer starts and ends."""

    body_class: ClassVar[type[PreTrainedModel]] = GPTNeoXModel
