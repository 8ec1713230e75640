"""Scores, thresholds and what is said of them: by hand, by theory, and as `aespec score` tells them."""

import csv
import json
import sys
from math import inf, nan, sqrt
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from command import aespec_
from matplotlib.colors import to_hex
from PIL import Image

import aespec
from aespec.cli import main
from aespec.diagnostics import AespecError
from aespec.picture import blank
from aespec.uses.anomaly import (
    by_step,
    errors,
    log_probability,
    need_distribution,
    part_names,
    part_shape,
    probable,
    residual_scale,
    worst,
)
from aespec.uses.anomaly_picture import ranking_curves, worst_samples
from aespec.uses.course_picture import Course, draw_course
from aespec.uses.detection import detection, ranking, threshold, truth_of
from aespec.uses.events import events


def restores_as(y):
    """A model that restores every sample as this."""
    return SimpleNamespace(reconstruct=lambda x: np.broadcast_to(np.asarray(y, x.dtype), x.shape))


# --- errors -----------------------------------------------------------------------------------------------------

TABLE, SERIES, COLORS = [1, 2, 3], [[1, 2, 3], [0, 0, 3]], [[[1, 1], [2, 0]], [[0, 0], [4, 2]]]


@pytest.mark.parametrize(
    ("sample", "by", "expected"),  # of a sample of zeros that is restored as this
    [
        (TABLE, "sample", 14 / 3),
        (TABLE, "feature", [1, 4, 9]),
        (SERIES, "sample", 23 / 6),
        (SERIES, "step", [14 / 3, 3]),
        (SERIES, "feature", [0.5, 2, 9]),
        (SERIES, "pixel", [[1, 4, 9], [0, 0, 9]]),
        (SERIES, "step,feature", [[1, 4, 9], [0, 0, 9]]),
        (COLORS, "sample", 26 / 8),
        (COLORS, "pixel", [[1, 2], [0, 10]]),
        (COLORS, "feature", [21 / 4, 5 / 4]),
    ],
)
@pytest.mark.parametrize("n", [1, 3, 1030])
def test_errors_are_means_of_squares(sample, by, expected, n):
    x = np.zeros((n, *np.shape(sample)), "float32")
    found = errors(restores_as(sample), x, by)
    np.testing.assert_allclose(found, [expected] * n, rtol=1e-12)
    assert found.dtype == np.float64
    if by != "sample":
        assert part_shape(by, x.shape[1:]) == np.shape(expected)
        assert len(part_names(by, np.shape(expected))) == np.size(expected)


@pytest.mark.parametrize(
    ("shape", "by", "said"),
    [
        ((3,), "pixel", "`--by feature`"),
        ((3,), "step", "`--by feature`"),
        ((2, 2, 1), "step", "`--by feature` or `--by pixel`"),
        ((3,), "step,feature", "`--by feature`"),
        ((2, 2, 2, 2), "pixel", "have no errors by pixel"),
    ],
)
def test_samples_without_such_parts_are_refused(shape, by, said):
    with pytest.raises(AespecError, match=said):
        errors(restores_as(0), np.zeros((1, *shape), "float32"), by)


def test_what_has_no_finite_error_is_refused():
    x = np.zeros((3, 2), "float32")
    with pytest.raises(AespecError, match="first of sample 1, counted from 0"):
        errors(SimpleNamespace(reconstruct=lambda x: np.array([[0, 0], [nan, 0], [0, inf]])), x)


def test_no_samples_have_no_errors():
    with pytest.raises(AespecError, match="no samples to score"):
        errors(restores_as(0), np.zeros((0, 3), "float32"))


@pytest.mark.parametrize(
    ("by", "shape", "columns", "names"),
    [
        ("feature", (2,), ("height", "width"), ["height", "width"]),
        ("feature", (2,), None, ["feature_0", "feature_1"]),
        ("step", (2,), ("height", "width"), ["step_0", "step_1"]),
        ("pixel", (1, 2), None, ["pixel_0_0", "pixel_0_1"]),
        ("step,feature", (2, 1), None, ["step_0_feature_0", "step_1_feature_0"]),
        ("step,feature", (1, 2), ("height", "width"), ["step_0_height", "step_0_width"]),
    ],
)
def test_parts_are_called_by_their_columns_or_places(by, shape, columns, names):
    assert part_names(by, shape, columns) == names


@pytest.mark.parametrize(
    ("windows", "starts", "length", "expected"),
    [
        ([[1, 2], [4, 6]], [0, 1], 3, [1, 3, 6]),
        ([[1, 2], [4, 6]], [1, 0], 4, [4, 3.5, 2, nan]),
        ([[1, 2], [4, 6]], [3, 0], 5, [4, 6, nan, 1, 2]),
        ([[1, 2, 3], [2, 3, 4], [3, 5, 9]], [0, 1, 2], 5, [1, 2, 3, 4.5, 9]),
        (np.zeros((0, 2)), [], 2, [nan, nan]),
        ([[[1, 5], [2, 6]], [[4, 7], [6, 9]]], [0, 1], 3, [[1, 5], [3, 6.5], [6, 9]]),
        (np.zeros((0, 2, 1)), [], 2, [[nan], [nan]]),
    ],
)
def test_a_step_has_the_mean_of_the_windows_that_cover_it(windows, starts, length, expected):
    found = by_step(np.asarray(windows, "float64"), np.asarray(starts, "int64"), length)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(("starts", "length"), [([0, 2], 3), ([-1, 0], 3), ([0], 3)])
def test_windows_that_do_not_lie_in_the_series_are_refused(starts, length):
    with pytest.raises(AespecError, match="do not lie in the series"):
        by_step(np.zeros((2, 2)), np.asarray(starts), length)


# --- thresholds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "quantile", "value", "low", "high"),
    [
        (100, 0.5, 50.5, 40, 61),  # ranks 40 and 61: tables of intervals of the median have them
        (10, 0.5, 5.5, 2, 9),
        (10, 0.99, 9.91, 9, inf),  # 0.99 ** 10 is 0.9: most likely all ten lie below the quantile
        (1, 0.5, 1, -inf, inf),
    ],
)
def test_a_threshold_is_a_quantile_with_the_interval_of_its_order_statistics(n, quantile, value, low, high):
    found = threshold(np.arange(n, 0, -1.0), quantile)
    assert (found.value, found.low, found.high, found.samples) == (pytest.approx(value), low, high, n)


def test_the_interval_holds_the_quantile_as_often_as_it_says():
    random = np.random.default_rng(0)
    found = [threshold(random.exponential(size=300), 0.9) for _ in range(400)]
    held = sum(each.low <= -np.log(0.1) <= each.high for each in found) / len(found)  # the exponential's 0.9 quantile
    assert 0.93 <= held <= 1


# --- the truth --------------------------------------------------------------------------------------------------


