"""Progress bars for long work.

One place decides whether bars are shown: never when ``DURE_PROGRESS=0`` (or ``HF_HUB_DISABLE_PROGRESS_BARS=1``), and
not when standard error isn't a terminal or a notebook, where a bar would only fill a log file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

__all__ = ["bar", "is_enabled", "track"]

Item = TypeVar("Item")


def is_enabled() -> bool:
    """Whether bars are shown."""
    if os.environ.get("DURE_PROGRESS") == "0" or os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS") == "1":
        return False
    return os.environ.get("DURE_PROGRESS") == "1" or "ipykernel" in sys.modules or sys.stderr.isatty()


def bar(*, total: int | None, description: str, unit: str = "it", is_disabled: bool = False) -> Any:
    """A bar to move by hand: a ``tqdm`` object with ``update``, ``set_postfix`` and ``close``; also a context manager.

    Args:
        total: How many units there are; None where nobody knows.
        description: What the work is, shown in front of the bar.
        unit: What one step is.
        is_disabled: Show nothing, whatever the environment says.
    """
    from tqdm.auto import tqdm

    return tqdm(total=total, desc=description, unit=unit, disable=is_disabled or not is_enabled())


def track(
    items: Iterable[Item], *, description: str, total: int | None = None, unit: str = "it", is_disabled: bool = False
) -> Iterator[Item]:
    """Pass items through and show how far along they are. Arguments are those of :func:`bar`."""
    if total is None:
        total = getattr(items, "__len__", lambda: None)()
    if is_disabled or not is_enabled():
        yield from items
        return
    with bar(total=total, description=description, unit=unit) as shown:
        for item in items:
            yield item
            shown.update()
