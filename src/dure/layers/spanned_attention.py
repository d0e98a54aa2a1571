"""Attention on a CPU where each text's queries look at one span of keys: a kernel of our own, with its gradient.

Torch's kernel wants texts padded to one length, is made for long ones, and knows no dropout. Sentences of some 30
tokens took it a seventh of a small encoder's time, and moving them into padding and back another twentieth; here both
take a twentieth. Texts of 8,000 tokens take five sixths of its time. In training no weights are kept, and what the
steps and their gradient took is halved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dure.layers import _kernels
from dure.layers.dropout import draw_seed, threshold_of
from dure.layers.following import is_followed, is_ordinary
from dure.layers.mask import Mask
from dure.layers.packing import Packing

__all__ = ["find_spans", "joint_attention", "spanned_attention"]

#: What a head's size must be a multiple of; 0 on processors where the kernel isn't.
_UNIT = _kernels.head_size_unit()
#: With gradients, up to so many tokens: a head's scores must fit into the cache, or near it.
_LENGTH = 2048


@dataclasses.dataclass(frozen=True)
class _Rule:
    """What is done beside the numbers: which keys are seen, and which weights are dropped."""

    spans: Tensor
    scale: float | None
    is_causal: bool
    threshold: int = 0
    seed: int = 0


def spanned_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    spans: Tensor,
    *,
    scale: float | None,
    is_causal: bool,
    dropout: float = 0.0,
) -> Tensor:
    """As :func:`dure.layers.attention.attend`.

    Args:
        query: ``(num_queries, num_heads, head_size)``.
        key: ``(num_tokens, num_key_value_heads, head_size)``, or ``(batch, num_key_value_heads, keys, head_size)``.
        value: As ``key``.
        spans: What :func:`find_spans` found.
        scale: What scores are multiplied with; ``head_size ** -0.5`` by default.
        is_causal: The last query of a text sees all its keys, each before it one less.
        dropout: Probability of dropping a weight, as :func:`dure.layers.dropout.draw_mask` does.

    Returns:
        ``(num_queries, num_heads * head_size)``.
    """
    rule = _rule(spans, scale, is_causal, dropout)
    if torch.is_grad_enabled():
        context: Tensor = _Attention.apply(rule, query, key, value)  # type: ignore[no-untyped-call]
        return context
    return _attend(rule, (query, key, value), None)


def joint_attention(projected: Tensor, first: Tensor | None, spans: Tensor, *, dropout: float) -> Tensor:
    """As :func:`spanned_attention`, of queries, keys and values side by side, as one product gives them.

    Args:
        projected: ``(num_tokens, 3, num_heads, head_size)``; with ``first`` only keys and values,
            ``(num_tokens, 2, num_heads, head_size)``.
        first: Queries of the first token of each row, ``(batch, num_heads, head_size)``; None where all ask.
        spans: What :func:`find_spans` found.
        dropout: Probability of dropping a weight.
    """
    tensors = (projected,) if first is None else (first, projected)
    context: Tensor = _Attention.apply(_rule(spans, None, False, dropout), *tensors)  # type: ignore[no-untyped-call]
    return context


def _rule(spans: Tensor, scale: float | None, is_causal: bool, dropout: float) -> _Rule:
    threshold = threshold_of(dropout)
    return _Rule(spans, scale, is_causal, threshold, draw_seed() if threshold else 0)


class _Attention(torch.autograd.Function):
    """``dropped(softmax(query @ key.T * scale)) @ value``; tensors are as :func:`_parts` takes them."""

    @staticmethod
    def forward(ctx: Any, rule: _Rule, *tensors: Tensor) -> Tensor:
        ctx.rule = rule
        query = _parts(tensors)[0]
        logs = torch.empty(query.shape[:2], dtype=torch.float32)
        ctx.save_for_backward(logs, *tensors)
        return _attend(rule, _parts(tensors), logs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        rule: _Rule = ctx.rule
        logs, *tensors = ctx.saved_tensors
        if torch.is_grad_enabled():  # a gradient of the gradient: let torch see the steps
            wanted = [t for t, needs in zip(tensors, ctx.needs_input_grad[1:], strict=True) if needs]
            found = iter(torch.autograd.grad(_spelled_out(rule, tensors), wanted, gradients, create_graph=True))
            return None, *(next(found) if needs else None for needs in ctx.needs_input_grad[1:])
        # Tokens that no span holds, such as padding in a first column, are looked at by nobody.
        is_whole = int((rule.spans[:, 3] - rule.spans[:, 2]).sum()) == len(tensors[-1])
        make = torch.empty_like if is_whole else torch.zeros_like
        of_tensors = [make(tensor, memory_format=torch.contiguous_format) for tensor in tensors]
        of_parts = _parts(of_tensors)
        addresses = [part.data_ptr() for part in of_parts]
        context = gradients[0].contiguous()
        arguments = _arguments(rule, _parts(tensors), context, logs)
        _kernels.attention_backward(*arguments, addresses, _strides(of_parts))
        return None, *of_tensors


def _parts(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    """Queries, keys and values: as they are; in one tensor; or queries, and the others in one tensor."""
    return tensors if len(tensors) == 3 else (*tensors[:-1], *tensors[-1].unbind(1))


def _attend(rule: _Rule, parts: Sequence[Tensor], logs: Tensor | None) -> Tensor:
    context = parts[0].new_empty(len(parts[0]), parts[0].shape[1] * parts[0].shape[2])
    _kernels.attention(*_arguments(rule, parts, context, logs))
    return context


def _arguments(
    rule: _Rule, parts: Sequence[Tensor], context: Tensor, logs: Tensor | None
) -> tuple[list[int], list[int], list[int], float, bool, bool, int, int]:
    """What both kernels take."""
    query, key, _ = parts
    num_heads, head_size = query.shape[1:]
    addresses = [tensor.data_ptr() for tensor in (*parts, context)]
    return (
        [*addresses, 0 if logs is None else logs.data_ptr(), rule.spans.data_ptr()],
        _strides(parts),
        [len(rule.spans), num_heads, key.shape[1], head_size],
        head_size**-0.5 if rule.scale is None else rule.scale,
        query.dtype == torch.bfloat16,
        rule.is_causal,
        rule.threshold,
        rule.seed,
    )


def _strides(parts: Sequence[Tensor]) -> list[int]:
    """For each part, from a text, a head and a token to the next; packed texts' tokens are counted through."""
    found = []
    for tensor in parts:
        is_packed = tensor.dim() == 3
        order = (1, 0) if is_packed else (0, 1, 2)
        found += [0] * is_packed + [tensor.stride(axis) for axis in order]
    return found


