"""The Keras backend: what is Keras's own about it. That all backends agree is the conformance suite's to say."""

import json
import os
import random
import subprocess
import sys
from math import exp, log
from pathlib import Path

import numpy as np
import pytest

import aespec
from aespec.activations import Linear
from aespec.diagnostics import AespecError
from aespec.graph import INPUT, Graph, Node
from aespec.layers import Layer
from aespec.layers.activation import Activation
from aespec.layers.dense import Dense
from aespec.layers.wrap import TimeDistributed
from aespec.losses import MeanSquaredError
from aespec.noise import Noise
from aespec.registry import find_backend, kinds
from aespec.training import rates

backend = find_backend("keras")
import keras  # noqa: E402 (the backend has imported it, quietly)

from aespec_keras.framework import tf  # noqa: E402
from aespec_keras.functions import crossentropy_of_logits  # noqa: E402

# Keras 3.15 copies variables in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SPECS = Path(__file__).parents[1] / "specs"
ZOO = sorted(path.stem for path in SPECS.glob("*.yaml"))


def chain(*encoder, input, dtype="float64"):
    """The model of a chain of layers, with a decoder that does nothing; its weights are random."""
    nodes, source, x = [], INPUT, input
    for i, value in enumerate(encoder):
        nodes.append(Node.of(f"encoder/layer_{i}", Layer.read(value), source, x))
        source, x = nodes[-1].name, nodes[-1].shape
    end = Node.of("decoder/end", Activation(function=Linear()), source, x)
    model = backend.build(Graph("chain", input, (*nodes, end), source, (MeanSquaredError(),)), dtype=dtype)
    rng = np.random.default_rng(1)
    model.load_weights({name: rng.uniform(0.1, 0.9, p.shape) for name, p in model.graph.params.items()})
    return model


def build(encoder, decoder="mirror", *, input=(4,), loss="mse", seed=0, dtype="float64", **training):
    """A model and its plan, from a spec."""
    fields = {"input": list(input), "encoder": encoder, "decoder": decoder, "loss": loss, "training": training}
    spec = aespec.parse(fields)
    return backend.build(aespec.compile(spec), seed=seed, dtype=dtype), spec.training


def zoo(name, dtype="float32"):
    spec = aespec.load(SPECS / f"{name}.yaml")
    return backend.build(aespec.compile(spec), seed=1, dtype=dtype), spec.training


def samples(model, count=6, steps=28, seed=0):
    shape = [steps if n is None else n for n in model.graph.input]
    return np.random.default_rng(seed).random((count, *shape)).astype(model.dtype)


def epoch(trainer, plan, x, order=None, number=1, tick=lambda done, losses: None):
    """The losses at each step of an epoch."""
    order = np.arange(len(x)) if order is None else order
    return trainer.steps(x, order, plan.batch_size, rates(plan, number, len(order)), Noise(plan.seed, number), tick)


def train(model, plan, x, *, epochs=1, batch_size=3):
    plan = plan.model_copy(update={"batch_size": batch_size, "epochs": epochs})
    trainer = model.trainer(plan, len(x))
    return [epoch(trainer, plan, x, number=number)["total"].tolist() for number in range(1, epochs + 1)]


@pytest.fixture
def float64():
    """Keras's own training in float64, of data and losses too; what else it builds later is in float32 again."""
    policy = keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(policy)


