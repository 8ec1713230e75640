"""Batches in parts, a core each, in Keras: that nothing else changes by it, and which models and processes do it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import aespec
from aespec import process, weights
from aespec.losses import MeanSquaredError
from aespec.noise import Noise
from aespec.registry import find_backend
from aespec.training import rates
from aespec_keras import cores, training
from aespec_keras.framework import tf

backend = find_backend("keras")

CONV = [{"conv2d": {"filters": 3, "kernel_size": 3, "padding": "same", "activation": "selu"}}, {"max_pool2d": 2}]
DENSE = ["flatten", {"dense": {"units": 4, "activation": "selu"}}]
CONV1D = [{"conv1d": {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}}]


def compiled(encoder, input=(6, 6, 1), loss="mse", **plan):
    fields = {"input": list(input), "encoder": encoder, "decoder": "mirror", "loss": loss, "training": plan}
    spec = aespec.parse(fields)
    return aespec.compile(spec), spec.training


def trained(graph, plan, dtype="float64", count=23, with_targets=False):
    """The losses of two epochs, then those of the samples outside training, and the weights."""
    model = backend.build(graph, seed=1, dtype=dtype)
    rng = np.random.default_rng(0)
    x = rng.random((count, *graph.sample_shape)).astype(dtype)
    targets = rng.random(x.shape).astype(dtype) if with_targets else None
    trainer, found = model.trainer(plan, count), {}
    for number in (1, 2):
        noise = Noise(plan.seed, number, shared=plan.randomness == "shared")
        speeds = rates(plan, number, count)
        losses = trainer.steps(
            x, rng.permutation(count), plan.batch_size, speeds, noise, lambda done, losses: None, targets
        )
        found |= {f"{name} {number}": values for name, values in losses.items()}
    found |= trainer.evaluate(x, 4, targets)
    return found, model.weights(), trainer.note


SAME = {
    "convolutions": (CONV, {}),
    "one-dimensional ones": (CONV1D, {"input": (8, 2)}),
    "a penalty for each sample": ([*CONV, "flatten", {"dense": {"units": 4, "activity_regularizer": {"l1": 0.1}}}], {}),
    "a penalty of a kernel": ([{"conv2d": {**CONV[0]["conv2d"], "kernel_regularizer": {"l2": 0.1}}}], {}),
    "two losses": (CONV, {"loss": ["mse", {"mae": {"weight": 0.5}}]}),
    "noise of the framework": ([{"gaussian_noise": 0.2}, *CONV, {"dropout": 0.3}], {}),
    "noise of the core": ([{"gaussian_noise": 0.2}, *CONV, {"dropout": 0.3}], {"randomness": "shared"}),
    "a variational code": ([*CONV, "flatten", {"gaussian_latent": 2}], {}),
    "clipped gradients and an average": (CONV, {"clip_norm": 0.01, "ema": 0.5, "optimizer": "adam"}),
    "dense layers that XLA compiles": (DENSE, {"compile": "on", "loss": "binary_crossentropy", "optimizer": "adam"}),
    "dense layers with noise, compiled": (["flatten", {"dropout": 0.3}, {"dense": 4}], {"compile": "on"}),
    "batches of one": (CONV, {"batch_size": 1}),
    "more cores than samples": (CONV, {"batch_size": 2}),
}


@pytest.mark.parametrize("what", SAME)
def test_parts_train_as_the_whole_does(what, monkeypatch):
    """23 samples in batches of 8 and a last one of 7, in parts of 3, 3 and 2, or 3, 3 and 1."""
    encoder, fields = SAME[what]
    graph, plan = compiled(encoder, **{"batch_size": 8, **fields})
    losses, ends, note = trained(graph, plan)
    assert "parts" not in note
    monkeypatch.setattr(training, "parts", lambda *given: 3)
    in_parts, ends_in_parts, note = trained(graph, plan)
    size = min(plan.batch_size, 3)
    assert (f"; {size} parts of each batch at once, a core each" in note) == (size > 1)
    for name, values in losses.items():
        np.testing.assert_allclose(in_parts[name], values, rtol=1e-11, err_msg=name)
    for name, values in ends.items():
        np.testing.assert_allclose(ends_in_parts[name], values, rtol=1e-9, atol=1e-12, err_msg=name)


def test_parts_train_to_targets_as_the_whole_does(monkeypatch):
    graph, plan = compiled(CONV, batch_size=8)
    losses, *_ = trained(graph, plan, with_targets=True)
    monkeypatch.setattr(training, "parts", lambda *given: 2)
    in_parts, *_ = trained(graph, plan, with_targets=True)
    for name, values in losses.items():
        np.testing.assert_allclose(in_parts[name], values, rtol=1e-11, err_msg=name)


def test_parts_are_traced_apart(monkeypatch):
    """Else they would wait for one another: each has its own convolutions."""
    graph, plan = compiled(CONV, batch_size=8)
    monkeypatch.setattr(training, "parts", lambda *given: 2)
    trainer = backend.build(graph).trainer(plan, 16)
    step = tf.function(trainer._differentiate, autograph=False).get_concrete_function([tf.TensorSpec((8, 6, 6, 1))], {})
    kernels = [each for each in step.graph.get_operations() if each.type == "Conv2D"]
    assert sorted({each.inputs[0].shape[0] for each in kernels}) == [4]


class Threads:
    """TensorFlow's numbers of threads, to be set without setting them."""

    def __init__(self, within=0, between=0, begun=False):
        self.within, self.between, self.begun = within, between, begun

    def get_intra_op_parallelism_threads(self):
        return self.within

    def get_inter_op_parallelism_threads(self):
        return self.between

    def set_intra_op_parallelism_threads(self, count):
        if self.begun:
            raise RuntimeError("Intra op parallelism cannot be modified after initialization.")
        self.within = count

    def set_inter_op_parallelism_threads(self, count):
        self.between = count


