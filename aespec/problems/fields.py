"""What is said of fields that are unknown or missing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from aespec.calls import accepts_all, callbacks, called_name
from aespec.diagnostics import Diagnostic, Loc, nearest, show
from aespec.faults import Advice, Belonging, Fault, inner_models, layers_in
from aespec.fieldnames import MANY, comes_out, field_meant, follows, known_elsewhere, otherwise
from aespec.kind import Kind, own_first
from aespec.meanings import as_kind, fitting, short
from aespec.plan import EarlyStopping, TrainingPlan
from aespec.problems.writing import entry, is_item, left_out, listed, snippet
from aespec.registry import nearest_kind
from aespec.rules import MissingField, UnknownField, WrongValue
from aespec.source.text import assigned, used_in

__all__ = [
    "BLOCKS",
    "all_layers",
    "empty_above",
    "field_assigned",
    "field_misspelt",
    "fields_as_items",
    "first_input",
    "lengths",
    "misplaced",
    "missing_field",
    "removable",
    "several_misplaced",
    "several_missing",
    "unknown_field",
    "wrapped",
]


def unknown_field(fault: Fault) -> Diagnostic:
    """A field that does not exist."""
    fields = own_first(fault.owner) if fault.owner else []
    return Diagnostic(
        UnknownField,
        f"unknown field {fault.subject}{_of(fault)}",
        fault.key,
        wanted=listed(fields) or f"`{fault.loc[-2]}` alone, which has no fields",
        got=fault.subject,
        help=_instead(fault),
    )


def _of(fault: Fault) -> str:
    """Whose field it would be."""
    above = next((part for part in reversed(fault.loc[:-1]) if isinstance(part, str)), None)
    return f" of `{above}`" if above else ""


def _instead(fault: Fault) -> str:
    """What to write for an unknown field: the first advice that there is."""
    return fault.advised(_ADVICE)[1] or f"remove {fault.subject}"


def field_misspelt(fault: Fault) -> str | None:
    """The field that was likely meant by an unknown one, where another name is all that there is to write."""
    first, _ = fault.advised(_ADVICE)
    if fault.meant is None or not _can_hold(fault, fault.meant):
        return None
    renamed = first is _of_another_name and not _stated_too(fault)
    return fault.meant if renamed else None


def _can_hold(fault: Fault, name: str) -> bool:
    """Whether what an unknown field holds may be meant for the field that it is likely to be."""
    owner, stated = fault.owner, fault.error["input"]
    if not isinstance(stated, dict) or owner is None:
        return True
    models = inner_models(owner, name)
    sections = [each for each in models if not issubclass(each, Kind)]
    known = any(field_meant(str(key), each.model_fields) for each in sections for key in stated)
    families = [each.family for each in models if issubclass(each, Kind)]
    one = next(iter(stated)) if len(stated) == 1 else None
    return known or any(nearest_kind(str(one), family) for family in families if one is not None) or name == "vars"


def removable(fault: Fault) -> bool:
    """Whether it is a field of a layer that means nothing here, so that the layer is what it would be without it."""
    of_layer = fault.kind is not None and fault.kind.family == "layer"
    named = fault.type == "extra_forbidden" and fault.written not in fault.source.misnamed
    return named and of_layer and _instead(fault).startswith("remove ")


def _in_another_form(fault: Fault) -> str | None:
    """Of fields that are something else together: a kind, phases, a shape."""
    names = fault.source.data.get("vars")
    if fault.error["input"] is None and isinstance(names, dict) and fault.loc[-1] in names:
        return f"for the variable write `${{{fault.loc[-1]}}}`"
    if section := empty_above(fault):
        return f"indent it below `{section}:`"
    if _is_variable(fault) and "vars" not in fault.source.data:
        return f"variables stand in `vars`: write `{entry(fault, {'vars': {fault.loc[0]: fault.error['input']}})}`"
    if fault.held:
        return f"write `{entry(fault, fault.held)}`"
    if named := phases(fault):
        return f"phases are a list: write `{entry(fault, {'greedy': [*named.values()]})}`"
    if shape := lengths(fault):
        return f"write `{entry(fault, {'shape': [*shape.values()]})}`"
    return None


def _by_its_value(fault: Fault) -> str | None:
    """Of a value that is another one here, or is two."""
    key, value = str(fault.loc[-1]), fault.error["input"]
    if fault.meant == "scaling" and isinstance(value, bool):
        return f"write `{entry(fault, {'scaling': 'standard'})}`" if value else f"remove {fault.subject}"
    if key == "keep_prob" and type(value) is float and "rate" in _known(fault):
        return f"write `{entry(fault, {'rate': round(1 - value, 10)})}`: it is the share that is dropped"
    if key == "betas" and isinstance(value, list) and len(value) == 2 and "beta_2" in _known(fault):
        return f"write `beta_1: {value[0]}, beta_2: {value[1]}`"
    return _with_its_value(fault, key)


def _run_together(fault: Fault) -> str | None:
    """Of a key that has its value in it, or a path, or the place in a list."""
    key, value = str(fault.loc[-1]), fault.error["input"]
    if given := field_assigned(fault):
        return f"write `{': '.join(given)}`, with a colon"
    run = re.fullmatch(r"(\w+)[\s=:]{1,9}([^\s=:]+)", key) if value is None else None
    if run and (meant := field_meant(run[1], _known(fault)) or fault.meant):
        return f"write `{meant}: {run[2]}`"
    if "/" in key and fault.source.is_set(fault.written):
        return f"did you mean `{key.replace('/', '.')}`?"
    if item := re.fullmatch(r"(\w+)\[(\d+)\]", key):
        return f"write `{item[1]}.{item[2]}` for an item of a list"
    return None


def _of_other_tools(fault: Fault) -> str | None:
    """Of callbacks, and of other files."""
    key, value = str(fault.loc[-1]), fault.error["input"]
    if key.lower() in ("callback", "callbacks") and fault.loc[:-1] in ((), ("training",)):
        return _without_callbacks(fault)
    if key in ("import", "imports", "include", "extends", "base", "$ref") and isinstance(value, str):
        return f"the layers of another file stand in the list: `- include: {show(value, plain=True)}`"
    return None


def _without_callbacks(fault: Fault) -> str:
    """What there is here instead of the callbacks of Keras or Lightning, with what they state."""
    plan = fault.source.data.get("training")
    stated = plan if isinstance(plan, dict) else {} if plan is None else {"optimizer": plan}
    fields: dict[str, Any] = {}
    told = []
    for name, given in callbacks(fault.error["input"]):
        squashed = name.replace("_", "").lower()
        if squashed.startswith("earlystop"):
            fields["early_stopping"] = _as_stopping(given)
        elif "plateau" in squashed or "reducelr" in squashed:
            kind = as_kind("schedule", "reduce_on_plateau", given)["reduce_on_plateau"]
            fields["schedule"] = short(fitting("schedule", {"reduce_on_plateau": kind or None})[0])
        else:
            told.append(next((text for part, text in _CALLBACKS.items() if part in squashed), f"there is no `{name}`"))
    known = [f"`{field}` is stated in `training`" for field in fields if field in stated]
    own = {field: value for field, value in fields.items() if field not in stated}
    why = "; ".join(dict.fromkeys([*told, *known]))
    if not own:
        return f"remove {fault.subject}" + (f": {why}" if why else "")
    written = own if fault.loc[0] == "training" else {"training": {**stated, **own}}
    return f"write `{entry(fault, written)}`" + (f"; {why}" if why else "")


def _as_stopping(given: Any) -> Any:
    """What `early_stopping` is to hold, of what Keras's is given; 5 epochs for one that was told nothing."""
    if not isinstance(given, dict):
        return given if type(given) is int else 5
    known = EarlyStopping.model_fields
    fields = {field: value for name, value in given.items() if (field := field_meant(str(name), known)) in known}
    return fields["patience"] if [*fields] == ["patience"] else fields or 5


