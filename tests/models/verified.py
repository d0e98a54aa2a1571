"""What the tests of families have verified, and the table of it in docs/families.md.

A session with ``DURE_PARITY=full`` brings the rows of the classes that it verified up to date; others stay.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from dure.models.auto import FAMILIES

__all__ = ["IS_FULL", "NUM_CONFIGS", "TABLE", "note", "read_table", "write_table"]

IS_FULL = os.environ.get("DURE_PARITY") == "full"
#: Random configurations of each family and head.
NUM_CONFIGS = 20 if IS_FULL else 3
TABLE = Path(__file__).parents[2] / "docs" / "families.md"
#: The table's columns: what was looked at, and what it means.
COLUMNS = {
    "float32": "outputs, losses, gradients, hidden states and attentions are the original's: within 1e-5 of a tensor's "
    "largest value, or as near to the original in float64 as the original in float32 is",
    "bfloat16": "the same in that precision, forward and backward: in the median of all tensors as near to the "
    "original in float64 as the original in the same precision is",
    "float16": "as bfloat16",
    "autocast": "weights in float32, computed under `torch.autocast` in bfloat16; as bfloat16",
    "right": "batches padded on the right",
    "left": "batches padded on the left",
    "cache": "keys and values of past tokens; one token at a time gives what the original and the whole text give",
    "saved": "Dure loads what transformers saved, and transformers loads what Dure saved, weight by weight",
    "compiled": "`torch.compile` gives the same numbers, with shapes that change",
}
#: What was verified in this session: the class, then how many configurations by what was looked at.
NOTED: dict[str, dict[str, int]] = {}
HEAD = """# What is verified

For each family and head: how many random configurations were compared with transformers 4.57.6, with fresh weights and
texts each. A dash: there is nothing to look at, or the original can't do it.

{columns}

The table is written by the tests that verify it:

```sh
DURE_PARITY=full python -m pytest tests/models
```
"""


def note(model: str, **counts: int) -> None:
    """Remember that a class was verified.

    Args:
        model: Its name.
        **counts: How many configurations, by the column of the table.
    """
    assert set(counts) <= set(COLUMNS), counts
    NOTED.setdefault(model, {}).update(counts)


def read_table() -> dict[str, dict[str, int]]:
    """The table as it is: the class, then how many configurations by column."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    rows = re.findall(r"^\|[^|]*\| `(\w+)` \|(.*)\|$", text, re.MULTILINE)
    cells = {model: [cell.strip() for cell in rest.split("|")] for model, rest in rows}
    return {
        model: {column: int(cell) for column, cell in zip(COLUMNS, found, strict=True) if cell.isdigit()}
        for model, found in cells.items()
    }


def write_table() -> None:
    """Bring the rows of what this session verified up to date."""
    table = read_table()
    for model, counts in NOTED.items():
        table.setdefault(model, {}).update(counts)
    lines = [HEAD.format(columns="\n".join(f"- **{name}**: {meaning}" for name, meaning in COLUMNS.items()))]
    lines += [f"| family | class | {' | '.join(COLUMNS)} |", "|---|---|" + "--:|" * len(COLUMNS)]
    for model in sorted(table, key=lambda model: (family_of(model), model)):
        cells = (str(table[model].get(column, "–")) for column in COLUMNS)
        lines.append(f"| {family_of(model)} | `{model}` | {' | '.join(cells)} |")
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def family_of(model: str) -> str:
    """The ``model_type`` of a class."""
    prefixes = [(len(prefix), kind) for kind, (_, prefix) in FAMILIES.items() if model.startswith(prefix)]
    return max(prefixes)[1]
