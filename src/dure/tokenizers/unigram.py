"""Tokenizers from SentencePiece models, Unigram and BPE, as the documents that the engine runs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.bpe import bpe_model
from dure.tokenizers.family import Sources
from dure.tokenizers.sentencepiece import CONTROL, UNIGRAM, USER_DEFINED, SentencePieceModel, read_sentencepiece
from dure.typing import JsonObject

__all__ = [
    "SPACE",
    "Scores",
    "document_from_model",
    "merges_from_scores",
    "metaspace",
    "normalizer",
    "replace",
    "squeeze",
]

#: The character that stands for a space.
SPACE = "\u2581"

#: A vocabulary in order of ids.
Scores = list[tuple[str, float]]


def replace(old: str, new: str) -> JsonObject:
    """A step that replaces a text."""
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def squeeze(new: str) -> JsonObject:
    """A step that replaces two spaces or more."""
    return {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": new}


def charsmap(model: SentencePieceModel) -> list[JsonObject]:
    """The step that applies the model's own normalization; none if it has none."""
    if not model.charsmap:
        return []
    return [{"type": "Precompiled", "precompiled_charsmap": base64.b64encode(model.charsmap).decode()}]


def normalizer(model: SentencePieceModel, *, before: Sequence[JsonObject] = (), behind: Sequence[JsonObject]) -> Any:
    """The model's own normalization with steps before and behind it."""
    return {"type": "Sequence", "normalizers": [*before, *charsmap(model), *behind]}


def metaspace(scheme: str, *, split: bool = True) -> JsonObject:
    """A Metaspace step; ``scheme`` says where a space is put in front: ``always``, ``first`` or ``never``."""
    return {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": split}


def scheme_of(settings: Mapping[str, Any]) -> str:
    """Where a space is put in front of texts, from the settings ``add_prefix_space`` and ``legacy``."""
    if settings.get("add_prefix_space") is False:
        return "never"
    return "first" if settings.get("legacy") is False else "always"


def merges_from_scores(
    ids: Mapping[str, int], scores: Scores, *, more: Mapping[str, int] | None = None
) -> list[tuple[str, str]]:
    """The merges of a SentencePiece BPE model, which has scores only: the best piece is merged first.

    Every way to put a piece together from two others is a merge.

    Args:
        ids: The ids of the pieces in the file.
        scores: The vocabulary with its scores.
        more: Further parts that a piece may be put together from, and their ids.
    """
    known = {**ids, **(more or {})}
    sizes = {len(piece) for piece in known}
    found: list[tuple[float, int, int, str, str]] = []
    for piece, score in dict(scores).items():
        # Sizes first: looking up every half of a very long piece would take hours.
        cuts = [cut for cut in range(1, len(piece)) if cut in sizes and len(piece) - cut in sizes]
        pairs = [(piece[:cut], piece[cut:]) for cut in cuts if piece[:cut] in known and piece[cut:] in known]
        pairs.sort(key=lambda pair: (known[pair[0]], known[pair[1]]))
        found += [(score, len(first), len(second), first, second) for first, second in pairs]
    found.sort(key=lambda item: item[:3], reverse=True)
    return [(first, second) for *_, first, second in found]


def model_of(
    model: SentencePieceModel,
    scores: Scores,
    *,
    unk_id: int,
    byte_fallback: bool,
    merges: Callable[[Mapping[str, int], Scores], list[tuple[str, str]]] = merges_from_scores,
) -> JsonObject:
    """The section ``model`` of a tokenizer.json."""
    if model.model_type == UNIGRAM:
        vocab = [[piece, score] for piece, score in scores]
        return {"type": "Unigram", "unk_id": unk_id, "byte_fallback": byte_fallback, "vocab": vocab}
    ids = {piece.text: id_ for id_, piece in enumerate(model.pieces)}
    return bpe_model(
        {piece: id_ for id_, (piece, _) in enumerate(scores)},
        merges(ids, scores),
        unk_token=model.unk_piece,
        continuing_subword_prefix=None,
        end_of_word_suffix=None,
        fuse_unk=True,
        byte_fallback=byte_fallback,
    )


def document_from_model(
    sources: Sources,
    *,
    scores: Callable[[SentencePieceModel], Scores] | None = None,
    unk_id: int | None = None,
    byte_fallback: bool = False,
    special: frozenset[str] = frozenset(),
    parts: Callable[[SentencePieceModel], JsonObject] | None = None,
    merges: Callable[[Mapping[str, int], Scores], list[tuple[str, str]]] = merges_from_scores,
) -> JsonObject:
    """A tokenizer.json for a .model file, as most families have it.

    Args:
        sources: The file and the tokenizer's settings.
        scores: The vocabulary that the family makes of the pieces; by default all of them.
        unk_id: The id of unknown characters, where the family moves it.
        byte_fallback: Unknown characters become tokens for their bytes.
        special: User-defined pieces that are special.
        parts: Other components than the usual ones.
        merges: How merges follow from the scores of a BPE model.
    """
    model = read_sentencepiece(sources.path())
    vocabulary = scores(model) if scores else [(piece.text, piece.score) for piece in model.pieces]
    ids: dict[str, int] = {}
    for id_, (piece, _) in enumerate(vocabulary):
        ids[piece] = id_
    pieces = [
        AddedToken(piece.text, normalized=False, special=piece.type == CONTROL or piece.text in special)
        for piece in model.pieces
        if piece.type in (CONTROL, USER_DEFINED)
    ]
    sources.settle(ids, pieces, size=len(vocabulary))
    scheme = scheme_of(sources.settings)
    strip = {"type": "Strip", "strip_left": False, "strip_right": True}
    return sources.document({
        "normalizer": normalizer(model, behind=[strip, squeeze(SPACE)]),
        "pre_tokenizer": metaspace(scheme),
        "post_processor": sources.template() if sources.family.single != "$A:0" else None,
        "decoder": metaspace(scheme),
        "model": model_of(
            model,
            vocabulary,
            unk_id=model.unk_id if unk_id is None else unk_id,
            byte_fallback=byte_fallback,
            merges=merges,
        ),
        **(parts(model) if parts else {}),
    })  # fmt: skip
