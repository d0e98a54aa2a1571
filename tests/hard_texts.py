"""Texts on which tokenizers go wrong: scripts, marks, emoji, white space, nothing at all."""

from __future__ import annotations

HARD_TEXTS = [
    "",
    " ",
    "a",
    "\t\n",
    "Hello, World!",
    "Décret çà É naïve",
    "e\u0301a\u0323\u0301",
    "한국어 텍스트입니다.",
    "한국어",
    "\u1112\u1161\u11ab",
    "日本語 中文",
    "😀👨‍👩‍👧🇰🇷",
    "שלום עולם",
    "مرحبا",
    "\u0000x\ufffd",
    "\u200b\u200d\ufeff",
    "a\u00adb",
    "ıİſẞ",
    "x" * 300,
    "don't [MASK] me [SEP]",
    "[CLS]",
    "  lead and trail  ",
    "\u302e\u0301a",
    "\U0001d165\U0001d15f",
    "C++/C#",
    "３．１４％",
    "ﬁ ﬂ",
]
