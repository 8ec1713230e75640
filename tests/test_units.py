"""The units of a run whose features are scaled: values are the data's own where they are written, errors are not."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import aespec
from aespec.cli import main

pytest.importorskip("torch")

COLUMNS = ("height", "weight")
TALL = 1234.0
"""The height of the last sample; no scaled value is near it."""


def aespec_(*args):
    done = CliRunner().invoke(main, [str(arg) for arg in args])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on the same table, scaled and not, and on a series."""
    folder = tmp_path_factory.mktemp("units")
    random = np.random.default_rng(0)
    rows = np.stack([1000 + 50 * random.normal(size=30), 70 + random.normal(size=30)], axis=1)
    rows[-1, 0] = TALL
    (folder / "table.csv").write_text("\n".join([",".join(COLUMNS), *(f"{a},{b}" for a, b in rows.tolist())]))
    np.save(folder / "series.npy", 1000 + 50 * random.normal(size=(60, 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, given, data in (
            ("scaled", {"shape": [2], "scaling": "standard"}, "table.csv"),
            ("plain", {"shape": [2]}, "table.csv"),
            ("series", {"shape": [6, 2], "stride": 3, "scaling": "standard"}, "series.npy"),
        ):
            encoder = [{"dense": {"units": 1, "activation": "linear"}}]
            plan = {"epochs": 1, "validation_split": 0.1, "seed": 1}
            spec = {"name": name, "input": given, "encoder": encoder, "decoder": "mirror", "loss": "mse"}
            Path(f"{name}.yaml").write_text(json.dumps({**spec, "training": plan}))
            aespec_("train", f"{name}.yaml", "--backend", "torch", "--data", data, "-o", name, "--no-report", "--quiet")
    return folder


@pytest.fixture(autouse=True)
def _inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.mark.parametrize(("run", "scaled"), [("scaled", True), ("plain", False), ("series", True)])
@pytest.mark.parametrize("use", [["reconstruct"], ["reconstruct", "--noise", "masking:0.5"], ["score"]])
def test_errors_say_that_they_are_of_scaled_features(use, run, scaled):
    for package in ("matplotlib", "skimage"):
        pytest.importorskip(package)
    command, *more = use
    assert ("in scaled units" in aespec_(command, run, *more)) is scaled
    assert json.loads(aespec_(command, run, *more, "--format", "json"))["scaled"] is scaled


def test_the_report_writes_values_of_the_data_and_errors_of_scaled_features():
    for package in ("jinja2", "PIL"):
        pytest.importorskip(package)
    aespec_("report", "scaled")
    page = Path("scaled/report.html").read_text(encoding="utf-8")
    heights = [float(text) for text in re.findall(r'height</th>.*?<td class="number">([^<]*)</td>', page, re.DOTALL)]
    assert len(heights) >= 3, "of the three samples that were held out"
    assert max(heights) == pytest.approx(TALL, rel=1e-2)
    assert min(heights) > 800
    assert "in scaled units" in page
    aespec_("report", "plain")
    assert "in scaled units" not in Path("plain/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("run", "scaled"), [("scaled", True), ("plain", False), ("series", True)])
def test_pictures_of_anomalies_say_it_too(run, scaled):
    pytest.importorskip("matplotlib")
    aespec_("score", run, "--picture", "worst.svg")
    said = "in scaled units" in re.sub(r"<!--|-->", "", Path("worst.svg").read_text(encoding="utf-8"))
    assert said is scaled


def test_reconstructions_of_a_scaled_run_are_those_of_its_model():
    """The error that is told is that of the scaled features, by hand: mean 0 and deviation 1 on the training rows."""
    found = json.loads(aespec_("reconstruct", "scaled", "--format", "json"))
    rows = np.genfromtxt("table.csv", delimiter=",", skip_header=1)
    x = ((rows[27:] - rows[:27].mean(axis=0)) / rows[:27].std(axis=0)).astype("float32")
    restored = aespec.run.open_run(Path("scaled")).model().reconstruct(x)
    assert found["mean_squared_error"] == pytest.approx(((restored - x) ** 2).mean(), rel=1e-5)
