"""Downloads, through huggingface_hub: it knows endpoints, tokens, proxies, resuming and the cache's locks."""

from __future__ import annotations

import os
from pathlib import Path

from dure.errors import DownloadError, RepositoryNotFoundError
from dure.typing import PathLike

__all__ = ["download", "endpoint", "is_offline"]

#: What belongs to a model; other frameworks' weights stay where they are.
_PATTERNS = ("*.json", "*.txt", "*.model", "*.spm", "*.jinja", "*.md", "*.safetensors")
_PICKLES = ("pytorch_model*.bin",)
#: Seconds to wait for the first answer: a server that is there answers, and without one nobody wants to wait.
_TIMEOUT_S = 10.0


def endpoint() -> str:
    """The server: ``HF_ENDPOINT``, read at each call, or huggingface.co."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def is_offline() -> bool:
    """Whether ``HF_HUB_OFFLINE`` (or ``TRANSFORMERS_OFFLINE``) forbids the network."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in {"1", "ON", "YES", "TRUE"} for value in values)


def download(
    name: str, *, revision: str | None = None, cache_dir: PathLike | None = None, token: str | bool | None = None
) -> Path:
    """Fetch a model repository into the cache and return its snapshot folder.

    Args:
        name: ``org/name``.
        revision: Branch, tag or commit; None means the default branch.
        cache_dir: Another cache than the environment's.
        token: An access token; True reads the stored one, False sends none.

    Raises:
        RepositoryNotFoundError: The server doesn't know the repository or revision, or can't be reached.
        DownloadError: The transfer failed.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RevisionNotFoundError
    from huggingface_hub.errors import RepositoryNotFoundError as HubRepositoryNotFoundError

    server = endpoint()
    try:
        info = HfApi(endpoint=server, token=token).model_info(name, revision=revision, timeout=_TIMEOUT_S)
        files = {sibling.rfilename for sibling in info.siblings or []}
        # A pickle is fetched only where there is nothing better.
        patterns = _PATTERNS if any(f.endswith(".safetensors") for f in files) else (*_PATTERNS, *_PICKLES)
        folder = snapshot_download(
            name, revision=info.sha if revision is None else revision, cache_dir=cache_dir, token=token,
            allow_patterns=list(patterns), endpoint=server,
        )  # fmt: skip
    except GatedRepoError as error:
        raise DownloadError(f"{name}: access is gated on {server}: ask for it there, then pass token=...") from error
    except RevisionNotFoundError as error:
        raise RepositoryNotFoundError(f"{name}: {server} has no revision {revision!r}") from error
    except HubRepositoryNotFoundError as error:
        raise RepositoryNotFoundError(
            f"{name}: not found on {server}; check the name, or pass token=... if it is private"
        ) from error
    except HfHubHTTPError as error:
        raise DownloadError(f"{name}: {server} answered with an error: {str(error).splitlines()[0]}") from error
    except Exception as error:  # noqa: BLE001 - what the transport raises differs between huggingface_hub 0.x and 1.x
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise RepositoryNotFoundError(f"{name}: {server} can't be reached ({first})") from error
    if revision is None:
        _write_reference(Path(folder), info.sha)
    return Path(folder)


def _write_reference(snapshot: Path, commit: str | None) -> None:
    """Note that ``main`` is this commit, as huggingface_hub does for a named branch, so that the cache answers next time."""
    from dure.hub.commit import atomic_file

    if commit:
        with atomic_file(snapshot.parents[1] / "refs" / "main") as temporary:
            temporary.write_text(commit)
