from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dure.errors import InputError
from dure.hub import commit
from dure.hub.commit import atomic_file, atomic_folder, write_json


class PowerCutError(Exception):
    """Stands for whatever ends a program."""


def contents(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def fill(folder: Path, version: str) -> None:
    for name in ("config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer_config.json"):
        (folder / name).write_text(version)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(version)


def write_and_fail(folder: Path) -> None:
    with atomic_folder(folder) as temporary:
        fill(temporary, "2")
        raise PowerCutError


def test_file_appears_when_the_block_ends(tmp_path) -> None:
    target = tmp_path / "new" / "file.txt"
    with atomic_file(target) as temporary:
        temporary.write_text("content")
        assert not target.exists()
    assert contents(tmp_path) == {"new/file.txt": "content"}


@pytest.mark.parametrize("error", [PowerCutError, KeyboardInterrupt])
def test_file_keeps_its_content_when_writing_fails(tmp_path, error) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")

    def write() -> None:
        with atomic_file(target) as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(error):
        write()
    assert contents(tmp_path) == {"file.txt": "old"}


def test_link_is_replaced_and_not_what_it_leads_to(tmp_path) -> None:
    blob, link = tmp_path / "blob", tmp_path / "config.json"
    blob.write_text("old")
    link.symlink_to(blob)
    with atomic_file(link) as temporary:
        temporary.write_text("new")
    assert (blob.read_text(), link.read_text(), link.is_symlink()) == ("old", "new", False)


def test_new_files_and_folders_have_the_usual_rights(tmp_path) -> None:
    old = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "file"):
            pass
        with atomic_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


def test_wrong_kind_of_target_is_an_error(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f"{tmp_path} is a folder"), atomic_file(tmp_path):
        pass
    with pytest.raises(InputError, match=f"{tmp_path / 'file'} is a file"), atomic_folder(tmp_path / "file"):
        pass


def test_new_folder_appears_whole(tmp_path) -> None:
    target = tmp_path / "runs" / "model"
    with atomic_folder(target) as temporary:
        fill(temporary, "1")
        assert not target.exists()
    assert set(contents(target).values()) == {"1"}
    assert [p.name for p in target.parent.iterdir()] == ["model"]


