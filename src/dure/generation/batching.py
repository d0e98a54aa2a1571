"""Many prompts: continuous batching, where the next prompt takes the place of a text that has ended.

Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models" (2022), section 3.1. Texts of
all lengths are written side by side; in the cache they end together, so that no text is padded as it grows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from dure.errors import InputError
from dure.generation import greedy, sample
from dure.generation.config import GenerationConfig
from dure.generation.generate import effective_config, generate
from dure.generation.lengths import set_lengths
from dure.generation.prompt import Prompt, Special, check_arguments, special_tokens
from dure.generation.rules import criteria_for, processors_for, warpers_for
from dure.generation.session import accepted_arguments
from dure.generation.task import last_logits
from dure.layers.cache import Cache

__all__ = ["generate_many"]

#: Prompts at once.
_BATCH_SIZE = 64
#: Tokens at once, those that will be written included: what a cache may hold.
_TOKEN_BUDGET = 16384
#: Tokens of prompts that are read at once.
_TOKENS_PER_READ = 4096
#: Arguments of `generate` that speak of one call.
_OF_A_CALL = ("streamer", "assistant_model", "attention_mask", "past_key_values", "inputs_embeds", "encoder_outputs",
              "decoder_input_ids", "return_dict_in_generate")  # fmt: skip


def generate_many(
    model: Any,
    prompts: Sequence[Tensor | Sequence[int]],
    generation_config: GenerationConfig | None = None,
    *,
    batch_size: int | None = None,
    token_budget: int | None = None,
    tokenizer: Any = None,
    **kwargs: Any,
) -> Iterator[tuple[int, list[Tensor]]]:
    """Continue many prompts, or answer many sources, each as `generate` does it alone.

    Args:
        model: A model that has ``generate``.
        prompts: Ids of each, without padding; an encoder-decoder's sources.
        generation_config: How; by default the model's own.
        batch_size: The most prompts at once; by default the budget decides.
        token_budget: The most tokens at once, prompts and what will be written.
        tokenizer: What stop strings need.
        **kwargs: As for :meth:`dure.models.generative.Generative.generate`.

    Returns:
        The number of each prompt and its ``num_return_sequences`` texts ``(length,)``, best first and without padding,
        as soon as they are finished. A decoder's texts begin with the prompt.

    Raises:
        InputError: An argument is unknown or wrong, or a prompt is empty or doesn't fit the model.
    """
    texts = [torch.as_tensor(prompt, dtype=torch.long) for prompt in prompts]
    for number, text in enumerate(texts):
        if text.dim() != 1 or not len(text):
            raise InputError(f"prompt {number} must be a list of at least one id, not of shape {tuple(text.shape)}")
    given = [name for name in _OF_A_CALL if kwargs.get(name) is not None]
    if given:
        raise InputError(f"{', '.join(given)}: prompts in lists don't go with it; call model.generate with one prompt")
    for name, limit in (("batch_size", batch_size), ("token_budget", token_budget)):
        if limit is not None and limit < 1:
            raise InputError(f"{name} must be at least 1, but is {limit}")
    own = {
        name: kwargs.pop(name, None) for name in ("logits_processor", "stopping_criteria", "prefix_allowed_tokens_fn")
    }
    config, arguments = effective_config(model, generation_config, kwargs)
    check_arguments(model, arguments)
    call = _Call(model, config, kwargs, own, tokenizer, batch_size or _BATCH_SIZE, token_budget or _TOKEN_BUDGET)
    order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
    can_flow = model.skips_padding and "past_key_values" in accepted_arguments(model) and config.use_cache
    is_plain = config.num_beams == 1 and config.prompt_lookup_num_tokens is None and not arguments
    if can_flow and is_plain and own["prefix_allowed_tokens_fn"] is None:
        return _Flow(call, texts, order).run()
    return _in_groups(call, texts, order)


@dataclasses.dataclass(frozen=True)
class _Call:
    """What was asked for."""

    model: Any
    config: GenerationConfig
    kwargs: dict[str, Any]
    own: dict[str, Any]
    tokenizer: Any
    batch_size: int
    token_budget: int

    def lengths(self, text: Tensor) -> GenerationConfig:
        """The configuration for one prompt, lengths included."""
        config = GenerationConfig.__new__(GenerationConfig)
        config.__dict__.update(self.config.__dict__)
        ids = text.unsqueeze(0)
        set_lengths(self.model, config, Prompt(ids, ids, None, ids, {}), given=self.kwargs)
        return config


# --- texts that are written side by side ---------------------------------------------------------------------------


class _Text:
    """A text that is being written."""

    def __init__(self, call: _Call, number: int, prompt: Tensor, special: Special) -> None:
        config = call.lengths(prompt)
        self.number, self.length, self.max_length = number, len(prompt), config.max_length
        self.memory = torch.cat((prompt, prompt.new_zeros(self.max_length - self.length)))
        processors = processors_for(
            config, special, self.length, prompt.unsqueeze(0), None, call.own["logits_processor"]
        )
        shaped = len(warpers_for(config, len(special.eos))) + (config.renormalize_logits is True)
        self.processors = type(processors)(processors[: len(processors) - shaped])
        # Ends and lengths are looked at without tensors.
        criteria = criteria_for(config, special, call.tokenizer, call.own["stopping_criteria"])
        plain = {type(one) for one in criteria_for(_plain(config), special)}
        self.criteria = type(criteria)(one for one in criteria if type(one) not in plain)

    @property
    def ids(self) -> Tensor:
        """``(length,)``, the text so far."""
        return self.memory[: self.length]

    def append(self, token: int, ends: set[int]) -> bool:
        """One more token; True where it ends the text."""
        self.memory[self.length] = token
        self.length += 1
        if token in ends or self.length >= self.max_length:
            return True
        return bool(self.criteria) and bool(self.criteria(self.ids.unsqueeze(0), None).all())


class _Flow:
    """Rows of a cache, and the texts that are written in them."""

    def __init__(self, call: _Call, prompts: list[Tensor], order: list[int]) -> None:
        self.call, self.config, self.model = call, call.config, call.model
        self.special = special_tokens(call.model, call.config, has_mask=True)
        self.ends = set(self.special.eos)
        times = self.config.num_return_sequences
        self.waiting = [_Text(call, number, prompts[number], self.special) for number in order for _ in range(times)]
        self.waiting.reverse()
        self.finished: dict[int, list[Tensor]] = {}
        self.texts: list[_Text] = []
        longest = max((text.max_length for text in self.waiting), default=0)
        self.num_rows = max(1, min(call.batch_size * times, call.token_budget // max(1, longest)))
        self.cache = Cache(longest)
        self.fields: dict[str, Any] = {"use_cache": True, "return_dict": True}
        if "logits_to_keep" in accepted_arguments(call.model):
            self.fields["logits_to_keep"] = 1
        self.warpers = warpers_for(self.config, len(self.ends))

    def run(self) -> Iterator[tuple[int, list[Tensor]]]:
        """Write until nobody waits and nothing runs."""
        while self.waiting or self.texts:
            # A prompt is read for the price of a step: several are read together.
            free = self.num_rows - len(self.texts)
            if self.waiting and free >= min(len(self.waiting), max(1, self.num_rows // 8)):
                count = min(free, len(self.waiting), max(1, _TOKENS_PER_READ // self.waiting[-1].length))
                yield from self._advance(self._read(count))
            if self.texts:
                yield from self._advance(self._step())

    @torch.inference_mode()
    def _read(self, count: int) -> list[int]:
        """The next prompts are read, and take free rows; the first token of each."""
        new = [self.waiting.pop() for _ in range(count)]
        longest = max(text.length for text in new)
        ids = torch.zeros((count, longest), dtype=torch.long)
        for row, text in enumerate(new):
            ids[row, longest - text.length :] = text.ids
        cache = Cache()
        lengths = torch.tensor([text.length for text in new])
        logits = self._logits(ids, lengths, cache)
        self.cache.put_rows(cache, num_rows=self.num_rows)
        old = len(self.texts)
        self.texts.extend(new)
        return [-1] * old + self._choose(logits, new)

    @torch.inference_mode()
    def _step(self) -> list[int]:
        """The last token of each text is read; the next one of each."""
        ids = torch.stack([text.memory[text.length - 1] for text in self.texts]).unsqueeze(1)
        logits = self._logits(ids, torch.tensor([text.length for text in self.texts]), self.cache)
        return self._choose(logits, self.texts)

    def _logits(self, ids: Tensor, lengths: Tensor, cache: Cache) -> Tensor:
        """Logits for the next token of texts that end together and have ``lengths`` tokens."""
        new = ids.shape[1]
        columns = cache.get_seq_length() + new
        places = torch.arange(columns) - (columns - lengths).unsqueeze(1)
        fields = {**self.fields, "input_ids": ids, "past_key_values": cache}
        if int(lengths.min()) < columns:
            fields["attention_mask"] = (places >= 0).long()
        fields["position_ids"] = places[:, -new:].clamp(min=0)
        device = self.model.device
        return last_logits(self.model(**{n: v.to(device) if isinstance(v, Tensor) else v for n, v in fields.items()}))

    def _choose(self, logits: Tensor, texts: list[_Text]) -> list[int]:
        """The next token of each text, by its own rules."""
        if any(text.processors for text in texts):
            rows = zip(texts, torch.tensor_split(logits, len(texts)), strict=True)
            logits = torch.cat([text.processors(text.ids.unsqueeze(0), row) for text, row in rows])
        tokens = sample.draw_warped(logits, self.warpers) if self.config.do_sample else greedy.best(logits)
        chosen: list[int] = tokens.tolist()
        return chosen

    @torch.inference_mode()
    def _advance(self, tokens: list[int]) -> list[tuple[int, list[Tensor]]]:
        """Texts grow by a token each (-1 for none); those that end leave; returned is whose prompt has all its own."""
        pairs = enumerate(zip(self.texts, tokens, strict=True))
        ended = {row for row, (text, token) in pairs if token >= 0 and text.append(token, self.ends)}
        if not ended:
            return []
        complete = []
        for row in sorted(ended):
            text = self.texts[row]
            answers = self.finished.setdefault(text.number, [])
            answers.append(text.ids)
            if len(answers) == self.config.num_return_sequences:
                complete.append((text.number, self.finished.pop(text.number)))
        count = len(self.texts) - len(ended)
        movers = [row for row in range(count, len(self.texts)) if row not in ended]
        rows = [movers.pop() if row in ended else row for row in range(count)]
        self.texts = [self.texts[row] for row in rows]
        if not self.texts:
            self.cache = Cache(self.cache.expected_length)
            return complete
        self.cache.keep_rows(rows)
        # The last token of a text isn't in the cache yet.
        self.cache.forget(self.cache.get_seq_length() - max(text.length - 1 for text in self.texts))
        return complete


def _plain(config: GenerationConfig) -> GenerationConfig:
    """A configuration in which only ends and lengths stop a text."""
    plain = GenerationConfig.__new__(GenerationConfig)
    plain.__dict__.update(config.__dict__, max_time=None, stop_strings=None)
    return plain


# --- groups of about the same length -------------------------------------------------------------------------------


def _in_groups(call: _Call, texts: list[Tensor], order: list[int]) -> Iterator[tuple[int, list[Tensor]]]:
    """Prompts of about the same length together; those that end leave, and nobody takes their place."""
    is_decoding = bool(getattr(call.model.config, "is_encoder_decoder", False))
    special = special_tokens(call.model, call.config, has_mask=True)
    width = max(call.config.num_beams, call.config.num_return_sequences)
    longest = [call.lengths(text).max_length for text in ([texts[0][:1]] if is_decoding and texts else texts)]
    # Where rules on what was written, or positions, count a prompt's padding, only prompts of one length go together.
    if is_decoding:
        alone = call.config.encoder_repetition_penalty not in {None, 1.0} or bool(
            call.config.encoder_no_repeat_ngram_size
        )
    else:
        alone = not call.model.skips_padding or _reads_tokens(call, special)
    if call.config.prompt_lookup_num_tokens is not None:
        call = dataclasses.replace(call, batch_size=1)
    while order:
        first, taken = texts[order[0]], 1
        cost = (len(first) if is_decoding else 0) + width * longest[0 if is_decoding else order[0]]
        while taken < min(len(order), call.batch_size) and (taken + 1) * cost <= call.token_budget:
            if alone and len(texts[order[taken]]) != len(first):
                break
            taken += 1
        group, order = order[:taken], order[taken:]
        yield from _answer(call, group, [texts[number] for number in group], special, is_decoding=is_decoding)


def _reads_tokens(call: _Call, special: Special) -> bool:
    own, ids = call.own, torch.zeros((1, 1), dtype=torch.long)
    processors = processors_for(call.lengths(ids[0]), special, 1, ids, own["prefix_allowed_tokens_fn"],
                                own["logits_processor"])  # fmt: skip
    return (
        bool(own["stopping_criteria"])
        or call.config.max_new_tokens is None
        or any(getattr(processor, "reads_tokens", True) for processor in processors)
    )


def _answer(call: _Call, group: list[int], texts: list[Tensor], special: Special, *,
            is_decoding: bool) -> Iterator[tuple[int, list[Tensor]]]:  # fmt: skip
    longest, pad = len(texts[0]), 0 if special.pad is None else special.pad
    ids, mask = torch.full((len(texts), longest), pad), torch.zeros((len(texts), longest), dtype=torch.long)
    for row, text in enumerate(texts):
        place = slice(len(text)) if is_decoding else slice(longest - len(text), longest)
        ids[row, place], mask[row, place] = text, 1
    config = GenerationConfig.__new__(GenerationConfig)
    config.__dict__.update(call.config.__dict__, return_dict_in_generate=False)
    device = call.model.device
    written = generate(
        call.model, ids.to(device), config, attention_mask=mask.to(device), tokenizer=call.tokenizer,
        use_model_defaults=False, **call.own, **_of_the_model(call.kwargs),
    )  # fmt: skip
    times = call.config.num_return_sequences
    for row, (number, text) in enumerate(zip(group, texts, strict=True)):
        start = 1 if is_decoding else longest
        rows = [_trimmed(answer, start, special) for answer in written[row * times : (row + 1) * times]]
        yield number, rows if is_decoding else [answer[longest - len(text) :] for answer in rows]


def _of_the_model(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Lengths, which `generate` wants to hear from the caller, and what isn't a field of the configuration."""
    known = vars(GenerationConfig())
    return {name: value for name, value in kwargs.items() if name not in known or name in {"max_length", "min_length"}}


def _trimmed(answer: Tensor, start: int, special: Special) -> Tensor:
    """A text without what fills its row behind its end."""
    tokens: list[int] = answer[start:].tolist()
    ends = set(special.eos)
    length = next((place + 1 for place, token in enumerate(tokens) if token in ends), len(tokens))
    if special.pad is not None and special.pad not in ends:
        while length and tokens[length - 1] == special.pad:
            length -= 1
    return answer[: start + length]
