"""The files that a PyTorch user loads without aespec."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save as as_safetensors
from torch.export import Dim, ExportedProgram

from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph
from aespec.rules import UnsupportedKind
from aespec_torch.contexts import device, mode
from aespec_torch.model import TorchModel

if TYPE_CHECKING:
    from aespec.backend import Array

__all__ = ["ABOUT", "SUFFIXES", "Files", "export", "rerun", "save", "write"]

ABOUT = "aespec.json"
"""The file in a program that says of what spec it is."""

SUFFIXES = (".pt2", ".state_dict.safetensors")


@dataclass(frozen=True)
class Files:
    """See `aespec.converting.Exported`."""

    lost: tuple[str, ...]
    needs: tuple[str, ...] = ()
    load: str = 'model = torch.export.load("{path}").module()'


def save(model: TorchModel, folder: Path, about: Mapping[str, Any]) -> list[str]:
    """Write ``model.pt``, the ``state_dict``, and ``model.pt2``, a program that runs batches of any size.

    ``torch.load("model.pt", weights_only=True)`` reads the one, ``torch.export.load("model.pt2").module()`` the
    other. There is no program of a model that torch cannot export.
    """
    torch.save(model.native.state_dict(), folder / "model.pt")
    try:
        program = export(model)
    except Exception:  # torch documents no base class of what export raises, and a plugin's module may raise anything
        return ["model.pt"]
    _put(program, folder / "model.pt2", about)
    return ["model.pt", "model.pt2"]


def write(model: TorchModel, path: Path, about: Mapping[str, Any]) -> Files:
    """Write the program, and beside it the ``state_dict`` as safetensors, a tied tensor under each of its names.

    Raises:
        AespecError: torch cannot export the model.
    """
    try:
        program = export(model)
    except Exception as error:  # as in `save`
        raise AespecError(
            Diagnostic(
                UnsupportedKind,
                f"torch cannot export `{model.graph.name}` as a program",
                wanted="a model that `torch.export` can trace",
                got=(str(error).strip() or type(error).__name__).splitlines()[0],
                help="`aespec eject` writes it as code, `--to safetensors` its weights",
            )
        ) from None
    _put(program, path, about)
    state = {name: tensor.detach().cpu().clone() for name, tensor in model.native.state_dict().items()}
    # Its own function for files makes one that its owner alone may read.
    path.with_suffix(SUFFIXES[1]).write_bytes(as_safetensors(state))
    return Files(tuple(_lost(model.graph, program)))


def _put(program: ExportedProgram, path: Path, about: Mapping[str, Any]) -> None:
    """Write a program, with what is said of it as JSON."""
    torch.export.save(program, path, extra_files={ABOUT: json.dumps(about)})


def _lost(graph: Graph, program: ExportedProgram) -> Iterator[str]:
    """What of a graph is no part of its program, a sentence for each axis and layer."""
    from torch.fx.experimental.symbolic_shapes import is_concrete_int  # slow to import

    (given,) = program.graph_signature.user_inputs
    taken = next(node for node in program.graph.nodes if node.name == given).meta["val"].shape[1:]
    for axis, (length, bound) in enumerate(zip(graph.input, taken, strict=True), 1):
        if length is None and is_concrete_int(bound):
            yield f"axis {axis} of a sample is {bound} long and no other: torch binds recurrent layers to one"
    for node in graph:
        if node.draws is not None:
            yield f"`{node.name}` draws no noise: a program does what the model does outside training"
    for term in graph.terms:
        yield f"`{term.of}` has no penalty `{term.regularizer.kind}`: a program has no loss"


@torch.no_grad()
def rerun(path: Path, x: Array) -> Array:
    """What the program of a file makes of a batch."""
    program = torch.export.load(path).module()
    values: Array = program(torch.as_tensor(x, device=device())).cpu().numpy()
    return values


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
