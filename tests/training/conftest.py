"""A tiny task that a tiny model learns: does the text hold token 7?"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

import dure
from dure.models.bert import BertConfig, BertForSequenceClassification


def tiny_config(**fields: Any) -> BertConfig:
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 32}
    return BertConfig(vocab_size=40, max_position_embeddings=32, **sizes, **fields)


def make_model(**fields: Any) -> BertForSequenceClassification:
    torch.manual_seed(0)
    return BertForSequenceClassification(tiny_config(**fields))


def make_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    random_ = random.Random(seed)
    rows = []
    for _ in range(count):
        ids = [random_.randrange(8, 40) for _ in range(random_.randrange(2, 20))]
        label = random_.randrange(2)
        if label:
            ids[random_.randrange(len(ids))] = 7
        rows.append({"input_ids": [1, *ids], "attention_mask": [1] * (len(ids) + 1), "label": label, "note": "x"})
    return rows


def pad(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)
    batch = {
        name: torch.tensor([list(row[name]) + [0] * (width - len(row[name])) for row in rows])
        for name in ("input_ids", "attention_mask")
    }
    if "label" in rows[0]:
        batch["labels"] = torch.tensor([row["label"] for row in rows])
    return batch


@pytest.fixture
def parts() -> Any:
    class Parts:
        model = staticmethod(make_model)
        rows = staticmethod(make_rows)
        collate = staticmethod(pad)

        @staticmethod
        def trainer(folder: Path, rows: Any = None, *, model: Any = None, **fields: Any) -> Any:
            extra = {key: fields.pop(key) for key in list(fields) if key in _TRAINER_ARGUMENTS}
            args = dure.TrainingArguments(str(folder), disable_tqdm=True, **fields)
            return dure.Trainer(
                None if "model_init" in extra else model or make_model(),
                args,
                data_collator=pad,
                train_dataset=make_rows(50) if rows is None else rows,
                **extra,
            )

    return Parts


_TRAINER_ARGUMENTS = {"eval_dataset", "compute_metrics", "callbacks", "model_init", "optimizers", "compute_loss_func"}
