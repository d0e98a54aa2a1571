"""Pre-tokenizers: the words of the original and their places, over hard texts, every pattern and every code point."""

from __future__ import annotations

import json
import random
import sys
import time
import unicodedata

import pytest

from dure.tokenizers import _core

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES
LED = r"[^\r\n\p{L}\p{N}]?"
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": CONTRACTIONS + "|" + LED + r"\p{L}+|\p{N}{1,3}" + REST,
    "cl100k_possessive": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+",
    "cl100k_trailing": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"
    r"|\s*[\r\n]|\s+(?!\S)|\s",
    "qwen2": CONTRACTIONS + "|" + LED + r"\p{L}+|\p{N}" + REST,
    "qwen3.5": CONTRACTIONS + "|" + LED + r"[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + SPACES,
    "o200k": f"{LED}{UPPER}*{LOWER}+{CONTRACTIONS}?|{LED}{UPPER}+{LOWER}*{CONTRACTIONS}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES,
    "tekken": f"{LED}{UPPER}*{LOWER}+|{LED}{UPPER}+{LOWER}*" + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES,
    "clip": r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    "bloom": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "deepseek3": r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*" + SPACES,
    "falcon": "[0-9][0-9][0-9]",
    "whitespace": r"\w+|[^\w\s]+",
}
CLASS_PATTERNS = [
    "[一-龥぀-ゟ゠-ヿ]+", r"[\r\n]", r"\s?[A-Za-zµÀ-ÖØ-öø-ƺ]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
    r"\s+$", " {2,}", r"\s+",
    r"\s", r"\d", r"\d+", r"\p{N}{1,3}", r"\w+", r"[^\w]", r"\W", r"\S+", r"\s+(?!\S)", r"\s*[\r\n]+", r"\s++$",
    r"\r\n|\n", "ab|cd", r"\p{Lu}?\p{Ll}+", r"\P{L}+", r"\p{^L}+", ".", r"\s*[\r\n]+|\d", r"\s+$|x",
    "[ab]{2,}c*", r"\s?+\w", r"[a\-z]+", "[-a]+",
]  # fmt: skip
# What no scanner knows: the engine's.
ENGINE_PATTERNS = [
    "^a", "a$", "^", "$", "(?m).", r"\h+", r"\pL", "[[:alpha:]]+", "[a-z&&[^b]]", "x*", "|a", "(?<=a)b", r"\Ga",
    r"\R", r"\X", "a{,2}", "a{2}+", "a++b", "[]a]", r"\x{41}", r"(?<n>a)\k<n>", r"(a)\1", r"\Z", r"\z", r"\bab",
    r"\b", r"\B", "(?i)straße", "(?i)[k-s]+", r"[\h]", r"a\Kb", "(?x) a b # c", "a(?#x)b", "(?>a+)b", "{",
    "a{1", r"\p{Punct}+", "[[:punct:]]+", r"[^[:space:]]+x?", r"\p{Han}+", r"[\p{Han}a]+", "a(?i)b|c",
    "(?i)a(?-i)b", "(?=a)", "a*?b", "a{2}?", r"\p{Word}+", r"[\p{Word}]+x?", r"\d{1,3}(?=(?:\d{3})*\b)",
    f"(?:{PATTERNS['gpt2']})", f"(?:{PATTERNS['cl100k']})",
]  # fmt: skip
SCHEMES = ["always", "first", "never"]
SPLIT_AT = [PATTERNS["gpt2"], r"\s+", PATTERNS["whitespace"]]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
FRAGMENTS = [
    "'s", "'S", "'ſ", "'ll", "'LL", "'Re", "'", "a", "B", "word", "HELLO", "camelCase", "été", " ", "  ", "   ",
    "\n", "\r\n", "\t", "\u3000", "\xa0", "\u2028", "\x85", "\x1c", "1", "123", "1234567", "٣", "½", "²", "Ⅷ",
    "한국어", "텍스트", "日本語", "日ABC", "カー", "ǅ", "ʰ", "\u0301", "e\u0301", "\u0301A", "क़", "Ⓐ", "😀", "👨‍👩‍👧",
    "\u200c", "!", "...", "-", "/", "\n/", "!\n/", "_", "▁", "<|endoftext|>", "€", "(", "]", "。", "،", "\x00",
    "\U0010ffff", "\U0001d400", "ß", "µ", "\u00ad", "ab", "cd", "\\", "\U00016ff4", "\u061c", "x" * 20,
]  # fmt: skip


