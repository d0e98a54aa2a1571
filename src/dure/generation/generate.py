"""`generate`: from a prompt and a configuration to a text. What all searches share, and the loop of the plain ones.

Read from top to bottom: the call, the configuration it amounts to, the choice of a search, the loop.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dure.errors import InputError
from dure.generation import assisted, beam, greedy, sample
from dure.generation.config import GenerationConfig
from dure.generation.lengths import set_lengths
from dure.generation.messages import say_once
from dure.generation.prompt import Prompt, check_arguments, prepare, special_tokens
from dure.generation.prompt_lookup import PromptLookup
from dure.generation.rules import criteria_for, processors_for
from dure.generation.session import Session
from dure.generation.task import Record, Task, last_logits

__all__ = ["GenerationConfig", "effective_config", "generate", "transition_scores"]

logger = logging.getLogger(__name__)

#: Fields that ask for what isn't built, with the values that ask for nothing.
_NOT_BUILT = {
    "guidance_scale": (None, 1, 1.0), "watermarking_config": (None,), "token_healing": (False,), "low_memory": (None,),
    "penalty_alpha": (None, 0, 0.0), "dola_layers": (None,), "num_beam_groups": (None, 1), "constraints": (None,),
    "diversity_penalty": (None, 0.0), "force_words_ids": (None,), "assistant_early_exit": (None,),
}  # fmt: skip


def generate(
    model: Any,
    inputs: Tensor | None = None,
    generation_config: GenerationConfig | None = None,
    *,
    logits_processor: Any = None,
    stopping_criteria: Any = None,
    prefix_allowed_tokens_fn: Any = None,
    assistant_model: Any = None,
    streamer: Any = None,
    use_model_defaults: bool | None = None,
    tokenizer: Any = None,
    **kwargs: Any,
) -> Any:
    """As :meth:`dure.models.generative.Generative.generate`, whose arguments these are."""
    config, arguments = effective_config(model, generation_config, kwargs, use_model_defaults=use_model_defaults)
    check_arguments(model, arguments)
    is_assisted = assistant_model is not None or config.prompt_lookup_num_tokens is not None
    _check_search(model, config, is_assisted=is_assisted, assistant_model=assistant_model, streamer=streamer)
    # Whoever gets a cache or scores may compute gradients with them, which inference mode forbids.
    is_free = not config.return_dict_in_generate and arguments.get("past_key_values") is None
    with torch.inference_mode() if is_free else torch.no_grad():
        special = special_tokens(model, config, has_mask=arguments.get("attention_mask") is not None)
        prompt = prepare(model, inputs, arguments, special, config)
        set_lengths(model, config, prompt, given=kwargs)
        if streamer is not None:
            streamer.put(prompt.given.cpu())
        processors = processors_for(
            config, special, prompt.ids.shape[1], prompt.source, prefix_allowed_tokens_fn, logits_processor
        )
        criteria = criteria_for(config, special, tokenizer, stopping_criteria)
        session = _session(model, prompt, config, keeps_all=is_assisted)
        record = Record(config, is_decoding=session.is_decoding)
        knows_rows = any(getattr(processor, "knows_rows", True) for processor in processors)
        is_watched = stopping_criteria or streamer is not None or record.is_wanted or prompt.past is not None
        task = Task(
            session, prompt.ids, config, special, processors, criteria, record, streamer,
            may_leave=not is_watched and not knows_rows,
        )  # fmt: skip
        if is_assisted:
            result = assisted.assisted_search(task, _proposer(task, prompt, arguments, inputs, assistant_model))
        elif config.num_beams > 1:
            result = beam.beam_search(task)
        else:
            result = write(task, sample.draw if config.do_sample else greedy.best)
        _give_back(result, prompt)
    return result.clone() if is_free else result


def effective_config(
    model: Any,
    given: GenerationConfig | None,
    kwargs: dict[str, Any],
    *,
    use_model_defaults: bool | None = None,
) -> tuple[GenerationConfig, dict[str, Any]]:
    """The configuration of a call, and the arguments that aren't fields of it.

    A call's own arguments win over the configuration that is given, that one over the model's, that one over defaults.

    Raises:
        InputError: A field has a value that can't be used, or asks for what isn't built.
    """
    if given is None:
        config = copy.deepcopy(_models_own(model))
    else:
        config = copy.deepcopy(given)
        _fill_in(config, model.generation_config, use_model_defaults)
    arguments = config.update(**kwargs)
    for name, silent in _NOT_BUILT.items():
        if getattr(config, name) not in silent:
            raise InputError(f"`{name}` is {getattr(config, name)!r}, but Dure doesn't have that; leave it out")
    return config, arguments


def _models_own(model: Any) -> GenerationConfig:
    """The model's configuration; what was set in ``model.config`` since counts, as it did in older programs."""
    config: GenerationConfig = model.generation_config
    if config == model.made_generation_config:
        today = GenerationConfig.from_model_config(model.config)
        if today != config:
            say_once(logger, "You have modified the pretrained model configuration to control generation; please use "
                             "and modify the model generation configuration instead")  # fmt: skip
            return today
    return config


