"""Tokenizers of model families: what each is used to beyond its tokenizer.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dure.tokenizers.load import engine_from, parse_json
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
from dure.tokenizers.wordpiece import DEFAULT_ROLES
from dure.typing import PathLike

__all__ = [
    "CLASSES",
    "CLASS_OF_MODEL_TYPE",
    "BertTokenizer",
    "BertTokenizerFast",
    "DistilBertTokenizer",
    "DistilBertTokenizerFast",
]


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

    _keeps_fast_in_name = False

    def __init__(
        self,
        vocab_file: PathLike | None = None,
        tokenizer_file: PathLike | None = None,
        do_lower_case: bool = True,
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        **settings: Any,
    ) -> None:
        for role, token in DEFAULT_ROLES.items():
            settings.setdefault(role, token)
        normalizer = {
            "lowercase": do_lower_case,
            "strip_accents": strip_accents,
            "handle_chinese_chars": tokenize_chinese_chars,
        }
        super().__init__(
            vocab_file=vocab_file,
            tokenizer_file=tokenizer_file,
            do_lower_case=do_lower_case,
            tokenize_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            **settings,
        )
        self.do_lower_case = do_lower_case
        self._set_normalizer(normalizer)

    def _set_normalizer(self, wanted: dict[str, bool | None]) -> None:
        """Where settings and tokenizer.json disagree on the text's normalization, the settings count."""
        stored = self._header["normalizer"]
        if not stored or all(stored.get(name, value) == value for name, value in wanted.items()):
            return
        document = parse_json(self._engine.to_json().encode(), self.name_or_path)
        document["normalizer"] |= wanted
        self._engine = engine_from(json.dumps(document).encode(), self.name_or_path)

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int | None]:
        """Ids of one or two texts with ``[CLS]`` and ``[SEP]`` put in."""
        second = [] if token_ids_1 is None else [*token_ids_1, self.sep_token_id]
        return [self.cls_token_id, *token_ids_0, self.sep_token_id, *second]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """The token types that go with :meth:`build_inputs_with_special_tokens`."""
        num_second = 0 if token_ids_1 is None else len(token_ids_1) + 1
        return [0] * (len(token_ids_0) + 2) + [1] * num_second


class BertTokenizer(BertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


class DistilBertTokenizerFast(BertTokenizerFast):
    """DistilBERT's tokenizer: BERT's without token types."""

    model_input_names: list[str] = ["input_ids", "attention_mask"]  # noqa: RUF012


class DistilBertTokenizer(DistilBertTokenizerFast):
    """The same tokenizer under the name that code without "Fast" uses."""


#: The classes that tokenizer_config.json may name.
CLASSES: dict[str, type[PreTrainedTokenizerFast]] = {
    cls.__name__: cls
    for cls in (
        BertTokenizer,
        BertTokenizerFast,
        DistilBertTokenizer,
        DistilBertTokenizerFast,
        PreTrainedTokenizerFast,
    )
}

#: The tokenizers of models, by ``model_type`` in config.json.
CLASS_OF_MODEL_TYPE: dict[str, type[PreTrainedTokenizerFast]] = {
    "bert": BertTokenizerFast,
    "distilbert": DistilBertTokenizerFast,
}
