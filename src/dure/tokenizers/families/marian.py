"""Marian's tokenizer: a SentencePiece model for each language, and one vocabulary that gives their pieces ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dure.errors import TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.calling import SURFACES
from dure.tokenizers.families.generic import SENTENCEPIECE, sentencepiece_document
from dure.tokenizers.family import Family, Sources, dump
from dure.tokenizers.inputs import Texts
from dure.tokenizers.load import engine_from, read_json
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
from dure.tokenizers.unigram import SPACE, replace
from dure.typing import JsonObject

if TYPE_CHECKING:
    from dure.tokenizers._core import Encodings, Engine

__all__ = ["MarianTokenizer"]

#: Takes the place of the first character of a language code such as ``>>fra<<`` at a text's start: nowhere else in a
#: text is it a token, and positions stay what they are.
_MARK = "\uf8ff"


def _vocabulary(sources: Sources) -> JsonObject:
    """The document of an engine that knows tokens and ids, and turns ids into text; texts go through other engines."""
    path = sources.path("vocab")
    vocab = read_json(path)
    for role in ("unk_token", "pad_token"):
        if sources.text(role) not in vocab:
            raise TokenizerError(f"{path} has no token {sources.text(role)!r}, which is the {role}")
    sources.settle(vocab)
    return sources.document(
        {
            "normalizer": None,
            "pre_tokenizer": None,
            "post_processor": sources.template(),
            "decoder": {"type": "Sequence", "decoders": [replace(SPACE, " "), {"type": "Fuse"}]},
            "model": {"type": "WordLevel", "vocab": vocab, "unk_token": sources.text("unk_token")},
        }
    )


MARIAN = Family(
    files={
        "source_spm": ("source.spm",),
        "target_spm": ("target.spm",),
        "vocab": ("vocab.json",),
        "target_vocab_file": ("target_vocab.json",),
    },
    roles={"unk_token": "<unk>", "eos_token": "</s>", "pad_token": "<pad>"},
    settings={"source_lang": None, "target_lang": None, "separate_vocabs": False, "model_max_length": 512},
    single="$A:0 {eos}:0",
    pair="$A:0 $B:0 {eos}:0",
    build=_vocabulary,
)


class _MappedEncodings:
    """Encoded texts whose ids are those of Marian's vocabulary; everything else is the engine's.

    Args:
        encodings: What the engine made of the texts; with surfaces.
        table: Marian's id for each of the engine's ids.
        encoder: Whose vocabulary it is: what is unknown to the SentencePiece model may be in it.
    """

    def __init__(self, encodings: Encodings, table: NDArray[np.int32], encoder: _Encoder) -> None:
        self._encodings = encodings
        self.ids = table[encodings.ids]
        for position, surface in encodings.surfaces():
            self.ids[position] = encoder.vocab.get(surface, encoder.unknown)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encodings, name)

    def padded(self, column: str, length: int, fill: int, left: bool, /) -> NDArray[np.int64]:
        """A column as one array; see the engine's own."""
        if column != "ids":
            return self._encodings.padded(column, length, fill, left)
        is_token = self._encodings.padded("attention_mask", length, 0, left).astype(bool)
        found = np.full(is_token.shape, fill, np.int64)
        found[is_token] = self.ids
        return found

    def lists(self, column: str, /) -> list[list[int]]:
        """A column as lists; see the engine's own."""
        if column != "ids":
            return self._encodings.lists(column)
        starts = self._encodings.row_starts[1:-1]
        return [row.tolist() for row in np.split(self.ids, starts)] if self._encodings.num_rows else []


class _Encoder:
    """The engine for one language, and the ids of its pieces in Marian's vocabulary."""

    def __init__(self, spm: Path, vocab: Mapping[str, int], added: Mapping[str, int], unknown: int) -> None:
        sources = Sources(SENTENCEPIECE, {"vocab_file": spm}, {}, {})
        self.codes = {token for token in vocab if token.startswith(">>") and token.endswith("<<")}
        marks = {_MARK + code[1:]: vocab[code] for code in self.codes}
        sources.listed = [AddedToken(token, normalized=False, special=token in added) for token in (*marks, *added)]
        document = sentencepiece_document(sources)
        # Control pieces aren't found in texts, save for those that are special tokens of the vocabulary too.
        document["added_tokens"] = [
            token for token in document["added_tokens"] if token["content"] in marks or token["content"] in added
        ]
        document["post_processor"] = sources.template_of("$A:0 </s>:0", "$A:0 $B:0 </s>:0")
        self.engine = engine_from(dump(document), str(spm))
        self.unknown = unknown
        self.vocab = vocab
        known = {**vocab, **added, **marks}
        names = self.engine.vocab(True)
        self.table = np.full(max(names.values()) + 1, unknown, np.int32)
        for name, id_ in names.items():
            self.table[id_] = known.get(name, unknown)

    def mark(self, *columns: Sequence[str]) -> tuple[list[list[str]], Engine, NDArray[np.int32]]:
        """Texts whose language codes are marked, and the engine and table that know all of them."""
        unknown: set[str] = set()

        def marked(text: str) -> str:
            end = text.find("<<") + 2 if isinstance(text, str) and text.startswith(">>") else 0
            if end < 2:
                return text
            if text[:end] not in self.codes:
                unknown.add(_MARK + text[1:end])
            return _MARK + text[1:]

        found = [[marked(text) for text in column] for column in columns]
        if not unknown:
            return found, self.engine, self.table
        engine = self.engine.with_added_tokens([(code, False, False, False, False, False) for code in sorted(unknown)])
        return found, engine, np.concatenate([self.table, np.full(len(unknown), self.unknown, np.int32)])


