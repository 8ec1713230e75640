"""``aespec encode``: a run's codes as a file; and what a run keeps of a table and of a series."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import aespec
from aespec.cli import main
from aespec.data import load
from aespec.data.labels import label_text
from aespec.diagnostics import AespecError
from aespec.run import open_run
from aespec.uses.encoding import names, write_codes

TABLE = """\
name: table
input: {shape: [3], scaling: standard}
encoder: [dense: {units: 2, activation: tanh}]
decoder: mirror
training: {optimizer: {adam: 0.01}, epochs: 2, batch_size: 8, validation_split: 0.25}
"""
SERIES = """\
name: series
input: {shape: [8, 2], scaling: minmax, stride: 4}
encoder: [{conv1d: {filters: 2, kernel_size: 3, padding: same}}, max_pool1d: 2]
decoder: mirror
training: {optimizer: {adam: 0.01}, epochs: 1, batch_size: 4, validation_split: 0.25}
"""


def run(*args, code=0):
    found = CliRunner().invoke(main, [str(arg) for arg in args])
    assert found.exit_code == code, found.output
    return found


@pytest.fixture(scope="module", params=["torch", "keras"])
def backend(request):
    pytest.importorskip({"torch": "torch", "keras": "tensorflow"}[request.param])
    return request.param


@pytest.fixture(scope="module")
def folder(backend, tmp_path_factory):
    folder = tmp_path_factory.mktemp(backend)
    random = np.random.default_rng(0)
    x = random.normal([1, 100, -5], [1, 50, 0.1], (40, 3))
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", "label", "b", "c"], *([row[0], f"k{row[0] > 1:d}", *row[1:]] for row in x)])
    with (folder / "new.csv").open("w", newline="") as file:  # in another order, with more, and without labels
        csv.writer(file).writerows([["more", "c", "b", "a"], *(["?", *row[::-1]] for row in x[:5])])
    np.save(folder / "s.npy", random.random((41, 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, text, data in (("table", TABLE, "t.csv"), ("series", SERIES, "s.npy")):
            Path(f"{name}.yaml").write_text(text)
            run("train", f"{name}.yaml", "--backend", backend, "--data", data, "-o", name, "--quiet")
    return folder


@pytest.fixture(autouse=True)
def _inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


def scaled(rows=slice(None)):
    x = np.loadtxt("t.csv", delimiter=",", skiprows=1, usecols=(0, 2, 3))
    seen = x[:30]  # of 40, of which a quarter is held out
    return ((x - seen.mean(axis=0)) / seen.std(axis=0)).astype("float32")[rows]


def test_scaling_is_found_on_what_is_trained_on_and_kept():
    x = scaled()
    wanted = open_run(Path("table")).model().encode(x)
    run("encode", "table", "-o", "codes.npy")
    assert np.load("codes.npy") == pytest.approx(wanted, abs=1e-6)
    record = json.loads(Path("table/run.json").read_text())["data"]
    assert record["columns"] == ["a", "b", "c"]
    assert record["scaling"]["way"] == "standard"
    assert "scaled each of 3 features to mean 0 and deviation 1, as found on the training samples" in record["notes"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_of_codes_has_the_labels(suffix):
    if suffix == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
    said = run("encode", "table", "-o", f"codes.{suffix}").stdout
    assert said == f"codes.{suffix}: the codes of 40 samples of t.csv, (40, 2)\n"
    if suffix == "csv":
        head, *rows = csv.reader(Path("codes.csv").read_text().splitlines())
    else:
        table = parquet.read_table("codes.parquet")
        head, rows = table.column_names, list(zip(*table.to_pydict().values(), strict=True))
    assert head == ["label", "code_0", "code_1"]
    wanted = open_run(Path("table")).model().encode(scaled())
    assert np.float32([row[1:] for row in rows]) == pytest.approx(wanted, abs=1e-6)
    assert {row[0] for row in rows} == {"k0", "k1"}


def test_other_data_is_found_by_the_names_of_its_columns():
    run("encode", "table", "--data", "new.csv", "-o", "new.npy")
    run("encode", "table", "-o", "codes.npy")
    assert np.load("new.npy") == pytest.approx(np.load("codes.npy")[:5], abs=1e-6)


def test_codes_of_pictures_tell_their_files(backend):
    image = pytest.importorskip("PIL.Image")
    for folder, level in (("cat", 0), ("dog", 200)):
        Path("pets", folder).mkdir(parents=True, exist_ok=True)
        image.new("L", (4, 4), level).save(Path("pets", folder, "1.png"))
    Path("pets.yaml").write_text(
        "{input: {shape: [4, 4], range: [0, 1]}, encoder: [flatten, dense: 2], decoder: mirror}"
    )
    given = "--backend", backend, "--data", "pets", "-o", "pets-run", "--epochs", 1, "--no-report", "--quiet"
    run("train", "pets.yaml", *given)
    run("encode", "pets-run", "-o", "pets.csv")
    head, *rows = csv.reader(Path("pets.csv").read_text().splitlines())
    assert head == ["file", "label", "code_0", "code_1"]
    assert [row[:2] for row in rows] == [["cat/1.png", "cat"], ["dog/1.png", "dog"]]
    said = run("score", "pets-run", "--data", "pets", "-o", "scores.csv", "--contamination", 0.5).stdout
    head, *rows = csv.reader(Path("scores.csv").read_text().splitlines())
    assert {row[head.index("file")] for row in rows} == {"cat/1.png", "dog/1.png"}
    assert "cat/1.png" in said
    assert "dog/1.png" in said


def test_windows_tell_where_they_begin():
    run("encode", "series", "-o", "codes.csv")
    head, *rows = csv.reader(Path("codes.csv").read_text().splitlines())
    assert head[:2] == ["start", "code_0_0"]
    assert [int(row[0]) for row in rows] == [*range(0, 33, 4), 33]


def test_windows_have_the_labels_that_they_are_scored_by():
    steps = np.load("s.npy")[::-1]
    with Path("labelled.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "label"], *([*row, int(i in (6, 40))] for i, row in enumerate(steps))])
    run("encode", "series", "--data", "labelled.csv", "-o", "codes.csv")
    head, *rows = csv.reader(Path("codes.csv").read_text().splitlines())
    assert head[:3] == ["label", "start", "code_0_0"]
    assert [row[1] for row in rows if row[0] == "1"] == ["0", "4", "33"]  # windows of 8 steps that hold 6 or 40
    given = "--data", "labelled.csv", "--truth", "labels", "--contamination", 0.5, "-o", "scores.csv"
    run("score", "series", *given)
    truth = [row["truth"] for row in csv.DictReader(Path("scores.csv").read_text().splitlines())]
    assert truth == [row[0] for row in rows]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 0, 0, 1, 0, 0, 0], ["0", "1", "0"]),
        (["", 0, 0, 1, 0, 0, 0], ["nan", "1", "0"]),
        (["normal"] * 3 + ["fault"] * 4, ["normal", "", "fault"]),
        (["", *["normal"] * 6], ["", "normal", "normal"]),
    ],
)
def test_a_window_has_the_label_that_its_steps_settle(labels, expected, tmp_path):
    with (tmp_path / "s.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", "label"], *([i / 10, label] for i, label in enumerate(labels))])
    data = load(tmp_path / "s.csv", shape=(3, 1), range=None, stride=2)
    assert [label_text(label) for label in data.labels] == expected


def test_the_labels_of_windows_are_those_of_all_uses():
    steps = np.load("s.npy")[::-1]
    with Path("named.csv").open("w", newline="") as file:
        rows = ([*row, "fault" if i > 35 else "normal"] for i, row in enumerate(steps))
        csv.writer(file).writerows([["a", "b", "label"], *rows])
    run("encode", "series", "--data", "named.csv", "-o", "codes.csv")
    labels = [row["label"] for row in csv.DictReader(Path("codes.csv").read_text().splitlines())]
    assert labels == ["normal"] * 8 + ["", ""]  # windows of 8 steps from 32 and 33 on hold both
    found = json.loads(run("project", "series", "--data", "named.csv", "--format", "json").stdout)
    assert found["labels"] == ["normal"] * 8 + [None, None]
    assert "2 of 10 samples have no label: gray on the map" in found["notes"]
    given = "--data", "named.csv", "--normal", "normal", "--contamination", 0.5, "-o", "scores.csv"
    run("score", "series", *given)
    truth = [row["truth"] for row in csv.DictReader(Path("scores.csv").read_text().splitlines())]
    assert truth == ["0"] * 8 + ["1", "1"]


def test_the_part_is_told_of_what_has_parts():
    x = np.random.default_rng(0).random((9, 3)).astype("float32")
    np.savez("parts.npz", x_train=x, x_test=x[:4])
    for split, samples in (("train", 9), ("test", 4)):
        said = run("encode", "table", "--data", "parts.npz", "--split", split, "-o", "codes.npy").stdout
        assert said == f"codes.npy: the codes of {samples} samples of parts.npz ({split}), ({samples}, 2)\n"


def test_an_array_has_the_codes_own_shape_and_streams(monkeypatch):
    run("encode", "series", "-o", "codes.npy")
    whole = np.load("codes.npy")
    assert whole.shape == (10, 4, 2)
    monkeypatch.setattr("aespec.uses.encoding.batches", lambda x, rows=3: aespec.data.streams.batches(x, rows))
    run("encode", "series", "-o", "codes.npy")
    assert np.load("codes.npy") == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("name", ["codes.npy", "codes.csv"])
def test_a_full_disk_is_said_and_leaves_nothing(name, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, content):
            raise OSError(28, "No space left on device")

    opened = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, *a, **k: Full(opened(path, *a, **k)) if ".part" in path.name else opened(path, *a, **k),
    )
    Path(name).unlink(missing_ok=True)
    assert "No space left on device" in run("encode", "table", "-o", name, code=1).stderr
    assert not Path(name).exists()
    assert not Path(f"{name}.part").exists()


@pytest.mark.parametrize("ordered", [True, False])
def test_data_in_the_order_of_its_labels_is_noted(ordered, backend):
    labels = [0] * 30 + [1] * 30 if ordered else [0, 1] * 30
    with Path("ordered.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "b", "c", "y"], *([i, i % 7, i % 5, label] for i, label in enumerate(labels))]
        )
    given = "--backend", backend, "--data", "ordered.csv", "-o", "ordered", "--force", "--no-report", "--epochs", 1
    assert ("are not of all labels: shuffle the data" in run("train", "table.yaml", *given).stdout) == ordered


def test_resuming_keeps_the_scaling_and_the_columns():
    def kept():
        record = json.loads(Path("table/run.json").read_text())["data"]
        return record["scaling"], record["columns"], record["fingerprint"]

    before = kept()
    run("train", "--resume", "table", "--epochs", 3, "--quiet")
    assert kept() == before


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["-o", "x.txt"], 2, "'x.txt' does not end in .csv, .parquet or .npy"),
        ([], 2, "Missing option '-o'"),
        (["-o", "x.csv", "--data", "s.npy"], 1, "does not have the shape"),
        (["-o", "x.csv", "--data", "nowhere"], 1, "no data set and no file `nowhere`"),
        (["-o", "table/run.json/x.csv"], 1, "cannot be written"),
    ],
)
def test_what_is_wrong_is_said(args, code, said):
    found = run("encode", "table", *args, code=code)
    assert said in found.stderr
    assert not Path("x.csv").exists()


def test_as_json():
    found = json.loads(run("encode", "series", "-o", "codes.csv", "--format", "json").stdout)
    assert (found["shape"], found["files"]) == ([10, 4, 2], ["codes.csv"])
    assert found["notes"][0] == "cut 41 steps into 10 windows of 8, one every 4"


def test_no_samples_have_no_codes(tmp_path):
    model = open_run(Path("table")).model()
    with pytest.raises(AespecError, match="no samples to encode"):
        write_codes(model, np.empty((0, 3), "float32"), tmp_path / "codes.csv", {})


def test_numbers_of_a_code_are_named_by_their_place():
    assert names((2,)) == ["code_0", "code_1"]
    assert names((1, 2)) == ["code_0_0", "code_0_1"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{shape: [3], scaling: standard, range: [0, 1]}", "no `range`"),
        ("{shape: [3], stride: 2}", "windows have a length and features"),
        ("{shape: [null, 3], stride: 2}", "windows have a length and features"),
        ("{shape: [3], columns: [a, b]}", "not as many as features"),
        ("{shape: [3], scaling: zscore}", "standard"),
        ("{shape: [3], stride: 0}", "0"),
    ],
)
def test_a_spec_that_asks_for_what_cannot_be_is_refused(given, said):
    with pytest.raises(aespec.AespecError) as error:
        aespec.parse(TABLE.replace("{shape: [3], scaling: standard}", given))
    assert said in str(error.value)
