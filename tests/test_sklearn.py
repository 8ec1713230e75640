"""The scikit-learn estimator: the conventions that scikit-learn checks, and that what it computes is the model's."""

import copy
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import aespec
from aespec.cli import main
from aespec.course import build
from aespec.sklearn import Autoencoder, table_spec
from aespec.source.yaml_dump import dump_yaml
from aespec.training import fit

ROOT = Path(__file__).parent.parent
SPECS = ROOT / "specs"

SPEC = {
    "input": [4],
    "encoder": [{"dense": {"units": 3, "activation": "tanh"}}, {"dense": 2}],
    "decoder": "mirror",
    "training": {"epochs": 2, "batch_size": 16, "validation_split": 0.2, "seed": 3, "dtype": "float64"},
}


@pytest.fixture(scope="module")
def iris():
    x = load_iris().data
    return x[np.random.default_rng(0).permutation(len(x))]


@pytest.fixture(scope="module")
def fitted(iris):
    return Autoencoder(epochs=3, random_state=0).fit(iris)


# -- conventions -------------------------------------------------------------------------------------------------------


@parametrize_with_checks([Autoencoder(epochs=3, backend=backend) for backend in ("torch", "keras")])
def test_scikit_learn_finds_nothing_wrong(estimator, check):
    check(estimator)


@pytest.mark.parametrize("spec", [SPECS / "stacked.yaml", aespec.parse(SPEC), SPEC], ids=["path", "spec", "mapping"])
def test_a_clone_has_the_same_parameters(spec):
    given = Autoencoder(spec, overrides={"training.epochs": 3}, code_size=2, contamination=0.2, random_state=1)
    copied = clone(given)
    assert copied is not given
    assert copied.get_params() == given.get_params()


def test_nothing_is_imported_before_it_is_needed():
    code = "import sys, aespec.sklearn as s; s.Autoencoder(); print({'torch', 'keras', 'tensorflow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    assert done.stderr == ""


# -- the model ---------------------------------------------------------------------------------------------------------


def test_it_trains_as_aespec_does(iris):
    spec = aespec.parse(SPEC)
    found = Autoencoder(spec).fit(iris)
    model = build(spec, backend="torch").model
    epochs = fit(model, iris, spec.training)
    for name, value in model.weights().items():
        np.testing.assert_array_equal(found.model_.weights()[name], value, err_msg=name)
    assert found.n_iter_ == len(epochs) == 2
    assert found.loss_curve_ == [epoch.losses["total"] for epoch in epochs]
    assert [row["val_total"] for row in found.history_] == [epoch.validation["total"] for epoch in epochs]


def test_what_it_gives_is_what_the_model_gives(iris, fitted):
    x = (iris - iris.mean(axis=0)) / iris.std(axis=0)
    codes = fitted.transform(iris)
    np.testing.assert_allclose(codes, fitted.model_.encode(x), rtol=1e-12, atol=1e-12)
    restored = fitted.model_.decode(codes)
    np.testing.assert_allclose(fitted.inverse_transform(codes), restored * iris.std(axis=0) + iris.mean(axis=0))
    np.testing.assert_allclose(fitted.feature_errors(iris), (x - restored) ** 2, rtol=1e-9)
    np.testing.assert_allclose(fitted.score_samples(iris), -((x - restored) ** 2).mean(axis=1), rtol=1e-9)
    assert fitted.score(iris) == pytest.approx(-((x - restored) ** 2).mean(), rel=1e-9)


