"""Texts to compare tokenizers on: random ones that lean on what breaks tokenizers, and lines of real corpora."""

from __future__ import annotations

import gzip
import io
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

SCRIPTS = [
    *[(0x20, 0x7E)] * 4,
    (0, 0x20),
    (0x20, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x590, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE7F),
    (0x1100, 0x11FF),
    (0x1E00, 0x1FFF),
    (0x2000, 0x206F),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFFFF),
    (0x1F300, 0x1FAFF),
    (0, 0x10FFFF),
]
# Case that changes length, final sigma, marks out of order, every kind of space, joiners, jamo, what isn't a character.
ODD = [
    *"İıſẞßΣςŉǰΐﬁ\u0345\u0301\u0323\u0327\u3099\u1161\u11a8\u200b\u200c\u200d\u2060\ufeff\ufffd\ufffe\x00\x7f\x85\xa0\xad"
]
ODD += [
    *"\u1680\u180e\u2003\u2028\u2029\u202f\u3000\t\n\r\x0b\x0c\x1c\ufe0f▁Ġ²½٣９Ⅷ",
    "\r\n",
    "👨‍👩‍👧",
    "🇰🇷",
    "각",
    "한",
    "𝒳",
]
WORDS = re.split(
    r" |\n",
    "the of and to in is it you that was for Hello WORLD don't I'm we've They'll can't 123 4567 3.14 1,000,000 , . ! ? "
    "... <mask> <s> [MASK] [SEP] </s> <pad> <unk> <|endoftext|> <|im_start|> <extra_id_0> ▁ ▁▁ Ġ ## </w> <0x41> {} () "
    "-- — … “q” ’s 안녕하세요 한국어 텍스트입니다 아버지가 日本語 中文字符 ÉCOLE e\u0301te\u0301 ﬁne naïve Straße "
    "ΣΊΣΥΦΟΣ שלום مرحبا สวัสดี def __init__(self): x=y+1; #include C++ http://a.b/c?d=e&f a@b.com \\n",
)
WORDS += ["\n", "\t", "\r\n"]


def draw_text(source: random.Random, length: int = 30) -> str:
    """A random text without lone surrogates, which the oracle doesn't take."""
    kind = source.random()
    if kind < 0.35:
        parts = source.choices(WORDS, k=source.randrange(length))
        return (
            source.choice(["", " ", "  "]) + source.choice([" ", " ", "  ", ""]).join(parts) + source.choice(["", " "])
        )
    one_script = source.choice(SCRIPTS)
    out = []
    for _ in range(source.randrange(length)):
        draw = source.random()
        if draw < 0.15:
            out.append(" ")
        elif draw < 0.25:
            out.append(source.choice(ODD))
        else:
            code = source.randint(*(one_script if kind < 0.6 else source.choice(SCRIPTS)))
            out.append(chr(code) if not 0xD800 <= code < 0xE000 else " ")
    return "".join(out)


def draw_texts(source: random.Random, count: int) -> list[str]:
    return [draw_text(source) for _ in range(count)]


def lines_of(path: Path) -> Iterator[str]:
    """A corpus's lines as they lie there, marks of its format included."""
    if path.suffix == ".zst":
        with pa.input_stream(str(path), compression="zstd") as stream:
            yield from io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
    elif path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
            yield from stream
    else:
        with path.open(encoding="utf-8", newline="\n") as stream:
            yield from stream


def corpora(data: Path) -> list[Path]:
    """Every file of text."""
    left_out = {"images", "mnist-t10k", "speech"}
    folders = [folder for folder in sorted((data / "corpora").iterdir()) if folder.name not in left_out]
    return [path for folder in folders for path in sorted(folder.iterdir())]


def corpus_texts(data: Path, per_file: int | None) -> list[str]:
    """Some lines of each corpus, evenly spread, or all of them; single huge lines are cut."""
    found = []
    for path in corpora(data):
        lines = [line[:20_000] for line in lines_of(path)]
        step = 1 if per_file is None else max(1, len(lines) // per_file)
        found += lines[::step][:per_file]
    return found
