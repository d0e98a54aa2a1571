"""The fuzz targets' seeds, and every input that once broke something, keep the targets' promises."""

from __future__ import annotations

import importlib.util
import random
import re
from pathlib import Path

import pytest

from dure.tokenizers._core import Engine
from dure.tokenizers.tiktoken import merges_of
from dure.tokenizers.unigram import merges_from_scores

FUZZ = Path(__file__).parents[2] / "cpp/fuzz"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FUZZ / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


target, seeds = load("fuzz_model_files"), load("model_file_seeds")
#: What refuses the inputs that once broke something.
REFUSED = {
    "charsmap_not_utf8": "SentencePiece model is damaged .* has replacements that aren't UTF-8",
    "type_not_a_number": "at byte 15 it holds a fraction where a whole number should be",
}


MUST_READ = {*seeds.seeds(), "named_as_placeholder"}


def corpus(name):
    return sorted((FUZZ / "corpus" / name).iterdir())


@pytest.mark.parametrize("path", corpus("model_files"), ids=lambda path: path.name)
def test_model_files(path) -> None:
    sentence = target.check(path.read_bytes())
    if path.name in MUST_READ:
        assert sentence == ""
        assert path.read_bytes() == seeds.seeds().get(path.name, path.read_bytes())
    if path.name in REFUSED:
        assert re.search(REFUSED[path.name], sentence), sentence


def test_every_kind_has_a_seed() -> None:
    assert {seed[0] for seed in seeds.seeds().values()} == set(range(len(target.KINDS)))


def test_damaged_model_files() -> None:
    random_ = random.Random("damage")

    def change(part: bytes) -> bytes:
        changed = bytearray(part)
        for _ in range(random_.randrange(1, 4)):
            at = random_.randrange(len(changed) + 1)
            changed[at : at + random_.randrange(3)] = random_.choice([b"", b"\0", b"\xff\xff", b"\x80", b"\xc0\x7f"])
        return bytes(changed)

    for seed in seeds.seeds().values():
        for _ in range(6):
            target.check(seed[:1] + target.changed_field(seed[1:], change, random_))


def test_very_long_tokens_are_read_at_once() -> None:
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab" * 200_000: 256, b"ab": 257}
    assert merges_of(ranks)[1] == [("a", "b")]
    ids = {"a": 0, "b": 1, "ab": 2, "ab" * 200_000: 3}
    assert merges_from_scores(ids, [(piece, 0.0) for piece in ids]) == [("a", "b")]


@pytest.mark.parametrize("path", corpus("tokenizer_json"), ids=lambda path: path.name)
def test_tokenizer_json(path) -> None:
    try:
        engine = Engine.from_json(path.read_bytes())
    except ValueError:  # what refuses it is the subject of other tests
        return
    assert Engine.from_json(engine.to_json().encode()).vocab(True) == engine.vocab(True)
    if b'"dropout":0.' in path.read_bytes():
        return
    texts = [seed.read_bytes()[2:].decode(errors="replace") for seed in corpus("text")]
    try:
        found = engine.encode(texts)
    except ValueError:  # a word that nothing stands for
        return
    assert found.ids.tolist() == engine.encode(texts, uses_memory=False).ids.tolist()
