"""A ``.pt2`` file as data: the operations of its program, and its raw arrays.

No pickle in it is opened, and `torch.export.load` is not used: it evaluates sizes as Python code, and opens pickles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from aespec.importing import Archive, Damaged, Tensor, Unsaid, unreadable
from aespec_torch.reading.operation import Operation, whole

__all__ = ["Program", "Step", "made_of", "turned"]

DTYPES = {7: "<f4", 8: "<f8"}
"""The numbers that stand for float32 and float64."""

Sizes = tuple[int | None, ...]


@dataclass(frozen=True)
class Step:
    """An operation on the way from the input to the output."""

    operation: Operation
    index: int
    """Which of its values goes on."""
    given: Sizes
    """The sizes of what it is given, in the program's order, without the batch."""
    shape: Sizes
    """Those of the value that goes on."""
    mixes: bool
    """Whether the first axis of that value is another than that of what it is given."""
    backward: Operation | None = None
    """Where two recurrent layers read the steps in both directions: the one that reads them from the end."""
    merge: str | None = None
    """And how their outputs become one."""

    @property
    def args(self) -> Mapping[str, Any]:
        """The operation's arguments."""
        return self.operation.args


class Program:
    """The operations and arrays of a file."""

    def __init__(self, archive: Archive, root: str) -> None:
        content = archive.json(f"{root}/models/model.json")["graph_module"]
        graph, signature = content["graph"], content["signature"]
        self.archive, self.root = archive, root
        self._sizes = {name: value["sizes"] for name, value in graph["tensor_values"].items()}
        self._arrays = {
            key: (f"{root}/data/{folder}/{stated['path_name']}", stated)
            for folder, config in (("weights", "model_weights_config"), ("constants", "model_constants_config"))
            if f"{root}/data/{folder}/{config}.json" in archive.names
            for key, stated in archive.json(f"{root}/data/{folder}/{config}.json")["config"].items()
        }
        self.stored: dict[str, str] = {
            spec[kind]["arg"]["name"]: spec[kind][f"{kind}_name"]
            for spec in signature["input_specs"]
            for kind in ("parameter", "buffer")
            if kind in spec
        }
        """The key of each parameter and buffer by its name in the program."""
        inputs = [spec["user_input"] for spec in signature["input_specs"] if "user_input" in spec]
        outputs = signature["output_specs"]
        if len(inputs) != 1 or len(outputs) != 1:
            raise Unsaid(f"{len(inputs)} inputs and {len(outputs)} outputs", "one of each")
        self.start = inputs[0]["arg"]["as_tensor"]["name"]
        self.end = outputs[0]["user_output"]["arg"]["as_tensor"]["name"]
        self.operations = [_operation(node) for node in graph["nodes"]]
        self.made = {name: (op, i) for op in self.operations for i, name in enumerate(op.outputs)}
        """What makes each value, and as which of its outputs."""
        self.modules = [call["fqn"] for call in content.get("module_call_graph", ()) if call["fqn"]]
        """The paths of all modules that were called."""
        self.trains = any(stated["tensor_meta"]["requires_grad"] for _, stated in self._arrays.values())
        """Whether any parameter is trained: where none is, the program was made to be used as it is."""

    def sizes(self, name: str) -> Sizes:
        """The sizes of a value, without its first axis, which is the batch's."""
        return tuple(size.get("as_int") for size in self._sizes[name][1:])

    def chain(self) -> list[Step]:
        """The operations from the input to the output.

        Raises:
            Unsaid: They are no chain.
        """
        found: list[Step] = []
        at = self.end
        while at != self.start:
            if len(found) > len(self.operations) or at not in self.made:
                raise Damaged(f"`{at}`, which does not come from the input by a chain of operations,")
            step, before = self._step(at)
            found.append(step)
            at = before
        return found[::-1]

    def _step(self, name: str) -> tuple[Step, str]:
        """The operation that makes a value, and the value that it works on."""
        operation, index = self.made[name]
        operation = whole(operation, self.operations, self.made)
        backward = merge = None
        if (both := self._both_ways(operation)) is not None:
            (operation, index), backward, merge = both
        elif operation.name in MERGES and len(self._values(operation)) > 1:
            raise Unsaid(f"`{operation.name}`, which is given several values", "one")
        before = operation.tensors[0]
        first, then = (json.dumps(self._sizes[each][0]) for each in (before, name))
        return Step(operation, index, self.sizes(before), self.sizes(name), first != then, backward, merge), before

    def _values(self, operation: Operation) -> list[str]:
        return [name for name in operation.tensors if name in self.made or name == self.start]

    def _both_ways(self, operation: Operation) -> tuple[tuple[Operation, int], Operation, str] | None:
        """The two recurrent layers whose outputs an operation merges, and how."""
        merge = MERGES.get(operation.name)
        if operation.name == "div" and operation.args.get("other") == 2:
            inner = self.made.get(operation.args["self"])
            if inner is not None and inner[0].name == "add":
                operation, merge = inner[0], "ave"
        ends = self._values(operation)
        if merge is None or len(ends) != 2 or operation.args.get("alpha", 1) != 1:
            return None
        (ahead, one, turned_ahead), (back, other, turned_back) = map(self._recurrent, ends)
        if ahead is None or back is None or one != other or turned_ahead or turned_back != (one == 0):
            return None
        turn = self.made.get(back.tensors[0])
        last = operation.args.get("dim", -1) in (-1, len(self._sizes[ends[0]]) - 1)
        same = turn is not None and turn[0].name == "flip" and turn[0].args["self"] == ahead.tensors[0]
        return ((ahead, one), back, merge) if last and same and turn and turn[0].args["dims"] == [1] else None

    def _recurrent(self, name: str) -> tuple[Operation | None, int, bool]:
        """The recurrent layer that gives a value, as which output, and whether its steps are turned around."""
        operation, index = self.made.get(name, (None, 0))
        turns = operation is not None and operation.name == "flip" and operation.args["dims"] == [1]
        state = operation is not None and operation.name == "select" and operation.args["dim"] == 0
        if operation is not None and (turns or state):
            operation, index = self.made.get(operation.args["self"], (None, 0))
        found = operation is not None and operation.name in ("lstm", "gru") and index == int(state)
        return (operation if found else None), index, turns

    def unused(self) -> list[Operation]:
        """The operations whose values do not reach the output."""
        reached, ahead = {self.end}, [self.end]
        while ahead:
            operation, _ = self.made.get(ahead.pop(), (None, 0))
            new = set(operation.tensors) - reached if operation else set()
            reached |= new
            ahead += new
        return [op for op in self.operations if op.outputs and not reached & set(op.outputs)]

    def idle(self) -> Iterator[str]:
        """The paths of the modules in which nothing happens."""
        busy = {path for operation in self.operations for path, _ in operation.modules}
        yield from (path for path in self.modules if path not in busy)

    def tensor(self, name: str) -> Tensor:
        """A stored array.

        Raises:
            Unsaid: It is computed, or of other numbers than float32 or float64.
        """
        if name not in self.stored:
            raise Unsaid("a computed parameter", "one that is stored")
        key = self.stored[name]
        member, stated = self._arrays[key]
        meta = stated["tensor_meta"]
        shape = tuple(size["as_int"] for size in meta["sizes"])
        strides = [stride["as_int"] for stride in meta["strides"]]
        if stated["use_pickle"] or meta["dtype"] not in DTYPES or strides != _strides(shape):
            raise Unsaid(f"the array `{key}`", "float32 or float64, stored as it is")
        trained = bool(meta["requires_grad"]) if stated["is_param"] else None
        return Tensor(shape, partial(self._load, member, DTYPES[meta["dtype"]], shape), trained)

    def _load(self, member: str, dtype: str, shape: tuple[int, ...]) -> Any:
        data = np.frombuffer(self.archive.arrays(member), dtype)
        if data.size != int(np.prod(shape)):
            short = member.rpartition("/")[2]
            raise unreadable(self.archive.path, f"{int(np.prod(shape))} numbers in `{short}`", str(data.size))
        return data.reshape(shape)


