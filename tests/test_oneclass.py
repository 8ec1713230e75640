"""The one-class protocol: what it trains on, what it ranks, and how `aespec oneclass` tells it."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

import aespec
from aespec.cli import main
from aespec.data import Dataset
from aespec.diagnostics import AespecError
from aespec.uses.oneclass import PUBLISHED, Result, classes_of, one_class, spread
from aespec.zoo import zoo

SPEC = {
    "name": "line",
    "input": [3],
    "encoder": [{"dense": 1}],
    "decoder": "mirror",
    "loss": "mse",
    "training": {"optimizer": {"adam": 0.05}, "epochs": 40, "batch_size": 16, "validation_split": 0.1},
}


def lines(n, seed):
    """Points on two lines through the origin, a class each."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    directions = np.array([[1, 0, 0], [0, 1, 1]])[labels]
    points = random.uniform(1, 2, size=(n, 1)) * directions + random.normal(size=(n, 3)) / 100
    return points.astype("float32"), labels


def dataset(n, seed, labels=None, **more):
    x, own = lines(n, seed)
    return Dataset("lines", x, own if labels is None else labels, (), **more)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_each_of_two_lines_is_told_from_the_other(backend):
    train, test = dataset(200, 0), dataset(60, 1)
    for name in classes_of(train, test):
        found = one_class(aespec.parse(SPEC), train, test, name, backend=backend, seed=3)
        assert (found.name, found.seed, found.samples) == (name, 3, 100)
        assert found.auroc == found.average_precision == 1.0
        assert found.loss < 0.01


def test_other_classes_are_not_trained_on_and_the_plan_holds_out_its_part():
    """By the same steps on the samples of the class alone."""
    train, test = dataset(200, 0), dataset(60, 1)
    spec = aespec.parse(SPEC)
    found = one_class(spec, train, test, "1", backend="torch", seed=3)
    model = aespec.build(spec, backend="torch", seed=3)
    aespec.training.fit(model, train.inputs[train.labels == 1], spec.training.model_copy(update={"seed": 3}))
    errors = ((model.reconstruct(test.inputs) - test.inputs) ** 2).mean(axis=1)
    assert found.auroc == roc_auc_score(test.labels != 1, errors)


def test_features_are_scaled_as_the_training_samples_of_the_class_have_them():
    """By the same steps on samples that are scaled by hand."""
    train, test = (replace(each, inputs=each.inputs * [1000, 1, 1]) for each in (dataset(200, 0), dataset(60, 1)))
    spec = aespec.parse({**SPEC, "input": {"shape": [3], "scaling": "standard"}})
    found = one_class(spec, train, test, "0", backend="torch", seed=0)
    own = train.inputs[train.labels == 0]
    mean, deviation = own[:90].mean(axis=0), own[:90].std(axis=0)  # the last tenth is held out
    model = aespec.build(spec, backend="torch", seed=0)
    epochs = aespec.training.fit(model, ((own - mean) / deviation).astype("float32"), spec.training)
    assert found.loss == pytest.approx(epochs[-1].losses["total"], rel=1e-5)
    x = ((test.inputs - mean) / deviation).astype("float32")
    errors = ((model.reconstruct(x) - x) ** 2).mean(axis=1)
    assert found.auroc == pytest.approx(roc_auc_score(test.labels != 0, errors))


def test_greedy_phases_are_trained_too():
    spec = aespec.parse({**SPEC, "training": {**SPEC["training"], "greedy": {"epochs": 1}}})
    assert one_class(spec, dataset(200, 0), dataset(60, 1), "0", backend="torch", seed=0).auroc == 1.0


@pytest.mark.parametrize(
    ("train", "test", "chosen", "said"),
    [
        ({}, {"whole": True}, (), "has no test part"),
        ({"labels": np.zeros(40, int)}, {}, (), "has one class"),
        ({}, {}, ("2",), "has the label `2`"),
        ({"labels": np.arange(40) % 3}, {}, (), "no sample of the test part of lines has the label `2`"),
    ],
)
def test_data_that_does_not_fit_the_protocol_is_refused(train, test, chosen, said):
    with pytest.raises(AespecError) as caught:
        classes_of(dataset(40, 0, **train), dataset(20, 1, **test), chosen)
    assert said in str(caught.value)


def test_samples_without_labels_are_refused():
    x, _ = lines(4, 0)
    bare = Dataset("lines", x, None, ())
    with pytest.raises(AespecError, match="has no labels"):
        classes_of(bare, bare)


def test_one_class_of_test_samples_has_no_ranking():
    test = dataset(60, 1, labels=np.zeros(60, int))
    with pytest.raises(AespecError, match="are of class 0"):
        one_class(aespec.parse(SPEC), dataset(200, 0), test, "0", backend="torch", seed=0)


