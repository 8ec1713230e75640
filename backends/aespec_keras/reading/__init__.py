"""A ``.keras`` file read as data: its JSON and its HDF5 arrays. No Keras object is made of it, and no code is run."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import h5py  # type: ignore[import-untyped]

from aespec.diagnostics import AespecError, Diagnostic
from aespec.importing import Archive, Damaged, Flaw, Found, Part, Tensor, Unsaid, own_name, spec_in, unreadable
from aespec.rules import NotExpressible
from aespec_keras.reading.cells import CELLS, IDLE, ONE_AXIS, SILENT, TRAINING, USUAL
from aespec_keras.reading.config import Config, groups, in_order, input_shape, is_model, registered, snake
from aespec_keras.reading.nested import special
from aespec_keras.reading.training import Compiled, compiled
from aespec_keras.reading.values import (
    INITIALIZERS,
    REGULARIZERS,
    activation,
    alike,
    check_dtype,
    ends,
    freeze,
    worded,
)
from aespec_keras.saving import ABOUT

__all__ = ["read"]

LISTED = "a layer that `aespec layers` lists"
"""What a spec can say."""


def read(archive: Archive) -> Found:
    """What a file of Keras 3 holds; see `aespec.importing.Reader`.

    Raises:
        AespecError: It is damaged, or no chain of layers.
    """
    written = archive.json("metadata.json")
    version = str(written.get("keras_version")) if isinstance(written, dict) else "none"
    if not version.startswith("3."):
        raise unreadable(archive.path, "a file of Keras 3", f"version {version}", "load and save it with Keras 3")
    with archive.reading("a model as Keras 3 writes it"):
        file = h5py.File(io.BytesIO(archive.arrays("model.weights.h5")), "r")  # open while its arrays are in use
        reading, config = _Reading(archive, file), archive.json("config.json")
        if not is_model(config):
            raise _of_an_own_class(archive, config)
        name, shape = str(config["config"]["name"]), input_shape(config)
        parts = tuple(reading.chain(config, "", None))
        about = written.get(ABOUT)
        archive.at = "`compile_config`"
        plan = Compiled(None, {}, ()) if spec_in(about) else compiled(config.get("compile_config"))
    return Found(name, shape, parts, tuple(reading.flaws), plan.loss, plan.training, plan.notes, about)


def _of_an_own_class(archive: Archive, config: Config) -> AespecError:
    """The error for a model whose layers its author's code calls, which no file has."""
    return AespecError(
        Diagnostic(
            NotExpressible,
            f"a spec cannot say the model of {archive.path}",
            wanted="a `Sequential` or a functional model, whose file has its layers in their order",
            got=f"`{registered(config)}`, a class of its author's own, whose code alone says how layers are called",
            help="make it of the same layers as `keras.Sequential` or `keras.Model(inputs, outputs)`, and save that",
        )
    )


