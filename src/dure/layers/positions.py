"""Where a token stands: rotation of queries and keys, sines, and buckets of distances."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dure.errors import ConfigError
from dure.typing import JsonObject

__all__ = ["Angles", "Rotary", "distance_buckets", "rotate", "sines"]

#: Cosines and sines, each ``(num_tokens, 1, rotated_size / 2)``.
Angles = tuple[Tensor, Tensor]


class Rotary:
    """Rotary positions: Su et al., "RoFormer" (2021), https://arxiv.org/abs/2104.09864, and ways to stretch them.

    A pair of a head's dimensions is a point in a plane, which turns with the position; each pair at its own speed.

    Args:
        size: How many dimensions of a head turn; even.
        theta: The slowest pair turns ``theta`` times slower than the first.
        scaling: ``rope_scaling`` of a configuration: ``rope_type`` and what that type needs; None for none.
        max_positions: ``max_position_embeddings`` of the configuration.
        original_positions: Positions before stretching, where the configuration has a field for them.

    Raises:
        ConfigError: The scaling is unknown, or lacks a field.
    """

    def __init__(
        self,
        size: int,
        *,
        theta: float,
        scaling: JsonObject | None = None,
        max_positions: int,
        original_positions: int | None = None,
    ) -> None:
        if size % 2:
            raise ConfigError(f"rotary positions turn pairs of dimensions; a head has {size} to turn, an odd number")
        self.size, self.theta, self.max_positions = size, float(theta), max_positions
        self.scaling = dict(scaling or {})
        self.original_positions = original_positions
        self.kind = self.scaling.get("rope_type", self.scaling.get("type", "default"))
        if self.kind not in _SCALINGS:
            raise ConfigError(f"rope_scaling: rope_type {self.kind!r} is not known; known: {', '.join(_SCALINGS)}")
        missing = [name for name in _SCALINGS[self.kind][1] if self.scaling.get(name) is None]
        if missing:
            raise ConfigError(f"rope_scaling of type {self.kind!r} lacks {', '.join(missing)}")
        self._known: dict[tuple[int, torch.device], tuple[Tensor, float]] = {}

    @property
    def depends_on_length(self) -> bool:
        """Whether a longer text turns at other speeds than a shorter one."""
        return self.kind in {"dynamic", "longrope"}

    def __call__(self, positions: Tensor, dtype: torch.dtype, length: int | None = None) -> Angles:
        """Cosines and sines of the angles at some positions.

        Args:
            positions: ``(num_tokens,)``.
            dtype: The precision of queries and keys; angles are computed in float32.
            length: Of the longest text, padding and past included; by default the last position counts.
        """
        if length is None:
            length = int(positions.max()) + 1 if self.depends_on_length and positions.numel() else 0
        speeds, factor = self.speeds(length, positions.device)
        angles = positions.to(torch.float32).view(-1, 1, 1) * speeds
        return (angles.cos() * factor).to(dtype), (angles.sin() * factor).to(dtype)

    def speeds(self, length: int, device: torch.device) -> tuple[Tensor, float]:
        """Radians a position, ``(size / 2,)``, for texts of that length, and what cosines and sines are scaled by.

        Two originals remember the longest text they have seen; here a text gives the same numbers whatever came before.
        """
        base = self.original_positions or self.max_positions
        if self.kind == "dynamic":
            length = max(length, self.max_positions)
        elif self.kind == "longrope":
            length = int(length > base)
        else:
            length = 0
        if (length, device) not in self._known:
            speeds, factor = _SCALINGS[self.kind][0](self, length)
            self._known[length, device] = speeds.to(device), factor
        return self._known[length, device]


def rotate(states: Tensor, angles: Angles) -> Tensor:
    """Queries or keys ``(num_tokens, num_heads, head_size)``, turned by their positions.

    Dimension ``i`` and dimension ``i + rotated_size / 2`` make a pair; dimensions behind those that turn stay.
    """
    cosines, sines_ = angles
    half = cosines.shape[-1]
    first, second = states[..., :half], states[..., half : 2 * half]
    turned = (first * cosines - second * sines_, second * cosines + first * sines_)
    return torch.cat((*turned, states[..., 2 * half :]) if states.shape[-1] > 2 * half else turned, dim=-1)


def _default(rotary: Rotary, _length: int) -> tuple[Tensor, float]:
    return 1.0 / rotary.theta ** _exponents(rotary.size), 1.0


def _linear(rotary: Rotary, length: int) -> tuple[Tensor, float]:
    """All pairs slower by the same factor."""
    return _default(rotary, length)[0] / rotary.scaling["factor"], 1.0


def _dynamic(rotary: Rotary, length: int) -> tuple[Tensor, float]:
    """NTK-aware: a longer text raises theta, so that the slow pairs stretch and the fast ones hardly do."""
    factor, size = rotary.scaling["factor"], rotary.size
    stretch = factor * length / rotary.max_positions - (factor - 1)
    return 1.0 / (rotary.theta * stretch ** (size / (size - 2))) ** _exponents(size), 1.0


def _yarn(rotary: Rotary, length: int) -> tuple[Tensor, float]:
    """YaRN: Peng et al. (2023), https://arxiv.org/abs/2309.00071, section 3.2: only slow pairs are stretched."""
    scaling, size = rotary.scaling, rotary.size
    factor, positions = scaling["factor"], scaling.get("original_max_position_embeddings") or rotary.max_positions

    def pair_of(num_turns: float) -> float:
        """The pair that turns so often within the original positions."""
        return size * math.log(positions / (num_turns * 2 * math.pi)) / (2 * math.log(rotary.theta))

    def magnitude(weight: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0

    low, high = pair_of(scaling.get("beta_fast") or 32), pair_of(scaling.get("beta_slow") or 1)
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, size - 1)
    high = high + 0.001 if low == high else high
    stretched = ((torch.arange(size // 2, dtype=torch.float32, device="cpu") - low) / (high - low)).clamp(0, 1)
    speeds = _default(rotary, length)[0]
    weights = scaling.get("mscale"), scaling.get("mscale_all_dim")
    attention = magnitude(weights[0]) / magnitude(weights[1]) if weights[0] and weights[1] else magnitude(1.0)
    given = scaling.get("attention_factor")
    return speeds / factor * stretched + speeds * (1 - stretched), attention if given is None else given


def _longrope(rotary: Rotary, length: int) -> tuple[Tensor, float]:
    """LongRoPE: Ding et al. (2024), https://arxiv.org/abs/2402.13753: a factor for each pair, two sets by length."""
    scaling, original = rotary.scaling, rotary.original_positions
    factor = rotary.max_positions / original if original else scaling.get("factor", 1.0)
    attention = scaling.get("attention_factor")
    if attention is None:
        trained = original or rotary.max_positions
        attention = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(trained))
    factors = torch.tensor(scaling["long_factor" if length else "short_factor"], dtype=torch.float32, device="cpu")
    if factors.shape != (rotary.size // 2,):
        raise ConfigError(f"rope_scaling: longrope needs {rotary.size // 2} factors, not {factors.numel()}")
    return 1.0 / (factors * rotary.theta ** _exponents(rotary.size)), attention


def _llama3(rotary: Rotary, length: int) -> tuple[Tensor, float]:
    """Llama 3.1: pairs that turn rarely within the original positions are stretched, a ramp between both kinds."""
    scaling, speeds = rotary.scaling, _default(rotary, length)[0]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    turns = scaling["original_max_position_embeddings"] * speeds / (2 * math.pi)
    share = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - share) * speeds / scaling["factor"] + share * speeds, 1.0


def _exponents(size: int) -> Tensor:
    # On the CPU even where a model is built without memory: nothing in a checkpoint would fill these.
    return torch.arange(0, size, 2, dtype=torch.int64, device="cpu").to(torch.float32) / size


_Scaling = Callable[[Rotary, int], tuple[Tensor, float]]
#: How speeds are found, and the fields that it needs.
_SCALINGS: dict[str, tuple[_Scaling, tuple[str, ...]]] = {
    "default": (_default, ()),
    "linear": (_linear, ("factor",)),
    "dynamic": (_dynamic, ("factor",)),
    "yarn": (_yarn, ("factor",)),
    "longrope": (_longrope, ("long_factor", "short_factor")),
    "llama3": (_llama3, ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")),
}


def sines(num_positions: int, size: int) -> Tensor:
    """Vaswani et al. (2017), section 3.5: ``(num_positions, size)``, sines in the first half, cosines in the second."""
    speeds = 10000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = torch.arange(num_positions, dtype=torch.float64).unsqueeze(1) * speeds
    return torch.cat((angles.sin(), angles.cos()[:, : size // 2]), dim=1).to(torch.float32)


def distance_buckets(
    query_length: int, key_length: int, *, num_buckets: int, max_distance: int, is_causal: bool, device: torch.device
) -> Tensor:
    """Raffel et al., "T5" (2019), section 2.1: distances in buckets, near ones exact, far ones on a logarithmic scale.

    Args:
        query_length: Queries are the last tokens of the keys.
        key_length: How many keys there are.
        num_buckets: How many buckets; half of them for keys behind the query, unless ``is_causal``.
        max_distance: From here on, all are in the last bucket.
        is_causal: Later keys aren't looked at, and share bucket 0.
        device: Where the result is wanted.

    Returns:
        ``(query_length, key_length)``, 0 to ``num_buckets - 1``.
    """
    keys = torch.arange(key_length, device=device)
    ahead = keys - keys[key_length - query_length :].unsqueeze(1)
    buckets = torch.zeros_like(ahead)
    if is_causal:
        distance = (-ahead).clamp(min=0)
    else:
        num_buckets //= 2
        buckets = (ahead > 0).long() * num_buckets
        distance = ahead.abs()
    num_exact = num_buckets // 2
    scale = math.log(max_distance / num_exact)
    far = torch.log(distance.float().clamp(min=1) / num_exact) / scale * (num_buckets - num_exact)
    far = (num_exact + far.long()).clamp(max=num_buckets - 1)
    return buckets + torch.where(distance < num_exact, distance, far)
