"""An explanation as tables for a terminal, and as a page for a browser: light, legible, without scripts."""

from __future__ import annotations

import html
import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dure.tokenizers.explain import COLOURS, SPECIAL_COLOUR, table, visible

if TYPE_CHECKING:
    from dure.pipelines.explain import Explanation, Piece, Shape
    from dure.pipelines.figures import Figure

__all__ = ["as_html", "as_text"]

#: Tokens of an attention map that are drawn.
MOST_TOKENS = 48
_STYLE = """<style>
.dure-x { font: .95rem/1.5 system-ui, "Noto Sans KR", sans-serif; color: #111827; background: #fff; padding: .5rem }
.dure-x h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; color: #1f2937 }
.dure-x table { border-collapse: collapse; background: #fff; color: #111827 }
.dure-x .grid td, .dure-x .grid th { padding: 2px 12px 2px 0; border-bottom: 1px solid #e5e7eb; text-align: left }
.dure-x .grid .n { text-align: right; font-variant-numeric: tabular-nums }
.dure-x .grid .bar { min-width: 12rem }
.dure-x .bar div { background: #60a5fa; height: .7rem; border-radius: 2px }
.dure-x .note { color: #6b7280; font-size: .85rem }
.dure-x .asked { font-size: 1.05rem }
.dure-x .token { border-radius: 4px; padding: 1px 4px; margin: 1px; display: inline-block; text-align: center;
  font-family: ui-monospace, monospace; color: #000 }
.dure-x .token small { color: #4b5563 }
.dure-x mark { background: #fde68a; color: #000; border-radius: 3px; padding: 0 2px }
.dure-x mark sup { color: #92400e; font-size: .65rem }
.dure-x .map { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top }
.dure-x .map td { width: 14px; height: 14px; padding: 0; border: 1px solid #f3f4f6 }
.dure-x .map th { font-weight: 400; font-size: .7rem; text-align: right; padding: 0 4px }
.dure-x .map tr:first-child th { writing-mode: vertical-rl; text-align: left; padding: 4px 0 }
.dure-x pre { white-space: pre-wrap; margin: 0; background: #f9fafb; padding: .5rem }
</style>"""


def as_text(explained: Explanation) -> str:
    """Tables, one below the other."""
    lines = [f"{explained.task}: {_short(explained.asked)}"]
    for number, pieces in enumerate(explained.rows):
        lines += ["", f"tokens{_number(number, explained.num_rows)}: {len(pieces)}"]
        cells = [(visible(piece.token), str(piece.id), visible(piece.text)) for piece in pieces]
        lines += table([("token", "id", "text"), *cells], right={1})
    lines += _hidden_rows(explained)
    lines += ["", "shapes through the model"]
    lines += table(
        [("part", "class", "shape"), *((name, kind, shape) for name, kind, shape in folded(explained.shapes))]
    )
    for figure in explained.figures:
        lines += [
            "",
            figure.title,
            *table([figure.columns, *map(_visible_cells, figure.shown())], right=figure.numeric()),
        ]
        lines += [f"... and {figure.num_hidden} more"] if figure.num_hidden else []
    if explained.attentions:
        lines += ["", *_strongest(explained)]
    return "\n".join([*lines, "", "answer", _plain(explained.answer)])


def as_html(explained: Explanation) -> str:
    """A page without scripts, and without anything from elsewhere."""
    body = "".join(
        f"<div>{_label(number, explained.num_rows)}{_tokens(pieces)}</div>"
        for number, pieces in enumerate(explained.rows)
    )
    body += "".join(f'<div class="note">{line}</div>' for line in _hidden_rows(explained))
    sections = [("Tokens and their ids", body)]
    shapes = _grid(("part", "class", "shape"), folded(explained.shapes))
    note = (
        '<div class="note">Inside, tokens lie end to end: (tokens, width), without padding. '
        "Where a text is judged by its first token, the last layer computes that one alone.</div>"
    )
    sections.append(("Shapes through the model", shapes + note))
    sections += [(figure.title, _drawn(figure)) for figure in explained.figures]
    if explained.attentions:
        maps = (_map(weights.mean(axis=0), explained.rows[0], n) for n, weights in enumerate(explained.attentions))
        sections.append(("Attention: how much each row's token looks at each column's, mean over heads", "".join(maps)))
    sections.append(("Answer", f"<pre>{html.escape(_plain(explained.answer))}</pre>"))
    numbered = "".join(f"<h3>{n}. {html.escape(title)}</h3>{body}" for n, (title, body) in enumerate(sections, 1))
    head = f'<div class="note">{html.escape(explained.task)}</div><div class="asked">{_marked(explained)}</div>'
    return f'{_STYLE}<div class="dure-x">{head}{numbered}</div>'


def folded(shapes: Sequence[Shape]) -> list[tuple[str, str, str]]:
    """Shapes with equal layers that follow each other on one line."""

    def key(shape: Shape) -> Any:
        stem, _, number = shape.name.rpartition(".")
        return (stem, shape.kind, shape.shape) if number.isdecimal() else shape.name

    lines = []
    for _, group in itertools.groupby(shapes, key):
        same = list(group)
        name, kind, shape = same[0]
        if len(same) > 1:
            name, kind = f"{name} to {same[-1].name.rpartition('.')[2]}", f"{len(same)} x {kind}"
        lines.append((name, kind, "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"))
    return lines


