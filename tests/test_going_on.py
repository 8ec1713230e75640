"""What of a run goes on, and what is refused: another spec, other data, fewer epochs, a checkpoint that is damaged."""

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml
from command import aespec_, done
from runs import PLAIN, RUN, begin, column, files, interrupt, outcome, rows, samples
from safetensors import safe_open
from safetensors.numpy import save_file

from aespec.checkpoint import FILE

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def finished():
    """A finished run of three epochs."""
    done(aespec_(*begin(PLAIN)))


def test_other_data_is_refused():
    done(aespec_(*begin(PLAIN)))
    before, x = files(), samples()
    x[-1, -1] += 1e-6
    np.save("data.npy", x)
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 5), 1)
    assert "error[E507]: " in refused.stderr
    assert "data.npy has changed since the run began" in refused.stderr
    Path("data.npy").unlink()
    missing = done(aespec_("train", "--resume", RUN, "--epochs", 5), 1)
    assert "data.npy" in missing.stderr
    assert files() == before
    np.save("data.npy", samples())
    done(aespec_("train", "--resume", RUN, "--epochs", 5))


def test_streaming_data_is_told_by_its_samples_not_by_its_name():
    done(aespec_(*begin(PLAIN, "--window", 100)))
    Path("data.npy").rename("renamed.npy")
    done(aespec_("train", "--resume", RUN, "--data", "renamed.npy", "--epochs", 4))
    x = samples()
    x[300:310] += 1
    np.save("data.npy", x)
    refused = done(aespec_("train", "--resume", RUN, "--data", "data.npy", "--epochs", 5), 1)
    assert "data.npy has changed since the run began" in refused.stderr


def test_data_may_have_moved():
    done(aespec_(*begin(PLAIN)))
    Path("data.npy").rename("moved.npy")
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 4), 1)
    assert "help: if it has moved, `--data FILE` says where it is now\n" in refused.stderr
    for name in ("move.npy", Path("move.npy").resolve()):
        misspelt = done(aespec_("train", "--resume", RUN, "--epochs", 4, "--data", name), 1)
        assert f"help: did you mean `{Path(name).with_name('moved.npy')}`?\n" in misspelt.stderr
    done(aespec_("train", "--resume", RUN, "--epochs", 4, "--data", "moved.npy"))
    assert json.loads((RUN / "run.json").read_text())["data"]["path"].endswith("moved.npy")


def test_a_data_set_that_is_missing_has_not_moved(monkeypatch):
    done(aespec_(*begin({**PLAIN, "input": [8, 8]}, "--data", "digits", "--set", "encoder=[flatten, {dense: 4}]")))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    missing = done(aespec_("train", "--resume", RUN, "--epochs", 4), 1)
    assert "pip install" in missing.stderr
    assert "if it has moved" not in missing.stderr


def test_a_run_either_goes_on_or_begins_again(finished):
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 4, "--force"), 2)
    assert "'--force' begins again, and '--resume' goes on: give one of the two." in refused.stderr
    assert files() == before


def test_data_to_validate_on_may_have_moved():
    np.save("held.npy", samples(50))
    done(aespec_(*begin(PLAIN, "--validation-data", "held.npy", "--validation-split", "0")))
    Path("held.npy").rename("moved.npy")
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 4), 1)
    assert "`--validation-data FILE`" in refused.stderr
    misspelt = done(aespec_("train", "--resume", RUN, "--epochs", 4, "--validation-data", "move.npy"), 1)
    assert "help: did you mean `moved.npy`?\n" in misspelt.stderr
    np.savez("test.npz", x_test=samples(50))
    lacking = done(aespec_("train", "--resume", RUN, "--epochs", 4, "--validation-data", Path("test.npz").resolve()), 1)
    assert "or add the training samples" in lacking.stderr
    np.save("other.npy", samples(50) + 1)
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 4, "--validation-data", "other.npy"), 1)
    assert "other.npy has changed since the run began" in refused.stderr
    done(aespec_("train", "--resume", RUN, "--epochs", 4, "--validation-data", "moved.npy"))
    assert json.loads((RUN / "run.json").read_text())["validation"]["path"].endswith("moved.npy")


