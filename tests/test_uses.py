"""Every use of a run: on a plain, a convolutional, a recurrent and a variational model of each backend, on any data."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from aespec.checkpoint import FILE
from aespec.cli import main
from aespec.files import RESULTS
from aespec.run import HISTORY, RECORD, REPORT, SPEC, WEIGHTS

ENCODERS = {
    "plain": "[flatten, dense: {units: 6, activation: selu}]",
    "convolutional": "[reshape: [8, 8, 1], conv2d: {filters: 2, kernel_size: 3, padding: same}, max_pool2d: 2]",
    "recurrent": "[lstm: 5]",
    "variational": "[flatten, gaussian_latent: {units: 3, kl_scale: element}]",
}
BACKENDS = {"torch": "torch", "keras": "tensorflow"}

USES = {
    "encode": ["-o", "codes.csv"],
    "features": [],
    "project": ["--method", "pca"],
    "pretrain": ["--labels", "12", "--seeds", "2", "--epochs", "1"],
    "generate": ["--prior", "gaussian", "-n", "4"],
    "interpolate": ["--from", "0", "--to", "1"],
    "traverse": ["--axes", "2", "--steps", "3"],
    "score": ["--normal", "0,1", "--by", "pixel", "-o", "scores.csv", "--picture", "worst.png", "--curves", "c.png"],
    "reconstruct": ["--noise", "masking:0.5"],
    "report": [],
}
MADE = {
    "encode": ["codes.csv"],
    "features": ["RUN/activations.png"],
    "project": ["RUN/map.png", "RUN/map.html"],
    "pretrain": ["RUN/pretraining.csv"],
    "generate": ["RUN/generated.png"],
    "interpolate": ["RUN/interpolation.png"],
    "traverse": ["RUN/traversal.png"],
    "score": ["scores.csv", "worst.png", "c.png"],
    "reconstruct": ["RUN/reconstructions.png"],
    "report": ["RUN/report.html"],
}


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def images(count, seed):
    """Pictures of three kinds: bright above, bright below, or neither."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    x = random.random((count, 8, 8)) * 0.4
    x[labels == 0, :4] += 0.5
    x[labels == 1, 4:] += 0.5
    return x.astype("float32"), labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    for needed in ("matplotlib", "sklearn", "jinja2", "skimage"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("uses")
    (x, y), (x_test, y_test) = images(60, 0), images(30, 1)
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    np.savez(folder / "unlabelled.npz", x=x_test)
    np.savez(folder / "one.npz", x=x_test[:1], y=y_test[:1])
    np.savez(folder / "shape.npz", x=x_test[:, :5], y=y_test)
    np.savez(folder / "empty.npz", x=x_test[:0], y=y_test[:0])
    np.savez(folder / "nan.npz", x=np.where(x_test > 0.8, np.nan, x_test), y=y_test)
    (folder / "text.csv").write_text("a,b\n1,x\n2,y\n")
    (folder / "shards").mkdir()
    for part in range(3):
        np.savez(folder / "shards" / f"{part}.npz", x=x[20 * part : 20 * part + 20], y=y[20 * part : 20 * part + 20])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for kind, encoder in ENCODERS.items():
            Path(f"{kind}.yaml").write_text(
                f"{{name: {kind}, input: {{shape: [8, 8], range: [0, 1]}}, encoder: {encoder}, decoder: mirror, "
                "loss: binary_crossentropy, training: {optimizer: {adam: 0.01}, epochs: 1, validation_split: 0.2}}"
            )
            for backend, package in BACKENDS.items():
                pytest.importorskip(package)
                given = "--backend", backend, "--data", "data.npz", "-o", f"{kind}-{backend}", "--no-report", "--quiet"
                done = run("train", f"{kind}.yaml", *given)
                assert done.exit_code == 0, done.output
        for name, encoder in {"linear": "[flatten, dense: 3]", "axes": "[gaussian_latent: 2]"}.items():
            Path(f"{name}.yaml").write_text(
                f"{{name: {name}, input: [8, 8], encoder: {encoder}, decoder: mirror, loss: mse, "
                "training: {optimizer: {adam: 0.01}, epochs: 1, validation_split: 0.2}}"
            )
            given = "--backend", "torch", "--data", "data.npz", "-o", f"{name}-torch", "--no-report", "--quiet"
            done = run("train", f"{name}.yaml", *given)
            assert done.exit_code == 0, done.output
        for backend in BACKENDS:
            given = (
                "--backend",
                backend,
                "--data",
                "shards",
                "--window",
                16,
                "--batch-size",
                16,
                "-o",
                f"streamed-{backend}",
                "--quiet",
            )
            done = run("train", "variational.yaml", *given)
            assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(autouse=True)
def _inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("use", USES)
def test_every_use_of_every_model_on_every_backend(use, kind, backend):
    name = f"{kind}-{backend}"
    made = [Path(each.replace("RUN", name)) for each in MADE[use]]
    for path in made:
        path.unlink(missing_ok=True)
    done = run(use, name, *USES[use])
    assert done.exit_code == 0, done.output
    assert all(path.stat().st_size > 100 for path in made)
    assert {path.name for path in made if path.parent == Path(name)} <= {*RESULTS, REPORT}  # which --force takes away


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("use", USES)
def test_every_use_of_a_run_whose_samples_stream(use, backend):
    done = run(use, f"streamed-{backend}", *USES[use])
    assert done.exit_code == 0, done.output
    if use in ("project", "generate", "traverse", "features", "score"):
        assert "12 held-out samples of shards" in done.stdout


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("use", USES)
def test_every_use_of_every_model_as_json(use, kind):
    done = run(use, f"{kind}-torch", *USES[use], "--format", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)


TESTED = {"run": "linear-torch", "data": "data.npz", "part": "test sample", "samples": 30}
TRAINING = "--backend", "torch", "--data", "data.npz", "--set", "training.epochs=1"
AS_JSON = {
    **{(use, "linear-torch", *options): TESTED for use, options in USES.items()},
    # of 60 samples 48 were trained on and 12 held out
    ("encode", "linear-torch", *USES["encode"]): {**TESTED, "part": "sample", "samples": 60},
    ("encode", "linear-torch", *USES["encode"], "--split", "test"): TESTED,
    ("generate", "linear-torch", *USES["generate"], "--no-quality"): {**TESTED, "part": None, "samples": 0},
    ("interpolate", "linear-torch", *USES["interpolate"]): {**TESTED, "samples": 2},
    ("reconstruct", "linear-torch", "-n", "4"): {**TESTED, "samples": 4},
    ("pca-check", "linear-torch"): {**TESTED, "part": "training sample", "samples": 48},
    ("oneclass", "linear.yaml", *TRAINING, "-o", "classes"): {**TESTED, "run": None},
    ("history", "linear-torch"): dict.fromkeys(TESTED),
    ("train", "linear.yaml", *TRAINING, "-o", "again", "--force"): {
        "run": "again",
        "data": "data.npz",
        "part": "training sample",
        "samples": 48,
    },
    ("sweep", "linear.yaml", *TRAINING, "--vary", "training.seed=1", "-o", "seeds", "--jobs", "1"): {
        **dict.fromkeys(TESTED),
        "data": "data.npz",
    },
}
WRITTEN = {
    **MADE,
    "features": ["RUN/features.png", "RUN/activations.png"],
    "oneclass": ["classes/oneclass.csv"],
    "history": ["RUN/history.png"],
    "train": [f"again/{name}" for name in (SPEC, WEIGHTS, HISTORY, RECORD, FILE, REPORT)],
    "sweep": ["seeds/sweep.csv", "seeds/best.yaml"],
}


def keys(found):
    """Every key of a record and of those in it."""
    if isinstance(found, dict):
        yield from found
    for each in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from keys(each)


@pytest.mark.parametrize("given", AS_JSON, ids=" ".join)
def test_json_says_in_the_same_words_what_was_looked_at_and_written(given):
    done = run(*given, "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1] if given[0] == "train" else done.stdout)
    assert {key: found.get(key) for key in TESTED} == AS_JSON[given]
    assert ("backend" in found) is (given[0] != "history")
    written = WRITTEN.get(given[0], [])
    assert found["files"] == [path.replace("RUN", "linear-torch") for path in written]
    assert all(Path(path).stat().st_size > 100 for path in found["files"])
    assert isinstance(found["notes"], list)
    assert not [note for note in found["notes"] if "  " in note or "\n" in note or note.startswith("note")]
    names = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")  # or paths of a spec
    assert [key for key in keys(found) if not names.fullmatch(key)] == []
    assert {"file", "picture", "pictures", "page", "report", "csv", "saved", "what", "folder"}.isdisjoint(found)


@pytest.mark.parametrize("name", ["axes", "plain"])
def test_a_unit_is_called_the_same_everywhere(name, monkeypatch):
    """By its number, in a code of 8 steps of 2 by its index."""
    units = [f"{i},{j}" for i in range(8) for j in range(2)] if name == "axes" else [*range(6)]
    drawn = []
    monkeypatch.setattr("aespec.uses.generation_picture._name", lambda _, name: drawn.append(name))
    told = {"features": [*USES["features"], "-n", "20"], "traverse": ["--axes", "20", "--steps", "3"]}
    if name == "axes":
        told["generate"] = []
    for use, options in told.items():
        found = json.loads(run(use, f"{name}-torch", *options, "--format", "json").stdout)
        records = found["units"] if use != "generate" else found["quality"]["units"]
        assert sorted(record["unit"] for record in records) == units
        text = run(use, f"{name}-torch", *options).stdout.splitlines()
        (head,) = [i for i, line in enumerate(text) if line.split()[:1] == ["Unit"]]
        assert sorted(line.split()[0] for line in text[head + 2 :][: len(units)]) == [*map(str, units)]
    assert {*drawn} == {f"unit {unit}" for unit in units}


WRONG = {
    "shape.npz": "does not have the shape",
    "empty.npz": "there are no samples",
    "nan.npz": "not finite",
    "text.csv": "columns that are no numbers",
    "nowhere.npz": "no data set and no file",
}


@pytest.mark.parametrize("data", WRONG)
@pytest.mark.parametrize("use", [*USES, "pca-check"])
def test_wrong_data_is_refused_in_words(use, data):
    done = run(use, "plain-torch", "--data", data, *USES.get(use, []))
    assert done.exit_code == 1, done.output
    assert WRONG[data] in done.stderr
    assert "help:" in done.stderr


REFUSED = {
    "one.npz": ["features", "pretrain", "interpolate", "traverse", "score"],
    "unlabelled.npz": ["pretrain", "score"],
}


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("data", REFUSED)
def test_one_sample_or_no_labels_are_used_or_refused_in_words(data, use, kind):
    done = run(use, f"{kind}-torch", "--data", data, *USES[use])
    refused = not {use, f"{use}-{kind}"}.isdisjoint(REFUSED[data])
    assert done.exit_code == refused, done.output
    if refused:
        assert "error[E" in done.stderr
        assert "help:" in done.stderr
    else:
        assert "nan" not in done.stdout.lower(), done.stdout


@pytest.mark.parametrize(
    ("use", "data", "said"),
    [
        ("pretrain", "unlabelled.npz", "unlabelled.npz has no labels"),
        ("score", "unlabelled.npz", "unlabelled.npz has no labels"),
        ("score", "one.npz", "no sample of one.npz has the label `1`"),
        ("interpolate", "one.npz", "there is no sample 1"),
    ],
)
def test_what_needs_labels_or_more_samples_says_so(use, data, said):
    done = run(use, "plain-torch", "--data", data, *USES[use])
    assert done.exit_code == 1
    assert said in done.stderr


ENDINGS = {"encode": "x.csv", "features": "x", "pretrain": "x", "score": "x.csv", "report": "x.html"}


@pytest.mark.parametrize("use", USES)
def test_a_folder_that_cannot_be_made_is_said_before_anything_is_computed(use, monkeypatch):
    monkeypatch.delattr("aespec.run.Run.model")
    done = run(use, "plain-torch", *USES[use], "-o", f"text.csv/{ENDINGS.get(use, 'x.png')}")
    assert done.exit_code == 1, done.output
    assert "error[E505]: text.csv" in done.stderr


def test_endings_may_be_in_capitals():
    done = run("encode", "plain-torch", "-o", "CODES.NPY")
    assert done.exit_code == 0, done.output
    assert np.load("CODES.NPY").shape == (60, 6)


@pytest.mark.parametrize("use", [*USES, "pca-check"])
def test_a_folder_that_is_no_run_is_refused(use):
    done = run(use, "nothing", *USES.get(use, []))
    assert done.exit_code == 1
    assert "is not the folder of a finished run" in done.stderr


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_model_that_is_not_linear_is_not_compared_with_pca(kind):
    done = run("pca-check", f"{kind}-torch")
    assert done.exit_code == 1
    assert "error[E" in done.stderr
