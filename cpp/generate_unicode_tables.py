"""Writes cpp/src/unicode_tables.inc from the Unicode data of this Python, with the version named in the file.

    python cpp/generate_unicode_tables.py > cpp/src/unicode_tables.inc

Vocabularies were made with the tables of the libraries that all tokenize with, so what counts is what these do, and
each of their parts has a Unicode version of its own. BERT's categories (control, punctuation, nonspacing mark) are
frozen at Unicode 8.0. Normal forms, combining classes and the marks that StripAccents drops are those of 9.0, grapheme
clusters those of 16.0, and lower case that of 17.0. The words next to which an added token may not stand are those of
Unicode 16.0. The differences from this Python's data (Unicode 14.0) are listed below, as hexadecimal ranges; tests
compare every code point with the original.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import Literal


def members(ranges: str) -> frozenset[int]:
    """All code points of inclusive ranges like "41-5A 61"."""
    bounds = [text.split("-") for text in ranges.split()]
    return frozenset(code for pair in bounds for code in range(int(pair[0], 16), int(pair[-1], 16) + 1))


WHITE_SPACE = members("9-D 20 85 A0 1680 2000-200A 2028-2029 202F 205F 3000")
# Letters by property, not by category: the circled and squared Latin letters.
OTHER_ALPHABETIC = members("24B6-24E9 1F130-1F149 1F150-1F169 1F170-1F189")
# Letters, digits and marks of Unicode 15 and 16.
NEWER_WORDS = members("""
    897 CF3 ECE 1C89-1C8A A7CB-A7CD A7DA-A7DC 105C0-105F3 10D40-10D65 10D69-10D6D 10D6F-10D85 10EC2-10EC4
    10EFC-10EFF 1123F-11241 11380-11389 1138B 1138E 11390-113B5 113B7-113C0 113C2 113C5 113C7-113CA 113CC-113D3
    113E1-113E2 116D0-116E3 11BC0-11BE0 11BF0-11BF9 11F00-11F10 11F12-11F3A 11F3E-11F42 11F50-11F5A 1342F
    13440-13455 13460-143FA 16100-16139 16D40-16D6C 16D70-16D79 18CFF 1B132 1B155 1CCF0-1CCF9 1DF25-1DF2A
    1E030-1E06D 1E08F 1E4D0-1E4F9 1E5D0-1E5FA 2B739 2EBF0-2EE5D 31350-323AF
""")

# Punctuation by today's data, but unassigned (or of another category) in Unicode 8.0.
NEWER_PUNCTUATION = members("""
    61D 9FD A76 C77 C84 1B7D-1B7E 2E43-2E4F 2E52-2E5D 10EAD 10F55-10F59 10F86-10F89 1144B-1144F 1145A-1145B 1145D
    11660-1166C 116B9 1183B 11944-11946 119E2 11A3F-11A46 11A9A-11A9C 11A9E-11AA2 11C41-11C45 11C70-11C71
    11EF7-11EF8 11FFF 12FF1-12FF2 16E97-16E9A 16FE2 1E95E-1E95F
""")
# Punctuation in Unicode 8.0, of another category since (12.0 and 11.0).
OLDER_PUNCTUATION = members("166D 111C9")
# Nonspacing marks by today's data, but not in Unicode 8.0.
NEWER_NONSPACING = members("""
    7FD 898-89F 8CA-8E1 9FE AFA-AFF B55 C04 C3C D00 D3B-D3C D81 EBA 180F 1885-1886 1ABF-1ACE 1DF6-1DFB A82C A8C5
    A8FF A9BD 10D24-10D27 10EAB-10EAC 10F46-10F50 10F82-10F85 11070 11073-11074 110C2 111C9 111CF 1123E 1133B
    11438-1143F 11442-11444 11446 1145E 1182F-11837 11839-1183A 1193B-1193C 1193E 11943 119D4-119D7 119DA-119DB
    119E0 11A01-11A0A 11A33-11A38 11A3B-11A3E 11A47 11A51-11A56 11A59-11A5B 11A8A-11A96 11A98-11A99 11C30-11C36
    11C38-11C3D 11C3F 11C92-11CA7 11CAA-11CB0 11CB2-11CB3 11CB5-11CB6 11D31-11D36 11D3A 11D3C-11D3D 11D3F-11D45
    11D47 11D90-11D91 11D95 11D97 11EF3-11EF4 16F4F 16FE4 1CF00-1CF2D 1CF30-1CF46 1E000-1E006 1E008-1E018
    1E01B-1E021 1E023-1E024 1E026-1E02A 1E130-1E136 1E2AE 1E2EC-1E2EF 1E944-1E94A
