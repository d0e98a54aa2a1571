"""Families for translation between many languages: a token for the language stands around each text."""

from __future__ import annotations

import dataclasses
from typing import Any

from dure.errors import InputError
from dure.tokenizers.batch import BatchEncoding
from dure.tokenizers.families.sentencepiece import XLM_ROBERTA, fairseq
from dure.tokenizers.family import Sources
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
from dure.tokenizers.unigram import document_from_model
from dure.typing import JsonObject

__all__ = [
    "MBart50Tokenizer",
    "MBart50TokenizerFast",
    "MBartTokenizer",
    "MBartTokenizerFast",
    "NllbTokenizer",
    "NllbTokenizerFast",
]

#: mBART's languages, in order of ids; mBART-50 added those after zh_CN.
_MBART50_TEXT = (
    "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP "
    "nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN "
    "mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI "
)
_MBART50_CODES = tuple(_MBART50_TEXT.split())
_MBART_CODES = _MBART50_CODES[:25]
#: NLLB's languages.
_NLLB_TEXT = (
    "ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn amh_Ethi apc_Arab arb_Arab ars_Arab "
    "ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn ban_Latn bel_Cyrl "
    "bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn bul_Cyrl cat_Latn ceb_Latn ces_Latn "
    "cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn "
    "est_Latn eus_Latn ewe_Latn fao_Latn pes_Arab fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gla_Latn "
    "gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn "
    "ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab "
    "kas_Deva kat_Geor knc_Arab knc_Latn kaz_Cyrl kbp_Latn kea_Latn khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn "
    "kon_Latn kor_Hang kmr_Latn lao_Laoo lvs_Latn lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn "
    "lua_Latn lug_Latn luo_Latn lus_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn mkd_Cyrl plt_Latn mlt_Latn "
    "mni_Beng khk_Cyrl mos_Latn mri_Latn zsm_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nso_Latn nus_Latn "
    "nya_Latn oci_Latn gaz_Latn ory_Orya pag_Latn pan_Guru pap_Latn pol_Latn por_Latn prs_Arab pbt_Arab quy_Latn "
    "ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng scn_Latn shn_Mymr sin_Sinh slk_Latn slv_Latn smo_Latn "
    "sna_Latn snd_Arab som_Latn sot_Latn spa_Latn als_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn swh_Latn "
    "szl_Latn tam_Taml tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi taq_Latn taq_Tfng tpi_Latn tsn_Latn "
    "tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn "
    "vie_Latn war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zul_Latn "
)
_NLLB_CODES = tuple(_NLLB_TEXT.split())


def _mbart(codes: tuple[str, ...]) -> Any:
    def build(sources: Sources) -> JsonObject:
        return document_from_model(sources, scores=lambda model: fairseq(model, *codes, "<mask>"), unk_id=3)

    return build


def _nllb(sources: Sources) -> JsonObject:
    return document_from_model(sources, scores=fairseq, unk_id=3)


_LANGUAGES = {"src_lang": None, "tgt_lang": None}
MBART = dataclasses.replace(
    XLM_ROBERTA,
    additional=_MBART_CODES,
    settings=_LANGUAGES,
    single="$A:0 </s>:0 en_XX:0",
    pair="$A:0 $B:0 </s>:0 en_XX:0",
    build=_mbart(_MBART_CODES),
)
MBART50 = dataclasses.replace(
    XLM_ROBERTA,
    roles={role: token for role, token in XLM_ROBERTA.roles.items() if role != "bos_token"},
    additional=_MBART50_CODES,
    settings=_LANGUAGES,
    built_flags={"mask_token": "ln"},
    single="en_XX:0 $A:0 </s>:0",
    pair="en_XX:0 $A:0 $B:0 </s>:0",
    build=_mbart(_MBART50_CODES),
)
NLLB = dataclasses.replace(
    XLM_ROBERTA,
    additional=_NLLB_CODES,
    settings={**_LANGUAGES, "legacy_behaviour": False},
    flags={"mask_token": "ln"},
    built_flags={"mask_token": "ln"},
    single="eng_Latn:0 $A:0 </s>:0",
    pair="eng_Latn:0 $A:0 $B:0 </s>:0",
    build=_nllb,
)


