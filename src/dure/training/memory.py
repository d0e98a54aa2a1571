"""Memory while a model is trained on a CPU: where parameters lie, and what happens to what is freed."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

__all__ = ["gather_parameters", "keep_freed_memory"]

#: Bytes of a cache line: no two parameters share one.
_LINE = 64
#: Settings of glibc's allocator (malloc.h), and the largest piece that it can be told to reuse.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LARGEST = -1, -3, 32 << 20
#: How much freed memory a process may keep, while it trains and afterwards.
_KEPT, _KEPT_LATER = 1 << 30, 64 << 20


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


@contextlib.contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Let the process keep what a step frees for the next step, up to 1 GiB; at the end what is free goes back.

    glibc gives freed memory back to the system once it is more than a few megabytes, and the next layer gets it anew,
    page by page and filled with zeros: 10,000 pages (40 MB) in each step of a small model, which take 20 of its 200 ms.
    Nothing is done with other C libraries.
    """
    glibc = _glibc()
    if glibc is None:
        yield
        return
    glibc.mallopt(_MMAP_THRESHOLD, _LARGEST)
    glibc.mallopt(_TRIM_THRESHOLD, _KEPT)
    try:
        yield
    finally:
        glibc.mallopt(_TRIM_THRESHOLD, _KEPT_LATER)
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The process's C library, where it is glibc."""
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such library
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None
