"""Answers compared with the original's."""

from __future__ import annotations

import math

import numpy as np


def assert_same(ours, theirs, *, within=1e-5, path="answer"):
    """The same structure, the same texts and places, numbers within a tolerance."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), (path, ours)
        assert list(ours) == list(theirs), (path, ours, theirs)
        for name in theirs:
            assert_same(ours[name], theirs[name], within=within, path=f"{path}[{name!r}]")
    elif isinstance(theirs, list):
        assert isinstance(ours, list), (path, ours, theirs)
        assert len(ours) == len(theirs), (path, ours, theirs)
        for i, (mine, yours) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(mine, yours, within=within, path=f"{path}[{i}]")
    elif isinstance(theirs, (float, np.floating)):
        assert isinstance(ours, type(theirs)), (path, type(ours), type(theirs))
        assert math.isclose(ours, theirs, abs_tol=within), (path, ours, theirs)
    else:
        assert ours == theirs, (path, ours, theirs)
