"""Tokenizers of no family: whatever a lone vocabulary file says by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dure.errors import TokenizerError
from dure.tokenizers.bpe import document_from_ranks
from dure.tokenizers.family import Family, Sources
from dure.tokenizers.sentencepiece import CONTROL, UNKNOWN, SentencePieceModel, read_sentencepiece
from dure.tokenizers.tiktoken import is_rank_file
from dure.tokenizers.unigram import SPACE, document_from_model, metaspace, normalizer, replace, squeeze
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


def sentencepiece_parts(model: SentencePieceModel) -> JsonObject:
    """Normalizer, pre-tokenizer and decoder that do what SentencePiece itself does."""
    squeezes = model.remove_extra_whitespaces
    behind: list[JsonObject] = (
        [{"type": "Strip", "strip_left": True, "strip_right": True}, squeeze(" ")] if squeezes else []
    )
    if model.treat_whitespace_as_suffix:
        # A space behind the text instead of in front; pieces keep it as their end.
        end = [{"type": "Replace", "pattern": {"Regex": "$"}, "content": " "}] if model.add_dummy_prefix else []
        decoder = {"type": "Sequence", "decoders": [replace(SPACE, " "), {"type": "Fuse"}]}
        steps = normalizer(model, behind=[*behind, *end, replace(" ", SPACE)])
        return {"normalizer": steps, "pre_tokenizer": None, "decoder": decoder}
    scheme = "always" if model.add_dummy_prefix else "never"
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if model.add_dummy_prefix else []
    steps = [
        replace(SPACE, " "),
        *([{"type": "ByteFallback"}] if model.byte_fallback else []),
        {"type": "Fuse"},
        *strip,
    ]
    # Pieces with a space inside, if there are any, ask for the text in one go.
    is_split = not any(SPACE in piece.text[1:] and piece.text.strip(SPACE) for piece in model.pieces)
    decoder = {"type": "Sequence", "decoders": steps}
    pre_tokenizer = metaspace(scheme, split=is_split and squeezes)
    return {"normalizer": normalizer(model, behind=behind), "pre_tokenizer": pre_tokenizer, "decoder": decoder}


def _sentencepiece(sources: Sources) -> JsonObject:
    byte_fallback = read_sentencepiece(sources.path()).byte_fallback
    return document_from_model(sources, byte_fallback=byte_fallback, parts=sentencepiece_parts)


#: A SentencePiece model without a family: texts become the ids that SentencePiece itself gives.
SENTENCEPIECE = Family(
    files={"vocab_file": ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "spm.model", "source.spm")},
    build=_sentencepiece,
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