def _fill_in(config: GenerationConfig, models: GenerationConfig, use_model_defaults: bool | None) -> None:
    """What a configuration leaves at its default is taken from the model's."""
    defaults = GenerationConfig()
    if use_model_defaults is None:
        release = str(getattr(models, "transformers_version", None) or "4.50").split(".")
        use_model_defaults = [int(part) if part.isdigit() else 0 for part in release[:2]] >= [4, 50]
    names = ["bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"]
    if use_model_defaults:
        names = [name for name in vars(models) if not name.startswith("_") and name != "transformers_version"]
    for name in names:
        default, own = getattr(defaults, name, None), getattr(models, name)
        if getattr(config, name, None) == default and own != default:
            setattr(config, name, own)
    if config.temperature == 0.0:
        config.do_sample = False


def _check_search(model: Any, config: GenerationConfig, *, is_assisted: bool, assistant_model: Any,
                  streamer: Any) -> None:  # fmt: skip
    """Refuse what a search can't do."""
    if config.num_beams > 1 and streamer is not None:
        raise InputError("`streamer` cannot be used with beam search (yet!). Make sure that `num_beams` is set to 1.")
    if not is_assisted:
        return
    if config.num_return_sequences > 1:
        raise InputError(
            f"num_return_sequences has to be 1 when doing assisted generate, but is {config.num_return_sequences}."
        )
    if config.num_beams > 1:
        raise InputError(f"drafts don't go with beams: num_beams is {config.num_beams}; set it to 1")
    if config.return_dict_in_generate and (config.output_attentions or config.output_hidden_states):
        raise InputError("output_attentions and output_hidden_states don't go with drafts, which are read several "
                         "tokens at a time; leave them out, or the draft")  # fmt: skip
    sizes = [one.config.vocab_size for one in (model, assistant_model) if hasattr(one, "config")
             and hasattr(one.config, "vocab_size")]  # fmt: skip
    if len(set(sizes)) > 1:
        raise InputError(
            f"the model has {sizes[0]} ids and the assistant {sizes[1]}: both must have the same tokenizer"
        )


def _session(model: Any, prompt: Prompt, config: GenerationConfig, *, keeps_all: bool) -> Session:
    """A session that will read the prompt."""
    room = 0 if prompt.embeds is None else prompt.embeds.shape[1] - prompt.ids.shape[1]
    return Session(
        model, prompt.inputs, mask=prompt.mask, max_length=config.max_length + room, past=prompt.past,
        use_cache=bool(config.use_cache), embeds=prompt.embeds, types=prompt.types, keeps_all=keeps_all,
        output_attentions=bool(config.output_attentions), output_hidden_states=bool(config.output_hidden_states),
    )  # fmt: skip


def _proposer(task: Task, prompt: Prompt, arguments: dict[str, Any], inputs: Tensor | None,
              assistant: Any) -> assisted.Proposer:  # fmt: skip
    """Who proposes tokens: a smaller model, or the text itself."""
    config, special = task.config, task.special
    if assistant is None:
        return PromptLookup(config.prompt_lookup_num_tokens, config.max_matching_ngram_size or 2, special.eos)
    own = assistant.generation_config
    if task.session.is_decoding and getattr(assistant.config, "is_encoder_decoder", False):
        known = {name: value for name, value in arguments.items() if name != "encoder_outputs"}
        given = prepare(assistant, inputs, known, special, GenerationConfig())
    else:
        given = Prompt(prompt.ids, prompt.given, prompt.mask, prompt.source, {})
        if task.session.is_decoding:
            given.inputs = {"encoder_hidden_states": prompt.inputs["encoder_outputs"][0]}
    session = Session(assistant, given.inputs, mask=given.mask, max_length=config.max_length, keeps_all=True)
    return assisted.DraftModel(
        session, task.processors, eos=special.eos, count=own.num_assistant_tokens,
        threshold=own.assistant_confidence_threshold or 0.0, schedule=own.num_assistant_tokens_schedule,
        does_draw=bool(config.do_sample),
    )  # fmt: skip


