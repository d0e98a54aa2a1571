"""Writes cpp/src/unicode_tables.inc from the Unicode data of this Python, with the version named in the file.

    python cpp/generate_unicode_tables.py > cpp/src/unicode_tables.inc

BERT's vocabularies were made with the tables of the libraries that all tokenize with, so what counts is what these
do. Their categories (control, punctuation, nonspacing mark) are frozen at Unicode 8.0, their lower case is that of
Unicode 17, and one canonical decomposition of Unicode 13 is unknown to them. Those differences from this Python's data
are listed below, as code point ranges; tests compare every code point with the original.
"""

from __future__ import annotations

import sys
import unicodedata

# Letters, digits and marks of Unicode 15 and 16, which the libraries' search for whole words knows.
NEWER_WORDS = [
    (0x897, 0x897),
    (0xCF3, 0xCF3),
    (0xECE, 0xECE),
    (0x1C89, 0x1C8A),
    (0xA7CB, 0xA7CD),
    (0xA7DA, 0xA7DC),
    (0x105C0, 0x105F3),
    (0x10D40, 0x10D65),
    (0x10D69, 0x10D6D),
    (0x10D6F, 0x10D85),
    (0x10EC2, 0x10EC4),
    (0x10EFC, 0x10EFF),
    (0x1123F, 0x11241),
    (0x11380, 0x11389),
    (0x1138B, 0x1138B),
    (0x1138E, 0x1138E),
    (0x11390, 0x113B5),
    (0x113B7, 0x113C0),
    (0x113C2, 0x113C2),
    (0x113C5, 0x113C5),
    (0x113C7, 0x113CA),
    (0x113CC, 0x113D3),
    (0x113E1, 0x113E2),
    (0x116D0, 0x116E3),
    (0x11BC0, 0x11BE0),
    (0x11BF0, 0x11BF9),
    (0x11F00, 0x11F10),
    (0x11F12, 0x11F3A),
    (0x11F3E, 0x11F42),
    (0x11F50, 0x11F5A),
    (0x1342F, 0x1342F),
    (0x13440, 0x13455),
    (0x13460, 0x143FA),
    (0x16100, 0x16139),
    (0x16D40, 0x16D6C),
    (0x16D70, 0x16D79),
    (0x18CFF, 0x18CFF),
    (0x1B132, 0x1B132),
    (0x1B155, 0x1B155),
    (0x1CCF0, 0x1CCF9),
    (0x1DF25, 0x1DF2A),
    (0x1E030, 0x1E06D),
    (0x1E08F, 0x1E08F),
    (0x1E4D0, 0x1E4F9),
    (0x1E5D0, 0x1E5FA),
    (0x2B739, 0x2B739),
    (0x2EBF0, 0x2EE5D),
    (0x31350, 0x323AF),
]

# Combining characters younger than the canonical classes that the libraries sort by: to them, they don't combine.
NEWER_COMBINING = [
    (0x7FD, 0x7FD),
    (0x898, 0x89F),
    (0x8CA, 0x8D3),
    (0x9FE, 0x9FE),
    (0xC3C, 0xC3C),
    (0xD3B, 0xD3C),
    (0xEBA, 0xEBA),
    (0x1715, 0x1715),
    (0x1ABF, 0x1ACE),
    (0x1DF6, 0x1DFA),
    (0xA82C, 0xA82C),
    (0x10D24, 0x10D27),
    (0x10EAB, 0x10EAC),
    (0x10F46, 0x10F50),
    (0x10F82, 0x10F85),
    (0x11070, 0x11070),
    (0x1133B, 0x1133B),
    (0x1145E, 0x1145E),
    (0x11839, 0x1183A),
    (0x1193D, 0x1193E),
    (0x11943, 0x11943),
    (0x119E0, 0x119E0),
    (0x11A34, 0x11A34),
    (0x11A47, 0x11A47),
    (0x11A99, 0x11A99),
    (0x11D42, 0x11D42),
    (0x11D44, 0x11D45),
    (0x11D97, 0x11D97),
    (0x16FF0, 0x16FF1),
    (0x1E130, 0x1E136),
    (0x1E2AE, 0x1E2AE),
    (0x1E2EC, 0x1E2EF),
]

