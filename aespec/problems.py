"""What pydantic found wrong, said in aespec's words and shown in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from json import dumps
from typing import Any

from pydantic import BaseModel

from aespec.diagnostics import Diagnostic, Loc, Place, in_order, nearest, show
from aespec.faults import Fault, faults, inner_models
from aespec.fieldnames import follows
from aespec.kind import own_first
from aespec.meanings import as_kind, behind_input, call_meant, kind_lacking, kind_meant, short, with_field
from aespec.rules import (
    BadCombination,
    BadOverride,
    BadRegularizer,
    MissingField,
    NotOneKey,
    UnknownField,
    UnknownKind,
    WrongValue,
)
from aespec.source import Source
from aespec.source.items import ITEMS
from aespec.source.scalar import plain_value

__all__ = ["diagnose"]


def diagnose(errors: Sequence[Mapping[str, Any]], source: Source, model: type[BaseModel]) -> list[Diagnostic]:
    """One diagnostic for each error of a validation of ``source`` against ``model``, in the file's order.

    A value that its own text spoils is not blamed again, nor is a field called missing that is only misspelt, or
    stands in a mapping that does not belong there. Unknown fields that are one kind together are told as one.
    """
    if isinstance(source.data, dict) and source.data.keys() >= _OF_KERAS:
        return [_model_of_keras(source)]
    found = faults(errors, source, model)
    misspelt = {loc for fault in found for loc in _there_elsewhere(fault)}
    cut = {loc for fault in found for loc in (*_rest_of_call(fault)[1], *_later_fields(fault))}
    told = [
        fault
        for fault in found
        if fault.written not in source.spoilt
        and fault.written not in cut
        and not (fault.loc in misspelt and (fault.type == "missing" or fault.error["input"] is None))
        and not (fault.type == "extra_forbidden" and fault.together and fault.loc[-1] != next(iter(fault.stray)))
    ]
    lacking: dict[Loc, list[Fault]] = {}
    for fault in told:
        if fault.type == "missing" and fault.kind:
            lacking.setdefault(fault.loc[:-1], []).append(fault)
    misplaced: dict[Loc, list[Fault]] = {}
    for fault in told:
        if where := _misplaced(fault):
            misplaced.setdefault(where, []).append(fault)
    several = [*_several(lacking, _several_missing), *_several(misplaced, _several_misplaced)]
    grouped = {id(fault) for group, _ in several for fault in group}
    alone = [fault for fault in told if id(fault) not in grouped]
    said = [*(_SAY.get(fault.type, _wrong_value)(fault) for fault in alone), *(say(group) for group, say in several)]
    # Of several turns of a `repeat`, and of several uses of a variable, the first.
    unique = {(d.rule, _cause(d.place, source), d.message): d for d in reversed(in_order(said))}
    return in_order(_with_variable(d, source) for d in unique.values())


def _rest_of_call(fault: Fault) -> tuple[str, list[Loc]]:
    """Of a kind that is a call, which brackets cut at its commas: all of it, and where its other parts stand.

    Of ``[Conv2D(16, 3), Flatten()]`` it is ``Conv2D(16, 3)``, of which the second item is a part.
    """
    text, parts = str(fault.error["input"]), []
    if fault.type != "unknown_kind" or text.count("(") <= text.count(")"):
        return text, []
    above = fault.written[:-1]
    beside, own = fault.source.value(above), fault.written[-1]
    others = list(enumerate(beside)) if isinstance(beside, list) else [(key, key) for key in beside]
    for place, part in others[[each for each, _ in others].index(own) + 1 :]:
        text += f", {part}"
        parts.append((*above, place))
        if text.count("(") == text.count(")"):
            return text, parts
    return text, []


def _later_fields(fault: Fault) -> list[Loc]:
    """Of a field of `input` that stands in a list, as an item: where those after it stand."""
    if fault.field != "shape" or not isinstance(fault.error["input"], dict):
        return []
    above, own = fault.written[:-1], fault.written[-1]
    beside = fault.source.value(above)
    later = range(own + 1, len(beside)) if isinstance(own, int) and isinstance(beside, list) else ()
    return [(*above, place) for place in later if isinstance(beside[place], dict)]


def _there_elsewhere(fault: Fault) -> Iterator[Loc]:
    """The fields that are not missing, but stand where or as they should not."""
    stated = fault.error["input"]
    if fault.type == "unknown_kind" and _is_input(fault) and not isinstance(stated, str):
        yield ("input",)
    if fault.type == "unknown_kind" and fault.context["name"] in fault.top and not isinstance(stated, str):
        yield (fault.context["name"],)
    if fault.type != "extra_forbidden":
        return
    yield (*fault.loc[:-1], fault.meant or "")
    yield (_empty_above(fault) or "",)
    yield from ((*fault.loc[:-1], field) for field in (stated if isinstance(stated, dict) else ()))
    if _all_layers(fault):
        yield from ((block,) for block in _BLOCKS)


_BLOCKS = ("encoder", "decoder")


def _all_layers(fault: Fault) -> bool:
    """Whether an unknown field at the top holds the layers of encoder and decoder together, or a field that does."""
    stated, name = fault.error["input"], fault.loc[-1]
    if len(fault.loc) > 1 or any(block in fault.source.data for block in _BLOCKS):
        return False
    if isinstance(stated, dict):
        return isinstance(stated.get("layers"), list) and not stated.keys() & {*_BLOCKS}
    return isinstance(stated, list) and not nearest(str(name), _BLOCKS) and any(map(_is_layer, stated))


def _is_layer(stated: Any) -> bool:
    from aespec.registry import known_kind

    return known_kind(next(iter(stated), None) if isinstance(stated, dict) else stated, "layer") is not None


def _is_input(fault: Fault) -> bool:
    """Whether an unknown kind of layer is what elsewhere says the shape of the input."""
    family, name = fault.context["family"], fault.context["name"]
    return family == "layer" and nearest(name, ("input", "input_layer")) is not None


def _several(
    groups: Mapping[Any, list[Fault]], say: Callable[[Sequence[Fault]], Diagnostic]
) -> list[tuple[list[Fault], Callable[[Sequence[Fault]], Diagnostic]]]:
    """Those groups that are of more than one fault, with what says so."""
    return [(group, say) for group in groups.values() if len(group) > 1]


_OF_KERAS = {"class_name", "config"}
"""What Keras writes at the top of a model's JSON."""


