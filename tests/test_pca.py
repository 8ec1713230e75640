"""Linear autoencoders beside PCA: those that are trained, and those whose weights are stated."""

import json
import sys

import numpy as np
import pytest
from command import aespec_
from scipy.stats import ortho_group
from sklearn.decomposition import PCA

import aespec
from aespec.data import load
from aespec.diagnostics import AespecError
from aespec.registry import find_backend
from aespec.spec import parse
from aespec.uses.pca import compare, nonlinear
from aespec.zoo import zoo

SPEC = zoo()["pca"]
DIGITS = ["--set", "input=[64]", "--set", "encoder.0.dense=10"]


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Trains a spec, by default the shipped one as it is; the folder of the run."""
    place = tmp_path_factory.mktemp("runs")

    def run(*args, backend="torch", spec=SPEC):
        folder = place / f"{len(list(place.iterdir()))}"
        done = aespec_("train", spec, "--backend", backend, *args, "-o", folder, "--quiet", "--no-report")
        assert done.exit_code == 0, done.output
        return folder

    return run


@pytest.fixture(scope="module")
def plane(train):
    return train("--data", "plane", "--epochs", 1)


def checked(folder, *args):
    done = aespec_("pca-check", folder, *args, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


# --- what training comes to -------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    ("data", "args", "components", "rank"),
    [
        ("plane", [], 2, 3),
        ("digits", DIGITS, 10, 61),  # three of the 64 pixels are zero in all of the 1,500
    ],
)
def test_the_shipped_spec_finds_the_plane_of_pca(data, args, components, rank, backend, train):
    found = checked(train("--data", data, *args, backend=backend), "--data", data)
    x = load(data, shape=(found["features"],), range=None).inputs.astype("float64")
    pca = PCA(components, svd_solver="full").fit(x)
    least = ((pca.inverse_transform(pca.transform(x)) - x) ** 2).mean()
    assert (found["components"], found["rank"]) == (components, rank)
    assert found["pca_error"] == pytest.approx(least, rel=1e-9)
    assert 0 <= found["excess"] <= 1e-6
    assert found["excess"] == found["error"] - found["pca_error"]
    assert len(found["angles"]) == components
    assert 0 <= max(found["angles"]) <= 0.1
    assert found["notes"] == []


def test_the_angles_are_those_of_the_kernel(plane):
    """Of a model that is hardly trained: what the decoder's kernel spans beside the components of scikit-learn."""
    from aespec import weights

    kernel = weights.read(plane / "weights.safetensors")["decoder/dense_1/kernel"].astype("float64")
    x = load("plane", shape=(3,), range=None).inputs.astype("float64")
    normals = np.cross(*kernel), np.cross(*PCA(2).fit(x).components_)
    cosine = abs(normals[0] @ normals[1]) / np.prod([np.linalg.norm(normal) for normal in normals])
    found = checked(plane)
    assert max(found["angles"]) == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-6)
    assert found["excess"] > 1e-3


# --- what is known of stated weights ----------------------------------------------------------------------------

AXES = np.array([[3, 0, 0], [-3, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 1], [0, 0, -1.0]])
"""Variances 3, 4/3 and 1/3 along the axes, and a mean of zero."""


def linear(width, *, bias=True, more=""):
    spec = f"name: linear\ninput: [3]\nencoder: [{{dense: {{units: {width}, use_bias: {str(bias).lower()}}}}}]\n"
    return aespec.compile(parse(spec + "decoder: mirror\nloss: mse\n" + more))


def stated(encoder, decoder, before=0.0, after=0.0):
    """Weights of a model: the code is ``(x - after) @ encoder``, give or take ``before``."""
    encoder, decoder = np.asarray(encoder, float), np.asarray(decoder, float)
    return {
        "encoder/dense_1/kernel": encoder,
        "encoder/dense_1/bias": np.full(encoder.shape[1], before) - after * np.ones(3) @ encoder,
        "decoder/dense_1/kernel": decoder,
        "decoder/dense_1/bias": after * np.ones(3) - np.full(len(decoder), before) @ decoder,
    }