def python(code, **environment):
    """Run Python code in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL")}
    return subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True, check=False
    )


# Values that Keras gives otherwise


def scatter(x, kernel, strides, padding, dilation, extra):
    """A transposed convolution as its definition reads: each position adds the kernel, then a part is kept."""
    n, k, s, d = (np.array(axes) for axes in (x.shape[1:3], kernel.shape[:2], strides, dilation))
    reach = (k - 1) * d + 1
    kept = n * s if padding == "same" else (n - 1) * s + np.maximum(reach, s) + extra
    start = np.maximum(reach - s, 0) // 2 if padding == "same" else (0, 0)
    full = np.zeros((len(x), *(n * s + reach + extra), kernel.shape[2]))
    for i, j in np.ndindex(*n):
        for a, b in np.ndindex(*k):
            full[:, i * s[0] + a * d[0], j * s[1] + b * d[1]] += x[:, i, j] @ kernel[a, b].T
    return full[:, start[0] : start[0] + kept[0], start[1] : start[1] + kept[1]]


STRIDED = [
    ([size, size % 5 + 1], [stride, stride], [1, 1], [extra, 0])
    for size in range(1, 6)
    for stride in (1, 2, 3)
    for extra in range(min(size, stride))
]
DILATED = [(size, [1, 1], rate, [0, 0]) for size, rate in (([1, 1], [2, 2]), ([3, 2], [2, 3]), ([4, 3], [1, 2]))]


@pytest.mark.parametrize(("size", "strides", "dilation", "extra"), STRIDED + DILATED)
def test_transposed_convolutions(size, strides, dilation, extra):
    for padding in ("valid",) if any(extra) else ("valid", "same"):
        fields = {"filters": 2, "kernel_size": size, "strides": strides, "padding": padding}
        more = {"dilation_rate": dilation, "output_padding": extra, "use_bias": False}
        for n in ((3, 4), (2, 1)):
            model = chain({"conv2d_transpose": {**fields, **more}}, input=(*n, 3))
            x, kernel = samples(model, 2), model.weights()["encoder/layer_0/kernel"]
            expected = scatter(x, kernel, strides, padding, dilation, np.array(extra))
            np.testing.assert_allclose(model.encode(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("wrapped", [{"conv1d": {"filters": 2, "kernel_size": 2}}, {"gru": 2}, "flatten"])
@pytest.mark.parametrize("input", [(3, 4, 2), (None, 4, 2)])
def test_a_wrapped_layer_is_the_layer_at_every_step(wrapped, input):
    model = chain({"time_distributed": {"layer": wrapped}}, input=input)
    once = chain(wrapped, input=input[1:])
    once.load_weights(model.weights())
    x = samples(model, steps=3)
    expected = np.stack([once.encode(x[:, step]) for step in range(3)], axis=1)
    np.testing.assert_allclose(model.encode(x), expected, rtol=0, atol=1e-14)


def test_lengths_may_vary_from_call_to_call():
    model = chain({"lstm": {"units": 3, "return_sequences": True}}, {"max_pool1d": 2}, input=(None, 2))
    for count, steps in ((1, 4), (5, 9), (2, 4)):
        assert model.encode(samples(model, count, steps)).shape == (count, steps // 2, 3)


# scale * alpha = 1.0507009873554805 * 1.6732632423543772; each the limit from below of its formula.
@pytest.mark.parametrize(
    ("activation", "slope"),
    [
        ("selu", 1.7580993408473766),
        ("elu", 1),
        ({"elu": 2.5}, 2.5),
        ("celu", 1),
        ({"celu": 0.5}, 1),
        ("relu", 0),
        ("leaky_relu", 0.2),
        ({"leaky_relu": 0.3}, 0.3),
        ("gelu", 0.5),
        ({"gelu": {"approximate": True}}, 0.5),
        ("hard_sigmoid", 1 / 6),
    ],
)
def test_the_derivative_at_exactly_zero(activation, slope):
    """Zero weights make every pre-activation zero: the bias's gradient is 2 (y - t) slope / n."""
    model, _ = build(["flatten"], [{"dense": {"units": 4, "activation": activation}}])
    model.load_weights({name: np.zeros(p.shape) for name, p in model.graph.params.items()})
    x = samples(model, 1)
    expected = 2 * (model.reconstruct(x) - x)[0] * slope / 4
    np.testing.assert_allclose(model.gradients(x)["decoder/dense_1/bias"], expected, rtol=1e-14)


def test_a_saturated_wrong_output_still_has_a_gradient():
    """At z = 40 and t = 0 binary cross-entropy is 40 and its derivative 1, here for three of six elements each."""
    last = {"time_distributed": {"layer": {"dense": {"units": 2, "activation": "sigmoid"}}}}
    decoder = [{"reshape": [3, 2]}, last, {"permute": [2, 1]}, {"permute": [2, 1]}]
    model, _ = build(["flatten"], decoder, input=(3, 2), loss="binary_crossentropy", dtype="float32")
    name = "decoder/time_distributed_1"
    model.load_weights({f"{name}/kernel": np.zeros((2, 2)), f"{name}/bias": np.full(2, 40.0)})
    x = np.zeros((2, 3, 2), np.float32)
    assert model.losses(x)["binary_crossentropy"] == 40
    np.testing.assert_array_equal(model.gradients(x)[f"{name}/bias"], [0.5, 0.5])
    np.testing.assert_array_equal(model.trace(x)[name], np.ones((2, 3, 2)))


