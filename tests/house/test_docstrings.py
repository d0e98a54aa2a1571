"""Public modules, classes and functions say in a sentence what you get."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sorted((ROOT / "src").rglob("*.py"))


def undocumented(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    missing = [] if ast.get_docstring(tree) else ["the module"]
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        members = node.body if isinstance(node, ast.ClassDef) else []
        for item in [node, *members]:
            is_public = isinstance(item, (ast.ClassDef, ast.FunctionDef)) and not item.name.startswith("_")
            # A setter and an overload are documented by the function they belong to.
            decorators = [ast.unparse(d) for d in getattr(item, "decorator_list", [])]
            is_part = any(d.endswith((".setter", "overload")) for d in decorators)
            if is_public and not is_part and not ast.get_docstring(item):
                missing.append(f"{item.name} (line {item.lineno})")
    return missing


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_symbols_have_docstrings(path: Path) -> None:
    assert not undocumented(path), f"{path.relative_to(ROOT)} lacks docstrings: {', '.join(undocumented(path))}"


def test_headers_are_the_manual() -> None:
    for header in sorted((ROOT / "cpp" / "include").rglob("*.h")):
        assert header.read_text().lstrip().startswith("//"), f"{header.name} doesn't begin by saying what it is about"
