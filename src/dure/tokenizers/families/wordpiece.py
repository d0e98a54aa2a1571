"""BERT and the families that took over its WordPiece tokenizer."""

from __future__ import annotations

import dataclasses
from typing import Any

from dure.tokenizers.family import Family
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
from dure.tokenizers.wordpiece import document_from_vocab
from dure.typing import JsonObject

__all__ = [
    "BertTokenizer",
    "BertTokenizerFast",
    "ConvBertTokenizer",
    "ConvBertTokenizerFast",
    "DistilBertTokenizer",
    "DistilBertTokenizerFast",
    "ElectraTokenizer",
    "ElectraTokenizerFast",
    "FunnelTokenizer",
    "FunnelTokenizerFast",
    "LayoutLMTokenizer",
    "LayoutLMTokenizerFast",
    "MPNetTokenizer",
    "MPNetTokenizerFast",
    "MobileBertTokenizer",
    "MobileBertTokenizerFast",
    "SqueezeBertTokenizer",
    "SqueezeBertTokenizerFast",
]

BERT = Family(
    files={"vocab_file": ("vocab.txt",)},
    roles={
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    },
    settings={"do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None},
    single="{cls}:0 $A:0 {sep}:0",
    pair="{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
    build=document_from_vocab,
)

MPNET = dataclasses.replace(
    BERT,
    roles={
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "[UNK]",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "mask_token": "<mask>",
    },
    flags={"mask_token": "l"},
    built_flags={"mask_token": "l"},
    pair="{cls}:0 $A:0 {sep}:0 {sep}:0 $B:1 {sep}:1",
)

FUNNEL = dataclasses.replace(
    BERT,
    roles={
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "sep_token": "<sep>",
        "pad_token": "<pad>",
        "cls_token": "<cls>",
        "mask_token": "<mask>",
    },
    # The first token has a type of its own.
    single="{cls}:2 $A:0 {sep}:0",
    pair="{cls}:2 $A:0 {sep}:0 $B:1 {sep}:1",
)


class BertTokenizerFast(PreTrainedTokenizerFast):
    """BERT's tokenizer: WordPiece, ``[CLS]`` in front, ``[SEP]`` after each text, token types 0 and 1.

    Args:
        vocab_file: Path of a vocab.txt, if there's no tokenizer.json.
        tokenizer_file: Path of a tokenizer.json.
        do_lower_case: Lower-case the text.
        tokenize_chinese_chars: Every Chinese character is a word.
        strip_accents: Take accents off letters; None: if the text is lower-cased.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = BERT
    do_lower_case: bool

    def _changed_parts(self, header: JsonObject, settings: dict[str, Any]) -> JsonObject:
        # Where settings and tokenizer.json disagree on the text's normalization, the settings count.
        stored = header.get("normalizer")
        wanted = {
            "lowercase": settings["do_lower_case"],
            "strip_accents": settings["strip_accents"],
            "handle_chinese_chars": settings["tokenize_chinese_chars"],
        }
        if not stored or all(stored.get(name, value) == value for name, value in wanted.items()):
            return {}
        return {"normalizer": {**stored, **wanted}}


class BertTokenizer(BertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class DistilBertTokenizerFast(BertTokenizerFast):
    """DistilBERT's tokenizer: BERT's without token types."""

    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012


class DistilBertTokenizer(DistilBertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class ElectraTokenizerFast(BertTokenizerFast):
    """ELECTRA's tokenizer: BERT's."""


class ElectraTokenizer(ElectraTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class MobileBertTokenizerFast(BertTokenizerFast):
    """MobileBERT's tokenizer: BERT's."""


class MobileBertTokenizer(MobileBertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class ConvBertTokenizerFast(BertTokenizerFast):
    """ConvBERT's tokenizer: BERT's."""


class ConvBertTokenizer(ConvBertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class SqueezeBertTokenizerFast(BertTokenizerFast):
    """SqueezeBERT's tokenizer: BERT's."""


class SqueezeBertTokenizer(SqueezeBertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class LayoutLMTokenizerFast(BertTokenizerFast):
    """LayoutLM's tokenizer: BERT's."""


class LayoutLMTokenizer(LayoutLMTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class MPNetTokenizerFast(BertTokenizerFast):
    """MPNet's tokenizer: BERT's, with RoBERTa's special tokens."""

    family = MPNET
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    _segment_rule = "zeros"


class MPNetTokenizer(MPNetTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class FunnelTokenizerFast(BertTokenizerFast):
    """The Funnel Transformer's tokenizer: BERT's, with a token type for its first token."""

    family = FUNNEL
    _segment_rule = "template"


class FunnelTokenizer(FunnelTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""