""")
# Nonspacing marks in Unicode 8.0, of another category since.
OLDER_NONSPACING = members("1734")
# Format characters assigned after Unicode 8.0.
NEWER_FORMATS = members("890-891 8E2 110CD 13430-13438")

# Combining characters, and marks of any kind, assigned after Unicode 9.0.
NEWER_COMBINING = members("""
    7FD 898-89F 8CA-8D3 9FE C3C D3B-D3C EBA 1715 1ABF-1ACE 1DF6-1DFA A82C 10D24-10D27 10EAB-10EAC 10F46-10F50
    10F82-10F85 11070 1133B 1145E 11839-1183A 1193D-1193E 11943 119E0 11A34 11A47 11A99 11D42 11D44-11D45 11D97
    16FF0-16FF1 1E130-1E136 1E2AE 1E2EC-1E2EF
""")
NEWER_MARKS = members("""
    7FD 898-89F 8CA-8D3 9FE AFA-AFF B55 C04 C3C D00 D3B-D3C D81 EBA 1715 180F 1ABF-1ACE 1CF7 1DF6-1DFA A82C A8FF
    10D24-10D27 10EAB-10EAC 10F46-10F50 10F82-10F85 11070 11073-11074 110C2 11145-11146 111C9 111CE-111CF 1133B 1145E
    1182C-1183A 11930-11935 11937-11938 1193B-1193E 11940 11942-11943 119D1-119D7 119DA-119E0 119E4 11A01-11A0A
    11A33-11A39 11A3B-11A3E 11A47 11A51-11A5B 11A8A-11A99 11D31-11D36 11D3A 11D3C-11D3D 11D3F-11D45 11D47 11D8A-11D8E
    11D90-11D91 11D93-11D97 11EF3-11EF6 16F4F 16F7F-16F87 16FE4 16FF0-16FF1 1CF00-1CF2D 1CF30-1CF46 1E130-1E136 1E2AE
    1E2EC-1E2EF
""")
# Marks in Unicode 9.0, letters since.
OLDER_MARKS = members("1CF2-1CF3")
# Characters of Unicode 10 to 14 that have a canonical, and those that have a compatibility decomposition.
NEWER_CANONICAL = members("11938")
NEWER_COMPATIBLE = members("32FF A7F2-A7F4 AB69 10781-10785 10787-107B0 107B2-107BA 1F16C 1FBF0-1FBF9")

# Lower case of letters assigned or changed after this Python's data.
NEWER_LOWER_CASE = {0x1C89: 0x1C8A, 0xA7CB: 0x264, 0xA7CC: 0xA7CD, 0xA7CE: 0xA7CF, 0xA7D2: 0xA7D3, 0xA7D4: 0xA7D5}
NEWER_LOWER_CASE |= {0xA7DA: 0xA7DB, 0xA7DC: 0x19B}
NEWER_LOWER_CASE |= {code: code + 0x20 for code in range(0x10D50, 0x10D66)}
NEWER_LOWER_CASE |= {code: code + 0x1B for code in range(0x16EA0, 0x16EB9)}

# Grapheme clusters (UAX #29): where the property isn't what the category says.
EXTENDING = members("""
    897 9BE 9D7 B3E B57 BBE BD7 CC0 CC2 CC7-CC8 CCA-CCB CD5-CD6 D3E D57 DCF DDF ECE 1715 1734 1B35 1B3B 1B3D 1B43-1B44
    1BAA 1BF2-1BF3 200C 302E-302F A953 A9C0 FF9E-FF9F 10D69-10D6D 10EFC-10EFF 111C0 11235 11241 1133E 1134D 11357
    113B8 113BB-113C0 113C2 113C5 113C7-113C9 113CE-113D0 113D2 113E1-113E2 114B0 114BD 115AF 116B6 11930 1193D
    11F00-11F01 11F36-11F3A 11F40-11F42 11F5A 13440 13447-13455 1611E-16129 1612D-1612F 16FF0-16FF1 1D165-1D166
    1D16D-1D172 1E08F 1E4EC-1E4EF 1E5EE-1E5EF 1F3FB-1F3FF E0020-E007F
