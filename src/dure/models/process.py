"""What Dure sets for the whole process when its models are first used."""

from __future__ import annotations

import atexit
import functools
import gc
import os

from dure.layers import _kernels

__all__ = ["keep_freed_memory", "prepare"]

#: Bytes that are kept, and the largest block that is served from them.
_KEPT, _LARGEST = 256 << 20, 128 << 20
#: Whoever set the C library's allocator knows better.
_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


@functools.cache
def prepare() -> None:
    """Make the settings, once."""
    keep_freed_memory()
    # A process that ends has no need to look for garbage: Python's last search walks through all that torch defines,
    # 0.3 s of every command. Finalizers of objects that form a cycle may be left out at the end, as Python's manual
    # says; everything else ends as before.
    atexit.register(gc.freeze)


def keep_freed_memory() -> bool:
    """Let this process keep up to 256 MiB that were freed; True if that is how it is now.

    glibc gives freed blocks of more than 32 MiB, and what lies free at the end of its heap, back to the system at once,
    which clears each page anew when the next layer asks for it. A step of beam search whose logits have 42 MB spent a
    fifth of its time on that, a batch of a small encoder a twentieth. Environment variables that set the allocator
    (mallopt(3): ``MALLOC_TRIM_THRESHOLD_`` and others) switch this off.
    """
    return not any(name in os.environ for name in _SETTINGS) and _kernels.keep_freed_memory(_KEPT, _LARGEST)