def _spelled_out(rule: _Rule, tensors: Sequence[Tensor]) -> Tensor:
    """Step by step, text by text."""
    query, key, value = _parts(tensors)
    num_heads, found = query.shape[1], []
    for text, (first, end, first_key, end_of_keys) in enumerate(rule.spans.tolist()):
        asked, seen = query[first:end].transpose(0, 1), key[first_key:end_of_keys].permute(1, 2, 0)
        scores = (asked @ seen) * (query.shape[2] ** -0.5 if rule.scale is None else rule.scale)
        if rule.is_causal:
            behind = torch.ones(scores.shape[1:], dtype=torch.bool).triu(scores.shape[2] - scores.shape[1] + 1)
            scores = scores.masked_fill(behind, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1)
        if rule.is_causal:  # a query that sees nothing gets nothing
            weights = weights.masked_fill(behind, 0.0)
        if rule.threshold:
            masks = [torch.empty(scores.shape[1:]) for _ in range(num_heads)]
            for head, mask in enumerate(masks):
                seed = _kernels.attention_seed(rule.seed, text, head, num_heads)
                _kernels.draw_mask(mask, rule.threshold, 65536 / (65536 - rule.threshold), seed)
            weights = weights * torch.stack(masks)
        found.append((weights.to(value.dtype) @ value[first_key:end_of_keys].transpose(0, 1)).transpose(0, 1))
    return torch.cat(found).flatten(1)


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
    if torch.is_grad_enabled() and not (
        key.dim() == 3 and query.shape[1] == key.shape[1] and max(packing.length, key_packing.length) <= _LENGTH
    ):
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

    def find() -> tuple[Any, ...]:
        asked = packing.spans()[:, ::2] if num_queries == packing.num_tokens else _rows(num_queries)
        asked = asked if sharing == 1 else _rows(num_texts) * sharing
        if key.dim() == 3:
            seen: Tensor | None = key_packing.spans()[:, 1:]
        elif key_mask is None:
            seen = torch.tensor([0, key_length]).expand(num_texts, 2)
        else:
            seen = _spans_of(key_mask[:, -key_length:] != 0)
        # What is named by its id is kept beside the answer: as long as it lives, nothing else has that id.
        kept = key_mask, None if key_packing is packing else key_packing
        return None if seen is None else torch.cat([asked, seen], dim=1), *kept

    name = ("spans", id(key_packing), id(key_mask), key.dim(), num_texts, key_length, is_first_only)
    found: Tensor | None = packing.once(name, find)[0]
    return found


def _fits(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether they are numbers that the kernel takes, and nobody looks on."""
    return (
        _UNIT > 0
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
        and (not torch.is_autocast_enabled("cpu") or query.dtype == torch.get_autocast_dtype("cpu"))
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
