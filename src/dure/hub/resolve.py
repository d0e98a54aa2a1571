"""A name becomes a snapshot of files: a folder, the cache, a starter package, or a download, in this order."""

from __future__ import annotations

import dataclasses
import difflib
import re
from pathlib import Path
from typing import Literal

from dure.errors import InputError, MissingFileError, RepositoryNotFoundError
from dure.hub.cache import cache_folder, find_snapshot, is_complete
from dure.hub.download import download, is_offline
from dure.hub.starter import find_starter, starter_for
from dure.typing import PathLike

__all__ = ["Snapshot", "resolve"]

#: Names from before repositories had owners, and where they live now.
_LEGACY_OWNERS = {"albert": "albert", "bert": "google-bert", "distilbert": "distilbert", "distilgpt2": "distilbert",
                  "distilroberta": "distilbert", "gpt2": "openai-community", "roberta": "FacebookAI",
                  "t5": "google-t5", "xlm-roberta": "FacebookAI", "xlnet": "xlnet"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The files of one repository at one revision.

    Attributes:
        name: The name that was asked for.
        path: The folder that holds the files.
        revision: The revision that was asked for; None for a folder and for the default branch.
        source: How it was found.
    """

    name: str
    path: Path
    revision: str | None
    source: Literal["folder", "cache", "starter", "download"]

    def find(self, filename: str) -> Path | None:
        """The path of a file; None where the snapshot lacks it."""
        path = self.path / filename
        return path if path.is_file() else None

    def file(self, filename: str) -> Path:
        """The path of a file.

        Raises:
            MissingFileError: The snapshot lacks it; the message lists what is there.
        """
        path = self.find(filename)
        if path is None:
            present = ", ".join(sorted(p.name for p in self.path.iterdir() if p.is_file())[:12]) or "nothing"
            raise MissingFileError(f"{self.name}: no {filename} in {self.path}; found there: {present}")
        return path


def resolve(
    name: PathLike,
    *,
    revision: str | None = None,
    update: bool = False,
    cache_dir: PathLike | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> Snapshot:
    """Find the files behind a name. What is complete in the cache opens without a single socket.

    Args:
        name: A folder, or a repository name such as ``org/name``.
        revision: Branch, tag or commit; None means ``main``.
        update: Ask the server for news even where the cache is complete.
        cache_dir: Another cache than the environment's (``HF_HOME``, ``HF_HUB_CACHE``).
        token: An access token for private repositories.
        local_files_only: Never download.

    Raises:
        InputError: The name can't be one.
        RepositoryNotFoundError: Nothing was found; the message says where was looked and how to get it.
    """
    text = str(name)
    folder = Path(text).expanduser()
    if folder.is_dir():
        return Snapshot(text, folder, None, "folder")
    _check(text, folder)
    names = [text, *_other_names(text)]
    if not update:
        for candidate in names:
            snapshot = find_snapshot(candidate, revision, cache_dir)
            if snapshot is not None and is_complete(snapshot):
                return Snapshot(text, snapshot, revision, "cache")
        starter = find_starter(text)
        if starter is not None:
            return Snapshot(text, starter, revision, "starter")
    reason = "downloads are switched off"
    if not (local_files_only or is_offline()):
        if starter_for(text) is not None and not update:
            reason = "it was not looked for on the network"
        else:
            try:
                return Snapshot(
                    text, download(text, revision=revision, cache_dir=cache_dir, token=token), revision, "download"
                )
            except RepositoryNotFoundError as error:
                reason = str(error).removeprefix(f"{text}: ")
    raise RepositoryNotFoundError(_not_found(text, revision, cache_dir, reason))


def _check(text: str, folder: Path) -> None:
    """Refuse what can't be a repository before anything is looked up."""
    if folder.is_file():
        raise InputError(f"{text} is a file; give the folder that holds config.json and the weights")
    if text.startswith((".", "/", "~")) or "\\" in text or text.endswith("/") or text.count("/") > 1:
        parent = folder.parent
        near = (
            difflib.get_close_matches(folder.name, [p.name for p in parent.iterdir()], n=3) if parent.is_dir() else []
        )
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise RepositoryNotFoundError(f"there is no folder {text}{hint}")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", text, re.ASCII) or len(text) > 96:
        raise InputError(
            f"{text!r} is neither a folder nor a repository name (letters, digits, '-', '_', '.', one '/')"
        )


def _other_names(name: str) -> list[str]:
    """The owner's name for a legacy one, and the other way round."""
    if "/" in name:
        owner, base = name.split("/")
        return [base] if owner in _LEGACY_OWNERS.values() else []
    prefixes = sorted((p for p in _LEGACY_OWNERS if name == p or name.startswith(p + "-")), key=len)
    return [f"{_LEGACY_OWNERS[prefixes[-1]]}/{name}"] if prefixes else []


def _not_found(name: str, revision: str | None, cache_dir: PathLike | None, reason: str) -> str:
    """Where was looked, and the one command to run."""
    at = f" at revision {revision!r}" if revision else ""
    starter = starter_for(name)
    command = (
        starter.install_command if starter else f"dure pull {name}" + (f" --revision {revision}" if revision else "")
    )
    return (
        f"{name}{at} was not found: no folder ./{name}, nothing complete in the cache {cache_folder(cache_dir)}, "
        f"no installed starter package, and {reason}. To get it: {command}"
    )