def _model_of_keras(source: Source) -> Diagnostic:
    return Diagnostic(
        UnknownField,
        "this is a model as Keras writes it, not a spec",
        source.place(("class_name",), key=True),
        wanted="a spec, with `input`, `encoder` and `decoder`",
        got="`class_name` and `config`",
        help="save the model with `model.save('model.keras')`: `aespec import model.keras` makes a spec of it",
    )


def _cause(place: Place | None, source: Source) -> Place | None:
    """Where what is wrong was written: the value of the variable that is used there, if one is."""
    return source.filled[place][1] if place and place in source.filled else place


def _with_variable(problem: Diagnostic, source: Source) -> Diagnostic:
    """The problem, with the variable that gave the value."""
    if problem.got is None or problem.place is None or problem.place not in source.filled:
        return problem
    name, place = source.filled[problem.place]
    where = f"on line {place.line}" if place.name == problem.place.name else f"in {place.name}"
    return replace(problem, got=f"{problem.got}, the value of `{name}` {where}")


def _all_of(family: str) -> str:
    """Where all kinds of a family are to be found."""
    return f"`aespec layers{'' if family == 'layer' else f' --family {family}'}` lists all kinds"


def _unknown_kind(fault: Fault) -> Diagnostic:
    family, name, options = (fault.context[key] for key in ("family", "name", "options"))
    few = len(options) <= _FEW
    choice = _choice(options) if few else f"a kind of {family}"
    return Diagnostic(
        UnknownKind,
        f"unknown {family} `{name}`" if family == "decoder form" else f"unknown {family} kind `{name}`",
        fault.key if isinstance(fault.error["input"], dict) else fault.value,
        wanted=f"{choice}, or a list of layers" if family == "decoder form" else choice,
        got=f"`{name}`",
        help=_another_kind(fault, few=few),
    )


