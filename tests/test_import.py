"""Models of frameworks as specs: the same layers, the same values; whatever a spec cannot say is named."""

import io
import json
import re
import runpy
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import aespec
from aespec import weights
from aespec.cli import main
from aespec.comparison import from_reference, sample, shaken
from aespec.importing import import_model, restoring
from aespec.initializers import Initializer
from aespec.layers import Layer
from aespec.passes import Limits
from aespec.registry import find_backend
from aespec.regularizers import Regularizer

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras 3.15 under NumPy 2

ZOO = sorted((Path(__file__).parents[1] / "specs").glob("*.yaml"))


def run(*args):
    return CliRunner().invoke(main, list(map(str, args)))


def imported(path, *more):
    """The graph of a file's model, and the reference's model of it with the file's weights."""
    folder = path.with_suffix("")
    done = run("import", path, "-o", folder / "spec.yaml", "--weights", folder / "weights.safetensors", *more)
    assert done.exit_code == 0, done.output
    graph = aespec.compile(aespec.load(folder / "spec.yaml"))
    found = weights.read(folder / "weights.safetensors")
    weights.check(graph, found)
    model = find_backend("numpy").build(graph)
    model.load_weights(found)
    return graph, model, done.stdout


def saved(folder, spec, form, *more):
    """A spec's model, its weights shaken, in a file of a framework."""
    folder.mkdir()
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec) if isinstance(spec, dict) else spec.read_text())
    graph = aespec.compile(aespec.load(folder / "spec.yaml"))
    values = shaken(graph)
    weights.write(folder / "weights.safetensors", values)
    path = folder / f"model{'.keras' if form == 'keras' else '.pt2'}"
    done = run("convert", folder, "--to", form, "-o", path, *more)
    assert done.exit_code == 0, done.output
    model = find_backend("numpy").build(graph)
    model.load_weights(values)
    return graph, model, path


def described(graph):
    """What two graphs have to agree on; a divergence is compared by its weight, wherever the spec takes that from."""
    dropped = {"kl_scale", "beta", "freeze"}  # what is frozen is seen at its parameters
    return [
        (node.name, type(node.layer), {k: v for k, v in node.layer if k not in dropped}, node.shape, dict(node.params))
        for node in graph
    ]


def bare(path):
    """A file without the spec that aespec has put into it, so that all is read from its layers."""
    contents = members(path)
    if "metadata.json" in contents:
        about = json.loads(contents["metadata.json"])
        del about["aespec"]
        contents["metadata.json"] = json.dumps(about)
    archive(path, {name: data for name, data in contents.items() if not name.endswith("/aespec.json")})
    return path


def of_training(path):
    """What a spec states beside its layers and its shape."""
    spec = aespec.load(path)
    stated = dict(spec.model_copy(update={"input": spec.input.model_copy(update={"shape": None})}))
    return {name: value for name, value in stated.items() if name not in ("vars", "encoder", "decoder")}


MORE = {
    "tied_conv": {
        "input": [8, 8, 1],
        "encoder": [
            {"conv2d": {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "kernel_regularizer": "l2"}},
            "batch_normalization",
            {"activation": "relu"},
        ],
        "decoder": [
            {
                "conv2d_transpose": {
                    "filters": 1,
                    "kernel_size": 3,
                    "strides": 2,
                    "padding": "same",
                    "tied_to": "encoder/conv2d_1",
                }
            }
        ],
    },
    "one_axis": {
        "input": [8, 2],
        "encoder": [
            {"zero_padding1d": [[1, 2]]},
            {"conv1d": {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "use_bias": False, "name": "wide"}},
            {"average_pool1d": {"pool_size": 2, "strides": 1}},
            {"max_pool1d": {"pool_size": 2}},
        ],
        "decoder": [
            {"upsampling1d": 2},
            {"conv1d_transpose": {"filters": 2, "kernel_size": 3, "strides": 4, "output_padding": 1}},
            {"cropping1d": [[8, 9]]},
            "layer_normalization",
            {"dense": {"units": 2, "activation": {"leaky_relu": 0.1}, "kernel_initializer": "he_normal"}},
        ],
    },
    "planned": {
        "description": "Costs $${much}.",
        "input": {"shape": [6], "scaling": "minmax", "range": [0, 2], "columns": [*"abcdef"], "label": "g"},
        "encoder": [{"dense": {"units": 5, "name": "wide"}}, {"dense": {"units": 3, "freeze": True}}],
        "decoder": "mirror",
        "loss": [{"huber": {"delta": 0.5}}, {"mae": {"weight": 0.25}}],
        "training": {
            "optimizer": {"rmsprop": {"momentum": 0.5}},
            "schedule": {"cosine": {"warmup": 2}},
            "epochs": 9,
            "early_stopping": 3,
            "greedy": [{"epochs": 2}, {"epochs": 1, "optimizer": {"sgd": 0.5}}],
            "freeze": "encoder/wide",
            "ema": 0.9,
        },
        "classifier": {"head": [{"dense": 4}], "epochs": 3},
    },
    "steps": {
        "input": [4, 6, 6, 1],
        "encoder": [
            {"time_distributed": {"layer": {"conv2d": {"filters": 2, "kernel_size": 3}}}},
            {"time_distributed": {"layer": "flatten"}},
            {"bidirectional": {"layer": {"gru": 3}, "merge_mode": "sum"}},
        ],
        "decoder": [
            {"repeat_vector": 4},
            {"lstm": {"units": 5, "return_sequences": True, "use_bias": False}},
            {"dense": {"units": 36, "activation": "elu"}},
            {"reshape": [4, 6, 6, 1]},
        ],
    },
}
"""What the zoo has not."""

SPECS = {path.stem: path for path in ZOO} | MORE

MORE_PROGRAMS = {
    "planned": MORE["planned"],
    "tied_conv": MORE["tied_conv"],
    "steps": MORE["steps"],
    "around": {
        "input": [6, 5, 2],
        "encoder": [
            {"zero_padding2d": [[1, 0], [0, 2]]},
            {"conv2d": {"filters": 3, "kernel_size": 2, "padding": "same", "dilation_rate": 3, "freeze": True}},
            {"max_pool2d": {"pool_size": 3, "strides": 2, "padding": "same"}},
            {"average_pool2d": {"pool_size": 2, "strides": 1}},
        ],
        "decoder": [
            {"upsampling2d": {"size": [3, 2]}},
            {"conv2d_transpose": {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 1}},
            {"cropping2d": [[4, 10], [3, 6]]},
            {"activation": "softplus"},
            {"dense": {"units": 6, "activation": "softsign"}},
            {"dense": {"units": 6, "activation": "tanh_shrink"}},
            {"dense": {"units": 6, "activation": "hard_sigmoid"}},
            {"dense": {"units": 2, "activation": {"celu": 0.5}}},
        ],
    },
    "global": {
        "input": [8, 3],
        "encoder": [
            {"conv1d": {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}},
            {"upsampling1d": 3},
            {"bidirectional": {"layer": {"lstm": {"units": 2, "return_sequences": True}}, "merge_mode": "ave"}},
            {"time_distributed": {"layer": {"dense": {"units": 5, "activation": "relu"}}}},
            "global_average_pool1d",
        ],
        "decoder": [
            {"repeat_vector": 8},
            {"bidirectional": {"layer": {"lstm": {"units": 3, "return_sequences": True}}, "merge_mode": "mul"}},
        ],
    },
}
"""What the zoo has not of what a program can be read from."""


