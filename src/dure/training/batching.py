"""Which examples go into which batch, and in which order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from dure.errors import InputError, TrainingError

__all__ = ["Examples", "accepted_columns", "evaluation_batches", "training_batches"]

#: Batches whose examples are sorted together: enough that little is padded, few enough that chance mixes them.
_BATCHES_TOGETHER = 50
#: Names that tutorials use for labels; models call them ``labels``.
_LABEL_NAMES = {"label": "labels", "label_ids": "labels"}


class Examples:
    """A data set as the loop needs it: rows with the columns that the model takes, and their lengths.

    Args:
        dataset: Anything with a length whose rows are dictionaries, read by number.
        collate: Makes a batch out of rows.
        columns: The columns to keep; None keeps all.
        length_column: A column that holds lengths, where there is one.
    """

    def __init__(
        self,
        dataset: Any,
        collate: Callable[[list[dict[str, Any]]], Any],
        columns: set[str] | None,
        length_column: str = "length",
    ) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise InputError(
                f"a data set must have a length and rows that are read by number; {type(dataset).__name__} has not"
            )
        if len(dataset) == 0:
            raise TrainingError("the data set has no rows")
        self.dataset = dataset
        self.collate = collate
        self.columns = columns
        self.length_column = length_column
        self._check_columns()

    def __len__(self) -> int:
        return len(self.dataset)

    def _check_columns(self) -> None:
        first = self.dataset[0]
        if not hasattr(first, "keys"):
            raise InputError(f"rows must be dictionaries of columns, not {type(first).__name__}")
        if self.columns is not None and not self._kept(first):
            raise InputError(
                f"no column of the data set is an argument of the model: it has {', '.join(map(str, first))}, and the "
                f"model takes {', '.join(sorted(self.columns))}; tokenize the texts first: "
                "dataset.map(lambda rows: tokenizer(rows['text'], truncation=True), batched=True)"
            )

    def _kept(self, row: Any) -> dict[str, Any]:
        if self.columns is None:
            return dict(row)
        return {name: row[name] for name in row.keys() if name in self.columns}  # noqa: SIM118 - rows may be lazy

    def batch(self, indices: Sequence[int]) -> Any:
        """The batch of these rows."""
        batch = self.collate([self._kept(self.dataset[i]) for i in indices])
        for old, new in _LABEL_NAMES.items():
            if old in batch and new not in batch:
                batch[new] = batch.pop(old)
        return batch

    def lengths(self) -> list[int] | None:
        """How many tokens each row has; None where rows hold none."""
        names = self.dataset[0].keys()
        if self.length_column in names:
            return [int(length) for length in self._column(self.length_column)]
        if "input_ids" not in names or getattr(self.dataset[0]["input_ids"], "__len__", None) is None:
            return None
        count = getattr(self.dataset, "list_lengths", None)  # counted in Arrow, without making a list of lists
        if count is not None:
            return [int(length) for length in count("input_ids")]
        return [len(ids) for ids in self._column("input_ids")]

    def _column(self, name: str) -> Iterator[Any]:
        return (self.dataset[i][name] for i in range(len(self.dataset)))


def accepted_columns(model: Any, label_names: Sequence[str]) -> set[str]:
    """The columns that a model's ``forward`` takes, labels by all their names included."""
    names = set(inspect.signature(model.forward).parameters)
    return names | set(label_names) | set(_LABEL_NAMES)


def training_batches(
    count: int, batch_size: int, seed: int, epoch: int, *, lengths: Sequence[int] | None = None, drop_last: bool = False
) -> list[list[int]]:
    """Row numbers of one epoch's batches, in an order that seed and epoch decide.

    With lengths, rows of about the same length go together: out of a random order, as many rows as 50 batches take are
    sorted by length and cut into batches, and all batches are shuffled again. The widest comes first: if the memory
    doesn't suffice, that shows at once.

    Args:
        count: Rows of the data set.
        batch_size: Rows of a batch; the last one may be smaller.
        seed: The same seed and epoch give the same batches.
        epoch: From 0.
        lengths: Tokens of each row; None shuffles alone.
        drop_last: Leave out a batch that isn't full.
    """
    generator = torch.Generator().manual_seed(seed + epoch)
    order = torch.randperm(count, generator=generator).tolist()
    if lengths is not None:
        together = batch_size * _BATCHES_TOGETHER
        pools = [order[i : i + together] for i in range(0, count, together)]
        order = [i for pool in pools for i in sorted(pool, key=lengths.__getitem__, reverse=True)]
    batches = [order[i : i + batch_size] for i in range(0, count, batch_size)]
    if drop_last and len(batches[-1]) < batch_size:
        batches.pop()
    if lengths is not None and batches:
        batches = [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
        widest = max(range(len(batches)), key=lambda i: max(lengths[row] for row in batches[i]))
        batches[0], batches[widest] = batches[widest], batches[0]
    return batches


def evaluation_batches(count: int, batch_size: int, lengths: Sequence[int] | None) -> list[list[int]]:
    """Row numbers of all batches, longest rows first; whoever reads the results puts them back in order."""
    order = list(range(count))
    if lengths is not None:
        order.sort(key=lengths.__getitem__, reverse=True)
    return [order[i : i + batch_size] for i in range(0, count, batch_size)]
