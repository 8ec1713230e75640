"""A ``.keras`` file read as data: its JSON and its HDF5 arrays. No Keras object is made of it, and no code is run."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import h5py  # type: ignore[import-untyped]

from aespec.importing import Archive, Flaw, Found, Part, Tensor, branching, unreadable

__all__ = ["read"]

Config = Mapping[str, Any]
Special: TypeAlias = "Callable[[_Reading, Config], Any]"


def read(archive: Archive) -> Found:
    """What a file of Keras 3 holds; see `aespec.importing.Reader`.

    Raises:
        AespecError: It is damaged, or no chain of layers.
    """
    written = archive.json("metadata.json")
    version = str(written.get("keras_version")) if isinstance(written, dict) else "none"
    if not version.startswith("3."):
        raise unreadable(archive.path, "a file of Keras 3", f"version {version}", "load and save it with Keras 3")
    config = archive.json("config.json")
    try:
        file = h5py.File(io.BytesIO(archive.arrays("model.weights.h5")), "r")  # open while its arrays are in use
        reading = _Reading(file)
        parts, shape = list(reading.chain(config, "", None)), _input(config)
    except Unsaid as unsaid:
        raise branching(archive.path, unsaid.what) from None
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OSError,
        RuntimeError,
        RecursionError,
    ) as error:
        got = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise unreadable(archive.path, "a model as Keras 3 writes it", got) from None
    loss = _loss(config.get("compile_config"))
    notes = () if loss else ("the file states no loss that a spec can say: it is `mse`",)
    return Found(str(config["config"]["name"]), shape, tuple(parts), tuple(reading.flaws), loss, notes)


class Unsaid(Exception):
    """A field that a spec cannot say: what it is, and what would be right."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what)
        self.what, self.why = what, why


@dataclass(frozen=True)
class Cell:
    """How the fields of a Keras layer are said."""

    kind: str
    fields: tuple[str, ...] = ()
    """Those that a spec has under the same name."""
    vars: tuple[str, ...] = ()
    """Where the layer's group has its parameters."""


_BIAS = ("use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer")
_WEIGHTED = (*_BIAS, "activity_regularizer")
_WINDOW = ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", *_WEIGHTED)
_RECURRENT = ("units", "return_sequences", "recurrent_initializer", "recurrent_regularizer", *_WEIGHTED)
_POOL = ("pool_size", "strides", "padding")
_NORM = ("epsilon", "center", "scale", "beta_initializer", "gamma_initializer")

CELLS = {
    "Dense": Cell("dense", ("units", "activation", *_WEIGHTED), vars=("vars",)),
    "Conv1D": Cell("conv1d", _WINDOW, vars=("vars",)),
    "Conv2D": Cell("conv2d", _WINDOW, vars=("vars",)),
    "Conv1DTranspose": Cell("conv1d_transpose", (*_WINDOW, "output_padding"), vars=("vars",)),
    "Conv2DTranspose": Cell("conv2d_transpose", (*_WINDOW, "output_padding"), vars=("vars",)),
    "LSTM": Cell("lstm", (*_RECURRENT, "unit_forget_bias"), vars=("cell/vars",)),
    "GRU": Cell("gru", _RECURRENT, vars=("cell/vars",)),
    "BatchNormalization": Cell("batch_normalization", ("momentum", *_NORM), vars=("vars",)),
    "LayerNormalization": Cell("layer_normalization", _NORM, vars=("vars",)),
    "MaxPooling1D": Cell("max_pool1d", _POOL),
    "MaxPooling2D": Cell("max_pool2d", _POOL),
    "AveragePooling1D": Cell("average_pool1d", _POOL),
    "AveragePooling2D": Cell("average_pool2d", _POOL),
    "GlobalAveragePooling1D": Cell("global_average_pool1d"),
    "GlobalAveragePooling2D": Cell("global_average_pool2d"),
    "UpSampling1D": Cell("upsampling1d", ("size",)),
    "UpSampling2D": Cell("upsampling2d", ("size",)),
    "ZeroPadding1D": Cell("zero_padding1d", ("padding",)),
    "ZeroPadding2D": Cell("zero_padding2d", ("padding",)),
    "Cropping1D": Cell("cropping1d", ("cropping",)),
    "Cropping2D": Cell("cropping2d", ("cropping",)),
    "Flatten": Cell("flatten"),
    "Reshape": Cell("reshape", ("target_shape",)),
    "Permute": Cell("permute", ("dims",)),
    "RepeatVector": Cell("repeat_vector", ("n",)),
    "Dropout": Cell("dropout", ("rate",)),
    "GaussianNoise": Cell("gaussian_noise", ("stddev",)),
    "Activation": Cell("activation", ("activation", "activity_regularizer")),
}
"""What Keras's layers are in a spec, field by field."""

