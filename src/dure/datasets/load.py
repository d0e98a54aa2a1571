"""``load_dataset``: files to data sets, through the cache."""

from __future__ import annotations

import difflib
import glob
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from dure.datasets import fingerprint
from dure.datasets.cache import cache_folder, open_arrow, stored
from dure.datasets.dataset import Dataset
from dure.datasets.dataset_dict import DatasetDict
from dure.datasets.readers.csv import read_csv
from dure.datasets.readers.json import read_json
from dure.datasets.readers.text import read_text_file
from dure.datasets.schema import Features
from dure.datasets.table import Table
from dure.datasets.writer import TableWriter
from dure.errors import DataFileError, InputError
from dure.typing import PathLike

__all__ = ["load_dataset"]

_READERS: dict[str, Callable[..., Any]] = {"csv": read_csv, "json": read_json, "text": read_text_file}
_SPLIT = re.compile(r"(?P<name>\w+)(?:\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?")


def load_dataset(
    path: str,
    name: str | None = None,
    data_files: Any = None,
    split: str | None = None,
    cache_dir: PathLike | None = None,
    features: Features | None = None,
    keep_in_memory: bool = False,
    **options: Any,
) -> Dataset | DatasetDict:
    """A data set from files. Arrow goes to the cache and is memory-mapped; a file that changed is read again.

    Args:
        path: The format: "csv", "json" or "text".
        name: Not used by these formats.
        data_files: A path or pattern, a list of them, or a dictionary of them by the parts' names.
        split: One part, or a piece of it: "train", "train[:100]", "train[10%:]", "train+test". None gives all parts.
        cache_dir: Another cache than the environment's.
        features: The types of the columns; by default the values decide.
        keep_in_memory: Read into memory instead of mapping the file.
        **options: Arguments of the reader, such as ``delimiter``.

    Raises:
        InputError: An unknown format, option or part.
        DataFileError: A file is missing or can't be read; says where.
    """
    del name
    if path not in _READERS:
        raise InputError(f"unknown format {path!r}; known: {', '.join(_READERS)} (with data_files=...)")
    reader = _READERS[path]
    known = [n for n, p in inspect.signature(reader).parameters.items() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            near = difflib.get_close_matches(option, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise InputError(f"load_dataset({path!r}) has no option {option!r}{hint}")
    if data_files is None:
        raise InputError(f"load_dataset({path!r}, data_files=...) needs the files")
    parts = data_files if isinstance(data_files, Mapping) else {"train": data_files}
    wanted = None if split is None else [_parsed(piece, list(parts)) for piece in split.split("+")]
    names = list(parts) if wanted is None else list(dict.fromkeys(match["name"] for match in wanted))
    loaded = DatasetDict()
    for part in names:
        table = _table(path, _files(parts[part]), options, features, cache_dir, keep_in_memory)
        loaded[str(part)] = Dataset(table, split=str(part))
    if wanted is None:
        return loaded
    pieces = [_piece(loaded[match["name"]], match) for match in wanted]
    if len(pieces) == 1:
        return pieces[0]
    arrow = pa.concat_tables([piece._table.flattened().arrow for piece in pieces], promote_options="default")
    return Dataset(Table.from_arrow(arrow, pieces[0].features), split=split)


def _files(patterns: Any) -> list[Path]:
    """The files that paths and patterns name, in order."""
    files = []
    for pattern in [patterns] if isinstance(patterns, (str, Path)) else list(patterns):
        text = str(Path(pattern).expanduser())
        found = [text] if Path(text).is_file() else sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - any pattern, absolute too
        if not found:
            raise DataFileError(f"{pattern}: no such file (looked from {Path.cwd()})")
        files += [Path(file) for file in found if not Path(file).is_dir()]
    if not files:
        raise DataFileError(f"{patterns}: a folder; name the files in it, such as '{patterns}/*.csv'")
    return files


def _table(
    kind: str, files: list[Path], options: dict[str, Any], features: Features | None, cache_dir: Any, in_memory: bool
) -> Table:
    types = None if features is None else features.to_dict()
    identity = fingerprint.of(kind, options, types, [fingerprint.of_file(file) for file in files])
    assert identity is not None  # options are plain values
    path = cache_folder(cache_dir) / kind / f"{identity}.arrow"

    def write(temporary: Path) -> None:
        writer = TableWriter(temporary)
        try:
            for file in files:
                table = Table.from_arrow(_READERS[kind](file, **options), features)
                writer.write(table.arrow, table.features)
        except BaseException:
            writer.abandon()
            raise
        writer.finish()

    arrow = stored(path, write)
    if in_memory:
        arrow = open_arrow(path, keep_in_memory=True)
    return Table.from_arrow(arrow, identity=identity, files=(path,))


def _parsed(piece: str, names: list[str]) -> re.Match[str]:
    match = _SPLIT.fullmatch(piece.strip())
    if match is None:
        raise InputError(f"split={piece!r} can't be read; write it like 'train', 'train[:100]' or 'train[10%:20%]'")
    if match["name"] not in names:
        raise InputError(f"there is no part {match['name']!r}; there are {', '.join(map(str, names))}")
    return match


def _piece(dataset: Dataset, match: re.Match[str]) -> Dataset:
    if match["start"] is None and match["stop"] is None:
        return dataset
    edges = [_position(match[edge], len(dataset)) for edge in ("start", "stop")]
    return dataset.select(range(*slice(*edges).indices(len(dataset))))


def _position(text: str | None, num_rows: int) -> int | None:
    """A row number; per cent are rounded to the nearest row."""
    if text is None:
        return None
    return round(int(text[:-1]) * num_rows / 100) if text.endswith("%") else int(text)