def test_a_ranking_by_hand():
    found = ranking(np.array([False, True, False, True]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert found.auroc == 3 / 4  # of the pairs (2, 1), (2, 3), (4, 1), (4, 3) all but the second
    assert found.average_precision == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert found.error == pytest.approx(sqrt(1 / 8 / 2 + 1 / 8 / 2))  # of placements 1/2, 1 and 1, 1/2
    assert found.prevalence == 1 / 2


def test_the_standard_error_is_how_far_the_area_spreads():
    random = np.random.default_rng(0)
    truth = np.arange(300) < 60
    found = [ranking(truth, random.normal(size=300) + truth) for _ in range(300)]
    assert np.std([each.auroc for each in found]) == pytest.approx(np.mean([each.error for each in found]), rel=0.1)


@pytest.mark.parametrize(
    ("truth", "labelled", "counts", "fractions"),
    [
        ([1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0], (2, 1, 1, 2), (2 / 3, 2 / 3, 2 / 3, 1 / 3)),
        ([0, 0], [0, 0], (0, 0, 0, 2), (None, None, None, 0)),
        ([1, 1], [0, 0], (0, 2, 0, 0), (None, 0, 0, None)),
    ],
)
def test_labels_are_counted(truth, labelled, counts, fractions):
    found = detection(np.array(truth, bool), np.array(labelled, bool))
    assert (found.found, found.missed, found.false_alarms, found.passed) == counts
    assert (found.precision, found.recall, found.f1, found.false_alarm_rate) == pytest.approx(fractions)


@pytest.mark.parametrize("kind", [0, 1])
def test_samples_of_one_kind_have_no_ranking(kind):
    assert ranking(np.full(3, kind, bool), np.arange(3.0)) is None


@pytest.mark.parametrize(("sign", "area"), [(1, 1.0), (-1, 0.0)])
def test_an_area_of_1_or_0_has_no_error(sign, area):
    found = ranking(np.arange(6) > 3, sign * np.arange(6.0))
    assert found.auroc == area
    assert np.isnan(found.error)


def test_one_anomaly_has_an_area_but_no_error():
    found = ranking(np.array([False, False, True]), np.array([1.0, 3.0, 2.0]))
    assert found.auroc == 1 / 2
    assert np.isnan(found.error)


@pytest.mark.parametrize(
    ("labels", "normal", "anomalies"),
    [
        ([0, 1, 1], (), [0, 1, 1]),
        ([0.0, 1.0], (), [0, 1]),
        ([True, False], (), [1, 0]),
        (["0", "1"], (), [0, 1]),
        ([3, 5, 7], ("3", "7"), [0, 1, 0]),
        ([3.0, 0.5], ("3",), [0, 1]),
        (["cat", "dog"], ("cat",), [0, 1]),
        ([-1, 1], ("1",), [1, 0]),
    ],
)
def test_what_is_not_normal_is_an_anomaly(labels, normal, anomalies):
    assert truth_of(np.array(labels), normal).tolist() == [bool(each) for each in anomalies]


@pytest.mark.parametrize(
    ("labels", "normal", "said"),
    [
        ([-1, 1], (), "say which labels are normal, as in `--normal -1`"),
        (["cat", "dog"], (), "0 for normal samples and 1 for anomalies"),
        (["cat", "dog"], ("cats",), "did you mean `cat`?"),
        ([1, 2], ("3",), "no sample of the data has the label `3`"),
        ([0, nan], (), "1 of 2 labels of the data are missing"),
        (["0", "1", ""], (), "1 of 3 labels of the data are missing"),
        (["cat", "dog", ""], ("cat",), "nothing, first at index 2"),
    ],
)
def test_labels_that_do_not_tell_are_refused(labels, normal, said):
    with pytest.raises(AespecError) as caught:
        truth_of(np.array(labels), normal)
    assert said in str(caught.value)


def test_the_worst_come_first_and_equal_ones_in_order():
    assert worst(np.array([1.0, 3.0, 2.0, 3.0]), 3).tolist() == [1, 3, 2]


def test_of_windows_that_overlap_one_is_the_worst():
    scores, starts = np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.array([4, 2, 0, 6, 9])
    assert worst(scores, 2, starts, 4).tolist() == [0, 2]
    assert worst(scores, 9, starts, 4).tolist() == [0, 2, 4]
    assert worst(scores, 9, starts, 5).tolist() == [0, 4]


# --- the reconstruction probability -----------------------------------------------------------------------------

VARIATIONAL = {
    "input": [3],
    "encoder": [{"gaussian_latent": 2}],
    "decoder": [{"dense": {"units": 3, "activation": "sigmoid"}}],
    "loss": "mse",
}


def variational(**changes):
    model = aespec.build(aespec.parse({**VARIATIONAL, **changes}), backend="numpy", dtype="float64")
    random = np.random.default_rng(1)
    model.load_weights({name: random.normal(size=value.shape) for name, value in model.weights().items()})
    return model


X = np.random.default_rng(2).uniform(size=(4, 3))


def test_the_probability_of_a_linear_model_is_known():
    """x = z K + b + noise of deviation s: E log p(x|z) is -(n log(2 pi s^2) + (|x - mean|^2 + v . |K|^2) / s^2) / 2."""
    model, scale = variational(decoder=[{"dense": 3}]), 0.7
    weights = {name.rpartition("/")[2]: value for name, value in model.weights().items()}
    mean = X @ weights["mean_kernel"] + weights["mean_bias"]
    variance = np.exp(X @ weights["log_var_kernel"] + weights["log_var_bias"])
    kernel = weights["kernel"]
    distance = ((X - mean @ kernel - weights["bias"]) ** 2).sum(axis=1) + variance @ (kernel**2).sum(axis=1)
    expected = -(3 * np.log(2 * np.pi * scale**2) + distance / scale**2) / 2
    found = log_probability(model, X, scale, draws=40_000, seed=3)
    np.testing.assert_allclose(found, expected, rtol=0.03)


def test_the_help_says_which_mean_a_surprise_is():
    """That of the logarithms, as the test above has it."""
    said = " ".join(CliRunner().invoke(main, ["score", "--help"]).stdout.split())
    assert "minus the mean of log p(x|z) over codes z that are drawn from its posterior" in said


def test_the_probability_of_bits_is_bernoulli():
    model = variational(loss="binary_crossentropy")
    weights = model.weights()
    weights |= {name: np.full_like(weights[name], -50) for name in weights if name.endswith("log_var_bias")}
    model.load_weights(weights)  # a posterior without width: each draw is the mean
    y = model.reconstruct(X)
    found = log_probability(model, X, draws=3)
    np.testing.assert_allclose(found, (X * np.log(y) + (1 - X) * np.log(1 - y)).sum(axis=1), rtol=1e-6)


def test_the_seed_decides_the_probability_however_many_samples_there_are():
    model, many = variational(), np.tile(X, (300, 1))
    found = log_probability(model, many, 1.0, seed=5)
    assert np.array_equal(found, log_probability(model, many, 1.0, seed=5))
    assert not np.array_equal(found, log_probability(model, many, 1.0, seed=6))
    np.testing.assert_allclose(found[:4], log_probability(model, X, 1.0, seed=5), rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "code", "has"),
    [
        ({}, None, True),
        ({"loss": "mae"}, None, True),
        ({"loss": {"mse": {"weight": 2}}}, None, True),
        ({"loss": "huber"}, "E303", False),
        ({"loss": ["mse", "mae"]}, "E303", False),
        ({"encoder": [{"dense": 2}]}, "E511", False),
    ],
)
def test_models_without_a_distribution_have_no_probability(changes, code, has):
    model = variational(**changes)
    assert probable(model.graph) is has
    if code is None:
        assert np.isfinite(log_probability(model, X, 1.0)).all()
    else:
        with pytest.raises(AespecError) as caught:
            log_probability(model, X, 1.0)
        assert caught.value.diagnostics[0].rule.code == code
        with pytest.raises(AespecError) as caught:
            need_distribution(model.graph)
        assert caught.value.diagnostics[0].rule.code == code
        with pytest.raises(AespecError) as caught:
            residual_scale(model, X)
        assert caught.value.diagnostics[0].rule.code == code


@pytest.mark.parametrize(("loss", "scale"), [("mse", sqrt(14 / 3)), ("mae", 2)])
def test_the_scale_of_residuals(loss, scale):
    model = variational(loss=loss, decoder=[{"dense": 3}])
    weights = {name: np.zeros_like(value) for name, value in model.weights().items()}
    weights |= {name: np.array([1.0, 2, 3]) for name in weights if name == "decoder/dense_1/bias"}
    model.load_weights(weights)  # whatever the code is, 1, 2, 3 comes back
    assert residual_scale(model, np.zeros((1030, 3))) == pytest.approx(scale)


def test_the_scale_of_residuals_is_that_of_drawn_codes():
    """Zeros come back as codes of the prior: their variance is 1, while that of mean codes is 0."""
    model = variational(input=[2], decoder=[{"dense": 2}])
    weights = {name: np.zeros_like(value) for name, value in model.weights().items()}
    model.load_weights({**weights, "decoder/dense_1/kernel": np.eye(2)})
    assert residual_scale(model, np.zeros((20_000, 2))) == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_samples_that_come_back_exactly_have_a_probability(loss):
    model = variational(loss=loss, decoder=[{"dense": 3}])
    model.load_weights({name: np.zeros_like(value) for name, value in model.weights().items()})
    x = np.zeros((3, 3))
    scale = residual_scale(model, x)
    assert scale == 0
    assert np.isfinite(log_probability(model, x, scale)).all()


# --- the command ------------------------------------------------------------------------------------------------


def trained(folder, layers, data, *options, shape, name="run", backend="torch", **more):
    """A run of a small model on data that is saved first."""
    np.savez(folder / f"{name}.npz", **data) if isinstance(data, dict) else np.save(folder / f"{name}.npy", data)
    (folder / f"{name}.yaml").write_text(
        json.dumps({"input": {"shape": shape, **more}, "encoder": layers, "decoder": "mirror", "loss": "mse"})
    )
    file = folder / f"{name}.{'npz' if isinstance(data, dict) else 'npy'}"
    plan = ("--epochs", 2, "--batch-size", 16, "--quiet", "-o", folder / name)
    done = aespec_("train", folder / f"{name}.yaml", "--backend", backend, "--data", file, *plan, *options)
    assert done.exit_code == 0, done.output
    return folder / name


@pytest.fixture(scope="module")
def rows():
    """Samples of five numbers; the last five of the test part are far from all others."""
    random = np.random.default_rng(0)
    train, test = random.normal(size=(200, 5)).astype("float32"), random.normal(size=(50, 5)).astype("float32")
    test[-5:] += 20
    return {"x_train": train, "x_test": test, "y_train": np.zeros(200, int), "y_test": (np.arange(50) >= 45) * 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory, rows):
    return trained(tmp_path_factory.mktemp("table"), [{"dense": 2}], rows, "--validation-split", 0.25, shape=[5])


def scored(run, *options):
    done = aespec_("score", run, *options, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_anomalies_are_found(run):
    found = scored(run, "--truth", "labels")
    assert (found["part"], found["samples"], found["steps"]) == ("test sample", 50, None)
    assert found["ranking"]["error"]["auroc"] == 1.0
    assert found["detection"]["found"] == 5
    assert found["anomalies"] == 5 + found["detection"]["false_alarms"]
    assert sorted(each["sample"] for each in found["worst"]) == [45, 46, 47, 48, 49]
    assert {each["anomaly"] for each in found["worst"]} == {1}


def test_labels_that_look_like_the_truth_are_told_of_where_they_are_not_used(run, rows, tmp_path):
    told = "the labels are 0 and 1: with `--truth labels` it is measured how well the scores tell them apart"
    assert told in scored(run)["notes"]
    assert told not in scored(run, "--truth", "labels")["notes"]
    np.savez(tmp_path / "kinds.npz", x=rows["x_test"], y=np.arange(50) % 3)
    assert told not in scored(run, "--data", tmp_path / "kinds.npz")["notes"]


def test_the_threshold_is_that_of_held_out_samples(run, rows):
    model = aespec.run.open_run(run).model()
    held = rows["x_train"][150:]  # a quarter of 200
    expected = np.quantile(((held - model.reconstruct(held)) ** 2).mean(axis=1), 0.9)
    limit = scored(run, "--quantile", 0.9)["threshold"]
    assert limit["value"] == pytest.approx(expected, rel=1e-6)
    assert (limit["part"], limit["samples"], limit["held_out"]) == ("held-out sample", 50, True)


def test_the_threshold_of_a_run_that_held_nothing_out_is_said_to_be_optimistic(tmp_path, rows):
    run = trained(tmp_path, [{"dense": 2}], rows, "--validation-split", 0, shape=[5])
    found = scored(run)
    assert (found["threshold"]["part"], found["threshold"]["samples"]) == ("training sample", 200)
    assert found["threshold"]["held_out"] is False
    assert "the run held nothing out" in aespec_("score", run).stdout


def test_validation_data_of_its_own_sets_the_threshold(tmp_path, rows):
    np.save(tmp_path / "held.npy", rows["x_test"][:30])
    run = trained(tmp_path, [{"dense": 2}], rows, "--validation-data", tmp_path / "held.npy", shape=[5])
    limit = scored(run)["threshold"]
    assert (limit["part"], limit["samples"]) == ("validation sample", 30)


def test_contamination_is_a_fraction_of_what_is_scored(run):
    found = scored(run, "--contamination", 0.1, "--truth", "labels")
    assert found["anomalies"] == 5
    assert found["detection"]["precision"] == found["detection"]["recall"] == 1.0
    assert (found["threshold"]["part"], found["threshold"]["samples"]) == ("test sample", 50)


@pytest.mark.parametrize("by", ["sample", "feature"])
def test_a_threshold_that_is_given_stands_for_that_of_the_run(by, run, tmp_path):
    errors = sorted(each["error"] for each in scored(run, "-n", 20)["worst"])[-6:]
    limit = (errors[3] + errors[4]) / 2  # two of the five that are far off lie above
    found = scored(run, "--threshold", limit, "--truth", "labels", "--by", by, "-o", tmp_path / "s.csv")
    assert found["threshold"]["value"] == limit
    assert found["threshold"]["given"] is True
    assert [found["threshold"][name] for name in ("quantile", "low", "high", "part", "held_out")] == [None] * 5
    assert (found["anomalies"], found["detection"]["found"], found["detection"]["missed"]) == (2, 2, 3)
    assert read_table(tmp_path / "s.csv")["anomaly"].astype(int).sum() == 2
    assert found["notes"] == []
    assert f"threshold of the error: {limit:.4g} (as given)\n" in aespec_("score", run, "--threshold", limit).stdout


def test_a_threshold_is_that_of_an_earlier_call(run):
    earlier = scored(run)
    assert earlier["threshold"]["given"] is False
    assert scored(run, "--threshold", earlier["threshold"]["value"])["worst"] == earlier["worst"]


def read_table(path):
    if path.suffix == ".npy":
        records = np.load(path)
        return {name: records[name] for name in records.dtype.names}
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return {name: np.array(values) for name, values in parquet.read_table(path).to_pydict().items()}
    with path.open() as file:
        table = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in table]) for name in table[0]}


