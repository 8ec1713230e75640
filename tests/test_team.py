"""Several processes that train one model together: the same losses as one process alone."""

import csv
import json
import os
import re
import socket
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import aespec
from aespec.cli import main
from aespec.diagnostics import AespecError
from aespec.launchers import TF_CONFIG, TORCHRUN, started_by
from aespec.registry import find_backend

ALONE = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "TF_CONFIG")

# All that looks at a batch as a whole: its moments, its mean activation; noise that comes from the core; 41 samples to
# train on, so that the last batch of 8 is one that only one process has a sample of.
SPEC = """\
name: shared
input: {shape: [6], range: [0, 1]}
encoder:
  - dense: {units: 5, activation: tanh, kernel_regularizer: {l2: 0.01}}
  - batch_normalization
  - gaussian_noise: 0.1
  - dense: {units: 3, activation: sigmoid, activity_regularizer: {kl_divergence: {target: 0.1, weight: 0.5}}}
decoder: mirror
loss: binary_crossentropy
training:
  {optimizer: {adam: 0.01}, epochs: 3, batch_size: 8, randomness: shared, clip_norm: 1.0, early_stopping: 2, ema: 0.5}
"""


OTHERS = {
    "convolutional": """\
input: [8, 8, 1]
encoder: [{conv2d: {filters: 3, kernel_size: 3, padding: same, activation: selu}}, max_pool2d, flatten, {dense: 4}]
decoder: mirror
training: {optimizer: {nadam: 0.01}, epochs: 2, batch_size: 8, compile: "on"}
""",
    "recurrent": """\
input: [5, 3]
encoder: [{lstm: {units: 4, return_sequences: true}}, {gru: 3}]
decoder: [{repeat_vector: 5}, {bidirectional: {layer: {lstm: {units: 3, return_sequences: true}}, merge_mode: sum}}]
training: {optimizer: {rmsprop: 0.01}, epochs: 2, batch_size: 8, validation_split: 0.2, schedule: {cosine: 1}}
""",
    "variational": """\
input: {shape: [6], range: [0, 1]}
encoder: [{dense: {units: 5, activation: relu}}, {gaussian_latent: 2}]
decoder: [{dense: {units: 5, activation: relu}}, {dense: 6}]
training: {optimizer: {adamw: 0.01}, epochs: 2, batch_size: 8, randomness: shared}
""",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shared.yaml").write_text(SPEC)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((46, 6), dtype="float32"))
    return tmp_path


@pytest.fixture(params=OTHERS)
def other_folder(request, tmp_path):
    (tmp_path / "shared.yaml").write_text(OTHERS[request.param])
    shape = aespec.load(tmp_path / "shared.yaml").input.shape
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((46, *shape), dtype="float32"))
    return tmp_path


def train(folder, backend, out, *more, launcher=(), script=None, **environment):
    program = [script] if script else ["-m", "aespec"]
    command = [*launcher, *program, *("train", "shared.yaml", "--backend", backend, "--data", "x.npy", "-o", out)]
    command += more
    clean = {name: value for name, value in os.environ.items() if name not in ALONE}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**clean, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*processes):
    """What each wrote to its stdout, once all have ended well."""
    found = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), found
    return [out for out, _ in found]


def history(run):
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name not in ("phase", "seconds")}


def same(run, other):
    one, two = history(run), history(other)
    assert list(one) == list(two)
    for name in one:
        assert two[name] == pytest.approx(one[name], rel=1e-5), name


TOLD = {
    (): "",
    ("--window", "16"): "  each process reads a shard of its own\n",
    ("--window", "16", "--batch-size", "7"): "  each process reads all of the data\n",
}
"""What is said of who reads what, with these options."""


@pytest.mark.parametrize("more", TOLD, ids=["resident", "sharded", "read by each"])
def test_two_torch_processes_are_as_one(more, folder):
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d")
    finish(train(folder, "torch", "one", *more))
    (said,) = finish(train(folder, "torch", "two", *more, launcher=(*torchrun, "--rdzv-endpoint", "localhost:0")))
    same(folder / "one", folder / "two")
    assert f"  steps shared by 2 processes (gloo)\n{TOLD[more]}" in said
    assert said.count("epoch 1/3") == 1, "only one of them speaks"
    assert json.loads((folder / "two" / "run.json").read_text())["final"]