for _stock, _own in (
    ("Dense", ("TiedDense",)),
    ("Conv1D", ("TiedConv1D",)),
    ("Conv2D", ("TiedConv2D",)),
    ("Conv1DTranspose", ("TiedConv1DTranspose", "DilatedConv1DTranspose")),
    ("Conv2DTranspose", ("TiedConv2DTranspose", "DilatedConv2DTranspose")),
):
    CELLS |= {f"aespec>{name}": CELLS[_stock] for name in _own}

ONE_AXIS = {"UpSampling1D": "size", "ZeroPadding1D": "padding", "Cropping1D": "cropping"}
"""Fields that Keras writes without a list for the one axis."""

SILENT = {"name", "dtype", "trainable", "seed", "unroll", "zero_output_for_mask", "moving_mean_initializer"}
SILENT |= {"moving_variance_initializer", "renorm_clipping", "renorm_momentum", "synchronized", "source", "function"}
SILENT |= {"implementation", "batch_input_shape", "input_axes", "output_axes", "build_input_shape"}
"""Fields that change nothing that a spec says, or are read elsewhere."""

USUAL = {
    "groups": (1,),
    "data_format": ("channels_last",),
    "interpolation": ("nearest",),
    "recurrent_activation": ("sigmoid",),
    "reset_after": (True,),
    "axis": (-1, [-1]),
    "activation": ("tanh",),
}
"""Fields that a spec has not, with what they have to be; all others have to be unset."""

TRAINING = {"dropout", "recurrent_dropout", "noise_shape"}
"""Fields that matter in training alone, as constraints do."""


