"""What a call of Python was meant to be, as Keras, PyTorch and their users write layers, losses and optimizers."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from aespec.faults import faulty, inner_models
from aespec.fieldnames import field_meant, follows, known_elsewhere
from aespec.kind import Kind, own_first
from aespec.meanings import fields_meant, idle, short
from aespec.registry import kinds, nearest_kind

__all__ = [
    "AROUND",
    "Called",
    "accepts",
    "accepts_all",
    "arguments_meant",
    "as_arguments",
    "behind_input",
    "call_meant",
    "callbacks",
    "called_name",
    "list_meant",
    "of_pytorch",
    "padded_apart",
]


@dataclass(frozen=True)
class Called:
    """What a call comes to."""

    kind: dict[str, Any]
    """The kind, with its fields or its single value."""
    left: tuple[str, ...] = ()
    """The arguments, as they are written, for which it has nothing."""


def call_meant(family: str, text: str, rank: int | None = None) -> Called | None:
    """The kind with its fields, of a call as Keras or PyTorch have it; None where it cannot be read.

    >>> call_meant("layer", "Dense(10, activation='relu')").kind, call_meant("layer", "nn.Linear(20, 10)").kind
    ({'dense': {'units': 10, 'activation': 'relu'}}, {'dense': 10})
    >>> call_meant("optimizer", "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)").kind
    {'sgd': {'learning_rate': 0.1, 'momentum': 0.9}}
    >>> call_meant("layer", "nn.GRU(4, 8, num_layers=2)")
    Called(kind={'gru': 8}, left=('num_layers=2',))
    """
    call = _parsed(text)
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Call):  # applied to a tensor
        call = call.func
    if not isinstance(call, ast.Call):
        return None
    name = ast.unparse(call.func)
    kind = nearest_kind(name.rpartition(".")[2], family, rank=rank)
    if kind is None:
        return None
    member = kinds(family)[kind]
    pytorch = _of_pytorch(name, call)
    fields: dict[str, Any] = {}
    left: list[str] = []
    written = {each.arg for each in call.keywords}
    both_ways = False
    for argument, node in _arguments(kind, member, call, pytorch=pytorch):
        value = _stated(member, argument, node)
        if argument == "bidirectional" and value is True and kind in ("lstm", "gru"):
            both_ways = True
            continue
        known = argument in member.model_fields or known_elsewhere(argument, member.model_fields)
        if (not known and idle(argument, value)) or value is None or (family != "layer" and argument == "name"):
            continue
        meant = {argument: value} if argument in member.model_fields else fields_meant(member, {argument: value})
        if pytorch and kind.startswith("upsampling") and argument == "size":
            meant = {}  # of the output, not how often each value is repeated
        stands = {field: each for field, each in meant.items() if _holds(member, field, each)}
        if not stands and not follows(argument):
            left.append(f"{argument}={ast.unparse(node)}" if argument in written else ast.unparse(node))
        fields |= stands
    if pytorch:
        fields = _of_keras(kind, fields, left)
    fields = {**_defaults_elsewhere(name, kind, pytorch=pytorch), **fields}
    # A number for `padding`, which no kind takes, is told apart from it.
    own = {field: value for field, value in fields.items() if field != "padding" or isinstance(value, str)}
    if not accepts_all(member, own):
        return None
    meant = {kind: _as_written(member, fields)}
    return Called({"bidirectional": {"layer": meant}} if both_ways else meant, tuple(left))


def _holds(kind: type[Kind], field: str, value: Any) -> bool:
    """Whether a field can hold a value; a number for `padding`, which none can, is told apart."""
    if field not in kind.model_fields or value is _UNKNOWN:
        return False
    return accepts(kind, field, value) or (field == "padding" and not isinstance(value, str))


def _as_written(kind: type[Kind], fields: dict[str, Any]) -> Any:
    """The fields as a spec has them: a single value alone, unless it is a kind itself, which needs its field's name."""
    if kind.main and [*fields] == [kind.main] and not isinstance(fields[kind.main], dict):
        return fields[kind.main]
    return fields or None


