"""A WordPiece tokenizer from nothing but its vocabulary file, as BERT's first checkpoints come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dure.errors import TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.typing import JsonObject

__all__ = ["document_from_vocab", "read_vocab", "write_vocab"]

#: The special tokens that a WordPiece tokenizer of BERT's kind has, and the texts they usually are.
DEFAULT_ROLES = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


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


def document_from_vocab(path: Path, arguments: Mapping[str, Any]) -> JsonObject:
    """A whole tokenizer.json, as a dictionary, for a vocab.txt.

    Args:
        path: The vocab.txt.
        arguments: The tokenizer's arguments: ``do_lower_case``, ``strip_accents``, ``tokenize_chinese_chars``,
            ``do_basic_tokenize`` and special tokens.

    Raises:
        TokenizerError: The file can't be read, or lacks the token for unknown words.
    """
    vocab = read_vocab(path)
    roles = {role: str(arguments.get(role) or token) for role, token in DEFAULT_ROLES.items()}
    if roles["unk_token"] not in vocab:
        raise TokenizerError(f"{path} has no line {roles['unk_token']!r}, the token for unknown words")
    ids = dict(vocab)
    for token in roles.values():  # special tokens that the file lacks come after its last line
        ids.setdefault(token, len(ids))
    cls, sep = roles["cls_token"], roles["sep_token"]
    splits_words = bool(arguments.get("do_basic_tokenize", True))
    added = [AddedToken(token, special=True) for token in dict.fromkeys(roles.values())]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": ids[token.content], **token.to_dict()} for token in sorted(added, key=lambda t: ids[t.content])
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": splits_words and bool(arguments.get("tokenize_chinese_chars", True)),
            "strip_accents": arguments.get("strip_accents") if splits_words else False,
            "lowercase": splits_words and bool(arguments.get("do_lower_case", True)),
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_special(cls, 0), _text("A", 0), _special(sep, 0)],
            "pair": [_special(cls, 0), _text("A", 0), _special(sep, 0), _text("B", 1), _special(sep, 1)],
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in dict.fromkeys((cls, sep))
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": roles["unk_token"],
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }


def _special(token: str, type_id: int) -> JsonObject:
    return {"SpecialToken": {"id": token, "type_id": type_id}}


def _text(name: str, type_id: int) -> JsonObject:
    return {"Sequence": {"id": name, "type_id": type_id}}
