"""Specs that are piped in: `-` on the command line."""

import pytest
from click.testing import CliRunner

from aespec.cli import main

SPEC = "input: [4]\nencoder:\n  - dense: 2\ndecoder: mirror\n"
UNUSED = "vars: {a: 1, b: 2}\ninput: [4]\nencoder:\n  - dense: ${b}\ndecoder: mirror\n"
USED = UNUSED.replace("a: 1, ", "")
PARTS = "encoder:\n  - dense: 2\n"


def piped(text, *arguments):
    return CliRunner().invoke(main, list(arguments), input=text)


@pytest.mark.parametrize(
    ("text", "arguments", "output"),
    [
        (SPEC, ("validate", "-"), "<stdin>: fine (22 parameters)\n"),  # (4 + 1) * 2 + (2 + 1) * 4
        (SPEC, ("validate", "-", "-"), "<stdin>: fine (22 parameters)\n" * 2),
        (SPEC, ("validate", "--set", "encoder.0.dense=3", "-"), "<stdin>: fine (31 parameters)\n"),
        (UNUSED, ("validate", "--fix", "-"), USED),
        (SPEC, ("validate", "--fix", "-"), SPEC),
        (SPEC, ("diff", "-", "-"), "the same model, the same training\n"),
        ("a:   1", ("fmt", "-"), "a: 1\n"),
    ],
)
def test_it_is_read(text, arguments, output):
    result = piped(text, *arguments)
    assert (result.stdout, result.exit_code) == (output, 0)


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("input: [4]\nencoder: [dens: 2]\ndecoder: mirror\n", ("validate", "-"), "<stdin>:2:11"),
        ("", ("summary", "-"), "the spec is empty"),
        (b"input: \xff", ("graph", "-"), "not UTF-8"),
        (b"input: \xff", ("fmt", "-"), "not UTF-8"),
        ("a" * (2**20 + 1), ("validate", "-"), "more than 1 MiB"),
        (UNUSED, ("validate", "--fix", "--format", "json", "-"), "leave --format out"),
    ],
)
def test_what_is_wrong_is_told(text, arguments, said):
    result = piped(text, *arguments)
    assert said in result.output
    assert result.exit_code in (1, 2)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("parts.yaml", "fine (22 parameters)"),
        ("../parts.yaml", "outside the folder you are in"),
        ("none.yaml", "there is no file `none.yaml`"),
    ],
)
def test_it_includes_files_of_the_current_folder(tmp_path, monkeypatch, path, said):
    for folder in (tmp_path, tmp_path / "here"):
        folder.mkdir(exist_ok=True)
        (folder / "parts.yaml").write_text(PARTS)
    monkeypatch.chdir(tmp_path / "here")
    result = piped(SPEC.replace("dense: 2", f"include: {path}"), "validate", "-")
    assert said in result.output


def test_a_sweep_reads_it_once(tmp_path):
    arguments = ("sweep", "-", "--vary", "encoder.0.dense=0,1", "--backend", "numpy", "-o", str(tmp_path / "s"))
    assert "lies outside its bounds" in piped(SPEC, *arguments).output  # of its values, not that nothing was piped in
