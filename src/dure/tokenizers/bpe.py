"""BPE tokenizers from vocab.json and merges.txt: GPT-2's byte-level ones and the older ones of whole characters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dure.errors import TokenizerError
from dure.tokenizers.family import Sources
from dure.tokenizers.tiktoken import CL100K_PATTERN, encoding_named, merges_of, read_ranks
from dure.typing import JsonObject

__all__ = [
    "byte_level",
    "byte_level_document",
    "document_from_ranks",
    "model_from_files",
    "read_merges",
    "write_merges",
]

#: A ByteLevel step as tokenizer.json has it.
BYTE_LEVEL: JsonObject = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}


def byte_level(**settings: bool) -> JsonObject:
    """A ByteLevel step with settings other than the usual ones."""
    return {**BYTE_LEVEL, **settings}


def read_merges(path: Path) -> list[tuple[str, str]]:
    """The merges in a merges.txt: two tokens a line, the first merge first.

    Raises:
        TokenizerError: The file isn't UTF-8, or a line hasn't two tokens.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is not UTF-8 at byte {error.start}: a file of merges must be") from error
    merges: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        # Split at ASCII spaces only: a merge may contain other white space.
        pair = [part for part in line.rstrip("\r").split(" ") if part]
        if not pair or (number == 1 and line.startswith("#version")):
            continue
        if len(pair) != 2:
            raise TokenizerError(f"{path}, line {number}: {line[:60]!r} is not two tokens with a space between them")
        merges.append((pair[0], pair[1]))
    return merges


def write_merges(path: Path, merges: list[Any]) -> None:
    """Write a merges.txt that :func:`read_merges` reads, from the merges of a tokenizer.json."""
    lines = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    text = "".join(f"{line}\n" for line in ("#version: 0.2", *lines))
    path.write_text(text, encoding="utf-8", newline="\n")


def model_from_files(sources: Sources, **settings: Any) -> JsonObject:
    """The model of vocab.json and merges.txt.

    Raises:
        TokenizerError: A file is damaged, or has a token whose id isn't a number.
    """
    from dure.tokenizers.load import read_json

    path = sources.path()
    vocab = read_json(path)
    wrong = next((token for token, id_ in vocab.items() if not isinstance(id_, int)), None)
    if wrong is not None:
        raise TokenizerError(f"{path} must give every token a number, but {wrong!r} has {vocab[wrong]!r:.40}")
    # A merge that's there twice counts where it stands first.
    merges = list(dict.fromkeys(read_merges(sources.path("merges_file"))))
    return bpe_model(vocab, merges, **settings)


def bpe_model(vocab: dict[str, int], merges: list[tuple[str, str]], **settings: Any) -> JsonObject:
    """The section ``model`` of a tokenizer.json."""
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        **settings,
        "vocab": vocab,
        "merges": [list(pair) for pair in merges],
    }


def byte_level_document(sources: Sources, model: JsonObject, post_processor: JsonObject, **parts: Any) -> JsonObject:
    """A byte-level tokenizer.json as GPT-2's, save for the given parts."""
    prefix = bool(sources.settings.get("add_prefix_space", False))
    return sources.document(
        {
            "normalizer": None,
            "pre_tokenizer": byte_level(add_prefix_space=prefix),
            "post_processor": post_processor,
            "decoder": byte_level(),
            "model": model,
            **parts,
        }
    )


def document_from_ranks(sources: Sources) -> JsonObject:
    """A tokenizer.json for a tiktoken rank file.

    Pattern and special tokens are those of the published encoding whose name the file has, if it has one, else those
    that transformers takes: cl100k_base's pattern, and the ``additional_special_tokens`` after the vocabulary.

    Raises:
        TokenizerError: The file is damaged.
    """
    path = sources.path()
    vocab, merges = merges_of(read_ranks(path))
    known = encoding_named(path.stem)
    if known and not sources.settings.get("additional_special_tokens"):
        # Their ids leave gaps, which ids of added tokens can't: those follow the vocabulary.
        vocab |= known.special_tokens
        sources = Sources(
            sources.family,
            sources.paths,
            {**sources.settings, "additional_special_tokens": list(known.special_tokens)},
            dict(enumerate(sources.listed)),
        )
    sources.settle(vocab)
    split = {
        "type": "Split",
        "pattern": {"Regex": known.pattern if known else CL100K_PATTERN},
        "behavior": "Isolated",
        "invert": False,
    }
    prefix = bool(sources.settings.get("add_prefix_space", False))
    steps = [split, byte_level(add_prefix_space=prefix, use_regex=False)]
    model = bpe_model(vocab, merges, continuing_subword_prefix=None, end_of_word_suffix=None, ignore_merges=True)
    return byte_level_document(
        sources,
        model,
        byte_level(trim_offsets=False),
        pre_tokenizer={"type": "Sequence", "pretokenizers": steps},
    )
