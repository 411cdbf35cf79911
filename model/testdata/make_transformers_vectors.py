#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the model vectors beside this file with PyPI `transformers`, the oracle of model/transformers_parity_test.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 transformers==5.24.0 safetensors numpy
    venv/bin/python model/testdata/make_transformers_vectors.py

Tiny models with random weights, norms and biases: every architecture, and what may differ within one. For a model NAME,
truth/NAME.safetensors has the logits of some sequences and the gradient of a weighted sum of their log-probs, and
truth/NAME.json the sequences and a greedy continuation, as transformers computes them with weights and activations in fp64
(its norms and rotary angles stay in fp32).
"""

import json
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
LENGTHS = [1, 5, 19, 40]
GREEDY_TOKENS = 64
# Least distance between the two best logits of a greedy step: far above what fp32 loses.
LEAST_MARGIN = 2e-3

SMALL = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             vocab_size=32, rms_norm_eps=1e-6)
DEFAULT_ROPE = dict(rope_type="default", rope_theta=10000.0)
# Wavelengths of head_dim 16 on all sides of the bounds 48/4 and 48.
LLAMA3_ROPE = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=48)

# Name: (config class, keys, options). Options: `v4` writes the keys of transformers 4, `drop` removes keys that may be
# absent, `null` writes null for them, `shards` stores BF16 in shards of that size.
MODELS = {
    "qwen3_tiny": ("Qwen3", dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                                 num_key_value_heads=2, head_dim=16, vocab_size=40, tie_word_embeddings=True,
                                 rope_parameters=DEFAULT_ROPE, rms_norm_eps=1e-6), {}),
    "qwen3_tiny_untied": ("Qwen3", dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2,
                                        num_attention_heads=3, num_key_value_heads=1, head_dim=12, vocab_size=33,
                                        tie_word_embeddings=False, rms_norm_eps=1e-5,
                                        rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
                          dict(shards="24KB")),
    "qwen3_tiny_window": ("Qwen3", dict(SMALL, head_dim=10, tie_word_embeddings=True, rope_parameters=DEFAULT_ROPE,
                                        use_sliding_window=True, sliding_window=11,
                                        layer_types=["sliding_attention", "full_attention"]), {}),
    "qwen2_tiny": ("Qwen2", dict(SMALL, tie_word_embeddings=True, rope_parameters=DEFAULT_ROPE), {}),
    "qwen2_tiny_untied_window": ("Qwen2", dict(SMALL, tie_word_embeddings=False, use_sliding_window=True,
                                               sliding_window=6, max_window_layers=1,
                                               rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
                                 dict(v4=True, drop=["layer_types"])),
    "llama_tiny_scaled": ("Llama", dict(SMALL, head_dim=16, tie_word_embeddings=True, rope_parameters=LLAMA3_ROPE,
                                        eos_token_id=[1, 2]), dict(v4=True)),
    "llama_tiny_untied": ("Llama", dict(SMALL, num_key_value_heads=4, tie_word_embeddings=False, rms_norm_eps=1e-5,
                                        rope_parameters=DEFAULT_ROPE), dict(drop=["head_dim", "num_key_value_heads"])),
    "mistral_tiny_window": ("Mistral", dict(SMALL, head_dim=6, tie_word_embeddings=False, sliding_window=7,
                                            rope_parameters=DEFAULT_ROPE), {}),
    "mistral_tiny": ("Mistral", dict(SMALL, num_attention_heads=2, num_key_value_heads=1, head_dim=None,
                                     tie_word_embeddings=True, sliding_window=None, rope_parameters=DEFAULT_ROPE),
                     dict(v4=True, null=["head_dim"])),
}


def make_model(architecture, keys, seed):
    torch.manual_seed(seed)
    keys = dict(dict(max_position_embeddings=128, bos_token_id=None, eos_token_id=1, pad_token_id=None,
                     initializer_range=0.4), **keys)
    config = getattr(transformers, architecture + "Config")(attn_implementation="eager", **keys)
    model = getattr(transformers, architecture + "ForCausalLM")(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                parameter.uniform_(-0.5, 0.5)
    return model


def write_model(folder, model, options):
    shutil.rmtree(folder, ignore_errors=True)
    if "shards" in options:
        model = model.to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size=options.get("shards", "1GB"))
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key in options.get("drop", []):
        del config[key]
    for key in options.get("null", []):
        config[key] = None
    if options.get("v4"):
        rope = config.pop("rope_parameters")
        config["rope_theta"] = rope.pop("rope_theta")
        config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
        config["torch_dtype"] = config.pop("dtype")
        del config["transformers_version"]
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def random_sequences(vocab_size):
    generator = torch.Generator().manual_seed(7)
    return [torch.randint(0, vocab_size, (n,), generator=generator).tolist() for n in LENGTHS]


def gradients(model, sequences):
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
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@torch.no_grad()
def greedy(model, ids):
    """The continuation, and the least distance between the two best logits on the way."""
    continuation, margin = [], float("inf")
    while len(continuation) < GREEDY_TOKENS:
        best = model(torch.tensor([ids + continuation]), use_cache=False).logits[0, -1].topk(2)
        continuation.append(int(best.indices[0]))
        margin = min(margin, float(best.values[0] - best.values[1]))
    return continuation, margin


def load(folder, dtype, attention):
    # Loaded, because converting in place would round the rotary frequencies.
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention).eval()


def make(name, architecture, keys, options):
    folder, truth_folder = HERE / name, HERE / "truth"
    truth_folder.mkdir(exist_ok=True)
    sequences = random_sequences(keys["vocab_size"])
    for seed in range(20240 + len(name), 20240 + len(name) + 100):
        write_model(folder, make_model(architecture, keys, seed), options)
        # In fp64 this attention takes its softmax in fp64 too, which the eager one does not.
        model = load(folder, torch.float64, "sdpa")
        continuation, margin = greedy(model, sequences[1])
        if margin >= LEAST_MARGIN and len(set(continuation)) > 8:
            break
    else:
        raise SystemExit(f"{name}: no seed gives a clear greedy continuation")
    with torch.no_grad():
        logits = torch.cat([model(torch.tensor([ids])).logits[0] for ids in sequences])
        eager = torch.cat([load(folder, torch.float64, "eager")(torch.tensor([ids])).logits[0] for ids in sequences])
        single = torch.cat([load(folder, torch.float32, "eager")(torch.tensor([ids])).logits[0] for ids in sequences])
    tensors = {"logits": logits}
    tensors.update({"gradient." + key: value for key, value in gradients(model, sequences).items()})
    save_file({key: value.to(torch.float32).contiguous() for key, value in tensors.items()},
              truth_folder / f"{name}.safetensors")
    description = {"transformers": transformers.__version__, "torch": torch.__version__, "seed": seed,
                   "sequences": sequences, "greedy_prompt": sequences[1], "greedy": continuation}
    (truth_folder / f"{name}.json").write_text(json.dumps(description, separators=(",", ":")) + "\n")
    size = sum(f.stat().st_size for f in folder.iterdir()) + (truth_folder / f"{name}.safetensors").stat().st_size
    scale = logits.abs().max()
    print(f"{name}: seed {seed}, {size} bytes, least greedy margin {margin:.3g}; transformers differs from itself by "
          f"{(eager - logits).abs().max() / scale:.2g} (eager, fp64), {(single - logits).abs().max() / scale:.2g} (fp32)")


def main():
    torch.use_deterministic_algorithms(True)
    for name, (architecture, keys, options) in MODELS.items():
        make(name, architecture, keys, options)


if __name__ == "__main__":
    main()
