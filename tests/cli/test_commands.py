"""`dure train`, `dure run`, `dure quickstart`: what they print, write, and refuse."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time

import pytest

import dure
from dure.cli.main import main


def train(run, tiny, reviews, tmp_path, *more):
    columns = ("--text", "review", "--label", "stars")
    return run("train", "--data", reviews, *columns, "--model", tiny, "--output", tmp_path / "out", *more)


def test_train_then_run(run, tiny, reviews, tmp_path, monkeypatch):
    code, out, err = train(run, tiny, reviews, tmp_path, "--epochs", 8, "--learning-rate", 0.01)
    assert (code, err) == (0, "")
    assert "accuracy 1.0000  f1 1.0000" in out
    assert "true \\ predicted" in out
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["accuracy"] == 1.0
    assert not list((tmp_path / "out").glob("checkpoint-*"))
    config = dure.AutoConfig.from_pretrained(tmp_path / "out")
    assert config.id2label == {0: "high", 1: "low"}
    ask = ("run", "text-classification", "--model", tmp_path / "out")
    code, out, _ = run(*ask, "the tea was good", "the tea was bad, a cup")
    assert [line.split()[1] for line in out.splitlines()] == ["high", "low"]
    (tmp_path / "texts.txt").write_text("the tea was good\nbad\n\n맛있다 🙂\n")
    code, out, _ = run(*ask, "--file", tmp_path / "texts.txt", "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["text"] for answer in answers] == ["the tea was good", "bad", "", "맛있다 🙂"]
    assert answers[0]["answer"]["label"] == "high"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the tea was bad\n")))
    code, out, _ = run(*ask)
    assert out.split()[1] == "low"
    code, out, _ = run("run", "feature-extraction", "--model", tmp_path / "out", "good tea")
    assert "4 tokens x 16 numbers" in out


def test_pairs_with_validation_and_test_files(run, tiny, tmp_path):
    for name, count in (("train", 30), ("valid", 8), ("test", 6)):
        rows = [f"good{' tea' * (i % 3)}\t{'fine' if i % 2 else 'poor'} cup\t{i % 2}" for i in range(count)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(["first\tsecond\tsame", *rows]) + "\n")
    code, out, _ = run(
        *("train", "--data", tmp_path / "train.tsv", "--validation", tmp_path / "valid.tsv"),
        *("--test", tmp_path / "test.tsv", "--text", "first", "--text-pair", "second", "--label", "same"),
        *("--model", tiny, "--output", tmp_path / "out", "--epochs", 2),
    )
    assert code == 0
    table = out.partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in table] == ["Epoch", "1", "2"]
    assert f"on 6 texts of {tmp_path / 'test.tsv'}" in out


def test_same_seed_same_model(run, tiny, reviews, tmp_path):
    first, second = (
        train(run, tiny, reviews, tmp_path, "--epochs", 1, "--overwrite", "--seed", 7)[1] for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("review,sars\ngood,1\n", "has no column 'stars'; it has review, sars"),
        ("review,stars\ngood,1\nbad,\n", "row 2: the label (stars) is empty"),
        ("review,stars\ngood,1\nbad,2,3\n", "row 3: 3 fields"),
        ("review,stars\ngood,1\nfine,1\n", "has only the label '1'"),
        ("", "is empty"),
        (b"review,stars\n\xff,1\n", "byte 0xff at position 13"),
    ],
)
def test_wrong_data_is_one_line_and_nothing_is_written(run, tiny, tmp_path, content, match):
    path = tmp_path / "reviews.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, _, err = train(run, tiny, path, tmp_path)
    assert code == 1
    assert err.count("\n") == 1
    assert err.startswith("dure: error: ")
    assert str(path) in err
    assert match in err
    assert not (tmp_path / "out").exists()


def test_a_label_that_training_never_shows(run, tiny, reviews, tmp_path):
    other = tmp_path / "valid.csv"
    other.write_text("review,stars\ngood,high\nbad,middle\n")
    code, _, err = train(run, tiny, reviews, tmp_path, "--validation", other)
    assert code == 1
    assert f"{other}, row 2: stars='middle'" in err
    assert "high, low" in err


def test_refusals(run, tiny, reviews, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.json").write_text("{}")
    code, _, err = train(run, tiny, reviews, tmp_path)
    assert (code, "--overwrite" in err) == (1, True)
    assert (tmp_path / "out" / "config.json").read_text() == "{}"
    code, _, err = train(run, tiny, reviews, tmp_path, "--overwrite", "--held-out", 2)
    assert "held_out=2.0" in err
    code, _, err = train(run, tiny, tmp_path / "reviews.xls", tmp_path, "--overwrite")
    assert "must end in .csv" in err
    code, _, err = run("run", "text-classification", "--model", tiny, "--file", "x", "text")
    assert "not both" in err
    code, _, err = run("run", "text-classification", "--model", tiny, "--file", tmp_path / "none.txt")
    assert (code, "none.txt" in err) == (1, True)
    (tmp_path / "latin.txt").write_bytes(b"ok\ncaf\xe9\n")
    code, _, err = run("run", "feature-extraction", "--model", tiny, "--file", tmp_path / "latin.txt")
    assert "latin.txt, line 2: not UTF-8" in err
    code, _, err = run("run", "poetry", "--model", tiny, "text")
    assert "unknown task 'poetry'" in err


def test_nothing_to_ask_about(run, tiny, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    code, _, err = run("run", "feature-extraction", "--model", tiny)
    assert (code, "pipe texts in" in err) == (1, True)


def test_a_model_that_is_not_there_says_so_at_once(run, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    started = time.perf_counter()
    code, _, err = run("run", "text-classification", "--model", "nobody/nothing", "text")
    assert code == 1
    assert "nobody/nothing" in err
    assert "dure pull nobody/nothing" in err
    assert err.count("\n") == 1
    assert time.perf_counter() - started < 30  # a hang, not a speed


def test_usage(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "examples:" in out
    for command in ("train", "run", "pull", "quickstart"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert "dure" in out
    assert run("train")[0] == 2
    assert run()[0] == 2
    assert run("pull", "a/b", "--speed", "5")[0] == 2
    assert run("--version")[1] == f"dure {dure.__version__}\n"


def test_debug_shows_the_traceback(tmp_path):
    arguments = ["train", "--data", "x.csv", "--text", "a", "--label", "b", "--model", "m", "--output", str(tmp_path)]
    with pytest.raises(dure.errors.DureError):
        main(["--debug", *arguments])


def test_unexpected_errors_are_one_line_too(run, monkeypatch):
    def fail(_):
        raise ZeroDivisionError("of\nall things")

    monkeypatch.setattr("dure.cli.pull.run", fail)
    code, _, err = run("pull", "x/y")
    assert (code, err) == (1, "dure: error: ZeroDivisionError: of all things (dure --debug ... shows where)\n")


def test_control_c_ends_with_130_and_resume_goes_on(tiny, tmp_path, run):
    lines = [f"the tea was {('good', 'bad')[i % 2]},{i % 2}" for i in range(1000)]
    path = tmp_path / "many.csv"
    path.write_text("\n".join(["review,stars", *lines]) + "\n")
    options = ["--data", path, "--text", "review", "--label", "stars", "--model", tiny, "--output", tmp_path / "out"]
    command = [sys.executable, "-m", "dure.cli.main", "train", *map(str, options), "--epochs", "200"]
    # Whoever runs the tests in the background has interrupts ignored, and what they start inherits that.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "out").glob("checkpoint-*")) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, err
    assert "--resume" in out
    assert err == "dure: interrupted\n"
    assert not (tmp_path / "out" / "config.json").exists()
    (checkpoint,) = (tmp_path / "out").glob("checkpoint-*")
    done = int(checkpoint.name.split("-")[1]) // 100
    code, out, err = run("train", *options, "--epochs", done + 1, "--resume")
    assert (code, err) == (0, "")
    assert (tmp_path / "out" / "config.json").is_file()


def test_quickstart(run, tmp_path, monkeypatch, tiny):
    monkeypatch.setattr("dure.cli.quickstart._MODEL", str(tiny))
    code, out, err = run("quickstart", "--output", tmp_path / "out", "--epochs", 1)
    assert (code, err) == (0, "")
    assert "accuracy" in out
    assert "true \\ predicted" in out
    assert "dure train --data FILE.csv" in out


def test_quickstart_data_has_no_doubles():
    import csv
    import importlib.resources

    text = (importlib.resources.files("dure.cli") / "data" / "messages.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) >= 360
    assert len({row["text"].lower() for row in rows}) == len(rows)
    labels = [row["label"] for row in rows]
    assert len(set(labels)) == 6
    assert min(labels.count(label) for label in set(labels)) >= 60


def test_run_serves_other_tasks(run, tiny, tmp_path):
    heads = {"ner": "ForTokenClassification", "fill-mask": "ForMaskedLM", "question-answering": "ForQuestionAnswering"}
    folders = {}
    for task, head in heads.items():
        model = getattr(dure, f"Bert{head}")(dure.BertConfig.from_pretrained(tiny))
        folders[task] = tmp_path / task
        model.save_pretrained(folders[task])
        dure.AutoTokenizer.from_pretrained(tiny).save_pretrained(folders[task])
    code, out, _ = run("run", "ner", "--model", folders["ner"], "good tea", "--json")
    assert code == 0
    assert json.loads(out)["answer"][0]["word"]
    code, out, _ = run("run", "fill-mask", "--model", folders["fill-mask"], "good [MASK]")
    assert code == 0
    assert out.endswith("<- good [MASK]\n")
    (tmp_path / "context.txt").write_text("the tea\nwas good\n")
    ask = ("run", "question-answering", "--model", folders["question-answering"])
    code, out, _ = run(*ask, "--context", tmp_path / "context.txt", "was tea good")
    assert code == 0, out
    assert run(*ask, "was tea good")[2].startswith("dure: error: question-answering needs --context")
    assert "is for question-answering" in run("run", "ner", "--model", folders["ner"], "a", "--context", "x")[2]
    assert "is for zero-shot" in run("run", "ner", "--model", folders["ner"], "a", "--labels", "x")[2]


def test_run_explains(run, tiny, tmp_path):
    page = tmp_path / "page.html"
    code, out, _ = run("run", "feature-extraction", "--model", tiny, "good tea", "--explain", page)
    assert code == 0
    assert "shapes through the model" in out
    assert page.read_text().startswith("<!doctype html>")
    code, _, err = run("run", "feature-extraction", "--model", tiny, "a", "b", "--explain", page)
    assert (code, "about one text, not 2" in err) == (1, True)
