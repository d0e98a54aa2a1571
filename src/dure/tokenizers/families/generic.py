"""Tokenizers of no family: whatever a lone vocabulary file says by itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dure.errors import TokenizerError
from dure.tokenizers.bpe import document_from_ranks
from dure.tokenizers.family import Family, Sources
from dure.tokenizers.sentencepiece import (
    CONTROL,
    NORMAL,
    UNIGRAM,
    UNKNOWN,
    USER_DEFINED,
    SentencePieceModel,
    read_sentencepiece,
)
from dure.tokenizers.tiktoken import is_rank_file
from dure.tokenizers.unigram import (
    SPACE,
    Scores,
    charsmap,
    document_from_model,
    metaspace,
    replace,
    squeeze,
)
from dure.typing import JsonObject

__all__ = ["RANKS", "SENTENCEPIECE", "family_for"]

#: What SentencePiece's control pieces are usually for.
_USUAL_ROLES = {
    "<s>": ("bos_token",),
    "</s>": ("eos_token",),
    "<pad>": ("pad_token",),
    "[PAD]": ("pad_token",),
    "[CLS]": ("cls_token",),
    "[SEP]": ("sep_token",),
    "<cls>": ("cls_token",),
    "<sep>": ("sep_token",),
    "[MASK]": ("mask_token",),
    "<mask>": ("mask_token",),
}


#: All white space but the space itself, between letters.
_WHITE_SPACE = "a\t\n\x0b\x0c\ra\x85\xa0\u1680a\u2000\u2004\u200a\u2028\u2029\u202f\u205f\u3000a"


def sentencepiece_parts(model: SentencePieceModel) -> JsonObject:
    """Normalizer, pre-tokenizer and decoder that do what SentencePiece itself does."""
    squeezes = model.remove_extra_whitespaces
    prefix: list[JsonObject] = [{"type": "Prepend", "prepend": " "}] if model.add_dummy_prefix else []
    tidy = [*_strip(model), squeeze(" ")] if squeezes else []
    byte_fallback: list[JsonObject] = [{"type": "ByteFallback"}] if model.byte_fallback else []
    steps = [replace(SPACE, " "), *byte_fallback, {"type": "Fuse"}]
    if model.treat_whitespace_as_suffix:
        # A space behind the text instead of in front; pieces keep it as their end.
        prefix = [{"type": "Replace", "pattern": {"Regex": r"(?<=.)\z"}, "content": " "}] if prefix else []
    elif prefix:
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    # Pieces with a space inside or alone, where several may follow each other, ask for the text in one go.
    is_split = squeezes and not any(SPACE in piece.text[1:] for piece in model.pieces)
    # The `tokenizers` library reads over `longest_match`, and replaces clusters of characters in its own way.
    own = [{**step, "longest_match": True} for step in charsmap(model)]
    return {
        "normalizer": {"type": "Sequence", "normalizers": [*own, *tidy, *prefix, replace(" ", SPACE)]},
        "pre_tokenizer": metaspace("never") if is_split else None,
        "decoder": {"type": "Sequence", "decoders": steps},
    }


def _strip(model: SentencePieceModel) -> list[JsonObject]:
    """What removes spaces at the ends: the simple step where the model leaves no other white space."""
    from dure.tokenizers._core import normalize

    steps = charsmap(model)
    try:
        left = normalize(json.dumps(steps[0]).encode(), _WHITE_SPACE) if steps else _WHITE_SPACE
    except ValueError as error:
        raise TokenizerError(f"the SentencePiece model is damaged ({error}): fetch it again") from error
    if any(char.isspace() and char != " " for char in left):
        return [{"type": "Replace", "pattern": {"Regex": r"\A +| +\z"}, "content": ""}]
    return [{"type": "Strip", "strip_left": True, "strip_right": True}]


def _scores(model: SentencePieceModel) -> Scores:
    """The vocabulary: user-defined pieces win wherever they're found."""
    best = max((piece.score for piece in model.pieces if piece.type == NORMAL), default=0.0)
    return [
        (piece.text, len(piece.text.encode()) * best - 0.1 if piece.type == USER_DEFINED else piece.score)
        for piece in model.pieces
    ]


def sentencepiece_document(sources: Sources) -> JsonObject:
    """A tokenizer.json that gives texts the ids that SentencePiece itself gives.

    Control pieces are special tokens that are found in texts, as everywhere in tokenizer.json.
    """
    model = read_sentencepiece(sources.path())
    is_unigram = model.model_type == UNIGRAM
    document = document_from_model(
        sources,
        scores=_scores if is_unigram else None,
        byte_fallback=model.byte_fallback,
        parts=sentencepiece_parts,
    )
    if is_unigram:
        inner = {piece.text for piece in model.pieces if piece.type == USER_DEFINED}
        document["added_tokens"] = [
            token for token in document["added_tokens"] if token["special"] or token["content"] not in inner
        ]
    return document


#: A SentencePiece model without a family: texts become the ids that SentencePiece itself gives.
SENTENCEPIECE = Family(
    files={"vocab_file": ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "spm.model", "source.spm")},
    build=sentencepiece_document,
)
#: A tiktoken rank file.
RANKS = Family(files={"vocab_file": ("tokenizer.model", "*.tiktoken")}, build=document_from_ranks)


def family_for(paths: Mapping[str, Path]) -> Family:
    """The family that files of no family belong to.

    Raises:
        TokenizerError: The file is none that a tokenizer can be built from.
    """
    from dure.tokenizers.families.bpe import GPT2
    from dure.tokenizers.families.wordpiece import BERT

    path = paths["vocab_file"]
    if path.suffix == ".json":
        return GPT2
    if is_rank_file(path):
        return RANKS
    if path.suffix == ".txt":
        return BERT
    try:
        model = read_sentencepiece(path)
    except TokenizerError as error:
        raise TokenizerError(
            f"{path} is none of the files that a tokenizer is built from (vocab.txt, vocab.json with merges.txt, a "
            f"SentencePiece .model, a tiktoken rank file): {error}"
        ) from error
    roles: dict[str, Any] = {}
    for piece in model.pieces:
        if piece.type == UNKNOWN:
            roles["unk_token"] = piece.text
        elif piece.type == CONTROL:
            roles |= dict.fromkeys(_USUAL_ROLES.get(piece.text, ()), piece.text)
    return dataclasses.replace(SENTENCEPIECE, roles=roles)
