"""What happens inside a pipeline for one input: tokens, shapes, numbers, attention, answer."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from dure.errors import InputError
from dure.hub.commit import atomic_file
from dure.pipelines.figures import Figure
from dure.pipelines.page import as_html, as_text
from dure.pipelines.rows import Row
from dure.typing import PathLike

if TYPE_CHECKING:
    from dure.pipelines.base import Pipeline

__all__ = ["Explanation", "Piece", "Shape", "explain"]

#: Windows of a long text that are shown.
MOST_ROWS = 8


class Piece(NamedTuple):
    """A token of a row: its name, id, the text it stands for, and whether it is a special one."""

    token: str
    id: int
    text: str
    is_special: bool


class Shape(NamedTuple):
    """What a part of the model gives: the part's name and class, and the shape of its output."""

    name: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The way from an input to its answer. Prints as tables; a notebook shows a page.

    Attributes:
        task: The task.
        asked: The input.
        rows: The tokens of each row that the model read.
        num_rows: How many rows there were; a long text has many.
        shapes: What the parts of the model gave for the first row.
        figures: From the model's numbers to probabilities.
        answer: The answer.
        attentions: For each layer ``(num_heads, to, from)`` weights of the first row; empty unless asked for.
    """

    task: str
    asked: Any
    rows: list[list[Piece]]
    num_rows: int
    shapes: list[Shape]
    figures: list[Figure]
    answer: Any
    attentions: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def save(self, path: PathLike) -> None:
        """Write a page that any browser shows, without anything from elsewhere.

        Args:
            path: The file, such as ``explained.html``.
        """
        page = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{self.task}, explained</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            "<style>body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: #fff }</style></head>"
            f"<body>{as_html(self)}</body></html>\n"
        )
        with atomic_file(path) as temporary:
            Path(temporary).write_text(page, encoding="utf-8", errors="backslashreplace")


def explain(pipe: Pipeline, inputs: Any, *, attention: bool, **options: Any) -> Explanation:
    """Run a pipeline on one input and keep what happens on the way.

    Args:
        pipe: The pipeline.
        inputs: One input.
        attention: Keep attention weights too.
        **options: Arguments of a call.

    Raises:
        InputError: These are several inputs.
    """
    chosen = pipe.options_of(options)
    if not pipe.is_single(inputs, chosen):
        raise InputError(f"explain takes one input, not {type(inputs).__name__} of them: call it for each")
    rows = pipe.preprocess([inputs], **chosen.preprocess)
    with torch.inference_mode(), _watched(pipe.model) as shapes:
        outputs = dict(pipe.compute(rows[:1], None, chosen.forward))
    with torch.inference_mode():
        outputs |= {i + 1: output for i, output in pipe.compute(rows[1:], None, chosen.forward)}
        weights = pipe.attentions(rows[0]) if attention else []
    ordered = [outputs[i] for i in range(len(rows))]
    answer = pipe.single(pipe.postprocess(rows, ordered, **chosen.postprocess), inputs, options)
    pieces = [_pieces(pipe, row) for row in rows[:MOST_ROWS]]
    return Explanation(pipe.task, inputs, pieces, len(rows), shapes, pipe.figures(rows, ordered), answer, weights)


def _pieces(pipe: Pipeline, row: Row) -> list[Piece]:
    ids = row.inputs["input_ids"]
    tokens = pipe.tokenizer.convert_ids_to_tokens(ids)
    special = set(pipe.tokenizer.all_special_ids)
    texts = pipe.tokenizer.batch_decode([[id_] for id_ in ids])
    return [Piece(token, id_, text, id_ in special) for token, id_, text in zip(tokens, ids, texts, strict=True)]


@contextlib.contextmanager
def _watched(model: nn.Module) -> Iterator[list[Shape]]:
    """Note the shapes that the parts of a model give: its children, its body's, and the layers of stacks."""
    shapes: dict[str, Shape] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            del inputs
            tensor = _first_tensor(output)
            if tensor is not None:
                shapes.setdefault(name, Shape(name, type(module).__name__, tuple(tensor.shape)))

        return hook

    body = next((f"{n}." for n, module in model.named_children() if module is getattr(model, "base_model", None)), "")
    handles = [
        module.register_forward_hook(note(name))
        for name, module in model.named_modules()
        if name and name + "." != body and _is_shown(name, body)
    ]
    found: list[Shape] = []
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
        found += shapes.values()


def _is_shown(name: str, body: str) -> bool:
    """Whether a part is a child of the model or its body, or a layer of a stack."""
    inner = name.removeprefix(body)
    return "." not in inner or re.fullmatch(r"(\D+\.)\d+", inner) is not None


def _first_tensor(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    if isinstance(output, (tuple, list)):
        return next((tensor for tensor in map(_first_tensor, output) if tensor is not None), None)
    if hasattr(output, "to_tuple"):
        return _first_tensor(output.to_tuple())
    return None
