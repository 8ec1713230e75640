"""First weights: laws, fans, independence of their order."""

from math import sqrt

import numpy as np
import pytest

import aespec
from aespec.initializers import Initializer, fans, parameter_stream
from aespec.weights import draw
from aespec.zoo import zoo


def drawn(initializer, shape, seed=0):
    return Initializer.read(initializer).draw(parameter_stream(seed, "test"), shape)


@pytest.mark.parametrize(
    ("shape", "expected"),
    # A window's fans are its extent times the channels; of (h, w, out, in) Keras takes out for in, and so do we.
    [((784, 100), (784, 100)), ((3, 3, 16, 32), (144, 288)), ((3, 16, 32), (48, 96)), ((7,), (7, 7)), ((), (1, 1))],
)
def test_fans(shape, expected):
    assert fans(shape) == expected


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        ("glorot_uniform", 2 / (200 + 300)),
        ("glorot_normal", 2 / (200 + 300)),
        ("he_uniform", 2 / 200),
        ("he_normal", 2 / 200),
        ("lecun_uniform", 1 / 200),
        ("lecun_normal", 1 / 200),
        ({"random_normal": {"stddev": 0.3}}, 0.09),
        ({"random_uniform": {"minval": -0.6, "maxval": 0.6}}, 0.36 / 3),
        ({"variance_scaling": {"scale": 3.0, "mode": "fan_out", "distribution": "untruncated_normal"}}, 3 / 300),
        ({"truncated_normal": {"stddev": 1.0}}, 0.87962566**2),
    ],
)
def test_variances(initializer, variance):
    values = drawn(initializer, (200, 300))
    # 60,000 draws: the standard error of a variance is below 0.6 % of it
    assert values.var() == pytest.approx(variance, rel=0.03)
    assert abs(values.mean()) < 5 * sqrt(variance / values.size)


def test_bounds():
    assert np.abs(drawn("glorot_uniform", (200, 300))).max() <= sqrt(6 / 500)
    assert np.abs(drawn({"truncated_normal": {"stddev": 1.0}}, (200, 300))).max() <= 2


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (4, 4), (3, 2, 8)])
def test_orthogonal(shape):
    matrix = drawn({"orthogonal": 2.0}, shape).reshape(-1, shape[-1])
    small = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_unit_forget_bias():
    assert drawn("unit_forget_bias", (8,)).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_constants():
    assert drawn("zeros", (2,)).tolist() == [0, 0]
    assert drawn("ones", (2,)).tolist() == [1, 1]
    assert drawn({"constant": 0.25}, (2,)).tolist() == [0.25, 0.25]


def test_a_parameter_depends_on_the_seed_and_its_name_alone():
    stacked, tied = (aespec.compile(aespec.load(zoo()[name])) for name in ("stacked", "tied"))
    first, same, other, fewer = draw(stacked, 1), draw(stacked, 1), draw(stacked, 2), draw(tied, 1)
    assert all((first[name] == same[name]).all() for name in first)
    assert not (first["encoder/dense_1/kernel"] == other["encoder/dense_1/kernel"]).any()
    assert (first["encoder/dense_1/kernel"] == fewer["encoder/dense_1/kernel"]).all()
    assert first["encoder/dense_1/kernel"].dtype == np.float32
