"""Which rows, in which order. Nothing is copied: only positions change."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from dure.datasets import fingerprint
from dure.datasets.schema import ClassLabel
from dure.datasets.table import Indices, Table, as_indices
from dure.errors import DatasetError, InputError

__all__ = ["filtered", "selected", "shuffled", "sorted_by", "split_sizes", "train_test_indices"]


def selected(table: Table, positions: Any) -> Table:
    """Rows by position."""
    indices = as_indices(positions, table.num_rows)
    return table.choose(indices, identity=_next(table, "select", indices))


def shuffled(table: Table, seed: int | None, generator: Any) -> Table:
    """Rows in random order; the same seed gives the order that the ``datasets`` library gives."""
    random = generator if generator is not None else np.random.default_rng(seed)
    return selected(table, random.permutation(table.num_rows))


def sorted_by(table: Table, columns: list[str], reverse: bool | list[bool]) -> Table:
    """Rows by the values of columns; equal ones keep their order, None comes last.

    Raises:
        ColumnError: No such column.
        InputError: Not one direction for each column.
    """
    reversed_ = [reverse] * len(columns) if isinstance(reverse, bool) else list(reverse)
    if len(reversed_) != len(columns):
        raise InputError(f"reverse has {len(reversed_)} directions for {len(columns)} columns")
    directions = ["descending" if backwards else "ascending" for backwards in reversed_]
    keys = list(zip(columns, directions, strict=True))
    with warnings.catch_warnings():
        # pyarrow 25 moved the place of None, which isn't even given here, to each key; older releases know no such key.
        warnings.simplefilter("ignore", FutureWarning)
        order = pc.sort_indices(table.columns(columns).read(), sort_keys=keys)
    return selected(table, np.asarray(order).astype(np.int64))


def filtered(table: Table, keep: Callable[[int, Any], list[Any]], batch_size: int) -> Table:
    """Rows that a function keeps.

    Args:
        table: The rows.
        keep: ``(position of the first row, rows)`` to one truth value per row.
        batch_size: Rows that are read at once.

    Raises:
        DatasetError: The function returned another number of values than it got rows.
    """
    kept: list[NDArray[np.int64]] = []
    for start, part in table.batches(batch_size):
        verdicts = np.asarray(list(keep(start, part)))
        if verdicts.shape != (part.num_rows,):
            raise DatasetError(
                f"filter: the function returned {len(verdicts)} values for {part.num_rows} rows; "
                "it must return one truth value per row"
            )
        kept.append(start + np.flatnonzero(verdicts))
    return selected(table, np.concatenate(kept) if kept else [])


def split_sizes(num_rows: int, test_size: float | None, train_size: float | None) -> tuple[int, int]:
    """Rows of the two parts; fractions are rounded up for the test part and down for the training part.

    Raises:
        InputError: A size is out of range, or a part would be empty.
    """
    if test_size is None and train_size is None:
        test_size = 0.25
    test = _size("test_size", test_size, num_rows, math.ceil)
    train = _size("train_size", train_size, num_rows, math.floor)
    test = num_rows - (train or 0) if test is None else test
    train = num_rows - test if train is None else train
    if train + test > num_rows:
        raise InputError(f"train_size and test_size ask for {train + test} rows, but there are {num_rows}")
    if train == 0:
        raise InputError(f"with {num_rows} rows and test_size={test_size}, no row is left for training")
    return train, test


def _size(name: str, size: float | None, num_rows: int, rounded: Callable[[float], int]) -> int | None:
    if size is None:
        return None
    is_share = isinstance(size, float)
    if not (0 < size < 1 if is_share else 0 < size < num_rows):
        allowed = "a share between 0 and 1" if is_share else f"a number of rows from 1 to {num_rows - 1}"
        raise InputError(f"{name}={size} must be {allowed}")
    return rounded(size * num_rows) if is_share else int(size)


def train_test_indices(
    table: Table, sizes: tuple[int, int], random: Any, *, is_shuffled: bool, stratify_by: str | None
) -> tuple[Indices, Indices]:
    """Positions of the rows of both parts.

    Raises:
        ColumnError: No such column.
        DatasetError: The column to stratify by isn't one of classes, or a class is too small.
    """
    train, test = sizes
    if not is_shuffled:
        if stratify_by is not None:
            raise InputError("stratify_by_column needs shuffle=True")
        return range(train), range(train, train + test)
    if stratify_by is None:
        order = random.permutation(table.num_rows)
        return np.asarray(order[test : test + train]), np.asarray(order[:test])
    if not isinstance(table.features.require(stratify_by), ClassLabel):
        raise DatasetError(
            f"column {stratify_by!r} must hold classes to stratify by: call class_encode_column({stratify_by!r}) first"
        )
    labels = np.asarray(table.column(stratify_by))
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise DatasetError(f"class {classes[counts.argmin()]} of column {stratify_by!r} has only one row: can't split")
    if min(train, test) < len(classes):
        raise DatasetError(f"a part of {min(train, test)} rows can't hold {len(classes)} classes: change the sizes")
    members = [np.flatnonzero(labels == value) for value in classes]
    of_train = _spread(counts, train, random)
    of_test = _spread(counts - of_train, test, random)
    parts: tuple[list[Any], list[Any]] = ([], [])
    for rows, count, in_train, in_test in zip(members, counts, of_train, of_test, strict=True):
        mixed = rows[random.permutation(count)]
        parts[0].extend(mixed[:in_train])
        parts[1].extend(mixed[in_train : in_train + in_test])
    return random.permutation(parts[0]), random.permutation(parts[1])


def _spread(counts: NDArray[np.int64], total: int, random: Any) -> NDArray[np.int64]:
    """How many rows of each class: in proportion, and what rounding leaves to the largest remainders.

    Ties fall to chance, in the order in which the ``datasets`` library (and scikit-learn) draws it.
    """
    exact = counts / counts.sum() * total
    given = np.floor(exact)
    missing = int(total - given.sum())
    remainders = exact - given
    for value in np.unique(remainders)[::-1]:
        if missing == 0:
            break
        (tied,) = np.where(remainders == value)
        count = min(len(tied), missing)
        given[random.choice(tied, size=count, replace=False)] += 1
        missing -= count
    result: NDArray[np.int64] = given.astype(np.int64)
    return result


def _next(table: Table, what: str, *facts: Any) -> str | None:
    return None if table.identity is None else fingerprint.of(table.identity, what, *facts)
