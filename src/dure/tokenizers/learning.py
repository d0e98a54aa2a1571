"""Learning a vocabulary: texts from files or any iterator, fed to the engine with a progress bar."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dure import progress
from dure.errors import InputError, TokenizerError
from dure.threads import num_threads
from dure.tokenizers.components import dump
from dure.tokenizers.trainers import Trainer
from dure.typing import JsonObject, PathLike

__all__ = ["batches_of", "learn", "lines_of", "size_of"]

#: How much text goes to the engine at a time: enough for threads to share, little beside the counts.
_BATCH_CHARACTERS = 1 << 22
_BATCH_TEXTS = 1 << 14
_READ_BYTES = 1 << 22
#: How much memory the counts of words may take before they go to disk.
_BUDGET_BYTES = 1 << 30


def lines_of(paths: Sequence[PathLike]) -> Iterator[tuple[list[str], int]]:
    """The lines of files in batches, with the bytes that each batch takes. Lines keep their line breaks.

    Raises:
        TokenizerError: A file can't be read, or isn't UTF-8.
    """
    for path in paths:
        begin = 0
        try:
            with Path(path).open("rb") as file:
                while lines := file.readlines(_READ_BYTES):
                    data = b"".join(lines)
                    yield _decoded(data, lines, path, begin), len(data)
                    begin += len(data)
        except OSError as error:
            raise TokenizerError(f"{path} can't be read: {error.strerror}") from error


def _decoded(data: bytes, lines: list[bytes], path: PathLike, begin: int) -> list[str]:
    try:
        return [line.decode("utf-8") for line in lines]
    except UnicodeDecodeError:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            place = begin + error.start
            raise TokenizerError(
                f"{path} isn't UTF-8 text: byte {place} ({data[error.start]:#04x}) is wrong"
            ) from error
        raise


def size_of(paths: Sequence[PathLike]) -> int:
    """The bytes that files have together; a missing one is found out later."""
    return sum(Path(path).stat().st_size for path in paths if Path(path).is_file())


def batches_of(items: Iterable[Any]) -> Iterator[tuple[list[str], int]]:
    """Texts, or lists of texts, in batches, with the number of items that each batch takes.

    Raises:
        InputError: Something else comes.
    """
    if isinstance(items, (str, bytes)):
        raise InputError("training takes an iterator over texts, not a single string: use [text]")
    texts: list[str] = []
    num_items = num_characters = 0
    for item in items:
        found = [item] if isinstance(item, str) else _texts_in(item)
        texts += found
        num_items += 1
        num_characters += sum(map(len, found))
        if num_characters >= _BATCH_CHARACTERS or len(texts) >= _BATCH_TEXTS:
            yield texts, num_items
            texts, num_items, num_characters = [], 0, 0
    if num_items:
        yield texts, num_items


def _texts_in(item: Any) -> list[str]:
    try:
        texts = list(item)
    except TypeError:
        texts = [item]
    for text in texts:
        if not isinstance(text, str):
            raise InputError(f"training takes texts or lists of texts, but got {text!r}")
    return texts


def learn(
    batches: Iterable[tuple[list[str], int]],
    trainer: Trainer,
    *,
    normalizer: JsonObject | None,
    pre_tokenizer: JsonObject | None,
    total: int | None,
    unit: str,
) -> JsonObject:
    """Learn a vocabulary.

    Args:
        batches: Texts, and how much of ``total`` each batch is.
        trainer: How.
        normalizer: What is done to a text before it's split.
        pre_tokenizer: How it's split.
        total: How much there is.
        unit: Of what.

    Returns:
        The section "model" of a tokenizer.json.

    Raises:
        TokenizerError: The settings contradict each other, or there are no texts.
    """
    from dure.tokenizers._core import train

    if not isinstance(trainer, Trainer):
        raise InputError(f"trainer must be one of dure.tokenizers.trainers, but is {trainer!r}")
    section = trainer.section()
    with ExitStack() as stack:
        is_shown = bool(section.get("show_progress", True)) and progress.is_enabled()
        reading = stack.enter_context(
            progress.bar(total=total, description="Read texts", unit=unit, is_disabled=not is_shown)
        )

        def texts() -> Iterator[list[str]]:
            for batch, size in batches:
                yield batch
                reading.update(size)

        try:
            made = train(
                dump(section),
                texts(),
                normalizer=None if normalizer is None else dump(normalizer),
                pre_tokenizer=None if pre_tokenizer is None else dump(pre_tokenizer),
                budget_bytes=_BUDGET_BYTES,
                num_threads=num_threads(),
                progress=_stages(stack) if is_shown else None,
            )
        except (InputError, TokenizerError):
            raise
        except ValueError as error:
            raise TokenizerError(f"training failed: {error}") from error
    found: JsonObject = json.loads(made)
    return found


def _stages(stack: ExitStack) -> Callable[[str, int, int], bool]:
    """What the engine calls while it works: a bar for each stage."""
    bars: dict[str, Any] = {}

    def show(stage: str, done: int, total: int) -> bool:
        if stage not in bars:
            bars[stage] = stack.enter_context(progress.bar(total=total or None, description=stage, unit=""))
        bar = bars[stage]
        bar.total = total or None
        bar.update(done - bar.n)
        return True

    return show
