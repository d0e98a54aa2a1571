"""Families with a SentencePiece Unigram tokenizer."""

from __future__ import annotations

import dataclasses
from typing import Any

from dure.errors import InputError
from dure.tokenizers.family import Family, Sources
from dure.tokenizers.sentencepiece import SentencePieceModel
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
from dure.tokenizers.unigram import Scores, document_from_model, metaspace, normalizer, replace, scheme_of, squeeze
from dure.typing import JsonObject

__all__ = [
    "AlbertTokenizer",
    "AlbertTokenizerFast",
    "BarthezTokenizer",
    "BarthezTokenizerFast",
    "BigBirdTokenizer",
    "BigBirdTokenizerFast",
    "CamembertTokenizer",
    "CamembertTokenizerFast",
    "DebertaV2Tokenizer",
    "DebertaV2TokenizerFast",
    "FNetTokenizer",
    "FNetTokenizerFast",
    "PegasusTokenizer",
    "PegasusTokenizerFast",
    "RemBertTokenizer",
    "RemBertTokenizerFast",
    "T5Tokenizer",
    "T5TokenizerFast",
    "XGLMTokenizer",
    "XGLMTokenizerFast",
    "XLMRobertaTokenizer",
    "XLMRobertaTokenizerFast",
    "XLNetTokenizer",
    "XLNetTokenizerFast",
]

#: What fairseq's vocabularies begin with, in place of SentencePiece's own first pieces.
FAIRSEQ: Scores = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]


def pieces(model: SentencePieceModel, start: int = 0) -> Scores:
    """The pieces with their scores, from one of them on."""
    return [(piece.text, piece.score) for piece in model.pieces[start:]]


def fairseq(model: SentencePieceModel, *behind: str) -> Scores:
    """A vocabulary as fairseq arranges it: its own special tokens, the pieces, and further tokens."""
    return [*FAIRSEQ, *pieces(model, 3), *((token, 0.0) for token in behind)]


def _t5(sources: Sources) -> JsonObject:
    sentinels = [(f"<extra_id_{i}>", 0.0) for i in reversed(range(sources.settings["extra_ids"]))]
    return document_from_model(sources, scores=lambda model: pieces(model) + sentinels)


def _without_numbers_and_commas(model: SentencePieceModel) -> Scores:
    """Pieces of a digit and a comma get a score so low that they're hardly ever used."""
    return [
        (text, score - 100 if len(text) > 1 and text[-1] == "," and text[-2].isdigit() else score)
        for text, score in pieces(model)
    ]


def _google_normalizer(sources: Sources, model: SentencePieceModel, *, squeezes_first: bool = False) -> JsonObject:
    """Quotes, accents, case, the model's own normalization, and spaces, as ALBERT and XLNet do it."""
    before = [replace("``", '"'), replace("''", '"')]
    spaces = [squeeze(" ")]
    if squeezes_first:
        before, spaces = before + spaces, []
    if not sources.settings["keep_accents"]:
        before += [{"type": "NFKD"}, {"type": "StripAccents"}]
    if sources.settings["do_lower_case"]:
        before.append({"type": "Lowercase"})
    return {"normalizer": normalizer(model, before=before, behind=spaces)}


def _albert(sources: Sources) -> JsonObject:
    return document_from_model(
        sources,
        scores=_without_numbers_and_commas,
        parts=lambda model: _google_normalizer(sources, model),
    )


def _rembert(sources: Sources) -> JsonObject:
    return document_from_model(sources, parts=lambda model: _google_normalizer(sources, model, squeezes_first=True))


def _deberta_v2(sources: Sources) -> JsonObject:
    settings = sources.settings
    before: list[JsonObject] = [{"type": "Lowercase"}] if settings["do_lower_case"] else []
    before.append({"type": "Strip", "strip_left": True, "strip_right": True})
    steps = [{"type": "Punctuation", "behavior": "Isolated"}] if settings["split_by_punct"] else []
    return document_from_model(
        sources,
        parts=lambda model: {
            "normalizer": normalizer(model, before=before, behind=[squeeze(" ")]),
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*steps, metaspace(scheme_of(settings))]},
        },
    )


def _xlm_roberta(sources: Sources) -> JsonObject:
    return document_from_model(sources, scores=lambda model: fairseq(model, "<mask>"), unk_id=3)


def _xglm(sources: Sources) -> JsonObject:
    return document_from_model(
        sources, scores=lambda model: fairseq(model, *(f"<madeupword{i}>" for i in range(7))), unk_id=3
    )


def _camembert(sources: Sources) -> JsonObject:
    def scores(model: SentencePieceModel) -> Scores:
        first: Scores = [("<s>NOTUSED", 0.0), ("<pad>", 0.0), ("</s>NOTUSED", 0.0), ("<unk>", 0.0)]
        return [*first, ("<unk>NOTUSED", -100.0), *pieces(model, 1), ("<mask>", 0.0)]

    return document_from_model(sources, scores=scores, unk_id=3)


