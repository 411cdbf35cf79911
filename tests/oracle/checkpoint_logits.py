#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds a checkpoint of ours against transformers: it loads there, and both compute the same distribution.

Feeds the same token ids to `cohort-rollout-worker logprobs` and to transformers (fp32, eager attention) and compares the
log-prob and the entropy of every token, and for some prefixes the log-prob of every entry of the vocabulary. Also compares
tokenisation of sample texts by round trip. Needs torch and transformers from PyPI; exits 1 when a difference exceeds
the tolerance.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def make_rows(vocab_size, context, num_rows, texts, seed):
    """Token rows: random ones of every length up to the context, texts, and prefixes with every next token."""
    rng = random.Random(seed)
    draw = lambda count: [rng.randrange(vocab_size) for _ in range(count)]
    rows = [draw(rng.randint(2, context)) for _ in range(num_rows)] + [draw(context)] + texts
    for _ in range(4):
        prefix = draw(rng.randint(1, context - 1))
        rows += [prefix + [token] for token in range(min(vocab_size, 512))]
    return rows


def ours(worker, model, rows):
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "rows.jsonl", pathlib.Path(folder) / "logprobs.jsonl"
        source.write_text("".join(json.dumps({"token_ids": row}) + "\n" for row in rows))
        command = [worker, "logprobs", "--model", model, "--input", str(source), "--output", str(target)]
        subprocess.run(command, check=True)
        return [json.loads(line) for line in target.read_text().splitlines()]


@torch.no_grad()
def theirs(model, row):
    logits = model(torch.tensor([row])).logits[0, :-1].float()
    logprobs = torch.log_softmax(logits, dim=-1)
    chosen = logprobs.gather(-1, torch.tensor(row[1:])[:, None])[:, 0]
    return chosen, -(logprobs.exp() * logprobs).sum(-1)


def compare(folder, worker, texts=(), num_rows=64, seed=0):
    """Largest differences of log-probs and entropies between the worker and transformers, and how much was compared."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, loading = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager",
                                                          output_loading_info=True)
    if any(loading.values()):
        sys.exit(f"{folder}: transformers does not take the weights as they are ({loading})")
    model.eval()
    text_rows = []
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        if tokenizer.decode(ids) != text:
            sys.exit(f"tokenizer: text does not survive the round trip ({text!r} -> {tokenizer.decode(ids)!r})")
        text_rows.append(ids)

    context = min(model.config.max_position_embeddings, 1024)
    rows = make_rows(model.config.vocab_size, context, num_rows, text_rows, seed)
    largest_logprob, largest_entropy, num_tokens = 0.0, 0.0, 0
    for row, mine in zip(rows, ours(worker, folder, rows), strict=True):
        logprobs, entropies = theirs(model, row)
        largest_logprob = max(largest_logprob, (logprobs - torch.tensor(mine["logprobs"])).abs().max().item())
        largest_entropy = max(largest_entropy, (entropies - torch.tensor(mine["entropies"])).abs().max().item())
        num_tokens += len(row) - 1
    return largest_logprob, largest_entropy, len(rows), num_tokens


def report(name, difference, tolerance):
    largest_logprob, largest_entropy, num_rows, num_tokens = difference
    print(f"{name}: {num_rows} rows, {num_tokens} tokens: largest difference of log-probs {largest_logprob:.3g}, "
          f"of entropies {largest_entropy:.3g} (tolerance {tolerance:g})")
    if not max(largest_logprob, largest_entropy) <= tolerance:
        sys.exit(f"{name}: transformers computes something else")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, help="model folder, such as a sealed checkpoint")
    parser.add_argument("--worker", required=True, help="path of cohort-rollout-worker")
    parser.add_argument("--text", action="append", default=[], help="a text to tokenise and compare; may be repeated")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    report(options.checkpoint, compare(options.checkpoint, options.worker, options.text, options.rows, options.seed),
           options.tolerance)


if __name__ == "__main__":
    main()