class MarianTokenizer(PreTrainedTokenizerFast):
    """Marian's tokenizer: texts go through the source's SentencePiece model, ``text_target`` through the target's.

    A code such as ``>>fra<<`` at a text's start says into which language it's translated.

    Args:
        source_spm: Path of the source language's SentencePiece model.
        target_spm: Path of the target language's.
        vocab: Path of the vocab.json that gives pieces their ids.
        target_vocab_file: Path of the target language's own vocabulary, with ``separate_vocabs``.
        source_lang: The source language's code.
        target_lang: The target language's code.
        separate_vocabs: The target language has a vocabulary of its own.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = MARIAN
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    _segment_rule = "zeros"
    _has_document = False

    def __init__(self, *paths: Any, **settings: Any) -> None:
        self._is_target = False
        self._encoders: dict[tuple[bool, int], _Encoder] = {}
        super().__init__(*paths, **settings)
        self.separate_vocabs = bool(self.init_kwargs["separate_vocabs"])
        self.source_lang = self.init_kwargs["source_lang"]
        self.target_lang = self.init_kwargs["target_lang"]
        for argument in ("source_spm", "target_spm"):
            if argument not in self._vocab_files:
                raise TokenizerError(f"MarianTokenizer needs {argument}, usually called {argument.replace('_', '.')}")
        self.spm_files = [str(self._vocab_files[name]) for name in ("source_spm", "target_spm")]
        self.encoder = self._vocabulary_of("vocab")
        if self.separate_vocabs:
            self.target_encoder = self._vocabulary_of("target_vocab_file")
            self._target_tokens = {id_: token for token, id_ in self.target_encoder.items()}

    def _vocabulary_of(self, argument: str) -> dict[str, int]:
        return {token: int(id_) for token, id_ in read_json(self._vocab_files[argument]).items()}

    @property
    def supported_language_codes(self) -> list[str]:
        """The codes of target languages."""
        if self.separate_vocabs:
            return []
        return [token for token in self.encoder if token.startswith(">>") and token.endswith("<<")]

    def _switch_to_input_mode(self) -> None:
        self._is_target = False

    def _switch_to_target_mode(self) -> None:
        self._is_target = True

    def _current(self) -> _Encoder:
        key = (self._is_target, id(self._engine))
        if key not in self._encoders:
            vocab = self.target_encoder if self.separate_vocabs and self._is_target else self.encoder
            spm = Path(self.spm_files[1 if self._is_target else 0])
            unknown = vocab[str(self.unk_token)]
            # An engine that was replaced won't come back.
            self._encoders = {other: made for other, made in self._encoders.items() if other[1] == key[1]}
            self._encoders[key] = _Encoder(spm, vocab, self.added_tokens_encoder, unknown)
        return self._encoders[key]

    def _encoding(self, texts: Texts, engine: Engine | None = None) -> Any:
        del engine  # there's more than one
        columns = [texts.first] if texts.second is None else [texts.first, texts.second]
        current = self._current()
        marked, own, table = current.mark(*columns)

        def encode(columns: int, **options: Any) -> _MappedEncodings:
            return _MappedEncodings(own.encode(*marked, columns=columns | SURFACES, **options), table, current)

        return encode

    def _token_of(self, id_: int) -> str | None:
        token = super()._token_of(id_)
        if not self.separate_vocabs or token in self.added_tokens_encoder:
            return token
        return self._target_tokens.get(id_)

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """The pieces of a text or a pair, those that the vocabulary lacks included."""
        del options
        columns = [[text]] if pair is None else [[text], [pair]]
        marked, engine, _ = self._current().mark(*columns)
        encodings = engine.encode(*marked, add_special_tokens=add_special_tokens, columns=SURFACES)
        names = [(engine.id_to_token(id_) or "").replace(_MARK, ">") for id_ in encodings.ids.tolist()]
        for position, surface in encodings.surfaces():
            names[position] = surface
        return names

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens a text, or a pair of texts, gets: one."""
        del pair
        return 1

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> str:
        """The text of one row of ids, in the target language; see :meth:`PreTrainedTokenizerFast.decode`."""
        if skip_special_tokens and not self.separate_vocabs:
            return super().decode(token_ids, True, clean_up_tokenization_spaces, **kwargs)
        ids = [token_ids] if isinstance(token_ids, int) else token_ids
        special = set(self.all_special_tokens) if skip_special_tokens else set()
        tokens = [token for token in self.convert_ids_to_tokens(ids) if token not in special]
        return self._clean(self._with_special_tokens(tokens), clean_up_tokenization_spaces)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """The texts of several rows of ids; see :meth:`decode`."""
        if skip_special_tokens and not self.separate_vocabs:
            return super().batch_decode(sequences, True, clean_up_tokenization_spaces, **kwargs)
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in sequences]

    def _with_special_tokens(self, tokens: Sequence[str | None]) -> str:
        """Text with special tokens in it, each with a space behind it."""
        special = set(self.all_special_tokens)
        parts: list[str] = []
        is_start = True
        for token in tokens:
            text = token or str(self.unk_token)
            if text in special:
                parts.append(f"{text} ")
                is_start = True
                continue
            text = text.replace(SPACE, " ")
            parts.append(text.removeprefix(" ") if is_start else text)
            is_start = False
        return "".join(parts).strip()

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text that these tokens are."""
        return self._with_special_tokens(tokens)

    def _finish(self, text: str) -> str:
        return text.strip()
