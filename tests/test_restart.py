"""Runs that are cut off, by whatever, and go on: to the bit as if nothing had happened, on another backend too."""

import json
import os
import re
import signal
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import yaml
from command import EPOCH, aespec_, done, started, until
from runs import COSINE, PLAIN, RUN, STATEFUL, begin, column, files, interrupt, outcome, rows, samples

import aespec
from aespec import checkpoint
from aespec.checkpoint import FILE, exists, read
from aespec.cli.progress import Progress
from aespec.course import Listener, build, train
from aespec.data import Dataset
from aespec.registry import kinds
from aespec.run import prepare
from aespec.training import fit

pytestmark = pytest.mark.usefixtures("here")


# -- processes that are killed ----------------------------------------------------------------------------------------


SPECS = {"keras": STATEFUL, "torch": COSINE}


@cache
def straight(backend):
    """What a run comes to that nothing happens to."""
    with TemporaryDirectory() as folder:
        np.save(Path(folder) / "data.npy", samples())
        before = Path.cwd()
        os.chdir(folder)
        done(aespec_(*begin(SPECS[backend], backend=backend)))
        found = outcome()
        os.chdir(before)
    return found


@pytest.mark.parametrize("backend", SPECS)
def test_a_run_that_is_killed_time_and_again_ends_as_if_it_had_not_been(backend):
    """First in its first epoch, then anywhere; with a checkpoint each half second, then with one each epoch."""
    rng = np.random.default_rng()
    _, history = straight(backend)
    whole = [row for row in history if not row["phase"]]
    assert len(history) - len(whole) == 4, "two phases of two epochs"
    assert 1 < len(whole) - 20 < 20, "it stopped early, with the weights of 20 epochs before"
    args = begin(SPECS[backend], backend=backend)
    for kill, pause in enumerate([None, None, 0]):
        with started(*args, pause=pause) as process:
            if kill:
                lines, pause_after = int(rng.integers(1, 4)), rng.uniform(0, 0.06)
                print(f"killed {pause_after:.4f} s after line {lines}")  # shown where it fails
                until(process, EPOCH, lines)
                time.sleep(pause_after)
            else:
                until(process, "  steps ")
            process.kill()
            process.wait()
            assert process.returncode == -signal.SIGKILL
        assert (RUN / ".unfinished").exists()
        assert not (RUN / "weights.safetensors").exists()
        args = ["train", "--resume", RUN]
    assert 2 <= len(read(RUN).epochs) < len(history)
    done(aespec_(*args))
    assert outcome() == straight(backend)
    names = {"spec.yaml", "run.json", "history.csv", "weights.safetensors", "report.html", "checkpoint", ".lock"}
    assert {path.name for path in RUN.iterdir()} == names
    assert [path.name for path in (RUN / FILE).parent.iterdir()] == [FILE.name]


@pytest.mark.parametrize(("sent", "backend"), [(signal.SIGINT, "torch"), (signal.SIGTERM, "keras")])
def test_a_process_that_is_asked_to_end_keeps_its_last_epoch_and_says_how_to_go_on(sent, backend):
    """And while it runs, no other may train in its folder."""
    args = begin(SPECS[backend], backend=backend)
    with started(*args) as process:
        until(process, EPOCH, 4)
        process.send_signal(signal.SIGSTOP)  # so that it is still there when the others come
        before = (RUN / "spec.yaml").read_bytes(), (RUN / "run.json").read_bytes()
        for other in ([*args, "--force"], ["train", "--resume", RUN]):
            refused = done(aespec_(*other), 1)
            assert "error[E506]: another process is training in run" in refused.stderr
            assert "wait for it to end" in refused.stderr
        looked = done(aespec_("reconstruct", RUN), 1)
        assert "error[E501]: run is not the folder of a finished run" in looked.stderr
        assert "another process is training it now: wait for that to end" in looked.stderr
        assert ((RUN / "spec.yaml").read_bytes(), (RUN / "run.json").read_bytes()) == before
        process.send_signal(sent)
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    epochs = len(read(RUN).epochs)
    assert epochs >= 4
    assert said.splitlines()[-1] == (
        f"interrupted: run has a checkpoint after {epochs} epochs; `aespec train --resume run` goes on from it"
    )
    assert "Traceback" not in said
    looked = done(aespec_("reconstruct", RUN), 1)
    assert "it ended before its last epoch: `aespec train --resume run` goes on with it" in looked.stderr
    assert f"  goes on after {epochs} epochs" in done(aespec_("train", "--resume", RUN)).stdout.splitlines()
    assert outcome() == straight(backend)


