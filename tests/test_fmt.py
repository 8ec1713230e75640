"""The usual form of specs. What it is to keep, values and comments, is read by PyYAML and by the eye of a pattern."""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import aespec
from aespec.brief import brief_spec
from aespec.cli import main
from aespec.format import formatted
from aespec.source.yaml_dump import dump_yaml
from aespec.spec import Spec
from aespec.zoo import zoo

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCKS = {
    f"{page.name}, block {i}": block
    for page in PAGES
    for i, block in enumerate(re.findall(r"^```ya?ml\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE))
}


@pytest.mark.parametrize("text", [*(path.read_text() for path in zoo().values()), *BLOCKS.values()])
def test_the_zoo_and_the_pages_are_in_it(text):
    assert formatted(text) == text


@pytest.mark.parametrize("name", zoo())
@pytest.mark.parametrize("data", [Spec.to_data, brief_spec])
def test_what_aespec_writes_is_in_it(name, data):
    text = dump_yaml(data(aespec.load(zoo()[name])))
    assert formatted(text) == text


def test_there_are_blocks_to_look_at():
    assert len(BLOCKS) > 5


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        # spaces
        ("a:   1", "a: 1\n"),
        ("a : 1\nb :  [ 1,2 ,3 ]\n", "a: 1\nb: [1, 2, 3]\n"),
        ("a: {b:  1,c: { d : 2 } }\n", "a: {b: 1, c: {d: 2}}\n"),
        ("a: { }\nb: [ ]\n", "a: {}\nb: []\n"),
        ("a: {b: 1, }\nc: [1, 2,]\n", "a: {b: 1}\nc: [1, 2]\n"),
        ("a: {b: , c: }\n", "a: {b: , c: }\n"),
        ("a: 1  \t\nb: 2\t\n", "a: 1\nb: 2\n"),
        ("-   a\n-   - b\n    -  c\n", "- a\n- - b\n  - c\n"),
        ("a: 1\r\nb: 2\r", "a: 1\nb: 2\n"),
        ("\ufeffa: 1\n", "a: 1\n"),
        # indentation
        ("a:\n- b\n- c: 1\n  d: 2\n", "a:\n  - b\n  - c: 1\n    d: 2\n"),
        ("a:\n      - b:\n          c: 1\n", "a:\n  - b:\n      c: 1\n"),
        ("a:\n    b:\n        c: 1\n    d: 2\n", "a:\n  b:\n    c: 1\n  d: 2\n"),
        ("a:\n    1\nb:\n      [1, 2]\n", "a:\n  1\nb:\n  [1, 2]\n"),
        ("a: {b: 1,\n        c: [2,\n  3]}\n", "a: {b: 1,\n  c: [2,\n    3]}\n"),
        ("a: {\n b: 1,\n }\n", "a: {\n  b: 1,\n  }\n"),
        # quotes
        ("a: \"b\"\n'c': 'd e'\n", "a: b\nc: d e\n"),
        ("a: {\"b\": 'c', d: \"e, f\"}\n", 'a: {b: c, d: "e, f"}\n'),
        ("a: \"1\"\nb: 'true'\nc: \"null\"\nd: '1e3'\n", "a: \"1\"\nb: 'true'\nc: \"null\"\nd: '1e3'\n"),
        ("a: \"no\"\nb: ''\nc: ' d'\n", "a: \"no\"\nb: ''\nc: ' d'\n"),  # the first is false in YAML 1.1
        ("a: \"b: c\"\nd: 'e #f'\ng: '-'\nh: \"${i}\"\n", "a: \"b: c\"\nd: 'e #f'\ng: '-'\nh: \"${i}\"\n"),
        ("a: 'b''c'\nd: \"\\u00e9\"\n", "a: 'b''c'\nd: \"\\u00e9\"\n"),
        # blank lines
        ("\n\na: 1\n\n\n\nb: 2\n\n", "a: 1\n\nb: 2\n"),
        ("a:\n\n\n  - b\n\n\n  - c\n", "a:\n\n  - b\n\n  - c\n"),
        # comments
        ("#a\na: 1 #b\n#c", "#a\na: 1  #b\n#c\n"),
        ("a: 1       # alone\nbc: 2  # not below it\n", "a: 1  # alone\nbc: 2  # not below it\n"),
        ("a: 1\n\nb:  1    # c\ndd: 1    # e\n", "a: 1\n\nb: 1   # c\ndd: 1  # e\n"),
        ("a:  1     # b\nccc: 1    # d\n\ne: 1      # f\n", "a: 1    # b\nccc: 1  # d\n\ne: 1  # f\n"),
        ("a:\n# one\n- b\n# two\n- c\n", "a:\n  # one\n  - b\n  # two\n  - c\n"),
        ("a:\n    - b\n    # the last\nc: 1\n", "a:\n  - b\n  # the last\nc: 1\n"),
        ("a:\n    b:\n        c: 1\n    # of b\n# of d\nd: 1\n", "a:\n  b:\n    c: 1\n  # of b\n# of d\nd: 1\n"),
        ("a:\n      # before all\n  - b\n", "a:\n  # before all\n  - b\n"),
        ("a: [1, # one\n  # two\n   2]\n", "a: [1,  # one\n  # two\n  2]\n"),
        # texts of several lines
        ("a: |\n     b\n       c\n\n\n     d\n", "a: |\n  b\n    c\n\n\n  d\n"),
        ("a: >-  # b\n    c\n    d\n#e\nf: 1\n", "a: >-  # b\n  c\n  d\n#e\nf: 1\n"),
        ("a: |+\n    b\n\n\nc: 1\n", "a: |+\n  b\n\n\nc: 1\n"),
        ("a:\n    b: |2\n        c\n       d\n", "a:\n  b: |2\n      c\n     d\n"),
        ("a: b\n      c\n\n      d\ne: 'f\n  g'\n", "a: b\n  c\n\n  d\ne: 'f\n  g'\n"),
        # anchors, variables
        ("a:   &b   {c: 1}\nd: *b\n", "a: &b {c: 1}\nd: *b\n"),
        ("a: {b: ${c},d: ${e // 2} , f: $${g} }\n", "a: {b: ${c}, d: ${e // 2}, f: $${g}}\n"),
        ("vars: {e: 4}\na: [ ${e},${e * 2} ]  #${x\n", "vars: {e: 4}\na: [${e}, ${e * 2}]  #${x\n"),
        # nothing
        ("", ""),
        ("\n\n# b\n\n\n", "# b\n"),
    ],
)  # fmt: skip
def test_the_usual_form(text, usual):
    assert formatted(text) == usual
    assert formatted(usual) == usual


