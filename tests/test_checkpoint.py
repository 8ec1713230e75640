"""Checkpoints: whole or not there, whatever happens while one is written; and a folder for one process alone."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import aespec
from aespec import checkpoint
from aespec.checkpoint import FILE, Checkpoint, Keeper, busy, exists, locked, read
from aespec.training import Epoch, State

SPEC = {"name": "small", "input": {"shape": [3]}}


def after(epochs, *, stage=0, past=0):
    """A checkpoint after some epochs, all of its numbers telling how many those are."""
    told = tuple(
        Epoch(
            i + 1, {"mse": 1 / 3 + i, "total": 1e-300}, {"total": 0.1 + i}, 0.25, 0.001, "encoder/dense_1" * (i < past)
        )
        for i in range(epochs)
    )
    weights = {
        "encoder/dense_1/kernel": np.full((3, 2), epochs / 7, "float64"),
        "encoder/dense_1/bias": np.full(2, epochs, "float32"),
    }
    optimizer = {
        "steps": np.asarray(epochs, "int64"),
        "product": np.asarray(0.9**epochs),
        "encoder/dense_1/kernel/momentum": np.asfortranarray(np.arange(6.0).reshape(3, 2)),
    }
    best = {name: value + 1 for name, value in weights.items()}
    whole = {"decoder/dense_1/bias": np.full(4, epochs, "float32")}
    return Checkpoint(stage, told[:past], whole, State(told[past:], weights, optimizer, best))


def same(one, other):
    return one.keys() == other.keys() and all(
        (value.dtype, value.shape, value.tobytes()) == (other[name].dtype, other[name].shape, other[name].tobytes())
        for name, value in one.items()
    )


@pytest.fixture
def written(tmp_path):
    """A folder with a checkpoint after 3 epochs."""
    keeper = Keeper(tmp_path, SPEC)
    keeper.keep(after(3))
    return tmp_path


def test_what_is_read_is_what_was_written_to_the_bit(tmp_path):
    given = after(5, stage=1, past=2)
    Keeper(tmp_path, SPEC).keep(given)
    found = read(tmp_path)
    assert (found.stage, found.past, found.state.epochs) == (given.stage, given.past, given.state.epochs)
    assert found.epochs == given.epochs
    assert found.spec == SPEC
    assert same(found.weights, {**given.weights, **given.state.weights}), "the whole model's, the stage's among them"
    assert same(found.state.weights, found.weights)
    assert same(found.state.optimizer, given.state.optimizer)
    assert same(found.state.best, given.state.best)


def test_a_checkpoint_is_written_at_once_then_at_most_each_pause_and_at_the_end(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    keeper, seen = Keeper(tmp_path, SPEC), []
    for epoch, at in enumerate((100.0, 100.2, 100.4, 100.6, 100.7), 1):
        now[0] = at
        keeper.keep(after(epoch))
        seen.append(len(read(tmp_path).epochs))
    assert seen == [1, 1, 1, 4, 4]
    keeper.flush()
    assert len(read(tmp_path).epochs) == 5
    (tmp_path / FILE).unlink()
    keeper.flush()
    assert not exists(tmp_path), "what is written is not written again"


WRITING = """
import os, resource, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_checkpoint import SPEC, Keeper, after

def fatal(*args):
    os.kill(os.getpid(), signal.SIGKILL)

match sys.argv[3]:
    case "half":  # the kernel ends the process where a file grows beyond a page
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
    case "full":  # or, where that signal is ignored, writes what fits and refuses the rest
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
    case "unsafe":
        os.fsync = fatal
    case "unnamed":
        Path.replace = fatal