@pytest.fixture
def fresh(monkeypatch):
    """A process on two cores in which nobody has said how many threads there are to be."""
    for name in (*process.THREADS, "TF_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cores, "cores", lambda: 2)

    def made(**threads):
        found = Threads(**threads)
        monkeypatch.setattr(tf.config, "threading", found)
        return found

    return made


def claimed(fresh, encoder=CONV, plan=(), **threads):
    found = fresh(**threads)
    graph, plan = compiled(encoder, **dict(plan))
    cores.claim(graph, plan)
    return found.within, found.between, cores.parts(graph, plan, plan.compile == "on")


def test_a_process_of_convolutions_has_one_thread_an_operation(fresh):
    assert claimed(fresh) == (1, 2, 2)
    assert claimed(fresh, CONV1D, {"input": (8, 2)}) == (1, 2, 2)


@pytest.mark.parametrize(
    ("encoder", "plan"),
    [
        (["flatten", {"dense": 4}], {}),  # XLA compiles it as a whole
        (CONV, {"compile": "on"}),
        ([*CONV, "batch_normalization"], {}),  # moments of the whole batch
        (
            [
                *CONV,
                "flatten",
                {"dense": {"units": 4, "activation": "sigmoid", "activity_regularizer": "kl_divergence"}},
            ],
            {},
        ),
    ],
)
def test_what_gains_nothing_or_looks_at_the_whole_batch_keeps_its_threads(encoder, plan, fresh):
    assert claimed(fresh, encoder, plan) == (0, 0, 1)
    assert claimed(fresh, encoder, plan, within=1, between=2) == (1, 2, 1)


def test_kernels_that_a_batch_hardly_uses_are_not_summed(fresh):
    """Each part has gradients of all of them."""
    encoder = [*CONV, "flatten", {"dense": 512}]
    assert claimed(fresh, encoder, {"input": (16, 16, 1), "batch_size": 32}) == (0, 0, 1)
    assert claimed(fresh, encoder, {"input": (16, 16, 1), "batch_size": 64}) == (1, 2, 2)


def test_a_plan_of_which_a_phase_is_not_parted_keeps_its_threads(fresh):
    """The threads are for all of it, and the dense layer of a phase of its own would have one."""
    deep = [*CONV, {"conv2d": {"filters": 4, "kernel_size": 3, "padding": "same"}}]
    assert claimed(fresh, deep, {"greedy": {"epochs": 1}}) == (1, 2, 2)
    assert claimed(fresh, [*CONV, "flatten", {"dense": 4}]) == (1, 2, 2)
    assert claimed(fresh, [*CONV, "flatten", {"dense": 4}], {"greedy": {"epochs": 1}}) == (0, 0, 1)


def test_a_kind_of_another_package_keeps_its_threads(fresh):
    """It may look at the whole batch, as a discrepancy between distributions does."""

    class Discrepancy(MeanSquaredError):
        """Of a package of its own."""

    fresh(within=1, between=2)
    graph, plan = compiled(CONV)
    assert cores.parts(graph, plan, False) == 2
    assert cores.parts(replace(graph, losses=(Discrepancy.model_construct(),)), plan, False) == 1


@pytest.mark.parametrize("name", [*process.THREADS, "TF_CONFIG"])
def test_threads_that_someone_decided_on_are_left(name, fresh, monkeypatch):
    monkeypatch.setenv(name, "3")
    assert claimed(fresh) == (0, 0, 1)


@pytest.mark.parametrize("threads", [{"within": 3}, {"between": 3}, {"begun": True}])
def test_threads_that_were_set_or_run_are_left(threads, fresh):
    assert claimed(fresh, **threads) == (threads.get("within", 0), threads.get("between", 0), 1)


@pytest.mark.parametrize("count", [1, cores.MOST + 1])
def test_one_core_and_many_are_left(count, fresh, monkeypatch):
    monkeypatch.setattr(cores, "cores", lambda: count)
    assert claimed(fresh) == (0, 0, 1)


def test_a_gpu_is_left(fresh, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"] if kind == "GPU" else [])
    assert claimed(fresh) == (0, 0, 1)


def test_a_script_that_sets_the_threads_has_parts_too(fresh):
    graph, plan = compiled(CONV)
    fresh(within=1, between=3)
    assert cores.parts(graph, plan, False) == 3
    fresh(within=1, between=9)
    assert cores.parts(graph, plan, False) == cores.MOST
    fresh(within=1, between=0)
    assert cores.parts(graph, plan, False) == 1


WIDE = [{"dense": {"units": 100, "activation": "selu"}}, {"dense": 30}]


def compiled_parts(encoder=WIDE, **fields):
    graph, plan = compiled(encoder, **{"input": (100,), **fields})
    return cores.parts(graph, plan, True)


def test_what_xla_computes_is_parted_where_that_gains(fresh):
    fresh()
    assert compiled_parts() == 2
    assert compiled_parts(["flatten", *WIDE], input=(10, 10), loss=["mse", "mae"], optimizer="adam") == 2
    assert compiled_parts(batch_size=256, mixed_precision="bfloat16") == 2
    assert compiled_parts([{"dense": {"units": 60, "activation": "sigmoid"}}]) == 2
    assert compiled_parts([{"dense": 3000}]) == 1
    assert compiled_parts([{"dense": 3000}], freeze=["encoder"]) == 2, "no gradients of it are summed"


@pytest.mark.parametrize(
    ("fields", "note", "in_parts"),
    [
        ({"epochs": 3000}, "steps not compiled: they are taken one by one", False),  # one in each epoch
        ({"epochs": 3000, "window": 40}, "steps not compiled: they are taken one by one", False),
        (
            {"compile": "on"},
            "steps compiled by XLA, as the plan says; 2 parts of each batch at once, a core each",
            True,
        ),
    ],
)
def test_steps_that_are_taken_one_by_one_are_compiled_as_the_note_says(fields, note, in_parts, fresh):
    fresh()
    samples = 100 if "window" in fields else 40
    graph, plan = compiled(WIDE, input=(100,), batch_size=32, **fields)
    trainer = backend.build(graph).trainer(plan, samples)
    x = np.zeros((40, 100), "float32")
    trainer.steps(x, np.arange(40), 32, np.full(2, 0.01, "float32"), Noise(0, 1), lambda done, losses: None)
    assert (trainer.note, trainer._cores > 1) == (note, in_parts)
    assert {size: loop._jit_compile for (size, _), loop in trainer._loops.items()} == {32: in_parts, 8: False}


@pytest.mark.parametrize(
    ("encoder", "fields"),
    [
        ([*WIDE, "batch_normalization"], {}),
        ([{"dense": {"units": 60, "activation": "sigmoid", "activity_regularizer": "kl_divergence"}}], {}),
        ([{"lstm": 30}], {"input": (10, 10)}),
        ([{"bidirectional": {"layer": {"gru": 15}}}], {"input": (10, 10)}),
        (CONV, {"input": (28, 28, 1)}),
        (WIDE, {"batch_size": 31}),
        (WIDE, {"dtype": "float64"}),
        ([{"dense": 40}], {}),  # too few multiply-adds
        ([{"dense": 2001}], {}),  # too many parameters
    ],
)
def test_what_xla_computes_as_soon_as_a_whole_is_left_so(encoder, fields, fresh):
    fresh()
    assert compiled_parts(encoder, **fields) == 1


def test_xla_has_no_parts_where_someone_decided_on_threads(fresh, monkeypatch):
    for threads in ({"within": 2}, {"between": 2}, {"within": 1, "between": 2}):
        fresh(**threads)
        assert compiled_parts() == 1
    fresh()
    for count in (1, cores.MOST + 1):
        monkeypatch.setattr(cores, "cores", lambda count=count: count)
        assert compiled_parts() == 1
    monkeypatch.setattr(cores, "cores", lambda: 3)
    assert compiled_parts() == 3
    for name in (*process.THREADS, "TF_CONFIG"):
        with monkeypatch.context() as within:
            within.setenv(name, "3")
            assert compiled_parts() == 1
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"] if kind == "GPU" else [])
    assert compiled_parts() == 1


SPEC = {
    "name": "small",
    "input": [8, 8],
    "encoder": [{"reshape": [8, 8, 1]}, *CONV],
    "decoder": "mirror",
    "training": {"epochs": 2, "batch_size": 32, "validation_split": 0.2},
}
COMPILED = {**SPEC, "encoder": ["flatten", *WIDE], "training": {**SPEC["training"], "compile": "on"}}


def command(folder, *args, **variables):
    """A command in a process of its own, where nobody has said how many threads there are to be."""
    kept = {name: value for name, value in os.environ.items() if name not in process.THREADS}
    done = subprocess.run(
        [sys.executable, "-m", "aespec", *args],
        cwd=folder,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.skipif(not 1 < process.cores() <= cores.MOST, reason="parts are for two to four cores")
@pytest.mark.parametrize("spec", [SPEC, COMPILED], ids=["convolutions", "dense"])
def test_the_command_trains_in_parts_and_goes_on_bit_for_bit(spec, tmp_path):
    """A process of its own: the whole course, one that is cut in two, and one whose threads were set."""
    (tmp_path / "small.yaml").write_text(json.dumps(spec))
    run = partial(command, tmp_path, "train", "--no-report")

    new = ["small.yaml", "--backend", "keras", "--limit", "300"]
    parted = f"; {process.cores()} parts of each batch at once, a core each"
    assert parted in run(*new, "-o", "whole")
    assert parted in run(*new, "-o", "cut", "--epochs", "1")
    assert parted in run("--resume", "cut", "--epochs", "2")
    assert "parts" not in run(*new, "-o", "other", TF_NUM_INTRAOP_THREADS="2")
    whole, cut, other = (tmp_path / name / "weights.safetensors" for name in ("whole", "cut", "other"))
    assert whole.read_bytes() == cut.read_bytes()
    unparted = weights.read(other)
    for name, values in weights.read(whole).items():
        np.testing.assert_allclose(unparted[name], values, atol=1e-5)


def test_no_trial_of_a_sweep_decides_how_the_next_is_computed(tmp_path):
    """A convolutional one is before one with batch normalization, which comes to what it comes to alone."""
    (tmp_path / "small.yaml").write_text(json.dumps(SPEC))
    encoders = [[*SPEC["encoder"], *more] for more in ([], ["batch_normalization"])]
    how = ["--backend", "keras", "--limit", "300"]
    varied = ",".join(map(json.dumps, encoders))
    command(tmp_path, "sweep", "small.yaml", *how, "--jobs", "1", "--vary", f"encoder={varied}")
    second = tmp_path / "sweeps" / "small" / "trials" / "0002"
    command(tmp_path, "train", str(second / "spec.yaml"), *how, "-o", "alone", "--no-report")
    alone, in_sweep = (folder / "weights.safetensors" for folder in (tmp_path / "alone", second))
    assert in_sweep.read_bytes() == alone.read_bytes()
