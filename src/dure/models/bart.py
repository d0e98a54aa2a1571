"""BART: Lewis et al., "BART: Denoising Sequence-to-Sequence Pre-training" (2019), https://arxiv.org/abs/1910.13461.

Norms behind each part, learned positions, one table of words for both stacks and the logits. Weight names and
constructors are in :mod:`dure.models.positioned`, blocks in :mod:`dure.layers.block`.
"""

from __future__ import annotations

from typing import ClassVar

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
from dure.typing import JsonObject

__all__ = ["BartConfig", "BartForCausalLM", "BartForConditionalGeneration", "BartForQuestionAnswering",
           "BartForSequenceClassification", "BartModel"]  # fmt: skip


class BartConfig(PositionedConfig):
    """Configuration of a BART; the defaults are those of facebook/bart-large."""

    model_type: ClassVar[str] = "bart"
    default_num_labels: ClassVar[int] = 3
    defaults: ClassVar[JsonObject] = {
        **POSITIONED_DEFAULTS,
        "classifier_dropout": 0.0,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": 2,
    }


class BartPreTrainedModel(PositionedPreTrainedModel):
    """What the body and all heads share: the configuration's class."""

    config_class: ClassVar[type[PretrainedConfig]] = BartConfig


class BartModel(BartPreTrainedModel, PositionedBody):
    """The body: ids in, hidden states out. Without ``decoder_input_ids`` the decoder reads the text, shifted."""


class BartForConditionalGeneration(BartPreTrainedModel, PositionedLanguageHead):
    """Text to text: summaries, answers, restored text."""

    body_class: ClassVar[type[PositionedBody]] = BartModel


class BartForSequenceClassification(BartPreTrainedModel, PositionedSequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text, read from the state of its end token."""

    body_class: ClassVar[type[PositionedBody]] = BartModel


class BartForQuestionAnswering(BartPreTrainedModel, PositionedQuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""

    body_class: ClassVar[type[PositionedBody]] = BartModel


class BartForCausalLM(BartPreTrainedModel, PositionedCausalHead):
    """The decoder alone, for the next word."""
