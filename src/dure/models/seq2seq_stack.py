"""Stacks of encoder-decoders: ids in, hidden states out, with positions that are learned, computed, or relative."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn

from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock, walk
from dure.layers.dropout import dropout as drop
from dure.layers.feedforward import FeedForward
from dure.layers.mask import Mask
from dure.layers.packing import Packing
from dure.models.config import PretrainedConfig
from dure.models.inputs import check_inputs
from dure.models.outputs import BaseModelOutputWithPastAndCrossAttentions
from dure.models.reading import read_source, to_cache
from dure.models.seq2seq_outputs import EncoderOutput

__all__ = ["PositionedStack", "Stack"]


class Stack(nn.Module):
    """An encoder, or a decoder that may also read an encoder's states: ids in, hidden states out.

    A family's stack makes ``embed_tokens`` and its blocks, and says how they are used in :meth:`embed`,
    :meth:`blocks`, :meth:`finish` and :meth:`bias`.

    Args:
        config: The configuration.
        is_decoder: Whether tokens see only those before them.
        max_positions: Tokens of the longest text.
        layerdrop: Probability of skipping a block in training.
    """

    embed_tokens: nn.Embedding

    def __init__(
        self, config: PretrainedConfig, *, is_decoder: bool, max_positions: int = sys.maxsize, layerdrop: float = 0.0
    ) -> None:
        super().__init__()
        self.config = config
        self.is_decoder = is_decoder
        self.max_positions = max_positions
        self.layerdrop = layerdrop

    def look_up(self, input_ids: Tensor) -> Tensor:
        """Embeddings of words, ``(batch, length)`` to ``(batch, length, hidden_size)``."""
        words: Tensor = self.embed_tokens(input_ids)
        return words

    def embed(self, words: Tensor, columns: Tensor) -> Tensor:
        """Packed word embeddings ``(num_tokens, hidden_size)`` and columns ``(num_tokens,)`` to hidden states."""
        raise NotImplementedError

    def blocks(self) -> nn.ModuleList:
        """The blocks, from bottom to top."""
        raise NotImplementedError

    def finish(self, hidden: Tensor) -> Tensor:
        """What follows the last block, on ``(num_tokens, hidden_size)``."""
        return hidden

    def bias(self, length: int, past: int) -> Tensor | None:  # noqa: ARG002
        """What is added to the scores of self-attention, ``(1, num_heads, length, past + length)``, if anything."""
        return None

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        keeps_padding: bool = False,
        **seen: Any,
    ) -> Any:
        """Hidden states of a padded batch; padding is left out inside.

        Args:
            input_ids: ``(batch, length)``; with a cache only the new tokens.
            attention_mask: ``(batch, past + length)``, 0 for padding.
            encoder_hidden_states: For a decoder, ``(batch, source_length, hidden_size)``.
            encoder_attention_mask: ``(batch, source_length)``.
            past_key_values: The cache of an earlier call.
            position_ids: ``(batch, length)`` or ``(1, length)``; by default tokens are counted, padding included.
            inputs_embeds: ``(batch, length, hidden_size)`` in place of ``input_ids``.
            use_cache: Return keys and values for the next call; the configuration's by default.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            keeps_padding: Compute padding too, for a loss that reads every position.
            **seen: What else the family's blocks take.
        """
        config = self.config
        wants_cache = self.is_decoder and (config.use_cache if use_cache is None else use_cache)
        cache = to_cache(past_key_values, wants_cache, has_source=encoder_hidden_states is not None)
        past = 0 if cache is None else cache.get_seq_length()
        inputs_embeds, new_mask = self._check(input_ids, inputs_embeds, attention_mask, past)
        batch_size, length = inputs_embeds.shape[:2]
        packing = Packing.from_mask(new_mask, batch_size, length, keeps_padding=keeps_padding)
        if position_ids is None:
            columns = packing.position_ids(inputs_embeds.device) + past
        else:
            columns = packing.pack(position_ids.expand(batch_size, length))
        hidden = self.embed(packing.pack(inputs_embeds), columns)
        seen["cache"], bias = cache, self.bias(length, past)
        if bias is not None:
            seen["bias"] = bias
        if past and attention_mask is not None:
            seen["key_mask"] = attention_mask
        seen |= read_source(encoder_hidden_states, encoder_attention_mask, cache)
        # Fan et al., "Reducing Transformer Depth on Demand with Structured Dropout" (2019), section 3.
        skips = self.layerdrop if self.training else 0.0
        blocks = [block for block in self.blocks() if skips == 0.0 or float(torch.rand([])) >= skips]
        last, states, weights, crossed = walk(
            blocks, hidden, packing, norm=self.finish,
            wants_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            wants_weights=config.output_attentions if output_attentions is None else output_attentions, **seen,
        )  # fmt: skip
        result: Any = EncoderOutput(last, states, weights)
        if self.is_decoder:
            result = BaseModelOutputWithPastAndCrossAttentions(last, cache, states, weights, crossed)
        return result if (config.use_return_dict if return_dict is None else return_dict) else result.to_tuple()

    def _check(
        self, input_ids: Tensor | None, inputs_embeds: Tensor | None, attention_mask: Tensor | None, past: int
    ) -> tuple[Tensor, Tensor | None]:
        """Embeddings of the new tokens ``(batch, length, hidden_size)`` and the mask's columns that belong to them."""
        check_inputs(
            input_ids, inputs_embeds, attention_mask, vocab_size=self.embed_tokens.num_embeddings,
            max_positions=self.max_positions, past_length=past,
        )  # fmt: skip
        if inputs_embeds is None:
            assert input_ids is not None
            inputs_embeds = self.look_up(input_ids)
        return inputs_embeds, None if attention_mask is None else attention_mask[:, past:]


