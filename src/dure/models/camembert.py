"""CamemBERT: Martin et al., "CamemBERT: a Tasty French Language Model" (2019), https://arxiv.org/abs/1911.03894.

RoBERTa's parts, trained on French; they are in :mod:`dure.models.fairseq`.
"""

from __future__ import annotations

from typing import ClassVar

from dure.models.config import PretrainedConfig
from dure.models.encoder import FIELDS
from dure.models.fairseq import (
    FairseqBody,
    FairseqCausalHead,
    FairseqMaskedHead,
    FairseqMultipleChoiceHead,
    FairseqPreTrainedModel,
    FairseqQuestionAnsweringHead,
    FairseqSequenceClassificationHead,
    FairseqTokenClassificationHead,
)
from dure.typing import JsonObject

__all__ = ["CamembertConfig", "CamembertForCausalLM", "CamembertForMaskedLM", "CamembertForMultipleChoice",
           "CamembertForQuestionAnswering", "CamembertForSequenceClassification", "CamembertForTokenClassification",
           "CamembertModel"]  # fmt: skip


class CamembertConfig(PretrainedConfig):
    """Configuration of a CamemBERT; the defaults are the original's."""

    model_type: ClassVar[str] = "camembert"
    defaults: ClassVar[JsonObject] = {
        **FIELDS,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    only: ClassVar[JsonObject] = {"position_embedding_type": "absolute"}


class CamembertPreTrainedModel(FairseqPreTrainedModel):
    """What the body and all heads share: the configuration's class."""

    config_class: ClassVar[type[PretrainedConfig]] = CamembertConfig


class CamembertModel(CamembertPreTrainedModel, FairseqBody):
    """The body: ids in, hidden states out."""


class CamembertForMaskedLM(CamembertPreTrainedModel, FairseqMaskedHead):
    """A word for each masked position."""

    body_class: ClassVar[type[FairseqBody]] = CamembertModel


class CamembertForCausalLM(CamembertPreTrainedModel, FairseqCausalHead):
    """The next word at each position; it may be given an encoder's states."""


class CamembertForSequenceClassification(CamembertPreTrainedModel, FairseqSequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[FairseqBody]] = CamembertModel


class CamembertForTokenClassification(CamembertPreTrainedModel, FairseqTokenClassificationHead):
    """A class for each token, such as the kind of a name."""

    body_class: ClassVar[type[FairseqBody]] = CamembertModel


class CamembertForQuestionAnswering(CamembertPreTrainedModel, FairseqQuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""

    body_class: ClassVar[type[FairseqBody]] = CamembertModel


class CamembertForMultipleChoice(CamembertPreTrainedModel, FairseqMultipleChoiceHead):
    """The best of several continuations of a text."""

    body_class: ClassVar[type[FairseqBody]] = CamembertModel
