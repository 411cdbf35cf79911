# SPDX-License-Identifier: Apache-2.0
"""Texts that tokenizers get wrong, and the recipe of random ones. Used by make_tokenizer_vectors.py only."""

import itertools
import random

MASK = (1 << 64) - 1
SPECIALS = ["<|endoftext|>", "<mask>", "<|im_start|>", "<|im_end|>", "<tool>", "</tool>", "<l>", "<r>", "<lr>", "word",
            "cafe\u0301!", "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>"]
PROSE = [
    "", " ", "  ", "\n", "\r\n", "\t \n  x", "a", "hello world", " hello  world ", "It's we're I'LL they'd DON'T 'S",
    "1", "12345678901234567890", "3.14 and 2,718", "a1b2c3", "x=12+30*(4-5)/6", "....!!!???", "====", "-" * 200,
    "a" * 300, "ab" * 150, "é", "e\u0301", "ñandú", "ﬁ", "ſ's", "日本語", "中文 テスト 한국어", "😀", "👩‍👩‍👧‍👦 family", "🇩🇪🇫🇷",
    "\u202eright to left\u202c", "שלום עולם", "مرحبا بالعالم", "\u0000\u0001\u001f", "\u00a0non\u00a0breaking\u3000wide",
    "\ufeffbom", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𐍈𐍉", "\U0010ffff", "zero\u200bwidth", "tab\tseparated\tvalues\n\n\nthree lines  \n end  ",
    "The sum of 12 and 30 is 42", "straße Ελληνικά русский", "१२३ ٣٤٥ Ⅷ ½", "a\u0308\u0323b", "’s ’t", "<|endoftext",
    "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n#### 72", "Ünïcödé tëxt, naïve café, Ελληνικά",
    "mongolian\u180evowel \u180e separator", "next\u0085line", "line\u2028separator\u2029paragraph",
]
CODE = [
    "def f(x):\n        return x\n", "if (x <= 10 && y >= 20) { z = x * y / 3.14159; } // comment\r\n",
    "for(int i=0;i<n;++i){a[i]+=b[i];}", "std::vector<std::pair<int, std::string>> v{{1, \"a\"}};", "#include <iostream>\n",
    "\tif err != nil {\n\t\treturn fmt.Errorf(\"x: %w\", err)\n\t}\n", "SELECT * FROM t WHERE a='it''s' AND b>=1e-5;",
    "$ ls -la | grep '^d' > /dev/null 2>&1", "https://example.org/a?b=c&d=%20#e", "0xDEADBEEF 0b1010 1_000_000",
    "lambda x: x**2 if x else None", "{\"key\": [1, 2.5, null, true]}", "<div class=\"a b\">&nbsp;</div>", "a->b->c::d<e>",
    "def\u00a0f():pass", "x = 'don''t'\n\n\n\n    y", "/* block\n * comment\n */", "@@ -1,2 +3,4 @@", "\\x00\\u0041", "R\"(raw)\"",
]
LATEX = [
    "\\frac{a}{b} = \\sqrt{2}", "$\\sum_{i=1}^{n} i^2 = \\frac{n(n+1)(2n+1)}{6}$", "\\begin{align*}\nx &= y \\\\\n\\end{align*}",
    "\\boxed{\\dfrac{3}{4}}", "\\left( \\int_0^1 x\\,dx \\right)", "$x \\in \\mathbb{R}$", "\\text{km/h}", "\\pi r^2", "90^\\circ",
    "\\$12.50", "3\\times10^{-4}", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "a_{ij}'", "\\%", "$$\\alpha+\\beta$$", "\\ldots",
]
EMOJI = [
    "👨‍👩‍👧‍👦", "👩🏽‍🚀", "🏳️‍🌈", "🇩🇪", "🇺🇸🇬🇧", "1️⃣2️⃣", "☝🏿", "❤️", "🤷‍♀️", "👍👍👍", "😀😃 😄", "a😀b", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "©️®️™️", "♥", "\u200d", "\ufe0f", "🧑‍💻 code",
]
BIDI = ["שלום", "مرحبا", "abc \u202aabc\u202c", "\u2066isolate\u2069", "עברית123", "١٢٣", "a\u200fb", "\u061c", "نص عربي مع English", "ﷺ",
        "e\u0301\u05b0\u05bc", "בְּרֵאשִׁית", "اَلْعَرَبِيَّةُ"]