def test_the_spread_is_over_the_classes_of_each_seed():
    results = [Result(str(i), seed, 1, auroc, 0, 0, 0, 0) for i, seed, auroc in ((0, 1, 0.5), (1, 1, 0.7), (0, 2, 0.9))]
    found = spread(results)
    assert found[1] == pytest.approx((0.6, 0.1))  # of a population: the ten classes are all that there are
    assert found[2] == pytest.approx((0.9, np.nan), nan_ok=True)


# --- the command ------------------------------------------------------------------------------------------------


def command(*args):
    return CliRunner().invoke(main, ["oneclass", *map(str, args)])


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    (x, y), (x_test, y_test) = lines(120, 0), lines(40, 1)
    np.savez(folder / "lines.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    np.save(folder / "bare.npy", x)
    (folder / "line.yaml").write_text(json.dumps(SPEC))
    return folder / "line.yaml"


def test_the_shipped_spec_runs_on_digits(tmp_path):
    options = ("--backend", "torch", "--set", "training.epochs=5", "--classes", "0,1", "-o", tmp_path)
    done = command(zoo()["oneclass"], *options)
    assert done.exit_code == 0, done.output
    assert "class 0, seed 0: AUROC" in done.stdout
    with (tmp_path / "oneclass.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [(row["name"], row["samples"]) for row in table] == [("0", "151"), ("1", "151")]
    assert float(table[0]["auroc"]) > 0.97  # zeros are the most unlike all others
    assert f"wrote {tmp_path}/oneclass.csv" in done.stdout


def test_json_has_each_class_and_seed_and_their_mean(spec):
    data = spec.parent / "lines.npz"
    done = command(spec, "--backend", "torch", "--data", data, "--seed", 1, "--seed", 2, "--format", "json")
    found = json.loads(done.stdout)
    assert [(each["name"], each["seed"]) for each in found["results"]] == [("0", 1), ("1", 1), ("0", 2), ("1", 2)]
    for each in found["seeds"]:
        own = [result["auroc"] for result in found["results"] if result["seed"] == each["seed"]]
        assert each["mean"] == pytest.approx(np.mean(own))
    assert found["published"] is None


def test_what_is_named_twice_is_trained_once(spec):
    data = spec.parent / "lines.npz"
    options = ("--classes", "0,0", "--seed", 1, "--seed", 1, "--format", "json")
    found = json.loads(command(spec, "--backend", "torch", "--data", data, *options).stdout)
    assert [(each["name"], each["seed"]) for each in found["results"]] == [("0", 1)]
    assert found["seeds"][0]["deviation"] is None


def test_an_area_of_1_has_no_standard_error(spec):
    given = (spec, "--backend", "torch", "--data", spec.parent / "lines.npz", "--classes", 0)
    (result,) = json.loads(command(*given, "--format", "json").stdout)["results"]
    assert (result["auroc"], result["error"]) == (1.0, None)
    row = next(line for line in command(*given, "--quiet").stdout.splitlines() if line.startswith("0 "))
    assert row.split()[2:4] == ["100.00", "-"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--classes", "0,5"], 1, "has the label `5`"),
        (["--data", "bare.npy"], 1, "has no test part"),
        (["--data", "digits"], 1, "error[E402]"),
        (["--backend", "numpy"], 1, "error[E303]"),
        (["--backend", "torhc"], 1, "did you mean `torch`?"),
        (["--set", "training.optimizer.adam=1e30"], 1, "class 0: the loss is no longer a number"),
        (["--set", "training.epochs=0"], 1, "error[E104]"),
        (["-o", "line.yaml"], 1, "error[E505]"),
    ],
)
def test_what_cannot_be_measured_is_said(options, code, said, spec, monkeypatch):
    monkeypatch.chdir(spec.parent)
    given = ["--backend", "torch", "--data", "lines.npz", *options]
    done = command(spec, *given)
    assert done.exit_code == code, done.output
    assert said in done.output


def test_the_published_ones_stand_beside(spec, monkeypatch):
    (theirs,) = [each for each in PUBLISHED["fashion_mnist"] if each.method == "convolutional autoencoder"]
    assert (theirs.mean, theirs.deviation) == (90.2, 5.8)
    monkeypatch.chdir(spec.parent)
    monkeypatch.setitem(PUBLISHED, "lines.npz", PUBLISHED["fashion_mnist"])
    done = command(spec, "--backend", "torch", "--data", "lines.npz", "--quiet")
    assert "convolutional autoencoder 90.2 5.8 " in " ".join(done.stdout.split())
    assert "ICLR 2020" in done.stdout
    assert "the published means are over ten classes" in done.stdout
    assert "class 0, seed" not in done.stdout