# -- interruptions at every place -------------------------------------------------------------------------------------


class Interruption(Exception):
    pass


class Fuse(Listener):
    """Breaks training off after some epochs, in the middle of the next one where that is wanted."""

    def __init__(self, epochs, *, inside=False):
        self.left, self.inside = epochs, inside

    def epoch(self, epoch):
        self.left -= 1
        if not self.left and not self.inside:
            raise Interruption

    def tick(self, epoch, done, losses):
        if not self.left and self.inside:
            raise Interruption


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("spec", [STATEFUL, COSINE], ids=["plateau", "cosine"])
def test_a_run_that_is_cut_off_at_every_epoch_ends_as_if_it_had_not_been(spec, inside, tmp_path):
    spec = aespec.parse(spec, ["training.epochs=7", "training.early_stopping.patience=3"])
    data = Dataset("made", samples(200), None, ())

    def ran(name, begin=None, listener=None):
        return train(
            spec,
            data,
            tmp_path / name,
            build(spec, backend="torch"),
            begin=begin,
            listeners=[listener] if listener else (),
        )

    prepare(tmp_path / "straight")
    ran("straight")
    prepare(tmp_path / "broken")
    place, cuts = None, 0
    while True:
        try:
            ran("broken", place, Fuse(1, inside=inside))
            break
        except Interruption:
            place, cuts = read(tmp_path / "broken"), cuts + 1
            assert len(place.epochs) == cuts
    assert cuts >= 2 * 3 + 3
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "straight")


@pytest.mark.parametrize("backend", ["keras", "torch"])
def test_more_epochs_later_are_the_same_as_at_once(backend):
    changes = ["training.greedy=[]", "training.early_stopping=null"]
    spec = aespec.parse(STATEFUL, changes).to_data()
    done(aespec_(*begin(spec, "--epochs", 5, backend=backend, folder="straight")))
    done(aespec_(*begin(spec, "--epochs", 2, backend=backend)))
    done(aespec_("train", "--resume", RUN, "--epochs", 5))
    assert outcome() == outcome(Path("straight"))
    assert (RUN / "spec.yaml").read_bytes() == Path("straight/spec.yaml").read_bytes()


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("{cosine: 1}", ", with the `cosine` of 5 epochs, no longer that of 2"),
        ("{cosine: {final: 1}}", ""),
        ("{step: 1}", ""),
        ("{reduce_on_plateau: 1}", ""),
    ],
)
def test_a_schedule_over_another_number_of_epochs_is_told(schedule, said):
    spec = aespec.parse(PLAIN, [f"training.schedule={schedule}"]).to_data()
    done(aespec_(*begin(spec, "--epochs", 2)))
    on = done(aespec_("train", "--resume", RUN, "--epochs", 5))
    assert f"  goes on after 2 epochs{said}" in on.stdout.splitlines()


@pytest.mark.parametrize(("own", "said"), [("null", ", with the `cosine` of 9 epochs, no longer that of 4"), ("4", "")])
def test_a_schedule_over_another_number_of_epochs_is_told_in_a_phase(own, said, monkeypatch):
    changes = ["training.schedule=cosine", f"training.greedy={{epochs: {own}}}"]
    real, calls = Progress.epoch, []

    def second(*args):
        real(*args)
        calls.append(args)
        if len(calls) == 2:
            interrupt()

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "PAUSE", 0.0)
        patched.setattr(Progress, "epoch", second)
        done(aespec_(*begin(aespec.parse(PLAIN, changes).to_data(), "--epochs", 4)), 130)
    after = len(read(RUN).epochs)
    assert read(RUN).epochs[-1].phase
    on = done(aespec_("train", "--resume", RUN, "--epochs", 9))
    assert f"  goes on after {after} epoch{'s' * (after > 1)}{said}" in on.stdout.splitlines()


def test_a_run_without_a_checkpoint_begins_again(monkeypatch):
    done(aespec_(*begin(STATEFUL, "--epochs", 3, folder="straight")))
    with monkeypatch.context() as patched:
        patched.setattr("aespec.cli.progress.Progress.tick", lambda *_: interrupt())
        cut = done(aespec_(*begin(STATEFUL, "--epochs", 3)), 130)
    assert not exists(RUN)
    assert "interrupted: run has no checkpoint yet; the same command begins again" in cut.stderr
    assert "  goes on after 0 epochs" in done(aespec_("train", "--resume", RUN)).stdout.splitlines()
    assert outcome() == outcome(Path("straight"))