_AXES = (
    ("length", "steps", "timesteps", "time_steps", "sequence_length", "seq_len"),
    ("height",),
    ("width",),
    ("channels", "features", "n_features", "num_features"),
)
"""What the axes of an input are called, in their order."""


def _with_its_value(fault: Fault, key: str) -> str | None:
    """Of numbers at the top, or in the plan, that belong into a kind: that kind with them."""
    value = fault.error["input"]
    if fault.kind is not None or type(value) not in (int, float, list):
        return None
    if key in ("l1", "l2") and not isinstance(value, list):
        return f"a penalty stands at a layer: `{entry(fault, {'kernel_regularizer': {key: value}})}`"
    if key in ("warmup", "warmup_epochs") and not isinstance(value, list):
        return f"it belongs to a schedule: `{entry(fault, {'schedule': {'cosine': {'warmup': value}}})}`, in epochs"
    if key == "beta" and not isinstance(value, list):
        latent = snippet(fault, {"gaussian_latent": {"units": 8, "beta": value}}, item=True)
        return f"it belongs to the code: `{latent}` at the end of the encoder"
    if key == "weight" and not isinstance(value, list):
        stated = fault.source.data.get("loss", "mse")
        return (
            f"a loss has one: `{entry(fault, {'loss': {stated: {key: value}}})}`" if isinstance(stated, str) else None
        )
    if key == "betas" and isinstance(value, list) and len(value) == 2:
        plan = fault.source.data.get("training")
        stated = plan.get("optimizer", "adam") if isinstance(plan, dict) else "adam"
        betas = {"beta_1": value[0], "beta_2": value[1]}
        alone = (
            isinstance(stated, str)
            and f"they are fields of the optimizer: `{entry(fault, {'optimizer': {stated: betas}})}`"
        )
        return alone or None
    return None


