"""Texts and a small vocabulary for the tokenizer tests."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from hard_texts import HARD_TEXTS


@pytest.fixture(scope="session")
def small_tokenizer_json() -> str:
    """A tokenizer.json in BERT's form with a vocabulary of letters, a few pieces, Hangul and punctuation."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-/#%한국어텍스트입니다日本語"
    tokens += [
        *letters,
        *("##" + c for c in letters),
        "hello",
        "wor",
        "##ld",
        "the",
        "##ing",
        "un",
        "##able",
        "한국",
        "##국어",
    ]
    special = [
        {
            "id": i,
            "content": t,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i, t in enumerate(tokens[:5])
    ]
    sep, cls = {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
    first, second = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}
    ids = {t: {"id": t, "ids": [tokens.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")}
    template = {"type": "TemplateProcessing", "single": [cls, first, sep], "special_tokens": ids}
    template["pair"] = [cls, first, sep, second, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
    document = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": template,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {t: i for i, t in enumerate(tokens)}},
    }  # fmt: skip
    return json.dumps(document)


@pytest.fixture(scope="session")
def random_text() -> Callable[[random.Random], str]:
    """A function that draws a random text from all of Unicode, with an accent on what breaks tokenizers."""

    def draw(random_: random.Random) -> str:
        pools = [
            (0x20, 0x7E),
            (0x20, 0x24F),
            (0x300, 0x36F),
            (0xAC00, 0xD7A3),
            (0x1100, 0x11FF),
            (0x4E00, 0x9FFF),
            (0, 0x10FFFF),
        ]
        chars = []
        for _ in range(random_.randrange(0, 40)):
            low, high = random_.choice(pools)
            code = random_.randint(low, high)
            chars.append(" " if 0xD800 <= code < 0xE000 or random_.random() < 0.15 else chr(code))
        return "".join(chars)

    return draw


@pytest.fixture(scope="session")
def hard_texts() -> list[str]:
    """Texts that broke somebody's tokenizer."""
    return HARD_TEXTS
