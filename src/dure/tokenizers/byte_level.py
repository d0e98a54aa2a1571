"""Bytes as the printable characters that byte-level vocabularies write them with."""

from __future__ import annotations

import functools

__all__ = ["alphabet", "to_characters"]


@functools.cache
def alphabet() -> tuple[str, ...]:
    """The character for each of the 256 bytes: itself if it's printable in Latin-1, else one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return tuple(chr(byte) if byte in printable else chr(next(spare)) for byte in range(256))


def to_characters(data: bytes) -> str:
    """Bytes as a byte-level token."""
    characters = alphabet()
    return "".join([characters[byte] for byte in data])
