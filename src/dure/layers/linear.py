"""The one seam for precision: every matrix product of a model goes through :class:`Linear`."""

from __future__ import annotations

from torch import nn

__all__ = ["Linear"]


class Linear(nn.Linear):
    """``hidden @ weight.T + bias``, with ``weight`` of shape ``(out_features, in_features)``.

    It is torch's for now. Quantised weights will be another implementation of this class, chosen when a model is
    loaded, and nothing else will have to change.
    """