HEAD = "# yaml-language-server: $schema=spec.schema.json\n# What this is.\n"


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("decoder: mirror\ninput: [6]\n", "input: [6]\ndecoder: mirror\n"),
        # what is above all stays there; a part takes along the comments right above it, and what is in it
        (HEAD + "loss: mse\n# in\ninput: [6]  # six\n", HEAD + "# in\ninput: [6]  # six\nloss: mse\n"),
        ("loss: mse\nencoder:\n  - flatten\n  # all\n", "encoder:\n  - flatten\n  # all\nloss: mse\n"),
        (HEAD + "\n# a loss\nloss: mse\ninput: [6]\n", HEAD + "input: [6]\n\n# a loss\nloss: mse\n"),
        ("loss: mse\n# of it\n\ninput: [6]\n# the end\n", "input: [6]\nloss: mse\n# of it\n# the end\n"),
        # comments that stand apart go with what follows them, those that hang on what is above with that
        ("loss: mse\n\n# few\n\ntraining: {}\ninput: [6]\n", "input: [6]\nloss: mse\n\n# few\n\ntraining: {}\n"),
        ("a: 1\n\n# few\n\ntraining: {}\nloss: mse\n", "a: 1\nloss: mse\n\n# few\n\ntraining: {}\n"),
        ("a: 1\ntraining: {}\n# of it\n\n# x\nloss: mse\n", "a: 1\n\n# x\nloss: mse\ntraining: {}\n# of it\n"),
        # what is no field stays behind what it followed
        ("loss: mse\nlos: 1\ninput: [6]\n", "input: [6]\nloss: mse\nlos: 1\n"),
        ("x: 1\ninput: [6]\nname: y\n", "x: 1\nname: y\ninput: [6]\n"),
        # what repeats a value stays below it
        ("loss: &l mse\ninput: [6]\nname: *l\n", "loss: &l mse\ninput: [6]\nname: *l\n"),
    ],
)  # fmt: skip
def test_parts_are_in_the_order_of_the_fields(text, usual):
    assert formatted(text) == usual
    assert formatted(usual) == usual