def test_the_errors_of_parts_are_told_by_what_is_said_not_by_the_truth(run):
    done = CliRunner().invoke(main, ["score", str(run), "--by", "feature", "--truth", "labels"])
    assert "Mean error by feature Said to be anomalies Said to be normal" in " ".join(done.stdout.split())


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_scores_are_written(suffix, run, rows, tmp_path):
    path = tmp_path / "new" / f"scores{suffix}"
    found = scored(run, "--by", "feature", "--truth", "labels", "-o", path)
    assert found["files"] == [str(path)]
    table = read_table(path)
    x = rows["x_test"]
    squares = (x - aespec.run.open_run(run).model().reconstruct(x)) ** 2
    parts = table["feature"] if suffix == ".npy" else np.stack([table[f"feature_{i}"] for i in range(5)], axis=1)
    np.testing.assert_allclose(parts.astype(float), squares, rtol=1e-4)
    np.testing.assert_allclose(table["error"].astype(float), squares.mean(axis=1), rtol=1e-4)
    above = table["error"].astype(float) > found["threshold"]["value"]
    assert (table["anomaly"].astype(int) == above).all()
    assert (table["truth"].astype(int) == rows["y_test"]).all()
    assert (table["sample"].astype(int) == np.arange(50)).all()
    assert [path.name for path in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("backend", ["keras", "numpy"])
def test_another_backend_gives_the_same_errors(backend, run):
    own, other = scored(run), scored(run, "--backend", backend)
    assert other["errors"] == pytest.approx(own["errors"], rel=1e-5)
    assert other["threshold"]["value"] == pytest.approx(own["threshold"]["value"], rel=1e-5)


def test_a_stream_has_the_errors_of_an_array(run, rows, tmp_path):
    np.save(tmp_path / "x.npy", rows["x_test"])
    streaming = tmp_path / "streaming"
    streaming.mkdir()
    for file in run.iterdir():
        if file.is_file():
            (streaming / file.name).write_bytes(file.read_bytes())
    text = (streaming / "spec.yaml").read_text()
    assert "window: null" in text
    (streaming / "spec.yaml").write_text(text.replace("window: null", "window: 32"))
    np.save(tmp_path / "y.npy", rows["y_test"])
    options = ("--data", tmp_path / "x.npy", "--truth", tmp_path / "y.npy", "--contamination", 0.1)
    own = scored(run, *options, "--by", "feature", "-o", tmp_path / "own.npy")
    other = scored(
        streaming, *options, "--by", "feature", "-o", tmp_path / "other.npy", "--picture", tmp_path / "p.png"
    )
    assert other["errors"] == pytest.approx(own["errors"])
    features = (np.load(tmp_path / f"{name}.npy")["feature"] for name in ("own", "other"))
    np.testing.assert_allclose(*features, rtol=1e-5)
    assert other["ranking"] == own["ranking"]


def test_the_columns_of_a_table_have_their_names(tmp_path, rows):
    with (tmp_path / "t.csv").open("w") as file:
        file.write("height,width,depth,mass,age,label\n")
        for row, label in zip(rows["x_test"], rows["y_test"], strict=True):
            file.write(",".join(map(str, [*row, label])) + "\n")
    (tmp_path / "s.yaml").write_text("input: [5]\nencoder: [{dense: 2}]\ndecoder: mirror\nloss: mse\n")
    done = aespec_(
        "train",
        tmp_path / "s.yaml",
        "--backend",
        "torch",
        "--data",
        tmp_path / "t.csv",
        "--limit",
        40,
        "-o",
        tmp_path / "r",
    )
    assert done.exit_code == 0, done.output
    options = ("--data", tmp_path / "t.csv", "--by", "feature", "--truth", "labels", "-o", tmp_path / "s.csv")
    found = scored(tmp_path / "r", *options, "--picture", tmp_path / "bars.png")
    assert [part["name"] for part in found["by"]["mean_errors"]] == ["height", "width", "depth", "mass", "age"]
    assert (found["samples"], found["ranking"]["error"]["auroc"]) == (14, 1.0)  # without 36 that it saw
    assert list(read_table(tmp_path / "s.csv"))[-5:] == ["height", "width", "depth", "mass", "age"]
    assert "height" in aespec_("score", tmp_path / "r", *options).stdout
    np.save(tmp_path / "bare.npy", rows["x_test"])  # columns are found by their places
    found = scored(tmp_path / "r", "--data", tmp_path / "bare.npy", "--by", "feature")
    assert [part["name"] for part in found["by"]["mean_errors"]] == ["height", "width", "depth", "mass", "age"]


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A run on windows of a long sine, and another series, in which steps 60 to 64 are far off."""
    folder = tmp_path_factory.mktemp("series")
    wave = np.sin(np.arange(400) / 3)[:, None].astype("float32")
    run = trained(folder, ["flatten", {"dense": 4}], wave, "--epochs", 20, shape=[8, 1], stride=2)
    other = wave[:101].copy()
    other[60:65] += 5
    np.save(folder / "other.npy", other)
    np.save(folder / "truth.npy", (np.abs(np.arange(101) - 62) <= 2) * 1)
    return run


def test_windows_of_a_series_are_put_together_again(series, tmp_path):
    folder, path = series.parent, tmp_path / "s.csv"
    options = ("--data", folder / "other.npy", "--truth", folder / "truth.npy", "-o", path)
    found = scored(series, *options, "--by", "step", "--picture", tmp_path / "p.png")
    assert (found["samples"], found["steps"]) == (
        48,
        101,
    )  # (101 - 8) / 2 windows and one, and one that ends the series
    assert found["ranking"]["error"]["auroc"] > 0.95
    assert all(55 <= each["step"] <= 69 for each in found["worst"])
    assert list(read_table(path)) == ["step", "error", "anomaly", "truth"]
    whole = scored(series, *options)
    assert "of windows that overlap the table has the worst alone" in whole["notes"]
    assert any("errors of overlapping windows go together" in note for note in whole["notes"])
    assert not any("overlapping windows" in note for note in found["notes"])
    assert (whole["samples"], whole["scores_of"], whole["steps"]) == (48, "sample", None)
    table = read_table(path)
    assert sum(table["truth"].astype(int)) == 6  # those that begin at 54, 56, ..., 64
    assert list(table)[:3] == ["sample", "start", "error"]
    starts = [*range(0, 93, 2), 93]  # each of 8 steps, the last one ends with the series
    assert table["start"].astype(int).tolist() == starts
    assert all(each["start"] == starts[each["sample"]] for each in whole["worst"])
    head = next(line for line in aespec_("score", series, *options).stdout.splitlines() if "Said to be" in line)
    assert head.split()[:3] == ["Sample", "Start", "Error"]


@pytest.mark.parametrize(
    ("stride", "starts"),
    [
        (None, [*range(0, 94, 2), 93]),
        (1, [*range(94)]),
        (8, [*range(0, 93, 8), 93]),
        (50, [0, 50, 93]),
    ],
)
def test_windows_lie_as_far_apart_as_is_said(stride, starts, series, tmp_path):
    given = ("--data", series.parent / "other.npy", "-o", tmp_path / "s.csv")
    more = () if stride is None else ("--stride", stride)
    found = scored(series, *given, *more)
    assert read_table(tmp_path / "s.csv")["start"].astype(int).tolist() == starts
    told = any("overlapping windows" in note for note in found["notes"])
    assert told is (stride is None or stride < 8)
    found = scored(series, *given, *more, "--by", "step")
    covered = {start + i for start in starts for i in range(8)}
    assert found["steps"] == len(covered) == len(read_table(tmp_path / "s.csv")["step"])
    gaps = [note for note in found["notes"] if "no window" in note]
    assert gaps == [f"{101 - len(covered)} steps in no window, without a score"] * (len(covered) < 101)
    model, other = aespec.run.open_run(series).model(), np.load(series.parent / "other.npy")
    windows = np.stack([other[start : start + 8] for start in starts])
    squares = ((windows - model.reconstruct(windows)) ** 2).mean(axis=2)
    of_62 = [squares[i, 62 - start] for i, start in enumerate(starts) if start <= 62 < start + 8]
    errors = dict(zip(*(read_table(tmp_path / "s.csv")[name].astype(float) for name in ("step", "error")), strict=True))
    assert (62 in errors) is bool(of_62)
    assert errors.get(62, nan) == pytest.approx(np.mean(of_62) if of_62 else nan, rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("stride", [1, 3])
def test_the_threshold_is_found_on_windows_as_far_apart(stride, series):
    """A tenth of 197 windows was held out, the last 20, the first of which begins at step 354."""
    limit = scored(series, "--data", series.parent / "other.npy", "--stride", stride)["threshold"]
    wave = np.load(series.parent / "run.npy")
    starts = [*range(0, 393, stride)] + [392] * (392 % stride > 0)
    held = np.stack([wave[start : start + 8] for start in starts if start >= 354])
    model = aespec.run.open_run(series).model()
    expected = np.quantile(((held - model.reconstruct(held)) ** 2).mean(axis=(1, 2)), 0.99)
    assert (limit["samples"], limit["part"]) == (len(held), "held-out sample")
    assert limit["value"] == pytest.approx(expected, rel=1e-5)


def test_samples_that_are_no_windows_have_no_stride(run):
    done = aespec_("score", run, "--stride", 1)
    assert done.exit_code == 1
    assert "was not cut into windows" in done.stderr
    assert "leave `--stride` out" in done.stderr


@pytest.mark.parametrize(
    ("errors", "apart", "found"),
    [
        ([0, 2, 3, 0, 0, 2, 0], 3, [(1, 2, 2, 3), (5, 5, 5, 2)]),  # no window of 3 has steps 2 and 5; one of 4 has
        ([0, 2, 3, 0, 0, 2, 0], 4, [(1, 5, 2, 3)]),
        ([0, 2, 3, 0, 0, 0, 2], 4, [(1, 2, 2, 3), (6, 6, 6, 2)]),
        ([2, 2, 2], 1, [(0, 2, 0, 2)]),
        ([1, 1, 1], 4, []),
        ([9], 4, [(0, 0, 0, 9)]),
    ],
)
def test_steps_near_each_other_are_one_event(errors, apart, found):
    given = events(np.array(errors, float), np.arange(len(errors)), 1, apart)
    assert [(each.start, each.end, each.peak, each.error) for each in given] == found


def test_steps_in_no_window_lie_between_events():
    (one, other) = events(np.array([2.0, 3, 4]), np.array([0, 1, 20]), 1, 8)
    assert (one.start, one.end, other.start) == (0, 1, 20)


def test_the_events_of_a_series_are_told(series):
    """Steps 60 to 64 are off; windows of 8 that hold one of them reach from 53 to 71."""
    given = ("--data", series.parent / "other.npy", "--truth", series.parent / "truth.npy", "--by", "step")
    found = scored(series, *given, "--threshold", 2)
    (event,) = found["events"]
    assert 53 <= event["start"] <= 60 <= event["peak"] <= 64 <= event["end"] <= 71
    assert (event["peak"], event["error"]) == (found["worst"][0]["step"], found["worst"][0]["error"])
    assert event["truth"] == 1
    said = aespec_("score", series, *given, "--threshold", 2).stdout
    assert ", in 1 event\n" in said
    assert "Start  End  Peak  Error  In truth" in said
    none = scored(series, *given, "--threshold", 1e6)
    assert (none["events"], scored(series, *given[:-2])["events"]) == ([], None)
    said = aespec_("score", series, *given, "--threshold", 1e6).stdout
    assert "Step  Error  Said to be  In truth" in said  # of no event the highest steps


def test_of_several_events_the_largest_are_shown(series):
    far = np.load(series.parent / "other.npy")
    far[20] += 9
    np.save(series.parent / "two.npy", far)
    given = ("--data", series.parent / "two.npy", "--by", "step", "--threshold", 3)
    assert [20 in range(each["start"], each["end"] + 1) for each in scored(series, *given)["events"]] == [True, False]
    said = aespec_("score", series, *given, "-n", 1).stdout
    assert ", in 2 events\n" in said
    assert "and 1 event with less\n" in said


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_each_step_has_the_errors_of_its_features(suffix, tmp_path):
    random = np.random.default_rng(0)
    table = random.normal(size=(60, 2)).astype("float32")
    run = trained(tmp_path, ["flatten", {"dense": 2}], table, shape=[8, 2], stride=4, scaling="standard")
    with (tmp_path / "t.csv").open("w") as file:
        file.write("heat,flow\n" + "".join(f"{a},{b}\n" for a, b in table[:30]))
    path = tmp_path / f"s{suffix}"
    given = ("--data", tmp_path / "t.csv", "--contamination", 0.2)
    found = scored(run, *given, "--by", "step,feature", "-o", path)
    assert [part["name"] for part in found["by"]["mean_errors"]] == ["heat", "flow"]
    assert (found["by"]["what"], found["scores_of"], found["steps"]) == ("feature", "step", 30)
    assert scored(run, *given, "--by", "feature,step") == {**found, "files": []}
    rows = read_table(path)
    features = rows["feature"] if suffix == ".npy" else np.stack([rows["heat"], rows["flow"]], axis=1).astype(float)
    read, model = aespec.run.open_run(run), aespec.run.open_run(run).model()
    scaled = (table[:30] - read.scaling.center) / read.scaling.scale
    starts = [*range(0, 21, 4), 22]
    windows = np.stack([scaled[start : start + 8] for start in starts]).astype("float32")
    squares = (windows - model.reconstruct(windows)) ** 2
    for step in range(30):
        over = [squares[i, step - start] for i, start in enumerate(starts) if start <= step < start + 8]
        np.testing.assert_allclose(features[step], np.mean(over, axis=0), rtol=1e-3)
    np.testing.assert_allclose(features.mean(axis=1), rows["error"].astype(float))
    assert rows["step"].astype(int).tolist() == [*range(30)]
    means = [part[label] for part in found["by"]["mean_errors"] for label in ("normal", "anomaly")]
    labelled = rows["anomaly"].astype(int) == 1
    expected = [features[flags, i].mean() for i in range(2) for flags in (~labelled, labelled)]
    assert means == pytest.approx(expected)


TOO_SMALL = ("the interval is too small", "the interval and the standard error are too small")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--by", "step"], TOO_SMALL[:1]),
        (["--by", "step", "--contamination", 0.05], TOO_SMALL[:1]),
        (["--by", "step", "--truth", "truth.npy"], TOO_SMALL[1:]),
        (["--truth", "truth.npy"], TOO_SMALL[:1]),  # an area of 1, as that of these windows is, has no error
        (["--truth", "none.npy"], TOO_SMALL[:1]),  # without an anomaly there is no AUROC, and so no error of one
        (["--data", "short.npy", "--contamination", 0.05], ()),  # of one window there is no interval
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_of_numbers_that_are_told_alone_it_is_said_that_they_are_too_small(options, said, series, monkeypatch):
    monkeypatch.chdir(series.parent)
    np.save("none.npy", np.zeros(101, int))
    np.save("short.npy", np.load("other.npy")[:8])
    notes = " ".join(scored(series, "--data", "other.npy", *options)["notes"])
    assert [each for each in TOO_SMALL if each in notes] == [*said]


def test_a_place_in_a_window_is_no_part_of_a_series(series):
    done = aespec_("score", series, "--by", "pixel")
    assert done.exit_code == 1
    assert "= wanted: `--by step`, `--by feature` or `--by step,feature`" in done.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "{}"),
        ("t.csv", "fault\n{}"),
        ("t.txt", "{}"),
        ("t.tsv", "label\tnote\n{}"),
    ],
)
def test_the_truth_is_read_from_text(name, text, series, monkeypatch, tmp_path):
    flags = np.load(series.parent / "truth.npy")
    monkeypatch.chdir(tmp_path)
    lines = (f"{flag}\tsensor" if "note" in text else f"{flag}" for flag in flags)
    (tmp_path / name).write_text(text.format("\n".join(lines)) + "\n")
    given = ("--data", series.parent / "other.npy", "--by", "step", "--truth")
    assert scored(series, *given, name) == scored(series, *given, series.parent / "truth.npy")


def test_the_truth_is_read_from_where_anomalies_are(series, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spans.csv").write_text("what,Start,End\nheat,60,62\nflow,62,64\n")
    given = ("--data", series.parent / "other.npy", "--by", "step", "--truth")
    assert scored(series, *given, "spans.csv") == scored(series, *given, series.parent / "truth.npy")


@pytest.mark.parametrize("row", ["64,60", "0,101", "-1,3", "1.5,3", "a,b", ",4", "3,inf"])
def test_where_no_anomaly_can_be_is_refused(row, series, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spans.csv").write_text(f"start,end\n3,4\n{row}\n")
    done = aespec_("score", series, "--data", series.parent / "other.npy", "--truth", "spans.csv")
    assert done.exit_code == 1
    assert "does not say where an anomaly is" in done.stderr
    assert "Traceback" not in done.output


def test_a_table_of_no_anomalies_is_the_truth_too(series, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spans.csv").write_text("start,end\n")
    found = scored(series, "--data", series.parent / "other.npy", "--truth", "spans.csv")
    assert found["detection"]["found"] + found["detection"]["missed"] == 0


def test_a_table_of_anomalies_that_is_ragged_is_refused(series, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for row in ("5", "5,6,7"):
        (tmp_path / "spans.csv").write_text(f"start,end\n3,4\n{row}\n")
        done = aespec_("score", series, "--data", series.parent / "other.npy", "--truth", "spans.csv")
        assert done.exit_code == 1
        assert "spans.csv has rows of different lengths" in done.stderr


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """The folder of a run on a table of 40 minutes, and of another table with faults from minute 15 to 19."""
    folder = tmp_path_factory.mktemp("logged")
    (folder / "s.yaml").write_text(
        "input: {shape: [4, 2], stride: 2, columns: [a, b]}\nencoder: [flatten, {dense: 2}]\ndecoder: mirror\n"
    )
    flags = (np.arange(40) // 5 == 3).astype(int)
    for name, seed in (("normal", 0), ("x", 1)):
        values = zip(np.random.default_rng(seed).random((40, 2)), flags, strict=True)
        rows = [f"2026-05-01T10:{i:02}:00,{a},{flag},{b}" for i, ((a, b), flag) in enumerate(values)]
        (folder / f"{name}.csv").write_text("\n".join(["at,a,fault,b", *rows]) + "\n")
    np.save(folder / "fault.npy", flags)
    given = ("--data", folder / "normal.csv", "--epochs", 1, "-o", folder / "r", "--quiet")
    done = aespec_("train", folder / "s.yaml", "--backend", "torch", *given)
    assert done.exit_code == 0, done.output
    return folder


def test_the_truth_is_another_column_of_the_table(logged, monkeypatch):
    monkeypatch.chdir(logged)
    given = ("--data", "x.csv", "--by", "step", "--truth")
    assert scored("r", *given, "fault") == scored("r", *given, "fault.npy")
    done = aespec_("score", "r", *given, "fualt")
    assert "there is no file `fualt`, and no such column in x.csv" in done.stderr
    assert "did you mean `fault`?" in done.stderr


def test_it_is_told_how_many_anomalies_are_found_as_events(logged, monkeypatch):
    monkeypatch.chdir(logged)
    Path("spans.csv").write_text("start,end\n2,3\n15,19\n")
    given = ("score", "r", "--data", "x.csv", "--by", "step", "--truth", "spans.csv")
    every = aespec_(*given, "--threshold", 0.0).output
    assert "these are steps; anomalies in truth that an event overlaps: 2 of 2\n" in every
    none = aespec_(*given, "--threshold", 1e6).output
    assert "anomalies in truth that an event overlaps: 0 of 2\n" in none


def test_steps_are_called_by_a_column(logged, monkeypatch):
    monkeypatch.chdir(logged)
    options = ("r", "--data", "x.csv", "--by", "step", "--threshold", 0.01, "--index", "at", "-o", "s.csv")
    first, *_ = scored(*options)["events"]
    assert first["index"] == {name: f"2026-05-01T10:{first[name]:02}:00" for name in ("start", "end", "peak")}
    table = read_table(Path("s.csv"))
    assert list(table) == ["step", "at", "error", "anomaly"]
    assert list(table["at"]) == [f"2026-05-01T10:{int(step):02}:00" for step in table["step"]]
    assert f"2026-05-01T10:{first['peak']:02}:00" in aespec_("score", *options).output
    aespec_("score", "r", "--data", "x.csv", "--index", "at", "-o", "s.csv")
    table = read_table(Path("s.csv"))
    assert list(table["at"]) == [f"2026-05-01T10:{int(start):02}:00" for start in table["start"]]


def test_a_column_that_is_called_as_those_of_scores_takes_no_place(logged, monkeypatch):
    monkeypatch.chdir(logged)
    Path("e.csv").write_text(Path("x.csv").read_text().replace("at,", "error,", 1))
    assert scored("r", "--data", "e.csv", "--by", "step", "--index", "error", "-o", "s.csv")
    table = read_table(Path("s.csv"))
    assert list(table) == ["step", "index", "error", "anomaly"]
    assert table["index"][3] == "2026-05-01T10:03:00"


@pytest.mark.parametrize(
    ("named", "start", "end"),
    [
        (lambda i: 10 * i, 150, 190),
        (lambda i: 1_777_629_600 + i, 1_777_629_615, 1_777_629_619),
        (lambda i: i / 4, 3.75, 4.75),
        (lambda i: f"{1 + i // 24:02}.05.2026 {i % 24:02}:00", "01.05.2026 15:00", "01.05.2026 19:00"),
        (lambda i: f"2026-05-{1 + i // 5:02}T{i % 5:02}:00", "2026-05-04", "2026-05-04"),
    ],
    ids=["seconds", "epoch", "quarters", "German", "a whole day"],
)
def test_the_truth_is_in_the_units_of_the_index(named, start, end, logged, monkeypatch):
    monkeypatch.chdir(logged)
    head, *rows = Path("x.csv").read_text().splitlines()
    rows = [f"{named(i)},{row.partition(',')[2]}" for i, row in enumerate(rows)]
    Path("n.csv").write_text("\n".join([head, *rows]) + "\n")
    Path("spans.csv").write_text(f"start,end\n{start},{end}\n")
    given = ("--data", "n.csv", "--by", "step", "--index", "at", "--truth")
    assert scored("r", *given, "spans.csv") == scored("r", *given, "fault.npy")


def test_events_are_apart_as_is_asked(logged, monkeypatch):
    monkeypatch.chdir(logged)
    given = ("r", "--data", "x.csv", "--by", "step")
    joined, parts = (scored(*given, "--contamination", 0.3, *more)["events"] for more in ((), ("--apart", 1)))
    assert len(joined) < len(parts)
    assert (parts[0]["start"], parts[-1]["end"]) == (joined[0]["start"], joined[-1]["end"])
    said = aespec_("score", *given, "--threshold", 0.01).output
    assert "events are 100% of the series: alarms that are less than a window apart are one" in said


@pytest.mark.parametrize("data", ["x.csv", "x.npy"])
def test_a_column_that_is_not_there_calls_nothing(data, logged, monkeypatch):
    monkeypatch.chdir(logged)
    np.save("x.npy", np.zeros((40, 2)))
    done = aespec_("score", "r", "--data", data, "--index", "time")
    assert done.exit_code == 1
    assert f"{data} has no column `time`" in done.stderr


def test_the_truth_is_read_from_times(logged, monkeypatch):
    monkeypatch.chdir(logged)
    Path("spans.csv").write_text("start,end\n2026-05-01 10:15,2026-05-01 10:19:30\n")
    given = ("--data", "x.csv", "--by", "step", "--index", "at", "--truth")
    assert scored("r", *given, "spans.csv") == scored("r", *given, "fault.npy")
    for text in (
        "2026-05-01 10:19,2026-05-01 10:15",
        "2027-01-01,2027-02-01",
        "x,y",
        "2026-05-01T10:15:00Z,2026-05-02",
    ):
        Path("spans.csv").write_text(f"start,end\n{text}\n")
        done = aespec_("score", "r", *given, "spans.csv")
        assert done.exit_code == 1
        assert "as `--index` has them, 2026-05-01T10:00:00 to 2026-05-01T10:39:00" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.csv", "step,fault\n0,1\n", "t.csv does not say which column labels samples"),
        ("t.csv", "0,1\n", "2 columns without names"),
        ("t.csv", "", "t.csv holds no samples"),
        ("t.csv", "0\n1\n", "wanted: 50 labels, along one axis"),
        ("t.txt", "normal\nodd\n", "wanted: 50 labels, along one axis"),
        ("t.csv", "note,label\na,0\nb\n", "t.csv has rows of different lengths"),
        ("t.csv", None, "wanted: a .npy, .csv or .txt file with a label"),
    ],
)
def test_text_that_holds_no_truth_is_refused(name, text, said, run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    done = aespec_("score", run, "--truth", name)
    assert done.exit_code == 1, done.output
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_a_picture_of_curves_says_what_its_numbers_are(drawn):
    truth, scores = np.array([False, True, False, True]), np.array([1.0, 2.0, 3.0, 4.0])
    ranking_curves({"error": ranking(truth, scores), "surprise": ranking(truth, -scores)}, "p.png")
    found = [[each.get_legend().get_title().get_text(), *texts(each.get_legend().texts)] for each in drawn[0].axes]
    assert found == [  # 3 of 4 pairs are in order; 1/2 * 1 + 1/2 * 2/3, and in the other order 1/2 * 1/2 + 1/2 * 2/4
        ["area under the curve", "error: 0.750", "surprise: 0.250", "by chance: 0.500"],
        ["average precision", "error: 0.833", "surprise: 0.500", "by chance: 0.500"],
    ]


@pytest.fixture
def drawn(monkeypatch):
    """Figures that were drawn, instead of files."""
    found = []
    monkeypatch.setattr("aespec.uses.anomaly_picture.save", lambda figure, path: found.append(figure))
    return found


def texts(artists):
    return [artist.get_text() for artist in artists]


@pytest.mark.parametrize(
    ("features", "columns", "legend", "said"),
    [
        (1, None, [], "dashed"),
        (2, None, ["feature 0", "feature 1"], "dashed"),
        (2, ["heat", "$flow"], ["heat", "$flow"], "dashed"),
        (9, None, [f"feature {i}" for i in range(1, 9)], "dashed\nthe 8 of 9 features with the largest errors"),
    ],
)
def test_the_picture_of_a_series_tells_its_steps_and_its_columns(features, columns, legend, said, drawn):
    x = np.zeros((1, 4, features)) + np.arange(features)  # restored as zeros: the last has the largest error
    worst_samples(x, 0 * x, ["steps 96 to 99"], "p.png", images=False, columns=columns, starts=[96])
    (figure,) = drawn
    above, below = figure.axes
    assert above.lines[0].get_xdata().tolist() == [96, 97, 98, 99]
    area = to_hex(below.collections[0].get_facecolor()[0])
    assert area not in {line.get_color() for line in above.lines}
    assert below.get_xlim()[0] > 90
    assert [text for each in figure.legends for text in texts(each.get_texts())] == legend
    assert figure.get_suptitle().endswith(said)


@pytest.mark.parametrize(
    ("features", "bars", "said"),
    [
        (13, 13, "squared error"),
        (30, 16, "squared error; of each sample the 16 of 30 features with the largest errors"),
    ],
)
def test_the_picture_of_a_table_tells_of_how_many_features_it_is(features, bars, said, drawn):
    x = np.arange(2.0 * features).reshape(2, features)
    worst_samples(x, 0 * x, ["one", "two"], "p.png", images=False, columns=[f"c{i}" for i in range(features)])
    (figure,) = drawn
    for axes in figure.axes:
        assert texts(axes.get_yticklabels()) == [f"c{i}" for i in reversed(range(features - bars, features))]
    assert figure.get_supxlabel() == said


def course_of(scores, limit, truth=None, places=None):
    """The axes that a course is drawn in."""
    axes = blank(8, 2).subplots()
    scores = np.asarray(scores, float)
    places = np.arange(len(scores)) if places is None else np.asarray(places)
    draw_course(axes, Course("error", places, scores, limit, None if truth is None else np.asarray(truth, bool)))
    return axes


def shades(axes):
    """From where to where there are anomalies in truth."""
    return [(min(x), max(x)) for each in axes.collections for x in (path.vertices[:, 0] for path in each.get_paths())]


@pytest.mark.parametrize(
    ("scores", "limit", "scale"),
    [
        ([1, 10, 100], 2, "log"),
        ([0, 1, 2], 1, "linear"),
        ([1, 2], 0, "linear"),
        ([-1, 2], 1, "linear"),
        ([3], 2, "log"),
    ],
)
def test_a_course_has_each_score_and_the_threshold(scores, limit, scale):
    axes = course_of(scores, limit, places=range(5, 5 + len(scores)))
    line, threshold = axes.lines
    assert line.get_xydata().tolist() == [[5 + i, score] for i, score in enumerate(scores)]
    assert {*threshold.get_ydata()} == {limit}
    assert axes.get_yscale() == scale
    assert texts(axes.get_legend().texts) == [f"threshold {limit}"]
    assert axes.get_title(loc="left") == "error"


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ([0, 1, 1, 0, 1], [(0.5, 2.5), (3.5, 4.5)]),
        ([1, 1, 1, 1, 1], [(-0.5, 4.5)]),
        ([0, 0, 0, 0, 0], []),
    ],
)
def test_a_course_is_shaded_where_anomalies_are(truth, expected):
    assert shades(course_of([1, 2, 3, 4, 5], 2, truth)) == expected


def test_of_a_long_course_nothing_that_is_high_or_true_is_lost():
    scores, truth = np.ones(50_000), np.arange(50_000) == 31_000
    scores[[7, 31_000]] = 8, 9
    axes = course_of(scores, 2, truth)
    x, y = axes.lines[0].get_xydata().T
    assert len(x) == 1471  # 50,000 by 34, the least number that leaves no more than 1,500
    assert sorted(y)[-3:] == [1, 8, 9]
    assert abs(x[y == 9] - 31_000) < 34
    assert axes.get_title(loc="left") == "error (line: highest of every 34 steps; band: down to the lowest)"
    begin, end = shades(axes)[0]
    assert begin < 31_000 < end < begin + 35


def test_a_course_has_gaps_where_steps_have_no_score():
    places, truth = [0, 1, 2, 10, 11, 20], [0, 0, 1, 1, 0, 1]  # nothing is known of 3 to 9, nor of 12 to 19
    axes = course_of([1, 2, 3, 4, 5, 6], 2, truth, places)
    x, y = axes.lines[0].get_xydata().T
    np.testing.assert_array_equal(x, [0, 1, 2, nan, 10, 11, nan, 20])
    np.testing.assert_array_equal(y, [1, 2, 3, nan, 4, 5, nan, 6])
    assert shades(axes) == [(1.5, 2.5), (9.5, 10.5), (19.5, 20.5)]


def test_a_long_course_with_gaps_has_a_line_and_a_band_for_each_piece():
    """Of 128 steps out of every 200, as windows of 128 lie that begin 200 apart."""
    places = np.flatnonzero(np.arange(20_000) % 200 < 128)  # 12,800: every nine as one
    axes = course_of(1 + places % 7, 2, places == 600, places)
    x = axes.lines[0].get_xdata()
    assert np.isnan(x).sum() == 99
    assert len(x) == 100 * 15 + 99  # 128 by 9 are 15
    assert {*(x[np.isfinite(x)] % 200)} == {*range(4, 128, 9), 126.5}  # the middles of 0 to 8, ..., 126 and 127
    (band,) = (each for each in axes.collections if len(each.get_paths()) == 100)
    widths = {path.vertices[:, 0].max() - path.vertices[:, 0].min() for path in band.get_paths()}
    assert widths == {122.5}
    assert (599.5, 608.5) in shades(axes)


def test_a_score_between_gaps_is_a_dot():
    axes = course_of(np.arange(20.0), 2, places=[*range(10), 50, *range(90, 99)])
    assert axes.lines[0].get_markevery() == [11]


@pytest.mark.parametrize("by", ["sample", "step"])
def test_the_picture_of_a_series_has_its_course_above(by, series, drawn, tmp_path):
    given = ("--data", series.parent / "other.npy", "--truth", series.parent / "truth.npy", "--threshold", 0.5)
    found = scored(series, *given, "--by", by, "-n", 2, "--picture", tmp_path / "p.png", "-o", tmp_path / "s.csv")
    course = drawn[0].axes[0]
    table = {name: values.astype(float) for name, values in read_table(tmp_path / "s.csv").items()}
    places = table["step"] if by == "step" else table["start"] + 3.5  # windows of 8
    np.testing.assert_allclose(course.lines[0].get_xydata(), np.stack([places, table["error"]], axis=1))
    assert texts(course.get_legend().texts) == ["anomaly in truth", "threshold 0.5"]
    assert len(shades(course)) == 1
    assert len(drawn[0].axes) == 1 + 2 * min(2, found["samples"])


LAYERS = {
    "images": ([12, 12], ["flatten", {"dense": 3}], ["sample", "step", "feature", "pixel"]),
    "colors": ([8, 8, 3], [{"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same"}}], ["pixel", "feature"]),
    "recurrent": ([6, 2], [{"lstm": 3}], ["step", "feature", "pixel", "step,feature"]),
    "variational": ([6], [{"gaussian_latent": 2}], ["sample", "feature"]),
}


@pytest.fixture(scope="module", params=LAYERS)
def kind(request, tmp_path_factory):
    shape, layers, parts = LAYERS[request.param]
    x = np.random.default_rng(0).uniform(size=(40, *shape)).astype("float32")
    return request.param, trained(tmp_path_factory.mktemp("kind"), layers, x, shape=shape), parts


def test_every_kind_of_model_is_scored_and_drawn(kind, tmp_path):
    name, run, parts = kind
    np.save(tmp_path / "x.npy", np.load(run.parent / "run.npy")[::-1])
    np.save(tmp_path / "y.npy", np.arange(40) % 2)
    given = ("--data", tmp_path / "x.npy", "--truth", tmp_path / "y.npy", "--contamination", 0.5)
    for by in parts:
        found = scored(run, *given, "--by", by)
        assert found["samples"] == 40
        assert ("surprise" in found["ranking"]) == (name == "variational")
        if by != "sample":  # half are normal, half are not: the mean over the parts is that over the samples
            means = [part[label] for part in found["by"]["mean_errors"] for label in ("normal", "anomaly")]
            assert np.mean(means) == pytest.approx(found["errors"]["mean"])
    scored(run, *given, "--picture", tmp_path / "p.png", "--curves", tmp_path / "c.svg", "-n", 3)
    with Image.open(tmp_path / "p.png") as image:
        assert len(image.convert("RGB").getcolors(maxcolors=2**24)) > 20
    assert "<svg" in (tmp_path / "c.svg").read_text()


def test_a_variational_model_is_scored_by_its_surprise_too(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
    run = trained(tmp_path, [{"gaussian_latent": 2}], x, shape=[6])
    far = np.concatenate([x[:20], x[:3] + 30])
    np.save(tmp_path / "far.npy", far)
    given = ("--data", tmp_path / "far.npy", "-o", tmp_path / "s.csv", "--score", "surprise")
    found = scored(run, *given)
    assert (found["score"], sorted(each["sample"] for each in found["worst"])[-3:]) == ("surprise", [20, 21, 22])
    table = read_table(tmp_path / "s.csv")
    assert (table["anomaly"].astype(int) == (table["surprise"].astype(float) > found["threshold"]["value"])).all()
    assert found == scored(run, *given)
    assert found != scored(run, *given, "--seed", 1)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--quantile", 0.9, "--contamination", 0.1], 2, "each set the threshold; give one"),
        (["--threshold", 1, "--contamination", 0.1], 2, "'--contamination' and '--threshold' each set the threshold"),
        (["--quantile", 0.9, "--threshold", 1], 2, "'--quantile' and '--threshold' each set the threshold"),
        (["--threshold", "nan"], 2, "not a finite number"),
        (["--stride", 0], 2, "--stride"),
        (["--quantile", 1.5], 2, "--quantile"),
        (["--contamination", 0], 2, "--contamination"),
        (["--curves", "c.png"], 2, "needs the truth"),
        (["-o", "s.txt"], 2, "does not end in .csv, .parquet or .npy"),
        (["--picture", "p.jpg"], 2, "does not end in .png or .svg"),
        (["--by", "pixel"], 1, "have no errors by pixel"),
        (["--score", "surprise"], 1, "error[E511]"),
        (["--normal", "7"], 1, "has the label `7`"),
        (["--truth", "no-such.npy"], 1, "there is no file `no-such.npy`\n   = wanted: a .npy"),
        (["--by", "step"], 1, "have no errors by step"),
        (["--truth", "three.npy"], 1, "50 labels, along one axis"),
        (["--truth", "text.npy"], 1, "do not say which samples are anomalies"),
        (["--truth", "gaps.npy"], 1, "3 of 50 labels of gaps.npy are missing"),
        (["--data", "gaps.npz", "--truth", "labels"], 1, "3 of 50 labels of gaps.npz are missing"),
        (["--data", "bare.npy", "--truth", "labels"], 1, "has no labels"),
        (["--data", "wide.npy"], 1, "error[E402]"),
        (["--data", "nan.npy"], 1, "error[E403]"),
        (["--data", "empty.npy"], 1, "there are no samples"),
        (["--data", "text.npy"], 1, "error[E404]"),
        (["--normal", "0,1"], 0, "in truth all are normal, so that there is no AUROC"),
        (["--normal", "0,1", "--curves", "c.png"], 1, "there are no curves to draw"),
        (["--data", "one.npy"], 0, "1 sample of one.npy"),
        (["--data", "one.npy", "--contamination", 0.1], 0, "of 1 sample, no 95 % interval)"),
        (["--data", "one.npy", "--contamination", 0.1], 0, "note: 1 sample is too few"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_scored_is_said(options, code, said, run, rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = rows["x_test"]
    files = {"bare": x, "wide": x[:, :4], "nan": x * nan, "empty": x[:0], "one": x[:1]}
    files |= {"three": np.arange(3), "text": np.array(["a", "b"] * 25)}
    files["gaps"] = np.where(np.arange(50) < 47, 0, nan)
    for name, values in files.items():
        np.save(f"{name}.npy", values)
    np.savez("gaps.npz", x=x, y=files["gaps"])
    done = aespec_("score", run, *options)
    assert done.exit_code == code, done.output
    assert said in done.output
    assert "Traceback" not in done.output


def test_few_samples_are_said_not_to_tell_a_quantile(run):
    assert "50 held-out samples are too few to say well where the 0.99 quantile lies" in aespec_("score", run).stdout


def test_without_scikit_learn_there_are_scores_and_the_command_to_install_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert aespec_("score", run).exit_code == 0
    done = aespec_("score", run, "--truth", "labels")
    assert done.exit_code == 1
    assert "pip install 'aespec[data]'" in done.stderr