def _pegasus(sources: Sources) -> JsonObject:
    settings = sources.settings
    offset, mask, sentence = settings["offset"], settings.get("mask_token"), settings.get("mask_token_sent")

    def scores(model: SentencePieceModel) -> Scores:
        first = [settings["pad_token"], settings["eos_token"], sentence, mask]
        named = [(str(token), 0.0) for token in first if token is not None]
        return [*named, *((f"<unk_{i}>", -100.0) for i in range(2, offset)), *pieces(model, 2)]

    return document_from_model(
        sources,
        scores=scores,
        unk_id=2 + offset,
        parts=lambda _: {
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace(scheme_of(settings))],
            }
        },
    )


_SPIECE = {"vocab_file": ("spiece.model",)}
_BPE_MODEL = {"vocab_file": ("sentencepiece.bpe.model",)}
_BERT_ROLES = {
    "bos_token": "[CLS]",
    "eos_token": "[SEP]",
    "sep_token": "[SEP]",
    "cls_token": "[CLS]",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "[MASK]",
}
_FAIRSEQ_ROLES = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
_MASK_TAKES_SPACE: dict[str, Any] = {"flags": {"mask_token": "l"}, "built_flags": {"mask_token": "l"}}
_BERT_TEMPLATES: dict[str, Any] = {"single": "[CLS]:0 $A:0 [SEP]:0", "pair": "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"}
_FAIRSEQ_TEMPLATES: dict[str, Any] = {"single": "<s>:0 $A:0 </s>:0", "pair": "<s>:0 $A:0 </s>:0 </s>:0 $B:0 </s>:0"}

