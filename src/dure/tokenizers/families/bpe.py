"""Families with a byte-level BPE tokenizer as GPT-2's, and the two older ones that merge characters."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from dure.tokenizers.bpe import byte_level, byte_level_document, model_from_files
from dure.tokenizers.family import Family, Sources
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
from dure.typing import JsonObject

__all__ = [
    "BartTokenizer",
    "BartTokenizerFast",
    "BlenderbotTokenizer",
    "BlenderbotTokenizerFast",
    "CLIPTokenizer",
    "CLIPTokenizerFast",
    "CodeGenTokenizer",
    "CodeGenTokenizerFast",
    "DebertaTokenizer",
    "DebertaTokenizerFast",
    "GPT2Tokenizer",
    "GPT2TokenizerFast",
    "LEDTokenizer",
    "LEDTokenizerFast",
    "LongformerTokenizer",
    "LongformerTokenizerFast",
    "OpenAIGPTTokenizer",
    "OpenAIGPTTokenizerFast",
    "Qwen2Tokenizer",
    "Qwen2TokenizerFast",
    "RobertaTokenizer",
    "RobertaTokenizerFast",
]

_FILES = {"vocab_file": ("vocab.json",), "merges_file": ("merges.txt",)}
_QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CLIP_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
#: CLIP's first tokenizer takes as many merges, whatever the file has.
_NUM_CLIP_MERGES = 49152 - 256 - 2


def _split(pattern: str, behavior: str, *, invert: bool = False) -> JsonObject:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def _gpt2(sources: Sources) -> JsonObject:
    model = model_from_files(sources)
    sources.settle(model["vocab"])
    if not sources.settings.get("add_bos_token"):
        return byte_level_document(sources, model, byte_level(trim_offsets=False))
    begin = dataclasses.replace(sources.family, single="{bos}:0 $A:0", pair="{bos}:0 $A:0 $B:1")
    sources.family = begin
    return byte_level_document(sources, model, sources.template())


def _roberta_processing(sources: Sources, end: str, begin: str, **settings: Any) -> JsonObject:
    """RobertaProcessing with the tokens of two roles, which stand behind and in front of texts."""
    texts = {"sep": sources.text(end), "cls": sources.text(begin)}
    ids = {place: [text, sources.id_of(text)] for place, text in texts.items()}
    return {"type": "RobertaProcessing", **ids, **settings}


def _roberta(sources: Sources) -> JsonObject:
    model = model_from_files(sources)
    sources.settle(model["vocab"])
    settings = {
        "trim_offsets": bool(sources.settings["trim_offsets"]),
        "add_prefix_space": bool(sources.settings["add_prefix_space"]),
    }
    return byte_level_document(sources, model, _roberta_processing(sources, "sep_token", "cls_token", **settings))


def _templated(sources: Sources) -> JsonObject:
    model = model_from_files(sources)
    sources.settle(model["vocab"])
    return byte_level_document(sources, model, sources.template())


def _qwen2(sources: Sources) -> JsonObject:
    model = model_from_files(sources)
    sources.settle(model["vocab"])
    prefix = bool(sources.settings.get("add_prefix_space", False))
    steps = [_split(_QWEN2_PATTERN, "Isolated"), byte_level(add_prefix_space=prefix, use_regex=False)]
    return byte_level_document(
        sources,
        model,
        byte_level(trim_offsets=False),
        normalizer={"type": "NFC"},
        pre_tokenizer={"type": "Sequence", "pretokenizers": steps},
    )


def _clip(sources: Sources) -> JsonObject:
    model = model_from_files(sources, end_of_word_suffix="</w>", unk_token=sources.text("unk_token"))
    model["merges"] = model["merges"][:_NUM_CLIP_MERGES]
    sources.settle(model["vocab"])
    spaces = {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}
    steps = [_split(_CLIP_PATTERN, "Removed", invert=True), byte_level(add_prefix_space=False)]
    return byte_level_document(
        sources,
        model,
        _roberta_processing(sources, "eos_token", "bos_token", trim_offsets=False, add_prefix_space=False),
        normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}, spaces, {"type": "Lowercase"}]},
        pre_tokenizer={"type": "Sequence", "pretokenizers": steps},
    )


def _openai_gpt(sources: Sources) -> JsonObject:
    unknown = sources.text("unk_token")
    model = model_from_files(sources, unk_token=unknown, continuing_subword_prefix=None, end_of_word_suffix="</w>")
    sources.settle(model["vocab"])
    return sources.document({
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
        "model": model,
    })  # fmt: skip


_END_OF_TEXT = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
GPT2 = Family(
    files=_FILES,
    roles=_END_OF_TEXT,
    settings={"add_prefix_space": False},
    built_flags={"*": "n"},
    build=_gpt2,
)
CODEGEN = dataclasses.replace(GPT2, flags={"*": ""}, built_flags={"*": ""})
ROBERTA = Family(
    files=_FILES,
    roles={
        "bos_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "cls_token": "<s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
    },
    settings={"add_prefix_space": False, "trim_offsets": True},
    flags={"mask_token": "l"},
    built_flags={"*": "n", "mask_token": "l"},
    single="{cls}:0 $A:0 {sep}:0",
    pair="{cls}:0 $A:0 {sep}:0 {sep}:0 $B:0 {sep}:0",
    build=_roberta,
)
BART = dataclasses.replace(ROBERTA, built_flags={"*": "n", "mask_token": "ln"})
BLENDERBOT = dataclasses.replace(ROBERTA, single="$A:0 {eos}:0", pair="$A:0 $B:1", build=_templated)
DEBERTA = Family(
    files=_FILES,
    roles={
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
        "sep_token": "[SEP]",
        "cls_token": "[CLS]",
        "unk_token": "[UNK]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
    },
    settings={"add_prefix_space": False},
    flags={"mask_token": "l"},
    built_flags={"mask_token": "ln"},
    single="{cls}:0 $A:0 {sep}:0",
    pair="{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
    build=_templated,
)
QWEN2 = Family(
    files=_FILES,
    roles={**_END_OF_TEXT, "bos_token": None, "pad_token": "<|endoftext|>"},
    flags={"*": ""},
    built_flags={"*": ""},
    build=_qwen2,
)
CLIP = Family(
    files=_FILES,
    roles={**_END_OF_TEXT, "bos_token": "<|startoftext|>", "pad_token": "<|endoftext|>"},
    built_flags={"bos_token": "n", "eos_token": "n", "unk_token": "n"},
    single="{bos}:0 $A:0 {eos}:0",
    pair="{bos}:0 $A:0 {eos}:0 {eos}:0 $B:0 {eos}:0",
    build=_clip,
)
OPENAI_GPT = Family(files=_FILES, roles={"unk_token": "<unk>"}, build=_openai_gpt)


class GPT2TokenizerFast(PreTrainedTokenizerFast):
    """GPT-2's tokenizer: byte-level BPE without special tokens around texts.

    Args:
        vocab_file: Path of a vocab.json, if there's no tokenizer.json.
        merges_file: Path of the merges.txt that goes with it.
        tokenizer_file: Path of a tokenizer.json.
        add_prefix_space: Put a space in front of each text, so that its first word is one like the others.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = GPT2
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    _needs_prefix_space_for_words = True


