"""Text to text: what an encoder-decoder writes for a text, be it an answer, a summary or a translation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from dure.errors import InputError
from dure.pipelines.base import Options, as_text
from dure.pipelines.generating import GeneratingPipeline
from dure.pipelines.rows import Row, encode

__all__ = ["SummarizationPipeline", "Text2TextGenerationPipeline", "TranslationPipeline"]


class Text2TextGenerationPipeline(GeneratingPipeline):
    """``[{"generated_text": ...}]``; for a list of texts a list of such dictionaries.

    Arguments of a call: ``return_tensors`` (ids in place of texts), ``clean_up_tokenization_spaces``, ``truncation``,
    ``stop_sequence`` (its first token ends the text), and those of ``model.generate``.
    """

    task = "text2text-generation"
    usual: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256, "num_beams": 4}
    preprocess_arguments: ClassVar[frozenset[str]] = frozenset({"truncation"})
    forward_arguments: ClassVar[frozenset[str]] = frozenset({"stop_sequence"})
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset(
        {"return_tensors", "return_text", "clean_up_tokenization_spaces"}
    )
    #: What the keys of answers begin with.
    return_name = "generated"

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Texts for one text or many, as :meth:`Pipeline.__call__`."""
        answers = super().__call__(inputs, **options)
        is_flat = isinstance(answers, list) and not self.is_single(inputs, self.options_of({}))
        return [own[0] for own in answers] if is_flat and all(len(own) == 1 for own in answers) else answers

    def choose(self, options: Mapping[str, Any]) -> Options:
        """Arguments by stage; a text to stop at becomes the id of its first token."""
        chosen = super().choose(options)
        stop = chosen.forward.pop("stop_sequence", None)
        if stop is not None:
            chosen.forward["eos_token_id"] = self.tokenizer.encode(stop, add_special_tokens=False)[0]
        return chosen

    def read(self, value: Any, index: int) -> Any:
        """A text."""
        return as_text(value, index)

    def preprocess(self, inputs: Sequence[Any], *, start: int = 0, truncation: Any = None, **options: Any) -> list[Row]:
        """Texts, each behind the task's prefix, to rows."""
        del options
        texts = [self.read(value, start + i) for i, value in enumerate(inputs)]
        numbers = range(start, start + len(texts))
        rows = encode(self, [self.prefix + text for text in texts], numbers=numbers, truncation=truncation)
        for row in rows:
            row.inputs.pop("token_type_ids", None)
            row.example = texts[row.owner]
        return rows

    def postprocess(
        self,
        rows: list[Row],
        outputs: list[Any],
        *,
        return_tensors: bool = False,
        return_text: bool = True,
        clean_up_tokenization_spaces: bool = False,
    ) -> Any:
        """Ids to texts, one for each sequence that was asked for."""
        del rows, return_text
        if return_tensors:
            return [{f"{self.return_name}_token_ids": ids} for ids in self.padded(outputs[0])]
        options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": clean_up_tokenization_spaces}
        texts = self.tokenizer.batch_decode([ids.tolist() for ids in outputs[0]], **options)
        return [{f"{self.return_name}_text": text} for text in texts]


class SummarizationPipeline(Text2TextGenerationPipeline):
    """``[{"summary_text": ...}]``; arguments are those of :class:`Text2TextGenerationPipeline`."""

    task = "summarization"
    return_name = "summary"


class TranslationPipeline(Text2TextGenerationPipeline):
    """``[{"translation_text": ...}]``; models for many languages need ``src_lang`` and ``tgt_lang``.

    Further arguments are those of :class:`Text2TextGenerationPipeline`.
    """

    task = "translation"
    preprocess_arguments: ClassVar[frozenset[str]] = frozenset({"truncation", "src_lang", "tgt_lang"})
    forward_arguments: ClassVar[frozenset[str]] = frozenset({"stop_sequence", "tgt_lang"})
    return_name = "translation"

    def choose(self, options: Mapping[str, Any]) -> Options:
        """Arguments by stage; the task's name may say the languages, as in ``translation_en_to_fr``."""
        named = re.fullmatch(r"translation_(.+)_to_(.+)", self.task)
        if named and not {"src_lang", "tgt_lang"} & set(options):
            options = {**options, "src_lang": named[1], "tgt_lang": named[2]}
        chosen = super().choose(options)
        target = chosen.forward.pop("tgt_lang", None)
        if self._speaks_many and target is not None:
            id_ = self.tokenizer.convert_tokens_to_ids(target)
            if id_ is None or id_ == self.tokenizer.unk_token_id:
                raise InputError(f"tgt_lang={target!r} is not a language of this model, such as 'en_XX' or 'kor_Hang'")
            chosen.forward.setdefault("forced_bos_token_id", id_)
        return chosen

    @property
    def _speaks_many(self) -> bool:
        """Whether the tokenizer marks languages."""
        return hasattr(self.tokenizer, "set_src_lang_special_tokens")

    def preprocess(
        self,
        inputs: Sequence[Any],
        *,
        start: int = 0,
        truncation: Any = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        **options: Any,
    ) -> list[Row]:
        """Texts to rows, marked with their language where the model speaks many."""
        if not self._speaks_many:
            return super().preprocess(inputs, start=start, truncation=truncation, **options)
        if src_lang is None or tgt_lang is None:
            raise InputError("this model speaks many languages: give src_lang and tgt_lang")
        self.tokenizer.src_lang = src_lang
        prefix, self.prefix = self.prefix, ""
        try:
            return super().preprocess(inputs, start=start, truncation=truncation, **options)
        finally:
            self.prefix = prefix
