"""SentencePiece's files are read as SentencePiece reads them, and texts get the ids that it gives."""

from __future__ import annotations

import random
import re

import pytest

from dure.errors import TokenizerError
from dure.tokenizers.auto import AutoTokenizer
from dure.tokenizers.sentencepiece import parse_sentencepiece, read_sentencepiece
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast

sentencepiece = pytest.importorskip("sentencepiece")

MODELS = [
    "t5-small/spiece.model",
    "albert-base-v2/spiece.model",
    "opus-mt-en-mg/target.spm",
    "llama-2/tokenizer.model",
    "mistral-7b-instruct-v0.3/tokenizer.model.v3",
    "sentencepiece-test-models/test_model.model",
    "sentencepiece-test-models/test_sentencepiece_bpe.model",
    "sentencepiece-test-models/test_sentencepiece_no_bos.model",
    "sentencepiece-test-models/test_ja_model.model",
]


@pytest.mark.parametrize("name", MODELS)
def test_files_are_read_as_protobuf_reads_them(name, shared_data) -> None:
    pytest.importorskip("google.protobuf")
    from sentencepiece import sentencepiece_model_pb2

    data = (shared_data / "vocab" / name).read_bytes()
    expected = sentencepiece_model_pb2.ModelProto.FromString(data)
    model = parse_sentencepiece(data, name)
    assert [(p.text, p.score, p.type) for p in model.pieces] == [(p.piece, p.score, p.type) for p in expected.pieces]
    trainer, normalizer = expected.trainer_spec, expected.normalizer_spec
    assert (model.model_type, model.unk_id, model.unk_piece) == (trainer.model_type, trainer.unk_id, trainer.unk_piece)
    assert (model.byte_fallback, model.charsmap) == (trainer.byte_fallback, normalizer.precompiled_charsmap)
    assert model.treat_whitespace_as_suffix == trainer.treat_whitespace_as_suffix
    assert model.add_dummy_prefix == normalizer.add_dummy_prefix
    assert model.remove_extra_whitespaces == normalizer.remove_extra_whitespaces


def clean(text: str) -> str:
    """A text without what the two can't agree on: pieces of the model's own that are spelt out in it."""
    return re.sub(r"[<\[\u2581]", "", text)


@pytest.mark.parametrize("name", MODELS)
def test_lone_models_give_sentencepieces_own_ids(name, shared_data, hard_texts, random_text) -> None:
    path = shared_data / "vocab" / name
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tokenizer = PreTrainedTokenizerFast.from_pretrained(path)
    random_ = random.Random(f"ids of {name}")
    lines = (shared_data / "vocab/sentencepiece-test-models/botchan.txt").read_text(encoding="utf-8").split("\n")[:300]
    japanese = shared_data / "vocab/sentencepiece-test-models/wagahaiwa_nekodearu.txt"
    lines += japanese.read_text(encoding="utf-8").split("\n")[:100]
    texts = [clean(text) for text in [*hard_texts, *lines, *(random_text(random_) for _ in range(300))]]
    # U+0000 ends a text for SentencePiece's table of characters.
    texts = [text for text in texts if "\0" not in text]
    found = tokenizer(texts, add_special_tokens=False)["input_ids"]
    for text, ids in zip(texts, found, strict=True):
        assert ids == processor.encode(text), text
    known = next(ids for ids in found if len(ids) > 5 and tokenizer.unk_token_id not in ids)
    assert tokenizer.decode(known) == processor.decode(known)


def test_a_folder_with_a_lone_model_loads(shared_data) -> None:
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "vocab/albert-base-v2")
    assert tokenizer("this is a test")["input_ids"] == [48, 25, 21, 1289]
    assert (tokenizer.unk_token, tokenizer.pad_token, tokenizer.cls_token) == ("<unk>", "<pad>", "[CLS]")
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "vocab/mistral-7b-v0.1")
    assert tokenizer("Hello world")["input_ids"] == [22557, 1526]


def test_truncated_files_are_named_with_the_byte(shared_data) -> None:
    data = (shared_data / "vocab/sentencepiece-test-models/test_model.model").read_bytes()
    found = []
    for size in [*range(1, 40), 5000, len(data) - 10, len(data) - 1]:
        try:
            parse_sentencepiece(data[:size], "x.model")
        except TokenizerError as error:
            found.append(str(error))
    assert len(found) > 30  # cut between two fields, a file is still one
    assert all(re.search(r"x\.model .*(at byte \d+|has no pieces)", message) for message in found)
    with pytest.raises(TokenizerError, match=r"at byte 16 it should have 14 more bytes, but 0 are left"):
        parse_sentencepiece(b"\n\x0e\n\x05<unk>\x15\0\0\0\0\n\x0e", "x.model")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.model has no pieces"),
        (b"\x0f", "at byte 1 it holds a field of the unknown wire type 7"),
        (b"\x80" * 11, "at byte 0 it holds a number of more than 64 bits"),
        (b"\n\x03\n\x01\xff", "at byte 4 it holds bytes that aren't UTF-8"),
        (b"\n\x03\n\x01a\x12\x02\x18\x03", "a SentencePiece model of type word; Unigram and BPE models can be read"),
        (b"\n\x03\n\x01a\x12\x03\xc0\x02\x05", "says that piece 5 is the unknown one of 1 pieces"),
        (b"\n\x02\x08\x01", "at byte 3 it holds a number where a text should be"),
        (b"\n\x03\x1a\x01a", "at byte 4 it holds bytes where a number should be"),
        (b"hello world\n", "x.model is not a SentencePiece model, or a damaged one: at byte"),
    ],
)
def test_damaged_files_are_named(data, message) -> None:
    with pytest.raises(TokenizerError, match=message):
        parse_sentencepiece(data, "x.model")


def test_anything_at_all_is_an_error_or_a_model(shared_data) -> None:
    data = (shared_data / "vocab/sentencepiece-test-models/test_model.model").read_bytes()
    random_ = random.Random("damage")
    for _ in range(300):
        changed = bytearray(data[:3000])
        for _ in range(random_.randrange(1, 6)):
            changed[random_.randrange(len(changed))] = random_.randrange(256)
        try:
            parse_sentencepiece(bytes(changed), "x")
        except TokenizerError:
            continue


def test_a_file_of_another_kind_is_named(tmp_path) -> None:
    (tmp_path / "x.model").write_bytes(b"\x7fELF" * 10)
    with pytest.raises(TokenizerError, match=r"x\.model is none of the files that a tokenizer is built from"):
        PreTrainedTokenizerFast.from_pretrained(tmp_path / "x.model")
    with pytest.raises(TokenizerError, match="damaged"):
        read_sentencepiece(tmp_path / "x.model")
