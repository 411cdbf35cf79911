#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tokenizer vectors beside this file with PyPI `tokenizers`, the oracle of model/tokenizer/tokenizer_test.

    python3 -m venv venv && venv/bin/pip install tokenizers
    venv/bin/python model/testdata/make_tokenizer_vectors.py

Three small tokenizers: characters (no merges), GPT-2 style (ByteLevel with its own regex), Qwen style (Split, then
ByteLevel, special and plain added tokens, ignore_merges).
"""

import json
import pathlib
import random

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
QWEN_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TRAINING_TEXT = [
    "The sum of 12 and 30 is 42, so we're done.  It's what they'll want; I've said I'd do it, haven't I?",
    "def add(a, b):\n    return a + b\n\nprint(add(1234, 5678))\n",
    "Ünïcödé tëxt, naïve café, straße, Ελληνικά, русский текст, 日本語の文章、中文句子。",
    "if (x <= 10 && y >= 20) { z = x * y / 3.14159; } // comment\r\n",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen " * 3,
]
HARD_TEXTS = [
    "", " ", "  ", "\n", "\r\n", "\t \n  x", "a", "hello world", " hello  world ", "It's we're I'LL they'd DON'T 'S",
    "1", "12345678901234567890", "3.14 and 2,718", "a1b2c3", "x=12+30*(4-5)/6", "....!!!???", "====", "-" * 200,
    "a" * 300, "ab" * 150, "é", "e\u0301", "ñandú", "ﬁ", "ſ's", "日本語", "中文 テスト 한국어", "😀", "👩‍👩‍👧‍👦 family", "🇩🇪🇫🇷",
    "\u202eright to left\u202c", "שלום עולם", "مرحبا بالعالم", "\u0000\u0001\u001f", "\u00a0non\u00a0breaking\u3000wide",
    "\ufeffbom", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𐍈𐍉", "\U0010ffff", "zero\u200bwidth", "tab\tseparated\tvalues\n\n\nthree lines  \n end  ",
    "def f(x):\n        return x\n", "\\frac{a}{b} = \\sqrt{2}", "<|end|>", "a<|end|>b", "<|end|><|start|>text<|end|>",
    "<|end|", "<|end|><|end|>x", "plain<tool>inside</tool>", "<tool><|end|></tool>", "don't <|start|> can't",
    "The sum of 12 and 30 is 42", "straße Ελληνικά русский", "१२३ ٣٤٥ Ⅷ ½", "a\u0308\u0323b", "’s ’t",
]


def random_texts(count):
    generator = random.Random(11)
    alphabets = ["abc 'stre", "0123456789 +-=", " \n\r\t\u00a0", "aé日😀\u0301 ", "<|end|> start", "éß中ñ'd"]
    texts = []
    for _ in range(count):
        alphabet = generator.choice(alphabets)
        if generator.random() < 0.3:
            text = "".join(chr(generator.choice([generator.randrange(1, 0xD800), generator.randrange(0xE000, 0x30000)]))
                           for _ in range(generator.randrange(1, 12)))
        else:
            text = "".join(generator.choice(alphabet) for _ in range(generator.randrange(1, 40)))
        texts.append(text)
    return texts


def characters():
    letters = "0123456789+-*/=()., \nabcdefghijklmnopqrstuvwxyz<|>_"
    mapped = [{" ": "\u0120", "\n": "\u010a"}.get(letter, letter) for letter in dict.fromkeys(letters)]
    vocabulary = {letter: i + 2 for i, letter in enumerate(mapped)}
    vocabulary.update({"<pad>": 0, "<|end|>": 1})
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<pad>", "<|end|>"])
    return tokenizer


def train(tokenizer, vocab_size, special):
    tokenizer.train_from_iterator(TRAINING_TEXT, trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special,
        show_progress=False))


def gpt2_style():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    train(tokenizer, 420, ["<|end|>"])
    return tokenizer


def qwen_style():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN_PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 400, [])
    tokenizer.add_special_tokens(["<|start|>", "<|end|>"])
    tokenizer.add_tokens([AddedToken("<tool>", special=False), AddedToken("</tool>", special=False)])
    return tokenizer


def main():
    for name, tokenizer in {"characters": characters(), "gpt2_style": gpt2_style(), "qwen_style": qwen_style()}.items():
        folder = HERE / "tokenizers" / name
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
        known = set(tokenizer.get_vocab())
        byte_of = {character: character for character in known}
        vectors = []
        for text in HARD_TEXTS + random_texts(150):
            # Bytes outside a character vocabulary are dropped silently by the oracle and refused by ours.
            if name == "characters" and any(c not in byte_of and c not in " \n" for c in text):
                continue
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            vectors.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids),
                            "decoded_with_special": tokenizer.decode(ids, skip_special_tokens=False)})
        # Ids cut inside a character.
        generator = random.Random(5)
        size = tokenizer.get_vocab_size()
        decodings = []
        for _ in range(60):
            ids = [generator.randrange(size) for _ in range(generator.randrange(1, 9))]
            decodings.append({"ids": ids, "decoded": tokenizer.decode(ids)})
        document = {"tokenizers": tokenizers.__version__, "vocab_size": size, "encodings": vectors, "decodings": decodings}
        (folder / "vectors.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
        print(folder, len(vectors), "texts")


if __name__ == "__main__":
    main()
