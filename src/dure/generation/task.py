"""What a search works on, and what it keeps for the caller."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from dure.generation import outputs
from dure.generation.config import GenerationConfig
from dure.generation.logits import LogitsProcessorList
from dure.generation.prompt import Special
from dure.generation.session import Session
from dure.generation.stopping import StoppingCriteriaList

__all__ = ["Record", "Task"]


class Record:
    """What is kept of each step, where the caller asks for it.

    Args:
        config: What is asked for.
        is_decoding: Whether there is an encoder.
    """

    def __init__(self, config: GenerationConfig, *, is_decoding: bool) -> None:
        self.is_wanted = config.return_dict_in_generate is True
        self.config, self.is_decoding = config, is_decoding
        self.scores: tuple[Tensor, ...] | None = () if self.is_wanted and config.output_scores else None
        self.logits: tuple[Tensor, ...] | None = () if self.is_wanted and config.output_logits else None
        names = {"attentions": config.output_attentions, "hidden_states": config.output_hidden_states}
        if is_decoding:
            names = {f"decoder_{name}": is_shown for name, is_shown in names.items()}
            names["cross_attentions"] = config.output_attentions
        self.shown: dict[str, tuple[Any, ...] | None] = {
            name: () if self.is_wanted and is_shown else None for name, is_shown in names.items()
        }

    def add(self, output: Any, logits: Tensor, scores: Tensor, repeats: int = 1) -> None:
        """One step: the model's output, and logits and scores ``(rows, vocab_size)``.

        Args:
            output: The model's; where it was computed once for several rows, they get a copy each.
            logits: As they came.
            scores: What became of them.
            repeats: Rows for each row of the output.
        """
        if self.scores is not None:
            self.scores += (scores,)
        if self.logits is not None:
            self.logits += (logits,)
        for name, steps in self.shown.items():
            layers = getattr(output, name) if steps is not None else None
            if steps is not None and layers is not None:
                self.shown[name] = (*steps, tuple(layer.repeat_interleave(repeats, 0) for layer in layers))

    def result(self, task: Task, sequences: Tensor, **extra: Any) -> Any:
        """What `generate` returns: ids, or an output with what was asked for."""
        if not self.is_wanted:
            return sequences
        side = "EncoderDecoder" if self.is_decoding else "DecoderOnly"
        kind = getattr(outputs, f"Generate{'Beam' if extra else ''}{side}Output")
        fields: dict[str, Any] = {**extra, **self.shown, "scores": self.scores, "logits": self.logits}
        if self.is_decoding:
            read = task.session.inputs["encoder_outputs"]
            fields["encoder_attentions"] = getattr(read, "attentions", None)
            fields["encoder_hidden_states"] = getattr(read, "hidden_states", None)
        return kind(sequences=sequences, past_key_values=task.session.cache, **fields)


@dataclasses.dataclass
class Task:
    """Texts to be written.

    Attributes:
        session: The model at work.
        ids: ``(batch, length)`` prompts.
        config: How, with ``max_length`` known.
        special: Special tokens.
        processors: What is done to scores.
        criteria: When texts end.
        record: What is kept of each step.
        streamer: What tokens are handed to.
        may_leave: Whether nobody minds if rows leave the batch as they end.
    """

    session: Session
    ids: Tensor
    config: GenerationConfig
    special: Special
    processors: LogitsProcessorList
    criteria: StoppingCriteriaList
    record: Record
    streamer: Any = None
    may_leave: bool = False

    def first_logits(self, times: int) -> tuple[Any, Tensor]:
        """Read the prompts: the output, and logits ``(batch * times, vocab_size)`` for ``times`` texts of each."""
        output = self.session.read(self.ids)
        logits = last_logits(output)
        if times > 1:
            self.session.repeat(times)
            logits = logits.repeat_interleave(times, 0)
        return output, logits

    def sheet(self, rows: int) -> Tensor:
        """Memory for whole texts, ``(rows, max_length)``, which begin with the prompts."""
        fill = 0 if self.special.pad is None else self.special.pad
        memory = torch.full((rows, self.config.max_length), fill, dtype=torch.long, device=self.ids.device)
        memory[:, : self.ids.shape[1]] = self.ids.repeat_interleave(rows // len(self.ids), 0)
        return memory


def last_logits(output: Any) -> Tensor:
    """Logits of the last place, ``(rows, vocab_size)``, in float32; a copy, so that the others can be freed."""
    logits: Tensor = output.logits[:, -1].to(torch.float32, copy=output.logits.shape[1] > 1)
    return logits
