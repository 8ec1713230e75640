"""Runs that are cut off, by whatever, and go on: to the bit as if nothing had happened, on another backend too."""

import csv
import errno
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.numpy import save_file

import aespec
from aespec import checkpoint, weights
from aespec.checkpoint import FILE, exists, read
from aespec.cli import main
from aespec.cli.progress import Progress
from aespec.course import Listener, build, train
from aespec.data import Dataset
from aespec.diagnostics import Diagnostic
from aespec.registry import kinds
from aespec.rules import BackendUnavailable
from aespec.run import prepare
from aespec.training import fit

RUN = Path("run")

STATEFUL = {
    "name": "small",
    "input": [6],
    "encoder": [
        {"dense": {"units": 8, "activation": "tanh"}},
        "batch_normalization",
        {"dropout": 0.1},
        {"dense": 3},
    ],
    "decoder": "mirror",
    "training": {
        "optimizer": {"nadam": 0.01},
        "ema": 0.5,
        "schedule": {"reduce_on_plateau": {"patience": 2, "factor": 0.5}},
        "early_stopping": {"patience": 20, "min_delta": 0.005},
        "greedy": {"epochs": 2, "optimizer": {"rmsprop": {"momentum": 0.5, "learning_rate": 0.003}}},
        "epochs": 40,
        "batch_size": 16,
        "seed": 3,
    },
}
"""Everything that has a state, or draws, or looks back at earlier epochs."""

COSINE = {
    **STATEFUL,
    "encoder": [{"gaussian_noise": 0.1}, *STATEFUL["encoder"]],
    "training": {**STATEFUL["training"], "optimizer": {"adam": 0.01}, "schedule": "cosine", "clip_norm": 1.0},
}

PLAIN = {
    "name": "plain",
    "input": [6],
    "encoder": [{"dense": 4}],
    "decoder": "mirror",
    "training": {"optimizer": {"sgd": 0.05}, "epochs": 3, "batch_size": 16, "seed": 5, "validation_split": 0.2},
}


