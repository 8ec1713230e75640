"""What the units of a first layer look for, and how the units of a code respond."""

import json
import shutil
import sys
from math import log

import numpy as np
import pytest
from command import aespec_
from PIL import Image

import aespec
from aespec.diagnostics import AespecError
from aespec.shapes import unit_name
from aespec.uses.features import BINS, EXTREMES, SAMPLES, code_units, first_layer, rest
from aespec.uses.features_picture import draw_activations
from aespec.uses.posterior import moments, units

SPARSE = {
    "units": 12,
    "activation": "sigmoid",
    "activity_regularizer": {"kl_divergence": {"weight": 0.5, "target": 0.1}},
}
L1 = {"units": 6, "activation": "relu", "activity_regularizer": {"l1": 0.1}}
CONV = {"filters": 3, "kernel_size": 3, "padding": "same", "activation": "relu"}


def built(encoder, shape=(8, 8), **fields):
    spec = aespec.parse({"input": list(shape), "encoder": encoder, "decoder": "mirror", **fields})
    return aespec.build(spec, backend="numpy", dtype="float64", seed=1)


def of_weights(kernel, bias, **dense):
    """A model of one number, whose code is ``activation(x @ kernel + bias)``."""
    model = built([{"dense": {"units": len(kernel), **dense}}], (1,))
    weights = {"encoder/dense_1/kernel": np.array([kernel], float), "encoder/dense_1/bias": np.array(bias, float)}
    model.load_weights({**model.weights(), **weights})
    return model


# --- the first layer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoder", "shape", "kind", "units"),
    [
        (["flatten", {"dense": 5}], (8, 9), "dense", (5, 8, 9)),
        (["flatten", {"dense": 5}], (8, 9, 3), "dense", (5, 8, 9, 3)),
        ([{"gaussian_noise": 0.1}, {"reshape": [72]}, {"dropout": 0.1}, {"dense": 5}], (8, 9), "dense", (5, 8, 9)),
        ([{"dense": 5}], (4,), "dense", (5, 4)),
        ([{"dense": 5}], (6, 4), "dense", (5, 4)),  # at each of six steps
        ([{"time_distributed": {"layer": {"dense": 5}}}], (6, 4), "dense", (5, 4)),
        ([{"dense": 5}], (None, 4), "dense", (5, 4)),
        (["flatten", {"gaussian_latent": 2}], (8, 9), "gaussian_latent", (2, 8, 9)),
        ([{"reshape": [8, 9, 1]}, {"conv2d": CONV}], (8, 9), "conv2d", (3, 3, 3, 1)),
        ([{"conv2d": CONV}, "flatten", {"dense": 5}], (8, 9, 3), "conv2d", (3, 3, 3, 3)),
        ([{"conv1d": CONV}], (8, 4), "conv1d", (3, 3, 4)),
    ],
)
def test_what_units_look_for_has_the_shape_of_what_they_are_given(encoder, shape, kind, units):
    decoder = {"mirror": {"length": 6}} if None in shape else "mirror"
    found = first_layer(built(encoder, shape, decoder=decoder))
    assert (found.kind, found.units.shape, found.why) == (kind, units, "")


@pytest.mark.parametrize(
    ("encoder", "shape", "node", "why"),
    [
        ([{"lstm": 4}], (8, 3), "encoder/lstm_1", "no weights of `encoder/lstm_1` are in the shape of the input"),
        ([{"permute": [2, 1]}, "flatten", {"dense": 5}], (8, 9), "encoder/permute_1", "`encoder/permute_1`"),
        (["batch_normalization", "flatten", {"dense": 5}], (8, 9), "encoder/batch_normalization_1", "in the shape of"),
        ([{"conv2d": CONV}], (8, 9, 4), "encoder/conv2d_1", "filters over 4 channels are no images"),
        (["flatten"], (8, 9), None, "no layer of the encoder has weights"),
    ],
)
def test_what_cannot_be_shown_is_said(encoder, shape, node, why):
    found = first_layer(built(encoder, shape))
    assert (found.node, found.units) == (node, None)
    assert why in found.why


