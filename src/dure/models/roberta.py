"""RoBERTa: Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach" (2019), https://arxiv.org/abs/1907.11692.

BERT's blocks; positions count the words that aren't padding, and texts are classified by their first token. Parts and
names of weights are in :mod:`dure.models.fairseq`.
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

__all__ = ["RobertaConfig", "RobertaForCausalLM", "RobertaForMaskedLM", "RobertaForMultipleChoice",
           "RobertaForQuestionAnswering", "RobertaForSequenceClassification", "RobertaForTokenClassification",
           "RobertaModel"]  # fmt: skip


class RobertaConfig(PretrainedConfig):
    """Configuration of a RoBERTa; the defaults are the original's."""

    model_type: ClassVar[str] = "roberta"
    defaults: ClassVar[JsonObject] = {
        **FIELDS,
        "vocab_size": 50265,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    only: ClassVar[JsonObject] = {"position_embedding_type": "absolute"}


class RobertaPreTrainedModel(FairseqPreTrainedModel):
    """What the body and all heads share: the configuration's class."""

    config_class: ClassVar[type[PretrainedConfig]] = RobertaConfig


class RobertaModel(RobertaPreTrainedModel, FairseqBody):
    """The body: ids in, hidden states out."""


class RobertaForMaskedLM(RobertaPreTrainedModel, FairseqMaskedHead):
    """A word for each masked position."""

    body_class: ClassVar[type[FairseqBody]] = RobertaModel


class RobertaForCausalLM(RobertaPreTrainedModel, FairseqCausalHead):
    """The next word at each position; it may be given an encoder's states."""


class RobertaForSequenceClassification(RobertaPreTrainedModel, FairseqSequenceClassificationHead):
    """A class, several yes/no answers, or a number for each text."""

    body_class: ClassVar[type[FairseqBody]] = RobertaModel


class RobertaForTokenClassification(RobertaPreTrainedModel, FairseqTokenClassificationHead):
    """A class for each token, such as the kind of a name."""

    body_class: ClassVar[type[FairseqBody]] = RobertaModel


class RobertaForQuestionAnswering(RobertaPreTrainedModel, FairseqQuestionAnsweringHead):
    """Where in a text the answer to a question starts and ends."""

    body_class: ClassVar[type[FairseqBody]] = RobertaModel


class RobertaForMultipleChoice(RobertaPreTrainedModel, FairseqMultipleChoiceHead):
    """The best of several continuations of a text."""

    body_class: ClassVar[type[FairseqBody]] = RobertaModel
