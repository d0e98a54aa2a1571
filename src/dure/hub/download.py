"""Downloads into the cache, through huggingface_hub: it knows tokens, proxies, resuming and the cache's locks.

Two things are done before it is even imported: is downloading allowed, and does anything answer at the server's
address? So a machine without a network gets its answer at once.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dure.errors import DownloadError, InputError, MissingFileError, RepositoryError, RepositoryNotFoundError
from dure.hub.cache import cache_folder, repository_folder
from dure.hub.commit import atomic_file
from dure.hub.patterns import foreign_weights, select, wants
from dure.typing import PathLike

__all__ = ["UnreachableError", "check_reachable", "download", "endpoint", "offline_reason"]

_DEFAULT_ENDPOINT = "https://huggingface.co"
#: Seconds for a connection, where somebody only wants a model and the answer may be "no network".
_IMPATIENT_S = 0.7
#: Seconds for a connection, where somebody asked for the network.
_PATIENT_S = 10.0
#: Seconds for an answer of a server that is there.
_ANSWER_S = 10.0


class UnreachableError(RepositoryNotFoundError):
    """No server answers; the message is only the reason."""


def endpoint() -> str:
    """The server: ``HF_ENDPOINT``, read at each call, or https://huggingface.co.

    Raises:
        InputError: ``HF_ENDPOINT`` is not an address.
    """
    address = (os.environ.get("HF_ENDPOINT") or _DEFAULT_ENDPOINT).strip().rstrip("/")
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", address):
        raise InputError(f"HF_ENDPOINT={address!r} is not an address such as {_DEFAULT_ENDPOINT}")
    return address


def offline_reason() -> str | None:
    """Which environment variable forbids the network (``HF_HUB_OFFLINE``, ``TRANSFORMERS_OFFLINE``); None if none."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        value = os.environ.get(name, "")
        if value.upper() in {"1", "ON", "YES", "TRUE"}:
            return f"{name}={value}"
    return None


def check_reachable(server: str, *, timeout_s: float) -> None:
    """Return if something answers at an address, or at the proxy that leads there.

    Looking up a name can hang for many seconds where there's no network and has no timeout of its own, so a thread
    does it that may be left behind.

    Args:
        server: The server's address, with http:// or https://.
        timeout_s: How long to wait in all.

    Raises:
        UnreachableError: Nothing answers, or not in time.
    """
    import socket

    host, port = _first_hop(server)
    failures: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=timeout_s).close()
        except Exception as error:  # noqa: BLE001 - whatever it is, there's no connection
            failures.append(getattr(error, "strerror", None) or str(error) or type(error).__name__)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise UnreachableError(f"no answer from {host}:{port} within {timeout_s:g} s")
    if failures:
        raise UnreachableError(f"no connection to {host}:{port}: {failures[0]}")


def _first_hop(server: str) -> tuple[str, int]:
    """Host and port that a request to a server goes to: its own, or those of the proxy in the environment."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    address = urlsplit(server)
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(address.netloc):
        address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    try:
        port = address.port
    except ValueError as error:
        raise InputError(f"{address.geturl()!r} has no valid port") from error
    default = {"https": 443, "http": 80}.get(address.scheme, 1080)  # else a SOCKS proxy
    return address.hostname or "", port or default


def download(
    name: str,
    patterns: Sequence[str],
    *,
    revision: str | None = None,
    cache_dir: PathLike | None = None,
    token: str | bool | None = None,
    repo_type: str = "model",
    is_patient: bool = False,
) -> Path:
    """Fetch what the cache lacks of a repository's files, and return the folder of its snapshot in the cache.

    The files are listed first, so that only one format of the weights is fetched. The branch's or tag's name is
    written down last, so that an interrupted download is never taken for a complete one.

    Args:
        name: ``org/name``.
        patterns: Which files are wanted.
        revision: Branch, tag or commit; None means ``main``.
        cache_dir: Another cache than the environment's.
        token: An access token; True requires the stored one, False sends none.
        repo_type: ``"model"`` or ``"dataset"``.
        is_patient: Wait longer for a connection.

    Raises:
        UnreachableError: No server answers.
        RepositoryNotFoundError: The server doesn't know the repository.
        MissingFileError: The repository has none of the files.
        DownloadError: The server refused, has no such revision, or the transfer failed.
    """
    server = endpoint()
    patience = os.environ.get("HF_HUB_ETAG_TIMEOUT", "")
    impatient_s = float(patience) if patience.isdecimal() else _IMPATIENT_S
    check_reachable(server, timeout_s=_PATIENT_S if is_patient else impatient_s)
    cache = cache_folder(cache_dir)
    wanted = revision or "main"
    try:
        commit, files = _list_files(server, name, wanted, token, repo_type)
        chosen = _chosen(name, server, files, patterns)
        folder = _fetch(server, name, commit, chosen, cache, token, repo_type)
        lacking = [file for file in chosen if not (folder / file).is_file()]
        if lacking:
            raise DownloadError(f"{name}: {server} did not send {', '.join(lacking)}; try again")
        if wanted != commit and not commit.startswith(wanted):
            _write_reference(repository_folder(name, cache, repo_type) / "refs" / wanted, commit)
    except (RepositoryError, InputError):
        raise
    except Exception as error:
        raise _as_ours(error, name, revision, server, cache) from error
    return folder


def _list_files(server: str, name: str, revision: str, token: str | bool | None, kind: str) -> tuple[str, list[str]]:
    """The commit that a revision is, and all its files."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=server, token=token, library_name="dure")
    info = api.repo_info(name, revision=revision, repo_type=kind, timeout=_ANSWER_S)
    if not info.sha:
        raise DownloadError(f"{name}: {server} doesn't say which commit {revision!r} is")
    return info.sha, [sibling.rfilename for sibling in info.siblings or []]


