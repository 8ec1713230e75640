"""A torch model on another device than the CPU: everything that it computes with is there.

Torch's ``meta`` device stands for the GPU. It has shapes and no numbers, so that nothing can come out of it but the
shapes of what would; what can be seen is where each tensor is that an operation is given.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from aespec.backend import Team
from aespec.conformance import cases
from aespec.noise import Noise
from aespec.plan import TrainingPlan
from aespec.registry import find_backend
from aespec_torch import contexts, model, team, training

ELSEWHERE = torch.device("meta")
MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class OneDevice(TorchDispatchMode):
    """Refuses an operation on tensors of several devices; a number that Python could have given may be anywhere."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        flat = torch.utils._pytree.tree_leaves((args, kwargs or {}))
        found = {each.device.type for each in flat if isinstance(each, torch.Tensor) and each.ndim}
        if len(found) > 1 and function not in MOVES:
            raise AssertionError(f"{function} on {sorted(found)}")
        return function(*args, **(kwargs or {}))


@pytest.fixture
def elsewhere(monkeypatch):
    for module in (contexts, model, training, team):
        monkeypatch.setattr(module, "device", lambda: ELSEWHERE)
    for module in (model, training):
        monkeypatch.setattr(module, "seeded", lambda *_: nullcontext())
        monkeypatch.setattr(module, "to_array", lambda tensor: np.zeros(tensor.shape) + (tensor.device != ELSEWHERE))
    return ELSEWHERE


def drive(graph, plan, shared=False):
    """Do everything that a model can do; each number that comes back is 1 if its tensor was on the CPU."""
    built = model.TorchModel(graph, 0, "float32")
    x = np.zeros((5, *(n or 5 for n in graph.sample_shape)), "float32")
    found = [built.reconstruct(x), *built.trace(x).values(), *built.weights().values()]
    found += [built.decode(np.zeros((5, *built.encode(x).shape[1:]), "float32"))]
    found += [*built.losses(x).values(), *built.gradients(x, training=True).values()]
    trainer = built.trainer(plan, len(x))
    steps = trainer.steps(x, np.arange(5), 2, [0.1] * 3, Noise(0, 1, 0, shared), lambda *_: None)
    found += [*steps.values(), *trainer.evaluate(x, 2).values(), *trainer.state().values()]
    trainer.load_state(trainer.state())
    return found


BACKEND = find_backend("torch")
KNOWN = [case for case in cases() if all(type(kind) in BACKEND.lowerings for kind in case.graph.kinds())]
ONCE = [case for case in KNOWN if " k" not in case.id]  # without every size of window of a convolution or a pool


@pytest.mark.parametrize("case", ONCE, ids=str)
def test_every_case_is_computed_there(case, elsewhere):
    with OneDevice():
        assert not any(np.any(value == 1) for value in drive(case.graph, case.plan or TrainingPlan()))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("clip", [{"clip_norm": 1.0}, {"clip_value": 0.5}])
def test_noise_and_every_way_to_clip_are_there(shared, clip, elsewhere):
    (graph,) = (case.graph for case in KNOWN if case.id == "zoo variational")
    plan = TrainingPlan(ema=0.9, **clip)
    with OneDevice():
        assert not any(np.any(value == 1) for value in drive(graph, plan, shared))


def test_what_is_left_behind_is_noticed(elsewhere, monkeypatch):
    monkeypatch.setattr(model.TorchModel, "tensor", lambda self, x: torch.from_numpy(x))
    with OneDevice(), pytest.raises(AssertionError, match=r"on \['cpu', 'meta'\]"):
        drive(KNOWN[0].graph, TrainingPlan())


@pytest.mark.parametrize(("local", "wanted"), [(None, "cuda:0"), ("1", "cuda:1")])
def test_each_process_takes_a_gpu(local, wanted, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if local:
        monkeypatch.setenv("LOCAL_RANK", local)
    assert str(contexts.device()) == wanted


def test_processes_with_gpus_talk_through_nccl(monkeypatch):
    started = []
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "4000"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", started.append)
    monkeypatch.setattr(torch.distributed, "init_process_group", started.append)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    assert team.team() == Team(1, 2)
    assert started == [torch.device("cuda", 0), "nccl"]


def test_without_a_gpu_it_is_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert contexts.device() == torch.device("cpu")