class GPT2Tokenizer(GPT2TokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class CodeGenTokenizerFast(GPT2TokenizerFast):
    """CodeGen's and Phi's tokenizer: GPT-2's, with tokens for runs of spaces."""

    family = CODEGEN


class CodeGenTokenizer(CodeGenTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class RobertaTokenizerFast(GPT2TokenizerFast):
    """RoBERTa's tokenizer: GPT-2's with ``<s>`` in front, ``</s>`` after each text and two between texts.

    Args:
        vocab_file: Path of a vocab.json, if there's no tokenizer.json.
        merges_file: Path of the merges.txt that goes with it.
        tokenizer_file: Path of a tokenizer.json.
        add_prefix_space: Put a space in front of each text, so that its first word is one like the others.
        trim_offsets: Offsets leave out the space before a word.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = ROBERTA
    _segment_rule = "zeros"

    def _changed_parts(self, header: JsonObject, settings: dict[str, Any]) -> JsonObject:
        changed = super()._changed_parts(header, settings)
        stored = header.get("post_processor") or {}
        wanted = {name: bool(settings[name]) for name in ("add_prefix_space", "trim_offsets") if name in stored}
        if any(stored[name] != value for name, value in wanted.items()):
            changed["post_processor"] = {**stored, **wanted}
        return changed


class RobertaTokenizer(RobertaTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class BartTokenizerFast(RobertaTokenizerFast):
    """BART's tokenizer: RoBERTa's."""

    family = BART


class BartTokenizer(BartTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class LongformerTokenizerFast(RobertaTokenizerFast):
    """Longformer's tokenizer: RoBERTa's."""


class LongformerTokenizer(LongformerTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class LEDTokenizerFast(BartTokenizerFast):
    """LED's tokenizer: RoBERTa's; padding of ``global_attention_mask`` is -1, which is neither global nor local."""

    def _fills(self, *, with_mask: bool) -> dict[str, int]:
        return super()._fills(with_mask=with_mask) | {"global_attention_mask": -1}


class LEDTokenizer(LEDTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class BlenderbotTokenizerFast(RobertaTokenizerFast):
    """Blenderbot's tokenizer: RoBERTa's with ``</s>`` after a text only."""

    family = BLENDERBOT

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """Ids of a text with ``</s>`` behind them; a second text is left out.

        Args:
            token_ids_0: Ids of the text.
            token_ids_1: Not used.
        """
        del token_ids_1
        return super().build_inputs_with_special_tokens(token_ids_0)


class BlenderbotTokenizer(BlenderbotTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class DebertaTokenizerFast(GPT2TokenizerFast):
    """DeBERTa's tokenizer: GPT-2's with BERT's special tokens and token types."""

    family = DEBERTA
    model_input_names = ["input_ids", "attention_mask", "token_type_ids"]  # noqa: RUF012


class DebertaTokenizer(DebertaTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class Qwen2TokenizerFast(PreTrainedTokenizerFast):
    """Qwen2's tokenizer: byte-level BPE with its own splitting, one digit a token."""

    family = QWEN2
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012


class Qwen2Tokenizer(Qwen2TokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class CLIPTokenizerFast(PreTrainedTokenizerFast):
    """CLIP's tokenizer: lower-cased byte-level BPE whose words end in ``</w>``."""

    family = CLIP
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    _segment_rule = "zeros"

    def _finish(self, text: str) -> str:
        # Decoding leaves the ends of words in place: that's how padding stays a part of the text.
        return text.replace("</w>", " ").strip()


class CLIPTokenizer(CLIPTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class OpenAIGPTTokenizerFast(PreTrainedTokenizerFast):
    """The tokenizer of the first GPT: lower-cased BPE whose words end in ``</w>``."""

    family = OPENAI_GPT
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    @property
    def do_lower_case(self) -> bool:
        """Whether the text is lower-cased: always."""
        return True


class OpenAIGPTTokenizer(OpenAIGPTTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""