def test_of_inputs_of_one_length_a_units_own_weights_drive_it_most():
    model = built(["flatten", {"dense": 6}])
    wanted = first_layer(model).units
    lengths = np.sqrt((wanted**2).sum(axis=(1, 2)))
    best = model.encode(wanted / lengths[:, None, None])
    assert np.diag(best) == pytest.approx(lengths)  # the inequality of Cauchy and Schwarz, where it is an equality
    others = np.random.default_rng(0).normal(size=(500, 8, 8))
    others /= np.sqrt((others**2).sum(axis=(1, 2), keepdims=True))
    assert (model.encode(others) < lengths).all()


def test_filters_are_those_that_the_input_is_convolved_with():
    model = built([{"reshape": [8, 8, 1]}, {"conv2d": {"filters": 3, "kernel_size": 3}}])
    patch = np.random.default_rng(0).random((8, 8))
    units = first_layer(model).units[..., 0]
    corner = (units * patch[:3, :3]).sum(axis=(1, 2))
    assert model.encode(patch[None])[0, 0, 0] == pytest.approx(corner)


@pytest.mark.parametrize(
    ("layers", "drawn"),
    [
        ([{"dense": 4}], [2, 0, 3]),
        ([{"dense": 4}, {"activation": "tanh"}, {"dropout": 0.1}, {"reshape": [2, 2]}], [2, 0, 3]),
        ([{"gaussian_latent": 4}], [2, 0, 3]),
        ([{"reshape": [4, 1, 1]}, {"conv2d": {"filters": 4, "kernel_size": 1}}, {"max_pool2d": [2, 1]}], [2, 0, 3]),
        ([{"reshape": [4, 1]}, {"conv1d": {"filters": 4, "kernel_size": 1}}, "flatten"], [2, 0, 3]),
        ([{"dense": 4}, {"dense": 4}], [0, 1, 2]),
        ([{"dense": 4}, {"reshape": [2, 2]}, {"permute": [2, 1]}], [0, 1, 2]),
    ],
)
def test_units_that_make_the_code_are_drawn_in_the_order_in_which_they_are_listed(layers, drawn):
    """The weights of unit 2 of the first layer are the largest, then those of 0, of 3 and of 1."""
    model = built(layers, (4,))
    weights = model.weights()
    kernel = next(name for name in weights if name.endswith("kernel"))
    weights[kernel] = np.ones_like(weights[kernel]) * [0.3, 0.1, 0.4, 0.2]
    model.load_weights(weights)
    layer, code = first_layer(model), code_units(model, np.random.default_rng(0).random((50, 4)))
    found = layer.drawn(code, 3)
    assert [*found] == drawn
    assert all((weight == layer.units[unit]).all() for unit, weight in found.items())


# --- on and off -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "activation", "threshold", "scale", "flat"),
    [
        ([{"dense": {"units": 4, "activation": "relu"}}], "relu", 0, None, 0.01),
        ([{"dense": {"units": 4, "activation": "selu"}}], "selu", 0, None, 0.01),
        ([{"dense": {"units": 4, "activation": "gelu"}}], "gelu", 0, None, 0.01),
        ([{"dense": {"units": 4, "activation": "sigmoid"}}], "sigmoid", 0.5, 1, 0.01),
        ([{"dense": {"units": 4, "activation": "hard_sigmoid"}}], "hard_sigmoid", 0.5, 1, 0.01),
        ([{"dense": {"units": 4, "activation": "softplus"}}], "softplus", log(2), None, 0.01),
        ([{"dense": {"units": 4, "activation": "exponential"}}], "exponential", 1, None, 0.01),
        ([{"dense": {"units": 4, "activation": "softmax"}}], "softmax", 0.25, 1, 0.01),
        ([{"dense": 4}, {"activation": "relu"}], "relu", 0, None, 0.01),
        ([{"dense": {"units": 4, "activation": "relu"}}, {"dropout": 0.1}, {"reshape": [2, 2]}], "relu", 0, None, 0.01),
        ([{"reshape": [8, 8, 1]}, {"conv2d": CONV}, {"max_pool2d": 2}], "relu", 0, None, 0.01),
        ([{"reshape": [8, 8, 1]}, {"conv2d": CONV}, {"average_pool2d": 2}], "average_pool2d", None, None, 0.01),
        ([{"dense": 4}], "linear", None, None, 0.01),
        ([{"dense": {"units": 4, "activation": "tanh"}}], "tanh", None, 1, 0.01),
        ([{"reshape": [8, 8]}, {"lstm": 4}], "tanh", None, 1, 0.01),
        (
            [{"dense": {"units": 4, "activation": "relu"}}, "batch_normalization"],
            "batch_normalization",
            None,
            None,
            0.01,
        ),
        ([{"gaussian_latent": 2}], "gaussian_latent", None, 1, 0.1),
    ],
)
def test_a_unit_is_on_above_what_its_activation_gives_for_zero(layers, activation, threshold, scale, flat):
    found = rest(built(["flatten", *layers]).graph)
    assert (found.activation, found.scale, found.flat) == (activation, scale, flat)
    assert found.threshold == (None if threshold is None else pytest.approx(threshold))