""")
SPACING = members("""
    CF3 E33 EB3 113B9-113BA 113CA 113CC-113CD 1171E 11F03 11F34-11F35 11F3E-11F3F 1612A-1612C
""")
NOT_SPACING = members("""
    102B-102C 1038 1062-1064 1067-106D 1083 1087-108C 108F 109A-109C 1A61 1A63-1A64 AA7B AA7D 11720-11721
""")
PREPENDED = members("""
    600-605 6DD 70F 890-891 8E2 D4E 110BD 110CD 111C2-111C3 113D1 1193F 11941 11A3A 11A84-11A89 11D46 11F02
""")
CONTROLS = members("2065 FFF0-FFF8 13439-1343F E0000 E0002-E001F E0080-E00FF E01F0-E0FFF")
PICTOGRAPHIC = members("""
    A9 AE 203C 2049 2122 2139 2194-2199 21A9-21AA 231A-231B 2328 2388 23CF 23E9-23F3 23F8-23FA 24C2 25AA-25AB 25B6
    25C0 25FB-25FE 2600-2605 2607-2612 2614-2685 2690-2705 2708-2712 2714 2716 271D 2721 2728 2733-2734 2744 2747 274C
    274E 2753-2755 2757 2763-2767 2795-2797 27A1 27B0 27BF 2934-2935 2B05-2B07 2B1B-2B1C 2B50 2B55 3030 303D 3297 3299
    1F000-1F0FF 1F10D-1F10F 1F12F 1F16C-1F171 1F17E-1F17F 1F18E 1F191-1F19A 1F1AD-1F1E5 1F201-1F20F 1F21A 1F22F
    1F232-1F23A 1F23C-1F23F 1F249-1F3FA 1F400-1F53D 1F546-1F64F 1F680-1F6FF 1F774-1F77F 1F7D5-1F7FF 1F80C-1F80F
    1F848-1F84F 1F85A-1F85F 1F888-1F88F 1F8AE-1F8FF 1F90C-1F93A 1F93C-1F945 1F947-1FAFF 1FC00-1FFFD
""")
# Indic consonants and the viramas that join them (InCB). All else that extends is transparent between them, but U+200C.
CONSONANTS = members("""
    915-939 958-95F 978-97F 995-9A8 9AA-9B0 9B2 9B6-9B9 9DC-9DD 9DF 9F0-9F1 A95-AA8 AAA-AB0 AB2-AB3 AB5-AB9 AF9 B15-B28
    B2A-B30 B32-B33 B35-B39 B5C-B5D B5F B71 C15-C28 C2A-C39 C58-C5A D15-D3A
