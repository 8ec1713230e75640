"""`aespec diff`: what differs by its effect, and what makes no difference."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from command import aespec_
from safetensors.numpy import load_file

import aespec
from aespec.cli import main
from aespec.difference import Side, compare
from aespec.zoo import zoo

BASE = """
input: {shape: [8], range: [0, 1]}
encoder:
  - dense: {units: 6, activation: relu}
  - dense: {units: 4, activation: relu}
  - dense: 2
decoder: mirror
loss: binary_crossentropy
training: {optimizer: {sgd: 0.5}, epochs: 3, seed: 7}
"""


def side(text):
    spec = aespec.parse(text)
    return Side(spec, aespec.compile(spec))


def changes(a, b):
    return {(c.section, f"{c.of} {c.what}".strip()): (c.before, c.after) for c in compare(side(a), side(b))}


def edited(*edits):
    text = BASE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


WRITTEN_OUT = """[{dense: {units: 4, activation: relu}}, {dense: {units: 6, activation: relu}},
    {dense: {units: 8, activation: sigmoid}}]"""

SAME = {
    "itself": [],
    "a name, a description and a comment": [("\ninput", "\nname: other  # so\ndescription: another\ninput")],
    "another way to write it": [("- dense: 2", "- {dense: {units: 2}}"), ("{sgd: 0.5}", "{sgd: {learning_rate: 0.5}}")],
    "defaults that are stated": [
        ("units: 4,", "units: 4, use_bias: true, kernel_initializer: glorot_uniform,"),
        ("seed: 7", "seed: 7, batch_size: 32, schedule: constant, validation_split: 0.1, dtype: float32"),
        ("binary_crossentropy", "{binary_crossentropy: {weight: 1.0}}"),
    ],
    "variables": [("\ninput", "\nvars: {width: 4}\ninput"), ("units: 4", "units: ${width}")],
    "a mirror that is written out": [("mirror", WRITTEN_OUT)],
    "a classifier that is the default one": [("\nloss", "\nclassifier: {epochs: 100}\nloss")],
}


@pytest.mark.parametrize("edits", SAME.values(), ids=SAME)
def test_what_makes_no_difference_is_none(edits):
    assert changes(BASE, edited(*edits)) == {}
    assert changes(edited(*edits), BASE) == {}


def test_freezing_at_the_layer_and_in_the_plan_is_the_same():
    at_the_layer = edited(("{units: 6,", "{freeze: true, units: 6,"))
    in_the_plan = edited(("seed: 7", "seed: 7, freeze: encoder/dense_1"))
    assert changes(at_the_layer, in_the_plan) == {}
    assert changes(BASE, at_the_layer) == {
        ("encoder", "dense_1 not trained"): ("none", "kernel, bias"),
        ("model", "not trained"): ("0", "54"),  # 8 * 6 + 6
    }


# Parameters of a dense layer: in * out + out.
# The base: 8-6-4-2 has 54 + 28 + 10, and back 12 + 30 + 56: 190; multiply-adds 2 * (48 + 24 + 8) = 160.
DIFFERENT = {
    "a width": (
        [("units: 4", "units: 5")],
        {
            ("encoder", "dense_2 units"): ("4", "5"),
            ("encoder", "dense_2 output"): ("(4,)", "(5,)"),
            ("encoder", "dense_2 parameters"): ("28", "35"),
            ("encoder", "dense_3 parameters"): ("10", "12"),
            ("decoder", "dense_1 units"): ("4", "5"),
            ("decoder", "dense_1 output"): ("(4,)", "(5,)"),
            ("decoder", "dense_1 parameters"): ("12", "15"),
            ("decoder", "dense_2 parameters"): ("30", "36"),
            ("model", "parameters"): ("190", "208"),
            ("model", "multiply-adds"): ("160", "176"),  # 2 * (48 + 30 + 10)
            # Those that are the same: encoder/dense_1's two, encoder/dense_3's bias, decoder/dense_2's bias, and
            # decoder/dense_3's two.
            ("first weights", "of 12 and 12 parameters 6 start from the same values"): (None, None),
        },
    ),
    "a layer more": (
        [("  - dense: 2", "  - dropout: 0.5\n  - dense: 2")],
        {("encoder", "dropout_1"): (None, "dropout[rate=0.5], output (4,)")},
    ),
    "a layer more, of a kind that is there": (
        [("  - dense: {units: 4", "  - dense: 5\n  - dense: {units: 4")],
        {
            ("encoder", "dense_2"): (None, "dense[units=5], output (5,), 35 parameters"),  # 6 * 5 + 5
            ("encoder", "dense_2 -> dense_3 parameters"): ("28", "24"),  # 5 * 4 + 4
            ("encoder", "names alone"): ("dense_3", "dense_4"),
            ("decoder", "dense_2"): (None, "dense[units=5], output (5,), 25 parameters"),  # 4 * 5 + 5
            ("decoder", "dense_2 -> dense_3 parameters"): ("30", "36"),  # 5 * 6 + 6
            ("decoder", "names alone"): ("dense_3", "dense_4"),
            ("model", "parameters"): ("190", "252"),  # 190 + 35 - 4 + 25 + 6
            ("model", "multiply-adds"): ("160", "212"),  # 2 * (48 + 30 + 20 + 8)
            # encoder/dense_1's and decoder/dense_1's: others have another name or shape.
            ("first weights", "of 12 and 16 parameters 4 start from the same values"): (None, None),
        },
    ),
    "a layer of another kind": (
        [("  - dense: 2", "  - gaussian_latent: 2")],
        {
            ("encoder", "dense_3"): ("dense[units=2], output (2,), 10 parameters", None),
            ("encoder", "gaussian_latent_1"): (None, "gaussian_latent[units=2], output (2,), 20 parameters"),
            ("model", "parameters"): ("190", "200"),
            ("model", "multiply-adds"): ("160", "168"),
            ("loss", "encoder/gaussian_latent_1/latent/gaussian_kl"): (None, "gaussian_kl"),
            ("first weights", "of 12 and 14 parameters 10 start from the same values"): (None, None),
        },
    ),
    "ties": (
        [("mirror", "{mirror: {tie_weights: true}}")],
        {
            ("decoder", "dense_1 ties"): ("none", "kernel = encoder/dense_3/kernel^T"),
            ("decoder", "dense_2 ties"): ("none", "kernel = encoder/dense_2/kernel^T"),
            ("decoder", "dense_3 ties"): ("none", "kernel = encoder/dense_1/kernel^T"),
            ("decoder", "dense_1 parameters"): ("12", "4"),
            ("decoder", "dense_2 parameters"): ("30", "6"),
            ("decoder", "dense_3 parameters"): ("56", "8"),
            ("model", "parameters"): ("190", "110"),  # 190 - 80
            ("first weights", "of 12 and 9 parameters 9 start from the same values"): (None, None),
        },
    ),
    "a field inside a field": (
        [("units: 4, activation: relu", "units: 4, activation: {leaky_relu: {negative_slope: 0.25}}")],
        {
            ("encoder", "dense_2 activation"): ("relu", "leaky_relu[negative_slope=0.25]"),
            ("decoder", "dense_1 activation"): ("relu", "leaky_relu[negative_slope=0.25]"),
        },
    ),
    "a loss more, and a weight": (
        [("binary_crossentropy", "[{binary_crossentropy: {weight: 2.0}}, mae]")],
        {
            ("loss", "binary_crossentropy weight"): ("1", "2"),
            ("loss", "mae"): (None, "mae"),
        },
    ),
    "the plan": (
        [("{sgd: 0.5}", "{sgd: {learning_rate: 0.5, momentum: 0.9}}"), ("epochs: 3", "epochs: 4, early_stopping: 2")],
        {
            ("training", "optimizer.momentum"): ("0", "0.9"),
            ("training", "epochs"): ("3", "4"),
            ("training", "early_stopping"): ("null", "{patience: 2, min_delta: 0.0, restore_best: true}"),
        },
    ),
    "numbers that are alike at first sight": (
        [("{sgd: 0.5}", "{sgd: 0.50000001}")],
        {("training", "optimizer.learning_rate"): ("0.5", "0.50000001")},
    ),
    "another optimizer": ([("{sgd: 0.5}", "adam")], {("training", "optimizer"): ("sgd[learning_rate=0.5]", "adam")}),
    "the seed": (
        [("seed: 7", "seed: 8")],
        {
            ("training", "seed"): ("7", "8"),
            ("first weights", "of 12 and 12 parameters 6 start from the same values"): (None, None),  # zero biases
        },
    ),
    "how weights start": (
        [("units: 4,", "units: 4, kernel_initializer: zeros,")],
        {
            ("encoder", "dense_2 kernel_initializer"): ("glorot_uniform", "zeros"),
            ("decoder", "dense_2 kernel_initializer"): ("glorot_uniform", "zeros"),
            ("first weights", "of 12 and 12 parameters 10 start from the same values"): (None, None),
        },
    ),
    "the input": (
        [("range: [0, 1]", "range: [0, 1], scaling: minmax")],
        {("input", "scaling"): ("null", "minmax")},
    ),
    "the classifier": ([("\nloss", "\nclassifier: {epochs: 50}\nloss")], {("classifier", "epochs"): ("100", "50")}),
}


@pytest.mark.parametrize(("edits", "wanted"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_told(edits, wanted):
    assert changes(BASE, edited(*edits)) == wanted


@pytest.mark.parametrize("edits", [edits for edits, _ in DIFFERENT.values()], ids=DIFFERENT)
def test_the_other_way_round_it_is_the_other_way_round(edits):
    there, back = changes(BASE, edited(*edits)), changes(edited(*edits), BASE)
    told = sorted((key[0], str(before), str(after)) for key, (before, after) in there.items())
    assert told == sorted((key[0], str(after), str(before)) for key, (before, after) in back.items())


@pytest.mark.parametrize("name", zoo())
def test_a_spec_of_the_zoo_differs_from_all_others_alone(name):
    sides = {other: side(path.read_text()) for other, path in zoo().items()}
    resolved = aespec.parse(sides[name].spec.to_data())
    assert list(compare(sides[name], Side(resolved, aespec.compile(resolved)))) == []
    assert [other for other in sides if not list(compare(sides[name], sides[other]))] == [name]


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def specs(tmp_path):
    (tmp_path / "a.yaml").write_text(BASE)
    (tmp_path / "b.yaml").write_text(
        edited(("  - dense: 2", "  - dropout: 0.5\n  - dense: 2"), ("epochs: 3", "epochs: 4"))
    )
    (tmp_path / "c.yaml").write_text(edited(*SAME["defaults that are stated"]))
    return tmp_path


def test_it_is_told_as_a_diff_is(specs, monkeypatch):
    monkeypatch.chdir(specs)
    shown = aespec_("diff", "a.yaml", "b.yaml")
    assert shown.exit_code == 1
    assert shown.stdout.splitlines() == [
        "--- a.yaml",
        "+++ b.yaml",
        "encoder",
        "  + dropout_1: dropout[rate=0.5], output (4,)",
        "training",
        "  ~ epochs: 3 -> 4",
    ]
    assert "  - dropout_1: dropout[rate=0.5], output (4,)" in aespec_("diff", "b.yaml", "a.yaml").stdout.splitlines()


def test_no_difference_is_told_too(specs):
    shown = aespec_("diff", specs / "a.yaml", specs / "c.yaml")
    assert (shown.exit_code, shown.stdout) == (0, "the same model, the same training\n")


def test_it_is_colored_where_that_is_wanted(specs):
    plain = aespec_("diff", specs / "a.yaml", specs / "b.yaml").stdout
    colored = (
        CliRunner().invoke(main, ["diff", "--color", str(specs / "a.yaml"), str(specs / "b.yaml")], color=True).stdout
    )
    assert "\x1b[" not in plain
    assert [line for line in colored.splitlines() if "\x1b[32m" in line and "dropout_1" in line]
    assert [line for line in colored.splitlines() if "\x1b[33m" in line and "epochs" in line]


def test_as_json_it_is_the_same(specs):
    shown = aespec_("diff", specs / "a.yaml", specs / "b.yaml", "--format", "json")
    told = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert told["same"] is False
    assert [(c["section"], c["of"], c["what"], c["before"], c["after"]) for c in told["changes"]] == [
        ("encoder", "dropout_1", "", None, "dropout[rate=0.5], output (4,)"),
        ("training", "epochs", "", "3", "4"),
    ]
    same = aespec_("diff", specs / "a.yaml", specs / "c.yaml", "--format", "json")
    assert (same.exit_code, json.loads(same.stdout)["same"], json.loads(same.stdout)["changes"]) == (0, True, [])


@pytest.mark.parametrize("other", ["none.yaml", "."])
def test_what_cannot_be_read_is_told(other, specs, monkeypatch):
    monkeypatch.chdir(specs)
    shown = aespec_("diff", "a.yaml", other)
    assert shown.exit_code == 2
    assert aespec_("diff", "a.yaml", other, "--format", "json").exit_code == 2
    assert "error[" in shown.stderr
    assert not shown.stdout


# --- runs -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run, the same again, one of another seed, and one of other data."""
    place = tmp_path_factory.mktemp("runs")
    random = np.random.default_rng(0)
    for name in ("x", "y"):
        np.save(place / f"{name}.npy", random.uniform(size=(40, 8)).astype("float32"))
    np.save(place / "copy.npy", np.load(place / "x.npy"))
    (place / "a.yaml").write_text(BASE)
    for name, data, options in (
        ("first", "x", []),
        ("again", "copy", []),
        ("seed", "x", ["--seed", "8"]),
        ("data", "y", []),
    ):
        command = ["train", place / "a.yaml", "--backend", "torch", "--data", place / f"{data}.npy", "--quiet"]
        done = aespec_(*command, "-o", place / name, *options)
        assert done.exit_code == 0, done.output
    return place


