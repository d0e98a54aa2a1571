"""Encoders as fairseq has them: what RoBERTa, CamemBERT and XLM-RoBERTa share beside their configurations.

BERT's blocks; positions count the words that aren't padding, and texts are classified by their first token.
"""

from __future__ import annotations

from typing import ClassVar

from dure.layers.prediction import Pooler
from dure.models.config import PretrainedConfig
from dure.models.encoder import BLOCK_NAMES, EncoderModel, embeddings_of, head_dropout, stack_of, words_of
from dure.models.encoder_causal import CAUSAL_BLOCK_NAMES, CausalBody, CausalWords
from dure.models.encoder_heads import (
    MaskedLM,
    MultipleChoice,
    QuestionAnswering,
    SequenceClassification,
    TokenClassification,
)
from dure.models.pretrained import PreTrainedModel
from dure.models.weights import Renames

__all__ = ["FairseqBody", "FairseqCausalHead", "FairseqMaskedHead", "FairseqMultipleChoiceHead",
           "FairseqPreTrainedModel", "FairseqQuestionAnsweringHead", "FairseqSequenceClassificationHead",
           "FairseqTokenClassificationHead"]  # fmt: skip


class FairseqPreTrainedModel(PreTrainedModel):
    """What bodies and heads share: the names of weights."""

    base_model_prefix: ClassVar[str] = "roberta"
    renames: ClassVar[Renames] = Renames(*BLOCK_NAMES, ("lm_head.norm", "lm_head.layer_norm"))
    #: The family's body, for its heads.
    body_class: ClassVar[type[FairseqBody]]


class FairseqBody(FairseqPreTrainedModel, EncoderModel):
    """The body: ids in, hidden states out.

    Args:
        config: The configuration.
        add_pooling_layer: Whether the pooler is there; of the heads, only multiple choice has one.
    """

    def __init__(self, config: PretrainedConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = embeddings_of(config, skips_padding=True)
        self.encoder = stack_of(config)
        self.pooler = Pooler(config.hidden_size) if add_pooling_layer else None
        self.post_init()


class FairseqMaskedHead(FairseqPreTrainedModel, MaskedLM):
    """A word for each masked position."""

    head_name: ClassVar[str] = "lm_head"
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight"}
    aliases: ClassVar[dict[str, str]] = {"lm_head.bias": "lm_head.decoder.bias"}

    def __init__(self, config: PretrainedConfig) -> None:
        head = words_of(config, activation_name="gelu")
        super().__init__(config, self.body_class(config, add_pooling_layer=False), head)


class FairseqCausalHead(FairseqPreTrainedModel, CausalWords):
    """The next word at each position; it may be given an encoder's states."""

    head_name: ClassVar[str] = "lm_head"
    #: The body numbers words by itself, from behind the padding's number.
    skips_padding: ClassVar[bool] = False
    renames: ClassVar[Renames] = Renames(*CAUSAL_BLOCK_NAMES, ("lm_head.norm", "lm_head.layer_norm"))
    tied_weights: ClassVar[dict[str, str]] = FairseqMaskedHead.tied_weights
    aliases: ClassVar[dict[str, str]] = FairseqMaskedHead.aliases

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config, CausalBody(config, skips_padding=True), words_of(config, activation_name="gelu"))


class FairseqSequenceClassificationHead(FairseqPreTrainedModel, SequenceClassification):
    """A class, several yes/no answers, or a number for each text."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(
            config, self.body_class(config, add_pooling_layer=False), dropout=head_dropout(config),
            layer_activation="tanh",
        )  # fmt: skip


class FairseqTokenClassificationHead(FairseqPreTrainedModel, TokenClassification):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config, self.body_class(config, add_pooling_layer=False), dropout=head_dropout(config))


class FairseqQuestionAnsweringHead(FairseqPreTrainedModel, QuestionAnswering):
    """Where in a text the answer to a question starts and ends."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config, self.body_class(config, add_pooling_layer=False))


class FairseqMultipleChoiceHead(FairseqPreTrainedModel, MultipleChoice):
    """The best of several continuations of a text."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config, self.body_class(config), dropout=config.hidden_dropout_prob)
