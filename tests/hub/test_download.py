from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from dure.errors import DownloadError, InputError, MissingFileError, RepositoryNotFoundError
from dure.hub import download as module
from dure.hub.cache import repository_folder
from dure.hub.download import UnreachableError, check_reachable, download, endpoint
from dure.hub.patterns import DEFAULT_PATTERNS, TOKENIZER_PATTERNS
from dure.hub.resolve import resolve

FILES = {
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"pickle",
    "tf_model.h5": b"other",
    "onnx/model.onnx": b"other",
    "vocab.txt": b"[PAD]\n",
    "1_Pooling/config.json": b"{}",
    "README.md": b"# card",
}
NEWER = "b" * 40


def test_a_download_brings_what_is_needed_and_the_cache_answers_next_time(tiny_hub, commit) -> None:
    tiny_hub.put("org/name", FILES)
    snapshot = resolve("org/name")
    assert (snapshot.source, snapshot.revision) == ("download", commit)
    assert snapshot.file("model.safetensors").read_bytes() == b"weights"
    assert snapshot.file("1_Pooling/config.json").read_bytes() == b"{}"
    assert {p.name for p in snapshot.path.rglob("*")} & {"pytorch_model.bin", "tf_model.h5", "model.onnx"} == set()
    assert not {"pytorch_model.bin", "tf_model.h5", "model.onnx"} & set(tiny_hub.fetched)
    tiny_hub.requests.clear()
    again = resolve("org/name")
    assert (again.source, again.path) == ("cache", snapshot.path)
    assert not tiny_hub.requests


def test_only_the_tokenizer_then_the_rest(tiny_hub) -> None:
    tiny_hub.put("org/name", FILES)
    assert resolve("org/name", files=TOKENIZER_PATTERNS).find("model.safetensors") is None
    assert tiny_hub.fetched == ["config.json", "vocab.txt"]
    assert resolve("org/name", files=TOKENIZER_PATTERNS).source == "cache"
    assert resolve("org/name").source == "download"
    assert tiny_hub.fetched.count("vocab.txt") == 1


def test_update_fetches_only_what_changed(tiny_hub, commit) -> None:
    tiny_hub.put("org/name", FILES)
    resolve("org/name")
    tiny_hub.requests.clear()
    assert resolve("org/name", update=True).revision == commit
    assert tiny_hub.fetched == []
    tiny_hub.put("org/name", {**FILES, "model.safetensors": b"better weights"}, commit=NEWER)
    assert resolve("org/name").revision == commit
    snapshot = resolve("org/name", update=True)
    assert snapshot.revision == NEWER
    assert snapshot.file("model.safetensors").read_bytes() == b"better weights"
    assert tiny_hub.fetched == ["model.safetensors"]
    assert resolve("org/name").revision == NEWER
    assert resolve("org/name", revision=commit).file("model.safetensors").read_bytes() == b"weights"


def test_revisions_are_branches_or_commits(tiny_hub, commit) -> None:
    tiny_hub.put("org/name", FILES)
    tiny_hub.put("org/name", {**FILES, "config.json": b"{}"}, commit=NEWER, branch="v1")
    assert resolve("org/name", revision="v1").revision == NEWER
    assert resolve("org/name", revision=commit).revision == commit
    assert (repository_folder("org/name") / "refs" / "v1").read_text() == NEWER
    assert not (repository_folder("org/name") / "refs" / commit).exists()
    assert resolve("org/name", revision="v1").source == "cache"


def test_pickles_come_where_there_is_nothing_better(tiny_hub) -> None:
    tiny_hub.put("org/old", {k: v for k, v in FILES.items() if k != "model.safetensors"})
    assert resolve("org/old").file("pytorch_model.bin").read_bytes() == b"pickle"


def test_names_with_brackets_are_fetched_by_their_very_name(tiny_hub) -> None:
    tiny_hub.put("org/data", {"a[1].csv": b"1", "a1.csv": b"2", "b.csv": b"3"})
    path = download("org/data", ["a[[]1].csv"], repo_type="dataset")
    assert [p.name for p in path.iterdir()] == ["a[1].csv"]