def test_two_torch_processes_are_as_one_with_other_layers(other_folder):
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d")
    finish(train(other_folder, "torch", "one"))
    (said,) = finish(train(other_folder, "torch", "two", launcher=(*torchrun, "--rdzv-endpoint", "localhost:0")))
    same(other_folder / "one", other_folder / "two")
    asked = 'compile: "on"' in (other_folder / "shared.yaml").read_text()
    assert ("steps shared by 2 processes (gloo), not compiled, though the plan says so" in said) == asked


def told_by_the_other(processes, gone):
    """Once the first has trained three epochs one of two is killed: what the other says."""
    for line in processes[0].stdout:
        if re.match(r"epoch +3/", line):
            processes[gone].kill()
            break
    told = processes[1 - gone].communicate(timeout=240)[1]
    processes[gone].communicate()
    assert processes[1 - gone].returncode == 1
    assert "error[E307]: the processes that train together lost one of them" in told
    assert re.search(r"start all of them again with `--resume two`, or one alone", told)
    return told


@pytest.mark.parametrize("gone", [0, 1])
def test_a_process_that_is_gone_is_told_and_the_run_goes_on(gone, folder):
    (port,) = ports(1)
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    longer = ("--epochs", "400", "--early-stopping", "400")
    told_by_the_other(
        [train(folder, "torch", "two", *longer, RANK=str(rank), **shared) for rank in (0, 1)],
        gone,
    )
    command = [sys.executable, "-m", "aespec", "train", "--resume", "two", "--quiet"]
    subprocess.run(command, cwd=folder, check=True, timeout=240)
    assert len(history(folder / "two")["epoch"]) == 400


def resumed(folder, *processes, run):
    """A run that goes on for two epochs in these processes, each started with an environment of its own."""
    clean = {name: value for name, value in os.environ.items() if name not in ALONE}
    command = [sys.executable, "-m", "aespec", "train", "--resume", run, "--epochs", "5", "--no-report"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    finish(*(subprocess.Popen(command, cwd=folder, env={**clean, **own}, **pipes) for own in processes))


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_run_of_one_process_goes_on_in_two(backend, folder):
    """As it goes on in one, from three epochs to five."""
    one, two = ports(2)
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(one)}
    workers = [f"localhost:{port}" for port in (one, two)]
    started = {
        "torch": [{**shared, "RANK": str(rank)} for rank in (0, 1)],
        "keras": [
            {"TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}})}
            for i in (0, 1)
        ],
    }
    for run in ("one", "two"):
        finish(train(folder, backend, run, "--no-report", "--early-stopping", "9"))
    resumed(folder, {}, run="one")
    resumed(folder, *started[backend], run="two")
    assert len(history(folder / "two")["epoch"]) == 5
    same(folder / "one", folder / "two")
    record = json.loads((folder / "two" / "run.json").read_text())
    assert [(each["backend"], each["epochs"]) for each in record["earlier"]] == [(backend, 3)]


@pytest.mark.parametrize("gone", [0, 1])
def test_a_worker_that_is_gone_is_told(gone, folder):
    workers = [f"localhost:{port}" for port in ports(2)]
    configs = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}} for i in (0, 1)]
    longer = ("--epochs", "4000", "--early-stopping", "4000")
    two = [train(folder, "keras", "two", *longer, TF_CONFIG=json.dumps(config)) for config in configs]
    assert "defined at" not in told_by_the_other(two, gone)


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    ("other", "what"),
    [
        (("--learning-rate", "0.1"), "the same spec"),
        (("--data", "y.npy"), "the same data"),
        (("--data", "y.npy", "--seed", "5"), "the same spec and the same data"),
    ],
)
def test_processes_that_are_given_other_things_are_refused(backend, other, what, folder):
    """They would train a model that is none of what they were given, and say nothing."""
    np.save(folder / "y.npy", np.load(folder / "x.npy")[:40])
    one, two = ports(2)
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(one)}
    cluster = {"worker": [f"localhost:{port}" for port in (one, two)]}
    processes = []
    for rank, more in enumerate(((), other)):
        config = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": rank}})}
        own = {**shared, "RANK": str(rank)} if backend == "torch" else config
        processes.append(train(folder, backend, "two", *more, **own))
    told = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [1, 1]
    for text in told:
        assert "error[E306]: the processes that are to train together were not given the same" in text
        assert f"wanted: {what} in each of the 2" in text
        assert "got: another in process 1 than in process 0" in text
    assert not (folder / "two" / "history.csv").exists()


