"""Training tokenizers with 30,000 pieces on 25 MB of English novels: time, peak memory, and that results are equal.

python benchmarks/tokenizer_training.py [--data PATH] [--rounds 3] [--lines] [--kinds bpe wordpiece unigram]
                                        [--rival-python PATH]

Each training is a fresh process; Dure, tokenizers beside it and that of a second environment take turns, and the faster
and the leaner rival count; results are compared with the one beside. Texts come from a generator as the data set has
them (a novel each), or line by line; then the rival's memory is little more than what Python and reading take, which
count too, and the target for memory doesn't apply. Unigram takes the rival minutes, so it has one round. Needs the
package zstandard, or Python 3.14.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIBRARIES = {"dure": "dure.tokenizers", "tokenizers": "tokenizers", "newest tokenizers": "tokenizers"}
MIN_SPEEDUP, MAX_MEMORY = 3.0, 0.5
#: The original gives characters that training dropped scores of its own, a step apart, in an order that is chance.
MISSING_STEP = 1e-4


def read_texts(path: Path, as_lines: bool) -> Iterator[str]:
    """The texts of a .jsonl file, or their lines."""
    with path.open(encoding="utf-8") as file:
        for row in file:
            text = json.loads(row)["text"]
            yield from text.splitlines(keepends=True) if as_lines else [text]


def unpack(path: Path, out: Path) -> None:
    """Decompress a .jsonl.zst file: a second environment need not be able to."""
    if sys.version_info >= (3, 14):
        from compression.zstd import open as open_zstd
    else:
        from zstandard import open as open_zstd
    with open_zstd(path, "rb") as packed, out.open("wb") as file:
        shutil.copyfileobj(packed, file)


def make(library: str, kind: str, special_tokens: list[str]) -> tuple[Any, Any]:
    """A tokenizer without a vocabulary, and its trainer."""
    names = ("models", "normalizers", "pre_tokenizers", "trainers")
    package = importlib.import_module(LIBRARIES[library])
    models, normalizers, pre_tokenizers, trainers = (
        importlib.import_module(f"{LIBRARIES[library]}.{name}") for name in names
    )
    settings = {"vocab_size": 30000, "show_progress": False, "special_tokens": special_tokens}
    if kind == "bpe":
        tokenizer = package.Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        return tokenizer, trainers.BpeTrainer(**settings)
    if kind == "wordpiece":
        tokenizer = package.Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return tokenizer, trainers.WordPieceTrainer(**settings)
    tokenizer = package.Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer, trainers.UnigramTrainer(unk_token="<unk>", **settings)


def train(library: str, kind: str, data: Path, as_lines: bool, special_tokens: list[str], out: Path) -> None:
    """Train once; write the model, the seconds and the peak memory (MB) of this process."""
    tokenizer, trainer = make(library, kind, special_tokens)
    start = time.perf_counter()
    tokenizer.train_from_iterator(read_texts(data, as_lines), trainer)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    model = json.loads(tokenizer.to_str())["model"]
    out.write_text(json.dumps({"model": model, "seconds": seconds, "peak_mb": peak}), encoding="utf-8")


def run(library: str, kind: str, data: Path, as_lines: bool, special_tokens: list[str], python: str) -> dict[str, Any]:
    """The same in a fresh process of that Python."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.json")
        job = json.dumps([library, kind, str(data), as_lines, special_tokens, str(out)])
        subprocess.run([python, __file__, "--job", job], check=True)
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def are_equal(kind: str, first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two models are the same, as far as the original's are the same from run to run."""
    if kind != "unigram":
        return all(first[name] == second.get(name) for name in ("vocab", "merges") if name in first)
    ours, theirs = dict(first["vocab"]), dict(second["vocab"])
    if first["unk_id"] != second["unk_id"] or set(ours) != set(theirs):
        return False
    num_chars = sum(len(piece) == 1 for piece in ours)
    lowest = min(theirs.values()) + MISSING_STEP * num_chars
    for piece, score in ours.items():
        is_missing = len(piece) == 1 and max(score, theirs[piece]) <= lowest
        if abs(score - theirs[piece]) > MISSING_STEP and not is_missing:
            return False
    return True


def compare(kind: str, data: Path, as_lines: bool, rounds: int, pythons: dict[str, str]) -> bool:
    """Alternate, print medians and ratios; whether the targets are met. ``pythons`` has one for each library."""
    special_tokens = {"bpe": ["<|endoftext|>"], "wordpiece": ["[PAD]", "[UNK]"], "unigram": ["<unk>"]}[kind]
    if kind == "wordpiece":
        # The original numbers "##a", "##b", ... by chance, and by number it decides between equally frequent pairs. As
        # special tokens they have the same numbers everywhere.
        vocab = run("dure", kind, data, as_lines, special_tokens, sys.executable)["model"]["vocab"]
        special_tokens += [token for token in vocab if len(token) == 3 and token.startswith("##")]
    results: dict[str, list[dict[str, Any]]] = {library: [] for library in pythons}
    for _ in range(rounds):
        for library, found in results.items():
            found.append(run(library, kind, data, as_lines, special_tokens, pythons[library]))
    seconds = {name: statistics.median(result["seconds"] for result in found) for name, found in results.items()}
    peaks = {name: statistics.median(result["peak_mb"] for result in found) for name, found in results.items()}
    is_equal = all(
        are_equal(kind, ours["model"], theirs["model"])
        for ours, theirs in zip(results["dure"], results["tokenizers"], strict=True)
    )
    for library in pythons:
        print(f"{kind:10} {library:17} {seconds[library]:8.2f} s   peak {peaks[library]:7.1f} MB", flush=True)
    rivals = [library for library in pythons if library != "dure"]
    speedup = min(seconds[rival] for rival in rivals) / seconds["dure"]
    memory = peaks["dure"] / min(peaks[rival] for rival in rivals)
    print(
        f"{kind:10} {speedup:.1f} times as fast; target {MIN_SPEEDUP:g}   memory {memory:.2f}; target {MAX_MEMORY:g}   "
        f"{'equal' if is_equal else 'NOT EQUAL'}",
        flush=True,
    )
    return is_equal and speedup >= MIN_SPEEDUP and (as_lines or memory <= MAX_MEMORY)


def main() -> None:
    """Print times, peak memories and ratios; fail where a target is missed or results differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", action="store_true", help="train on lines instead of whole texts")
    parser.add_argument("--kinds", nargs="+", default=["bpe", "wordpiece", "unigram"])
    parser.add_argument("--rival-python", help="a second environment with the newest tokenizers")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        library, kind, data, as_lines, special_tokens, out = json.loads(arguments.job)
        train(library, kind, Path(data), as_lines, special_tokens, Path(out))
        return
    data = arguments.data / "corpora" / "english-novels" / "train.jsonl.zst"
    if not data.is_file():
        sys.exit(f"no file {data}; give --data")
    rounds = {kind: 1 if kind == "unigram" else arguments.rounds for kind in arguments.kinds}
    pythons = {"dure": sys.executable, "tokenizers": sys.executable}
    pythons |= {"newest tokenizers": arguments.rival_python} if arguments.rival_python else {}
    with tempfile.TemporaryDirectory() as scratch:
        texts = Path(scratch, "texts.jsonl")
        unpack(data, texts)
        reached = [compare(kind, texts, arguments.lines, rounds[kind], pythons) for kind in arguments.kinds]
    sys.exit(not all(reached))


if __name__ == "__main__":
    main()
