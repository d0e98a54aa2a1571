"""tiktoken's rank files: a byte-level BPE vocabulary without merges, which are recovered from it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dure.errors import TokenizerError
from dure.tokenizers.byte_level import to_characters

__all__ = ["CL100K_PATTERN", "Encoding", "encoding_named", "is_rank_file", "merges_of", "read_ranks"]

#: How texts are split for cl100k_base and vocabularies after it; what transformers takes for any rank file.
CL100K_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
#: How texts are split for GPT-2's vocabulary and those that came from it.
GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
#: How texts are split for o200k_base.
O200K_PATTERN = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a rank file doesn't say: how texts are split, and the special tokens with their ids."""

    pattern: str
    special_tokens: Mapping[str, int]


_CL100K_TOKENS = {
    "<|endoftext|>": 100257,
    "<|fim_prefix|>": 100258,
    "<|fim_middle|>": 100259,
    "<|fim_suffix|>": 100260,
    "<|endofprompt|>": 100276,
}
#: The published encodings, by the names of their files.
_ENCODINGS = {
    "cl100k_base": Encoding(CL100K_PATTERN, _CL100K_TOKENS),
    "o200k_base": Encoding(O200K_PATTERN, {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}),
    "p50k_base": Encoding(GPT2_PATTERN, {"<|endoftext|>": 50256}),
    "r50k_base": Encoding(GPT2_PATTERN, {"<|endoftext|>": 50256}),
    "gpt2": Encoding(GPT2_PATTERN, {"<|endoftext|>": 50256}),
}


def encoding_named(name: str) -> Encoding | None:
    """The published encoding whose rank file has this name, without ``.tiktoken``; None for others."""
    return _ENCODINGS.get(name)


def is_rank_file(path: Path) -> bool:
    """Whether a file looks like tiktoken's: lines of base64, a space and a number."""
    with path.open("rb") as file:
        line = file.readline(200).split()
    return len(line) == 2 and line[1].isdigit()


def read_ranks(path: Path) -> dict[bytes, int]:
    """The tokens in a rank file, as bytes, with their ranks, which are their ids.

    Raises:
        TokenizerError: A line is no base64 with a rank, or a token or a byte is missing.
    """
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line:
            continue
        try:
            token, rank = line.split()
            # Whisper's file has an empty token, spelt with nothing but padding.
            ranks[b"" if token == b"=" else base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise TokenizerError(
                f"{path}, line {number}: {line[:60]!r} is not a token in base64, a space and its rank"
            ) from error
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise TokenizerError(f"{path} has no token for the byte {missing[0]:#04x}: a rank file has all 256")
    return ranks


def merges_of(ranks: Mapping[bytes, int]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The byte-level vocabulary and merges that tokenize as the ranks do.

    Every way to put a token together from two others is a merge; a token's rank says when it's made.
    """
    names = {token: to_characters(token) for token in ranks}
    merges: list[tuple[str, str]] = []
    sizes = {len(token) for token in ranks}
    for token, _ in sorted(ranks.items(), key=lambda item: item[1]):
        # Sizes first: looking up every half of a very long token would take hours.
        cuts = [cut for cut in range(1, len(token)) if cut in sizes and len(token) - cut in sizes]
        pairs = [(token[:cut], token[cut:]) for cut in cuts if token[:cut] in ranks and token[cut:] in ranks]
        pairs.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
        merges += [(names[first], names[second]) for first, second in pairs]
    return {names[token]: rank for token, rank in ranks.items()}, merges
