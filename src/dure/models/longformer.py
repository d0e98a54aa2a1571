"""Longformer: Beltagy et al., "Longformer: The Long-Document Transformer" (2020), https://arxiv.org/abs/2004.05150.

RoBERTa's parts; a token looks at those near it, and at a few global ones, which look at all. Read from top to bottom:
configuration, names, body, heads.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from dure.errors import ConfigError, InputError
from dure.layers.prediction import Pooler
from dure.layers.window_attention import GlobalTokens, WindowAttention
from dure.models import outputs
from dure.models.config import PretrainedConfig
from dure.models.encoder import BLOCK_NAMES, FIELDS, EncoderModel, embeddings_of, stack_of, words_of
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

__all__ = ["LongformerConfig", "LongformerForMaskedLM", "LongformerForMultipleChoice", "LongformerForQuestionAnswering",
           "LongformerForSequenceClassification", "LongformerForTokenClassification", "LongformerModel"]  # fmt: skip


class LongformerConfig(PretrainedConfig):
    """Configuration of a Longformer; ``attention_window`` is one number, or one for each layer."""

    model_type: ClassVar[str] = "longformer"
    defaults: ClassVar[JsonObject] = {
        **{name: value for name, value in FIELDS.items()
           if name not in {"position_embedding_type", "use_cache", "classifier_dropout"}},
        "attention_window": 512,
        "sep_token_id": 2,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "onnx_export": False,
    }  # fmt: skip

    @property
    def windows(self) -> list[int]:
        """The window of each layer.

        Raises:
            ConfigError: ``attention_window`` isn't a number, nor a list of as many as there are layers.
        """
        window, count = self.attention_window, self.num_hidden_layers
        windows = [window] * count if isinstance(window, int) else window
        if not isinstance(windows, list) or len(windows) != count:
            raise ConfigError(f"attention_window is {window!r}; expected an even number, or {count}, one a layer")
        return windows


class LongformerPreTrainedModel(PreTrainedModel):
    """What the body and all heads share: the configuration's class and the names of weights."""

    config_class: ClassVar[type[PretrainedConfig]] = LongformerConfig
    base_model_prefix: ClassVar[str] = "longformer"
    renames: ClassVar[Renames] = Renames(
        *BLOCK_NAMES,
        ("attention.query_global", "attention.self.query_global"),
        ("attention.key_global", "attention.self.key_global"),
        ("attention.value_global", "attention.self.value_global"),
        ("lm_head.norm", "lm_head.layer_norm"),
    )


