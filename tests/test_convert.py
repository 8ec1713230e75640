"""Models as files for those who do not have aespec: each loads in a process that cannot import it."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from safetensors import safe_open

import aespec
from aespec import weights
from aespec.cli import main
from aespec.comparison import from_reference, sample, shaken
from aespec.registry import find_backend

ZOO = sorted((Path(__file__).parents[1] / "specs").glob("*.yaml"))

MORE = {
    "tied_conv": {
        "input": [8, 8, 1],
        "encoder": [{"conv2d": {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}}],
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
    "dilated": {
        "input": [9, 2],
        "encoder": [{"conv1d": {"filters": 3, "kernel_size": 3, "dilation_rate": 2}}],
        "decoder": [{"conv1d_transpose": {"filters": 2, "kernel_size": 3, "dilation_rate": 2}}],
    },
    "tied_steps": {
        "input": [None, 4],
        "encoder": [{"time_distributed": {"layer": {"dense": 3}}}, "batch_normalization"],
        "decoder": [{"time_distributed": {"layer": {"dense": {"units": 4, "tied_to": "encoder/time_distributed_1"}}}}],
    },
}
"""What the zoo has not: kernels that are written out as they are, stretched, or inside a wrapper."""

WITHOUT_AESPEC = """
import sys
class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0].startswith("aespec"):
            raise ImportError(name + " is not to be had here")
sys.meta_path.insert(0, Blocked())
import json, numpy as np
{load}
values = {{}}
for path, x in json.loads(sys.argv[1]).items():
    model = load(path)
    values[path] = run(model, np.load(x))
np.savez(sys.argv[2], **values)
assert not any(name.startswith("aespec") for name in sys.modules)
"""

KERAS = """
import keras
def load(path): return keras.saving.load_model(path)
def run(model, x): return keras.ops.convert_to_numpy(model(x))
"""

TORCH = """
import torch
def load(path): return torch.export.load(path).module()
def run(model, x): return model(torch.from_numpy(x)).detach().numpy()
"""

STATE = """
import torch
from safetensors.torch import load_file
def load(path):
    model = torch.export.load(path).module()
    with torch.no_grad():
        for value in model.state_dict().values(): value.zero_()
    model.load_state_dict(load_file(path.replace(".pt2", ".state_dict.safetensors")))
    return model
def run(model, x): return model(torch.from_numpy(x)).detach().numpy()
"""


def convert(*args):
    return CliRunner().invoke(main, ["convert", *map(str, args)])


def said(*args):
    """What a conversion says of itself, as JSON."""
    done = convert(*args, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def folder_of(path, spec):
    """A model in a folder."""
    path.mkdir()
    (path / "spec.yaml").write_text(yaml.safe_dump(spec) if isinstance(spec, dict) else spec.read_text())
    graph = aespec.compile(aespec.load(path / "spec.yaml"))
    weights.write(path / "weights.safetensors", shaken(graph))
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Each model's folder, a batch of its input, and what the reference makes of that."""
    home = tmp_path_factory.mktemp("models")
    found = {}
    for name, spec in ({path.stem: path for path in ZOO} | MORE).items():
        folder = folder_of(home / name, spec)
        graph = aespec.compile(aespec.load(folder / "spec.yaml"))
        model = find_backend("numpy").build(graph)
        model.load_weights(weights.read(folder / "weights.safetensors"))
        x = sample(graph, batch=5, bounds=(0, 1)).astype("float32")
        np.save(home / f"{name}.npy", x)
        found[name] = folder, home / f"{name}.npy", model.reconstruct(x)
    return found


