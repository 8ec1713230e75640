"""An operation of a program, and modules of several that are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Operation", "whole"]


@dataclass(frozen=True)
class Operation:
    """A call of one of torch's own functions."""

    name: str
    """As ``torch.ops.aten`` has it: ``conv2d``."""
    args: Mapping[str, Any]
    """Numbers and lists as they are, tensors by name."""
    outputs: tuple[str, ...]
    modules: tuple[tuple[str, str], ...]
    """The modules around it by path and class, the outermost first."""

    @property
    def path(self) -> str:
        """The innermost module."""
        return self.modules[-1][0] if self.modules else self.outputs[0]

    @property
    def block(self) -> str:
        """The outermost module."""
        return self.modules[0][0] if self.modules else ""

    @property
    def tensors(self) -> tuple[str, ...]:
        """The names of what may be tensors among the arguments, in their order."""
        values = (value if isinstance(value, list) else [value] for value in self.args.values())
        return tuple(name for names in values for name in names if isinstance(name, str))


def whole(last: Operation, operations: Sequence[Operation], made: Mapping[str, tuple[Operation, int]]) -> Operation:
    """The last operation of a module that is one activation or layer, as that; else the operation."""
    given = last.modules[-1][1] if last.modules else ""
    if given == BATCH_NORMALIZATION:
        inside = [operation for operation in operations if operation.modules == last.modules]
        return _batch_normalization(last, inside, made)
    if given not in ACTIVATIONS:
        return last
    name, hops = ACTIVATIONS[given]
    before = last.tensors[0]
    for _ in range(hops):
        before = made[before][0].tensors[0]
    args: dict[str, Any] = {"self": before}
    if last.name == "where":  # of a celu, whose last operand is its constant times another
        args["alpha"] = made[last.args["other"]][0].args["other"]
    return replace(last, name=name, args=args)


ACTIVATIONS = {
    "torch.nn.modules.activation.Softsign": ("softsign", 0),
    "torch.nn.modules.activation.Tanhshrink": ("tanh_shrink", 0),
    "aespec_torch.activations.HardSigmoid": ("hard_sigmoid", 2),
    "aespec_torch.activations.Celu": ("celu", 1),
}
"""Modules that are one activation: its name, and how many operations lie between the first operand of the last one
and what the module is given."""

BATCH_NORMALIZATION = "aespec_torch.modules.normalization.BatchNormalization"


def _batch_normalization(
    last: Operation, inside: Sequence[Operation], made: Mapping[str, tuple[Operation, int]]
) -> Operation:
    """``(x - mean) * (rsqrt(var + epsilon) * weight) + bias``, the weight and the bias where there are any."""
    names = {name for operation in inside for name in operation.outputs}
    centered = next(operation for operation in inside if operation.name == "sub")
    stabilized = next(
        operation for operation in inside if operation.name == "add" and operation.args["self"] not in names
    )
    before, args = centered.args["self"], {"running_mean": centered.args["other"]}
    if before in names:  # its cast
        before = made[before][0].args["self"]
    for operation in inside:
        other = operation.args.get("other")
        if isinstance(other, str) and other not in names and operation is not centered:
            args["weight" if operation.name == "mul" else "bias"] = other
    args |= {"running_var": stabilized.args["self"], "eps": stabilized.args["other"]}
    return replace(last, name="batch_normalization", args={"self": before, **args})
