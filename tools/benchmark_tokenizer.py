#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our tokenizer against PyPI `tokenizers`, one thread each, in turns within one run.

    bazel build //model/tokenizer:tokenizer_benchmark
    python3 -m venv venv && venv/bin/pip install tokenizers
    venv/bin/python tools/benchmark_tokenizer.py [--texts FILE.jsonl ...]

Files with GPT-2's merges: its own split pattern, Qwen's with NFC, Llama 3's, and one that is not known by heart. No time
is printed unless both give the same ids. The peer may use its fastest call, per text or in a batch without offsets.
Times are CPU seconds.
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "model" / "testdata"))

import tokenizers
from tokenizers import normalizers

import make_tokenizer_vectors
from tokenizer_texts import Digest

BINARY = ROOT / "bazel-bin" / "model" / "tokenizer" / "tokenizer_benchmark"


def styles():
    gpt2 = make_tokenizer_vectors.gpt2()
    yield "GPT-2", gpt2
    qwen = make_tokenizer_vectors.gpt2()
    qwen.normalizer = normalizers.NFC()
    qwen.pre_tokenizer = make_tokenizer_vectors.split_then_bytes(make_tokenizer_vectors.QWEN_PATTERN)
    yield "Qwen", qwen
    llama = make_tokenizer_vectors.gpt2()
    llama.pre_tokenizer = make_tokenizer_vectors.split_then_bytes(make_tokenizer_vectors.LLAMA3_PATTERN)
    yield "Llama 3", llama
    other = make_tokenizer_vectors.gpt2()
    other.pre_tokenizer = make_tokenizer_vectors.split_then_bytes("(?:" + make_tokenizer_vectors.QWEN_PATTERN + ")")
    yield "any other, by PCRE2", other


def read_texts(files):
    rows = [json.loads(line) for file in files for line in pathlib.Path(file).read_text().splitlines()]
    return [row[key] for row in rows for key in ("question", "answer")]


def seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start


class Ours:
    def __init__(self, tokenizer, texts):
        self.folder = tempfile.TemporaryDirectory()
        tokenizer.save(self.folder.name + "/tokenizer.json")
        texts_file = pathlib.Path(self.folder.name) / "texts.json"
        texts_file.write_text(json.dumps(texts))
        self.program = subprocess.Popen([BINARY, self.folder.name, texts_file], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.digest = self.program.stdout.readline().strip()

    def seconds(self, what):
        self.program.stdin.write(what + "\n")
        self.program.stdin.flush()
        return float(self.program.stdout.readline())

    def close(self):
        self.program.stdin.close()
        self.program.wait()
        self.folder.cleanup()


def compare(name, tokenizer, texts, rounds):
    ours = Ours(tokenizer, texts)
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    digest = Digest()
    for row in ids:
        digest.add(row)
    if ours.digest != digest.hex():
        sys.exit(f"{name}: the ids differ ({ours.digest} and {digest.hex()})")
    calls = {
        "encode": [lambda: [tokenizer.encode(text, add_special_tokens=False) for text in texts],
                   lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False)],
        "decode": [lambda: [tokenizer.decode(row) for row in ids], lambda: tokenizer.decode_batch(ids)],
    }
    num_bytes = sum(len(text.encode()) for text in texts)
    for what, ways in calls.items():
        ours.seconds(what)
        pairs = [(ours.seconds(what), min(seconds(way) for way in ways)) for _ in range(rounds)]
        ratios = sorted(peer / own for own, peer in pairs)
        speeds = [num_bytes / 1e6 / statistics.median(side) for side in zip(*pairs)]
        print(f"| {name} | {what} | {speeds[0]:.1f} | {speeds[1]:.2f} | {statistics.median(ratios):.1f} "
              f"({ratios[0]:.1f}-{ratios[-1]:.1f}) |", flush=True)
    ours.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", nargs="+", default=[ROOT / "examples" / "gsm8k" / "train_100.jsonl"])
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    texts = read_texts(arguments.texts)
    print(f"tokenizers {tokenizers.__version__}, {len(texts)} texts, {sum(len(t.encode()) for t in texts) / 1e6:.2f} MB")
    print("| split | what | ours, MB/s | peer, MB/s | ours/peer |\n|---|---|---|---|---|")
    for name, tokenizer in styles():
        compare(name, tokenizer, texts, arguments.rounds)


if __name__ == "__main__":
    main()