def test_the_same_run_again_is_the_same(runs):
    shown = aespec_("diff", runs / "first", runs / "again")  # of the same data in another file
    assert (shown.exit_code, shown.stdout) == (0, "the same model, the same training and the same result\n")


def test_a_run_is_what_its_spec_says(runs):
    shown = aespec_("diff", runs / "a.yaml", runs / "first")
    assert (shown.exit_code, shown.stdout) == (0, "the same model, the same training\n")


@pytest.mark.parametrize(
    ("other", "sections"),
    [
        ("seed", {"training", "first weights", "final loss", "weights"}),
        ("data", {"run", "final loss", "weights"}),
    ],
)
def test_runs_differ_in_what_they_came_to(other, sections, runs):
    told = json.loads(aespec_("diff", runs / "first", runs / other, "--format", "json").stdout)["changes"]
    assert {change["section"] for change in told} == sections
    ours, theirs = (load_file(runs / name / "weights.safetensors") for name in ("first", other))
    apart = {change["of"]: change["apart"] for change in told if change["section"] == "weights"}
    assert apart == pytest.approx({name: float(np.abs(ours[name] - theirs[name]).max()) for name in ours})
    final = [
        json.loads((runs / name / "run.json").read_text())["final"]["training"]["total"] for name in ("first", other)
    ]
    assert ("training total", *(f"{value:.6g}" for value in final)) in [
        (change["of"], change["before"], change["after"]) for change in told
    ]


