"""``repeat``, an item of a list of layers."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aespec
from aespec.diagnostics import AespecError, Diagnostic, Place
from aespec.source import Source

VARS = "vars: {width: 64, sizes: [3, [2, 1]], stack: [flatten, {dense: 2}]}\n"


def layers(items: str) -> list[Any]:
    found: list[Any] = Source.parse(f"{VARS}encoder: {items}").data["encoder"]
    return found


def refused(text: str, overrides: tuple[str, ...] = ()) -> tuple[Diagnostic, ...]:
    with pytest.raises(AespecError) as caught:
        Source.parse(text, overrides=overrides)
    str(caught.value).encode()
    return caught.value.diagnostics


def marked(place: Place | None) -> str:
    assert place is not None
    return place.text[place.column - 1 :][: place.width]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("[repeat: {times: 2, layers: [flatten, {dense: 3}]}]", ["flatten", {"dense": 3}] * 2),
        ("[a, repeat: {times: 1, layers: [b]}, c]", ["a", "b", "c"]),
        ("[repeat: {times: 3, index: i, layers: [{dense: '${i}'}]}]", [{"dense": i} for i in (0, 1, 2)]),
        (
            "[repeat: {times: 3, index: i, layers: [{dense: '${width // 2 ** i}'}]}]",
            [{"dense": n} for n in (64, 32, 16)],
        ),
        ("[repeat: {times: '${width // 32}', layers: [a]}]", ["a", "a"]),
        (
            "[repeat: {each: {u: [1, 2], a: [selu, {tanh: }]}, layers: [{dense: {units: '${u}', act: '${a}'}}]}]",
            None,  # a mapping is no value of a name
        ),
        (
            "[repeat: {each: {u: [1, 2], a: [selu, [x]]}, index: k, layers: [{dense: ['${u}', '${a}', '${k}']}]}]",
            [{"dense": [1, "selu", 0]}, {"dense": [2, ["x"], 1]}],
        ),
        ("[repeat: {each: {u: ['${width}', '${width * 2}']}, layers: [{d: '${u}'}]}]", [{"d": 64}, {"d": 128}]),
        ("[repeat: {each: {u: '${sizes}'}, layers: [{d: '${u}'}]}]", [{"d": 3}, {"d": [2, 1]}]),
        ("[repeat: {times: 2, layers: '${stack}'}]", ["flatten", {"dense": 2}] * 2),
        ("'${stack}'", ["flatten", {"dense": 2}]),
        (
            "[repeat: {times: 2, index: i, layers: [{d: {name: 'conv_${i + 1}'}}]}]",
            [{"d": {"name": f"conv_{n}"}} for n in (1, 2)],
        ),
        (
            "[repeat: {each: {kind: [dense, lstm]}, layers: [{'${kind}': 3}, '${kind}']}]",
            [{"dense": 3}, "dense", {"lstm": 3}, "lstm"],
        ),
        (
            "[repeat: {times: 2, index: i, layers: [a, repeat: {times: 2, index: j, layers: [{d: '${10 * i + j}'}]}]}]",
            ["a", {"d": 0}, {"d": 1}, "a", {"d": 10}, {"d": 11}],
        ),
        (
            "[repeat: {times: 2, index: i, layers: [repeat: {times: '${i + 1}', layers: ['${i}']}]}]",
            [0, 1, 1],
        ),
        ("[repeat: {times: 1, layers: ['$${i}']}]", ["${i}"]),
        ("[{repeat_vector: 3}]", [{"repeat_vector": 3}]),
        ("[repeat: {times: 19000, layers: [a]}]", None),  # two values a turn: the list and its item
        ("[repeat: {times: 9000, layers: [a]}]", ["a"] * 9000),
    ],
)
def test_what_it_stands_for(items: str, expected: list[Any] | None) -> None:
    if expected is None:
        assert refused(f"{VARS}encoder: {items}")
    else:
        assert layers(items) == expected


@pytest.mark.parametrize(
    ("text", "loc"),
    [
        ("encoder: {}", ("encoder",)),
        ("decoder: {}", ("decoder",)),
        ("classifier: {{epochs: 3, head: {}}}", ("classifier", "head")),
    ],
)
def test_every_list_of_layers_can_have_it(text: str, loc: tuple[str, ...]) -> None:
    data = Source.parse(text.format("[a, repeat: {times: 2, layers: [b]}]")).value(loc)
    assert data == ["a", "b", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "other: [repeat: {times: 2, layers: [b]}]",
        "training: {encoder: [repeat: {times: 2, layers: [b]}]}",
        "encoder: [{time_distributed: [repeat: {times: 2, layers: [b]}]}]",
        "decoder: {repeat: {times: 2, layers: [b]}}",
    ],
)
def test_nothing_else_has_it(text: str) -> None:
    assert "repeat" in str(Source.parse(text).data)


# what stands behind `repeat`, then for each problem its code and what is marked
REFUSED: list[tuple[str, list[tuple[str, str]]]] = [
    ("{times: 0, layers: [a]}", [("E104", "0")]),
    ("{times: -1, layers: [a]}", [("E104", "-1")]),
    ("{times: 20001, layers: [a]}", [("E104", "20001")]),
    ("{times: 1.0, layers: [a]}", [("E104", "1.0")]),
    ("{times: true, layers: [a]}", [("E104", "true")]),
    ("{times: '3', layers: [a]}", [("E104", "'3'")]),
    ("{times: '${width - 64}', layers: [a]}", [("E104", "'${width - 64}'")]),
    ("{times: '${wdth}', layers: [a]}", [("E008", "${wdth}")]),
    ("{layers: [a]}", [("E011", "repeat: {layers: [a]}")]),
    ("{index: i, layers: [a]}", [("E011", "repeat: {index: i, layers: [a]}")]),
    ("{times: 2, each: {u: [1]}, layers: [a]}", [("E011", "2")]),
    ("{times: 2}", [("E103", "repeat: {times: 2}")]),
    ("{tmes: 2, layers: [a]}", [("E102", "tmes")]),
    ("{times: 2, layer: [a]}", [("E102", "layer")]),
    ("{times: 2, layers: []}", [("E104", "[]")]),
    ("{times: 2, layers: flatten}", [("E104", "flatten")]),
    ("{times: 2, layers: {dense: 3}}", [("E104", "{dense: 3}")]),
    ("{times: 2, layers: '${width}'}", [("E104", "'${width}'")]),
    ("{each: {}, layers: [a]}", [("E104", "{}")]),
    ("{each: [1, 2], layers: [a]}", [("E104", "[1, 2]")]),
    ("{each: {u: [], v: 3, w: {x: 1}}, layers: [a]}", [("E104", "[]"), ("E104", "3"), ("E104", "{x: 1}")]),
    ("{each: {u: [{x: 1}]}, layers: [a]}", [("E104", "{x: 1}")]),
    ("{each: {u: [1, 2], v: [1, 2, 3], w: [1]}, layers: [a]}", [("E011", "[1, 2, 3]"), ("E011", "[1]")]),
    ("{each: {u: [1, '${wdth}']}, layers: [{dense: '${u}'}]}", [("E008", "${wdth}")]),
    ("{each: {u: '${wdth}'}, layers: [{dense: '${u}'}]}", [("E008", "${wdth}")]),
    ("{each: {width: [1]}, layers: [a]}", [("E011", "width")]),
    ("{each: {u-v: [1]}, layers: [a]}", [("E011", "u-v")]),
    ("{each: {u: [1]}, index: u, layers: [a]}", [("E011", "u")]),
    ("{times: 2, index: width, layers: [a]}", [("E011", "width")]),
    ("{times: 2, index: 2i, layers: [a]}", [("E011", "2i")]),
    ("{times: 2, index: '', layers: [a]}", [("E011", "''")]),
    ("{times: 2, index: 3, layers: [a]}", [("E104", "3")]),
    ("{times: 2, index: i, layers: [repeat: {times: 2, index: i, layers: [a]}]}", [("E011", "i")]),
    ("{times: 2, index: i, layers: [{dense: '${j}'}]}", [("E008", "${j}")]),
    ("{times: 2, index: i, layers: [{dense: '${2 // i}'}]}", [("E010", "${2 // i}")]),
    ("{times: 0, index: 3, layers: [{dense: '${j}'}]}", [("E104", "0"), ("E104", "3")]),
    ("3", [("E104", "3")]),
    ("[a]", [("E104", "[a]")]),
    ("", [("E104", "repeat")]),
]


@pytest.mark.parametrize(("fields", "problems"), REFUSED)
def test_what_is_refused(fields: str, problems: list[tuple[str, str]]) -> None:
    found = refused(f"vars: {{width: 64}}\nencoder:\n  - flatten\n  - repeat: {fields}\n")
    assert [(d.rule.code, marked(d.place)) for d in found] == problems
    assert all(d.help for d in found)


@pytest.mark.parametrize(
    ("fields", "help"),
    [
        ("{times: 2, layers: [{dense: '${i}'}]}", "for the number of the turn state `index: i` in the `repeat`"),
        ("{each: {u: [1]}, layers: [{dense: '${i}'}]}", "for the number of the turn state `index: i` in the `repeat`"),
        ("{times: 2, index: k, layers: [{dense: '${i}'}]}", "a literal `${` is written `$${`"),
        ("{times: 2, layers: [{dense: '${wdth}'}]}", "did you mean `${width}`?"),
    ],
)
def test_an_index_that_is_not_stated_is_asked_for(fields: str, help: str) -> None:
    found = refused(f"vars: {{width: 64}}\nencoder:\n  - repeat: {fields}\n")[0]
    assert (found.rule.code, (found.help or "").rpartition("; ")[2]) == ("E008", help)


@pytest.mark.parametrize(
    ("item", "help"),
    [
        ("- repeat:\n    times: 2\n    layers: [a]", "indent `times`, `layers` below `repeat`, as its fields"),
        ("- repeat: {times: 2, layers: [a]}\n    dense: 3", "give each item a dash of its own"),
    ],
)
def test_what_stands_beside_it_is_refused(item: str, help: str) -> None:
    (found,) = refused(f"encoder:\n  {item}\n")
    assert (found.rule.code, found.help) == ("E105", help)


def test_its_names_hold_in_it_alone() -> None:
    (found,) = refused("encoder:\n  - repeat: {times: 2, index: i, layers: [a]}\n  - dense: ${i}")
    assert (found.rule.code, marked(found.place)) == ("E008", "${i}")


@pytest.mark.parametrize(
    "text",
    [
        "encoder: [repeat: {times: 20000, layers: [a, b]}]",
        "encoder: [repeat: {times: 200, layers: [repeat: {times: 200, layers: [a]}]}]",
        "encoder: [repeat: {times: 2000, layers: [{dense: " + "[1, 2, 3, 4, 5, 6, 7, 8, 9]" + "}]}]",
        "vars: {x: [" + "1, " * 900 + "]}\nencoder: [repeat: {times: 900, layers: [{dense: '${x}'}]}]",
        "vars: {x: " + "x" * 9_000 + "}\nencoder: [repeat: {times: 900, layers: ['a${x}']}]",
        "encoder: &a [" + "repeat: {times: 2, layers: [" * 30 + "a" + "]}" * 30 + "]",
        "a0: &a0 [a, a]\n"
        + "".join(f"a{i}: &a{i} [repeat: {{times: 2, layers: *a{i - 1}}}]\n" for i in range(1, 30))
        + "encoder: *a29",
    ],
    ids=range(7),
)
def test_what_is_too_large(text: str) -> None:
    assert [d.rule.code for d in refused(text)] == ["E005"]


def test_each_layer_keeps_its_place_and_says_its_turn() -> None:
    text = """\
