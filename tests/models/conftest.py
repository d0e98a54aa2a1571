"""Small models on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import verified

import dure

SMALL = {
    "vocab_size": 60, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 24,
    "max_position_embeddings": 12,
}  # fmt: skip


@pytest.fixture
def small_config() -> Callable[..., dure.BertConfig]:
    """Makes small configurations."""
    return lambda **fields: dure.BertConfig(**{**SMALL, **fields})


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., tuple[Any, Path]]:
    """Makes a small model, and saves it into a folder of its own."""

    def make(head: str = "ForSequenceClassification", family: str = "Bert", **fields: Any) -> tuple[Any, Path]:
        torch.manual_seed(len(list(tmp_path.iterdir())))
        config = getattr(dure, f"{family}Config")(**{**SMALL, **fields})
        model = getattr(dure, family + head)(config).eval()
        folder = tmp_path / f"model{len(list(tmp_path.iterdir()))}"
        model.save_pretrained(folder)
        return model, folder

    return make


def pytest_sessionfinish() -> None:
    """Write what was verified into the documents."""
    if verified.IS_FULL:
        verified.write_table()