@pytest.mark.parametrize("last", ["weights.safetensors", "run.json"])
def test_a_run_that_is_cut_off_between_its_last_files_is_finished_by_going_on(last, monkeypatch):
    """The weights are there and the final record is not, or both are there and the mark of an unfinished run too."""
    done(aespec_(*begin(PLAIN, folder="straight")))
    calls, real = [], Path.replace

    def cut(path, target):
        found = real(path, target)
        calls.append(Path(target).name)
        if Path(target).name == last and calls.count(last) == 1 + (last == "run.json"):
            interrupt()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cut)
        done(aespec_(*begin(PLAIN)), 130)
    done(aespec_("train", "--resume", RUN))
    assert outcome() == outcome(Path("straight"))
    assert not (RUN / ".unfinished").exists()
    assert json.loads((RUN / "run.json").read_text())["final"]


# -- from one backend to another --------------------------------------------------------------------------------------


OPTIMIZERS = {
    **{kind: {kind: 0.01} for kind in kinds("optimizer")},
    "sgd": {"sgd": {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}},
    "rmsprop": {"rmsprop": {"learning_rate": 0.003, "momentum": 0.5, "centered": True}},
    "adagrad": {"adagrad": 0.1},
    "adadelta": {"adadelta": 10.0},
}


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-4), ("float64", 1e-9)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_an_optimizer_keeps_means_the_same_on_every_backend(optimizer, dtype, bound):
    """Two epochs on each of torch, keras and torch are six on torch."""
    plan = {
        "optimizer": OPTIMIZERS[optimizer],
        "dtype": dtype,
        "epochs": 6,
        "batch_size": 16,
        "ema": 0.8,
        "schedule": {"reduce_on_plateau": {"patience": 1, "min_delta": 0.1}},
        "early_stopping": 5,
    }
    layers = [{"dense": {"units": 4, "activation": "tanh"}}, "batch_normalization"]
    spec = aespec.parse({"input": [6], "encoder": layers, "decoder": "mirror", "training": plan})
    x, states, straight = samples(120).astype(dtype), [None], build(spec, backend="torch").model
    wanted = fit(straight, x, spec.training)
    for backend, epochs in (("torch", 2), ("keras", 4), ("torch", 6)):
        model = build(spec, backend=backend).model
        shorter = spec.training.model_copy(update={"epochs": epochs})
        found = fit(model, x, shorter, begin=states[-1], keep=states.append)
    assert [epoch.learning_rate for epoch in found] == [epoch.learning_rate for epoch in wanted]
    for kind in ("losses", "validation"):
        totals = [[getattr(epoch, kind)["total"] for epoch in epochs] for epochs in (found, wanted)]
        np.testing.assert_allclose(*totals, rtol=bound)
        assert totals[1][0] > 1.05 * totals[1][-1], "it learns, so that each step counts"
    for name, value in straight.weights().items():
        np.testing.assert_allclose(model.weights()[name], value, rtol=0, atol=20 * bound, err_msg=name)


def test_a_run_goes_from_keras_to_torch_and_back(monkeypatch):
    spec = aespec.parse(
        {**STATEFUL, "encoder": [layer for layer in STATEFUL["encoder"] if layer != {"dropout": 0.1}]},
        ["training.early_stopping=null", "training.schedule=cosine", "training.epochs=7"],
    ).to_data()
    done(aespec_(*begin(spec, backend="keras", folder="straight")))
    cuts = iter([3, 6, None])  # between the two epochs of the second phase; in the training of the whole; not at all

    def interrupted(self, epoch):
        self.count = getattr(self, "count", 0) + 1
        if self.count == cut:
            raise KeyboardInterrupt

    monkeypatch.setattr("aespec.cli.progress.Progress.epoch", interrupted)
    cut = next(cuts)
    done(aespec_(*begin(spec, backend="keras")), 130)
    assert [epoch.number for epoch in read(RUN).epochs] == [1, 2, 1]
    assert read(RUN).epochs[-1].phase, "what the optimizer keeps goes on"
    cut = next(cuts)
    done(aespec_("train", "--resume", RUN, "--backend", "torch"), 130)
    assert len(read(RUN).epochs) == 9
    cut = next(cuts)
    done(aespec_("train", "--resume", RUN, "--backend", "keras"))
    record = json.loads((RUN / "run.json").read_text())
    assert record["backend"] == "keras"
    assert [(each["backend"], each["epochs"]) for each in record["earlier"]] == [("keras", 3), ("torch", 9)]
    assert ["torch" in each["versions"] for each in record["earlier"]] == [False, True]
    assert "after 3 epochs with keras, after 9 epochs with torch" in (RUN / "report.html").read_text()
    np.testing.assert_allclose(column("total"), column("total", Path("straight")), rtol=1e-4)
    assert len(rows()) == 2 * 2 + 7
    assert column("learning_rate") == column("learning_rate", Path("straight"))


