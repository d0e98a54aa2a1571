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

    Of a pair, both texts may have been cut. Then the engine's rows are: each part of the first text that was cut off
    with each part of the second, then the kept part of the first with each part of the second that was cut off. A row
    with the kept part of one text has the rows with the other parts of that text as its own overflow.

    Args:
        batch: All the rows of the text or pair, the first one being the truncated row itself.
        starts: Where each row begins, and the end.
        sequences: Which texts a row knows the places of; none where there's no post-processor. Then a row of a pair
            knows those texts of which it has the kept part, and rows of a single text know none.
        is_pair: Whether it's a pair.
    """
    num_rows = len(starts) - 2
    width = 1 + (_parts_of_second(batch, starts) if is_pair and num_rows else 0)
    num_first, rest = divmod(num_rows + 1, width)
    if rest:  # parts of a text that can't be told apart
        num_first, width = num_rows + 1, 1

    def row(first: int, second: int) -> Encoding:
        """The row with a part of each text; part 0 is the kept one."""
        index = (first - 1) * width + second if first else (num_first - 1) * width + second - 1
        kept = tuple(text for text, part in enumerate((first, second)) if part == 0)
        known = sequences or (kept if is_pair else ())
        return Encoding.of_batch(batch, starts[index + 1], starts[index + 2], known)

    rows = []
    for first in (*range(1, num_first), 0):
        for second in range(0 if first else 1, width):
            made = row(first, second)
            if first and not second:
                made._overflow = [row(first, other) for other in range(1, width)]
            elif second and not first:
                made._overflow = [row(other, second) for other in range(1, num_first)]
            rows.append(made)
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