def samples(count=800):
    rng = np.random.default_rng(0)
    x = np.tanh(rng.normal(size=(count, 2)) @ rng.normal(size=(2, 6))) + 0.3 * rng.normal(size=(count, 6))
    return x.astype("float32")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with the data and no run."""
    monkeypatch.chdir(tmp_path)
    np.save("data.npy", samples())


def aespec_(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def begin(spec, *args, backend="torch", folder=RUN):
    Path("spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    return ["train", "spec.yaml", "--backend", backend, "--data", "data.npy", "-o", folder, *args]


def done(result, code=0):
    assert result.exit_code == code, result.output
    return result


def outcome(folder=RUN):
    """The final weights to the bit, and the history but for the time that epochs took."""
    history = [{name: text for name, text in row.items() if name != "seconds"} for row in rows(folder)]
    return {name: value.tobytes() for name, value in weights.read(folder / "weights.safetensors").items()}, history


def rows(folder=RUN):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def column(name, folder=RUN):
    return [float(row[name]) for row in rows(folder)]


def files(folder=RUN):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- processes that are killed -----------------------------------------------------------------------------------------


@contextmanager
def started(*args, pause=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    """The command in a process of its own; with another pause between checkpoints, or other streams than pipes."""
    command = ["-m", "aespec"]
    if pause is not None:
        command = ["-c", f"from aespec import checkpoint, cli; checkpoint.PAUSE = {pause}; cli.main()"]
    pipes = {"stdout": stdout, "stderr": stderr, "text": True}
    # What a shell starts in the background ignores SIGINT, and so does all that it starts.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen([sys.executable, *command, *map(str, args)], **pipes) as process:
        signal.signal(signal.SIGINT, heard)
        try:
            yield process
        finally:
            process.kill()


def until(process, text, times=1):
    """Wait for a line with a text, so many times."""
    for line in process.stdout:
        times -= bool(re.search(text, line))
        if not times:
            return
    pytest.fail(f"it ended before: {process.stderr.read()}")


EPOCH = r"\bepoch +\d+/\d+ "


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


# -- interruptions at every place --------------------------------------------------------------------------------------


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


# -- from one backend to another ---------------------------------------------------------------------------------------

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


# -- interruptions that code in C loses --------------------------------------------------------------------------------


def lost(number=signal.SIGINT):
    """Ctrl-C in code that Python calls, which drops the exception, as imports of frameworks do now and then."""
    with suppress(KeyboardInterrupt):
        signal.raise_signal(number)


IMPORT = aespec.AespecError(Diagnostic(BackendUnavailable, "`torch` of package `aespec` cannot be imported"))


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("module 'numpy._core' has no attribute '_multiarray_umath'"),
        IMPORT,
    ],
)
def test_an_interruption_of_which_an_import_makes_another_error_is_told_as_one(error, monkeypatch):
    def imported(*_, **__):
        lost()
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("aespec.course.build", imported)
        assert done(aespec_(*begin(PLAIN)), 130).stderr == "\ninterrupted\n"
    done(aespec_(*begin(PLAIN)))


@pytest.mark.parametrize("error", [RuntimeError("initialization failed"), IMPORT, None])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_that_is_lost_ends_training_all_the_same(number, error, monkeypatch):
    done(aespec_(*begin(PLAIN, folder="straight")))
    counts, real = [], Progress.epoch

    def epoch(self, epoch):
        counts.append(epoch)
        if len(counts) == 2:
            lost(number)
            if error is not None:
                raise error
        real(self, epoch)

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "epoch", epoch)
        stopped = done(aespec_(*begin(PLAIN)), 130)
    assert "interrupted: run has a checkpoint after 2 epochs; `aespec train --resume run` goes on" in stopped.stderr
    done(aespec_("train", "--resume", RUN))
    assert outcome() == outcome(Path("straight"))


def test_a_disk_that_is_full_when_training_is_interrupted_is_told(monkeypatch):
    def epoch(_, epoch):
        if epoch.number == 2:  # whose checkpoint waits to be written
            monkeypatch.setattr(os, "fsync", full)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "epoch", epoch)
    stopped = done(aespec_(*begin(PLAIN)), 1)
    assert "error[E505]: run cannot be written" in stopped.stderr
    assert "goes on from it" in stopped.stderr


def test_an_interruption_of_the_report_says_that_the_run_is_finished(monkeypatch):
    def report(*_):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("aespec.report.report.report", report)
    stopped = done(aespec_(*begin(PLAIN)), 130)
    assert stopped.stderr == "\ninterrupted: run is finished; `aespec report run` writes its report\n"
    assert json.loads((RUN / "run.json").read_text())["final"]


@pytest.mark.parametrize(
    ("command", "first", "more"),
    [
        ("train", "aespec.course.build", []),
        ("oneclass", "aespec.data.load_for", ["--classes", "0,3"]),
        ("sweep", "aespec.sweep.folder.begin", ["--vary", "training.batch_size=16,32"]),
    ],
)
def test_an_interruption_that_is_lost_ends_every_command_that_takes_long(command, first, more, monkeypatch):
    """It comes in the first thing that each of them does."""
    spec = {**PLAIN, "input": [8, 8], "encoder": ["flatten", *PLAIN["encoder"]]}
    args = [*begin(spec)[1:4], "--data", "digits", "--set", "training.epochs=1", *more]
    home, _, name = first.rpartition(".")
    real = getattr(import_module(home), name)
    monkeypatch.setattr(first, lambda *args, **kwargs: lost() or real(*args, **kwargs))
    assert "interrupted" in done(aespec_(command, *args), 130).stderr


def test_training_in_a_thread_leaves_signals_alone():
    found = []
    thread = Thread(target=lambda: found.append(aespec_(*begin(PLAIN))))
    thread.start()
    thread.join()
    done(*found)


def test_ctrl_c_stays_ignored_where_it_was(monkeypatch):
    """As below nohup, or in the background of a script."""
    monkeypatch.setattr(Progress, "epoch", lambda *_: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done(aespec_(*begin(PLAIN)))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.setattr(Progress, "epoch", lambda *_: None)
    done(aespec_(*begin(PLAIN, "--force")))
    assert signal.getsignal(signal.SIGINT) is before


# -- disks and folders -------------------------------------------------------------------------------------------------


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_finished_run_that_trained_on_and_was_cut_off_is_told_how_to_be_finished_again(monkeypatch):
    done(aespec_(*begin(PLAIN, "--epochs", 3)))
    before = outcome()
    done(aespec_("train", "--resume", RUN, "--epochs", 6, "--learning-rate", 1e30), 1)
    stopped = done(aespec_("reconstruct", RUN), 1)
    assert "with `--epochs 3` added it ends there, with the model of that epoch" in stopped.stderr
    done(aespec_("train", "--resume", RUN, "--epochs", 3))
    assert outcome()[0] == before[0]


def test_a_disk_that_is_full_ends_the_run_with_a_checkpoint_to_go_on_from(monkeypatch):
    done(aespec_(*begin(PLAIN, "--epochs", 5, folder="straight")))
    monkeypatch.setattr(checkpoint, "PAUSE", 0.0)
    calls, real = [], os.fsync

    def fsync(descriptor):
        calls.append(descriptor)
        return real(descriptor) if len(calls) <= 2 else full()

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        stopped = done(aespec_(*begin(PLAIN, "--epochs", 5)), 1)
    assert "error[E505]: run cannot be written" in stopped.stderr
    assert "No space left on device" in stopped.stderr
    assert len(read(RUN).epochs) == 2
    assert "; run has a checkpoint after 2 epochs; `aespec train --resume run` goes on from it" in stopped.stderr
    assert len(calls) == 3, "what could not be written is not tried again"
    done(aespec_("train", "--resume", RUN))
    assert outcome() == outcome(Path("straight"))


def test_a_disk_that_is_full_before_the_first_checkpoint_is_told_with_how_to_go_on(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        stopped = done(aespec_(*begin(PLAIN, "--epochs", 2)), 1)
    assert "error[E505]: run cannot be written" in stopped.stderr
    assert "; run has no checkpoint yet; the same command begins again" in stopped.stderr
    done(aespec_(*begin(PLAIN, "--epochs", 2)))


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_disk_that_is_full_under_what_is_printed_ends_no_training(terminal, unbuffered, form, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    ours, its = os.openpty() if terminal else os.pipe()
    with Path("/dev/full").open("w") as nowhere:
        args = begin(PLAIN, "--epochs", 3, "--format", form)
        with started(*args, stdout=nowhere, stderr=its) as process:
            os.close(its)
            said = b""
            with suppress(OSError):  # of a terminal that the other side has left
                while more := os.read(ours, 1000):
                    said += more
            os.close(ours)
            process.wait(timeout=120)
    assert process.returncode == 0, said
    assert said.count(b"warning: stdout cannot be written (No space left on device); this goes on without it") == 1
    assert b"rror" not in said
    assert len(read(RUN).epochs) == 3
    assert json.loads((RUN / "run.json").read_text())["final"]


def test_a_training_that_can_print_nowhere_goes_on():
    args = begin(PLAIN, "--epochs", 3)
    with Path("/dev/full").open("w") as nowhere, started(*args, stdout=nowhere, stderr=nowhere) as process:
        process.wait(timeout=120)
    assert json.loads((RUN / "run.json").read_text())["final"]


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&- <&-"])
def test_a_training_without_stdout_or_stderr_goes_on(closed):
    line = shlex.join([sys.executable, "-m", "aespec", *map(str, begin(PLAIN))])
    assert subprocess.run(["bash", "-c", f"{line} {closed}"], check=False).returncode == 0
    assert json.loads((RUN / "run.json").read_text())["final"]


def test_an_error_without_stderr_is_no_other():
    line = shlex.join([sys.executable, "-m", "aespec", "validate", "none.yaml"])
    assert subprocess.run(["bash", "-c", f"{line} 2>&-"], check=False).returncode == 1


def test_a_report_that_finds_no_room_is_told_with_how_to_write_it(monkeypatch):
    monkeypatch.setattr("aespec.report.report.write_text", full)
    ended = done(aespec_(*begin(PLAIN, "--report")))
    assert "no report: run cannot be written; `aespec report run` tries again" in ended.stdout


def test_a_training_whose_first_line_nobody_reads_says_so():
    with started(*begin(PLAIN, "--epochs", 3)) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert said == "stopped, for nobody reads what is printed: the same command tries it again\n"
    done(aespec_(*begin(PLAIN, "--epochs", 3)))


def test_a_training_that_nobody_reads_ends_with_how_to_go_on():
    done(aespec_(*begin(PLAIN, "--epochs", 400, folder="straight")))
    with started(*begin(PLAIN, "--epochs", 400)) as process:
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)  # too short for all lines: it waits, however slow we are
        until(process, EPOCH, 4)
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=60)
    assert process.returncode == 1
    epochs = len(read(RUN).epochs)
    assert said == (
        "stopped, for nobody reads what is printed: "
        f"run has a checkpoint after {epochs} epochs; `aespec train --resume run` goes on from it\n"
    )
    done(aespec_("train", "--resume", RUN))
    assert outcome() == outcome(Path("straight"))


@pytest.mark.parametrize("where", ["history.csv", "weights.safetensors.part", "run.json.part"])
def test_a_disk_that_is_full_for_another_file_is_the_same(where, monkeypatch):
    """The history, the final weights, the final record: each is refused by a device that is full."""
    done(aespec_(*begin(PLAIN, "--epochs", 5, folder="straight")))
    real = Path.open if where == "history.csv" else Path.write_bytes if "weights" in where else Path.write_text
    calls = []

    def refused(path, *args, **kwargs):
        calls.append(path.name)
        if path.name == where and calls.count(where) == 1 + (where == "run.json.part"):
            path = Path("/dev/full")
        return real(path, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Path, real.__name__, refused)
        stopped = done(aespec_(*begin(PLAIN, "--epochs", 5)), 1)
    assert "error[E505]: run cannot be written" in stopped.stderr
    assert "No space left on device" in stopped.stderr
    done(aespec_("train", "--resume", RUN))
    assert outcome() == outcome(Path("straight"))
    assert not (RUN / ".unfinished").exists()
    assert json.loads((RUN / "run.json").read_text())["final"]


@pytest.mark.parametrize("first", ["filelock.FileLock.acquire", "pathlib.Path.touch"])
def test_a_run_that_cannot_be_written_when_it_goes_on_is_told_how_to_go_on(first, monkeypatch):
    done(aespec_(*begin(PLAIN, "--epochs", 2)))
    before = outcome()
    with monkeypatch.context() as patched:
        patched.setattr(first, lambda *args, **kwargs: full())  # the lock, or what is written behind it
        stopped = done(aespec_("train", "--resume", RUN, "--epochs", 3), 1)
    assert "error[E505]: run cannot be written" in stopped.stderr
    assert "there; the same command goes on then" in stopped.stderr
    assert "-o" not in stopped.stderr
    assert outcome() == before


def test_a_folder_that_may_not_be_written_is_refused_before_training():
    Path("file").write_text("mine")
    for folder in ("file", "file/run", "/proc/run"):
        refused = done(aespec_(*begin(PLAIN, folder=folder)), 1)
        assert f"error[E505]: {folder} cannot be written" in refused.stderr
        assert "epoch" not in refused.stdout
    assert Path("file").read_text() == "mine"


def test_a_file_in_the_way_of_the_checkpoints_is_said_to_be_there():
    done(aespec_(*begin(PLAIN)))
    (RUN / FILE).unlink()
    (RUN / FILE).parent.rmdir()
    (RUN / FILE).parent.write_text("mine")
    refused = done(aespec_(*begin(PLAIN, "--force")), 1)
    assert "error[E505]: run cannot be written" in refused.stderr
    assert "a file that stands in its way" in refused.stderr
    assert (RUN / FILE).parent.read_text() == "mine"


def test_a_folder_that_is_taken_away_ends_the_run_in_words(monkeypatch):
    monkeypatch.setattr(checkpoint, "PAUSE", 0.0)
    monkeypatch.setattr(
        "aespec.cli.progress.Progress.epoch", lambda self, epoch: epoch.number == 2 and RUN.rename("elsewhere")
    )
    stopped = done(aespec_(*begin(PLAIN)), 1)
    assert "error[E505]: run cannot be written" in stopped.stderr
    assert len(read(Path("elsewhere")).epochs) == 2
    monkeypatch.undo()


# -- losses that are no numbers ----------------------------------------------------------------------------------------


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


# -- what is refused ---------------------------------------------------------------------------------------------------


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


def test_data_to_validate_on_may_have_moved():
    np.save("held.npy", samples(50))
    done(aespec_(*begin(PLAIN, "--validation-data", "held.npy", "--validation-split", "0")))
    Path("held.npy").rename("moved.npy")
    refused = done(aespec_("train", "--resume", RUN, "--epochs", 4), 1)
    assert "`--validation-data FILE`" in refused.stderr
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
    name = args[0].lstrip("-").replace("o", "out", 1) if args[0] == "-o" else args[0].lstrip("-")
    assert f"'{name.replace('.yaml', '')}' cannot be changed in a run that goes on" in refused.stderr
    assert "'--epochs', '--learning-rate', '--backend' and '--data' can." in refused.stderr
    assert files() == before


@pytest.fixture
def finished():
    """A finished run of three epochs."""
    done(aespec_(*begin(PLAIN)))


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
    assert files() == before


def interrupt():
    raise KeyboardInterrupt


# -- phases ------------------------------------------------------------------------------------------------------------

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
    assert "help: `--epochs 4` trains on\n" in refused.stderr
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


# -- names -------------------------------------------------------------------------------------------------------------


def test_a_command_that_is_advised_is_one_where_the_folder_has_a_space(monkeypatch):
    folder = Path("a run")
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "epoch", lambda *_: interrupt())
        stopped = done(aespec_(*begin(PLAIN, folder=folder)), 130)
    assert "`aespec train --resume 'a run'` goes on from it" in stopped.stderr
    assert "`aespec train --resume 'a run'` goes on with it" in done(aespec_("reconstruct", folder), 1).stderr
    assert "`aespec train --resume 'a run'`, or begin again" in done(aespec_(*begin(PLAIN, folder=folder)), 1).stderr
    ended = done(aespec_("train", "--resume", folder, "--no-report"))
    assert "`aespec reconstruct 'a run'` draws what it learnt" in ended.stdout
    wild = aespec_("train", "--resume", folder, "--epochs", 6, "--learning-rate", 1e30)
    assert "`aespec train --resume 'a run' --learning-rate X`" in done(wild, 1).stderr


def test_data_that_was_found_by_way_of_a_folder_that_moves_is_found_again(monkeypatch):
    Path("here").mkdir()
    Path("parts").mkdir()
    Path("data.npy").rename("parts/data.npy")
    for data in ("../parts/data.npy", "../parts/../parts"):
        with monkeypatch.context() as patched:
            patched.chdir("here")
            done(aespec_(*begin(PLAIN, "--data", data, "--force")))
        Path("here").rename("there")
        done(aespec_("train", "--resume", "there/run", "--epochs", 4))
        Path("there").rename("here")


def test_data_below_a_link_is_found_where_the_link_leads_now():
    Path("v1").mkdir()
    Path("data.npy").rename("v1/data.npy")
    Path("now").symlink_to("v1")
    done(aespec_(*begin(PLAIN, "--data", "now/data.npy")))
    Path("v1").rename("v2")
    Path("now").unlink()
    Path("now").symlink_to("v2")
    done(aespec_("train", "--resume", RUN, "--epochs", 4))


@pytest.mark.parametrize("name", ["bad\udcff.npy", "bad\udcff/data.npy", "here"])
def test_data_whose_path_cannot_be_written_down_is_refused(name, monkeypatch):
    if name == "here":
        Path("bad\udcff").mkdir()
        monkeypatch.chdir("bad\udcff")
        name = "data.npy"
    Path(name).parent.mkdir(exist_ok=True)
    np.save(name, samples())
    refused = done(aespec_(*begin(PLAIN, "--data", name)), 1)
    assert "error[E404]" in refused.stderr
    assert "got: a path that is not UTF-8" in refused.stderr
    assert not RUN.exists()


@pytest.mark.parametrize("name", ["loop/data.npy", "loop/../data.npy", "~nobody-of-that-name/data.npy", ""])
def test_data_that_is_nowhere_is_told(name):
    Path("loop").symlink_to("loop")
    refused = done(aespec_(*begin(PLAIN, "--data", name)), 1)
    assert "error[E40" in refused.stderr
    assert not RUN.exists()


@pytest.mark.parametrize("target", ["link", "gone"])
def test_a_link_that_leads_nowhere_among_the_files_of_a_folder_is_passed_over(target):
    Path("parts").mkdir()
    Path("data.npy").rename("parts/data.npy")
    Path("parts/link").symlink_to(target)
    done(aespec_(*begin(PLAIN, "--data", "parts")))


def test_a_run_without_a_checkpoint_begins_again(monkeypatch):
    done(aespec_(*begin(STATEFUL, "--epochs", 3, folder="straight")))
    with monkeypatch.context() as patched:
        patched.setattr("aespec.cli.progress.Progress.tick", lambda *_: interrupt())
        cut = done(aespec_(*begin(STATEFUL, "--epochs", 3)), 130)
    assert not exists(RUN)
    assert "interrupted: run has no checkpoint yet; the same command begins again" in cut.stderr
    assert "  goes on after 0 epochs" in done(aespec_("train", "--resume", RUN)).stdout.splitlines()
    assert outcome() == outcome(Path("straight"))


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
