#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every supported architecture against transformers, in both directions.

For each model of model/testdata: `cohortctl model init` writes weights for its config.json, which transformers must load
with nothing missing or left over; then transformers writes the folder again, with random norms and biases, for us to load.
Each time both compute log-probs and entropies of the same rows. Exits 1 when a difference exceeds the tolerance.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM

from checkpoint_logits import compare, report

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTDATA = ROOT / "model/testdata"
VOCAB_SIZE = 64  # the tokenizer below has 53 ids
WEIGHT_RANGE = 0.3  # large enough that attention is far from uniform


def make_template(source, folder):
    folder.mkdir()
    config = json.loads((source / "config.json").read_text())
    config.update(vocab_size=VOCAB_SIZE, initializer_range=WEIGHT_RANGE)
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(source / "generation_config.json", folder)
    shutil.copy(TESTDATA / "tokenizers/characters/tokenizer.json", folder)


@torch.no_grad()
def rewrite(source, folder):
    """As transformers writes it, with norms and biases that `model init` leaves at 1 and 0."""
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            low, high = (-0.5, 0.5) if name.endswith("bias") else (0.5, 1.5)
            parameter.uniform_(low, high)
    model.save_pretrained(folder)
    shutil.copy(source / "tokenizer.json", folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True, help="path of cohort-rollout-worker")
    parser.add_argument("--cohortctl", required=True, help="path of cohortctl")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    sources = sorted(path.parent for path in TESTDATA.glob("*/config.json"))
    if not sources:
        sys.exit(f"{TESTDATA}: has no model folders")
    with tempfile.TemporaryDirectory() as work:
        for source in sources:
            template, written, rewritten = (pathlib.Path(work) / f"{source.name}-{part}"
                                            for part in ("template", "written", "rewritten"))
            make_template(source, template)
            subprocess.run([options.cohortctl, "model", "init", "--template", str(template), "--output", str(written)],
                           check=True, stdout=subprocess.DEVNULL)
            report(f"{source.name}, written by us", compare(str(written), options.worker), options.tolerance)
            rewrite(written, rewritten)
            report(f"{source.name}, written by transformers", compare(str(rewritten), options.worker), options.tolerance)


if __name__ == "__main__":
    main()
