"""The newest releases of the other libraries, in a second environment; and what other tests draw their cases with."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def borrowed(path: str) -> ModuleType:
    """Another test module. Its folder isn't on the path when these tests run alone."""
    spec = importlib.util.spec_from_file_location("borrowed_" + path.replace("/", "_"), HERE.parent / f"{path}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_texts = borrowed("tokenizers/conftest")
hard_texts, random_text = _texts.hard_texts, _texts.random_text


@pytest.fixture(scope="session")
def families() -> ModuleType:
    """Draws configurations and batches, and compares outputs."""
    return borrowed("interop/drawing")


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict[str, Any]]], list[Any]]:
    """Has jobs done by one process of the second environment, and returns what it found out about each."""
    python = os.environ.get("DURE_INTEROP_PYTHON")
    if not python:
        pytest.skip("DURE_INTEROP_PYTHON names no Python with the newest transformers (`make interop` makes one)")
    home = tmp_path_factory.mktemp("newest_home")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTEST_"))},
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }

    def do(jobs: list[dict[str, Any]]) -> list[Any]:
        folder = tmp_path_factory.mktemp("jobs")
        (folder / "jobs.json").write_text(json.dumps(jobs, default=str))
        done = subprocess.run(
            [python, str(HERE / "newest.py"), str(folder)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads((folder / "found.json").read_text())

    return do