def test_a_process_says_that_it_waits_for_others(folder):
    (port,) = ports(1)
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    alone = train(folder, "torch", "two", RANK="0", **shared)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            alone.communicate(timeout=12)
    finally:
        alone.kill()
    assert "it waits until all of them are there" in alone.communicate()[1]


def test_what_else_goes_wrong_in_a_team_is_no_loss_of_a_process():
    for backend in ("torch", "keras"):
        assert not find_backend(backend).lost(ValueError("a plain bug"))
        assert not find_backend(backend).lost(RuntimeError("a plain bug"))


def ports(count):
    """Ports on this machine that nobody uses."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


@pytest.mark.parametrize("more", TOLD, ids=["resident", "sharded", "read by each"])
def test_two_tensorflow_workers_are_as_one(more, folder):
    workers = [f"localhost:{port}" for port in ports(2)]
    configs = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}} for i in (0, 1)]
    two = [train(folder, "keras", "two", *more, TF_CONFIG=json.dumps(config)) for config in configs]
    first, second = finish(*two)
    finish(train(folder, "keras", "one", *more))
    same(folder / "one", folder / "two")
    assert f"  steps shared by 2 replicas in 2 processes\n{TOLD[more]}" in first
    assert second == "", "only one of them speaks"


def test_two_tensorflow_workers_are_as_one_with_other_layers(other_folder):
    workers = [f"localhost:{port}" for port in ports(2)]
    configs = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}} for i in (0, 1)]
    two = [train(other_folder, "keras", "two", TF_CONFIG=json.dumps(config)) for config in configs]
    said, _ = finish(*two)
    finish(train(other_folder, "keras", "one"))
    same(other_folder / "one", other_folder / "two")
    asked = 'compile: "on"' in (other_folder / "shared.yaml").read_text()
    assert ("steps shared by 2 replicas in 2 processes, not compiled, though the plan says so" in said) == asked


CLUSTER = '{"cluster": {"worker": ["a:4000", "b:4000"]}, "task": {"type": "worker", "index": 0}}'
ONE = CLUSTER.replace(', "b:4000"', "")
STARTED = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "4000"}


@pytest.mark.parametrize(
    ("backend", "environment", "message", "got"),
    [
        ("keras", {"TF_CONFIG": "{bad"}, "`TF_CONFIG` is not JSON", '"{bad": Expecting property name'),
        ("keras", {"TF_CONFIG": "[1]"}, "`TF_CONFIG` names no cluster", "[1]"),
        ("keras", {"TF_CONFIG": '{"cluster": {"worker": "a:1"}}'}, "`TF_CONFIG` names no cluster", "a:1"),
        (
            "keras",
            {"TF_CONFIG": CLUSTER.replace("task", "tusk")},
            "does not say which task this is",
            "no `task`",
        ),
        (
            "keras",
            {"TF_CONFIG": CLUSTER.replace("0}", "2}")},
            "does not say which task this is",
            "index: 2",
        ),
        ("keras", {"TF_CONFIG": ONE.replace("0}", "1}")}, "does not say which task this is", "index: 1"),
        ("keras", {"TF_CONFIG": CLUSTER.replace("0}", "1e999}")}, "does not say which task this is", "index: "),
        ("keras", {"TF_CONFIG": CLUSTER.replace("0}", "-1}")}, "does not say which task this is", "index: -1"),
        ("keras", {"TF_CONFIG": '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}}'}, "not one of workers", "chief"),
        ("keras", STARTED, "`keras` takes those of `TF_CONFIG`", "2 processes by `WORLD_SIZE`"),
        ("torch", {"TF_CONFIG": CLUSTER}, "`torch` takes those of `torchrun`", "2 processes by `TF_CONFIG`"),
        ("torch", {"WORLD_SIZE": "two"}, "`WORLD_SIZE` is no number of processes", '"two"'),
        ("torch", {"WORLD_SIZE": "2", "RANK": "0"}, "`WORLD_SIZE` speaks of 2 processes", "no `MASTER_ADDR` and no"),
    ],
)
def test_processes_that_were_started_wrong_are_refused(backend, environment, message, got, monkeypatch):
    for name in ALONE:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    launcher = {"keras": TF_CONFIG, "torch": TORCHRUN}[backend]
    with pytest.raises(AespecError) as error:
        started_by(launcher, backend)
    (problem,) = error.value.diagnostics
    assert problem.rule.code == "E306"
    assert message in problem.message
    assert got in problem.got
    assert launcher.example in problem.wanted


@pytest.mark.parametrize(
    ("variable", "value", "count"),
    [
        ("TF_CONFIG", CLUSTER, 2),
        ("TF_CONFIG", CLUSTER.replace("0}", '"0"}'), 2),
        ("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}, "task": {}}', 1),
        ("TF_CONFIG", '{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}}', 1),
        ("TF_CONFIG", "{}", 1),
        ("TF_CONFIG", "", 1),
        ("WORLD_SIZE", "1", 1),
    ],
)
def test_processes_are_counted(variable, value, count, monkeypatch):
    for name in ALONE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    assert started_by(TF_CONFIG, "keras") == count


@pytest.mark.parametrize(
    ("backend", "environment"), [("keras", STARTED), ("torch", {"TF_CONFIG": CLUSTER})], ids=["keras", "torch"]
)
def test_a_backend_refuses_the_processes_of_another_launcher(backend, environment, folder):
    process = train(folder, backend, "run", **environment)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "\nerror[E306]: each process of `" in said
    assert not (folder / "run").exists()


THREE = """
from aespec_keras.framework import tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
"""

DEVICES = f"""{THREE}
import sys
sys.argv[0] = "aespec"
from aespec.cli import main
main()
"""


def test_three_devices_are_as_one(folder):
    (folder / "devices.py").write_text(DEVICES)
    finish(train(folder, "keras", "one"))
    (said,) = finish(train(folder, "keras", "three", script="devices.py"))
    same(folder / "one", folder / "three")
    assert "  steps shared by 3 replicas in one process\n" in said


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [("WORLD_SIZE", "2", "each process of `torchrun`"), ("TF_CONFIG", CLUSTER, "each process of `TF_CONFIG`")],
)
def test_a_sweep_is_for_one_process(variable, text, said, folder, monkeypatch):
    for name, value in {**STARTED, variable: text}.items():
        monkeypatch.setenv(name, value)
    if variable == "TF_CONFIG":
        monkeypatch.delenv("WORLD_SIZE")
    spec = str(folder / "shared.yaml")
    done = CliRunner().invoke(main, ["sweep", spec, "--backend", "torch", "--vary", "training.epochs=1,2"])
    assert done.exit_code == 1
    assert f"{said} would do all that `aespec sweep` does" in done.stderr


def test_three_devices_are_as_one_with_convolutions(tmp_path):
    (tmp_path / "shared.yaml").write_text(OTHERS["convolutional"])
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((46, 8, 8, 1), dtype="float32"))
    (tmp_path / "devices.py").write_text(DEVICES)
    finish(train(tmp_path, "keras", "one"))
    finish(train(tmp_path, "keras", "three", script="devices.py"))
    same(tmp_path / "one", tmp_path / "three")


CLASSIFIER = """
import numpy as np
import aespec
from aespec.backend import team_of
from aespec.data.pairs import Pairs
from aespec.passes import classify
from aespec.plan import TrainingPlan
from aespec.registry import find_backend
from aespec.training import fit
layers = [{"dense": {"units": 5, "activation": "tanh"}}, "batch_normalization"]
spec = aespec.parse({"input": [6], "encoder": layers, "decoder": "mirror"})
plan = TrainingPlan(epochs=2, batch_size=8)
backend = find_backend("BACKEND")
model = backend.build(classify(spec, 3, plan))
x, targets = np.random.default_rng(0).random((46, 6), dtype="float32"), np.eye(3, dtype="float32")[np.arange(46) % 3]
epochs = fit(model, Pairs(x, targets), plan)
if team_of(backend).rank == 0:
    print(*(each for epoch in epochs for each in (epoch.losses["total"], epoch.validation["total"])))
"""
"""Two epochs of a classifier, whose samples have targets of their own."""


@pytest.mark.parametrize(
    ("backend", "launcher", "before"),
    [
        ("torch", ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"), ""),
        ("keras", (), THREE),
    ],
)
def test_targets_are_shared_with_their_samples(backend, launcher, before, tmp_path):
    found = []
    for name, first, how in (("one", "", ()), ("several", before, launcher)):
        (tmp_path / f"{name}.py").write_text(first + CLASSIFIER.replace("BACKEND", backend))
        clean = {key: value for key, value in os.environ.items() if key not in ALONE}
        command = [sys.executable, *how, str(tmp_path / f"{name}.py")]
        done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
        found.append([float(number) for number in done.stdout.split()])
    assert len(found[0]) == 4
    assert found[1] == pytest.approx(found[0], rel=1e-5)
