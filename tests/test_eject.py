"""Ejected code: it needs no aespec, is formatted, computes what aespec computes, and trains as aespec trains."""

import ast
import builtins
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from aespec import weights
from aespec.cli import main
from aespec.code import Call, Code, written
from aespec.comparison import sample
from aespec.conformance import cases
from aespec.diagnostics import AespecError
from aespec.eject import ejector
from aespec.passes import compile as compiled
from aespec.passes import read
from aespec.registry import find_backend, kinds
from aespec.spec import parse
from aespec.training import fit

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own

SPECS = sorted((Path(__file__).parents[1] / "specs").glob("*.yaml"))
BACKENDS = ("torch", "keras")
CASES = [case for case in cases() if not case.id.startswith(("zoo", "attention_pool", "optimizer"))]


def of_case(case):
    """A case's graph; its spec says how to train, and nothing else that code is made of."""
    return parse({"input": [1], "encoder": ["flatten"], "decoder": "mirror"}), case.graph


def run(code):
    """The names that a file defines, in a world without aespec."""

    def without_aespec(name, *args, **kwargs):
        assert not name.startswith("aespec"), f"the file imports {name}"
        return builtins.__import__(name, *args, **kwargs)

    names = {"__name__": "ejected", "__builtins__": {**vars(builtins), "__import__": without_aespec}}
    exec(compile(code, "ejected.py", "exec"), names)
    return names


class InTorch:
    """An ejected PyTorch model."""

    def __init__(self, names):
        import torch

        self.names, self.tensor, self.native = names, torch.from_numpy, names["Autoencoder"]().eval()

    def encode(self, x):
        return self.native.encoder(self.tensor(x)).detach().numpy()

    def reconstruct(self, x):
        return self.native(self.tensor(x)).detach().numpy()

    def loss(self, x):
        return self.names["loss"](self.native, self.tensor(x)).item()

    def train(self, x):
        self.names["train"](self.native, self.tensor(x))

    def count(self):
        averages = [b for name, b in self.native.state_dict().items() if "running" in name]
        return sum(value.numel() for value in [*self.native.parameters(), *averages])

    def weights(self):
        """By the canonical name: each tensor that is loaded from it."""
        state, found = self.native.state_dict(), {}
        for key, name in self.names["NAMES"].items():
            found.setdefault(name, []).append(state[key].numpy())
        return found


class InKeras:
    """An ejected Keras model."""

    def __init__(self, names):
        self.names, self.tensor, self.native = names, np.asarray, names["build"]()

    def encode(self, x):
        return self.native.get_layer("encoder")(x).numpy()

    def reconstruct(self, x):
        return self.native(x).numpy()

    def loss(self, x):
        return float(np.ravel(self.names["compiled"](self.native).test_on_batch(x, x))[0])

    def train(self, x):
        self.names["train"](self.native, x)

    def count(self):
        return self.native.count_params()

    def weights(self):
        names = self.names.get("NAMES", {})
        return {names.get(v.path, v.path): [v.numpy()] for v in self.native.weights}


EJECTED = {"torch": InTorch, "keras": InKeras}


def both(backend, spec, graph, folder):
    """aespec's model and the ejected one, with the same weights, and the names that loading them has asked for."""
    engine = find_backend(backend)
    model = engine.build(graph, seed=0)
    names = run(engine.eject(spec, graph, "a test"))
    asked = set()

    class Recorded(dict):
        def __getitem__(self, name):
            asked.add(name)
            return super().__getitem__(name)

    ejected = EJECTED[backend](names)
    if graph.params:
        weights.write(folder / "weights.safetensors", model.weights())
        load_file = names["load_file"]
        names["load_file"] = lambda path: Recorded(load_file(path))
        names["load"](ejected.native, str(folder / "weights.safetensors"))
    return model, ejected, asked


def batch(graph, size=4):
    return sample(graph, batch=size, bounds=(0.0, 1.0) if graph.unit_loss else None).astype("float32")


