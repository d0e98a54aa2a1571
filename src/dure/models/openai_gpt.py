"""GPT: Radford et al., "Improving Language Understanding by Generative Pre-Training" (2018).

GPT-2 with norms behind attention and feed-forward layer, and without a cache. Read from top to bottom: configuration,
block, body, heads. Heads are those of all decoders, in :mod:`dure.models.causal`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock, walk
from dure.layers.dropout import dropout as drop
from dure.layers.embedding import Embedding
from dure.layers.feedforward import FeedForward
from dure.layers.mask import Mask
from dure.models import outputs
from dure.models.causal import CausalLM, DoubleHeads, SequenceHead
from dure.models.config import PretrainedConfig
from dure.models.pretrained import PreTrainedModel
from dure.models.reading import read
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["OpenAIGPTConfig", "OpenAIGPTDoubleHeadsModel", "OpenAIGPTForSequenceClassification",
           "OpenAIGPTLMHeadModel", "OpenAIGPTModel"]  # fmt: skip


class OpenAIGPTConfig(PretrainedConfig):
    """Configuration of a GPT; the defaults are those of the published one."""

    model_type: ClassVar[str] = "openai-gpt"
    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 40478,
        "n_positions": 512,
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "afn": "gelu",
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
    }


def block(config: PretrainedConfig, layer: int) -> DecoderBlock:
    """One block: causal attention and a feed-forward layer, each with a norm behind it."""
    size = config.n_embd
    attention = Attention(size, config.n_head, config.attn_pdrop, mask=Mask(is_causal=True), is_joint=True, layer=layer)
    # What this family calls gelu is the approximation with tanh.
    feedforward = FeedForward(size, 4 * size, activation_name={"gelu": "gelu_new"}.get(config.afn, config.afn))
    norms = [nn.LayerNorm(size, eps=config.layer_norm_epsilon) for _ in range(2)]
    return DecoderBlock(attention, norms[0], feedforward, norms[1], is_pre_norm=False, dropout=config.resid_pdrop)


class OpenAIGPTPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = OpenAIGPTConfig
    base_model_prefix: ClassVar[str] = "transformer"
    renames: ClassVar[Renames] = Renames(
        ("attention.joint", "attn.c_attn"),
        ("attention.output", "attn.c_proj"),
        ("attention_norm", "ln_1"),
        ("feedforward.up", "mlp.c_fc"),
        ("feedforward.down", "mlp.c_proj"),
        ("feedforward_norm", "ln_2"),
    )
    transposed_weights: ClassVar[tuple[str, ...]] = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    ignored_weights: ClassVar[tuple[str, ...]] = ("attn.bias", "position_ids")


class OpenAIGPTModel(OpenAIGPTPreTrainedModel):
    """The body: ids in, hidden states out."""

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__(config)
        self.tokens_embed = Embedding(config.vocab_size, config.n_embd)
        self.positions_embed = Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList(block(config, layer) for layer in range(config.n_layer))
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of word embeddings."""
        return self.tokens_embed

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
    ) -> Any:
        """Hidden states of a padded batch; padding is left out inside.

        Args:
            input_ids: ``(batch, length)``.
            attention_mask: ``(batch, length)``, 0 for padding.
            token_type_ids: ``(batch, length)``, ids whose embeddings are added, from the table of words.
            position_ids: ``(batch, length)`` or ``(1, length)``; by default tokens are counted, padding included.
            inputs_embeds: ``(batch, length, n_embd)`` in place of ``input_ids``.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            keeps_padding: Compute padding too, for a loss that reads every position.
        """
        config = self.config
        text = read(
            self, input_ids=input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask,
            token_type_ids=token_type_ids, position_ids=position_ids, max_positions=config.n_positions,
            keeps_padding=keeps_padding,
        )  # fmt: skip
        hidden = text.words + self.positions_embed(text.positions)
        if token_type_ids is not None:
            hidden = hidden + self.tokens_embed(text.packing.pack(token_type_ids))
        walked = walk(
            self.h, drop(hidden, config.embd_pdrop, self.training), text.packing,
            wants_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            wants_weights=config.output_attentions if output_attentions is None else output_attentions,
        )  # fmt: skip
        result = outputs.BaseModelOutputWithPast(walked.last, None, walked.states, walked.weights)
        return self.as_returned(result, return_dict)


class OpenAIGPTLMHeadModel(OpenAIGPTPreTrainedModel, CausalLM):
    """The next word at each position."""

    body_class: ClassVar[type[PreTrainedModel]] = OpenAIGPTModel
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "transformer.tokens_embed.weight"}

    @property
    def max_positions(self) -> int | None:
        """Tokens of the longest text that is written, where a table of positions limits it."""
        return int(self.config.n_positions)


class OpenAIGPTDoubleHeadsModel(OpenAIGPTPreTrainedModel, DoubleHeads):
    """The next word at each position, and the best of several continuations of a text."""

    body_class: ClassVar[type[PreTrainedModel]] = OpenAIGPTModel
    tied_weights: ClassVar[dict[str, str]] = OpenAIGPTLMHeadModel.tied_weights


class OpenAIGPTForSequenceClassification(OpenAIGPTPreTrainedModel, SequenceHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[PreTrainedModel]] = OpenAIGPTModel