""")
LINKERS = members("94D 9CD ACD B4D C4D D4D")
JAMO = [
    members("1100-115F A960-A97C"),
    members("1160-11A7 D7B0-D7C6 16D63 16D67-16D6A"),
    members("11A8-11FF D7CB-D7FB"),
]
SYLLABLES = range(0xAC00, 0xD7A4)
REGIONAL = range(0x1F1E6, 0x1F200)

# Bits and numbers as in cpp/include/dure/unicode.h.
SPACE, CONTROL, PUNCTUATION, MARK, WORD, LOWER, DECOMPOSES, COMBINES = (1 << bit for bit in range(8))
CHANGES_NFC, CHANGES_NFKC, FOLLOWS, ANY_MARK = (1 << bit for bit in range(4))
(
    _OTHER, CARRIAGE_RETURN, LINE_FEED, GRAPHEME_CONTROL, EXTEND, NON_JOINER, JOINER, LINKER, SPACING_MARK, PREPEND,
    REGIONAL_INDICATOR, LEADING, VOWEL, TRAILING, SYLLABLE, PICTOGRAM, CONSONANT,
) = range(17)  # fmt: skip


def lower(code: int) -> str:
    """One character in lower case, without regard to its neighbours."""
    return chr(NEWER_LOWER_CASE[code]) if code in NEWER_LOWER_CASE else chr(code).lower()


def combining_class(code: int) -> int:
    """The canonical combining class; 0 for what doesn't combine."""
    return 0 if code in NEWER_COMBINING else unicodedata.combining(chr(code))


def decomposition(code: int, form: Literal["NFD", "NFKD"]) -> str:
    """The full canonical ("NFD") or compatibility ("NFKD") decomposition; the engine computes those of Hangul."""
    is_newer = code in NEWER_CANONICAL or (form == "NFKD" and code in NEWER_COMPATIBLE)
    return chr(code) if is_newer or code in SYLLABLES else unicodedata.normalize(form, chr(code))


def is_recomposed(code: int) -> bool:
    """Whether a character with a canonical decomposition is what NFC makes of that."""
    return unicodedata.normalize("NFC", chr(code)) == chr(code)


def flags(code: int) -> int:
    """The properties of a code point as bits."""
    char = chr(code)
    category = unicodedata.category(char)
    is_ascii_symbol = code < 128 and char.isprintable() and not char.isalnum() and char != " "
    is_punctuation = (category[0] == "P" and code not in NEWER_PUNCTUATION) or code in OLDER_PUNCTUATION
    is_mark = (category == "Mn" and code not in NEWER_NONSPACING) or code in OLDER_NONSPACING
    is_control = category in {"Cc", "Co"} or (category == "Cf" and code not in NEWER_FORMATS)
    is_word = (
        category[0] in "LM" or category in {"Nd", "Nl", "Pc"} or code in OTHER_ALPHABETIC or 0x200C <= code <= 0x200D
    )
    bits = SPACE * (code in WHITE_SPACE) + CONTROL * is_control + PUNCTUATION * (is_punctuation or is_ascii_symbol)
    bits += MARK * is_mark + WORD * (is_word or code in NEWER_WORDS) + LOWER * (lower(code) != char)
    return bits + DECOMPOSES * (decomposition(code, "NFD") != char) + COMBINES * (combining_class(code) != 0)


def forms(code: int, followers: set[int]) -> int:
    """What normal forms must know of a code point, as bits."""
    char = chr(code)
    is_changed = decomposition(code, "NFD") != char and not is_recomposed(code)
    is_compatible = decomposition(code, "NFKD") != decomposition(code, "NFD")
    is_mark = (unicodedata.category(char)[0] == "M" and code not in NEWER_MARKS) or code in OLDER_MARKS
    bits = CHANGES_NFC * is_changed + CHANGES_NFKC * (is_changed or is_compatible)
    return bits + FOLLOWS * (code in followers) + ANY_MARK * is_mark


