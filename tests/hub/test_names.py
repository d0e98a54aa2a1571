from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dure.errors import InputError, RepositoryNotFoundError
from dure.hub import names


@pytest.mark.parametrize(
    "name", ["gpt2", "org/name", "klue/bert-base", "a/b", "A_b.c-1/x.y_z-2", "intfloat/e5-small-v2"]
)
def test_names_of_repositories_pass(name: str) -> None:
    names.check_name(name)


@pytest.mark.parametrize(
    "name",
    ["my model", "org/", "한국어/모델", "a--b", "a..b", "-x", "x-", "org/-x", "x.git", "org/name\n", "http:", "a" * 97],
)
def test_nonsense_is_named_in_the_error(name: str) -> None:
    with pytest.raises((InputError, RepositoryNotFoundError)) as raised:
        names.check_name(name)
    assert repr(name)[1:9].rstrip("/'") in str(raised.value)


@pytest.mark.parametrize("name", ["./out", "../out", "/no/such", "~/no-such-folder", "out\\best", "out/", "a/b/c"])
def test_what_looks_like_a_path_is_a_missing_folder(name: str) -> None:
    assert names.looks_like_path(name)
    with pytest.raises(RepositoryNotFoundError, match="there is no folder"):
        names.check_name(name)


def test_missing_folder_lists_names_near_it(tmp_path) -> None:
    (tmp_path / "checkpoint-500").mkdir()
    (tmp_path / "unrelated").mkdir()
    with pytest.raises(RepositoryNotFoundError, match=r"near it in .*: checkpoint-500\)") as raised:
        names.check_name(str(tmp_path / "checkpoint-50"))
    assert "unrelated" not in str(raised.value)


def test_missing_folder_says_how_far_the_path_exists(tmp_path) -> None:
    with pytest.raises(RepositoryNotFoundError, match=f"{tmp_path} exists, but has no runs"):
        names.check_name(str(tmp_path / "runs" / "a" / "b"))


@pytest.mark.parametrize("value", [None, 3, b"gpt2", ["gpt2"]])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(InputError, match=type(value).__name__):
        names.as_text(value)


@pytest.mark.parametrize("value", ["", "  "])
def test_empty_names_are_refused(value: str) -> None:
    with pytest.raises(InputError, match="is no model"):
        names.as_text(value)


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "feature/x", "a1b2c3d", None])
def test_revisions_pass(revision: str | None) -> None:
    names.check_revision(revision)


@pytest.mark.parametrize("revision", ["../x", "a/../b", "/etc", "", "a//b", "-x", "a b", 7])
def test_revisions_that_lead_elsewhere_are_refused(revision: object) -> None:
    with pytest.raises(InputError, match="is neither a branch, a tag nor a commit"):
        names.check_revision(revision)


def test_legacy_names_have_owners_and_back() -> None:
    assert names.aliases("bert-base-uncased") == ["google-bert/bert-base-uncased"]
    assert names.aliases("google-bert/bert-base-uncased") == ["bert-base-uncased"]
    assert names.aliases("distilbert/distilbert-base-uncased") == ["distilbert-base-uncased"]
    assert names.aliases("someone/bert-base-uncased") == []
    assert names.aliases("klue/bert-base") == []
    for owner, models in names.LEGACY_NAMES.items():
        for model in models:
            names.check_name(f"{owner}/{model}")


def test_near_finds_misspelled_names_and_other_owners() -> None:
    candidates = ["klue/bert-base", "google-bert/bert-base-uncased", "x/y"]
    assert names.near("klu/bert-bse", candidates) == ["klue/bert-base"]
    assert names.near("bert-base-uncassed", candidates) == ["google-bert/bert-base-uncased"]
    assert names.near("completely-different", candidates) == []


@given(st.text(max_size=30))
def test_any_text_passes_or_is_one_clear_error(text: str) -> None:
    with contextlib.suppress(InputError, RepositoryNotFoundError):
        names.check_name(names.as_text(text))
