"""Names of weights: reversible rules between a family's checkpoint and our parts.

A family is a table of ``(ours, theirs)`` fragments. Both directions come from the one table, so they can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Renames", "from_legacy"]


class Renames:
    """Fragments of dotted names, ours and the original's; the first that fits a name applies, then the next, in order.

    Args:
        *pairs: ``(ours, theirs)``, each a run of whole name parts such as ``"attention.query"``.
    """

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = pairs

    def to_original(self, name: str) -> str:
        """The checkpoint's name of one of our parameters."""
        return _replace(name, self.pairs)

    def from_original(self, name: str) -> str:
        """Our name of a parameter in a checkpoint."""
        return _replace(name, ((theirs, ours) for ours, theirs in self.pairs))


def _replace(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    dotted = f".{name}."
    for old, new in pairs:
        if f".{old}." in dotted:
            return dotted.replace(f".{old}.", f".{new}.")[1:-1]
    return name


#: What wrappers of torch put in front of all names: DataParallel, and torch.compile.
_WRAPPERS = ("module.", "_orig_mod.")


def from_legacy(name: str) -> str:
    """Names of the first TensorFlow checkpoints, and of models in a wrapper, in today's form.

    >>> from_legacy("module.bert.embeddings.LayerNorm.gamma")
    'bert.embeddings.LayerNorm.weight'
    """
    for wrapper in _WRAPPERS:
        name = name.removeprefix(wrapper)
    if name.endswith(".gamma"):
        return name.removesuffix("gamma") + "weight"
    return name.removesuffix("beta") + "bias" if name.endswith(".beta") else name