@pytest.mark.parametrize("degrees", [0, 1e-5, 0.1, 30, 90])
@pytest.mark.parametrize("mean", [0.0, 1000.0])
def test_a_direction_that_is_turned(degrees, mean):
    # of the variance along PCA's direction, 3, what lies along one turned by t to the next is
    # 3 cos^2 t + 4/3 sin^2 t: less by 5/3 sin^2 t, for three numbers a sample
    turned = np.array([[np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0]])
    found = compare(linear(1), stated(turned.T, turned, before=5.0, after=mean), AXES + mean)
    assert found.angles == pytest.approx([degrees], abs=1e-9)
    assert found.pca_error == pytest.approx((4 / 3 + 1 / 3) / 3)
    assert found.excess == pytest.approx(5 / 3 * np.sin(np.radians(degrees)) ** 2 / 3, abs=1e-12)
    assert found.relative_excess == pytest.approx(found.excess / found.pca_error)
    assert found.gap == pytest.approx(1 - (4 / 3) / 3)
    assert found.centred


def test_any_basis_of_the_plane_will_do():
    """Nothing makes a decoder's directions orthogonal, nor of length one."""
    plane = np.array([[2, 1, 0], [-1, 3, 0.0]])
    found = compare(linear(2), stated(np.linalg.pinv(plane), plane), AXES)
    assert found.excess == pytest.approx(0, abs=1e-15)
    assert found.angles == pytest.approx([0, 0], abs=1e-9)


def test_a_direction_that_the_decoder_has_not_counts_as_90_degrees():
    flat = np.array([[1, 0, 0], [2, 0, 0.0]])
    found = compare(linear(2), stated([[1, 0], [0, 0], [0, 0]], flat), AXES)
    assert found.angles == pytest.approx([90, 0], abs=1e-9)
    assert found.excess == pytest.approx(4 / 3 / 3)  # the variance of the direction it lacks
    dead = compare(linear(2), stated(np.zeros((3, 2)), np.zeros((2, 3))), AXES)
    assert dead.angles == (90, 90)


@pytest.mark.parametrize("width", [2, 3])
def test_samples_that_vary_in_fewer_directions_than_the_code_has_numbers(width):
    x = AXES * [1, 1, 0] + [0, 0, 7]
    basis = np.eye(3)[:width]
    found = compare(linear(width), stated(basis.T, basis, after=7), x)
    assert (found.rank, found.components, found.pca_error, found.relative_excess) == (2, width, 0, None)
    assert found.excess == pytest.approx(0, abs=1e-15)
    assert found.angles == pytest.approx([0, 0], abs=1e-9)


def test_a_model_without_biases_has_no_mean():
    kernel = np.eye(3)[:2]
    names = {"encoder/dense_1/kernel": kernel.T, "decoder/dense_1/kernel": kernel}
    assert compare(linear(2, bias=False), names, AXES).centred
    found = compare(linear(2, bias=False), names, AXES + 1)
    assert not found.centred
    assert found.excess == pytest.approx(1 / 3)  # the square of the mean's third number, a third of the numbers


def test_samples_that_stream(tmp_path):
    x = np.random.default_rng(0).normal(size=(5000, 3)).astype("float32") * [3, 2, 1] + 5
    np.save(tmp_path / "x.npy", x.astype("float32"))
    streamed, array = (
        load(str(tmp_path / "x.npy"), shape=(3,), range=None, window=window).inputs for window in (64, None)
    )
    turned = ortho_group.rvs(3, random_state=0)[:2]
    one, other = (compare(linear(2), stated(turned.T, turned), samples) for samples in (streamed, array))
    assert one == other
    assert one.samples == 5000


