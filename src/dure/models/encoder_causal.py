"""BERT and its kin as decoders: each token sees those before it, and an encoder's states where there are some.

Rothe et al., "Leveraging Pre-trained Checkpoints" (2019), https://arxiv.org/abs/1907.12461, section 3. They read the
checkpoints of their families; attention to an encoder is drawn anew where a checkpoint has none.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock, walk
from dure.layers.embedding import TextEmbeddings
from dure.layers.feedforward import FeedForward
from dure.layers.linear import Linear
from dure.layers.mask import Mask
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.encoder import embeddings_of
from dure.models.encoder_heads import MaskedLM
from dure.models.generative import Generative
from dure.models.heads import causal_loss
from dure.models.pretrained import PreTrainedModel
from dure.models.reading import read, read_source, reads_padding

__all__ = ["CAUSAL_BLOCK_NAMES", "CausalBody", "CausalWords"]

#: Names of a block's weights: ours, and those of BERT and most of its kin.
CAUSAL_BLOCK_NAMES = (
    *(
        (f"{attention}.{ours}", f"{attention.replace('_', '')}.{theirs}")
        for attention in ("attention", "cross_attention")
        for ours, theirs in (
            ("query", "self.query"), ("key", "self.key"), ("value", "self.value"), ("output", "output.dense"),
        )
    ),
    ("attention_norm", "attention.output.LayerNorm"),
    ("cross_norm", "crossattention.output.LayerNorm"),
    ("feedforward.up", "intermediate.dense"),
    ("feedforward.down", "output.dense"),
    ("feedforward_norm", "output.LayerNorm"),
)  # fmt: skip


class Blocks(nn.Module):
    """The blocks, under the name they have in BERT.

    Args:
        config: The configuration.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(self._block(config, layer) for layer in range(config.num_hidden_layers))

    def _block(self, config: PretrainedConfig, layer: int) -> DecoderBlock:
        size, num_heads, dropout = (
            config.hidden_size, config.num_attention_heads, config.attention_probs_dropout_prob,
        )  # fmt: skip
        is_crossed = getattr(config, "add_cross_attention", False)
        norms = [nn.LayerNorm(size, eps=config.layer_norm_eps) for _ in range(3)]
        mask = Mask(is_causal=getattr(config, "is_decoder", False))
        return DecoderBlock(
            Attention(size, num_heads, dropout, mask=mask, layer=layer), norms[0],
            FeedForward(size, config.intermediate_size, activation_name=config.hidden_act), norms[1],
            is_pre_norm=False, dropout=config.hidden_dropout_prob,
            cross_attention=Attention(size, num_heads, dropout, layer=layer) if is_crossed else None,
            cross_norm=norms[2] if is_crossed else None,
        )  # fmt: skip


class CausalBody(PreTrainedModel):
    """The body: ids in, hidden states out.

    Args:
        config: The configuration, with BERT's fields.
        table_size: Width of the tables, where it isn't ``hidden_size``.
        skips_padding: As for :class:`dure.layers.embedding.TextEmbeddings`.
    """

    def __init__(self, config: PretrainedConfig, *, table_size: int | None = None, skips_padding: bool = False) -> None:
        super().__init__(config)
        size = config.hidden_size if table_size is None else table_size
        self.embeddings = embeddings_of(config, size=size, skips_padding=skips_padding)
        self.embeddings_project = None if size == config.hidden_size else Linear(size, config.hidden_size)
        self.encoder = Blocks(config)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: Any = None,
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
            token_type_ids: ``(batch, new)``, 0 for the first text and 1 for the second.
            position_ids: ``(batch, new)`` or ``(1, new)``; by default what the family counts.
            inputs_embeds: ``(batch, new, width of the tables)`` in place of ``input_ids``.
            encoder_hidden_states: ``(batch, source_length, hidden_size)``, for a model with ``add_cross_attention``.
            encoder_attention_mask: ``(batch, source_length)``.
            past_key_values: The cache of an earlier call.
            use_cache: Return a cache.
            output_attentions: Also return attention weights.
            output_hidden_states: Also return the states after each block.
            return_dict: False for a plain tuple.
            cache_position: Accepted, and not needed: the cache knows how many tokens it holds.
            keeps_padding: Compute padding too, for a loss that reads every position.
        """
        config, embeddings = self.config, self.embeddings
        if not getattr(config, "is_decoder", False):
            use_cache = False
        text = read(
            self, input_ids=input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask,
            token_type_ids=token_type_ids, num_types=config.type_vocab_size, position_ids=position_ids,
            past_key_values=past_key_values, use_cache=use_cache, has_source=encoder_hidden_states is not None,
            max_positions=config.max_position_embeddings, first_position=embeddings.first_position,
            numbering=embeddings.positions, keeps_padding=keeps_padding,
        )  # fmt: skip
        types = None if token_type_ids is None else text.packing.pack(token_type_ids)
        hidden = embeddings(text.words, types, text.positions)
        if self.embeddings_project is not None:
            hidden = self.embeddings_project(hidden)
        walked = walk(
            self.encoder.layer, hidden, text.packing, cache=text.cache, key_mask=text.key_mask,
            wants_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            wants_weights=config.output_attentions if output_attentions is None else output_attentions,
            **read_source(encoder_hidden_states, encoder_attention_mask, text.cache),
        )  # fmt: skip
        result = outputs.BaseModelOutputWithPastAndCrossAttentions(
            walked.last, text.cache, walked.states, walked.weights, walked.cross_weights
        )
        return self.as_returned(result, return_dict)


class CausalWords(Generative, MaskedLM):
    """The next word at each position; ``config.add_cross_attention`` lets it look at ``encoder_hidden_states``.

    Args:
        config: The configuration; without ``is_decoder`` every token sees all, as the originals have it.
        body: The body.
        head: From states to words.
    """

    skips_padding: ClassVar[bool] = True

    def __init__(self, config: PretrainedConfig, body: CausalBody, head: nn.Module) -> None:
        if not getattr(config, "is_decoder", False):
            warnings.warn(
                f"{type(self).__name__} sees later words too: set is_decoder=True in the configuration to write texts",
                stacklevel=3,
            )
        super().__init__(config, body, head)  # type: ignore[arg-type]

    @property
    def max_positions(self) -> int | None:
        """Tokens of the longest text that is written, where a table of positions limits it."""
        embeddings: TextEmbeddings = self.base_model.embeddings  # type: ignore[assignment]
        return int(self.config.max_position_embeddings) - embeddings.first_position

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, use_cache: bool | None = None,
                num_items_in_batch: Tensor | int | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``, each for the next token; with ``labels`` the loss too.

        Other arguments are those of :meth:`CausalBody.forward`; ``num_items_in_batch`` is what the loss is divided by
        in place of the number of labels.
        """
        body = self.run_body(
            input_ids, attention_mask, token_type_ids, use_cache=False if labels is not None else use_cache,
            keeps_padding=reads_padding(labels, attention_mask), **inputs,
        )  # fmt: skip
        logits = self.head(body.last_hidden_state)
        result = outputs.CausalLMOutputWithCrossAttentions(
            causal_loss(logits, labels, num_items_in_batch), logits, body.past_key_values, body.hidden_states,
            body.attentions, body.cross_attentions,
        )  # fmt: skip
        return self.as_returned(result, return_dict)
