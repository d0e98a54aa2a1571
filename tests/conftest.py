"""Hermetic tests: no socket leaves the process, no cache of the machine is read, bars stay silent."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

os.environ["DURE_PROGRESS"] = "0"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SHARED_DATA = Path(os.environ.get("DURE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


class BlockedSocketError(RuntimeError):
    """A test tried to reach the network."""


@pytest.fixture(autouse=True)
def _hermetic(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Block every connection except those to this machine's own test servers, and give each test an empty cache."""
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if self.family == getattr(socket, "AF_UNIX", None) or (
            isinstance(address, tuple) and address[0] == "127.0.0.1"
        ):
            return real_connect(self, address)
        raise BlockedSocketError(f"a test tried to connect to {address}")

    monkeypatch.setattr(socket.socket, "connect", connect)
    home = tmp_path_factory.mktemp("hf_home")
    monkeypatch.setenv("HF_HOME", str(home))
    for name in ("HF_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_TOKEN", "HF_DATASETS_CACHE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real vocabularies and data sets, where they are at hand."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data not found in {SHARED_DATA} (set DURE_TEST_DATA)")
    return SHARED_DATA