class LongformerModel(EncoderModel, LongformerPreTrainedModel):
    """The body: ids in, hidden states out. ``global_attention_mask`` ``(batch, length)`` is 1 for global tokens.

    Args:
        config: The configuration.
        add_pooling_layer: Whether the pooler is there; of the heads, only multiple choice has one.
    """

    def __init__(self, config: LongformerConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = embeddings_of(config, skips_padding=True)
        self.encoder = stack_of(config)
        for block, window in zip(self.encoder.layer, config.windows, strict=True):
            block.attention = WindowAttention(
                config.hidden_size, config.num_attention_heads, config.attention_probs_dropout_prob, window
            )
        self.pooler = Pooler(config.hidden_size) if add_pooling_layer else None
        self.post_init()

    def seen_by_blocks(
        self, attention_mask: Tensor | None, shape: tuple[int, int], global_attention_mask: Tensor | None = None
    ) -> JsonObject:
        """Which tokens look everywhere."""
        return {"global_tokens": GlobalTokens.from_masks(global_attention_mask, attention_mask, shape)}

    def result_of(self, last: Tensor, pooled: Tensor | None, states: Any, weights: Any) -> outputs.ModelOutput:
        """The output; weights of each layer are those near a token, and those of global tokens."""
        near, everywhere = (None, None) if weights is None else zip(*weights, strict=True)
        everywhere = None if everywhere is None or None in everywhere else everywhere
        return outputs.LongformerBaseModelOutputWithPooling(last, pooled, states, near, everywhere)


def _around_separator(ids: Tensor, separator: int, *, is_before: bool) -> Tensor:
    """``(batch, length)``, 1 for the question, or for what follows it: the texts have three separators."""
    is_separator = ids == separator
    if not bool((is_separator.sum(dim=1) == 3).all()):
        raise InputError(
            f"each text must hold the separator {separator} three times, as the tokenizer writes pairs, so that it is "
            "known which tokens are global; or pass global_attention_mask"
        )
    end = is_separator.long().argmax(dim=1, keepdim=True)
    columns = torch.arange(ids.shape[1], device=ids.device)
    return (columns < end if is_before else columns > end + 1).long()


class LongformerForMaskedLM(MaskedLM, LongformerPreTrainedModel):
    """A word for each masked position."""

    head_name: ClassVar[str] = "lm_head"
    tied_weights: ClassVar[dict[str, str]] = {"lm_head.decoder.weight": "longformer.embeddings.word_embeddings.weight"}
    aliases: ClassVar[dict[str, str]] = {"lm_head.bias": "lm_head.decoder.bias"}

    def __init__(self, config: LongformerConfig) -> None:
        head = words_of(config, activation_name="gelu")
        super().__init__(config, LongformerModel(config, add_pooling_layer=False), head)


class _GlobalHead(EncoderHead, LongformerPreTrainedModel):
    """A head that knows which tokens to make global where nobody says so."""

    def global_tokens(self, input_ids: Tensor) -> Tensor:
        """``(batch, length)``, 1 for global tokens."""
        raise NotImplementedError

    def run_body(self, input_ids: Tensor | None, attention_mask: Tensor | None, token_type_ids: Tensor | None,
                 **inputs: Any) -> Any:  # fmt: skip
        """The body's output; inputs of several choices are flat, and so becomes their mask."""
        mask = inputs.get("global_attention_mask")
        if mask is None and input_ids is not None:
            inputs["global_attention_mask"] = self.global_tokens(input_ids)
        elif mask is not None and mask.dim() == 3:
            inputs["global_attention_mask"] = mask.flatten(0, 1)
        return super().run_body(input_ids, attention_mask, token_type_ids, **inputs)


class LongformerForSequenceClassification(SequenceClassification, _GlobalHead):
    """A class, several yes/no answers, or a number for each text; the first token is global."""

    def __init__(self, config: LongformerConfig) -> None:
        super().__init__(
            config, LongformerModel(config, add_pooling_layer=False), dropout=config.hidden_dropout_prob,
            layer_activation="tanh",
        )  # fmt: skip

    def global_tokens(self, input_ids: Tensor) -> Tensor:
        """The first token."""
        mask = torch.zeros_like(input_ids)
        mask[:, 0] = 1
        return mask


class LongformerForTokenClassification(TokenClassification, LongformerPreTrainedModel):
    """A class for each token, such as the kind of a name."""

    def __init__(self, config: LongformerConfig) -> None:
        super().__init__(config, LongformerModel(config, add_pooling_layer=False), dropout=config.hidden_dropout_prob)


class LongformerForQuestionAnswering(QuestionAnswering, _GlobalHead):
    """Where in a text the answer to a question starts and ends; the question's tokens are global."""

    def __init__(self, config: LongformerConfig) -> None:
        super().__init__(config, LongformerModel(config, add_pooling_layer=False))

    def global_tokens(self, input_ids: Tensor) -> Tensor:
        """The question: all before the first separator."""
        return _around_separator(input_ids, self.config.sep_token_id, is_before=True)


class LongformerForMultipleChoice(MultipleChoice, _GlobalHead):
    """The best of several continuations of a text; the continuation's tokens are global."""

    def __init__(self, config: LongformerConfig) -> None:
        super().__init__(config, LongformerModel(config), dropout=config.hidden_dropout_prob)

    def global_tokens(self, input_ids: Tensor) -> Tensor:
        """The continuation: all behind the second separator."""
        return _around_separator(input_ids, self.config.sep_token_id, is_before=False)