X = np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])


@pytest.mark.parametrize(
    ("activation", "kernel", "bias", "dead", "on"),
    [
        # of -2..2: half on; the other half; never; always, and the same; always, and not the same
        ("relu", [1, -1, 1, 0, 1], [0, 0, -2, 1, 3], [0, 0, 1, 0, 0], [0.4, 0.4, 0, 1, 1]),
        # below zero selu varies, unless far below: selu(-50) is its limit
        ("selu", [1, 1, 0, 1], [0, -3, 0, -50], [0, 0, 1, 1], [0.4, 0, 0, 0]),
        # sigmoid(-2.5 + x) never reaches a half, but varies; sigmoid(-9 + x) deviates by 0.0003
        ("sigmoid", [1, 1, 1, 1], [0, -2.5, -9, 9], [0, 0, 1, 0], [0.4, 0, 0, 1]),
    ],
)
def test_units_are_dead_that_are_never_on_and_hardly_vary(activation, kernel, bias, dead, on):
    found = code_units(of_weights(kernel, bias, activation=activation), X)
    assert found.dead.tolist() == [bool(each) for each in dead]
    assert found.on == pytest.approx(on)


@pytest.mark.parametrize(
    ("activation", "kernel", "dead"),
    [
        ("linear", [100, 1.01, 0.99, 0], [0, 0, 1, 1]),  # at most a hundredth of the first
        ("tanh", [100, 0.0066, 0.0062, 0], [0, 0, 1, 1]),  # x deviates by the root of 2.5: 0.0104, 0.0098
    ],
)
def test_without_on_and_off_units_are_dead_that_hardly_vary(activation, kernel, dead):
    found = code_units(of_weights(kernel, [0, 0, 0, 7], activation=activation), X)
    assert found.on is None
    assert found.dead.tolist() == [bool(each) for each in dead]


def test_a_gaussian_unit_is_dead_whose_mean_has_a_variance_of_a_hundredth_or_less():
    model = built([{"gaussian_latent": 2}], (1,))
    weights = model.weights()
    weights["encoder/gaussian_latent_1/mean_kernel"] = np.array([[0.064, 0.063]])  # x has 2.5: 0.01024, 0.00992
    model.load_weights(weights)
    assert code_units(model, X).dead.tolist() == [False, True]
    assert units(*moments(model, X)).active.tolist() == [True, False]


def test_what_activates_units_most_and_least_and_how_much():
    found = code_units(of_weights([1, -1], [0, 3], activation="relu"), X)
    assert found.most[:, :3].tolist() == [[4, 3, 0], [0, 1, 2]]
    assert found.least[:, :3].tolist() == [[0, 1, 2], [4, 3, 2]]  # of equals, the first
    assert found.most_values[:, :2].tolist() == [[2, 1], [5, 4]]
    assert found.least_values[:, :2].tolist() == [[0, 0], [1, 2]]
    assert found.most.shape == (2, EXTREMES)
    assert code_units(of_weights([1, -1], [0, 3]), X[:3]).most.shape == (2, 3)  # no more than there are


def test_of_many_samples_some_are_looked_at():
    x = np.random.default_rng(0).permutation(SAMPLES + 5000).reshape(-1, 1).astype(float)
    found = code_units(of_weights([1], [0]), x)
    assert found.samples == SAMPLES
    assert (x[found.most, 0] == found.most_values).all()  # by their place among all
    assert found.most.max() > SAMPLES or found.least.max() > SAMPLES
    assert found.mean == pytest.approx([x.mean()], abs=4 * found.deviation[0] / SAMPLES**0.5)


