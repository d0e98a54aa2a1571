"""The house's budgets: lines per file and function, public methods per class, nesting. There are no exceptions."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sorted((ROOT / "src").rglob("*.py"))
CPP = sorted(p for p in (ROOT / "cpp").rglob("*") if p.suffix in {".cpp", ".h"})
NESTING = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def depth(node: ast.AST, level: int = 0) -> int:
    """How deeply blocks nest below a node; an `elif` continues its `if`, a nested function starts anew."""
    deepest = level
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTION):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        step = 1 if isinstance(child, NESTING) and not is_elif else 0
        deepest = max(deepest, depth(child, level + step))
    return deepest


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, FUNCTION)]


@pytest.mark.parametrize("path", PYTHON + CPP, ids=name_of)
def test_files_are_short(path: Path) -> None:
    limit = 500 if path.suffix == ".py" else 600
    assert len(path.read_text().splitlines()) <= limit, (
        f"{name_of(path)} is longer than {limit} lines: split it by concept"
    )


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_functions_are_short_and_flat(path: Path) -> None:
    for function in functions(ast.parse(path.read_text())):
        where = f"{name_of(path)}:{function.lineno} {function.name}"
        docstring = function.body[0] if ast.get_docstring(function) else None
        in_docstring = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
        length = function.end_lineno - function.lineno + 1 - in_docstring
        assert length <= 60, f"{where} has {length} lines of code, 60 are allowed"
        assert depth(function) <= 4, f"{where} nests {depth(function)} deep, 4 are allowed"


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_classes_have_few_public_methods(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            public = {f.name for f in node.body if isinstance(f, FUNCTION) and not f.name.startswith("_")}
            assert len(public) <= 20, f"{name_of(path)} {node.name} has {len(public)} public methods, 20 are allowed"


def test_binding_is_thin() -> None:
    def lines(folder: str) -> int:
        return sum(len(p.read_text().splitlines()) for p in CPP if p.is_relative_to(ROOT / "cpp" / folder))

    assert lines("python") <= 0.15 * (lines("src") + lines("include")), (
        "the binding holds logic that belongs to the core"
    )
