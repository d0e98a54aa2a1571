"""ELECTRA: Clark et al., "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators" (2020).

https://arxiv.org/abs/2003.10555. BERT's blocks on tables that may be narrower. A generator fills in words, and a
discriminator says which were filled in. Read from top to bottom: configuration, names, body, heads.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from dure.errors import InputError
from dure.layers.linear import Linear
from dure.layers.prediction import Summary
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
from dure.models.pretrained import PreTrainedModel
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["ElectraConfig", "ElectraForCausalLM", "ElectraForMaskedLM", "ElectraForMultipleChoice",
           "ElectraForPreTraining", "ElectraForQuestionAnswering", "ElectraForSequenceClassification",
           "ElectraForTokenClassification", "ElectraModel"]  # fmt: skip

#: Names of the generator's weights.
WORD_NAMES = (
    ("generator.dense", "generator_predictions.dense"),
    ("generator.norm", "generator_predictions.LayerNorm"),
    ("generator.decoder", "generator_lm_head"),
)


class ElectraConfig(PretrainedConfig):
    """Configuration of an ELECTRA; the defaults are those of electra-small-discriminator."""

    model_type: ClassVar[str] = "electra"
    defaults: ClassVar[JsonObject] = {
        **FIELDS,
        "embedding_size": 128,
        "hidden_size": 256,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
        "summary_type": "first",
        "summary_use_proj": True,
        "summary_activation": "gelu",
        "summary_last_dropout": 0.1,
    }
    only: ClassVar[JsonObject] = {
        "position_embedding_type": "absolute",
        "summary_type": "first",
        "summary_use_proj": True,
    }


class ElectraPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = ElectraConfig
    base_model_prefix: ClassVar[str] = "electra"
    renames: ClassVar[Renames] = Renames(*BLOCK_NAMES, *WORD_NAMES)


class ElectraModel(EncoderModel, ElectraPreTrainedModel):
    """The body: ids in, hidden states out.

    Args:
        config: The configuration.
    """

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config)
        self.embeddings = embeddings_of(config, size=config.embedding_size)
        if config.embedding_size != config.hidden_size:
            self.embeddings_project = Linear(config.embedding_size, config.hidden_size)
        self.encoder = stack_of(config)
        self.post_init()


class Discriminator(nn.Module):
    """One number for each token: above 0 where it was replaced.

    Args:
        config: The configuration.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.hidden_size)
        self.activation = config.hidden_act
        self.dense_prediction = Linear(config.hidden_size, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(batch, length, hidden_size)`` to ``(batch, length)``."""
        logits: Tensor = self.dense_prediction(self.dense(hidden, activation=self.activation))
        return logits.squeeze(-1)


class ElectraForPreTraining(EncoderHead, ElectraPreTrainedModel):
    """The discriminator: which tokens were replaced."""

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config, ElectraModel(config))
        self.discriminator_predictions = Discriminator(config)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, **inputs: Any) -> Any:  # fmt: skip
        """Logits ``(batch, length)``; ``labels`` are 1 where a token was replaced, and those of padding don't count."""
        body = self.run_body(input_ids, attention_mask, token_type_ids, **inputs)
        logits = self.discriminator_predictions(body.last_hidden_state)
        loss = None
        if labels is not None:
            if labels.shape != logits.shape:
                raise InputError(
                    f"labels {tuple(labels.shape)} must have the shape of the texts, {tuple(logits.shape)}"
                )
            keep = slice(None) if attention_mask is None else attention_mask == 1
            loss = F.binary_cross_entropy_with_logits(logits[keep], labels[keep].to(logits.dtype))
        result = outputs.ElectraForPreTrainingOutput(loss, logits, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class ElectraForMaskedLM(MaskedLM, ElectraPreTrainedModel):
    """The generator: a word for each masked position."""

    head_name: ClassVar[str] = "generator"
    tied_weights: ClassVar[dict[str, str]] = {"generator.decoder.weight": "electra.embeddings.word_embeddings.weight"}

    def __init__(self, config: ElectraConfig) -> None:
        head = words_of(config, activation_name="gelu", table_size=config.embedding_size)
        super().__init__(config, ElectraModel(config), head)


class ElectraForCausalLM(CausalWords, ElectraPreTrainedModel):
    """The generator as a decoder: the next word at each position; it may be given an encoder's states."""

    head_name: ClassVar[str] = "generator"
    renames: ClassVar[Renames] = Renames(*CAUSAL_BLOCK_NAMES, *WORD_NAMES)
    tied_weights: ClassVar[dict[str, str]] = ElectraForMaskedLM.tied_weights

    def __init__(self, config: ElectraConfig) -> None:
        head = words_of(config, activation_name="gelu", table_size=config.embedding_size)
        super().__init__(config, CausalBody(config, table_size=config.embedding_size), head)


class ElectraForSequenceClassification(SequenceClassification, ElectraPreTrainedModel):
    """A class, several yes/no answers, or a number for each text."""

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(
            config, ElectraModel(config), dropout=head_dropout(config),
            layer_activation="gelu",
        )  # fmt: skip


class ElectraForTokenClassification(TokenClassification, ElectraPreTrainedModel):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config, ElectraModel(config), dropout=head_dropout(config))


class ElectraForQuestionAnswering(QuestionAnswering, ElectraPreTrainedModel):
    """Where in a text the answer to a question starts and ends."""

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config, ElectraModel(config))


class ElectraForMultipleChoice(MultipleChoice, ElectraPreTrainedModel):
    """The best of several continuations of a text."""

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config, ElectraModel(config), dropout=config.summary_last_dropout)
        size, activation_name = config.hidden_size, config.summary_activation
        self.sequence_summary = Summary(size, size, kind=config.summary_type, activation_name=activation_name)
        self.post_init()

    def text_state(self, body: Any, attention_mask: Tensor | None) -> Tensor:  # noqa: ARG002
        """``(batch, hidden_size)``, the state of the first token through one more layer."""
        state: Tensor = self.sequence_summary(body.last_hidden_state)
        return state