def test_a_run_that_another_process_goes_on_with_meanwhile_is_left_to_it(monkeypatch):
    done(aespec_(*begin(PLAIN)))
    module = import_module("aespec.cli.train")
    load, before = module._dataset, []

    def overtaken(job):
        if not before:
            before.append(True)
            done(aespec_("train", "--resume", RUN, "--epochs", 5))
            before.append(files())
        return load(job)

    monkeypatch.setattr(module, "_dataset", overtaken)
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 6), 1)
    assert "error[E506]: another process has trained in run meanwhile" in refused.stderr
    assert "after 3 epochs" in refused.stderr
    assert "one after 5 epochs" in refused.stderr
    assert files() == before[1]


def test_other_data_to_validate_on_is_refused():
    """It decides what early stopping and a plateau come to."""
    np.save("held.npy", samples(50))
    done(aespec_(*begin(PLAIN, "--validation-data", "held.npy")))
    np.save("held.npy", samples(50) + 1)
    assert "error[E507]: " in done(aespec_("train", "--resume", RUN, "--epochs", 5), 1).stderr


def test_more_data_behind_a_limit_is_the_same_data():
    done(aespec_(*begin(PLAIN, "--limit", 100)))
    np.save("data.npy", np.concatenate([samples()[:100], samples()]))
    done(aespec_("train", "--resume", RUN, "--epochs", 5))
    assert json.loads((RUN / "run.json").read_text())["data"]["samples"] == 100


@pytest.mark.parametrize(
    "args",
    [
        ["spec.yaml"],
        ["--set", "training.epochs=5"],
        ["--limit", 100],
        ["-o", "other"],
        ["--loss", "mae"],
        ["--optimizer", "adam"],
        ["--batch-size", 8],
        ["--dtype", "float64"],
        ["--schedule", "cosine"],
        ["--greedy", "{}"],
        ["--freeze", "encoder"],
        ["--seed", 1],
        ["--seed", 0],
        ["--validation-split", 0],
        ["--ema", 0],
    ],
    ids=lambda args: " ".join(map(str, args)),
)
def test_what_a_run_is_cannot_be_changed_later(args, finished):
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 5, *args), 2)
    name = {"spec.yaml": "SPEC", "-o": "--out"}.get(args[0], args[0])
    assert f"'{name}' cannot be changed in a run that goes on" in refused.stderr
    assert "'--epochs', '--learning-rate', '--backend' and '--data' can." in refused.stderr
    assert files() == before


@pytest.mark.parametrize(
    ("args", "got"),
    [
        ([], "a plan of 3 epochs"),
        (["--epochs", 3], "`--epochs 3`"),
        (["--epochs", 2], "`--epochs 2`"),
        (["--learning-rate", 0.1], "a plan of 3 epochs"),
    ],
)
def test_a_finished_run_has_nothing_to_go_on_with(args, got, finished):
    before = files()
    refused = done(aespec_("train", "--resume", RUN, *args), 1)
    assert "error[E507]: run is finished" in refused.stderr
    assert "wanted: more than 3 epochs to go on with" in refused.stderr
    assert f"got: {got}\n" in refused.stderr
    assert "`--epochs 6` trains on" in refused.stderr
    assert files() == before


@pytest.mark.parametrize("args", [[], ["--epochs", 50]])
def test_a_run_that_stopped_early_is_finished(args):
    stopping = {"patience": 1, "min_delta": 9.0}
    said = done(aespec_(*begin({**PLAIN, "training": {**PLAIN["training"], "early_stopping": stopping}})))
    assert len(rows()) == 2
    record = json.loads((RUN / "run.json").read_text())
    assert record["epoch"] == 1
    loss = record["final"]["validation"]
    assert f"  stopped: no better loss for 1 epoch; kept epoch 1, validation {loss['total']:.4g}\n" in said.stdout
    before = files()
    assert "error[E507]: " in done(aespec_("train", "--resume", RUN, *args), 1).stderr
    assert files() == before