def _another_kind(fault: Fault, *, few: bool) -> str | None:
    """What to write for an unknown kind."""
    from aespec.registry import kind_names, kinds, known_kind, nearest_kind

    family, name = fault.context["family"], fault.context["name"]
    all_of_them = _all_of(family)
    if named := kind_meant(family, fault.error["input"], fault.rank):
        kind, fields = next(iter(named.items()))
        return f"the kind stands by itself: write `{kind if fields is None else _piece(fault, named)}`"
    if family == "layer" and name in ITEMS:
        return f"`{name}` is an item of a list of layers: write it there, beside the layers"
    if family == "layer" and name in kind_names("decoder form"):
        return f"it is no layer, but the whole decoder: write `decoder: {name}`"
    if _is_input(fault):
        shape = None if isinstance(fault.error["input"], str) else fault.error["input"][name]
        where = "the shape of what goes in stands once, as `input`, before the layers"
        if isinstance(shape, list) and "input" not in fault.source.data:
            return f"take it out, and write `{_entry(fault, {'input': shape})}` at the top: {where}"
        return f"take it out: {where}"
    stated = fault.error["input"]
    if family == "layer" and name in fault.top and name not in fault.source.data and not isinstance(stated, str):
        return (
            f"`{name}` stands at the top of the spec, beside `{fault.written[0]}`: take its dash and indentation away"
        )
    bare = name == stated
    together = name if bare else f"{name}: {stated[name]}" if "{" in name else None
    whole, parts = _rest_of_call(fault)
    if parts and (meant := _run_together(fault, whole)):
        return f"write `{meant}`; brackets cut a call at its commas"
    if together and (meant := _run_together(fault, together)):
        return f"write `{meant}`"
    if family == "layer" and bare and (called := call_meant("activation", name)):
        return f"as a layer of its own write `{_piece(fault, _activation(short(called)), item=True)}`"
    near = _nearest_kind(fault, name)
    values = None if bare else stated[name]
    if near and isinstance(values, list) and family == "layer" and (layer := behind_input(name, near, values)):
        return f"write `{_piece(fault, layer, item=True)}`: the {values[0]} that come in follow from what stands before"
    if near:
        return f"did you mean `{near}`?" + ("" if few else f" {all_of_them}")
    if family == "layer" and len(name) > 2 and (activation := nearest_kind(name, "activation")):
        if bare:
            return f"as a layer of its own write `- activation: {activation}`"
        stating = kinds("activation")[activation].model_fields and stated[name] is not None
        function = short(as_kind("activation", activation, stated[name])) if stating else activation
        return f"as a layer of its own write `{_piece(fault, _activation(function), item=True)}`"
    if family == "loss" and (known_kind(name, "layer") == "gaussian_latent" or name.lower().startswith("kl")):
        return "that term comes with the code: `- gaussian_latent: {units: 8, beta: 1.0}` at the end of the encoder"
    if family == "decoder form" and name in kind_names("layer"):
        return _A_LIST[fault.source.is_json]
    if not bare and (lacking := kind_lacking(family, fault.error["input"])):
        return f"it is a field of `{next(iter(lacking))}`: write `{_piece(fault, lacking)}`"
    return None if few else all_of_them


def _activation(function: Any) -> dict[str, Any]:
    """A layer that is an activation alone."""
    return {"activation": function if isinstance(function, str) else {"function": function}}


def _nearest_kind(fault: Fault, name: str) -> str | None:
    """The kind, or the item of a list of layers, that was likely meant by a name."""
    from aespec.registry import nearest_kind

    family = fault.context["family"]
    return nearest_kind(name, family, beside=ITEMS if family == "layer" else (), rank=fault.rank)


_RUN_TOGETHER = re.compile(r"([A-Za-z_][\w.]*)(?:\s*[:=(]\s*(-?\w[\w.-]*)\s*\)?|\s+(-?[0-9][0-9.e-]*))")
"""A kind and its value in one text, as in ``dense:3``, ``Dense(3)`` and ``dense 3``."""


def _run_together(fault: Fault, name: str) -> str | None:
    """How to write a kind and its value that stand in one text, or kinds of a list that do."""
    from aespec.registry import kinds

    family = fault.context["family"]
    names = [_nearest_kind(fault, each) for each in re.split(r"\s*,\s*", name)]
    if family == "loss" and len(names) > 1 and all(names):
        return f"[{', '.join(map(str, names))}]"
    if called := call_meant(family, name, fault.rank):
        return _whole(fault, called)
    braced = re.fullmatch(r"([\w.]+)\s*(?:\((.*)\)|\{(.*)\})", name)
    if braced and (kind := _nearest_kind(fault, braced[1])) and not re.fullmatch(r"\s*-?[\w.-]+\s*", braced[2] or ""):
        if not braced[3]:
            return f"{kind}` with its fields in braces: see `aespec layers {kind}"
        return f"{'- ' * (_item(fault) and _dashed(fault))}{kind}: {{{braced[3].strip()}}}"
    found = _RUN_TOGETHER.fullmatch(name)
    kind = found and _nearest_kind(fault, found[1])
    if not found or not kind:
        return None
    value = with_field(family, kind, plain_value(found[2] or found[3]))
    takes = kinds(family)[kind].main is not None or isinstance(value, dict)
    return _piece(fault, {kind: value if takes else None})


