"""What the tests of families have verified, and the table of it in docs/families.md."""

from __future__ import annotations

import os

__all__ = ["NUM_CONFIGS", "note"]

#: Random configurations of each family and head.
NUM_CONFIGS = 20 if os.environ.get("DURE_PARITY") == "full" else 3
#: What was verified in this session: the class, then how many configurations by what was looked at.
NOTED: dict[str, dict[str, int]] = {}


def note(model: str, **counts: int) -> None:
    """Remember that a class was verified.

    Args:
        model: Its name.
        **counts: How many configurations, by the column of the table.
    """
    NOTED.setdefault(model, {}).update(counts)
