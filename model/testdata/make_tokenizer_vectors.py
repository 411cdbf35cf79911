#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tokenizer vectors beside this file with PyPI `tokenizers`, the oracle of model/tokenizer's tests.

    python3 -m venv venv && venv/bin/pip install tokenizers
    venv/bin/python model/testdata/make_tokenizer_vectors.py

Small tokenizers, trained on the GSM8K slice and a few lines of everything else: `characters` (no merges), `gpt2_style`
(ByteLevel with its own regex), `qwen_style` (NFC, Split, added tokens of all flags), `llama3_style` (ignore_merges, a
template with a BOS inside a Sequence). `gpt2` has the merges of the real GPT-2; its tokenizer.json follows from them.

vectors.json holds the ids of hard_texts.json where `ids` is there; everything else is digests: of the ids of 100,000
random texts in blocks of 100, of decoded random ids, and of `variants`, which patch tokenizer.json (RFC 7396).
"""

import gzip
import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import tokenizer_texts
from tokenizer_texts import Digest, SplitMix64

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "tokenizers"
GSM8K = HERE.parent.parent / "examples" / "gsm8k" / "train_100.jsonl"
BLOCK = 100
RANDOM_TEXTS = 100_000
RANDOM_DECODINGS = 20_000
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN_PATTERN = CL100K.replace("DIGITS", r"\p{N}")
LLAMA3_PATTERN = CL100K.replace("DIGITS", r"\p{N}{1,3}")
GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TRAINING_LINES = [
    "The sum of 12 and 30 is 42, so we're done.  It's what they'll want; I've said I'd do it, haven't I?",
    "def add(a, b):\n    return a + b\n\nprint(add(1234, 5678))\n", "\\frac{a}{b} = \\sqrt{2}, \\left(\\sum_{i=1}^n x_i\\right)",
    "Ünïcödé tëxt, naïve café, straße, Ελληνικά, русский текст, 日本語の文章、中文句子。한국어 שלום مرحبا",
    "if (x <= 10 && y >= 20) { z = x * y / 3.14159; } // comment\r\n", "e\u0301 a\u0308 👩‍👩‍👧 🇩🇪 \t\t\n\n    \n",
]


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
    rows = [json.loads(line) for line in GSM8K.read_text().splitlines()]
    text = [row[key] for row in rows for key in ("question", "answer")] + TRAINING_LINES * 3
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special,
        show_progress=False))


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def gpt2_style():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    train(tokenizer, 900, ["<|endoftext|>"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def qwen_style():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = split_then_bytes(QWEN_PATTERN)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    train(tokenizer, 900, [])
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([
        AddedToken("<tool>", normalized=False), AddedToken("</tool>", normalized=True),
        AddedToken("<l>", lstrip=True, normalized=False), AddedToken("<r>", rstrip=True, normalized=True),
        AddedToken("<lr>", lstrip=True, rstrip=True, normalized=False), AddedToken("word", single_word=True),
        AddedToken("cafe\u0301!", normalized=True)])
    return tokenizer


def llama3_style():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = split_then_bytes(LLAMA3_PATTERN)
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 900, [])
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|eot_id|>"])
    bos = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                                      special_tokens=[("<|begin_of_text|>", bos)])])
    return tokenizer


def byte_characters():
    """Of the bytes in the order of GPT-2's vocabulary."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in own] + [chr(0x100 + i) for i in range(256 - len(own))]


def gpt2():
    lines = gzip.decompress((FOLDER / "gpt2" / "merges.txt.gz").read_bytes()).decode().splitlines()
    merges = [tuple(line.split(" ")) for line in lines]
    words = byte_characters() + ["".join(merge) for merge in merges] + ["<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def byte_level(**options):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False, **options}


def pre_tokenizer(*parts):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": list(parts)}}


VARIANTS = {
    "gpt2_style": [
        {"pre_tokenizer": {"add_prefix_space": True}},
        pre_tokenizer(byte_level(use_regex=True, add_prefix_space=True)),
        pre_tokenizer(split("(?:" + GPT2_PATTERN + ")"), byte_level()),  # as before, but not a pattern known by heart
        {"normalizer": {"type": "NFC"}},
        {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]}},
        {"normalizer": {"type": "Sequence", "normalizers": []}},
    ],
    "qwen_style": [
        pre_tokenizer(split("(?:" + QWEN_PATTERN + ")"), byte_level()),
        # A chain, as DeepSeek's files have it.
        pre_tokenizer(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(r"\s?\p{L}+|\s?\p{P}+|\s+(?!\S)|\s+"), byte_level()),
        # Matches of nothing, and the end of a line.
        pre_tokenizer(split(r"(?=\p{N})"), split(r"\s+$|\s"), byte_level()),
        {"normalizer": None},
    ],
    "llama3_style": [
        {"model": {"ignore_merges": False}},
        {"post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "a", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "b", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"a": {"id": "a", "ids": [3, 4], "tokens": ["x", "y"]}, "b": {"id": "b", "ids": [5], "tokens": ["z"]}}}},
    ],
}