def test_how_active_units_are():
    found = code_units(of_weights([1, 2], [0, 1]), X)
    assert found.mean == pytest.approx([0, 1])
    assert found.mean_absolute == pytest.approx([6 / 5, (3 + 1 + 1 + 3 + 5) / 5])
    assert found.deviation == pytest.approx([2.5**0.5, 2 * 2.5**0.5])
    assert found.by_deviation == [1, 0]
    counts, edges = found.histogram
    assert (counts.sum(), len(counts), edges[0], edges[-1]) == (10, BINS, -3, 5)


def test_units_of_a_code_with_axes_stand_in_its_order():
    model = built([{"reshape": [8, 8, 1]}, {"conv2d": CONV}, {"max_pool2d": 4}])
    x = np.random.default_rng(0).random((20, 8, 8))
    found = code_units(model, x)
    assert (found.shape, len(found.mean)) == ((2, 2, 3), 12)
    assert unit_name(7, found.shape) == "1,0,1"
    assert found.mean[7] == pytest.approx(model.encode(x)[:, 1, 0, 1].mean())


@pytest.mark.parametrize(
    ("layers", "kind", "target"),
    [
        ([{"dense": SPARSE}], "kl_divergence", 0.1),
        ([{"dense": SPARSE}, {"reshape": [3, 4]}], "kl_divergence", 0.1),
        ([{"dense": L1}], "l1", None),
        ([{"dense": L1}, {"dense": 4}], None, None),  # not of the code
        ([{"dense": {"units": 4, "kernel_regularizer": "l1"}}], None, None),
    ],
)
def test_the_target_is_that_of_the_codes_activity(layers, kind, target):
    found = code_units(built(["flatten", *layers]), np.random.default_rng(0).random((9, 8, 8)))
    assert (found.regularizer and found.regularizer.kind, found.target) == (kind, target)


@pytest.mark.parametrize(
    ("x", "rule", "said"),
    [
        (X[:1], "E402", "1 sample, (1, 1)"),
        (X[:0], "E402", "0 samples"),
        (X * 8e307, "E503", "NaN or infinity in 2 of 5 codes"),
    ],
)
def test_samples_that_say_nothing_are_refused(x, rule, said):
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(AespecError) as caught:
        code_units(of_weights([1.5, 0], [0, 0]), x)
    assert caught.value.diagnostics[0].rule.code == rule
    assert said in str(caught.value)


# --- the command ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of models of every kind."""
    folder = tmp_path_factory.mktemp("runs")
    random = np.random.default_rng(0)
    np.save(folder / "points.npy", random.normal(size=(60, 3)).astype("float32"))
    np.save(folder / "series.npy", random.normal(size=(60, 16, 2)).astype("float32"))
    specs = {
        "sparse": ([8, 8], ["flatten", {"dense": {"units": 20, "activation": "selu"}}, {"dense": SPARSE}], "digits"),
        "conv": ([8, 8], [{"reshape": [8, 8, 1]}, {"conv2d": CONV}, {"max_pool2d": 2}], "digits"),
        "recurrent": ([8, 8], [{"lstm": 3}], "digits"),
        "variational": ([8, 8], ["flatten", {"gaussian_latent": 3}], "digits"),
        "points": ([3], [{"dense": 2}], folder / "points.npy"),
        "series": ([16, 2], [{"conv1d": {**CONV, "strides": 2}}], folder / "series.npy"),
    }
    for name, (shape, encoder, given) in specs.items():
        spec = {"name": name, "input": {"shape": shape, **({"range": [0, 1]} if given == "digits" else {})}}
        plan = {"optimizer": {"adam": 0.01}, "epochs": 30 if name == "sparse" else 1, "seed": 1}
        spec |= {"encoder": encoder, "decoder": "mirror", "training": plan}
        (folder / f"{name}.json").write_text(json.dumps(spec))
        done = aespec_("train", folder / f"{name}.json", "--backend", "torch", "--data", given, "-o", folder / name)
        assert done.exit_code == 0, done.output
    return folder


