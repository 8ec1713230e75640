"""Contexts that leave torch, or a module, as they found it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

__all__ = ["buffers_kept", "mode", "seeded"]


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
    """Random numbers that torch draws on the CPU come from these seeds; afterwards they go on where they were."""
    state = np.random.SeedSequence(seeds).generate_state(1, np.uint64)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(state[0]))
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
