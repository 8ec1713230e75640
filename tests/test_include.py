"""``include``, an item of a list of layers."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aespec
from aespec.diagnostics import AespecError, Diagnostic, Place
from aespec.source import Source
from aespec.source import file as files
from aespec.source.yaml_dump import dump_yaml

FILES = {
    "blocks.yaml": "vars: {code: 8, wide: '${code * 2}'}\nencoder:\n  - dense: ${wide}\n  - dense: ${code}\n",
    "two.json": '{"encoder": ["flatten"], "decoder": [{"dense": 4}, {"reshape": [2, 2]}]}',
    "head.yaml": "classifier: {head: [dropout: 0.5]}",
    "mirror.yaml": "encoder: [dense: 3]\ndecoder: mirror\n",
    "stack.yaml": "vars: {layers: [flatten, {dense: 5}], none: 3}\nencoder: ${layers}\ndecoder: ${none}",
    "sub/inner.yaml": "vars: {n: 1}\nencoder:\n"
    "  - include: {spec: deeper.yaml, vars: {m: '${n + 1}'}}\n  - include: ../blocks.yaml\n",
    "sub/deeper.yaml": "vars: {m: 3}\nencoder:\n  - repeat: {times: '${m}', index: i, layers: [{dense: '${m + i}'}]}\n",
    "loop.yaml": "encoder: [include: loop2.yaml]",
    "loop2.yaml": "encoder: [include: loop.yaml]",
    "self.yaml": "encoder: [dense: 3]\ndecoder: [include: {spec: self.yaml, block: encoder}]",
    "empty.yaml": "",
    "list.yaml": "- dense: 3",
    "none.yaml": "encoder: []",
    "text.yaml": "encoder: flatten",
    "encodr.yaml": "encodr: [flatten]",
    "syntax.yaml": "encoder: [\n",
    "doubtful.yaml": "encoder:\n  - dense: 3\ntraining: {shuffle: off}\n",
    "latin1.yaml": "encoder: [dense: 3] # \xfc",
    "large.yaml": "encoder: [dense: 3] # " + "x" * 2**20,
    "half.yaml": "encoder: [dense: 3] # " + "x" * 600_000,
    "half2.yaml": "encoder: [dense: 3] # " + "x" * 600_000,
    **{f"c{i}.yaml": f"encoder: [include: c{i + 1}.yaml]" for i in range(12)},
    "c12.yaml": "encoder: [flatten]",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the spec, with files beside it; outside it there is one more."""
    inside = tmp_path / "inside"
    for name, text in FILES.items():
        path = inside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin1" if name == "latin1.yaml" else "utf-8"))
    (tmp_path / "outside.yaml").write_text("encoder: [dense: 3]")
    (inside / "link.yaml").symlink_to("blocks.yaml")
    (inside / "out.yaml").symlink_to(tmp_path / "outside.yaml")
    (inside / "up").symlink_to(tmp_path)
    (inside / "round.yaml").symlink_to("round.yaml")
    (inside / "zero").symlink_to("/dev/zero")
    os.mkfifo(inside / "pipe.yaml")
    monkeypatch.chdir(inside)
    return inside


def read(text: str, *overrides: str) -> Source:
    Path("spec.yaml").write_text(text)
    return Source.read("spec.yaml", overrides)