Keeper(Path(sys.argv[2]), SPEC).keep(after(40))
"""


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("half", -signal.SIGXFSZ),
        ("full", 1),
        ("unsafe", -signal.SIGKILL),
        ("unnamed", -signal.SIGKILL),
        ("never", 0),
    ],
)
def test_a_write_that_is_cut_off_leaves_the_checkpoint_before_it_whole(moment, end, written):
    before = (written / FILE).read_bytes()
    command = [sys.executable, "-c", WRITING, str(Path(__file__).parent), str(written), moment]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == end, done.stderr
    if end:
        assert (written / FILE).read_bytes() == before
        assert moment != "full" or "File too large" in done.stderr
    Keeper(written, SPEC).keep(after(4 + bool(not end)))
    assert len(read(written).epochs) == 4 + bool(not end)
    assert [path.name for path in (written / FILE).parent.iterdir()] == [FILE.name], "nothing half written stays"


def test_a_full_disk_is_not_filled_further_by_what_could_not_be_written(written, monkeypatch):
    """What was written of it is taken away again, and not tried again at the end; when there is room, the next is."""
    tried = []

    def full(descriptor):
        tried.append(descriptor)
        raise OSError(errno.ENOSPC, "No space left on device")

    before, keeper = (written / FILE).read_bytes(), Keeper(written, SPEC)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            keeper.keep(after(4))
        keeper.flush()
    assert len(tried) == 1
    assert (written / FILE).read_bytes() == before
    assert [path.name for path in (written / FILE).parent.iterdir()] == [FILE.name]
    keeper.keep(after(5))
    assert len(read(written).epochs) == 5


def test_a_write_that_is_interrupted_is_made_up_for_at_the_end(written, monkeypatch):
    def interrupted(descriptor):
        raise KeyboardInterrupt

    keeper = Keeper(written, SPEC)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            keeper.keep(after(4))
    keeper.flush()
    assert len(read(written).epochs) == 4


def _without(name):
    """Take a field away from where the run is."""

    def spoil(path):
        tensors = load_file(path)
        with safe_open(path, "numpy") as file:
            position = json.loads(file.metadata()["aespec"])
        position.pop(name, None)
        position["epochs"] = [{k: v for k, v in epoch.items() if k != name} for epoch in position.get("epochs", [])]
        save_file(tensors, path, {"aespec": json.dumps(position)})

    return spoil


DAMAGE = {
    "no file": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "cut off in its header": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "zeros": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "no safetensors": lambda path: path.write_bytes(b"x" * 200),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "weights alone": lambda path: save_file({"w": np.zeros(2)}, path),
    "another header": lambda path: save_file({"w": np.zeros(2)}, path, {"aespec": "[]"}),
    "a header that is no JSON": lambda path: save_file({"w": np.zeros(2)}, path, {"aespec": "{"}),
    "no stage": _without("stage"),
    "no losses": _without("losses"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_refused_by_name(damage, written):
    DAMAGE[damage](written / FILE)
    with pytest.raises(aespec.AespecError) as caught:
        read(written)
    (problem,) = caught.value.diagnostics
    assert problem.rule.code == "E501"
    assert problem.wanted == f"the checkpoint {written / FILE}"
    assert (problem.got == "no such file") == (damage == "no file")
    assert "--force" in problem.help
    assert exists(written) == (damage not in ("no file", "a folder"))


def test_a_checkpoint_of_an_older_version_has_no_phases(written):
    """A field with a default may be missing: an epoch that says nothing of its phase is one of the whole."""
    _without("phase")(written / FILE)
    assert read(written).epochs == tuple(replace(epoch, phase="") for epoch in after(3).epochs)


# -- the lock ----------------------------------------------------------------------------------------------------------

HOLDING = """
import sys, time
from pathlib import Path
from aespec.checkpoint import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_for_one_process_until_that_ends_however_it_ends(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            with pytest.raises(aespec.AespecError) as caught, locked(tmp_path):
                pytest.fail("the lock is held")
            (problem,) = caught.value.diagnostics
            assert problem.rule.code == "E506"
            assert str(tmp_path) in problem.message
            assert problem.got == f"the lock {tmp_path / checkpoint.LOCK} is held"
            assert busy(tmp_path)
            assert other.poll() is None
        finally:
            other.kill()
        other.wait()
    assert (tmp_path / checkpoint.LOCK).exists(), "the file of a process that was killed stays, and is no obstacle"
    assert not busy(tmp_path)
    with locked(tmp_path):
        pass


def test_a_folder_without_a_lock_is_nobodys(tmp_path):
    assert not busy(tmp_path)
    assert not any(tmp_path.iterdir()), "nothing is left by looking"


def test_the_lock_is_given_back_when_training_fails(tmp_path):
    for _ in range(2):
        with pytest.raises(ValueError, match="in training"), locked(tmp_path):
            raise ValueError("in training")