def split(pattern: str, behavior: str = "Isolated", *, invert: bool = False, kind: str = "Regex") -> dict:
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(*, prefix: bool = False, regex: bool = True) -> dict:
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def metaspace(scheme: str = "always", *, splits: bool = True, replacement: str = "▁") -> dict:
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": splits}


def sequence(*steps: dict) -> dict:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def digits(*, individual: bool) -> dict:
    return {"type": "Digits", "individual_digits": individual}


WORDS, PUNCTUATION = {"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"}
STEPS = [
    {"type": "BertPreTokenizer"}, {"type": "Whitespace"}, WORDS, {"type": "UnicodeScripts"},
    {"type": "FixedLength", "length": 3}, {"type": "FixedLength"},
    {"type": "CharDelimiterSplit", "delimiter": " "}, {"type": "CharDelimiterSplit", "delimiter": "한"},
    digits(individual=True), digits(individual=False),
    *({"type": "Punctuation", "behavior": b} for b in BEHAVIORS),
    *(byte_level(prefix=p, regex=r) for p in (False, True) for r in (False, True)),
    *(metaspace(s, splits=p, replacement=r) for s in SCHEMES for p in (True, False) for r in "▁_ a"),
    *(split(p, b, invert=i) for p in SPLIT_AT for b in BEHAVIORS for i in (False, True)),
    *(split(p, b, invert=i, kind="String") for p in (" ", "a", "", "a b") for b in BEHAVIORS for i in (False, True)),
    sequence(WORDS, metaspace()), sequence(WORDS, metaspace("first", splits=False)),
    sequence(digits(individual=True), byte_level()), sequence(metaspace("first"), byte_level(prefix=True)),
    sequence(split(PATTERNS["cl100k"], "Removed", invert=True), byte_level(prefix=True, regex=False)),
    sequence(PUNCTUATION, byte_level(prefix=True)), sequence(byte_level(), digits(individual=True)),
    sequence({"type": "Whitespace"}, sequence(digits(individual=True), byte_level(prefix=True))),
    sequence(split("b", kind="String"), metaspace("first")),
    sequence({"type": "UnicodeScripts"}, metaspace("first")),
]  # fmt: skip
# Texts may be cut at spaces under these, and their pieces be split one by one.
LOCAL = [
    *(split(PATTERNS[name]) for name in PATTERNS if name not in {"bloom", "falcon"}),
    {"type": "BertPreTokenizer"}, {"type": "Whitespace"}, WORDS, byte_level(), metaspace(), metaspace("first"),
    metaspace("never", replacement="_"), split(" ", "MergedWithNext", kind="String"),
    sequence(digits(individual=True), byte_level()),
    sequence(PUNCTUATION, byte_level(), digits(individual=False), split(PATTERNS["falcon"])),
]  # fmt: skip


def pre_tokenize(step: dict, text: str) -> list[tuple[str, tuple[int, int]]]:
    return [(word, tuple(place)) for word, place in _core.pre_tokenize(json.dumps(step).encode(), text)]


def original(step: dict):
    tokenizers = pytest.importorskip("tokenizers")
    document = json.loads(tokenizers.Tokenizer(tokenizers.models.BPE()).to_str())
    document["pre_tokenizer"] = step
    return tokenizers.Tokenizer.from_str(json.dumps(document)).pre_tokenizer.pre_tokenize_str