MERGES = {"cat": "concat", "add": "sum", "mul": "mul"}
"""How operations merge the outputs of two directions."""


def made_of(shape: tuple[int, ...], function: Callable[..., Any], *tensors: Tensor) -> Tensor:
    """An array that is computed of others when it is read."""
    trained = next((tensor.trained for tensor in tensors if tensor.trained is not None), None)
    return Tensor(shape, lambda: np.ascontiguousarray(function(*(tensor.read() for tensor in tensors))), trained)


def turned(tensor: Tensor, *axes: int) -> Tensor:
    """An array, its axes in another order."""
    return made_of(tuple(tensor.shape[axis] for axis in axes), lambda value: value.transpose(axes), tensor)


def _operation(node: Mapping[str, Any]) -> Operation:
    stack = [entry.split(",") for entry in node["metadata"].get("nn_module_stack", "").split(";")[1:]]
    return Operation(
        node["target"].removeprefix("torch.ops.aten.").partition(".")[0],
        {given["name"]: _value(given["arg"]) for given in node["inputs"]},
        tuple(output["as_tensor"]["name"] for output in node["outputs"] if "as_tensor" in output),
        tuple((entry[1], entry[2]) for entry in stack if len(entry) >= 3),
    )


def _value(arg: Any) -> Any:
    """An argument: a number, a list, or a tensor's name."""
    ((kind, value),) = arg.items()
    if kind == "as_none":
        return None
    if kind == "as_tensors":
        return [tensor["name"] for tensor in value]
    return value["name"] if kind == "as_tensor" else value


def _strides(shape: tuple[int, ...]) -> list[int]:
    """The strides of an array that lies as it is."""
    return [int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape))]