def test_new_folder_is_absent_when_writing_fails(tmp_path) -> None:
    with pytest.raises(PowerCutError):
        write_and_fail(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_files_of_an_existing_folder_are_replaced_and_others_stay(tmp_path) -> None:
    target = tmp_path / "model"
    with atomic_folder(target) as temporary:
        fill(temporary, "1")
    (target / "notes.md").write_text("mine")
    with atomic_folder(target) as temporary:
        (temporary / "config.json").write_text("2")
        (temporary / "sub").mkdir()
        (temporary / "sub" / "x").write_text("2")
    after = contents(target)
    assert (after["config.json"], after["sub/x"], after["notes.md"], after["model.safetensors"]) == (
        "2",
        "2",
        "mine",
        "1",
    )
    assert not any(name.endswith(".tmp") for name in after)


def test_existing_folder_is_unchanged_when_writing_fails(tmp_path) -> None:
    fill(tmp_path, "1")
    before = contents(tmp_path)
    with pytest.raises(PowerCutError):
        write_and_fail(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("num_moved", range(6))
def test_crash_between_two_files_leaves_whole_files_and_the_old_config(tmp_path, monkeypatch, num_moved) -> None:
    target = tmp_path / "model"
    with atomic_folder(target) as temporary:
        fill(temporary, "1")
    moved: list[str] = []
    real = Path.replace

    def replace(self: Path, place: Path) -> Path:
        if len(moved) == num_moved:
            raise PowerCutError
        moved.append(Path(place).relative_to(target).as_posix())
        return real(self, place)

    monkeypatch.setattr(Path, "replace", replace)
    if num_moved < 5:
        with pytest.raises(PowerCutError), atomic_folder(target) as temporary:
            fill(temporary, "2")
        assert (target / "config.json").read_text() == "1"
    else:
        with atomic_folder(target) as temporary:
            fill(temporary, "2")
        assert moved[-2:] == ["model.safetensors.index.json", "config.json"]
    assert set(contents(target).values()) <= {"1", "2"}
    assert len(contents(target)) == 5


def test_two_processes_making_the_same_folder_both_end_well(tmp_path) -> None:
    target = tmp_path / "model"
    with atomic_folder(target) as first:
        (first / "a").write_text("1")
        with atomic_folder(target) as second:
            (second / "b").write_text("2")
    assert contents(target) == {"a": "1", "b": "2"}


KILLED = """
import sys
from pathlib import Path
from dure.hub.commit import atomic_file, atomic_folder
folder = Path(sys.argv[1])
print('ready', flush=True)
version = 1
while True:
    version += 1
    with atomic_folder(folder / f'checkpoint-{version}') as temporary:
        for name in ('model.safetensors', 'config.json'):
            (temporary / name).write_text(str(version) * 200_000)
    with atomic_file(folder / 'state.json') as temporary:
        with temporary.open('w') as handle:
            for _ in range(50):
                handle.write('x' * 1000)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")
def test_whatever_is_killed_when_everything_visible_is_whole(tmp_path) -> None:
    for round_ in range(4):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
        child.stdout.readline()
        time.sleep(0.03 + 0.037 * round_)
        child.kill()
        child.wait()
        child.stdout.close()
        for folder in tmp_path.glob("checkpoint-*"):
            assert {p.name: p.stat().st_size for p in folder.iterdir() if p.suffix != ".tmp"} == dict.fromkeys(
                ("model.safetensors", "config.json"), 200_000 * len(folder.name.removeprefix("checkpoint-"))
            )
        if (tmp_path / "state.json").exists():
            assert (tmp_path / "state.json").stat().st_size == 50_000


def test_killed_in_the_middle_of_writing_leaves_the_old_folder(tmp_path) -> None:
    fill(tmp_path, "1")
    code = (
        "import os, signal, sys\n"
        "from dure.hub.commit import atomic_folder\n"
        "with atomic_folder(sys.argv[1]) as temporary:\n"
        "    (temporary / 'config.json').write_text('2')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -signal.SIGKILL
    visible = {name: text for name, text in contents(tmp_path).items() if not name.startswith(".")}
    assert set(visible.values()) == {"1"}


def test_remains_of_a_killed_process_go_after_a_day(tmp_path) -> None:
    old, young = tmp_path / ".a[1].txt.00000000.tmp", tmp_path / ".a[1].txt.11111111.tmp"
    other, folder = tmp_path / ".a1.txt.00000000.tmp", tmp_path / ".a[1].txt.22222222.tmp"
    folder.mkdir()
    (folder / "part").touch()
    for path in (old, young, other):
        path.touch()
    for path in (old, other, folder / "part", folder):
        os.utime(path, (time.time() - 25 * 3600,) * 2)
    with atomic_file(tmp_path / "a[1].txt") as temporary:
        temporary.write_text("x")
    assert {p.name for p in tmp_path.iterdir()} == {"a[1].txt", young.name, other.name}


def test_readers_never_see_half_a_file(tmp_path) -> None:
    target = tmp_path / "state.json"
    write_json(target, {"n": 0})
    seen: list[int] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            seen.append(len(json.loads(target.read_text())))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(20):
        write_json(target, {str(k): k for k in range(i * 50 + 1)})
    is_over.set()
    reader.join()
    assert seen
    assert sorted(seen) == seen


def test_json_is_readable_and_ends_with_a_line(tmp_path) -> None:
    write_json(tmp_path / "x.json", {"이름": "값", "n": [1, None]})
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert text == '{\n  "이름": "값",\n  "n": [\n    1,\n    null\n  ]\n}\n'
    write_json(tmp_path / "x.json", "\ud800")
    assert json.loads((tmp_path / "x.json").read_text()) == "\ud800"


def test_value_without_a_form_in_json_leaves_the_old_file(tmp_path) -> None:
    target = tmp_path / "x.json"
    write_json(target, 1)
    with pytest.raises(InputError, match=rf"{target} can't be written as JSON: .*set"):
        write_json(target, {"a": {1, 2}})
    assert json.loads(target.read_text()) == 1


def test_everything_is_flushed_before_it_gets_its_name(tmp_path, monkeypatch) -> None:
    events: list[str] = []
    real_flush, real_rename = commit._flush, Path.rename
    monkeypatch.setattr(commit, "_flush", lambda p: (events.append(f"flush {p.name}"), real_flush(p))[1])
    monkeypatch.setattr(Path, "rename", lambda s, t: (events.append("rename"), real_rename(s, t))[1])
    with atomic_folder(tmp_path / "model") as temporary:
        (temporary / "weights").touch()
    assert events == ["flush weights", f"flush {temporary.name}", "rename", f"flush {tmp_path.name}"]