def _give_back(result: Any, prompt: Prompt) -> None:
    """Prompts whose padding stood behind them get it back there."""
    if prompt.given is not prompt.ids:
        sequences = result if isinstance(result, Tensor) else result.sequences
        sequences[:, : prompt.ids.shape[1]] = prompt.given.repeat_interleave(len(sequences) // len(prompt.given), 0)


# --- the loop of searches that write one text in each row ---------------------------------------------------------


def write(task: Task, choose: Callable[[Tensor], Tensor]) -> Any:
    """Token after token, until all texts have ended.

    Args:
        task: What to write.
        choose: Scores ``(rows, vocab_size)`` to a token for each row.

    Returns:
        ``(batch * num_return_sequences, length)`` ids, or an output with what was asked for.
    """
    times, session, record = task.config.num_return_sequences, task.session, task.record
    pages = _Pages(task.sheet(len(task.ids) * times), task.ids.shape[1])
    ended = torch.zeros(len(pages.ids), dtype=torch.bool, device=task.ids.device)
    output, logits = task.first_logits(times)
    while True:
        scores = task.processors(pages.ids, logits)
        record.add(output, logits, scores, times)
        tokens = choose(scores)
        if task.special.pad is not None and task.special.eos:
            tokens = torch.where(ended, task.special.pad, tokens)
        pages.append(tokens)
        if task.streamer is not None:
            task.streamer.put(tokens.cpu())
        ended = ended | task.criteria(pages.ids, record.scores)
        num_ended = int(ended.sum())
        if num_ended == len(ended):
            break
        if num_ended and task.special.eos and task.may_leave:
            session.unshare()
            session.keep(pages.leave(ended.tolist()))
            ended = ended.new_zeros(len(pages.ids))
        output, times = session.read(pages.ids), 1
        logits = last_logits(output)
    if task.streamer is not None:
        task.streamer.end()
    return record.result(task, pages.all())


class _Pages:
    """Texts being written, of which those that have ended are put aside.

    Args:
        memory: ``(rows, max_length)``, filled with padding behind the prompts.
        length: Tokens of the prompts.
    """

    def __init__(self, memory: Tensor, length: int) -> None:
        self.memory, self.length = memory, length
        self.finished = memory
        self.places = list(range(len(memory)))

    @property
    def ids(self) -> Tensor:
        """``(rows, length)``, the texts that go on."""
        return self.memory[:, : self.length]

    def append(self, tokens: Tensor) -> None:
        """One more token ``(rows,)`` for each."""
        self.memory[:, self.length] = tokens
        self.length += 1

    def leave(self, ended: list[bool]) -> list[int]:
        """Texts that have ended leave; the last ones take their places. Returns the rows that stay, in order."""
        if self.finished is self.memory:
            self.memory = self.memory.clone()
        self._put_aside()
        stay = [row for row, is_done in enumerate(ended) if not is_done]
        rows = [row for row in stay if row < len(stay)]
        movers = [row for row in stay if row >= len(stay)]
        for hole in (row for row, is_done in enumerate(ended[: len(stay)]) if is_done):
            rows.insert(hole, movers.pop())
        self.memory = self.memory[rows]
        self.places = [self.places[row] for row in rows]
        return rows

    def all(self) -> Tensor:
        """``(rows, length)``, all texts in their order."""
        if self.finished is not self.memory:
            self._put_aside()
        return self.finished[:, : self.length]

    def _put_aside(self) -> None:
        self.finished[self.places, : self.length] = self.ids


def transition_scores(
    sequences: Tensor, scores: tuple[Tensor, ...], beam_indices: Tensor | None, normalize_logits: bool
) -> Tensor:
    """As :meth:`dure.models.generative.Generative.compute_transition_scores`."""
    steps = torch.stack(scores)
    if normalize_logits:
        steps = steps.log_softmax(dim=-1)
    if beam_indices is None:
        beam_indices = torch.arange(steps.shape[1], device=sequences.device).unsqueeze(1).expand(-1, len(scores))
    length = int((beam_indices >= 0).sum(dim=-1).max())
    beams = beam_indices[:, :length].long()
    tokens = sequences[:, sequences.shape[1] - length :]
    found = steps[torch.arange(length, device=sequences.device), beams.clamp(min=0), tokens]
    return found.masked_fill(beams < 0, 0.0)
