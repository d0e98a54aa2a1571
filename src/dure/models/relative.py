"""Encoder-decoders whose attention knows distances: what T5 and mT5 share beside their configurations."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dure.errors import ConfigError
from dure.layers.attention import Attention
from dure.layers.block import DecoderBlock
from dure.layers.dropout import dropout as drop
from dure.layers.embedding import Embedding
from dure.layers.feedforward import FeedForward, GatedFeedForward
from dure.layers.linear import Linear
from dure.layers.mask import Mask
from dure.layers.norm import RMSNorm
from dure.layers.relative_bias import RelativeBias
from dure.models.config import PretrainedConfig
from dure.models.seq2seq import LanguageHead, Seq2SeqBody, Seq2SeqPreTrainedModel, StackRenames
from dure.models.seq2seq_stack import Stack
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["RELATIVE_DEFAULTS", "RelativeBody", "RelativeConfig", "RelativeEncoder", "RelativeLanguageHead",
           "RelativePreTrainedModel"]  # fmt: skip

#: Fields of all configurations, with the values of the small T5.
RELATIVE_DEFAULTS: JsonObject = {
    "vocab_size": 32128,
    "d_model": 512,
    "d_kv": 64,
    "d_ff": 2048,
    "num_layers": 6,
    "num_decoder_layers": None,
    "num_heads": 8,
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
    "dropout_rate": 0.1,
    "layer_norm_epsilon": 1e-6,
    "initializer_factor": 1.0,
    "feed_forward_proj": "relu",
    "is_encoder_decoder": True,
    "use_cache": True,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "decoder_start_token_id": None,
    "classifier_dropout": 0.0,
}

_ATTENTION = (("query", "q"), ("key", "k"), ("value", "v"), ("output", "o"))
_FEEDFORWARD = {False: (("up", "wi"), ("down", "wo")), True: (("gate", "wi_0"), ("up", "wi_1"), ("down", "wo"))}


def _renames(is_gated: bool) -> Renames:
    """The originals count a block's parts, so that a name depends on the stack, and on whether there is a gate."""
    encoder, decoder = (
        Renames(
            ("relative_bias", "block.0.layer.0.SelfAttention.relative_attention_bias"),
            *((f"attention.{ours}", f"layer.0.SelfAttention.{theirs}") for ours, theirs in _ATTENTION),
            *((f"cross_attention.{ours}", f"layer.1.EncDecAttention.{theirs}") for ours, theirs in _ATTENTION),
            *((f"feedforward.{o}", f"layer.{last}.DenseReluDense.{t}") for o, t in _FEEDFORWARD[is_gated]),
            ("attention_norm", "layer.0.layer_norm"),
            ("feedforward_norm", f"layer.{last}.layer_norm"),
            ("cross_norm", "layer.1.layer_norm"),
        )
        for last in (1, 2)
    )
    return StackRenames(encoder, decoder)


class RelativeConfig(PretrainedConfig):
    """What the configurations share: ``feed_forward_proj`` says activation and gate, such as ``"gated-gelu"``."""

    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }
    num_decoder_layers: int | None

    def __init__(self, **fields: Any) -> None:
        projection = str(fields.get("feed_forward_proj", self.defaults.get("feed_forward_proj")))
        gate, _, name = projection.rpartition("-")
        if gate not in {"", "gated"}:
            raise ConfigError(
                f"feed_forward_proj is {projection!r}; use an activation, such as 'relu', or 'gated-gelu'"
            )
        # The first gated checkpoints say "gelu" and mean its approximation by tanh.
        derived = {"is_gated_act": gate == "gated", "dense_act_fn": "gelu_new" if projection == "gated-gelu" else name}
        super().__init__(**{**derived, **fields})
        if self.num_decoder_layers is None:
            self.num_decoder_layers = self.num_layers


class RelativeStack(Stack):
    """Words, blocks and a norm; the first block's distances add to the scores of all.

    Args:
        config: The configuration.
        embed_tokens: The table of words.
        is_decoder: Whether it is the decoder.
    """

    def __init__(self, config: PretrainedConfig, embed_tokens: nn.Embedding, *, is_decoder: bool) -> None:
        super().__init__(config, is_decoder=is_decoder)
        self.embed_tokens = embed_tokens
        self.block = nn.ModuleList(
            _block(config, layer, is_decoder=is_decoder)
            for layer in range(config.num_decoder_layers if is_decoder else config.num_layers)
        )
        self.relative_bias = RelativeBias(
            config.relative_attention_num_buckets, config.num_heads,
            max_distance=config.relative_attention_max_distance, is_causal=is_decoder,
        )  # fmt: skip
        self.final_layer_norm = RMSNorm(config.d_model, config.layer_norm_epsilon)

    def embed(self, words: Tensor, columns: Tensor) -> Tensor:  # noqa: ARG002
        """Words alone: blocks know distances."""
        return drop(words, self.config.dropout_rate, self.training)

    def blocks(self) -> nn.ModuleList:
        """The blocks, from bottom to top."""
        return self.block

    def finish(self, hidden: Tensor) -> Tensor:
        """The norm behind the last block, and dropout."""
        return drop(self.final_layer_norm(hidden), self.config.dropout_rate, self.training)

    def bias(self, length: int, past: int) -> Tensor | None:
        """What distances add to scores, ``(1, num_heads, length, past + length)``."""
        return self.relative_bias.scores(length, past + length)


