#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the model vectors beside this file with PyPI `transformers`, the oracle of model/transformers_parity_test.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 transformers safetensors numpy
    venv/bin/python model/testdata/make_transformers_vectors.py

Two tiny Qwen3 models with random weights: qwen3_tiny (tied, fp32, one file) and qwen3_tiny_untied (untied, BF16, shards).
vectors.json has logits, gradients and greedy continuations that transformers gives with the weights in fp64 (its
norms, angles and softmax stay in fp32).
"""

import json
import pathlib
import shutil

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
MODELS = {
    "qwen3_tiny": dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                       num_key_value_heads=2, head_dim=16, vocab_size=40, tie_word_embeddings=True,
                       rope_theta=10000.0, rms_norm_eps=1e-6),
    "qwen3_tiny_untied": dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                              num_key_value_heads=1, head_dim=12, vocab_size=33, tie_word_embeddings=False,
                              rope_theta=1000000.0, rms_norm_eps=1e-5),
}
LENGTHS = [1, 5, 19, 40]
GREEDY_TOKENS = 64


def make_model(name, keys):
    torch.manual_seed(20240 + len(name))
    config = transformers.Qwen3Config(max_position_embeddings=128, bos_token_id=None, eos_token_id=1, pad_token_id=None,
                                      initializer_range=0.4, attn_implementation="eager", **keys)
    model = transformers.Qwen3ForCausalLM(config).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "norm" in parameter_name:
                parameter.uniform_(0.5, 1.5)
    return model


def random_sequences(vocab_size):
    generator = torch.Generator().manual_seed(7)
    return [torch.randint(0, vocab_size, (n,), generator=generator).tolist() for n in LENGTHS]


def pattern(count):
    """A fixed direction to project gradients on."""
    return (torch.arange(count, dtype=torch.float64) * 37 % 101 - 50) / 50


def gradient_checks(model, sequences):
    """Gradient of sum over tokens of w_t * logprob(next token), w_t = 1, -1/2, 1/3, ... in each sequence."""
    total = 0
    for ids in sequences:
        if len(ids) < 2:
            continue
        logprobs = torch.log_softmax(model(torch.tensor([ids])).logits[0, :-1], dim=-1)
        chosen = logprobs.gather(1, torch.tensor(ids[1:]).unsqueeze(1)).squeeze(1)
        t = torch.arange(1, len(ids), dtype=torch.float64)
        total = total + (chosen * (-1.0) ** (t + 1) / t).sum()
    model.zero_grad()
    total.backward()
    return {name: {"norm": parameter.grad.norm().item(),
                   "projection": (parameter.grad.flatten() * pattern(parameter.numel())).sum().item()}
            for name, parameter in model.named_parameters()}


def greedy(model, ids):
    continuation = []
    while len(continuation) < GREEDY_TOKENS:
        with torch.no_grad():
            logits = model(torch.tensor([ids + continuation])).logits[0, -1]
        continuation.append(int(logits.argmax()))
    return continuation


def main():
    torch.use_deterministic_algorithms(True)
    for name, keys in MODELS.items():
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        model = make_model(name, keys)
        if not keys["tie_word_embeddings"]:
            model = model.to(torch.bfloat16)
        model.save_pretrained(folder, max_shard_size="24KB" if not keys["tie_word_embeddings"] else "1GB")
        # Loaded again, because converting in place would round the rotary frequencies to BF16.
        truth = transformers.Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
        truth.eval()
        sequences = random_sequences(keys["vocab_size"])
        with torch.no_grad():
            logits = [truth(torch.tensor([ids])).logits[0] for ids in sequences]
        vectors = {
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "sequences": sequences,
            "logits": [[[float(f"{value:.9g}") for value in row] for row in rows.tolist()] for rows in logits],
            "gradients": gradient_checks(truth, sequences),
            "greedy_prompt": sequences[1],
            "greedy": greedy(truth, sequences[1]),
        }
        (folder / "vectors.json").write_text(json.dumps(vectors, separators=(",", ":")) + "\n")
        print(folder, sum(f.stat().st_size for f in folder.iterdir()), "bytes")


if __name__ == "__main__":
    main()
