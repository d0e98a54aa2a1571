"""Random tokenizers give what `tokenizers` gives: every component, settings, trained models, added tokens.

A few by default; many with ``DURE_PARITY_PIPELINES=3000 pytest tests/parity/test_pipelines.py`` (the seeds from
``DURE_PARITY_SEED`` on). Random draws keep away from known faults of the original, see docs/tokenizer-differences.md:
added tokens that their own normalizer empties (every character is cut), byte fallback with an affix (offsets behind the
end of the text), a max_length below the number of special tokens (no truncation at all; Dure refuses).
"""

from __future__ import annotations

import base64
import json
import os
import random
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")

from columns import decode_difference, encode_difference, encode_oracle
from texts import draw_text, draw_texts

from dure.tokenizers._core import Engine
from pipelines import draw_pipeline
from tokenizers import Tokenizer

NUM_PIPELINES = int(os.environ.get("DURE_PARITY_PIPELINES", "30"))
FIRST_SEED = int(os.environ.get("DURE_PARITY_SEED", "0"))
STRATEGIES = ["longest_first", "only_first", "only_second"]


@pytest.fixture(scope="module")
def precompiled(shared_data: Path) -> bytes:
    """A real charsmap of SentencePiece."""
    document = json.loads((shared_data / "vocab" / "t5-small" / "tokenizer.json").read_text())
    steps = [document["normalizer"], *document["normalizer"].get("normalizers", [])]
    return base64.b64decode(next(s["precompiled_charsmap"] for s in steps if s["type"] == "Precompiled"))


def cases(source: random.Random, engine: Engine) -> list[tuple[list, list | None, dict]]:
    """Texts, pairs and options."""
    texts, pairs = draw_texts(source, 25), draw_texts(source, 25)
    # Overflow grows with a power of the length where a template repeats a text, in the original too.
    short, behind = ([draw_text(source, 8)[:8] for _ in range(15)] for _ in range(2))
    words = [[text.split(" ") for text in column] for column in (texts, pairs)]
    length, stride = source.randrange(1, 12), source.random()
    cut = {"stride": int(length * stride), "truncate_left": source.random() < 0.5}
    single, double = engine.num_special_tokens(False) + length, engine.num_special_tokens(True) + length
    return [
        (texts, None, {}),
        (texts, None, {"add_special_tokens": False}),
        (texts, pairs, {}),
        (words[0], None, {"is_split": True}),
        (words[0], words[1], {"is_split": True}),
        (short, None, {"max_length": single, **cut}),
        (short, behind, {"max_length": double, "strategy": source.choice(STRATEGIES), **cut}),
    ]


def difference(engine: Engine, oracle: Tokenizer, texts: list, pairs: list | None, options: dict) -> str | None:
    """One text after the other where the batch holds one that the oracle refuses."""
    try:
        encode_oracle(oracle, texts, pairs, options)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if len(texts) == 1:
            return None
        rows = range(len(texts))
        found = (difference(engine, oracle, texts[i : i + 1], pairs and pairs[i : i + 1], options) for i in rows)
        return next(filter(None, found), None)
    return encode_difference(engine, oracle, texts, pairs, **options)


def decode_all(engine: Engine, oracle: Tokenizer, rows: list[list[int]]) -> str | None:
    try:
        oracle.decode_batch(rows, skip_special_tokens=False)
        oracle.decode_batch(rows, skip_special_tokens=True)
    except BaseException as error:  # its Strip and CTC panic on short tokens
        if isinstance(error, KeyboardInterrupt):
            raise
        return None
    return decode_difference(engine, oracle, rows)


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + NUM_PIPELINES))
def test_random_tokenizers_equal_the_original(seed: int, precompiled: bytes, capfd: pytest.CaptureFixture) -> None:
    source = random.Random(seed)
    try:
        document = draw_pipeline(source, precompiled)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        pytest.skip(f"the original can't train this one: {error}")
    oracle, engine = Tokenizer.from_str(document), Engine.from_json(document.encode())
    found = [difference(engine, oracle, *case) for case in cases(source, engine)]
    size = oracle.get_vocab_size()
    found.append(decode_all(engine, oracle, [source.choices(range(size), k=source.randrange(10)) for _ in range(60)]))
    assert list(filter(None, found)) == []
