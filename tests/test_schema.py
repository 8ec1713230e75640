import json
import re

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

import aespec
from aespec.cli import main
from aespec.kind import Kind
from aespec.registry import kinds
from aespec.schema import families, kind_schema, spec_schema
from aespec.source import Source
from aespec.zoo import zoo

MEMBERS = [(family, name) for family in families() for name in kinds(family)]
CODE = {"input": [6], "encoder": [{"dense": 2}], "decoder": "mirror"}


@pytest.fixture(scope="module")
def schema():
    return spec_schema()


@pytest.fixture(scope="module")
def validator(schema):
    return jsonschema.Draft202012Validator(schema)


def test_it_is_a_schema_of_the_draft_it_names(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    assert json.loads(json.dumps(schema)) == schema


def test_texts_have_no_marks_of_restructured_text(schema):
    texts = json.dumps([schema, [kind_schema(kinds(family)[name]) for family, name in MEMBERS]])
    assert re.search("(?<!`)``(?!`)", texts) is None  # three of them fence an example


def test_every_reference_leads_to_a_definition(schema):
    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            yield from (found for value in node.values() for found in references(value))
        elif isinstance(node, list):
            yield from (found for value in node for found in references(value))

    assert {name.removeprefix("#/$defs/") for name in references(schema)} <= schema["$defs"].keys()


@pytest.mark.parametrize("name", zoo())
def test_the_zoo_is_valid(name, validator):
    text = zoo()[name].read_text()
    validator.validate(yaml.safe_load(text))
    validator.validate(Source.parse(text).data)
    validator.validate(aespec.parse(text).to_data())  # every field stated


@pytest.mark.parametrize(
    "change",
    [
        {"input": {"shape": [6], "range": [0, 1]}},
        {"encoder": [{"time_distributed": "flatten"}, {"time_distributed": {"layer": {"dense": 2}}}]},
        {"encoder": ["flatten", {"flatten": None}, {"dense": {"units": 2, "activation": {"leaky_relu": 0.1}}}]},
        {"vars": {"n": 6, "half": "${n // 2}"}, "encoder": [{"dense": "${half * (n - 5)}"}]},
        {"encoder": ["flatten", {"repeat": {"times": 2, "layers": ["flatten", {"dense": 2}]}}]},
        {"encoder": [{"repeat": {"times": "${1 + 1}", "index": "i", "layers": [{"dense": "${i + 1}"}]}}]},
        {"encoder": [{"repeat": {"each": {"n": [4, 2], "a": ["selu", "relu"]}, "layers": [{"dense": "${n}"}]}}]},
        {
            "vars": {"l": [{"dense": 2}], "s": [4, 2]},
            "encoder": [{"repeat": {"each": {"n": "${s}"}, "layers": "${l}"}}],
        },
        {"encoder": [{"repeat": {"times": 2, "layers": [{"repeat": {"times": 2, "layers": [{"dense": 2}]}}]}}]},
        {"encoder": [{"dense": 2}], "classifier": {"head": [{"repeat": {"times": 1, "layers": [{"dense": 2}]}}]}},
        {"decoder": {"mirror": {"tie_weights": True}}},
        {"decoder": {"mirror": None}},
        {"decoder": [{"dense": 6}]},
        {"loss": {"huber": {"delta": 2}}},
        {"loss": ["mse", {"mae": {"weight": 0.5}}]},
        {"training": {"greedy": {"loss": [{"mse": {"weight": 2}}, "mae"]}, "freeze": "encoder"}},
        {"encoder": [{"dense": {"units": 2, "freeze": True}}]},
        {"training": {"optimizer": "adam", "epochs": 1}},
        {"training": {"optimizer": {"sgd": 0.5}}},
        {"training": {"early_stopping": 3, "freeze": "encoder", "compile": False}},
        {"training": {"early_stopping": {"patience": 3}, "greedy": {"epochs": 2}}},
        {"training": {"freeze": ["encoder"], "greedy": [{"epochs": 2}], "clip_norm": None}},
        {"vars": {"n": 3, "act": "selu"}, "encoder": [{"dense": {"units": "${n}", "activation": "${act}"}}]},
    ],
)
def test_what_aespec_reads_is_valid(change, validator):
    aespec.parse(CODE | change)
    validator.validate(CODE | change)


@pytest.mark.parametrize(
    "change",
    [
        {"input": []},
        {"input": {"shape": [6], "rnage": [0, 1]}},
        {"encoder": []},
        {"encoder": [{"dense": 0}]},
        {"encoder": ["dense"]},  # lacks its units
        {"encoder": [{"dens": 2}]},
        {"encoder": [{"dense": {"units": 2, "activaton": "selu"}}]},
        {"encoder": [{"dense": {"units": 2, "activation": "sellu"}}]},
        {"encoder": [{"dense": 2, "dropout": 0.5}]},
        {"encoder": [{"time_distributed": {"dense": 2}}]},  # lacks `layer`
        {"encoder": [{"conv1d": {"filters": 2, "kernel_size": 2, "padding": "full"}}]},
        {"encoder": [{"dense": 2, "repeat": {"times": 2, "layers": ["flatten"]}}]},
        {"encoder": [{"repeat": {"layers": ["flatten"]}}]},  # lacks `times` or `each`
        {"encoder": [{"repeat": {"times": 2, "each": {"n": [1]}, "layers": ["flatten"]}}]},
        {"encoder": [{"repeat": {"times": 2}}]},
        {"encoder": [{"repeat": {"times": 0, "layers": ["flatten"]}}]},
        {"encoder": [{"repeat": {"times": 2, "layers": []}}]},
        {"encoder": [{"repeat": {"times": 2, "layers": ["flaten"]}}]},
        {"encoder": [{"repeat": {"times": 2, "layer": ["flatten"]}}]},
        {"encoder": [{"repeat": {"each": {"n": 3}, "layers": ["flatten"]}}]},
        {"encoder": [{"repeat": {"each": {"n": []}, "layers": ["flatten"]}}]},
        {"encoder": ["repeat"]},
        {"encoder": [{"include": {"block": "encoder"}}]},
        {"encoder": [{"include": {"spec": "x.yaml", "block": "encodr"}}]},
        {"encoder": [{"include": ["x.yaml"]}]},
        {"encoder": [{"time_distributed": {"layer": {"repeat": {"times": 2, "layers": ["flatten"]}}}}]},
        {"decoder": {"repeat": {"times": 2, "layers": ["flatten"]}}},
        {"decoder": []},
        {"decoder": "miror"},
        {"decoder": {"mirror": {"tie_weights": "yes"}}},
        {"loss": "rmse"},
        {"loss": []},
        {"loss": ["mse", {"mae": {"weight": 0}}]},
        {"training": {"epochs": 0}},
        {"training": {"validation_split": 1.0}},
        {"training": {"early_stopping": 0}},
        {"training": {"freeze": 3}},
        {"input": {"shape": [6], "range": [0]}},
        {"encoder": [{"dense": {"units": 2, "name": "a b"}}]},
        {"encoder": [{"activation": "linnear"}]},
        {"trainig": {}},
    ],
)
def test_what_aespec_refuses_is_not_valid(change, validator):
    with pytest.raises(aespec.AespecError):
        aespec.parse(CODE | change)
    assert not validator.is_valid(CODE | change)


def test_the_schema_beside_the_zoo_is_this_one():
    """It has no kinds of other packages; where it is old, `aespec schema --no-plugins -o FILE` writes it anew."""
    beside = zoo()["stacked"].parent / "spec.schema.json"
    assert json.loads(beside.read_text()) == spec_schema(plugins=False)


def test_the_command_writes_it_to_a_file(tmp_path, schema):
    file = tmp_path / "folder" / "spec.schema.json"
    done = CliRunner().invoke(main, ["schema", "-o", str(file)])
    assert (done.exit_code, done.stdout) == (0, f"{file}: written\n")
    assert json.loads(file.read_text()) == schema


def test_kinds_of_other_packages_can_be_left_out(schema):
    assert "layer.attention_pool" in schema["$defs"]  # of tests/plugin
    assert "attention_pool" not in json.dumps(spec_schema(plugins=False))


def fields(node):
    """Every field with its text, wherever it is in a schema."""
    if isinstance(node, dict):
        yield from ((name, field) for name, field in node.get("properties", {}).items() if "description" in field)
        node = list(node.values())
    if isinstance(node, list):
        yield from (found for part in node for found in fields(part))


def test_every_field_shows_what_it_may_hold(schema):
    """A default or an example."""
    for name, field in fields(schema):
        assert field.keys() & {"default", "examples"} or "For example: `" in field.get("markdownDescription", ""), name


def test_examples_and_defaults_are_valid(schema):
    for name, field in fields(schema):
        inner = jsonschema.Draft202012Validator({**field, "$defs": schema["$defs"]})
        for value in [*field.get("examples", []), *([field["default"]] if "default" in field else [])]:
            assert inner.is_valid(value), (name, value)


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_every_kind_shows_how_it_is_written(family, name, schema):
    kind = schema["$defs"][f"{family.replace(' ', '_')}.{name}"]
    text, _, example = kind["markdownDescription"].partition("\n\n```yaml\n")
    assert text == kind["description"]
    lines = [line.removeprefix("- ") for line in example.removesuffix("\n```").splitlines()]
    assert lines
    for line in lines:
        families()[family].read(Source.parse(line if ": " in line else f"{line}: {{}}").data)


@pytest.mark.parametrize("include", ["b.yaml", {"spec": "b.yaml", "block": "encoder", "vars": {"n": 3}}])
def test_a_file_that_includes_another_is_valid(include, validator, tmp_path):
    (tmp_path / "b.yaml").write_text("vars: {n: 2}\nencoder: [dense: '${n}']")
    spec = CODE | {"encoder": ["flatten", {"include": include}]}
    (tmp_path / "x.json").write_text(json.dumps(spec))
    aespec.load(tmp_path / "x.json")
    validator.validate(spec)


@pytest.mark.parametrize("lacking", ["input", "encoder", "decoder"])
def test_a_spec_needs_its_three_parts(lacking, validator):
    assert not validator.is_valid({key: value for key, value in CODE.items() if key != lacking})


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_every_field_is_described(family, name):
    fields = kind_schema(kinds(family)[name]).get("properties", {})
    assert [field for field, said in fields.items() if not said.get("description")] == []


@pytest.mark.parametrize("name", kinds("layer"))
def test_the_examples_of_each_kind_are_valid(name, validator):
    for example in kinds("layer")[name].examples:
        layer = {name: json.loads(json.dumps(dict(example.fields)))}
        validator.validate(CODE | {"encoder": [layer]})
        validator.validate(CODE | {"encoder": [kinds("layer")[name].model_validate(dict(example.fields)).to_data()]})


@pytest.mark.parametrize(
    ("family", "name", "field", "default"),
    [
        ("layer", "dense", "activation", "linear"),
        ("layer", "dense", "kernel_initializer", "glorot_uniform"),
        ("layer", "conv2d", "padding", "valid"),
        ("layer", "dense", "tied_to", None),
        ("optimizer", "adam", "epsilon", 1e-7),
    ],
)
def test_defaults_are_stated_as_a_spec_states_them(family, name, field, default):
    assert kind_schema(kinds(family)[name])["properties"][field]["default"] == default


def test_the_families_are_all_there_is():
    assert set(families()) >= {"layer", "activation", "initializer", "regularizer", "loss", "optimizer", "decoder form"}
    assert all(issubclass(family, Kind) and not family.concrete() for family in families().values())


@pytest.mark.parametrize("name", spec_schema()["$defs"])
def test_every_field_has_a_text_and_an_example_that_it_can_hold(name, schema):
    fields = [each for each in _parts(schema["$defs"][name]) if "markdownDescription" in each and "x-main" not in each]
    for each in fields:
        shown = [example for part in (each, *each.get("allOf", ())) for example in part.get("examples", ())]
        assert each["description"]
        assert shown or "For example" in each["markdownDescription"] or "```yaml" in each["markdownDescription"]
        for example in shown:
            jsonschema.Draft202012Validator({**each, "$defs": schema["$defs"]}).validate(example)


def _parts(schema):
    """Each schema within one."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return [*([schema] if isinstance(schema, dict) else []), *(each for part in inner for each in _parts(part))]
