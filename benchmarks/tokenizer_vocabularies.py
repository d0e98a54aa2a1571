"""Folders that every library loads from, made of real vocabularies, and slices of real corpora that don't overlap."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import transformers
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def make_folders(data: Path, into: Path) -> dict[str, Path]:
    """Folders with tokenizer.json and settings, by the name of the vocabulary."""
    vocab = data / "vocab"
    ready = transformers.PreTrainedTokenizerFast
    fast: dict[str, Any] = {
        "bert-base-uncased": transformers.BertTokenizerFast(vocab_file=str(vocab / "bert-base-uncased" / "vocab.txt")),
        "koelectra-base": transformers.BertTokenizerFast(
            vocab_file=str(vocab / "koelectra-base" / "vocab.txt"), do_lower_case=False
        ),
        "gpt2": transformers.GPT2TokenizerFast(
            tokenizer_file=str(vocab / "gpt2" / "tokenizer.json"), pad_token="<|endoftext|>"
        ),
        "t5-small": transformers.T5TokenizerFast(tokenizer_file=str(vocab / "t5-small" / "tokenizer.json")),
        "cl100k_base": ready(tokenizer_object=cl100k(vocab / "cl100k_base" / "cl100k_base.tiktoken")),
    }
    folders = {}
    for name, tokenizer in fast.items():
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.model_max_length = int(1e30)
        folders[name] = into / name
        tokenizer.save_pretrained(folders[name])
    tokens = json.loads((vocab / "gpt2" / "vocab.json").read_text(encoding="utf-8"))
    del tokens["<|endoftext|>"]
    to_byte = {char: byte for byte, char in bytes_to_unicode().items()}
    write_ranks(folders["gpt2"], {bytes(to_byte[c] for c in token): rank for token, rank in tokens.items()})
    write_ranks(folders["cl100k_base"], read_ranks(vocab / "cl100k_base" / "cl100k_base.tiktoken"))
    return folders


def read_ranks(path: Path) -> dict[bytes, int]:
    lines = (line.split() for line in path.read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def write_ranks(folder: Path, ranks: dict[bytes, int]) -> None:
    (folder / "ranks.json").write_text(json.dumps({token.hex(): rank for token, rank in ranks.items()}))


def cl100k(path: Path) -> Tokenizer:
    """The rank file as a tokenizer.json: merges are the pairs that make a token and come earlier."""
    ranks = read_ranks(path)
    to_char = bytes_to_unicode()
    name = {token: "".join(to_char[byte] for byte in token) for token in ranks}
    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        pairs = ((token[:i], token[i:]) for i in range(1, len(token)))
        known = [pair for pair in pairs if pair[0] in ranks and pair[1] in ranks]
        merges += [(name[a], name[b]) for a, b in sorted(known, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))]
    tokenizer = Tokenizer(models.BPE({name[t]: rank for t, rank in ranks.items()}, merges))
    split = pre_tokenizers.Split(Regex(CL100K), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def read_novels(data: Path) -> list[str]:
    """Paragraphs of English novels."""
    path = data / "corpora" / "english-novels" / "train.jsonl.zst"
    if sys.version_info >= (3, 14):
        from compression.zstd import open as open_zstd
    else:
        from zstandard import open as open_zstd
    with open_zstd(path, "rt", encoding="utf-8") as file:
        return [part for row in file for part in json.loads(row)["text"].split("\n\n") if part.strip()]


def read_reviews(data: Path) -> list[str]:
    """Korean film reviews."""
    with gzip.open(data / "corpora" / "nsmc" / "train.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [row["document"] for row in csv.DictReader(file)]


def read_code(data: Path) -> list[str]:
    """Python functions."""
    with gzip.open(data / "corpora" / "python-code" / "functions.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(row)["whole_func_string"] for row in file]


def slices(texts: Iterable[str], size_bytes: int, count: int) -> list[list[str]]:
    """Lists of texts of about this size that share no text."""
    found: list[list[str]] = [[]]
    size = 0
    for text in dict.fromkeys(texts):
        if size >= size_bytes:
            if len(found) == count:
                return found
            found.append([])
            size = 0
        found[-1].append(text)
        size += len(text.encode())
    if len(found) < count or size < size_bytes / 2:
        raise ValueError(f"the corpus has no {count} slices of {size_bytes} bytes")
    return found
