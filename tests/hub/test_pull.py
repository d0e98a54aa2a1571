from __future__ import annotations

import argparse

import pytest

from dure.cli import pull
from dure.errors import RepositoryNotFoundError


def run(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    pull.add_parser(parser.add_subparsers())
    args = parser.parse_args(["pull", *argv])
    assert args.run is pull.run
    return pull.run(args)


def test_pull_fetches_and_says_where(tiny_hub, commit, capsys) -> None:
    tiny_hub.put("org/name", {"config.json": b"{}", "model.safetensors": b"w"})
    assert run("org/name") == 0
    assert f"org/name at {commit}: 2 files, 0.0 MB in " in capsys.readouterr().out
    tiny_hub.requests.clear()
    assert run("org/name", "--revision", commit) == 0
    assert tiny_hub.requests
    assert tiny_hub.fetched == []


def test_pull_of_a_folder_says_so(tmp_path, capsys) -> None:
    assert run(str(tmp_path)) == 0
    assert "is a folder here" in capsys.readouterr().out


def test_pull_without_a_network_fails_with_one_line(monkeypatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RepositoryNotFoundError, match="org/name was not found"):
        run("org/name")


def test_help_teaches_by_example(capsys) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    assert "dure pull distilbert/distilbert-base-uncased" in capsys.readouterr().out
