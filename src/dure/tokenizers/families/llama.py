"""Llama's and Gemma's tokenizers: SentencePiece BPE with byte fallback."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from dure.errors import InputError
from dure.tokenizers.batch import BatchEncoding
from dure.tokenizers.families.sentencepiece import pieces
from dure.tokenizers.family import Family, Sources
from dure.tokenizers.sentencepiece import SentencePieceModel
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
from dure.tokenizers.unigram import (
    SPACE,
    Scores,
    document_from_model,
    merges_from_scores,
    metaspace,
    replace,
    scheme_of,
)
from dure.typing import JsonObject

__all__ = [
    "CodeLlamaTokenizer",
    "CodeLlamaTokenizerFast",
    "GemmaTokenizer",
    "GemmaTokenizerFast",
    "LlamaTokenizer",
    "LlamaTokenizerFast",
]


def _decoder(*behind: JsonObject) -> JsonObject:
    steps = [replace(SPACE, " "), {"type": "ByteFallback"}, {"type": "Fuse"}, *behind]
    return {"type": "Sequence", "decoders": steps}


def _llama(sources: Sources) -> JsonObject:
    settings = sources.settings
    has_prefix = settings.get("add_prefix_space") is not False
    space = replace(" ", SPACE)
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if has_prefix else []
    parts: JsonObject = {"normalizer": None, "pre_tokenizer": None, "decoder": _decoder(*strip)}
    if settings.get("legacy") is False:
        parts["pre_tokenizer"] = metaspace(scheme_of(settings), split=False)
    else:
        prepend = [{"type": "Prepend", "prepend": SPACE}] if has_prefix else []
        parts["normalizer"] = {"type": "Sequence", "normalizers": [*prepend, space]}
    return _with_ends(sources, document_from_model(sources, unk_id=0, byte_fallback=True, parts=lambda _: parts))


def _gemma(sources: Sources) -> JsonObject:
    settings = sources.settings

    def scores(model: SentencePieceModel) -> Scores:
        first = [(str(settings[role]), 0.0) for role in ("pad_token", "eos_token", "bos_token")]
        vocabulary = [*first, *pieces(model, 3)]
        # The first files lacked a piece for the tab: it takes the place of its byte.
        if not any(text == "\t" for text, _ in vocabulary):
            place = next((i for i, (text, _) in enumerate(vocabulary) if text == "<0x09>"), None)
            if place is not None:
                vocabulary[place] = ("\t", 0.0)
        return vocabulary

    def merges(ids: Mapping[str, int], scores: Scores) -> list[tuple[str, str]]:
        tab = {"\t": ids["<0x09>"]} if "\t" not in ids and "<0x09>" in ids else {}
        return merges_from_scores(ids, scores, more=tab)

    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    parts = {"normalizer": replace(" ", SPACE), "pre_tokenizer": split, "decoder": _decoder()}
    document = document_from_model(
        sources,
        scores=scores,
        unk_id=3,
        byte_fallback=True,
        special=frozenset({"<start_of_turn>", "<end_of_turn>"}),
        parts=lambda _: parts,
        merges=merges,
    )
    return _with_ends(sources, document)


def _with_ends(sources: Sources, document: JsonObject) -> JsonObject:
    single, pair = ends(sources.settings)
    return {**document, "post_processor": sources.template_of(single, pair)}


def ends(settings: Mapping[str, Any]) -> tuple[str, str]:
    """The templates for one text and two that ``add_bos_token`` and ``add_eos_token`` ask for.

    Raises:
        InputError: A token is asked for that there isn't.
    """
    for place in ("bos", "eos"):
        if settings[f"add_{place}_token"] and settings.get(f"{place}_token") is None:
            raise InputError(f"add_{place}_token=True, but there is no {place}_token: set one, or pass False")
    begin = "{bos}:%d " if settings["add_bos_token"] else ""
    end = " {eos}:%d" if settings["add_eos_token"] else ""

    def around(text: str, type_id: int) -> str:
        return f"{begin}{text}:%d{end}".replace("%d", str(type_id))

    single = around("$A", 0)
    return single, f"{single} {around('$B', 1)}"


_FILES = {"vocab_file": ("tokenizer.model",)}
LLAMA = Family(
    files=_FILES,
    roles={"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"},
    settings={
        "clean_up_tokenization_spaces": False,
        "add_bos_token": True,
        "add_eos_token": False,
        "use_default_system_prompt": False,
        "legacy": True,
        "add_prefix_space": None,
    },
    built_flags={"*": ""},
    build=_llama,
)
CODE_LLAMA = Family(
    files=_FILES,
    roles=LLAMA.roles,
    settings={
        **LLAMA.settings,
        "prefix_token": f"{SPACE}<PRE>",
        "middle_token": f"{SPACE}<MID>",
        "suffix_token": f"{SPACE}<SUF>",
        "eot_token": f"{SPACE}<EOT>",
        "fill_token": "<FILL_ME>",
    },
    built_flags={"*": ""},
    build=_llama,
)
GEMMA = Family(
    files=_FILES,
    roles={"unk_token": "<unk>", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"},
    settings={"clean_up_tokenization_spaces": False, "add_bos_token": True, "add_eos_token": False},
    built_flags={"*": ""},
    build=_gemma,
)


class LlamaTokenizerFast(PreTrainedTokenizerFast):
    """Llama's tokenizer: SentencePiece BPE with byte fallback, ``<s>`` in front of texts, padding on the left.

    Args:
        vocab_file: Path of a tokenizer.model, if there's no tokenizer.json.
        tokenizer_file: Path of a tokenizer.json.
        add_bos_token: Put ``<s>`` in front of texts. Can be set later.
        add_eos_token: Put ``</s>`` behind texts. Can be set later.
        legacy: False puts a space in front of the whole text only, not after special tokens in it too.
        add_prefix_space: Whether a space is put in front at all.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = LLAMA
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    padding_side = "left"
    _surrounds_ids = True
    _rebuilds_for_prefix_space = True

    def __init__(self, *paths: Any, **settings: Any) -> None:
        super().__init__(*paths, **settings)
        self._ends = {name: bool(self.init_kwargs[name]) for name in ("add_bos_token", "add_eos_token")}
        self.update_post_processor()

    def update_post_processor(self) -> None:
        """Put the tokens that :attr:`add_bos_token` and :attr:`add_eos_token` ask for around texts from now on."""
        self._set_template(*ends({**self._roles, **self._ends}))

    @property
    def add_bos_token(self) -> bool:
        """Whether the first token of a text is the one that says it begins. Can be set."""
        return self._ends["add_bos_token"]

    @add_bos_token.setter
    def add_bos_token(self, value: bool) -> None:
        self._ends["add_bos_token"] = value
        self.update_post_processor()

    @property
    def add_eos_token(self) -> bool:
        """Whether the last token of a text is the one that says it ends. Can be set."""
        return self._ends["add_eos_token"]

    @add_eos_token.setter
    def add_eos_token(self, value: bool) -> None:
        self._ends["add_eos_token"] = value
        self.update_post_processor()