def _plain(answer: Any) -> str:
    """An answer as JSON; vectors and tensors by their beginning."""
    if hasattr(answer, "shape"):
        return f"a tensor of shape {tuple(answer.shape)}"
    if (
        isinstance(answer, list)
        and answer
        and isinstance(answer[0], list)
        and answer[0]
        and isinstance(answer[0][0], list)
    ):
        return f"{len(answer[0])} vectors of {len(answer[0][0])} numbers: {str(answer[0][0][:4])[:-1]}, ...]"
    text = json.dumps(
        answer, ensure_ascii=False, default=lambda value: value.item() if hasattr(value, "item") else str(value)
    )
    return text if len(text) < 100 or not isinstance(answer, list) else "\n".join(map(_plain, answer))


def _hidden_rows(explained: Explanation) -> list[str]:
    count = explained.num_rows - len(explained.rows)
    return [f"... and {count} more rows"] if count else []


def _number(number: int, count: int) -> str:
    return f" of row {number + 1} of {count}" if count > 1 else ""


def _label(number: int, count: int) -> str:
    return f'<div class="note">row {number + 1} of {count}</div>' if count > 1 else ""


def _short(asked: Any) -> str:
    text = asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False, default=str)
    return visible(text if len(text) <= 200 else text[:199] + "…")


def _visible_cells(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(visible, cells))


def _strongest(explained: Explanation) -> list[str]:
    """For each token the one that it looks at most, in the last layer."""
    weights, pieces = explained.attentions[-1].mean(axis=0), explained.rows[0]
    rows = [("token", "looks most at", "weight")]
    for piece, row in zip(pieces, weights, strict=False):
        best = int(row.argmax())
        rows.append((visible(piece.token), visible(pieces[best].token), f"{float(row[best]):.4f}"))
    return ["attention in the last layer, mean over heads", *table(rows, right={2})]


# --- HTML -------------------------------------------------------------------------------------------------------


def _tokens(pieces: Sequence[Piece]) -> str:
    cells = []
    for index, piece in enumerate(pieces):
        colour = SPECIAL_COLOUR if piece.is_special else COLOURS[index % len(COLOURS)]
        title = html.escape(visible(piece.text), quote=True)
        name = html.escape(visible(piece.token))
        cells.append(
            f'<span class="token" title="{title}" style="background:{colour}">{name}<br><small>{piece.id}</small>'
            "</span>"
        )
    return "".join(cells)


def _grid(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[int] = (),
    shares: Sequence[float] | None = None,
) -> str:
    """Rows as a table; ``shares`` are drawn as a bar at the end of each."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if i in right else ''}>{html.escape(visible(cell))}</{tag}>"
            for i, cell in enumerate(cells)
        )

    lines = [f"<tr>{line(columns, 'th')}{'<th></th>' if shares else ''}</tr>"]
    for n, cells in enumerate(rows):
        bar = f'<td class="bar"><div style="width:{100 * shares[n]:.1f}%"></div></td>' if shares else ""
        lines.append(f"<tr>{line(cells, 'td')}{bar}</tr>")
    return f'<table class="grid">{"".join(lines)}</table>'


def _drawn(figure: Figure) -> str:
    """A figure's table, with a bar beside each probability."""
    place = figure.bar
    shares = None if place is None else [min(max(float(row[place]), 0.0), 1.0) for row in figure.rows]
    more = f'<div class="note">... and {figure.num_hidden} more</div>' if figure.num_hidden else ""
    return _grid(figure.columns, figure.shown(), figure.numeric(), shares) + more


def _map(weights: Any, pieces: Sequence[Piece], layer: int) -> str:
    """A layer's attention as a table of squares, darker where a row's token looks more at a column's."""
    names = [html.escape(visible(piece.token)) for piece in pieces[:MOST_TOKENS]]
    lines = ["<tr><th></th>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"]
    for name, row in zip(names, weights.tolist(), strict=False):
        cells = "".join(
            f'<td title="{weight:.3f}" style="background:rgba(37,99,235,{weight:.3f})"></td>'
            for weight in row[: len(names)]
        )
        lines.append(f"<tr><th>{name}</th>{cells}</tr>")
    return f'<div class="map"><div class="note">layer {layer + 1}</div><table>{"".join(lines)}</table></div>'


def _marked(explained: Explanation) -> str:
    """The input, with the spans of the answer marked in it."""
    asked, answer = explained.asked, explained.answer
    text = asked.get("context") if isinstance(asked, Mapping) else asked
    found = answer if isinstance(answer, list) else [answer]
    spans = [span for span in found if isinstance(span, Mapping) and {"start", "end"} <= set(span)]
    if not isinstance(text, str) or not spans:
        return html.escape(_short(asked))
    is_question = isinstance(asked, Mapping) and "question" in asked
    parts, end = [f"<b>{html.escape(str(asked['question']))}</b><br>" if is_question else ""], 0
    for span in sorted(spans, key=lambda span: int(span["start"])):
        if span["start"] >= end:
            inner = html.escape(text[span["start"] : span["end"]])
            name = html.escape(str(span.get("entity_group") or span.get("entity") or "answer"))
            parts += [html.escape(text[end : span["start"]]), f"<mark>{inner}<sup> {name}</sup></mark>"]
            end = span["end"]
    return "".join(parts) + html.escape(text[end:])