def called_name(text: str) -> str:
    """What a text calls, or names: of ``nn.Linear(4, 8)`` it is ``nn.Linear``."""
    return text.partition("(")[0]


def list_meant(family: str, stated: Sequence[Any], rank: int | None = None) -> Called | None:
    """The kind of a list that begins with its name, and goes on with what the call of that name would be given.

    >>> list_meant("layer", ["dense", 64, "relu"]).kind
    {'dense': {'units': 64, 'activation': 'relu'}}
    """
    if len(stated) < 2 or not isinstance(stated[0], str) or not stated[0].isidentifier():
        return None
    return call_meant(family, f"{stated[0]}({as_arguments(stated[1:])})", rank)


def as_arguments(stated: Any) -> str:
    """What a kind is given, a value, several or fields, as a call of it has them.

    >>> as_arguments(3), as_arguments([3, {"activation": "relu"}]), as_arguments({"units": 3})
    ('3', "3, activation='relu'", 'units=3')
    """
    given = []
    for each in stated if isinstance(stated, list) else [stated]:
        given += [f"{key}={value!r}" for key, value in each.items()] if isinstance(each, dict) else [repr(each)]
    return ", ".join(given)


def _arguments(kind: str, member: type[Kind], call: ast.Call, *, pytorch: bool) -> Iterator[tuple[str, ast.expr]]:
    """Each argument with its name; what comes in is left out, which elsewhere is said to layers and optimizers."""
    values = list(call.args)
    own = [member.main, *own_first(member)] if member.main else own_first(member)
    order = _IN_PYTORCH.get(kind, ()) if pytorch else _IN_KERAS.get(kind, ())
    order = order or tuple(dict.fromkeys(own))
    named = {field_meant(each.arg or "", member.model_fields) for each in call.keywords}
    if order[:1] == ("",) and len(values) == 1 and member.main in order and member.main not in named:
        order = order[1:]  # what comes in was left out, as it is here
    if member.family == "activation" and values and isinstance(values[0], ast.Name):
        values = values[1:]  # a function that is given what it is applied to
    for at, node in enumerate(values):
        name = order[at] if at < len(order) else f"argument {at + 1}"
        if name:
            yield name, node
    yield from ((each.arg or "**", each.value) for each in call.keywords)


_CONV = ("filters", "kernel_size", "strides", "padding")
_POOL = ("pool_size", "strides", "padding")
_POOLS = ("max_pool1d", "max_pool2d", "average_pool1d", "average_pool2d")

_IN_PYTORCH: Mapping[str, tuple[str, ...]] = {
    "dense": ("", "units", "use_bias"),
    **dict.fromkeys(("conv1d", "conv2d"), ("", *_CONV, "dilation_rate", "groups", "use_bias")),
    **dict.fromkeys(
        ("conv1d_transpose", "conv2d_transpose"),
        ("", *_CONV, "output_padding", "groups", "use_bias", "dilation_rate"),
    ),
    **dict.fromkeys(("lstm", "gru"), ("", "units", "num_layers", "use_bias")),
    "batch_normalization": ("", "epsilon", "momentum"),
    "layer_normalization": ("", "epsilon"),
    **dict.fromkeys(_POOLS, _POOL),
    **dict.fromkeys(("global_average_pool1d", "global_average_pool2d"), ("output_size",)),
    "flatten": ("start_dim", "end_dim"),
    "reshape": ("dim", "target_shape"),
    "dropout": ("rate", "inplace"),
    "leaky_relu": ("negative_slope", "inplace"),
    **dict.fromkeys(("elu", "celu"), ("alpha", "inplace")),
    **dict.fromkeys(("relu", "relu6", "selu", "silu", "mish"), ("inplace",)),
    "softmax": ("dim",),
    "sgd": ("", "learning_rate", "momentum", "dampening", "weight_decay", "nesterov"),
    **dict.fromkeys(("adam", "adamw", "nadam", "adamax"), ("", "learning_rate", "betas", "epsilon", "weight_decay")),
    "rmsprop": ("", "learning_rate", "rho", "epsilon", "weight_decay", "momentum", "centered"),
    "adagrad": ("", "learning_rate", "lr_decay", "weight_decay", "initial_accumulator_value", "epsilon"),
    "adadelta": ("", "learning_rate", "rho", "epsilon", "weight_decay"),
    "reduce_on_plateau": ("", "mode", "factor", "patience"),
    **dict.fromkeys(("upsampling1d", "upsampling2d"), ("size", "scale_factor")),
    "step": ("", "every", "factor"),
    "exponential": ("", "factor"),
    "cosine": ("", "T_max"),
}
"""Arguments of PyTorch's by position; what is empty is what comes in, or what is optimized."""

