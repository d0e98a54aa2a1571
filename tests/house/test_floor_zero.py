"""The ground floor: errors, progress bars, the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dure import errors, progress, threads


def test_errors_form_one_tree_that_the_docstring_draws() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.DureError)
        assert name in errors.__doc__


def test_column_error_reads_as_a_sentence() -> None:
    assert str(errors.ColumnError("no column 'x'")) == "no column 'x'"


def threads_with(value: str) -> int:
    code = "from dure.threads import num_threads; print(num_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OMP_NUM_THREADS": value},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_omp_num_threads_decides() -> None:
    assert threads_with("3") == 3
    assert threads_with("2,1") == 2
    assert threads_with("nonsense") >= 1


@pytest.mark.parametrize(("text", "expected"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 1 << 30)])
def test_cgroup_quota_is_respected(tmp_path: Path, text: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert threads._cgroup_limit(tmp_path) == expected


def test_cgroup_version_one(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("300000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert threads._cgroup_limit(tmp_path) == 3
    assert threads._cgroup_limit(tmp_path / "nowhere") == 1 << 30


def test_bars_can_be_switched_on_and_off(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DURE_PROGRESS", "1")
    assert list(progress.track(range(3), description="Counting")) == [0, 1, 2]
    assert "Counting" in capsys.readouterr().err
    monkeypatch.setenv("DURE_PROGRESS", "0")
    assert list(progress.track(iter("ab"), description="Counting")) == ["a", "b"]
    assert capsys.readouterr().err == ""