def differences(model, x, step=1e-5):
    """Where a gradient is not the central difference of the loss, at three elements of each parameter."""
    weights, wrong = model.weights(), []
    for name, gradient in model.gradients(x).items():
        for at in np.random.default_rng(0).integers(gradient.size, size=3):
            ends = []
            for sign in (1, -1):
                moved = weights[name].copy()
                moved.flat[at] += sign * step
                model.load_weights({**weights, name: moved})
                ends.append(model.losses(x)["total"])
            expected = (ends[0] - ends[1]) / (2 * step)
            if gradient.flat[at] != pytest.approx(expected, rel=1e-5, abs=1e-9):
                wrong.append((name, at, gradient.flat[at], expected))
        model.load_weights(weights)
    return wrong


@pytest.mark.parametrize(
    ("encoder", "input"),
    [
        ([{"conv1d": {"filters": 2, "kernel_size": 3, "dilation_rate": 2}}], (9, 3)),
        ([{"conv2d": {"filters": 2, "kernel_size": [3, 2], "dilation_rate": [1, 2], "padding": "same"}}], (6, 5, 2)),
        ([{"bidirectional": {"layer": {"gru": 3}, "merge_mode": "mul"}}], (4, 3)),
        ([{"time_distributed": {"layer": {"lstm": 2}}}, "flatten"], (2, 3, 2)),
        ([{"dense": {"units": 3, "activation": {"celu": 0.5}}}, {"gaussian_latent": 2}], (4,)),
        ([{"dense": {"units": 3, "activation": "sigmoid", "activity_regularizer": "kl_divergence"}}], (4,)),
    ],
)
def test_gradients_are_differences(encoder, input):
    model, _ = build(encoder, input=input)
    assert differences(model, samples(model)) == []


# The native model


@pytest.mark.parametrize(
    ("layer", "input", "kinds"),
    [
        ({"dense": {"units": 3, "activation": "selu"}}, (4,), [keras.layers.Dense]),
        ({"dense": {"units": 3, "activation": {"elu": 2.0}}}, (4,), [keras.layers.Dense, keras.layers.ELU]),
        ({"dense": {"units": 3, "activation": {"celu": 2.0}}}, (4,), [keras.layers.Dense, keras.Model]),
        ({"conv2d": {"filters": 2, "kernel_size": 3}}, (5, 5, 1), [keras.layers.Conv2D]),
        (
            {"conv1d_transpose": {"filters": 2, "kernel_size": 2, "strides": 3, "output_padding": 1}},
            (5, 1),
            [keras.layers.Conv1DTranspose],
        ),
        ({"lstm": 3}, (None, 2), [keras.layers.LSTM]),
        ({"bidirectional": {"layer": {"gru": 3}, "merge_mode": "ave"}}, (4, 2), [keras.layers.Bidirectional]),
        ({"time_distributed": {"layer": {"gru": 2}}}, (3, 4, 2), [keras.layers.TimeDistributed]),
        ({"time_distributed": {"layer": {"dense": 2}}}, (None, 2), [keras.layers.Dense]),
        ({"time_distributed": {"layer": "batch_normalization"}}, (3, 2), [keras.layers.BatchNormalization]),
        ({"average_pool2d": {"pool_size": 2, "padding": "same"}}, (5, 4, 2), [keras.layers.AveragePooling2D]),
        ({"masking_noise": 0.2}, (4,), [keras.Model]),
        ({"gaussian_latent": 2}, (4,), [keras.Model]),
    ],
)
def test_layers_are_stock(layer, input, kinds):
    built = chain(layer, input=input).native.encoder.layers[1:]
    assert [type(layer).__module__.partition(".")[0] for layer in built] == ["keras"] * len(kinds)
    assert all(isinstance(layer, kind) for layer, kind in zip(built, kinds, strict=True))
    assert [layer.name for layer in built] == ["layer_0", "layer_0_activation"][: len(kinds)]