def lengths(fault: Fault) -> dict[str, Any]:
    """The lengths of the input's axes by their names, in order, where they stand instead of its shape."""
    beside = fault.source.value(fault.written[:-1])
    if fault.loc[:-1] != ("input",) or not isinstance(beside, dict) or "shape" in beside:
        return {}
    found = {name: beside[name] for names in _AXES for name in names if name in beside}
    right = fault.loc[-1] in found and all(value is None or type(value) is int for value in found.values())
    return found if right and len(found) <= 3 else {}


def phases(fault: Fault) -> dict[str, Any]:
    """The phases of greedy training by the names that they are given, where they stand instead of a list of them."""
    beside = fault.source.value(fault.written[:-1]) if fault.loc[:2] == ("training", "greedy") else None
    if isinstance(beside, dict) and len(beside) > 1 and all(isinstance(each, dict) for each in beside.values()):
        return beside
    return {}


_CALLBACKS = {
    "checkpoint": "a run keeps its checkpoints and its best weights by itself",
    "csvlogger": "a run writes `history.csv` by itself",
    "tensorboard": "`aespec train --log tensorboard` writes what it shows",
    "scheduler": "`schedule` in `training` changes the rate",
    "nan": "a loss that is no number ends training by itself",
    "progress": "a bar is shown by itself",
}
"""What there is instead of callbacks, by what their names hold."""


def _known(fault: Fault) -> Collection[str]:
    return fault.owner.model_fields if fault.owner else ()


def _of_the_whole(fault: Fault) -> str | None:
    """Of a field at the top that other tools have there: where what it says stands here."""
    from aespec.registry import kinds

    key, value = str(fault.loc[-1]), fault.error["input"]
    if key == "data" and (fault.loc == ("data",) or fault.loc[:-1] == ("training",)):
        return "take it out: a command is told, `--data`, not the spec"
    if len(fault.written) > 1:
        return None
    if wrapped(fault):
        return f"take `{key}` away: what it holds stands at the top"
    if comes_out(key) and isinstance(value, int | list):
        return f"remove {fault.subject}: what comes out has the shape of what goes in"
    if key in kinds("decoder form") and fault.source.data.get("decoder") in (key, None):
        return f"it is a way to state the decoder: write `{entry(fault, {'decoder': {key: value}})}`"
    if all_layers(fault):
        take = f"take `{key}` away, and " if isinstance(value, dict) else ""
        return f"{take}split the layers: `encoder` has those up to the code, `decoder` the others, or `decoder: mirror`"
    if _of_keras(fault):
        return _as_a_plan(fault)
    return None


