"""The conformance suite: the cases that every backend must agree on with the reference, as data.

A plugin's author runs all of them with ``aespec conformance --backend NAME``, or in a test file::

    @pytest.mark.parametrize("case", cases(), ids=str)
    def test_conformance(case):
        assert case.verdict(find_backend("mine")).ok
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

from aespec import levels
from aespec.backend import Backend
from aespec.diagnostics import AespecError
from aespec.graph import Graph
from aespec.kind import Kind
from aespec.layers.base import Layer
from aespec.passes import compile
from aespec.registry import kinds
from aespec.regularizers import Regularizer
from aespec.rules import UnsupportedKind
from aespec.shapes import Shape, elements
from aespec.spec import TrainingPlan, load, parse
from aespec.zoo import zoo

__all__ = ["Case", "Verdict", "cases"]

Status = Literal["pass", "fail", "unsupported", "known gap", "gap closed"]


@dataclass(frozen=True)
class Verdict:
    """How a backend did in a case, and where it went wrong first."""

    case: str
    status: Status
    level: str = ""
    """The first level that failed; see `aespec.levels`."""
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is to be done: it passes, or is known not to."""
        return self.status in ("pass", "known gap")


@dataclass(frozen=True)
class Case:
    """One graph that every backend must agree on with the reference."""

    id: str
    graph: Graph
    plan: TrainingPlan | None = None
    """How to train it for some steps; None where that would show nothing new."""
    bounds: tuple[float, float] | None = None
    """Range of the inputs; normal numbers where None."""

    def __str__(self) -> str:
        return self.id

    def verdict(self, backend: Backend) -> Verdict:
        """Run every level on a backend, up to the first that fails."""
        gap = backend.known_gaps.get(self.id)
        try:
            bench = levels.Bench(self.graph, backend, self.plan, self.bounds)
            for level in levels.LEVELS:
                level(bench)
        except levels.Difference as difference:
            found = Verdict(self.id, "fail", difference.level, str(difference))
        except AespecError as error:
            unsupported = all(d.rule is UnsupportedKind for d in error.diagnostics)
            found = Verdict(self.id, "unsupported" if unsupported else "fail", "build", error.diagnostics[0].message)
        except Exception as error:  # a backend may raise anything: it fails this case, the others go on
            found = Verdict(self.id, "fail", "error", f"{type(error).__name__}: {error}")
        else:
            if gap is None:
                return Verdict(self.id, "pass")
            return Verdict(self.id, "gap closed", detail=f"passes now; remove it from known_gaps ({gap})")
        return found if gap is None else Verdict(self.id, "known gap", found.level, gap)


def cases() -> list[Case]:
    """Every case: examples and closed fields of all kinds, windows, what is trained for and how, the zoo."""
    found = [*_examples(), *_choices(), *_windows(), *_activations(), *_losses(), *_regularizers(), *_ties()]
    return [*found, *_frozen(), *_optimizers(), *_zoo()]


def _case(id: str, spec: Mapping[str, Any], *, plan: bool = False, bounds: tuple[float, float] | None = None) -> Case:
    parsed = parse({"name": "case", **spec})
    return Case(id, compile(parsed), parsed.training if plan else None, bounds)


def _around(layer: Layer, x: Shape) -> dict[str, Any]:
    """A spec in which a layer is the encoder, and the decoder brings its output back to ``x`` somehow."""
    y = layer.infer(x)
    if None not in x:
        back: list[Any] = ["flatten", {"dense": elements(x)}, {"reshape": list(x)}]
    else:
        back = [{"repeat_vector": 6}, {"dense": x[-1]}]
        back = back if len(y) == 1 else ["global_average_pool1d", *back]
    return {"input": {"shape": list(x)}, "encoder": [layer.to_data()], "decoder": back}


