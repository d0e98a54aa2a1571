"""Real vocabularies give what `tokenizers` gives, on lines of every corpus and on random Unicode.

A sample by default. Everything (all lines, 100,000 random texts per vocabulary) takes hours:
``DURE_PARITY=full pytest tests/parity/test_vocabularies.py``. ``DURE_PARITY_SEED`` draws other texts.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from columns import decode_difference, encode_difference
from documents import NAMES, document_of
from texts import corpora, corpus_texts, draw_text, lines_of

from dure.tokenizers._core import Engine
from tokenizers import Tokenizer

IS_FULL = os.environ.get("DURE_PARITY") == "full"
SEED = int(os.environ.get("DURE_PARITY_SEED", "0"))
NUM_RANDOM = 100_000 if IS_FULL else 60
BATCH = 2000


@pytest.fixture(scope="module", params=NAMES)
def both(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Engine, Tokenizer]:
    """Dure and the oracle, from one document."""
    document = document_of(shared_data / "vocab", request.param)
    return Engine.from_json(document.encode()), Tokenizer.from_str(document)


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> list[str]:
    """A line of each corpus file."""
    return [text[:2000] for text in corpus_texts(shared_data, 1)]


def random_batches() -> Iterator[list[str]]:
    source = random.Random(SEED)
    for done in range(0, NUM_RANDOM, BATCH):
        yield [draw_text(source) for _ in range(min(BATCH, NUM_RANDOM - done))]


def corpus_batches(shared_data: Path, sample: list[str]) -> Iterator[list[str]]:
    if not IS_FULL:
        yield sample
        return
    for path in corpora(shared_data):
        lines = [line[:20_000] for line in lines_of(path)]
        yield from (lines[i : i + BATCH] for i in range(0, len(lines), BATCH))


def test_corpora(both: tuple[Engine, Tokenizer], shared_data: Path, sample: list[str]) -> None:
    for lines in corpus_batches(shared_data, sample):
        assert encode_difference(*both, lines) is None
        assert decode_difference(*both, [e.ids for e in both[1].encode_batch(lines)]) is None


def test_random_texts(both: tuple[Engine, Tokenizer]) -> None:
    for texts in random_batches():
        assert encode_difference(*both, texts) is None
        assert encode_difference(*both, texts, add_special_tokens=False) is None
        assert decode_difference(*both, [e.ids for e in both[1].encode_batch(texts)]) is None


def test_pairs_and_words(both: tuple[Engine, Tokenizer]) -> None:
    for texts in random_batches():
        half = len(texts) // 2
        words = [text.split(" ") for text in texts]
        assert encode_difference(*both, texts[:half], texts[half:]) is None
        assert encode_difference(*both, words, is_split=True) is None
        assert encode_difference(*both, words[:half], words[half:], is_split=True) is None


@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
@pytest.mark.parametrize("truncate_left", [False, True], ids=["right", "left"])
def test_overflow(both: tuple[Engine, Tokenizer], sample: list[str], strategy: str, truncate_left: bool) -> None:
    options = {"truncate_left": truncate_left, "strategy": strategy}
    texts = [text[:200] for text in sample if len(text) > 60][:: 1 if IS_FULL else 6]
    shorter, longer = [text[:6] for text in texts], list(reversed(texts))
    if strategy == "only_second":
        assert encode_difference(*both, shorter, longer, max_length=48, stride=5, **options) is None
        return
    assert encode_difference(*both, texts, max_length=16, stride=4, **options) is None
    assert encode_difference(*both, longer, shorter, max_length=48, stride=7, **options) is None


def test_decoding_any_ids(both: tuple[Engine, Tokenizer]) -> None:
    source = random.Random(SEED)
    size = both[1].get_vocab_size()
    rows = [source.choices(range(size), k=source.randrange(20)) for _ in range(NUM_RANDOM)]
    assert decode_difference(*both, rows) is None