class PositionedStack(Stack):
    """The stacks of BART and its kin: words and positions summed, blocks, and norms where the family has them.

    Args:
        config: The configuration, with ``encoder_layers``, ``decoder_layers`` and so on.
        embed_tokens: The table of words.
        embed_positions: Columns ``(num_tokens,)`` to ``(num_tokens, hidden_size)``.
        is_decoder: Whether it is the decoder.
        max_positions: Tokens of the longest text.
        is_pre_norm: Norms before each part of a block and one after the last block; else behind each part.
        has_embedding_norm: Whether the sum of words and positions is normed.
    """

    def __init__(
        self,
        config: PretrainedConfig,
        embed_tokens: nn.Embedding,
        embed_positions: nn.Module,
        *,
        is_decoder: bool,
        max_positions: int,
        is_pre_norm: bool = False,
        has_embedding_norm: bool = True,
    ) -> None:
        side = "decoder" if is_decoder else "encoder"
        num_layers, num_heads, intermediate_size, layerdrop = (
            getattr(config, f"{side}_{field}") for field in ("layers", "attention_heads", "ffn_dim", "layerdrop")
        )
        super().__init__(config, is_decoder=is_decoder, max_positions=max_positions, layerdrop=layerdrop)
        self.embed_tokens = embed_tokens
        self.embed_positions = embed_positions
        self.layers = nn.ModuleList(
            DecoderBlock(
                self.make_attention(num_heads, layer),
                nn.LayerNorm(config.d_model),
                FeedForward(
                    config.d_model, intermediate_size, activation_name=config.activation_function,
                    inner_dropout=config.activation_dropout,
                ),
                nn.LayerNorm(config.d_model), is_pre_norm=is_pre_norm, dropout=config.dropout,
                cross_attention=self._attention(num_heads, layer, Mask()) if is_decoder else None,
                cross_norm=nn.LayerNorm(config.d_model) if is_decoder else None,
            )
            for layer in range(num_layers)
        )  # fmt: skip
        self.layernorm_embedding = nn.LayerNorm(config.d_model) if has_embedding_norm else None
        self.layer_norm = nn.LayerNorm(config.d_model) if is_pre_norm else None

    def make_attention(self, num_heads: int, layer: int) -> nn.Module:
        """What looks at the text itself, for one block."""
        return self._attention(num_heads, layer, Mask(is_causal=self.is_decoder))

    def _attention(self, num_heads: int, layer: int, mask: Mask) -> Attention:
        return Attention(self.config.d_model, num_heads, self.config.attention_dropout, mask=mask, layer=layer)

    def embed(self, words: Tensor, columns: Tensor) -> Tensor:
        """Words and positions, summed and normed."""
        hidden = words + self.embed_positions(columns)
        if self.layernorm_embedding is not None:
            hidden = self.layernorm_embedding(hidden)
        return drop(hidden, self.config.dropout, self.training)

    def blocks(self) -> nn.ModuleList:
        """The blocks, from bottom to top."""
        return self.layers

    def finish(self, hidden: Tensor) -> Tensor:
        """The norm behind the last block, where norms stand before parts."""
        return hidden if self.layer_norm is None else self.layer_norm(hidden)
