"""Keys and values of past tokens, so that each new token costs one step and not a whole text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

__all__ = ["Cache", "EncoderDecoderCache"]

Pair = tuple[Tensor, Tensor]


@dataclasses.dataclass
class _Layer:
    """One layer's memory; places ``start`` to ``end`` are in use, ``(batch, num_heads, place, head_size)``."""

    key: Tensor
    value: Tensor
    start: int
    end: int
    seen: int
    #: Whether the memory is ours to write into, and not the model's own result.
    is_ours: bool = False

    def current(self) -> Pair:
        """Keys and values in use; views, not copies."""
        used = slice(self.start, self.end)
        return self.key[:, :, used], self.value[:, :, used]

    def append(self, key: Tensor, value: Tensor) -> None:
        """Put tokens behind those in use, where there is room; else into twice the memory that is needed."""
        count = key.shape[2]
        if torch.is_grad_enabled() and (key.requires_grad or self.key.requires_grad):
            past = self.current()
            self.key, self.value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
            self.start, self.end, self.is_ours = 0, self.key.shape[2], False
            return
        if not self.is_ours or self.end + count > self.key.shape[2]:
            past, length = self.current(), self.end - self.start
            self.key, self.value = (_room(old, 2 * (length + count)) for old in past)
            self.key[:, :, :length], self.value[:, :, :length] = past
            self.start, self.end, self.is_ours = 0, length, True
        self.key[:, :, self.end : self.end + count] = key
        self.value[:, :, self.end : self.end + count] = value
        self.end += count

    def replace(self, key: Tensor, value: Tensor) -> None:
        """Take other keys and values for those in use."""
        self.key, self.value, self.start, self.end, self.is_ours = key, value, 0, key.shape[2], False


class Cache:
    """For each layer, keys and values ``(batch, num_key_value_heads, past, head_size)``.

    ``cache[layer]`` is the pair of a layer; ``len(cache)`` counts layers that hold something. A model writes into the
    cache it is given.
    """

    def __init__(self) -> None:
        self._layers: dict[int, _Layer] = {}

    def update(self, layer: int, key: Tensor, value: Tensor, *, window: int | None = None) -> Pair:
        """Append the keys and values of new tokens.

        Args:
            layer: Which layer, from 0.
            key: ``(batch, num_key_value_heads, new, head_size)``.
            value: As ``key``.
            window: How many keys a query sees, its own included; older ones are forgotten.

        Returns:
            All keys and values that the new ones may look at, ``(batch, num_key_value_heads, past + new, head_size)``.
        """
        held = self._layers.get(layer)
        if held is None:
            # The first tokens stay where they are: whoever only reads a text pays nothing for the cache.
            held = self._layers[layer] = _Layer(key, value, 0, key.shape[2], 0)
        else:
            held.append(key, value)
        held.seen += key.shape[2]
        everything = held.current()
        if window is not None:
            held.start = max(held.start, held.end - window + 1)
        return everything

    def get_seq_length(self, layer: int = 0) -> int:
        """How many tokens a layer has seen."""
        return self._layers[layer].seen if layer in self._layers else 0

    def holds(self, layer: int) -> bool:
        """Whether a layer has seen anything."""
        return layer in self._layers

    def __getitem__(self, layer: int) -> Pair:
        if layer < 0:
            layer += len(self)
        if layer not in self._layers:
            raise IndexError(f"the cache holds {len(self)} layers; there is no layer {layer}")
        return self._layers[layer].current()

    def __iter__(self) -> Iterator[Pair]:
        return (self[layer] for layer in sorted(self._layers))

    def __len__(self) -> int:
        return len(self._layers)

    def to_legacy_cache(self) -> tuple[Pair, ...]:
        """A tuple of pairs, as older programs expect it."""
        return tuple(self)

    @classmethod
    def from_legacy_cache(cls, past_key_values: Sequence[Pair] | None = None) -> Cache:
        """From pairs of keys and values, a pair for each layer."""
        cache = cls()
        for layer, (key, value) in enumerate(past_key_values or ()):
            cache.update(layer, key, value)
        return cache

    def reorder_cache(self, rows: Tensor) -> None:
        """Take the rows ``(new_batch,)`` of each layer, such as those of the beams that go on."""
        for held in self._layers.values():
            key, value = held.current()
            held.replace(*(past.index_select(0, rows.to(past.device)) for past in (key, value)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row as often, one after another."""
        for held in self._layers.values():
            key, value = held.current()
            held.replace(key.repeat_interleave(repeats, 0), value.repeat_interleave(repeats, 0))

    def crop(self, max_length: int) -> None:
        """Forget all but the first ``max_length`` tokens; a negative number says how many of the last to forget."""
        for held in self._layers.values():
            keep = max_length if max_length >= 0 else held.seen + max_length
            forgotten = max(0, held.seen - keep)
            held.end, held.seen = max(held.start, held.end - forgotten), held.seen - forgotten


class EncoderDecoderCache:
    """The two caches of a decoder that also looks at a source: its own tokens grow, the source's keys are made once.

    ``cache[layer]`` is ``(key, value, source_key, source_value)``.
    """

    def __init__(self, self_attention_cache: Cache | None = None, cross_attention_cache: Cache | None = None) -> None:
        # An empty cache is false, and its owner still wants to see it filled.
        self.self_attention_cache = Cache() if self_attention_cache is None else self_attention_cache
        self.cross_attention_cache = Cache() if cross_attention_cache is None else cross_attention_cache

    def get_seq_length(self, layer: int = 0) -> int:
        """How many of the decoder's own tokens a layer has seen."""
        return self.self_attention_cache.get_seq_length(layer)

    def __getitem__(self, layer: int) -> tuple[Tensor, ...]:
        own = self.self_attention_cache[layer]
        return (*own, *self.cross_attention_cache[layer]) if self.cross_attention_cache.holds(layer) else own

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        return (self[layer] for layer in range(len(self)))

    def __len__(self) -> int:
        return len(self.self_attention_cache)

    def to_legacy_cache(self) -> tuple[tuple[Tensor, ...], ...]:
        """A tuple of four tensors for each layer, as older programs expect it."""
        return tuple(self)

    @classmethod
    def from_legacy_cache(cls, past_key_values: Sequence[Sequence[Tensor]] | None = None) -> EncoderDecoderCache:
        """From four tensors for each layer, or two where no source was seen yet."""
        past = past_key_values or ()
        own = Cache.from_legacy_cache([(layer[0], layer[1]) for layer in past])
        return cls(own, Cache.from_legacy_cache([(layer[2], layer[3]) for layer in past if len(layer) > 2]))

    def reorder_cache(self, rows: Tensor) -> None:
        """Take the rows ``(new_batch,)`` of each layer, such as those of the beams that go on."""
        self.self_attention_cache.reorder_cache(rows)
        self.cross_attention_cache.reorder_cache(rows)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row as often, one after another."""
        self.self_attention_cache.batch_repeat_interleave(repeats)
        self.cross_attention_cache.batch_repeat_interleave(repeats)

    def crop(self, max_length: int) -> None:
        """Forget all but the first ``max_length`` of the decoder's own tokens."""
        self.self_attention_cache.crop(max_length)


def _room(like: Tensor, length: int) -> Tensor:
    return like.new_empty(*like.shape[:2], length, like.shape[3])
