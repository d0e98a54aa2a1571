"""What `generate` has to say, once in a process."""

from __future__ import annotations

import logging

__all__ = ["say_once"]

_said: set[str] = set()


def say_once(logger: logging.Logger, message: str) -> None:
    """A warning, unless it was said before."""
    if message not in _said:
        _said.add(message)
        logger.warning(message)