def agree(backend, spec, graph, folder):
    model, ejected, asked = both(backend, spec, graph, folder)
    x = batch(graph)
    np.testing.assert_allclose(ejected.encode(x), model.encode(x), rtol=0, atol=1e-6)
    np.testing.assert_allclose(ejected.reconstruct(x), model.reconstruct(x), rtol=0, atol=1e-6)
    assert ejected.loss(x) == pytest.approx(model.losses(x)["total"], rel=1e-6)
    assert asked == graph.params.keys()
    assert ejected.count() == sum(param.size for param in graph.params.values())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_zoo_model_computes_the_same(path, backend, tmp_path):
    agree(backend, *read(path), tmp_path)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_weights_of_a_zoo_model_have_the_same_names(path, tmp_path):
    spec, graph = read(path)
    model, ejected, _ = both("keras", spec, graph, tmp_path)
    assert [v.path for v in ejected.native.weights] == [v.path for v in model.native.weights]
    assert {*ejected.weights()} == model.weights().keys()
    model, ejected, _ = both("torch", spec, graph, tmp_path)
    assert [*ejected.native.state_dict()] == [*model.native.state_dict()]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_computes_the_same_in_torch(case, tmp_path):
    agree("torch", *of_case(case), tmp_path)


def is_of_keras(case):
    """Whether a case shows something new in Keras, whose fields of windows and names of functions are aespec's."""
    if re.search(r"k\d s\d", case.id):
        return "transpose k1 s3" in case.id or "transpose k2 s3" in case.id
    if case.id.startswith("activation"):
        return "=" in case.id
    return not case.id.startswith("regularizer") or " as dense" in case.id or "recurrent" in case.id


@pytest.mark.parametrize("case", [*filter(is_of_keras, CASES)], ids=str)
def test_a_case_computes_the_same_in_keras(case, tmp_path):
    agree("keras", *of_case(case), tmp_path)


@pytest.mark.parametrize("backend", BACKENDS)
def test_code_is_formatted_and_has_no_name_without_use(backend, tmp_path):
    engine = find_backend(backend)
    for number, (spec, graph) in enumerate([*map(read, SPECS), *map(of_case, CASES)]):
        code = engine.eject(spec, graph, "a test")
        (tmp_path / f"case_{number}.py").write_text(code)
        assert "aespec" not in code.partition('"""\n\n')[2].replace("aespec's", "")
        used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
        defined = {node.name for node in ast.parse(code).body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        assert defined - used <= {"load", "train", "build", "compiled"}
    for check in (["format", "--check"], ["check"]):
        found = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--isolated", str(tmp_path)], capture_output=True, text=True
        )
        assert found.returncode == 0, found.stdout