@pytest.mark.parametrize("name", ZOO)
def test_the_native_model_is_the_graph(name):
    """Names, counts and values: what a Keras user sees is what the graph says."""
    model, _ = zoo(name)
    native, graph = model.native, model.graph
    sizes = {kind: sum(p.size for p in graph.params.values() if p.trainable is kind) for kind in (True, False)}
    lines = []
    native.summary(print_fn=lines.append)
    assert f"Trainable params: {sizes[True]:,} " in "".join(lines)
    assert f"Non-trainable params: {sizes[False]:,} " in "".join(lines)
    for block, part in (("encoder", native.encoder), ("decoder", native.decoder)):
        assert {node.short for node in graph.block(block)} <= {layer.name for layer in part.layers}
    x = samples(model)
    np.testing.assert_allclose(native.encoder(x), model.encode(x), rtol=0, atol=2e-6)
    np.testing.assert_allclose(native(x), model.reconstruct(x), rtol=0, atol=2e-6)
    np.testing.assert_allclose(native.decoder(model.encode(x)), model.reconstruct(x), rtol=0, atol=2e-6)


def test_names_given_by_a_user_are_kept():
    """Even those that Keras's own input and the activation apart would have."""
    first = {"dense": {"units": 3, "activation": {"celu": 2.0}, "name": "input"}}
    second, last = ({"dense": {"units": 4, "name": name}} for name in ("input_activation", "code"))
    model, _ = build([first, second], [last])
    names = [[layer.name for layer in part.layers] for part in (model.native.encoder, model.native.decoder)]
    assert names == [["input_", "input", "input_activation_", "input_activation"], ["code_", "code"]]


@pytest.mark.parametrize("name", ZOO)
def test_keras_adds_the_terms_of_the_loss_itself(name):
    """Whoever trains the native model with Keras trains on the same penalties."""
    model, _ = zoo(name, "float64")
    x = samples(model)
    expected = model.losses(x)
    model.native(x)
    added = expected["total"] - sum(expected[loss.kind] for loss in model.graph.losses)
    assert sum(map(float, model.native.losses)) == pytest.approx(added, rel=1e-12, abs=1e-15)


PENALTIES = [
    {"dense": {"units": 3, "activation": "sigmoid", "activity_regularizer": {"l1": 0.1}}},
    {"dense": {"units": 3, "activation": "sigmoid", "activity_regularizer": "kl_divergence"}},
    {"dense": {"units": 3, "activation": {"celu": 0.5}, "activity_regularizer": {"l2": 0.1}}},
    {"dense": {"units": 3, "kernel_regularizer": {"l1_l2": {"l1": 0.01, "l2": 0.02}}, "bias_regularizer": {"l2": 0.1}}},
    {"lstm": {"units": 3, "recurrent_regularizer": {"l2": 0.1}}},
]
RATE = (
    1 / 64
)  # Keras holds a rate in the precision of its own training, aespec in float32: this one is the same in both
OPTIMIZERS = [
    {"sgd": {"learning_rate": 0.125, "momentum": 0.5, "nesterov": True}},
    {"adam": {"learning_rate": RATE, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}},
    {"adamw": {"learning_rate": RATE, "weight_decay": 0.125}},
    {"nadam": {"learning_rate": RATE}},
    {"adamax": {"learning_rate": RATE}},
    {"rmsprop": {"learning_rate": RATE, "rho": 0.8, "momentum": 0.5, "centered": True}},
    {"adagrad": {"learning_rate": RATE, "initial_accumulator_value": 0.125}},
    {"adadelta": {"learning_rate": 0.125}},
]


