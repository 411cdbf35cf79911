#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes model/chat_template/unicode_tables.cc: the case mappings and the characters that repr() escapes, as this
Python has them (Unicode 14 in Python 3.11).

    python3 model/chat_template/testdata/make_unicode_tables.py
"""

import pathlib
import unicodedata

TARGET = pathlib.Path(__file__).resolve().parent.parent / "unicode_tables.cc"
CHARACTERS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def runs(mapping):
    """[first, last, delta, stride] of the characters that map to one other character."""
    found = []
    for character in CHARACTERS:
        mapped = mapping(character)
        if len(mapped) != 1 or mapped == character:
            continue
        c, delta = ord(character), ord(mapped) - ord(character)
        last = found[-1] if found else None
        is_first_step = last and last[0] == last[1] and c - last[1] in (1, 2)
        if last and last[2] == delta and (c - last[1] == last[3] or is_first_step):
            last[3] = c - last[1]
            last[1] = c
        else:
            found.append([c, c, delta, 1])
    return found


def unprintable():
    found = []
    for c in range(0x110000):
        if chr(c).isprintable():
            continue
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def rows(entries):
    lines, line = [], "   "
    for entry in entries:
        if len(line) + 1 + len(entry) + 1 > 120:
            lines.append(line)
            line = "   "
        line += " " + entry + ","
    return "\n".join(lines + [line])


def literal(text):
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def main():
    numbers = lambda table: rows("{" + ", ".join(str(n) for n in row) + "}" for row in table)
    specials = lambda chosen, mapping: rows(f"{{{ord(c)}, {literal(mapping(c))}}}" for c in chosen)
    long_upper = [c for c in CHARACTERS if len(c.upper()) != 1]
    own_title = [c for c in CHARACTERS if c.title() != c.upper()]
    TARGET.write_text(f"""// SPDX-License-Identifier: Apache-2.0
// Size: tables, written by testdata/make_unicode_tables.py (Unicode {unicodedata.unidata_version}).
#include "model/chat_template/unicode_tables.h"

namespace cohort::model::chat_template {{
namespace {{

// clang-format off
constexpr CaseRun kLower[] = {{
{numbers(runs(str.lower))}
}};

constexpr CaseRun kUpper[] = {{
{numbers(runs(str.upper))}
}};

constexpr CaseSpecial kLongUpper[] = {{
{specials(long_upper, str.upper)}
}};

constexpr CaseSpecial kOwnTitle[] = {{
{specials(own_title, str.title)}
}};

constexpr CharacterRange kUnprintable[] = {{
{numbers(unprintable())}
}};
// clang-format on

}}  // namespace

absl::Span<const CaseRun> LowerRuns() {{ return kLower; }}
absl::Span<const CaseRun> UpperRuns() {{ return kUpper; }}
absl::Span<const CaseSpecial> LongUppers() {{ return kLongUpper; }}
absl::Span<const CaseSpecial> OwnTitles() {{ return kOwnTitle; }}
absl::Span<const CharacterRange> UnprintableRanges() {{ return kUnprintable; }}

}}  // namespace cohort::model::chat_template
""")


if __name__ == "__main__":
    main()