# Punctuation and marks by today's data, but unassigned (or of another category) in Unicode 8.0.
NEWER_PUNCTUATION = [
    (0x61D, 0x61D),
    (0x9FD, 0x9FD),
    (0xA76, 0xA76),
    (0xC77, 0xC77),
    (0xC84, 0xC84),
    (0x1B7D, 0x1B7E),
    (0x2E43, 0x2E4F),
    (0x2E52, 0x2E5D),
    (0x10EAD, 0x10EAD),
    (0x10F55, 0x10F59),
    (0x10F86, 0x10F89),
    (0x1144B, 0x1144F),
    (0x1145A, 0x1145B),
    (0x1145D, 0x1145D),
    (0x11660, 0x1166C),
    (0x116B9, 0x116B9),
    (0x1183B, 0x1183B),
    (0x11944, 0x11946),
    (0x119E2, 0x119E2),
    (0x11A3F, 0x11A46),
    (0x11A9A, 0x11A9C),
    (0x11A9E, 0x11AA2),
    (0x11C41, 0x11C45),
    (0x11C70, 0x11C71),
    (0x11EF7, 0x11EF8),
    (0x11FFF, 0x11FFF),
    (0x12FF1, 0x12FF2),
    (0x16E97, 0x16E9A),
    (0x16FE2, 0x16FE2),
    (0x1E95E, 0x1E95F),
]
# Punctuation in Unicode 8.0, of another category since (12.0 and 11.0).
OLD_PUNCTUATION = {0x166D, 0x111C9}
NEWER_MARKS = [
    (0x7FD, 0x7FD),
    (0x898, 0x89F),
    (0x8CA, 0x8E1),
    (0x9FE, 0x9FE),
    (0xAFA, 0xAFF),
    (0xB55, 0xB55),
    (0xC04, 0xC04),
    (0xC3C, 0xC3C),
    (0xD00, 0xD00),
    (0xD3B, 0xD3C),
    (0xD81, 0xD81),
    (0xEBA, 0xEBA),
    (0x180F, 0x180F),
    (0x1885, 0x1886),
    (0x1ABF, 0x1ACE),
    (0x1DF6, 0x1DFB),
    (0xA82C, 0xA82C),
    (0xA8C5, 0xA8C5),
    (0xA8FF, 0xA8FF),
    (0xA9BD, 0xA9BD),
    (0x10D24, 0x10D27),
    (0x10EAB, 0x10EAC),
    (0x10F46, 0x10F50),
    (0x10F82, 0x10F85),
    (0x11070, 0x11070),
    (0x11073, 0x11074),
    (0x110C2, 0x110C2),
    (0x111C9, 0x111C9),
    (0x111CF, 0x111CF),
    (0x1123E, 0x1123E),
    (0x1133B, 0x1133B),
    (0x11438, 0x1143F),
    (0x11442, 0x11444),
    (0x11446, 0x11446),
    (0x1145E, 0x1145E),
    (0x1182F, 0x11837),
    (0x11839, 0x1183A),
    (0x1193B, 0x1193C),
    (0x1193E, 0x1193E),
    (0x11943, 0x11943),
    (0x119D4, 0x119D7),
    (0x119DA, 0x119DB),
    (0x119E0, 0x119E0),
    (0x11A01, 0x11A0A),
    (0x11A33, 0x11A38),
    (0x11A3B, 0x11A3E),
    (0x11A47, 0x11A47),
    (0x11A51, 0x11A56),
    (0x11A59, 0x11A5B),
    (0x11A8A, 0x11A96),
    (0x11A98, 0x11A99),
    (0x11C30, 0x11C36),
    (0x11C38, 0x11C3D),
    (0x11C3F, 0x11C3F),
    (0x11C92, 0x11CA7),
    (0x11CAA, 0x11CB0),
    (0x11CB2, 0x11CB3),
    (0x11CB5, 0x11CB6),
    (0x11D31, 0x11D36),
    (0x11D3A, 0x11D3A),
    (0x11D3C, 0x11D3D),
    (0x11D3F, 0x11D45),
    (0x11D47, 0x11D47),
    (0x11D90, 0x11D91),
    (0x11D95, 0x11D95),
    (0x11D97, 0x11D97),
    (0x11EF3, 0x11EF4),
    (0x16F4F, 0x16F4F),
    (0x16FE4, 0x16FE4),
    (0x1CF00, 0x1CF2D),
    (0x1CF30, 0x1CF46),
    (0x1E000, 0x1E006),
    (0x1E008, 0x1E018),
    (0x1E01B, 0x1E021),
    (0x1E023, 0x1E024),
    (0x1E026, 0x1E02A),
    (0x1E130, 0x1E136),
    (0x1E2AE, 0x1E2AE),
    (0x1E2EC, 0x1E2EF),
    (0x1E944, 0x1E94A),
]
# Nonspacing marks in Unicode 8.0, of another category since.
OLDER_MARKS = [(0x1734, 0x1734)]
# Format characters assigned after Unicode 8.0.
NEWER_FORMATS = [(0x890, 0x891), (0x8E2, 0x8E2), (0x110CD, 0x110CD), (0x13430, 0x13438)]
# Lower-case letters assigned or changed after this Python's data (up to Unicode 17).
NEWER_LOWER_CASE = {
    0x1C89: 0x1C8A,
    0xA7CB: 0x264,
    0xA7CC: 0xA7CD,
    0xA7CE: 0xA7CF,
    0xA7D2: 0xA7D3,
    0xA7D4: 0xA7D5,
    0xA7DA: 0xA7DB,
    0xA7DC: 0x19B,
    0x10D50: 0x10D70,
    0x10D51: 0x10D71,
    0x10D52: 0x10D72,
    0x10D53: 0x10D73,
    0x10D54: 0x10D74,
    0x10D55: 0x10D75,
    0x10D56: 0x10D76,
    0x10D57: 0x10D77,
    0x10D58: 0x10D78,
    0x10D59: 0x10D79,
    0x10D5A: 0x10D7A,
    0x10D5B: 0x10D7B,
    0x10D5C: 0x10D7C,
    0x10D5D: 0x10D7D,
    0x10D5E: 0x10D7E,
    0x10D5F: 0x10D7F,
    0x10D60: 0x10D80,
    0x10D61: 0x10D81,
    0x10D62: 0x10D82,
    0x10D63: 0x10D83,
    0x10D64: 0x10D84,
    0x10D65: 0x10D85,
    0x16EA0: 0x16EBB,
    0x16EA1: 0x16EBC,
    0x16EA2: 0x16EBD,
    0x16EA3: 0x16EBE,
    0x16EA4: 0x16EBF,
    0x16EA5: 0x16EC0,
    0x16EA6: 0x16EC1,
    0x16EA7: 0x16EC2,
    0x16EA8: 0x16EC3,
    0x16EA9: 0x16EC4,
    0x16EAA: 0x16EC5,
    0x16EAB: 0x16EC6,
    0x16EAC: 0x16EC7,
    0x16EAD: 0x16EC8,
    0x16EAE: 0x16EC9,
    0x16EAF: 0x16ECA,
    0x16EB0: 0x16ECB,
    0x16EB1: 0x16ECC,
    0x16EB2: 0x16ECD,
    0x16EB3: 0x16ECE,
    0x16EB4: 0x16ECF,
    0x16EB5: 0x16ED0,
    0x16EB6: 0x16ED1,
    0x16EB7: 0x16ED2,
    0x16EB8: 0x16ED3,
}
# DIVES AKURU VOWEL SIGN O (Unicode 13) decomposes today, but not in the original.
NEVER_DECOMPOSED = {0x11938}

