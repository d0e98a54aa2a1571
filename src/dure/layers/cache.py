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
    """One layer's memory; rows up to ``rows`` and places ``start`` to ``end`` are in use.

    Memory is ``(rows, num_heads, place, head_size)``; behind the last row and the last place there may be room.
    """

    key: Tensor
    value: Tensor
    start: int
    end: int
    seen: int
    rows: int
    #: Places to make room for, once.
    expected: int = 0
    #: Whether the memory is ours to write into, and not the model's own result.
    is_ours: bool = False

    @classmethod
    def of(cls, key: Tensor, value: Tensor, expected: int) -> _Layer:
        """A memory that holds keys and values, which stay where they are."""
        return cls(key, value, 0, key.shape[2], 0, key.shape[0], expected)

    def current(self) -> Pair:
        """Keys and values in use; views, not copies."""
        rows, used = slice(self.rows), slice(self.start, self.end)
        return self.key[rows, :, used], self.value[rows, :, used]

    def append(self, key: Tensor, value: Tensor) -> None:
        """Put tokens behind those in use, where there is room; else into twice the memory that is needed."""
        count = key.shape[2]
        if torch.is_grad_enabled() and (key.requires_grad or self.key.requires_grad):
            past = self.current()
            self.replace(torch.cat((past[0], key), 2), torch.cat((past[1], value), 2))
            return
        if not self.is_ours or self.end + count > self.key.shape[2]:
            length = self.end - self.start + count
            self.move(max(2 * length, self.expected))
        self.key[: self.rows, :, self.end : self.end + count] = key
        self.value[: self.rows, :, self.end : self.end + count] = value
        self.end += count

    def replace(self, key: Tensor, value: Tensor) -> None:
        """Take other keys and values for those in use."""
        self.key, self.value, self.start, self.end, self.is_ours = key, value, 0, key.shape[2], False
        self.rows = key.shape[0]

    def move(self, length: int, *, rows: int = 0, before: int = 0) -> None:
        """Into new memory for ``length`` places and ``rows`` rows, with room for ``before`` places at the front."""
        past, used = self.current(), slice(before, before + self.end - self.start)
        self.key, self.value = (_room(old, max(rows, self.key.shape[0]), length) for old in past)
        self.key[: self.rows, :, used], self.value[: self.rows, :, used] = past
        self.start, self.end, self.is_ours = used.start, used.stop, True

    def copy_rows(self, to: Tensor, of: Tensor, first: int) -> None:
        """Write the rows ``of`` over the rows ``to``, from place ``first`` on; each is read before any is written."""
        for memory in (self.key, self.value):
            used = memory[:, :, first : self.end]
            used.index_copy_(0, to, used.index_select(0, of))

    def put(self, other: _Layer, rows: int) -> None:
        """Rows of another memory behind ours, which end where ours end; before the shorter, keys are zeros."""
        length, have = other.end - other.start, self.end - self.start
        total = self.rows + other.rows
        if length > self.end or total > self.key.shape[0] or not self.is_ours:
            longest = max(length, have)
            self.move(max(2 * longest, self.expected), rows=max(rows, total), before=longest - have)
        first = min(self.start, self.end - length)
        for memory, new in zip((self.key, self.value), other.current(), strict=True):
            memory[: self.rows, :, first : self.start] = 0
            memory[self.rows : total, :, first : self.end - length] = 0
            memory[self.rows : total, :, self.end - length : self.end] = new
        self.start, self.rows = first, total


class Cache:
    """For each layer, keys and values ``(batch, num_key_value_heads, past, head_size)``.

    ``cache[layer]`` is the pair of a layer; ``len(cache)`` counts layers that hold something. A model writes into the
    cache it is given.

    Args:
        expected_length: How many tokens will come, so that memory is allocated once; 0 where nobody knows.
        keeps_all: Forget nothing that a window has left, so that :meth:`crop` gives the state before.
    """

    def __init__(self, expected_length: int = 0, *, keeps_all: bool = False) -> None:
        self._layers: dict[int, _Layer] = {}
        self.expected_length, self._keeps_all = expected_length, keeps_all

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
            held = self._layers[layer] = _Layer.of(key, value, 0 if window is not None else self.expected_length)
        else:
            held.append(key, value)
        held.seen += key.shape[2]
        everything = held.current()
        if window is not None and not self._keeps_all:
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

    def reorder_cache(self, rows: Tensor, *, shared_length: int = 0) -> None:
        """Take the rows ``(new_batch,)`` of each layer, such as those of the beams that go on.

        Args:
            rows: Where each row comes from.
            shared_length: The first so many tokens are the same in a row and where it comes from: beams of one prompt.
        """
        changed = (rows != torch.arange(len(rows), device=rows.device)).nonzero().squeeze(1)
        sources = rows[changed]
        for held in self._layers.values():
            if len(rows) == held.rows and held.is_ours:
                first = held.end - held.seen + shared_length
                if len(changed) and first < held.end:
                    held.copy_rows(changed, sources, max(held.start, first))
            else:
                held.replace(*(past.index_select(0, rows.to(past.device)) for past in held.current()))

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Take these rows alone, in this order; a row that stays where it is isn't copied."""
        moved = [place for place, row in enumerate(rows) if place != row]
        for held in self._layers.values():
            index = torch.tensor(rows, device=held.key.device)
            if held.is_ours and len(rows) <= held.rows:
                if moved:
                    places = index.new_tensor(moved)
                    held.copy_rows(places, index[places], held.start)
                held.rows = len(rows)
            else:
                held.replace(*(past.index_select(0, index) for past in held.current()))

    def put_rows(self, other: Cache, *, num_rows: int = 0) -> None:
        """Add another cache's rows behind ours; texts end together, and before the shorter there are zeros.

        Args:
            other: A cache of the same model.
            num_rows: How many rows there will be at most, so that memory is allocated once.
        """
        for layer, new in other._layers.items():
            held = self._layers.get(layer)
            if held is None:
                held = self._layers[layer] = _Layer.of(*new.current(), self.expected_length)
                held.seen = new.seen
                held.move(max(2 * held.end, held.expected), rows=max(num_rows, held.rows))
            else:
                held.put(new, num_rows)
                held.seen = max(held.seen, new.seen)

    def forget(self, count: int) -> None:
        """Forget the first ``count`` places of all rows, which nobody looks at any more."""
        for held in self._layers.values():
            # A window may have forgotten some of them already.
            held.start = max(held.start, held.end - held.seen + count)
            held.seen -= count

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row as often, one after another."""
        for held in self._layers.values():
            past, length = held.current(), held.end - held.start
            held.key, held.value = (_room(old, repeats * held.rows, max(length, held.expected)) for old in past)
            for memory, old in zip((held.key, held.value), past, strict=True):
                memory.view(held.rows, repeats, *memory.shape[1:])[:, :, :, :length] = old.unsqueeze(1)
            held.start, held.end, held.rows, held.is_ours = 0, length, repeats * held.rows, True

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


def _room(like: Tensor, rows: int, length: int) -> Tensor:
    return like.new_empty(rows, like.shape[1], length, like.shape[3])
