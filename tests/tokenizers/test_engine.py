"""The C++ engine equals the `tokenizers` library on hard and on random text."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import unicodedata

import pytest

from dure.tokenizers._core import Engine

tokenizers = pytest.importorskip("tokenizers")


def expected_rows(encoding: object) -> list[dict[str, object]]:
    return [
        {
            "ids": e.ids,
            "type_ids": e.type_ids,
            "special": e.special_tokens_mask,
            "words": e.word_ids,
            "offsets": e.offsets,
        }
        for e in [encoding, *encoding.overflowing]
    ]


def our_rows(rows: object) -> list[dict[str, object]]:
    out = []
    for i in range(rows.num_rows):
        part = slice(rows.row_starts[i], rows.row_starts[i + 1])
        words = [None if w < 0 else w for w in rows.word_ids[part].tolist()]
        offsets = [tuple(pair) for pair in rows.offsets[part].tolist()]
        out.append(
            {
                "ids": rows.ids[part].tolist(),
                "type_ids": rows.type_ids[part].tolist(),
                "special": rows.special_tokens_mask[part].tolist(),
                "words": words,
                "offsets": offsets,
            }
        )
    return out


def check_equal(
    engine: Engine, oracle: object, texts: list[str], pairs: list[str] | None = None, **kwargs: object
) -> None:
    rows = our_rows(engine.encode(texts, pairs, num_threads=2, overflow=True, **kwargs))
    inputs = texts if pairs is None else list(zip(texts, pairs, strict=True))
    expected = [row for e in oracle.encode_batch(inputs) for row in expected_rows(e)]
    for ours, theirs in zip(rows, expected, strict=True):
        assert ours == theirs


@pytest.fixture(scope="module")
def random_texts(random_text: object) -> list[str]:
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    random_ = random.Random(seed)
    return [random_text(random_) for _ in range(3000)]


def test_every_code_point_is_normalized_like_the_original(small_tokenizer_json: str) -> None:
    document = json.loads(small_tokenizer_json)
    chars = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    for flag in ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"):
        options = dict.fromkeys(("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"), False) | {
            flag: True
        }
        document["normalizer"] = {"type": "BertNormalizer", **options}
        ours = Engine.from_json(json.dumps(document).encode())
        theirs = tokenizers.normalizers.BertNormalizer(**options)
        wrong = [hex(ord(c)) for c in chars if ours.normalize(f"a{c}b") != theirs.normalize_str(f"a{c}b")]
        assert not wrong, (flag, wrong[:20])


def test_every_code_point_is_split_like_the_original(small_tokenizer_json: str) -> None:
    document = json.loads(small_tokenizer_json)
    document["normalizer"] = None
    ours = Engine.from_json(json.dumps(document).encode())
    theirs = tokenizers.pre_tokenizers.BertPreTokenizer()
    chars = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    wrong = [hex(ord(c)) for c in chars if ours.pre_tokenize(f"a{c}b") != theirs.pre_tokenize_str(f"a{c}b")]
    assert not wrong, wrong[:20]


def test_texts_and_pairs(small_tokenizer_json: str, hard_texts: list[str], random_texts: list[str]) -> None:
    engine = Engine.from_json(small_tokenizer_json.encode())
    oracle = tokenizers.Tokenizer.from_str(small_tokenizer_json)
    texts = hard_texts + random_texts
    check_equal(engine, oracle, texts)
    check_equal(engine, oracle, texts, texts[::-1])


@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("max_length", "stride"), [(8, 0), (9, 2), (16, 3)])
def test_truncation(
    small_tokenizer_json: str, random_texts: list[str], strategy: str, side: str, max_length: int, stride: int
) -> None:
    engine = Engine.from_json(small_tokenizer_json.encode())
    oracle = tokenizers.Tokenizer.from_str(small_tokenizer_json)
    oracle.enable_truncation(max_length, stride=stride, strategy=strategy, direction=side)
    options = {"max_length": max_length, "stride": stride, "strategy": strategy, "truncate_left": side == "left"}
    texts = random_texts[:300]
    for text, pair in zip(texts, texts[::-1], strict=True):
        for second in (None, pair):
            expected = None
            # The original panics, outside of Python's own exceptions, where the stride is too large.
            with contextlib.suppress(BaseException):
                expected = oracle.encode(text, second)
            if expected is None:
                with pytest.raises(ValueError, match=r"max_length|needs a second text"):
                    engine.encode([text], None if second is None else [second], **options)
                continue
            rows = our_rows(engine.encode([text], None if second is None else [second], overflow=True, **options))
            theirs = expected_rows(expected)
            assert sorted(map(repr, rows)) == sorted(map(repr, theirs)), (text, second)
            assert rows[0] == theirs[0]


def test_every_combining_character_is_sorted_like_the_original(small_tokenizer_json: str) -> None:
    """Between marks of the lowest and the highest class, kept by a letter on each side, so that positions show."""
    oracle = tokenizers.Tokenizer.from_str(small_tokenizer_json)
    engine = Engine.from_json(small_tokenizer_json.encode())
    marks = [chr(code) for code in range(0x110000) if unicodedata.combining(chr(code))]
    texts = [f"ab\u0345{mark}\u0334{mark}a {mark}b" for mark in marks]
    check_equal(engine, oracle, texts)


def test_every_code_point_beside_a_whole_word(small_tokenizer_json: str) -> None:
    """An added token that must be a word of its own: what counts as a part of a word."""
    oracle = tokenizers.Tokenizer.from_str(small_tokenizer_json)
    oracle.add_tokens([tokenizers.AddedToken("ab", single_word=True, normalized=False)])
    engine = Engine.from_json(small_tokenizer_json.encode()).with_added_tokens(
        [("ab", False, True, False, False, False)]
    )
    codes = [code for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    texts = ["".join(f"{chr(code)}ab " for code in codes[start : start + 500]) for start in range(0, len(codes), 500)]
    check_equal(engine, oracle, texts)


def test_added_tokens(small_tokenizer_json: str, random_texts: list[str]) -> None:
    oracle = tokenizers.Tokenizer.from_str(small_tokenizer_json)
    engine = Engine.from_json(small_tokenizer_json.encode())
    flags = [
        (False, False, False, True),
        (True, False, False, False),
        (False, True, True, False),
        (False, True, False, True),
    ]
    contents = ["é", "ab", "<x>", "한"]
    for content, (single, left, right, normalized) in zip(contents, flags, strict=True):
        added = tokenizers.AddedToken(content, single_word=single, lstrip=left, rstrip=right, normalized=normalized)
        oracle.add_tokens([added])
        engine = engine.with_added_tokens([(content, False, single, left, right, normalized)])
    assert engine.vocab() == oracle.get_vocab()
    random_ = random.Random(7)
    texts = []
    for text in random_texts[:1000]:
        chars = list(text)
        for _ in range(3):
            chars.insert(
                random_.randrange(len(chars) + 1), random_.choice(["é", "E\u0301", "ab", " <x> ", " 한", "[SEP]"])
            )
        texts.append("".join(chars))
    check_equal(engine, oracle, texts)


def test_writing_and_reading_back(small_tokenizer_json: str, random_texts: list[str]) -> None:
    document = json.loads(small_tokenizer_json)
    document["truncation"] = {"direction": "Right", "max_length": 128, "strategy": "LongestFirst", "stride": 0}
    engine = Engine.from_json(json.dumps(document).encode()).with_added_tokens(
        [("<new>", True, False, False, False, False)]
    )
    written = engine.to_json()
    assert json.loads(written)["truncation"] == document["truncation"]
    oracle = tokenizers.Tokenizer.from_str(written)
    oracle.no_truncation()
    check_equal(Engine.from_json(written.encode()), oracle, [t + "<new>" for t in random_texts[:200]])


def test_decoding(small_tokenizer_json: str) -> None:
    engine = Engine.from_json(small_tokenizer_json.encode())
    oracle = tokenizers.Tokenizer.from_str(small_tokenizer_json)
    random_ = random.Random(3)
    for _ in range(500):
        ids = [random_.randrange(0, 130) for _ in range(random_.randrange(12))]
        for skip in (False, True):
            assert engine.decode(ids, skip) == oracle.decode(ids, skip_special_tokens=skip)
    assert engine.decode([10**9, -5]) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["model"].update(type="Elman"), "Elman.*known: .*WordPiece"),
        (lambda d: d["normalizer"].update(type="Foo"), "Foo"),
        (lambda d: d["pre_tokenizer"].update(type="Bar"), "Bar"),
        (lambda d: d["decoder"].update(type="Baz"), "Baz"),
        (lambda d: d["post_processor"].update(type="Qux"), "Qux"),
        (lambda d: d["model"]["vocab"].update(x=-3), "-3"),
        (lambda d: d["post_processor"]["special_tokens"].pop("[SEP]"), r"\[SEP\]"),
        (lambda d: d.pop("model"), "'model' is missing"),
        (lambda d: d["added_tokens"][0].pop("id"), "'id' is missing"),
    ],
)
def test_wrong_files_get_one_clear_sentence(small_tokenizer_json: str, change: object, message: str) -> None:
    document = json.loads(small_tokenizer_json)
    change(document)
    with pytest.raises(ValueError, match=message):
        Engine.from_json(json.dumps(document).encode())


def test_an_unknown_word_needs_the_unknown_token(small_tokenizer_json: str) -> None:
    document = json.loads(small_tokenizer_json)
    document["model"]["vocab"].pop("[UNK]")
    engine = Engine.from_json(json.dumps(document).encode())
    assert engine.encode(["the"]).num_rows == 1
    with pytest.raises(ValueError, match=r"text 1: .*\[UNK\]"):
        engine.encode(["the", "🙂"])


@pytest.mark.parametrize("text", [b"", b"{", b'{"a": tru}', b"[" * 1000, b'{"a": "\\ud800"}', b"[1] x", b'{"a" 1}'])
def test_broken_json_names_the_byte(text: bytes) -> None:
    with pytest.raises(ValueError, match="byte"):
        Engine.from_json(text)


def test_text_that_is_none(small_tokenizer_json: str) -> None:
    engine = Engine.from_json(small_tokenizer_json.encode())
    with pytest.raises(ValueError, match="text 1 holds a lone surrogate"):
        engine.encode(["a", "b\ud800"])
    with pytest.raises(ValueError, match="text 0 is not a string"):
        engine.encode([3])
    with pytest.raises(ValueError, match="max_length 1 is smaller than the 2 special tokens"):
        engine.encode(["a"], max_length=1)
