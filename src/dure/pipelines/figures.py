"""Tables of numbers that explain how an answer came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Figure", "of_labels"]

#: Rows of a figure that are shown; the rest is counted.
MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class Figure:
    """A table.

    Attributes:
        title: What it shows.
        columns: The names of its columns.
        rows: Its cells: texts, whole numbers, numbers.
        bar: The column with probabilities, which are drawn as bars too; None where there is none.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    bar: int | None = None

    def shown(self) -> list[tuple[str, ...]]:
        """The cells as texts, the first :data:`MOST_ROWS` rows."""
        return [tuple(map(_cell, row)) for row in self.rows[:MOST_ROWS]]

    @property
    def num_hidden(self) -> int:
        """How many rows aren't shown."""
        return max(0, len(self.rows) - MOST_ROWS)

    def numeric(self) -> set[int]:
        """The columns that hold numbers."""
        first = self.rows[0] if self.rows else ()
        return {i for i, cell in enumerate(first) if isinstance(cell, (int, float))}


def of_labels(title: str, names: Sequence[str], logits: Any, scores: Any) -> Figure:
    """Labels with their logits and probabilities, the most probable first."""
    order = sorted(range(len(scores)), key=lambda i: -float(scores[i]))
    rows = [(names[i], float(logits[i]), float(scores[i])) for i in order]
    return Figure(title, ("label", "logit", "probability"), rows, bar=2)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"
    return str(value)
