"""What `generate` returns with ``return_dict_in_generate``; names and fields are the original's."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor

from dure.models.outputs import ModelOutput

__all__ = ["BeamSampleDecoderOnlyOutput", "BeamSampleEncoderDecoderOutput", "BeamSearchDecoderOnlyOutput",
           "BeamSearchEncoderDecoderOutput", "GenerateBeamDecoderOnlyOutput", "GenerateBeamEncoderDecoderOutput",
           "GenerateDecoderOnlyOutput", "GenerateEncoderDecoderOutput", "GreedySearchDecoderOnlyOutput",
           "GreedySearchEncoderDecoderOutput", "SampleDecoderOnlyOutput", "SampleEncoderDecoderOutput"]  # fmt: skip

#: For each token, for each layer.
PerToken = tuple[tuple[Tensor, ...], ...]


@dataclasses.dataclass
class GenerateDecoderOnlyOutput(ModelOutput):
    """``sequences`` are ``(rows, length)``; ``scores`` (processed) and ``logits`` have ``(rows, vocab_size)`` each."""

    sequences: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    logits: tuple[Tensor, ...] | None = None
    attentions: PerToken | None = None
    hidden_states: PerToken | None = None
    past_key_values: Any = None


@dataclasses.dataclass
class GenerateEncoderDecoderOutput(ModelOutput):
    """As :class:`GenerateDecoderOnlyOutput`, with what the encoder showed."""

    sequences: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    logits: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: PerToken | None = None
    cross_attentions: PerToken | None = None
    decoder_hidden_states: PerToken | None = None
    past_key_values: Any = None


@dataclasses.dataclass
class GenerateBeamDecoderOnlyOutput(ModelOutput):
    """``sequences_scores`` are ``(rows,)``, ``beam_indices`` ``(rows, new)``: the beam a token continued, or -1."""

    sequences: Tensor | None = None
    sequences_scores: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    logits: tuple[Tensor, ...] | None = None
    beam_indices: Tensor | None = None
    attentions: PerToken | None = None
    hidden_states: PerToken | None = None
    past_key_values: Any = None


@dataclasses.dataclass
class GenerateBeamEncoderDecoderOutput(ModelOutput):
    """As :class:`GenerateBeamDecoderOnlyOutput`, with what the encoder showed."""

    sequences: Tensor | None = None
    sequences_scores: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    logits: tuple[Tensor, ...] | None = None
    beam_indices: Tensor | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: PerToken | None = None
    cross_attentions: PerToken | None = None
    decoder_hidden_states: PerToken | None = None
    past_key_values: Any = None


GreedySearchDecoderOnlyOutput = SampleDecoderOnlyOutput = GenerateDecoderOnlyOutput
GreedySearchEncoderDecoderOutput = SampleEncoderDecoderOutput = GenerateEncoderDecoderOutput
BeamSearchDecoderOnlyOutput = BeamSampleDecoderOnlyOutput = GenerateBeamDecoderOnlyOutput
BeamSearchEncoderDecoderOutput = BeamSampleEncoderDecoderOutput = GenerateBeamEncoderDecoderOutput