@pytest.mark.parametrize(
    ("layer", "optimizer"),
    [(layer, OPTIMIZERS[0]) for layer in PENALTIES] + [(PENALTIES[0], optimizer) for optimizer in OPTIMIZERS[1:]],
)
@pytest.mark.usefixtures("float64")
def test_training_is_what_keras_does(layer, optimizer):
    """Keras's own `fit` of the native model, its optimizer stated by hand, goes through the same weights."""
    encoder = ["batch_normalization", layer]
    input = (3, 4) if "lstm" in layer else (4,)
    model, plan = build(encoder, input=input, optimizer=optimizer)
    twin, _ = build(encoder, input=input)
    x = samples(model, 10)
    train(model, plan, x, epochs=3, batch_size=4)
    (kind, fields), names = next(iter(optimizer.items())), {"sgd": "SGD", "adamw": "AdamW", "rmsprop": "RMSprop"}
    native = twin.native
    native.compile(getattr(keras.optimizers, names.get(kind, kind.capitalize()))(**fields), "mse", jit_compile=False)
    native.fit(x, x, batch_size=4, epochs=3, shuffle=False, verbose=0)
    for name, value in twin.weights().items():
        np.testing.assert_allclose(model.weights()[name], value, rtol=0, atol=1e-9, err_msg=name)


def test_the_native_model_can_be_trained_and_driven_further():
    model, _ = zoo("stacked")
    x = samples(model, 64)
    before = model.losses(x)["total"]
    model.native.compile("adam", "mse")
    model.native.fit(x, x, epochs=3, verbose=0)
    assert model.losses(x)["total"] < before
    np.testing.assert_allclose(model.reconstruct(x), model.native.predict(x, verbose=0), rtol=0, atol=1e-6)


# Files


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Every model of the zoo in a file, with an input and what the model makes of it."""
    folder = tmp_path_factory.mktemp("saved")
    for name in ZOO:
        model, plan = zoo(name)
        x = samples(model)
        train(model, plan, x)
        (folder / name).mkdir()
        assert backend.save(model, folder / name, {}) == ["model.keras"]
        np.savez(folder / f"{name}.npz", x=x, code=model.encode(x), reconstruction=model.reconstruct(x))
    return folder


LOADS = """
import os, sys
os.environ["KERAS_BACKEND"] = "tensorflow"
{first}
import json, pathlib, keras, numpy
verdicts = {{}}
for path in pathlib.Path({folder!r}).glob("*/model.keras"):
    arrays = numpy.load(path.parent.with_suffix(".npz"))
    try:
        model = keras.models.load_model(path)
    except TypeError as error:
        verdicts[path.parent.name] = "aespec>" + str(error).partition("aespec>")[2].partition("'")[0]
        continue
    code, reconstruction = model.get_layer("encoder")(arrays["x"]), model(arrays["x"])
    pairs = (code, arrays["code"]), (reconstruction, arrays["reconstruction"])
    error = max(abs(numpy.array(got) - wanted).max() for got, wanted in pairs)
    verdicts[path.parent.name] = "same" if error < 2e-6 else str(error)
verdicts["aespec imported"] = "aespec" in sys.modules
print(json.dumps(verdicts))
"""


@pytest.mark.parametrize(
    ("first", "others"),
    [
        ("", {"sparse_kl": "aespec>KLDivergence", "tied": "aespec>TiedDense", "aespec imported": False}),
        ("import aespec_keras", {"aespec imported": True}),
    ],
)
def test_files_load_in_another_process(saved, first, others):
    """With Keras alone, but for the two models that stock layers can't say: these name what they need."""
    done = python(LOADS.format(first=first, folder=str(saved)))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == dict.fromkeys(ZOO, "same") | others


TIED = {
    "dense": ([{"dense": 3}, {"dense": 2}], (4,)),
    "time_distributed": ([{"time_distributed": {"layer": {"dense": 3}}}], (5, 4)),
    "conv1d": ([{"conv1d": {"filters": 2, "kernel_size": 3, "dilation_rate": 2}}], (9, 3)),
    "conv2d": ([{"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same"}}, {"max_pool2d": 2}], (6, 6, 2)),
    "conv2d_transpose": ([{"conv2d_transpose": {"filters": 2, "kernel_size": 3, "strides": 2}}], (3, 3, 2)),
}


