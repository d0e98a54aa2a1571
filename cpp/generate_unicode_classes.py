r"""Writes cpp/src/unicode_classes.inc: what regexes and pre-tokenizers ask of a character, with the versions named.

    pip install unicodedata2==16.0.0 "fonttools>=4.60"
    python cpp/generate_unicode_classes.py > cpp/src/unicode_classes.inc

Vocabularies were made with the classes of the libraries that all tokenize with, so what counts is what these do.
Their regexes (`\p{L}`, `\s`, `\w`, ...) know Unicode 16.0, whose general categories come from `unicodedata2`. Their
punctuation is frozen at Unicode 8.0, their numeric characters are those of Unicode 17.0, and their scripts those of
Unicode 9.0 with a few repairs; today's data (for scripts, from `fontTools`) is taken back to these by the ranges below.
Tests compare every code point with the original.
"""

from __future__ import annotations

import sys
from bisect import bisect_right

import unicodedata2
from fontTools.unicodedata import Scripts

# In the order of `CharKind` in cpp/include/dure/unicode_classes.h. Kinds that aren't general categories are lower case.
# fmt: off
KINDS = [
    "Cc", "newline", "control_space", "space", "Cf", "joiner", "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me",
    "Nd", "Nl", "No", "latin_number", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So",
    "alphabetic_symbol", "new_number",
]
# fmt: on
PUNCTUATION = 32

NEWLINES = {0xA, 0xD}
CONTROL_SPACES = {0x9, 0xB, 0xC, 0x85}
JOINERS = {0x200C, 0x200D}
# Superscripts and fractions of Latin-1: word characters to one of the two regex engines.
LATIN_NUMBERS = {0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE}
# The circled and squared Latin letters: word characters, because they have the property Alphabetic.
ALPHABETIC_SYMBOLS = [(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)]
# Numbers of Unicode 17.0.
NEW_NUMBERS = [(0x11DE0, 0x11DE9), (0x16FF4, 0x16FF6)]

# Punctuation in Unicode 16.0, but unassigned or of another category in 8.0; and the other way round.
# fmt: off
NEWER_PUNCTUATION = [
    (0x61D, 0x61D), (0x9FD, 0x9FD), (0xA76, 0xA76), (0xC77, 0xC77), (0xC84, 0xC84), (0x1B4E, 0x1B4F),
    (0x1B7D, 0x1B7F), (0x2E43, 0x2E4F), (0x2E52, 0x2E5D), (0x10D6E, 0x10D6E), (0x10EAD, 0x10EAD), (0x10F55, 0x10F59),
    (0x10F86, 0x10F89), (0x113D4, 0x113D5), (0x113D7, 0x113D8), (0x1144B, 0x1144F), (0x1145A, 0x1145B),
    (0x1145D, 0x1145D), (0x11660, 0x1166C), (0x116B9, 0x116B9), (0x1183B, 0x1183B), (0x11944, 0x11946),
    (0x119E2, 0x119E2), (0x11A3F, 0x11A46), (0x11A9A, 0x11A9C), (0x11A9E, 0x11AA2), (0x11B00, 0x11B09),
    (0x11BE1, 0x11BE1), (0x11C41, 0x11C45), (0x11C70, 0x11C71), (0x11EF7, 0x11EF8), (0x11F43, 0x11F4F),
    (0x11FFF, 0x11FFF), (0x12FF1, 0x12FF2), (0x16D6D, 0x16D6F), (0x16E97, 0x16E9A), (0x16FE2, 0x16FE2),
    (0x1E5FF, 0x1E5FF), (0x1E95E, 0x1E95F),
]
OLDER_PUNCTUATION = [(0x166D, 0x166D), (0x111C9, 0x111C9)]

