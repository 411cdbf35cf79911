# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of README.md, of the quick starts, the guides and cohortctl's page, and has those of deploy/ say why
they are not run: in the order of the page, in one shell, in a folder of their own that has examples/, with the real programs in PATH and a loopback network
of their own, so that ports are free. A command that fails fails the test; what is not run says why on its page (see
command_blocks.py)."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import command_blocks

# Pages whose commands are run, and the folder of the repository in which the reader is meant to be.
PAGES = {
    "README.md": ".",
    "examples/README.md": ".",
    "examples/arithmetic/README.md": ".",
    "examples/command_verifier/README.md": "examples/command_verifier",
    "examples/recommendation/README.md": ".",
}
# So are these, from the root of the repository.
MORE_PAGES = ("docs/cli.md", "docs/getting_started*.md", "docs/guides/*.md", "deploy/*/README.md")
PROGRAMS = ["cli/cohortctl", "coordinator/cohort-coordinator", "learner/cohort-learner", "objective/cohort-objective",
            "rollout_worker/cohort-rollout-worker"]
SECONDS_PER_PAGE = 400
SKIP = "COHORT_SKIP_NAMESPACE_TESTS"
needs_namespaces = unittest.skipIf(os.environ.get(SKIP) == "1", f"{SKIP}=1")


def make_workspace(scratch, root):
    """A folder with examples/ to write in, and one with the programs."""
    workspace = scratch / "workspace"
    shutil.copytree(root / "examples", workspace / "examples", symlinks=False)
    programs = scratch / "bin"
    programs.mkdir()
    for program in PROGRAMS:
        (programs / pathlib.Path(program).name).symlink_to((root / program).resolve())
    return workspace, programs


def run_page(page, folder):
    """Exit code and output of the page's commands."""
    root = pathlib.Path.cwd()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as name:
        scratch = pathlib.Path(name)
        workspace, programs = make_workspace(scratch, root)
        script = scratch / "commands.sh"
        script.write_text(command_blocks.script(page))
        environment = {"PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(scratch), "LC_ALL": "C.UTF-8"}
        namespaces = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.getuid() != 0:
            namespaces.append("--map-root-user")
        command = namespaces + ["bash", "-c", 'ip link set lo up && exec bash "$0"', str(script)]
        with open(scratch / "output", "w+", encoding="utf-8", errors="replace") as output:
            try:
                code = subprocess.run(command, cwd=workspace / folder, env=environment, stdin=subprocess.DEVNULL,
                                      stdout=output, stderr=subprocess.STDOUT, timeout=SECONDS_PER_PAGE).returncode
            except subprocess.TimeoutExpired:
                code = "timeout"
            output.seek(0)
            return code, output.read()


class BlocksTest(unittest.TestCase):
    def test_reads_marks_and_languages(self):
        page = ("```\ntrue\n```\n\n<!-- not run: takes an hour -->\n```sh\nfalse\n```\n"
                "<!-- file: a/b.yaml -->\n```yaml\nx: '1'\n```\n```text\noutput\n```\n")
        blocks = command_blocks.blocks(page)
        self.assertEqual([block.is_run() for block in blocks], [True, False, False, False])
        self.assertEqual([block.line for block in blocks], [1, 6, 10, 13])
        self.assertEqual(blocks[1].reason_not_run, "takes an hour")
        self.assertEqual((blocks[2].file, blocks[2].text), ("a/b.yaml", "x: '1'\n"))

    def test_hidden_commands_are_run_where_they_stand(self):
        page = "```\ncat a\n```\n<!-- run: echo x >a -->\n<!-- run: true & -->\n```\ncat b\n```\n"
        blocks = command_blocks.blocks(page)
        self.assertEqual([(block.line, block.text) for block in blocks],
                         [(1, "cat a\n"), (4, "echo x >a\n"), (5, "true &\n"), (6, "cat b\n")])
        self.assertTrue(all(block.is_run() for block in blocks))

    def test_a_mark_holds_for_the_next_block_alone(self):
        page = "<!-- not run: why -->\nA sentence.\n```\nfalse\n```\n"
        self.assertTrue(command_blocks.blocks(page)[0].is_run())

    def test_refuses_what_it_cannot_read(self):
        for page in ("```\ntrue\n", "```\n```sh\n", "Text <!-- not run: why -->\n"):
            with self.assertRaises(command_blocks.PageError):
                command_blocks.blocks(page)

    @needs_namespaces
    def test_files_are_written_and_the_first_failure_ends_it(self):
        page = "<!-- file: a/b.txt -->\n```text\nit's here\n```\n```\ncat a/b.txt\n```\n```\nfalse\necho on\n```\n"
        code, output = run_page(page, ".")
        self.assertEqual(code, 1)
        self.assertEqual(output, "--- line 5\nit's here\n--- line 8\n")


class CommandsTest(unittest.TestCase):
    @needs_namespaces
    def test_pages(self):
        pages = dict(PAGES)
        for pattern in MORE_PAGES:
            found = sorted(str(path) for path in pathlib.Path().glob(pattern))
            self.assertTrue(found, pattern)
            pages.update((path, ".") for path in found)
        for path, folder in pages.items():
            with self.subTest(path):
                code, output = run_page(pathlib.Path(path).read_text(encoding="utf-8"), folder)
                self.assertEqual(code, 0, f"{path}:\n{output[-6000:]}")
                print(f"{path}: {output.count('--- line ')} blocks run", flush=True)


if __name__ == "__main__":
    unittest.main()