T5 = Family(
    files=_SPIECE,
    roles={"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"},
    settings={"extra_ids": 100},
    single="$A:0 </s>:0",
    pair="$A:0 </s>:0 $B:0 </s>:0",
    build=_t5,
)
ALBERT = Family(
    files=_SPIECE,
    roles=_BERT_ROLES,
    settings={"do_lower_case": True, "remove_space": True, "keep_accents": False},
    **_MASK_TAKES_SPACE,
    **_BERT_TEMPLATES,
    build=_albert,
)
FNET = dataclasses.replace(
    ALBERT,
    roles={role: _BERT_ROLES[role] for role in ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")},
    settings={"do_lower_case": False, "remove_space": True, "keep_accents": True},
)
REMBERT = dataclasses.replace(
    ALBERT,
    files={"vocab_file": ("sentencepiece.model",)},
    roles={**_BERT_ROLES, "unk_token": "[UNK]", "pad_token": "[PAD]"},
    settings={"do_lower_case": False, "remove_space": True, "keep_accents": True},
    built_flags={"mask_token": "ln"},
    build=_rembert,
)
XLNET = Family(
    files=_SPIECE,
    roles={**_FAIRSEQ_ROLES, "sep_token": "<sep>", "cls_token": "<cls>"},
    additional=("<eop>", "<eod>"),
    settings={"do_lower_case": False, "remove_space": True, "keep_accents": False},
    **_MASK_TAKES_SPACE,
    single="$A:0 <sep>:0 <cls>:2",
    pair="$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2",
    build=_albert,
)
BIG_BIRD = Family(
    files=_SPIECE,
    roles={**_FAIRSEQ_ROLES, "sep_token": "[SEP]", "cls_token": "[CLS]", "mask_token": "[MASK]"},
    flags={"*": "n", "mask_token": "l"},
    built_flags={"*": "n", "mask_token": "ln"},
    **_BERT_TEMPLATES,
    build=document_from_model,
)
DEBERTA_V2 = Family(
    files={"vocab_file": ("spm.model",)},
    roles={**_BERT_ROLES, "unk_token": "[UNK]", "pad_token": "[PAD]"},
    settings={"do_lower_case": False, "split_by_punct": False},
    built_flags={"unk_token": "n"},
    **_BERT_TEMPLATES,
    build=_deberta_v2,
)
XLM_ROBERTA = Family(
    files=_BPE_MODEL,
    roles=_FAIRSEQ_ROLES,
    **_MASK_TAKES_SPACE,
    **_FAIRSEQ_TEMPLATES,
    build=_xlm_roberta,
)
CAMEMBERT = dataclasses.replace(XLM_ROBERTA, additional=("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"), build=_camembert)
BARTHEZ = dataclasses.replace(XLM_ROBERTA, build=lambda sources: document_from_model(sources, unk_id=3))
XGLM = Family(
    files=_BPE_MODEL,
    roles={role: token for role, token in _FAIRSEQ_ROLES.items() if role != "mask_token"},
    additional=tuple(f"<madeupword{i}>" for i in range(7)),
    single="</s>:0 $A:0",
    pair="</s>:0 $A:0 </s>:0 </s>:0 $B:0",
    build=_xglm,
)
PEGASUS = Family(
    files=_SPIECE,
    roles={"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask_2>"},
    settings={"mask_token_sent": "<mask_1>", "offset": 103},
    single="$A:0 {eos}:0",
    pair="$A:0 $B:0 {eos}:0",
    build=_pegasus,
)


class T5TokenizerFast(PreTrainedTokenizerFast):
    """T5's tokenizer: SentencePiece Unigram, ``</s>`` after each text, and sentinels ``<extra_id_0>``, ...

    Args:
        vocab_file: Path of a spiece.model, if there's no tokenizer.json.
        tokenizer_file: Path of a tokenizer.json.
        extra_ids: The number of sentinels.
        legacy: False puts a space in front of the whole text only, not after special tokens in it too.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = T5
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    _segment_rule = "zeros"
    _rebuilds_for_prefix_space = True

    def _prepare(self, settings: dict[str, Any]) -> dict[str, Any]:
        count, given = settings["extra_ids"], list(settings.get("additional_special_tokens") or [])
        sentinels = sum("<extra_id_" in str(token) for token in given)
        if given and count and sentinels not in (0, count):
            raise InputError(
                f"additional_special_tokens has {sentinels} sentinels <extra_id_...>, but extra_ids={count}: give all "
                "or none of them"
            )
        if not sentinels:
            given += [f"<extra_id_{i}>" for i in range(count)]
        return {**settings, "additional_special_tokens": given}

    def get_sentinel_tokens(self) -> list[str]:
        """The sentinels among the special tokens."""
        return [token for token in self.additional_special_tokens if "<extra_id_" in token]

    def get_sentinel_token_ids(self) -> list[int]:
        """Their ids."""
        return list(self.convert_tokens_to_ids(self.get_sentinel_tokens()))


class T5Tokenizer(T5TokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class AlbertTokenizerFast(PreTrainedTokenizerFast):
    """ALBERT's tokenizer: SentencePiece Unigram with BERT's special tokens.

    Args:
        vocab_file: Path of a spiece.model, if there's no tokenizer.json.
        tokenizer_file: Path of a tokenizer.json.
        do_lower_case: Lower-case the text.
        keep_accents: Leave accents on letters.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = ALBERT


class AlbertTokenizer(AlbertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class FNetTokenizerFast(PreTrainedTokenizerFast):
    """FNet's tokenizer: ALBERT's, with case and accents kept."""

    family = FNET
    model_input_names = ["input_ids", "token_type_ids"]  # noqa: RUF012


class FNetTokenizer(FNetTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class RemBertTokenizerFast(PreTrainedTokenizerFast):
    """RemBERT's tokenizer: SentencePiece Unigram with BERT's special tokens."""

    family = REMBERT


class RemBertTokenizer(RemBertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class XLNetTokenizerFast(PreTrainedTokenizerFast):
    """XLNet's tokenizer: SentencePiece Unigram, special tokens behind the text, padding on the left."""

    family = XLNET
    padding_side = "left"
    _segment_rule = "template"
    _pad_token_type_id = 3


class XLNetTokenizer(XLNetTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class BigBirdTokenizerFast(PreTrainedTokenizerFast):
    """BigBird's tokenizer: SentencePiece Unigram with BERT's special tokens."""

    family = BIG_BIRD
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012


class BigBirdTokenizer(BigBirdTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class DebertaV2TokenizerFast(PreTrainedTokenizerFast):
    """DeBERTa v2's and v3's tokenizer: SentencePiece Unigram with BERT's special tokens."""

    family = DEBERTA_V2


class DebertaV2Tokenizer(DebertaV2TokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class XLMRobertaTokenizerFast(PreTrainedTokenizerFast):
    """XLM-RoBERTa's tokenizer: SentencePiece Unigram with RoBERTa's special tokens."""

    family = XLM_ROBERTA
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    _segment_rule = "zeros"


class XLMRobertaTokenizer(XLMRobertaTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class CamembertTokenizerFast(XLMRobertaTokenizerFast):
    """CamemBERT's tokenizer: SentencePiece Unigram with RoBERTa's special tokens."""

    family = CAMEMBERT


class CamembertTokenizer(CamembertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class BarthezTokenizerFast(XLMRobertaTokenizerFast):
    """BARThez's tokenizer: SentencePiece Unigram with RoBERTa's special tokens."""

    family = BARTHEZ


class BarthezTokenizer(BarthezTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class XGLMTokenizerFast(XLMRobertaTokenizerFast):
    """XGLM's tokenizer: SentencePiece Unigram with ``</s>`` in front of texts."""

    family = XGLM


class XGLMTokenizer(XGLMTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class PegasusTokenizerFast(PreTrainedTokenizerFast):
    """Pegasus' tokenizer: SentencePiece Unigram behind 105 tokens of its own."""

    family = PEGASUS
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    def _prepare(self, settings: dict[str, Any]) -> dict[str, Any]:
        sentence, given = settings["mask_token_sent"], settings.get("additional_special_tokens")
        first = [] if sentence is None or str(sentence) in map(str, given or []) else [sentence]
        tokens = [*first, *(given or [])]
        # Tokens that were never seen in training, up to where the file's own pieces begin.
        begin = 2 if given is None else len(tokens)
        tokens += [f"<unk_{i}>" for i in range(begin, settings["offset"] - (given is not None))]
        return {**settings, "additional_special_tokens": tokens}


class PegasusTokenizer(PegasusTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""