def test_a_linear_one_restores_what_pca_restores():
    """Trained to the end, two linear layers and the squared error span the plane of the first two components."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    x = rng.normal(size=(200, 3)) * [1.5, 1, 0.3] @ axes + 1
    pca = PCA(2).fit(x)
    residuals = ((pca.inverse_transform(pca.transform(x)) - x) ** 2).mean(axis=1)
    plan = {"epochs": 200, "batch_size": 50, "learning_rate": 0.1}
    found = Autoencoder(SPECS / "pca.yaml", overrides={"training.schedule": "cosine"}, **plan).fit(x)
    np.testing.assert_allclose(found.decision_scores_, residuals, rtol=0.01, atol=0.01 * residuals.mean())
    assert -found.score(x) == pytest.approx(residuals.mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("scaling", "scaler"), [("standard", StandardScaler()), ("minmax", MinMaxScaler()), (None, None)]
)
def test_scaling_is_that_of_scikit_learn_on_what_is_trained_on(iris, scaling, scaler):
    found = Autoencoder(SPEC, scaling=scaling).fit(iris)
    x = iris if scaler is None else scaler.fit(iris[:120]).transform(iris)  # the last fifth of 150 is held out
    outside = Autoencoder(SPEC, scaling=None).fit(x)
    np.testing.assert_allclose(found.decision_scores_, outside.decision_scores_, rtol=1e-9)
    restored = outside.inverse_transform(outside.transform(x))
    restored = restored if scaler is None else scaler.inverse_transform(restored)
    np.testing.assert_allclose(found.inverse_transform(found.transform(iris)), restored, rtol=1e-9)


def test_a_constant_feature_is_only_moved():
    """The mean of 997 times 0.1 is off by its last bit; that is no deviation to divide by."""
    x = np.column_stack([np.random.default_rng(0).normal(size=997), np.full(997, 0.1)])
    found = Autoencoder(epochs=1, random_state=0).fit(x)
    assert found.feature_errors(x + np.array([0, 1]))[:, 1].max() < 10


@pytest.mark.parametrize("backend", ["keras", "torch"])
def test_a_pickle_or_a_copy_is_as_good(iris, backend):
    found = Autoencoder(backend=backend, epochs=2, random_state=0, contamination=0.1).fit(iris)
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found), pickle.loads(pickle.dumps(clone(found)))):
        if not hasattr(other, "offset_"):
            other.fit(iris)
        np.testing.assert_array_equal(other.transform(iris), found.transform(iris))
        np.testing.assert_array_equal(other.predict(iris), found.predict(iris))
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(found))))
    np.testing.assert_array_equal(again.score_samples(iris), found.score_samples(iris))


def test_what_is_done_to_the_model_is_pickled(iris):
    found = Autoencoder(epochs=1, random_state=0).fit(iris)
    found.model_.load_weights({name: 0 * value for name, value in found.model_.weights().items()})
    assert not pickle.loads(pickle.dumps(found)).transform(iris).any()


def test_backends_agree(iris):
    torch, keras = (Autoencoder(backend=name, epochs=3, random_state=0).fit(iris) for name in ("torch", "keras"))
    np.testing.assert_allclose(torch.transform(iris), keras.transform(iris), rtol=1e-6)
    np.testing.assert_allclose(torch.loss_curve_, keras.loss_curve_, rtol=1e-6)


# -- parameters --------------------------------------------------------------------------------------------------------


def test_parameters_change_the_spec(iris):
    found = Autoencoder(
        SPEC,
        overrides={"encoder.0.dense.units": np.int64(5), "training.clip_norm": 1e-3},
        code_size=1,
        epochs=3,
        batch_size=10,
        learning_rate=0.5,
        scaling="minmax",
        random_state=np.random.RandomState(5),
    ).fit(iris)
    plan = found.spec_.training
    assert [layer.units for layer in found.spec_.encoder] == [5, 1]
    assert (plan.clip_norm, plan.epochs, plan.batch_size, plan.optimizer.learning_rate) == (1e-3, 3, 10, 0.5)
    assert found.spec_.input.scaling == "minmax"
    assert plan.seed == np.random.RandomState(5).randint(2**31 - 1)
    assert (found.n_iter_, found.transform(iris).shape) == (3, (150, 1))


@pytest.mark.parametrize(
    ("encoder", "place"),
    [
        ([{"dense": 3}, {"dense": 2}, "flatten", {"dropout": 0.1}, {"activation": "tanh"}], 1),
        ([{"dense": 3}, {"gaussian_latent": 2}], 1),
        ([{"reshape": [2, 2]}, {"dense": 3}, {"lstm": 2}, {"batch_normalization": {}}], 2),
        ([{"reshape": [2, 2]}, {"dense": 3}, {"bidirectional": {"layer": {"lstm": 2}}}], None),
    ],
)
def test_the_code_has_the_width_of_the_last_layer_with_units(iris, encoder, place):
    decoder = [{"dense": 4}]
    found = Autoencoder({"input": [4], "encoder": encoder, "decoder": decoder}, code_size=1, epochs=1)
    if place is None:
        with pytest.raises(aespec.AespecError, match="which has none"):
            found.fit(iris)
        return
    assert found.fit(iris).transform(iris).shape == (150, 1)
    given = [getattr(layer, "units", None) for layer in aespec.parse(found.spec).encoder]
    given[place] = 1
    assert [getattr(layer, "units", None) for layer in found.spec_.encoder] == given


@pytest.mark.parametrize(("features", "dtype"), [(1, "float64"), (4, "float32"), (30, "float64")])
def test_without_a_spec_a_table_gets_one(features, dtype):
    x = np.random.default_rng(0).normal(size=(20, features)).astype(dtype)
    found = Autoencoder(epochs=1, random_state=0).fit(x)
    spec = table_spec(features, dtype)
    assert found.spec_.encoder == spec.encoder
    assert found.transform(x).shape == (20, int(features**0.5))
    assert found.transform(x).dtype == found.inverse_transform(found.transform(x)).dtype == dtype


def test_a_seed_is_the_specs_unless_another_is_given(iris):
    def scores(*spec, **parameters):
        return Autoencoder(*spec, epochs=1, **parameters).fit(iris).decision_scores_

    np.testing.assert_array_equal(scores(SPEC), scores(SPEC))
    np.testing.assert_array_equal(scores(random_state=1), scores(random_state=1))
    assert not np.array_equal(scores(SPEC), scores(SPEC, random_state=1))
    assert not np.array_equal(scores(), scores())


@pytest.mark.parametrize(
    ("parameters", "error", "says"),
    [
        ({"contamination": 0.7}, ValueError, "contamination must be 'auto' or a share in (0, 0.5], not 0.7"),
        ({"contamination": "all"}, ValueError, "not 'all'"),
        ({"scaling": "robust"}, ValueError, "scaling must be 'auto', 'standard', 'minmax' or None, not 'robust'"),
        ({"spec": 3}, TypeError, "spec must be a path, YAML, a mapping or an aespec.Spec, not int"),
        ({"spec": "nowhere.yaml"}, aespec.AespecError, "there is no file `nowhere.yaml`"),
        ({"spec": "input: [4]\nencoder: []\ndecoder: mirror"}, aespec.AespecError, "`encoder`"),
        ({"spec": "encoder: [denze: 3]"}, aespec.AespecError, "`denze`"),
        ({"spec": {**SPEC, "input": [5]}}, aespec.AespecError, "X does not have the shape that the spec's input"),
        ({"epochs": 0}, aespec.AespecError, "`epochs`"),
        ({"learning_rate": -1.0}, aespec.AespecError, "`learning_rate`"),
        ({"overrides": {"encoder.7.dense.units": 2}}, aespec.AespecError, "`encoder` has 2 items"),
        ({"backend": "numpy"}, aespec.AespecError, "cannot be trained"),
        (
            {"spec": SPECS / "conv.yaml", "code_size": 3},
            aespec.AespecError,
            "the encoder's last layer with a kernel, which has none",
        ),
        ({"spec": {**SPEC, "loss": "binary_crossentropy"}}, aespec.AespecError, "values from 0 to 1"),
    ],
)
def test_parameters_that_cannot_be_are_refused(iris, parameters, error, says):
    with pytest.raises(error) as refused:
        Autoencoder(**parameters).fit(iris)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((1, 4)), "1 sample"),
        (np.zeros((0, 4)), "0 sample"),
        (np.full((9, 4), np.nan), "contains NaN"),
        ([["a", "b"], ["c", "d"]], "could not convert string to float"),
        (np.zeros((3, 4, 4)), "dim 3"),
        (np.zeros(4), "1D array"),
    ],
)
def test_samples_that_cannot_be_are_refused(x, says):
    with pytest.raises(ValueError, match=says):
        Autoencoder(epochs=1).fit(x)


def test_early_stopping_and_phases_are_in_the_history(iris):
    plan = {"early_stopping": {"patience": 1, "min_delta": 1e9}, "greedy": {"epochs": 2}}
    found = Autoencoder({**SPEC, "training": {**SPEC["training"], **plan}}, epochs=9).fit(iris)
    assert [(row["phase"], row["epoch"]) for row in found.history_] == [
        ("encoder/dense_1", 1),
        ("encoder/dense_1", 2),
        ("encoder/dense_2", 1),
        ("encoder/dense_2", 2),
        ("", 1),
        ("", 2),
    ]
    assert found.n_iter_ == len(found.loss_curve_) == 2


def test_validation_samples_of_a_file_are_measured_as_those_in_memory(iris, tmp_path):
    np.save(tmp_path / "held.npy", iris[120:])
    plan = {**SPEC["training"], "validation_split": 0, "validation_data": str(tmp_path / "held.npy")}
    held = Autoencoder({**SPEC, "training": plan}, scaling="standard").fit(iris[:120])
    whole = Autoencoder(SPEC, scaling="standard").fit(iris)
    assert [row["val_total"] for row in held.history_] == [row["val_total"] for row in whole.history_]
    assert len(held.decision_scores_) == 120


# -- shapes ------------------------------------------------------------------------------------------------------------

IMAGES = {
    "input": {"shape": [8, 8], "range": [0, 1]},
    "encoder": [{"reshape": [8, 8, 1]}, {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same"}}],
    "decoder": "mirror",
    "training": {"epochs": 1},
}
SERIES = {"input": [None, 8], "encoder": [{"lstm": 3}], "decoder": {"mirror": {"length": 8}}, "training": {"epochs": 1}}


@pytest.mark.parametrize(("spec", "width"), [(IMAGES, 128), (SERIES, 3)], ids=["images", "series"])
def test_samples_with_axes_may_come_as_rows(spec, width):
    images = load_digits().images[:60] / 16
    found, other = Autoencoder(spec).fit(images), Autoencoder(spec).fit(images.reshape(60, 64))
    assert found.n_features_in_ == other.n_features_in_ == 64
    codes = found.transform(images)
    assert codes.shape == (60, width) == (60, len(found.get_feature_names_out()))
    np.testing.assert_array_equal(other.transform(images.reshape(60, 64)), codes)
    np.testing.assert_array_equal(other.predict(images), found.predict(images))
    assert found.inverse_transform(codes).shape == found.feature_errors(images).shape == (60, 64)
    with pytest.raises(aespec.AespecError, match="not the shape of those that the model was trained on"):
        found.transform(images.reshape(60, 4, 16))
    with pytest.raises(ValueError, match="expecting 64 features"):
        found.transform(images[:, :7].reshape(60, 56))
    with pytest.raises(ValueError, match=f"a code has {width}"):
        found.inverse_transform(codes[:, 1:])


@pytest.mark.parametrize("stride", [None, 2])
def test_a_long_series_is_refused_and_the_help_cuts_windows(stride):
    spec = {**SPEC, "input": {"shape": [4, 3], "stride": stride}, "encoder": ["flatten", {"dense": 2}]}
    series = np.random.default_rng(0).random((30, 3))
    with pytest.raises(aespec.AespecError, match="takes windows") as caught:
        Autoencoder(spec).fit(series)
    cut = re.search("`(.*)`", caught.value.diagnostics[0].help)[1]
    windows = eval(cut, {"numpy": np, "X": series})  # what the message says is to work
    np.testing.assert_array_equal(windows[1], series[stride or 1 :][:4])
    assert Autoencoder(spec).fit(windows).transform(windows).shape == (len(windows), 2)


# -- tables, pipelines, searches ---------------------------------------------------------------------------------------


def test_data_frames_keep_their_names(iris):
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    x = pd.DataFrame(iris, columns=names, index=pd.RangeIndex(1000, 1150))
    found = Autoencoder(epochs=1, random_state=0).set_output(transform="pandas").fit(x)
    codes, errors = found.transform(x), found.feature_errors(x)
    assert list(found.feature_names_in_) == names
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    assert list(errors.columns) == names
    assert codes.index.equals(x.index)
    assert errors.index.equals(x.index)
    np.testing.assert_allclose(errors.mean(axis=1), -found.score_samples(x))
    with pytest.raises(ValueError, match="feature names should match"):
        found.transform(x.rename(columns={"petal_width": "width"}))


def test_a_search_varies_the_spec_in_a_pipeline(iris):
    labels = iris[:, 3] > 1
    chain = make_pipeline(StandardScaler(), Autoencoder(SPEC, epochs=40, learning_rate=0.05), LogisticRegression())
    grid = {"autoencoder__code_size": [1, 2], "autoencoder__overrides": [None, {"encoder.0.dense.units": 6}]}
    found = GridSearchCV(chain, grid, cv=2, error_score="raise").fit(iris[:, :4], labels)
    widths = [layer.units for layer in found.best_estimator_["autoencoder"].spec_.encoder]
    given = found.best_params_
    assert widths == [6 if given["autoencoder__overrides"] else 3, given["autoencoder__code_size"]]
    assert found.best_score_ > 0.8


def test_a_search_without_labels_goes_by_the_error(iris):
    """Two numbers hold more of four than one does."""
    alone = Autoencoder(SPEC, scaling="standard", epochs=60, learning_rate=0.02)
    found = GridSearchCV(alone, {"code_size": [1, 2]}, cv=2, error_score="raise").fit(iris)
    assert found.best_params_ == {"code_size": 2}


# -- outliers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contamination", [0.1, "auto"])
def test_the_threshold_is_where_it_is_said_to_be(iris, contamination):
    found = Autoencoder(epochs=2, random_state=0, contamination=contamination).fit(iris)
    errors = found.decision_scores_
    if contamination == "auto":
        low, high = np.percentile(errors, [25, 75])
        assert found.threshold_ == pytest.approx(high + 1.5 * (high - low))
    else:
        assert found.labels_.sum() == 15  # a tenth of 150
    np.testing.assert_array_equal(found.score_samples(iris), -errors)
    np.testing.assert_allclose(found.decision_function(iris), found.threshold_ - errors)
    np.testing.assert_array_equal(found.labels_, errors > found.threshold_)
    np.testing.assert_array_equal(found.predict(iris), 1 - 2 * found.labels_)
    np.testing.assert_array_equal(clone(found).fit_predict(iris), found.predict(iris))


def test_what_lies_far_off_is_an_outlier(iris):
    found = Autoencoder(random_state=0).fit(iris)
    assert (found.predict(iris.mean(axis=0) + np.array([[9, 0, 0, 0], [0, -9, 0, 9]])) == -1).all()
    assert found.predict([np.median(iris, axis=0)]) == 1


@pytest.mark.filterwarnings("ignore")
def test_pyod_takes_its_scores(iris, capsys):
    pytest.importorskip("pyod")
    from pyod.models.base import BaseDetector
    from pyod.utils.data import evaluate_print, precision_n_scores
    from pyod.utils.utility import score_to_label

    truth = np.r_[np.zeros(150), np.ones(10)].astype(int)
    x = np.r_[iris, iris[:10] + np.array([4, -4, 4, -4])]
    found = Autoencoder(epochs=20, random_state=0, contamination=0.1).fit(iris)
    scores = -found.score_samples(x)
    evaluate_print("Autoencoder", truth, scores)
    assert capsys.readouterr().out == "Autoencoder ROC:1.0, precision @ rank n:1.0\n"
    assert precision_n_scores(truth, scores) == 1
    np.testing.assert_array_equal(score_to_label(found.decision_scores_, 0.1), found.labels_)

    class Detector(BaseDetector):
        fit = decision_function = None

        def __init__(self):
            super().__init__(contamination=0.1)

    theirs = Detector()
    theirs.decision_scores_ = found.decision_scores_
    theirs._process_decision_scores()
    assert found.threshold_ == pytest.approx(theirs.threshold_, rel=1e-12)
    np.testing.assert_array_equal(found.labels_, theirs.labels_)


# -- runs --------------------------------------------------------------------------------------------------------------


def test_a_run_is_an_estimator(iris, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = {**SPEC, "input": {"shape": [4], "scaling": "standard"}}
    Path("spec.yaml").write_text(dump_yaml(spec))
    pd.DataFrame(iris, columns=list("abcd")).to_csv("x.csv", index=False)
    done = CliRunner().invoke(main, ["train", "spec.yaml", "--backend", "torch", "--data", "x.csv", "--quiet"])
    assert done.exit_code == 0, done.output
    found, fitted = Autoencoder.from_run("runs/spec-torch", contamination=0.1), Autoencoder(spec).fit(iris)
    table = pd.DataFrame(iris, columns=list("abcd"))
    assert list(found.feature_names_in_) == list("abcd")
    np.testing.assert_allclose(found.score_samples(table), fitted.score_samples(iris), rtol=1e-9)
    np.testing.assert_allclose(found.loss_curve_, fitted.loss_curve_, rtol=1e-12)
    # The samples that the run was trained on settle the threshold, 120 of the 150; 12 of them are a tenth.
    assert (len(found.decision_scores_), found.labels_.sum()) == (120, 12)
    again = clone(found).fit(table)
    np.testing.assert_allclose(again.score_samples(table), found.score_samples(table), rtol=1e-9)
    with pytest.raises(aespec.AespecError, match="is not the folder of a finished run"):
        Autoencoder.from_run("runs/other")


# -- the page ----------------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"\d+(?:\.\d+)?")


def test_what_the_page_shows_is_so(tmp_path, monkeypatch, capsys):
    """Its blocks, from top to bottom; their numbers to a tenth, as other machines round otherwise."""
    page = (ROOT / "docs" / "scikit-learn.md").read_text()
    shutil.copytree(SPECS, tmp_path / "specs")
    monkeypatch.chdir(tmp_path)
    names, printed, shown = {}, "", 0
    for kind, text in re.findall(r"```(python|console|text)\n(.*?)```", page, re.DOTALL):
        if kind == "python" and "pyod" in text and find_spec("pyod") is None:
            printed = None
        elif kind == "python":
            exec(text, names)
            printed = capsys.readouterr().out
        elif kind == "console":
            done = CliRunner().invoke(main, shlex.split(text.removeprefix("$ aespec")))
            assert done.exit_code == 0, done.output
        elif printed is not None:
            shown += 1
            assert NUMBER.sub("#", printed) == NUMBER.sub("#", text), printed
            found, wanted = ([float(number) for number in NUMBER.findall(each)] for each in (printed, text))
            assert found == pytest.approx(wanted, rel=0.1, abs=0.03), printed
    assert shown >= 5
