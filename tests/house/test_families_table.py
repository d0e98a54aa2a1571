"""docs/families.md says of each family and head what is verified; what CONTRIBUTING.md quotes stands in files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dure.public_names import HOMES

ROOT = Path(__file__).parents[2]
#: Classes of families: bodies and heads.
CLASSES = sorted(
    name
    for module, names in HOMES.items()
    for name in names
    if module.startswith("models.") and not name.startswith("Auto") and not name.endswith("Config")
    and name != "PreTrainedModel"
)  # fmt: skip
ROWS = dict(re.findall(r"^\|[^|]*\| `(\w+)` \|(.*)\|$", (ROOT / "docs/families.md").read_text(), re.MULTILINE))
QUOTES = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
QUOTED = ("src/dure/models/gpt_neox.py", "src/dure/models/auto.py", "tests/models/test_decoder_families.py")


def test_every_public_family_and_head_is_in_the_table() -> None:
    assert sorted(ROWS) == CLASSES


@pytest.mark.parametrize("name", CLASSES)
def test_twenty_configurations_are_verified(name: str) -> None:
    columns = re.search(r"^\| family \| class \|(.*)\|$", (ROOT / "docs/families.md").read_text(), re.MULTILINE)
    assert columns is not None
    cells = dict(zip(map(str.strip, columns[1].split("|")), map(str.strip, ROWS[name].split("|")), strict=True))
    for column in ("float32", "bfloat16", "float16", "autocast", "right", "saved"):
        assert cells[column].isdigit(), f"{name}: nothing is verified in {column}"
        assert int(cells[column]) >= 20, f"{name}: {cells[column]} configurations in {column}"


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: quote.split("\n")[0].strip()[:40])
def test_what_is_quoted_stands_in_a_file(quote: str) -> None:
    assert any(quote in (ROOT / path).read_text() for path in QUOTED)