def merge_patch(target, patch):
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = merge_patch(target.get(key), value)
    return target


def digest_of_encodings(tokenizer, texts, with_special_tokens):
    digest = Digest()
    for text in texts:
        digest.add(tokenizer.encode(text, add_special_tokens=with_special_tokens).ids)
    return digest.hex()


def random_text_digests(tokenizer):
    generator = SplitMix64(2024)
    digests = []
    for _ in range(RANDOM_TEXTS // BLOCK):
        texts = [tokenizer_texts.random_text(generator) for _ in range(BLOCK)]
        digests.append(digest_of_encodings(tokenizer, texts, with_special_tokens=False))
    return "".join(digests)


def random_decoding_digests(tokenizer):
    """Of the decoded bytes; every other text keeps its special tokens."""
    generator = SplitMix64(7)
    digests = []
    for _ in range(RANDOM_DECODINGS // BLOCK):
        digest = Digest()
        for i in range(BLOCK):
            ids = tokenizer_texts.random_ids(generator, tokenizer.get_vocab_size())
            digest.add(tokenizer.decode(ids, skip_special_tokens=i % 2 == 0).encode())
        digests.append(digest.hex())
    return "".join(digests)


def vectors(name, tokenizer, texts):
    document = {"tokenizers": tokenizers.__version__, "vocab_size": tokenizer.get_vocab_size()}
    encodings = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    decodings = Digest()
    for ids in encodings:
        decodings.add(tokenizer.decode(ids).encode())
        decodings.add(tokenizer.decode(ids, skip_special_tokens=False).encode())
    document["hard_text_decodings"] = decodings.hex()
    document["with_special_tokens"] = digest_of_encodings(tokenizer, texts, with_special_tokens=True)
    document["random_decodings"] = random_decoding_digests(tokenizer)
    document["random_texts"] = random_text_digests(tokenizer)
    document["variants"] = []
    for patch in VARIANTS.get(name, []):
        variant = Tokenizer.from_str(json.dumps(merge_patch(json.loads(tokenizer.to_str()), patch)))
        document["variants"].append({"patch": patch, "ids": digest_of_encodings(variant, texts, with_special_tokens=True)})
    if name == "gpt2":
        document["ids"] = digest_of_encodings(tokenizer, texts, with_special_tokens=False)
    else:
        document["ids"] = encodings
    return document


def write_json(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n")
    print(path, path.stat().st_size)


def main():
    texts = tokenizer_texts.hard_texts()
    assert len(texts) >= 1000, len(texts)
    write_json(FOLDER / "hard_texts.json", texts)
    write_json(FOLDER / "random_text_recipe.json", tokenizer_texts.RECIPE)
    for build in (gpt2_style, qwen_style, llama3_style, gpt2):
        name, tokenizer = build.__name__, build()
        if name != "gpt2":
            tokenizer.save(str(FOLDER / name / "tokenizer.json"), pretty=False)
        write_json(FOLDER / name / "vectors.json", vectors(name, tokenizer, texts))
    # Bytes outside its vocabulary are dropped silently by the oracle and refused by ours.
    tokenizer = characters()
    known = set(tokenizer.get_vocab()) | {" ", "\n"}
    texts = [text for text in [*texts, "x=12+30*(4-5)/6\n", "<|end|>a<pad>"] if all(c in known for c in text)]
    tokenizer.save(str(FOLDER / "characters" / "tokenizer.json"), pretty=False)
    write_json(FOLDER / "characters" / "vectors.json",
               {"texts": texts, "ids": [tokenizer.encode(text).ids for text in texts]})


if __name__ == "__main__":
    main()