class _Reading:
    """The layers of a file, and what a spec cannot say of them."""

    def __init__(self, archive: Archive, file: h5py.File) -> None:
        self.archive, self.file = archive, file
        self.flaws: list[Flaw] = []

    def chain(self, model: Config, group: str, encoding: bool | None) -> Iterator[Part]:
        """The parts of a model, whose arrays lie in that group."""
        layers = in_order(model)
        inner = [layer for layer, _ in layers if is_model(layer)]
        split = encoding is None and len(inner) == len(layers) == 2
        where = groups(model["config"]["layers"], f"{group}layers/")
        for layer, position in layers:
            self.archive.at, at = f"`{layer['config']['name']}`", where[position]
            of = layer is inner[0] if split else encoding
            meaning = special(layer, self.fields) if is_model(layer) else None
            if meaning is not None:
                yield replace(self._nested(meaning, layer, at), encoding=of)
            elif is_model(layer):
                yield from self.chain(layer, f"{at}/", of)
            elif (part := self._part(layer, at)) is not None:
                yield replace(part, encoding=of)

    def _part(self, layer: Config, at: str) -> Part | None:
        """A layer, or None where a spec cannot say it."""
        name = str(layer["config"]["name"])
        if (given := registered(layer)) in IDLE:
            self._flaw(name, f"a layer `{given}`, which does nothing outside training", LISTED, changes=False)
            return None
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
        said = {kind: {**fields, **freeze(layer["config"]), **own_name(name, snake(layer["class_name"]), kind)}}
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
        config, given = layer["config"], registered(layer)
        check_dtype(config)
        if given in ("ReLU", "LeakyReLU", "ELU", "Softmax"):
            return "activation", {"function": activation(layer)}, ()
        if given in ("TimeDistributed", "aespec>Steps"):
            kind, fields, places = self._said(config["layer"])
            return "time_distributed", {"layer": {kind: fields}}, tuple(f"layer/{place}" for place in places)
        if given == "Bidirectional":
            kind, fields, places = self._said(config["layer"])
            twin = config.get("backward_layer")
            if twin is not None and not alike(config["layer"]["config"], twin["config"]):
                raise Unsaid("two layers that differ", "a backward layer like the forward one")
            where = tuple(f"{way}_layer/{place}" for way in ("forward", "backward") for place in places)
            return "bidirectional", {"layer": {kind: fields}, "merge_mode": config["merge_mode"]}, where
        cell = CELLS.get(given)
        if cell is None:
            raise Unsaid(f"a layer `{given}`", LISTED)
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
                yield key, activation(value)
            elif key == "output_padding":
                yield key, ends(config, value)
            else:
                yield key, value

    def _check(self, config: Config, key: str, value: Any) -> None:
        """Refuse a field that a spec has not, unless it is at what a spec means."""
        if key in SILENT or value in USUAL.get(key, (None, False, 0, [0, 0])):
            return
        wanted, what = USUAL.get(key, (None,))[0], f"`{key}: {worded(value)}`"
        if key in TRAINING or key.endswith("_constraint"):
            self._flaw(str(config["name"]), f"{what}, which matters in training", f"no `{key}`", changes=False)
        else:
            raise Unsaid(what, f"`{key}: {wanted}`" if wanted is not None else f"no `{key}`")

    def _initialized(self, config: Config, key: str, value: Any) -> Iterator[tuple[str, Any]]:
        kind = snake(value["class_name"])
        if registered(value) != value["class_name"] or kind not in INITIALIZERS:
            what = f"`{key}` by `{registered(value)}`, which matters before training"
            self._flaw(str(config["name"]), what, "an initializer of Keras", changes=False)
        else:
            yield key, {kind: {k: v for k, v in value["config"].items() if v is not None and k != "seed"}}

    def _regularized(self, config: Config, key: str, value: Any) -> Iterator[tuple[str, Any]]:
        said = REGULARIZERS.get(registered(value))
        if said is None:
            what = f"`{key}: {registered(value)}`, which matters in training"
            self._flaw(str(config["name"]), what, "`L1`, `L2` or `L1L2`", changes=False)
        else:
            yield key, said(value["config"])

    def _nested(self, meaning: Any, layer: Config, at: str) -> Part:
        """A model that stands for one kind of layer."""
        inner = groups(layer["config"]["layers"], f"{at}/layers/")
        tensors = [tensor for group in inner for tensor in self._tensors(f"{group}/vars")]
        name = str(layer["config"]["name"])
        ((kind, fields),) = meaning.items()
        said = {kind: {**fields, **freeze(layer["config"]), **own_name(name, "Functional", kind)}}
        return Part(name, said, tuple(tensors), closes=name.endswith("_activation"))

    def _tensors(self, at: str) -> Iterator[Tensor]:
        """The arrays in a group, which lie in the file itself."""
        group: Any = self.file
        for step in at.split("/"):
            if step not in group:
                return
            if not isinstance(group.get(step, getlink=True), h5py.HardLink):
                raise Damaged(f"arrays that cannot be taken: {at} is a link to somewhere else")
            group = group[step]
        for i in range(len(group)):
            own = isinstance(group.get(str(i), getlink=True), h5py.HardLink)
            if not own or (data := group[str(i)]).external or data.is_virtual:
                raise Damaged(f"arrays that cannot be taken: {at}/{i} lies outside the file")
            if data.id.get_storage_size() != data.nbytes:
                raise Damaged(f"arrays that cannot be taken: {at}/{i} is not stored as it is")
            if data.dtype.kind == "f":  # a noise layer keeps the state of its random numbers, in whole numbers
                yield Tensor(tuple(data.shape), partial(data.__getitem__, ()))

    def _flaw(self, name: str, what: str, why: str, *, changes: bool = True) -> None:
        self.flaws.append(Flaw(name, what, why, "change the layer", changes))