def _block(config: PretrainedConfig, layer: int, *, is_decoder: bool) -> DecoderBlock:
    size, epsilon, dropout = config.d_model, config.layer_norm_epsilon, config.dropout_rate
    kind = GatedFeedForward if config.is_gated_act else FeedForward

    def attention(mask: Mask) -> Attention:
        return Attention(
            size, config.num_heads, dropout, head_size=config.d_kv, has_bias=False, scale=1.0, mask=mask, layer=layer
        )

    return DecoderBlock(
        attention(Mask(is_causal=is_decoder)), RMSNorm(size, epsilon),
        kind(size, config.d_ff, activation_name=config.dense_act_fn, has_bias=False, inner_dropout=dropout),
        RMSNorm(size, epsilon), dropout=dropout,
        cross_attention=attention(Mask()) if is_decoder else None,
        cross_norm=RMSNorm(size, epsilon) if is_decoder else None,
    )  # fmt: skip


class RelativePreTrainedModel(Seq2SeqPreTrainedModel):
    """What bodies and heads share: the names of weights, and how they are drawn."""

    base_model_prefix: ClassVar[str] = "transformer"
    shared_weights: ClassVar[dict[str, str]] = {
        "encoder.embed_tokens.weight": "shared.weight",
        "decoder.embed_tokens.weight": "shared.weight",
    }
    aliases: ClassVar[dict[str, str]] = shared_weights
    #: The first checkpoints have distances between decoder and encoder too, which were never read.
    ignored_weights: ClassVar[tuple[str, ...]] = ("EncDecAttention.relative_attention_bias.weight",)

    @functools.cached_property
    def renames(self) -> Renames:  # type: ignore[override]
        """The names of weights."""
        return _renames(self.config.is_gated_act)

    def init_parameter(self, module: nn.Module, leaf: str) -> None:
        """The original's scheme, by the width of what a matrix reads; scores aren't scaled, so queries are smaller."""
        weight, factor = module._parameters[leaf], float(self.config.initializer_factor)
        if weight is None:
            return
        with torch.no_grad():
            if leaf == "bias":
                weight.zero_()
            elif isinstance(module, RMSNorm):
                weight.fill_(factor)
            else:
                weight.normal_(0.0, factor * self._deviation(module))

    def _deviation(self, module: nn.Module) -> float:
        if isinstance(module, RelativeBias):
            return float(self.config.d_model**-0.5)
        is_last = any(module is getattr(self, name, None) for name in ("lm_head", "classifier"))
        if is_last or not isinstance(module, Linear):
            return 1.0
        scale = self.config.d_kv**-0.5 if id(module) in self._queries else 1.0
        return float(module.in_features**-0.5 * scale)

    @functools.cached_property
    def _queries(self) -> set[int]:
        return {id(module.query) for module in self.modules() if isinstance(module, Attention)}


class RelativeBody(RelativePreTrainedModel, Seq2SeqBody):
    """The body: two stacks that read one table of words."""

    reads_source: ClassVar[bool] = False

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.shared = Embedding(config.vocab_size, config.d_model)
        self.encoder = RelativeStack(config, self.shared, is_decoder=False)
        self.decoder = RelativeStack(config, self.shared, is_decoder=True)
        self.add_head()
        self.post_init()

    def add_head(self) -> None:
        """A head is a body with one more layer, which must be there before weights are drawn and tied."""


class RelativeLanguageHead(LanguageHead, RelativeBody):
    """Text to text."""

    tied_weights: ClassVar[dict[str, str]] = {"lm_head.weight": "shared.weight"}
    caches_with_labels: ClassVar[bool] = True

    def add_head(self) -> None:
        """The layer that gives logits over the vocabulary."""
        self.lm_head = Linear(self.config.d_model, self.config.vocab_size, bias=False)

    def to_logits(self, hidden: Tensor) -> Tensor:
        """``(batch, length, d_model)`` to ``(batch, length, vocab_size)``."""
        # A table of words has rows of length 1, and not of length 1 / sqrt(d_model) as a layer would.
        scaled = hidden * self.config.d_model**-0.5 if self.config.tie_word_embeddings else hidden
        logits: Tensor = self.lm_head(scaled)
        return logits


class RelativeEncoder(RelativePreTrainedModel):
    """The encoder alone: hidden states of a text."""

    shared_weights: ClassVar[dict[str, str]] = {"encoder.embed_tokens.weight": "shared.weight"}
    aliases: ClassVar[dict[str, str]] = shared_weights

    def __init__(self, config: PretrainedConfig) -> None:
        config.use_cache, config.is_encoder_decoder = False, False
        super().__init__(config)
        self.shared = Embedding(config.vocab_size, config.d_model)
        self.encoder = RelativeStack(config, self.shared, is_decoder=False)
        self.post_init()

    def forward(self, *args: Any, **inputs: Any) -> Any:
        """Hidden states; arguments are the encoder's, :meth:`dure.models.seq2seq_stack.Stack.forward`."""
        return self.encoder(*args, **inputs)