@pytest.mark.parametrize(
    ("x", "got"), [(AXES[:1], "got: one sample"), (np.ones((4, 3)), "got: 4 samples, all the same")]
)
def test_samples_that_do_not_vary(x, got):
    with pytest.raises(AespecError, match="error\\[E402\\]: the samples do not vary") as caught:
        compare(linear(2), stated(np.eye(3)[:, :2], np.eye(3)[:2]), x)
    assert got in str(caught.value)


def test_samples_that_are_too_large():
    graph = aespec.compile(aespec.parse({"input": [5001], "encoder": [{"dense": 1}], "decoder": "mirror"}))
    with pytest.raises(AespecError, match="5,001 numbers are too large"):
        compare(graph, {}, np.zeros((3, 5001)))


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    with pytest.raises(AespecError, match="scipy is not installed") as caught:
        compare(linear(2), stated(np.eye(3)[:, :2], np.eye(3)[:2]), AXES)
    assert caught.value.diagnostics[0].rule.code == "E302"


# --- which layers are linear ------------------------------------------------------------------------------------

DENSE = "[8, 6]", "[flatten, {dense: 4}]"


@pytest.mark.parametrize(
    ("input", "encoder", "decoder", "bent"),
    [
        (*DENSE, "mirror", None),
        ("[8, 6]", "[{reshape: [8, 6, 1]}, {conv2d: {filters: 2, kernel_size: 3}}]", "mirror", None),
        ("[8, 6]", "[{conv1d: {filters: 2, kernel_size: 2, strides: 2}}]", "mirror", None),
        ("[8, 6]", "[{average_pool1d: 2}]", "mirror", None),
        ("[8, 6]", "[{gaussian_noise: 0.5}, {dropout: 0.5}, flatten, {dense: 4}]", "mirror", None),  # in training only
        ("[8, 6]", "[batch_normalization, flatten, {dense: 4}]", "mirror", None),  # by running averages
        ("[8, 6]", "[flatten, {gaussian_latent: 4}]", "mirror", None),  # the mean is the code
        ("[8, 6]", "[{activation: linear}, flatten, {dense: 4}]", "mirror", None),
        ("[8, 6]", "[flatten, {dense: 4}]", "{mirror: {tie_weights: true}}", None),
        ("[8, 6]", "[flatten, {dense: {units: 4, activation: relu}}]", "mirror", "encoder/dense_1"),
        ("[8, 6]", "[flatten, {dense: 4}]", "{mirror: {output_activation: sigmoid}}", "decoder/dense_1"),
        ("[8, 6]", "[flatten, {dense: 4}]", "{mirror: {output_activation: tanh}}", "decoder/dense_1"),
        ("[8, 6]", "[{activation: elu}, flatten, {dense: 4}]", "mirror", "encoder/activation_1"),
        ("[8, 6]", "[{max_pool1d: 2}]", "mirror", "encoder/max_pool1d_1"),
        ("[8, 6]", "[layer_normalization, flatten, {dense: 4}]", "mirror", "encoder/layer_normalization_1"),
        ("[8, 6]", "[{lstm: 4}]", "mirror", "encoder/lstm_1"),
    ],
)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 255.0])
def test_the_first_layer_that_is_not_linear(input, encoder, decoder, bent, scale):
    spec = parse(f"input: {input}\nencoder: {encoder}\ndecoder: {decoder}\nloss: mse")
    model = find_backend("numpy").build(aespec.compile(spec), dtype="float64")
    x = scale * np.random.default_rng(0).random((50, 8, 6))
    assert nonlinear(model, x) == bent


# --- the command ------------------------------------------------------------------------------------------------


