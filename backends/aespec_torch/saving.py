"""The files that a PyTorch user loads without aespec."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from aespec_torch.contexts import mode
from aespec_torch.model import TorchModel

__all__ = ["save"]


def save(model: TorchModel, folder: Path) -> list[str]:
    """Write ``model.pt``, the ``state_dict``, and ``model.pt2``, an exported program for batches of any size.

    ``torch.load("model.pt", weights_only=True)`` reads the one, ``torch.export.load("model.pt2").module()`` runs
    the other. A layer of a plugin may be one that torch cannot export: then there is no program.
    """
    torch.save(model.native.state_dict(), folder / "model.pt")
    program = folder / "model.pt2"
    shape = model.graph.input
    example = torch.zeros(2, *(n or 6 for n in shape), dtype=model.dtype)
    free = {0: torch.export.Dim.DYNAMIC, **{i: torch.export.Dim.AUTO for i, n in enumerate(shape, 1) if n is None}}
    with mode(model.native, training=False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"The tensor attributes .*_flat_weights")  # torch's own recurrent modules
        exported = torch.export.export(model.native, (example,), dynamic_shapes={"x": free})
    torch.export.save(exported, program)
    return ["model.pt", "model.pt2"]
