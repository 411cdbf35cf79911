# SPDX-License-Identifier: Apache-2.0
"""The fenced blocks of a page: commands, files that they use, and what is shown only.

A block without a language, or of "sh" or "bash", is commands, to be run unless the line before says
`<!-- not run: why -->`. After a line `<!-- file: PATH -->` a block of any language is that file. A line
`<!-- run: COMMAND -->` is a command that readers do not see: what their own machine has and the test's lacks. Every
other block is shown only: output is "text"."""

import re
import shlex

COMMAND_LANGUAGES = {"", "sh", "bash"}
MARK = re.compile(r"<!-- (file|not run|run): (.+?) -->")


class PageError(Exception):
    """A page that cannot be read as blocks."""


class Block:
    def __init__(self, line, language, mark, text):
        self.line, self.language, self.text = line, language, text
        self.file = mark.group(2) if mark and mark.group(1) == "file" else None
        self.reason_not_run = mark.group(2) if mark and mark.group(1) == "not run" else None

    def is_run(self):
        return self.language in COMMAND_LANGUAGES and not self.file and not self.reason_not_run


def blocks(page):
    """The blocks of a page, in order; `line` is that of the opening fence, or of a hidden command, from 1."""
    found = []
    opened = None
    mark = None
    for number, line in enumerate(page.splitlines(), start=1):
        fence = re.match(r"\s*```(\S*)", line)
        if opened and fence:
            if fence.group(1):
                raise PageError(f"line {number}: a block inside of the block of line {opened.line}")
            found.append(opened)
            opened = None
        elif opened:
            opened.text += line + "\n"
        elif fence:
            opened = Block(number, fence.group(1), mark, "")
        if not opened and MARK.search(line):
            mark = MARK.fullmatch(line.strip())
            if not mark:
                raise PageError(f"line {number}: a mark that does not stand alone")
            if mark.group(1) == "run":
                found.append(Block(number, "", None, mark.group(2) + "\n"))
                mark = None
        elif line.strip():
            mark = None
    if opened:
        raise PageError(f"line {opened.line}: a block that does not end")
    return found


def script(page):
    """A bash script of everything that the page has run, in order, in one shell. It says before each block where that
    stands, and ends with the first command that fails."""
    parts = ["set -euo pipefail"]
    for block in blocks(page):
        if block.file:
            path = shlex.quote(block.file)
            parts.append(f'mkdir -p "$(dirname {path})"\nprintf %s {shlex.quote(block.text)} >{path}')
        elif block.is_run():
            parts.append(f"echo '--- line {block.line}'\n{block.text}")
    return "\n".join(parts) + "\n"
