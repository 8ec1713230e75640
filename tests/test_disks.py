"""Disks without room, folders that may not be written, and streams that nobody reads."""

import fcntl
import json
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from command import EPOCH, aespec_, done, started, until
from runs import PLAIN, RUN, begin, full, outcome

from aespec import checkpoint
from aespec.checkpoint import FILE, read

pytestmark = pytest.mark.usefixtures("here")


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