# Letters by property, not by category: the circled and squared Latin letters.
OTHER_ALPHABETIC = [(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)]

SPACE, CONTROL, PUNCTUATION, MARK, WORD, LOWER, DECOMPOSES, COMBINES = (1 << bit for bit in range(8))


def members(ranges: list[tuple[int, int]]) -> set[int]:
    """All code points of inclusive ranges."""
    return {code for first, last in ranges for code in range(first, last + 1)}


NEWER_PUNCTUATION_SET = members(NEWER_PUNCTUATION)
NEWER_MARKS_SET = members(NEWER_MARKS)
OLDER_MARKS_SET = members(OLDER_MARKS)
NEWER_FORMATS_SET = members(NEWER_FORMATS)
ALPHABETIC_SET = members(OTHER_ALPHABETIC)
WHITE_SPACE = {*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def lower(code: int) -> str:
    """One character in lower case, without regard to its neighbours."""
    return chr(NEWER_LOWER_CASE[code]) if code in NEWER_LOWER_CASE else chr(code).lower()


def combining_class(code: int) -> int:
    """The canonical combining class; 0 for what doesn't combine."""
    is_newer = any(first <= code <= last for first, last in NEWER_COMBINING)
    return 0 if is_newer else unicodedata.combining(chr(code))


def decomposition(code: int) -> str:
    """The full canonical decomposition; Hangul syllables are computed by the engine."""
    if code in NEVER_DECOMPOSED or 0xAC00 <= code <= 0xD7A3:
        return chr(code)
    return unicodedata.normalize("NFD", chr(code))


def flags(code: int) -> int:
    """The properties of a code point as bits."""
    char = chr(code)
    category = unicodedata.category(char)
    is_ascii_symbol = code < 128 and char.isprintable() and not char.isalnum() and char != " "
    is_punctuation = (category[0] == "P" and code not in NEWER_PUNCTUATION_SET) or code in OLD_PUNCTUATION
    is_mark = (category == "Mn" and code not in NEWER_MARKS_SET) or code in OLDER_MARKS_SET
    is_control = category in {"Cc", "Co"} or (category == "Cf" and code not in NEWER_FORMATS_SET)
    is_word = (
        category[0] in "LM" or category in {"Nd", "Nl", "Pc"} or code in ALPHABETIC_SET or code in {0x200C, 0x200D}
    )
    bits = SPACE * (code in WHITE_SPACE) + CONTROL * is_control + PUNCTUATION * (is_punctuation or is_ascii_symbol)
    bits += (
        MARK * is_mark
        + WORD * (is_word or any(first <= code <= last for first, last in NEWER_WORDS))
        + LOWER * (lower(code) != char)
    )
    return bits + DECOMPOSES * (decomposition(code) != char) + COMBINES * (combining_class(code) != 0)


def write_rows(values: list[int], per_line: int = 32) -> None:
    """Numbers, comma separated."""
    for start in range(0, len(values), per_line):
        sys.stdout.write("    " + ",".join(map(str, values[start : start + per_line])) + ",\n")


def write_strings(name: str, table: dict[int, str]) -> None:
    """A sorted table from a code point to a few others."""
    sys.stdout.write(f"constexpr Mapping {name}[] = {{\n")
    for code, text in sorted(table.items()):
        numbers = ",".join(hex(ord(c)) for c in text)
        sys.stdout.write(f"    {{{code:#x},{len(text)},{{{numbers}}}}},\n")
    sys.stdout.write("};\n")


def main() -> None:
    """Write the tables to standard output."""
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    all_flags = [0 if 0xD800 <= code < 0xE000 else flags(code) for code in range(0x110000)]
    blocks: dict[tuple[int, ...], int] = {}
    index = [blocks.setdefault(tuple(all_flags[at : at + 256]), len(blocks)) for at in range(0, 0x110000, 256)]
    print(f"// Generated by cpp/generate_unicode_tables.py from Unicode {unicodedata.unidata_version}. Do not edit.")
    print("constexpr std::uint8_t kFlagIndex[] = {")
    write_rows(index)
    print("};\nconstexpr std::uint8_t kFlagBlocks[] = {")
    for block in blocks:
        write_rows(list(block), 64)
    print("};")
    write_strings("kLower", {code: lower(code) for code in codes if lower(code) != chr(code)})
    write_strings("kDecomposition", {code: decomposition(code) for code in codes if decomposition(code) != chr(code)})
    print("constexpr CombiningClass kCombining[] = {")
    for code in codes:
        if combining_class(code):
            print(f"    {{{code:#x},{combining_class(code)}}},")
    print("};")


if __name__ == "__main__":
    main()
