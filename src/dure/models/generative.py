"""What models that write texts have beside others: ``generate`` and its configuration.

How it's done is the floor above, :mod:`dure.generation`, which is imported when it is first asked for: the only import
from a floor to a higher one, because people call ``model.generate``.
"""

from __future__ import annotations

import copy
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from dure.hub.resolve import Snapshot
from dure.models.pretrained import PreTrainedModel

if TYPE_CHECKING:
    from dure.generation.config import GenerationConfig

__all__ = ["Generative"]


class Generative(PreTrainedModel):
    """A model that gives logits for the next token."""

    #: Whether positions number a text's tokens, so that padding before them changes nothing; else they number columns.
    skips_padding: ClassVar[bool] = False
    #: What config.json said, where the generation configuration was made of it: whether somebody has changed either.
    made_generation_config: GenerationConfig | None = None

    @classmethod
    def can_generate(cls) -> bool:
        """Whether it has ``generate``: yes."""
        return True

    @property
    def max_positions(self) -> int | None:
        """Tokens of the longest text that is written, where a table of positions limits it."""
        return None

    @property
    def generation_config(self) -> GenerationConfig:
        """How to write by default: generation_config.json, or what config.json says."""
        if self.__dict__.get("_generation_config") is None:
            self.generation_config = _floor_above().GenerationConfig.from_model_config(self.config)
            self.made_generation_config = copy.deepcopy(self.generation_config)
        config: GenerationConfig = self.__dict__["_generation_config"]
        return config

    @generation_config.setter
    def generation_config(self, config: GenerationConfig) -> None:
        self.__dict__["_generation_config"] = config

    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Any = None,
        stopping_criteria: Any = None,
        prefix_allowed_tokens_fn: Any = None,
        synced_gpus: bool | None = None,
        assistant_model: Any = None,
        streamer: Any = None,
        use_model_defaults: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """Continue prompts, or answer sources.

        Args:
            inputs: ``(batch, length)`` ids: prompts, padded on the left; an encoder-decoder's sources.
            generation_config: How; by default the model's own ``generation_config``.
            logits_processor: Processors of one's own, behind those that the configuration asks for.
            stopping_criteria: Criteria of one's own, beside those that the configuration asks for.
            prefix_allowed_tokens_fn: The number of the prompt and a text so far ``(length,)`` to the tokens allowed.
            synced_gpus: Accepted, and not needed.
            assistant_model: A smaller model that drafts; the text is the one that it wouldn't have changed.
            streamer: What tokens are handed to while they're written.
            use_model_defaults: Whether a ``generation_config`` that is given takes what it doesn't say from the
                model's; by default it does where that one was written by 4.50 or later.
            **kwargs: Fields of the configuration, such as ``max_new_tokens=50``; arguments of ``forward``, such as
                ``attention_mask``; ``tokenizer``, which stop_strings need.

        Returns:
            ``(batch * num_return_sequences, length)`` ids, prompts included; with ``return_dict_in_generate`` an output
            with scores and what else was asked for (:mod:`dure.generation.outputs`).

        Raises:
            InputError: An argument is unknown or wrong, or a prompt doesn't fit the model.
        """
        del synced_gpus
        return _floor_above().generate(
            self, inputs, generation_config, logits_processor=logits_processor, stopping_criteria=stopping_criteria,
            prefix_allowed_tokens_fn=prefix_allowed_tokens_fn, assistant_model=assistant_model, streamer=streamer,
            use_model_defaults=use_model_defaults, **kwargs,
        )  # fmt: skip

    def compute_transition_scores(
        self,
        sequences: Tensor,
        scores: tuple[Tensor, ...],
        beam_indices: Tensor | None = None,
        normalize_logits: bool = False,
    ) -> Tensor:
        """The score of each token that was written, ``(rows, new)``, from what `generate` returned.

        Args:
            sequences: ``(rows, length)``.
            scores: For each token ``(rows, vocab_size)``.
            beam_indices: ``(rows, new)``, where beams were searched.
            normalize_logits: Make logarithms of probabilities of the scores first.
        """
        found: Tensor = _floor_above().transition_scores(sequences, scores, beam_indices, normalize_logits)
        return found

    def read_beside(self, snapshot: Snapshot) -> None:
        """Take generation_config.json, where the checkpoint has one."""
        path = snapshot.find("generation_config.json")
        if path is not None:
            held = _floor_above().GenerationConfig.from_file(path)
            if not held._from_model_config or held != _floor_above().GenerationConfig.from_model_config(self.config):
                self.generation_config = held

    def write_beside(self, folder: Path) -> None:
        """Write generation_config.json."""
        self.generation_config.save_pretrained(folder)


def _floor_above() -> ModuleType:
    """The floor above, once somebody asks for it."""
    import dure.generation.generate

    return dure.generation.generate
