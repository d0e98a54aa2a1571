"""Checkpoints go to the newest transformers and come back with the same numbers, for every family and head."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import dure

pytestmark = pytest.mark.interop

FAMILIES = ["Bert", "DistilBert"]
HEADS = ["Model"] + [
    f"For{task}"
    for task in ("SequenceClassification", "TokenClassification", "QuestionAnswering", "MaskedLM", "MultipleChoice")
]
NUM_TRIALS = 4
#: For the models drawn here: one file, and several.
SHARD_SIZES = ["5GB", "4KB"]


@dataclasses.dataclass
class Case:
    """A model, a batch, and what the batch gives."""

    family: str
    head: str
    fields: dict[str, Any]
    seed: int
    folder: Path
    batch: dict[str, torch.Tensor]
    ours: Any = None
    info: Any = None

    def job(self, do: str, trial: int) -> dict[str, Any]:
        self.folder.mkdir()
        np.savez(self.folder / "batch.npz", **{name: tensor.numpy() for name, tensor in self.batch.items()})
        what = {name: getattr(self, name) for name in ("family", "head", "fields", "seed", "folder")}
        return {"do": do, "max_shard_size": SHARD_SIZES[trial // 2 % 2], **what}

    def theirs(self) -> dict[str, torch.Tensor]:
        with np.load(self.folder / "outputs.npz") as outputs:
            return {name: torch.from_numpy(outputs[name]) for name in outputs}

    def save_ours(self) -> None:
        torch.manual_seed(self.seed)
        config = getattr(dure, f"{self.family}Config")(**self.fields)
        model = getattr(dure, self.family + self.head)(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0, 0.2)  # biases and norms too
            self.ours = model(**self.batch)
        model.save_pretrained(self.folder / "model")


def draw(families: ModuleType, folder: Path, seed: int) -> dict[tuple[str, str], list[Case]]:
    """Some cases of each family and head; the batch is padded right, then left."""
    random_ = random.Random(seed)
    torch.manual_seed(seed)
    cases: dict[tuple[str, str], list[Case]] = {}
    for family, head in ((family, head) for family in FAMILIES for head in HEADS):
        for trial in range(NUM_TRIALS):
            fields = families.random_config(family, random_, head)
            side = ("right", "left")[trial % 2]
            batch = families.random_batch(family, head, SimpleNamespace(**fields), random_, side)
            place = folder / f"{family}{head}{trial}"
            case = Case(family, head, fields, random_.randrange(1 << 31), place, batch)
            cases.setdefault((family, head), []).append(case)
    return cases


@pytest.fixture(scope="module")
def exchanged(newest: Any, families: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Cases that they saved, and cases that we saved and they ran; one process of theirs does it all."""
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    theirs = draw(families, tmp_path_factory.mktemp("theirs"), seed)
    ours = draw(families, tmp_path_factory.mktemp("ours"), seed + 1)
    jobs = [case.job("save_checkpoint", trial) for row in theirs.values() for trial, case in enumerate(row)]
    for row in ours.values():
        for trial, case in enumerate(row):
            jobs.append(case.job("load_checkpoint", trial))
            case.save_ours()
    cases = [case for table in (theirs, ours) for row in table.values() for case in row]
    for case, info in zip(cases, newest(jobs), strict=True):
        case.info = info
    return {"theirs": theirs, "ours": ours}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_dure_loads_what_they_save(exchanged, families, caplog, family: str, head: str) -> None:
    for case in exchanged["theirs"][family, head]:
        model = getattr(dure, family + head).from_pretrained(case.folder / "model")  # a warning would be an error
        assert not caplog.records
        with torch.no_grad():
            families.check_outputs(model(**case.batch), case.theirs(), case.batch["attention_mask"])


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_they_load_what_dure_saves(exchanged, families, family: str, head: str) -> None:
    for case in exchanged["ours"][family, head]:
        assert not any(case.info.values()), case.info
        families.check_outputs(case.ours, case.theirs(), case.batch["attention_mask"])


def test_some_came_in_one_file_and_some_in_several(exchanged) -> None:
    cases = [case for row in exchanged["theirs"].values() for case in row]
    counts = [len(list((case.folder / "model").glob("*.safetensors"))) for case in cases]
    assert counts.count(1) >= len(cases) / 2
    assert max(counts) > 1