class MBartTokenizerFast(PreTrainedTokenizerFast):
    """mBART's tokenizer: SentencePiece Unigram, ``</s>`` and the language behind the text.

    ``tokenizer(texts, text_target=translations)`` puts the source language around the texts and the target language
    around the translations, whose ids become ``labels``.

    Args:
        vocab_file: Path of a sentencepiece.bpe.model, if there's no tokenizer.json.
        tokenizer_file: Path of a tokenizer.json.
        src_lang: The language of texts, such as ``"en_XX"``, which it is by default.
        tgt_lang: The language of ``text_target``.
        **settings: See :class:`~dure.tokenizers.tokenizer.PreTrainedTokenizerFast`.
    """

    family = MBART
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    _segment_rule = "zeros"
    _first_language = "en_XX"
    _is_language_behind = True
    tgt_lang: str | None

    def __init__(self, *paths: Any, **settings: Any) -> None:
        super().__init__(*paths, **settings)
        self.lang_code_to_id = {code: self._id_of(code) for code in self.family.additional}
        self._src_lang = str(self.init_kwargs.get("src_lang") or self._first_language)
        self.tgt_lang = self.init_kwargs.get("tgt_lang")
        self.set_src_lang_special_tokens(self._src_lang)

    def _prepare(self, settings: dict[str, Any]) -> dict[str, Any]:
        given = list(settings["additional_special_tokens"] or [])
        texts = {str(token) for token in given}
        codes = [code for code in self.family.additional if code not in texts]
        return {**settings, "additional_special_tokens": given + codes if given else list(self.family.additional)}

    @property
    def src_lang(self) -> str:
        """The language of texts. Can be set."""
        return self._src_lang

    @src_lang.setter
    def src_lang(self, language: str) -> None:
        self._src_lang = language
        self.set_src_lang_special_tokens(language)

    def set_src_lang_special_tokens(self, src_lang: str) -> None:
        """Put the tokens of a language around texts from now on."""
        self._set_language(src_lang)

    def set_tgt_lang_special_tokens(self, lang: str) -> None:
        """Put the tokens of the target language around texts from now on."""
        self._set_language(lang)

    def _set_language(self, language: str | None) -> None:
        if language is None:
            raise InputError(
                "the language of text_target isn't known: set tokenizer.tgt_lang, such as "
                f"tokenizer.tgt_lang = {self._first_language!r}"
            )
        code, end = self._id_of(language), self.eos_token_id
        if code is None or end is None:
            raise InputError(
                f"{language!r} and {self.eos_token!r} should stand around texts, but aren't in the vocabulary"
            )
        self.cur_lang_code = self.cur_lang_code_id = code
        self.prefix_tokens: list[int] = [] if self._is_language_behind else [code]
        self.suffix_tokens: list[int] = [end, code] if self._is_language_behind else [end]
        before = "".join(f"{token}:0 " for token in self.convert_ids_to_tokens(self.prefix_tokens))
        behind = "".join(f" {token}:0" for token in self.convert_ids_to_tokens(self.suffix_tokens))
        self._set_template(f"{before}$A:0{behind}", f"{before}$A:0 $B:0{behind}")

    def _switch_to_input_mode(self) -> None:
        self._set_language(self.src_lang)

    def _switch_to_target_mode(self) -> None:
        self._set_language(self.tgt_lang)

    def _build_translation_inputs(
        self, raw_inputs: Any, return_tensors: Any, src_lang: str | None, tgt_lang: str | None, **options: Any
    ) -> BatchEncoding:
        """What a translation pipeline feeds to the model: encoded texts, and the token to begin the answer with."""
        if src_lang is None or tgt_lang is None:
            raise InputError("translation with this model needs both src_lang and tgt_lang")
        self.src_lang = src_lang
        inputs = self(raw_inputs, add_special_tokens=True, return_tensors=return_tensors, **options)
        inputs["forced_bos_token_id"] = self.convert_tokens_to_ids(tgt_lang)
        return inputs


class MBartTokenizer(MBartTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class MBart50TokenizerFast(MBartTokenizerFast):
    """mBART-50's tokenizer: mBART's with the language in front of the text."""

    family = MBART50
    _segment_rule = "usual"
    _is_language_behind = False


class MBart50Tokenizer(MBart50TokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class NllbTokenizerFast(MBartTokenizerFast):
    """NLLB's tokenizer: mBART's with the language, such as ``kor_Hang``, in front of the text.

    With ``legacy_behaviour=True`` it stands behind the text.
    """

    family = NLLB
    _first_language = "eng_Latn"

    @property
    def _is_language_behind(self) -> bool:  # type: ignore[override]
        return bool(self.init_kwargs["legacy_behaviour"])


class NllbTokenizer(NllbTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""
