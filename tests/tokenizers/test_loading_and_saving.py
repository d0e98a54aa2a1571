"""Tokenizers come from every kind of folder, and what is saved loads everywhere with the same results."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest
import transformers

import dure
import tokenizers
from dure.errors import InputError, MissingFileError, TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.auto import AutoTokenizer
from dure.tokenizers.families import (
    BertTokenizer,
    BertTokenizerFast,
    DistilBertTokenizer,
    DistilBertTokenizerFast,
)
from dure.tokenizers.load import header_of
from dure.tokenizers.tokenizer import PreTrainedTokenizerFast

TEXTS = ["Hello the Wörld", "unable 한국어 [MASK] 日本", "a <x> b newtoken", ""]
VOCAB = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "hello",
    "the",
    "w",
    "##o",
    "##r",
    "##ld",
    "Hello",
    "ö",
    "##ö",
    "日",
]


@pytest.fixture
def folder(tmp_path: Path, small_tokenizer_json) -> Path:
    (tmp_path / "tokenizer.json").write_text(small_tokenizer_json, encoding="utf-8")
    return tmp_path


@pytest.fixture
def vocab_folder(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    return tmp_path


def ids_of(tokenizer) -> list:
    return [tokenizer(TEXTS)["input_ids"], tokenizer(TEXTS, TEXTS[::-1])["input_ids"]]


def write(folder: Path, name: str, content) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("config", "model_config", "name"),
    [
        ({"tokenizer_class": "BertTokenizer"}, None, "BertTokenizerFast"),
        ({"tokenizer_class": "DistilBertTokenizerFast"}, {"model_type": "bert"}, "DistilBertTokenizerFast"),
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, {"model_type": "bert"}, "PreTrainedTokenizerFast"),
        ({}, {"model_type": "bert"}, "BertTokenizerFast"),
        (None, {"model_type": "distilbert"}, "DistilBertTokenizerFast"),
    ],
)
def test_files_decide_the_class(folder, config, model_config, name) -> None:
    if config is not None:
        write(folder, "tokenizer_config.json", config)
    if model_config is not None:
        write(folder, "config.json", model_config)
    ours = AutoTokenizer.from_pretrained(folder, use_fast=True, revision="main", trust_remote_code=False)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    assert type(ours).__name__ == type(theirs).__name__ == name
    assert list(ours("a", "b")) == list(theirs("a", "b"))
    assert ids_of(ours) == ids_of(theirs)


def test_without_a_word_on_the_class(folder, vocab_folder) -> None:
    assert type(AutoTokenizer.from_pretrained(folder)) is PreTrainedTokenizerFast
    (folder / "tokenizer.json").unlink()
    assert type(AutoTokenizer.from_pretrained(vocab_folder)) is BertTokenizerFast
    assert type(AutoTokenizer.from_pretrained(vocab_folder, tokenizer_type="distilbert")) is DistilBertTokenizerFast
    with pytest.raises(InputError, match="tokenizer_type='dog' is not known: use one of aimv2, albert, align"):
        AutoTokenizer.from_pretrained(vocab_folder, tokenizer_type="dog")
    with pytest.raises(InputError, match="AutoTokenizer isn't made itself"):
        AutoTokenizer()


def test_public_names() -> None:
    assert dure.AutoTokenizer is AutoTokenizer
    assert issubclass(dure.BertTokenizer, dure.BertTokenizerFast)
    assert issubclass(DistilBertTokenizer, DistilBertTokenizerFast)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_lower_case": False},
        {"strip_accents": False},
        {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False},
        {"do_basic_tokenize": False},
        {"unk_token": "hello", "mask_token": "<mask>", "pad_token": "<pad>"},
    ],
    ids=str,
)
@pytest.mark.parametrize("through", ["argument", "tokenizer_config.json"])
def test_a_vocabulary_file_becomes_a_tokenizer(vocab_folder, settings, through) -> None:
    if through == "tokenizer_config.json":
        write(vocab_folder, "tokenizer_config.json", settings)
    arguments = settings if through == "argument" else {}
    for cls in (BertTokenizerFast, DistilBertTokenizerFast):
        ours = cls.from_pretrained(vocab_folder, **arguments)
        theirs = getattr(transformers, cls.__name__).from_pretrained(vocab_folder, **arguments)
        assert ids_of(ours) == ids_of(theirs)
        assert repr(ours) == repr(theirs)
        assert list(ours("a")) == list(theirs("a"))
        ours_json = json.loads(ours.backend_tokenizer.to_json())
        assert ours_json["normalizer"] == json.loads(theirs.backend_tokenizer.to_str())["normalizer"]


def test_files_are_taken_directly(folder, vocab_folder) -> None:
    (folder / "vocab.txt").write_text("\n".join(VOCAB), encoding="utf-8")
    from_vocab = BertTokenizer.from_pretrained(folder / "vocab.txt")
    assert ids_of(from_vocab) == ids_of(BertTokenizer(folder / "vocab.txt"))
    assert type(from_vocab).__name__ == "BertTokenizer"
    assert from_vocab("hello")["input_ids"] == [2, 5, 3]
    from_json = PreTrainedTokenizerFast(tokenizer_file=folder / "tokenizer.json", pad_token="[PAD]")
    assert ids_of(from_json) == ids_of(PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer.json"))
    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert ids_of(PreTrainedTokenizerFast(tokenizer_object=theirs)) == ids_of(from_json)
    assert ids_of(PreTrainedTokenizerFast(tokenizer_object=from_json.backend_tokenizer)) == ids_of(from_json)


def test_settings_replace_saved_ones(folder) -> None:
    write(folder, "tokenizer_config.json", {"model_max_length": 9, "padding_side": "left", "do_lower_case": True})
    tokenizer = BertTokenizerFast.from_pretrained(folder, model_max_length=5, do_lower_case=False)
    theirs = transformers.BertTokenizerFast.from_pretrained(folder, model_max_length=5, do_lower_case=False)
    assert tokenizer.model_max_length == 5
    assert tokenizer.padding_side == "left"
    assert ids_of(tokenizer) == ids_of(theirs)
    assert tokenizer(["a b c d e f", "a"], truncation=True, padding=True)["input_ids"][1][:2] == [0, 0]


def test_stored_lengths_do_not_count_but_stay(folder, tmp_path) -> None:
    document = json.loads((folder / "tokenizer.json").read_text())
    document["truncation"] = {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    document["padding"] = {
        "strategy": {"Fixed": 8}, "direction": "Left", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    write(folder, "tokenizer.json", document)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    assert ids_of(tokenizer) == ids_of(theirs)
    assert (tokenizer.padding_side, tokenizer.truncation_side, tokenizer.pad_token) == ("left", "left", "[PAD]")
    assert (theirs.padding_side, theirs.truncation_side, theirs.pad_token) == ("left", "left", "[PAD]")
    tokenizer.save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved/tokenizer.json").read_text())
    assert saved["truncation"] == document["truncation"]
    assert saved["padding"] == document["padding"]


@pytest.mark.parametrize("cls", [BertTokenizerFast, BertTokenizer, DistilBertTokenizerFast, PreTrainedTokenizerFast])
def test_saved_tokenizers_load_in_both_libraries(folder, tmp_path, cls) -> None:
    tokenizer = cls.from_pretrained(folder, model_max_length=50, pad_token="[PAD]")
    tokenizer.add_tokens(["newtoken", AddedToken("Zed", lstrip=True)])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<x>"], "bos_token": "<s>"})
    paths = tokenizer.save_pretrained(tmp_path / "saved")
    assert all(Path(path).is_file() for path in paths)
    assert {Path(path).name for path in paths} == {
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "added_tokens.json",
    }  # fmt: skip
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert type(again).__name__ == type(theirs).__name__
    assert ids_of(tokenizer) == ids_of(again) == ids_of(theirs)
    assert again.added_tokens_decoder == tokenizer.added_tokens_decoder
    assert str(again.added_tokens_decoder) == str(theirs.added_tokens_decoder)
    assert again.special_tokens_map == theirs.special_tokens_map == tokenizer.special_tokens_map
    assert again.model_max_length == theirs.model_max_length == 50
    assert again.decode([5, 6], skip_special_tokens=True) == theirs.decode([5, 6], skip_special_tokens=True)
    assert len(again) == len(theirs)
    if cls is BertTokenizerFast:  # what reads vocab.txt and added_tokens.json
        slow = transformers.BertTokenizer.from_pretrained(tmp_path / "saved")
        assert ids_of(slow) == ids_of(tokenizer)
    config = (tmp_path / "saved/tokenizer_config.json").read_text()
    assert str(folder) not in config


def test_what_transformers_saves_loads_here(folder, tmp_path) -> None:
    theirs = transformers.BertTokenizerFast.from_pretrained(folder, model_max_length=50)
    theirs.add_tokens(["newtoken"])
    theirs.add_special_tokens({"additional_special_tokens": ["<x>"]})
    theirs.save_pretrained(tmp_path / "first")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "first")
    theirs.save_pretrained(tmp_path / "saved")
    ours = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert ids_of(ours) == ids_of(theirs)
    assert ours.special_tokens_map == theirs.special_tokens_map
    ours.save_pretrained(tmp_path / "ours")
    # Its own calls leave traces in these settings; everything else is the same.
    left_out = {"max_length", "pad_to_multiple_of", "pad_token_type_id", "stride", "truncation_strategy"}
    configs = [json.loads((tmp_path / name / "tokenizer_config.json").read_text()) for name in ("saved", "ours")]
    assert {k: v for k, v in configs[0].items() if k not in left_out} == configs[1]
    for name in ("special_tokens_map.json", "added_tokens.json", "vocab.txt"):
        assert (tmp_path / "ours" / name).read_text() == (tmp_path / "saved" / name).read_text()


def test_older_files_list_special_tokens_apart(folder) -> None:
    write(folder, "special_tokens_map.json", {
        "pad_token": {"content": "[PAD]", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False},
        "mask_token": "<mask>", "additional_special_tokens": ["<x>", {"content": "<y>", "lstrip": True}],
    })  # fmt: skip
    write(folder, "added_tokens.json", {"<mask>": 105, "newtoken": 106})
    ours = BertTokenizerFast.from_pretrained(folder)
    theirs = transformers.BertTokenizerFast.from_pretrained(folder)
    assert ours.special_tokens_map == theirs.special_tokens_map
    assert ours.get_added_vocab() == theirs.get_added_vocab()
    assert ids_of(ours) == ids_of(theirs)


def test_what_transformers_5_writes(folder) -> None:
    """It writes no special_tokens_map.json, and lists tokens without a role under the old name of roles."""
    document = json.loads((folder / "tokenizer.json").read_text())
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    document["added_tokens"].append({"id": max(document["model"]["vocab"].values()) + 1, "content": "<x>", **flags})
    write(folder, "tokenizer.json", document)
    write(folder, "tokenizer_config.json", {
        "backend": "tokenizers", "is_local": True, "local_files_only": False, "tokenizer_class": "TokenizersBackend",
        "extra_special_tokens": ["<x>"], "pad_token": "[PAD]", "model_input_names": ["input_ids", "attention_mask"],
    })  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer) is PreTrainedTokenizerFast
    assert tokenizer.additional_special_tokens == ["<x>"]
    assert list(tokenizer("a<x>")) == ["input_ids", "attention_mask"]
    assert tokenizer.decode(tokenizer("a<x>")["input_ids"], skip_special_tokens=True) == "a"
    assert "is_local" not in tokenizer.init_kwargs


def test_roles_of_its_own(folder, tmp_path) -> None:
    tokenizer = BertTokenizerFast.from_pretrained(folder, extra_special_tokens={"image_token": "<image>"})
    assert tokenizer.image_token == "<image>"
    assert tokenizer.image_token_id == len(tokenizer) - 1
    tokenizer.save_pretrained(tmp_path / "saved")
    assert AutoTokenizer.from_pretrained(tmp_path / "saved").image_token == "<image>"
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "saved").image_token == "<image>"
    with pytest.raises(AttributeError, match="BertTokenizerFast has no attribute 'video_token'"):
        _ = tokenizer.video_token


def test_chat_templates_are_kept(folder, tmp_path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder, chat_template="{{ messages }}")
    tokenizer.save_pretrained(tmp_path / "saved")
    assert AutoTokenizer.from_pretrained(tmp_path / "saved").chat_template == "{{ messages }}"
    tokenizer.chat_template = {"default": "a", "tool": "b"}
    tokenizer.save_pretrained(tmp_path / "two")
    config = json.loads((tmp_path / "two/tokenizer_config.json").read_text())
    assert config["chat_template"] == [{"name": "default", "template": "a"}, {"name": "tool", "template": "b"}]


def test_prefix_and_format(folder, tmp_path) -> None:
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    paths = tokenizer.save_pretrained(tmp_path / "saved", legacy_format=False, filename_prefix="my")
    assert {Path(path).name for path in paths} == {
        "my-tokenizer.json", "my-tokenizer_config.json", "my-special_tokens_map.json",
    }  # fmt: skip


def test_saving_leaves_other_files(folder, tmp_path) -> None:
    target = tmp_path / "saved"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    tokenizer.save_pretrained(target)
    tokenizer.save_pretrained(target)
    assert (target / "notes.txt").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".") or "tmp" in path.name]
    with pytest.raises(InputError, match=r"notes\.txt is a file: give a folder"):
        tokenizer.save_pretrained(target / "notes.txt")
    with pytest.raises(InputError, match="push_to_hub=True isn't there yet"):
        tokenizer.save_pretrained(target, push_to_hub=True)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))], ids=["copy", "pickle"])
def test_copies_are_independent_and_equal(folder, copied) -> None:
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    twin = copied(tokenizer)
    assert ids_of(twin) == ids_of(tokenizer)
    twin.add_tokens(["newtoken"])
    assert len(twin) == len(tokenizer) + 1


def test_the_header_of_a_file_is_what_parsing_all_of_it_gives(small_tokenizer_json) -> None:
    document = json.loads(small_tokenizer_json)
    whole = {**document, "model": None}
    assert header_of(small_tokenizer_json.encode(), "x") == whole
    # In another order, or with the key elsewhere, all of it is parsed.
    reordered = json.dumps(dict(reversed(document.items())))
    assert header_of(reordered.encode(), "x") == document
    document["pre_tokenizer"]["model"] = 1
    assert header_of(json.dumps(document).encode(), "x") == document


def test_missing_files_are_named(tmp_path) -> None:
    with pytest.raises(MissingFileError, match=r"looked for tokenizer.json and vocab.txt in .*, which has nothing"):
        AutoTokenizer.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(MissingFileError, match=r"which has config.json"):
        BertTokenizer.from_pretrained(tmp_path)
    with pytest.raises(TokenizerError, match=r"there is no file nothing\.json"):
        PreTrainedTokenizerFast(tokenizer_file="nothing.json")
    with pytest.raises(TokenizerError, match="a tokenizer needs files: use from_pretrained"):
        PreTrainedTokenizerFast()
    with pytest.raises(InputError, match="tokenizer_object can't be a int"):
        PreTrainedTokenizerFast(tokenizer_object=5)
    for cls in (AutoTokenizer, BertTokenizer):
        with pytest.raises(InputError, match=r"takes its settings by name, but got \(5,\)"):
            cls.from_pretrained(tmp_path, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "tokenizer.json is not valid JSON"),
        (b"\xff\xfe", "tokenizer.json is not valid JSON"),
        (b"[1]", "tokenizer.json must hold a JSON object, but holds a list"),
        (b'{"model": {"type": "Dog"}}', "tokenizer.json is not a tokenizer that Dure reads"),
        (b'{"version": "1.0"}', "tokenizer.json is not a tokenizer that Dure reads"),
    ],
)
def test_a_broken_tokenizer_json_is_named(tmp_path, content, message) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(TokenizerError, match=message):
        AutoTokenizer.from_pretrained(tmp_path)


def test_other_broken_files_are_named(vocab_folder) -> None:
    (vocab_folder / "tokenizer_config.json").write_text("{'a': 1}")
    with pytest.raises(TokenizerError, match=r"tokenizer_config.json is not valid JSON .* fetch or save it again"):
        AutoTokenizer.from_pretrained(vocab_folder)
    write(vocab_folder, "tokenizer_config.json", {"added_tokens_decoder": {"5": {"__type": "AddedToken"}}})
    with pytest.raises(TokenizerError, match="an added token needs a text as its 'content'"):
        AutoTokenizer.from_pretrained(vocab_folder)
    (vocab_folder / "tokenizer_config.json").unlink()
    for content, message in [
        (b"", "vocab.txt is empty"),
        (b"a\nb\n", r"vocab.txt has no line '\[UNK\]', the token for unknown words"),
        (b"a\n\xff\n", "vocab.txt is not UTF-8 at byte 2"),
    ]:
        (vocab_folder / "vocab.txt").write_bytes(content)
        with pytest.raises(TokenizerError, match=message):
            AutoTokenizer.from_pretrained(vocab_folder)


@pytest.mark.parametrize("side", ["padding_side", "truncation_side"])
def test_a_side_is_left_or_right(folder, side) -> None:
    with pytest.raises(InputError, match=f"{side} must be 'left' or 'right', but is 'up'"):
        AutoTokenizer.from_pretrained(folder, **{side: "up"})


def test_a_foreign_class_is_pointed_out(folder, caplog) -> None:
    write(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    DistilBertTokenizerFast.from_pretrained(folder)
    assert "was saved from a BertTokenizer, but is loaded as a DistilBertTokenizerFast" in caplog.text
    caplog.clear()
    BertTokenizerFast.from_pretrained(folder)
    PreTrainedTokenizerFast.from_pretrained(folder)
    assert not caplog.records