@pytest.mark.parametrize("stopping", [None, {"patience": 1, "min_delta": 9.0, "restore_best": True}])
@pytest.mark.parametrize("lost", ["weights", "checkpoint"])
def test_weights_that_are_gone_come_back(lost, stopping):
    done(aespec_(*begin({**PLAIN, "training": {**PLAIN["training"], "early_stopping": stopping}})))
    before = outcome()
    (RUN / "weights.safetensors").unlink()
    if lost == "checkpoint":
        shutil.rmtree(RUN / "checkpoint")
    said = done(aespec_("reconstruct", RUN), 1).stderr
    how = "writes them again, from its checkpoint" if lost == "weights" else "trains them again"
    assert f"help: its weights are gone: `aespec train --resume run` {how}\n" in said
    done(aespec_("train", "--resume", RUN))
    assert outcome() == before


def test_fewer_epochs_than_are_over_are_refused(monkeypatch):
    """A run of two epochs, of which three are over, would not be what its spec says."""
    with monkeypatch.context() as patched:
        patched.setattr("aespec.cli.progress.Progress.epoch", lambda self, epoch: epoch.number < 3 or interrupt())
        done(aespec_(*begin(PLAIN, "--epochs", 5)), 130)
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 2), 1)
    assert "error[E507]: run is further than that" in refused.stderr
    assert "wanted: at least 3 epochs\n" in refused.stderr
    assert "got: `--epochs 2`\n" in refused.stderr
    assert "help: without `--epochs` it goes on to the end of its plan\n" in refused.stderr
    assert files() == before


def test_a_run_that_lost_its_checkpoint_is_refused_and_keeps_its_history(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("aespec.cli.progress.Progress.epoch", lambda self, epoch: epoch.number < 2 or interrupt())
        done(aespec_(*begin(PLAIN)), 130)
    (RUN / FILE).unlink()
    before = files()
    refused = done(aespec_("train", "--resume", RUN), 1)
    assert "error[E501]: run has no checkpoint to go on from" in refused.stderr
    assert files() == before


def test_a_finished_run_without_a_checkpoint_is_refused_and_keeps_its_model(finished):
    (RUN / FILE).unlink()
    (RUN / FILE).parent.rmdir()
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 5), 1)
    assert "error[E501]: run has no checkpoint to go on from" in refused.stderr
    assert "got: no such file" in refused.stderr
    assert "`aespec train SPEC -o RUN --force`, or with another `-o` to keep what this one has" in refused.stderr
    assert files() == before


def test_what_is_no_run_is_refused():
    Path("empty").mkdir()
    Path("spec.yml").touch()
    Path("empty.csv").touch()
    Path("made").mkdir()
    for name in ("run.json", "history.csv"):
        (Path("made") / name).touch()
    for folder, got in (
        ("none", "got: no such folder"),
        ("empty", "got: no spec.yaml and no run.json"),
        ("spec.yml", "got: a file, a spec that is not trained\n   = help: train it"),
        ("empty.csv", "got: a file\n   = help: give the folder of a run"),
        ("made/history.csv", "got: a file\n   = help: give the folder that it is in: `made`"),
    ):
        refused = done(aespec_("train", "--resume", folder), 1)
        assert f"error[E501]: {folder} is not the folder of a run" in refused.stderr
        assert got in refused.stderr
    assert not any(Path("empty").iterdir())
    assert not Path("none").exists()


def test_a_damaged_checkpoint_is_refused_and_stays(finished):
    (RUN / FILE).write_bytes((RUN / FILE).read_bytes()[:-1])
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 5), 1)
    assert "error[E501]: the checkpoint of run is damaged" in refused.stderr
    assert "begin again: `aespec train SPEC -o RUN --force`" in refused.stderr
    assert files() == before
    done(aespec_(*begin(PLAIN, "--force")))


MOMENTUM = {"sgd": {"learning_rate": 0.05, "momentum": 0.9}}