def _as_a_plan(fault: Fault) -> str:
    """What to write instead of what Keras's ``compile`` and ``fit`` are given."""
    data = fault.source.data
    plan = data["training"] if isinstance(data.get("training"), dict) else {}
    calls = [data[each] for each in ("compile", "fit") if isinstance(data.get(each), dict)]
    given = {name: value for call in calls for name, value in call.items()}
    own = {field_meant(str(name), (*_PLAN, "loss")) or str(name): value for name, value in given.items()}
    training = {**plan, **{field: value for field, value in own.items() if field in _PLAN}}
    left = [name for name in own if name != "loss" and name not in _PLAN]
    written = [f"`{entry(fault, {'training': training})}`"] if training else []
    written += [f"`{entry(fault, {'loss': own['loss']})}`"] if "loss" in own else []
    return f"write {' and '.join(written) or '`training: {...}`'} at the top" + left_out(left)


_PLAN = TrainingPlan.model_fields


def wrapped(fault: Fault) -> list[str]:
    """The fields of the spec that an unknown field at the top holds, where it holds several."""
    stated = fault.error["input"]
    if len(fault.written) > 1 or not isinstance(stated, dict) or len(fault.top & stated.keys()) < 2:
        return []
    return [key for key in stated if key not in fault.source.data]


def _of_keras(fault: Fault) -> bool:
    """Whether it holds what Keras's ``compile`` or ``fit`` is given."""
    return fault.loc in (("compile",), ("fit",)) and isinstance(fault.error["input"], dict)


def _of_another_name(fault: Fault) -> str | None:
    stated = fault.error["input"]
    *above, within = ("", *fault.written[:-1])
    if isinstance(stated, dict) and above and not fault.kind and stated.keys() & _known(fault):
        where = f"item {within + 1} of `{above[-1]}`" if isinstance(within, int) else f"`{within}`"
        return f"take {fault.subject} away: what it holds stands in {where} itself"
    if fault.meant is None:
        return None
    if _stated_too(fault) and not fault.source.is_set(fault.written):
        stated = fault.source.value((*fault.written[:-1], fault.meant))
        both = isinstance(stated, dict) and isinstance(fault.error["input"], dict)
        what = "write there what both hold" if both else "keep one of the two"
        return f"it is `{fault.meant}` here, which is stated too: {what}"
    return f"did you mean `{fault.meant}`?"


def _stated_too(fault: Fault) -> bool:
    """Whether the field that was meant stands beside the one that was written."""
    beside = fault.source.value(fault.written[:-1])
    return isinstance(beside, dict) and fault.meant in beside and fault.loc[:-1] == fault.written[:-1]


def _of_what_stands_beside(fault: Fault) -> str | None:
    if (belongs := fault.belongs) is None:
        return None
    name, owner, written = belongs.name, belongs.owner, belongs.written
    if fault.source.is_set(fault.written):
        return f"`{name}` is a field of `{owner}`: write `{_assignment(fault, belongs)}`"
    if belongs.stated:
        return f"`{name}` is a field of `{owner}`, and stated there too: keep one of the two, in that place"
    return f"`{name}` is a field of `{owner}`: write `{entry(fault, written)}`"


def _assignment(fault: Fault, belongs: Belonging) -> str:
    """What an override is to say that belongs elsewhere: its whole path, and the value."""
    path = ".".join(map(str, (*fault.written[:-1], *belongs.path)))
    return f"{path}={show(fault.error['input'], plain=True)}"


def _of_a_layer(fault: Fault) -> str | None:
    """Of a field that layers have elsewhere: how a spec has it."""
    from aespec.registry import kind_names

    key, value = str(fault.loc[-1]), fault.error["input"]
    if fault.kind is None or fault.kind.family != "layer":
        return None
    if fault.kind.kind in ("lstm", "gru") and key in ("activation", "recurrent_activation"):
        return f"remove {fault.subject}: `{fault.kind.kind}` has tanh, and sigmoids for its gates"
    if key in kind_names("layer") and value is False:
        return f"remove {fault.subject}: there is none unless it is a layer in the list"
    if key in kind_names("layer"):
        layer = snippet(fault, _beside(fault, fault.kind.kind), item=True).replace('"..."', "...")
        return f"a layer of its own, in the list: `{layer}`"
    if key == "num_layers" and type(value) is int and value > 1:
        sequences = ", each but the last with `return_sequences: true`" * ("return_sequences" in _known(fault))
        return f"write {value} layers{sequences}"
    if first := first_input(fault):
        return f"write `{entry(fault, {'input': first})}` at the top of the spec, and remove {fault.subject} here"
    if follows(key):
        return f"remove {fault.subject}: what comes in follows from what stands before"
    if value is False and key in ("trainable", "requires_grad"):
        return f"write `{entry(fault, {'freeze': True})}`"
    return None


