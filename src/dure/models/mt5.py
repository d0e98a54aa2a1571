"""mT5: Xue et al., "mT5: A Massively Multilingual T5" (2020), https://arxiv.org/abs/2010.11934.

T5 version 1.1, trained on texts of 101 languages. All but the configuration is in :mod:`dure.models.relative`.
"""

from __future__ import annotations

from typing import ClassVar

from dure.models.config import PretrainedConfig
from dure.models.relative import (
    RELATIVE_DEFAULTS,
    RelativeBody,
    RelativeConfig,
    RelativeEncoder,
    RelativeLanguageHead,
    RelativePreTrainedModel,
)
from dure.models.relative_heads import (
    RelativeQuestionAnsweringHead,
    RelativeSequenceClassificationHead,
    RelativeTokenClassificationHead,
)
from dure.typing import JsonObject

__all__ = ["MT5Config", "MT5EncoderModel", "MT5ForConditionalGeneration", "MT5ForQuestionAnswering",
           "MT5ForSequenceClassification", "MT5ForTokenClassification", "MT5Model"]  # fmt: skip


class MT5Config(RelativeConfig):
    """Configuration of an mT5; the defaults are those of google/mt5-small."""

    model_type: ClassVar[str] = "mt5"
    defaults: ClassVar[JsonObject] = RELATIVE_DEFAULTS | {
        "vocab_size": 250112,
        "d_ff": 1024,
        "num_layers": 8,
        "num_heads": 6,
        "feed_forward_proj": "gated-gelu",
        "tokenizer_class": "T5Tokenizer",
        "tie_word_embeddings": False,
        "decoder_start_token_id": 0,
    }


class MT5PreTrainedModel(RelativePreTrainedModel):
    """What the body and all heads share: the configuration's class."""

    config_class: ClassVar[type[PretrainedConfig]] = MT5Config


class MT5Model(MT5PreTrainedModel, RelativeBody):
    """The body: ids in, hidden states out."""


class MT5ForConditionalGeneration(MT5PreTrainedModel, RelativeLanguageHead):
    """Text to text."""


class MT5EncoderModel(MT5PreTrainedModel, RelativeEncoder):
    """The encoder alone: hidden states of a text."""


class MT5ForSequenceClassification(MT5PreTrainedModel, RelativeSequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text, read from the state of its end token."""

    body_class: ClassVar[type[RelativeBody]] = MT5Model


class MT5ForTokenClassification(MT5PreTrainedModel, RelativeTokenClassificationHead):
    """A class for each token."""

    body_class: ClassVar[type[RelativeEncoder]] = MT5EncoderModel


class MT5ForQuestionAnswering(MT5PreTrainedModel, RelativeQuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""
