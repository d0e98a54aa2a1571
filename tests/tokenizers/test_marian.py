"""Marian's two SentencePiece models and one vocabulary: ids and texts as transformers has them."""

from __future__ import annotations

import json
import pickle
import random
import shutil
import warnings

import pytest
import transformers

from dure.errors import TokenizerError
from dure.tokenizers.auto import AutoTokenizer
from dure.tokenizers.families import MarianTokenizer

pytest.importorskip("sentencepiece")

SENTENCES = [
    "Hello there, how are you?",
    "C'est une phrase française, n'est-ce pas ?",
    "  two  spaces \t and a tab ",
    "",
    "naïve <unk> and </s> in between<pad>",
    "éa̧ﬁ 한국어 😀",
    "x" * 50,
]


def both(folder) -> tuple:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return AutoTokenizer.from_pretrained(folder), transformers.AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module", params=["opus-mt-en-mg", "opus-mt-tc-big-fr-en"])
def pair(request, shared_data) -> tuple:
    return both(shared_data / "vocab" / request.param)


@pytest.fixture(scope="module")
def coded(shared_data, tmp_path_factory) -> tuple:
    """A model with language codes, and a target vocabulary of its own."""
    source, folder = shared_data / "vocab/opus-mt-en-mg", tmp_path_factory.mktemp("coded")
    for name in ("source.spm", "target.spm"):
        shutil.copyfile(source / name, folder / name)
    vocab = json.loads((source / "vocab.json").read_text(encoding="utf-8"))
    codes = {">>fra<<": len(vocab), ">>deu_Latn<<": len(vocab) + 1}
    (folder / "vocab.json").write_text(json.dumps(vocab | codes))
    shuffled = list(vocab)
    random.Random("ids").shuffle(shuffled)
    (folder / "target_vocab.json").write_text(json.dumps({token: id_ for id_, token in enumerate(shuffled)}))
    config = {"tokenizer_class": "MarianTokenizer", "separate_vocabs": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return both(folder)


def check(pair, texts) -> None:
    ours, theirs = pair
    for options in ({}, {"padding": True}, {"truncation": True, "max_length": 6}):
        assert ours(texts, **options).data == theirs(texts, **options).data
        assert ours(text_target=texts, **options).data == theirs(text_target=texts, **options).data
    assert ours(texts, text_target=texts[::-1]).data == theirs(texts, text_target=texts[::-1]).data
    tensors = [t(texts, text_target=texts, padding=True, return_tensors="pt") for t in pair]
    assert {name: column.tolist() for name, column in tensors[0].items()} == {
        name: column.tolist() for name, column in tensors[1].items()
    }
    for text in texts:
        assert ours.tokenize(text) == theirs.tokenize(text)
    ids = theirs(text_target=texts)["input_ids"]
    for skip in (False, True):
        assert ours.batch_decode(ids, skip_special_tokens=skip) == theirs.batch_decode(ids, skip_special_tokens=skip)
        assert ours.decode(ids[0], skip_special_tokens=skip) == theirs.decode(ids[0], skip_special_tokens=skip)


def test_sentences(pair) -> None:
    check(pair, SENTENCES)


def test_corpus(pair, shared_data) -> None:
    lines = (shared_data / "vocab/sentencepiece-test-models/botchan.txt").read_text(encoding="utf-8").split("\n")
    check(pair, lines[:200])


def test_attributes(pair) -> None:
    ours, theirs = pair
    for name in (
        "vocab_size", "model_max_length", "special_tokens_map", "all_special_ids", "pad_token_id", "eos_token_id",
        "model_input_names", "padding_side", "source_lang", "target_lang", "supported_language_codes",
    ):  # fmt: skip
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.num_special_tokens_to_add(True) == theirs.num_special_tokens_to_add(True) == 1
    assert ours.build_inputs_with_special_tokens([5], [6]) == theirs.build_inputs_with_special_tokens([5], [6])


def test_language_codes(coded) -> None:
    texts = [
        ">>fra<< Hello there", ">>deu_Latn<<Hello", ">>xxx<< unknown code", ">>no end", "not at >>fra<< the start",
        "plain", ">> <<", "<<>>",
    ]  # fmt: skip
    check(coded, texts)
    assert coded[0](">>fra<< Hello")["input_ids"][0] == len(coded[0].encoder) - 2
    assert coded[0].supported_language_codes == coded[1].supported_language_codes
    offsets = coded[0](">>fra<< Hello", return_offsets_mapping=True)["offset_mapping"]
    assert offsets[0] == (0, 7)
    assert coded[0](">>zzz<< a", ">>fra<< b").tokens()[0] == "<unk>"


def test_targets_in_a_block(pair) -> None:
    ours, theirs = pair
    with pytest.warns(FutureWarning, match="use tokenizer"), ours.as_target_tokenizer():
        found = ours(SENTENCES)["input_ids"]
    assert found == theirs(text_target=SENTENCES)["input_ids"]
    assert ours(SENTENCES)["input_ids"] == theirs(SENTENCES)["input_ids"]


def check_saved(ours, folder) -> None:
    ours.save_pretrained(folder)
    assert not (folder / "tokenizer.json").exists()
    again, theirs = both(folder)
    for tokenizer in (again, theirs, pickle.loads(pickle.dumps(ours))):
        assert tokenizer(SENTENCES, text_target=SENTENCES).data == ours(SENTENCES, text_target=SENTENCES).data


def test_what_is_saved_loads_in_both(pair, tmp_path) -> None:
    check_saved(pair[0], tmp_path)


def test_separate_vocabularies_are_saved(coded, tmp_path) -> None:
    check_saved(coded[0], tmp_path)


def test_added_tokens_are_found(pair) -> None:
    tokenizer = AutoTokenizer.from_pretrained(pair[0].name_or_path)
    assert tokenizer.add_tokens(["<new>"]) == 1
    id_ = len(tokenizer.encoder)
    assert tokenizer("a <new> b")["input_ids"].count(id_) == 1
    assert tokenizer.convert_ids_to_tokens(id_) == "<new>"


def test_missing_files_are_named(shared_data, tmp_path) -> None:
    source = shared_data / "vocab/opus-mt-en-mg"
    for name in ("source.spm", "vocab.json"):
        shutil.copyfile(source / name, tmp_path / name)
    with pytest.raises(TokenizerError, match=r"MarianTokenizer needs target_spm, usually called target\.spm"):
        MarianTokenizer.from_pretrained(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": 1}')
    with pytest.raises(TokenizerError, match="has no token '<unk>', which is the unk_token"):
        MarianTokenizer.from_pretrained(tmp_path)
    (tmp_path / "vocab.json").unlink()
    with pytest.raises(TokenizerError, match=r"needs vocab, usually called vocab\.json"):
        MarianTokenizer.from_pretrained(tmp_path)