class _Reading:
    """The layers of a file, and what a spec cannot say of them."""

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self.flaws: list[Flaw] = []

    def chain(self, model: Config, group: str, encoding: bool | None) -> Iterator[Part]:
        """The parts of a model, whose arrays lie in that group."""
        layers = _in_order(model)
        inner = [layer for layer, _ in layers if _is_model(layer)]
        split = encoding is None and len(inner) == len(layers) == 2
        groups = _groups(model["config"]["layers"], f"{group}layers/")
        for layer, position in layers:
            at = groups[position]
            of = layer is inner[0] if split else encoding
            special = _special(layer) if _is_model(layer) else None
            if special is not None:
                yield replace(self._special(special, layer, at), encoding=of)
            elif _is_model(layer):
                yield from self.chain(layer, f"{at}/", of)
            elif (part := self._part(layer, at)) is not None:
                yield replace(part, encoding=of)

    def _part(self, layer: Config, at: str) -> Part | None:
        """A layer, or None where a spec cannot say it."""
        name = str(layer["config"]["name"])
        try:
            kind, fields, where = self._said(layer)
        except Unsaid as unsaid:
            self._flaw(name, unsaid.what, unsaid.why)
            return None
        source = layer["config"].get("source")
        tensors = [tensor for place in where for tensor in self._tensors(f"{at}/{place}")]
        if source is not None:
            tensors = tensors[1:]  # the kernel, which stands at its source
        if (own := re.fullmatch(r"time_distributed_\d+", name)) and kind != "time_distributed":
            kind, fields = "time_distributed", {"layer": {kind: fields}}  # how a model of a spec has such a layer
        said = {kind: {**fields, **_freeze(layer["config"]), **_name(name, layer["class_name"], kind)}}
        return Part(
            name,
            said,
            tuple(tensors),
            closes=name.endswith("_activation") and not own,
            key=str(layer.get("shared_object_id", "")) or None,
            tied_to=None if source is None else str(source.get("shared_object_id")),
        )

    def _said(self, layer: Config) -> tuple[str, dict[str, Any], tuple[str, ...]]:
        """A layer's kind, its fields and where its arrays are.

        Raises:
            Unsaid: A spec cannot say it.
        """
        config, given = layer["config"], _registered(layer)
        _check_dtype(config)
        if given in ("ReLU", "LeakyReLU", "ELU", "Softmax"):
            return "activation", {"function": _activation(layer)}, ()
        if given in ("TimeDistributed", "aespec>Steps"):
            kind, fields, places = self._said(config["layer"])
            return "time_distributed", {"layer": {kind: fields}}, tuple(f"layer/{place}" for place in places)
        if given == "Bidirectional":
            kind, fields, places = self._said(config["layer"])
            twin = config.get("backward_layer")
            if twin is not None and not _alike(config["layer"]["config"], twin["config"]):
                raise Unsaid("two layers that differ", "a backward layer like the forward one")
            where = tuple(f"{way}_layer/{place}" for way in ("forward", "backward") for place in places)
            return "bidirectional", {"layer": {kind: fields}, "merge_mode": config["merge_mode"]}, where
        cell = CELLS.get(given)
        if cell is None:
            raise Unsaid(f"a layer `{given}`", "a layer that `aespec layers` lists")
        for key, value in config.items():
            if key not in cell.fields:
                self._check(config, key, value)
        fields = dict(self.fields(cell.fields, config))
        if given in ONE_AXIS:
            fields[ONE_AXIS[given]] = [fields[ONE_AXIS[given]]]
        if given == "Activation":
            fields["function"] = fields.pop("activation")
        return cell.kind, fields, cell.vars

    def fields(self, names: Sequence[str], config: Config) -> Iterator[tuple[str, Any]]:
        """Those of a layer's fields, as a spec states them."""
        without_bias = {"bias_initializer", "bias_regularizer"} if config.get("use_bias") is False else set()
        for key in names:
            value = config.get(key)
            if value is None or key in without_bias or (key == "strides" and value == config.get("pool_size")):
                continue
            if key.endswith("_initializer"):
                yield from self._initialized(config, key, value)
            elif key.endswith("_regularizer"):
                yield from self._regularized(config, key, value)
            elif key == "activation":
                yield key, _activation(value)
            elif key == "output_padding":
                yield key, _ends(config, value)
            else:
                yield key, value

    def _check(self, config: Config, key: str, value: Any) -> None:
        """Refuse a field that a spec has not, unless it is at what a spec means."""
        if key in SILENT or value in USUAL.get(key, (None, False, 0, [0, 0])):
            return
        wanted = USUAL.get(key, (None,))[0]
        if key in TRAINING or key.endswith("_constraint"):
            what = value.get("class_name", value) if isinstance(value, dict) else value
            self._flaw(
                str(config["name"]), f"`{key}: {what}`, which matters in training", "a layer without", changes=False
            )
        else:
            raise Unsaid(f"`{key}: {value}`", f"`{key}: {wanted}`" if wanted is not None else f"no `{key}`")

    def _initialized(self, config: Config, key: str, value: Any) -> Iterator[tuple[str, Any]]:
        kind = _snake(value["class_name"])
        if _registered(value) != value["class_name"] or kind not in INITIALIZERS:
            what = f"`{key}` by `{_registered(value)}`, which matters before training"
            self._flaw(str(config["name"]), what, "an initializer of Keras", changes=False)
        else:
            yield key, {kind: {k: v for k, v in value["config"].items() if v is not None and k != "seed"}}

    def _regularized(self, config: Config, key: str, value: Any) -> Iterator[tuple[str, Any]]:
        said = REGULARIZERS.get(_registered(value))
        if said is None:
            what = f"`{key}: {_registered(value)}`, which matters in training"
            self._flaw(str(config["name"]), what, "`L1`, `L2` or `L1L2`", changes=False)
        else:
            yield key, said(value["config"])

    def _special(self, special: Special, layer: Config, at: str) -> Part:
        """A model that stands for one kind of layer."""
        inner = _groups(layer["config"]["layers"], f"{at}/layers/")
        tensors = [tensor for group in inner for tensor in self._tensors(f"{group}/vars")]
        name = str(layer["config"]["name"])
        value = special(self, layer["config"])
        (kind,) = value
        said = {kind: {**value[kind], **_name(name, "Functional", kind)}}
        return Part(name, said, tuple(tensors), closes=name.endswith("_activation"))

    def _tensors(self, at: str) -> Iterator[Tensor]:
        """The arrays in a group, which lie in the file itself."""
        group: Any = self.file
        for step in at.split("/"):
            if step not in group:
                return
            if not isinstance(group.get(step, getlink=True), h5py.HardLink):
                raise ValueError(f"{at} is a link to somewhere else")
            group = group[step]
        for i in range(len(group)):
            own = isinstance(group.get(str(i), getlink=True), h5py.HardLink)
            if not own or (data := group[str(i)]).external or data.is_virtual:
                raise ValueError(f"{at}/{i} lies outside the file")
            if data.id.get_storage_size() != data.nbytes:
                raise ValueError(f"{at}/{i} is not stored as it is")
            if data.dtype.kind == "f":  # a noise layer keeps the state of its random numbers, in whole numbers
                yield Tensor(tuple(data.shape), partial(data.__getitem__, ()))

    def _flaw(self, name: str, what: str, why: str, *, changes: bool = True) -> None:
        self.flaws.append(Flaw(name, what, why, "change the layer", changes))


