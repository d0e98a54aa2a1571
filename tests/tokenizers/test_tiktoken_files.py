"""Rank files become tokenizers that give the ids that tiktoken, or Whisper's own tokenizer.json, gives."""

from __future__ import annotations

import base64
import json
import random

import pytest
import transformers
from transformers.convert_slow_tokenizer import TikTokenConverter

from dure.errors import TokenizerError
from dure.tokenizers.auto import AutoTokenizer
from dure.tokenizers.families import WhisperTokenizerFast
from dure.tokenizers.tiktoken import CL100K_PATTERN, merges_of, read_ranks
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast


def small_ranks(tmp_path, *tokens: bytes):
    lines = [bytes([byte]) for byte in range(256)] + list(tokens)
    path = tmp_path / "tokenizer.model"
    path.write_bytes(b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(lines)))
    return path


def test_cl100k(shared_data, hard_texts, random_text) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    path = shared_data / "vocab/cl100k_base/cl100k_base.tiktoken"
    tokenizer = AutoTokenizer.from_pretrained(path.parent)
    special = {"<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|endofprompt|>": 100276}
    oracle = tiktoken.Encoding(
        "cl100k", pat_str=CL100K_PATTERN, mergeable_ranks=read_ranks(path), special_tokens=special
    )
    random_ = random.Random("cl100k")
    texts = [*hard_texts, *(random_text(random_) for _ in range(1000)), "x  \n\n y's 12345 Don'T", "<|endoftext|>"]
    found = tokenizer(texts)["input_ids"]
    for text, ids in zip(texts, found, strict=True):
        assert ids == oracle.encode(text, allowed_special="all"), text
        assert tokenizer.decode(ids) == text
    assert tokenizer.convert_tokens_to_ids(list(special)) == list(special.values())
    assert tokenizer.decode([15339, 100276, 1917], skip_special_tokens=True) == "hello world"
    assert len(tokenizer.get_vocab()) == 100_261


def test_documents_are_those_of_transformers(tmp_path, hard_texts) -> None:
    pytest.importorskip("tiktoken")
    path = small_ranks(tmp_path, b"th", b"the", b"in", b" t", b" the", "한".encode()[:2], "한".encode())
    settings = {"additional_special_tokens": ["<|end|>", "<|x|>"]}
    theirs = TikTokenConverter(vocab_file=str(path), **settings).converted()
    ours = PreTrainedTokenizerFast.from_pretrained(tmp_path, **settings)
    assert json.loads(ours.backend_tokenizer.to_json()) == json.loads(theirs.to_str())
    for text in [*hard_texts, "then in the <|end|> 한국"]:
        assert ours(text)["input_ids"] == theirs.encode(text).ids


def test_every_way_to_put_a_token_together_is_a_merge() -> None:
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256, b"bc": 257, b"abc": 258}
    vocab, merges = merges_of(ranks)
    assert merges == [("a", "b"), ("b", "c"), ("a", "bc"), ("ab", "c")]
    assert vocab["abc"] == 258
    assert vocab["\u0120"] == 32  # the space


def test_whispers_ranks_are_its_tokenizer_json(shared_data, hard_texts, tmp_path) -> None:
    folder = shared_data / "vocab/whisper-tiny"
    theirs = transformers.WhisperTokenizerFast.from_pretrained(folder)
    (tmp_path / "multilingual.tiktoken").write_bytes((folder / "multilingual.tiktoken").read_bytes())
    for ours in (AutoTokenizer.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(folder)):
        assert type(ours) is WhisperTokenizerFast
        for text in [*hard_texts, "<|en|> Hello there <|endoftext|>"]:
            assert ours(text)["input_ids"] == theirs(text)["input_ids"]
        for token, id_ in theirs.get_vocab().items():
            assert ours.convert_tokens_to_ids(token) == id_, token


@pytest.mark.parametrize(
    "settings",
    [{}, {"language": "korean", "task": "transcribe"}, {"language": "De", "predict_timestamps": True}],
    ids=str,
)
def test_whispers_prefix(shared_data, settings) -> None:
    folder = shared_data / "vocab/whisper-tiny"
    ours = WhisperTokenizerFast.from_pretrained(folder, **settings)
    theirs = transformers.WhisperTokenizerFast.from_pretrained(folder, **settings)
    assert ours.prefix_tokens == theirs.prefix_tokens
    for tokenizer in (ours, theirs):
        tokenizer.set_prefix_tokens(language=settings.get("language"), task="translate")
    ids = theirs(" Hello there")["input_ids"]
    assert ours(" Hello there")["input_ids"] == ids
    assert ours.build_inputs_with_special_tokens([1], [2]) == theirs.build_inputs_with_special_tokens([1], [2])
    assert ours.get_decoder_prompt_ids(task="transcribe", language="fr") == theirs.get_decoder_prompt_ids(
        task="transcribe", language="fr"
    )
    assert ours.get_prompt_ids(" a prompt ").tolist() == theirs.get_prompt_ids(" a prompt ").tolist()
    spoken = [*ours.get_prompt_ids("x").tolist(), 50258, 50364, 400, 370, 50414, 50414, 452, 50464, 50364, 7177, 50400]
    for options in ({}, {"skip_special_tokens": True}, {"decode_with_timestamps": True}):
        assert ours.decode(spoken, **options) == theirs.decode(spoken, **options), options
        assert ours.batch_decode([spoken], **options) == theirs.batch_decode([spoken], **options)


def test_whispers_mistakes_are_named(shared_data) -> None:
    tokenizer = WhisperTokenizerFast.from_pretrained(shared_data / "vocab/whisper-tiny")
    with pytest.raises(ValueError, match="language='klingon' is not known: use one of english, chinese"):
        tokenizer.set_prefix_tokens(language="klingon")
    with pytest.raises(ValueError, match="language='xx' is not known: use one of en, zh, de"):
        tokenizer.set_prefix_tokens(language="xx")
    tokenizer.language = None
    with pytest.raises(ValueError, match="task='sing' is not known: use one of translate, transcribe"):
        tokenizer.set_prefix_tokens(task="sing")
    with pytest.raises(ValueError, match=r"a prompt can't have special tokens, but has '<\|en\|>'"):
        tokenizer.get_prompt_ids("a <|en|> prompt")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"!!!! 256\n", r"line 257: b'!!!! 256' is not a token in base64, a space and its rank"),
        (b"YWI=\n", "line 257: b'YWI=' is not a token"),
        (b"YWI= x\n", "line 257: b'YWI= x' is not a token"),
        (b"YWI= 1 2\n", "line 257: b'YWI= 1 2' is not a token"),
    ],
)
def test_damaged_lines_are_named(tmp_path, line, message) -> None:
    path = small_ranks(tmp_path)
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(TokenizerError, match=message):
        read_ranks(path)


def test_a_missing_byte_is_named(tmp_path) -> None:
    path = small_ranks(tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:255]))
    with pytest.raises(TokenizerError, match="has no token for the byte 0xff: a rank file has all 256"):
        read_ranks(path)
