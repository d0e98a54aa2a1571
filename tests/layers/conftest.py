"""The slow twins of fast paths."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def slow_attention() -> ModuleType:
    """Attention by its formula."""
    path = Path(__file__).parents[1] / "reference" / "slow_attention.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