def test_the_order_is_that_of_the_fields():
    text = "".join(f"{name}: x\n" for name in reversed(Spec.model_fields))
    assert formatted(text) == "".join(f"{name}: x\n" for name in Spec.model_fields)


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ('{"vars": {},"input":[6]}', '{\n  "vars": {},\n  "input": [6]\n}\n'),
        ('{"loss": "mse", "a": 1, "input": [6]}', '{\n  "input": [6],\n  "loss": "mse",\n  "a": 1\n}\n'),
        (
            '{"encoder": ["flatten", {"dense": {"units": 3, "activation": "relu"}}, '
            '{"dense": {"activation": {"elu": 2}, "units": 4}}]}',
            '{\n  "encoder": [\n    "flatten",\n    {"dense": {"units": 3, "activation": "relu"}},\n'
            '    {\n      "dense": {\n        "activation": {"elu": 2},\n        "units": 4\n      }\n    }\n  ]\n}\n',
        ),
        (f'{{"name": "{"x" * 90}"}}', f'{{\n  "name": "{"x" * 90}"\n}}\n'),
        (f'{{"a": ["{"x" * 90}", "y"]}}', f'{{\n  "a": [\n    "{"x" * 90}",\n    "y"\n  ]\n}}\n'),
        ("[1, [2]]", "[\n  1,\n  [2]\n]\n"),
        (" \n", ""),
        ('{"a": "\\u00e9", "b": 1e3, "c": null}', '{\n  "a": "é",\n  "b": 1000.0,\n  "c": null\n}\n'),
    ],
)
def test_the_usual_form_of_json(text, usual):
    assert formatted(text, "a.json") == usual
    assert formatted(usual, "a.json") == usual


@pytest.mark.parametrize(
    ("name", "text", "code", "help"),
    [
        ("a.yaml", "a: {b: 1\n", "E002", "write `}`"),
        ("a.yaml", "a: 1\n--- \nb: 2\n", "E007", "a file for each"),
        ("a.yaml", "a: \x00", "E002", "escape in double quotes"),
        ("a.json", "{'a': 1}", "E002", 'write `"`'),
        ("a.json", '{"a": 1, "a": 2}', "E003", "keep one"),
        ("a.json", '{"a": 1e400}', "E007", "JSON cannot say"),
        ("a.yaml", "a: |\n  the line has no end", "E007", "`|` and a text"),  # with one, the text would have one too
    ],
)
def test_what_cannot_be_formatted_is_refused(name, text, code, help):
    with pytest.raises(aespec.AespecError) as error:
        formatted(text, name)
    assert [problem.rule.code for problem in error.value.diagnostics] == [code]
    assert help in error.value.diagnostics[0].help


# --- any layout --------------------------------------------------------------------------------------------------


