"""Run the commands of pages, and put what they print in place of what the pages show.

    python docs/refresh.py docs/generation.md docs/denoising.md

In a ``console`` block a line that begins with ``$ `` is a command; it may go on after a backslash. Commands run from
top to bottom in one new folder that has ``specs/``; pictures that they write into ``pictures/`` are those of the page.
A block of another language whose first line is ``# NAME.yaml``, or another such name, is that file in the folder. Where
the output that a page shows begins with ``...``, only as many of the last lines as it shows are shown again. A command
that fails ends the script, unless the page shows an error there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

HERE = Path(__file__).parent
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"# (\w+\.\w+)\n")


def refresh(page: Path) -> None:
    """Run a page's commands and write it again."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(HERE.parent / "specs", folder / "specs")
        (folder / "pictures").mkdir()
        text = BLOCK.sub(lambda found: block(found[1], found[2], folder), page.read_text())
        for picture in (folder / "pictures").glob("*.png"):
            shutil.copy(picture, HERE / "pictures" / picture.name)
    page.write_text(text)


def block(language: str, text: str, folder: Path) -> str:
    """A block as it is to be shown; a file that it states is written."""
    if language == "console":
        text = "".join(shown(text, folder))
    elif name := FILE.match(text):
        (folder / name[1]).write_text(text)
    return f"```{language}\n{text}```"


def shown(block: str, folder: Path) -> Iterator[str]:
    """Each command of a block, and what it prints now."""
    lines = block.splitlines()
    while lines:
        command = [lines.pop(0)]
        while command[-1].endswith("\\"):
            command.append(lines.pop(0))
        before = []
        while lines and not lines[0].startswith("$ "):
            before.append(lines.pop(0))
        yield "\n".join(command) + "\n"
        printed = run("\n".join(command).removeprefix("$ "), folder, may_fail=any("error" in line for line in before))
        if before[:1] == ["..."]:
            printed = ["...", *printed[1 - len(before) :]]
        yield from (f"{line}\n" for line in printed)


def run(command: str, folder: Path, *, may_fail: bool) -> list[str]:
    """What a command prints, line by line."""
    start = perf_counter()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(f"{perf_counter() - start:7.1f} s  {command}")
    if done.returncode and not may_fail:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return [line.rstrip() for line in done.stdout.replace(str(folder), ".").splitlines()]


if __name__ == "__main__":
    for each in map(Path, sys.argv[1:]):
        print(each)
        refresh(each)