@pytest.mark.parametrize(
    ("form", "more", "suffix", "loads"),
    [("keras", ["--plain"], ".keras", (KERAS,)), ("torch", [], ".pt2", (TORCH, STATE))],
    ids=["keras", "torch"],
)
def test_a_file_loads_without_aespec_and_gives_the_same_values(models, form, more, suffix, loads, tmp_path):
    given = {}
    for name, (folder, x, _) in models.items():
        path = tmp_path / f"{name}{suffix}"
        record = said(folder, "--to", form, *more, "-o", path)
        assert record["needs"] == []
        assert record["difference"] <= 1e-6
        given[str(path)] = str(x)
    for load in loads:
        code, out = WITHOUT_AESPEC.format(load=load), tmp_path / "values.npz"
        subprocess.run([sys.executable, "-c", code, json.dumps(given), out], check=True, capture_output=True)
        with np.load(out) as values:
            for name, (_, _, wanted) in models.items():
                assert from_reference(values[str(tmp_path / f"{name}{suffix}")], wanted) <= 1e-6, name


@pytest.mark.parametrize(
    ("name", "needs", "lost"),
    [
        ("stacked", [], []),
        ("variational", [], []),
        (
            "tied",
            ["`dense_1` is a `TiedDense`", "`dense_2` is a `TiedDense`"],
            ["`decoder/dense_1`", "`decoder/dense_2`"],
        ),
        ("sparse_kl", ["`dense_2` has a `KLDivergence`"], ["`encoder/dense_2` has no penalty `kl_divergence`"]),
        (
            "dilated",
            ["`conv1d_transpose_1` is a `DilatedConv1DTranspose`"],
            ["`decoder/conv1d_transpose_1` has a kernel"],
        ),
        ("tied_steps", ["`time_distributed_1` is a `TiedDense`"], ["`decoder/time_distributed_1` has a kernel"]),
    ],
)
def test_what_a_keras_file_needs_and_what_a_plain_one_lacks_is_said(models, name, needs, lost, tmp_path):
    folder = models[name][0]
    full = said(folder, "--to", "keras", "-o", tmp_path / "full.keras")
    assert (full["needs"], full["lost"]) == (needs, [])
    assert full["load"].startswith("import aespec_keras") == bool(needs)
    plain = said(folder, "--to", "keras", "--plain", "-o", tmp_path / "plain.keras")
    assert plain["needs"] == []
    assert len(plain["lost"]) == len(lost)
    assert all(told.startswith(start) for told, start in zip(plain["lost"], lost, strict=True))


