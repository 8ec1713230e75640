"""Both frameworks beside each other: the native models' own counts and shapes, and what `verify` says."""

from dataclasses import replace

import numpy as np
import pytest

import aespec
from aespec import data, registry
from aespec.building import build
from aespec.comparison import from_reference, relative
from aespec.conformance import cases
from aespec.noise import Noise
from aespec.training import fits
from aespec.verify import TOLERANCES, Row, verify
from aespec.zoo import zoo
from aespec_torch.model import TorchModel

FRAMEWORKS = ("keras", "torch")


def counted(part):
    """What the framework itself says a module or model holds."""
    if hasattr(part, "count_params"):
        return part.count_params()
    return sum(parameter.numel() for parameter in part.parameters())


# The counts of the source slides' summaries; those of `tied` are the stacked model's without two kernels.
@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize(
    ("name", "encoder", "decoder"),
    [
        ("conv", 160 + 4_640 + 18_496, 18_464 + 4_624 + 145),
        ("recurrent", 51_600 + 15_720, 52_400 + 2_828),
        ("stacked", 78_500 + 3_030, 3_100 + 79_184),
        ("sparse_kl", 78_500 + 30_300, 30_100 + 79_184),
    ],
)
def test_native_models_have_the_slides_parameters(name, encoder, decoder, backend):
    native = build(zoo()[name], backend=backend).native
    assert (counted(native.encoder), counted(native.decoder)) == (encoder, decoder)
    assert counted(native) == encoder + decoder


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_a_tied_model_holds_each_kernel_once(backend):
    model = build(zoo()["tied"], backend=backend)
    assert counted(model.native) == 163_814 - 78_400 - 3_000
    assert "decoder/dense_1/kernel" not in model.weights()


@pytest.mark.parametrize("backend", ["numpy", *FRAMEWORKS])
def test_public_shapes(backend):
    for name, code in (("conv", (3, 3, 64)), ("recurrent", (30,)), ("stacked", (30,)), ("variational", (10,))):
        model = build(zoo()[name], backend=backend)
        x = np.random.default_rng(0).random((2, 28, 28), dtype=np.float32)
        assert model.encode(x).shape == (2, *code)
        assert model.reconstruct(x).shape == (2, 28, 28)
        assert model.decode(model.encode(x)).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(zoo()))
def test_every_spec_of_the_zoo_verifies(name, dtype):
    spec = aespec.load(zoo()[name])
    result = verify(aespec.compile(spec), FRAMEWORKS, dtype=dtype, bounds=spec.input.range)
    assert [row for row in result.rows if not row.ok] == []
    sections = {section: [row.name for row in result.rows if row.section == section] for section in TOLERANCES[dtype]}
    graph = aespec.compile(spec)
    assert sections["node"] == [node.name for node in graph]
    assert sections["loss"] == [*(loss.kind for loss in graph.losses), *(term.name for term in graph.terms), "total"]
    assert sorted(sections["gradient"]) == sorted(name for name, param in graph.params.items() if param.trainable)


@pytest.mark.parametrize("case", [case for case in cases() if case.id.startswith("activation ")], ids=str)
def test_every_activation_verifies_in_float64(case):
    result = verify(case.graph, FRAMEWORKS, dtype="float64", bounds=(-4.0, 4.0))
    assert [row for row in result.rows if not row.ok] == []


def test_a_gradient_that_is_zero_on_paper_is_measured_beside_the_others():
    # A layer normalization of one feature is constant: nothing before it matters, and rounding is all there is.
    spec = {"input": [5, 1], "encoder": ["layer_normalization", {"dense": 3}], "decoder": "mirror"}
    assert verify(aespec.compile(aespec.parse(spec)), FRAMEWORKS).ok


@pytest.mark.parametrize("wrong", [-1.0, 0.99, 1 + 1e-9])
def test_a_wrong_gradient_that_is_small_beside_the_others_is_seen_in_float64(wrong, monkeypatch):
    """A large weight decay makes the gradients of the kernel that it is on a million times those of the decoder."""
    hidden = {"dense": {"units": 5, "kernel_regularizer": {"l2": 1e5}}}
    graph = aespec.compile(aespec.parse({"input": [20], "encoder": [hidden], "decoder": "mirror"}))
    right = TorchModel.gradients

    def crooked(self, x, **how):
        found = right(self, x, **how)
        return {**found, "decoder/dense_1/bias": found["decoder/dense_1/bias"] * wrong}

    assert verify(graph, FRAMEWORKS, dtype="float64").ok
    monkeypatch.setattr(TorchModel, "gradients", crooked)
    wrongs = [row.name for row in verify(graph, FRAMEWORKS, dtype="float64").rows if not row.ok]
    assert wrongs == ["decoder/dense_1/bias"]


@pytest.mark.parametrize("measure", [from_reference, relative])
def test_what_is_no_number_is_never_near(measure):
    finite, infinite = np.float32([1, 2]), np.float32([1, np.inf])
    assert measure(finite, infinite) == measure(infinite, finite) == measure(finite, finite[:1]) == np.inf
    assert measure(np.float32([1, np.nan]), finite) == np.inf
    assert measure(infinite, infinite) == measure(finite, finite) == 0


