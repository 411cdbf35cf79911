# SPDX-License-Identifier: Apache-2.0
"""The published JSON Schema of a job file is one, takes every job file in examples/, and agrees with the reader.

The reader's side of job_texts.txt is example_jobs_test.cc."""

import json
import pathlib
import re
import unittest

import jsonschema
import yaml


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2 core schema, as the reader and editors have it; PyYAML's own is 1.1, where `yes` is a boolean."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern in (
    ("null", r"(?:~|null|Null|NULL|)$"),
    ("bool", r"(?:true|false)$"),
    ("int", r"[-+]?[0-9]+$"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
):
    CoreLoader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), None)
CoreLoader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
CoreLoader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


def load_texts():
    """(accepted, what, text) of every text in job_texts.txt."""
    content = pathlib.Path("tests/architecture/job_texts.txt").read_text()
    pieces = re.split(r"^=== (accepted|refused): (.*)\n", content, flags=re.MULTILINE)[1:]
    return [(pieces[i] == "accepted", pieces[i + 1], pieces[i + 2]) for i in range(0, len(pieces), 3)]


class JobSchemaTest(unittest.TestCase):
    def setUp(self):
        schema = json.loads(pathlib.Path("docs/schema/job.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def errors(self, text):
        document = yaml.load(text, Loader=CoreLoader)
        return [f"{error.json_path}: {error.message}" for error in self.validator.iter_errors(document)]

    def test_every_example_is_valid(self):
        paths = sorted(pathlib.Path("examples").rglob("*.yaml"))
        self.assertGreater(len(paths), 8)
        for path in paths:
            self.assertEqual(self.errors(path.read_text()), [], path)

    def test_every_example_names_the_schema_for_editors(self):
        for path in pathlib.Path("examples").rglob("*.yaml"):
            match = re.search(r"^# yaml-language-server: \$schema=(\S+)$", path.read_text(), flags=re.MULTILINE)
            self.assertIsNotNone(match, path)
            self.assertTrue((path.parent / match[1]).exists(), f"{path}: {match[1]}")

    def test_schema_agrees_with_the_reader(self):
        texts = load_texts()
        self.assertGreater(len(texts), 20)
        for accepted, what, text in texts:
            self.assertEqual(self.errors(text) == [], accepted, f"{what}: {self.errors(text)}")


if __name__ == "__main__":
    unittest.main()
