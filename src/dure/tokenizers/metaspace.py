"""The settings that the pre-tokenizer and the decoder named Metaspace share."""

from __future__ import annotations

from typing import Any

from dure.tokenizers.components import Setting

__all__ = ["prepend_scheme_setting", "replacement_setting", "upgraded"]


def replacement_setting(default: Any = "▁") -> Setting[str]:
    """A single character."""

    def write(value: str) -> str:
        if len(value) != 1:
            raise ValueError("must be a single character")
        return value

    return Setting(default, kind=str, write=write)


def prepend_scheme_setting() -> Setting[str]:
    """Where a text begins with a character that isn't there."""

    def write(value: str) -> str:
        if value not in ("first", "never", "always"):
            raise ValueError("must be one of first, never, always")
        return value

    return Setting("always", write=write)


def upgraded(section: dict[str, Any]) -> dict[str, Any]:
    """A section with the fields that Metaspace has today: older files have ``add_prefix_space`` and ``str_rep``."""
    section = {name: value for name, value in section.items() if name != "str_rep"}
    is_added = section.pop("add_prefix_space", True)
    section.setdefault("prepend_scheme", "always" if is_added else "never")
    return section