def in_a_program(node):
    """What of a node a program has; an open number of steps is 28 in it, which the output of `recurrent` states."""
    return (
        node.name,
        without(node.layer),
        tuple(n or 28 for n in node.shape),
        {short: (param.shape, param.trainable) for short, param in node.params.items()},
    )


NOT_OF_A_PROGRAM = {"beta", "freeze", "kl_scale", "momentum", "unit_forget_bias"}
"""What only training looks at, and momentum, which is one minus torch's to rounding."""


def without(value):
    """A field, or the fields of a wrapped layer, without how weights start and penalties."""
    if isinstance(value, Layer):
        return {"kind": value.kind, **{k: without(v) for k, v in value if k not in NOT_OF_A_PROGRAM}}
    return None if isinstance(value, STARTS) else value


STARTS = (Initializer, Regularizer)


@pytest.mark.parametrize("name", SPECS)
def test_a_keras_file_of_a_spec_comes_back_as_that_spec(name, tmp_path):
    graph, model, path = saved(tmp_path / name, SPECS[name], "keras")
    again, other, _ = imported(bare(path))
    assert described(again) == described(graph)
    assert [node.ties for node in again] == [node.ties for node in graph]
    assert [(term.of, term.regularizer) for term in again.terms] == [(t.of, t.regularizer) for t in graph.terms]
    assert again.code == graph.code
    x = sample(graph, batch=4, bounds=(0, 1))
    assert from_reference(other.reconstruct(x), model.reconstruct(x)) <= 1e-6
    assert from_reference(other.encode(x), model.encode(x)) <= 1e-6
    for parameter, value in model.weights().items():
        assert np.array_equal(other.weights()[parameter], value), parameter


# --- models that Keras users write -------------------------------------------------------------------------------


def keras_models():
    """Models that were never a spec's: how they are made, and the kinds and the code that they come to."""
    import keras

    layers = keras.layers
    image = keras.Input((12, 12, 2))
    encoder = keras.Sequential(
        [image, layers.Conv2D(4, 3, activation="swish"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(5)],
        name="squeeze",
    )
    code = keras.Input((5,))
    grown = layers.Reshape((3, 3, 4))(layers.LeakyReLU(0.3)(layers.Dense(36)(code)))
    decoder = keras.Model(code, layers.Conv2DTranspose(2, 6, strides=3)(grown), name="grow")
    x = keras.Input((9,))
    hidden = layers.BatchNormalization(epsilon=0.01)(
        layers.Dense(8, activation=keras.activations.gelu, name="first")(x)
    )
    chain = layers.Dense(9)(layers.ReLU()(layers.Dense(6, name="bottleneck")(hidden)))
    series = [
        keras.Input((None, 3)),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
        layers.GRU(2),
        layers.RepeatVector(7),
        layers.LSTM(4, return_sequences=True, unit_forget_bias=False),
        layers.TimeDistributed(layers.Dense(3)),
    ]
    return {
        "two_models": (
            keras.Model(image, decoder(encoder(image))),
            ["conv2d", "max_pool2d", "flatten", "dense", "dense", "activation", "reshape", "conv2d_transpose"],
            "encoder/dense_1",
        ),
        "chain": (
            keras.Model(x, chain),
            ["dense", "batch_normalization", "dense", "activation", "dense"],
            "encoder/activation_1",
        ),
        "series": (
            keras.Sequential(series),
            ["bidirectional", "gru", "repeat_vector", "lstm", "time_distributed"],
            "encoder/gru_1",
        ),
    }


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Each of those models, its weights shaken, saved by Keras, with a batch and its values."""
    home, found = tmp_path_factory.mktemp("stock"), {}
    rng = np.random.default_rng(7)
    for name, (model, kinds, code) in keras_models().items():
        model.compile("adam", loss="mae")
        for variable in model.weights:
            variable.assign(variable + rng.uniform(0, 0.3, variable.shape))
        model.save(home / f"{name}.keras")
        x = rng.normal(size=(4, *(n or 7 for n in model.input_shape[1:]))).astype("float32")
        found[name] = home / f"{name}.keras", kinds, code, x, np.asarray(model(x, training=False))
    return found


@pytest.mark.parametrize("name", ["two_models", "chain", "series"])
def test_a_model_that_keras_saved_gives_the_same_values(name, stock):
    path, kinds, code, x, wanted = stock[name]
    graph, model, _ = imported(path)
    assert [node.layer.kind for node in graph] == kinds
    assert graph.code == code
    assert [loss.kind for loss in graph.losses] == ["mae"]
    assert from_reference(model.reconstruct(x), wanted) <= 1e-6


def test_the_code_is_the_narrowest_layer_unless_it_is_named(stock):
    path, _, _, x, wanted = stock["chain"]
    graph, model, said = imported(path, "--code", "bottleneck", "--force")
    assert graph.code == "encoder/bottleneck"
    assert from_reference(model.reconstruct(x), wanted) <= 1e-6
    assert "the code is the value of `bottleneck`, as asked for" in said
    wrong = run("import", path, "--code", "botleneck")
    assert wrong.exit_code == 1
    assert "did you mean `bottleneck`?" in wrong.stderr


def test_activations_that_keras_has_no_name_for_come_back(tmp_path):
    activations = [{"celu": 0.5}, {"gelu": {"approximate": True}}, {"elu": 0.5}, {"leaky_relu": 0.01}]
    layers = [{"dense": {"units": 6, "activation": each, "freeze": i == 0}} for i, each in enumerate(activations)]
    spec = {"input": [6], "encoder": layers[:2], "decoder": layers[2:]}
    graph, model, path = saved(tmp_path / "apart", spec, "keras")
    again, other, _ = imported(path)
    assert [node.layer.activation for node in again] == [node.layer.activation for node in graph]
    assert [node.count(trainable=False) for node in again] == [42, 0, 0, 0]  # 6 * 6 + 6, frozen in the file too
    x = sample(graph, batch=4, bounds=(-3, 3))
    assert from_reference(other.reconstruct(x), model.reconstruct(x)) <= 1e-6


def test_two_layers_of_one_name_are_told_apart(tmp_path):
    import keras

    def block():
        return keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, name="same")])

    model = keras.Sequential([keras.Input((6,)), block(), block(), keras.layers.Dense(2), keras.layers.Dense(6)])
    model.save(tmp_path / "twice.keras")
    graph, _, _ = imported(tmp_path / "twice.keras")
    assert [node.name for node in graph] == ["encoder/same", "encoder/same_2", "encoder/dense_1", "decoder/dense_1"]


def test_layers_that_fit_no_spec_are_named_with_their_file(tmp_path):
    import keras

    layers = [keras.layers.Dense(4, name="narrow"), keras.layers.Dense(5, name="last")]
    keras.Sequential([keras.Input((6,)), *layers]).save(tmp_path / "five.keras")
    done = run("import", tmp_path / "five.keras")
    assert done.exit_code == 1
    assert f"`last` of {tmp_path / 'five.keras'}: the reconstruction" in done.stderr
    assert "help: save a model that gives what it is given" in done.stderr
    assert "<string>" not in done.stderr


def lossy():
    """A model with layers and fields that a spec cannot say."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Rescaling(0.5),
            layers.Conv2D(4, 3, padding="same", groups=1, kernel_constraint="max_norm"),
            layers.Lambda(lambda x: x * 2),
            layers.Flatten(),
            layers.Dense(2, kernel_regularizer=keras.regularizers.OrthogonalRegularizer()),
            layers.PReLU(),
            layers.Dense(16),
            layers.Reshape((4, 4, 1)),
        ]
    )