_IN_KERAS: Mapping[str, tuple[str, ...]] = {
    "dense": ("units", "activation", "use_bias"),
    **dict.fromkeys(("conv1d", "conv2d", "conv1d_transpose", "conv2d_transpose"), _CONV),
    **dict.fromkeys(("lstm", "gru"), ("units", "activation", "recurrent_activation", "use_bias")),
    **dict.fromkeys(_POOLS, _POOL),
    "exponential": ("initial_learning_rate", "decay_steps", "decay_rate"),
    "cosine": ("initial_learning_rate", "decay_steps"),
    "selu": ("x",),
}
"""Arguments of Keras's by position, where they differ from the order of the fields here."""


def arguments_meant(owner: type[BaseModel], field: str, text: str) -> Any:
    """What a field is to hold, of a tuple or a call of what the field holds; None where it is neither.

    >>> from aespec.plan import TrainingPlan
    >>> arguments_meant(TrainingPlan, "early_stopping", "EarlyStopping(patience=5, min_delta=0.1)")
    {'patience': 5, 'min_delta': 0.1}
    """
    node, value = _parsed(text), None
    if isinstance(node, ast.Tuple):
        value = _literal(node)
    same = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].lower() == field.replace("_", "")
    keywords = node.keywords if isinstance(node, ast.Call) and same and not node.args else ()
    for model in inner_models(owner, field) if keywords else ():
        named = {each.arg or "": _literal(each.value) for each in keywords if not _watched(each)}
        value = {field_meant(arg, model.model_fields) or arg: each for arg, each in named.items()}
    if not value or not accepts(owner, field, value):
        return None
    main = next(filter(None, (getattr(each, "main", None) for each in inner_models(owner, field))), None)
    return value[main] if isinstance(value, dict) and [*value] == [main] else value


def accepts(owner: type[BaseModel], field: str, value: Any) -> bool:
    """Whether a field can hold a value, whatever stands beside it."""
    try:
        owner.model_validate({field: value})
    except ValidationError as error:
        return all(loc[:1] != (field,) for loc in faulty(error.errors()))
    return True


def _watched(argument: ast.keyword) -> bool:
    """Whether an argument of Keras's ``EarlyStopping`` says what is so here."""
    losses = ("val_loss", "loss", "min", "auto")
    return argument.arg == "verbose" or (argument.arg in ("monitor", "mode") and _literal(argument.value) in losses)


def behind_input(name: str, kind: str, values: Sequence[Any]) -> dict[str, Any] | None:
    """A layer of the values that PyTorch's of that name is given: what comes in, which follows here, and the rest.

    >>> behind_input("Linear", "dense", [20, 10]), behind_input("nn.Conv2d", "conv2d", [3, 16, 5])
    ({'dense': 10}, {'conv2d': {'filters': 16, 'kernel_size': 5}})
    """
    if _IN_PYTORCH.get(kind, ())[:1] != ("",) or not of_pytorch(name) or len(values) < 2:
        return None
    called = call_meant("layer", f"{name}({', '.join(map(repr, values))})")
    return called.kind if called and not called.left else None