def _unknown_field(fault: Fault) -> Diagnostic:
    fields = own_first(fault.owner) if fault.owner else []
    of = f" of `{fault.loc[-2]}`" if len(fault.loc) > 1 else ""
    return Diagnostic(
        UnknownField,
        f"unknown field {fault.subject}{of}",
        fault.key,
        wanted=_choice(fields) or f"`{fault.loc[-2]}` alone, which has no fields",
        got=fault.subject,
        help=_instead(fault),
    )


def _instead(fault: Fault) -> str:
    """What to write for an unknown field."""
    from aespec.registry import kind_names

    if section := _empty_above(fault):
        return f"indent it below `{section}:`"
    if fault.held:
        return f"write `{_entry(fault, fault.held)}`"
    key, value, known = str(fault.loc[-1]), fault.error["input"], fault.owner.model_fields if fault.owner else ()
    if key == "data" and (fault.loc == ("data",) or fault.loc[:-1] == ("training",)):
        return "take it out: a command is told, `--data`, not the spec"
    if key == "betas" and isinstance(value, list) and len(value) == 2 and "beta_2" in known:
        return f"write `beta_1: {value[0]}, beta_2: {value[1]}`"
    if value is None and fault.meant and (run := re.fullmatch(r"(\w+)[\s=]+(\S+)", key)):
        return f"write `{fault.meant}: {run[2]}`"
    if _all_layers(fault):
        take = f"take `{key}` away, and " if isinstance(value, dict) else ""
        return f"{take}split the layers: `encoder` has those up to the code, `decoder` the others, or `decoder: mirror`"
    if item := re.fullmatch(r"(\w+)\[(\d+)\]", key):
        return f"write `{item[1]}.{item[2]}` for an item of a list"
    if fault.meant:
        return f"did you mean `{fault.meant}`?"
    if belongs := fault.belongs:
        name, owner, written = belongs
        return f"`{name}` is a field of `{owner}`: write `{_entry(fault, written)}`"
    layer = fault.kind if fault.kind and fault.kind.family == "layer" else None
    if layer and key in kind_names("layer"):
        return f"a layer of its own, in the list: `{_piece(fault, _beside(fault, layer.kind), item=True)}`"
    if layer and follows(key):
        return f"remove {fault.subject}: what comes in follows from what stands before"
    if layer and value is False and key in ("trainable", "requires_grad"):
        return f"write `{_entry(fault, {'freeze': True})}`"
    if len(fault.written) > 1 and key in fault.top:
        return f"`{key}` stands at the top of the spec, beside `{fault.written[0]}`"
    if len(fault.written) == 1 and isinstance(value, dict) and any(field in fault.top for field in value):
        return f"take `{key}` away: what it holds stands at the top"
    return f"remove {fault.subject}"


def _empty_above(fault: Fault) -> str | None:
    """The section at the top that a field of it stands below without indentation, so that nothing is in it."""
    if fault.type != "extra_forbidden" or len(fault.loc) > 1:
        return None
    name = str(fault.loc[-1])
    sections = (each for each, held in fault.source.data.items() if held is None and each in fault.top)
    fields = {
        each: [f for m in inner_models(fault.owner, each) for f in m.model_fields] for each in sections if fault.owner
    }
    return next((each for each, known in fields.items() if name in known), None)


def _misplaced(fault: Fault) -> Loc | None:
    """Of a field of the spec or of a section of it that belongs into what a field beside it holds: that one's path."""
    if fault.type != "extra_forbidden" or fault.kind or fault.held or fault.meant or _empty_above(fault):
        return None
    belongs = fault.belongs
    return (*fault.loc[:-1], next(iter(belongs[2]))) if belongs else None


def _several_misplaced(group: Sequence[Fault]) -> Diagnostic:
    """All fields of a section that belong into the same field beside them."""
    written: dict[str, Any] = {}
    for fault in group:
        written |= (fault.belonging(written) or ("", "", {}))[2]
    fields = _choice([str(fault.loc[-1]) for fault in group], "and")
    return Diagnostic(
        UnknownField,
        f"unknown fields {fields}",
        group[0].key,
        wanted=_choice(own_first(group[0].owner)) if group[0].owner else None,
        got=fields,
        help=f"they are fields of `{next(iter(written))}`: write `{_entry(group[0], written)}`",
    )