def test_short_starter_name_is_asked_for_by_its_full_name(tiny_hub) -> None:
    tiny_hub.put("sentence-transformers/all-MiniLM-L6-v2", FILES)
    assert resolve("all-MiniLM-L6-v2", update=True).source == "download"
    assert resolve("all-MiniLM-L6-v2").source == "cache"


def test_token_is_sent_and_can_be_withheld(tiny_hub, monkeypatch) -> None:
    tiny_hub.put("org/name", FILES)
    resolve("org/name", token="hf_secret")
    assert set(tiny_hub.tokens) == {"Bearer hf_secret"}
    tiny_hub.tokens.clear()
    monkeypatch.setenv("HF_TOKEN", "hf_env")
    resolve("org/name", update=True)
    assert set(tiny_hub.tokens) == {"Bearer hf_env"}
    tiny_hub.tokens.clear()
    resolve("org/name", update=True, token=False)
    assert set(tiny_hub.tokens) == {None}


def test_endpoint_is_read_at_each_call(monkeypatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert endpoint() == "https://huggingface.co"
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example:8080/prefix/")
    assert endpoint() == "http://hub.example:8080/prefix"
    monkeypatch.setenv("HF_ENDPOINT", "hub.example")
    with pytest.raises(InputError, match=r"HF_ENDPOINT='hub\.example'"):
        endpoint()


def test_unknown_repository_is_named_with_names_near_it(tiny_hub, cached) -> None:
    cached("org/right-name")
    with pytest.raises(
        RepositoryNotFoundError, match=r"has no repository org/rihgt-name.*The cache has: org/right-name"
    ):
        resolve("org/rihgt-name")


def test_unknown_revision_is_named(tiny_hub) -> None:
    tiny_hub.put("org/name", FILES)
    with pytest.raises(DownloadError, match=r"org/name: .* has no revision 'v9'"):
        resolve("org/name", revision="v9")


@pytest.mark.parametrize(
    ("status", "headers", "error", "text"),
    [
        (401, {"X-Error-Code": "GatedRepo"}, DownloadError, "has to be granted"),
        (403, {"X-Error-Code": "GatedRepo"}, DownloadError, "has to be granted"),
        (
            401,
            {"X-Error-Message": "Invalid credentials in Authorization header"},
            DownloadError,
            r"refuses access \(401\)",
        ),
        (403, {}, DownloadError, r"refuses access \(403\).*HF_TOKEN"),
        (500, {}, DownloadError, r"answered with an error \(500\)"),
        (503, {}, DownloadError, r"answered with an error \(503\)"),
        (429, {}, DownloadError, r"answered with an error \(429\)"),
        (401, {"X-Error-Code": "RepoNotFound"}, RepositoryNotFoundError, "if it is private"),
    ],
)
def test_refusals_are_one_clear_error(tiny_hub, status, headers, error, text) -> None:
    tiny_hub.refusal = (status, headers)
    with pytest.raises(error, match=f"org/name.*{text}") as raised:
        resolve("org/name")
    assert "\n" not in str(raised.value)


def test_weights_of_other_frameworks_only_are_named(tiny_hub) -> None:
    tiny_hub.put("org/tf", {"config.json": b"{}", "tf_model.h5": b""})
    with pytest.raises(MissingFileError, match=r"org/tf on .* Dure doesn't read \(tf_model\.h5\)"):
        resolve("org/tf")
    assert resolve("org/tf", files=["config.json"]).source == "download"


def test_repository_without_the_files_lists_what_is_there(tiny_hub) -> None:
    tiny_hub.put("org/name", {"train.parquet": b""})
    with pytest.raises(MissingFileError, match=r"has none of modules\.json; found there: train\.parquet"):
        resolve("org/name", files=["modules.json"])


def test_server_that_does_not_say_the_commit(tiny_hub) -> None:
    tiny_hub.put("org/name", FILES, commit="")
    with pytest.raises(DownloadError, match="which commit 'main' is"):
        resolve("org/name")


def test_interrupted_download_is_never_taken_for_complete(tiny_hub, monkeypatch) -> None:
    tiny_hub.put("org/name", FILES)
    tiny_hub.truncated = {"model.safetensors"}
    with pytest.raises((DownloadError, RepositoryNotFoundError), match="org/name"):
        resolve("org/name")
    with pytest.raises(RepositoryNotFoundError, match="was not found"):
        resolve("org/name", local_files_only=True)
    tiny_hub.truncated = set()
    assert resolve("org/name").file("model.safetensors").read_bytes() == b"weights"


def test_file_that_did_not_come_is_named(tiny_hub, monkeypatch, tmp_path) -> None:
    tiny_hub.put("org/name", FILES)
    monkeypatch.setattr(module, "_fetch", lambda *_: tmp_path)
    with pytest.raises(DownloadError, match=r"did not send .*model\.safetensors"):
        resolve("org/name")


@pytest.mark.parametrize("failure", [PermissionError(13, "Permission denied", "/cache/x"), ValueError("broken\nmore")])
def test_other_failures_name_the_cause(tiny_hub, monkeypatch, failure) -> None:
    tiny_hub.put("org/name", FILES)

    def fail(*_: object) -> Path:
        raise failure

    monkeypatch.setattr(module, "_fetch", fail)
    with pytest.raises(DownloadError, match=r"can't be written .*HF_HOME|failed; try again: broken$"):
        resolve("org/name")


def test_cache_that_cannot_be_written(tiny_hub, tmp_path) -> None:
    tiny_hub.put("org/name", FILES)
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=r"the cache .*file/cache can't be written"):
        resolve("org/name", cache_dir=tmp_path / "file" / "cache")


