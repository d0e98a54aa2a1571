"""ALBERT: Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations" (2019).

https://arxiv.org/abs/1909.11942. Narrow tables are widened once (section 3.1, factorized embeddings), and the same few
blocks are applied again and again (cross-layer sharing). Read from top to bottom: configuration, names, body, heads.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from dure.layers.block import EncoderBlock
from dure.layers.linear import Linear
from dure.layers.packing import Packing
from dure.layers.prediction import Pooler
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.encoder import EncoderModel, embeddings_of, words_of
from dure.models.encoder_heads import (
    MaskedLM,
    MultipleChoice,
    QuestionAnswering,
    SequenceClassification,
    TokenClassification,
)
from dure.models.heads import pair_loss
from dure.models.pretrained import PreTrainedModel
from dure.models.weights import Renames
from dure.typing import JsonObject

__all__ = ["AlbertConfig", "AlbertForMaskedLM", "AlbertForMultipleChoice", "AlbertForPreTraining",
           "AlbertForQuestionAnswering", "AlbertForSequenceClassification", "AlbertForTokenClassification",
           "AlbertModel"]  # fmt: skip


class AlbertConfig(PretrainedConfig):
    """Configuration of an ALBERT; the defaults are those of albert-xxlarge-v2."""

    model_type: ClassVar[str] = "albert"
    defaults: ClassVar[JsonObject] = {
        "vocab_size": 30000,
        "embedding_size": 128,
        "hidden_size": 4096,
        "num_hidden_layers": 12,
        "num_hidden_groups": 1,
        "num_attention_heads": 64,
        "intermediate_size": 16384,
        "inner_group_num": 1,
        "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0,
        "attention_probs_dropout_prob": 0,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "classifier_dropout_prob": 0.1,
        "position_embedding_type": "absolute",
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    only: ClassVar[JsonObject] = {"position_embedding_type": "absolute", "is_decoder": False}


class AlbertPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = AlbertConfig
    base_model_prefix: ClassVar[str] = "albert"
    renames: ClassVar[Renames] = Renames(
        ("attention.output", "attention.dense"),
        ("attention_norm", "attention.LayerNorm"),
        ("up", "ffn"),
        ("down", "ffn_output"),
        ("output_norm", "full_layer_layer_norm"),
        ("pooler.dense", "pooler"),
        ("predictions.norm", "predictions.LayerNorm"),
    )


class Group(nn.Module):
    """Blocks that are applied together, one after another.

    Args:
        config: The configuration.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.albert_layers = nn.ModuleList(
            EncoderBlock(
                config.hidden_size, config.num_attention_heads, config.intermediate_size,
                activation_name=config.hidden_act, dropout=config.hidden_dropout_prob,
                attention_dropout=config.attention_probs_dropout_prob, epsilon=config.layer_norm_eps,
            )
            for _ in range(config.inner_group_num)
        )  # fmt: skip


