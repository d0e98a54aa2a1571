"""Korean particles: what stands behind a name in a word and is no part of it."""

from __future__ import annotations

from typing import Any

__all__ = ["without_particle"]

#: Particles that hardly end a name; two syllables must stay of it.
_CLEAR = (
    "으로부터", "이라고는", "에게서", "에서는", "에서도", "까지는", "으로서", "으로써", "이라고", "이라는", "에게",
    "에서", "으로", "까지", "부터", "처럼", "보다", "라고", "라는", "한테", "에는", "에도", "와의", "과의", "마다",
    "조차", "마저", "는", "를", "을", "에", "와",
)  # fmt: skip
#: Particles that names also end in (김정은, 제주도); three syllables must stay.
_AMBIGUOUS = ("은", "이", "가", "과", "의", "도", "만", "로")
#: Particles that stand only behind a consonant, and only behind a vowel.
_BEHIND_CONSONANT, _BEHIND_VOWEL = frozenset("은을이과으"), frozenset("는를가와라")


def without_particle(entity: dict[str, Any], text: str) -> dict[str, Any]:
    """An entity without the particle that ends it.

    The last word of the entity must be in Hangul, and end where a word of the text ends.

    Args:
        entity: With ``word``, ``start`` and ``end``.
        text: The text.
    """
    start, end = entity["start"], entity["end"]
    last = text[start:end].split(" ")[-1]
    if not all(map(_is_hangul, last)) or _is_hangul(text[end : end + 1]):
        return entity
    for particles, shortest in ((_CLEAR, 2), (_AMBIGUOUS, 3)):
        for particle in particles:
            name = last.removesuffix(particle)
            if name != last and len(name) >= shortest and _fits(name, particle):
                return {**entity, "word": entity["word"].removesuffix(particle), "end": end - len(particle)}
    return entity


def _fits(name: str, particle: str) -> bool:
    """Whether a particle has the form that the sound before it asks for."""
    has_consonant = (ord(name[-1]) - ord("가")) % 28 > 0
    return particle[0] not in (_BEHIND_VOWEL if has_consonant else _BEHIND_CONSONANT)


def _is_hangul(char: str) -> bool:
    return "가" <= char <= "힣"