def _examples() -> Iterator[Case]:
    for name, kind in kinds("layer").items():
        for i, example in enumerate(_layer(kind).examples):
            layer = kind.model_validate(dict(example.fields))
            plan = {"training": {"optimizer": "adam", "batch_size": 2, "epochs": 3}}
            spec = {**_around(_layer_of(layer), example.input), **plan}
            yield _case(f"{name} {i + 1}", spec, plan=i == 0)


def _choices() -> Iterator[Case]:
    """Each value of each closed field that no example has."""
    for name, kind in kinds("layer").items():
        seen = {(f, repr(e.fields[f])) for e in _layer(kind).examples for f in e.fields}
        for field_name, value in _closed(kind):
            if value == kind.model_fields[field_name].default or (field_name, repr(value)) in seen:
                continue
            for example in _layer(kind).examples:
                try:
                    layer = _layer_of(kind.model_validate({**example.fields, field_name: value}))
                    spec = _around(layer, example.input)
                    yield _case(f"{name} {field_name}={value}", spec)
                except ValueError:  # the example's other fields exclude this value: the next may not
                    continue
                break


def _closed(kind: type[Kind]) -> Iterator[tuple[str, Any]]:
    for name, info in kind.model_fields.items():
        if info.annotation is bool:
            yield from ((name, value) for value in (False, True))
        elif getattr(info.annotation, "__origin__", None) is Literal:
            yield from ((name, value) for value in get_args(info.annotation))


def _windows() -> Iterator[Case]:
    """Convolutions: kernels 1 to 5, strides 1 to 3, both paddings, even and odd lengths, not square."""
    for size, stride, padding in product(range(1, 6), range(1, 4), ("same", "valid")):
        window = {"filters": 2, "strides": stride, "padding": padding}
        text = f"k{size} s{stride} {padding}"
        for kind, lengths in (("conv2d", (8, 7)), ("conv2d_transpose", (4, 3))):
            layer = {kind: {**window, "kernel_size": [size, size % 5 + 1]}}
            yield _case(f"{kind} {text}", _around(Layer.read(layer), (*lengths, 2)))
        for kind, lengths in (("conv1d", (8, 7)), ("conv1d_transpose", (4, 3))):
            for length in lengths:
                layer = {kind: {**window, "kernel_size": size}}
                yield _case(f"{kind} {text} {length}", _around(Layer.read(layer), (length, 2)))
    for size, stride, padding, mode in product((2, 3), (1, 2, 3), ("same", "valid"), ("max", "average")):
        layer = {f"{mode}_pool2d": {"pool_size": size, "strides": stride, "padding": padding}}
        yield _case(f"{mode}_pool2d k{size} s{stride} {padding}", _around(Layer.read(layer), (8, 7, 2)))


def _activations() -> Iterator[Case]:
    for name, kind in kinds("activation").items():
        variants: list[dict[str, Any]] = [{}]
        variants += [{f: v} for f, v in _closed(kind) if v != kind.model_fields[f].default]
        variants += [{f: 0.3} for f, info in kind.model_fields.items() if info.annotation is float]
        for fields in variants:
            text = " ".join([name, *(f"{f}={v}" for f, v in fields.items())])
            hidden = {"dense": {"units": 4, "activation": {name: fields} if fields else name}}
            spec = {
                "input": [6],
                "encoder": [hidden],
                "decoder": [{"dense": 6}],
                "training": {"optimizer": {"sgd": 0.1}},
            }
            yield _case(f"activation {text}", spec, plan=True)


def _losses() -> Iterator[Case]:
    for name in kinds("loss"):
        for output in ("linear", "sigmoid", "softmax", "hard_sigmoid"):
            if output == "linear" and "crossentropy" in name:
                continue
            decoder = [{"dense": {"units": 6, "activation": output}}]
            spec = {"input": [6], "encoder": [{"dense": 3}], "decoder": decoder, "loss": name}
            yield _case(f"loss {name} of {output}", spec, plan=True, bounds=(0.0, 1.0))
        moved = [{"dense": {"units": 6, "activation": "sigmoid"}}, {"reshape": [2, 3]}, {"permute": [2, 1]}]
        spec = {"input": [3, 2], "encoder": ["flatten", {"dense": 3}], "decoder": moved, "loss": name}
        yield _case(f"loss {name} of a moved sigmoid", spec, bounds=(0.0, 1.0))
    far = {"input": [6], "encoder": [{"dense": 3}], "decoder": [{"dense": 6}], "loss": {"huber": 0.05}}
    yield _case("loss huber delta=0.05", far)
    yield from _several_losses()