PLANS = {
    "sgd": {"optimizer": {"sgd": 0.1}},
    "sgd, weights decay": {"optimizer": {"sgd": {"learning_rate": 0.1, "weight_decay": 0.3}}},
    "momentum": {"optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9}}},
    "nesterov": {"optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}}},
    "adam": {"optimizer": {"adam": 0.01}},
    "adam, large epsilon": {"optimizer": {"adam": {"learning_rate": 0.01, "epsilon": 0.01}}},
    "adamw": {"optimizer": {"adamw": {"learning_rate": 0.01, "weight_decay": 0.3}}},
    "nadam": {"optimizer": {"nadam": 0.01}},
    "nadam, weights decay": {"optimizer": {"nadam": {"learning_rate": 0.01, "weight_decay": 0.3}}},
    "adamax": {"optimizer": {"adamax": 0.01}},
    "adamax, weights decay": {"optimizer": {"adamax": {"learning_rate": 0.01, "weight_decay": 0.3}}},
    "rmsprop": {"optimizer": {"rmsprop": 0.01}},
    "rmsprop, large epsilon": {"optimizer": {"rmsprop": {"learning_rate": 0.01, "epsilon": 0.01}}},
    "rmsprop, momentum": {"optimizer": {"rmsprop": {"learning_rate": 0.01, "momentum": 0.9}}},
    "rmsprop, centered": {"optimizer": {"rmsprop": {"learning_rate": 0.01, "centered": True, "momentum": 0.5}}},
    "adagrad": {"optimizer": {"adagrad": 0.1}},
    "adadelta": {"optimizer": {"adadelta": 1.0}},
    "clip_norm": {"optimizer": {"sgd": 0.5}, "clip_norm": 0.01},
    "clip_value": {"optimizer": {"sgd": 0.5}, "clip_value": 0.001},
    "step": {"optimizer": {"sgd": 0.2}, "schedule": {"step": {"every": 2, "factor": 0.5}}},
    "exponential": {"optimizer": {"sgd": 0.2}, "schedule": {"exponential": {"factor": 0.5, "every": 1.5}}},
    "cosine": {"optimizer": {"sgd": 0.2}, "schedule": "cosine"},
    "cosine, warmed up": {"optimizer": {"sgd": 0.2}, "schedule": {"cosine": {"warmup": 2, "final": 0.1}}},
    "frozen layer": {"optimizer": {"sgd": 0.2}, "freeze": ["encoder/dense_1"]},
    "frozen kernel": {"optimizer": {"adam": 0.01}, "freeze": ["encoder/dense_2/kernel", "decoder/dense_2/bias"]},
    "frozen averages": {"optimizer": {"sgd": 0.2}, "freeze": ["encoder/batch_normalization_1"]},
    "frozen scale": {"optimizer": {"sgd": 0.2}, "freeze": ["encoder/batch_normalization_1/gamma"]},
    # What an epoch gains is soon less than these minima, so that training stops, or the rate falls.
    "stopped early": {
        "optimizer": {"adam": 0.02},
        "epochs": 12,
        "early_stopping": {"patience": 2, "min_delta": 0.1},
    },
    "stopped early, last kept": {
        "optimizer": {"adam": 0.02},
        "epochs": 12,
        "early_stopping": {"patience": 2, "min_delta": 0.1, "restore_best": False},
    },
    "plateau": {
        "optimizer": {"sgd": 0.2},
        "epochs": 12,
        "schedule": {
            "reduce_on_plateau": {"patience": 2, "min_delta": 0.1, "factor": 0.5, "cooldown": 2, "least": 0.2}
        },
    },
}
HELD = ("stopped early", "stopped early, last kept", "plateau")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", PLANS)
def test_training_is_aespec_s(name, backend, tmp_path):
    """Every step sees all samples, so that their order does not matter."""
    plan = {"epochs": 4, "batch_size": 64, "validation_split": 0.25 if name in HELD else 0, **PLANS[name]}
    layers = [{"dense": {"units": 5, "activation": "tanh"}}, "batch_normalization", {"dense": 3}]
    spec = parse({"input": [6], "encoder": layers, "decoder": "mirror", "training": plan})
    model, ejected, _ = both(backend, spec, compiled(spec), tmp_path)
    x = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
    before = model.weights()
    epochs = fit(model, x, spec.training)
    assert (len(epochs) < spec.training.epochs) == name.startswith("stopped")
    ejected.train(x)
    after, found = model.weights(), ejected_weights(ejected)
    for parameter, value in after.items():
        np.testing.assert_allclose(found[parameter], value, rtol=0, atol=1e-5, err_msg=parameter)
    moved = {parameter for parameter in after if not np.array_equal(after[parameter], before[parameter])}
    frozen = {parameter for parameter in after if any(parameter.startswith(f) for f in spec.training.freeze)}
    assert moved == after.keys() - frozen


def ejected_weights(ejected):
    """The weights by their canonical names; of these layers, torch has kernels transposed."""
    torch = isinstance(ejected, InTorch)
    found = ejected.weights()
    return {name: values[0].T if torch and name.endswith("kernel") else values[0] for name, values in found.items()}


LAWS = [
    *("glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal"),
    *("random_uniform", "random_normal", "truncated_normal", "variance_scaling", "ones", "zeros"),
    {"constant": 0.5},
    {"orthogonal": 2.0},
    {"truncated_normal": {"mean": 1.0, "stddev": 0.1}},
    {"variance_scaling": {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}},
    {"variance_scaling": {"mode": "fan_avg", "distribution": "untruncated_normal"}},
]


def seed_torch(seed):
    import torch

    torch.manual_seed(seed)


def seed_keras(seed):
    import keras

    keras.utils.set_random_seed(seed)


SEED = {"torch": seed_torch, "keras": seed_keras}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_first_weights_follow_the_law(law, backend):
    """Of 20,000, mean and deviation are known to 1%, so within 3% of a deviation; the ends lie within a fifth."""
    layer = {"dense": {"units": 100, "kernel_initializer": law}}
    spec = parse({"input": [200], "encoder": [layer], "decoder": [{"dense": 200}]})
    graph = compiled(spec)
    SEED[backend](0)
    ejected = EJECTED[backend](run(find_backend(backend).eject(spec, graph, "a test")))
    found, wanted = ejected_weights(ejected)["encoder/dense_1/kernel"], weights.draw(graph, 0)["encoder/dense_1/kernel"]
    deviation = float(wanted.std())
    assert found.mean() == pytest.approx(wanted.mean(), abs=0.03 * deviation + 1e-7)
    assert found.std() == pytest.approx(deviation, rel=0.03, abs=1e-7)
    assert np.abs(found).max() == pytest.approx(np.abs(wanted).max(), rel=0.2)


def test_every_initializer_is_drawn():
    named = {law if isinstance(law, str) else next(iter(law)) for law in LAWS}
    assert named | {"unit_forget_bias"} == kinds("initializer").keys()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_forget_gate_starts_open(backend):
    spec = parse({"input": [4, 3], "encoder": [{"lstm": 2}], "decoder": "mirror"})
    ejected = EJECTED[backend](run(find_backend(backend).eject(spec, compiled(spec), "a test")))
    (bias,) = ejected.weights()["encoder/lstm_1/bias"]
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]  # gates i f c o of two units each


FIRST = "encoder/time_distributed_1"

HOSTILE = {
    "description": 'ends """ in \\ and "\nimport os # \u2028 raise\x00',
    "input": [3],
    "encoder": [
        {"dense": {"units": 4, "name": "lambda", "activation": "relu"}},
        {"dense": {"units": 3, "name": "self"}},
        {"dense": {"units": 2, "name": "torch"}},
        {"dense": {"units": 2, "name": "super"}},
    ],
    "decoder": [
        {"dense": {"units": 2, "name": "name", "tied_to": "encoder/super"}},
        {"dense": {"units": 3, "name": "forward", "tied_to": "encoder/torch"}},
        {"dense": {"units": 4, "name": "input", "tied_to": "encoder/self"}},
        {"dense": {"units": 3, "name": "layers", "tied_to": "encoder/lambda"}},
    ],
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_whatever_a_spec_calls_things(backend, tmp_path):
    spec = parse(HOSTILE)
    agree(backend, spec, compiled(spec), tmp_path)


WRAPPED = {
    "input": [4, 6, 6, 1],
    "encoder": [
        {"time_distributed": {"layer": {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same"}}}},
        {"time_distributed": {"layer": "flatten"}},
        {"time_distributed": {"layer": {"dense": {"units": 5, "activation": "tanh"}}}},
        {"bidirectional": {"layer": {"lstm": {"units": 3, "return_sequences": True}}, "merge_mode": "sum"}},
        {"bidirectional": {"layer": {"gru": 3}, "merge_mode": "mul"}},
    ],
    "decoder": [
        {"repeat_vector": 4},
        {"dense": {"units": 5}},
        {"time_distributed": {"layer": {"dense": {"units": 72, "tied_to": "encoder/time_distributed_3"}}}},
        {"reshape": [4, 6, 6, 2]},
        {
            "time_distributed": {
                "layer": {"conv2d_transpose": {"filters": 1, "kernel_size": 3, "padding": "same", "tied_to": FIRST}}
            }
        },
    ],
}
"""Layers in layers, two of which are tied."""


@pytest.mark.parametrize("spec", [*SPECS, HOSTILE, WRAPPED], ids=lambda spec: getattr(spec, "stem", ""))
def test_the_state_of_a_torch_model_fits_the_code(spec, tmp_path):
    spec = read(spec)[0] if isinstance(spec, Path) else parse(spec)
    graph = compiled(spec)
    built, x = find_backend("torch").build(graph, seed=3), batch(graph)
    ejected = InTorch(run(find_backend("torch").eject(spec, graph, "a test")))
    assert ejected.native.state_dict().keys() == built.native.state_dict().keys()
    ejected.native.load_state_dict(built.native.state_dict())
    np.testing.assert_allclose(ejected.reconstruct(x), built.reconstruct(x), rtol=0, atol=1e-6)
    agree("torch", spec, graph, tmp_path)


@pytest.mark.parametrize("backend", BACKENDS)
def test_noise_and_codes_are_drawn_in_training_alone(backend, tmp_path):
    layers = [{"gaussian_noise": 0.5}, {"masking_noise": 0.5}, {"gaussian_latent": 3}]
    spec = parse({"input": [6], "encoder": layers, "decoder": "mirror"})
    _, ejected, _ = both(backend, spec, compiled(spec), tmp_path)
    x = np.ones((64, 6), "float32")
    assert np.array_equal(ejected.encode(x), ejected.encode(x))
    drawn = drawn_code(ejected, x)
    assert np.unique(drawn, axis=0).shape == drawn.shape  # each sample's code is another, though all samples are equal


def drawn_code(ejected, x):
    if isinstance(ejected, InTorch):
        ejected.native.train()
        return ejected.encode(x)
    return ejected.native.get_layer("encoder")(x, training=True).numpy()


def top_of(spec, backend):
    """The docstring of the ejected file, in one line."""
    return " ".join(ast.get_docstring(ast.parse(find_backend(backend).eject(spec, compiled(spec), "a test"))).split())


SCALED = [
    ({"scaling": "standard"}, "is scaled to a mean of 0 and a deviation of 1 over"),
    ({"scaling": "minmax"}, "is scaled to 0 to 1 over"),
    ({"scaling": "minmax", "range": [-1, 1]}, "is scaled to -1 to 1 over"),
    ({}, None),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("scaling", "words"), SCALED)
def test_how_samples_are_scaled_stands_at_the_top(scaling, words, backend):
    spec = parse({"input": {"shape": [4], **scaling}, "encoder": [{"dense": 2}], "decoder": "mirror"})
    top = top_of(spec, backend)
    assert words in top if words else "scaled" not in top


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_code_of_a_run_scales_as_the_run_did(backend, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal([3.0, -50.0, 1e6], [0.5, 20.0, 2.0], (60, 3))
    np.save("x.npy", x)
    Path("s.yaml").write_text(
        "input: {shape: [3], scaling: standard}\nencoder: [{dense: 2}]\ndecoder: mirror\ntraining: {epochs: 1}\n"
    )
    for args in (
        ["train", "s.yaml", "--backend", backend, "--data", "x.npy", "-o", "r", "--quiet"],
        ["reconstruct", "r", "-o", "restored.npy"],
        ["eject", "r", "--backend", backend, "-o", "code.py"],
    ):
        done = CliRunner().invoke(main, args)
        assert done.exit_code == 0, done.output
    code = Path("code.py").read_text()
    assert "`scaled` does that with the numbers of the run" in " ".join(ast.get_docstring(ast.parse(code)).split())
    names = run(code)
    ejected = EJECTED[backend](names)
    names["load"](ejected.native, "r/weights.safetensors")
    values = names["restored"](ejected.native(names["scaled"](ejected.tensor(x))))
    values = values.numpy(force=True) if backend == "torch" else values
    np.testing.assert_allclose(values, np.load("restored.npy"), rtol=1e-6)  # Keras multiplies in 32 bits


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("given", "told"), [({"shape": [8, 2], "stride": 3}, True), ([8, 2], False)], ids=str)
def test_how_a_series_is_cut_stands_at_the_top(given, told, backend):
    top = top_of(parse({"input": given, "encoder": [{"lstm": 2}], "decoder": "mirror"}), backend)
    assert ("begins at step 0, others every 3 steps, and a last one ends with the series." in top) == told
    assert ("series" in top) == told


REFUSED = [
    ("torch", {"input": [5, 3], "encoder": ["attention_pool"]}, "the layer `attention_pool` cannot be ejected"),
    ("keras", {"input": [5, 3], "encoder": ["attention_pool"]}, "the layer `attention_pool` cannot be ejected"),
    (
        "torch",
        {"input": [None, 3], "encoder": [{"average_pool1d": {"padding": "same"}}, "global_average_pool1d"]},
        "`average_pool1d` with `padding: same` over an unknown length cannot be ejected",
    ),
]


@pytest.mark.parametrize(("backend", "spec", "message"), REFUSED, ids=lambda value: value if value in BACKENDS else "")
def test_what_has_no_code_is_said(backend, spec, message):
    width = {"dense": 3}
    back = [{"repeat_vector": 5}, width] if None not in spec["input"] else [{"repeat_vector": 6}, width]
    parsed = parse({**spec, "decoder": back})
    with pytest.raises(AespecError, match=message):
        find_backend(backend).eject(parsed, compiled(parsed), "a test")


def test_a_backend_without_code_says_so():
    with pytest.raises(AespecError, match="the backend `numpy` cannot write its models as code"):
        ejector(find_backend("numpy"))


BROKEN = [
    # A line of 88 columns stays whole: len("short = call()") + 74 = 88; one of 89 is broken.
    (Call("call", Code("a" * 74)), "short = ", "", ["short = call(" + "a" * 74 + ")"]),
    (Call("call", Code("a" * 75)), "short = ", "", ["short = call(", "    " + "a" * 75, ")"]),
    (Call("call", 1, x=2.0), "y = ", "", ["y = call(1, x=2.0)"]),
    (Call("call", 1e-7, (3,), [None], {"a": "b"}), "", "", ['call(1e-7, (3,), [None], {"a": "b"})']),
    (
        Call("call", Code("a" * 50), x=Code("b" * 30)),
        "y = ",
        " + 1",
        ["y = call(", f"    {'a' * 50}, x={'b' * 30}", ") + 1"],
    ),
    (
        Call("call", Call("inner", Code("a" * 80)), Code("b")),
        "y = ",
        "",
        ["y = call(", "    inner(", f"        {'a' * 80}", "    ),", "    b,", ")"],
    ),
]


@pytest.mark.parametrize(("value", "before", "after", "lines"), BROKEN)
def test_expressions_are_broken_where_they_are_too_long(value, before, after, lines):
    assert written(value, 0, before, after) == lines


def command(*args):
    return CliRunner().invoke(main, ["eject", *map(str, args)], catch_exceptions=False)


STACKED = SPECS[[path.stem for path in SPECS].index("stacked")]


def test_the_command_prints_code():
    found = command(STACKED, "--backend", "torch", "--set", "encoder.1.dense.units=77")
    assert found.exit_code == 0
    assert "dense_1=nn.Linear(784, 77)" in found.stdout
    assert found.stdout == find_backend("torch").eject(*read(STACKED, ["encoder.1.dense.units=77"]), str(STACKED))


def test_the_command_writes_a_file_once(tmp_path):
    file = tmp_path / "new" / "model.py"
    arguments = [STACKED, "--backend", "torch", "-o", file]
    assert command(*arguments).exit_code == 0
    before = file.read_text()
    again = command(*arguments, "--set", "encoder.1.dense.units=77")
    assert again.exit_code == 1
    assert "is there already" in again.output
    assert file.read_text() == before
    assert command(*arguments, "--set", "encoder.1.dense.units=77", "--force").exit_code == 0
    assert "nn.Linear(784, 77)" in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["model.py"]


def test_the_command_takes_the_folder_of_a_model(tmp_path):
    built = CliRunner().invoke(main, ["build", str(STACKED), "--backend", "torch", "-o", str(tmp_path / "built")])
    assert built.exit_code == 0
    found = command(tmp_path / "built", "--backend", "torch")
    assert found.exit_code == 0
    names = run(found.stdout)
    names["load"](names["Autoencoder"](), str(tmp_path / "built" / "weights.safetensors"))