class LlamaTokenizer(LlamaTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class CodeLlamaTokenizerFast(LlamaTokenizerFast):
    """Code Llama's tokenizer: Llama's, and code with a gap: ``"def f(x): <FILL_ME> return y"``."""

    family = CODE_LLAMA
    _gap_tokens = ("prefix_token", "middle_token", "suffix_token", "eot_token")
    _rebuilds_for_prefix_space = False

    def _prepare(self, settings: dict[str, Any]) -> dict[str, Any]:
        given = list(settings.get("additional_special_tokens") or [])
        given += [settings[name] for name in self._gap_tokens if settings[name] is not None]
        return {**settings, "additional_special_tokens": given}

    def __getattr__(self, name: str) -> Any:
        arguments = self.__dict__.get("init_kwargs", {})
        if name in (*self._gap_tokens, "fill_token"):
            return arguments.get(name)
        if name in ("prefix_id", "middle_id", "suffix_id", "eot_id"):
            token = arguments.get(name.replace("_id", "_token"))
            return None if token is None else self.convert_tokens_to_ids(token)
        return super().__getattr__(name)

    def encode_plus(
        self, text: Any, text_pair: Any = None, suffix_first: bool = False, suffix: Any = None, **options: Any
    ) -> BatchEncoding:
        """Encode a text, or code with a gap: the code before it, and the code behind it as its partner.

        Args:
            text: The code; with ``fill_token`` in it, that's the gap.
            text_pair: The code behind the gap.
            suffix_first: The code behind the gap comes first.
            suffix: The same as ``text_pair``.
            **options: Those of calling the tokenizer.
        """
        text_pair = text_pair if suffix is None else suffix
        gap = self.init_kwargs["fill_token"]
        if text_pair is None and gap is not None and isinstance(text, str) and gap in text:
            text, text_pair = text.split(gap)
        if not text_pair:
            return super().encode_plus(text, text_pair, **options)
        encoding = self._with_gap(suffix_first, options.pop("add_special_tokens", True))
        result: BatchEncoding = encoding(f" {text}", text_pair, add_special_tokens=True, **options)
        return result

    def _with_gap(self, suffix_first: bool, adds_ends: bool) -> Any:
        """The way to encode with a gap, by an engine of its own."""
        before, middle, behind = (self.init_kwargs[name] for name in ("prefix_token", "middle_token", "suffix_token"))
        if None in (before, middle, behind):
            raise InputError(
                "code with a gap needs prefix_token, middle_token and suffix_token, but one of them is None"
            )
        order = f"{before}:0 {behind}:0 $B:0 {middle}:0 $A:0" if suffix_first else (
            f"{before}:0 $A:0 {behind}:0 $B:0 {middle}:0"
        )  # fmt: skip
        begin = "{bos}:0 " if adds_ends and self.add_bos_token else ""
        end = " {eos}:0" if adds_ends and self.add_eos_token else ""
        changed = {
            "normalizer": replace(" ", SPACE),
            "post_processor": self._template("$A:0", f"{begin}{order}{end}"),
        }
        return functools.partial(self._encode_with, self._variant(changed))


class CodeLlamaTokenizer(CodeLlamaTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class GemmaTokenizerFast(LlamaTokenizerFast):
    """Gemma's tokenizer: SentencePiece BPE with byte fallback, ``<bos>`` in front of texts, padding on the left."""

    family = GEMMA
    _rebuilds_for_prefix_space = False


class GemmaTokenizer(GemmaTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""