def _of_another_place(fault: Fault) -> str | None:
    from aespec.registry import kind_names

    key, value = str(fault.loc[-1]), fault.error["input"]
    if key == "loss" and fault.written[0] == "classifier":
        return "remove `loss`: a classifier is trained by the cross-entropy of its classes"
    if key in kind_names("layer") and fault.loc[:-1] == ("classifier",):
        return f"write `{entry(fault, {'head': [{key: value}]})}`"
    field = key if key in TrainingPlan.model_fields else None
    if fault.loc[:-1] == ("training",) and known_elsewhere(key, ("loss",)):
        return f"`loss` stands at the top of the spec, beside `training`: {_loss_meant(fault)}"
    if fault.kind and fault.kind.family in ("optimizer", "schedule"):
        field = field or known_elsewhere(key, TrainingPlan.model_fields)
    if fault.loc[:-1] == ("input",) and (advice := otherwise(key, "")) and key not in ("type", "kind"):
        return advice
    if field and (fault.kind or fault.loc[:-1] == ("input",)):
        where = "" if fault.written[0] == "training" else f", which stands at the top, beside `{fault.written[0]}`"
        return f"`{field}` is a field of `training`{where}"
    of_spec = key in ("type", "kind") and len(fault.loc) > 1  # which is said of the spec alone
    if (advice := otherwise(key, fault.kind.family if fault.kind else "")) and not of_spec:
        return advice
    if len(fault.written) > 1 and key in fault.top:
        return f"`{key}` stands at the top of the spec, beside `{fault.written[0]}`"
    if len(fault.written) == 1 and isinstance(value, dict) and any(field in fault.top for field in value):
        return f"take `{key}` away: what it holds stands at the top"
    return None


def _loss_meant(fault: Fault) -> str:
    """The loss that an unknown field of the plan states, as it is written at the top."""
    from aespec.registry import nearest_kind

    stated = fault.error["input"]
    near = nearest_kind(called_name(stated), "loss") if isinstance(stated, str) else None
    return f"write `{entry(fault, {'loss': near})}` there" if near else "write it there"


_ADVICE: tuple[Advice, ...] = (
    _in_another_form,
    _by_its_value,
    _run_together,
    _of_other_tools,
    _of_the_whole,
    _of_another_name,
    _of_what_stands_beside,
    _of_a_layer,
    _of_another_place,
)
"""What an unknown field may have been meant to be, the surest first."""


BLOCKS = ("encoder", "decoder")


def all_layers(fault: Fault) -> bool:
    """Whether an unknown field at the top holds the layers of encoder and decoder together, or a field that does."""
    stated, name = fault.error["input"], fault.loc[-1]
    if len(fault.loc) > 1 or any(block in fault.source.data for block in BLOCKS):
        return False
    if isinstance(stated, dict):
        return isinstance(stated.get("layers"), list) and not stated.keys() & {*BLOCKS}
    return not nearest(str(name), BLOCKS) and bool(layers_in(stated))


def field_assigned(fault: Fault) -> tuple[str, str] | None:
    """Of an unknown field that is assigned as in Python, ``encoder = [...]``: the field, and its value as written."""
    found = assigned(fault.key.text) if fault.key and "=" in str(fault.loc[-1]) else None
    return found if found and fault.owner and found[0] in fault.owner.model_fields else None


def first_input(fault: Fault) -> list[int] | None:
    """The shape of what goes in, which an unknown field of the first layer states where the spec states none."""
    key, value = str(fault.loc[-1]), fault.error["input"]
    if "input" in fault.source.data or fault.written[:2] != ("encoder", 0) or not follows(key):
        return None
    shape = [value] if type(value) is int else value
    return shape if isinstance(shape, list) and shape and all(type(each) is int for each in shape) else None


