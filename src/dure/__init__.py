"""Dure: transformers, tokenizers and datasets in one package that works offline and is fast on a CPU.

Public names are those of the libraries whose code people already have: change the import and go on. Each is imported
when it is first used, so ``import dure`` is instant and loads neither torch nor pyarrow.
"""

from __future__ import annotations

import importlib
from typing import Any

from dure.public_names import HOMES

__version__ = "0.1.0"

_HOME_OF = {name: f"dure.{module}" for module, names in HOMES.items() for name in names}

__all__ = [
    *sorted(_HOME_OF),
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dure' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