class Scribe:
    """Writes data as YAML, in any of the ways that there are."""

    def __init__(self, chance):
        self.chance, self.comments = chance, []

    def comment(self, indent=0):
        """A comment of its own line, or none, somewhere."""
        if self.chance.random() < 0.7:
            return ""
        column = indent + self.chance.choice([0, 0, 0, 1, 2, 5])
        return " " * column + self._remark() + "\n" + self.blank()

    def _remark(self):
        self.comments.append(f"#{self.chance.choice(['', ' ', '  '])}{len(self.comments)} 'it: {{is\" - [so]")
        return self.comments[-1]

    def end(self):
        remark = "" if self.chance.random() < 0.7 else " " * self.chance.choice([1, 2, 9]) + self._remark()
        return remark + self.chance.choice(["", "", "  "]) + "\n" + self.blank()

    def blank(self):
        return self.chance.choice(["", "", "", "\n", " \n\n"])

    def gap(self):
        return " " * self.chance.choice([1, 1, 2, 5])

    def space(self, indent):
        """Between brackets: spaces, or a new line with or without a comment."""
        if self.chance.random() < 0.8:
            return " " * self.chance.choice([0, 1, 3])
        return " " + self.end() + self.comment(indent) + " " * (indent + self.chance.choice([1, 2, 7]))

    def scalar(self, value):
        plain = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()
        return self.chance.choice([plain, json.dumps(value)]) if isinstance(value, str) else plain

    def flow(self, value, indent):
        pieces = [self.space(indent)]
        items = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
        for i, (key, item) in enumerate(items, 1):
            named = [self.scalar(key), ":", self.gap()] if key is not None else []
            pieces += [*named, self.inline(item, indent), self.space(indent)]
            if i < len(items) or self.chance.random() < 0.3:
                pieces += [",", self.space(indent)]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return opening + "".join(pieces) + closing

    def inline(self, value, indent):
        return self.flow(value, indent) if isinstance(value, dict | list) else self.scalar(value)

    def block(self, value, indent):
        """The lines of a list or a mapping; the first is not yet indented."""
        lines = []
        for item in value:
            head = "-" if isinstance(value, list) else self.scalar(item) + " " * self.chance.choice([0, 0, 1]) + ":"
            held = item if isinstance(value, list) else value[item]
            lines.append(head + self.held(held, indent, len(head) if isinstance(value, list) else None))
        between = (self.comment(indent) + " " * indent for _ in lines[1:])
        return lines[0] + "".join(gap + line for gap, line in zip(between, lines[1:], strict=True))

    def held(self, value, indent, dash):
        """What is behind a colon or a dash, up to the end of the line or of the block."""
        nests = isinstance(value, dict | list) and value and self.chance.random() < 0.6
        if not nests:
            return self.gap() + self.inline(value, indent) + self.end()
        if dash and self.chance.random() < 0.8:
            gap = self.gap()
            return gap + self.block(value, indent + dash + len(gap))
        inner = indent + self.chance.choice([1, 2, 4, 7])
        if isinstance(value, list) and not dash and self.chance.random() < 0.4:
            inner = indent
        return self.end() + self.comment(inner) + " " * inner + self.block(value, inner)