def _several_losses() -> Iterator[Case]:
    """Weighted ones, alone and added up: the cross-entropy of logits beside losses that take the output."""
    mae, few, many = {"mae": {"weight": 2}}, {"weight": 0.25}, {"weight": 784}
    losses: dict[tuple[str, str], Any] = {
        ("mse, weighted", "linear"): {"mse": many},
        ("huber and mae", "linear"): [{"huber": {"delta": 0.2, **few}}, mae],
        ("binary_crossentropy, weighted", "sigmoid"): {"binary_crossentropy": many},
        ("mse and binary_crossentropy", "sigmoid"): [{"mse": few}, "binary_crossentropy"],
        ("binary_crossentropy and mae", "hard_sigmoid"): [{"binary_crossentropy": few}, mae],
        ("categorical_crossentropy and mae", "softmax"): [{"categorical_crossentropy": few}, mae],
    }
    for (text, output), loss in losses.items():
        decoder = [{"dense": {"units": 6, "activation": output}}]
        spec = {"input": [6], "encoder": [{"dense": 3}], "decoder": decoder, "loss": loss}
        yield _case(f"loss {text} of {output}", spec, plan=True, bounds=(0.0, 1.0))
    moved = [{"dense": {"units": 6, "activation": "sigmoid", "activity_regularizer": "l2"}}, {"reshape": [2, 3]}]
    both = ["binary_crossentropy", mae]
    spec = {"input": [2, 3], "encoder": ["flatten", {"dense": 3}], "decoder": moved, "loss": both}
    yield _case("loss binary_crossentropy and mae of a moved sigmoid", spec, bounds=(0.0, 1.0))


def _frozen() -> Iterator[Case]:
    """Layers that say themselves that they are not trained."""
    plan = {"optimizer": "adam", "batch_size": 2, "epochs": 3}
    dense = {"dense": {"units": 4, "activation": "tanh", "freeze": True}}
    lstm = {"lstm": {"units": 2, "return_sequences": True, "freeze": True}}
    step = {"time_distributed": {"layer": {"dense": 3}, "freeze": True}}
    specs: dict[str, dict[str, Any]] = {
        "layers": {"encoder": [dense, {"batch_normalization": {"freeze": True}}, {"dense": 2}], "decoder": "mirror"},
        "wrapped": {"input": [4, 3], "encoder": [{"bidirectional": {"layer": lstm}}, {"gru": 3}]}
        | {"decoder": [{"repeat_vector": 4}, {"lstm": {"units": 2, "return_sequences": True}}, step]},
        "tied": {"encoder": [dense, {"dense": 2}], "decoder": {"mirror": {"tie_weights": True}}},
    }
    for name, spec in specs.items():
        yield _case(f"frozen {name}", {"input": [6], **spec, "training": plan}, plan=True)


def _regularizers() -> Iterator[Case]:
    homes: dict[str, dict[str, Any]] = {
        "dense": {"units": 4, "activation": "sigmoid"},
        "conv1d": {"filters": 2, "kernel_size": 2, "activation": "sigmoid"},
        "lstm": {"units": 3},
    }
    for name, kind in kinds("regularizer").items():
        assert issubclass(kind, Regularizer)
        for home, fields in homes.items():
            places = [f for f in kinds("layer")[home].model_fields if f.endswith("_regularizer")]
            for place in places:
                target = "activity" if place.startswith("activity") else "parameter"
                if target not in kind.targets or (name == "kl_divergence" and home == "lstm"):
                    continue
                layer = Layer.read({home: {**fields, place: name}})
                x = (6,) if home == "dense" else (5, 3)
                yield _case(f"regularizer {name} as {home} {place}", _around(layer, x))


