"""Padding stops at the door: a padded batch becomes its real tokens, end to end, and goes back at the end.

Everything that works token by token (embeddings, matrix products, norms) then costs what the text costs, not what the
longest text of the batch costs. Only attention looks across tokens; it asks the packing for its view.
"""

from __future__ import annotations

import dataclasses

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

    @classmethod
    def from_mask(cls, mask: Tensor | None, batch_size: int, length: int, *, keeps_padding: bool = False) -> Packing:
        """From an attention mask ``(batch, length)`` of ones and zeros, or None for no padding.

        With ``keeps_padding``, padding is computed like the original does: where a loss reads every position.
        """
        if mask is None:
            return cls(batch_size, length)
        is_real = mask != 0
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

    def key_mask(self) -> Tensor | None:
        """``(batch, 1, 1, length)``, True where a key may be looked at; None where all may."""
        return None if self.mask is None else self.mask[:, None, None, :]

    def position_ids(self, device: torch.device) -> Tensor:
        """``(num_tokens,)`` the column of each packed token."""
        columns = torch.arange(self.length, device=device).expand(self.batch_size, -1)
        return self.pack(columns.contiguous())