def _beside(fault: Fault, layer: str) -> dict[str, Any]:
    """An unknown field of a layer as a layer of its own; one that wraps layers, as what wraps that layer."""
    from aespec.registry import kinds

    key, value = str(fault.loc[-1]), fault.error["input"]
    if not isinstance(value, bool):
        return {key: value}
    kind, stated = kinds("layer")[key], fault.source.value(fault.written[:-1])
    wraps = kind.main and any(getattr(each, "family", None) == "layer" for each in inner_models(kind, kind.main))
    fields = {field: each for field, each in stated.items() if field != key}
    return {key: {kind.main: {layer: fields}} if wraps else None}


def _missing(fault: Fault) -> Diagnostic:
    name = str(fault.loc[-1])
    bare = fault.kind and fault.kind.main == name and isinstance(fault.source.value(fault.written), str)
    return Diagnostic(
        MissingField,
        f"{f'`{fault.loc[-2]}`' if len(fault.loc) > 1 else 'the spec'} lacks the field {fault.subject}",
        fault.key,
        wanted=f"`{name}`: {fault.doc}",
        got="nothing",
        help=f"write `{fault.loc[-2]}: ...`" if bare else f"add `{name}: ...`",
    )


def _several_missing(group: Sequence[Fault]) -> Diagnostic:
    """All needed fields that one kind lacks."""
    first, names = group[0], [str(fault.loc[-1]) for fault in group]
    stated = first.source.value(first.written)
    fields = ", ".join(f"{name}: ..." for name in names)
    return Diagnostic(
        MissingField,
        f"`{first.loc[-2]}` lacks the fields {_choice(names, 'and')}",
        first.key,
        wanted="; ".join(f"`{name}`: {fault.doc}" for name, fault in zip(names, group, strict=True)),
        got="nothing" if not isinstance(stated, dict) else _choice([*stated], "and") or "nothing",
        help=f"add `{fields}`" if isinstance(stated, dict) and stated else f"write `{first.loc[-2]}: {{{fields}}}`",
    )


def _not_one_key(fault: Fault) -> Diagnostic:
    family, keys = fault.context["family"], fault.context["keys"]
    added = [key for key in keys if fault.source.is_set((*fault.written, key))]
    standing = [key for key in keys if key not in added]
    if added and standing:
        return _second_kind(fault, added[0], standing[0])
    article = "an" if family[0] in "aeiou" else "a"
    meant = kind_meant(family, fault.error["input"], fault.rank)
    kind = next(iter(meant or {}), None)
    beside = [key for key in keys if key != kind]
    return Diagnostic(
        NotOneKey,
        f"{_choice(beside, 'and')} stand{'s' * (len(beside) == 1)} beside `{kind}`, not in it"
        if kind in keys
        else f"this is not one {family}",
        fault.value,
        wanted=f"{article} {family}: a bare name, `kind: value` or `kind: {{fields}}`",
        got=_choice(keys, "and") if keys else fault.got,
        help=f"write `{_whole(fault, meant)}`" if meant else _one_key(fault),
    )


def _one_key(fault: Fault) -> str | None:
    """How to write one kind."""
    keys, item, family = fault.context["keys"], not isinstance(fault.loc[-1], str), fault.context["family"]
    stated = fault.error["input"]
    named = {key: near for key in keys if (near := _nearest_kind(fault, key))}
    if keys and item and len(named) == len(keys):
        dashed = _dashed(fault)
        own = "a dash" if dashed else "braces"
        each = [_piece(fault, {near: with_field(family, near, stated[key])}, dashed) for key, near in named.items()]
        return f"in a list, give each {family} {own} of its own: {_choice(each, 'and')}"
    if keys and (lacking := kind_lacking(family, stated)):
        return f"name the kind, with these fields in it, for example `{_piece(fault, lacking)}`"
    if keys and not named:
        return f"begin with a kind, with its fields in it; {_all_of(family)}"
    if keys:
        return f"write `{{{next(iter(named.values()))}: {{...}}}}`, one kind with its fields inside"
    if item and family == "layer" and type(stated) is int:
        return f"for a dense layer of that width write `{_piece(fault, {'dense': stated}, item=True)}`"
    if item and fault.loc == fault.written:
        is_list = isinstance(fault.error["input"], list)
        return f"a {family} cannot be a list: take the inner brackets or the extra dash away" if is_list else None
    if family in ("regularizer", "optimizer") and type(stated) in (int, float):
        return f"say which: `{{{'l2' if family == 'regularizer' else 'adam'}: {stated}}}`; {_all_of(family)}"
    pair = stated if isinstance(stated, list) and len(stated) == 2 else [None, None]
    if type(pair[1]) in (int, float) and isinstance(pair[0], str) and (near := _nearest_kind(fault, pair[0])):
        return f"write `{_piece(fault, {near: pair[1]})}`"
    if isinstance(stated, list) and len(stated) == 1 and isinstance(stated[0], str):
        return f"take the brackets away: `{stated[0]}`"
    if stated is None and family == "activation":
        return "write `linear` for none"
    examples = getattr(fault.kind, "examples", ())
    if fault.kind and fault.kind.main == fault.loc[-1] and examples:
        return f"write for example `{show({fault.kind.kind: dict(examples[0].fields)}, 100)[1:-1]}`"
    return f"{fault.subject}: {fault.doc}"


