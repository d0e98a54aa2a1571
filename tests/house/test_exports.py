"""The list of public names is complete, sorted, importable, and equal to the documentation."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import dure
from dure.public_names import HOMES

ROOT = Path(__file__).parents[2]


def imported_for_type_checkers() -> set[str]:
    tree = ast.parse((ROOT / "src/dure/__init__.pyi").read_text())
    return {
        alias.asname for statement in tree.body if isinstance(statement, ast.ImportFrom) for alias in statement.names
    }


def test_every_public_name_can_be_imported() -> None:
    for name in dure.__all__:
        assert getattr(dure, name) is not None, name


def test_type_checkers_see_the_same_names() -> None:
    assert imported_for_type_checkers() == set(dure._HOME_OF)


def test_homes_are_sorted() -> None:
    assert list(HOMES) == sorted(HOMES)
    for names in HOMES.values():
        assert list(names) == sorted(names)


def test_public_names_are_documented() -> None:
    listed = set(re.findall(r"^- `(\w+)`", (ROOT / "docs/api.md").read_text(), re.MULTILINE))
    assert listed == set(dure._HOME_OF), "docs/api.md and dure.__all__ differ"


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(dure, "NoSuchName")


def test_import_is_light() -> None:
    """`import dure` loads none of the heavy packages, and rooms that don't need torch don't load it."""
    code = (
        "import sys, dure\n"
        "heavy = {'torch', 'pyarrow', 'numpy', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import dure.tokenizers.auto, dure.datasets.load, dure.metrics.accuracy, dure.hub.resolve, dure.cli.main\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_rivals_are_never_imported() -> None:
    rivals = "transformers|tokenizers|datasets|evaluate|accelerate|sentencepiece|tiktoken"
    pattern = re.compile(rf"^\s*(import|from) ({rivals})([. ]|$)", re.MULTILINE)
    for path in sorted((ROOT / "src").rglob("*.py")):
        assert not pattern.search(path.read_text()), f"{path.name} imports a rival"