def test_what_a_spec_cannot_say_is_listed_or_left_out(tmp_path):
    path = tmp_path / "lossy.keras"
    lossy().save(path)
    done = run("import", path, "-o", tmp_path / "spec.yaml")
    assert done.exit_code == 1
    assert not (tmp_path / "spec.yaml").exists()
    for what in ("`Rescaling`", "kernel_constraint: MaxNorm", "`Lambda`", "OrthogonalRegularizer", "`PReLU`"):
        assert what in done.stderr
    assert "wanted: no `kernel_constraint`\n" in done.stderr
    graph, _, said = imported(path, "--partial")
    assert [node.layer.kind for node in graph] == ["conv2d", "flatten", "dense", "dense", "reshape"]
    others, same = said.partition("left out, so that the values are others:")[2].split(
        "left out, which changes nothing that the model computes:"
    )
    assert [what in others for what in ("`Rescaling`", "`Lambda`", "`PReLU`", "`kernel_constraint", "`Orthog")] == [
        *(True, True, True, False, False)
    ]
    assert "`kernel_constraint: MaxNorm`" in same
    assert "OrthogonalRegularizer" in same
    record = json.loads(run("import", path, "--partial", "--format", "json").stdout)
    assert [flaw["changes"] for flaw in record["left_out"]] == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("name", "problem"),
    [("grouped", "wanted: parameters of the shapes (128, 2), (2,) at `code`"), ("crop", "`out` of {path}: the recon")],
)
def test_what_is_left_out_is_named_where_the_rest_does_not_fit(name, problem, tmp_path):
    import keras

    layers, path = keras.layers, tmp_path / "model.keras"
    grouped = [layers.Conv2D(4, 3, strides=2, groups=2, name="grouped")] if name == "grouped" else []
    crop = [layers.CenterCrop(4, 4, name="crop")] if name == "crop" else []
    height = 6 if crop else 4
    decoder = [layers.Dense(height * 32), layers.Reshape((height, 4, 8), name="out"), *crop]
    inner = [layers.Conv2D(8, 1), *grouped, layers.Flatten(), layers.Dense(2, name="code")]
    keras.Sequential([keras.Input((4, 4, 8)), *inner, *decoder]).save(path)
    done = run("import", path, "--partial")
    assert done.exit_code == 1
    assert "error[E513]" in done.stderr
    assert problem.format(path=path) in done.stderr
    assert f"without `{name}`, which `--partial` leaves out" in done.stderr
    assert f"help: change `{name}` in the model and save it again: `aespec import {path}` says" in done.stderr
    assert f"`{name}` of {path}" in run("import", path).stderr


def training_of(path):
    """What the spec of a file states of training, and what is said beside it."""
    record = json.loads(run("import", path, "--format", "json").stdout)
    assert aespec.parse(record["spec"])
    return record["spec"]["loss"], record["spec"].get("training"), record["notes"]


# How Keras is told to train; the loss and the training of the spec; what is said.
COMPILED = {
    "names": (lambda k: ("sgd", "mse"), "mse", {"optimizer": "sgd"}, ()),
    "sgd": (
        lambda k: (k.optimizers.SGD(1.5, momentum=0.9, nesterov=True, weight_decay=0.01), ["mae"]),
        "mae",
        {"optimizer": {"sgd": {"momentum": 0.9, "nesterov": True, "learning_rate": 1.5, "weight_decay": 0.01}}},
        (),
    ),
    "adam": (
        lambda k: (k.optimizers.Adam(0.02, epsilon=1e-5, global_clipnorm=2.0), k.losses.BinaryCrossentropy()),
        "binary_crossentropy",
        {"optimizer": {"adam": {"epsilon": 1e-5, "learning_rate": 0.02}}, "clip_norm": 2.0},
        (),
    ),
    "adamw": (
        lambda k: (k.optimizers.AdamW(0.1, use_ema=True, ema_momentum=0.5, clipvalue=0.25), "huber"),
        "huber",
        {"optimizer": {"adamw": 0.1}, "clip_value": 0.25, "ema": 0.5},
        (),
    ),
    "nadam": (
        lambda k: (k.optimizers.Nadam(beta_2=0.9), k.losses.mean_absolute_error),
        "mae",
        {"optimizer": {"nadam": {"beta_2": 0.9}}},
        (),
    ),
    "adamax": (lambda k: ("adamax", "mae"), "mae", {"optimizer": "adamax"}, ()),
    "rmsprop": (
        lambda k: (k.optimizers.RMSprop(centered=True, rho=0.8), k.losses.CategoricalCrossentropy()),
        "categorical_crossentropy",
        {"optimizer": {"rmsprop": {"rho": 0.8, "centered": True}}},
        (),
    ),
    "adagrad": (
        lambda k: (k.optimizers.Adagrad(initial_accumulator_value=0.0), "mse"),
        "mse",
        {"optimizer": {"adagrad": {"initial_accumulator_value": 0.0}}},
        (),
    ),
    "adadelta": (lambda k: (k.optimizers.Adadelta(1.0), "mse"), "mse", {"optimizer": {"adadelta": 1.0}}, ()),
    "another": (
        lambda k: ("lion", k.losses.BinaryCrossentropy(from_logits=True)),
        "mse",
        None,
        (
            "a spec has no loss `BinaryCrossentropy` with `from_logits: True`: it is `mse`",
            "a spec has no optimizer `Lion`: it is `adam`",
        ),
    ),
    "more": (
        lambda k: (
            k.optimizers.Adam(k.optimizers.schedules.CosineDecay(0.3, 100), amsgrad=True, clipnorm=1.0),
            k.losses.MeanSquaredError(reduction="sum"),
            ["mae"],
        ),
        "mse",
        {"optimizer": {"adam": 0.3}},
        (
            'a spec has no loss `MeanSquaredError` with `reduction: "sum"`: it is `mse`',
            "`CosineDecay` counts steps, and a spec epochs: the learning rate is 0.3 throughout, as at the first step",
            "a spec has no optimizer with `amsgrad: True`, `clipnorm: 1.0`: left out",
            "the metrics are left out: a spec has none",
        ),
    ),
    "bounds": (
        lambda k: (k.optimizers.SGD(0.0, momentum=0.5), "mse"),
        "mse",
        {"optimizer": {"sgd": {"momentum": 0.5}}},
        ("`sgd` has no `learning_rate: 0.0`: it is 0.01",),
    ),
    "piecewise": (
        lambda k: (k.optimizers.SGD(k.optimizers.schedules.PiecewiseConstantDecay([10], [0.5, 0.05])), "mse"),
        "mse",
        {"optimizer": {"sgd": 0.5}},
        (
            "`PiecewiseConstantDecay` counts steps, and a spec epochs: the learning rate is 0.5 throughout, as at the "
            "first step",
        ),
    ),
    "warm-up": (
        lambda k: (
            k.optimizers.Adam(
                k.optimizers.schedules.CosineDecay(0.0, 1000, warmup_target=0.02, warmup_steps=10), beta_1=0.5
            ),
            "mse",
        ),
        "mse",
        {"optimizer": {"adam": {"learning_rate": 0.02, "beta_1": 0.5}}},
        ("`CosineDecay` counts steps, and a spec epochs: the learning rate is 0.02 throughout, as after the warm-up",),
    ),
    "from nothing": (
        lambda k: (k.optimizers.Adam(k.optimizers.schedules.PolynomialDecay(0.0, 10)), "mse"),
        "mse",
        {"optimizer": "adam"},
        (
            "`adam` has no `learning_rate: 0.0`: it is 0.001",
            "`PolynomialDecay` counts steps, and a spec epochs: the learning rate is left at 0.001",
        ),
    ),
    "own schedule": (
        lambda k: (k.optimizers.Adam(own_schedule(k), beta_2=0.9), "mse"),
        "mse",
        {"optimizer": {"adam": {"beta_2": 0.9}}},
        ("`mine>Noam` counts steps, and a spec epochs: the learning rate is not known, and left at 0.001",),
    ),
    "own name": (
        lambda k: (type("Own\n\x1b[31mlines", (k.optimizers.SGD,), {})(), "mse"),
        "mse",
        None,
        (r"a spec has no optimizer `Own\n\x1b[31mlines`: it is `adam`",),
    ),
    "weight": (
        lambda k: ("adam", "mae", None, 0.0),
        "mae",
        {"optimizer": "adam"},
        ("a spec has no loss with the weight 0.0: that of `mae` is 1",),
    ),
    "delta": (
        lambda k: ("adam", k.losses.Huber(0.5)),
        "huber",
        {"optimizer": "adam"},
        ("Keras leaves the `delta` of `Huber` out of its files: it is 1, the default, whatever it was",),
    ),
    "never": (
        lambda k: None,
        "mse",
        None,
        ("the file states no loss and no optimizer: they are `mse` and `adam`",),
    ),
}


