"""Vectors that can be searched: by faiss or usearch where one is installed, else by comparing with all of them."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dure.errors import DataFileError, InputError
from dure.hub.commit import atomic_folder
from dure.typing import PathLike

__all__ = ["BACKENDS", "VectorIndex"]

#: Backends with the packages that they need.
BACKENDS = {"exact": None, "faiss": "faiss-cpu", "usearch": "usearch"}
#: The folder beside the data, and the files in it.
FOLDER, FACTS, VECTORS = "semantic_index", "index.json", "vectors.bin"


class VectorIndex:
    """Unit vectors of texts, and the nearest of them to another vector.

    Args:
        vectors: ``(num_texts, size)``, float32, each of length 1.
        backend: "exact" (compares with all), "faiss" (the same, faster) or "usearch" (a graph; finds nearly all).
        digest: Of the texts, so that an index isn't used with others.

    Raises:
        InputError: There is no such backend, or its package isn't installed.
    """

    def __init__(self, vectors: Any, backend: str, digest: str) -> None:
        self.backend, self.digest, self.shape = backend, digest, vectors.shape
        module = _module(backend)
        if backend == "faiss":
            self._index = module.IndexFlatIP(vectors.shape[1])
            self._index.add(vectors)
        elif backend == "usearch":
            self._index = module.Index(ndim=vectors.shape[1], metric="ip", dtype="f32")
            self._index.add(np.arange(len(vectors), dtype=np.uint64), vectors)
        else:
            self._index = vectors

    def search(self, queries: Any, count: int) -> list[tuple[Any, Any]]:
        """For each query the places of the nearest texts and their cosines, the nearest first.

        Args:
            queries: ``(num_queries, size)``.
            count: How many for each.
        """
        count = min(count, self.shape[0])
        if count == 0:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
        if self.backend == "faiss":
            scores, places = self._index.search(queries, count)
            return list(zip(places, scores, strict=True))
        if self.backend == "usearch":
            found = [self._index.search(query, count) for query in queries]
            return [(matches.keys.astype(np.int64), 1.0 - matches.distances) for matches in found]
        answers = []
        for scores in queries @ self._index.T:
            places = np.argsort(-scores, kind="stable")[:count]
            answers.append((places, scores[places]))
        return answers

    def save(self, folder: PathLike, facts: dict[str, Any]) -> None:
        """Write the index into a folder beside the data; it appears complete.

        Args:
            folder: The data's folder.
            facts: What is to be remembered with it, such as the column's name.
        """
        with atomic_folder(Path(folder) / FOLDER) as target:
            path = str(target / VECTORS)
            if self.backend == "faiss":
                _module("faiss").write_index(self._index, path)
            elif self.backend == "usearch":
                self._index.save(path)
            else:
                self._index.astype("<f4").tofile(path)
            told = {**facts, "backend": self.backend, "shape": list(self.shape), "digest": self.digest}
            (target / FACTS).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: PathLike) -> tuple[VectorIndex, dict[str, Any]]:
        """The index beside some data, and the facts that were saved with it.

        Raises:
            DataFileError: There is none, or its files are damaged.
            InputError: The package of its backend isn't installed.
        """
        source = Path(folder) / FOLDER
        try:
            facts = json.loads((source / FACTS).read_text(encoding="utf-8"))
            backend, shape = str(facts["backend"]), tuple(int(size) for size in facts["shape"])
            size_bytes = (source / VECTORS).stat().st_size
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataFileError(
                f"{source}: no index that can be read ({error}); make one with pipe.index(...)"
            ) from error
        index, module = cls.__new__(cls), _module(backend)
        index.backend, index.shape, index.digest = backend, shape, facts.get("digest", "")
        path = str(source / VECTORS)
        if backend == "faiss":
            index._index = module.read_index(path)
        elif backend == "usearch":
            index._index = module.Index.restore(path)
        elif size_bytes == 4 * shape[0] * shape[1]:
            index._index = np.fromfile(path, "<f4").reshape(shape)
        else:
            raise DataFileError(f"{path} has {size_bytes} bytes, but {shape} vectors need {4 * shape[0] * shape[1]}")
        return index, facts


def digest_of(texts: Sequence[str]) -> str:
    """A fingerprint of texts in their order."""
    hashed = hashlib.blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8, "little") + data)
    return hashed.hexdigest()


def _module(backend: str) -> Any:
    if backend not in BACKENDS:
        raise InputError(f"backend {backend!r} is not one of {', '.join(map(repr, BACKENDS))}")
    if backend == "exact":
        return None
    try:
        return importlib.import_module("usearch.index" if backend == "usearch" else backend)
    except ImportError as error:
        raise InputError(
            f"backend {backend!r} needs a package: pip install {BACKENDS[backend]} (importing it says: {error}); "
            "backend='exact' needs none"
        ) from error