@pytest.mark.parametrize("library", ["requests.exceptions", "httpx", "httpx2"])
def test_connection_that_breaks_after_it_was_there(tiny_hub, monkeypatch, library) -> None:
    class ReadError(Exception):
        __module__ = library

    def fail(*_: object) -> Path:
        raise ReadError("reset by peer")

    monkeypatch.setattr(module, "_fetch", fail)
    tiny_hub.put("org/name", FILES)
    with pytest.raises(RepositoryNotFoundError, match=r"can't be reached \(the connection .* broke: reset by peer\)"):
        resolve("org/name")


def test_update_without_a_network_says_that_the_copy_still_opens(cached, monkeypatch) -> None:
    snapshot = cached("org/name")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RepositoryNotFoundError, match=f"org/name can't be updated: .* without an update: {snapshot}"):
        resolve("org/name", update=True)
    assert resolve("org/name").source == "cache"


def test_network_that_swallows_everything_is_given_up_in_time(monkeypatch) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: time.sleep(3))
    start = time.perf_counter()
    with pytest.raises(RepositoryNotFoundError, match=r"no answer from huggingface\.co:443 within 0\.7 s"):
        resolve("org/name")
    assert time.perf_counter() - start < 1
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0")
    with pytest.raises(UnreachableError, match="within 0 s"):
        download("org/name", DEFAULT_PATTERNS)


@pytest.mark.parametrize(
    ("server", "variables", "hop"),
    [
        ("https://hub.example", {}, ("hub.example", 443)),
        ("http://hub.example:8080/x", {}, ("hub.example", 8080)),
        ("https://hub.example", {"https_proxy": "http://proxy.example:3128"}, ("proxy.example", 3128)),
        ("https://hub.example", {"https_proxy": "proxy.example:3128"}, ("proxy.example", 3128)),
        ("https://hub.example", {"all_proxy": "socks5://proxy.example"}, ("proxy.example", 1080)),
        ("https://hub.example", {"https_proxy": "http://p:1", "no_proxy": "hub.example"}, ("hub.example", 443)),
    ],
)
def test_the_first_hop_is_the_proxy_where_there_is_one(server, variables, hop, monkeypatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert module._first_hop(server) == hop


def test_bad_port_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"'http://127\.0\.0\.1:99999999' has no valid port"):
        check_reachable("http://127.0.0.1:99999999", timeout_s=0.5)
