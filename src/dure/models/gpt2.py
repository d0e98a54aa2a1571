"""GPT-2: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019); DistilGPT-2 too.

Read from top to bottom: configuration, block, body, heads. Heads are those of all decoders, in
:mod:`dure.models.causal`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock, walk
from dure.layers.dropout import dropout as drop
from dure.layers.embedding import Embedding
from dure.layers.feedforward import FeedForward
from dure.layers.mask import Mask
from dure.models import outputs
from dure.models.causal import CausalLM, DoubleHeads, QuestionHead, SequenceHead, TokenHead
from dure.models.config import PretrainedConfig
from dure.models.pretrained import PreTrainedModel
from dure.models.reading import read, read_source
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["GPT2Config", "GPT2DoubleHeadsModel", "GPT2ForQuestionAnswering", "GPT2ForSequenceClassification",
           "GPT2ForTokenClassification", "GPT2LMHeadModel", "GPT2Model"]  # fmt: skip


class GPT2Config(PretrainedConfig):
    """Configuration of a GPT-2; the defaults are those of the smallest."""

    model_type: ClassVar[str] = "gpt2"
    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 50257,
        "n_positions": 1024,
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_inner": None,
        "activation_function": "gelu_new",
        "resid_pdrop": 0.1,
        "embd_pdrop": 0.1,
        "attn_pdrop": 0.1,
        "layer_norm_epsilon": 1e-5,
        "initializer_range": 0.02,
        "summary_type": "cls_index",
        "summary_use_proj": True,
        "summary_activation": None,
        "summary_proj_to_labels": True,
        "summary_first_dropout": 0.1,
        "scale_attn_weights": True,
        "use_cache": True,
        "bos_token_id": 50256,
        "eos_token_id": 50256,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
    }


def block(config: PretrainedConfig, layer: int) -> DecoderBlock:
    """One block: causal attention, perhaps attention to a source, and a feed-forward layer, each behind a norm."""
    size, epsilon = config.n_embd, config.layer_norm_epsilon
    scale = (size // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
    scale = scale / (layer + 1) if config.scale_attn_by_inverse_layer_idx else scale

    def attention(mask: Mask, *, is_crossed: bool = False) -> Attention:
        return Attention(size, config.n_head, config.attn_pdrop, mask=mask, is_crossed=is_crossed, is_joint=True,
                         layer=layer, scale=scale)  # fmt: skip

    inner = 4 * size if config.n_inner is None else config.n_inner
    own, feedforward = (
        attention(Mask(is_causal=True)), FeedForward(size, inner, activation_name=config.activation_function)
    )  # fmt: skip
    cross = attention(Mask(), is_crossed=True) if getattr(config, "add_cross_attention", False) else None
    # Section 2.3: what is added to the residual starts smaller, the more blocks there are.
    for last in (own.output, feedforward.down, *([] if cross is None else [cross.output])):
        last.deviation = config.initializer_range / math.sqrt(2 * config.n_layer)
    return DecoderBlock(
        own, nn.LayerNorm(size, eps=epsilon), feedforward, nn.LayerNorm(size, eps=epsilon), dropout=config.resid_pdrop,
        cross_attention=cross, cross_norm=None if cross is None else nn.LayerNorm(size, eps=epsilon),
    )  # fmt: skip


class GPT2PreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = GPT2Config
    base_model_prefix: ClassVar[str] = "transformer"
    renames: ClassVar[Renames] = Renames(
        ("cross_attention.query", "crossattention.q_attn"),
        ("cross_attention.joint", "crossattention.c_attn"),
        ("cross_attention.output", "crossattention.c_proj"),
        ("cross_norm", "ln_cross_attn"),
        ("attention.joint", "attn.c_attn"),
        ("attention.output", "attn.c_proj"),
        ("attention_norm", "ln_1"),
        ("feedforward.up", "mlp.c_fc"),
        ("feedforward.down", "mlp.c_proj"),
        ("feedforward_norm", "ln_2"),
    )
    transposed_weights: ClassVar[tuple[str, ...]] = ("c_attn.weight", "q_attn.weight", "c_proj.weight", "c_fc.weight")
    ignored_weights: ClassVar[tuple[str, ...]] = ("attn.bias", "attn.masked_bias")


class GPT2Model(GPT2PreTrainedModel):
    """The body: ids in, hidden states out."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.wte = Embedding(config.vocab_size, config.n_embd)
        self.wpe = Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList(block(config, layer) for layer in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of word embeddings."""
        return self.wte

    def forward(
        self,
        input_ids: Tensor | None = None,
        past_key_values: Any = None,
        cache_position: Tensor | None = None,  # noqa: ARG002  # follows from the cache
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        keeps_padding: bool = False,
    ) -> Any:
        """Hidden states of a padded batch; padding is left out inside.

        Args:
            input_ids: ``(batch, new)``.
            past_key_values: The cache of an earlier call.
            cache_position: Accepted, and not needed: the cache knows how many tokens it holds.
            attention_mask: ``(batch, past + new)``, 0 for padding.
            token_type_ids: ``(batch, new)``, ids whose embeddings are added, from the table of words.
            position_ids: ``(batch, new)`` or ``(1, new)``; by default tokens are counted, padding included.
            inputs_embeds: ``(batch, new, n_embd)`` in place of ``input_ids``.
            encoder_hidden_states: ``(batch, source_length, n_embd)``, for a model with ``add_cross_attention``.
            encoder_attention_mask: ``(batch, source_length)``.
            use_cache: Return a cache.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            keeps_padding: Compute padding too, for a loss that reads every position.
        """
        config = self.config
        text = read(
            self, input_ids=input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask,
            token_type_ids=token_type_ids, position_ids=position_ids, past_key_values=past_key_values,
            use_cache=use_cache, max_positions=config.n_positions, keeps_padding=keeps_padding,
            has_source=getattr(config, "add_cross_attention", False),
        )  # fmt: skip
        hidden = text.words + self.wpe(text.positions)
        if token_type_ids is not None:
            hidden = hidden + self.wte(text.packing.pack(token_type_ids))
        walked = walk(
            self.h, drop(hidden, config.embd_pdrop, self.training), text.packing, norm=self.ln_f, cache=text.cache,
            key_mask=text.key_mask, **read_source(encoder_hidden_states, encoder_attention_mask, text.cache),
            wants_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            wants_weights=config.output_attentions if output_attentions is None else output_attentions,
        )  # fmt: skip
        result = outputs.BaseModelOutputWithPastAndCrossAttentions(
            walked.last, text.cache, walked.states, walked.weights, walked.cross_weights
        )
        return self.as_returned(result, return_dict)


class GPT2LMHeadModel(GPT2PreTrainedModel, CausalLM):
    """The next word at each position."""

    body_class: ClassVar[type[PreTrainedModel]] = GPT2Model
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "transformer.wte.weight"}

    @property
    def max_positions(self) -> int | None:
        """Tokens of the longest text that is written, where a table of positions limits it."""
        return int(self.config.n_positions)


class GPT2DoubleHeadsModel(GPT2PreTrainedModel, DoubleHeads):
    """The next word at each position, and the best of several continuations of a text."""

    body_class: ClassVar[type[PreTrainedModel]] = GPT2Model
    tied_weights: ClassVar[dict[str, str]] = GPT2LMHeadModel.tied_weights


class GPT2ForSequenceClassification(GPT2PreTrainedModel, SequenceHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[PreTrainedModel]] = GPT2Model


class GPT2ForTokenClassification(GPT2PreTrainedModel, TokenHead):
    """A class for each token."""

    body_class: ClassVar[type[PreTrainedModel]] = GPT2Model
    classifier_name: ClassVar[str] = "classifier"


class GPT2ForQuestionAnswering(GPT2PreTrainedModel, QuestionHead):
    """Where an answer starts and ends."""

    body_class: ClassVar[type[PreTrainedModel]] = GPT2Model
