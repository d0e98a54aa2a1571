"""T5: Raffel et al., "Exploring the Limits of Transfer Learning" (2019), https://arxiv.org/abs/1910.10683.

Norms of the root mean square before each part, no biases, scores that aren't scaled but know the distance. Version 1.1
has a gated feed-forward layer and logits with weights of their own. Weight names, constructors and the scheme of random
weights are in :mod:`dure.models.relative`, blocks in :mod:`dure.layers.block`.
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

__all__ = ["T5Config", "T5EncoderModel", "T5ForConditionalGeneration", "T5ForQuestionAnswering",
           "T5ForSequenceClassification", "T5ForTokenClassification", "T5Model"]  # fmt: skip


class T5Config(RelativeConfig):
    """Configuration of a T5; the defaults are those of google-t5/t5-small."""

    model_type: ClassVar[str] = "t5"
    defaults: ClassVar[JsonObject] = RELATIVE_DEFAULTS


class T5PreTrainedModel(RelativePreTrainedModel):
    """What the body and all heads share: the configuration's class."""

    config_class: ClassVar[type[PretrainedConfig]] = T5Config


class T5Model(T5PreTrainedModel, RelativeBody):
    """The body: ids in, hidden states out."""


class T5ForConditionalGeneration(T5PreTrainedModel, RelativeLanguageHead):
    """Text to text."""


class T5EncoderModel(T5PreTrainedModel, RelativeEncoder):
    """The encoder alone: hidden states of a text."""


class T5ForSequenceClassification(T5PreTrainedModel, RelativeSequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text, read from the state of its end token."""

    body_class: ClassVar[type[RelativeBody]] = T5Model


class T5ForTokenClassification(T5PreTrainedModel, RelativeTokenClassificationHead):
    """A class for each token."""

    body_class: ClassVar[type[RelativeEncoder]] = T5EncoderModel


class T5ForQuestionAnswering(T5PreTrainedModel, RelativeQuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""