def test_other_versions_are_told(runs, tmp_path):
    other = shutil.copytree(runs / "first", tmp_path / "other")
    record = json.loads((other / "run.json").read_text())
    version, record["versions"]["torch"] = record["versions"]["torch"], "1.0"
    (other / "run.json").write_text(json.dumps(record))
    shown = aespec_("diff", runs / "first", other)
    assert shown.exit_code == 1
    assert shown.stdout.splitlines()[2:] == ["run", f"  ~ torch: {version} -> 1.0"]


def test_of_many_weights_those_furthest_apart_are_told(tmp_path):
    layers = ", ".join(["{dense: 3}"] * 5)  # 20 parameters with the mirror
    (tmp_path / "deep.yaml").write_text(f"input: [4]\nencoder: [{layers}]\ndecoder: mirror\ntraining: {{epochs: 1}}\n")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 4)).astype("float32"))
    for name, seed in (("one", 1), ("two", 2)):
        command = ["train", tmp_path / "deep.yaml", "--backend", "torch", "--data", tmp_path / "x.npy", "--quiet"]
        assert aespec_(*command, "--seed", seed, "-o", tmp_path / name).exit_code == 0
    shown = aespec_("diff", tmp_path / "one", tmp_path / "two").stdout.splitlines()
    told = [float(line.split()[-2]) for line in shown if line.endswith(" apart")]
    every = json.loads(aespec_("diff", tmp_path / "one", tmp_path / "two", "--format", "json").stdout)["changes"]
    apart = sorted((change["apart"] for change in every if change["section"] == "weights"), reverse=True)
    assert len(apart) == 20
    assert sorted(told, reverse=True) == pytest.approx(apart[:12], rel=0.01)
    assert shown[-1] == "  ~ and 8 more, which are nearer to each other: `--format json` lists all"


def test_a_built_model_is_compared_as_its_spec(tmp_path):
    spec = zoo()["pca"]
    built = CliRunner().invoke(main, ["build", str(spec), "--backend", "numpy", "-o", str(tmp_path / "built")])
    assert built.exit_code == 0, built.output
    done = CliRunner().invoke(main, ["diff", str(tmp_path / "built"), str(spec)])
    assert (done.exit_code, done.output) == (0, "the same model, the same training\n")
    (tmp_path / "empty").mkdir()
    assert "error[E501]" in CliRunner().invoke(main, ["diff", str(tmp_path / "empty"), str(spec)]).stderr
