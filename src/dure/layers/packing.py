"""Padding stops at the door: a padded batch becomes its real tokens, end to end, and goes back at the end.

Everything that works token by token (embeddings, matrix products, norms) then costs what the text costs, not what the
longest text of the batch costs. Only attention looks across tokens; it asks the packing for its view.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Packing"]


@dataclasses.dataclass(frozen=True)
class Packing:
    """How the tokens of a padded batch lie when packed.

    Attributes:
        batch_size: Rows of the padded batch.
        length: Columns of the padded batch.
        positions: ``(num_tokens,)`` places of the kept tokens in the flattened batch; None where no token is padding.
        mask: ``(batch, length)`` True for real tokens; None where no token is padding.
    """

    batch_size: int
    length: int
    positions: Tensor | None = None
    mask: Tensor | None = None
    _known: dict[Hashable, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_mask(cls, mask: Tensor | None, batch_size: int, length: int, *, keeps_padding: bool = False) -> Packing:
        """From an attention mask ``(batch, length)`` of ones and zeros, or None for no padding.

        With ``keeps_padding``, padding is computed like the original does: where a loss reads every position.
        """
        if mask is None:
            return cls(batch_size, length)
        is_real = mask != 0
        if torch.compiler.is_compiling():
            # Shapes that follow from a mask's values would break the graph: padding is computed, and never looked at.
            return cls(batch_size, length, None, is_real | ~is_real.any(dim=1, keepdim=True))
        if bool(is_real.all()):
            return cls(batch_size, length)
        # A row without any real token would make softmax divide by zero: it attends to everything, and nobody reads it.
        is_real = is_real | ~is_real.any(dim=1, keepdim=True)
        if keeps_padding:
            return cls(batch_size, length, None, is_real)
        # The first column stays, even where it is padding on the left: heads of BERT's kind read it, and the originals
        # give them the state of whatever stands there. It asks like any token, but nobody may look at it.
        kept = is_real.clone()
        kept[:, 0] = True
        return cls(batch_size, length, kept.flatten().nonzero().squeeze(1), is_real)

    def pack(self, padded: Tensor) -> Tensor:
        """``(batch, length, ...)`` to ``(num_tokens, ...)``."""
        flat = padded.flatten(0, 1)
        return flat if self.positions is None else flat.index_select(0, self.positions)

    def unpack(self, packed: Tensor) -> Tensor:
        """``(num_tokens, ...)`` to ``(batch, length, ...)``, with zeros where padding was."""
        if self.positions is not None:
            flat = packed.new_zeros(self.batch_size * self.length, *packed.shape[1:])
            packed = flat.index_copy(0, self.positions, packed)
        return packed.view(self.batch_size, self.length, *packed.shape[1:])

    def first_tokens(self, device: torch.device) -> Tensor:
        """``(batch,)`` where each row's first column lies among the packed tokens."""
        if self.positions is None:
            return torch.arange(0, self.batch_size * self.length, self.length, device=device)
        starts = torch.arange(0, self.batch_size * self.length, self.length, device=device)
        return torch.searchsorted(self.positions, starts)

    @property
    def num_tokens(self) -> int:
        """How many are packed."""
        return self.batch_size * self.length if self.positions is None else len(self.positions)

    @property
    def has_spans(self) -> bool:
        """Whether :meth:`spans` says all: no padding lies among the packed tokens, but for a first column."""
        return self.mask is None or self.positions is not None

    def spans(self) -> Tensor:
        """``(batch, 3)`` on the CPU: a row's first token, the first that may be looked at, and the end of both."""

        def find() -> Tensor:
            first = self.first_tokens(torch.device("cpu"))
            end = torch.cat([first[1:], torch.tensor([self.num_tokens])])
            key = first if self.mask is None else first + ~self.mask[:, 0]
            return torch.stack([first, key, end], dim=1)

        rows: Tensor = self.once("spans", find)
        return rows

    def key_mask(self) -> Tensor | None:
        """``(batch, 1, 1, length)``, True where a key may be looked at; None where all may."""
        return None if self.mask is None else self.mask[:, None, None, :]

    def position_ids(self, device: torch.device) -> Tensor:
        """``(num_tokens,)`` the column of each packed token."""
        columns = torch.arange(self.length, device=device).expand(self.batch_size, -1)
        return self.pack(columns.contiguous())

    def to_heads(self, packed: Tensor) -> Tensor:
        """``(num_tokens, parts, num_heads, size)`` to ``(parts, batch * num_heads, length, size)``, contiguous.

        Padding holds copies of real tokens: what reads it must leave it out, and :meth:`clear_padding` clears it.
        """
        parts, num_heads, size = packed.shape[1:]
        if self.positions is None:
            padded = packed.view(self.batch_size, self.length, parts, num_heads, size).permute(2, 0, 3, 1, 4)
        else:
            padded = packed.reshape(-1, size).index_select(0, self._rows_of_tokens(parts, num_heads))
        return padded.reshape(parts, -1, self.length, size).contiguous()

    def from_heads(self, padded: Tensor, num_heads: int) -> Tensor:
        """``(parts, batch * num_heads, length, size)`` to ``(num_tokens, parts, num_heads, size)``."""
        parts, size = padded.shape[0], padded.shape[-1]
        if self.positions is None:
            packed = padded.view(parts, self.batch_size, num_heads, self.length, size).permute(1, 3, 0, 2, 4)
        else:
            packed = padded.reshape(-1, size).index_select(0, self._rows_of_heads(parts, num_heads))
        return packed.reshape(-1, parts, num_heads, size)

    def clear_padding(self, padded: Tensor) -> Tensor:
        """``(batch * num_heads, length, size)`` with zeros where padding is, in the same memory."""
        if self.positions is None:
            return padded
        kept = self.once("kept", lambda: self._is_kept().to(padded.dtype))
        padded.view(self.batch_size, -1, *padded.shape[1:]).mul_(kept.view(self.batch_size, 1, self.length, 1))
        return padded

    def key_bias(self, dtype: torch.dtype) -> Tensor | None:
        """``(batch, 1, 1, length)`` to add to scores: 0 for keys that may be looked at; None where all may."""
        mask = self.key_mask()
        if mask is None:
            return None
        least = torch.finfo(dtype).min
        bias: Tensor = self.once(f"bias {dtype}", lambda: torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, least))
        return bias

    def _rows_of_tokens(self, parts: int, num_heads: int) -> Tensor:
        """For each place ``(part, batch, head, column)``, its row among packed ``(token, part, head)``."""

        def find() -> Tensor:
            tokens = self._is_kept().cumsum(0).sub_(1).view(1, self.batch_size, 1, self.length)
            return ((tokens * parts + self._count(parts, 4)) * num_heads + self._count(num_heads, 2)).flatten()

        rows: Tensor = self.once(f"tokens {parts} {num_heads}", find)
        return rows

    def _rows_of_heads(self, parts: int, num_heads: int) -> Tensor:
        """For each packed ``(token, part, head)``, its row among ``(part, batch, head, column)``."""

        def find() -> Tensor:
            assert self.positions is not None
            row, column = self.positions // self.length, self.positions % self.length
            rows = self._count(parts, 2) * self.batch_size + row.view(-1, 1, 1)
            return ((rows * num_heads + self._count(num_heads, 1)) * self.length + column.view(-1, 1, 1)).flatten()

        rows: Tensor = self.once(f"heads {parts} {num_heads}", find)
        return rows

    def _count(self, count: int, num_dimensions: int) -> Tensor:
        """0, 1, ... along the first of as many dimensions."""
        assert self.positions is not None
        return torch.arange(count, device=self.positions.device).view(count, *[1] * (num_dimensions - 1))

    def _is_kept(self) -> Tensor:
        assert self.positions is not None
        return self.positions.new_zeros(self.batch_size * self.length).index_fill_(0, self.positions, 1)

    def once(self, name: Hashable, find: Callable[[], Any]) -> Any:
        """What all blocks need is found by the first."""
        if torch.compiler.is_compiling():  # a compiler sees itself what is computed twice
            return find()
        if name not in self._known:
            self._known[name] = find()
        return self._known[name]