def test_large_values_are_measured_by_their_size():
    """A float32 near 255 has steps of 1.5e-5: no two libraries agree to 1e-5 there."""
    spec = {"input": {"shape": [200], "range": [0, 255]}, "encoder": [{"dense": 50}, {"dense": 9}], "decoder": "mirror"}
    result = verify(aespec.compile(aespec.parse(spec)), FRAMEWORKS, bounds=(0.0, 255.0))
    assert [row for row in result.rows if not row.ok] == []


@pytest.mark.parametrize("backend", ["numpy", *FRAMEWORKS])
def test_the_divergence_of_a_code_that_is_nearly_standard_normal(backend):
    """1 + log_var - exp(log_var) cancels there: written so, float32 is off by a fifth, and by 1e-4 with expm1."""
    spec = {"input": [3], "encoder": [{"gaussian_latent": 2}], "decoder": "mirror"}
    model = aespec.build(aespec.parse(spec), backend=backend)
    weights = {name: np.zeros_like(value) for name, value in model.weights().items()}
    weights["encoder/gaussian_latent_1/log_var_bias"] += 1e-3
    model.load_weights(weights)
    loss = float(model.losses(np.ones((4, 3), "float32"))["encoder/gaussian_latent_1/latent/gaussian_kl"])
    assert loss == pytest.approx(2 * (1e-3**2 / 2 + 1e-3**3 / 6 + 1e-3**4 / 24) / 2, rel=1e-6)


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy"])
@pytest.mark.parametrize("backend", ["numpy", *FRAMEWORKS])
def test_the_values_in_training_are_the_references_and_leave_nothing_behind(backend, loss):
    """With noise that is given; where none is, it is drawn anew."""
    noisy = ["flatten", {"dense": 5}, "batch_normalization", {"dropout": 0.3}, {"gaussian_latent": 2}]
    spec = aespec.parse({"input": [3, 2], "encoder": noisy, "decoder": "mirror", "loss": loss})
    model, reference = (aespec.build(spec, backend=name, dtype="float64") for name in (backend, "numpy"))
    x, before = np.random.default_rng(0).random((4, 3, 2)), model.weights()
    draws = next(Noise(0, 1, shared=True).draws(model.graph, x.shape[1:], [len(x)], "float64"))
    still, wanted = model.trace(x), reference.trace(x, training=True, draws=draws)
    found = model.trace(x, training=True, draws=draws)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-12, err_msg=name)
    drawn = model.trace(x, training=True)
    for values in (found, drawn):
        assert not np.allclose(values["encoder/batch_normalization_1"], still["encoder/batch_normalization_1"])
        assert not np.allclose(values["encoder/gaussian_latent_1"], still["encoder/gaussian_latent_1"])
    assert not np.allclose(drawn["encoder/dropout_1"], found["encoder/dropout_1"])
    for given, values in ((before, model.weights()), (still, model.trace(x))):
        assert all((values[name] == value).all() for name, value in given.items())


@pytest.mark.filterwarnings("error")
def test_a_model_that_overflows_is_not_compared():
    layers = [{"dense": {"units": 9, "activation": "exponential"}}, {"dense": 3}]
    graph = aespec.compile(aespec.parse({"input": [20], "encoder": layers, "decoder": "mirror"}))
    with pytest.raises(aespec.AespecError, match=r"the value of `encoder/dense_1` overflows in float32"):
        verify(graph, ["numpy"], bounds=(0.0, 1e5))


def test_a_model_without_weights_verifies():
    assert verify(
        aespec.compile(aespec.parse({"input": [2], "encoder": ["flatten"], "decoder": "mirror"})), FRAMEWORKS
    ).ok


@pytest.mark.parametrize("spoilt", ["trace", "losses", "gradients"])
def test_verify_names_what_differs(spoilt, monkeypatch):
    class Off:
        name = "off"

        def build(self, graph, *, seed=0, dtype="float32"):
            model = registry.find_backend("torch").build(graph, seed=seed, dtype=dtype)
            good = getattr(model, spoilt)
            setattr(model, spoilt, lambda x, **options: {n: v * 1.001 for n, v in good(x, **options).items()})
            return model

    find = registry.find_backend
    monkeypatch.setattr("aespec.verify.find_backend", lambda name: Off() if name == "off" else find(name))
    result = verify(aespec.compile(aespec.load(zoo()["pca"])), ["torch", "off"])
    section = {"trace": "node", "losses": "loss", "gradients": "gradient"}[spoilt]
    assert not result.ok
    assert {row.section for row in result.rows if not row.ok} == {section}


def test_a_difference_that_is_no_number_is_not_within_any_tolerance():
    row = Row("node", "encoder/dense_1", (3,), 4, 0.0, 1e-5)
    assert row.ok
    assert not replace(row, difference=float("nan")).ok
    assert not replace(row, difference=float("inf")).ok


@pytest.mark.parametrize("name", [name for name in zoo() if len(aespec.load(zoo()[name]).input.shape) == 2])
def test_the_image_specs_take_the_data_that_is_always_there(name):
    spec = aespec.load(zoo()[name])
    graph = aespec.compile(spec)
    if graph.sample_shape == (28, 28):
        fits(graph, data.load("digits", shape=graph.sample_shape, range=spec.input.range).inputs)
