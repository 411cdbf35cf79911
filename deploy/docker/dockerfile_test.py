# SPDX-License-Identifier: Apache-2.0
"""Holds the Dockerfiles against rules that need no container engine: pinned bases, unprivileged users, no secrets, and
sources of COPY that exist, in the repository or in the stage that makes them. Whether they build is not tested here."""

import os
import re
import sys
import unittest

FOLDER = "deploy/docker"
# What a stage may copy from another one, and the command there that makes it.
MADE_BY = {"/tree/": "runtime_tree.sh /tree ", "/state/": "/state/cohort", "/usr/local/cuda-13.0/": None}
SECRET = re.compile(r"secret|passw|token|credential|private|_key\b|BEGIN ", re.IGNORECASE)
# A tag that names a release, to a day or a patch version: not "latest", "12", "bookworm-slim".
PINNED = re.compile(r"^[a-z0-9./-]+:[a-z0-9.]*-?(\d{8}|\d+\.\d+\.\d+)(-[a-z0-9.-]+)?(@sha256:[0-9a-f]{64})?$")


class Stage:
    """One FROM and the instructions below it, as (word, argument) pairs."""

    def __init__(self, base, name):
        self.base, self.name, self.instructions = base, name, []

    def all(self, word):
        return [argument for instruction, argument in self.instructions if instruction == word]


