"""A WordPiece tokenizer from nothing but its vocabulary file, as BERT's first checkpoints come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dure.errors import TokenizerError
from dure.tokenizers.family import Sources
from dure.typing import JsonObject

__all__ = ["document_from_vocab", "read_vocab", "write_vocab"]


def read_vocab(path: Path) -> dict[str, int]:
    """The tokens of a vocab.txt, one per line; the line's number, from 0, is the id.

    Raises:
        TokenizerError: The file isn't UTF-8, or empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is not UTF-8 at byte {error.start}: a vocabulary file must be") from error
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise TokenizerError(f"{path} is empty: a vocabulary has one token per line")
    return {token: id_ for id_, token in enumerate(lines)}


def write_vocab(path: Path, vocab: Mapping[str, int]) -> None:
    """Write a vocab.txt that :func:`read_vocab` reads."""
    tokens = sorted(vocab, key=vocab.__getitem__)
    path.write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8", newline="\n")


def document_from_vocab(sources: Sources) -> JsonObject:
    """A whole tokenizer.json for a vocab.txt.

    The settings ``do_lower_case``, ``strip_accents``, ``tokenize_chinese_chars`` and ``do_basic_tokenize`` count.

    Raises:
        TokenizerError: The file can't be read, or lacks the token for unknown words.
    """
    path, settings = sources.path(), sources.settings
    vocab = read_vocab(path)
    unknown = sources.text("unk_token")
    if unknown not in vocab and unknown == "[UNK]":
        raise TokenizerError(f"{path} has no line {unknown!r}, the token for unknown words")
    sources.settle(vocab)
    splits_words = bool(settings.get("do_basic_tokenize", True))
    return sources.document({
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": splits_words and bool(settings.get("tokenize_chinese_chars", True)),
            "strip_accents": settings.get("strip_accents") if splits_words else False,
            "lowercase": splits_words and bool(settings.get("do_lower_case", True)),
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": sources.template(),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    })  # fmt: skip
