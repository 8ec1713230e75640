"""The files that a PyTorch user loads without aespec."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from aespec_torch.contexts import mode
from aespec_torch.model import TorchModel

__all__ = ["export", "save"]


def save(model: TorchModel, folder: Path) -> list[str]:
    """Write ``model.pt``, the ``state_dict``, and ``model.pt2``, a program that runs batches of any size.

    ``torch.load("model.pt", weights_only=True)`` reads the one, ``torch.export.load("model.pt2").module()`` the
    other. There is no program of a model that torch cannot export.
    """
    torch.save(model.native.state_dict(), folder / "model.pt")
    try:
        program = export(model)
    except Exception:  # torch documents no base class of what export raises, and a plugin's module may raise anything
        return ["model.pt"]
    torch.export.save(program, folder / "model.pt2")
    return ["model.pt", "model.pt2"]


@torch.no_grad()
def export(model: TorchModel) -> ExportedProgram:
    """The reconstruction as a program of torch's own operations.

    Where the input leaves a length open that the output states, the program may be bound to that one: torch traces a
    recurrent layer for one number of steps. A length that nothing states has to stay open.
    """
    ends = model.graph.output.shape
    lengths = [(n, ends[i] if len(ends) == len(model.graph.input) else None) for i, n in enumerate(model.graph.input)]
    example = torch.zeros(2, *(n or end or 6 for n, end in lengths), dtype=model.dtype, device=model.device)
    open_axes = {i: Dim.AUTO if end else Dim.DYNAMIC for i, (n, end) in enumerate(lengths, 1) if n is None}
    with mode(model.native, training=False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"The tensor attributes .*_flat_weights")  # of torch's own recurrent modules
        return torch.export.export(model.native, (example,), dynamic_shapes={"x": {0: Dim("batch"), **open_axes}})