def empty_above(fault: Fault) -> str | None:
    """The section at the top that a field of it stands below without indentation, so that nothing is in it."""
    from aespec.registry import kinds

    if fault.type != "extra_forbidden" or len(fault.loc) > 1:
        return None
    name = str(fault.loc[-1])
    sections = (each for each, held in fault.source.data.items() if held is None and each in fault.top)
    fields = {
        each: [f for m in inner_models(fault.owner, each) for f in m.model_fields] for each in sections if fault.owner
    }
    if "vars" in fields and _is_variable(fault):
        return "vars"
    if "decoder" in fields and name in kinds("decoder form"):
        return "decoder"
    return next((each for each, known in fields.items() if name in known), None)


def _is_variable(fault: Fault) -> bool:
    """Whether an unknown field at the top is what a value of the spec stands for."""
    return len(fault.loc) == 1 and used_in(fault.source.text, str(fault.loc[-1]))


def misplaced(fault: Fault) -> Loc | None:
    """Of a field of the spec or of a section of it that belongs into what a field beside it holds: that one's path."""
    if fault.source.is_set(fault.written):
        return None
    as_input = fault.loc == ("shape",) and "input" not in fault.source.data
    if fault.type != "extra_forbidden" or fault.kind or fault.held or empty_above(fault):
        return None
    if fault.meant and not as_input:
        return None
    if comes_out(str(fault.loc[-1])) and isinstance(fault.error["input"], int | list):
        return None
    if _of_keras(fault):
        return None
    belongs = fault.belongs
    return (*fault.loc[:-1], next(iter(belongs.written))) if belongs and not belongs.stated else None


def several_misplaced(group: Sequence[Fault]) -> Diagnostic:
    """All fields of a section that belong into the same field beside them."""
    written: dict[str, Any] = {}
    twice = []
    belonging = {id(fault): fault.belongs for fault in group}
    within = {part for each in belonging.values() if each for part in each.path[:-1]}
    for fault in sorted(group, key=lambda fault: getattr(belonging[id(fault)], "name", "") not in within):
        if belongs := fault.belonging(written):
            written |= belongs.written
            twice += [belongs.name] * belongs.stated
    fields = listed([str(fault.loc[-1]) for fault in group], "and")
    return Diagnostic(
        UnknownField,
        f"unknown fields {fields}{_of(group[0])}",
        group[0].key,
        wanted=listed(own_first(group[0].owner)) if group[0].owner else None,
        got=fields,
        help=f"they are fields of `{next(iter(written))}`: write `{entry(group[0], written)}`"
        + (f"; {listed(twice, 'and')} is stated twice: keep the one that is meant" if twice else ""),
    )


def _beside(fault: Fault, layer: str) -> dict[str, Any]:
    """An unknown field of a layer as a layer of its own; one that wraps layers, as what wraps that layer."""
    from aespec.registry import kinds

    key, value = str(fault.loc[-1]), fault.error["input"]
    kind, stated = kinds("layer")[key], fault.source.value(fault.written[:-1])
    fields = {kind.main: value} if kind.main and not isinstance(value, dict) else value or {}
    if not isinstance(value, bool) and isinstance(fields, dict) and accepts_all(kind, fields):
        return {key: value}
    wraps = kind.main and any(getattr(each, "family", None) == "layer" for each in inner_models(kind, kind.main))
    own = kinds("layer")[layer].model_fields
    held = {field: each for field, each in stated.items() if field in own}
    if wraps:
        return {key: {kind.main: {layer: held}}}
    return {key: "..." if any(info.is_required() for info in kind.model_fields.values()) else None}


def fields_as_items(fault: Fault) -> dict[Loc, dict[str, Any]]:
    """Of a layer that states nothing: its fields that are items behind it, by where they stand."""
    places = [at for at, part in enumerate(fault.written) if isinstance(part, int)]
    if fault.type != "missing" or fault.kind is None or fault.kind.family != "layer" or not places:
        return {}
    above, own = fault.written[: places[-1]], fault.written[places[-1]]
    beside, found = fault.source.value(above), {}
    if not isinstance(own, int) or not isinstance(beside, list) or beside[own] != {fault.kind.kind: None}:
        return {}
    for at, item in enumerate(beside[own + 1 : own + 1 + MANY], own + 1):
        if not isinstance(item, dict) or not item or not item.keys() <= fault.kind.model_fields.keys():
            break
        found[(*above, at)] = item
    return found