def own_schedule(keras):
    """A schedule of the author's own, which no file has the rates of."""

    class Noam(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5 * 0.001

        def get_config(self):
            return {"initial_learning_rate": 0.5}

    return keras.saving.register_keras_serializable("mine")(Noam)()


@pytest.mark.parametrize("name", COMPILED)
def test_what_a_model_was_compiled_with_is_said(name, tmp_path):
    import keras

    how, loss, training, notes = COMPILED[name]
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3), keras.layers.Dense(6)])
    if (given := how(keras)) is not None:
        optimizer, of, metrics, weight = (*given, None, None)[:4]
        model.compile(optimizer, of, metrics=metrics, loss_weights=weight)
    model.save(tmp_path / "model.keras")
    found, stated, said = training_of(tmp_path / "model.keras")
    assert (found, stated) == (loss, training)
    assert [note for note in said if "code is" not in note and "names" not in note] == list(notes)


def test_the_weight_of_a_loss_is_kept(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3), keras.layers.Dense(6)])
    model.compile("adam", "mae", loss_weights=[0.5])
    model.save(tmp_path / "model.keras")
    assert training_of(tmp_path / "model.keras")[0] == {"mae": {"weight": 0.5}}


def test_that_names_are_given_anew_is_said_in_a_line(tmp_path):
    import keras

    names = ["enc-1", "code", "dense_1"]
    layers = [keras.layers.Dense(units, name=name) for units, name in zip((4, 3, 6), names, strict=True)]
    keras.Sequential([keras.Input((6,)), *layers]).save(tmp_path / "named.keras")
    graph, _, said = imported(tmp_path / "named.keras")
    assert [node.name for node in graph] == ["encoder/dense_1", "encoder/code", "decoder/dense_1"]
    assert "names are given anew: `enc-1` is `encoder/dense_1`\n" in said


def test_a_name_with_line_breaks_is_told_in_one_line(tmp_path):
    import keras

    layers = [keras.layers.Dense(3, name="code"), keras.layers.Dense(6, name="one")]
    keras.Sequential([keras.Input((6,)), *layers]).save(tmp_path / "model.keras")
    odd = changed(members(tmp_path / "model.keras"), lambda layers: layers[1]["config"].update(name="a/b: {x}\n#y"))
    archive(tmp_path / "model.keras", odd)
    _, _, said = imported(tmp_path / "model.keras")
    assert r"the code is the value of `a/b: {x}\n#y`, the narrowest" in said