def _piece(fault: Fault, kind: Mapping[str, Any], item: bool | None = None) -> str:
    """A kind with its fields, as the file would have it: an item of a list, by default if it is one, or in braces."""
    if fault.source.is_json:
        return dumps(kind, ensure_ascii=False)
    item = _item(fault) if item is None else item
    text = show(kind, 300)
    return f"{'- ' * _dashed(fault)}{text[1:-1].removesuffix(': null')}" if item else text


def _whole(fault: Fault, kind: dict[str, Any]) -> str:
    """A kind with its fields, as the file would have it; as its name alone where it has none and is no item."""
    alone = short(kind)
    return alone if isinstance(alone, str) and not _item(fault) else _piece(fault, kind)


def _item(fault: Fault) -> bool:
    """Whether it is about a whole item of a list."""
    return isinstance(fault.written[-1], int)


def _dashed(fault: Fault) -> bool:
    """Whether items of the list that it is about, or in, begin with a dash: not in JSON, and not in brackets."""
    ends = [end for end, part in enumerate(fault.written, 1) if isinstance(part, int)]
    place = fault.source.place(fault.written[: ends[-1]]) if ends else None
    return not fault.source.is_json and (place is None or place.text[: place.column - 1].rstrip().endswith("-"))


def _entry(fault: Fault, field: Mapping[Any, Any]) -> str:
    """A field with its value, as the file would have it."""
    return _piece(fault, field, item=False)[1:-1]


def _second_kind(fault: Fault, name: str, standing: str) -> Diagnostic:
    """An override whose path names another kind than the one that stands there."""
    from aespec.registry import kinds

    family, place = fault.context["family"], fault.source.keys[(*fault.written, name)]
    # What the assignment itself says: a `repeat` before it counts as one item there, and as many layers in the data.
    path = place.text[: place.column - 1].strip().rstrip(".")
    members = kinds(family)
    if name in members:
        help = f"to make it another kind, set it as a whole: `{path}={{{name}: …}}`"
    else:
        fields = members[standing].model_fields if standing in members else ()
        field = None if nearest(name, [standing]) else nearest(name, fields)
        help = f"did you mean `{path}.{standing}{f'.{field}' if field else ''}`?"
    return Diagnostic(
        BadOverride,
        f"the {family} at `{path}` is `{standing}`, not `{name}`",
        place,
        wanted=f"`{standing}`",
        got=f"`{name}`",
        help=help,
    )


def _fields_wanted(fault: Fault) -> Diagnostic:
    kind, takes = fault.context["kind"], fault.context["taking"]
    value, fields = fault.error["input"][kind], ", ".join(f"{field}: ..." for field in fault.context["fields"])
    wanted = f"`{kind}: {{{fields}}}`" if fields else f"`{kind}` alone"
    alone = value is True and not fault.context["needs"]
    meant = _piece(fault, {kind: {takes[0]: value}}) if len(takes) == 1 and not alone else None
    return Diagnostic(
        WrongValue,
        f"`{kind}` takes no single value",
        fault.value,
        wanted=f"`{kind}` with its fields in braces" if meant else wanted,
        got=show(value),
        help=f"write `{meant}`"
        if meant
        else f"say which field is meant: {wanted}"
        if takes and not alone
        else f"write {wanted}"
        if fault.context["needs"] or not fields
        else f"it needs no value: write `{kind}` alone",
    )


def _combination(fault: Fault) -> Diagnostic:
    message, wanted, help = (fault.context[key] for key in ("message", "wanted", "help"))
    got = show(fault.source.value(fault.written))
    return Diagnostic(BadCombination, message, fault.value, wanted=wanted, got=got, help=help)


def _bad_regularizer(fault: Fault) -> Diagnostic:
    kind, target = fault.context["kind"], fault.context["wanted"]
    regularizer = fault.error["input"]
    stated = regularizer if isinstance(regularizer, str) else fault.got
    help = f"use `activity_regularizer: {stated}`" if target == "activity" else f"`{kind}` comes with its layer"
    return Diagnostic(
        BadRegularizer,
        str(fault.error["msg"]),
        fault.value,
        wanted=f"`{kind}` on {'an' if target[0] in 'aeiou' else 'a'} {target}",
        got=fault.subject,
        help=help,
    )


