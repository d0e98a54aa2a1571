"""Rows to batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dure.errors import InputError

__all__ = ["DataCollatorWithPadding", "default_data_collator"]

#: Names that data sets use for labels; models call them ``labels``.
_LABEL_NAMES = ("label", "label_ids")


@dataclass
class DataCollatorWithPadding:
    """Pads rows to the longest of the batch, and calls labels ``labels``.

    Attributes:
        tokenizer: Knows what to pad with.
        padding: True or "longest", "max_length", or False.
        max_length: For "max_length".
        pad_to_multiple_of: Round the length up.
        return_tensors: "pt" or "np".
    """

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Any]) -> Any:
        """Rows ``[{"input_ids": [...], ...}, ...]`` to a batch of tensors ``(rows, length)``."""
        batch = self.tokenizer.pad(
            features,
            padding=self.padding,
            max_length=self.max_length,
            pad_to_multiple_of=self.pad_to_multiple_of,
            return_tensors=self.return_tensors,
        )
        for name in _LABEL_NAMES:
            if name in batch:
                batch["labels"] = batch.pop(name)
        return batch


def default_data_collator(features: Sequence[Any], return_tensors: str = "pt") -> dict[str, Any]:
    """Rows whose columns have equal shapes to a batch of tensors; texts and None are left out.

    Raises:
        InputError: A column's values differ in shape, as token ids of different lengths do.
    """
    import numpy as np
    import torch

    batch: dict[str, Any] = {}
    for name in features[0]:
        values = [row[name] for row in features]
        if isinstance(values[0], str) or values[0] is None:
            continue
        try:
            stacked = torch.stack([torch.as_tensor(value) for value in values])
        except (RuntimeError, ValueError, TypeError) as error:
            raise InputError(
                f"column {name!r} can't be made into one tensor: {error}; to pad texts of different lengths, use "
                "DataCollatorWithPadding(tokenizer), or give the Trainer processing_class=tokenizer"
            ) from error
        key = "labels" if name in _LABEL_NAMES else name
        batch[key] = np.asarray(stacked) if return_tensors == "np" else stacked
    return batch
