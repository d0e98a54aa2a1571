"""Names: what a model can be called, and which other names the same model goes by."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dure.errors import InputError, RepositoryNotFoundError
from dure.typing import PathLike

__all__ = ["absent_folder", "aliases", "as_text", "check_name", "check_revision", "expanded", "looks_like_path", "near"]

#: Models from the time before repositories had owners, and who owns them now. Both names lead to the same files.
LEGACY_NAMES = {
    "FacebookAI": (
        "roberta-base", "roberta-large", "roberta-large-mnli", "xlm-roberta-base", "xlm-roberta-large",
        "xlm-roberta-large-finetuned-conll03-english", "xlm-mlm-100-1280", "xlm-mlm-en-2048", "xlm-mlm-tlm-xnli15-1024",
    ),
    "Salesforce": ("ctrl",),
    "albert": (
        "albert-base-v1", "albert-large-v1", "albert-xlarge-v1", "albert-xxlarge-v1",
        "albert-base-v2", "albert-large-v2", "albert-xlarge-v2", "albert-xxlarge-v2",
    ),
    "almanach": ("camembert-base",),
    "distilbert": (
        "distilbert-base-cased", "distilbert-base-cased-distilled-squad", "distilbert-base-german-cased",
        "distilbert-base-multilingual-cased", "distilbert-base-uncased", "distilbert-base-uncased-distilled-squad",
        "distilbert-base-uncased-finetuned-sst-2-english", "distilgpt2", "distilroberta-base",
    ),
    "google-bert": (
        "bert-base-cased", "bert-base-cased-finetuned-mrpc", "bert-base-chinese", "bert-base-german-cased",
        "bert-base-german-dbmdz-cased", "bert-base-german-dbmdz-uncased", "bert-base-multilingual-cased",
        "bert-base-multilingual-uncased", "bert-base-uncased", "bert-large-cased",
        "bert-large-cased-whole-word-masking", "bert-large-cased-whole-word-masking-finetuned-squad",
        "bert-large-uncased", "bert-large-uncased-whole-word-masking",
        "bert-large-uncased-whole-word-masking-finetuned-squad",
    ),
    "google-t5": ("t5-small", "t5-base", "t5-large", "t5-3b", "t5-11b"),
    "openai-community": ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "openai-gpt", "roberta-base-openai-detector"),
    "xlnet": ("xlnet-base-cased", "xlnet-large-cased"),
}  # fmt: skip
_OWNERS = {name: owner for owner, names in LEGACY_NAMES.items() for name in names}

#: One part of a repository's name: letters, digits, '-', '_', '.', but neither at its ends '-' or '.'.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?:{_PART}/)?{_PART}")
_MAX_LENGTH = 96


def as_text(name: PathLike) -> str:
    """A name or path as text.

    Raises:
        InputError: It is something else, or empty.
    """
    if not isinstance(name, (str, os.PathLike)):
        raise InputError(f"a model is given as a name or a folder, not as {type(name).__name__} ({name!r})")
    text = os.fspath(name)
    if not text.strip():
        raise InputError(f"{text!r} is no model: give a folder, or a repository's name such as 'org/name'")
    return text


def looks_like_path(name: str) -> bool:
    """Whether a name can only mean a folder: no repository has such a name, so no server is asked for it."""
    is_absolute = name.startswith(("/", "~", "./", "../")) or name in {".", ".."} or Path(name).is_absolute()
    return is_absolute or "\\" in name or name.endswith("/") or name.count("/") > 1


def check_name(name: str) -> None:
    """Accept what is a repository's name, or could be.

    Raises:
        RepositoryNotFoundError: It is the path of a folder that doesn't exist; the message lists names like it.
        InputError: It can't name anything.
    """
    if looks_like_path(name):
        raise RepositoryNotFoundError(
            f"there is no folder {absent_folder(name)}. Give a folder that exists, or a repository's name such as "
            "'org/name'"
        )
    if not _NAME.fullmatch(name) or len(name) > _MAX_LENGTH or "--" in name or ".." in name or name.endswith(".git"):
        shown = name if len(name) <= _MAX_LENGTH else f"{name[:40]}... ({len(name)} characters)"
        raise InputError(
            f"{shown!r} is neither an existing folder nor the name of a repository: 'name' or 'org/name', of letters, "
            f"digits, '-', '_' and '.', at most {_MAX_LENGTH} characters, without '--' or '..'"
        )


def check_revision(revision: str | None) -> None:
    """Accept None, a branch, a tag or a commit.

    Raises:
        InputError: It is none of these. A revision becomes a part of a path, so it may not lead elsewhere.
    """
    if revision is None:
        return
    is_text = isinstance(revision, str) and re.fullmatch(r"[\w.+/@=,-]+", revision) is not None
    if not is_text or revision.startswith(("/", "-")) or {"..", ".", ""} & set(revision.split("/")):
        raise InputError(f"revision {revision!r} is neither a branch, a tag nor a commit")


def aliases(name: str) -> list[str]:
    """The other names that a model is known by: with its owner for a legacy one, and the other way round."""
    if "/" not in name:
        return [f"{_OWNERS[name]}/{name}"] if name in _OWNERS else []
    owner, base = name.split("/", 1)
    return [base] if _OWNERS.get(base) == owner else []


def near(name: str, candidates: list[str]) -> list[str]:
    """Up to three of the candidates that look like a name mistyped; also those that only differ in their owner."""
    import difflib

    def base(text: str) -> str:
        return text.rpartition("/")[2].lower()

    by_base = {base(candidate): candidate for candidate in candidates}
    close = [by_base[found] for found in difflib.get_close_matches(base(name), by_base, n=3, cutoff=0.75)]
    return [candidate for candidate in close if candidate != name]


def expanded(name: str) -> Path:
    """A path with ``~`` replaced by the home folder; as it is where nobody of that name has one."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def absent_folder(name: str) -> str:
    """Where a folder of that name would be, and which folders there look like it; for a message."""
    path = Path(os.path.abspath(expanded(name)))  # noqa: PTH100 - '..' is resolved without following links
    missing, parent = path, path.parent
    while not parent.is_dir() and parent != parent.parent:
        missing, parent = parent, parent.parent
    try:
        close = near(missing.name, sorted(child.name for child in parent.iterdir() if child.is_dir()))
    except OSError:
        close = []
    if close:
        return f"{path} (near it in {parent}: {', '.join(close)})"
    is_noteworthy = missing != path and parent != Path.cwd()
    return f"{path} ({parent} exists, but has no {missing.name})" if is_noteworthy else f"{path}"