def test_the_command_prints_both_errors_and_the_angles(plane):
    done = aespec_("pca-check", plane)
    assert done.exit_code == 0
    assert "60 training samples of plane: 3 numbers each\npca, with 2 components" in done.stdout
    for line in ("mean squared error of the autoencoder", "mean squared error of PCA", "excess", "largest angle"):
        assert line in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--loss", "mae"], "trained on `mae`, while PCA makes the squared error small"),
        (["--set", "encoder.0.dense.kernel_regularizer={l2: 0.1}"], "more terms than the squared error"),
        (["--set", "encoder=[{gaussian_noise: 0.1}, {dense: 2}]"], "trained with noise, at `encoder/gaussian_noise_1`"),
        (["--set", "encoder.0.dense.units=3"], "vary in 3 directions only, all of which PCA keeps"),
    ],
)
def test_what_keeps_a_model_from_pca_is_said(args, said, train):
    args = ["--set", "encoder.0.dense={units: 2}", *args] if "encoder.0.dense." in args[-1] else args
    assert said in aespec_("pca-check", train("--data", "plane", "--epochs", 1, *args)).stdout


def test_a_mean_that_cannot_be_learnt_is_said(train, tmp_path):
    np.save(tmp_path / "x.npy", AXES.astype("float32") + 1)
    plain = ["--set", "encoder.0.dense={units: 2, use_bias: false}", "--epochs", 1]
    assert "no bias to learn a mean with" in aespec_("pca-check", train("--data", tmp_path / "x.npy", *plain)).stdout


def test_directions_that_are_as_good_as_each_other_are_said(train, tmp_path):
    np.save(tmp_path / "x.npy", np.vstack((np.eye(3), -np.eye(3))).astype("float32"))
    done = aespec_("pca-check", train("--data", tmp_path / "x.npy", "--epochs", 1))
    assert "more variance than the next: its direction means little" in done.stdout


def test_samples_that_were_held_out_are_left_out(train):
    found = checked(train("--data", "plane", "--epochs", 1, "--validation-split", 0.25))
    assert found["samples"] == 45


def test_other_data_than_that_of_the_run(plane, tmp_path):
    same = load("plane", shape=(3,), range=None).inputs
    np.save(tmp_path / "same.npy", same)
    np.save(tmp_path / "other.npy", same[:40] * 2)
    assert checked(plane, "--data", tmp_path / "same.npy")["error"] == checked(plane)["error"]
    done = aespec_("pca-check", plane, "--data", tmp_path / "other.npy")
    assert f"warning: the run was trained on plane, not on {tmp_path / 'other.npy'}" in done.stderr
    assert "40 samples of " in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--set", "encoder.0.dense={units: 2, activation: relu}"], "`encoder/dense_1`\n"),
        (["--set", "decoder={mirror: {output_activation: tanh}}"], "`decoder/dense_1`\n"),
    ],
)
def test_a_model_that_is_not_linear_is_refused(args, said, train):
    done = aespec_("pca-check", train("--data", "plane", "--epochs", 1, *args))
    assert done.exit_code == 1
    assert "error[E303]: pca is not linear, and PCA is: at " + said in done.stderr
    assert "got: `dense`, with the activation `" in done.stderr


@pytest.mark.parametrize(
    ("save", "code"),
    [
        (lambda path: np.save(path, np.zeros((5, 4), "float32")), "E402"),
        (lambda path: np.save(path, np.zeros((0, 3), "float32")), "E402"),
        (lambda path: np.save(path, np.zeros((1, 3), "float32")), "E402"),
        (lambda path: np.save(path, np.full((5, 3), np.nan, "float32")), "E403"),
        (lambda path: np.save(path, np.full((5, 3), "text")), "E404"),
        (lambda path: None, "E401"),
    ],
)
def test_data_that_will_not_do(save, code, plane, tmp_path):
    save(tmp_path / "x.npy")
    done = aespec_("pca-check", plane, "--data", tmp_path / "x.npy")
    assert done.exit_code == 1
    assert f"error[{code}]" in done.stderr


def test_the_reference_computes_it_whatever_is_asked_for(plane):
    done = aespec_("pca-check", plane, "--backend", "torch")
    assert done.exit_code == 2
    assert "No such option" in done.stderr
