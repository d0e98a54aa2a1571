"""Attention without gradients, on a CPU, where each text's queries look at one span of keys: a kernel of our own.

Torch's kernel wants texts padded to one length, and is made for long ones. Sentences of some 30 tokens took it a
seventh of a small encoder's time, and moving them into padding and back another twentieth; here both take a twentieth.
Texts of 8,000 tokens take five sixths of its time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dure.layers import _kernels
from dure.layers.following import is_followed, is_ordinary
from dure.layers.mask import Mask
from dure.layers.packing import Packing

__all__ = ["find_spans", "spanned_attention"]

#: What a head's size must be a multiple of; 0 on processors where the kernel isn't.
_UNIT = _kernels.head_size_unit()


def spanned_attention(
    query: Tensor, key: Tensor, value: Tensor, spans: Tensor, *, scale: float | None, is_causal: bool
) -> Tensor:
    """As :func:`dure.layers.attention.attend`.

    Args:
        query: ``(num_queries, num_heads, head_size)``.
        key: ``(num_tokens, num_key_value_heads, head_size)``, or ``(batch, num_key_value_heads, keys, head_size)``.
        value: As ``key``.
        spans: What :func:`find_spans` found.
        scale: What scores are multiplied with; ``head_size ** -0.5`` by default.
        is_causal: The last query of a text sees all its keys, each before it one less.

    Returns:
        ``(num_queries, num_heads * head_size)``.
    """
    num_queries, num_heads, head_size = query.shape
    context = query.new_empty(num_queries, num_heads * head_size)
    strides = [stride for tensor in (query, key, value) for stride in _strides(tensor)]
    _kernels.attention(
        query.data_ptr(), key.data_ptr(), value.data_ptr(), context.data_ptr(), spans.data_ptr(), strides,
        [len(spans), num_heads, key.shape[1], head_size], head_size**-0.5 if scale is None else scale,
        query.dtype == torch.bfloat16, is_causal,
    )  # fmt: skip
    return context


def find_spans(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    packing: Packing,
    key_packing: Packing,
    key_mask: Tensor | None,
    mask: Mask,
    is_first_only: bool,
) -> Tensor | None:
    """Each text's first query, end of queries, first key, end of keys: ``(texts, 4)``; None where torch must do it.

    The kernel takes addresses: here it is made sure that they hold what is asked of them. Arguments are those of
    :func:`dure.layers.attention.attend`.
    """
    if not _fits(query, key, value):
        return None
    num_queries, num_texts = packing.batch_size if is_first_only else packing.num_tokens, len(key)
    key_length = key.shape[2]
    if key.dim() == 3:
        num_texts, key_length = key_packing.batch_size, key_packing.length
        if key_mask is not None or not key_packing.has_spans or len(key) != key_packing.num_tokens:
            return None
    elif key_mask is None:
        key_mask = key_packing.mask
    length = 1 if is_first_only else packing.length
    sharing = packing.batch_size // max(num_texts, 1)
    if not (
        packing.has_spans
        and len(query) == num_queries
        and mask.is_span(length, key_length)
        and packing.batch_size == sharing * num_texts > 0
        and (sharing == 1 or num_queries == packing.batch_size)
        and (key_mask is None or (len(key_mask) == num_texts and key_mask.shape[1] >= key_length))
    ):
        return None

    def find() -> tuple[Tensor | None, Tensor | None]:
        asked = packing.spans()[:, ::2] if num_queries == packing.num_tokens else _rows(num_queries)
        asked = asked if sharing == 1 else _rows(num_texts) * sharing
        if key.dim() == 3:
            seen: Tensor | None = key_packing.spans()[:, 1:]
        elif key_mask is None:
            seen = torch.tensor([0, key_length]).expand(num_texts, 2)
        else:
            seen = _spans_of(key_mask[:, -key_length:] != 0)
        # The key's mask is kept beside the answer: as long as it lives, no other tensor has its id.
        return None if seen is None else torch.cat([asked, seen], dim=1), key_mask

    name = ("spans", id(key_packing), id(key_mask), key.dim(), num_texts, key_length, is_first_only)
    found: Tensor | None = packing.once(name, find)[0]
    return found


def _fits(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether they are numbers that the kernel takes, and nobody looks on."""
    return (
        _UNIT > 0
        and not torch.is_grad_enabled()
        and query.device.type == key.device.type == value.device.type == "cpu"
        and query.dtype == key.dtype == value.dtype
        and query.dtype in (torch.float32, torch.bfloat16)
        and query.dim() == 3
        and key.shape == value.shape
        and key.shape[-1] == query.shape[2] > 0
        and query.shape[2] % _UNIT == 0
        and query.shape[1] % key.shape[1] == 0
        and query.stride(2) == key.stride(-1) == value.stride(-1) == 1
        and is_ordinary(query)
        and is_ordinary(key)
        and is_ordinary(value)
        and not torch.is_autocast_enabled("cpu")
        and not is_followed()
    )


def _rows(count: int) -> Tensor:
    """``(count, 2)``: a row each."""
    return torch.arange(count).unsqueeze(1) + torch.arange(2)


def _spans_of(is_real: Tensor) -> Tensor | None:
    """``(batch, 2)`` the first real column of ``(batch, length)`` and the end of them; None where one has a hole."""
    first, count = is_real.int().argmax(dim=1), is_real.sum(dim=1)
    end = is_real.shape[1] - is_real.flip(1).int().argmax(dim=1)
    has_holes = bool(((end - first) != count).any())
    return None if has_holes else torch.stack([first, end], dim=1)


def _strides(tensor: Tensor) -> tuple[int, int, int]:
    """From a text, a head and a token to the next; packed texts' tokens are counted through."""
    if tensor.dim() == 3:
        return 0, tensor.stride(1), tensor.stride(0)
    return tensor.stride(0), tensor.stride(1), tensor.stride(2)
