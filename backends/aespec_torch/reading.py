"""A ``.pt2`` file read as data: its JSON and its raw arrays.

No pickle in it is opened, and `torch.export.load` is not used: it evaluates sizes as Python code, and opens pickles.
A program has tensors channels first. Here a value is what a spec has, channels last, with the order in which the
program has its axes; a `permute` is imported only where a layer looks at that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from aespec.importing import Archive, Flaw, Found, Part, Tensor, branching, unreadable

__all__ = ["read"]

Node = Mapping[str, Any]
Order = tuple[int, ...]

LAST = 2**63 - 1
"""The end of a slice that has none."""

DTYPES = {7: "<f4", 8: "<f8"}
"""The numbers that stand for float32 and float64."""


def read(archive: Archive) -> Found:
    """What a file of `torch.export.save` holds; see `aespec.importing.Reader`.

    Raises:
        AespecError: It is damaged.
    """
    root = next((name.partition("/")[0] for name in archive.names if name.endswith("/models/model.json")), "")
    program = archive.json(f"{root}/models/model.json")
    arrays = archive.json(f"{root}/data/weights/model_weights_config.json")
    try:
        reading = _Reading(archive, f"{root}/data/weights/", program["graph_module"], arrays["config"])
        parts = tuple(reading.parts())
    except Unsaid as unsaid:
        raise branching(archive.path, unsaid.what) from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration) as error:
        got = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise unreadable(archive.path, "a program as `torch.export.save` writes it", got) from None
    notes: tuple[str, ...] = (
        "a program states no loss: it is `mse`",
        "noise and penalties of training are no part of a program",
    )
    if any("permute" in part.layer for part in parts):
        notes += ("`permute` stands where the order of the axes matters: the spec has channels last",)
    return Found(root, reading.input, parts, tuple(reading.flaws), None, notes)


class Unsaid(Exception):
    """An operation that a spec cannot say: what it is, and what would be right."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what)
        self.what, self.why = what, why


