"""Recurrent layers of a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aespec.importing import Tensor, Unsaid
from aespec_torch.reading.operation import Operation
from aespec_torch.reading.pieces import Piece
from aespec_torch.reading.program import Step, made_of, turned

if TYPE_CHECKING:
    from aespec_torch.reading import Reading

__all__ = ["gru", "last_step", "lstm"]


def lstm(reading: Reading, step: Step) -> Iterator[Piece]:
    """Torch's gates are in a spec's order, and its two biases are one."""
    yield from _layers("lstm", reading, step)


def gru(reading: Reading, step: Step) -> Iterator[Piece]:
    """Torch's gates are in the order r z n."""
    yield from _layers("gru", reading, step)


def last_step(reading: Reading, step: Step) -> Iterator[Piece]:
    """One of the last states, or the last step of what a layer gives at every step."""
    yield from ()
    args, before = step.args, reading.pieces[-1] if reading.pieces else None
    if reading.last_of is not None:
        if args.get("dim", 0) != 0 or args.get("index", 0) not in (-1, reading.last_of - 1):
            raise Unsaid("the state of a layer before the last", "the last")
        reading.last_of, reading.order = None, tuple(range(len(step.shape)))
    elif (
        before is not None
        and before.kind in ("lstm", "gru")
        and before.fields["return_sequences"]
        and not before.at_each_step
        and reading.order == (0, 1)
        and (args.get("dim"), args.get("index")) == (1, -1)
    ):
        before.fields["return_sequences"] = False
        reading.order = (0,)
    else:
        raise Unsaid(f"`{step.operation.name}`", "the last step of a recurrent layer")


def _layers(kind: str, reading: Reading, step: Step) -> Iterator[Piece]:
    yield from reading.as_written()
    ahead, back, args = step.operation, step.backward, step.args
    both = args["bidirectional"]
    for operation in (ahead, back) if back else (ahead,):
        _check(reading, operation)
    if back is not None and (both or args["num_layers"] > 1 or back.name != ahead.name):
        raise Unsaid("a merge of several recurrent layers", "a merge of two")
    if both and step.index:
        raise Unsaid("the last states of two directions", "the outputs of all steps")
    groups = _groups(reading, ahead) + (_groups(reading, back) if back else [])
    ways = 2 if both or back else 1
    layers = [groups[i : i + ways] for i in range(0, len(groups), ways)]
    if step.index == 1 and back is None:
        reading.last_of = len(layers)
    for i, directions in enumerate(layers):
        sequences = i < len(layers) - 1 or step.index == 0
        fields: dict[str, Any] = {"units": directions[0][1].shape[1], "return_sequences": sequences}
        fields["use_bias"] = bool(args["has_biases"])
        tensors = tuple(tensor for group in directions for tensor in TENSORS[kind](group))
        if ways == 1:
            yield Piece(kind, fields, tensors)
        else:
            yield Piece("bidirectional", {"layer": {kind: fields}, "merge_mode": step.merge or "concat"}, tensors)
    if reading.last_of is None:
        reading.order = tuple(range(len(step.shape)))


def _check(reading: Reading, operation: Operation) -> None:
    """Refuse what a recurrent layer of a spec does not do."""
    args, made = operation.args, reading.program.made
    starts = args["hx"] if isinstance(args["hx"], list) else [args["hx"]]
    if not args["batch_first"]:
        raise Unsaid("`batch_first=False`", "`batch_first=True`")
    if any(name not in made or made[name][0].name != "zeros" for name in starts):
        raise Unsaid("a state to start from", "zeros")


def _groups(reading: Reading, operation: Operation) -> list[list[Tensor]]:
    """The parameters of each layer and direction: two kernels, and two biases or none."""
    args = operation.args
    many = 4 if args["has_biases"] else 2
    names = args["params"]
    if len(names) != many * args["num_layers"] * (2 if args["bidirectional"] else 1):
        raise Unsaid("a projection of the state", "`proj_size=0`")
    for name in names:
        reading.own(name)
    tensors = [reading.program.tensor(name) for name in names]
    return [tensors[i : i + many] for i in range(0, len(tensors), many)]


def _of_lstm(group: Sequence[Tensor]) -> list[Tensor]:
    kernels, biases = group[:2], group[2:]
    return [turned(each, 1, 0) for each in kernels] + ([made_of(biases[0].shape, np.add, *biases)] if biases else [])


def _of_gru(group: Sequence[Tensor]) -> list[Tensor]:
    kernels, biases = group[:2], group[2:]
    found = [made_of(each.shape[::-1], lambda value: _swapped(value).T, each) for each in kernels]
    if biases:
        found.append(made_of((2, *biases[0].shape), lambda *rows: np.stack([_swapped(row) for row in rows]), *biases))
    return found


def _swapped(value: Any) -> Any:
    """Gates in the order z r h."""
    reset, update, new = np.split(value, 3)
    return np.concatenate([update, reset, new])


TENSORS = {"lstm": _of_lstm, "gru": _of_gru}