@pytest.mark.parametrize(("encoder", "input"), TIED.values(), ids=TIED)
@pytest.mark.usefixtures("float64")
def test_a_tie_survives_training_and_saving(encoder, input, tmp_path):
    model, plan = build(encoder, {"mirror": {"tie_weights": True}}, input=input, optimizer={"sgd": 0.5})
    x = samples(model)
    assert differences(model, x) == []  # one kernel, moved where it is used twice
    train(model, plan, x)
    backend.save(model, tmp_path, {})
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model.native(x))
    assert loaded.count_params() == sum(p.size for p in model.graph.params.values())
    loaded.compile(keras.optimizers.SGD(0.5), "mse", jit_compile=False)
    loaded.fit(x, x, batch_size=3, shuffle=False, verbose=0)
    train(model, plan, x)
    np.testing.assert_allclose(loaded(x), model.native(x), rtol=0, atol=1e-9)


def test_a_tied_decoder_can_be_saved_by_itself(tmp_path):
    model, _ = build([{"dense": 3}], {"mirror": {"tie_weights": True}})
    model.native.decoder.save(tmp_path / "decoder.keras")
    code = model.encode(samples(model))
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "decoder.keras")(code), model.decode(code))


# Training


@pytest.mark.parametrize("layer", ["batch_normalization", {"time_distributed": {"layer": "batch_normalization"}}])
@pytest.mark.parametrize("input", [(3, 2), (None, 2)])
def test_only_a_step_moves_the_running_averages(layer, input):
    """By the biased moments over samples and steps, 0.99 of the old value kept."""
    decoder = [{"time_distributed": {"layer": {"dense": 2}}}]
    model, plan = build([layer], decoder, input=input)
    x, before = samples(model, steps=3), model.weights()
    kind = next(iter(layer)) if isinstance(layer, dict) else layer
    means, variances = f"encoder/{kind}_1/moving_mean", f"encoder/{kind}_1/moving_variance"
    model.losses(x, training=True)
    model.gradients(x, training=True)
    np.testing.assert_array_equal(model.weights()[means], before[means])
    train(model, plan, x, batch_size=6)
    flat = x.reshape(-1, 2)
    np.testing.assert_allclose(model.weights()[means], 0.01 * flat.mean(0), rtol=1e-12)
    np.testing.assert_allclose(model.weights()[variances], 0.99 + 0.01 * flat.var(0), rtol=1e-12)


NOISES = [{"dropout": 0.3}, {"masking_noise": 0.3}, {"gaussian_noise": 0.2}, {"gaussian_latent": 784}]


@pytest.mark.parametrize("layer", NOISES)
def test_noise_follows_the_plans_seed(layer):
    def final(seed, epochs=2):
        model, plan = build(["flatten", layer], [{"dense": 784}, {"reshape": [28, 28]}], input=(28, 28), seed=seed)
        return train(model, plan.model_copy(update={"seed": seed + 5}), samples(model), epochs=epochs), model.weights()

    random.seed(7)
    state = random.getstate()
    (losses, weights), (losses_again, weights_again) = final(1), final(1)
    assert losses == losses_again
    assert all(np.array_equal(weights[name], weights_again[name]) for name in weights)
    assert losses != final(2)[0]
    assert random.getstate() == state


def test_masking_noise_leaves_the_rest_alone():
    """A fraction of 0.3 of 9,408 ones is lost: the loss, their mean square, is 0.3 give or take 3 deviations."""
    model, _ = build(["flatten", {"masking_noise": 0.3}], [{"reshape": [28, 28]}], input=(28, 28))
    x = np.ones((12, 28, 28))
    assert model.losses(x, training=True)["mse"] == pytest.approx(0.3, abs=0.015)
    assert model.losses(x, training=True) == model.losses(x, training=True), "no draw has an effect on the next"
    assert model.losses(x)["mse"] == 0
    assert set(np.unique(model.native(x, training=True))) == {0, 1}


def test_a_step_tells_its_losses_and_how_far_it_is():
    """With a rate near zero the weights stay, and the losses are those of the samples in the batches of 4 and 3."""
    model, plan = build([{"dense": 2}], optimizer={"sgd": 1e-30}, batch_size=4)
    x, told = samples(model, 10), []
    order = np.random.default_rng(0).permutation(10)[:7]
    trainer = model.trainer(plan, 7)
    found = epoch(trainer, plan, x, order, tick=lambda done, losses: told.append((done, losses["total"])))
    wanted = [model.losses(x[rows])["total"] for rows in (order[:4], order[4:])]
    assert found["total"].tolist() == pytest.approx(wanted, rel=1e-12)
    assert told == [(4, pytest.approx(wanted[0])), (7, pytest.approx(wanted[1]))]
    assert trainer.evaluate(x, 4)["mse"] == pytest.approx(model.losses(x)["mse"], rel=1e-12)


