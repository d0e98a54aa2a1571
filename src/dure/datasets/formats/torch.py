"""Arrow to tensors: whole numbers as int64, others as float32, lists of equal length stacked; texts stay texts."""

from __future__ import annotations

from typing import Any

from dure.datasets.formats.base import Formatter
from dure.datasets.formats.numpy import default_dtype, numeric_column
from dure.datasets.formats.python import to_list

__all__ = ["TorchFormatter"]


class TorchFormatter(Formatter):
    """Tensors where values are numbers.

    Args:
        dtype: What tensors become; by default int64 or float32.
        device: Where they go.
    """

    def __init__(self, dtype: Any = None, device: Any = None) -> None:
        self._dtype = dtype
        self._device = device

    def column(self, array: Any) -> Any:
        """A column as a tensor whose first axis are the rows, or as a list where rows can't be stacked."""
        stacked = numeric_column(array)
        if stacked is not None:
            return self._tensor(stacked)
        values = [self._value(value) for value in to_list(array)]
        return self._stacked(values)

    def row(self, batch: Any) -> dict[str, Any]:
        """A row as a dictionary: numbers are tensors without axes."""
        return {name: self._cell(batch.column(place)) for place, name in enumerate(batch.schema.names)}

    def _cell(self, array: Any) -> Any:
        stacked = numeric_column(array)
        return self._value(to_list(array)[0]) if stacked is None else self._tensor(stacked)[0]

    def _tensor(self, array: Any) -> Any:
        import torch

        # A copy, because Arrow's memory is read-only and torch's isn't.
        tensor = torch.from_numpy(array.astype(default_dtype(array.dtype), copy=True))
        return tensor.to(dtype=self._dtype, device=self._device)

    def _value(self, value: Any) -> Any:
        import torch

        if isinstance(value, dict):
            return {name: self._value(part) for name, part in value.items()}
        if isinstance(value, list):
            if not value:
                return torch.tensor([], dtype=self._dtype or torch.int64, device=self._device)
            return self._stacked([self._value(part) for part in value])
        if isinstance(value, bool):
            return torch.tensor(value, device=self._device)
        if isinstance(value, (int, float)):
            dtype = self._dtype or (torch.int64 if isinstance(value, int) else torch.float32)
            return torch.tensor(value, dtype=dtype, device=self._device)
        return value

    @staticmethod
    def _stacked(values: list[Any]) -> Any:
        import torch

        shapes = {value.shape if isinstance(value, torch.Tensor) else None for value in values}
        return torch.stack(values) if values and len(shapes) == 1 and None not in shapes else values
