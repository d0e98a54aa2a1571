"""Every model equals the original's: pieces and their places, for random vocabularies and real ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dure.tokenizers._core import Engine

tokenizers = pytest.importorskip("tokenizers")

Model = dict[str, Any]
Pieces = list[tuple[int, str, tuple[int, int]]]

ALPHABET = "abcü한▁ 😀"
BYTES_AS_THEY_ARE = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]
LONG_WORDS = ["a" * 400, "abc" * 90, "한" * 200, "a b▁c " * 40, "\u0301" * 150]


def document(model: Model, **sections: Any) -> bytes:
    """A tokenizer.json with this model and, unless given, nothing else."""
    names = ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    whole = {"version": "1.0", "added_tokens": [], **dict.fromkeys(names), **sections, "model": model}
    return json.dumps(whole).encode()


def both(model: Model, **sections: Any) -> tuple[Engine, Any]:
    """The engine and the original with the same file."""
    data = document(model, **sections)
    return Engine.from_json(data), tokenizers.Tokenizer.from_buffer(data)


def original_pieces(original: Any, word: str) -> Pieces | None:
    """What the original makes of a word that is a text of its own; None where it fails."""
    try:
        encoding = original.encode(word, add_special_tokens=False)
    except Exception:  # noqa: BLE001 - the original raises plain exceptions
        return None
    return list(zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True))


def assert_same(engine: Engine, original: Any, words: Sequence[str]) -> None:
    """Asserts that a model splits all words as the original does, or fails where it does."""
    for word in words:
        expected = original_pieces(original, word)
        if expected is None:
            with pytest.raises(ValueError, match=r"the vocabulary doesn't know"):
                engine.model_tokenize(word)
        else:
            assert engine.model_tokenize(word) == expected, word


def assert_encodes_same(engine: Engine, original: Any, texts: Sequence[str]) -> None:
    """The same for whole texts; of a byte-level model, which sees other words than people do."""
    encoded = engine.encode(texts)
    offsets = [tuple(pair) for pair in encoded.offsets.tolist()]
    for row, text in enumerate(texts):
        begin, end = encoded.row_starts[row : row + 2].tolist()
        expected = original.encode(text)
        assert encoded.ids[begin:end].tolist() == expected.ids, text
        assert offsets[begin:end] == expected.offsets, text


def random_word(random_: random.Random, longest: int) -> str:
    return "".join(random_.choice(ALPHABET) for _ in range(random_.randint(1, longest)))


def random_words(random_: random.Random) -> list[str]:
    return [random_word(random_, longest) for longest in (3, 3, 10, 10, 40, 40, 300)] + ["<unk>", "a<unk>b", *ALPHABET]


def with_affixes(tokens: list[str], prefix: str | None, suffix: str | None) -> list[str]:
    """The tokens, and each with what BPE adds to the characters of a word."""
    heads, tails = {"", prefix or ""}, {"", suffix or ""}
    return list(dict.fromkeys(head + token + tail for token in tokens for head in heads for tail in tails))


def grow(random_: random.Random, tokens: list[str], base: list[str], prefix: str | None) -> list[list[str]]:
    """Random merges of `base` and what comes of them, which is added to `tokens`."""
    base, merges = list(base), []
    size = len((prefix or "").encode())
    for _ in range(random_.randint(0, 50) if base else 0):
        left, right = random_.choice(base), random_.choice(base)
        if len(left + right) > 40 or not right.startswith(prefix or ""):
            continue
        joined = left + right.encode()[size:].decode()
        base.append(joined)
        merges.append([left, right])
        if joined not in tokens:
            tokens.append(joined)
    return merges


def random_bpe(random_: random.Random) -> Model:
    byte_fallback = random_.random() < 0.4
    # With both, byte tokens of a prefix or suffix go past the word's end in the original; here they stay inside.
    prefix = None if byte_fallback else random_.choice([None, None, "", "##", "_"])
    suffix = None if byte_fallback else random_.choice([None, None, "", "</w>", "$"])
    unk_token = random_.choice([None, "<unk>", "[U]", "a"])
    tokens = with_affixes([char for char in ALPHABET if random_.random() < 0.8] or ["a"], prefix, suffix)
    tokens += [prefix] if prefix and random_.random() < 0.2 else []
    tokens += ["<unk>"] if "<unk>" not in tokens and random_.random() < 0.7 else []
    base = list(tokens)
    if byte_fallback:
        share = random_.choice([1, 1, 0.95, 0.5])
        tokens += [token for token in BYTE_TOKENS if random_.random() < share]
        base += random_.sample(tokens, 3)
    merges: list[Any] = grow(random_, tokens, base, prefix)
    if random_.random() < 0.3 and not any(" " in part for merge in merges for part in merge):
        merges = ["#version: 0.2", *map(" ".join, merges)]
    ids = random_.sample(range(len(tokens) * random_.choice([1, 3])), len(tokens))
    return {
        "type": "BPE",
        "dropout": random_.choice([None, 0.0]),
        "unk_token": unk_token,
        "continuing_subword_prefix": prefix,
        "end_of_word_suffix": suffix,
        "fuse_unk": random_.random() < 0.5,
        "byte_fallback": byte_fallback,
        "ignore_merges": random_.random() < 0.3,
        "vocab": dict(zip(tokens, ids, strict=True)),
        "merges": merges,
    }


def random_byte_bpe(random_: random.Random) -> Model:
    """BPE over the characters that stand for bytes; sometimes not all of them are known."""
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    chars = sorted(byte_level.alphabet())
    suffix = random_.choice([None, None, "</w>"])
    share = random_.choice([1, 1, 0.85])
    tokens = [token for token in with_affixes(chars, None, suffix) if random_.random() < share]
    unk_token = random_.choice([None, "<unk>"])
    tokens += [unk_token] if unk_token else []
    used = byte_level.pre_tokenize_str(ALPHABET)[0][0]
    base = [token for token in tokens if token[0] in used]
    merges = grow(random_, tokens, base, None)
    return {
        "type": "BPE",
        "unk_token": unk_token,
        "end_of_word_suffix": suffix,
        "fuse_unk": random_.random() < 0.5,
        "byte_fallback": False,
        "ignore_merges": random_.random() < 0.3,
        "vocab": {token: i for i, token in enumerate(tokens)},
        "merges": merges,
    }


def random_unigram(random_: random.Random) -> Model:
    tokens = ["<unk>", *(char for char in ALPHABET if random_.random() < 0.8)]
    tokens += [random_word(random_, 5) for _ in range(random_.randint(0, 40))]
    byte_fallback = random_.random() < 0.5
    if byte_fallback:
        share = random_.choice([1, 1, 0.9])
        tokens += [token for token in BYTE_TOKENS if random_.random() < share]
    random_.shuffle(tokens)
    # Equal scores tie; sums of tenths tie or not by their rounding; a very low one makes known pieces lose to unknown.
    draw: Callable[[], float] = random_.choice(
        [
            lambda: -random_.random() * 10,
            lambda: -float(random_.randint(0, 4)),
            lambda: -random_.choice([0.1, 0.2, 0.3]),
            lambda: random_.choice([-1.0, -50.0, 5.0, -0.1]),
        ]
    )
    unk_id = random_.choice([None, tokens.index("<unk>"), tokens.index("<unk>"), random_.randrange(len(tokens))])
    vocab = [[token, draw()] for token in tokens]
    return {"type": "Unigram", "unk_id": unk_id, "vocab": vocab, "byte_fallback": byte_fallback}


def random_wordpiece(random_: random.Random) -> Model:
    prefix = random_.choice(["##", "", "_", "a"])
    tokens = [head + char for head in ("", prefix) for char in ALPHABET if random_.random() < 0.8]
    tokens += [random_.choice(["", prefix]) + random_word(random_, 5) for _ in range(30)]
    tokens += ["[U]"] if random_.random() < 0.9 else []
    return {
        "type": "WordPiece",
        "unk_token": "[U]",
        "continuing_subword_prefix": prefix,
        "max_input_chars_per_word": random_.choice([0, 1, 5, 100]),
        "vocab": {token: i for i, token in enumerate(dict.fromkeys(tokens))},
    }


def random_word_level(random_: random.Random) -> Model:
    tokens = [random_word(random_, 2) for _ in range(20)] + ["[U]"] * random_.randint(0, 1)
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    return {"type": "WordLevel", "unk_token": random_.choice(["[U]", "a"]), "vocab": vocab}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("draw", [random_bpe, random_unigram, random_wordpiece, random_word_level])
def test_random_models_equal_the_original(draw: Callable[[random.Random], Model], seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(10):
        engine, original = both(draw(random_))
        assert_same(engine, original, random_words(random_))


@pytest.mark.parametrize("seed", range(8))
def test_random_byte_level_models_equal_the_original(seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(3):
        engine, original = both(random_byte_bpe(random_), pre_tokenizer=BYTES_AS_THEY_ARE)
        assert_encodes_same(engine, original, random_words(random_))


@pytest.mark.parametrize(
    "name",
    ["gpt2", "roberta-base", "t5-small", "phi-3-mini", "clip-vit", "falcon-7b", "whisper-tiny", "all-MiniLM-L6-v2"],
)
def test_real_models_equal_the_original(
    shared_data: Path, name: str, hard_texts: list[str], random_text: Callable[[random.Random], str]
) -> None:
    file = json.loads((shared_data / f"vocab/{name}/tokenizer.json").read_bytes())
    is_byte_level = "ByteLevel" in json.dumps(file["pre_tokenizer"])
    engine, original = both(file["model"], pre_tokenizer=BYTES_AS_THEY_ARE if is_byte_level else None)
    novel = (shared_data / "vocab/sentencepiece-test-models/botchan.txt").read_text()
    random_ = random.Random(7)
    words = random_.sample(sorted(set(novel.split())), 500) + novel.split("\n")[:100]
    words += [f"▁{word}" for word in words[:200]] + [random_text(random_) for _ in range(300)]
    words = [word for word in (*words, *hard_texts, *LONG_WORDS) if word]
    (assert_encodes_same if is_byte_level else assert_same)(engine, original, words)


def test_a_document_without_pre_tokenizer_may_be_cut_at_its_spaces(shared_data: Path) -> None:
    file = json.loads((shared_data / "vocab/phi-3-mini/tokenizer.json").read_bytes())
    novel = (shared_data / "vocab/sentencepiece-test-models/botchan.txt").read_text()[:40_000]
    for text in (novel, novel.replace(" ", "▁"), novel.replace(".", "  \u30fd。 ")):
        engine, original = both(file["model"])
        assert_encodes_same(engine, original, [text])


def test_a_million_characters_take_a_moment(shared_data: Path) -> None:
    file = json.loads((shared_data / "vocab/gpt2/tokenizer.json").read_bytes())
    engine = Engine.from_json(document(file["model"], pre_tokenizer=BYTES_AS_THEY_ARE))
    for text in ("a" * 1_000_000, "ab" * 500_000, "\u0301" * 500_000):
        assert engine.encode([text]).offsets[-1, 1] == len(text)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ({"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, "BPE"),
        (
            {
                "vocab": {"a": 0, "[U]": 1},
                "unk_token": "[U]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 9,
            },
            "WordPiece",
        ),
        ({"vocab": {"a": 0, "[U]": 1}, "unk_token": "[U]"}, "WordLevel"),
        ({"vocab": [["<unk>", 0], ["a", -1.5]], "unk_id": 0}, "Unigram"),
    ],
)
def test_files_without_a_type_are_read_as_the_original_reads_them(model: Model, kind: str) -> None:
    engine, original = both(model)
    assert original.model.__class__.__name__ == kind
    assert_same(engine, original, ["a", "ab", "ax"] if kind != "BPE" else ["a", "ab"])


def test_dropout_puts_merges_off() -> None:
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "abab": 3}, "merges": ["a b", "ab ab"]}
    never = Engine.from_json(document(model | {"dropout": 1.0}))
    assert [token for _, token, _ in never.model_tokenize("abab")] == list("abab")
    sometimes = Engine.from_json(document(model | {"dropout": 0.5}))
    lengths = {len(sometimes.model_tokenize("abab" * 4)) for _ in range(200)}
    assert len(lengths) > 3
    assert {"".join(token for _, token, _ in sometimes.model_tokenize("abab")) for _ in range(20)} == {"abab"}


def test_ids_may_be_far_apart() -> None:
    model = {"type": "WordLevel", "unk_token": "u", "vocab": {"a": 2**31 - 1, "u": 5, "b": 2**30}}
    engine = Engine.from_json(document(model))
    assert engine.model_tokenize("a") == [(2**31 - 1, "a", (0, 1))]
    assert engine.id_to_token(2**30) == "b"
    assert engine.id_to_token(6) is None
    assert engine.vocab() == {"u": 5, "b": 2**30, "a": 2**31 - 1}


def test_scores_are_read_as_the_original_reads_them() -> None:
    random_ = random.Random(3)
    scores = [-random_.random() * 10 ** random_.randint(-12, 12) for _ in range(2000)]
    vocab = [["<unk>", 0.0], *([f"t{i}", score] for i, score in enumerate(scores))]
    engine, original = both({"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": False})
    assert json.loads(engine.to_json())["model"]["vocab"] == json.loads(original.to_str())["model"]["vocab"]


BPE = {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}
UNIGRAM = {"type": "Unigram", "vocab": [["<unk>", 0], ["a", -1]], "unk_id": 0}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({**BPE, "merges": [["a", "b"]]}, r"merge 1 \('a' and 'b'\) needs the piece 'ab', which is not in the"),
        ({**BPE, "merges": ["b c"]}, r"merge 1 \('b' and 'c'\) needs the piece 'c'"),
        ({**BPE, "merges": ["a b c"]}, r"merge 1 is 'a b c'; it must be two pieces with a space between"),
        ({**BPE, "merges": [["a"]]}, r"merge 1 must be a list of two pieces"),
        ({**BPE, "merges": ["a b"], "continuing_subword_prefix": "##"}, r"doesn't begin with the prefix '##'"),
        ({**BPE, "dropout": 1.5}, r"'dropout' is 1\.5.*; it must be from 0 to 1"),
        ({**BPE, "vocab": {"a": -1}}, r"the token 'a' has the id -1; ids go from 0 to 2147483647"),
        ({**BPE, "vocab": {"a": 2**31}}, r"the token 'a' has the id 2147483648"),
        ({**BPE, "vocab": {"a": 3, "b": 3}}, r"the tokens 'a' and 'b' have the same id 3; each needs its own"),
        ({**BPE, "vocab": {"a": 0.5}}, r"the id of the token 'a' must be an integer"),
        ({**BPE, "vocab": []}, r"'vocab' must map tokens to ids"),
        ({"type": "BPE", "vocab": {}}, r"'merges' is missing"),
        (
            {"type": "Foo", "vocab": {}},
            r"a model of type 'Foo' is not supported; known: BPE, Unigram, WordLevel",
        ),
        ({"vocab": {}}, r"'model' has no 'type'; known: BPE"),
        ({**UNIGRAM, "vocab": []}, r"the vocabulary is empty; it needs at least the unknown piece of 'unk_id'"),
        ({**UNIGRAM, "unk_id": 2}, r"'unk_id' is 2; the vocabulary has ids from 0 to 1"),
        ({**UNIGRAM, "unk_id": -1}, r"'unk_id' is -1"),
        ({**UNIGRAM, "vocab": [["a", None]]}, r"the score of the piece 'a' must be a number"),
        ({**UNIGRAM, "vocab": [["a"]]}, r"piece 0 of 'vocab' must be a list of a piece and its score"),
        (
            {"type": "WordPiece", "vocab": {}, "max_input_chars_per_word": -1},
            r"'max_input_chars_per_word' is -1; it must not be negative",
        ),
    ],
)
def test_bad_models_are_refused_by_name(model: Model, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Engine.from_json(document(model))


@pytest.mark.parametrize("score", ["NaN", "Infinity", "1e999", "01", "1.", "-", "1e"])
def test_scores_must_be_finite_numbers_of_json(score: str) -> None:
    data = document({**UNIGRAM, "vocab": [["<unk>", 12345]]}).replace(b"12345", score.encode())
    with pytest.raises(ValueError, match=r"not valid JSON at byte \d+"):
        Engine.from_json(data)


def test_a_token_that_stands_twice_is_named() -> None:
    data = document(BPE).replace(b'"b": 1', b'"a": 1')
    with pytest.raises(ValueError, match="the token 'a' stands twice in the vocabulary"):
        Engine.from_json(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b"\xff", r"at byte \d+: the bytes there are not UTF-8"),
        (b"\xed\xa0\x80", r"at byte \d+: the bytes there are not UTF-8"),
        (b"\n", r"at byte \d+: a control character in a string"),
        (b"\\ud800", r"at byte \d+: a surrogate without its other half"),
        (b"\\x", r"at byte \d+: unknown escape"),
    ],
)
def test_damaged_strings_are_refused_with_their_place(damage: bytes, message: str) -> None:
    data = document(BPE).replace(b'"a"', b'"a' + damage + b'"')
    with pytest.raises(ValueError, match=message):
        Engine.from_json(data)


def test_nesting_has_a_limit() -> None:
    with pytest.raises(ValueError, match="nested more than 128 deep"):
        Engine.from_json(b"[" * 100_000)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({**BPE, "unk_token": "[U]"}, r"the unknown token '\[U\]' isn't in it either"),
        ({"type": "WordPiece", "vocab": {"a": 0}}, r"the unknown token '\[UNK\]' isn't in it either"),
        ({"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "u"}, r"the unknown token 'u' isn't in it either"),
        ({**UNIGRAM, "unk_id": None}, r"doesn't know '한', and the model has no 'unk_id'"),
    ],
)
def test_what_is_unknown_needs_an_unknown_token(model: Model, message: str) -> None:
    engine = Engine.from_json(document(model))
    assert engine.model_tokenize("a")[0][1] == "a"
    with pytest.raises(ValueError, match=message):
        engine.model_tokenize("a한")
