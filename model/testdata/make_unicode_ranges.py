#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes model/tokenizer/unicode_ranges.cc: the character classes and the limits of NFC that PyPI `tokenizers` has.

    venv/bin/python model/testdata/make_unicode_ranges.py

The package carries three Unicode versions (Oniguruma's for patterns, the regex crate's for single_word, an old one for
NFC), so every code point is tried. libutf8proc.so.2, the library that normalizes, is loaded to find where it knows more.
"""

import ctypes
import pathlib
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

TARGET = pathlib.Path(__file__).resolve().parent.parent / "tokenizer" / "unicode_ranges.cc"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def matching(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    text = "".join(map(chr, CODE_POINTS))
    return {ord(c) for start in range(0, len(text), 4096) for piece, _ in split.pre_tokenize_str(text[start:start + 4096])
            for c in piece}


def word_characters():
    found = set()
    for probe in "QX":  # a token never counts as the character after itself
        tokenizer = Tokenizer(models.BPE())
        tokenizer.add_tokens([AddedToken(probe, single_word=True, normalized=False)])
        found |= {c for c in CODE_POINTS if chr(c) != probe and not tokenizer.encode(probe + chr(c)).ids}
    return found


def newer_marks():
    library = ctypes.CDLL("libutf8proc.so.2")
    library.utf8proc_NFC.restype = ctypes.c_void_p
    free = ctypes.CDLL(None).free

    def newer(text):
        pointer = library.utf8proc_NFC(text.encode())
        result = ctypes.string_at(pointer).decode()
        free(ctypes.c_void_p(pointer))
        return result

    older = normalizers.NFC().normalize_str
    probes = ["{}", "{}\u0334", "\u05b0{}", "\u0301{}\u0323", "a{}\u0301"]
    found = {c for c in CODE_POINTS[1:] if any(older(p.format(chr(c))) != newer(p.format(chr(c))) for p in probes)}
    for c in CODE_POINTS[1:]:
        parts = unicodedata.normalize("NFD", chr(c))
        if parts != chr(c) and older(parts) != newer(parts):
            found.add(ord(parts[-1]))
    return found


def literal(name, code_points):
    ranges = []
    for c in sorted(code_points):
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    words = [f"{low:X}" if low == high else f"{low:X}-{high:X}" for low, high in ranges]
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > 112:
            lines.append(line)
            line = ""
        line += word + " "
    lines.append(line)
    return f"const char {name}[] =\n" + "\n".join(f'    "{line}"' for line in lines) + ";\n"


def main():
    letters = matching(r"\p{L}")
    tables = {
        "kLetterRanges": letters,
        "kNumberRanges": matching(r"\p{N}"),
        "kSpaceRanges": matching(r"\s"),
        "kOtherWordRanges": word_characters() - letters,
        "kNewerMarkRanges": newer_marks(),
    }
    arrays = "\n".join(literal(name, code_points) for name, code_points in tables.items())
    TARGET.write_text(f"""// SPDX-License-Identifier: Apache-2.0
// Written by model/testdata/make_unicode_ranges.py from PyPI tokenizers {tokenizers.__version__}.
#include "model/tokenizer/unicode_ranges.h"

namespace cohort::model {{

// clang-format off
{arrays}// clang-format on

}}  // namespace cohort::model
""")


if __name__ == "__main__":
    main()