def test_a_class_of_its_author_s_own_is_told_from_a_damaged_file(tmp_path):
    import keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(6)

        def call(self, x):
            return self.dense(x)

    model = Own()
    model(np.zeros((1, 6)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's, of the arguments of a class that states none
        model.save(tmp_path / "own.keras")
    done = run("import", tmp_path / "own.keras")
    assert done.exit_code == 1
    assert "got: `Own`, a class of its author's own" in done.stderr
    assert "`keras.Sequential` or `keras.Model(inputs, outputs)`" in done.stderr


def test_what_does_nothing_outside_training_changes_no_value(tmp_path):
    import keras

    layers = keras.layers
    idle = [layers.RandomFlip(), layers.SpatialDropout2D(0.2), layers.GaussianDropout(0.1), layers.Identity()]
    path = tmp_path / "idle.keras"
    shaped = [layers.Flatten(), layers.Dense(3), layers.Dense(32), layers.Reshape((4, 4, 2))]
    model = keras.Sequential([keras.Input((4, 4, 2)), *idle, layers.RandomCrop(4, 4), *shaped])
    model.save(path)
    record = json.loads(run("import", path, "--partial", "--format", "json").stdout)
    assert [flaw["changes"] for flaw in record["left_out"]] == [False, False, False, False, True]
    _, other, said = imported(path, "--partial")
    assert "`random_flip`: a layer `RandomFlip`, which does nothing outside training" in said
    x = np.random.default_rng(7).random((3, 4, 4, 2), dtype=np.float32)
    assert from_reference(other.reconstruct(x), np.asarray(model(x, training=False))) <= 1e-6


def test_a_float32_has_as_many_digits_as_it_takes(tmp_path):
    import keras

    penalty = keras.regularizers.L1(0.03)  # kept as 0.029999999329447746, the float32 that is nearest
    layers = [keras.layers.Dense(3, activity_regularizer=penalty), keras.layers.Dense(6)]
    keras.Sequential([keras.Input((6,)), *layers]).save(tmp_path / "sparse.keras")
    assert b"0.0299999" in members(tmp_path / "sparse.keras")["config.json"]
    graph, _, _ = imported(tmp_path / "sparse.keras")
    assert [term.regularizer.weight for term in graph.terms] == [0.03]


def test_a_gru_that_resets_before_the_product_is_none_of_a_spec(tmp_path):
    import keras

    gru = keras.layers.GRU(3, reset_after=False, use_bias=False, name="before")
    model = keras.Sequential([keras.Input((4, 2)), gru, keras.layers.RepeatVector(4), keras.layers.Dense(2)])
    model.save(tmp_path / "gru.keras")
    done = run("import", tmp_path / "gru.keras")
    assert done.exit_code == 1
    assert "`before`" in done.stderr
    assert "`reset_after: False`" in done.stderr


def test_a_model_with_branches_is_none_of_a_spec(tmp_path):
    import keras

    x = keras.Input((6,))
    both = keras.layers.Concatenate(name="both")([keras.layers.Dense(3)(x), keras.layers.Dense(2)(x)])
    keras.Model(x, keras.layers.Dense(6)(both)).save(tmp_path / "branches.keras")
    done = run("import", tmp_path / "branches.keras")
    assert done.exit_code == 1
    assert "`both`, which is given several values" in done.stderr


# --- programs of PyTorch ------------------------------------------------------------------------------------------


def torch_models():
    """Models of `torch.nn` alone, channels first, each with a sample's shape and the kinds that it comes to."""
    from torch import nn

    return {
        "images": (
            nn.Sequential(
                *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
                *(nn.Linear(36, 5), nn.Tanh(), nn.Dropout(0.1), nn.Linear(5, 36), nn.LeakyReLU(0.1)),
                *(nn.Unflatten(1, (4, 3, 3)), nn.ConvTranspose2d(4, 2, 3, 2, 1, output_padding=1), nn.Sigmoid()),
            ),
            (2, 6, 6),
            [
                *(
                    "permute",
                    "conv2d",
                    "batch_normalization",
                    "activation",
                    "max_pool2d",
                    "permute",
                    "flatten",
                    "dense",
                ),
                *("dropout", "dense", "reshape", "permute", "conv2d_transpose", "cropping2d", "activation", "permute"),
            ],
        ),
        "series": (
            nn.Sequential(
                nn.Sequential(nn.Conv1d(3, 4, 5, stride=2, padding=2), nn.GELU(), nn.AvgPool1d(2)),
                nn.Sequential(nn.ConvTranspose1d(4, 3, 6, stride=4, padding=1), nn.ELU(0.5), nn.Softmax(dim=1)),
            ),
            (3, 8),
            [
                *("permute", "zero_padding1d", "conv1d", "average_pool1d"),
                *("conv1d_transpose", "activation", "permute"),
            ],
        ),
        "vectors": (
            nn.Sequential(nn.Linear(7, 4, bias=False), nn.LayerNorm(4), nn.SiLU(), nn.BatchNorm1d(4), nn.Linear(4, 7)),
            (7,),
            ["dense", "layer_normalization", "activation", "batch_normalization", "dense"],
        ),
    }


def torch_programs():
    """A program that torch's users write: recurrent layers in both directions, the last step, all steps as samples."""
    import torch
    from torch import nn

    class Series(nn.Module):
        def __init__(self):
            super().__init__()
            self.both = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)
            self.code = nn.GRU(8, 2, batch_first=True)
            self.steps = nn.Linear(2, 3)

        def forward(self, x):
            z = self.code(self.both(x)[0])[0][:, -1]
            repeated = z.unsqueeze(1).repeat(1, 5, 1)
            return self.steps(repeated.reshape(-1, 2)).view(x.shape[0], 5, 3)

    groups = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, groups=2), nn.Conv2d(4, 2, 1), nn.PReLU())
    pictures = nn.Sequential(
        *(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(2, 4, 3, stride=2), nn.Softsign(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(4, 8), nn.Unflatten(1, (2, 2, 2)), nn.Upsample(scale_factor=4), nn.Hardtanh()),
    )
    return torch, {"series": (Series(), (5, 3)), "pictures": (pictures, (2, 8, 8)), "groups": (groups, (2, 4, 4))}


def exported(name, path):
    """One of those programs in a file, a batch and its values."""
    torch, models = torch_programs()
    torch.manual_seed(0)
    model, shape = models[name]
    x = torch.randn(4, *shape)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"The tensor attributes .*_flat_weights")  # of torch's recurrent modules
        program = torch.export.export(model.eval(), (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, path)
    return x.numpy(), model(x).detach().numpy()


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("series", ["bidirectional", "bidirectional", "gru", "repeat_vector", "time_distributed"]),
        (
            "pictures",
            [
                *("permute", "conv2d", "global_average_pool2d", "dense", "reshape", "permute"),
                *("upsampling2d", "activation", "permute"),
            ],
        ),
    ],
)
def test_modules_of_torch_give_the_same_values(name, kinds, tmp_path):
    x, wanted = exported(name, tmp_path / f"{name}.pt2")
    graph, model, _ = imported(tmp_path / f"{name}.pt2")
    assert [node.layer.kind for node in graph] == kinds
    assert from_reference(model.reconstruct(x), wanted) <= 1e-6


def test_what_a_spec_cannot_say_of_a_program_is_listed(tmp_path):
    exported("groups", tmp_path / "groups.pt2")
    done = run("import", tmp_path / "groups.pt2")
    assert done.exit_code == 1
    for what in ("`0` of", "`groups=2`", "`2` of", "`prelu`"):
        assert what in done.stderr


def ends_around(rank, *between):
    """A program of two convolutions over so many axes and modules between them, a batch and its values."""
    import torch
    from torch import nn

    conv, sizes = (nn.Conv1d, nn.Conv2d)[rank - 1], (6, 4)[:rank]
    torch.manual_seed(0)
    model = nn.Sequential(conv(2, 3, 3, padding=1), *between, conv(3, 2, 3, padding=1))
    x = torch.randn(2, 2, *sizes)
    return torch.export.export(model.eval(), (x,)), x.numpy(), model(x).detach().numpy()


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("flat", [True, False])
def test_a_module_that_is_left_out_leaves_the_axes_as_they_are(rank, flat, tmp_path):
    import torch
    from torch import nn

    size, shape = 3 * 6 * 4 ** (rank - 1), (3, 6, 4)[: rank + 1]
    dense = [nn.Flatten(), nn.Linear(size, 4), nn.Linear(4, size), nn.Unflatten(1, shape)]
    program, x, wanted = ends_around(rank, nn.PReLU(init=1.0), *(dense if flat else ()))  # which changes no value
    torch.export.save(program, tmp_path / "model.pt2")
    _, model, said = imported(tmp_path / "model.pt2", "--partial")
    assert "`1`: `prelu`" in said
    assert from_reference(model.reconstruct(x), wanted) <= 1e-6


def test_a_module_that_changes_the_shape_cannot_be_left_out(tmp_path):
    import torch
    from torch import nn

    program, *_ = ends_around(2, nn.PReLU(), nn.AdaptiveMaxPool2d((3, 4)))
    torch.export.save(program, tmp_path / "model.pt2")
    done = run("import", tmp_path / "model.pt2", "--partial")
    assert done.exit_code == 1
    assert "`2` of" in done.stderr
    assert "`1` of" not in done.stderr
    assert "help: change the module: what follows is made for the shape that it gives" in done.stderr
    listed = run("import", tmp_path / "model.pt2").stderr
    assert all(what in listed for what in ("`1` of", "`2` of", "or leave it out with `--partial`"))