# -- phases -----------------------------------------------------------------------------------------------------------


PHASES = {
    **PLAIN,
    "encoder": [{"dense": 5}, {"dense": 3}],
    "training": {**PLAIN["training"], "greedy": [{}, {"optimizer": {"sgd": 0.02}}]},
}


def cut(spec, monkeypatch, *, stage, epochs=0):
    """A run that is interrupted in its stage of that number, counted from 0, after some epochs of it."""
    begun, over = [], []
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "stage", lambda *_: (begun.append(0), over.clear()))
        patched.setattr(Progress, "epoch", lambda *_: over.append(0))
        patched.setattr(Progress, "tick", lambda *_: (len(begun) - 1, len(over)) == (stage, epochs) and interrupt())
        return done(aespec_(*begin(spec)), 130)


def told(folder=RUN):
    """How long each stage was, and at which learning rate it ended."""
    last = {row["phase"]: row for row in rows(folder)}
    return [(phase, row["epoch"], row["learning_rate"]) for phase, row in last.items()]


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_phase_that_is_over_stays_as_long_as_it_was(epochs, monkeypatch):
    """Also where the next has done no epoch, and there is no checkpoint of it."""
    cut(PHASES, monkeypatch, stage=1, epochs=epochs)
    done(aespec_("train", "--resume", RUN, "--epochs", 5))
    assert told() == [("encoder/dense_1", "3", "0.05"), ("encoder/dense_2", "5", "0.02"), ("", "5", "0.05")]


def test_a_phase_that_is_over_stays_so_where_a_longer_plan_is_cut_off_in_turn(monkeypatch):
    cut(PHASES, monkeypatch, stage=1)
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "tick", lambda *_: interrupt())
        done(aespec_("train", "--resume", RUN, "--epochs", 5), 130)
    done(aespec_("train", "--resume", RUN))
    assert [epochs for _, epochs, _ in told()] == ["3", "5", "5"]


def test_a_run_that_was_cut_off_between_its_phases_ends_as_if_it_had_not_been(monkeypatch):
    spec = {**PHASES, "training": {**PHASES["training"], "ema": 0.9, "early_stopping": 2}}
    done(aespec_(*begin(spec, folder="straight")))
    cut(spec, monkeypatch, stage=1)
    cut_off = read(RUN)
    assert (cut_off.stage, len(cut_off.state.epochs)) == (0, 3)
    done(aespec_("train", "--resume", RUN))
    assert outcome() == outcome(Path("straight"))


def test_a_phase_cannot_have_fewer_epochs_than_it_had(monkeypatch):
    cut(PHASES, monkeypatch, stage=1, epochs=2)
    before = files()
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 1), 1)
    assert "error[E507]: run is further than that" in refused.stderr
    assert "wanted: at least 2 epochs\n" in refused.stderr
    assert files() == before
    done(aespec_("train", "--resume", RUN, "--epochs", 2))
    assert [epochs for _, epochs, _ in told()] == ["3", "2", "2"]


@pytest.mark.parametrize(
    ("stage", "rates"),
    [(0, ["0.01", "0.02", "0.01"]), (1, ["0.05", "0.01", "0.05"]), (2, ["0.05", "0.02", "0.01"])],
)
def test_a_learning_rate_is_for_the_optimizer_of_what_goes_on(stage, rates, monkeypatch):
    """A phase that has one of its own keeps the plan's as it is, and the other way round."""
    cut(PHASES, monkeypatch, stage=stage, epochs=1)
    done(aespec_("train", "--resume", RUN, "--learning-rate", 0.01))
    assert [rate for *_, rate in told()] == rates
    plan = yaml.safe_load((RUN / "spec.yaml").read_text())["training"]
    assert plan["optimizer"]["sgd"]["learning_rate"] == (0.05 if stage == 1 else 0.01)
    assert plan["greedy"][1]["optimizer"]["sgd"]["learning_rate"] == (0.01 if stage == 1 else 0.02)