class SharedStack(nn.Module):
    """A few groups of blocks, each applied several times.

    Args:
        config: The configuration.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.embedding_hidden_mapping_in = Linear(config.embedding_size, config.hidden_size)
        self.albert_layer_groups = nn.ModuleList(Group(config) for _ in range(config.num_hidden_groups))
        self.num_layers = config.num_hidden_layers

    def forward(
        self, hidden: Tensor, packing: Packing, *, wants_states: bool, wants_weights: bool, is_first_only: bool
    ) -> tuple[Tensor, tuple[Tensor, ...] | None, tuple[Tensor, ...] | None]:
        """Packed ``(num_tokens, embedding_size)`` to what :class:`dure.layers.block.EncoderStack` returns."""
        hidden = self.embedding_hidden_mapping_in(hidden)
        states, weights = [packing.unpack(hidden)] if wants_states else [], []
        is_first_only = is_first_only and not (wants_states or wants_weights)
        groups = [self.albert_layer_groups[i * len(self.albert_layer_groups) // self.num_layers]
                  for i in range(self.num_layers)]  # fmt: skip
        for count, group in enumerate(groups, start=1):
            for inner, block in enumerate(group.albert_layers, start=1):
                is_last = count == self.num_layers and inner == len(group.albert_layers)
                hidden, seen = block(hidden, packing, wants_weights, is_first_only=is_first_only and is_last)
                weights.append(seen)
            if wants_states:
                states.append(packing.unpack(hidden))
        last = hidden.unsqueeze(1) if is_first_only else packing.unpack(hidden)
        return last, tuple(states) if wants_states else None, tuple(weights) if wants_weights else None


class AlbertModel(EncoderModel, AlbertPreTrainedModel):
    """The body: ids in, hidden states out.

    Args:
        config: The configuration.
        add_pooling_layer: Whether the pooler is there.
    """

    def __init__(self, config: AlbertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = embeddings_of(config, size=config.embedding_size)
        self.encoder = SharedStack(config)
        self.pooler = Pooler(config.hidden_size) if add_pooling_layer else None
        self.post_init()


class AlbertForMaskedLM(MaskedLM, AlbertPreTrainedModel):
    """A word for each masked position."""

    head_name: ClassVar[str] = "predictions"
    tied_weights: ClassVar[dict[str, str]] = {"predictions.decoder.weight": "albert.embeddings.word_embeddings.weight"}
    aliases: ClassVar[dict[str, str]] = {"predictions.bias": "predictions.decoder.bias"}

    def __init__(self, config: AlbertConfig) -> None:
        head = words_of(config, table_size=config.embedding_size)
        super().__init__(config, AlbertModel(config, add_pooling_layer=False), head)


class OrderHead(nn.Module):
    """Whether two texts stand in their order (section 3.1, sentence-order prediction).

    Args:
        config: The configuration.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.classifier_dropout_prob)
        self.classifier = Linear(config.hidden_size, config.num_labels)

    def forward(self, pooled: Tensor) -> Tensor:
        """``(batch, hidden_size)`` to ``(batch, num_labels)``."""
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits


class AlbertForPreTraining(MaskedLM, AlbertPreTrainedModel):
    """A word for each masked position, and whether two texts stand in their order."""

    head_name: ClassVar[str] = "predictions"
    tied_weights: ClassVar[dict[str, str]] = AlbertForMaskedLM.tied_weights
    aliases: ClassVar[dict[str, str]] = AlbertForMaskedLM.aliases

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config), words_of(config, table_size=config.embedding_size))
        self.sop_classifier = OrderHead(config)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                return_dict: bool | None = None, sentence_order_label: Tensor | None = None,
                **inputs: Any) -> Any:  # fmt: skip
        """Logits of words and of the order; the loss needs both labels, and ``sentence_order_label`` 1 is swapped."""
        body = self.run_body(input_ids, attention_mask, token_type_ids, **inputs)
        words, order = self.head(body.last_hidden_state), self.sop_classifier(body.pooler_output)
        loss = pair_loss(words, labels, order, sentence_order_label)
        result = outputs.AlbertForPreTrainingOutput(loss, words, order, body.hidden_states, body.attentions)
        return self.as_returned(result, return_dict)


class AlbertForSequenceClassification(SequenceClassification, AlbertPreTrainedModel):
    """A class, several yes/no answers, or a number for each text."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config), dropout=config.classifier_dropout_prob)


class AlbertForTokenClassification(TokenClassification, AlbertPreTrainedModel):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: AlbertConfig) -> None:
        dropout = config.classifier_dropout_prob
        super().__init__(
            config, AlbertModel(config, add_pooling_layer=False),
            dropout=config.hidden_dropout_prob if dropout is None else dropout,
        )  # fmt: skip


class AlbertForQuestionAnswering(QuestionAnswering, AlbertPreTrainedModel):
    """Where in a text the answer to a question starts and ends."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config, add_pooling_layer=False))


class AlbertForMultipleChoice(MultipleChoice, AlbertPreTrainedModel):
    """The best of several continuations of a text."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config), dropout=config.classifier_dropout_prob)
