"""What is written: shards, cards, and nothing half; transformers reads it all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
import torch

import dure
from dure.errors import InputError
from dure.hub.resolve import Snapshot
from dure.models import saving
from dure.models.card import card_of, read_metadata


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def equal(model: Any, other: Any) -> None:
    ours, theirs = model.state_dict(), other.state_dict()
    assert set(ours) == set(theirs)
    for name, tensor in ours.items():
        assert torch.equal(theirs[name], tensor), name


@pytest.mark.parametrize(("family", "head"), [("Bert", "ForMaskedLM"), ("GPT2", "LMHeadModel"), ("Bert", "Model")])
@pytest.mark.parametrize("size", ["5KB", 3000])
def test_shards_are_those_of_the_original(tmp_path: Path, saved: Callable, family: str, head: str, size: Any) -> None:
    transformers = pytest.importorskip("transformers")
    model, whole = saved(head, family)
    folder = tmp_path / "shards"
    model.save_pretrained(folder, max_shard_size=size)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    shards = sorted(set(index["weight_map"].values()))
    other = ["README.md", "config.json", *(["generation_config.json"] if model.can_generate() else [])]
    assert names(folder) == sorted([*shards, *other, "model.safetensors.index.json"])
    theirs, told = getattr(transformers, family + head).from_pretrained(folder, output_loading_info=True)
    assert not any(told.values()), told
    equal(model, theirs)
    equal(model, type(model).from_pretrained(folder))
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size=size)
    expected = json.loads((tmp_path / "theirs" / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == expected["metadata"]["total_size"]
    assert set(index["weight_map"]) == set(expected["weight_map"])
    limit = saving.to_bytes(size)
    for shard in shards:
        tensors = safetensors.torch.load_file(folder / shard)
        assert len(tensors) == 1 or sum(tensor.nbytes for tensor in tensors.values()) <= limit
        assert {name for name, place in index["weight_map"].items() if place == shard} == set(tensors)
    equal(type(model).from_pretrained(tmp_path / "theirs"), type(model).from_pretrained(whole))


def test_files_of_an_earlier_save_go(tmp_path: Path, saved: Callable) -> None:
    model, folder = saved()
    (folder / "vocab.txt").write_text("kept")
    model.save_pretrained(folder, max_shard_size="5KB")
    assert "model.safetensors" not in names(folder)
    many = len(names(folder))
    model.save_pretrained(folder, max_shard_size="9KB")
    assert 4 < len(names(folder)) < many
    equal(model, type(model).from_pretrained(folder))
    model.save_pretrained(folder)
    assert names(folder) == ["README.md", "config.json", "model.safetensors", "vocab.txt"]


@pytest.mark.parametrize("step", ["write_weights", "write_json", "card_of"])
def test_interrupted_save_leaves_what_was_there(saved: Callable, monkeypatch: Any, tmp_path: Path, step: str) -> None:
    model, folder = saved()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "README.md"}
    (folder / "README.md").unlink()

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(saving, step, stop)
    torch.nn.init.zeros_(model.classifier.weight)
    for place in (folder, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt):
            model.save_pretrained(place, max_shard_size="5KB")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not (tmp_path / "new").exists()


def test_arguments_of_the_original(tmp_path: Path, saved: Callable) -> None:
    model, _ = saved()
    model.save_pretrained(tmp_path / "other", is_main_process=False)
    assert not (tmp_path / "other").exists()
    with pytest.raises(InputError, match="safe_serialization=False"):
        model.save_pretrained(tmp_path / "other", safe_serialization=False)
    for size in ("5 apples", "GB", 0, -3, "0MB", True, None):
        with pytest.raises(InputError, match=f"max_shard_size is {size!r}"):
            model.save_pretrained(tmp_path / "other", max_shard_size=size)


def test_weights_of_ones_own_are_written(tmp_path: Path, saved: Callable) -> None:
    model, _ = saved()
    weights = {name: torch.zeros_like(tensor) for name, tensor in model.state_dict().items()}
    model.save_pretrained(tmp_path / "zeros", state_dict=weights)
    assert not any(tensor.any() for tensor in type(model).from_pretrained(tmp_path / "zeros").state_dict().values())


# --- cards ---


def metadata_of(folder: Path) -> dict[str, Any]:
    """As the Hub reads it."""
    repocard = pytest.importorskip("huggingface_hub.repocard")
    return repocard.metadata_load(folder / "README.md")


@pytest.mark.parametrize(
    ("family", "head", "task"),
    [
        ("Bert", "Model", "feature-extraction"),
        ("Bert", "ForSequenceClassification", "text-classification"),
        ("Bert", "ForTokenClassification", "token-classification"),
        ("Bert", "ForQuestionAnswering", "question-answering"),
        ("Bert", "ForMaskedLM", "fill-mask"),
        ("GPT2", "LMHeadModel", "text-generation"),
    ],
)
def test_card_says_what_the_model_is(saved: Callable, family: str, head: str, task: str) -> None:
    model, folder = saved(head, family)
    found = metadata_of(folder)
    assert found == {
        "library_name": "transformers", "pipeline_tag": task, "tags": ["dure", model.config.model_type],
    }  # fmt: skip
    assert f"from dure import {family}{head}" in (folder / "README.md").read_text()


def test_card_that_is_there_stays(saved: Callable) -> None:
    model, folder = saved()
    (folder / "README.md").write_text("mine")
    model.save_pretrained(folder)
    assert (folder / "README.md").read_text() == "mine"


def test_card_has_what_the_user_knows(tmp_path: Path, saved: Callable) -> None:
    model, _ = saved(id2label={0: "no", 1: "아니: 요"})
    known = {"license": "mit", "language": ["ko", "no"], "datasets": ["klue"], "metrics": ["accuracy"], "x": "a: b # c"}
    model.save_pretrained(tmp_path / "known", card=known)
    found = metadata_of(tmp_path / "known")
    assert {key: found[key] for key in known} == known
    ours = read_metadata(Snapshot("known", tmp_path / "known", None, "folder"))
    assert ours == found
    assert "- Labels: no, 아니: 요" in (tmp_path / "known" / "README.md").read_text()


@pytest.mark.filterwarnings("ignore:Some weights")
def test_card_inherits_from_the_model_it_was_trained_from(tmp_path: Path, saved: Callable) -> None:
    _, folder = saved("Model")
    (folder / "README.md").write_text(
        "---\nlicense: apache-2.0\nlanguage:\n- en\n- ko\ndatasets: [wikipedia]\nwidget:\n- text: 'a: b'\n"
        "model-index:\n- name: x\n  results: []\n---\n\n# Base\n"
    )
    tuned = dure.BertForSequenceClassification.from_pretrained(folder)
    assert tuned.origin.path == folder
    tuned.save_pretrained(tmp_path / "tuned")
    found = metadata_of(tmp_path / "tuned")
    assert (found["license"], found["language"]) == ("apache-2.0", ["en", "ko"])
    assert str(folder) not in (tmp_path / "tuned" / "README.md").read_text()
    tuned.origin = Snapshot("org/base", folder, "0" * 40, "cache")
    card = card_of(tuned)
    assert "\nbase_model: org/base\n" in card
    assert "wikipedia" not in card
    (tmp_path / "tuned" / "README.md").write_text(card)
    again = dure.BertForSequenceClassification.from_pretrained(tmp_path / "tuned")
    assert "\nbase_model: org/base\n" in card_of(again)


@pytest.mark.filterwarnings("ignore:Some weights")
@pytest.mark.parametrize(
    "text", ["", "---\n", "---\n---\n", "no metadata", "---\n:\n- \n- x\n---\n", "---\na: [b\n---"]
)
def test_any_card_can_be_read(saved: Callable, text: str) -> None:
    model, folder = saved("Model")
    (folder / "README.md").write_text(text)
    assert card_of(type(model).from_pretrained(folder)).startswith("---\nlibrary_name: transformers\n")


class FakeHub:
    """Notes what is uploaded."""

    calls: list[tuple[str, Any]]
    has_card = False

    def __init__(self, token: Any = None) -> None:
        FakeHub.calls = [("token", token)]

    def create_repo(self, repo_id: str, **options: Any) -> Any:
        self.calls.append(("create", (repo_id, options)))
        return SimpleNamespace(repo_id=f"me/{repo_id}")

    def file_exists(self, *_: Any, **__: Any) -> bool:
        return self.has_card

    def upload_folder(self, *, folder_path: str, **options: Any) -> str:
        self.calls.append(("upload", options))
        self.calls.append(("tags", None if self.has_card else metadata_of(Path(folder_path))["tags"]))
        model = dure.BertForSequenceClassification.from_pretrained(folder_path)
        self.calls.append(("files", (names(Path(folder_path)), model.num_parameters())))
        return "done"


def test_push_to_hub(saved: Callable, monkeypatch: Any) -> None:
    model, _ = saved()
    monkeypatch.setattr("huggingface_hub.HfApi", FakeHub)
    assert model.push_to_hub("mine", private=True, token="t", commit_message="first") == "done"
    told = dict(FakeHub.calls)
    assert told["token"] == "t"
    assert told["create"] == ("mine", {"private": True, "exist_ok": True})
    assert told["upload"] == {
        "repo_id": "me/mine", "commit_message": "first", "revision": None, "create_pr": False,
        "commit_description": None,
    }  # fmt: skip
    assert told["files"] == (["README.md", "config.json", "model.safetensors"], model.num_parameters())
    monkeypatch.setattr(FakeHub, "has_card", True)
    model.push_to_hub("mine", max_shard_size="5KB")
    assert "README.md" not in dict(FakeHub.calls)["files"][0]
    assert "model.safetensors.index.json" in dict(FakeHub.calls)["files"][0]


def test_push_to_hub_while_saving(saved: Callable, monkeypatch: Any, tmp_path: Path) -> None:
    model, _ = saved()
    monkeypatch.setattr("huggingface_hub.HfApi", FakeHub)
    model.save_pretrained(tmp_path / "stars", push_to_hub=True, commit_message="saved", tags=["ko"])
    assert "model.safetensors" in names(tmp_path / "stars")
    told = dict(FakeHub.calls)
    assert told["create"][0] == "stars"
    assert told["upload"]["commit_message"] == "saved"
    assert told["tags"] == ["dure", "bert", "ko"]
    model.save_pretrained(tmp_path / "stars", push_to_hub=True, repo_id="org/other", token=False)
    assert dict(FakeHub.calls)["create"][0] == "org/other"
    with pytest.raises(InputError, match="commit_message: no argument of save_pretrained without push_to_hub=True"):
        model.save_pretrained(tmp_path / "stars", commit_message="lost")