def _said_in_full(fault: Fault) -> Diagnostic:
    context = fault.context
    return Diagnostic(
        WrongValue,
        str(fault.error["msg"]),
        fault.value,
        wanted=context["wanted"],
        got=context.get("got") or fault.got,
        help=context.get("help"),
    )


def _wrong_value(fault: Fault) -> Diagnostic:
    near = _meant(fault)
    bounds = fault.type.startswith(("greater_than", "less_than"))
    return Diagnostic(
        WrongValue,
        f"{fault.subject} {'lies outside its bounds' if bounds else 'has a wrong value'}",
        fault.value,
        wanted=_wanted(fault),
        got=fault.got,
        help=_filled(fault) or _batch_axis(fault) or (f"did you mean `{near}`?" if near else _what_it_is(fault)),
    )


def _filled(fault: Fault) -> str | None:
    """What to do where a text with more than a variable in it stands for a number."""
    place, value = fault.value, fault.error["input"]
    written = place.text[place.column - 1 : place.column - 1 + place.width] if place else ""
    piece = "${" in written and not re.fullmatch(r"""["']?\$\{[^}]*\}["']?""", written)
    if not piece or not isinstance(value, str) or not fault.type.startswith(("int_", "float_")):
        return None
    return "a text with `${...}` in it stays a text: give a variable the number, and write `${it}` alone"


def _batch_axis(fault: Fault) -> str | None:
    """What to do where a shape begins with an axis for the batch, as it does elsewhere."""
    shape = fault.source.value(fault.written[:-1]) if fault.field == "shape" and fault.loc[-1] == 0 else None
    if fault.error["input"] != "None" or not isinstance(shape, list) or len(shape) < 2:
        return None
    rest = ["null" if each == "None" else str(each) for each in shape[1:]]
    return f"the batch is no part of a shape: write `[{', '.join(rest)}]`; `null` is an axis of any length"


def _meant(fault: Fault) -> str | None:
    """What a wrong value was likely meant to be, as a spec writes it."""
    value = fault.error["input"]
    if isinstance(value, str) and (use := _SHELL.fullmatch(value)):
        return f"${{{use[1] or use[2]}}}"
    if fault.field == "padding" and type(value) is int and value == 0:
        return "valid"
    if value == "None" and fault.field == "shape":
        return "null"
    if isinstance(value, str) and (variable := _variable(fault)):
        return variable
    if fault.type == "literal_error":
        return nearest(value, _expected(fault.context)) if isinstance(value, str) else None
    if fault.type == "bool_type":
        return {"0": "false", "1": "true", "false": "false", "true": "true"}.get(str(value).lower())
    whole = re.fullmatch(r"(-?[1-9][0-9]{0,9}|0)(\.0+)?", str(value))
    if whole and fault.type.startswith("int_"):
        return whole[1]
    return (
        str(value) if fault.type == "float_type" and re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", str(value)) else None
    )


def _variable(fault: Fault) -> str | None:
    """The use of a variable that a text for a number is without its ``${}``, or a sum of some."""
    text, names = fault.error["input"].strip("{} "), fault.source.data.get("vars")
    if not isinstance(names, dict) or not fault.type.startswith(("int_", "float_")):
        return None
    if text in names:
        return f"${{{text}}}"
    used = set(re.findall(r"[A-Za-z_]\w*", text))
    summed = used and used <= names.keys() and re.fullmatch(r"[\w\s()+*/%-]+", text)
    return f'"${{{text}}}"' if summed else None


_SIZES = re.compile(r"\(?\s*[0-9]+(\s*[,x*\u00d7]\s*[0-9]+)*\s*,?\s*\)?")
"""A shape, as it is written elsewhere."""

_BOUNDS = re.compile(r"[\[(]?\s*(-?[0-9]+(?:\.[0-9]+)?)\s*(?:,|:|\.\.\.?|-|to|\s)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*[\])]?")
"""The least and the largest value, as they are written elsewhere."""


_PADDED = {"conv1d": "zero_padding1d", "conv2d": "zero_padding2d"}
"""What puts zeros around the input of a layer, by number, as `padding` does elsewhere."""


