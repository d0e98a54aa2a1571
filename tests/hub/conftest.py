"""A cache as huggingface_hub lays it out, and a small hub on 127.0.0.1."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

COMMIT = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"
MODEL = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"weights", "vocab.txt": b"[PAD]\n"}


@pytest.fixture
def commit() -> str:
    return COMMIT


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a repository into this test's cache; returns the folder of its snapshot."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))

    def put(
        name: str, files: dict[str, bytes] | None = None, commit: str = COMMIT, ref: str | None = "main", kind="model"
    ):
        repository = cache / f"{kind}s--{name.replace('/', '--')}"
        snapshot = repository / "snapshots" / commit
        for filename, content in (MODEL if files is None else files).items():
            blob = repository / "blobs" / hashlib.sha256(content).hexdigest()
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(content)
            link = snapshot / filename
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(blob)
        if ref:
            reference = repository / "refs" / ref
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(commit)
        return snapshot

    return put


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class TinyHub:
    """Repositories by name; each revision is a dictionary of files. What was asked for is noted in ``requests``."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, tuple[str, dict[str, bytes]]]] = {}
        self.requests: list[tuple[str, str]] = []
        self.tokens: list[str | None] = []
        self.refusal: tuple[int, dict[str, str]] | None = None
        self.truncated: set[str] = set()
        self.endpoint = ""

    def put(self, name: str, files: dict[str, bytes], commit: str = COMMIT, branch: str = "main") -> None:
        revisions = self.repositories.setdefault(name, {})
        revisions[branch] = revisions[commit] = (commit, files)

    @property
    def fetched(self) -> list[str]:
        return sorted(
            path.rpartition("/")[2] for method, path in self.requests if method == "GET" and "/resolve/" in path
        )

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if self.refusal:
            return (*self.refusal, b"")
        for name, revisions in self.repositories.items():
            for revision, (commit, files) in revisions.items():
                if path in {f"/api/models/{name}/revision/{revision}", f"/api/datasets/{name}/revision/{revision}"}:
                    siblings = [{"rfilename": f} for f in files]
                    info = {"id": name, "sha": commit, "siblings": siblings, "tags": [], "private": False}
                    return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()
                if path.startswith((f"/api/models/{name}/tree/{revision}", f"/api/datasets/{name}/tree/{revision}")):
                    tree = [{"type": "file", "path": f, "size": len(c), "oid": git_oid(c)} for f, c in files.items()]
                    return 200, {"Content-Type": "application/json"}, json.dumps(tree).encode()
                filename = path.removeprefix("/datasets").removeprefix(f"/{name}/resolve/{revision}/")
                if filename in files:
                    etag = hashlib.sha256(files[filename]).hexdigest()
                    return 200, {"X-Repo-Commit": commit, "ETag": f'"{etag}"'}, files[filename]
            if path.startswith(f"/api/models/{name}/revision/"):
                return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        return 404, {"X-Error-Code": "RepoNotFound"}, b""


@pytest.fixture
def tiny_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyHub]:
    """A hub that speaks as much of the protocol as a download needs; HF_ENDPOINT leads to it."""
    hub = TinyHub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append((self.command, path))
            hub.tokens.append(self.headers.get("Authorization"))
            status, headers, body = hub.answer(path)
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                is_cut = path.rpartition("/")[2] in hub.truncated
                self.wfile.write(body[: len(body) // 2] if is_cut else body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()