# Characters that have a script today, but had none in Unicode 9.0.
NEWER_SCRIPTS = [
    (0x558, 0x558), (0x560, 0x560), (0x588, 0x588), (0x58B, 0x58C), (0x5C8, 0x5C9), (0x5EF, 0x5EF), (0x61D, 0x61D),
    (0x7FD, 0x7FF), (0x860, 0x89F), (0x8B5, 0x8B5), (0x8BE, 0x8D3), (0x9FC, 0x9FE), (0xA76, 0xA76), (0xAFA, 0xAFF),
    (0xB53, 0xB55), (0xC04, 0xC04), (0xC3C, 0xC3C), (0xC5C, 0xC5D), (0xC77, 0xC77), (0xC84, 0xC84), (0xCDC, 0xCDD),
    (0xCF3, 0xD00), (0xD04, 0xD04), (0xD3B, 0xD3C), (0xD81, 0xD81), (0xE86, 0xE86), (0xE89, 0xE89), (0xE8C, 0xE8C),
    (0xE8E, 0xE93), (0xE98, 0xE98), (0xEA0, 0xEA0), (0xEA8, 0xEA9), (0xEAC, 0xEAC), (0xEBA, 0xEBA), (0xECE, 0xECE),
    (0x170D, 0x170D), (0x1715, 0x171F), (0x180F, 0x180F), (0x1878, 0x1878), (0x1ABF, 0x1AF0), (0x1B4C, 0x1B4F),
    (0x1B7D, 0x1B7F), (0x1C89, 0x1CBF), (0x1CF7, 0x1CF7), (0x1CFA, 0x1CFA), (0x1DF6, 0x1DFA), (0x208F, 0x208F),
    (0x209D, 0x209F), (0x20BF, 0x20C4), (0x23FF, 0x23FF), (0x2427, 0x2429), (0x2B96, 0x2B97), (0x2BBA, 0x2BBC),
    (0x2BC9, 0x2BC9), (0x2BD2, 0x2BEB), (0x2BF0, 0x2BFF), (0x2C2F, 0x2C2F), (0x2C5F, 0x2C5F), (0x2E45, 0x2E63),
    (0x2FFC, 0x2FFF), (0x312E, 0x312F), (0x31BB, 0x31BF), (0x31E4, 0x31EF), (0x32FF, 0x32FF), (0x4DB6, 0x4DBF),
    (0x9FD6, 0x9FFF), (0xA7AF, 0xA7AF), (0xA7B8, 0xA7F6), (0xA82C, 0xA82C), (0xA8FE, 0xA8FF), (0xAB66, 0xAB6D),
    (0xFBC2, 0xFBD2), (0xFD40, 0xFD4F), (0xFD90, 0xFD91), (0xFDC8, 0xFDCF), (0xFDFE, 0xFDFF), (0x1019C, 0x1019C),
    (0x1032D, 0x1032F), (0x10570, 0x105F3), (0x10780, 0x107BF), (0x10940, 0x10959), (0x10A34, 0x10A35),
    (0x10A48, 0x10A48), (0x10D00, 0x10D8F), (0x10E80, 0x10FF6), (0x11070, 0x11075), (0x110C2, 0x110CD),
    (0x11144, 0x11147), (0x111CE, 0x111CF), (0x1123F, 0x11241), (0x1133B, 0x1133B), (0x11380, 0x113E2),
    (0x1145A, 0x1145A), (0x1145E, 0x11461), (0x116B8, 0x116B9), (0x116D0, 0x116E3), (0x1171A, 0x1171A),
    (0x11740, 0x1183B), (0x11900, 0x11ABF), (0x11B00, 0x11BF9), (0x11D00, 0x11FFF), (0x1246F, 0x1246F),
    (0x12475, 0x1247F), (0x12550, 0x12FF2), (0x1342F, 0x143FA), (0x16100, 0x16139), (0x16A70, 0x16AC9),
    (0x16D40, 0x16ED3), (0x16F45, 0x16F4F), (0x16F7F, 0x16F87), (0x16FE1, 0x16FF6), (0x187ED, 0x187FF),
    (0x18AF3, 0x1AFFE), (0x1B002, 0x1B2FB), (0x1CC00, 0x1CFC3), (0x1D127, 0x1D128), (0x1D1E9, 0x1D1FF),
    (0x1D250, 0x1D2F3), (0x1D372, 0x1D378), (0x1D6A6, 0x1D6A6), (0x1DB00, 0x1DFFF), (0x1E030, 0x1E7FE),
    (0x1E94B, 0x1E94B), (0x1EC71, 0x1ED3D), (0x1F10D, 0x1F10F), (0x1F12F, 0x1F12F), (0x1F16C, 0x1F16F),
    (0x1F1AD, 0x1F1AE), (0x1F260, 0x1F265), (0x1F6D3, 0x1F6DF), (0x1F6F7, 0x1F6FC), (0x1F774, 0x1F77F),
    (0x1F7D5, 0x1F7FF), (0x1F8B0, 0x1F90F), (0x1F91F, 0x1F91F), (0x1F928, 0x1F92F), (0x1F931, 0x1F932),
    (0x1F93F, 0x1F93F), (0x1F94C, 0x1F94F), (0x1F95F, 0x1F97F), (0x1F992, 0x1F9BF), (0x1F9C1, 0x1FBFA),
    (0x2A6D7, 0x2A6DF), (0x2B735, 0x2B73F), (0x2B81E, 0x2B81E), (0x2CEA2, 0x2EE5D), (0x30000, 0x3FC3F),
]
# fmt: on
# Where the original's scripts differ from today's for the characters of Unicode 9.0. It counts kana as ideographs.
REPAIRED_SCRIPTS = {0x589: "Zyyy", 0x61C: "Zyyy", 0x953: "Deva", 0x954: "Deva", 0x30FC: "Hani"}
MERGED_SCRIPTS = {"Hira": "Hani", "Kana": "Hani"}