def _what_it_is(fault: Fault) -> str | None:
    """What to know of a field whose value is wrong."""
    from aespec.registry import nearest_kind

    if fault.type == "tuple_type" and fault.layers:
        return _A_LIST[fault.source.is_json]
    given = fault.error["input"]
    if fault.field == "shape" and isinstance(given, dict):
        return "take the dashes away: `input` is a mapping of fields, or a shape alone, `input: [28, 28]`"
    sizes = _SIZES.fullmatch(str(given)) if isinstance(given, int | str) else None
    layer = fault.kind if fault.kind and fault.kind.family == "layer" else None
    if fault.field == "padding" and layer and layer.kind in _PADDED and (type(given) is int or isinstance(given, list)):
        before = _piece(fault, {_PADDED[layer.kind]: given}, item=True)
        return f"write `same` to keep the length, or put `{before}` before this layer, which then is `valid`"
    several = isinstance(given, list) and len(given) > 1 and all(type(each) is int for each in given)
    if several and layer and layer.main == fault.field and fault.type.startswith("int_"):
        each = [_piece(fault, {layer.kind: one}, item=True) for one in given]
        if len(given) == 2:  # as PyTorch has it, or two layers in one
            return f"what comes in is not stated: write `{each[1]}`; for two layers write {_choice(each, 'and')}"
        return f"a layer has one: write {_choice(each, 'and')}"
    if (
        fault.type.startswith("model_")
        and isinstance(given, list)
        and given
        and all(isinstance(e, dict) for e in given)
    ):
        return "take the dashes away: it is a mapping of fields, not a list"
    run = re.fullmatch(r"(\d+)[\s,]+([a-z]\w*)", given) if isinstance(given, str) else None
    if run and layer and layer.main == fault.field and (activation := nearest_kind(run[2], "activation")):
        return f"write `{_piece(fault, {layer.kind: {layer.main: int(run[1]), 'activation': activation}}, item=True)}`"
    if fault.field in ("input", "shape") and sizes and not isinstance(fault.loc[-1], int):
        return f"write the shape as a list: `{fault.field}: [{', '.join(re.findall('[0-9]+', sizes[0]))}]`"
    bounds = _BOUNDS.fullmatch(given) if fault.field == "range" and isinstance(given, str) else None
    if bounds:
        return f"write both as a list: `{fault.field}: [{bounds[1]}, {bounds[2]}]`"
    return f"`{fault.field}`: {fault.doc}" if fault.loc else None


def _unusable(fault: Fault) -> Diagnostic:
    """A plugin's kind that cannot be imported or that two packages claim: said already, but for the place."""
    known: Diagnostic = fault.context["diagnostic"]
    return replace(known, place=fault.source.keys.get(fault.loc) or fault.value)


_SAY: Mapping[str, Callable[[Fault], Diagnostic]] = {
    "unknown_kind": _unknown_kind,
    "extra_forbidden": _unknown_field,
    "missing": _missing,
    "not_one_key": _not_one_key,
    "fields_wanted": _fields_wanted,
    "combination": _combination,
    "bad_regularizer": _bad_regularizer,
    "wrapped": _said_in_full,
    "axes": _said_in_full,
    "unusable": _unusable,
}

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
    "string_pattern_mismatch": "text that matches `{pattern}`",
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "at least {min_length} item",
    "too_long": "at most {max_length} items",
}

_FEW = 12  # that are listed in a message

_SHELL = re.compile(r"\$(?:\((.+)\)|(\w+))")  # a variable as it is written elsewhere: $(name), $name

_A_LIST = ("write the layers as a list, a line and a `- ` for each", "write the layers as a list, in brackets")

_PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_]*$": "letters, digits and `_`, a letter first",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "letters, digits, `_`, `.` and `-`, a letter or a digit first",
}


def _wanted(fault: Fault) -> str:
    if fault.type == "literal_error":
        return _choice(_expected(fault.context))
    if fault.type == "string_pattern_mismatch" and fault.context["pattern"] in _PATTERNS:
        return _PATTERNS[fault.context["pattern"]]
    held = inner_models(fault.owner, fault.field) if fault.owner and fault.type.startswith("model_") else []
    if main := next(filter(None, (getattr(each, "main", None) for each in held)), None):
        return f"a mapping, or its `{main}` alone"
    return _WANTED.get(fault.type, str(fault.error["msg"])).format(**fault.context)


def _expected(context: Mapping[str, Any]) -> list[str]:
    return str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")


def _choice(options: Sequence[str], word: str = "or") -> str:
    quoted = [f"`{option}`" for option in options]
    if len(quoted) > _FEW:
        return ", ".join([*quoted[:7], f"... ({len(quoted)} in all)"])
    return f" {word} ".join(", ".join(quoted).rsplit(", ", 1))
