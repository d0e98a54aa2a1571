"""Text generation: what a decoder writes after a prompt, or answers in a chat."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from dure.errors import InputError
from dure.pipelines.base import Options, as_text, wrong_input
from dure.pipelines.generating import GeneratingPipeline
from dure.pipelines.rows import Row, encode

__all__ = ["TextGenerationPipeline"]

logger = logging.getLogger(__name__)


class Chat(list[Any]):
    """The messages of a conversation, each with a "role" and "content"."""


class TextGenerationPipeline(GeneratingPipeline):
    """``[{"generated_text": prompt + continuation}]``; for a list of prompts a list of such lists.

    A chat, a list of messages ``{"role": ..., "content": ...}``, gives ``generated_text`` with the answer as one more
    message. Texts are drawn unless ``do_sample=False``. Arguments of a call, besides those of ``model.generate``:

    - ``return_full_text`` (True), ``return_tensors`` (ids), ``skip_special_tokens``, ``clean_up_tokenization_spaces``.
    - ``prefix``: What is put before prompts and left out of answers.
    - ``continue_final_message``: The model goes on with the chat's last message.
    - ``stop_sequence``: Any of its tokens ends the text; ``stop_strings`` ends at whole strings.
    - ``handle_long_generation="hole"``: What doesn't fit is left off the prompt's beginning.
    - ``tokenizer_encode_kwargs``: Arguments of the tokenizer.
    """

    task = "text-generation"
    usual: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256, "do_sample": True, "temperature": 0.7}
    preprocess_arguments: ClassVar[frozenset[str]] = frozenset(
        {
            "prefix", "truncation", "padding", "add_special_tokens", "continue_final_message",
            "handle_long_generation", "tokenizer_encode_kwargs", "max_length", "max_new_tokens",
        }
    )  # fmt: skip
    forward_arguments: ClassVar[frozenset[str]] = frozenset({"stop_sequence", "prefix", "max_length", "max_new_tokens"})
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset(
        {
            "return_full_text", "return_tensors", "return_text", "clean_up_tokenization_spaces",
            "continue_final_message", "skip_special_tokens",
        }
    )  # fmt: skip

    def choose(self, options: Mapping[str, Any]) -> Options:
        """Arguments by stage; a text to stop at becomes the ids of its tokens, and lengths don't count the prefix."""
        chosen = super().choose(options)
        returned = chosen.postprocess
        if returned.get("return_full_text") is not None and returned.get("return_tensors") is not None:
            raise InputError("return_full_text speaks of texts and return_tensors of ids: give one of them")
        forward = chosen.forward
        prefix = forward.pop("prefix", None)
        prefix = self.prefix if prefix is None else prefix
        if prefix:
            chosen.preprocess["prefix"] = prefix
            extra = len(self.tokenizer(prefix, add_special_tokens=False)["input_ids"])
            if forward.get("max_new_tokens") is None and self.generation_config.max_new_tokens is None:
                forward.setdefault("max_length", self.generation_config.max_length)
            for name in ("max_length", "min_length"):
                if forward.get(name) is not None:
                    forward[name] += extra
        stop = forward.pop("stop_sequence", None)
        if stop is not None:
            forward["eos_token_id"] = self.tokenizer.encode(stop, add_special_tokens=False)
        return chosen

    def is_single(self, inputs: Any, options: Options) -> bool:
        """Whether this is one prompt; a list of messages is one chat."""
        if isinstance(inputs, (list, tuple)):
            return bool(inputs) and isinstance(inputs[0], Mapping)
        return super().is_single(inputs, options)

    def read(self, value: Any, index: int) -> Any:
        """A prompt or a chat."""
        if not isinstance(value, (list, tuple)):
            if isinstance(value, Mapping):
                raise wrong_input(value, index, "a string or a list of messages")
            return as_text(value, index)
        for number, message in enumerate(value):
            if not isinstance(message, Mapping) or not {"role", "content"} <= set(message):
                raise InputError(
                    f"message {number} of chat {index} must be {{'role': ..., 'content': ...}}, not {message!r:.60}"
                )
        if not value:
            raise InputError(f"chat {index} is empty: give at least one message")
        return Chat(value)

    def preprocess(
        self,
        inputs: Sequence[Any],
        *,
        start: int = 0,
        prefix: str = "",
        truncation: Any = None,
        max_length: int | None = None,
        max_new_tokens: int | None = None,
        handle_long_generation: str | None = None,
        continue_final_message: bool | None = None,
        tokenizer_encode_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> list[Row]:
        """Prompts and chats to rows."""
        if handle_long_generation not in (None, "hole"):
            raise InputError(f"handle_long_generation {handle_long_generation!r} is not known; use None or 'hole'")
        options.pop("padding", None)
        options |= dict(tokenizer_encode_kwargs or {})
        if truncation and max_length is not None:
            options.setdefault("max_length", max_length)
        if truncation is not None:
            options.setdefault("truncation", truncation)
        examples = [self.read(value, start + i) for i, value in enumerate(inputs)]
        texts = [
            self._templated(example, continue_final_message) if isinstance(example, Chat) else prefix + example
            for example in examples
        ]
        rows: list[Row] = []
        for is_chat in (False, True):
            places = [i for i, example in enumerate(examples) if isinstance(example, Chat) == is_chat]
            if places:
                # A template writes special tokens itself.
                more = {**options, "add_special_tokens": False} if is_chat else options
                is_cut_later = handle_long_generation == "hole"
                numbers = [start + place for place in places]
                found = encode(self, [texts[i] for i in places], numbers=numbers, is_unlimited=is_cut_later, **more)
                for row, place in zip(found, places, strict=True):
                    row.owner, row.example = place, examples[place]
                rows += found
        for row in rows:
            self._make_room(row, start, handle_long_generation, max_length, max_new_tokens)
        return rows

    def _templated(self, chat: Chat, continues: bool | None) -> str:
        """A chat as the model's template writes it."""
        continues = _goes_on(chat, continues)
        text: str = self.tokenizer.apply_chat_template(
            list(chat), tokenize=False, add_generation_prompt=not continues, continue_final_message=continues
        )
        return text

    def _make_room(
        self, row: Row, start: int, handling: str | None, max_length: int | None, max_new_tokens: int | None
    ) -> None:
        """Begin an empty prompt with the token that begins texts, and cut a long one if that was asked for."""
        ids = row.inputs["input_ids"]
        row.note = list(ids)
        if not ids:
            begin = self.tokenizer.bos_token_id
            if begin is None:
                raise InputError(f"text {start + row.owner} is empty, and the model has no token to begin with")
            row.inputs = {"input_ids": [begin], "attention_mask": [1]}
        if handling != "hole":
            return
        config = self.generation_config
        wanted = max_new_tokens if max_new_tokens is not None else config.max_new_tokens
        if max_new_tokens is None and max_length is not None:
            wanted = max_length - len(ids)
        limit = self.tokenizer.model_max_length
        if wanted is None or wanted < 0 or wanted >= limit:
            raise InputError(
                f"with handle_long_generation='hole', say max_new_tokens, fewer than {limit}; not {wanted}"
            )
        if len(ids) + wanted > limit:
            kept = limit - wanted
            logger.warning("%d tokens of prompt %d were left off its beginning", len(ids) - kept, start + row.owner)
            row.inputs = {name: values[-kept:] for name, values in row.inputs.items()}
            row.note = ids[-kept:]

    def postprocess(
        self,
        rows: list[Row],
        outputs: list[Any],
        *,
        return_full_text: bool | None = None,
        return_tensors: bool | None = None,
        return_text: bool | None = None,
        clean_up_tokenization_spaces: bool = True,
        continue_final_message: bool | None = None,
        skip_special_tokens: bool = True,
    ) -> Any:
        """Ids to texts, one for each that was asked for."""
        del return_text
        if return_tensors is not None:
            return [{"generated_token_ids": ids.tolist()} for ids in self.padded(outputs[0])]
        (row,), (sequences,) = rows, outputs
        options = {
            "skip_special_tokens": skip_special_tokens,
            "clean_up_tokenization_spaces": clean_up_tokenization_spaces,
        }
        start = len(self.tokenizer.decode(row.note, **options)) if row.note else 0
        texts = self.tokenizer.batch_decode([ids.tolist() for ids in sequences], **options)
        written = [text[start:] for text in texts]
        if return_full_text is not False:
            return [{"generated_text": self._full(row.example, text, continue_final_message)} for text in written]
        return [{"generated_text": text} for text in written]

    def _full(self, example: Any, written: str, continues: bool | None) -> Any:
        """What was asked, with what was written."""
        if isinstance(example, str):
            return example + written
        messages = list(example)
        if _goes_on(example, continues):
            return [*messages[:-1], {"role": messages[-1]["role"], "content": messages[-1]["content"] + written}]
        return [*messages, {"role": "assistant", "content": written}]


def _goes_on(chat: Chat, asked: bool | None) -> bool:
    """Whether the model goes on with the last message: when asked to, and by default when it is its own."""
    return chat[-1]["role"] == "assistant" if asked is None else asked