def record(*args):
    done = aespec_("features", *args, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("run", "shape", "weights", "part"),
    [
        ("sparse", [12], [8, 8], "test sample"),
        ("conv", [4, 4, 3], [3, 3, 1], "test sample"),
        ("recurrent", [3], None, "test sample"),
        ("variational", [3], [8, 8], "test sample"),
        ("points", [2], [3], "held-out sample"),
        ("series", [8, 3], [3, 2], "held-out sample"),
    ],
)
def test_every_model_has_its_numbers_and_its_pictures(run, shape, weights, part, runs, tmp_path):
    found = record(runs / run, "-o", tmp_path, "-n", 3)
    assert (found["code"]["shape"], found["first_layer"]["shape"], found["part"]) == (shape, weights, part)
    assert len(found["units"]) == np.prod(shape)
    assert sum(found["histogram"]["counts"]) == found["samples"] * np.prod(shape)
    pictures = found["files"]
    assert sorted(pictures) == sorted(map(str, tmp_path.glob("*.png")))
    assert len(pictures) == 1 + (weights is not None)
    for picture in pictures:
        with Image.open(picture) as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 20
    assert (found["inputs"] is None) == (run not in ("points", "series"))
    listed = sorted(range(len(found["units"])), key=lambda i: -found["units"][i]["sd"])
    order = {"points": listed, "variational": listed, "sparse": [0, 1, 2], "recurrent": []}.get(run)
    assert order is None or found["first_layer"]["drawn"] == order[:3]
    done = aespec_("features", runs / run, "-o", tmp_path, "-n", 3)
    assert (done.exit_code, done.stderr) == (0, "")
    assert max(map(len, done.stdout.replace(str(runs), "").replace(str(tmp_path), "").splitlines())) <= 100
    assert ("no picture of the first layer" in done.stdout) == (weights is None)


def test_the_numbers_are_those_of_the_code(runs, tmp_path):
    found = record(runs / "points", "-o", tmp_path)
    x = np.load(runs / "points.npy")[54:]
    code = aespec.run.open_run(runs / "points").model("numpy").encode(x)
    assert [unit["mean"] for unit in found["units"]] == pytest.approx(code.mean(axis=0), rel=1e-4)
    assert [unit["sd"] for unit in found["units"]] == pytest.approx(code.std(axis=0, ddof=1), rel=1e-4)
    for unit, column in zip(found["units"], code.T, strict=True):
        assert [each["sample"] for each in unit["most"]] == np.argsort(-column)[:EXTREMES].tolist()
        assert unit["least"][0]["activation"] == pytest.approx(column.min(), rel=1e-4)
    assert found["mean_activity"]["mean"] == pytest.approx(code.mean(), rel=1e-4)
    assert found["inputs"]["0"] == pytest.approx(x[0].tolist())


def test_a_sparse_code_is_shown_beside_its_target(runs, tmp_path):
    found = record(runs / "sparse", "-o", tmp_path)
    assert (found["target"], found["regularizer"]) == (0.1, {"kl_divergence": {"weight": 0.5, "target": 0.1}})
    assert found["mean_activity"]["mean"] == pytest.approx(0.1, abs=0.03)  # which is what training is for
    text = aespec_("features", runs / "sparse", "-o", tmp_path).stdout
    assert "share of the units above 0.5, which `sigmoid` gives for 0" in text
    assert f"{found['mean_activity']['mean']:.4g} ± " in text
    assert "of the mean activity of each unit, by `kl_divergence`" in text


@pytest.mark.parametrize("backend", ["numpy", "keras"])
def test_every_backend_finds_the_same(backend, runs, tmp_path):
    pytest.importorskip(backend)
    one, other = record(runs / "conv", "-o", tmp_path), record(runs / "conv", "-o", tmp_path, "--backend", backend)
    for a, b in zip(one["units"], other["units"], strict=True):
        assert (a["mean"], a["sd"]) == pytest.approx((b["mean"], b["sd"]), abs=1e-5)
    assert (one["dead"], one["backend"], other["backend"]) == (other["dead"], "torch", backend)


def test_as_many_units_are_drawn_as_are_wanted(runs, tmp_path):
    heights = {}
    for count in (2, 9):
        done = aespec_("features", runs / "sparse", "-n", count, "-o", tmp_path)
        assert f"{count} of 12, -n takes another number" in done.stdout
        assert f"{count} of 20 units of encoder/dense_1, 8x8 weights each" in done.stdout
        for name in ("features", "activations"):
            with Image.open(tmp_path / f"{name}.png") as image:
                heights[name, count] = image.height
    assert heights["features", 9] > heights["features", 2]  # eight in a row
    assert heights["activations", 9] > 2 * heights["activations", 2]