def _as_one(fault: Fault) -> str | None:
    """How a layer is written of which the fields are items behind it."""
    items = fields_as_items(fault)
    fields = {name: value for item in items.values() for name, value in item.items()}
    if not items or fault.kind is None:
        return None
    return f"take the dashes before its fields away: write `{snippet(fault, {fault.kind.kind: fields}, item=True)}`"


def missing_field(fault: Fault) -> Diagnostic:
    """A needed field that is not stated."""
    name = str(fault.loc[-1])
    if isinstance(fault.loc[-1], int):
        return _too_few(fault)
    bare = fault.kind and isinstance(fault.source.value(fault.written), str)
    examples = fault.owner.model_fields[name].examples if fault.owner and fault.kind is None else None
    if fault.loc == ("decoder",) and _comes_back(fault):
        return _undivided(fault)
    value = f"add `{name}: ...`" if not examples else f"add `{name}`, for example `{entry(fault, {name: examples[0]})}`"
    return Diagnostic(
        MissingField,
        f"{f'`{fault.loc[-2]}`' if len(fault.loc) > 1 else 'the spec'} lacks the field {fault.subject}",
        fault.key,
        wanted=f"`{name}`: {fault.doc}",
        got="nothing",
        help=_as_one(fault) or (_with_field(fault, name) if bare else value),
    )


def _comes_back(fault: Fault) -> bool:
    """Whether the encoder of a spec without a decoder ends in what goes in, and so holds the decoder's layers too."""
    layers, shape = fault.source.data.get("encoder"), fault.source.data.get("input")
    shape = shape.get("shape") if isinstance(shape, dict) else shape
    last = layers[-1] if isinstance(layers, list) and len(layers) > 1 else None
    held = next(iter(last.values())) if isinstance(last, dict) and len(last) == 1 else None
    stated = [*held.values()] if isinstance(held, dict) else [held]
    return isinstance(shape, list) and (shape in stated or (len(shape) == 1 and shape[0] in stated))


def _undivided(fault: Fault) -> Diagnostic:
    """Layers of encoder and decoder in one list."""
    where = "end the list there, and begin" if fault.source.is_json else "write a line"
    return Diagnostic(
        MissingField,
        "the spec lacks the field `decoder`",
        fault.key,
        wanted=f"`decoder`: {fault.doc}",
        got="nothing, and layers in `encoder` that end in the shape of the input",
        help=f"{where} `decoder:` before the first of its layers",
    )


def _with_field(fault: Fault, name: str) -> str:
    """How a kind is written that stands bare and needs a field."""
    assert fault.kind is not None
    main, item = fault.kind.main == name, is_item(fault)
    stated = fault.kind.model_fields[name].examples
    value = "..." if item or not stated else show(stated[0], plain=True)
    inner = f"{fault.kind.kind}: {value if main else f'{{{name}: {value}}}'}"
    if item:
        return f"write `{inner}`"
    short = fault.written[-1] != fault.loc[-3]  # the field that holds it is left out
    return f"write `{{{fault.loc[-3]}: {{{inner}}}}}`" if short else f"write `{{{inner}}}`"


def _too_few(fault: Fault) -> Diagnostic:
    """A list that lacks values."""
    examples = fault.owner.model_fields[fault.field].examples if fault.owner else None
    return Diagnostic(
        WrongValue,
        f"`{fault.field}` has too few values",
        fault.value,
        wanted=f"`{fault.field}`: {fault.doc}",
        got=show(fault.source.value(fault.written)),
        help=f"write all of them, as in `{entry(fault, {fault.field: examples[0]})}`" if examples else None,
    )


def several_missing(group: Sequence[Fault]) -> Diagnostic:
    """All needed fields that one kind lacks."""
    first, names = group[0], [str(fault.loc[-1]) for fault in group]
    stated = first.source.value(first.written)
    fields = ", ".join(f"{name}: ..." for name in names)
    return Diagnostic(
        MissingField,
        f"`{first.loc[-2]}` lacks the fields {listed(names, 'and')}",
        first.key,
        wanted="; ".join(f"`{name}`: {fault.doc.rstrip('.')}" for name, fault in zip(names, group, strict=True)),
        got="nothing" if not isinstance(stated, dict) else listed([*stated], "and") or "nothing",
        help=_as_one(first)
        or (f"add `{fields}`" if isinstance(stated, dict) and stated else f"write `{first.loc[-2]}: {{{fields}}}`"),
    )
