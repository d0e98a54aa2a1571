from __future__ import annotations

import json
from pathlib import Path

import pytest

from dure.errors import InputError
from dure.hub import cache
from dure.hub.patterns import CONFIG_PATTERNS, DEFAULT_PATTERNS, TOKENIZER_PATTERNS


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/b"}, "/old"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HF_HOME": "$OTHER/x", "OTHER": "/d"}, "/d/x/hub"),
        ({"HOME": "/home/u"}, "/home/u/.cache/huggingface/hub"),
    ],
)
def test_environment_is_read_at_each_call(variables, expected, monkeypatch) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.cache_folder() == Path(expected)
    assert cache.cache_folder("/given") == Path("/given")
    assert cache.repository_folder("org/name", "/g") == Path("/g/models--org--name")
    assert cache.repository_folder("org/name", "/g", "dataset") == Path("/g/datasets--org--name")


def test_branch_tag_commit_and_short_commit_lead_to_the_snapshot(cached, commit) -> None:
    snapshot = cached("org/name")
    cached("org/name", {}, ref="refs/pr/1")
    cached("org/name", {}, ref="v1.0")
    repository = cache.repository_folder("org/name")
    for revision in (None, "main", "v1.0", "refs/pr/1", commit, commit[:7], commit[:4]):
        assert cache.find_snapshot(repository, revision) == snapshot
    for revision in ("other", "abcdef0", commit[:3], commit[:7].upper()):
        assert cache.find_snapshot(repository, revision) is None
    assert cache.find_snapshot(cache.repository_folder("org/other")) is None
    assert cache.cached_names() == ["org/name"]


def test_ambiguous_short_commit_is_an_error(cached, commit) -> None:
    other = commit[:8] + "f" * 32
    cached("org/name")
    cached("org/name", commit=other, ref=None)
    with pytest.raises(InputError, match=f"{commit[:6]}.*{other}"):
        cache.find_snapshot(cache.repository_folder("org/name"), commit[:6])


def test_reference_that_is_being_written_finds_nothing(cached) -> None:
    repository = cached("org/name").parents[1]
    (repository / "refs" / "main").write_text("")
    assert cache.find_snapshot(repository) is None


def without(name: str) -> dict[str, bytes]:
    files = {"config.json": b"{}", "model.safetensors": b"w", "tokenizer.json": b"t", "README.md": b"r"}
    return {key: value for key, value in files.items() if key != name}


@pytest.mark.parametrize(
    ("lacking", "patterns", "missing"),
    [
        ("README.md", DEFAULT_PATTERNS, []),
        ("tokenizer.json", DEFAULT_PATTERNS, []),
        ("config.json", DEFAULT_PATTERNS, ["config.json"]),
        ("model.safetensors", DEFAULT_PATTERNS, ["model.safetensors"]),
        ("model.safetensors", TOKENIZER_PATTERNS, []),
        ("config.json", TOKENIZER_PATTERNS, []),
        ("tokenizer.json", TOKENIZER_PATTERNS, ["tokenizer.json or vocab.txt"]),
        ("model.safetensors", CONFIG_PATTERNS, []),
        ("config.json", CONFIG_PATTERNS, ["config.json"]),
        ("", ("modules.json", "README.md"), ["modules.json"]),
        ("", ("data/*.csv",), ["data/*.csv"]),
        ("", ("*.md",), []),
    ],
)
def test_complete_means_what_was_asked_for_is_there(cached, lacking, patterns, missing) -> None:
    assert cache.missing_files(cached("org/name", without(lacking)), patterns) == missing


@pytest.mark.parametrize("single", ["model.safetensors", "pytorch_model.bin"])
def test_every_shard_of_an_index_is_needed(cached, single) -> None:
    shards = [f"{Path(single).stem}-0000{i}-of-00002{Path(single).suffix}" for i in (1, 2)]
    index = json.dumps({"weight_map": {"a": shards[0], "b": shards[1]}}).encode()
    files = {"config.json": b"{}", f"{single}.index.json": index, shards[0]: b"1"}
    snapshot = cached("org/name", files)
    assert cache.missing_files(snapshot, DEFAULT_PATTERNS) == [shards[1]]
    (snapshot / shards[1]).write_bytes(b"2")
    assert cache.missing_files(snapshot, DEFAULT_PATTERNS) == []


@pytest.mark.parametrize("index", [b"", b"{}", b"[]", b'{"weight_map": 3}', b"\xff"])
def test_damaged_index_is_not_complete(cached, index) -> None:
    snapshot = cached("org/name", {"config.json": b"{}", "model.safetensors.index.json": index})
    assert "not an index" in cache.missing_files(snapshot, DEFAULT_PATTERNS)[0]


def test_links_whose_blob_is_gone_are_no_files(cached) -> None:
    snapshot = cached("org/name")
    (snapshot / "model.safetensors").resolve().unlink()
    assert cache.missing_files(snapshot, DEFAULT_PATTERNS) == ["model.safetensors"]
    assert cache.missing_files(snapshot, TOKENIZER_PATTERNS) == []


def test_blobs_that_are_still_arriving_are_no_files(cached) -> None:
    snapshot = cached("org/name")
    blob = (snapshot / "config.json").resolve()
    blob.rename(f"{blob}.incomplete")
    assert cache.missing_files(snapshot, DEFAULT_PATTERNS) == ["config.json"]


def test_weights_in_one_format_are_enough(cached) -> None:
    snapshot = cached("org/name", {"config.json": b"{}", "model.safetensors": b"w", "pytorch_model.bin": b"p"})
    (snapshot / "pytorch_model.bin").resolve().unlink()
    assert cache.missing_files(snapshot, DEFAULT_PATTERNS) == []


def test_a_cache_written_by_huggingface_hub_is_read(tiny_hub, tmp_path) -> None:
    import huggingface_hub

    tiny_hub.put("org/name", {"config.json": b"{}", "model.safetensors": b"w"})
    path = huggingface_hub.snapshot_download("org/name", endpoint=tiny_hub.endpoint, cache_dir=tmp_path)
    found = cache.find_snapshot(cache.repository_folder("org/name", tmp_path))
    assert found == Path(path)
    assert cache.missing_files(found, DEFAULT_PATTERNS) == []