def _chosen(name: str, server: str, files: list[str], patterns: Sequence[str]) -> list[str]:
    """The files to fetch."""
    chosen = select(files, patterns)
    wants_weights = wants(patterns, "model.safetensors") or wants(patterns, "pytorch_model.bin")
    has_weights = any(file.endswith((".safetensors", ".bin")) for file in chosen)
    foreign = foreign_weights(files)
    if wants_weights and not has_weights and foreign:
        raise MissingFileError(
            f"{name} on {server} has only weights that Dure doesn't read ({', '.join(sorted(foreign)[:6])}); "
            "it reads *.safetensors and pytorch_model.bin"
        )
    if not chosen:
        there = ", ".join(sorted(files)[:12]) or "nothing"
        raise MissingFileError(f"{name} on {server} has none of {', '.join(patterns)}; found there: {there}")
    return chosen


def _fetch(
    server: str, name: str, commit: str, files: list[str], cache: Path, token: str | bool | None, kind: str
) -> Path:
    """Bring files of a commit into the cache."""
    from huggingface_hub import snapshot_download

    # These patterns are shell patterns: a bracket in a name would mean a set of characters.
    exact = [re.sub(r"([*?\[])", r"[\1]", file) for file in files]
    with _quiet_unless_watched():
        folder = snapshot_download(
            name, repo_type=kind, revision=commit, cache_dir=cache, token=token, allow_patterns=exact,
            endpoint=server, etag_timeout=_ANSWER_S, library_name="dure",
        )  # fmt: skip
    return Path(folder)


@contextlib.contextmanager
def _quiet_unless_watched() -> Iterator[None]:
    """Show huggingface_hub's bars only where Dure's own would be shown."""
    import huggingface_hub.utils

    from dure.progress import is_enabled

    bars: Any = huggingface_hub.utils  # its releases differ in what they declare as public
    if is_enabled() or bars.are_progress_bars_disabled():
        yield
        return
    bars.disable_progress_bars()
    try:
        yield
    finally:
        bars.enable_progress_bars()


def _write_reference(path: Path, commit: str) -> None:
    """Note that a branch or tag is this commit, as huggingface_hub does."""
    with contextlib.suppress(OSError):
        if path.read_text(encoding="utf-8") == commit:
            return
    with atomic_file(path) as temporary:
        temporary.write_text(commit, encoding="utf-8")


def _as_ours(error: Exception, name: str, revision: str | None, server: str, cache: Path) -> RepositoryError:
    """One of our errors for whatever huggingface_hub raised; it uses requests in 0.x, httpx in 1.x, httpx2 in 2.x."""
    from huggingface_hub import errors

    transport = type(error).__module__.startswith(("requests", "urllib3", "httpx", "httpcore"))
    status = getattr(getattr(error, "response", None), "status_code", None)
    first_line = (str(error) or type(error).__name__).strip().splitlines()[0]
    access = "pass token=..., set HF_TOKEN or run `hf auth login`"
    if isinstance(error, errors.GatedRepoError):
        return DownloadError(
            f"{name}: access on {server} has to be granted: ask for it on its page there, then {access}"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return RepositoryNotFoundError(f"{server} has no repository {name}; if it is private, {access}")
    if isinstance(error, errors.RevisionNotFoundError):
        return DownloadError(f"{name}: {server} has no revision {revision or 'main'!r} of it")
    if isinstance(error, (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)) or (transport and not status):
        return UnreachableError(f"the connection to {server} broke: {first_line}")
    if status in {401, 403}:
        return DownloadError(f"{name}: {server} refuses access ({status}): {access}")
    if status is not None:
        return DownloadError(f"{name}: {server} answered with an error ({status}); try again later: {first_line}")
    if isinstance(error, OSError) and error.filename:
        return DownloadError(f"{name}: the cache {cache} can't be written ({error}); set HF_HOME to a folder that can")
    return DownloadError(f"{name}: the download from {server} failed; try again: {first_line}")
