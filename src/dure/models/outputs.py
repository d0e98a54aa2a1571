"""What models return: dataclasses that can also be read by key and by index."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from torch import Tensor

__all__ = [
    "AlbertForPreTrainingOutput",
    "BaseModelOutput",
    "BaseModelOutputWithPast",
    "BaseModelOutputWithPastAndCrossAttentions",
    "BaseModelOutputWithPoolingAndCrossAttentions",
    "BertForPreTrainingOutput",
    "CausalLMOutputWithCrossAttentions",
    "CausalLMOutputWithPast",
    "ElectraForPreTrainingOutput",
    "GPT2DoubleHeadsModelOutput",
    "LongformerBaseModelOutputWithPooling",
    "MaskedLMOutput",
    "ModelOutput",
    "MultipleChoiceModelOutput",
    "NextSentencePredictorOutput",
    "QuestionAnsweringModelOutput",
    "SequenceClassifierOutput",
    "SequenceClassifierOutputWithPast",
    "TokenClassifierOutput",
]


@dataclasses.dataclass
class ModelOutput:
    """Read as ``output.logits``, ``output["logits"]`` or ``output[0]``; fields that are None don't count."""

    def _present(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def __getitem__(self, key: str | int | slice) -> Any:
        return self._present()[key] if isinstance(key, str) else self.to_tuple()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._present())

    def __len__(self) -> int:
        return len(self._present())

    def __contains__(self, key: object) -> bool:
        return key in self._present()

    def keys(self) -> list[str]:
        """Names of the fields that are there."""
        return list(self._present())

    def values(self) -> list[Any]:
        """Values of the fields that are there."""
        return list(self._present().values())

    def items(self) -> list[tuple[str, Any]]:
        """Names and values of the fields that are there."""
        return list(self._present().items())

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a field, or a default."""
        return self._present().get(key, default)

    def to_tuple(self) -> tuple[Any, ...]:
        """The values of the fields that are there, in order."""
        return tuple(self._present().values())


@dataclasses.dataclass
class BaseModelOutput(ModelOutput):
    """Hidden states of a body: ``last_hidden_state`` is ``(batch, length, hidden_size)``."""

    last_hidden_state: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class BaseModelOutputWithPast(ModelOutput):
    """Hidden states of a decoder, and the cache that the next tokens need."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class BaseModelOutputWithPastAndCrossAttentions(BaseModelOutputWithPast):
    """The same of a decoder that may look at a source.

    ``attentions`` are ``(batch, num_heads, length, past + length)``, ``cross_attentions``
    ``(batch, num_heads, length, source_length)``.
    """

    cross_attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class BaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    """Hidden states and a pooled state: ``pooler_output`` is ``(batch, hidden_size)``."""

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class LongformerBaseModelOutputWithPooling(BaseModelOutputWithPoolingAndCrossAttentions):
    """``attentions`` are those on global tokens and the window, ``global_attentions`` those of global tokens."""

    global_attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class SequenceClassifierOutput(ModelOutput):
    """``logits`` are ``(batch, num_labels)``; ``loss`` is a number where labels were given."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    global_attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class SequenceClassifierOutputWithPast(ModelOutput):
    """As :class:`SequenceClassifierOutput`, from a decoder with its cache."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class CausalLMOutputWithPast(SequenceClassifierOutputWithPast):
    """``logits`` are ``(batch, length, vocab_size)``, each for the token that comes next."""


@dataclasses.dataclass
class CausalLMOutputWithCrossAttentions(CausalLMOutputWithPast):
    """The same of a decoder that may look at a source, ``(batch, num_heads, length, source_length)``."""

    cross_attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class GPT2DoubleHeadsModelOutput(ModelOutput):
    """``logits`` are ``(batch, num_choices, length, vocab_size)``, ``mc_logits`` ``(batch, num_choices)``."""

    loss: Tensor | None = None
    mc_loss: Tensor | None = None
    logits: Tensor | None = None
    mc_logits: Tensor | None = None
    past_key_values: Any = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class TokenClassifierOutput(SequenceClassifierOutput):
    """``logits`` are ``(batch, length, num_labels)``."""


@dataclasses.dataclass
class MaskedLMOutput(SequenceClassifierOutput):
    """``logits`` are ``(batch, length, vocab_size)``."""


@dataclasses.dataclass
class MultipleChoiceModelOutput(SequenceClassifierOutput):
    """``logits`` are ``(batch, num_choices)``."""


@dataclasses.dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    """``start_logits`` and ``end_logits`` are ``(batch, length)``."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    global_attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class NextSentencePredictorOutput(SequenceClassifierOutput):
    """``logits`` are ``(batch, 2)``: the second text follows the first, or it doesn't."""


@dataclasses.dataclass
class ElectraForPreTrainingOutput(SequenceClassifierOutput):
    """``logits`` are ``(batch, length)``: above 0 where a token was replaced."""


@dataclasses.dataclass
class BertForPreTrainingOutput(ModelOutput):
    """``prediction_logits`` are ``(batch, length, vocab_size)``, ``seq_relationship_logits`` ``(batch, 2)``."""

    loss: Tensor | None = None
    prediction_logits: Tensor | None = None
    seq_relationship_logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class AlbertForPreTrainingOutput(ModelOutput):
    """``prediction_logits`` are ``(batch, length, vocab_size)``, ``sop_logits`` ``(batch, 2)``."""

    loss: Tensor | None = None
    prediction_logits: Tensor | None = None
    sop_logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
