"""What `aespec validate` prints for broken specs; `AESPEC_GOLDEN=write pytest tests/test_golden.py` writes it anew.

A YAML spec begins with the number of its problems, those of JSON are below: there is one message for each cause.
"""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from aespec.cli import main
from aespec.diagnostics import AespecError
from aespec.passes import read

FOLDER = Path(__file__).parent / "golden" / "errors"
SPECS = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".txt")
IN_JSON = {"trailing_comma.json": 1, "single_quotes.json": 1, "comment_in_json.json": 1, "layers_in_one_object.json": 1}


def problems(path):
    """What is wrong with a spec."""
    try:
        read(path)
    except AespecError as error:
        return error.diagnostics
    return ()


def test_there_are_as_many_texts_as_specs():
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(Path(name).stem for name in SPECS)
    assert len(SPECS) >= 40


@pytest.mark.parametrize("name", SPECS)
def test_a_message_for_each_cause(name, monkeypatch):
    monkeypatch.chdir(FOLDER)
    first = Path(name).read_text().partition("\n")[0]
    causes = IN_JSON[name] if name.endswith(".json") else int(re.match(r"# (\d+) problems?: ", first)[1])
    assert len(problems(name)) == causes


@pytest.mark.parametrize("name", SPECS)
def test_what_is_printed(name, monkeypatch):
    monkeypatch.chdir(FOLDER)
    done = CliRunner().invoke(main, ["validate", name])
    golden = Path(name).with_suffix(".txt")
    if os.environ.get("AESPEC_GOLDEN") == "write":
        golden.write_text(done.stderr)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == golden.read_text()


def in_place(lines, place, text):
    line = lines[place.line - 1]
    lines[place.line - 1] = line[: place.column - 1] + text + line[place.column - 1 + place.width :]


def with_its_key(lines, place, text):
    line = lines[place.line - 1]
    start = line.rfind(" ", 0, place.column - 2) + 1
    lines[place.line - 1] = line[:start] + text + line[place.column - 1 + place.width :]


def as_item(lines, place, text):
    line = lines[place.line - 1]
    indent = line.index("- ")
    end = place.line
    while lines[end].startswith(" " * (indent + 1)):
        end += 1
    lines[place.line - 1 : end] = [line[:indent] + text]


def before(lines, place, text):
    line = lines[place.line - 1]
    lines.insert(place.line - 1, line[: line.index("- ")] + text)


def after(lines, place, text):
    line = lines[place.line - 1]
    lines.insert(place.line, line[: line.index("- ")] + text)


# What a help tells to write, and where.
REPAIRS = [
    (r"did you mean `([^`]+)`\?", in_place),
    (r"write `([^`]+)`, or `[^`]+` for the text", in_place),
    (r"write `(units: 30)`", in_place),
    (r"as a layer of its own write `- ([^`]+)`", in_place),
    (r"()remove it$", in_place),
    (r"use `(loss: [^`]+)`", with_its_key),
    (r"use `(activity_regularizer: [^`]+)`", with_its_key),
    (r"write `(- [^`]+)`", as_item),
    (r"put `(- reshape: \[[-\d, ]+\])` before it", before),
    (r"end the decoder with `([^`]+)`", after),
]


def repair(problem):
    """The pattern, the way to write and the text that the help of a problem gives; None where it gives no such text."""
    for pattern, apply in REPAIRS:
        if said := re.match(pattern, problem.help or ""):
            return pattern, apply, said[1]
    return None


@pytest.mark.parametrize("name", SPECS)
def test_what_a_help_says_to_write_is_right(name, monkeypatch, tmp_path):
    monkeypatch.chdir(FOLDER)
    found = problems(name)
    for problem in found:
        if known := repair(problem):
            lines = Path(name).read_text().splitlines()
            known[1](lines, problem.place, known[2])
            mended = tmp_path / name
            mended.write_text("\n".join(lines) + "\n")
            assert len(problems(mended)) == len(found) - 1, problem.help


def test_each_way_to_repair_is_tried(monkeypatch):
    monkeypatch.chdir(FOLDER)
    repairs = [known for name in SPECS for problem in problems(name) if (known := repair(problem))]
    assert {pattern for pattern, *_ in repairs} == {pattern for pattern, _ in REPAIRS}
