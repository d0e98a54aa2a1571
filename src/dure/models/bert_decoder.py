"""BERT as a decoder: each token sees those before it, and an encoder's states where there are some.

Rothe et al., "Leveraging Pre-trained Checkpoints" (2019), https://arxiv.org/abs/1907.12461, section 3. It reads any
BERT's checkpoint; attention to an encoder is drawn anew where the checkpoint has none.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock
from dure.layers.dropout import dropout as drop
from dure.layers.embedding import Embedding
from dure.layers.feedforward import FeedForward
from dure.layers.mask import Mask
from dure.layers.prediction import VocabularyHead
from dure.models.bert import BertConfig
from dure.models.config import PretrainedConfig
from dure.models.generative import Generative
from dure.models.heads import causal_loss
from dure.models.reading import reads_padding
from dure.models.seq2seq_outputs import CausalLMOutputWithCrossAttentions
from dure.models.seq2seq_stack import Stack
from dure.models.weights import Renames

__all__ = ["BertLMHeadModel"]


class Embeddings(nn.Module):
    """The tables; all words are of the first segment."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.word_embeddings = Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.position_embeddings = Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, words: Tensor, columns: Tensor) -> Tensor:
        """Packed words ``(num_tokens, hidden_size)`` and columns ``(num_tokens,)`` to hidden states."""
        hidden: Tensor = self.LayerNorm(
            words + self.position_embeddings(columns) + self.token_type_embeddings.weight[0]
        )
        return hidden


class Blocks(nn.Module):
    """The blocks, under the name they have in BERT."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(self._block(config, layer) for layer in range(config.num_hidden_layers))

    def _block(self, config: PretrainedConfig, layer: int) -> DecoderBlock:
        size, num_heads, dropout = (
            config.hidden_size, config.num_attention_heads, config.attention_probs_dropout_prob,
        )  # fmt: skip
        is_crossed = getattr(config, "add_cross_attention", False)
        norms = [nn.LayerNorm(size, eps=config.layer_norm_eps) for _ in range(3)]
        return DecoderBlock(
            Attention(size, num_heads, dropout, mask=Mask(is_causal=True), layer=layer), norms[0],
            FeedForward(size, config.intermediate_size, activation_name=config.hidden_act), norms[1],
            is_pre_norm=False, dropout=config.hidden_dropout_prob,
            cross_attention=Attention(size, num_heads, dropout, layer=layer) if is_crossed else None,
            cross_norm=norms[2] if is_crossed else None,
        )  # fmt: skip


class BertDecoder(Stack):
    """The body: ids in, hidden states out."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config, is_decoder=True, max_positions=config.max_position_embeddings)
        self.embeddings = Embeddings(config)
        self.encoder = Blocks(config)

    @property
    def embed_tokens(self) -> nn.Embedding:  # type: ignore[override]
        """The table of words."""
        return self.embeddings.word_embeddings

    def embed(self, words: Tensor, columns: Tensor) -> Tensor:
        """Words, positions and a segment, summed and normed."""
        return drop(self.embeddings(words, columns), self.config.hidden_dropout_prob, self.training)

    def blocks(self) -> nn.ModuleList:
        """The blocks, from bottom to top."""
        return self.encoder.layer


class BertLMHeadModel(Generative):
    """The next word at each position; ``config.add_cross_attention`` lets it look at ``encoder_hidden_states``."""

    config_class: ClassVar[type[PretrainedConfig]] = BertConfig
    base_model_prefix: ClassVar[str] = "bert"
    skips_padding: ClassVar[bool] = True
    renames: ClassVar[Renames] = Renames(
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
        ("cls.dense", "cls.predictions.transform.dense"),
        ("cls.norm", "cls.predictions.transform.LayerNorm"),
        ("cls.decoder", "cls.predictions.decoder"),
    )  # fmt: skip
    tied_weights: ClassVar[dict[str, str]] = {"cls.decoder.weight": "bert.embeddings.word_embeddings.weight"}
    aliases: ClassVar[dict[str, str]] = {"cls.predictions.bias": "cls.predictions.decoder.bias"}
    ignored_weights: ClassVar[tuple[str, ...]] = (
        "position_ids", "seq_relationship.weight", "seq_relationship.bias", "pooler.dense.weight", "pooler.dense.bias",
    )  # fmt: skip

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertDecoder(config)
        self.cls = VocabularyHead(
            config.hidden_size, config.vocab_size, activation_name=config.hidden_act, epsilon=config.layer_norm_eps
        )
        self.post_init()

    @property
    def max_positions(self) -> int | None:
        """Tokens of the longest text that is written, where a table of positions limits it."""
        return self.bert.max_positions

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that gives logits over the vocabulary."""
        return self.cls.decoder

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, use_cache: bool | None = None, return_dict: bool | None = None,
                **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length, vocab_size)``, each for the next token; with ``labels`` the loss too.

        Other arguments are those of :meth:`dure.models.seq2seq_stack.Stack.forward`.
        """
        body = self.bert(
            input_ids, attention_mask, use_cache=False if labels is not None else use_cache, return_dict=True,
            keeps_padding=reads_padding(labels, attention_mask), **inputs,
        )  # fmt: skip
        logits = self.cls(body.last_hidden_state)
        result = CausalLMOutputWithCrossAttentions(
            causal_loss(logits, labels), logits, body.past_key_values, body.hidden_states, body.attentions,
            body.cross_attentions,
        )  # fmt: skip
        return self.as_returned(result, return_dict)
