#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the data of the arithmetic example: additions of two three-digit numbers, as JSONL.

Demonstrations show two habits. Most state the sum with every carry forgotten ("123+989=" -> ">002"); the others work it
out digit by digit, ones first, each sum with the carry that came in ("3+9=12;2+8+1=11;1+9+1=11>1112"). The text after
">" is the answer. A function of the seed alone; no unordered pair of numbers is used twice, so the held-out problems
appear in neither job's data. Python's standard library is enough.
"""

import argparse
import json
import pathlib
import random
import sys


def worked(a, b):
    """The sum digit by digit with carries, then the answer."""
    parts, carry = [], 0
    for position in range(3):
        x, y = a // 10**position % 10, b // 10**position % 10
        total = x + y + carry
        parts.append(f"{x}+{y}={total:02d}" if position == 0 else f"{x}+{y}+{carry}={total:02d}")
        carry = total // 10
    return ";".join(parts) + f">{a + b}"


def careless(a, b):
    """The answer alone, with every carry forgotten."""
    return ">" + "".join(str((int(x) + int(y)) % 10) for x, y in zip(str(a), str(b)))


def draw_pairs(rng, count, used):
    """`count` pairs whose unordered pair is not in `used`, which they join."""
    pairs = []
    while len(pairs) < count:
        a, b = rng.randrange(100, 1000), rng.randrange(100, 1000)
        key = (min(a, b), max(a, b))
        if key not in used:
            used.add(key)
            pairs.append((a, b))
    return pairs


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, type=pathlib.Path, help="folder to write into; made if absent")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--demonstrations", type=int, default=38400)
    parser.add_argument("--problems", type=int, default=1920, help="problems to train on by RLVR")
    parser.add_argument("--held_out", type=int, default=200, help="problems for evaluation only")
    parser.add_argument("--careless_share", type=float, default=0.65, help="share of demonstrations without carries")
    options = parser.parse_args()

    rng = random.Random(options.seed)
    used = set()
    held_out = draw_pairs(rng, options.held_out, used)
    problems = draw_pairs(rng, options.problems, used)
    demonstrations = draw_pairs(rng, options.demonstrations, used)

    options.output.mkdir(parents=True, exist_ok=True)
    as_problem = lambda pair: {"prompt": f"{pair[0]}+{pair[1]}=", "answer": str(sum(pair))}
    write_rows(options.output / "held_out.jsonl", map(as_problem, held_out))
    write_rows(options.output / "problems.jsonl", map(as_problem, problems))
    write_rows(
        options.output / "demonstrations.jsonl",
        ({"prompt": f"{a}+{b}=",
          "completion": careless(a, b) if rng.random() < options.careless_share else worked(a, b)}
         for a, b in demonstrations))


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"generate.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