class _Reading:
    """The operations of a program from the input to the output, one after the other."""

    def __init__(self, archive: Archive, home: str, program: Any, arrays: Any) -> None:
        self.archive, self.home, self.arrays = archive, home, arrays
        self.graph = program["graph"]
        self.sizes = {name: _lengths(value["sizes"]) for name, value in self.graph["tensor_values"].items()}
        stored = {}
        for spec in program["signature"]["input_specs"]:
            for kind in ("parameter", "buffer"):
                if kind in spec:
                    stored[spec[kind]["arg"]["name"]] = spec[kind][f"{kind}_name"]
        self.stored = stored
        inputs = [spec["user_input"] for spec in program["signature"]["input_specs"] if "user_input" in spec]
        outputs = program["signature"]["output_specs"]
        if len(inputs) != 1 or len(outputs) != 1:
            raise Unsaid(f"{len(inputs)} inputs and {len(outputs)} outputs", "one of each")
        self.start = inputs[0]["arg"]["as_tensor"]["name"]
        self.end = outputs[0]["user_output"]["arg"]["as_tensor"]["name"]
        self.input = self.sizes[self.start]
        self.made: dict[str, tuple[Node, int]] = {}
        for node in self.graph["nodes"]:
            for i, name in enumerate(_names(node["outputs"])):
                self.made[name] = node, i
        self.flaws: list[Flaw] = []
        self.order: Order = tuple(range(len(self.input)))
        self.used: set[str] = set()

    def parts(self) -> Iterator[Part]:
        """The layers."""
        nodes = self._chain()
        blocks = list(dict.fromkeys(map(_block, (node for node, _ in nodes))))
        for node, i in nodes:
            encoding = _block(node) == blocks[0] if len(blocks) == 2 else None
            name = _path(node)
            try:
                for layer, tensors, more in self._said(node, i):
                    yield Part(name, layer, tensors, encoding, **more)
            except Unsaid as unsaid:
                self.flaws.append(Flaw(name or node["target"], unsaid.what, unsaid.why, "change the module"))
                self.order = tuple(range(len(self.sizes[_names(node["outputs"])[i]])))
        for layer, tensors, _ in self.arranged(tuple(range(len(self.order)))):
            yield Part("output", layer, tensors, False if len(blocks) == 2 else None)

    def _chain(self) -> list[tuple[Node, int]]:
        """The operations on the way, each with which of its outputs goes on."""
        found: list[tuple[Node, int]] = []
        at = self.end
        while at != self.start:
            if len(found) > len(self.graph["nodes"]) or at not in self.made:
                raise ValueError(f"`{at}` does not come from the input by a chain of operations")
            found.append(self.made[at])
            at = _main(found[-1][0])
        return found[::-1]

    def _said(self, node: Node, i: int) -> Iterator[Said]:
        target = node["target"].removeprefix("torch.ops.aten.").partition(".")[0]
        args = {given["name"]: _value(given["arg"]) for given in node["inputs"]}
        shape = self.sizes[_names(node["outputs"])[i]]
        if target in ACTIVATIONS:
            yield {"activation": {"function": ACTIVATIONS[target](args)}}, (), {"closes": True}
        elif target in CELLS:
            yield from CELLS[target](self, args, shape, i)
        else:
            raise Unsaid(f"`{target}`", "an operation of a layer that `aespec layers` lists")

    def arranged(self, order: Order) -> Iterator[Said]:
        """The layer that gives the value's axes this order in the program, where they have another."""
        dims = [self.order[order.index(axis)] + 1 for axis in range(len(order))]
        self.order = order
        if dims != sorted(dims):
            yield {"permute": dims}, (), {}

    def channels_last(self) -> Iterator[Said]:
        """See to it that the program's first axis is the value's last."""
        rank = len(self.order)
        yield from self.arranged((rank - 1, *range(rank - 1)))

    def as_written(self) -> Iterator[Said]:
        """See to it that the axes of the value are the program's."""
        yield from self.arranged(tuple(range(len(self.order))))

    def tensor(self, name: str | None, *axes: int) -> tuple[Tensor, ...]:
        """A parameter, its axes in another order; none where the operation has none."""
        if name is None:
            return ()
        if name not in self.stored:
            raise Unsaid("a computed parameter", "one that is stored")
        key = self.stored[name]
        self.used.add(key)
        stated = self.arrays[key]
        meta = stated["tensor_meta"]
        shape = tuple(size["as_int"] for size in meta["sizes"])
        strides = [stride["as_int"] for stride in meta["strides"]]
        if stated["use_pickle"] or meta["dtype"] not in DTYPES or strides != _strides(shape):
            raise Unsaid(f"the array `{key}`", "float32 or float64, stored as it is")
        axes = axes or tuple(range(len(shape)))
        load = partial(self._load, stated["path_name"], DTYPES[meta["dtype"]], shape, axes)
        return (Tensor(tuple(shape[axis] for axis in axes), load),)

    def _load(self, member: str, dtype: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
        data = np.frombuffer(self.archive.arrays(self.home + member), dtype)
        if data.size != int(np.prod(shape)):
            raise unreadable(self.archive.path, f"{int(np.prod(shape))} numbers in `{member}`", str(data.size))
        return np.ascontiguousarray(data.reshape(shape).transpose(axes))


Said = tuple[Any, tuple[Tensor, ...], dict[str, Any]]
Cell = Callable[[_Reading, dict[str, Any], tuple[int | None, ...], int], Iterator[Said]]


def _linear(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield from reading.as_written()
    weight, bias = args["weight"], args.get("bias")
    fields = {"units": shape[-1], "use_bias": bias is not None}
    if weight not in reading.stored:  # the transpose of another layer's
        source = reading.stored[_main(reading.made[weight][0])]
        if reading.made[weight][0]["target"] != "torch.ops.aten.t.default" or source not in reading.used:
            raise Unsaid("a computed weight", "a parameter")
        yield {"dense": fields}, reading.tensor(bias), {"tied_to": source}
        return
    if (key := reading.stored[weight]) in reading.used:
        raise Unsaid(f"the weight `{key}` of another layer", "a weight of its own, or the transpose")
    yield {"dense": fields}, (*reading.tensor(weight, 1, 0), *reading.tensor(bias)), {"key": key}


def _conv(rank: int, reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield from reading.channels_last()
    (kernel,) = reading.tensor(args["weight"], *range(2, rank + 2), 1, 0)
    sizes, strides, rates = kernel.shape[:rank], _each(args, "stride", 1, rank), _each(args, "dilation", 1, rank)
    padding = args.get("padding", [0])
    if args.get("groups", 1) != 1:
        raise Unsaid(f"`groups={args['groups']}`", "`groups=1`")
    margins = [0] * rank if padding == "valid" else _each(args, "padding", 0, rank) if padding != "same" else None
    same = margins is None or (
        set(strides) == {1} and margins == [(k - 1) * d / 2 for k, d in zip(sizes, rates, strict=True)]
    )
    if not same and any(margins or ()):
        yield {f"zero_padding{rank}d": {"padding": [[n, n] for n in margins or ()]}}, (), {}
    yield (
        _window(f"conv{rank}d", args, kernel.shape[-1], sizes, strides, rates, same and any(n > 1 for n in sizes)),
        (
            kernel,
            *reading.tensor(args.get("bias")),
        ),
        {},
    )


def _conv_transpose(rank: int, reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield from reading.channels_last()
    (kernel,) = reading.tensor(args["weight"], *range(2, rank + 2), 1, 0)
    sizes, strides, rates = kernel.shape[:rank], _each(args, "stride", 1, rank), _each(args, "dilation", 1, rank)
    if args.get("groups", 1) != 1:
        raise Unsaid(f"`groups={args['groups']}`", "`groups=1`")
    yield (
        _window(f"conv{rank}d_transpose", args, kernel.shape[-2], sizes, strides, rates, same=False),
        (
            kernel,
            *reading.tensor(args.get("bias")),
        ),
        {},
    )
    starts, extras = _each(args, "padding", 0, rank), _each(args, "output_padding", 0, rank)
    gaps = [max(s - (k - 1) * d - 1, 0) for k, s, d in zip(sizes, strides, rates, strict=True)]
    ends = [start - extra + gap for start, extra, gap in zip(starts, extras, gaps, strict=True)]
    if any(n < 0 for n in ends):
        raise Unsaid(f"`output_padding={extras}`", "not more than `padding`")
    if any(starts) or any(ends):
        yield {f"cropping{rank}d": {"cropping": [list(pair) for pair in zip(starts, ends, strict=True)]}}, (), {}


def _window(kind: str, args: dict[str, Any], filters: int, sizes: Any, strides: Any, rates: Any, same: bool) -> Any:
    fields = {"filters": filters, "kernel_size": list(sizes), "strides": strides, "dilation_rate": rates}
    padding = {"padding": "same"} if same else {}
    return {kind: {**fields, **padding, "use_bias": args.get("bias") is not None}}


def _pool(kind: str, rank: int, reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield from reading.channels_last()
    size = _each(args, "kernel_size", 1, rank)
    if any(_each(args, "padding", 0, rank)) or args.get("ceil_mode") or set(_each(args, "dilation", 1, rank)) != {1}:
        raise Unsaid("a pooling with padding, dilation or `ceil_mode`", "none of them")
    strides = _each(args, "stride", 0, rank) if args.get("stride") else size
    yield {f"{kind}_pool{rank}d": {"pool_size": size, **({"strides": strides} if strides != size else {})}}, (), {}


def _batch_norm(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield from reading.channels_last()
    names = [args.get(name) for name in ("weight", "bias", "running_mean", "running_var")]
    scale, center = (name is not None for name in names[:2])
    fields = {"momentum": 1 - args["momentum"], "epsilon": args["eps"], "scale": scale, "center": center}
    yield {"batch_normalization": fields}, tuple(t for name in names for t in reading.tensor(name)), {}


def _layer_norm(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield from reading.as_written()
    if len(args["normalized_shape"]) != 1:
        raise Unsaid("a normalization over several axes", "one over the last axis")
    names = [args.get(name) for name in ("weight", "bias")]
    scale, center = (name is not None for name in names)
    fields = {"epsilon": args["eps"], "scale": scale, "center": center}
    yield {"layer_normalization": fields}, tuple(t for name in names for t in reading.tensor(name)), {}


def _flatten(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    if args.get("start_dim", 0) == 0:
        raise Unsaid("a flattened batch axis", "one that is kept")
    yield from reading.as_written()
    reading.order = tuple(range(len(shape)))
    yield ("flatten" if len(shape) == 1 else {"reshape": list(shape)}), (), {}


def _slice(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    """A crop of one spatial axis."""
    dim, start, end = args.get("dim", 0), args.get("start") or 0, args.get("end", LAST)
    end = 0 if end >= LAST else -end
    if not start and not end:
        return
    axis, rank = reading.order[dim - 1], len(shape) - 1
    if dim <= 0 or axis == rank or rank > 2 or start < 0 or end < 0 or args.get("step", 1) != 1:
        raise Unsaid("a slice", "one that crops a spatial axis")
    margins = [[start, end] if each == axis else [0, 0] for each in range(rank)]
    yield {f"cropping{rank}d": {"cropping": margins}}, (), {}


def _reshape(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield from reading.as_written()
    reading.order = tuple(range(len(shape)))
    if sum(n is None for n in shape) > 1:
        raise Unsaid("a shape with several unknown lengths", "one at most")
    yield {"reshape": [-1 if n is None else n for n in shape]}, (), {}


def _permute(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    axes = list(range(len(shape) + 1))
    if "dims" in args:
        axes = [axis % len(axes) for axis in args["dims"]]
    elif "dim0" in args:
        one, other = args["dim0"] % len(axes), args["dim1"] % len(axes)
        axes[one], axes[other] = axes[other], axes[one]
    else:
        axes.insert(args["destination"] % len(axes), axes.pop(args["source"] % len(axes)))
    if axes[0] != 0:
        raise Unsaid("a permutation of the batch axis", "one of the others")
    reading.order = tuple(reading.order[axis - 1] for axis in axes[1:])
    yield from ()


def _dropout(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield {"dropout": args["p"]}, (), {}


def _softmax(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    if reading.order[(args["dim"] - 1) % len(shape) if args["dim"] > 0 else args["dim"]] != len(shape) - 1:
        raise Unsaid(f"a softmax over axis {args['dim']}", "one over channels, the last axis of a spec")
    yield {"activation": {"function": "softmax"}}, (), {"closes": True}


def _same(reading: _Reading, args: dict[str, Any], shape: Any, i: int) -> Iterator[Said]:
    yield from ()


CELLS: dict[str, Cell] = {
    "linear": _linear,
    **{f"conv{rank}d": partial(_conv, rank) for rank in (1, 2)},
    **{f"conv_transpose{rank}d": partial(_conv_transpose, rank) for rank in (1, 2)},
    **{f"max_pool{rank}d": partial(_pool, "max", rank) for rank in (1, 2)},
    **{f"avg_pool{rank}d": partial(_pool, "average", rank) for rank in (1, 2)},
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "flatten": _flatten,
    **dict.fromkeys(("reshape", "view", "unflatten"), _reshape),
    **dict.fromkeys(("permute", "transpose", "movedim"), _permute),
    "slice": _slice,
    "dropout": _dropout,
    "softmax": _softmax,
    **dict.fromkeys(("contiguous", "clone", "alias"), _same),
}
"""What torch's operations are in a spec."""

ACTIVATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{name: lambda args, name=name: name for name in ("relu", "relu6", "selu", "sigmoid", "tanh", "silu", "mish")},  # type: ignore[misc]
    "relu_": lambda args: "relu",
    "hardsigmoid": lambda args: "hard_sigmoid",
    "hardswish": lambda args: "hard_silu",
    "log_sigmoid": lambda args: "log_sigmoid",
    "leaky_relu": lambda args: {"leaky_relu": args.get("negative_slope", 0.01)},
    "elu": lambda args: {"elu": args.get("alpha", 1.0)},
    "celu": lambda args: {"celu": args.get("alpha", 1.0)},
    "gelu": lambda args: {"gelu": {"approximate": args.get("approximate", "none") == "tanh"}},
}
"""Elementwise operations that are activations."""


def _each(args: Mapping[str, Any], name: str, usual: int, rank: int) -> list[int]:
    """An argument that is a number for each spatial axis."""
    value = args.get(name, usual)
    values = value if isinstance(value, list) else [value]
    return values * rank if len(values) == 1 else values


def _main(node: Node) -> str:
    """The tensor that an operation works on."""
    first = node["inputs"][0]["arg"]
    if "as_tensor" not in first:
        raise Unsaid(f"`{node['target'].removeprefix('torch.ops.aten.')}`, which is given several values", "one")
    return str(first["as_tensor"]["name"])


def _value(arg: Any) -> Any:
    """An argument: a number, a list, or a tensor's name."""
    ((kind, value),) = arg.items()
    return None if kind == "as_none" else value["name"] if kind == "as_tensor" else value


def _names(outputs: Any) -> list[str]:
    return [output["as_tensor"]["name"] for output in outputs if "as_tensor" in output]


def _lengths(sizes: Any) -> tuple[int | None, ...]:
    """The lengths of all axes but the batch's."""
    return tuple(size.get("as_int") for size in sizes[1:])


def _strides(shape: tuple[int, ...]) -> list[int]:
    """The strides of an array that lies as it is."""
    return [int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape))]


def _stack(node: Node) -> list[str]:
    """The modules around an operation, the outermost first, by their paths."""
    stack = node["metadata"].get("nn_module_stack", "")
    return [entry.split(",")[1] for entry in stack.split(";")[1:] if entry.count(",") >= 2]


def _block(node: Node) -> str:
    """The module right within the model that has an operation."""
    return next(iter(_stack(node)), "")


def _path(node: Node) -> str:
    """The innermost module of an operation, or the operation."""
    return next(iter(_stack(node)[::-1]), str(node["name"]))