def test_a_learning_rate_is_not_for_a_phase_that_fewer_epochs_end(monkeypatch):
    cut(PHASES, monkeypatch, stage=0, epochs=2)
    done(aespec_("train", "--resume", RUN, "--epochs", 2, "--learning-rate", 0.01))
    assert told() == [("encoder/dense_1", "2", "0.05"), ("encoder/dense_2", "2", "0.01"), ("", "2", "0.05")]


def test_a_run_that_dies_while_it_takes_an_earlier_one_away_has_a_way_on(monkeypatch):
    """Whatever of the earlier run is left, the command, or what its message says, ends with a whole run."""
    args = begin(PLAIN, "--epochs", 2)
    done(aespec_(*args))
    whole, unlink, deaths = outcome(), Path.unlink, 0
    while True:
        left = [deaths]

        def dying(path, missing_ok=False, left=left):
            if path.parent in (RUN, (RUN / FILE).parent) and path.exists():
                left[0] -= 1
                if left[0] < 0:
                    raise SystemExit(9)
            unlink(path, missing_ok=missing_ok)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", dying)
            died = aespec_(*args, "--force").exit_code == 9
        if not died:
            break
        deaths += 1
        again = aespec_(*args)
        if again.exit_code:
            on = (
                ["train", "--resume", RUN]
                if "go on with `aespec train --resume" in again.output
                else [*args, "--force"]
            )
            done(aespec_(*on))
        assert outcome() == whole
    assert deaths > 6


# -- losses that are no numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["keras", "torch"])
def test_a_loss_that_runs_away_later_leaves_the_last_good_epoch(backend):
    """With weights of about 1e25 the code is about 1e25 and finite, and its decoding, 1e50, is not in float32."""
    done(aespec_(*begin(PLAIN, "--epochs", 5, backend=backend, folder="straight")))
    done(aespec_(*begin(PLAIN, "--epochs", 3, backend=backend)))
    before = (RUN / FILE).read_bytes()
    wild = done(aespec_("train", "--resume", RUN, "--epochs", 5, "--learning-rate", 1e25), 1)
    assert "error[E503]: the loss is no longer a number at step 2 of epoch 4" in wild.stderr
    assert re.search(
        r"total (inf|nan), at a learning rate of 1e\+25; first in the output of `decoder/dense_1`", wild.stderr
    )
    assert "`aespec train --resume run --learning-rate X`" in wild.stderr
    assert (RUN / FILE).read_bytes() == before
    done(aespec_("train", "--resume", RUN, "--learning-rate", 0.05))
    assert outcome() == outcome(Path("straight"))
    (earlier,) = json.loads((RUN / "run.json").read_text())["earlier"]
    assert (earlier["epochs"], earlier["learning_rate"]) == (3, 0.05), (
        "the rate that ran away trained nothing that is kept"
    )


def test_a_loss_that_runs_away_in_a_phase_goes_on_with_another_rate_too():
    """The second phase has an optimizer of its own, far too fast."""
    layers = [{"dense": 4}, {"dense": 3}]
    plan = {**PLAIN["training"], "greedy": [{"epochs": 1}, {"epochs": 1, "optimizer": {"sgd": 1e25}}]}
    wild = done(aespec_(*begin({**PLAIN, "encoder": layers, "training": plan})), 1)
    assert "error[E503]" in wild.stderr
    assert "`aespec train --resume run --learning-rate X`" in wild.stderr
    done(aespec_("train", "--resume", RUN, "--learning-rate", 0.05))
    assert [row["phase"] for row in rows()] == ["encoder/dense_1", "encoder/dense_2", "", "", ""]


def test_a_loss_that_runs_away_at_once_leaves_nothing_to_go_on_from():
    wild = done(aespec_(*begin(PLAIN, "--learning-rate", 1e25)), 1)
    assert "error[E503]" in wild.stderr
    assert "--resume" not in wild.stderr
    done(aespec_(*begin(PLAIN)))