INITIALIZERS = {"zeros", "ones", "constant", "random_uniform", "random_normal", "truncated_normal", "variance_scaling"}
INITIALIZERS |= {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"}
INITIALIZERS |= {"orthogonal"}

REGULARIZERS: dict[str, Callable[[Config], Any]] = {
    "L1": lambda config: {"l1": config["l1"]},
    "L2": lambda config: {"l2": config["l2"]},
    "L1L2": lambda config: {"l1_l2": {"l1": config["l1"], "l2": config["l2"]}},
    "aespec>KLDivergence": lambda config: {"kl_divergence": dict(config)},
}

ACTIVATIONS = {"swish": "silu", "hard_swish": "hard_silu"}
"""Other names of activations."""

LOSSES = {
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "mse": "mse",
    "mae": "mae",
    "huber": "huber",
    "binary_crossentropy": "binary_crossentropy",
    "categorical_crossentropy": "categorical_crossentropy",
}


def _activation(value: Any) -> Any:
    """An activation, written as a name or as a layer.

    Raises:
        Unsaid: A spec has none such.
    """
    if isinstance(value, str):
        return ACTIVATIONS.get(value, value)
    given, config = _registered(value), value["config"]
    if given == "ReLU" and not config["threshold"]:
        slope, most = config["negative_slope"], config["max_value"]
        if most is None:
            return {"leaky_relu": slope} if slope else "relu"
        if most == 6 and not slope:
            return "relu6"
    if given == "LeakyReLU":
        return {"leaky_relu": config["negative_slope"]}
    if given == "ELU":
        return {"elu": config["alpha"]}
    if given == "Softmax" and config["axis"] == -1:
        return "softmax"
    raise Unsaid(f"an activation `{given}` of {dict(config) if isinstance(config, dict) else config}", "a usual one")


def _loss(compiled: Any) -> Any:
    value = compiled.get("loss") if isinstance(compiled, dict) else None
    name = value.get("class_name") if isinstance(value, dict) else value
    return LOSSES.get(_snake(name)) if isinstance(name, str) else None


def _special(model: Config) -> Special | None:
    """What a nested model stands for, by the layers that it is made of, where it stands for one kind of layer."""
    return SPECIAL.get(tuple(layer["class_name"] for layer in model["config"]["layers"]))


def _masking(reading: _Reading, config: Config) -> Any:
    return {"masking_noise": {"rate": config["layers"][2]["config"]["rate"]}}


def _leaky(reading: _Reading, config: Config) -> Any:
    return {"activation": {"function": {"leaky_relu": config["layers"][1]["config"]["negative_slope"]}}}


def _gaussian(reading: _Reading, config: Config) -> Any:
    by_name = {layer["name"]: layer["config"] for layer in config["layers"]}
    penalty = by_name["divergence"].get("activity_regularizer")
    return {
        "gaussian_latent": {
            "units": by_name["mean"]["units"],
            "beta": 2 * penalty["config"]["l1"] if penalty else 0.0,
            **dict(reading.fields(("kernel_initializer", "bias_initializer"), by_name["mean"])),
        }
    }


SPECIAL: dict[tuple[str, ...], Special] = {
    ("InputLayer", "LeakyRelu"): _leaky,
    ("InputLayer", "OnesLike", "Dropout", "Minimum", "Multiply"): _masking,
    (
        *("InputLayer", "Dense", "Dense", "Cast", "Square", "Cast", "Subtract", "Expm1", "Add", "Cast", "Activation"),
        *("TrueDivide", "ZerosLike", "Exp", "GaussianNoise", "Multiply", "Add"),
    ): _gaussian,
}


def _in_order(model: Config) -> list[tuple[Config, int]]:
    """The layers of a model one after the other, without its input, each with its position in the list.

    Raises:
        Unsaid: They are no chain.
    """
    layers = model["config"]["layers"]
    if model["class_name"] == "Sequential":
        return [(layer, i) for i, layer in enumerate(layers) if layer["class_name"] != "InputLayer"]
    positions = {layer["name"]: i for i, layer in enumerate(layers)}
    found: list[tuple[Config, int]] = []
    at = _one(model["config"]["output_layers"])
    while layers[positions[at]]["class_name"] != "InputLayer":
        if len(found) > len(layers):
            raise ValueError("layers in a circle")
        layer = layers[positions[at]]
        found.append((layer, positions[at]))
        given = [value for call in layer["inbound_nodes"] for value in call["args"]]
        if len(given) != 1 or isinstance(given[0], list):
            raise Unsaid(f"`{layer['name']}`, which is given several values or used several times", "a chain")
        at = given[0]["config"]["keras_history"][0]
    if beside := {layer["name"] for layer in layers} - {layer["name"] for layer, _ in found} - {at}:
        raise Unsaid(f"layers beside the others: {', '.join(sorted(beside))}", "a chain")
    return found[::-1]


def _one(ends: Sequence[Any]) -> str:
    """The one layer that is an output: ``[name, 0, 0]``, or a list of one such."""
    listed = [ends] if isinstance(ends[0], str) else ends
    if len(listed) != 1:
        raise Unsaid(f"{len(listed)} outputs", "one")
    return str(listed[0][0])


def _input(model: Config) -> tuple[int | None, ...]:
    """The shape of a sample."""
    while _is_model(model):
        shape = model["config"].get("build_input_shape")
        first = model["config"]["layers"][0]
        if not _is_model(first) and (shape := shape or first["config"].get("batch_shape")):
            _, *lengths = shape
            return tuple(lengths)
        model = first
    raise ValueError("no shape of the input")


def _groups(layers: Sequence[Config], start: str) -> list[str]:
    """The group of each layer's arrays: its class and a number, as Keras counts them."""
    counts: Counter[str] = Counter()
    found = []
    for layer in layers:
        name = _snake(layer["class_name"])
        if not str(layer.get("module")).startswith("keras.src.ops."):  # operations are no layers
            found.append(f"{start}{name}_{counts[name]}" if counts[name] else start + name)
            counts[name] += 1
        else:
            found.append(f"{start}{name}")
    return found


def _is_model(layer: Config) -> bool:
    return layer["class_name"] in ("Functional", "Sequential", "TiedModel")


def _registered(thing: Config) -> str:
    """The name of a class: Keras's own, or with its package before it."""
    module, name = str(thing.get("module")), str(thing["class_name"])
    registered = thing.get("registered_name")
    return str(registered) if registered and not module.startswith("keras") else name


def _check_dtype(config: Config) -> None:
    dtype = config.get("dtype")
    name = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    if name not in (None, "float32", "float64"):
        raise Unsaid(f"`dtype: {name}`", "float32 or float64")


def _alike(one: Config, other: Config) -> bool:
    """Whether two layers differ in nothing but their name and their direction."""
    return all(
        _plain(one[key]) == _plain(other.get(key))
        for key in one
        if key not in ("name", "go_backwards", "seed", "dtype")
    )


def _plain(value: Any) -> Any:
    return (
        {key: _plain(v) for key, v in value.items() if key != "shared_object_id"} if isinstance(value, dict) else value
    )


def _ends(config: Config, value: Any) -> list[int]:
    """What Keras counts as output padding, without what lies between a kernel's end and the next window."""
    extras = value if isinstance(value, list) else [value] * len(config["kernel_size"])
    sizes = zip(extras, config["kernel_size"], config["strides"], config["dilation_rate"], strict=True)
    return [extra - max(stride - (k - 1) * rate - 1, 0) for extra, k, stride, rate in sizes]


def _freeze(config: Config) -> dict[str, bool]:
    return {"freeze": True} if config.get("trainable") is False else {}


def _name(name: str, given: str, kind: str) -> dict[str, str]:
    """The layer's name, where its author gave it one that a spec may have."""
    usual = re.fullmatch(rf"({_snake(given)}|{kind})(_\d+)?_*", name)
    return {} if usual or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) else {"name": name}


def _snake(name: str) -> str:
    """A class's name as Keras writes it in small letters."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