def test_pictures_go_into_the_run_and_go_with_it(runs, tmp_path):
    shutil.copytree(runs / "points", tmp_path / "run")
    assert f"wrote {tmp_path}/run/features.png" in aespec_("features", tmp_path / "run").stdout
    assert {"features.png", "activations.png"} <= {path.name for path in (tmp_path / "run").iterdir()}
    again = ["train", runs / "points.json", "--backend", "torch", "--data", runs / "points.npy", "--force"]
    assert aespec_(*again, "-o", tmp_path / "run").exit_code == 0
    assert not list((tmp_path / "run").glob("*.png"))


def test_dead_units_are_listed_and_drawn_as_such(runs, tmp_path):
    from aespec import weights

    shutil.copytree(runs / "conv", tmp_path / "run")
    found = weights.read(tmp_path / "run" / "weights.safetensors")
    found["encoder/conv2d_1/kernel"][...] = 0
    found["encoder/conv2d_1/bias"][:] = -1
    weights.write(tmp_path / "run" / "weights.safetensors", found)
    done = aespec_("features", tmp_path / "run")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "48 of 48 (100.0%)" in done.stdout
    assert "the same for all" in done.stdout
    assert "a unit on for none, or all, of 297 samples may be otherwise for up to 0.01" in done.stdout
    assert all(unit["most"] == [] for unit in record(tmp_path / "run")["units"])


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--data", "one.npy"], 1, "wanted: 2 samples or more"),
        (["--data", "wide.npy"], 1, "error[E402]"),
        (["--data", "none.npy"], 1, "error[E4"),
        (["--data", "nan.npy"], 1, "error[E403]"),
        (["--data", "text.npy"], 1, "error[E404]"),
        (["-n", "0"], 2, "-n"),
        (["-o", "one.npy"], 1, "error[E505]"),
    ],
)
def test_what_cannot_be_shown_is_refused(args, code, said, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("one.npy", np.ones((1, 3), "float32"))
    np.save("wide.npy", np.ones((5, 4), "float32"))
    np.save("none.npy", np.ones((0, 3), "float32"))
    np.save("nan.npy", np.full((5, 3), np.nan, "float32"))
    np.save("text.npy", np.array([["a", "b", "c"]]))
    done = aespec_("features", runs / "points", *args)
    assert done.exit_code == code
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_without_matplotlib_the_command_that_installs_it_is_said(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = aespec_("features", runs / "points", "-o", tmp_path)
    assert done.exit_code == 1
    assert "pip install 'aespec[plots]'" in done.stderr


@pytest.mark.parametrize(
    ("features", "columns", "names", "said"),
    [
        (2, ["heat", "flow"], ["heat", "flow"], "value, in scaled units"),
        (2, (), ["feature 0", "feature 1"], "value, in scaled units"),
        (20, [f"c{i}" for i in range(20)], [f"c{i}" for i in range(16)], "the 16 of 20 features with the largest"),
        (20, (), None, None),  # too many for bars, and without names no table for sure
    ],
)
def test_rows_of_a_table_are_bars_with_names_and_a_scale(features, columns, names, said, monkeypatch):
    found = []
    monkeypatch.setattr("aespec.uses.features_picture.save", lambda figure, path: found.append(figure))
    model = built([{"dense": 1}], (features,))
    weights = {name: np.ones_like(value) for name, value in model.weights().items()}
    model.load_weights(weights)
    x = np.linspace(-1, 1, 2 * EXTREMES)[:, None] * np.linspace(2, 1, features)  # the first column varies most
    code = code_units(model, x)
    draw_activations(code, [0], dict(enumerate(x)), "p.png", images=False, columns=columns, scale=", in scaled units")
    *_, below = found[0].axes
    bars = sorted((bar for bar in below.patches if bar.get_y() < 0), key=lambda bar: bar.get_x())  # of the top row
    assert len(bars) == (0 if names is None else 2 * EXTREMES)
    if names is None:
        return
    assert [text.get_text() for text in below.get_yticklabels()] == names
    assert below.get_title(loc="left") == "unit 0, most activating"
    assert said in below.figure.get_supxlabel()
    assert {"-2", "0", "2"} == {text.get_text() for text in below.get_xticklabels()}
    assert bars[0].get_width() == pytest.approx((1 - 0.08) / 2)  # 2, of a scale from -2 to 2
