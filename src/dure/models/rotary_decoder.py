"""The body that Llama and its kin share: embeddings, blocks that turn queries and keys, and a norm at the end.

A family says in its own file what its blocks are made of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.block import walk
from dure.layers.dropout import dropout as drop
from dure.layers.embedding import Embedding
from dure.layers.mask import Mask
from dure.layers.positions import Rotary
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.pretrained import PreTrainedModel
from dure.models.reading import read
from dure.models.weights import Renames

__all__ = ["BLOCK_NAMES", "RotaryDecoder", "mask_of", "set_windows"]

#: The parts of a block, here and in checkpoints.
BLOCK_NAMES = Renames(
    ("attention.query", "self_attn.q_proj"),
    ("attention.key", "self_attn.k_proj"),
    ("attention.value", "self_attn.v_proj"),
    ("attention.output", "self_attn.o_proj"),
    ("attention.query_norm", "self_attn.q_norm"),
    ("attention.key_norm", "self_attn.k_norm"),
    ("attention_norm", "input_layernorm"),
    ("feedforward.gate", "mlp.gate_proj"),
    ("feedforward.up", "mlp.up_proj"),
    ("feedforward.down", "mlp.down_proj"),
    ("feedforward_norm", "post_attention_layernorm"),
)


def set_windows(config: PretrainedConfig) -> None:
    """Fill in what a configuration with ``layer_types`` leaves to be found: which layers see only a window.

    Raises:
        ConfigError: ``layer_types`` has another length than the model, or an unknown entry.
    """
    if config.num_key_value_heads is None:
        config.num_key_value_heads = config.num_attention_heads
    if not config.use_sliding_window:
        config.sliding_window = None
    if config.layer_types is None:
        first = config.num_hidden_layers if config.sliding_window is None else config.max_window_layers
        config.layer_types = [_KINDS[layer >= first] for layer in range(config.num_hidden_layers)]
    wrong = [kind for kind in config.layer_types if kind not in _KINDS]
    if wrong or len(config.layer_types) != config.num_hidden_layers:
        raise ConfigError(
            f"layer_types is {config.layer_types!r}; expected one of {', '.join(_KINDS)} for each of the "
            f"{config.num_hidden_layers} layers"
        )


def mask_of(config: PretrainedConfig, layer: int) -> Mask:
    """What a layer sees, by ``layer_types``."""
    return Mask(is_causal=True, window=config.sliding_window if config.layer_types[layer] == _KINDS[1] else None)


_KINDS = ("full_attention", "sliding_attention")


class RotaryDecoder(PreTrainedModel):
    """Ids in, hidden states out.

    Args:
        config: The configuration.
        blocks: From first to last.
        norm: At the end.
        embedding_scale: What embeddings are multiplied with.
        embedding_dropout: Probability of dropping a value of an embedding in training.
        has_padding_row: Whether the embedding of the padding's id is zero and stays it.
    """

    def __init__(
        self,
        config: PretrainedConfig,
        blocks: Iterable[nn.Module],
        norm: nn.Module,
        *,
        embedding_scale: float = 1.0,
        embedding_dropout: float = 0.0,
        has_padding_row: bool = True,
    ) -> None:
        super().__init__(config)
        padding_idx = config.pad_token_id if has_padding_row else None
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size, padding_idx=padding_idx)
        self.layers = nn.ModuleList(blocks)
        self.norm = norm
        head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.rotary_emb = Rotary(
            int(head_size * getattr(config, "partial_rotary_factor", 1.0)),
            theta=config.rope_theta,
            scaling=getattr(config, "rope_scaling", None),
            max_positions=config.max_position_embeddings,
            original_positions=getattr(config, "original_max_position_embeddings", None),
        )
        self.embedding_scale, self.embedding_dropout = embedding_scale, embedding_dropout
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of word embeddings."""
        return self.embed_tokens

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Tensor | None = None,  # noqa: ARG002  # follows from the cache
        keeps_padding: bool = False,
    ) -> Any:
        """Hidden states of a padded batch; padding is left out inside.

        Args:
            input_ids: ``(batch, new)``.
            attention_mask: ``(batch, past + new)``, 0 for padding.
            position_ids: ``(batch, new)`` or ``(1, new)``; by default tokens are counted, padding included.
            past_key_values: The cache of an earlier call.
            inputs_embeds: ``(batch, new, hidden_size)`` in place of ``input_ids``.
            use_cache: Return a cache.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            cache_position: Accepted, and not needed: the cache knows how many tokens it holds.
            keeps_padding: Compute padding too, for a loss that reads every position.
        """
        config = self.config
        text = read(
            self, input_ids=input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask,
            position_ids=position_ids, past_key_values=past_key_values, use_cache=use_cache,
            keeps_padding=keeps_padding,
        )  # fmt: skip
        # The factor is rounded to the embeddings' precision first, as it was in training.
        scale = text.words.new_tensor(self.embedding_scale)
        hidden = text.words if self.embedding_scale == 1.0 else text.words * scale
        hidden = drop(hidden, self.embedding_dropout, self.training)
        walked = walk(
            self.layers, hidden, text.packing, norm=self.norm, cache=text.cache, key_mask=text.key_mask,
            angles=self.rotary_emb(text.positions, hidden.dtype, text.length),
            wants_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            wants_weights=config.output_attentions if output_attentions is None else output_attentions,
        )  # fmt: skip
        result = outputs.BaseModelOutputWithPast(walked.last, text.cache, walked.states, walked.weights)
        return self.as_returned(result, return_dict)
