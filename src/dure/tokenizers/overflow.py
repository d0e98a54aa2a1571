"""What truncation cuts off, as the original arranges it: rows, of which some have overflow of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dure.tokenizers.columns import Batch
from dure.tokenizers.encoding import Encoding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["overflow_of"]


def overflow_of(batch: Batch, starts: list[int], sequences: tuple[int, ...], *, is_pair: bool) -> list[Encoding]:
    """The overflow of one text or pair.

    Of a pair, both texts may have been cut. Then the engine's rows are: each part of the first text that was cut off with
    each part of the second, then the kept part of the first with each part of the second that was cut off. A row with the
    kept part of one text has the rows with the other parts of that text as its own overflow.

    Args:
        batch: All the rows of the text or pair, the first one being the truncated row itself.
        starts: Where each row begins, and the end.
        sequences: Which texts a row knows the places of.
        is_pair: Whether it's a pair.
    """
    num_rows = len(starts) - 2

    def row(index: int) -> Encoding:
        return Encoding.of_batch(batch, starts[index + 1], starts[index + 2], sequences)

    rows = [row(index) for index in range(num_rows)]
    num_second = _parts_of_second(batch, starts) if is_pair and num_rows > 1 else 0
    num_first, rest = divmod(num_rows + 1, num_second + 1)
    if num_second == 0 or num_first == 1 or rest:
        return rows
    width = num_second + 1
    for first in range(num_first - 1):
        rows[first * width]._overflow = [row(first * width + second) for second in range(1, width)]
    for second in range(1, width):
        own = [row(first * width + second) for first in range(num_first - 1)]
        rows[(num_first - 1) * width + second - 1]._overflow = own
    return rows


def _parts_of_second(batch: Batch, starts: list[int]) -> int:
    """How many parts of the second text were cut off: as many rows as share a part of the first, without one."""
    own, first = _first_text(batch, starts, 0), _first_text(batch, starts, 1)
    if _equal(own, first):
        return len(starts) - 2
    count = 1
    while count < len(starts) - 2 and _equal(_first_text(batch, starts, count + 1), first):
        count += 1
    return count - 1


def _first_text(batch: Batch, starts: list[int], index: int) -> list[NDArray[np.int32]]:
    """What says which tokens of the first text a row has."""
    begin, end = starts[index], starts[index + 1]
    is_first = batch.array("sequence_ids")[begin:end] == 0
    return [batch.array(name)[begin:end][is_first] for name in ("ids", "word_ids", "offsets") if batch.has(name)]


def _equal(left: list[Any], right: list[Any]) -> bool:
    return all(a.shape == b.shape and bool((a == b).all()) for a, b in zip(left, right, strict=True))
