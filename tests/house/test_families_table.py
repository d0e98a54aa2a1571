"""docs/families.md says of each family and head what is verified; what CONTRIBUTING.md quotes stands in files."""

from __future__ import annotations

import re
from pathlib import Path

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
#: Text, language, code and an empty string, over and over.
FENCED = re.split(r"^```(\w*)\n", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)
QUOTES = [code for language, code in zip(FENCED[1::4], FENCED[2::4], strict=True) if language != "sh"]
QUOTED = ("src/dure/models/gpt_neox.py", "src/dure/models/auto.py", "tests/models/test_decoder_families.py")


def test_every_public_family_and_head_is_in_the_table() -> None:
    assert sorted(ROWS) == CLASSES


def test_enough_configurations_are_verified() -> None:
    columns = re.search(r"^\| family \| class \|(.*)\|$", (ROOT / "docs/families.md").read_text(), re.MULTILINE)
    assert columns is not None
    for name, row in ROWS.items():
        cells = dict(zip(map(str.strip, columns[1].split("|")), map(str.strip, row.split("|")), strict=True))
        for column in ("float32", "bfloat16", "float16", "autocast", "right", "saved"):
            assert cells[column].isdigit(), f"{name}: nothing is verified in {column}"
            least = 5 if column in {"float16", "autocast"} else 20
            assert int(cells[column]) >= least, f"{name}: {cells[column]} configurations in {column}"


def test_what_is_quoted_stands_in_a_file() -> None:
    assert len(QUOTES) > 5
    for quote in QUOTES:
        assert any(quote in (ROOT / path).read_text() for path in QUOTED), quote
