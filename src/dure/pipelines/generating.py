"""What pipelines that write have in common: how they are asked to, and many prompts at once."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch

from dure.errors import InputError
from dure.generation.batching import generate_many
from dure.generation.config import GenerationConfig
from dure.generation.generate import effective_config
from dure.generation.session import accepted_arguments
from dure.pipelines.base import Options, Pipeline, to_numbers
from dure.pipelines.figures import Figure
from dure.pipelines.rows import Row
from dure.pipelines.text_classification import probabilities

__all__ = ["GeneratingPipeline"]

#: Arguments of `generate` beside the fields of a configuration.
_BESIDE = frozenset(
    {
        "assistant_model",
        "generation_config",
        "logits_processor",
        "prefix_allowed_tokens_fn",
        "stopping_criteria",
        "streamer",
    }
)
#: Arguments with which prompts are written one by one.
_ONE_BY_ONE = ("assistant_model", "streamer")
#: The length that a configuration has where nobody says.
_UNSET_LENGTH = 20


class GeneratingPipeline(Pipeline):
    """A pipeline that writes. Besides the task's, it takes all arguments of ``model.generate``.

    How a text is written follows from the call's arguments, then the pipeline's, then the configuration's
    ``task_specific_params``, then generation_config.json, then the task's own :attr:`usual`.
    """

    #: How texts are written where nobody says.
    usual: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, model: Any, tokenizer: Any, *, task: str | None = None, **options: Any) -> None:
        self.prefix, self.generation_config = self._how(model, tokenizer, task or type(self).task)
        self._generate_arguments = frozenset(vars(GenerationConfig())) | _BESIDE | accepted_arguments(model)
        super().__init__(model, tokenizer, task=task, **options)

    def _how(self, model: Any, tokenizer: Any, task: str) -> tuple[str, Any]:
        """What is put before texts, and how they are written."""
        config: Any
        config, _ = effective_config(model, GenerationConfig(**self.usual), {}, use_model_defaults=True)
        prefix = getattr(model.config, "prefix", None) or ""
        special = dict((getattr(model.config, "task_specific_params", None) or {}).get(task) or {})
        prefix = special.pop("prefix", None) or prefix
        config.update(**special)
        is_usual = config.max_new_tokens == self.usual.get("max_new_tokens")
        if is_usual and config.max_length not in (None, _UNSET_LENGTH):
            config.max_new_tokens = None  # whoever wrote the model's files knows better
        if config.pad_token_id is None and tokenizer.pad_token_id is not None:
            config.pad_token_id = tokenizer.pad_token_id
        return prefix, config

    def choose(self, options: Mapping[str, Any]) -> Options:
        """Arguments by stage; all that the task doesn't know are for ``generate``."""
        own = self.preprocess_arguments | self.forward_arguments | self.postprocess_arguments
        unknown = sorted(set(options) - own - self._generate_arguments)
        if unknown:
            near = difflib.get_close_matches(unknown[0], own | self._generate_arguments, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; neither the pipeline nor model.generate has it"
            raise InputError(f"{self.task}: unknown argument {unknown[0]!r}{hint}")
        known = {name: value for name, value in options.items() if name in own}
        chosen = super().choose(known)
        rest = {name: value for name, value in options.items() if name not in own}
        if rest.get("return_dict_in_generate"):
            raise InputError("a pipeline returns texts; for scores and states call pipe.model.generate(...)")
        return chosen._replace(forward={**chosen.forward, **rest})

    def compute(self, rows: Sequence[Row], limit: int | None, options: dict[str, Any]) -> Iterator[tuple[int, Any]]:
        """The number of a row and the ids that were written for it, as texts are finished."""
        options = dict(options)
        config = self._config_for(options)
        prompts = [torch.tensor(row.inputs["input_ids"], device=self.device) for row in rows]
        if any(options.get(name) is not None for name in _ONE_BY_ONE):
            for i, prompt in enumerate(prompts):
                batch = prompt.unsqueeze(0)
                mask = torch.ones_like(batch)
                found = self.model.generate(
                    batch, attention_mask=mask, generation_config=config, tokenizer=self.tokenizer, **options
                )
                yield i, list(found.cpu())
            return
        found = generate_many(self.model, prompts, config, batch_size=limit, tokenizer=self.tokenizer, **options)
        for i, sequences in found:
            yield i, [sequence.cpu() for sequence in sequences]

    def _config_for(self, options: dict[str, Any]) -> Any:
        """The configuration of a call; what only the task's habits set gives way to what the call says."""
        given = options.pop("generation_config", None)
        if given is not None:
            return given
        config: Any = copy.deepcopy(self.generation_config)
        if options.get("max_length") is not None and options.get("max_new_tokens") is None:
            config.max_new_tokens = None
        if options.get("do_sample") is False and "temperature" not in options:
            config.temperature = 1.0
        return config

    def padded(self, sequences: Sequence[Any]) -> list[Any]:
        """Ids of several texts for one prompt, all as long as the longest, as ``generate`` returns them."""
        longest, pad = max(map(len, sequences)), self.generation_config.pad_token_id or 0
        return [torch.nn.functional.pad(ids, (0, longest - len(ids)), value=pad) for ids in sequences]

    def first_logits(self, row: Row) -> Any:
        """Logits of the first token that is written for a row, ``(vocab_size,)``."""
        return to_numbers(self.run_model([row], **self.decoder_inputs()).logits[0, -1])

    def decoder_inputs(self) -> dict[str, Any]:
        """What a decoder beside an encoder reads first; nothing for a decoder alone."""
        if not getattr(self.model.config, "is_encoder_decoder", False):
            return {}
        start = self.generation_config.decoder_start_token_id
        start = self.model.config.decoder_start_token_id if start is None else start
        return {"decoder_input_ids": torch.tensor([[start]], device=self.device)}

    def attentions(self, row: Row) -> list[Any]:
        """For each layer the weights with which a prompt's tokens look at each other."""
        output = self.run_model([row], output_attentions=True, **self.decoder_inputs())
        layers = output.get("attentions") or output.get("encoder_attentions") or ()
        return [to_numbers(weights[0]) for weights in layers]

    def figures(self, rows: list[Row], outputs: list[Any]) -> list[Figure]:
        """The likeliest first tokens, and what was written token by token."""
        with torch.inference_mode():
            logits = self.first_logits(rows[0])
        chances = probabilities(logits)
        best = (-chances).argsort()[:10].tolist()
        names = self.tokenizer.convert_ids_to_tokens(best)
        cells = [(name, i, float(logits[i]), float(chances[i])) for name, i in zip(names, best, strict=True)]
        columns = ("token", "id", "logit", "probability")
        written = outputs[0][0].tolist()
        steps = list(zip(self.tokenizer.convert_ids_to_tokens(written), written, strict=True))
        return [
            Figure("Likeliest first tokens, before sampling or search", columns, cells, bar=3),
            Figure("The text as it was written, token by token", ("token", "id"), steps),
        ]