encoder:
  - repeat:
      each: {units: [3, 4]}
      layers:
        - repeat: {times: 2, index: i, layers: [{dense: "${units + i}"}]}
"""
    source = Source.parse(text, "x.yaml")
    assert source.data["encoder"] == [{"dense": 3}, {"dense": 4}, {"dense": 4}, {"dense": 5}]
    for loc in range(4):
        place = source.values["encoder", loc, "dense"]
        assert (place.line, marked(place)) == (5, '"${units + i}"')
        assert (marked(source.keys["encoder", loc, "dense"])) == "dense"
        inner, outer = f"turn {loc % 2 + 1} of 2 of `repeat` (i = {loc % 2})", loc // 2
        assert place.within == f"{inner}\nturn {outer + 1} of 2 of `repeat` (units = {outer + 3})"


SPEC = """\
vars: {width: 8}
input: [8]
encoder:
  - repeat: {times: 3, index: i, layers: [{dense: {units: "${width - 2 * i}", name: "d_${i}"}}]}
  - dense: 2
decoder: mirror
"""


@pytest.mark.parametrize(
    ("old", "new", "code", "under", "got", "within"),
    [
        ("2 * i", "4 * i", "E104", '"${width - 4 * i}"', "0", "turn 3 of 3 of `repeat` (i = 2)"),  # 8 - 4 * 2
        ("name:", "activaton: selu, name:", "E102", "activaton", "`activaton`", "turn 1 of 3 of `repeat` (i = 0)"),
        ("d_${i}", "same", "E206", '"same"', "`same` again", "turn 2 of 3 of `repeat` (i = 1)"),
        ("dense: {", "lstm: {", "E201", "lstm", "(8,)", "turn 1 of 3 of `repeat` (i = 0)"),
        ("2 * i", "2 // (i - 1)", "E010", "2 // (i - 1)", "2 // 0", "turn 2 of 3 of `repeat` (i = 1)"),
    ],
)
def test_messages_about_its_layers_say_the_turn(
    old: str, new: str, code: str, under: str, got: str, within: str
) -> None:
    with pytest.raises(AespecError) as caught:
        aespec.compile(aespec.parse(SPEC.replace(old, new)))
    (found,) = caught.value.diagnostics
    assert found.place is not None
    assert (found.rule.code, marked(found.place), found.got, found.place.within) == (code, under, got, within)
    assert f"= in: {within}" in str(caught.value)


@pytest.mark.parametrize(
    ("item", "help"),
    [
        ("repeat: {times: 2, layers: [dense: {units: 2, name: a}]}",
         "write `name: a_${i}`, and `index: i` in the `repeat`"),
        ("repeat: {times: 2, index: turn, layers: [dense: {units: 2, name: a}]}", "write `name: a_${turn}`"),
        ("repeat: {times: 2, layers: [repeat: {times: 1, index: i, layers: [dense: {units: 2, name: 'a_${i}'}]}]}",
         "write `name: a_${i}_${j}`, and `index: j` in the `repeat`"),
        ("repeat: {times: 2, index: k, layers: [repeat: {times: 1, index: i, layers: "
         "[dense: {units: 2, name: 'a_${i}'}]}]}",
         "write `name: a_${i}_${k}`"),
        ("repeat: {times: 2, index: i, layers: [dense: {units: 2, name: 'a_${i // 2}'}]}",
         "call one of them otherwise, or leave `name` out: it is then the kind and a number"),
    ],
)  # fmt: skip
def test_a_name_twice_says_how_to_use_the_index(item: str, help: str) -> None:
    with pytest.raises(AespecError) as caught:
        aespec.compile(aespec.parse(f"input: [8]\nencoder: [{item}]\ndecoder: mirror"))
    assert [(d.rule.code, d.help) for d in caught.value.diagnostics] == [("E206", help)]


@pytest.mark.parametrize(
    ("assignment", "units"),
    [
        ("encoder.0.repeat.times=2", [8, 6, 2]),
        ("encoder.0.repeat.layers.0.dense.units=5", [5, 5, 5, 2]),
        ("encoder.1.dense=1", [8, 6, 4, 1]),  # items are counted as they are written
        ("encoder.0=flatten", [None, 2]),
        ("encoder.1={repeat: {times: 2, layers: [{dense: 7}]}}", [8, 6, 4, 7, 7]),
        ("vars.width=9", [9, 7, 5, 2]),
    ],
)
def test_overrides_see_it_as_written(assignment: str, units: list[int | None]) -> None:
    data = Source.parse(SPEC, overrides=[assignment]).data["encoder"]
    found = [layer["dense"] if isinstance(layer, dict) else {"units": None} for layer in data]
    assert [each["units"] if isinstance(each, dict) else each for each in found] == units


@pytest.mark.parametrize(
    ("assignment", "help"),
    [
        ("encoder.2.dense=1", "items are counted as they are written: `repeat` is one, whatever it stands for"),
        ("encoder.1.lstm.units=1", "to make it another kind, set it as a whole: `encoder.1={lstm: …}`"),
        ("encoder.0.dense.units=1", "did you mean `encoder.0.repeat.layers.0.dense.units`?"),
        ("encoder.0.times=1", "did you mean `encoder.0.repeat.times`?"),
        (
            "encoder.0.lstm.units=1",
            "begin the path with `encoder.0.repeat`: its fields are `layers`, `times`, `each`, `index`",
        ),
    ],
)
def test_overrides_that_miss(assignment: str, help: str) -> None:
    text = SPEC.replace("dense: 2", "dense: {units: 2}")
    with pytest.raises(AespecError) as caught:
        aespec.parse(text, [assignment])
    assert [(d.help, d.place and d.place.name) for d in caught.value.diagnostics] == [(help, "--set")]


@pytest.mark.parametrize(
    ("layer", "help"),
    [
        ("repeet: {times: 2, layers: [flatten]}", "did you mean `repeat`? `aespec layers` lists all kinds"),
        ("inclde: x.yaml", "did you mean `include`? `aespec layers` lists all kinds"),
        (
            "time_distributed: {layer: {repeat: {times: 2, layers: [flatten]}}}",
            "`repeat` is an item of a list of layers: write it there, beside the layers",
        ),
    ],
)
def test_a_kind_that_is_nearly_it(layer: str, help: str) -> None:
    with pytest.raises(AespecError) as caught:
        aespec.parse(f"input: [4, 4]\nencoder:\n  - {layer}\ndecoder: mirror")
    assert [d.help for d in caught.value.diagnostics] == [help]


def test_what_is_wrong_in_it_and_elsewhere_is_told_at_once() -> None:
    text = "input: [8]\nencoder:\n  - repeat: {times: 0, layers: [flatten]}\n  - dens: 3\ndecoder: mirror\nloss: msee"
    with pytest.raises(AespecError) as caught:
        aespec.compile(aespec.parse(text))
    assert [(d.rule.code, marked(d.place)) for d in caught.value.diagnostics] == [
        ("E104", "0"),
        ("E101", "dens"),
        ("E101", "msee"),
    ]


def test_a_spec_with_it_is_the_same_as_one_written_out() -> None:
    spec = aespec.parse(SPEC)
    out = "\n".join(f"  - dense: {{units: {units}, name: d_{i}}}" for i, units in enumerate((8, 6, 4)))
    plain = aespec.parse(f"input: [8]\nencoder:\n{out}\n  - dense: 2\ndecoder: mirror")
    assert spec.to_data() == plain.to_data()
    assert aespec.parse(spec.to_data()).to_data() == spec.to_data()


# ------------------------------------------------------------------------------------------------------- any spec

PIECES = [
    *("repeat", "times", "each", "index", "layers", "include", "spec", "block", "vars", "encoder", "decoder", "dense"),
    *(
        "${",
        "}",
        "${i}",
        "${width // 2}",
        "${i - 1}",
        "**",
        "0",
        "-1",
        "2",
        "1e3",
        "null",
        "true",
        "[]",
        "{}",
        "[",
        "]",
    ),
    *("{", ", ", ": ", "\n", "\n  - ", "\n      ", '"', "'", "i", "j", "width", "&a ", "*a", "flatten", "${w", "u"),
]


@settings(deadline=None, max_examples=400)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=4))
def test_any_mutation_is_read_or_refused(mutations: list[tuple[int, int, str]]) -> None:
    text = MUTATED
    for at, cut, piece in mutations:
        start = at % len(text)
        text = text[:start] + piece + text[start + cut :]
    found: tuple[Diagnostic, ...] = ()
    try:
        aespec.compile(aespec.parse(text))
    except AespecError as error:
        str(error).encode()
        found = error.diagnostics
    assert len(set(found)) == len(found)


MUTATED = """\
vars: {width: 64, half: "${width // 2}", stack: [{dense: 5}]}
input: [8, 8, 1]
encoder:
  - repeat:
      each: {filters: [2, 3], act: [selu, relu]}
      index: i
      layers:
        - conv2d: {filters: "${filters}", kernel_size: 3, padding: same, activation: "${act}", name: "c_${i}"}
        - repeat: {times: "${i + 1}", index: j, layers: [{max_pool2d: {pool_size: "${j + 1}"}}]}
  - flatten
  - repeat: {times: 2, index: i, layers: [{dense: ${half // 2 ** (i + 2) - 1}}]}
decoder: mirror
classifier: {head: [repeat: {times: 2, layers: "${stack}"}]}
"""


def test_what_is_mutated_is_right() -> None:
    assert len(aespec.compile(aespec.parse(MUTATED)).block("encoder")) == 2 + 1 + 2 + 1 + 2
