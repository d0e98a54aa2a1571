"""What a section "post_processor" of tokenizer.json says about a row: its texts, and what its tokens are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["special_texts", "texts_used"]


def texts_used(section: Mapping[str, Any] | None, *, is_pair: bool) -> tuple[int, ...]:
    """The texts whose places a row knows. A text that stands alone with nothing around it is the whole row: none."""
    texts: tuple[int, ...] = (0, 1) if is_pair else (0,)
    if section is None:
        return texts if is_pair else ()
    for template in _templates(section):
        pieces = template.get("pair" if is_pair else "single") or []
        used = {piece["Sequence"]["id"] for piece in pieces if "Sequence" in piece}
        texts = tuple(text for text in texts if "AB"[text] in used)
    return texts


def special_texts(section: Mapping[str, Any] | None) -> dict[int, str]:
    """What special tokens are called, by their ids."""
    texts: dict[int, str] = {}
    for processor in _processors(section):
        for name in ("sep", "cls"):
            if name in processor:
                text, id_ = processor[name]
                texts[id_] = text
        for token in (processor.get("special_tokens") or {}).values():
            texts |= dict(zip(token["ids"], token["tokens"], strict=False))
    return texts


def _processors(section: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if section is None:
        return
    yield section
    for part in section.get("processors") or []:
        yield from _processors(part)


def _templates(section: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (part for part in _processors(section) if part.get("type") == "TemplateProcessing")
