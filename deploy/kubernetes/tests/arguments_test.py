# SPDX-License-Identifier: Apache-2.0
"""Every argument of every container is one that the real binary accepts, with its value."""

import os
import subprocess
import unittest

import manifests
from manifests import INSTALLATIONS

BINARIES = {"cohort-coordinator": "coordinator/cohort-coordinator", "cohort-learner": "learner/cohort-learner",
            "cohort-rollout-worker": "rollout_worker/cohort-rollout-worker", "cohortctl": "cli/cohortctl"}
INDEX = {"batch.kubernetes.io/job-completion-index": "3"}
# The parser names every argument that it does not know, after it has checked the values of those that it knows; so with
# one that no binary knows, nothing is started and this is all it has to say.
UNKNOWN = "--argument_that_no_binary_knows"
ONLY_UNKNOWN = f"The following argument was not expected: {UNKNOWN}\nRun with --help for more information."


def complaint(words, environment):
    """What the binary says of the arguments; empty when it accepts them."""
    done = subprocess.run([BINARIES[words[0]], *words[1:], UNKNOWN], capture_output=True, text=True, check=False,
                          env={**os.environ, **environment}, timeout=60)
    said = (done.stdout + done.stderr).strip()
    return "" if done.returncode == 2 and said == ONLY_UNKNOWN else f"{words}: {said}"


class ArgumentsTest(unittest.TestCase):
    def setUp(self):
        self.root = manifests.copy_sources()

    def test_binaries_accept_the_arguments(self):
        seen = set()
        for name in INSTALLATIONS:
            for item, _, container in manifests.all_containers(manifests.read(manifests.render(self.root, name))):
                if container["command"][0] not in BINARIES:
                    self.assertFalse(container["image"].startswith("cohort-"), container["command"])
                    continue
                pod = item["metadata"]["name"] + "-0"
                words = manifests.command_line(container, pod, INDEX)
                if tuple(words) in seen:
                    continue
                with self.subTest(installation=name, words=words):
                    self.assertNotIn("$(", " ".join(words), "a variable that is not defined")
                    self.assertEqual(complaint(words, manifests.environment_of(container, pod, INDEX)), "")
                seen.add(tuple(words))
        self.assertEqual({words[0] for words in seen}, set(BINARIES))

    def test_wrong_arguments_are_noticed(self):
        for words in (["cohort-coordinator", "--listen=:7070"], ["cohort-coordinator", "--http_port=8080"],
                      ["cohort-learner", "--threads=0"], ["cohort-learner", "--rank=0"],
                      ["cohort-rollout-worker", "--max_sequences=many"], ["cohort-rollout-worker", "--listen=0.0.0.0:1"],
                      ["cohortctl", "submit", "--watch"], ["cohortctl", "submit", "--file=a", "--follow"]):
            with self.subTest(words=words):
                self.assertNotEqual(complaint(words, {}), "")


if __name__ == "__main__":
    unittest.main()
