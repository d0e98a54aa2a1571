"""The commands about tokenizers: texts as a model sees them, and a vocabulary for one's own texts."""

from __future__ import annotations

import io
import json
import sys

import pytest
import transformers

from dure.cli.main import main
from dure.tokenizers.auto import AutoTokenizer

CORPUS = "The first message says hello.\nThe second message says goodbye to the first.\n한국어 문장 하나.\n" * 20


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict:
    """A tokenizer of each kind."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "corpus.txt").write_text(CORPUS, encoding="utf-8")
    found = {}
    for algorithm in ("byte-bpe", "wordpiece", "bpe", "unigram", "word-level"):
        code = main([
            "train-tokenizer", "--algorithm", algorithm, "--files", str(folder / "corpus.txt"), "--vocab-size", "320",
            "--output", str(folder / algorithm), "--special-tokens", "<user>", "--lowercase", "--max-length", "64",
        ])  # fmt: skip
        assert code == 0
        found[algorithm] = folder / algorithm
    return found


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece", "bpe", "unigram", "word-level"])
def test_trained_tokenizers_load_everywhere(trained, algorithm) -> None:
    ours = AutoTokenizer.from_pretrained(trained[algorithm])
    theirs = transformers.AutoTokenizer.from_pretrained(trained[algorithm])
    text = "The FIRST message <user> says 한국어 문장"
    assert ours(text)["input_ids"] == theirs(text)["input_ids"]
    assert ours.decode(ours(text)["input_ids"]) == theirs.decode(theirs(text)["input_ids"])
    assert len(ours) <= 321
    assert "<user>" in ours.tokenize(text)
    assert ours.model_max_length == 64
    assert ours(text, "first")["input_ids"] == theirs(text, "first")["input_ids"]
    if algorithm != "word-level":
        assert "the first message" in ours.decode(ours(text)["input_ids"])


def test_tokens_ids_and_json(trained, capsys) -> None:
    model = ["--model", str(trained["wordpiece"])]
    tokenizer = AutoTokenizer.from_pretrained(trained["wordpiece"])
    assert main(["tokenize", *model, "The first", "hello."]) == 0
    assert capsys.readouterr().out == "[CLS] the first [SEP]\n[CLS] hello . [SEP]\n"
    assert main(["tokenize", *model, "--no-special-tokens", "--ids", "the first"]) == 0
    ids = tokenizer("the first", add_special_tokens=False)["input_ids"]
    assert capsys.readouterr().out == " ".join(map(str, ids)) + "\n"
    assert main(["tokenize", *model, "--json", "the 문장"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["text"] == "the 문장"
    assert line["tokens"] == tokenizer("the 문장").tokens()
    assert line["offsets"][1] == [0, 3]


def test_every_stage(trained, capsys) -> None:
    assert main(["tokenize", "--model", str(trained["unigram"]), "--explain", "The first", "hello"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("text        The first\nnormalized  the first\npre-tokens  [▁the] [▁first]\n")
    assert out.count("\n\ntext ") == 1


def test_files_and_standard_input(trained, capsys, tmp_path, monkeypatch) -> None:
    model = ["--model", str(trained["wordpiece"])]
    (tmp_path / "texts.txt").write_bytes("\ufeffthe first\r\nhello\n".encode())
    assert main(["tokenize", *model, "--file", str(tmp_path / "texts.txt")]) == 0
    assert capsys.readouterr().out == "[CLS] the first [SEP]\n[CLS] hello [SEP]\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello\n")))
    assert main(["tokenize", *model]) == 0
    assert capsys.readouterr().out == "[CLS] hello [SEP]\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tokenize", "--model", "MODEL", "--file", "nowhere.txt"], "nowhere.txt: no such file"),
        (["tokenize", "--model", "MODEL", "--file", "x", "text"], "give texts or --file, not both"),
        (["tokenize", "--model", "/nowhere/at/all", "text"], "/nowhere/at/all"),
        (
            ["train-tokenizer", "--algorithm", "bpe", "--files", "nowhere.txt", "--output", "x"],
            "nowhere.txt: no such file",
        ),
        (
            ["train-tokenizer", "--algorithm", "bpe", "--files", "FILE", "--output", "x", "--vocab-size", "0"],
            "--vocab-size must be at least 1, but is 0",
        ),
        (["train-tokenizer", "--algorithm", "bpe", "--files", "BAD", "--output", "x"], "isn't UTF-8 text: byte 4"),
    ],
)
def test_mistakes_are_named(trained, arguments, message, capsys, tmp_path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"abc\n\xff\n")
    (tmp_path / "good.txt").write_text("abc\n")
    places = {"MODEL": trained["bpe"], "FILE": tmp_path / "good.txt", "BAD": tmp_path / "bad.txt"}
    assert main([str(places.get(argument, argument)) for argument in arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith("dure: error: ")
    assert message in err
    assert err.count("\n") == 1


def test_an_unknown_algorithm_is_a_wrong_argument(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train-tokenizer", "--algorithm", "dog", "--files", "x", "--output", "y"])
    assert stopped.value.code == 2
    assert "byte-bpe" in capsys.readouterr().err