def test_nothing_follows_a_loss_that_is_not_finite():
    model, plan = build([{"dense": {"units": 2, "activation": "exponential"}}], optimizer={"sgd": 1e30}, batch_size=2)
    found = epoch(model.trainer(plan, 40), plan, np.full((40, 4), 3.0))
    assert np.isfinite(found["total"]).tolist() == [True] * (len(found["total"]) - 1) + [False]
    assert len(found["total"]) < 20


@pytest.mark.parametrize("optimizer", kinds("optimizer"))
def test_training_goes_on_from_its_state(optimizer):
    (straight, plan), (broken, _) = (build([{"dense": 2}], optimizer=optimizer, ema=0.9) for _ in range(2))
    x = samples(straight, 8)
    trainer = straight.trainer(plan, 8)
    for number in range(1, 7):
        epoch(trainer, plan, x, number=number)
    first = broken.trainer(plan, 8)
    for number in (1, 2, 3):
        epoch(first, plan, x, number=number)
    second = broken.trainer(plan, 8)
    second.load_state(first.state())
    for number in (4, 5, 6):
        epoch(second, plan, x, number=number)
    assert all(np.array_equal(w, straight.weights()[name]) for name, w in broken.weights().items())
    assert all(np.array_equal(v, trainer.state()[name]) for name, v in second.state().items())


