"""What a model was compiled with as a spec states it: its loss, its optimizer, and in notes what a spec cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from aespec.kind import Kind
from aespec.losses import Loss
from aespec.optimizers import Optimizer
from aespec.plan import TrainingPlan
from aespec.registry import kinds
from aespec_keras.reading.config import Config, registered, snake
from aespec_keras.reading.values import worded

__all__ = ["Compiled", "compiled"]


class Compiled(NamedTuple):
    """See `aespec.importing.Found`."""

    loss: Any
    training: Mapping[str, Any]
    notes: tuple[str, ...]


def compiled(config: Any) -> Compiled:
    """What the ``compile_config`` of a file says; it is empty where the model was never compiled."""
    if not isinstance(config, dict) or not config:
        return Compiled(None, {}, ("the file states no loss and no optimizer: they are `mse` and `adam`",))
    loss, of_loss = _loss(config.get("loss"), config.get("loss_weights"))
    training, of_training = _training(config.get("optimizer"))
    metrics = config.get("metrics") or config.get("weighted_metrics")
    unused = ("the metrics are left out: a spec has none",) if metrics else ()
    return Compiled(loss, training, (*of_loss, *of_training, *unused))


LOSSES = {
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "mse": "mse",
    "mae": "mae",
    "huber": "huber",
    "binary_crossentropy": "binary_crossentropy",
    "categorical_crossentropy": "categorical_crossentropy",
}
"""Keras's names of losses."""

USUAL_OF_LOSS = {
    "reduction": ("sum_over_batch_size", "mean", "mean_with_sample_weight"),
    "from_logits": (False,),
    "label_smoothing": (0,),
    "axis": (-1,),
}
"""What a loss of a spec is like, field by field."""


def _loss(value: Any, weight: Any) -> tuple[Any, tuple[str, ...]]:
    """The loss as a spec states it, or None; and what there is to say of that."""
    value, weight = _only(value), _only(weight)
    if value is None:
        return None, ("the file states no loss: it is `mse`",)
    fields = value["config"] if isinstance(value, dict) and isinstance(value.get("config"), dict) else {}
    name = _function(value) or worded(value)
    kind = LOSSES.get(snake(name))
    others = [
        f"`{key}: {worded(fields[key])}`"
        for key, usual in USUAL_OF_LOSS.items()
        if fields.get(key, usual[0]) not in usual
    ]
    said = {"delta": fields["delta"]} if "delta" in fields else {}
    if kind is None or others or not _reads(Loss, {kind: said}):
        of = f" with {', '.join(others)}" if others else ""
        return None, (f"a spec has no loss `{name}`{of}: it is `mse`",)
    notes = []
    if kind == "huber" and fields and not said:
        notes.append(f"Keras leaves the `delta` of `{name}` out of its files: it is 1, the default, whatever it was")
    if weight is not None and _reads(Loss, {kind: {"weight": weight}}):
        said["weight"] = weight
    elif weight is not None:
        notes.append(f"a spec has no loss with the weight {worded(weight)}: that of `{kind}` is 1")
    return {kind: said}, tuple(notes)


def _only(value: Any) -> Any:
    """What a list, or a mapping from outputs, has where it has one value alone."""
    listed = list(value.values()) if isinstance(value, dict) and "class_name" not in value else value
    return listed[0] if isinstance(listed, list) and len(listed) == 1 else value


def _function(value: Any) -> str | None:
    """The name of a loss that is given as a function, or by its name."""
    if isinstance(value, dict) and value.get("class_name") == "function":
        value = value.get("config") if value.get("module") == "builtins" else None
    return value if isinstance(value, str) else None


SHARED = {"global_clipnorm": "clip_norm", "clipvalue": "clip_value"}
"""What Keras has of the optimizer and a spec of the plan."""

SILENT = {"name", "ema_momentum"}
"""Fields of an optimizer that say nothing by themselves."""


def _training(value: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The optimizer and what goes with it as a spec's ``training``, and what of it a spec cannot say."""
    if not isinstance(value, dict):
        return {}, ("the file states no optimizer: it is `adam`",)
    given, config = registered(value), dict(value["config"])
    known = {name.lower(): kind for name, kind in kinds("optimizer").items()}.get(given.lower())
    if known is None:
        return {}, (f"a spec has no optimizer `{given}`: it is `adam`",)
    schedule = config.get("learning_rate")
    of_rate = "as at the first step"
    if isinstance(schedule, dict):
        config["learning_rate"], of_rate = _rate(schedule)
    fields = {key: config[key] for key in known.model_fields if config.get(key) is not None}
    fields.setdefault("weight_decay", 0.0)
    wrong = {key: value for key, value in fields.items() if not _reads(Optimizer, {known.kind: {key: value}})}
    fields = {key: value for key, value in fields.items() if key not in wrong}
    training: dict[str, Any] = {"optimizer": {known.kind: fields}}
    training |= {ours: config[key] for key, ours in SHARED.items() if config.get(key) is not None}
    if config.get("use_ema") and config.get("ema_overwrite_frequency") is None:
        training["ema"] = config["ema_momentum"]
        del config["use_ema"]
    usual = {key: known.model_fields[key].default for key in ("learning_rate", *wrong)}
    notes = [f"`{known.kind}` has no `{key}: {worded(value)}`: it is {usual[key]}" for key, value in wrong.items()]
    if isinstance(schedule, dict):
        unknown = "" if "learning_rate" in wrong else "not known, and "
        rate = fields.get("learning_rate")
        now = f"{rate} throughout, {of_rate}" if rate else f"{unknown}left at {usual['learning_rate']}"
        notes.append(f"`{registered(schedule)}` counts steps, and a spec epochs: the learning rate is {now}")
    left = {*config} - {*known.model_fields} - {*SHARED} - SILENT
    if others := [f"`{key}: {worded(config[key])}`" for key in sorted(left) if config[key] not in (None, False)]:
        notes.append(f"a spec has no optimizer with {', '.join(others)}: left out")
    try:
        TrainingPlan.model_validate(training)
    except ValidationError:
        return {}, (f"the optimizer `{given}` has numbers that no spec may state: it is `adam`",)
    return training, tuple(notes)


FIRST: dict[str, Callable[[Config], Any]] = {
    "PiecewiseConstantDecay": lambda config: config["values"][0],
    **dict.fromkeys(
        ("CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "PolynomialDecay"),
        lambda config: config["initial_learning_rate"],
    ),
}
"""The learning rate at the first step, by Keras's schedules."""


def _rate(schedule: Config) -> tuple[Any, str]:
    """One learning rate of a schedule and when it is that; None where it is a schedule of the author's own."""
    name, config = registered(schedule), schedule["config"]
    if name == "CosineDecay" and config.get("warmup_target") is not None:
        return config["warmup_target"], "as after the warm-up"
    return (FIRST[name](config) if name in FIRST else None), "as at the first step"


def _reads(family: type[Kind], said: Any) -> bool:
    try:
        family.read(said)
    except ValueError:  # as pydantic's errors are
        return False
    return True
