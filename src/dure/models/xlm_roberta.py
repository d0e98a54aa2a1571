"""XLM-RoBERTa: Conneau et al., "Unsupervised Cross-lingual Representation Learning at Scale" (2019).

https://arxiv.org/abs/1911.02116. RoBERTa's parts, trained on a hundred languages. Read from top to bottom:
configuration, names, body, heads.
"""

from __future__ import annotations

from typing import ClassVar

from dure.layers.prediction import Pooler
from dure.models.config import PretrainedConfig
from dure.models.encoder import BLOCK_NAMES, FIELDS, EncoderModel, embeddings_of, head_dropout, stack_of, words_of
from dure.models.encoder_heads import (
    MaskedLM,
    MultipleChoice,
    QuestionAnswering,
    SequenceClassification,
    TokenClassification,
)
from dure.models.pretrained import PreTrainedModel
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["XLMRobertaConfig", "XLMRobertaForMaskedLM", "XLMRobertaForMultipleChoice", "XLMRobertaForQuestionAnswering",
           "XLMRobertaForSequenceClassification", "XLMRobertaForTokenClassification", "XLMRobertaModel"]  # fmt: skip


class XLMRobertaConfig(PretrainedConfig):
    """Configuration of an XLM-RoBERTa; the defaults are the original's."""

    model_type: ClassVar[str] = "xlm-roberta"
    defaults: ClassVar[JsonObject] = {
        **FIELDS,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    only: ClassVar[JsonObject] = {"position_embedding_type": "absolute", "is_decoder": False}


class XLMRobertaPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = XLMRobertaConfig
    base_model_prefix: ClassVar[str] = "roberta"
    renames: ClassVar[Renames] = Renames(*BLOCK_NAMES, ("lm_head.norm", "lm_head.layer_norm"))


class XLMRobertaModel(EncoderModel, XLMRobertaPreTrainedModel):
    """The body: ids in, hidden states out.

    Args:
        config: The configuration.
        add_pooling_layer: Whether the pooler is there; of the heads, only multiple choice has one.
    """

    def __init__(self, config: XLMRobertaConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = embeddings_of(config, skips_padding=True)
        self.encoder = stack_of(config)
        self.pooler = Pooler(config.hidden_size) if add_pooling_layer else None
        self.post_init()


class XLMRobertaForMaskedLM(MaskedLM, XLMRobertaPreTrainedModel):
    """A word for each masked position."""

    head_name: ClassVar[str] = "lm_head"
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight"}
    aliases: ClassVar[dict[str, str]] = {"lm_head.bias": "lm_head.decoder.bias"}

    def __init__(self, config: XLMRobertaConfig) -> None:
        head = words_of(config, activation_name="gelu")
        super().__init__(config, XLMRobertaModel(config, add_pooling_layer=False), head)


class XLMRobertaForSequenceClassification(SequenceClassification, XLMRobertaPreTrainedModel):
    """A class, several yes/no answers, or a number for each text."""

    def __init__(self, config: XLMRobertaConfig) -> None:
        super().__init__(
            config, XLMRobertaModel(config, add_pooling_layer=False), dropout=head_dropout(config),
            layer_activation="tanh",
        )  # fmt: skip


class XLMRobertaForTokenClassification(TokenClassification, XLMRobertaPreTrainedModel):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: XLMRobertaConfig) -> None:
        super().__init__(config, XLMRobertaModel(config, add_pooling_layer=False), dropout=head_dropout(config))


class XLMRobertaForQuestionAnswering(QuestionAnswering, XLMRobertaPreTrainedModel):
    """Where in a text the answer to a question starts and ends."""

    def __init__(self, config: XLMRobertaConfig) -> None:
        super().__init__(config, XLMRobertaModel(config, add_pooling_layer=False))


class XLMRobertaForMultipleChoice(MultipleChoice, XLMRobertaPreTrainedModel):
    """The best of several continuations of a text."""

    def __init__(self, config: XLMRobertaConfig) -> None:
        super().__init__(config, XLMRobertaModel(config), dropout=config.hidden_dropout_prob)