def grapheme_by_list(code: int) -> int | None:
    """The kind of code point in a grapheme cluster, where a list above says it."""
    kinds = {
        CARRIAGE_RETURN: [13], LINE_FEED: [10], NON_JOINER: [0x200C], JOINER: [0x200D], LINKER: LINKERS,
        EXTEND: EXTENDING, SPACING_MARK: SPACING, PREPEND: PREPENDED, GRAPHEME_CONTROL: CONTROLS,
        REGIONAL_INDICATOR: REGIONAL, LEADING: JAMO[0], VOWEL: JAMO[1], TRAILING: JAMO[2], SYLLABLE: SYLLABLES,
        PICTOGRAM: PICTOGRAPHIC, CONSONANT: CONSONANTS,
    }  # fmt: skip
    return next((kind for kind, codes in kinds.items() if code in codes), None)


def grapheme(code: int) -> int:
    """The kind of code point in a grapheme cluster."""
    listed = grapheme_by_list(code)
    if listed is not None:
        return listed
    category = unicodedata.category(chr(code))
    if category in {"Mn", "Me"}:
        return EXTEND
    if category == "Mc":
        return _OTHER if code in NOT_SPACING else SPACING_MARK
    return GRAPHEME_CONTROL if category in {"Cc", "Cf", "Zl", "Zp"} else _OTHER


def compositions(codes: list[int]) -> list[tuple[int, int, int]]:
    """All pairs that NFC composes, and what they become."""
    pairs = []
    for code in codes:
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0][0] != "<" and code not in NEWER_CANONICAL and is_recomposed(code):
            pairs.append((int(parts[0], 16), int(parts[1], 16), code))
    return sorted(pairs)


def write_rows(name: str, kind: str, values: list[int], per_line: int = 32) -> None:
    """An array of numbers."""
    print(f"const std::{kind} {name}[] = {{")
    for start in range(0, len(values), per_line):
        print("    " + ",".join(map(str, values[start : start + per_line])) + ",")
    print("};")


class Sequences:
    """Short texts, stored one after the other, each behind its length; place 0 stands for no change."""

    def __init__(self) -> None:
        self.values = [0]
        self.places: dict[str, int] = {}

    def place(self, code: int, text: str) -> int:
        """Where the text that `code` becomes is."""
        if text == chr(code):
            return 0
        if text not in self.places:
            self.places[text] = len(self.values)
            self.values += [len(text), *map(ord, text)]
        return self.places[text]


def main() -> None:
    """Write the tables to standard output."""
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    pairs = compositions(codes)
    followers = {second for _, second, _ in pairs} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    sequences = Sequences()
    records: dict[tuple[int, ...], int] = {(0,) * 7: 0}
    numbers = [0] * 0x110000
    for code in codes:
        places = [sequences.place(code, decomposition(code, form)) for form in ("NFD", "NFKD")]
        kinds = (flags(code), forms(code, followers), combining_class(code), grapheme(code))
        record = (*kinds, sequences.place(code, lower(code)), *places)
        numbers[code] = records.setdefault(record, len(records))
    blocks: dict[tuple[int, ...], int] = {}
    index = [blocks.setdefault(tuple(numbers[at : at + 128]), len(blocks)) for at in range(0, 0x110000, 128)]
    assert max(len(sequences.values), len(records), len(blocks)) < 1 << 16
    print(f"// Generated by cpp/generate_unicode_tables.py from Unicode {unicodedata.unidata_version}. Do not edit.")
    write_rows("kBlockOf", "uint16_t", index)
    write_rows("kRecordOf", "uint16_t", [number for block in blocks for number in block])
    write_rows("kSequences", "uint32_t", sequences.values, 16)
    print("const CodeProperties kRecords[] = {")
    for record in records:
        print("    {" + ",".join(map(str, record)) + "},")
    print("};\nconst Composition kCompositions[] = {")
    for first, second, whole in pairs:
        print(f"    {{{first:#x},{second:#x},{whole:#x}}},")
    print("};")


if __name__ == "__main__":
    sys.stdout.reconfigure(newline="\n")  # type: ignore[union-attr]
    main()