ALONE = """
import keras, sys
try:
    keras.saving.load_model(sys.argv[1])
except Exception as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(
    ("name", "what"), [("tied", "TiedModel"), ("sparse_kl", "KLDivergence"), ("dilated", "DilatedConv1DTranspose")]
)
def test_a_file_that_needs_aespec_says_so_itself(models, name, what, tmp_path):
    path = tmp_path / "full.keras"
    needs = said(models[name][0], "--to", "keras", "-o", path)["needs"]
    with zipfile.ZipFile(path) as file:
        about = json.loads(file.read("metadata.json"))
        assert sorted(file.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
    hint = "pip install 'aespec[keras]', and import aespec_keras before this is loaded"
    assert (about["needs"], about["because"]) == (hint, needs)
    without = WITHOUT_AESPEC.partition("import json")[0] + ALONE
    done = subprocess.run([sys.executable, "-c", without, path], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.search(
        rf"""{{'needs': "{re.escape(hint)}", 'module': 'aespec_keras.\w+', 'class_name': '{what}'""", done.stderr
    )


def test_a_file_that_needs_keras_alone_says_nothing_of_aespec(models, tmp_path):
    said(models["stacked"][0], "--to", "keras", "-o", tmp_path / "stacked.keras")
    with zipfile.ZipFile(tmp_path / "stacked.keras") as file:
        assert b"aespec" not in file.read("config.json")
        assert sorted(json.loads(file.read("metadata.json"))) == ["aespec", "date_saved", "keras_version"]


FROZEN = {
    "input": [6],
    "encoder": [
        {"gaussian_noise": 0.1},
        {"dense": {"units": 4, "activation": {"celu": 0.5}, "freeze": True, "activity_regularizer": {"l1": 0.01}}},
    ],
    "decoder": [{"dense": {"units": 6, "tied_to": "encoder/dense_1", "freeze": True}}],
}


@pytest.mark.parametrize(
    ("args", "lost"),
    [
        (["--to", "keras"], ["`decoder/dense_1/bias` is not frozen"]),
        (["--to", "keras", "--plain"], ["`decoder/dense_1` has a kernel of its own"]),
        (["--to", "torch"], ["`encoder/gaussian_noise_1` draws no noise", "`encoder/dense_1` has no penalty `l1`"]),
    ],
    ids=" ".join,
)
def test_what_a_file_does_not_keep_of_training_is_said(args, lost, tmp_path):
    import keras

    folder = folder_of(tmp_path / "frozen", FROZEN)
    record = said(folder, *args, "-o", tmp_path / f"frozen.{'pt2' if 'torch' in args else 'keras'}")
    assert len(record["lost"]) == len(lost)
    assert all(told.startswith(start) for told, start in zip(record["lost"], lost, strict=True))
    if "keras" in args:
        model = keras.saving.load_model(tmp_path / "frozen.keras")
        trained = sum(int(np.prod(variable.shape)) for variable in model.trainable_weights)
        assert trained == (0 if "--plain" in args else 6)  # the decoder's bias


TRAINED = {
    "input": [6],
    "encoder": [{"dense": 2}],
    "decoder": "mirror",
    "loss": ["mse", "mae"],
    "training": {"optimizer": {"sgd": 0.1}, "ema": 0.99, "greedy": {"epochs": 2}},
}
NOT_IN_IT = (
    "  how it was trained (`mse`, `mae`, `sgd`, `ema`, `greedy`) stands in it for `aespec import` alone; "
    "`aespec eject` writes code that trains"
)


@pytest.mark.parametrize(
    ("form", "suffix", "told"),
    [("keras", ".keras", [NOT_IN_IT]), ("torch", ".pt2", [NOT_IN_IT]), ("safetensors", ".safetensors", [])],
)
def test_that_a_file_has_no_loss_and_no_optimizer_is_said(form, suffix, told, tmp_path):
    folder = folder_of(tmp_path / "trained", TRAINED)
    done = CliRunner().invoke(main, ["convert", str(folder), "--to", form, "-o", str(tmp_path / f"x{suffix}")])
    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if "how it was" in line] == told


@pytest.mark.parametrize(("name", "bound"), [("recurrent", True), ("tied_steps", False)])
def test_that_a_program_takes_one_number_of_steps_is_said(models, name, bound, tmp_path):
    import torch

    record = said(models[name][0], "--to", "torch", "-o", tmp_path / "steps.pt2")
    features = aespec.load(models[name][0] / "spec.yaml").input.shape[-1]
    assert record["lost"] == (
        # 28 is what the spec's output states; torch gives an LSTM no open number of steps.
        ["axis 1 of a sample is 28 long and no other: torch binds recurrent layers to one"] if bound else []
    )
    model = torch.export.load(tmp_path / "steps.pt2").module()
    if bound:
        with pytest.raises(AssertionError, match="28"):
            model(torch.zeros(1, 9, features))
    else:
        assert model(torch.zeros(1, 9, features)).shape == (1, 9, features)


def test_the_weights_alone_have_their_names_and_the_spec(models, tmp_path):
    folder = models["tied"][0]
    said(folder, "--to", "safetensors", "-o", tmp_path / "tied.safetensors")
    before = weights.read(folder / "weights.safetensors")
    with safe_open(tmp_path / "tied.safetensors", "numpy") as file:
        assert set(file.keys()) == set(before)
        assert all(np.array_equal(file.get_tensor(name), value) for name, value in before.items())
        about = file.metadata()
    assert about["aespec"] == aespec.__version__
    again = aespec.compile(aespec.parse(about["spec"]))
    assert again == aespec.compile(aespec.load(folder / "spec.yaml"))


def test_how_features_were_scaled_is_handed_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal([3.0, -50.0], [0.5, 20.0], (40, 2)).astype("float32")
    np.save("x.npy", x)
    spec = {
        "name": "two",
        "input": {"shape": [2], "scaling": "standard"},
        "encoder": [{"dense": 1}],
        "decoder": "mirror",
    }
    Path("two.yaml").write_text(json.dumps({**spec, "training": {"epochs": 1, "validation_split": 0}}))
    trained = CliRunner().invoke(main, ["train", "two.yaml", "--backend", "torch", "--data", "x.npy", "--quiet"])
    assert trained.exit_code == 0, trained.output
    told = convert("runs/two-torch", "--to", "torch").stdout
    assert "takes scaled samples and gives them back scaled: (x - center) / scale" in told
    record = json.loads(convert("runs/two-torch", "--to", "safetensors", "--format", "json").stdout)
    with safe_open("two.safetensors", "numpy") as file:
        kept = json.loads(file.metadata()["scaling"])
    for found in (record["scaling"], kept):
        np.testing.assert_allclose(found["center"], x.mean(axis=0, dtype="float64"), rtol=1e-6)
        np.testing.assert_allclose(found["scale"], x.std(axis=0, dtype="float64"), rtol=1e-6)


OPEN_STEPS = {
    "input": [None, 4, 4, 1],
    "encoder": [{"time_distributed": {"layer": {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same"}}}}],
    "decoder": [{"time_distributed": {"layer": {"conv2d": {"filters": 1, "kernel_size": 3, "padding": "same"}}}}],
}


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["nowhere", "--to", "keras"], 1, "nowhere is not the folder of a finished run"),
        (["spec.yaml", "--to", "keras"], 1, "got: a file, a spec that is not trained"),
        (["stacked", "--to", "numpy"], 1, "use one of `--to keras`, `--to torch`, `--to safetensors`"),
        (["stacked", "--to", "onyx"], 2, "'onyx' is none of keras, torch, safetensors."),
        (["stacked", "--to", "torch", "--plain"], 2, "--plain: has no meaning with `--to torch`"),
        (["stacked", "--to", "safetensors", "--plain"], 2, "no meaning with `--to safetensors`"),
        (["stacked", "--to", "keras", "-o", "a.h5"], 2, "'a.h5' does not end in .keras"),
        (["stacked", "--to", "keras", "-o", "there.keras"], 1, "there.keras is there already"),
        (["stacked", "--to", "torch", "-o", "there.pt2"], 1, "there.state_dict.safetensors is there already"),
        (["damaged", "--to", "safetensors", "-o", "damaged/weights.safetensors", "--force"], 1, "cannot be read"),
        (["open", "--to", "safetensors", "-o", "open/weights.safetensors", "--force"], 1, "a file of the model itself"),
        (["stacked", "--to", "safetensors", "-o", "there.keras/a.safetensors"], 1, "there.keras cannot be written"),
        (["open", "--to", "keras", "--plain"], 1, "`encoder/time_distributed_1` cannot be said in stock Keras layers"),
        (["damaged", "--to", "keras"], 1, "damaged/weights.safetensors cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_converted_is_said(args, code, message, models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "open", OPEN_STEPS)
    (folder_of(tmp_path / "damaged", MORE["dilated"]) / "weights.safetensors").write_bytes(b"no tensors")
    (tmp_path / "spec.yaml").touch()
    there = [tmp_path / name for name in ("there.keras", "there.state_dict.safetensors")]
    for path in there:
        path.write_text("before")
    (tmp_path / "stacked").symlink_to(models["stacked"][0])
    done = convert(*args)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert [path.read_text() for path in there] == ["before", "before"]


def test_force_writes_over_a_file_and_nothing_else_is_left(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pca.safetensors").write_text("before")
    assert convert(models["pca"][0], "--to", "safetensors", "--force").exit_code == 0
    assert convert(models["pca"][0], "--to", "torch", "--force", "-o", "new/pca.pt2").exit_code == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert found == ["new", "new/pca.pt2", "new/pca.state_dict.safetensors", "pca.safetensors"]
    assert len(weights.read(Path("pca.safetensors"))) == 4