def refused(text: str, *overrides: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(AespecError) as caught:
        read(text, *overrides)
    str(caught.value).encode()
    return caught.value.diagnostics


def problems(work: Callable[[], Any]) -> list[Diagnostic]:
    """What is told of what is wrong; none where it is done."""
    try:
        work()
    except AespecError as error:
        str(error).encode()
        return [*error.diagnostics]
    return []


def marked(place: Place | None) -> str:
    assert place is not None
    return place.text[place.column - 1 :][: place.width]


def dense(*units: int) -> list[Any]:
    return [{"dense": n} for n in units]


@pytest.mark.parametrize(
    ("block", "items", "expected"),
    [
        ("encoder", "[include: blocks.yaml]", dense(16, 8)),
        ("encoder", "[a, include: blocks.yaml, b]", ["a", *dense(16, 8), "b"]),
        ("encoder", "[include: {spec: blocks.yaml}]", dense(16, 8)),
        ("encoder", "[include: {spec: blocks.yaml, vars: {code: 3}}]", dense(6, 3)),
        ("encoder", "[include: {spec: blocks.yaml, vars: {wide: 5}}]", dense(5, 8)),
        ("encoder", "[include: {spec: blocks.yaml, vars: {code: '${width // 4}'}}]", dense(32, 16)),
        ("encoder", "[include: '${which}.yaml']", dense(16, 8)),
        ("encoder", "[include: blocks.yaml, include: blocks.yaml]", dense(16, 8, 16, 8)),
        ("encoder", "[include: two.json]", ["flatten"]),
        ("decoder", "[include: two.json]", [{"dense": 4}, {"reshape": [2, 2]}]),
        ("decoder", "[include: {spec: blocks.yaml, block: encoder}]", dense(16, 8)),
        ("head", "[include: head.yaml]", [{"dropout": 0.5}]),
        ("head", "[include: {spec: mirror.yaml, block: encoder}]", dense(3)),
        ("encoder", "[include: {spec: head.yaml, block: head}]", [{"dropout": 0.5}]),
        ("encoder", "[include: stack.yaml]", ["flatten", {"dense": 5}]),
        ("encoder", "[include: sub/inner.yaml]", dense(2, 3, 16, 8)),  # m is 2: 2 + 0 and 2 + 1
        ("encoder", "[include: ./sub/../blocks.yaml]", dense(16, 8)),
        ("encoder", "[include: link.yaml]", dense(16, 8)),
        ("encoder", "[include: up/inside/blocks.yaml]", dense(16, 8)),  # leads out, and back in
        ("decoder", "[include: self.yaml]", dense(3)),
        ("encoder", "[include: c5.yaml]", ["flatten"]),  # c5 to c12 are eight files
        (
            "encoder",
            "[repeat: {each: {n: [1, 2]}, layers: [include: {spec: blocks.yaml, vars: {code: '${n}'}}]}]",
            dense(2, 1, 4, 2),
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_it_stands_for(block: str, items: str, expected: list[Any]) -> None:
    where = f"classifier: {{head: {items}}}" if block == "head" else f"{block}: {items}"
    data = read(f"vars: {{width: 64, which: blocks}}\n{where}").data
    assert (data["classifier"]["head"] if block == "head" else data[block]) == expected


# what stands behind `include` in an encoder, then for each problem its code, its file, what is marked, what is said
REFUSED: list[tuple[str, list[tuple[str, str, str, str]]]] = [
    ("blcks.yaml", [("E001", "spec.yaml", "blcks.yaml", "did you mean `blocks.yaml`?")]),
    ("sub/inner.yml", [("E001", "spec.yaml", "sub/inner.yml", "did you mean `sub/inner.yaml`?")]),
    ("nowhere/x", [("E001", "spec.yaml", "nowhere/x", "from the folder of the file that includes it")]),
    ("sub", [("E001", "spec.yaml", "sub", "inner.yaml")]),
    ("", [("E104", "spec.yaml", "include", "`include: blocks.yaml`")]),
    ('""', [("E001", "spec.yaml", '""', "is a folder")]),
    ("pipe.yaml", [("E001", "spec.yaml", "pipe.yaml", "no plain file")]),
    ("round.yaml", [("E001", "spec.yaml", "round.yaml", "")]),
    ('"nul\\0.yaml"', [("E001", "spec.yaml", '"nul\\0.yaml"', "cannot be read")]),
    ("x" * 5_000, [("E001", "spec.yaml", "x" * 5_000, "cannot be read")]),
    ("../outside.yaml", [("E012", "spec.yaml", "../outside.yaml", "is outside the folder")]),
    ("sub/../../outside.yaml", [("E012", "spec.yaml", "sub/../../outside.yaml", "is outside the folder")]),
    ("http://host/x.yaml", [("E012", "spec.yaml", "http://host/x.yaml", "is an address")]),
    ("/etc/passwd", [("E012", "spec.yaml", "/etc/passwd", "is outside the folder")]),
    ("out.yaml", [("E012", "spec.yaml", "out.yaml", "leads out of the folder")]),
    ("up/outside.yaml", [("E012", "spec.yaml", "up/outside.yaml", "leads out of the folder")]),
    ("zero", [("E012", "spec.yaml", "zero", "leads out of the folder")]),
    ("../inside2/x.yaml", [("E012", "spec.yaml", "../inside2/x.yaml", "is outside the folder")]),
    ("tow.json", [("E001", "spec.yaml", "tow.json", "did you mean `two.json`?")]),
    ("head.yaml", [("E012", "spec.yaml", "head.yaml", "include: {spec: head.yaml, block: head}")]),
    ("encodr.yaml", [("E012", "spec.yaml", "encodr.yaml", "is `encodr` in `encodr.yaml` meant to be `encoder`?")]),
    ("text.yaml", [("E012", "spec.yaml", "text.yaml", "not written out")]),
    ("{spec: mirror.yaml, block: decoder}", [("E012", "spec.yaml", "mirror.yaml", "`decoder: mirror`")]),
    ("{spec: stack.yaml, block: decoder}", [("E104", "stack.yaml", "${none}", "a list of one layer or more")]),
    ("none.yaml", [("E104", "none.yaml", "[]", "a list of one layer or more")]),
    ("{spec: blocks.yaml, block: encodr}", [("E104", "spec.yaml", "encodr", "did you mean `encoder`?")]),
    ("{spec: blocks.yaml, block: 3}", [("E104", "spec.yaml", "3", "`encoder`, `decoder` or `head`")]),
    ("{spec: blocks.yaml, vars: {cod: 3}}", [("E012", "spec.yaml", "cod", "did you mean `code`?")]),
    ("{spec: two.json, vars: {cod: 3}}", [("E012", "spec.yaml", "cod", "remove it")]),
    ("{spec: blocks.yaml, vars: 3}", [("E104", "spec.yaml", "3", "names with their values")]),
    ("{spec: blocks.yaml, vars: {code: {x: 1}}}", [("E104", "spec.yaml", "{x: 1}", "a scalar or a list")]),
    ("{spec: blocks.yaml, vars: {code: '${x}'}}", [("E008", "spec.yaml", "${x}", "add `vars: {x: …}`")]),
    ("{spec: blocks.yaml, vars: {code: selu}}", [("E010", "blocks.yaml", "code", "a whole number")]),
    ("{spce: blocks.yaml}", [("E102", "spec.yaml", "spce", "did you mean `spec`?")]),
    ("{block: encoder}", [("E103", "spec.yaml", "include: {block: encoder}", "add `spec: ...`")]),
    ("{spec: 3}", [("E104", "spec.yaml", "3", "the path of a file")]),
    ("[blocks.yaml]", [("E104", "spec.yaml", "[blocks.yaml]", "`include: blocks.yaml`")]),
    ("spec.yaml", [("E012", "spec.yaml", "spec.yaml", "encoder of spec.yaml -> encoder of spec.yaml")]),
    (
        "loop.yaml",
        [("E012", "loop2.yaml", "loop.yaml", "encoder of loop.yaml -> encoder of loop2.yaml -> encoder of loop.yaml")],
    ),
    ("c4.yaml", [("E012", "c11.yaml", "c12.yaml", "encoder of spec.yaml -> encoder of c4.yaml -> encoder of c5.yaml")]),
    ("empty.yaml", [("E009", "empty.yaml", "", "the spec is empty")]),
    ("list.yaml", [("E009", "list.yaml", "- dense: 3", "not a mapping")]),
    ("syntax.yaml", [("E002", "syntax.yaml", "[", "never closed")]),
    ("doubtful.yaml", [("E004", "doubtful.yaml", "off", "write `false`")]),
    ("latin1.yaml", [("E001", "latin1.yaml", "\ufffd", "UTF-8")]),
    ("large.yaml", [("E005", "spec.yaml", "large.yaml", "1 MiB")]),
]


@pytest.mark.parametrize(("item", "problems"), REFUSED, ids=[item[:30] for item, _ in REFUSED])
@pytest.mark.usefixtures("folder")
def test_what_is_refused(item: str, problems: list[tuple[str, str, str, str]]) -> None:
    found = refused(f"encoder:\n  - include: {item}\n")
    assert [(d.rule.code, d.place and d.place.name, marked(d.place)) for d in found] == [each[:3] for each in problems]
    for each, (*_, says) in zip(found, problems, strict=True):
        assert says in f"{each.message} {each.wanted} {each.got} {each.help}"
        assert each.help


def test_a_path_from_the_root_is_refused_even_if_it_leads_into_the_folder(folder: Path) -> None:
    (found,) = refused(f"encoder: [include: {folder / 'blocks.yaml'}]")
    assert found.rule.code == "E012"
    assert found.help == "write its path from the folder of the file that includes it"


@pytest.mark.usefixtures("folder")
def test_all_files_together_have_a_bound() -> None:
    (found,) = refused("encoder: [include: half.yaml, include: half.yaml, include: half2.yaml]")
    assert (found.rule.code, marked(found.place)) == ("E005", "half2.yaml")


@pytest.mark.usefixtures("folder")
def test_what_multiplies_is_bound() -> None:
    Path("m6.yaml").write_text("encoder: [flatten]")
    for i in range(6):  # nine times nine times ... six times: half a million
        Path(f"m{i}.yaml").write_text(f"encoder: [repeat: {{times: 9, layers: [include: m{i + 1}.yaml]}}]")
    assert [d.rule.code for d in refused("encoder: [include: m0.yaml]")] == ["E005"]


def test_each_file_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    read_text = files.read_text

    def counted(path: Any, *args: Any, **more: Any) -> str:
        opened.append(Path(path))
        return read_text(path, *args, **more)

    monkeypatch.setattr("aespec.source.include.read_text", counted)
    source = read("encoder: [repeat: {times: 50, layers: [include: blocks.yaml, include: link.yaml]}]")
    assert len(source.data["encoder"]) == 200
    assert opened == [folder / "blocks.yaml"]


@pytest.mark.parametrize("source", ["encoder: [include: blocks.yaml]", {"encoder": [{"include": "blocks.yaml"}]}])
@pytest.mark.usefixtures("folder")
def test_a_spec_that_is_no_file_includes_none(source: str | Mapping[str, Any]) -> None:
    with pytest.raises(AespecError) as caught:
        aespec.parse(source)
    assert "E012" in [d.rule.code for d in caught.value.diagnostics]
    assert "a spec that is no file cannot include one" in str(caught.value)


def test_the_folder_is_that_of_the_path_that_is_given(folder: Path) -> None:
    (folder / "sub/spec.yaml").write_text("encoder: [include: deeper.yaml]")
    for path in ("sub/spec.yaml", str(folder / "sub/spec.yaml"), "./sub/../sub/spec.yaml"):
        source = Source.read(path)
        assert source.data["encoder"] == dense(3, 4, 5)
        name = source.values["encoder", 0].name
        assert Path(name) == Path(path).parent / "deeper.yaml"
        assert Path(name).read_text() == FILES["sub/deeper.yaml"]
    (folder / "sub/spec.yaml").write_text("encoder: [include: inner.yaml]")
    assert Source.read("up/inside/sub/spec.yaml", ["encoder=[include: deeper.yaml]"]).data["encoder"] == dense(3, 4, 5)
    with pytest.raises(AespecError, match=r"is outside the folder of `sub/spec\.yaml`"):
        Source.read("sub/spec.yaml")  # its inner.yaml includes ../blocks.yaml


@pytest.mark.usefixtures("folder")
def test_places_are_those_of_the_file_and_say_where_it_is_included() -> None:
    source = read("encoder:\n  - flatten\n  - include: sub/inner.yaml\n")
    place = source.values["encoder", 2, "dense"]
    assert (place.name, place.line, marked(place)) == ("sub/deeper.yaml", 3, "'${m + i}'")
    assert place.within == (
        "turn 2 of 2 of `repeat` (i = 1)\nsub/inner.yaml:3:21, which includes this\nspec.yaml:3:14, which includes this"
    )
    assert not source.is_set(("encoder", 2, "dense"))


@pytest.mark.usefixtures("folder")
def test_problems_of_several_files_are_told_in_the_order_of_reading() -> None:
    Path("wrong.yaml").write_text("vars: {n: 0}\nencoder:\n  - dense: ${n}\n  - dens: 3\ntraining: {a: off}")
    text = "name: off\ninput: [4]\nencoder:\n  - dense: 0\n  - include: wrong.yaml\n  - dense: -1\ndecoder: mirror\n"
    Path("spec.yaml").write_text(text)
    with pytest.raises(AespecError) as caught:
        aespec.load("spec.yaml", ["loss=${x}"])
    assert [(d.place.name, marked(d.place)) for d in caught.value.diagnostics if d.place] == [
        ("--set", "${x}"),
        ("spec.yaml", "off"),
        ("spec.yaml", "0"),
        ("wrong.yaml", "${n}"),
        ("wrong.yaml", "dens"),
        ("wrong.yaml", "off"),
        ("spec.yaml", "-1"),
    ]


@pytest.mark.usefixtures("folder")
def test_a_text_of_wrong_syntax_is_read_on() -> None:
    Path("wrong.yaml").write_text("encoder:\n  - dense: {units: 3\n  - dense: {units: 4, activaton: relu}\n")
    Path("wrong.json").write_text('{"encoder": [{"dense": {"units" 3}}, {"dense": {"units": 4, "activaton": "relu"}}]}')
    for name in ("wrong.yaml", "wrong.json"):
        Path("spec.yaml").write_text(f"input: [4]\nencoder: [include: {name}, dens: 3]\ndecoder: mirror\nlos: mse\n")
        with pytest.raises(AespecError) as caught:
            aespec.load("spec.yaml")
        told = [(d.rule.code, d.place.name) for d in caught.value.diagnostics if d.place]
        assert told == [("E002", name), ("E102", name), ("E101", "spec.yaml"), ("E102", "spec.yaml")]


@pytest.mark.usefixtures("folder")
def test_overrides_see_it_as_written() -> None:
    text = "encoder:\n  - include: {spec: blocks.yaml, vars: {code: 3}}\n  - dense: 1\n"
    assert read(text, "encoder.0.include.vars.code=4").data["encoder"] == dense(8, 4, 1)
    assert read(text, "encoder.1.dense=2").data["encoder"] == dense(6, 3, 2)
    short = "encoder:\n  - include: blocks.yaml\n  - dense: 1\n"
    assert read(short, "encoder.0.include.vars.code=4").data["encoder"] == dense(8, 4, 1)
    assert read(text, "encoder=[include: two.json]").data["encoder"] == ["flatten"]
    (found,) = refused(text, "encoder.2.dense=2")
    assert found.help == "items are counted as they are written: `include` is one, whatever it stands for"
    (found,) = refused(text, "encoder.0.include.spec=blck.yaml")
    assert found.place is not None
    assert (found.place.name, marked(found.place)) == ("--set", "blck.yaml")


@pytest.mark.usefixtures("folder")
def test_json_can_include_too() -> None:
    encoder = ["flatten", {"include": {"spec": "blocks.yaml", "vars": {"code": "${w // 2}"}}}]
    Path("spec.json").write_text(json.dumps({"vars": {"w": 6}, "input": [8], "encoder": encoder, "decoder": "mirror"}))
    assert [str(layer) for layer in aespec.load("spec.json").encoder] == ["flatten", "dense(units=6)", "dense(units=3)"]


SPEC = """\
vars: {code: 2}
input: [8]
encoder:
  - repeat: {each: {units: ["${code * 3}", "${code * 2}"]}, layers: [{dense: {units: "${units}", name: "d_${units}"}}]}
  - include: {spec: blocks.yaml, vars: {code: "${code}"}}
decoder: mirror
training: {epochs: 1, batch_size: 4, seed: 3}
"""


@pytest.mark.usefixtures("folder")
def test_a_spec_that_is_written_out_reads_back_equal_anywhere() -> None:
    Path("spec.yaml").write_text(SPEC)
    spec = aespec.load("spec.yaml")
    assert [(layer.kind, layer.units) for layer in spec.encoder] == [("dense", n) for n in (6, 4, 4, 2)]  # type: ignore[attr-defined]
    text = dump_yaml(spec.to_data())
    assert "${" not in text
    assert aespec.parse(text).to_data() == spec.to_data()


def test_a_run_holds_the_layers_themselves(folder: Path) -> None:
    import numpy as np
    from click.testing import CliRunner

    from aespec.cli import main

    (folder / "spec.yaml").write_text(SPEC)
    np.save(folder / "x.npy", np.random.default_rng(0).random((12, 8), dtype="float32"))
    done = CliRunner().invoke(main, ["train", "spec.yaml", "--backend", "torch", "--data", "x.npy", "-o", "../run"])
    assert done.exit_code == 0, done.output
    assert aespec.load(folder.parent / "run/spec.yaml").to_data() == aespec.load("spec.yaml").to_data()


PIECES = [
    *("include", "spec", "block", "vars", "repeat", "times", "layers", "encoder", "decoder", "head", "blocks.yaml"),
    *(
        "sub/inner.yaml",
        "..",
        "/",
        ".",
        "loop.yaml",
        "mirror.yaml",
        "${code}",
        "${",
        "}",
        "{",
        "[",
        "]",
        ": ",
        ", ",
        "\n",
    ),
    *("0", "3", "null", '"', "'", "&a ", "*a", "\n  - ", "pipe.yaml", "spec.yaml", "../outside.yaml", "\0", "two.json"),
]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=4))
def test_any_mutation_is_read_or_refused(folder: Path, mutations: list[tuple[int, int, str]]) -> None:
    texts = {"spec.yaml": SPEC, "blocks.yaml": FILES["blocks.yaml"]}
    for at, cut, piece in mutations:
        name = ("spec.yaml", "spec.yaml", "blocks.yaml")[at % 3]
        start = at % len(texts[name])
        texts[name] = texts[name][:start] + piece + texts[name][start + cut :]
    for name, text in texts.items():
        (folder / name).write_text(text)
    found = problems(lambda: aespec.compile(aespec.load(folder / "spec.yaml")))
    assert len(set(found)) == len(found)
