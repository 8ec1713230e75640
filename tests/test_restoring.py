"""``aespec reconstruct -o FILE``: all samples restored, in the units of the data, a series put together again."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from aespec.cli import main
from aespec.data.series import Windows
from aespec.run import open_run

SPECS = {
    "table": "{input: {shape: [3], scaling: standard}, encoder: [dense: 2], decoder: mirror}",
    "series": "{input: {shape: [8, 2], scaling: minmax, stride: 4}, encoder: [flatten, dense: 3], decoder: mirror}",
    "windows": "{input: [4, 2], encoder: [lstm: 2], decoder: mirror}",
    "images": "{input: [8, 9], encoder: [flatten, dense: 2], decoder: mirror}",
    "gaps": "{input: {shape: [4, 2], stride: 6}, encoder: [flatten, dense: 3], decoder: mirror}",
}


def aespec_(*args, code=0):
    done = CliRunner().invoke(main, [str(arg) for arg in args])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("torch")
    folder, random = tmp_path_factory.mktemp("restored"), np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        table, series = random.normal([1, 100, -5], [1, 50, 0.1], (40, 3)), random.normal([5, 1000], [1, 100], (41, 2))
        with Path("table.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["mass", "kind", "heat", "age", "label"], *map(_row, table)])
        with Path("series.csv").open("w", newline="") as file:
            rows = ([*row, int(step == 40)] for step, row in enumerate(series))
            csv.writer(file).writerows([["heat", "flow", "label"], *rows])
        for name, x in (("windows", random.random((20, 4, 2))), ("images", random.random((20, 8, 9)))):
            np.save(f"{name}.npy", x.astype("float32"))
        np.save("gaps.npy", series[:15].astype("float32"))  # windows begin at 0, 6 and 11: 4, 5 and 10 are in none
        for name, text in SPECS.items():
            columns = "columns: [mass, heat, age], " if name == "table" else ""
            Path(f"{name}.yaml").write_text(text.replace("{shape", f"{{{columns}shape"))
            data = next(Path(f"{name}.{end}") for end in ("csv", "npy") if Path(f"{name}.{end}").exists())
            plan = ("--epochs", 2, "--batch-size", 8, "--no-report", "--quiet", "-o", name)
            aespec_("train", f"{name}.yaml", "--backend", "torch", "--data", data, *plan)
    return folder


def _row(row):
    return [row[0], "text", *row[1:], f"k{row[0] > 1:d}"]


@pytest.fixture(autouse=True)
def _inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


def by_hand(name):
    """What the model makes of the file's samples as they are in the file, without the command's own code."""
    if name in ("windows", "images"):
        x = np.load(f"{name}.npy")
        return open_run(name).model().reconstruct(x)
    if name == "gaps":
        x, starts, length, scaling = np.load("gaps.npy"), [0, 6, 11], 4, None
    else:
        columns = (0, 2, 3) if name == "table" else (0, 1)
        x = np.loadtxt(f"{name}.csv", delimiter=",", skiprows=1, usecols=columns)
        starts, length, scaling = [*range(0, 33, 4), 33], 8, open_run(name).scaling
    center, scale = (scaling.center, scaling.scale) if scaling else (0, 1)
    x = ((x - center) / scale).astype("float32")
    model = open_run(name).model()
    if name == "table":
        return model.reconstruct(x) * scale + center
    made = model.reconstruct(np.stack([x[start : start + length] for start in starts]))
    found = np.full_like(x, np.nan)
    for step in range(len(x)):
        covering = [made[i, step - start] for i, start in enumerate(starts) if start <= step < start + length]
        if covering:
            found[step] = np.mean(covering, axis=0)
    return found * scale + center


HEADS = {
    "table": ["label", "mass", "heat", "age"],
    "series": ["step", "label", "heat", "flow"],
    "windows": [f"step_{i}_feature_{j}" for i in range(4) for j in range(2)],
    "images": [f"pixel_{i}_{j}" for i in range(8) for j in range(9)],
    "gaps": ["step", "feature_0", "feature_1"],
}


@pytest.mark.parametrize("suffix", ["npy", "csv", "parquet"])
@pytest.mark.parametrize("name", SPECS)
def test_all_samples_are_restored_in_the_units_of_the_data(name, suffix, tmp_path):
    path, wanted = tmp_path / "new" / f"r.{suffix}", by_hand(name)
    said = aespec_("reconstruct", name, "-o", path).stdout
    if suffix == "npy":
        found = np.load(path)
        assert found.dtype == np.float32
    else:
        if suffix == "csv":
            head, *rows = csv.reader(path.read_text().splitlines())
        else:
            table = pytest.importorskip("pyarrow.parquet").read_table(path)
            head, rows = table.column_names, [*zip(*table.to_pydict().values(), strict=True)]
        assert head == HEADS[name]
        beside = sum(column in ("step", "label") for column in head)
        found = np.array([row[beside:] for row in rows], float).reshape(wanted.shape)
        if head[0] == "step":
            assert [int(row[0]) for row in rows] == [*range(len(wanted))]
        if name == "series":
            assert [int(row[1]) for row in rows] == [0] * 40 + [1]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    what = "steps" if name in ("series", "gaps") else "samples"
    assert said.startswith(f"{path}: {len(wanted)} {what} of ")
    assert ("note: 3 steps in no window, with NaN instead of numbers\n" in said) is (name == "gaps")


def test_the_json_says_what_was_written(tmp_path):
    path = tmp_path / "r.csv"
    found = json.loads(aespec_("reconstruct", "gaps", "-o", path, "--format", "json").stdout)
    assert (found["shape"], found["files"], found["samples"]) == ([15, 2], [str(path)], 3)
    assert found["notes"][-1] == "3 steps in no window, with NaN instead of numbers"


def test_a_part_of_the_data_is_restored(tmp_path):
    x = np.load("images.npy")
    np.savez("parts.npz", x_train=x, x_test=x[:4])
    for split, count in ((None, 20), ("train", 20), ("test", 4)):
        options = ("--split", split) if split else ()
        said = aespec_("reconstruct", "images", "--data", "parts.npz", *options, "-o", tmp_path / "r.npy").stdout
        assert f"{count} samples of parts.npz ({split or 'train'}), restored, ({count}, 8, 9)" in said
        np.testing.assert_allclose(np.load(tmp_path / "r.npy"), by_hand("images")[:count], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["-o", "r.npy", "-n", 3], 2, "-n goes with a picture; 'r.npy' is to hold all samples"),
        (["-o", "r.csv", "--noise", "gaussian:0.1"], 2, "--noise goes with a picture"),
        (["-o", "r.csv", "--seed", 1], 2, "--seed goes with --noise"),
        (["--split", "test"], 2, "--split goes with -o FILE.csv, .parquet or .npy"),
        (["-o", "r.txt"], 2, "does not end in .png, .csv, .parquet or .npy"),
        (["-o", "r.csv", "--data", "none.npy"], 1, "there are no samples in none.npy"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_does_not_go_together_is_said(options, code, said):
    np.save("none.npy", np.zeros((0, 8, 9), "float32"))
    done = aespec_("reconstruct", "images", *options, code=code)
    assert said in done.stderr
    assert not Path("r.csv").exists()


@pytest.mark.parametrize(
    ("starts", "length", "steps", "gaps"),
    [([0, 2], 2, 4, 0), ([0, 3], 2, 5, 1), ([1], 2, 5, 3), ([0, 1, 2], 4, 6, 0), ([], 2, 5, 5)],
)
def test_steps_in_no_window_are_counted(starts, length, steps, gaps):
    assert Windows(np.array(starts, "int64"), length, steps).gaps == gaps


@pytest.mark.parametrize("command", ["reconstruct", "encode", "score"])
def test_what_is_read_is_not_written_over(command, tmp_path):
    data = tmp_path / "series.csv"
    data.write_bytes(Path("series.csv").read_bytes())
    for path, what in ((data, "the data that is read"), (Path("series/history.csv"), "a part of the run")):
        before = path.read_bytes()
        told = aespec_(command, "series", "--data", data, "-o", path, code=1).stderr
        assert f"{path} would be lost" in told
        assert f"got: {what}" in told
        assert path.read_bytes() == before


def test_a_feature_that_has_the_name_of_another_column(tmp_path):
    data, run = tmp_path / "data.csv", tmp_path / "run"
    data.write_text("step,error\n" + "".join(f"{i % 3},{i % 5}\n" for i in range(41)))
    plan = ("--epochs", 1, "--no-report", "--quiet", "-o", run)
    aespec_("train", "series.yaml", "--backend", "torch", "--data", data, *plan)
    aespec_("reconstruct", run, "-o", tmp_path / "restored.csv")
    aespec_("score", run, "--by", "step,feature", "-o", tmp_path / "scores.csv", "--threshold", 1)
    restored, scores = (
        list(csv.reader((tmp_path / name).read_text().splitlines())) for name in ("restored.csv", "scores.csv")
    )
    assert restored[0] == ["step", "feature_step", "error"]
    assert [row[0] for row in restored[1:]] == [str(step) for step in range(41)]
    assert scores[0] == ["step", "error", "anomaly", "feature_step", "feature_error"]


def test_values_that_were_brought_to_a_range_stay_in_it_and_that_is_said(tmp_path):
    np.save(tmp_path / "bytes.npy", np.random.default_rng(0).integers(0, 256, (9, 8, 9), "uint8"))
    Path(tmp_path / "bytes.yaml").write_text(
        "{input: {shape: [8, 9], range: [0, 1]}, encoder: [flatten, dense: 2], decoder: mirror}"
    )
    plan = ("--epochs", 1, "--no-report", "--quiet", "-o", tmp_path / "run")
    aespec_("train", tmp_path / "bytes.yaml", "--backend", "torch", "--data", tmp_path / "bytes.npy", *plan)
    told = aespec_("reconstruct", tmp_path / "run", "-o", tmp_path / "restored.npy").output
    assert "note: scaled 0..255 to 0..1, which is not undone" in told


def test_other_data_that_is_not_there_is_not_the_runs(tmp_path):
    told = aespec_("score", "series", "--data", "serie.csv", code=1).stderr
    assert "there is no data set and no file `serie.csv`" in told
    assert "which is gone" not in told