@pytest.mark.parametrize("name", ["images", "series", "vectors"])
def test_a_program_that_torch_saved_gives_the_same_values(name, tmp_path):
    import torch

    torch.manual_seed(0)
    model, shape, kinds = torch_models()[name]
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.add_(0.3 * torch.rand(value.shape))
    x = torch.randn(4, *shape)
    program = torch.export.export(model.eval(), (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, tmp_path / f"{name}.pt2")
    graph, other, said = imported(tmp_path / f"{name}.pt2")
    assert [node.layer.kind for node in graph] == kinds
    assert ("`permute` stands where" in said) == ("permute" in kinds)
    assert from_reference(other.reconstruct(x.numpy()), model(x).detach().numpy()) <= 1e-6


OF_TRAINING = ("gaussian_noise", "masking_noise")
"""Layers that no program has."""


@pytest.mark.parametrize("name", [*(path.stem for path in ZOO), *MORE_PROGRAMS])
def test_a_program_of_a_spec_comes_back(name, tmp_path):
    graph, model, path = saved(tmp_path / name, (SPECS | MORE_PROGRAMS)[name], "torch")
    again, other, said = imported(bare(path))
    kept = [node for node in graph if node.layer.kind not in OF_TRAINING]
    assert [in_a_program(node) for node in again] == [in_a_program(node) for node in kept]
    assert {tie.parameter for node in again for tie in node.ties.values()} == {
        tie.parameter for node in graph for tie in node.ties.values()
    }
    for node in graph:
        told = f"`{node.name.replace('/', '.')}` does nothing in the program"
        assert (told in said) == (node.layer.kind in OF_TRAINING)
    x = sample(graph, batch=4, bounds=(0, 1))
    assert again[again.code].shape == graph[graph.code].shape
    assert from_reference(other.reconstruct(x), model.reconstruct(x)) <= 1e-6
    assert from_reference(other.encode(x), model.encode(x)) <= 1e-6


def test_a_model_of_float64_comes_to_a_spec_of_float64(tmp_path):
    import keras
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(6, 2), torch.nn.Linear(2, 6)).double()
    torch.export.save(torch.export.export(module, (torch.zeros(2, 6, dtype=torch.float64),)), tmp_path / "m.pt2")
    keras.Sequential(
        [keras.Input((6,), dtype="float64"), *(keras.layers.Dense(n, dtype="float64") for n in (2, 6))]
    ).save(tmp_path / "m.keras")
    for name in ("m.pt2", "m.keras"):
        found = import_model(tmp_path / name, partial=True)
        assert found.spec.training.dtype == "float64"
        assert found.brief()["training"] == {"dtype": "float64"}
        assert {weight.dtype.name for weight in found.weights.values()} == {"float64"}


def test_a_model_without_a_shape_of_its_input_is_told_how_to_have_one(tmp_path):
    import keras

    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(6)]).save(tmp_path / "m.keras")
    with pytest.raises(aespec.AespecError, match=r"let it begin with `keras.Input\(shape\)`"):
        import_model(tmp_path / "m.keras")


def test_a_layer_that_an_activation_closes_has_its_own_name(tmp_path):
    import torch
    from torch import nn

    layers = {"fc": nn.Linear(6, 4), "act": nn.ReLU(), "out": nn.Linear(4, 6)}
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    torch.export.save(torch.export.export(model.eval(), (torch.zeros(2, 6),)), tmp_path / "m.pt2")
    for code in ("fc", "act"):
        graph, _, said = imported(tmp_path / "m.pt2", "--code", code, "--force")
        assert [node.name for node in graph] == ["encoder/fc", "decoder/out"]
        assert "names are given anew" not in said


def test_modules_keep_the_names_of_their_author(tmp_path):
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.squeeze = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
            self.inner = nn.ModuleDict({"deep": nn.Sequential(nn.Linear(2, 4))})
            self.fc_2, self.dense_1 = nn.Linear(4, 5), nn.Linear(5, 6)

        def forward(self, x):
            return self.dense_1(self.fc_2(self.inner["deep"](self.squeeze(x))))

    program = torch.export.export(Model().eval(), (torch.zeros(2, 6),))
    torch.export.save(program, tmp_path / "model.pt2")
    graph, _, said = imported(tmp_path / "model.pt2")
    names = ["encoder/dense_1", "encoder/dense_2", "decoder/dense_1", "decoder/fc_2", "decoder/dense_2"]
    assert [node.name for node in graph] == names
    assert "names are given anew: `squeeze.0` is `encoder/dense_1`, and 3 more\n" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda name, data: b"[]" if name.endswith("model.json") else data,
            "a program as `torch.export.save` writes it",
        ),
        (lambda name, data: data[:-4] if name.endswith("weight_0") else data, "numbers in `weight_0`"),
        (lambda name, data: data.replace(b'"use_pickle": false', b'"use_pickle": true'), "stored as it is"),
        (
            lambda name, data: data.replace(b'"weight_0"', b'"../../../../etc/passwd"'),
            "a member `model/data/weights/../",
        ),
        (lambda name, data: data.replace(b"relu.default", b"exec.default"), "`exec`"),
    ],
    ids=["list", "short", "pickle", "traversal", "operation"],
)
def test_a_program_that_is_no_good_is_refused_in_words(change, message, tmp_path):
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 5)).eval()
    torch.export.save(torch.export.export(model, (torch.zeros(2, 5),)), tmp_path / "model.pt2")
    good = members(tmp_path / "model.pt2")
    archive(tmp_path / "model.pt2", {name: change(name, data) for name, data in good.items()})
    done = run("import", tmp_path / "model.pt2")
    assert done.exit_code == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, "keras") for name in (SPECS | MORE_PROGRAMS)),
        *((name, "torch") for name in (*(path.stem for path in ZOO), *MORE_PROGRAMS)),
    ],
)
def test_a_file_comes_back_as_the_spec_that_is_in_it(name, form, tmp_path):
    graph, model, path = saved(tmp_path / name, (SPECS | MORE_PROGRAMS)[name], form)
    again, other, said = imported(path)
    assert again == graph
    assert of_training(path.with_suffix("") / "spec.yaml") == of_training(path.parent / "spec.yaml")
    assert "the file has the spec that it was made of, and computes what that says" in said
    for parameter, value in model.weights().items():
        assert np.array_equal(other.weights()[parameter], value), parameter


@pytest.mark.parametrize("form", ["keras", "torch"])
@pytest.mark.parametrize("freeze", ["encoder", "encoder/wide/bias"])
def test_what_build_saves_comes_back_frozen(freeze, form, tmp_path):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(MORE["planned"]))
    given = ("--set", f"training.freeze={freeze}", "--backend", form, "-o", tmp_path / "built")
    done = run("build", tmp_path / "s.yaml", *given)
    assert done.exit_code == 0, done.output
    again, _, _ = imported(tmp_path / "built" / f"model{'.keras' if form == 'keras' else '.pt2'}")
    assert again == aespec.compile(aespec.load(tmp_path / "built" / "spec.yaml"))