DATA = [yaml.safe_load(path.read_text()) for path in zoo().values()]
KEYS = st.sampled_from(["a", "b c", "1", "n"])
VALUES = st.recursive(
    st.sampled_from(["relu", "a b", "no", "1", "x: y", "é", "", "# z", 1, -2.5, None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def test_comments_of_parts_that_come_apart_are_not_aligned():
    text = "training: {seed: 42}  # a\nencoder:              # b\n  - flatten\ninput: [8]  # c\ndecoder: mirror\n"
    usual = "input: [8]  # c\nencoder:  # b\n  - flatten\ndecoder: mirror\ntraining: {seed: 42}  # a\n"
    assert formatted(text) == formatted(usual) == usual


def laid_out_anyhow(data, chance):
    scribe = Scribe(chance)
    items = list(data.items())
    chance.shuffle(items)
    return scribe.blank() + scribe.comment() + scribe.block(dict(items), 0) + scribe.comment(), scribe.comments


def check(text, comments, data):
    assert yaml.safe_load(text) == data  # the scribe's own work
    usual = formatted(text)
    assert yaml.safe_load(usual) == data
    assert Counter(re.findall(r"# *\d+ 'it: {is\" - \[so]", usual)) == Counter(comments)
    assert formatted(usual) == usual
    assert "\n\n\n" not in usual
    return usual


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(DATA), st.randoms(use_true_random=False))
def test_a_spec_of_any_layout_keeps_values_comments_and_model(data, chance):
    text, comments = laid_out_anyhow(data, chance)
    usual = check(text, comments, data)
    if chance.random() < 0.1:
        assert aespec.compile(aespec.parse(usual)) == aespec.compile(aespec.parse(text))


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(st.sampled_from(["a", "input", "loss", "x y"]), VALUES, min_size=1),
    st.randoms(use_true_random=False),
)
def test_any_text_of_any_layout_keeps_values_and_comments(data, chance):
    text, comments = laid_out_anyhow(data, chance)
    check(text, comments, data)


# --- the command -------------------------------------------------------------------------------------------------

ODD = "input:   [6]\nencoder:\n- dense: 2\ndecoder: mirror\n"
USUAL = "input: [6]\nencoder:\n  - dense: 2\ndecoder: mirror\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("odd.yaml").write_text(ODD)
    Path("usual.yaml").write_text(USUAL)
    Path("wrong.yaml").write_text("a: {\n")
    Path("fields.yaml").write_text("inptu:   [6]\n")
    for folder in ("run", "empty"):
        Path(folder).mkdir()
    Path("run/spec.yaml").write_text(ODD)
    return tmp_path


def fmt(*args, **settings):
    return CliRunner().invoke(main, ["fmt", *args], **settings)


@pytest.mark.parametrize(
    ("args", "code", "out", "err"),
    [
        (["odd.yaml"], 0, "odd.yaml: formatted\n", ""),
        (["usual.yaml"], 0, "", ""),
        (["odd.yaml", "usual.yaml"], 0, "odd.yaml: formatted\n", "1 changed, 1 as they should be\n"),
        (["--check", "odd.yaml"], 1, "odd.yaml: would change\n", ""),
        (["--check", "usual.yaml"], 0, "", ""),
        (["fields.yaml"], 0, "fields.yaml: formatted\n", ""),
    ],
)
def test_what_it_says(files, args, code, out, err):
    done = fmt(*args)
    assert (done.exit_code, done.stdout, done.stderr) == (code, out, err)
    assert Path("odd.yaml").read_text() == (USUAL if "odd.yaml" in args and "--check" not in args else ODD)


def test_what_would_change_is_shown(files):
    done = fmt("--diff", "odd.yaml", "usual.yaml")
    changes = [line for line in done.stdout.splitlines()[2:] if line.startswith(("-", "+"))]
    assert changes == ["-input:   [6]", "+input: [6]", "-- dense: 2", "+  - dense: 2"]
    assert (done.exit_code, Path("odd.yaml").read_text()) == (0, ODD)
    assert fmt("--diff", "--check", "odd.yaml").exit_code == 1


def test_a_wrong_file_keeps_no_other_from_being_formatted(files):
    done = fmt("wrong.yaml", "odd.yaml", "nothing.yaml")
    assert done.exit_code == 1
    assert "error[E002]" in done.stderr
    assert "error[E001]" in done.stderr
    assert Path("odd.yaml").read_text() == USUAL
    assert Path("wrong.yaml").read_text() == "a: {\n"


def test_the_folder_of_a_run_stands_for_its_spec(files):
    done = fmt("run")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{Path('run/spec.yaml')}: formatted\n", "")
    assert Path("run/spec.yaml").read_text() == USUAL
    assert "`empty` is a folder" in fmt("empty").stderr


def test_what_is_piped_in_is_printed(files):
    assert fmt("-", input=ODD).stdout == USUAL
    assert fmt("-", input=USUAL).stdout == USUAL
    assert fmt("--check", "-", input=ODD).exit_code == 1
    assert "error[E001]" in fmt("-", input=b"a: \xff").stderr


def test_a_file_keeps_its_mode_and_its_links(files):
    os.chmod("odd.yaml", 0o640)  # noqa: PTH101  (of the current folder)
    Path("link.yaml").symlink_to("odd.yaml")
    assert fmt("link.yaml").exit_code == 0
    assert Path("link.yaml").is_symlink()
    assert Path("odd.yaml").read_text() == USUAL
    assert Path("odd.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in files.iterdir() if path.name.endswith(".part")) == []