def random_texts(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)

    def code() -> str:
        value = rng.choice(
            [rng.randrange(0x250), rng.randrange(0x3000), rng.randrange(0x11000), rng.randrange(0x110000)]
        )
        return " " if 0xD800 <= value < 0xE000 else chr(value)

    texts = ["".join(rng.choices(FRAGMENTS, k=rng.randint(1, 14))) for _ in range(count)]
    texts += ["".join(code() for _ in range(rng.randint(1, 20))) for _ in range(count // 2)]
    return texts + ["".join(rng.choices(" ab.\n1'A", k=rng.randint(1, 12))) for _ in range(count // 2)]


def assert_equal_to_original(step: dict, texts: list[str]) -> None:
    expected = original(step)
    for text in texts:
        assert pre_tokenize(step, text) == expected(text), (step, text)


@pytest.mark.parametrize("name", PATTERNS)
def test_well_known_patterns_split_as_the_original(name, hard_texts):
    assert_equal_to_original(split(PATTERNS[name]), hard_texts + random_texts(1, 200))


@pytest.mark.parametrize("pattern", CLASS_PATTERNS)
def test_simple_patterns_split_as_the_original(pattern):
    assert_equal_to_original(split(pattern), random_texts(2, 100))


@pytest.mark.parametrize("pattern", ENGINE_PATTERNS)
def test_other_patterns_split_as_the_original(pattern):
    pytest.importorskip("regex")
    assert_equal_to_original(split(pattern), random_texts(3, 60))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["type"])
def test_steps_split_as_the_original(step, hard_texts):
    assert_equal_to_original(step, hard_texts + random_texts(4, 80))


@pytest.mark.parametrize("step", LOCAL, ids=lambda step: step["type"])
def test_text_cut_before_a_space_splits_the_same(step):
    rng = random.Random(5)
    for text in random_texts(6, 200):
        pieces = [""]
        for before, char in zip(" " + text, text, strict=False):
            is_border = char == " " and unicodedata.category(before)[0] in "LMNPS"
            if is_border and rng.random() < 0.7:
                pieces.append("")
            pieces[-1] += char
        words, begin = [], 0
        for piece in pieces:
            words += [(word, (first + begin, last + begin)) for word, (first, last) in pre_tokenize(step, piece)]
            begin += len(piece)
        assert words == pre_tokenize(step, text), (step, pieces)


@pytest.mark.slow
@pytest.mark.parametrize("step", [
    *(split(PATTERNS[name]) for name in PATTERNS), *STEPS[:4], digits(individual=True), PUNCTUATION, byte_level(),
    split(r"[\p{No}\p{So}\p{Lt}\p{Lm}\p{Nl}\p{Me}]+"), split(r"[\p{Pc}\p{Pd}\p{Pi}\p{Po}\p{Sc}\p{Sm}]+"),
], ids=lambda step: step["type"])  # fmt: skip
def test_every_code_point_is_classed_as_by_the_original(step):
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000 and (code < 0x30000 or code % 97 == 0)]
    expected = original(step)
    for start in range(0, len(codes), 5000):
        text = "".join(f"a{c}{c}B 1{c} {c}'{c}\n{c}A{c}b{c}" for c in map(chr, codes[start : start + 5000]))
        assert pre_tokenize(step, text) == expected(text), hex(codes[start])


@pytest.mark.parametrize(("theirs", "ours"), [
    # To tiktoken, the plus after an interval is possessive.
    ("cl100k_trailing", PATTERNS["cl100k_trailing"].replace("{1,3}+", "{1,3}")),
    ("cl100k_possessive", PATTERNS["cl100k_possessive"]), ("o200k", PATTERNS["o200k"]), ("gpt2", PATTERNS["gpt2"]),
])  # fmt: skip
def test_scanners_split_as_tiktoken(theirs, ours):
    tiktoken = pytest.importorskip("tiktoken")
    texts = random_texts(7, 300)
    words = [[word.encode() for word, _ in pre_tokenize(split(ours), text)] for text in texts]
    ranks = {bytes([byte]): byte for byte in range(256)}
    for word in (word for row in words for word in row):
        ranks.setdefault(word, len(ranks))
    # With each word a token, its ids are the words if it finds the same ones.
    encoding = tiktoken.Encoding("test", pat_str=PATTERNS[theirs], mergeable_ranks=ranks, special_tokens={})
    for text, row in zip(texts, words, strict=True):
        assert encoding.encode_ordinary(text) == [ranks[word] for word in row], text


def test_words_are_known_without_the_original():
    gpt2, cased = split(PATTERNS["gpt2"]), split(PATTERNS["o200k"])
    words = ["I", "'ll", " ", " go", ",", " 12", " 한국어", "!", "\n"]
    assert [word for word, _ in pre_tokenize(gpt2, "I'll  go, 12 한국어!\n")] == words
    words = ["camel", "Case", " HTTPServer's", " 日", "ABC"]
    assert [word for word, _ in pre_tokenize(cased, "camelCase HTTPServer's 日ABC")] == words
    assert pre_tokenize(byte_level(prefix=True), "é a") == [("ĠÃ©", (0, 1)), ("Ġa", (1, 3))]
    assert pre_tokenize(metaspace(), "a  b") == [("▁a", (0, 1)), ("▁", (1, 2)), ("▁b", (2, 4))]


@pytest.mark.parametrize("text", [
    " " * 1_000_000, "a" * 1_000_000, "\n" * 1_000_000, " \n" * 500_000, " " * 999_999 + "a", "日" + "A" * 1_000_000,
    "\u0301" * 500_000, "'" * 1_000_000,
], ids=lambda text: repr(text[:3]))  # fmt: skip
def test_long_monotonous_texts_take_linear_time(text):
    start = time.perf_counter()
    for name in ("gpt2", "cl100k", "o200k", "clip", "deepseek3"):
        pre_tokenize(split(PATTERNS[name], "Contiguous"), text)
    for pattern in (r"\s+$|\d", r"\s*[\r\n]+|\d", r"\s+(?!\S)", " {2,}"):
        pre_tokenize(split(pattern, "Contiguous"), text)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("pattern", ["a{3,1}", "a{3,1}a", "(?:ab){10,2}b", "a{02,1}?b", r"\X", "(?i)ß", "(?i)[ß-à]x?"])
def test_what_the_two_engines_spell_in_other_ways(pattern):
    texts = [
        "aaaa",
        "aaab ababab",
        "xaaaay",
        "ab" * 7,
        "ß ẞ ßx ÀX à",
        "क्ष क्‍ष ক্ষ",
        "e\u0301 각 🇰🇷🇺🇸 👨‍👩‍👧 👍🏽 \u0600a",
        "",
    ]
    assert_equal_to_original(split(pattern), texts)


@pytest.mark.parametrize(("step", "message"), [
    ({"type": "Splitter"}, "'Splitter'.*BertPreTokenizer, ByteLevel"), ({"pretokenizers": []}, "type"),
    (split("a", "removed"), "'removed'.*MergedWithNext"),
    ({"type": "FixedLength", "length": 0}, "at least 1, not 0"),
    ({"type": "CharDelimiterSplit", "delimiter": "ab"}, "one character, not 'ab'"),
    ({"type": "CharDelimiterSplit", "delimiter": ""}, "one character, not ''"),
    (metaspace("last"), "'?first.*'last'"), (metaspace(replacement="ab"), "one character, not 'ab'"),
    (sequence(None), "null"), ({"type": "Split", "pattern": "a", "behavior": "Removed"}, '"String"'),
    ({"type": "Split", "behavior": "Removed"}, "pattern"),
    ({"type": "Split", "pattern": {"Glob": "*"}, "behavior": "Removed"}, '"Regex"'),
    (split("(a"), r"\(a.*not closed"), (split("[a"), r"\[a"), (split("*a"), "nothing to repeat"),
    (split("[z-a]"), "range"), (split(r"\p{Nonsense}"), "Nonsense.*unknown"), (split("(?z)"), "not supported"),
    (split(r"\g<a>"), "not supported"), (split("a)"), "not opened"), (split("\\"), "ends within"),
], ids=str)  # fmt: skip
def test_broken_sections_are_refused_by_name(step, message):
    with pytest.raises(ValueError, match=message):
        pre_tokenize(step, "text")


def test_a_missing_regex_package_is_named_with_the_pattern(monkeypatch):
    monkeypatch.setitem(sys.modules, "regex", None)
    with pytest.raises(ValueError, match=r"\(\?<=a\)b.*pip install regex"):
        pre_tokenize(split("(?<=a)b"), "ab")
    assert pre_tokenize(split(PATTERNS["gpt2"]), "a b") == [("a", (0, 1)), (" b", (1, 3))]
