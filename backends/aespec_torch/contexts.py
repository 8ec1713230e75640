"""Where torch computes, and contexts that leave it, or a module, as they found it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

__all__ = ["buffers_kept", "device", "mode", "seeded"]


def device() -> torch.device:
    """The GPU of this process, if torch sees any, each process of ``torchrun`` on a machine its own; else the CPU.

    The environment variable ``CUDA_VISIBLE_DEVICES`` says which torch sees; empty, none.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def mode(native: nn.Module, *, training: bool, settled: Sequence[nn.Module] = ()) -> Iterator[None]:
    """Every module in training but those that are settled, or none; afterwards each as it was before."""
    before = [(module, module.training) for module in native.modules()]
    for module, _ in before:
        module.training = training
    for module in settled:
        module.eval()
    try:
        yield
    finally:
        for module, was in before:
            module.training = was


@contextmanager
def seeded(*seeds: int) -> Iterator[None]:
    """Random numbers that torch draws come from these seeds; afterwards they go on where they were."""
    seed = int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0])
    where = device()
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if where.type == "cuda":
            torch.cuda.default_generators[where.index].manual_seed(seed)
        yield


@contextmanager
def buffers_kept(native: nn.Module) -> Iterator[None]:
    """Running averages are afterwards what they were before."""
    kept = [(buffer, buffer.clone()) for buffer in native.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)
