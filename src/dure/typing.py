"""Types that several rooms share."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["JsonObject", "PathLike"]

#: A path as users give it.
PathLike = str | os.PathLike[str]

#: A parsed JSON object.
JsonObject = dict[str, Any]