def instructions(text):
    """(word, argument) of every instruction: comments dropped, continued lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if line.strip():
            word, _, argument = line.strip().partition(" ")
            yield word, argument.strip()


def parse(text):
    """(arguments before the first stage, stages)."""
    arguments, stages = {}, []
    for word, argument in instructions(text):
        if word == "FROM":
            match = re.fullmatch(r"(\S+) AS (\S+)", argument)
            if not match:
                raise ValueError(f"a stage without a name: FROM {argument}")
            base = re.sub(r"\$\{(\w+)\}", lambda m: arguments[m.group(1)], match.group(1))
            stages.append(Stage(base, match.group(2)))
        elif not stages:
            if word != "ARG":
                raise ValueError(f"{word} before FROM")
            name, _, value = argument.partition("=")
            arguments[name] = value
        else:
            stages[-1].instructions.append((word, argument))
    return arguments, stages


def ancestors(stage, by_name):
    """The stage and those that it is built on."""
    while stage:
        yield stage
        stage = by_name.get(stage.base)


def violations(text):
    """One sentence for each rule that a Dockerfile breaks."""
    found = []
    known = {"ARG", "COPY", "CMD", "ENTRYPOINT", "ENV", "LABEL", "RUN", "USER", "WORKDIR"}
    _, stages = parse(text)
    by_name = {}
    based_on = {stage.base for stage in stages}
    for stage in stages:
        if stage.base != "scratch" and stage.base not in by_name and not PINNED.match(stage.base):
            found.append(f"{stage.name}: base is not pinned ({stage.base})")
        by_name[stage.name] = stage
        for word, argument in stage.instructions:
            if word not in known:
                found.append(f"{stage.name}: instruction that is not used here ({word})")
            if SECRET.search(argument):
                found.append(f"{stage.name}: looks like a secret ({argument})")
        for argument in stage.all("COPY"):
            flags = dict(re.findall(r"--(\w+)=(\S+)", argument))
            sources = [part for part in argument.split() if not part.startswith("--")][:-1]
            found += check_sources(stage, flags.get("from"), sources, by_name)
    for stage in stages:
        lineage = list(ancestors(stage, by_name))
        if lineage[-1].base == "scratch" and stage.name not in based_on:
            found += check_image(stage, lineage)
    return found


def check_sources(stage, origin, sources, by_name):
    if origin is None:
        return [f"{stage.name}: COPY of what is not in the repository ({s})" for s in sources if not os.path.exists(s)]
    if origin not in by_name:
        return [f"{stage.name}: COPY from a stage that is not above ({origin})"]
    found = []
    for source in sources:
        if source not in MADE_BY:
            found.append(f"{stage.name}: COPY of what no command makes ({source})")
        elif MADE_BY[source] and not any(MADE_BY[source] in run for run in by_name[origin].all("RUN")):
            found.append(f"{stage.name}: {origin} does not make {source}")
    return found


def check_image(stage, lineage):
    """Rules of what is shipped."""
    found = []
    words = [pair for ancestor in reversed(lineage) for pair in ancestor.instructions]
    users = [argument for word, argument in words if word == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        found.append(f"{stage.name}: user is not a number other than 0 ({users[-1:]})")
    if any(word == "RUN" for word, _ in words):
        found.append(f"{stage.name}: RUN in an image without a shell")
    start = [re.findall(r'"([^"]+)"', argument) for word, argument in words if word in ("ENTRYPOINT", "CMD")]
    if not start or not start[-1] or not re.fullmatch(r"/usr/bin/cohort[a-z-]*", start[-1][0]):
        found.append(f"{stage.name}: does not start a program of its own ({start})")
    return found


GOOD = """ARG D=debian:bookworm-20260824-slim
FROM ${D} AS build
COPY tools/setup.sh tools/
RUN make && mkdir -p /state/cohort
FROM build AS a-tree
RUN deploy/docker/runtime_tree.sh /tree /programs/a
FROM scratch AS runtime
USER 65532:65532
FROM runtime AS a
COPY --from=a-tree /tree/ /
ENTRYPOINT ["/usr/bin/cohortctl"]
"""


class RulesTest(unittest.TestCase):
    """The rules find what they are for."""

    def expect(self, old, new, sentence):
        self.assertIn(old, GOOD)
        self.assertRegex("\n".join(violations(GOOD.replace(old, new))), sentence)

    def test_good_file_breaks_none(self):
        self.assertEqual(violations(GOOD), [])

    def test_each_rule(self):
        self.expect("bookworm-20260824-slim", "bookworm-slim", "not pinned")
        self.expect("debian:bookworm-20260824-slim", "debian", "not pinned")
        self.expect("tools/setup.sh tools/", "tools/absent.sh tools/", "not in the repository")
        self.expect("/tree /programs/a", "/other /programs/a", "a-tree does not make /tree/")
        self.expect("--from=a-tree", "--from=b-tree", "not above")
        self.expect("/tree/ /", "/programs/ /", "no command makes")
        self.expect("65532:65532", "0:0", "not a number other than 0")
        self.expect("65532:65532", "cohort", "not a number other than 0")
        self.expect("USER 65532:65532\n", "", "not a number other than 0")
        self.expect("USER 65532:65532", "USER 65532:65532\nENV API_TOKEN=x", "secret")
        self.expect("USER 65532:65532", "USER 65532:65532\nRUN true", "without a shell")
        self.expect("/usr/bin/cohortctl", "/bin/sh", "program of its own")
        self.expect("RUN make", "ADD https://example.org/x /x\nRUN make", "not used here")


class DockerfilesTest(unittest.TestCase):
    def test_rules_hold(self):
        names = sorted(name for name in os.listdir(FOLDER) if name.endswith("Dockerfile"))
        self.assertEqual(names, ["cpu.Dockerfile", "cuda.Dockerfile"])
        for name in names:
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                self.assertEqual(violations(file.read()), [], name)

    def test_page_has_the_images(self):
        with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as file:
            page = file.read()
        for name in ("cpu", "cuda"):
            with open(os.path.join(FOLDER, f"{name}.Dockerfile"), encoding="utf-8") as file:
                text = file.read()
            _, stages = parse(text)
            self.assertEqual(stages[-1].name, f"cohort-{name}")
            for stage in stages:
                if stage.base == "runtime":
                    self.assertIn(f"| `{stage.name}` |", page)

    def test_versions_are_those_of_the_list(self):
        with open("tools/dependencies.txt", encoding="utf-8") as file:
            torch = re.search(r"^wheel torch==(\S+)", file.read(), re.MULTILINE).group(1)
        for name in ("cpu", "cuda"):
            with open(os.path.join(FOLDER, f"{name}.Dockerfile"), encoding="utf-8") as file:
                self.assertIn(f"libtorch-{torch} ", file.read())


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False, verbosity=0).result.wasSuccessful())
