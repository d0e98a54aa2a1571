"""Decoders equal those of the `tokenizers` library, alone, in chains and inside an engine."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from dure.tokenizers import _core

tokenizers = pytest.importorskip("tokenizers")

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
LLAMA = {
    "type": "Sequence",
    "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ],
}
DECODERS: list[dict[str, Any]] = [
    {"type": "WordPiece", "prefix": "##", "cleanup": True},
    {"type": "WordPiece", "prefix": "##", "cleanup": False},
    {"type": "WordPiece", "prefix": "", "cleanup": True},
    BYTE_LEVEL,
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
    {"type": "Metaspace", "replacement": "日", "prepend_scheme": "never", "split": True},
    {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
    {"type": "BPEDecoder", "suffix": "</w>"},
    {"type": "BPEDecoder", "suffix": ""},
    {"suffix": "a"},
    {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True},
    {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": False},
    {"type": "CTC", "pad_token": "", "word_delimiter_token": "", "cleanup": True},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": "H", "start": 2, "stop": 0},
    {"type": "Strip", "content": "한", "start": 0, "stop": 1},
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    {"type": "Replace", "pattern": {"String": ""}, "content": "-"},
    {"type": "Replace", "pattern": {"Regex": "(l)(e)|a+"}, "content": "$1 $2"},
    {"type": "Replace", "pattern": {"Regex": "x*"}, "content": "_"},
    LLAMA,
    {"type": "Sequence", "decoders": []},
    {"type": "Sequence", "decoders": [BYTE_LEVEL, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    {"type": "Sequence", "decoders": [{"type": "Fuse"}, BYTE_LEVEL]},
    {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "a"}, "content": "Ġ"}, BYTE_LEVEL]},
]
PIECES = [
    "a", "le", "H", ".", "!", "'", "n't", " do not", " ", "▁", "##", "</w>", "<pad>", "|", "é", "한", "日", "😀", "\n",
    "\0", "", "Ġ", "Ã", "©", "ì", "ķ", "<0x41>", "<0xE6>", "<0x97>", "<0xa5>", "<0x+F>", "<0xGG>", "[CLS]",
]  # fmt: skip


def draw_tokens(random_: random.Random) -> list[str]:
    tokens = ["".join(random_.choices(PIECES, k=random_.choice([1, 1, 1, 2, 3]))) for _ in range(random_.randint(0, 9))]
    return tokens + tokens[-1:] * random_.choice([0, 0, 1])


def expected_text(decode: Callable[..., str], *args: object, **kwargs: object) -> str | None:
    """What the original decodes to; None where it panics (Strip of more than a token holds)."""
    try:
        return decode(*args, **kwargs)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return None


def document(decoder: dict[str, Any] | None, vocabulary: list[str]) -> str:
    model = tokenizers.models.WordLevel({token: i for i, token in enumerate(vocabulary)}, unk_token=vocabulary[0])
    return json.dumps(json.loads(tokenizers.Tokenizer(model).to_str()) | {"decoder": decoder})


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: json.dumps(decoder, ensure_ascii=False)[:70])
def test_decoder_equals_the_original(decoder: dict[str, Any]) -> None:
    theirs = tokenizers.Tokenizer.from_str(document(decoder, ["a"])).decoder
    ours = json.dumps(decoder).encode()
    random_ = random.Random(7)
    for _ in range(150):
        tokens = draw_tokens(random_)
        text, expected = _core.decode_tokens(ours, tokens), expected_text(theirs.decode, tokens)
        assert expected is None or text == expected, tokens


@pytest.mark.parametrize("decoder", [None, *DECODERS], ids=lambda decoder: json.dumps(decoder)[:70])
def test_engine_decodes_as_the_original(decoder: dict[str, Any] | None) -> None:
    random_ = random.Random(11)
    vocabulary = sorted({token for _ in range(60) for token in draw_tokens(random_)} | set(PIECES))
    text = document(decoder, vocabulary)
    theirs = tokenizers.Tokenizer.from_str(text)
    theirs.add_special_tokens(["[CLS]", "<s>"])
    theirs.add_tokens(["x y"])
    ours = _core.Engine.from_json(theirs.to_str().encode())
    rows = [random_.choices(range(len(vocabulary) + 4), k=random_.randint(0, 12)) for _ in range(100)]
    for skip in (False, True):
        texts = [ours.decode(row, skip) for row in rows]
        assert ours.decode_batch(rows, skip, num_threads=2) == texts
        for row, text in zip(rows, texts, strict=True):
            expected = expected_text(theirs.decode, row, skip_special_tokens=skip)
            assert expected is None or text == expected, row


def test_ids_that_no_token_has_are_left_out() -> None:
    engine = _core.Engine.from_json(document(None, ["a", "b"]).encode())
    assert engine.decode([0, 99, 1, 2**31 - 1, 1]) == "a b b"
    assert engine.decode([]) == ""


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    characters = {}
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    extra = iter(range(0x100, 0x200))
    for byte in range(256):
        characters[byte] = chr(byte if byte in visible else next(extra))
    for data in [os.urandom(12) for _ in range(200)] + [b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe6\x97"]:
        tokens = [characters[byte] for byte in data]
        assert _core.decode_tokens(json.dumps(BYTE_LEVEL).encode(), tokens) == data.decode("utf-8", "replace")


def test_strip_from_both_sides_stops_at_the_middle() -> None:
    # The original reads past the middle and panics.
    decoder = {"type": "Strip", "content": " ", "start": 1, "stop": 1}
    assert _core.decode_tokens(json.dumps(decoder).encode(), [" a ", "  ", " ", ""]) == "a"


def test_without_a_decoder_tokens_are_joined_by_spaces() -> None:
    assert _core.decode_tokens(None, ["a", "b"]) == "a b"


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        ({"type": "Nope"}, r"'Nope' is not known; known: BPEDecoder, ByteFallback, .*, WordPiece"),
        ({"decoders": []}, "'type' is missing"),
        ([1], "must be an object"),
        ({"type": "Strip", "content": "ab"}, "'content' of a decoder must be one character, not 'ab'"),
        ({"type": "Strip", "content": "a", "start": -1}, "'start' of a decoder must be 0 or more, not -1"),
        ({"type": "Metaspace", "replacement": ""}, "'replacement' of a decoder must be one character"),
        ({"type": "Metaspace", "prepend_scheme": "some"}, "always, first or never, not 'some'"),
        ({"type": "Metaspace", "add_prefix_space": False, "prepend_scheme": "first"}, "'prepend_scheme' is 'first'"),
        ({"type": "Replace", "content": ""}, "'pattern' is missing"),
        ({"type": "Replace", "pattern": {"Regex": "("}, "content": ""}, r"\("),
        ({"type": "Sequence"}, "'decoders' is missing"),
        ({"type": "Sequence", "decoders": [None]}, "must not be null"),
        ({"type": "Sequence", "decoders": [{"type": "Fu"}]}, "'Fu' is not known"),
        ({"type": "WordPiece", "cleanup": 1}, "'cleanup' must be true or false"),
    ],
    ids=str,
)
def test_a_broken_decoder_is_refused(decoder: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.decode_tokens(json.dumps(decoder).encode(), ["a"])
