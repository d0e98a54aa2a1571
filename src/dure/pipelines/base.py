"""Pipeline: preprocess, forward, postprocess, and what is between a list of texts and batches that waste nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dure.errors import InputError

__all__ = ["Pipeline"]

#: Tokens of one batch. Measured on two cores with MiniLM: smaller batches pay for calls, larger ones leave the caches.
TOKENS_PER_BATCH = 512
#: Texts of a generator that are read ahead, so that they can be sorted by length.
WINDOW = 1024


class Pipeline:
    """A model, its tokenizer, and what a task makes of them.

    Args:
        model: The model; it is put in evaluation mode.
        tokenizer: Its tokenizer.
        device: Where to compute, such as ``"cpu"``, ``"cuda:0"``, or a number (-1 is the CPU).
        batch_size: The most texts in one batch; by default only the number of tokens counts.
        **defaults: Defaults for the arguments of a call.
    """

    task: str = ""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        device: int | str | torch.device | None = None,
        batch_size: int | None = None,
        **defaults: Any,
    ) -> None:
        self.device = _to_device(device)
        self.model = model.eval().to(self.device)
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self._split(defaults)  # unknown arguments fail here, not at the first text
        self.defaults = defaults

    # --- the three stages ---------------------------------------------------------------------------------------

    #: Arguments of a call that belong to the tokenizer, and to the task's last stage.
    tokenizer_arguments: frozenset[str] = frozenset({"truncation", "max_length", "padding", "add_special_tokens"})
    task_arguments: frozenset[str] = frozenset()

    def preprocess(self, texts: Sequence[Any], **options: Any) -> list[dict[str, list[int]]]:
        """Texts to rows of token ids, in one call of the tokenizer."""
        if options.get("truncation") and options.get("max_length") is None:
            # A tokenizer's files may lack its limit; the model always has one.
            options["max_length"] = min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)
        firsts, seconds = zip(*(self._pair(text, i) for i, text in enumerate(texts)), strict=True)
        pairs = list(seconds) if any(second is not None for second in seconds) else None
        columns = self.tokenizer(list(firsts), pairs, **options)
        names = list(columns.keys())
        return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def forward(self, rows: list[dict[str, list[int]]]) -> Any:
        """Rows of about the same length to the model's output."""
        batch = self.tokenizer.pad(rows, padding=True, return_tensors="pt")
        return self.model(**{name: tensor.to(self.device) for name, tensor in batch.items()})

    def postprocess(self, output: Any, lengths: list[int], **options: Any) -> list[Any]:
        """The model's output to one answer for each row."""
        raise NotImplementedError

    # --- calls --------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, *, batch_size: int | None = None, **options: Any) -> Any:
        """Answers for one text, a list, a generator, or a column of a data set.

        A list is sorted by length and batched by a budget of tokens inside, and comes back in its order. For a
        generator, a generator comes back, which reads a window ahead.

        Args:
            inputs: A text; a dictionary ``{"text": ..., "text_pair": ...}``; or many of them.
            batch_size: The most texts in one batch.
            **options: Arguments of the tokenizer (``truncation``, ``max_length``) and of the task.
        """
        tokenizing, answering = self._split({**self.defaults, **options})
        limit = batch_size or self.batch_size
        if isinstance(inputs, (str, Mapping)):
            return self._one(self._many([inputs], limit, tokenizing, answering)[0], answering)
        if isinstance(inputs, (list, tuple)):
            return self._many(inputs, limit, tokenizing, answering)
        if hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__"):
            return self._many(list(inputs), limit, tokenizing, answering)
        if isinstance(inputs, Iterable):
            return self._stream(iter(inputs), limit, tokenizing, answering)
        raise InputError(f"inputs must be a text, a list, a generator or a column, not {type(inputs).__name__}")

    def _one(self, answer: Any, options: dict[str, Any]) -> Any:
        """The shape of the answer to a single text, where it differs from that in a list."""
        del options
        return answer

    def _stream(self, texts: Iterator[Any], limit: int | None, tokenizing: Any, answering: Any) -> Iterator[Any]:
        while window := list(itertools.islice(texts, WINDOW)):
            yield from self._many(window, limit, tokenizing, answering)

    def _many(self, texts: Sequence[Any], limit: int | None, tokenizing: Any, answering: Any) -> list[Any]:
        if not texts:
            return []
        rows = self.preprocess(texts, **tokenizing)
        lengths = [len(row["input_ids"]) for row in rows]
        answers: list[Any] = [None] * len(rows)
        with torch.inference_mode():
            for batch in batches(lengths, TOKENS_PER_BATCH, limit):
                output = self.forward([rows[i] for i in batch])
                results = self.postprocess(output, [lengths[i] for i in batch], **answering)
                for i, result in zip(batch, results, strict=True):
                    answers[i] = result
        return answers

    def _split(self, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        unknown = set(options) - self.tokenizer_arguments - self.task_arguments
        if unknown:
            known = ", ".join(sorted(self.tokenizer_arguments | self.task_arguments))
            raise InputError(f"{self.task}: unknown argument {min(unknown)!r}; known: {known}")
        tokenizing = {key: value for key, value in options.items() if key in self.tokenizer_arguments}
        return tokenizing, {key: value for key, value in options.items() if key in self.task_arguments}

    @staticmethod
    def _pair(text: Any, index: int) -> tuple[str, str | None]:
        if isinstance(text, str):
            return text, None
        if isinstance(text, Mapping) and "text" in text:
            return text["text"], text.get("text_pair")
        raise InputError(
            f"text {index} must be a string or {{'text': ..., 'text_pair': ...}}, not {type(text).__name__}"
        )


def batches(lengths: Sequence[int], budget: int, limit: int | None) -> Iterator[list[int]]:
    """Indices in batches of about equal length, at most ``budget`` tokens (or one text) and ``limit`` texts each."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        # Longest first: the first text of a batch decides its width.
        if batch and (lengths[batch[0]] * (len(batch) + 1) > budget or len(batch) == limit):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _to_device(device: int | str | torch.device | None) -> torch.device:
    if device is None or device == -1:
        return torch.device("cpu")
    return torch.device("cuda", device) if isinstance(device, int) else torch.device(device)


def to_numbers(tensor: Tensor) -> Any:
    """A tensor as float32 NumPy array, whatever precision it was computed in."""
    return tensor.float().cpu().numpy()