WHITESPACE = [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u180e", "\u200b", "\x85", "\x0b"]
MARKS = ["\u0300", "\u0301", "\u0308", "\u0323", "\u0327", "\u0334", "\u0345", "\u05b0", "\u064b", "\u093c", "\u3099", "\u302a",
         "\u0898", "\u1abf", "\u20d0", "\ufe20"]
BASES = ["a", "e", "O", "ñ", "Å", "\u212b", "か", "\u1100\u1161", "\uac00", "ש", "ا", "\u0928", "\u1e69", " "]
DIGITS = ["0", "7", "٣", "३", "๓", "Ⅷ", "½", "²", "𝟘", "①", "9"]


def whitespace_runs():
    pairs = ["".join(p) for p in itertools.product(WHITESPACE, repeat=2)]
    for i, run in enumerate(pairs):
        yield [run + "x", "a" + run, "a" + run + "1", run][i % 4]
    yield from (" " * n + "a" for n in range(3, 9))
    yield from ("\n" * n + " " * (n % 3) + "b" for n in range(1, 9))
    yield from ("x" + " \n" * n for n in range(1, 6))


def contractions():
    for i, tail in enumerate(["s", "t", "re", "ve", "m", "ll", "d", "S", "T", "Re", "vE", "M", "LL", "D", "\u017f", "\u017fx",
                              "st", "l", "r", "x", "", "''s", "lL", "\u212a"]):
        yield from ("it'" + tail, "'" + tail, " '" + tail + " a", "1'" + tail + "?")
        yield ["it’" + tail, "'" + tail + "'", "\n'" + tail, "é'" + tail][i % 4]


def special_tokens_in_text():
    contexts = ["{}", "a {} b", "a  {}  b", "{}{}", "a{}b", " {} ", "\n{}\n", "{}'s", "1{}2", "a \u00a0{}\u3000\t b"]
    yield from (context.replace("{}", token) for token in SPECIALS for context in contexts)
    yield from (f"{a} {b}" for a, b in itertools.permutations(SPECIALS[:9], 2))
    yield from ("_word", "word_", "e\u0301word", "word\u0301", "words", "sword", "word word", "word-word", "(word)", "word1",
                "\u203fword", "字word", "word。", "café!", "cafe\u0301!", "<r>  <l>", "<r> <mask>", "<lr> <lr>", "</tool", "<<tool>>")


def code_points(generator, first, last, count):
    return "".join(chr(c) for c in (generator.randint(first, last) for _ in range(count)) if not 0xD800 <= c <= 0xDFFF)


def hard_texts():
    generator = random.Random(11)
    texts = PROSE + CODE + LATEX + EMOJI + BIDI
    texts += [a + b for a, b in zip(EMOJI, reversed(CODE))]
    texts += [*whitespace_runs(), *contractions(), *special_tokens_in_text()]
    texts += ["".join(generator.choices(DIGITS, k=n % 12 + 1)) for n in range(48)]
    texts += [f"{'9' * n}{tail}" for n in range(1, 12) for tail in ["", " apples", ",000"]]
    for n in range(120):  # combining marks in every order
        texts.append("".join(generator.choice(BASES) + "".join(generator.choices(MARKS, k=generator.randint(1, 4)))
                             for _ in range(n % 3 + 1)))
    for plane in range(17):
        texts += [code_points(generator, plane << 16, (plane << 16) + 0xFFFF, n) or "x" for n in (1, 2, 3, 4, 5, 7)]
    for first, last in [(0x80, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x8FF), (0x900, 0xDFF), (0xE00, 0x109F),
                        (0x1100, 0x11FF), (0x1E00, 0x20CF), (0x2000, 0x206F), (0x2100, 0x2BFF), (0x3000, 0x30FF),
                        (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFFFF), (0x10000, 0x11FFF), (0x1D100, 0x1D7FF)]:
        texts += [code_points(generator, first, last, n) for n in (2, 3, 4, 6)]
    return list(dict.fromkeys(texts))


# Alphabets of random texts: strings, and ranges of code points as [first, last].
RECIPE = {"alphabets": [
    [[97, 122], [97, 122], [65, 90], " "],
    [[48, 57], [48, 57], "+", "-", "=", ".", ",", " "],
    WHITESPACE + ["a", "."],
    ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'\u017f", "'", "it", " ", "x"],
    SPECIALS + [" ", "  ", "a", "\n", "<|", "|>", "<"],
    ["the ", " of", "sum", " is ", "clips", " in", " May", "answer", "\n####", "total", " dollars", " each", " many"],
    [[33, 47], [58, 64], [91, 96], [123, 126], "\r\n", "\n", " "],
    [[0xA0, 0x24F], [0x370, 0x3FF], [0x400, 0x4FF], "e", " "],
    MARKS + BASES + [[0x300, 0x36F], [0x1E00, 0x1EFF]],
    [[0x590, 0x6FF], [0x200B, 0x200F], [0x202A, 0x202E], " "],
    [[0x900, 0xDFF], [0xE00, 0x109F], [0x1780, 0x17FF]],
    [[0x3040, 0x30FF], [0x4E00, 0x9FFF], [0xFF00, 0xFFEF], [0x3000, 0x303F]],
    [[0x1100, 0x11FF], [0xAC00, 0xD7A3], [0xA960, 0xA97F], [0xD7B0, 0xD7FF]],
    [[0x1F300, 0x1FAFF], [0x2600, 0x27BF], "\u200d", "\ufe0f", [0x1F1E6, 0x1F1FF], [0x1F3FB, 0x1F3FF]],
    [[0x1, 0x7F], [0x80, 0xFF]],
    [[0x1, 0xD7FF], [0xE000, 0xFFFF]],
    [[0x10000, 0x1FFFF]],
    [[0x20000, 0x323AF], [0xE0000, 0xE01EF], [0x40000, 0x10FFFF]],
    [[0x2000, 0x2BFF], [0xF900, 0xFFFF], [0x1D000, 0x1D7FF]],
]}


class SplitMix64:
    """The generator that the C++ test has too."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % bound


def random_text(generator):
    """Up to 20 draws from two alphabets."""
    alphabets = RECIPE["alphabets"]
    chosen = [alphabets[generator.below(len(alphabets))] for _ in range(2)]
    text = ""
    for _ in range(1 + generator.below(20)):
        alphabet = chosen[generator.below(2)]
        entry = alphabet[generator.below(len(alphabet))]
        text += entry if isinstance(entry, str) else chr(entry[0] + generator.below(entry[1] - entry[0] + 1))
    return text


def random_ids(generator, vocab_size):
    return [generator.below(vocab_size) for _ in range(1 + generator.below(12))]


class Digest:
    """FNV-1a over whole numbers."""

    def __init__(self):
        self.value = 0xCBF29CE484222325

    def add(self, numbers):
        for number in [*numbers, 0xFFFFFFFF]:
            self.value = ((self.value ^ number) * 0x100000001B3) & MASK

    def hex(self):
        return f"{self.value:016x}"