@pytest.mark.parametrize("form", ["keras", "torch"])
def test_by_what_features_were_scaled_comes_back(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).normal([3.0, -50.0], [0.5, 20.0], (40, 2)).astype("float32"))
    Path("s.yaml").write_text(
        "input: {shape: [2], scaling: standard}\nencoder: [{dense: 1}]\ndecoder: mirror\ntraining: {epochs: 1}\n"
    )
    assert run("train", "s.yaml", "--backend", "torch", "--data", "x.npy", "-o", "r", "--quiet").exit_code == 0
    ending = ".keras" if form == "keras" else ".pt2"
    assert run("convert", "r", "--to", form, "-o", f"m{ending}").exit_code == 0
    done = run("import", f"m{ending}", "-o", "i/spec.yaml", "--weights", "i/weights.safetensors")
    assert "by what they are scaled goes with the weights" in done.stdout
    assert run("eject", "i", "--backend", form, "-o", "again.py").exit_code == 0
    assert run("eject", "r", "--backend", form, "-o", "code.py").exit_code == 0
    ours, theirs = (Path(name).read_text().partition("CENTER")[2] for name in ("again.py", "code.py"))
    assert ours == theirs
    if form == "torch":  # where the samples are: on the meta device nothing is computed
        import torch

        scaled, restored = (runpy.run_path("code.py")[name] for name in ("scaled", "restored"))
        assert restored(scaled(torch.zeros(3, 2, device="meta"))).device.type == "meta"
    record = json.loads(run("convert", "i", "--to", form, "--format", "json", "-o", f"n{ending}").stdout)
    assert record["scaling"] == aespec.open_run("r").scaling.model_dump()


@pytest.mark.parametrize("name", ["tied", "planned"])
def test_weights_with_their_spec_come_back(name, tmp_path):
    graph, model, path = saved(tmp_path / name, SPECS[name], "keras")
    tensors = path.with_suffix(".safetensors")
    assert run("convert", tmp_path / name, "--to", "safetensors", "-o", tensors).exit_code == 0
    again, other, said = imported(tensors)
    assert again == graph
    assert "the spec is the one in the file" in said
    for parameter, value in model.weights().items():
        assert np.array_equal(other.weights()[parameter], value), parameter


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (None, "wanted: the spec in its metadata"),
        ({"spec": "input: ["}, "error[E0"),
        (
            {"spec": "input: [4]\nencoder: [{dense: 2}]\ndecoder: mirror\n"},
            "the weights are another model's: 4 names or shapes",
        ),
        ({"spec": "input: [3]\nencoder: [{dense: 1}]\ndecoder: mirror\n", "scaling": "{"}, ""),
    ],
    ids=["none", "broken", "another", "scaling"],
)
def test_weights_without_a_spec_that_fits_are_refused(about, said, tmp_path):
    shapes = {"encoder": (3, 1), "decoder": (1, 3)}
    values = {f"{block}/dense_1/kernel": np.zeros(shape, "float32") for block, shape in shapes.items()}
    values |= {f"{block}/dense_1/bias": np.zeros(shape[1], "float32") for block, shape in shapes.items()}
    weights.write(tmp_path / "w.safetensors", values, about)
    done = run("import", tmp_path / "w.safetensors")
    assert done.exit_code == (1 if said else 0)
    assert said in done.stderr


def test_a_spec_in_a_file_is_computed_within_the_usual_limits(tmp_path, monkeypatch):
    _, _, path = saved(tmp_path / "planned", MORE["planned"], "keras")
    assert restoring.COMPUTED.activations == Limits().activations
    for most, wanted in ((10**6, "computes what that says"), (1, "and is left out")):
        monkeypatch.setattr(restoring, "COMPUTED", Limits(activations=most))
        assert wanted in imported(path, "--force")[2]


def test_no_other_file_is_read_for_a_spec_in_a_file(tmp_path):
    _, _, path = saved(tmp_path / "planned", MORE["planned"], "keras")
    (tmp_path / "planned" / "other.yaml").write_text(yaml.safe_dump(MORE["planned"]))
    included = [{"include": "other.yaml"}]
    put(path, {"name": "x", "input": [6], "encoder": included, "decoder": "mirror", "loss": "mae"})
    again, _, said = imported(path)
    assert [loss.kind for loss in again.losses] == ["mae"]
    assert "what the layers do not say, such as the loss" in said


def put(path, spec):
    """Another spec into a `.keras` file."""
    contents = members(path)
    about = json.loads(contents["metadata.json"])
    about["aespec"]["spec"] = spec
    archive(path, {**contents, "metadata.json": json.dumps(about)})


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: {**spec, "loss": "none such"},
        lambda spec: {**spec, "input": {"shape": [6], "columns": ["a"]}},
        lambda spec: {**spec, "training": {"freeze": "encoder/nowhere"}},
    ],
    ids=["loss", "input", "name"],
)
def test_a_spec_in_a_file_that_does_not_fit_is_left_out(change, tmp_path):
    graph, _, path = saved(tmp_path / "planned", MORE["planned"], "keras")
    put(path, change(json.loads(members(path)["metadata.json"])["aespec"]["spec"]))
    again, _, said = imported(path)
    assert described(again) == described(graph)
    assert "the spec in the file does not fit its layers, and is left out" in said
    assert not aespec.load(path.with_suffix("") / "spec.yaml").training.model_fields_set


def test_layers_are_those_of_the_file_whatever_its_spec_says(tmp_path):
    graph, _, path = saved(tmp_path / "planned", MORE["planned"], "keras")
    put(path, {"name": "x", "input": [9], "encoder": [{"dense": 1}], "decoder": "mirror", "loss": "mae"})
    again, _, _ = imported(path)
    assert described(again) == described(graph)
    assert [loss.kind for loss in again.losses] == ["mae"]


@pytest.mark.parametrize("spec", [None, [], "mse", 3])
def test_what_is_no_spec_in_a_file_is_none(spec, tmp_path):
    _, _, path = saved(tmp_path / "planned", MORE["planned"], "keras")
    put(path, spec)
    assert "the file states no loss and no optimizer" in imported(path)[2]


# --- files that are no good, or mean harm ------------------------------------------------------------------------


