"""The README's snippets parse and name things that exist; links between documents lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import dure

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_python_snippets_parse_and_import_what_exists(path: Path) -> None:
    for snippet in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL):
        for node in ast.walk(ast.parse(snippet)):
            if isinstance(node, ast.ImportFrom) and node.module == "dure":
                assert {alias.name for alias in node.names} <= set(dure.__all__)


def test_readme_names_commands_of_the_makefile() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in ("README.md", "README.ko.md", "CONTRIBUTING.md"):
        assert set(re.findall(r"^make (\w+)", (ROOT / name).read_text(), re.MULTILINE)) <= targets


def test_ci_runs_the_commands_people_run() -> None:
    assert "make lint test quickstart" in (ROOT / ".ci" / "run").read_text()


def test_examples_are_short() -> None:
    for path in sorted((ROOT / "examples").glob("*.py")):
        assert len(path.read_text().splitlines()) <= 80, f"{path.name} is longer than 80 lines"
