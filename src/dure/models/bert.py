"""BERT: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2018), https://arxiv.org/abs/1810.04805.

Read from top to bottom: configuration, names, body, heads. What BERT's kin share is in :mod:`dure.models.encoder` and
:mod:`dure.models.encoder_heads`, blocks in :mod:`dure.layers.block`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.linear import Linear
from dure.layers.prediction import Pooler
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.encoder import BLOCK_NAMES, FIELDS, EncoderModel, embeddings_of, head_dropout, stack_of, words_of
from dure.models.encoder_causal import CAUSAL_BLOCK_NAMES, CausalBody, CausalWords
from dure.models.encoder_heads import (
    EncoderHead,
    MaskedLM,
    MultipleChoice,
    QuestionAnswering,
    SequenceClassification,
    TokenClassification,
)
from dure.models.heads import choice_loss, pair_loss
from dure.models.pretrained import PreTrainedModel
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["BertConfig", "BertForMaskedLM", "BertForMultipleChoice", "BertForNextSentencePrediction",
           "BertForPreTraining", "BertForQuestionAnswering", "BertForSequenceClassification",
           "BertForTokenClassification", "BertLMHeadModel", "BertModel"]  # fmt: skip


#: Names of the head's weights over words.
WORD_NAMES = (
    ("cls.dense", "cls.predictions.transform.dense"),
    ("cls.norm", "cls.predictions.transform.LayerNorm"),
    ("cls.decoder", "cls.predictions.decoder"),
)


class BertConfig(PretrainedConfig):
    """Configuration of a BERT; the defaults are those of bert-base-uncased."""

    model_type: ClassVar[str] = "bert"
    defaults: ClassVar[JsonObject] = FIELDS
    only: ClassVar[JsonObject] = {"position_embedding_type": "absolute"}


class BertPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = BertConfig
    base_model_prefix: ClassVar[str] = "bert"
    renames: ClassVar[Renames] = Renames(*BLOCK_NAMES, *WORD_NAMES)
    ignored_weights: ClassVar[tuple[str, ...]] = ("position_ids", "seq_relationship.weight", "seq_relationship.bias")


class BertModel(EncoderModel, BertPreTrainedModel):
    """The body: ids in, hidden states out.

    Args:
        config: The configuration.
        add_pooling_layer: Whether the pooler is there; heads that read every token have none.
    """

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = embeddings_of(config)
        self.encoder = stack_of(config)
        self.pooler = Pooler(config.hidden_size) if add_pooling_layer else None
        self.post_init()


class BertForSequenceClassification(SequenceClassification, BertPreTrainedModel):
    """A class, several yes/no answers, or a number for each text."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config), dropout=head_dropout(config))


class BertForTokenClassification(TokenClassification, BertPreTrainedModel):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=False), dropout=head_dropout(config))


class BertForQuestionAnswering(QuestionAnswering, BertPreTrainedModel):
    """Where in a text the answer to a question starts and ends."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=False))


class BertForMultipleChoice(MultipleChoice, BertPreTrainedModel):
    """The best of several continuations of a text."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config), dropout=head_dropout(config))


class BertForMaskedLM(MaskedLM, BertPreTrainedModel):
    """A word for each masked position."""

    tied_weights: ClassVar[dict[str, str]] = {"cls.decoder.weight": "bert.embeddings.word_embeddings.weight"}
    aliases: ClassVar[dict[str, str]] = {"cls.predictions.bias": "cls.predictions.decoder.bias"}

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=False), words_of(config))


class BertLMHeadModel(CausalWords, BertPreTrainedModel):
    """The next word at each position; it may be given an encoder's states."""

    renames: ClassVar[Renames] = Renames(*CAUSAL_BLOCK_NAMES, *WORD_NAMES)
    tied_weights: ClassVar[dict[str, str]] = BertForMaskedLM.tied_weights
    aliases: ClassVar[dict[str, str]] = BertForMaskedLM.aliases
    ignored_weights: ClassVar[tuple[str, ...]] = (
        *BertPreTrainedModel.ignored_weights, "pooler.dense.weight", "pooler.dense.bias",
    )  # fmt: skip

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, CausalBody(config), words_of(config))


class RelationHead(nn.Module):
    """Whether the second text follows the first (section 3.1, task 2).

    Args:
        config: The configuration.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.seq_relationship = Linear(config.hidden_size, 2)

    def forward(self, pooled: Tensor) -> Tensor:
        """``(batch, hidden_size)`` to ``(batch, 2)``."""
        logits: Tensor = self.seq_relationship(pooled)
        return logits


class BertForNextSentencePrediction(EncoderHead, BertPreTrainedModel):
    """Whether the second text follows the first."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config))
        self.cls = RelationHead(config)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, 2)``; ``labels`` are 0 where the second text follows the first, 1 where it doesn't."""
        body = self.run_body(input_ids, attention_mask, token_type_ids, is_first_only=True, **inputs)
        logits = self.cls(body.pooler_output)
        result = outputs.NextSentencePredictorOutput(
            choice_loss(logits, labels), logits, body.hidden_states, body.attentions
        )
        return self.as_returned(result, return_dict)


class BertForPreTraining(MaskedLM, BertPreTrainedModel):
    """A word for each masked position, and whether the second text follows the first."""

    tied_weights: ClassVar[dict[str, str]] = BertForMaskedLM.tied_weights
    aliases: ClassVar[dict[str, str]] = BertForMaskedLM.aliases

    def __init__(self, config: BertConfig) -> None:
        head = words_of(config)
        head.seq_relationship = Linear(config.hidden_size, 2)
        super().__init__(config, BertModel(config), head)

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, next_sentence_label: Tensor | None = None,
                **inputs: Any) -> Any:  # fmt: skip
        """Logits of words and of what follows; the loss needs both labels, and ``next_sentence_label`` 0 follows."""
        body = self.run_body(input_ids, attention_mask, token_type_ids, **inputs)
        words, relation = self.head(body.last_hidden_state), self.head.seq_relationship(body.pooler_output)
        loss = pair_loss(words, labels, relation, next_sentence_label)
        result = outputs.BertForPreTrainingOutput(loss, words, relation, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)
