import json

import jsonschema
import pytest
import yaml

import aespec
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
    assert "``" not in json.dumps([schema, [kind_schema(kinds(family)[name]) for family, name in MEMBERS]])


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
        {"decoder": {"mirror": {"tie_weights": True}}},
        {"decoder": {"mirror": None}},
        {"decoder": [{"dense": 6}]},
        {"loss": {"huber": {"delta": 2}}},
        {"training": {"optimizer": "adam", "epochs": 1}},
        {"training": {"optimizer": {"sgd": 0.5}}},
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
        {"decoder": "miror"},
        {"decoder": {"mirror": {"tie_weights": "yes"}}},
        {"loss": "rmse"},
        {"training": {"epochs": 0}},
        {"training": {"validation_split": 1.0}},
        {"trainig": {}},
    ],
)
def test_what_aespec_refuses_is_not_valid(change, validator):
    with pytest.raises(aespec.AespecError):
        aespec.parse(CODE | change)
    assert not validator.is_valid(CODE | change)


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
