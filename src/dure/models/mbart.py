"""mBART: Liu et al., "Multilingual Denoising Pre-training" (2020), https://arxiv.org/abs/2001.08210.

BART with norms before each part and one after each stack. A text ends with the code of its language, and that is what
the decoder is given first. Weight names and constructors are in :mod:`dure.models.positioned`.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from dure.models.config import PretrainedConfig
from dure.models.positioned import (
    POSITIONED_DEFAULTS,
    PositionedBody,
    PositionedCausalHead,
    PositionedConfig,
    PositionedLanguageHead,
    PositionedPreTrainedModel,
    PositionedQuestionAnsweringHead,
    PositionedSequenceClassificationHead,
)
from dure.models.seq2seq import shift_tokens_right
from dure.typing import JsonObject

__all__ = ["MBartConfig", "MBartForCausalLM", "MBartForConditionalGeneration", "MBartForQuestionAnswering",
           "MBartForSequenceClassification", "MBartModel"]  # fmt: skip


class MBartConfig(PositionedConfig):
    """Configuration of an mBART; the defaults are those of facebook/mbart-large-cc25, with BART's vocabulary."""

    model_type: ClassVar[str] = "mbart"
    defaults: ClassVar[JsonObject] = {
        **POSITIONED_DEFAULTS,
        "classifier_dropout": 0.0,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "forced_eos_token_id": 2,
    }


class MBartPreTrainedModel(PositionedPreTrainedModel):
    """What the body and all heads share: the configuration's class, and what the decoder is given first."""

    config_class: ClassVar[type[PretrainedConfig]] = MBartConfig
    is_pre_norm: ClassVar[bool] = True

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """``labels`` ``(batch, length)``, shifted: their last token, the language's code, comes first."""
        pad = self.config.pad_token_id
        shifted = shift_tokens_right(labels, pad, decoder_start_token_id=pad)
        ids = labels.masked_fill(labels == -100, pad)
        last = (ids != pad).sum(1, keepdim=True) - 1
        shifted[:, :1] = ids.gather(1, last % ids.shape[1])
        return shifted


class MBartModel(MBartPreTrainedModel, PositionedBody):
    """The body: ids in, hidden states out. Without ``decoder_input_ids`` the decoder reads the text, shifted."""


class MBartForConditionalGeneration(MBartPreTrainedModel, PositionedLanguageHead):
    """Text to text, in another language."""

    body_class: ClassVar[type[PositionedBody]] = MBartModel


class MBartForSequenceClassification(MBartPreTrainedModel, PositionedSequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text, read from the state of its end token."""

    body_class: ClassVar[type[PositionedBody]] = MBartModel


class MBartForQuestionAnswering(MBartPreTrainedModel, PositionedQuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""

    body_class: ClassVar[type[PositionedBody]] = MBartModel


class MBartForCausalLM(MBartPreTrainedModel, PositionedCausalHead):
    """The decoder alone, for the next word."""
