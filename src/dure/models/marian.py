"""Marian: Junczys-Dowmunt et al., "Marian: Fast NMT in C++" (2018), https://arxiv.org/abs/1804.00344.

BART with sines and cosines for positions and without a norm behind them; some checkpoints have one table of words for
each language. Weight names and constructors are in :mod:`dure.models.positioned`.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from dure.layers.embedding import Embedding
from dure.layers.table_positions import FixedPositions
from dure.models.config import PretrainedConfig
from dure.models.positioned import (
    POSITIONED_DEFAULTS,
    PositionedBody,
    PositionedCausalHead,
    PositionedConfig,
    PositionedLanguageHead,
    PositionedPreTrainedModel,
)
from dure.models.seq2seq_stack import PositionedStack, Stack
from dure.typing import JsonObject

__all__ = ["MarianConfig", "MarianForCausalLM", "MarianMTModel", "MarianModel"]


class MarianConfig(PositionedConfig):
    """Configuration of a Marian; the defaults are those of the original, with Helsinki-NLP's vocabulary."""

    model_type: ClassVar[str] = "marian"
    defaults: ClassVar[JsonObject] = {
        **POSITIONED_DEFAULTS,
        "vocab_size": 58101,
        "decoder_vocab_size": None,
        "pad_token_id": 58100,
        "eos_token_id": 0,
        "decoder_start_token_id": 58100,
        "forced_eos_token_id": 0,
        "share_encoder_decoder_embeddings": True,
    }

    decoder_vocab_size: int

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        self.decoder_vocab_size = self.decoder_vocab_size or self.vocab_size


class MarianStack(PositionedStack):
    """Words are scaled where they are read; the decoder also scales embeddings that it is given in place of ids."""

    def __init__(self, config: PretrainedConfig, table: nn.Embedding, *, is_decoder: bool) -> None:
        positions = FixedPositions(config.max_position_embeddings, config.d_model)
        super().__init__(
            config, table, positions, is_decoder=is_decoder, max_positions=config.max_position_embeddings,
            has_embedding_norm=False,
        )  # fmt: skip
        self.scale = config.d_model**0.5 if config.scale_embedding else 1.0

    def look_up(self, input_ids: Tensor) -> Tensor:
        """Embeddings of words, ``(batch, length)`` to ``(batch, length, d_model)``."""
        words = super().look_up(input_ids)
        return words if self.is_decoder else words * self.scale

    def embed(self, words: Tensor, columns: Tensor) -> Tensor:
        """Words and positions, summed."""
        return super().embed(words * self.scale if self.is_decoder else words, columns)


class MarianPreTrainedModel(PositionedPreTrainedModel):
    """What the body and all heads share: the configuration's class and the tables of words."""

    config_class: ClassVar[type[PretrainedConfig]] = MarianConfig

    @property
    def shared_weights(self) -> dict[str, str]:  # type: ignore[override]
        """One table of words for both stacks, unless each language has its own."""
        return super().shared_weights if self.config.share_encoder_decoder_embeddings else {}

    def init_parameter(self, module: nn.Module, leaf: str) -> None:
        """The original's scheme: normal matrices and tables; positions are computed."""
        if isinstance(module, FixedPositions):
            module.reset_parameters()
        else:
            super().init_parameter(module, leaf)

    @classmethod
    def make_table(cls, config: PretrainedConfig) -> nn.Embedding:
        """The table of words."""
        return Embedding(config.vocab_size, config.d_model, padding_idx=config.pad_token_id)

    @classmethod
    def make_stack(cls, config: PretrainedConfig, table: nn.Embedding, *, is_decoder: bool) -> Stack:
        """Encoder or decoder that reads a table of words."""
        return MarianStack(config, table, is_decoder=is_decoder)


class MarianModel(MarianPreTrainedModel, PositionedBody):
    """The body: ids in, hidden states out."""

    reads_source: ClassVar[bool] = False

    def __init__(self, config: MarianConfig) -> None:
        super().__init__(config)
        if not config.share_encoder_decoder_embeddings:
            self.shared = None
            self.decoder.embed_tokens = Embedding(
                config.decoder_vocab_size, config.d_model, padding_idx=config.pad_token_id
            )
        self.post_init()


class MarianMTModel(MarianPreTrainedModel, PositionedLanguageHead):
    """Text to text, in another language."""

    body_class: ClassVar[type[PositionedBody]] = MarianModel
    optional_weights: ClassVar[tuple[str, ...]] = ("final_logits_bias", "embed_positions.weight")

    @property
    def tied_weights(self) -> dict[str, str]:  # type: ignore[override]
        """The logits' weights are the decoder's table of words, if the configuration wants it."""
        is_shared = self.config.share_encoder_decoder_embeddings
        return {"lm_head.weight": "model.shared.weight" if is_shared else "model.decoder.embed_tokens.weight"}


class MarianForCausalLM(MarianPreTrainedModel, PositionedCausalHead):
    """The decoder alone, for the next word."""
