"""Which of a repository's files are wanted: patterns, and the choice between formats of the same weights."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence

from dure.errors import InputError

__all__ = [
    "CONFIG_PATTERNS",
    "DEFAULT_PATTERNS",
    "TOKENIZER_PATTERNS",
    "foreign_weights",
    "is_vocabulary",
    "is_weights",
    "matches",
    "select",
    "wants",
]

#: The configuration alone.
CONFIG_PATTERNS = ("config.json",)

#: Everything a tokenizer is made from.
TOKENIZER_PATTERNS = (
    "tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab*.json", "vocab*.txt", "merges*.txt",
    "bpe.codes", "*.model", "*.spm", "*.tiktoken", "*.jinja", "additional_chat_templates/*.jinja", "config.json",
)  # fmt: skip

#: A model with its tokenizer. ``12_Module/`` are the further modules of a sentence-transformers model.
DEFAULT_PATTERNS = (
    "*.json", *TOKENIZER_PATTERNS, "*.safetensors", "pytorch_model*.bin", "[0-9]*_*/config.json",
    "[0-9]*_*/*.safetensors", "[0-9]*_*/pytorch_model.bin", "README.md", "LICENSE*",
)  # fmt: skip

#: Weights of other frameworks. Their indexes are JSON too, but nobody here reads them.
_FOREIGN = re.compile(r".*\.(h5|msgpack|onnx|ot|gguf|ggml|tflite|mlmodel|ckpt|pt|pth|pkl)(\.index\.json)?")
_VOCABULARY = re.compile(r"tokenizer\.json|vocab[^/]*\.(txt|json)|[^/]*\.(model|spm|tiktoken)")
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression. ``*`` stays inside one folder, ``**`` crosses folders."""
    parts = []
    for token in re.findall(r"(?s)\*\*/|\*\*|\*|\?|\[!?[^]]+\]|.", pattern):
        known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        is_set = len(token) > 2 and token.startswith("[")  # e.g. [0-9]
        parts.append(known.get(token) or (_set(token[1:-1]) if is_set else re.escape(token)))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise InputError(f"{pattern!r} is no pattern of file names: {error}") from error


def _set(characters: str) -> str:
    """A set of characters as a regular expression; ``!`` in front means all others."""
    negation = "^" if characters.startswith("!") else ""
    literal = re.sub(r"([\\\[\]^&~|])", r"\\\1", characters.removeprefix("!"))
    return f"[{negation}{literal}]"


def matches(filename: str, pattern: str) -> bool:
    """Whether a file of a repository (``folder/name``) is what a pattern means.

    >>> matches("config.json", "*.json"), matches("onnx/config.json", "*.json"), matches("a/b/x.csv", "**/*.csv")
    (True, False, True)
    """
    return _compiled(pattern).fullmatch(filename) is not None


def wants(patterns: Sequence[str], filename: str) -> bool:
    """Whether one of the patterns means this file."""
    return any(matches(filename, pattern) for pattern in patterns)


def is_weights(filename: str) -> bool:
    """Whether a file holds weights that Dure reads, or is the index of such files."""
    return filename.removesuffix(".index.json").endswith((".safetensors", ".bin"))


def is_vocabulary(filename: str) -> bool:
    """Whether a tokenizer can be made from a file alone or nearly alone."""
    return _VOCABULARY.fullmatch(filename) is not None


def foreign_weights(files: Iterable[str]) -> list[str]:
    """Those files that are weights of other frameworks."""
    return [file for file in files if _FOREIGN.fullmatch(file)]


def select(files: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The files to fetch: those that the patterns mean, with the same weights only once, in the best format there is.

    ``model.safetensors`` makes its shards, its other precisions and pickles unneeded; so do shards of safetensors with
    the pickles. Weights for other frameworks are never wanted unless a pattern is their very name.

    Args:
        files: All files of the repository.
        patterns: What is wanted.
    """
    every = set(files)
    chosen = {f for f in every if wants(patterns, f) and (f in patterns or not _FOREIGN.fullmatch(f))}
    folders = {file.rpartition("/")[0] for file in chosen if is_weights(file)}
    for folder in folders:
        prefix = f"{folder}/" if folder else ""
        chosen -= _unneeded(prefix, every, {f for f in chosen if f.rpartition("/")[0] == folder and is_weights(f)})
    return sorted(chosen)


def _unneeded(prefix: str, every: set[str], weights: set[str]) -> set[str]:
    """Of the weights in one folder, those that another of its files makes unneeded."""
    single, index = f"{prefix}model.safetensors", f"{prefix}model.safetensors.index.json"
    if single in every:
        return weights - {single}
    if index in every:
        return {f for f in weights if f != index and not _SHARD.fullmatch(f.removeprefix(prefix))}
    single, index = f"{prefix}pytorch_model.bin", f"{prefix}pytorch_model.bin.index.json"
    if single in every:
        return {f for f in weights if f.endswith((".bin", ".bin.index.json"))} - {single}
    return set()