def members(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def archive(path, contents, **how):
    with zipfile.ZipFile(path, "w", **how) as file:
        for name, data in contents.items():
            file.writestr(name, data)


def changed(contents, change):
    """The members with another config."""
    config = json.loads(contents["config.json"])
    change(config["config"]["layers"])
    return {**contents, "config.json": json.dumps(config)}


def outside(contents, path):
    """The members with a first array that lies in another file."""
    import h5py

    file = io.BytesIO(contents["model.weights.h5"])
    with h5py.File(file, "r+") as arrays:
        group = arrays["layers/dense/vars"]
        shape = group["0"].shape
        del group["0"]
        group.create_dataset("0", shape, "f4", external=[(str(path), 0, 4 * int(np.prod(shape)))])
    return {**contents, "model.weights.h5": file.getvalue()}


def packed(contents, path):
    """The members with a first array that is small in the file alone."""
    import h5py

    file = io.BytesIO(contents["model.weights.h5"])
    with h5py.File(file, "r+") as arrays:
        group = arrays["layers/dense/vars"]
        shape = group["0"].shape
        del group["0"]
        group.create_dataset("0", shape, "f4", chunks=True, compression="gzip", data=np.zeros(shape))
    return {**contents, "model.weights.h5": file.getvalue()}


def linked(contents, path):
    import h5py

    file = io.BytesIO(contents["model.weights.h5"])
    with h5py.File(file, "r+") as arrays:
        del arrays["layers/dense/vars/0"]
        arrays["layers/dense/vars/0"] = h5py.ExternalLink(str(path), "/x")
    return {**contents, "model.weights.h5": file.getvalue()}


def layer_of(name, **fields):
    def change(layers):
        for layer in layers:
            if layer["config"].get("name") == name:
                layer["config"].update(fields)

    return change


def causal(layer):
    """Make a dense layer a convolution that looks at no later step."""
    fields = {"filters": 8, "kernel_size": [1], "padding": "causal"}
    layer.update(class_name="Conv1D", config={"name": layer["config"]["name"], **fields})


NO_LAYERS = '{"class_name": "Sequential", "config": {"name": "x", "build_input_shape": [null, 9]}}'

HARM = {
    "empty": (lambda c, p: b"", "a whole zip archive"),
    "truncated": (lambda c, p: 300, "a whole zip archive"),
    "another": (lambda c, p: {"a.txt": "x"}, "a member `metadata.json`"),
    "old": (lambda c, p: {**c, "metadata.json": '{"keras_version": "2.12.0"}'}, "a file of Keras 3"),
    "list": (lambda c, p: {**c, "config.json": "[]"}, "got: an entry of a wrong type at `config.json`"),
    "no layers": (lambda c, p: {**c, "config.json": NO_LAYERS}, "got: no entry `layers` at `config.json`"),
    "no units": (lambda c, p: changed(c, lambda layers: layers[1]["config"].pop("name")), "got: no entry `name`"),
    "no JSON": (lambda c, p: {**c, "config.json": '{"a": }'}, "got: another text, from line 1, column 7"),
    "half": (
        lambda c, p: {**c, "config.json": r'{"a": "\ud800"}'},
        "got: characters or numbers that cannot be written",
    ),
    "axes": (
        lambda c, p: changed(c, lambda layers: layers[0]["config"].update(batch_shape=[None, "9"])),
        "wanted: an input of 1 to 5 axes",
    ),
    "deep": (lambda c, p: {**c, "config.json": "[" * 200_000}, "JSON in `config.json`"),
    "large": (lambda c, p: {**c, "config.json": b" " * (70 * 2**20)}, "at most 67,108,864 bytes in `config.json`"),
    "bomb": (lambda c, p: {**c, "model.weights.h5": bytes(2**26)}, "bytes in `model.weights.h5`"),
    "packed": (packed, "is not stored as it is"),
    "no arrays": (
        lambda c, p: {**c, "model.weights.h5": b"nothing"},
        "arrays that cannot be read at `model.weights.h5`",
    ),
    "outside": (outside, "lies outside the file"),
    "linked": (linked, "lies outside the file"),
    "units": (lambda c, p: changed(c, layer_of("first", units=-1)), "got: `units` lies outside its bounds: -1"),
    "units of text": (lambda c, p: changed(c, layer_of("first", units="8")), 'got: `units` has a wrong value: "8"'),
    "padding": (lambda c, p: changed(c, lambda layers: causal(layers[1])), "wanted: `same` or `valid`"),
    "huge": (lambda c, p: changed(c, layer_of("first", units=2**30)), "parameters of the shapes (9, 1073741824)"),
    "other units": (lambda c, p: changed(c, layer_of("first", units=7)), "parameters of the shapes (9, 7), (7,)"),
    "code": (
        lambda c, p: changed(
            c,
            layer_of(
                "first",
                activation={"module": "builtins", "class_name": "exec", "config": {}, "registered_name": "x>exec"},
            ),
        ),
        "an activation `x>exec`",
    ),
    "circle": (
        lambda c, p: changed(
            c,
            lambda layers: layers[1]["inbound_nodes"][0]["args"][0]["config"].update(
                keras_history=[layers[1]["name"], 0, 0]
            ),
        ),
        "got: layers in a circle",
    ),
}

PYTHON = re.compile(r"Error\b|Errno|Expecting|object|indices|\bchar\b|<class")
"""What Python says, which is nothing to tell a user."""


@pytest.mark.parametrize("name", HARM)
def test_a_file_that_is_no_good_is_refused_in_words(name, stock, tmp_path):
    change, message = HARM[name]
    contents = members(stock["chain"][0])
    secret, path = tmp_path / "secret", tmp_path / "model.keras"
    secret.write_bytes(bytes(4096))
    made = change(contents, secret)
    if isinstance(made, dict):
        archive(path, made, compression=zipfile.ZIP_DEFLATED if name == "bomb" else zipfile.ZIP_STORED)
    else:
        path.write_bytes(made if isinstance(made, bytes) else stock["chain"][0].read_bytes()[:made])
    done = run("import", path, "-o", tmp_path / "spec.yaml")
    assert done.exit_code == 1
    assert message in done.stderr
    assert "should not have happened" not in done.stderr
    assert not PYTHON.search(done.stderr)
    assert not (tmp_path / "spec.yaml").exists()


@pytest.mark.parametrize(("way", "code"), [("ZIP_DEFLATED", 0), ("ZIP_BZIP2", 1)])
def test_an_archive_that_was_packed_again_is_read_where_it_is_no_bomb(way, code, tmp_path):
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((60,)), layers.Dense(400), layers.Dense(30, kernel_initializer="zeros"), layers.Dense(60)]
    )
    model.save(tmp_path / "stored.keras")
    archive(tmp_path / "packed.keras", members(tmp_path / "stored.keras"), compression=getattr(zipfile, way))
    # The arrays are larger than the archive: a quarter of them are zeros.
    assert len(members(tmp_path / "packed.keras")["model.weights.h5"]) > (tmp_path / "packed.keras").stat().st_size
    done = run("import", tmp_path / "packed.keras", "--weights", tmp_path / "packed.safetensors")
    assert done.exit_code == code
    if code == 0:
        found = weights.read(tmp_path / "packed.safetensors")
        for name, layer in zip(("encoder/dense_1", "encoder/dense_2", "decoder/dense_1"), model.layers, strict=True):
            assert np.array_equal(found[f"{name}/kernel"], layer.get_weights()[0])
    else:
        assert "encrypted, or packed in another way" in done.stderr


def test_nothing_is_unpacked(stock, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    archive(tmp_path / "model.keras", {**members(stock["chain"][0]), "../escaped": "x"})
    assert run("import", tmp_path / "model.keras").exit_code == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["here", "model.keras"]


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["nothing.keras"], 1, "no such file"),
        (["modle.keras"], 1, "did you mean `model.keras`?"),
        (["folder"], 1, "a folder"),
        (["model.h5"], 1, "a file that ends in .keras, .pt2 or .safetensors"),
        (["model.keras", "-o", "spec.txt"], 2, "'spec.txt' does not end in .yaml or .yml"),
        (["model.keras", "-o", "there.yaml"], 1, "there.yaml is there already"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_imported_is_said(args, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for name in ("model.h5", "model.keras", "there.yaml"):
        Path(name).write_text("before")
    done = run("import", *args)
    assert done.exit_code == code
    assert message in done.stderr
    assert Path("there.yaml").read_text() == "before"