def members(ranges: list[tuple[int, int]]) -> set[int]:
    """All code points of inclusive ranges."""
    return {code for first, last in ranges for code in range(first, last + 1)}


NEW_NUMBERS_SET = members(NEW_NUMBERS)
ALPHABETIC_SYMBOLS_SET = members(ALPHABETIC_SYMBOLS)
NEWER_PUNCTUATION_SET = members(NEWER_PUNCTUATION)
OLDER_PUNCTUATION_SET = members(OLDER_PUNCTUATION)
NEWER_SCRIPTS_SET = members(NEWER_SCRIPTS)


def kind(code: int) -> str:
    """The kind of a code point, as `KINDS` names it."""
    special = {
        "newline": NEWLINES,
        "control_space": CONTROL_SPACES,
        "joiner": JOINERS,
        "latin_number": LATIN_NUMBERS,
        "alphabetic_symbol": ALPHABETIC_SYMBOLS_SET,
        "new_number": NEW_NUMBERS_SET,
    }
    for name, codes in special.items():
        if code in codes:
            return name
    category = unicodedata2.category(chr(code))
    if category[0] == "Z":
        return "space"
    return "Cn" if category in {"Co", "Cs"} else str(category)


def value(code: int) -> int:
    """The number of the kind, and a bit for what the original calls punctuation."""
    category = unicodedata2.category(chr(code))
    is_ascii_symbol = code < 128 and category[0] == "S"
    is_punctuation = (category[0] == "P" and code not in NEWER_PUNCTUATION_SET) or code in OLDER_PUNCTUATION_SET
    return KINDS.index(kind(code)) | (PUNCTUATION if is_punctuation or is_ascii_symbol else 0)


def script(code: int) -> str:
    """The script of a code point to the original; "Zzzz" where it belongs to any."""
    if code == 0x20 or code in NEWER_SCRIPTS_SET:
        return "Zzzz"
    name = REPAIRED_SCRIPTS.get(code, Scripts.VALUES[bisect_right(Scripts.RANGES, code) - 1])
    return MERGED_SCRIPTS.get(name, name)


def write_rows(values: list[int], per_line: int) -> None:
    """Numbers, comma separated."""
    for start in range(0, len(values), per_line):
        sys.stdout.write("    " + ",".join(map(str, values[start : start + per_line])) + ",\n")


def write_table(name: str, values: list[int]) -> None:
    """One number per code point, as a table of blocks of 256 and an index of blocks."""
    blocks: dict[tuple[int, ...], int] = {}
    index = [blocks.setdefault(tuple(values[at : at + 256]), len(blocks)) for at in range(0, len(values), 256)]
    sys.stdout.write(f"constexpr std::uint8_t k{name}Index[] = {{\n")
    write_rows(index, 32)
    sys.stdout.write(f"}};\nconstexpr std::uint8_t k{name}Blocks[] = {{\n")
    for block in blocks:
        write_rows(list(block), 64)
    sys.stdout.write("};\n")


def main() -> None:
    """Write the tables to standard output."""
    if unicodedata2.unidata_version != "16.0.0":
        raise SystemExit(f"unicodedata2 {unicodedata2.unidata_version} is installed; the tables need 16.0.0")
    names = sorted({script(code) for code in range(0x110000)} - {"Zzzz"})
    numbers = {"Zzzz": 0} | {name: number for number, name in enumerate(names, 1)}
    print("// Generated by cpp/generate_unicode_classes.py from Unicode 16.0.0 (scripts: 9.0). Do not edit.")
    write_table("Kind", [value(code) for code in range(0x110000)])
    write_table("Script", [numbers[script(code)] for code in range(0x110000)])


if __name__ == "__main__":
    main()
