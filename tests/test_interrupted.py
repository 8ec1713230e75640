"""Interruptions that code in C loses, or of which it makes another error: they end a command all the same."""

import json
import os
import signal
from importlib import import_module
from pathlib import Path
from threading import Thread

import pytest
from command import aespec_, done, lost
from runs import PLAIN, RUN, begin, full, outcome

import aespec
from aespec.cli.progress import Progress
from aespec.diagnostics import Diagnostic
from aespec.rules import BackendUnavailable

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(autouse=True)
def usual():
    """Signals as in a new process: Ray, where another test began it in this one, answers some of them itself."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


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
