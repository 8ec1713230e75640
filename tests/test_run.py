"""Run folders: what is written, what is refused, and that any backend reads them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aespec
from aespec import weights
from aespec.cli.output import writing
from aespec.course import Listener, build
from aespec.course import train as train_built
from aespec.data import Dataset
from aespec.history import read as read_history
from aespec.history import read_all as read_histories
from aespec.picture import are_images, reconstructions
from aespec.run import Run, clear, open_run, prepare
from aespec.spec import load
from aespec.zoo import zoo

SPEC = {
    "name": "small",
    "input": {"shape": [6, 4], "range": [0, 1]},
    "encoder": ["flatten", {"dense": {"units": 5, "activation": "selu"}}],
    "decoder": {"mirror": {"tie_weights": True}},
    "loss": "binary_crossentropy",
    "training": {"optimizer": "adam", "epochs": 3, "batch_size": 8, "validation_split": 0.2, "seed": 3},
}


def train(spec, data, folder, *, backend, **told):
    return train_built(spec, data, folder, build(spec, backend=backend), **told)


class Told(Listener):
    """Writes down how far training has come."""

    def __init__(self):
        self.ticks = []

    def tick(self, epoch, done, losses):
        self.ticks.append((epoch, done))


@pytest.fixture
def data():
    return Dataset("made", np.random.default_rng(0).random((40, 6, 4), dtype=np.float32), None, ("made up",))


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_run_is_read_back_by_every_backend(backend, data, tmp_path):
    folder = tmp_path / "run"
    prepare(folder)
    told = Told()
    run = train(aespec.parse(SPEC), data, folder, backend=backend, listeners=[told])
    assert told.ticks[-1] == (3, 32)
    names = ["checkpoint", "history.csv", "run.json", "spec.yaml", "weights.safetensors"]
    assert sorted(p.name for p in folder.iterdir()) == names
    rows = read_history(folder).rows
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[-1]["total"] < rows[0]["total"]
    assert {"binary_crossentropy", "val_binary_crossentropy", "val_total", "seconds"} <= set(rows[0])
    assert run.record["data"]["fingerprint"] == data.fingerprint
    assert run.record["backend"] == backend
    assert run.record["seed"] == 3
    again = open_run(folder)
    assert again.graph == run.graph
    outputs = {name: again.model(name).reconstruct(data.inputs[:4]) for name in ("numpy", "torch", "keras")}
    np.testing.assert_allclose(outputs["torch"], outputs["numpy"], atol=1e-5)
    np.testing.assert_allclose(outputs["keras"], outputs["numpy"], atol=1e-5)


def test_two_runs_of_one_seed_are_equal_to_the_bit_and_another_seed_is_another_run(data, tmp_path):
    found = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        prepare(tmp_path / name)
        train(aespec.parse(SPEC, [f"training.seed={seed}"]), data, tmp_path / name, backend="torch")
        found.append((tmp_path / name / "weights.safetensors").read_bytes())
    assert found[0] == found[1] != found[2]


def test_a_folder_with_something_in_it_is_refused_unless_forced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(aespec.AespecError, match=r"notes\.txt") as caught:
        prepare(tmp_path)
    assert caught.value.diagnostics[0].rule.code == "E504"
    prepare(tmp_path, force=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_what_a_failed_run_left_is_no_obstacle_and_never_looks_finished(data, tmp_path):
    wild = {**SPEC, "encoder": ["flatten", {"dense": {"units": 5, "activation": "exponential"}}], "loss": "mse"}
    spec = aespec.parse(wild, ["training.optimizer={sgd: {learning_rate: 1.0e+30}}"])
    prepare(tmp_path)
    with pytest.raises(aespec.AespecError, match="no longer a number"):
        train(spec, data, tmp_path, backend="torch")
    with pytest.raises(aespec.AespecError, match="not the folder of a finished run"):
        open_run(tmp_path)
    prepare(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".unfinished", "history.csv", "run.json", "spec.yaml"]
    train(aespec.parse(SPEC), data, tmp_path, backend="torch")
    assert len(read_history(tmp_path).rows) == 3


@pytest.mark.parametrize(
    ("backend", "change", "code"),
    [
        ("numpy", [], "E303"),
        ("torch", ["training.validation_split=0.999"], "E402"),
        ("torch", ["input.shape=[6, 5]"], "E402"),
    ],
)
def test_a_run_that_cannot_begin_leaves_the_one_before_it_alone(backend, change, code, data, tmp_path):
    prepare(tmp_path)
    train(aespec.parse(SPEC), data, tmp_path, backend="torch")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    prepare(tmp_path, force=True)
    with pytest.raises(aespec.AespecError) as caught:
        train(aespec.parse(SPEC, change), data, tmp_path, backend=backend)
    assert caught.value.diagnostics[0].rule.code == code
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_only_what_aespec_wrote_is_taken_away(tmp_path):
    for name in ("model.yaml", "model.py", "model.keras", "model.pt", "pretraining.csv", "pretraining.png"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".saved").write_text("model.pt\n../model.pt")
    clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "model.py", "model.yaml"]


def test_no_run_writes_over_its_own_spec(tmp_path):
    (tmp_path / "spec.yaml").write_text("# mine\n")
    with pytest.raises(aespec.AespecError, match="written over"):
        prepare(tmp_path, force=True, source=tmp_path / "." / "spec.yaml")
    prepare(tmp_path, force=True, source=tmp_path / "other.yaml")


def test_a_spec_that_somebody_keeps_in_the_folder_is_not_written_over(tmp_path):
    (tmp_path / "spec.yaml").write_text("# mine\n")
    with pytest.raises(aespec.AespecError, match=r"spec\.yaml"):
        prepare(tmp_path)
    assert (tmp_path / "spec.yaml").read_text() == "# mine\n"


def test_a_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(aespec.AespecError) as caught, writing(tmp_path / "run"):
        prepare(tmp_path / "run")
    assert caught.value.diagnostics[0].rule.code == "E505"
    assert caught.value.diagnostics[0].got == "a file that stands in its way"
    assert "-o" in caught.value.diagnostics[0].help


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda run: (run / "weights.safetensors").write_bytes(b"no weights"), "E501"),
        (lambda run: (run / "weights.safetensors").unlink(), "E501"),
        (lambda run: (run / "run.json").write_text("{"), "E501"),
        (lambda run: (run / "run.json").write_text("[]"), "E501"),
        (lambda run: (run / "run.json").write_text("[" * 100_000), "E501"),
        (lambda run: _change_record(run, dtype="int8"), "E501"),
        (lambda run: _change_record(run, backend=None), "E501"),
        (lambda run: _change_record(run, data={}), "E501"),
        (lambda run: _change_weights(run, np.int64), "E502"),
        (lambda run: _change_weights(run, np.float32, np.nan), "E502"),
        (lambda run: (run / "run.json").write_text(json.dumps({"backend": "torch"})), "E501"),
        (lambda run: (run / "spec.yaml").write_text(SPEC_OF_ANOTHER), "E502"),
    ],
)
def test_a_damaged_run_is_refused(spoil, code, data, tmp_path):
    prepare(tmp_path)
    train(aespec.parse(SPEC), data, tmp_path, backend="torch")
    spoil(tmp_path)
    with pytest.raises(aespec.AespecError) as caught:
        open_run(tmp_path).model()
    assert {d.rule.code for d in caught.value.diagnostics} == {code}


@pytest.mark.parametrize("name", ["spec.yaml", "run.json"])
def test_a_run_that_lacks_a_file_and_has_its_checkpoint_is_not_told_to_be_none(name, data, tmp_path):
    prepare(tmp_path)
    train(aespec.parse(SPEC), data, tmp_path, backend="torch")
    (tmp_path / name).unlink()
    with pytest.raises(aespec.AespecError) as caught:
        open_run(tmp_path, finished=False)
    (found,) = caught.value.diagnostics
    assert found.got == f"no {name}"
    assert found.help.startswith("it has a checkpoint: put back what is missing to go on with it, or begin again")


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda record: {}, "no `aespec`, no `backend`, no `dtype`, no `seed`, no `versions`, no `data`"),
        (lambda record: {**record, "dtype": "int8"}, '`dtype: "int8"`'),
        (lambda record: {**record, "data": {**record["data"], "samples": "many"}}, '`data.samples: "many"`'),
        (lambda record: [1, 2], "[1, 2]"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_in_plain_words(change, got, data, tmp_path):
    prepare(tmp_path)
    train(aespec.parse(SPEC), data, tmp_path, backend="torch")
    record = tmp_path / "run.json"
    record.write_text(json.dumps(change(json.loads(record.read_text()))))
    with pytest.raises(aespec.AespecError) as caught:
        open_run(tmp_path)
    assert caught.value.diagnostics[0].got.startswith(got)
    assert "pydantic" not in str(caught.value)


def test_a_record_that_is_not_json_is_said_in_plain_words(data, tmp_path):
    prepare(tmp_path)
    train(aespec.parse(SPEC), data, tmp_path, backend="torch")
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(aespec.AespecError) as caught:
        open_run(tmp_path)
    assert caught.value.diagnostics[0].got == "text that is not JSON"


def test_a_run_knows_its_data_and_what_it_did_not_see(data, tmp_path):
    prepare(tmp_path)
    run = train(aespec.parse(SPEC), data, tmp_path, backend="torch")
    longer = replace(data, inputs=np.concatenate([data.inputs, data.inputs[:5]]))
    assert run.trained_on(data)
    assert run.trained_on(longer)
    assert not run.trained_on(replace(data, inputs=data.inputs[::-1].copy()))
    np.testing.assert_array_equal(run.unseen(data.inputs), data.inputs[32:])
    assert len(run.unseen(longer.inputs)) == 13


@pytest.mark.parametrize("of", [str, Path])
def test_a_path_is_a_string_or_a_path(of, data, tmp_path):
    prepare(tmp_path / "run")
    train(aespec.parse(SPEC), data, tmp_path / "run", backend="torch")
    np.save(tmp_path / "other.npy", data.inputs[:5])
    run, drawn = aespec.open_run(of(tmp_path / "run")), of(tmp_path / "drawn.png")
    assert run.data(of(tmp_path / "other.npy")).unseen.name == str(tmp_path / "other.npy")
    assert len(read_history(of(tmp_path / "run")).rows) == len(read_histories([of(tmp_path / "run")])[0].rows) == 3
    reconstructions({"original": data.inputs[:2]}, drawn, images=False)
    assert Path(drawn).is_file()


def test_a_run_that_was_opened_by_a_relative_path_is_found_from_another_folder(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare(Path("runs/one"))
    train(aespec.parse(SPEC), data, Path("runs/one"), backend="torch")
    np.save("other.npy", data.inputs[:5])
    run, other = aespec.open_run("runs/one"), str(Path("other.npy").absolute())
    assert run.place == Path("runs/one")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run.model().reconstruct(data.inputs).shape == data.inputs.shape
    assert (str(run.folder), run.place) == (str(Path("runs/one")), tmp_path / "runs" / "one")
    assert run.data(other).unseen.name == other


def _change_record(run, **fields):
    (run / "run.json").write_text(json.dumps({**json.loads((run / "run.json").read_text()), **fields}))


def _change_weights(run, dtype, add=0):
    found = weights.read(run / "weights.safetensors")
    weights.write(run / "weights.safetensors", {n: (v + add).astype(dtype) for n, v in found.items()})


SPEC_OF_ANOTHER = "input: [6, 4]\nencoder: [flatten, {dense: 7}]\ndecoder: mirror\n"


@pytest.mark.parametrize(
    ("input", "layer", "images"),
    [
        ([28, 28], "flatten", True),
        ([28, 28, 3], "flatten", True),
        ([28, 28, 4], "flatten", False),
        ([8, 7], "flatten", False),
        ([64], {"dense": 3}, False),
        ({"shape": [32, 9], "stride": 4}, {"dense": 3}, False),
        ([None, 9], {"dense": 3}, False),  # of any length
        ([None, None, 1], {"dense": 3}, True),  # of any size
    ],
)
def test_windows_of_a_series_are_no_images(input, layer, images, tmp_path):
    spec = aespec.parse({"input": input, "encoder": [layer, {"dense": 3}], "decoder": "mirror"})
    assert Run(tmp_path, spec, aespec.compile(spec), {}).images == images


def test_images_that_are_read_row_by_row_are_images(tmp_path):
    spec = load(zoo()["recurrent"])
    assert spec.input.shape == (None, 28)
    assert Run(tmp_path, spec, aespec.compile(spec), {}).images


@pytest.mark.parametrize("shape", [(28, 28), (8, 9, 1), (8, 8, 3), (128, 6), (3,), (1, 4)])
def test_pictures_are_drawn_of_samples_of_every_shape(shape, tmp_path):
    rng = np.random.default_rng(0)
    rows = {name: rng.random((5, *shape)) for name in ("original", "restored")}
    reconstructions(rows, tmp_path / "picture.png", images=are_images(shape), title="five")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.format == "PNG"
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]


def test_a_picture_of_constant_data_is_drawn_without_a_warning(tmp_path):
    rows = {"original": np.zeros((2, 3)), "restored": np.zeros((2, 3))}
    reconstructions(rows, tmp_path / "picture.png", images=False)
    assert (tmp_path / "picture.png").is_file()
