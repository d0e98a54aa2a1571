"""What a tokenizer does can be seen: as a table, as HTML, as data; and text as soon as it's certain."""

from __future__ import annotations

import random

import pytest

import tokenizers
from dure.errors import InputError
from dure.tokenizers.auto import AutoTokenizer
from dure.tokenizers.stream import DecodeStream
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory, small_tokenizer_json) -> PreTrainedTokenizerFast:
    path = tmp_path_factory.mktemp("explain") / "tokenizer.json"
    path.write_text(small_tokenizer_json, encoding="utf-8")
    return PreTrainedTokenizerFast(tokenizer_file=path)


def test_stages(tokenizer) -> None:
    explained = tokenizer.explain("Héllo unable\t<b>!")
    assert explained.normalized == "hello unable <b>!"
    assert explained.pre_tokens == [
        ("hello", (0, 5)), ("unable", (6, 12)), ("<", (13, 14)), ("b", (14, 15)), (">", (15, 16)), ("!", (16, 17)),
    ]  # fmt: skip
    assert explained.pieces == ["[CLS]", "hello", "un", "##able", "[UNK]", "b", "[UNK]", "!", "[SEP]"]
    assert explained.ids == tokenizer("Héllo unable\t<b>!")["input_ids"]
    assert explained.offsets[:4] == [(0, 0), (0, 5), (6, 8), (8, 12)]
    assert [token.text for token in explained.tokens[:4]] == ["", "Héllo", "un", "able"]
    assert [token.word for token in explained.tokens] == [None, 0, 1, 1, 2, 3, 4, 5, None]
    assert [token.is_special for token in explained.tokens] == [True, *[False] * 7, True]
    assert explained.to_dict()["tokens"] == explained.pieces
    bare = tokenizer.explain("a", add_special_tokens=False)
    assert bare.pieces == ["a"]


def test_table(tokenizer) -> None:
    lines = str(tokenizer.explain("Hello\tthe 한국")).split("\n")
    assert lines[0] == "text        Hello\\tthe 한국"
    assert lines[2].startswith("pre-tokens  [hello] [the] [")
    assert lines[4].split() == ["token", "id", "from", "to", "text", "word"]
    assert lines[6].split()[:1] == ["hello"]
    assert len({line.index("Hello") for line in lines if line.startswith("hello")}) == 1


def test_html(tokenizer) -> None:
    page = tokenizer.explain("a <b> & c")._repr_html_()
    assert "&lt;" in page
    assert "<b>&lt;" not in page
    assert "&amp;" in page
    assert 'title="[CLS]  id 2  special"' in page
    assert page.count("<span") == 8


def test_only_texts_can_be_explained(tokenizer) -> None:
    with pytest.raises(InputError, match="explain takes one text, but got list"):
        tokenizer.explain(["a"])


@pytest.mark.parametrize("name", ["gpt2", "t5-small", "llama-2", "bert-base-uncased"])
@pytest.mark.parametrize("skips", [True, False])
def test_streams_add_up_to_the_whole(name, skips, shared_data, hard_texts) -> None:
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "vocab" / name)
    texts = [*hard_texts, "The quick brown fox, 한국어 텍스트 😀👨‍👩‍👧 and naïve café."]
    theirs = tokenizers.Tokenizer.from_str(tokenizer.backend_tokenizer.to_json())
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        stream = DecodeStream(tokenizer.backend_tokenizer, skip_special_tokens=skips)
        oracle = tokenizers.decoders.DecodeStream(skip_special_tokens=skips)
        parts = [stream.step(id_) for id_ in ids]
        assert parts == [oracle.step(theirs, id_) or "" for id_ in ids]
        assert "".join(parts) + stream.end() == tokenizer.backend_tokenizer.decode(ids, skips)


def test_a_stream_of_any_ids_goes_on(shared_data) -> None:
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "vocab/gpt2")
    random_ = random.Random("stream")
    stream = DecodeStream(tokenizer.backend_tokenizer)
    for _ in range(300):
        assert isinstance(stream.step(random_.randrange(60000)), str)
    assert isinstance(stream.end(), str)
    assert stream.end() == ""
