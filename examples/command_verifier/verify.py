#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A verifier for the command protocol: how much of the word is reversed rightly.

Reads one JSON object per line, answers each with one JSON object per line. Needs nothing but the standard library.
"""

import json
import sys


def judge(request):
    """Returns (outcome, value, reason) for one request."""
    truth = request["answer"].strip()
    if not truth:
        return "no_verdict", 0, "the row has no answer"
    lines = request["completion"].strip().splitlines()
    if not lines:
        return "wrong", 0, "the completion is blank"
    answer = lines[-1].strip()
    if len(answer) != len(truth):
        return "wrong", 0, f"{len(answer)} letters instead of {len(truth)}"
    right = sum(a == b for a, b in zip(answer, truth))
    if right == 0:
        return "wrong", 0, "no letter is in its place"
    return "graded", right / len(truth), f"{right} of {len(truth)} letters are in their place"


def main():
    for line in sys.stdin:
        request = json.loads(line)
        outcome, value, reason = judge(request)
        response = {"id": request["id"], "outcome": outcome, "value": value, "reason": reason}
        # Without the flush the answer stays in a buffer and the deadline passes.
        print(json.dumps(response), flush=True)


if __name__ == "__main__":
    main()
