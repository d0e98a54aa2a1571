"""XLM-RoBERTa: Conneau et al., "Unsupervised Cross-lingual Representation Learning at Scale" (2019).

https://arxiv.org/abs/1911.02116. RoBERTa's parts, trained on a hundred languages; they are in
:mod:`dure.models.fairseq`.
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

__all__ = ["XLMRobertaConfig", "XLMRobertaForCausalLM", "XLMRobertaForMaskedLM", "XLMRobertaForMultipleChoice",
           "XLMRobertaForQuestionAnswering", "XLMRobertaForSequenceClassification",
           "XLMRobertaForTokenClassification", "XLMRobertaModel"]  # fmt: skip


class XLMRobertaConfig(PretrainedConfig):
    """Configuration of a XLM-RoBERTa; the defaults are the original's."""

    model_type: ClassVar[str] = "xlm-roberta"
    defaults: ClassVar[JsonObject] = {
        **FIELDS,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    only: ClassVar[JsonObject] = {"position_embedding_type": "absolute"}


class XLMRobertaPreTrainedModel(FairseqPreTrainedModel):
    """What the body and all heads share: the configuration's class."""

    config_class: ClassVar[type[PretrainedConfig]] = XLMRobertaConfig


class XLMRobertaModel(XLMRobertaPreTrainedModel, FairseqBody):
    """The body: ids in, hidden states out."""


class XLMRobertaForMaskedLM(XLMRobertaPreTrainedModel, FairseqMaskedHead):
    """A word for each masked position."""

    body_class: ClassVar[type[FairseqBody]] = XLMRobertaModel


class XLMRobertaForCausalLM(XLMRobertaPreTrainedModel, FairseqCausalHead):
    """The next word at each position; it may be given an encoder's states."""


class XLMRobertaForSequenceClassification(XLMRobertaPreTrainedModel, FairseqSequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[FairseqBody]] = XLMRobertaModel


class XLMRobertaForTokenClassification(XLMRobertaPreTrainedModel, FairseqTokenClassificationHead):
    """A class for each token, such as the kind of a name."""

    body_class: ClassVar[type[FairseqBody]] = XLMRobertaModel


class XLMRobertaForQuestionAnswering(XLMRobertaPreTrainedModel, FairseqQuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""

    body_class: ClassVar[type[FairseqBody]] = XLMRobertaModel


class XLMRobertaForMultipleChoice(XLMRobertaPreTrainedModel, FairseqMultipleChoiceHead):
    """The best of several continuations of a text."""

    body_class: ClassVar[type[FairseqBody]] = XLMRobertaModel
