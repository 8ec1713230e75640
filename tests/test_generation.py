"""Codes that are drawn and what is made of them; posteriors, the lower bound, Fréchet distances against arithmetic."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.linalg import sqrtm

import aespec
from aespec import data
from aespec.cli import main
from aespec.cli.codes import Codes
from aespec.cli.quality import as_record, as_text
from aespec.diagnostics import AespecError
from aespec.losses import Huber, MeanAbsoluteError, MeanSquaredError
from aespec.picture import are_images
from aespec.uses.frechet import frechet_distance, frechet_to_halves
from aespec.uses.generation import (
    Distribution,
    decoded,
    drawn_codes,
    fitted_mixture,
    fitted_normal,
    interpolated,
    standard_normal,
    traversed,
)
from aespec.uses.generation_picture import draw_grid
from aespec.uses.posterior import bound, draw, latent, likelihood, moments, units
from aespec.uses.quality import quality

ln = math.log


def rng(seed=0):
    return np.random.default_rng(seed)


def near(expected, rel=1e-12):
    return pytest.approx(np.array(expected, float), rel=rel, abs=1e-12)


def built(spec, backend="numpy", dtype="float64", **weights):
    """A model with some of its weights set, and the others zero; ``__`` is a slash."""
    graph = aespec.compile(aespec.parse({"decoder": "mirror", "loss": "mse", **spec}))
    model = aespec.registry.find_backend(backend).build(graph, dtype=dtype)
    given = {name.replace("__", "/"): np.array(value, dtype) for name, value in weights.items()}
    zero = {name: np.zeros_like(value) for name, value in model.weights().items()}
    assert given.keys() <= zero.keys()
    model.load_weights({**zero, **given})
    return model


LATENT = "encoder__gaussian_latent_1__"


# -- the posterior -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "torch", "keras"])
def test_moments_are_those_of_the_two_dense_layers(backend):
    model = built(
        {"input": [2], "encoder": [{"dense": {"units": 2, "activation": "relu"}}, {"gaussian_latent": 1}]},
        backend,
        encoder__dense_1__kernel=[[1, 0], [0, -1]],
        **{f"{LATENT}mean_kernel": [[2], [0]], f"{LATENT}mean_bias": [0.5]},
        **{f"{LATENT}log_var_kernel": [[0], [100]], f"{LATENT}log_var_bias": [-1]},
    )
    mean, log_var = moments(model, np.array([[1.0, -3.0], [-1.0, 2.0]]))
    assert mean == near([[2 * 1 + 0.5], [2 * 0 + 0.5]])  # the hidden values are (1, 3) and (0, 0)
    assert log_var == near([[100 * 3 - 1], [-1]])  # nothing limits it
    assert mean.dtype == log_var.dtype == np.float64


def test_moments_of_steps_of_the_input_itself_and_of_no_samples():
    model = built({"input": [None, 2], "encoder": [{"gaussian_latent": 3}], "decoder": [{"dense": 2}]})
    for n in (0, 1, 1025):  # more than at a time
        mean, log_var = moments(model, np.ones((n, 5, 2)))
        assert mean.shape == log_var.shape == (n, 5, 3)


@pytest.mark.parametrize(
    "encoder",
    [[{"dense": 2}], [{"gaussian_latent": 2}, {"dense": 2}]],  # the second has a distribution before its code
)
def test_a_code_that_is_a_point_has_no_moments(encoder):
    model = built({"input": [3], "encoder": encoder, "decoder": [{"dense": 3}]})
    assert latent(model.graph) is None
    with pytest.raises(AespecError, match="a point, not a distribution") as caught:
        moments(model, np.zeros((2, 3)))
    assert caught.value.diagnostics[0].rule.code == "E511"


def test_draws_have_the_moments():
    codes = draw(np.full((100_000, 1), 3.0), np.full((100_000, 1), ln(4)), rng())
    assert codes.mean() == pytest.approx(3, abs=5 * 2 / math.sqrt(100_000))
    assert codes.std() == pytest.approx(2, abs=5 * 2 / math.sqrt(200_000))


def test_what_units_carry():
    # a unit at the prior, one of moments (1, 1) and (-1, 1), one of (0, 4): the divergences are 0, 1/2 and 3/2 - ln 2
    mean, log_var = np.array([[0, 1, 0], [0, -1, 0.0]]), np.array([[0, 0, ln(4)]] * 2)
    found = units(mean, log_var)
    assert found.divergence == near([0, 0.5, 1.5 - ln(2)])
    assert found.variance == near([0, 2, 0])
    assert found.active.tolist() == [False, True, False]
    assert not found.collapsed


def test_a_divergence_near_the_prior_is_not_rounded_away():
    # exp(v) - 1 - v is v**2 / 2 to a third of v: as usually written it would be zero at 1e-9
    found = units(np.zeros((2, 1)), np.full((2, 1), 1e-6))
    assert found.divergence == near([1e-12 / 4], rel=1e-4)


@pytest.mark.parametrize(
    ("spread", "log_var", "active", "collapsed"),
    [
        (0.11, 0, True, True),  # a variance of 0.0121, and 0.006 nats
        (0.09, -5, False, True),  # not active, though far from the prior
        (0.5, -2, True, False),
    ],
)
def test_active_units_and_collapse(spread, log_var, active, collapsed):
    mean = np.array([[spread], [-spread]]) / math.sqrt(2)  # of variance spread**2
    found = units(mean, np.full((2, 1), float(log_var)))
    assert (found.active.tolist(), found.collapsed) == ([active], collapsed)


def test_one_sample_has_no_activity_and_no_error():
    with pytest.raises(AespecError, match="1 sample has no activity"):
        units(np.zeros((1, 2)), np.zeros((1, 2)))
    with pytest.raises(AespecError, match="no samples, no"):
        units(np.zeros((0, 2)), np.zeros((0, 2)))


# -- the lower bound ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "x", "y", "family", "logarithms", "factor", "scale"),
    [
        ("binary_crossentropy", [[1, 0]], [[0.5, 0.25]], "Bernoulli", [ln(0.5) + ln(0.75)], 2, None),
        ("binary_crossentropy", [[1.0]], [[0.0]], "Bernoulli", [ln(1e-7)], 1, None),
        ("categorical_crossentropy", [[[0, 1], [1, 0]]], [[[0.5, 0.5], [0.25, 0.75]]], "categorical",
         [ln(0.5) + ln(0.25)], 2, None),
        # errors 1, 1, 1, -1: a variance of 1
        ("mse", [[1, 1], [1, 0]], [[0, 0], [0, 1]], "normal", [-1 - ln(2 * math.pi)] * 2, 1, 1),
        # errors 0 and 4: a scale of 2; of the second e**-2 / 4
        ("mae", [[0], [4]], [[0], [0]], "Laplace", [-ln(4), -2 - ln(4)], 0.5, 2),
    ],
)  # fmt: skip
def test_likelihoods(loss, x, y, family, logarithms, factor, scale):
    given = aespec.compile(aespec.parse({"input": [1], "encoder": [{"dense": 1}], "decoder": "mirror", "loss": loss}))
    found = likelihood(given.losses, np.array(x, float), np.array(y, float))
    assert (found.family, found.factor) == (family, pytest.approx(factor))
    assert found.scale == (scale and pytest.approx(scale))
    assert found.logarithms == near(logarithms)


def test_the_bound_is_the_density_where_the_posterior_is_exact():
    """Probabilistic PCA (Tipping and Bishop, 1999) in one dimension: x is w z + b and noise, all of it normal."""
    w, b, sigma, n = 2.0, 1.0, 0.5, 40_000
    total = w**2 + sigma**2
    spec = {"input": [1], "encoder": [{"gaussian_latent": 1}], "decoder": [{"dense": 1}]}
    model = built(
        spec,
        **{f"{LATENT}mean_kernel": [[w / total]], f"{LATENT}mean_bias": [-b * w / total]},
        **{f"{LATENT}log_var_bias": [ln(sigma**2 / total)]},
        decoder__dense_1__kernel=[[w]],
        decoder__dense_1__bias=[b],
    )
    x = b + math.sqrt(total) * rng(1).standard_normal((n, 1))
    found = bound(model, x, *moments(model, x))
    density = (-((x - b) ** 2) / (2 * total) - ln(2 * math.pi * total) / 2).mean()
    assert found.value.value == pytest.approx(density, abs=4 * found.value.error)
    assert found.value.error < 0.02
    assert found.scale == pytest.approx(sigma, rel=0.02)
    assert found.proper
    # a posterior as wide as the prior's is further off, by its divergence from the exact one
    worse = built({**spec}, decoder__dense_1__kernel=[[w]], decoder__dense_1__bias=[b])
    assert bound(worse, x, *moments(worse, x)).value.value < density - 0.1


@pytest.mark.parametrize(("scale", "weight"), [("sample", 3 * 4), ("element", 3)])
@pytest.mark.parametrize("x", [0.0, 0.5])
def test_how_training_weighed_the_divergence(scale, weight, x):
    latent = {"gaussian_latent": {"units": 2, "beta": 3, "kl_scale": scale}}
    model = built(
        {"input": [4], "encoder": [latent], "decoder": [{"dense": {"units": 4, "activation": "sigmoid"}}],
         "loss": "binary_crossentropy"}
    )  # fmt: skip
    samples = np.full((5, 4), x)
    found = bound(model, samples, *moments(model, samples))
    assert found.weight == pytest.approx(weight)
    assert found.likelihood.value == pytest.approx(4 * ln(0.5))  # the decoder gives 1/2, whatever the code
    assert found.divergence.value == 0
    assert found.proper == (x == 0)


def test_the_loss_of_no_distribution_has_no_bound():
    model = built({"input": [2], "encoder": [{"gaussian_latent": 1}], "loss": "huber"})
    found = quality(model, np.ones((3, 2)))
    assert found.bound is None
    assert found.units.divergence == near([0])
    assert found.reconstruction == {Huber(): pytest.approx(0.5)}  # of errors of 1
    assert found.squared_error.value == pytest.approx(1)


def test_several_losses_have_no_bound_and_are_each_told():
    losses = ["mse", {"mae": {"weight": 3}}]
    found = quality(built({"input": [2], "encoder": [{"gaussian_latent": 1}], "loss": losses}), np.full((3, 2), 2.0))
    assert found.bound is None
    assert found.reconstruction == {MeanSquaredError(): near(4), MeanAbsoluteError(weight=3): near(6)}  # errors of 2
    lines = as_text(found, None, "").splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("reconstruction")] == [
        ["reconstruction", "4"],
        ["reconstruction", "6"],
    ]
    assert "`mse` and `mae` together are the loss of no distribution, so that there is no lower bound" in lines
    assert as_record(found, None)["reconstruction"] == {"mse": near(4), "mae": near(6)}


@pytest.mark.parametrize("scale", ["element", "sample"])
@pytest.mark.parametrize("loss", ["binary_crossentropy", "mse"])
def test_a_weight_changes_how_training_weighs_the_divergence_and_not_the_bound(loss, scale):
    latent, x = {"gaussian_latent": {"units": 1, "kl_scale": scale}}, rng().uniform(size=(9, 2))
    spec = {"input": [2], "encoder": [latent], "decoder": [{"dense": 2}]}
    plain, weighted = (quality(built({**spec, "loss": {loss: {"weight": weight}}}), x).bound for weight in (1, 4))
    assert (weighted.value, weighted.likelihood) == (plain.value, plain.likelihood)
    assert weighted.weight == pytest.approx(plain.weight / 4)


def test_quality_of_batches_is_that_of_all_samples():
    model = built({"input": [1], "encoder": [{"dense": 1}]})  # gives 0
    x = np.concatenate([np.ones((1024, 1)), np.full((176, 1), 7.0)])
    found = quality(model, x)
    assert found.reconstruction == {MeanSquaredError(): pytest.approx((1024 + 176 * 49) / 1200)}
    assert found.squared_error.value == pytest.approx((1024 + 176 * 49) / 1200)
    assert found.squared_error.error == pytest.approx(np.std(x**2, ddof=1) / math.sqrt(1200))
    assert (found.units, found.bound) == (None, None)


def test_the_quality_of_no_samples_is_refused():
    with pytest.raises(AespecError, match="there are no samples"):
        quality(built({"input": [1], "encoder": [{"dense": 1}]}), np.empty((0, 1)))


# -- codes -------------------------------------------------------------------------------------------------------------


def test_a_fitted_normal_has_the_mean_and_the_covariance_of_the_codes():
    codes = rng().normal(size=(50, 3)) @ rng(1).normal(size=(3, 3)) + [1, 2, 3]
    found = fitted_normal(codes)
    assert found.means[0] == near(codes.mean(axis=0))
    assert found.factors[0] @ found.factors[0].T == near(np.cov(codes.T), rel=1e-9)
    drawn = found.draw(200_000, rng(2))
    assert drawn.mean(axis=0) == pytest.approx(codes.mean(axis=0), abs=0.05)
    assert np.cov(drawn.T) == pytest.approx(np.cov(codes.T), rel=0.03, abs=0.03)


def test_codes_of_a_plane_are_drawn_in_it():
    plane = np.array([[1.0, 0, 1], [0, 1, 1]])
    drawn = fitted_normal(rng().normal(size=(20, 2)) @ plane).draw(100, rng(1))
    assert drawn[:, 0] + drawn[:, 1] == pytest.approx(drawn[:, 2], abs=1e-6)


def test_a_mixture_finds_clusters():
    codes = np.concatenate([rng().normal(size=(300, 2)) * 0.1, rng(1).normal(size=(100, 2)) * 0.1 + 5])
    found = fitted_mixture(codes, 2, seed=0)
    order = np.argsort(found.means[:, 0])
    assert found.weights[order] == pytest.approx([0.75, 0.25], abs=1e-6)
    assert found.means[order] == pytest.approx(np.array([codes[:300].mean(axis=0), codes[300:].mean(axis=0)]), abs=1e-6)
    drawn = found.draw(4000, rng(2))
    high = (drawn > 2.5).all(axis=1)
    assert high.mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 4000))
    assert ((drawn > 2.5).any(axis=1) == high).all()  # none lies between them
    assert drawn[high].std(axis=0) == pytest.approx([0.1, 0.1], rel=0.2)


@pytest.mark.parametrize(
    ("fit", "n", "said"),
    [
        (fitted_normal, 1, "to fit a normal distribution to"),
        (lambda x: fitted_mixture(x, 3), 2, "to fit a mixture of 3"),
        (lambda x: fitted_mixture(x, 1), 1, "to fit a mixture of 1"),
    ],
)
def test_too_few_codes_are_told(fit, n, said):
    with pytest.raises(AespecError, match=said):
        fit(np.zeros((n, 2)))


def test_codes_that_no_mixture_fits_are_told():
    line = np.arange(6)[:, np.newaxis] * [1e10, 1e10]  # what keeps covariances from being singular is lost in rounding
    for codes, said in ((np.full((5, 2), np.nan), "contains NaN"), (line, "ill-defined empirical covariance")):
        with pytest.raises(AespecError, match=said):
            fitted_mixture(codes, 3)


def test_without_scikit_learn_the_command_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.mixture", None)
    with pytest.raises(AespecError, match=r"pip install 'aespec\[data\]'"):
        fitted_mixture(np.zeros((5, 2)), 2)


def test_codes_to_fit_to_are_drawn_from_the_posteriors():
    latent = built({"input": [2], "encoder": [{"gaussian_latent": 2}]}, **{f"{LATENT}log_var_bias": [ln(4), ln(9)]})
    codes = drawn_codes(latent, np.zeros((20_000, 2)), rng())
    assert codes.std(axis=0) == pytest.approx([2, 3], rel=0.05)  # the means are all zero
    plain = built({"input": [2, 2], "encoder": [{"dense": 3}], "decoder": [{"dense": 2}]})
    assert drawn_codes(plain, np.zeros((5, 2, 2)), rng()).shape == (5, 6)


@pytest.mark.parametrize(
    ("path", "begin", "end", "expected"),
    [
        ("linear", [0, 0], [4, 8], [[0, 0], [2, 4], [4, 8]]),
        ("spherical", [1, 0], [0, 1], [[1, 0], [0.5**0.5, 0.5**0.5], [0, 1]]),
        ("spherical", [2, 0], [0, 1], [[2, 0], [2 * 0.5**0.5, 0.5**0.5], [0, 1]]),
        ("spherical", [1, 0], [3, 0], [[1, 0], [2, 0], [3, 0]]),  # no turn
        ("spherical", [1, 0], [-1, 0], [[1, 0], [0, 0], [-1, 0]]),  # no one turn
        ("spherical", [0, 0], [2, 0], [[0, 0], [1, 0], [2, 0]]),
        ("spherical", [1], [-3], [[1], [-1], [-3]]),
    ],
)
def test_paths(path, begin, end, expected):
    assert interpolated(np.array(begin, float), np.array(end, float), 3, path=path) == near(expected)


def test_the_spherical_path_keeps_its_distance_from_zero_and_its_speed():
    begin, end = rng().normal(size=(2, 50))
    begin, end = begin / np.linalg.norm(begin), end / np.linalg.norm(end)
    path = interpolated(begin, end, 7, path="spherical")
    assert np.linalg.norm(path, axis=1) == near(np.ones(7), rel=1e-9)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps == near(np.full(6, steps[0]), rel=1e-9)


def test_a_sweep_changes_one_unit():
    center, spread = np.array([1.0, 2, 3]), np.array([10.0, 1, 0.5])
    found = traversed(center, np.array([2, 0]), spread, 2.0, 3)
    assert found.tolist() == [[[1, 2, 2], [1, 2, 3], [1, 2, 4]], [[-19, 2, 3], [1, 2, 3], [21, 2, 3]]]


def test_codes_are_decoded_in_their_shape():
    model = built({"input": [2, 3], "encoder": [{"dense": 2}], "decoder": [{"dense": 3}]}, dtype="float32",
                  decoder__dense_1__kernel=[[1, 0, 0], [0, 1, 0]])  # fmt: skip
    found = decoded(model, np.array([[1.0, 2, 3, 4]]), (2, 2))
    assert found.tolist() == [[[1, 2, 0], [3, 4, 0]]]
    assert found.dtype == np.float32


# -- the Fréchet distance ----------------------------------------------------------------------------------------------


def test_the_distance_of_normals_in_one_dimension():
    # (m1 - m2)**2 + (s1 - s2)**2, of means 1 and 4 and standard deviations sqrt(2) and sqrt(8)
    a, b = np.array([[0.0], [2]]), np.array([[2.0], [6]])
    assert frechet_distance(a, b) == pytest.approx(9 + 2)


@pytest.mark.parametrize("n", [5, 60])  # of six units: fewer codes, whose covariances are singular, and enough
def test_the_distance_is_that_of_the_formula(n):
    a, b = rng().normal(size=(n, 6)) @ rng(1).normal(size=(6, 6)), rng(2).normal(size=(n + 3, 6)) + 1
    first, second, between = np.cov(a.T), np.cov(b.T), a.mean(axis=0) - b.mean(axis=0)
    # trace((C1 C2)**(1/2)) of the symmetric product, where scipy's root of a singular one is still good to 1e-6
    half = sqrtm(first)
    root = np.trace(sqrtm(half @ second @ half)).real
    expected = between @ between + np.trace(first) + np.trace(second) - 2 * root
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    if n > 6:
        assert frechet_distance(a, b) == pytest.approx(
            between @ between + np.trace(first + second - 2 * sqrtm(first @ second).real), rel=1e-9
        )
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_samples_of_the_same_distribution_are_at_the_floor():
    real, same, moved = (rng(i).normal(size=(2000, 3)) + off for i, off in enumerate((0, 0, 1)))
    found = frechet_to_halves(real, same)
    assert found.samples == 1000
    assert found.value == pytest.approx(found.floor, abs=4 * found.floor_spread)
    assert frechet_to_halves(real, moved).value == pytest.approx(3, rel=0.2)  # three means, each off by one
    assert frechet_to_halves(real, moved).floor == found.floor
    assert not found.singular
    assert frechet_to_halves(real[:6], same).singular
    with pytest.raises(AespecError, match="3 samples"):
        frechet_to_halves(real[:3], same)


# -- pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8, 8), (9, 8, 3), (12, 2), (5,), (40,)], ids=str)
@pytest.mark.parametrize("constant", [False, True])
def test_whatever_the_samples_there_is_a_picture(shape, constant, tmp_path):
    samples = np.full((6, *shape), 2.0) if constant else rng().random((6, *shape))
    names = {
        "rows_are": ["a", "$b_{"],
        "columns_are": ["-1", "0", "1"],
        "features": ["$x_{"] * 5 if shape == (5,) else (),
    }
    draw_grid(samples, tmp_path / "p.png", columns=3, images=are_images(shape), title="$x_{", **names)
    draw_grid(samples[:5], tmp_path / "q.png", columns=3, images=are_images(shape))
    with Image.open(tmp_path / "p.png") as image:
        assert image.width > 300


# -- the commands ------------------------------------------------------------------------------------------------------


def command(*args):
    return CliRunner().invoke(main, [*map(str, args)])


def done(*args):
    found = command(*args)
    assert found.exit_code == 0, found.output
    return found


VARIATIONAL = """
name: images
input: {shape: [8, 8], range: [0, 1]}
encoder: [flatten, {dense: {units: 16, activation: selu}}, {gaussian_latent: {units: 3, kl_scale: element}}]
decoder: mirror
loss: binary_crossentropy
training: {optimizer: {adam: 0.01}, epochs: 8, batch_size: 16, validation_split: 0.2, seed: 1}
"""

TABLE = """
name: people
input: {shape: [3], scaling: standard}
encoder: [{dense: 2}]
decoder: mirror
loss: mse
training: {optimizer: {adam: 0.02}, epochs: 100, batch_size: 16, validation_split: 0.25, seed: 1}
"""

SERIES = """
name: series
input: [null, 2]
encoder: [{conv1d: {filters: 3, kernel_size: 3, padding: same}}, {gaussian_latent: {units: 2, beta: 100}}]
decoder: [{dense: 2}]
loss: mse
training: {optimizer: {adam: 0.05}, epochs: 15, batch_size: 16, validation_split: 0.2, seed: 1}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with runs ``images``, ``plain`` (images too), ``people`` (a table) and ``series``."""
    root = tmp_path_factory.mktemp("generation")
    people = rng(1).normal(size=(80, 2)) @ [[10, 8, 0], [0, 2, 5]] + [170, 70, 30]
    lines = [",".join(f"{value:.3f}" for value in row) for row in people]
    (root / "people.csv").write_text("\n".join(["height,weight,age", *lines]) + "\n")
    steps = np.arange(10)[:, np.newaxis] + rng(2).uniform(0, 6, size=(60, 1, 1))
    np.save(root / "series.npy", np.concatenate([np.sin(steps), np.cos(steps)], axis=2).astype("float32"))
    plain = VARIATIONAL.replace("gaussian_latent: {units: 3, kl_scale: element}", "dense: 3").replace("images", "plain")
    for name, spec, source in (
        ("images", VARIATIONAL, "digits"),
        ("plain", plain, "digits"),
        ("people", TABLE, root / "people.csv"),
        ("series", SERIES, root / "series.npy"),
    ):
        (root / f"{name}.yaml").write_text(spec)
        limit = ["--limit", 400] if source == "digits" else []
        done("train", root / f"{name}.yaml", "--backend", "torch", "--data", source, *limit, "-o", root / name)
    return root


def test_samples_are_those_of_the_seed_on_any_backend(runs, tmp_path):
    def samples(*options):
        path = tmp_path / "samples.npy"
        done("generate", runs / "images", "-n", 5, "--no-quality", "--save", path, "-o", tmp_path / "p.png", *options)
        return np.load(path)

    first = samples()
    assert first.shape == (5, 8, 8)
    assert 0 <= first.min() < first.max() <= 1
    assert samples().tolist() == first.tolist()
    assert abs(samples("--seed", 1) - first).max() > 0.01
    assert samples("--backend", "numpy") == pytest.approx(first, abs=1e-5)
    assert samples("--prior", "standard").tolist() == first.tolist()


def test_the_prior_of_a_variational_model_is_the_standard_normal(runs, tmp_path):
    codes = standard_normal(3).draw(5, aespec.initializers.parameter_stream(0, "generate"))
    model = aespec.run.open_run(runs / "images").model()
    done("generate", runs / "images", "-n", 5, "--save", tmp_path / "s.npy", "-o", tmp_path / "p.png")
    assert np.load(tmp_path / "s.npy") == pytest.approx(model.decode(codes.astype("float32")), abs=1e-6)


@pytest.mark.parametrize("options", [[], ["--prior", "standard"]])
def test_a_code_without_a_prior_is_told_with_what_can_be_fitted(options, runs):
    found = command("generate", runs / "plain", *options)
    assert found.exit_code == 1
    assert "error[E511]: the code of `plain` has no prior" in found.stderr
    assert "`--prior gaussian`" in found.stderr
    assert "`--prior mixture:10`" in found.stderr


@pytest.mark.parametrize(
    ("prior", "name"), [("gaussian", "fitted normal"), ("mixture:2", "fitted mixture of 2 normals")]
)
@pytest.mark.parametrize("run", ["plain", "images", "people", "series"])
def test_distributions_are_fitted_to_the_training_samples(prior, name, run, runs, tmp_path):
    options = ["--prior", prior, "-n", 9, "-o", tmp_path / "p.png", "--format", "json"]
    found = json.loads(done("generate", runs / run, *options).stdout)
    n = {"people": 60, "series": 48}.get(run, 320)  # what is left of 80, 60 and 400 samples
    assert found["prior"] == {"name": name, "fitted_to": n, "of": n}


def test_the_figures_are_those_of_the_samples_held_out(runs, tmp_path):
    record = json.loads(done("generate", runs / "images", "--format", "json", "-o", tmp_path / "p.png").stdout)
    found = record["quality"]
    run = aespec.run.open_run(runs / "images")
    held = data.load("digits", shape=(8, 8), range=(0, 1), split="test").inputs
    model = run.model()
    losses = model.losses(held)
    assert (record["part"], record["samples"], record["generated"]) == ("test sample", len(held), 64)
    assert found["reconstruction"]["binary_crossentropy"] == pytest.approx(losses["binary_crossentropy"], rel=1e-5)
    # the term of the loss is divided by the 64 elements
    term = losses["encoder/gaussian_latent_1/latent/gaussian_kl"]
    assert found["divergence"] == pytest.approx(64 * term, rel=1e-5)
    assert found["divergence"] == pytest.approx(sum(unit["divergence"] for unit in found["units"]))
    assert found["bound"]["weight"] == pytest.approx(1)
    # restored from draws samples are less like themselves than restored from the means
    assert found["bound"]["likelihood"]["value"] < -64 * losses["binary_crossentropy"]
    assert found["bound"]["value"]["value"] == pytest.approx(
        found["bound"]["likelihood"]["value"] - found["bound"]["divergence"]["value"]
    )
    assert found["active_units"] == sum(unit["active"] for unit in found["units"]) > 0
    variance = model.encode(held).astype(float).var(axis=0, ddof=1)
    assert [unit["variance"] for unit in found["units"]] == pytest.approx(variance.tolist(), rel=1e-4)


def test_the_text_has_the_figures_and_what_they_do_not_say(runs, tmp_path):
    shown = done("generate", runs / "images", "--encoder", runs / "plain", "-o", tmp_path / "p.png")
    lines = shown.stdout.splitlines()
    assert max(map(len, lines[1:])) <= 100  # the first has a path
    assert "measured on 297 test samples of digits" in shown.stdout
    for figure in ("reconstruction", "active units", "divergence", "lower bound", "Fréchet distance", "its floor"):
        assert any(line.startswith(figure) for line in lines), figure
    assert "not one of a density" in shown.stdout
    quiet = done("generate", runs / "images", "--no-quality", "-o", tmp_path / "p.png").stdout
    assert quiet.splitlines() == [f"{tmp_path}/p.png: 64 samples, from codes of a standard normal, seed 0"]


def test_a_posterior_that_has_collapsed_is_told(runs, tmp_path):
    shown = done("generate", runs / "series", "-n", 4, "-o", tmp_path / "p.png")
    assert "warning: the posterior has collapsed: 0 of 20 units" in shown.stderr
    assert "`kl_scale: element`" in shown.stderr
    assert "warning" in done("traverse", runs / "series", "--axes", 2, "-o", tmp_path / "p.png").stderr
    assert "warning" not in done("generate", runs / "images", "-o", tmp_path / "p.png").stderr


def test_of_samples_that_do_not_vary_no_collapse_is_told(runs, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((6, 10, 2), "float32"))
    args = "generate", runs / "series", "--data", tmp_path / "x.npy", "-n", 4, "-o", tmp_path / "p.png"
    said = done(*args).stderr
    assert "the samples do not vary, so that the activity of units cannot be measured" in said
    assert "collapsed" not in said
    assert json.loads(done(*args, "--format", "json").stdout)["quality"]["collapsed"] is False


def test_an_unknown_length_is_that_of_the_data(runs, tmp_path):
    done("generate", runs / "series", "-n", 3, "--save", tmp_path / "s.npy", "-o", tmp_path / "p.png")
    assert np.load(tmp_path / "s.npy").shape == (3, 10, 2)


def test_no_more_samples_are_decoded_than_are_drawn_or_saved(runs, tmp_path, monkeypatch):
    decoded, decode = [], Codes.decode

    def counted(self, rows, **how):
        decoded.append(len(rows))
        return decode(self, rows, **how)

    monkeypatch.setattr(Codes, "decode", counted)
    options = ["-n", 3000, "--no-quality", "-o", tmp_path / "p.png"]
    done("generate", runs / "people", "--prior", "gaussian", *options)
    assert decoded == [100]
    done("generate", runs / "people", "--prior", "gaussian", *options, "--save", tmp_path / "s.npy")
    assert (sum(decoded), max(decoded)) == (3200, 1024)
    assert np.load(tmp_path / "s.npy").shape == (3000, 3)


def test_samples_of_a_scaled_table_are_in_its_own_units(runs, tmp_path):
    options = ["-n", 500, "--prior", "gaussian", "--save", tmp_path / "s.npy", "-o", tmp_path / "p.png"]
    shown = done("generate", runs / "people", *options)
    assert "scaled as in training" in shown.stdout
    table = np.load(tmp_path / "s.npy")
    people = np.loadtxt(runs / "people.csv", delimiter=",", skiprows=1)
    assert table.mean(axis=0) == pytest.approx(people.mean(axis=0), rel=0.05)
    assert table.std(axis=0) == pytest.approx(people.std(axis=0), rel=0.25)  # a plane is fitted to a plane


def test_an_encoder_tells_samples_like_the_held_out_ones_from_others(runs, tmp_path, monkeypatch):
    def distance():
        options = ["--prior", "gaussian", "--encoder", runs / "people", "-o", tmp_path / "p.png", "--format", "json"]
        return json.loads(done("generate", runs / "people", *options).stdout)["quality"]["frechet"]

    near, drawn = distance(), Distribution.draw
    monkeypatch.setattr(Distribution, "draw", lambda self, *given: drawn(self, *given) + 3)
    far = distance()
    assert near["samples"] == far["samples"] == 10  # a half of the 20 held out
    assert near["value"] < near["floor"] + 4 * near["floor_spread"] < far["value"]


@pytest.mark.parametrize(
    ("encoder", "said"), [("series", "samples of another shape"), ("people", "samples of another shape"), ("x", "E501")]
)
def test_an_encoder_that_cannot_take_the_samples_is_told(encoder, said, runs):
    found = command("generate", runs / "images", "--encoder", runs / encoder)
    assert found.exit_code == 1
    assert said in found.stderr


def test_interpolation_goes_from_one_reconstruction_to_the_other(runs, tmp_path):
    def path(run, *options):
        args = ["--from", 3, "--to", 8, "--steps", 5, "--save", tmp_path / "s.npy", "-o", tmp_path / "p.png", *options]
        shown = done("interpolate", runs / run, *args, "--format", "json")
        return np.load(tmp_path / "s.npy"), json.loads(shown.stdout)

    run = aespec.run.open_run(runs / "images")
    held = data.load("digits", shape=(8, 8), range=(0, 1), split="test").inputs
    model = run.model()
    samples, about = path("images")
    codes = model.encode(held[[3, 8]])
    assert samples[[0, -1]] == pytest.approx(model.reconstruct(held[[3, 8]]), abs=1e-5)
    assert (about["path"], about["files"]) == ("spherical", [str(tmp_path / "p.png"), str(tmp_path / "s.npy")])
    assert about["distance"] == pytest.approx(np.linalg.norm(codes[0] - codes[1]), rel=1e-5)
    straight, about = path("images", "--path", "linear")
    assert about["path"] == "linear"
    assert straight[2] == pytest.approx(model.decode(codes.mean(axis=0, keepdims=True))[0], abs=1e-5)
    assert abs(straight[2] - samples[2]).max() > 1e-3
    assert path("plain")[1]["path"] == "linear"
    assert path("people")[0].shape == (5, 3)
    assert path("series")[0].shape == (5, 10, 2)


def test_a_traversal_sweeps_units_in_the_order_of_what_they_carry(runs, tmp_path):
    def swept(run, *options):
        args = ["--save", tmp_path / "s.npy", "-o", tmp_path / "p.png", "--format", "json", *options]
        found = json.loads(done("traverse", runs / run, *args).stdout)
        return np.load(tmp_path / "s.npy"), found["units"]

    run = aespec.run.open_run(runs / "images")
    held = data.load("digits", shape=(8, 8), range=(0, 1), split="test").inputs
    model = run.model()
    samples, found = swept("images", "--sample", 4, "--reach", 2, "--steps", 5)
    assert samples.shape == (3, 5, 8, 8)
    assert samples[:, 2] == pytest.approx(model.reconstruct(held[[4, 4, 4]]), abs=1e-5)
    divergences = [unit["divergence"] for unit in found]
    assert divergences == sorted(divergences, reverse=True)
    code = model.encode(held[4:5])
    code[0, found[0]["unit"]] += 2  # standard deviations of the prior
    assert samples[0, 4] == pytest.approx(model.decode(code)[0], abs=1e-5)
    samples, found = swept("plain", "--axes", 2, "--steps", 3)
    codes = aespec.run.open_run(runs / "plain").model().encode(held).astype(float)
    assert [unit["unit"] for unit in found] == np.argsort(-codes.var(axis=0))[:2].tolist()
    assert [unit["standard_deviation"] for unit in found] == pytest.approx(sorted(codes.std(axis=0))[:0:-1], rel=1e-4)
    assert found[0]["center"] == pytest.approx(codes.mean(axis=0)[found[0]["unit"]], rel=1e-4, abs=1e-6)
    change = math.sqrt(((samples[0, 2].astype(float) - samples[0, 0]) ** 2).mean())
    assert found[0]["change"] == pytest.approx(change)
    samples, found = swept("people", "--steps", 3)
    scaled = aespec.run.open_run(runs / "people").scaling.apply(samples[0], "float64")
    assert found[0]["change"] == pytest.approx(math.sqrt(((scaled[2] - scaled[0]) ** 2).mean()), rel=1e-4)
    assert "in scaled units" in done("traverse", runs / "people").stdout
    assert "the 2 units of the largest variance, of 3" in done("traverse", runs / "plain", "--axes", 2).stdout
    assert "the 1 unit of the largest variance, of 3" in done("traverse", runs / "plain", "--axes", 1).stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["generate", "images", "--prior", "mixture:0"], 2, "mixture:N"),
        (["generate", "images", "--prior", "normal"], 2, "none of standard, gaussian"),
        (["generate", "images", "-n", 0], 2, "-n"),
        (["generate", "images", "--save", "x.txt"], 2, "does not end in .npy"),
        (["generate", "images", "--encoder", "x", "--no-quality"], 2, "--encoder does not go"),
        (["generate", "people", "--prior", "mixture:61"], 1, "= got: 60 samples"),
        (["generate", "nothing"], 1, "error[E501]"),
        (["interpolate", "images", "--from", 0], 2, "--to"),
        (["interpolate", "people", "--from", 0, "--to", 20], 1, "wanted: a number from 0 to 19"),
        (["interpolate", "images", "--from", -1, "--to", 2], 2, "--from"),
        (["interpolate", "people", "--from", 0, "--to", 2000], 1, "there is no held-out sample 2,000"),
        (["traverse", "people", "--sample", 20], 1, "there is no held-out sample 20"),
        (["traverse", "images", "--reach", 0], 2, "--reach"),
        (["traverse", "images", "--reach", "inf"], 2, "inf is not a finite number"),
        (["traverse", "images", "--reach", "1e300"], 1, "the model makes no finite sample of 24 codes"),
        (["traverse", "images", "--axes", 0], 2, "--axes"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said(args, code, said, runs, monkeypatch):
    monkeypatch.chdir(runs)
    found = command(*args)
    assert found.exit_code == code, found.output
    assert said in found.stderr


def test_one_sample_is_too_few_to_measure(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("one.npy", np.zeros((1, 8, 8), "float32"))
    Path("one.csv").write_text("height,weight,age\n170,70,30\n")
    found = command("generate", runs / "images", "--data", "one.npy")
    assert found.exit_code == 0
    assert "the model is not measured: one sample has no standard error" in found.stderr
    assert command("generate", runs / "images", "--data", "one.npy", "--no-quality").stderr == ""
    found = command("traverse", runs / "people", "--data", "one.csv")
    assert found.exit_code == 1
    assert "wanted: two samples or more" in found.stderr


def test_many_samples_are_drawn_in_part(runs, tmp_path):
    shown = done("generate", runs / "people", "--prior", "gaussian", "-n", 150, "-o", tmp_path / "p.png")
    assert "the first 100 of 150 samples" in shown.stdout


def test_without_matplotlib_the_command_to_install_it_is_told(runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    found = command("generate", runs / "images", "--no-quality")
    assert found.exit_code == 1
    assert "pip install 'aespec[plots]'" in found.stderr