def callbacks(value: Any) -> list[tuple[str, Any]]:
    """Each callback by its name, with what it is given: of a list of calls, names or mappings, or of one.

    >>> callbacks(["EarlyStopping(patience=5", "min_delta=0.1)", {"ModelCheckpoint": {"save_top_k": 1}}])
    [('EarlyStopping', {'patience': 5, 'min_delta': 0.1}), ('ModelCheckpoint', {'save_top_k': 1})]
    """
    found: list[tuple[str, Any]] = []
    text = ""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            found += _named_fields(each)
            continue
        text = f"{text}, {each}" if text else str(each or "").strip("[]")
        if text.count("(") > text.count(")"):  # cut at a comma
            continue
        node = _parsed(f"[{text}]") if text else None
        for call in node.elts if isinstance(node, ast.List) else ():
            if isinstance(call, ast.Call):
                stated = ((each.arg, _literal(each.value)) for each in call.keywords)
                given = {name: value for name, value in stated if value is not _UNKNOWN}
                found.append((ast.unparse(call.func).rpartition(".")[2], given))
            else:
                found.append((ast.unparse(call).rpartition(".")[2], None))
        text = ""
    return found


def _named_fields(stated: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The name that a mapping states as a value, with its other fields; else each key with what it holds."""
    name = next((key for key in ("type", "class_name", "_target_", "name") if isinstance(stated.get(key), str)), None)
    if name is None:
        return [(str(key).rpartition(".")[2], value) for key, value in stated.items()]
    others = {key: value for key, value in stated.items() if key != name}
    held = next((key for key in ("config", "args", "kwargs") if isinstance(others.get(key), dict)), None)
    inner = others.pop(held) if held else {}
    return [(stated[name].rpartition(".")[2], {**others, **inner})]


AROUND: Mapping[str, tuple[str, str]] = {
    "conv1d": ("zero_padding1d", "before"),
    "conv2d": ("zero_padding2d", "before"),
    "conv1d_transpose": ("cropping1d", "behind"),
    "conv2d_transpose": ("cropping2d", "behind"),
}
"""The layer that does what a number for ``padding`` does elsewhere, and where it stands."""


def padded_apart(layer: dict[str, Any]) -> list[dict[str, Any]]:
    """A convolution that states a number for ``padding``, as PyTorch's do, as layers that compute the same.

    >>> padded_apart({"conv2d": {"filters": 8, "kernel_size": 4, "padding": 1}})
    [{'zero_padding2d': 1}, {'conv2d': {'filters': 8, 'kernel_size': 4}}]
    """
    ((name, fields),) = layer.items()
    number = fields.get("padding") if isinstance(fields, dict) and name in AROUND else None
    if number is None or isinstance(number, str):
        return [layer]
    around, where = AROUND[name]
    layers = [{around: number}, {name: {field: each for field, each in fields.items() if field != "padding"}}]
    return layers if where == "before" else layers[::-1]


_PYTORCH = re.compile(
    r"(torch\.)?(nn|optim|F)\..*|[Ll]inear|Unflatten|Conv(Transpose)?[12]d|BatchNorm[12]d|\w+LR|\w+Pool[12]d"
)
"""What PyTorch calls as Keras does not."""


def of_pytorch(name: str) -> bool:
    """Whether a name is one that PyTorch has and Keras has not."""
    return bool(_PYTORCH.fullmatch(name))


def _of_pytorch(name: str, call: ast.Call) -> bool:
    """Whether a call is of PyTorch's, by its name or by arguments that Keras's have not."""
    if of_pytorch(name) or any(each.arg == "batch_first" for each in call.keywords):
        return True
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Call) and ast.unparse(first.func).endswith("parameters")


_DEFAULTS_OF_PYTORCH: Mapping[str, Mapping[str, Any]] = {
    "leaky_relu": {"negative_slope": 0.01},
    "batch_normalization": {"momentum": 0.9, "epsilon": 1e-5},
    "layer_normalization": {"epsilon": 1e-5},
    "adamw": {"weight_decay": 0.01},
    "nadam": {"learning_rate": 0.002},
    "adamax": {"learning_rate": 0.002},
    "adadelta": {"learning_rate": 1.0, "rho": 0.9},
    "adagrad": {"learning_rate": 0.01, "initial_accumulator_value": 0.0},
    "rmsprop": {"learning_rate": 0.01, "rho": 0.99},
}
"""What PyTorch's have where nothing is stated, and kinds here have not."""

_DEFAULTS_OF_KERAS: Mapping[str, Mapping[str, Any]] = {"leaky_relu": {"negative_slope": 0.3}}


def _defaults_elsewhere(name: str, kind: str, *, pytorch: bool) -> Mapping[str, Any]:
    """The fields of a kind that differ where they are not stated, in what PyTorch or Keras calls so."""
    if pytorch:
        return _DEFAULTS_OF_PYTORCH.get(kind, {})
    of_keras = name.startswith(("layers.", "keras.", "tf.")) and name.rpartition(".")[2][:1].isupper()
    return _DEFAULTS_OF_KERAS.get(kind, {}) if of_keras else {}


def _of_keras(kind: str, fields: Mapping[str, Any], left: list[str]) -> dict[str, Any]:
    """Fields of what PyTorch has with the meaning that they have here, which is Keras's; what has none is left."""
    found = dict(fields)
    if kind == "batch_normalization" and type(found.get("momentum")) is float:
        found["momentum"] = round(1 - found["momentum"], 10)  # the share that is kept, not that of the new
    if found.get("weight_decay") and kind not in ("adamw", "sgd"):  # a penalty there, whose gradient is scaled too
        left.append(f"weight_decay={found.pop('weight_decay')}")
    size, pad = found.get("kernel_size"), found.get("padding")
    odd = type(size) is int and size % 2 == 1 and "transpose" not in kind and found.get("dilation_rate", 1) == 1
    if pad == 0 and type(pad) is int:
        found["padding"] = "valid"
    elif odd and type(size) is int and pad == size // 2 and found.get("strides", 1) == 1:
        found["padding"] = "same"
    elif kind in _POOLS and pad:
        left.append(f"padding={found.pop('padding')}")
    shape = found.get("target_shape")
    if kind == "reshape" and isinstance(shape, list) and len(shape) == 3:
        found["target_shape"] = [*shape[1:], shape[0]]  # channels stand first there
    if kind.startswith("zero_padding") and isinstance(pad, list) and len(pad) == 2 * int(kind[-2]):
        found["padding"] = [pad[at : at + 2] for at in range(len(pad) - 2, -1, -2)]  # the last axis stands first there
    return found


def accepts_all(kind: type[Kind], fields: Mapping[str, Any]) -> bool:
    """Whether a kind takes these fields, and needs no other."""
    try:
        kind.model_validate(fields)
    except ValidationError:
        return False
    return True


def _stated(kind: type[Kind], argument: str, node: ast.expr) -> Any:
    """What an argument of a call comes to: a literal, the name of a function, or a kind of its own, `L2(0.1)`."""
    if isinstance(node, ast.Attribute | ast.Name):
        names = isinstance(node, ast.Attribute) or _takes_names(kind, field_meant(argument, kind.model_fields))
        return ast.unparse(node).rpartition(".")[2] if names else _UNKNOWN
    if isinstance(node, ast.Call):
        text, field = ast.unparse(node), field_meant(argument, kind.model_fields)
        families = [each.family for each in inner_models(kind, field or "") if issubclass(each, Kind)]
        found = next((meant for family in families if (meant := call_meant(family, text))), None)
        return short(found.kind) if found and not found.left else _UNKNOWN
    return _literal(node)


def _takes_names(kind: type[Kind], field: str | None) -> bool:
    """Whether a field holds a kind, which a name alone can be."""
    return any(issubclass(each, Kind) for each in inner_models(kind, field or ""))


def _literal(node: ast.expr) -> Any:
    """A literal of Python as YAML would have it."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return _UNKNOWN
    value = list(value) if isinstance(value, tuple) else value
    return value if isinstance(value, bool | int | float | str | list | dict | None) else _UNKNOWN


def _parsed(text: str) -> ast.expr | None:
    """An expression of Python; None where it is none, or too long."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            found = ast.parse(text.strip()[:_LONGEST], mode="eval").body
            ast.unparse(found)  # which fails where it is nested too deep
            return found
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_LONGEST = 500
"""Characters of a call that are looked at."""

_UNKNOWN = object()
