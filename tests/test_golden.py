"""What `aespec validate` prints for broken specs; `AESPEC_GOLDEN=write pytest tests/test_golden.py` writes it anew.

A YAML spec begins with the number of its problems, those of JSON are below: there is one message for each cause.
"""

import os
import re
from pathlib import Path

import pytest
from applying import is_right, leaves_open, told
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


@pytest.mark.parametrize("name", [name for name in SPECS if name.endswith(".yaml")])
def test_what_is_advised_is_right(name):
    text = (FOLDER / name).read_text()
    for problem in told(text):
        assert leaves_open(problem) or is_right(text, problem), problem.help


def test_most_of_what_is_advised_can_be_followed_word_by_word():
    found = [problem for name in SPECS for problem in told((FOLDER / name).read_text())]
    assert sum(not leaves_open(problem) for problem in found) > 0.65 * len(found)