@pytest.mark.parametrize(
    ("encoder", "input", "batch_size"),
    [
        ([{"dense": {"units": 3, "activation": "selu"}}, "batch_normalization", "layer_normalization"], (4,), 128),
        ([{"lstm": 2}], (3, 2), 4),
    ],
)
def test_a_long_training_is_compiled_and_the_same(encoder, input, batch_size, monkeypatch):
    """XLA only makes it faster: two batches and a half, three times."""

    def final():
        model, plan = build(encoder, input=input)
        losses = train(model, plan, samples(model, 5 * batch_size // 2), epochs=3, batch_size=batch_size)[-1]
        return np.concatenate([losses, *(value.ravel() for value in model.weights().values())])

    plain = final()
    monkeypatch.setattr("aespec_keras.training.WORTH_COMPILING", 9)
    compiled, again = final(), final()
    np.testing.assert_allclose(compiled, plain, rtol=0, atol=1e-11)
    assert not np.array_equal(compiled, plain), "XLA rounds otherwise: it has compiled"
    np.testing.assert_array_equal(compiled, again)


@pytest.mark.parametrize("samples", [1, 2, 6, 7, 8, 24])
def test_the_cross_entropy_of_logits_and_its_gradients_by_hand(samples):
    """Some rows share their logarithms: as many as are even so often."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(0, 30, (samples, 5)), rng.random((samples, 5))
    logits, target = tf.constant(x), tf.constant(t)
    with tf.GradientTape() as tape:
        tape.watch([target, logits])
        loss = 3 * crossentropy_of_logits(target, logits)
    by_target, by_logits = tape.gradient(loss, [target, logits])
    by_hand = np.mean(np.maximum(x, 0) - x * t + np.log1p(np.exp(-abs(x))))
    assert float(loss) == pytest.approx(3 * by_hand, rel=1e-14)
    np.testing.assert_allclose(by_logits, 3 * (1 / (1 + np.exp(-x)) - t) / x.size, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(by_target, -3 * x / x.size, rtol=1e-14)


@pytest.mark.parametrize(("samples", "logarithms"), [(32, 4), (6, 3), (7, 7), (None, None)])
def test_rows_of_a_cross_entropy_share_logarithms(samples, logarithms):
    rows = tf.TensorSpec((samples, 5))
    traced = tf.function(crossentropy_of_logits, autograph=False).get_concrete_function(rows, rows)
    (found,) = [each for each in traced.graph.get_operations() if each.type == "Log1p"]
    assert found.inputs[0].shape[0] == logarithms


def test_a_cross_entropy_that_is_nearly_zero_keeps_its_digits():
    """Of float32, whose 1 + 2e-9 is 1."""
    logits = np.full((8, 5), -20, "float32")
    assert float(crossentropy_of_logits(np.zeros_like(logits), logits)) == pytest.approx(log(1 + exp(-20)), rel=1e-6)


def test_the_sparsity_term_by_hand():
    """Zero kernel and bias log 3: q = sigmoid(log 3) = 3/4 in each of two units, p = 1/10, weight 2."""
    penalty = {"kl_divergence": {"weight": 2.0, "target": 0.1}}
    model, _ = build([{"dense": {"units": 2, "activation": "sigmoid", "activity_regularizer": penalty}}])
    weights = {name: np.zeros_like(value) for name, value in model.weights().items()}
    model.load_weights({**weights, "encoder/dense_1/bias": np.full(2, log(3))})
    expected = 2 * 2 * (0.1 * log(0.1 / 0.75) + 0.9 * log(0.9 / 0.25))
    assert model.losses(samples(model))["encoder/dense_1/activity/kl_divergence"] == pytest.approx(expected, rel=1e-12)


def test_the_variational_term_by_hand():
    """Mean 2 and log-variance 1 in each of three units: (e + 4 - 1 - 1) / 2 each, beta 0.5."""
    model, _ = build([{"gaussian_latent": {"units": 3, "beta": 0.5}}])
    weights = {name: np.zeros_like(value) for name, value in model.weights().items()}
    latent = "encoder/gaussian_latent_1"
    model.load_weights({**weights, f"{latent}/mean_bias": np.full(3, 2.0), f"{latent}/log_var_bias": np.ones(3)})
    expected = 0.5 * 3 * (exp(1) + 4 - 1 - 1) / 2
    assert model.losses(samples(model))[f"{latent}/latent/gaussian_kl"] == pytest.approx(expected, rel=1e-12)


# What can go wrong


class NoLayer(Layer):
    kind = "no_layer"


class NoActivation(Linear):
    kind = "no_activation"


class NoLoss(MeanSquaredError):
    kind = "no_loss"


def test_all_missing_lowerings_are_named():
    """One inside a wrapper, one inside a layer, one beside them."""
    wrapped = Node.of("encoder/wrapped", TimeDistributed(layer=NoLayer()), INPUT, (3, 2))
    dense = Node.of("decoder/dense", Dense(units=2, activation=NoActivation()), wrapped.name, (3, 2))
    with pytest.raises(AespecError) as raised:
        backend.build(Graph("lacking", (3, 2), (wrapped, dense), wrapped.name, (NoLoss(),)))
    assert [d.rule.code for d in raised.value.diagnostics] == ["E303"] * 3
    assert {d.message.split("`")[-2] for d in raised.value.diagnostics} == {"no_layer", "no_activation", "no_loss"}


@pytest.mark.parametrize(
    ("lowering", "message"),
    [
        (lambda layer, x, **own: keras.layers.Dense(layer.units + 1, **own), "gives another shape"),
        (lambda layer, x, **own: keras.layers.Dense(layer.units, use_bias=False, **own), "has other parameters"),
    ],
)
def test_a_wrong_lowering_is_found_out(lowering, message, monkeypatch):
    monkeypatch.setitem(backend.lowerings._table, "layer:dense", lowering)
    with pytest.raises(AespecError, match=message) as raised:
        chain({"dense": 3}, input=(4,))
    assert raised.value.diagnostics[0].rule.code == "E305"


def test_keras_on_another_backend_is_refused():
    code = "from aespec.registry import find_backend; find_backend('keras')"
    done = python(f"try:\n    {code}\nexcept Exception as error:\n    print(error)", KERAS_BACKEND="jax")
    assert "E302" in done.stdout
    assert "Keras on `jax`" in done.stdout
    assert "KERAS_BACKEND=tensorflow" in done.stdout


def test_the_import_is_quiet_and_aespec_alone_imports_no_framework():
    code = (
        "import sys, aespec; assert 'keras' not in sys.modules\n"
        "from aespec.registry import find_backend\n"
        f"spec = aespec.load({str(SPECS / 'pca.yaml')!r})\n"
        "find_backend('keras').build(aespec.compile(spec)).reconstruct([[1.0, 2.0, 3.0]])"
    )
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