def _ties() -> Iterator[Case]:
    conv = {"conv2d": {"filters": 3, "kernel_size": 3, "padding": "same", "activation": "selu"}}
    step = {"time_distributed": {"layer": {"dense": {"units": 2, "activation": "tanh"}}}}
    tied = {
        "decoder": {"mirror": {"tie_weights": True}},
        "training": {"optimizer": "adam", "batch_size": 2, "epochs": 3},
    }
    specs: dict[str, dict[str, Any]] = {
        "dense": {"input": [6], "encoder": [{"dense": {"units": 4, "activation": "selu"}}, {"dense": 2}]},
        "conv2d": {"input": [6, 5, 1], "encoder": [conv, {"max_pool2d": 2}, conv]},
        "conv1d": {"input": [8, 2], "encoder": [{"conv1d": {"filters": 3, "kernel_size": 3, "strides": 2}}]},
        "conv2d_transpose": {"input": [3, 3, 2], "encoder": [{"conv2d_transpose": {"filters": 2, "kernel_size": 2}}]},
        "time_distributed": {"input": [4, 3], "encoder": [step]},
    }
    for name, spec in specs.items():
        yield _case(f"tied {name}", {**spec, **tied}, plan=True)
    by_name = {
        "input": [6],
        "encoder": [{"dense": {"units": 4, "name": "first"}}, {"dense": {"units": 4, "kernel_regularizer": "l2"}}],
        "decoder": [
            {"dense": {"units": 4, "tied_to": "encoder/dense_1"}},
            {"dense": {"units": 6, "tied_to": "encoder/first"}},
        ],
    }
    yield _case("tied by name", {**by_name, "training": tied["training"]}, plan=True)


def _optimizers() -> Iterator[Case]:
    spec = {
        "input": [6],
        "encoder": [{"dense": {"units": 4, "activation": "tanh"}}, "batch_normalization", {"dense": 3}],
        "decoder": "mirror",
    }
    variants: dict[str, list[dict[str, Any]]] = {
        "sgd": [{"learning_rate": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
        "rmsprop": [{}, {"momentum": 0.9}, {"centered": True, "momentum": 0.5}],
        "adadelta": [{"learning_rate": 1.0}],
    }
    cosine = {"schedule": {"cosine": {"warmup": 1.5, "final": 0.1}}}
    plans: dict[str, dict[str, Any]] = {
        "": {},
        "weight_decay": {"weight_decay": 0.05},
        "schedule": cosine,
        "clip_norm": {"clip_norm": 0.05},
        "clip_value": {"clip_value": 0.003},
        "ema": {"ema": 0.9},
        "freeze": {"freeze": ["encoder/dense_1/kernel", "encoder/batch_normalization_1"]},
    }
    for name in kinds("optimizer"):
        for fields in variants.get(name, [{}]):
            # What is done beside the optimizer's step is the same for all, but for a rate that changes inside it.
            for extra in plans if name == "adam" else ("", "schedule"):
                more = dict(plans[extra])
                decay = {"weight_decay": more.pop(extra)} if extra == "weight_decay" else {}
                plan = {"optimizer": {name: {**fields, **decay}}, "batch_size": 3, "epochs": 10, **more}
                text = " ".join([name, *(f"{f}={v}" for f, v in fields.items()), *([extra] if extra else [])])
                yield _case(f"optimizer {text}", {**spec, "training": plan}, plan=True)


def _zoo() -> Iterator[Case]:
    for name, path in zoo().items():
        spec = load(path, ["training.batch_size=2", "training.epochs=3"])
        yield Case(f"zoo {name}", compile(spec), spec.training, spec.input.range)


def _layer(kind: type[Kind]) -> type[Layer]:
    assert issubclass(kind, Layer)
    return kind


def _layer_of(layer: Kind) -> Layer:
    assert isinstance(layer, Layer)
    return layer
