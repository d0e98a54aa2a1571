"""Where Dure gives something else than `tokenizers`, on purpose: docs/tokenizer-differences.md, each line proved here.

Each test shows what the original does, why that can't be meant, and what Dure does instead.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dure.tokenizers import _core
from dure.tokenizers._core import Engine

tokenizers = pytest.importorskip("tokenizers")

DOCUMENT = Path(__file__).parents[2] / "docs" / "tokenizer-differences.md"


def document(vocabulary: dict[str, int], **parts: Any) -> str:
    """A tokenizer.json of whole words."""
    model = tokenizers.models.WordLevel(vocabulary, unk_token=next(iter(vocabulary)))
    return json.dumps(json.loads(tokenizers.Tokenizer(model).to_str()) | parts)


def both(text: str) -> tuple[Engine, Any]:
    return Engine.from_json(text.encode()), tokenizers.Tokenizer.from_str(text)


def panics(call: Any) -> str:
    """The message of a panic, which is no `Exception`: `except Exception` doesn't hold it, the program ends."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        call()
    assert not isinstance(raised.value, Exception)
    return str(raised.value)


def test_strip_decoder() -> None:
    decoder = {"type": "Strip", "content": " ", "start": 1, "stop": 1}
    text = document({"?": 0, " ": 1}, decoder=decoder)
    ours, theirs = both(text)
    panics(lambda: theirs.decode([1]))
    assert ours.decode([1]) == ""
    assert _core.decode_tokens(json.dumps(decoder).encode(), [" a ", "  ", ""]) == "a"


def test_stride() -> None:
    tokenizer = tokenizers.Tokenizer.from_str(document({"?": 0, "a": 1}, pre_tokenizer={"type": "WhitespaceSplit"}))
    tokenizer.enable_truncation(3, stride=3)
    panics(lambda: tokenizer.encode("a a a a a"))
    engine = Engine.from_json(tokenizer.to_str().encode())
    with pytest.raises(ValueError, match="stride"):
        engine.encode(["a a a a a"], max_length=3, stride=3, overflow=True)


def test_room_for_special_tokens() -> None:
    template = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "?", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}] * 1
        + [{"SpecialToken": {"id": "?", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"?": {"id": "?", "ids": [0], "tokens": ["?"]}},
    }
    text = document({"?": 0, "a": 1}, pre_tokenizer={"type": "WhitespaceSplit"}, post_processor=template)
    ours, theirs = both(text)
    theirs.enable_truncation(1)
    assert len(theirs.encode("a a a a").ids) == 6  # far more than the length that was asked for
    with pytest.raises(ValueError, match="max_length"):
        ours.encode(["a a a a"], max_length=1)


def test_sequence_ids_of_overflow() -> None:
    text = document({"?": 0, "a": 1, "b": 2}, pre_tokenizer={"type": "WhitespaceSplit"})
    ours, theirs = both(text)
    theirs.enable_truncation(4, strategy="longest_first")
    first = theirs.encode("a a a", "b b b")
    assert first.sequence_ids == [0, 0, 1, 1]
    # The last row holds tokens of the second text, and says they are the first's.
    contradicted = [row for row in first.overflowing if 2 in row.ids and 1 not in row.sequence_ids]
    assert contradicted
    found = ours.encode(["a a a"], ["b b b"], max_length=4, overflow=True)
    for token, sequence in zip(found.ids.tolist(), found.sequence_ids.tolist(), strict=True):
        assert sequence == {1: 0, 2: 1}[token]


def test_byte_fallback_with_affixes() -> None:
    byte_tokens = {f"<0x{i:02X}>": i + 2 for i in range(256)}
    model = {
        "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
        "end_of_word_suffix": "</w>", "fuse_unk": False, "byte_fallback": True, "ignore_merges": False,
        "vocab": {"<unk>": 0, "a": 1, **byte_tokens}, "merges": [],
    }  # fmt: skip
    text = json.dumps(json.loads(document({"?": 0})) | {"model": model})
    ours, theirs = both(text)
    ends = [end for _, end in theirs.encode("a é").offsets]
    assert max(ends) > len("a é")  # behind the end of the text
    offsets = ours.encode(["a é"]).offsets
    assert offsets.max() <= len("a é")


def test_template_behind_many_parts() -> None:
    template = {
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}] * 3,
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {},
    }
    steps = {"type": "Sequence", "processors": [template, template]}
    ours, theirs = both(document({"?": 0, "a": 1}, post_processor=steps))
    assert "not yet implemented" in panics(lambda: theirs.encode("a"))
    with pytest.raises(ValueError, match="takes one text or two, but the steps before it made 3 parts"):
        ours.encode(["a"])


def test_strips_that_overlap() -> None:
    theirs = tokenizers.Tokenizer.from_str(document({"?": 0}))
    theirs.add_tokens([tokenizers.AddedToken("a", rstrip=True), tokenizers.AddedToken(" ", lstrip=True)])
    ours = Engine.from_json(theirs.to_str().encode())
    assert "bad split" in panics(lambda: theirs.encode("a  "))
    found = ours.encode(["a  "])
    assert (found.ids.tolist(), found.offsets.tolist()) == ([1], [[0, 3]])


def test_added_tokens_of_nothing() -> None:
    theirs = tokenizers.Tokenizer.from_str(
        document({"?": 0, "ab": 1}, normalizer={"type": "Strip", "strip_left": True, "strip_right": True})
    )
    theirs.add_tokens([tokenizers.AddedToken("  ", normalized=True)])
    # Stripped to nothing, the token is "found" between all characters, and a word of the vocabulary isn't any more.
    assert theirs.encode("ab").tokens != ["ab"]
    ours = Engine.from_json(theirs.to_str().encode())
    assert ours.encode(["ab"]).ids.tolist() == [1]


def test_numbers_of_wordpiece_training() -> None:
    """The continuing characters get ids in the order in which a hash table gives the words."""
    texts = ["ab cd ef gh ij kl mn op qr st uv wx yz"] * 3
    program = (
        "from tokenizers import *; t = Tokenizer(models.WordPiece(unk_token='?'));"
        "t.pre_tokenizer = pre_tokenizers.Whitespace();"
        f"t.train_from_iterator({texts}, trainers.WordPieceTrainer(show_progress=False));"
        "print(t.get_vocab())"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    theirs = json.loads(run.stdout.replace("'", '"'))
    continuing = lambda vocabulary: sorted((p for p in vocabulary if len(p) == 3 and p[:2] == "##"), key=vocabulary.get)  # noqa: E731
    # The words are in the order of the alphabet, all equally frequent; by chance a table has that order once in 13!.
    assert continuing(theirs) != sorted(continuing(theirs))

    def trained() -> dict[str, int]:
        from dure.tokenizers import Tokenizer, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.WordPiece(unk_token="?"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(show_progress=False))
        return tokenizer.get_vocab()

    assert trained() == trained()
    assert trained().keys() == theirs.keys()
    assert continuing(trained()) == sorted(continuing(trained()))


def test_the_page_names_every_difference() -> None:
    names = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE))
    page = DOCUMENT.read_text(encoding="utf-8")
    assert names - {"test_the_page_names_every_difference"} == set(re.findall(r"`(test_\w+)`", page))