@pytest.mark.parametrize(
    ("begun", "changed", "wanted", "got"),
    [
        ({}, {"batch_size": 8}, "`training.batch_size: 16`", "`training.batch_size: 8`"),
        (
            {},
            {"seed": 6, "ema": 0.9},
            "`training.ema: null`, `training.seed: 5`",
            "`training.ema: 0.9`, `training.seed: 6`",
        ),
        ({}, {"optimizer": MOMENTUM}, "`training.optimizer.momentum: 0`", "`training.optimizer.momentum: 0.9`"),
        (
            {"greedy": {"epochs": 1}},
            {"greedy": {"epochs": 2}},
            "`training.greedy.0.epochs: 1`",
            "`training.greedy.0.epochs: 2`",
        ),
        ({}, {"window": 100}, "`training.window: null`", "`training.window: 100`"),
        (
            {"validation_data": "data.npy", "validation_split": 0},
            {"validation_data": None},
            "`training.validation_data: a file`",
            "`training.validation_data: null`",
        ),
        ({"greedy": {"epochs": 1}}, {"greedy": []}, "`training.greedy: [{epochs: 1}]`", "`training.greedy: []`"),
    ],
    ids=["batch size", "two fields", "momentum", "longer phases", "window", "validation", "without phases"],
)
def test_a_plan_that_was_changed_in_the_folder_is_refused(begun, changed, wanted, got):
    done(aespec_(*begin({**PLAIN, "training": {**PLAIN["training"], **begun}}, "--no-report")))
    spec = yaml.safe_load((RUN / "spec.yaml").read_text())
    (RUN / "spec.yaml").write_text(yaml.safe_dump({**spec, "training": {**spec["training"], **changed}}))
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 5), 1)
    assert "error[E507]: run/spec.yaml has changed since the run began\n" in refused.stderr
    assert f"wanted: {wanted}\n" in refused.stderr
    assert f"got: {got}\n" in refused.stderr
    assert files() == before


@pytest.mark.parametrize(("old", "new"), [("units: 4", "units: 5"), ("activation: linear", "activation: tanh")])
def test_a_model_that_was_changed_in_the_folder_is_refused(old, new, finished):
    text = (RUN / "spec.yaml").read_text()
    (RUN / "spec.yaml").write_text(text.replace(old, new, 1))
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 5), 1)
    assert f"wanted: `encoder.0.{old}`\n" in refused.stderr
    assert f"got: `encoder.0.{new}`\n" in refused.stderr
    assert files() == before


def test_a_checkpoint_without_a_spec_goes_on(finished):
    """As those that were written before checkpoints had one."""
    with safe_open(RUN / FILE, "numpy") as file:
        position, tensors = json.loads(file.metadata()["aespec"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del position["spec"]
    save_file(tensors, RUN / FILE, {"aespec": json.dumps(position)})
    done(aespec_("train", "--resume", RUN, "--epochs", 4))
    assert len(rows()) == 4


def test_a_layer_that_was_given_a_name_in_the_folder_is_refused(finished):
    """Weights, and what the optimizer keeps, are found by it."""
    spec = yaml.safe_load((RUN / "spec.yaml").read_text())
    spec["encoder"][0]["dense"]["name"] = "wide"
    (RUN / "spec.yaml").write_text(yaml.safe_dump(spec))
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 5), 1)
    assert "got: `encoder.0.name: wide`\n" in refused.stderr
    assert files() == before


def test_what_an_option_may_change_may_be_changed_in_the_folder(finished):
    text = (RUN / "spec.yaml").read_text()
    (RUN / "spec.yaml").write_text(text.replace("epochs: 3", "epochs: 4").replace("0.05", "0.01"))
    done(aespec_("train", "--resume", RUN))
    assert column("learning_rate") == [0.05] * 3 + [0.01]


def test_a_backend_that_cannot_train_is_refused_and_nothing_is_lost(finished):
    before = files()
    assert "cannot be trained" in done(aespec_("train", "--resume", RUN, "--epochs", 5, "--backend", "numpy"), 1).stderr
    assert files() == before
