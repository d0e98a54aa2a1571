"""Seeing what a tokenizer does: a text's way through the stages, as a table or coloured in a notebook."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dure.errors import InputError

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["COLOURS", "SPECIAL_COLOUR", "Explaining", "Explanation", "Token", "table", "visible"]

#: Background colours of neighbouring tokens in a notebook; legible on white and, with black text, on dark themes.
COLOURS = ("#fde2c8", "#cfe8fc", "#d9f2d0", "#f6d5e5", "#e4dcf7", "#fbf3b9")
SPECIAL_COLOUR = "#d5d8dc"


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an explained text.

    Attributes:
        token: The token.
        id: Its id.
        start: Where it begins in the text, in characters.
        end: Where it ends.
        text: What it stands for in the text.
        word: The index of the pre-token that it's a part of; None for special tokens.
        is_special: Whether it's a special token that was put around the text.
    """

    token: str
    id: int
    start: int
    end: int
    text: str
    word: int | None
    is_special: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What each stage made of a text. Prints as a table; a notebook shows the text with its tokens coloured.

    Attributes:
        text: The text.
        normalized: The text after normalization.
        pre_tokens: The words that the model sees, each with its place in the text.
        tokens: The tokens.
    """

    text: str
    normalized: str
    pre_tokens: list[tuple[str, tuple[int, int]]]
    tokens: list[Token] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        """The ids."""
        return [token.id for token in self.tokens]

    @property
    def pieces(self) -> list[str]:
        """The tokens as strings."""
        return [token.token for token in self.tokens]

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Where each token is in the text, in characters; (0, 0) for special tokens."""
        return [(token.start, token.end) for token in self.tokens]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "text": self.text,
            "normalized": self.normalized,
            "pre_tokens": [[word, list(place)] for word, place in self.pre_tokens],
            "tokens": self.pieces,
            "ids": self.ids,
            "offsets": [list(place) for place in self.offsets],
        }

    def __str__(self) -> str:
        words = " ".join(f"[{visible(word)}]" for word, _ in self.pre_tokens)
        head = [
            f"text        {visible(self.text)}",
            f"normalized  {visible(self.normalized)}",
            f"pre-tokens  {words}",
        ]
        rows = [("token", "id", "from", "to", "text", "word")]
        for token in self.tokens:
            place = ("", "") if token.is_special else (str(token.start), str(token.end))
            word = "" if token.word is None else str(token.word)
            rows.append((visible(token.token), str(token.id), *place, visible(token.text), word))
        return "\n".join([*head, "", *table(rows, right={1, 2, 3, 5})])

    def _repr_html_(self) -> str:
        cells = []
        for index, token in enumerate(self.tokens):
            colour = SPECIAL_COLOUR if token.is_special else COLOURS[index % len(COLOURS)]
            shown = html.escape(token.token if token.is_special or not token.text else token.text).replace(
                " ", "&nbsp;"
            )
            place = "special" if token.is_special else f"characters {token.start} to {token.end}"
            title = html.escape(f"{token.token}  id {token.id}  {place}", quote=True)
            cells.append(
                f'<span title="{title}" style="background:{colour};color:#000;border-radius:3px;padding:1px 2px;'
                f'margin:1px;display:inline-block;text-align:center">{shown}'
                f'<br><small style="color:#555">{token.id}</small></span>'
            )
        words = " ".join(f"<code>{html.escape(word)}</code>" for word, _ in self.pre_tokens)
        return (
            '<div style="font-family:monospace;line-height:1.6">'
            f"<div><b>normalized</b> {html.escape(self.normalized)}</div>"
            f"<div><b>pre-tokens</b> {words}</div>"
            f"<div><b>{len(self.tokens)} tokens</b></div><div>{''.join(cells)}</div></div>"
        )


class Explaining:
    """The part of a tokenizer that shows what it does."""

    _engine: Engine

    def explain(self, text: str, *, add_special_tokens: bool = True) -> Explanation:
        """What each stage makes of a text: normalized, pre-tokens, tokens, ids and where they are in the text.

        ``print(tokenizer.explain("unaffable"))`` shows a table; in a notebook, the tokens are coloured.

        Args:
            text: The text.
            add_special_tokens: Show the special tokens around it too.

        Raises:
            InputError: ``text`` is no string.
        """
        if not isinstance(text, str):
            raise InputError(f"explain takes one text, but got {type(text).__name__}")
        batch = self(  # type: ignore[operator]
            text, add_special_tokens=add_special_tokens, return_offsets_mapping=True, verbose=False
        )
        row = batch[0]
        tokens = [
            Token(name, id_, begin, end, text[begin:end], word, is_special=sequence is None)
            for name, id_, (begin, end), word, sequence in zip(
                row.tokens, row.ids, row.offsets, row.word_ids, row.sequence_ids, strict=True
            )
        ]
        return Explanation(text, self._engine.normalize(text), self._engine.pre_tokenize(text), tokens)


def visible(text: str) -> str:
    """A text on one line, with control characters as escapes."""
    return "".join(
        repr(char)[1:-1] if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text
    )


def _width(text: str) -> int:
    """How many columns a terminal takes for a text."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def table(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Rows as lines for a terminal.

    Args:
        rows: Cells; the first row is the head.
        right: Columns whose cells stand at their right, as numbers do.
    """
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = []
        for column, cell in enumerate(row):
            space = " " * (widths[column] - _width(cell))
            cells.append(space + cell if column in right else cell + space)
        lines.append("  ".join(cells).rstrip())
    return lines
