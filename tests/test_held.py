"""What a run saw of its data and what it did not, asked of the library and told by the commands."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import aespec_

import aespec
from aespec import held as module
from aespec.held import HELD, SAMPLE, TEST, TRAINING, VALIDATION, RunData
from aespec.run import open_run

pytest.importorskip("torch")

SPEC = """
name: small
input: {shape: [5]}
encoder: [{gaussian_latent: {units: 2, kl_scale: element}}]
decoder: mirror
loss: mse
training: {epochs: 1, validation_split: 0, seed: 1}
"""
ROWS = {name: np.random.default_rng(seed).random((40, 5)) for seed, name in enumerate(("x", "held", "x_test", "new"))}
LABELS = np.arange(40) % 2
RUNS = {
    "all": ["--data", "x.npz"],
    "split": ["--data", "x.npz", "--validation-split", "0.25"],
    "parts": ["--data", "parts.npz", "--validation-split", "0.25"],
    "validated": ["--data", "x.npz", "--validation-data", "held.npz"],
    "limited": ["--data", "x.npz", "--limit", "20"],
    "both": ["--data", "x.npz", "--limit", "20", "--validation-split", "0.25"],
}
WHAT = {"all": TRAINING, "split": HELD, "parts": TEST, "validated": VALIDATION, "limited": HELD, "both": HELD}
BEYOND = " (all beyond the 20 that the run was given)"
OF_BOTH = " (5 held out for validation, 20 beyond the 20 that the run was given)"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("held")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("small.yaml").write_text(SPEC)
        for name in ("x", "held", "new"):
            np.savez(f"{name}.npz", x=ROWS[name], y=LABELS)
        np.savez("parts.npz", x_train=ROWS["x"], y_train=LABELS, x_test=ROWS["x_test"], y_test=LABELS)
        for name in ("x", "held"):
            shutil.copy(f"{name}.npz", f"{name}-moved.npz")
        for name, given in RUNS.items():
            done = aespec_("train", "small.yaml", "--backend", "torch", *given, "-o", name, "--no-report", "--quiet")
            assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """The runs and their data, to be changed."""
    shutil.copytree(trained, tmp_path / "here")
    for name in RUNS:  # which name their data from the root
        record = tmp_path / "here" / name / "run.json"
        record.write_text(record.read_text().replace(str(trained), str(tmp_path / "here")))
    monkeypatch.chdir(tmp_path / "here")


def change(name):
    np.savez(f"{name}.npz", x=ROWS[name][::-1], y=LABELS)


def equal(shown, what, rows, name, note=""):
    assert (shown.what, shown.name, shown.note) == (what, name, note)
    np.testing.assert_array_equal(shown.inputs, rows.astype("float32"))
    assert shown.labels is None or len(shown.labels) == len(rows)


@pytest.mark.parametrize(
    ("run", "other", "what", "rows", "name", "note"),
    [
        ("all", None, TRAINING, ROWS["x"], "x.npz", " (nothing was held out)"),
        ("split", None, HELD, ROWS["x"][30:], "x.npz", ""),
        ("parts", None, TEST, ROWS["x_test"], "parts.npz", ""),
        ("validated", None, VALIDATION, ROWS["held"], "held.npz", ""),
        ("limited", None, HELD, ROWS["x"][20:], "x.npz", BEYOND),
        ("both", None, HELD, ROWS["x"][15:], "x.npz", OF_BOTH),
        ("all", "x-moved.npz", TRAINING, ROWS["x"], "x-moved.npz", " (nothing was held out)"),
        ("split", "x-moved.npz", HELD, ROWS["x"][30:], "x-moved.npz", ""),
        ("validated", "x-moved.npz", VALIDATION, ROWS["held"], "held.npz", ""),
        ("validated", "held.npz", VALIDATION, ROWS["held"], "held.npz", ""),
        ("validated", "held-moved.npz", VALIDATION, ROWS["held"], "held-moved.npz", ""),
        ("split", "held.npz", SAMPLE, ROWS["held"], "held.npz", ""),
        ("split", "new.npz", SAMPLE, ROWS["new"], "new.npz", ""),
        ("validated", "new.npz", SAMPLE, ROWS["new"], "new.npz", ""),
        ("all", "parts.npz", TEST, ROWS["x_test"], "parts.npz", ""),
    ],
)
def test_what_a_run_has_not_seen(run, other, what, rows, name, note, place):
    data = RunData(open_run(Path(run)), other)
    equal(data.unseen, what, rows, name, note)
    assert data.unseen.warnings == ()


@pytest.mark.parametrize(
    ("run", "training", "held"),
    [
        ("all", ROWS["x"], None),
        ("split", ROWS["x"][:30], (HELD, ROWS["x"][30:], "x.npz")),
        ("validated", ROWS["x"], (VALIDATION, ROWS["held"], "held.npz")),
        ("limited", ROWS["x"][:20], (HELD, ROWS["x"][20:], "x.npz", BEYOND)),
        ("both", ROWS["x"][:15], (HELD, ROWS["x"][15:], "x.npz", OF_BOTH)),
    ],
)
@pytest.mark.parametrize("other", [None, "new.npz"])
def test_what_a_run_was_trained_on_and_what_it_held_out_are_its_own_whatever_else_is_looked_at(
    run, training, held, other, place
):
    data = RunData(open_run(Path(run)), other)
    equal(data.training, TRAINING, training, "x.npz")
    if held is None:
        assert data.held is None
    else:
        equal(data.held, *held)
        assert data.held.held_out


@pytest.mark.parametrize(
    ("run", "changed", "what", "rows", "said"),
    [
        ("split", "x", SAMPLE, ROWS["x"][::-1], ("x.npz has changed since the run was trained on it",)),
        ("validated", "held", SAMPLE, ROWS["held"][::-1], ("held.npz has changed since the run was validated on it",)),
        ("validated", "x", VALIDATION, ROWS["held"], ()),
    ],
)
def test_of_data_that_has_changed_nothing_is_claimed(run, changed, what, rows, said, place):
    change(changed)
    unseen = RunData(open_run(Path(run))).unseen
    equal(unseen, what, rows, "held.npz" if run == "validated" else "x.npz")
    assert unseen.warnings == said


@pytest.mark.parametrize("run", ["all", "split"])
def test_a_threshold_of_data_that_has_changed_is_of_no_held_out_samples(run, place):
    change("x")
    data = RunData(open_run(Path(run)))
    assert {data.training.what, data.unseen.what, (data.held or data.training).what} == {SAMPLE}
    for other in ([], ["--data", "new.npz"]):
        found = aespec_("score", run, *other)
        assert (found.exit_code, found.stderr.count("x.npz has changed")) == (0, 1)
        assert "the 0.99 quantile of 40 samples" in found.stdout
        assert "held-out" not in found.stdout


def test_of_the_runs_own_data_only_what_was_held_out_is_scored(place):
    np.save("truth.npy", LABELS)
    own = json.loads(aespec_("score", "split", "--format", "json").stdout)
    for name in ("x.npz", "x-moved.npz"):
        given = "--data", name, "--truth", "truth.npy", "--curves", "c.png", "-o", "s.csv"
        found = aespec_("score", "split", *given)
        assert f"the run was trained on {name}: the 30 samples that it saw are left out" in found.stdout
        found = json.loads(aespec_("score", "split", *given, "--format", "json").stdout)
        assert (found["part"], found["samples"]) == (own["part"], own["samples"]) == ("held-out sample", 10)
        assert [each["sample"] for each in found["worst"]] == [each["sample"] for each in own["worst"]]
    assert "left out" not in aespec_("score", "split").stdout
    assert json.loads(aespec_("score", "split", "--data", "new.npz", "--format", "json").stdout)["samples"] == 40


GONE = {
    "surprise": (["--score", "surprise", "--contamination", "0.1"], "the surprise needs", "the reconstruction error"),
    "score": ([], "the threshold needs the run's own data, which is gone", "`--contamination`"),
    "generate": (["--prior", "gaussian"], "`--prior gaussian` needs the run's own data", "`--prior standard`"),
}


@pytest.mark.parametrize("use", GONE)
def test_what_needs_the_data_that_a_run_was_trained_on_says_so(use, place):
    pytest.importorskip("matplotlib")
    options, said, instead = GONE[use]
    Path("x.npz").unlink()
    done = aespec_(use.replace("surprise", "score"), "split", "--data", "new.npz", *options)
    assert done.exit_code == 1
    for text in (said, instead, "no file `"):
        assert text in done.stderr
    assert "--data" not in done.stderr


@pytest.mark.parametrize(
    "use",
    [
        ["score", "--contamination", "0.1"],
        ["generate", "--prior", "standard"],
        ["traverse"],
        ["project", "--method", "pca"],
        ["features"],
        ["reconstruct"],
        ["interpolate", "--from", "0", "--to", "1"],
    ],
    ids=lambda use: use[0],
)
def test_other_uses_do_without_the_data_that_a_run_was_trained_on(use, place):
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    Path("x.npz").unlink()
    done = aespec_(use[0], "split", "--data", "new.npz", *use[1:])
    assert done.exit_code == 0, done.output
    assert ("there is no surprise" in done.stdout) is (use[0] == "score")


@pytest.mark.parametrize("run", RUNS)
def test_data_is_loaded_once(run, place, monkeypatch):
    loaded = []

    def load_for(spec, graph, name, split, *more):
        loaded.append((name, split))
        return original(spec, graph, name, split, *more)

    original = module.load_for
    monkeypatch.setattr(module, "load_for", load_for)
    data = RunData(open_run(Path(run)))
    for split in ("test", "train"):
        assert len(data.part(split).inputs) == 40
    assert (data.unseen.what, data.training.what) == (WHAT[run], TRAINING)
    assert (data.held is None) is (run == "all")
    names = [Path(name).name for name, _ in loaded]
    expected = {"parts": ["parts.npz"] * 2, "validated": ["held.npz", "x.npz"]}  # a file of two parts is read for each
    assert sorted(names) == expected.get(run, ["x.npz"])
    assert len(set(loaded)) == len(loaded)


VALIDATED = {
    "reconstruct": ["10 validation samples of held.npz"],
    "features": ["40 validation samples of held.npz"],
    "project": ["40 validation samples of held.npz"],
    "generate": ["40 validation samples of held.npz"],
    "traverse": ["40 validation samples of held.npz"],
    "interpolate": ["validation sample 0 of held.npz to 1"],
    "score": ["40 validation samples of held.npz", "quantile of 40 validation samples", "on samples that are scored"],
    "pretrain": ["40 test samples of held.npz, which the autoencoder was not trained on"],
}
OPTIONS = {
    "interpolate": ["--from", 0, "--to", 1],
    "pretrain": ["--labels", 4, "--seeds", 1, "--epochs", 1],
    "project": ["--method", "pca"],
}


@pytest.mark.parametrize("use", VALIDATED)
def test_every_command_knows_validation_data(use, place):
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    done = aespec_(use, "validated", *OPTIONS.get(use, []))
    assert (done.exit_code, "warning: x" in done.stderr, "warning: held" in done.stderr) == (0, False, False)
    for text in VALIDATED[use]:
        assert text in done.stdout


def test_the_report_has_validation_data_beside_what_was_trained_on(place):
    pytest.importorskip("jinja2")
    given = "--backend", "torch", *RUNS["validated"], "-o", "again", "--quiet"
    for command in (("train", "small.yaml", *given), ("report", "again", "-o", "page.html")):
        assert aespec_(*command).exit_code == 0
    for page in ("again/report.html", "page.html"):
        text = Path(page).read_text(encoding="utf-8")
        assert "40 validation samples of held.npz" in text
        assert "Nothing was held out" not in text


@pytest.mark.parametrize("use", ["reconstruct", "report", "score", "project", "features", "pretrain"])
@pytest.mark.parametrize("run", ["split", "parts"])
def test_changed_data_is_warned_of_once(use, run, place):
    for package in ("matplotlib", "sklearn", "jinja2"):
        pytest.importorskip(package)
    name = "parts" if run == "parts" else "x"
    parts = {"x_train": ROWS["x"][::-1], "y_train": LABELS, "x_test": ROWS["x_test"], "y_test": LABELS}
    np.savez(f"{name}.npz", **(parts if run == "parts" else {"x": ROWS["x"][::-1], "y": LABELS}))
    done = aespec_(use, run, *OPTIONS.get(use, []))
    assert done.exit_code == 0, done.output
    if (use, run) != ("pretrain", "parts"):  # which looks at labels and a test set, whatever the run was trained on
        assert done.stderr.count("has changed since the run was trained on it") == 1


def test_score_says_that_nothing_was_held_out(place):
    assert "40 training samples of x.npz (nothing was held out):" in aespec_("score", "all").stdout
    found = json.loads(aespec_("score", "all", "--format", "json").stdout)
    assert found["threshold"]["held_out"] is False


@pytest.mark.parametrize("run", ["limited", "both"])
def test_samples_that_a_run_was_not_given_are_told_from_those_it_held_out(run, place):
    note = {"limited": BEYOND, "both": OF_BOTH}[run]
    count = {"limited": 20, "both": 25}[run]
    assert f"{count} held-out samples of x.npz{note}: mean" in aespec_("score", run).stdout
    found = aespec_("score", run, "--data", "new.npz")
    assert f"note: the threshold is that of held-out samples{note}\n" in found.stdout
    found = json.loads(aespec_("score", run, "--data", "new.npz", "--format", "json").stdout)
    assert f"the threshold is that of held-out samples{note}" in found["notes"]
    if run == "both":
        pytest.importorskip("jinja2")
        assert aespec_("report", run).exit_code == 0
        assert f"What the model makes of held-out samples{note}:" in Path(run, "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("run", "other", "said"),
    [
        ("all", "x.npz", False),
        ("split", "x.npz", True),
        ("validated", "held-moved.npz", True),
        ("split", "new.npz", False),
    ],
)
def test_score_says_where_the_threshold_was_found_on_what_is_scored(run, other, said, place):
    done = aespec_("score", run, "--data", other)
    assert done.exit_code == 0, done.output
    assert ("the threshold was found on samples that are scored" in done.stdout) is said


def test_validation_data_that_is_gone_is_missed_in_words(place):
    Path("held.npz").unlink()
    done = aespec_("reconstruct", "validated")
    assert done.exit_code == 1
    assert "held.npz" in done.stderr
    assert "help:" in done.stderr
    assert aespec_("reconstruct", "validated", "--data", "held-moved.npz").exit_code == 0


def test_data_with_a_test_part_alone_is_shown(place):
    pytest.importorskip("jinja2")
    np.savez("test.npz", x_test=ROWS["x_test"], y_test=LABELS)
    data = RunData(open_run("split"), "test.npz")
    equal(data.unseen, TEST, ROWS["x_test"], "test.npz")
    equal(data.training, TRAINING, ROWS["x"][:30], "x.npz")
    scored = aespec_("score", "split", "--data", "test.npz", "--normal", 0)
    assert (scored.exit_code, "40 test samples of test.npz" in scored.stdout) == (0, True), scored.output
    shown = aespec_("report", "split", "--data", "test.npz", "-o", "page.html")
    assert shown.exit_code == 0, shown.output


def test_data_that_is_not_there_is_no_data_without_a_training_part(place):
    with pytest.raises(aespec.AespecError, match=r"no file `nothing\.npz`"):
        _ = RunData(open_run("split"), "nothing.npz").training


def test_wrong_data_of_the_run_itself_is_called_by_its_name(place):
    np.savez("x.npz", x=ROWS["x"][:, :4])
    done = aespec_("score", "split", "--data", "new.npz")
    assert done.exit_code == 1
    assert "x.npz" in done.stderr
    assert "new.npz" not in done.stderr


def test_the_estimator_of_a_run_warns_of_changed_data(place):
    pytest.importorskip("sklearn")
    from aespec.sklearn import Autoencoder

    change("x")
    with pytest.warns(UserWarning, match=r"x\.npz has changed since the run was trained on it"):
        Autoencoder.from_run("split")


def test_one_class_says_that_it_does_not_look_at_validation_data(place):
    pytest.importorskip("sklearn")
    given = "--backend", "torch", "--data", "parts.npz", "--set", "training.validation_data=held.npz"
    done = aespec_("oneclass", "small.yaml", *given)
    assert done.exit_code == 0, done.output
    assert "`validation_data` is not looked at" in done.stderr
