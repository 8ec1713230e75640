"""What pydantic found wrong, said in aespec's words and shown in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from aespec.calls import accepts
from aespec.diagnostics import Diagnostic, Loc, in_order, show
from aespec.faults import Fault, faults, owner_of
from aespec.kind import Kind, stand_ins
from aespec.problems.fields import (
    BLOCKS,
    all_layers,
    empty_above,
    field_assigned,
    fields_as_items,
    first_input,
    lengths,
    misplaced,
    missing_field,
    phases,
    removable,
    several_misplaced,
    several_missing,
    unknown_field,
)
from aespec.problems.kinds import (
    bad_regularizer,
    fields_wanted,
    is_input,
    not_one_key,
    rest_of_call,
    unknown_kind,
)
from aespec.problems.reading import Reading
from aespec.problems.values import after_comma, combination, later_fields, said_in_full, wrong_value
from aespec.registry import kinds, known_kind
from aespec.rules import AmbiguousScalar, UnknownField
from aespec.source import Source
from aespec.source.text import LOST

__all__ = ["Findings", "by_field", "diagnose", "removable"]


class Findings(NamedTuple):
    """What a source says that is wrong."""

    said: list[Diagnostic]
    """One for each cause, in the file's order."""
    source: Source
    """The source as it is read where it is clear what was meant."""
    left: list[Fault]
    """What is wrong with that one."""
    guessed: set[Loc]
    """The paths of the kinds that are known by what their names are like alone."""
    unnamed: set[Loc]
    """The paths of layers' names that cannot be read."""


def diagnose(errors: Sequence[Mapping[str, Any]], source: Source, model: type[BaseModel]) -> Findings:
    """Say what is wrong, of the errors of a validation of ``source`` against ``model``.

    A value that its own text spoils is not blamed again, nor is a field called missing that is only misspelt, or
    stands in a mapping that does not belong there. Unknown fields that are one kind together are told as one. What is
    wrong below a name that is only misspelt, or in a layer as Keras or PyTorch have it, is told with that.
    """
    if isinstance(source.data, dict) and source.data.keys() >= _OF_KERAS:
        return Findings([_model_of_keras(source)], source, faults(errors, source, model), set(), set())
    left = new = faults(errors, source, model)
    said: list[Diagnostic] = []
    guessed: set[Loc] = set()
    for depth in range(DEEPEST + 1):
        reading = Reading.of(new) if depth < DEEPEST else Reading()
        told = {key for each in said for key in ((each.rule, each.place), _cause(each, source))}
        more = _said(new, reading, source)
        said += [each for each in more if not told & {(each.rule, each.place), _cause(each, source)}]
        guessed |= {fault.loc for fault in new if _is_guess(fault)}
        if not reading:
            break
        source = source.revised(reading.moved, reading.values, reading.stated)
        try:
            model.model_validate(source.data)
            left = new = []
        except ValidationError as error:
            left = faults(error.errors(), source, model)
            new = [fault for fault in left if reading.hid(fault)]
    unnamed = {fault.loc for fault in left if fault.loc[-1:] == ("name",) and fault.kind}
    return Findings(in_order(said), source, left, guessed, unnamed)


DEEPEST = 6
"""How often a spec is read again: an optimizer's field, its kind and what this has, all misspelt, are three."""


def _is_guess(fault: Fault) -> bool:
    """Whether it is of a kind of layer whose name is one neither here nor in Keras or PyTorch, only like one."""
    family = fault.context["family"] if fault.type == "unknown_kind" else None
    return family == "layer" and known_kind(str(fault.context["name"]).rpartition(".")[2], family) is None


def _is_of_name(fault: Fault) -> bool:
    """Whether it is a key that is wrong, whatever its value."""
    kind = fault.type == "unknown_kind" and not isinstance(fault.error["input"], str)
    return kind or fault.type == "extra_forbidden"


def _said(found: Sequence[Fault], reading: Reading, source: Source) -> list[Diagnostic]:
    """One diagnostic for each cause of these faults, but for those that are told when more is known."""
    misspelt = {loc for fault in found for loc in _there_elsewhere(fault)}
    cut = {loc for fault in found for loc in (*rest_of_call(fault)[1], *later_fields(fault), *after_comma(fault))}
    cut |= {(*at, *name) for fault in found for at, item in fields_as_items(fault).items() for name in ((), *zip(item))}
    items = {fault.loc[:-1] for fault in found if fault.type != "missing" and isinstance(fault.loc[-1], int)}
    told = [
        fault
        for fault in found
        if not reading.awaits(fault)
        and fault.written not in (source.misnamed if _is_of_name(fault) else source.spoilt)
        and fault.written not in cut
        and fault.error["input"] != LOST  # its line is told of
        and not (fault.type == "missing" and isinstance(fault.loc[-1], int) and fault.loc[:-1] in items)
        and not (fault.loc in misspelt and (fault.type == "missing" or fault.error["input"] is None))
        and not (fault.type == "extra_forbidden" and fault.together and _stands_behind(fault, fault.stray))
        and not (fault.type == "extra_forbidden" and _stands_behind(fault, lengths(fault) or phases(fault)))
    ]
    lacking: dict[Loc, list[Fault]] = {}
    for fault in told:
        if fault.type == "missing" and fault.kind:
            lacking.setdefault(fault.loc[:-1], []).append(fault)
    below: dict[Loc, list[Fault]] = {}
    for fault in told:
        if where := misplaced(fault):
            below.setdefault(where, []).append(fault)
    several = [*_several(lacking, several_missing), *_several(below, several_misplaced)]
    grouped = {id(fault) for group, _ in several for fault in group}
    alone = [fault for fault in told if id(fault) not in grouped]
    said = [*(_SAY.get(fault.type, wrong_value)(fault) for fault in alone), *(say(group) for group, say in several)]
    # Of several turns of a `repeat`, and of several uses of a variable, the first.
    unique = {_cause(each, source): each for each in reversed(in_order(said))}
    return [_with_variable(_with_dots(each), source) for each in unique.values()]


def _with_dots(problem: Diagnostic) -> Diagnostic:
    """What is said, with dots for what is not known since the text is wrong there."""
    if LOST not in f"{problem.got}{problem.help}":
        return problem
    got, help = (text and re.sub(f'"?{LOST}"?', "...", text) for text in (problem.got, problem.help))
    return replace(problem, got=got, help=help)


def _stands_behind(fault: Fault, together: Mapping[str, Any]) -> bool:
    """Whether it is of fields that are told together one behind the first."""
    return any(fault.loc[-1] == name for name in [*together][1:])


def _there_elsewhere(fault: Fault) -> Iterator[Loc]:
    """The fields that are not missing, but stand where or as they should not."""
    stated = fault.error["input"]
    if fault.type == "unknown_kind" and is_input(fault) and not isinstance(stated, str):
        yield ("input",)
    if fault.type == "unknown_kind" and fault.context["name"] in fault.top and not isinstance(stated, str):
        yield (fault.context["name"],)
    if fault.type == "not_one_key" and isinstance(stated, dict):
        yield from ((key,) for key in stated if key in fault.top)
    if fault.type != "extra_forbidden":
        return
    if lengths(fault):
        yield ("input", "shape")
    if fault.loc[-1] in fault.top and fault.loc[:-1] in (("training",), ("input",)):
        yield (fault.loc[-1],)
    yield (*fault.loc[:-1], fault.meant or "")
    yield (empty_above(fault) or "",)
    yield (*fault.loc[:-1], (field_assigned(fault) or ("",))[0])
    if first_input(fault):
        yield ("input",)
    yield from ((*fault.loc[:-1], field) for field in (stated if isinstance(stated, dict) else ()))
    if all_layers(fault):
        yield from ((block,) for block in BLOCKS)


def _several(
    groups: Mapping[Any, list[Fault]], say: Callable[[Sequence[Fault]], Diagnostic]
) -> list[tuple[list[Fault], Callable[[Sequence[Fault]], Diagnostic]]]:
    """Those groups that are of more than one fault, with what says so."""
    return [(group, say) for group in groups.values() if len(group) > 1]


_OF_KERAS = {"class_name", "config"}
"""What Keras writes at the top of a model's JSON."""


def by_field(found: Sequence[Diagnostic], source: Source, model: type[BaseModel]) -> list[Diagnostic]:
    """Problems of a text, of which those about words for true and false say what their fields take."""
    at = {place: loc for loc, place in source.values.items()}
    keys = {place for loc, place in source.keys.items() if loc[:1] != ("vars",)}
    told = []
    for each in found:
        switch = each.rule is AmbiguousScalar and str(each.help).startswith(("write `true`", "write `false`"))
        loc = at.get(each.place) if each.place and switch else None
        instead = _instead_of_switch(loc, source, model) if loc else None
        if switch and each.place in keys:
            instead = "write the name of the field that is meant"
        told.append(replace(each, help=instead) if instead else each)
    return told


def _instead_of_switch(loc: Loc, source: Source, model: type[BaseModel]) -> str | None:
    """What to write where a field takes neither true nor false; None where it does."""
    text, item = str(source.value(loc)), isinstance(loc[-1], int)
    if ("vars", text) in source.values:
        return f"write `${{{text}}}`"
    path = loc[:-1] if item else loc
    owner, field = owner_of(path, model), str(path[-1])
    if (owner is None or field not in owner.model_fields) and (kind := kinds("layer").get(field)):  # its short form
        owner, field = kind, kind.main or ""
    info = owner.model_fields.get(field) if owner else None
    if owner is None or info is None or accepts(owner, field, [True] if item else True):
        return None
    if accepts(owner, field, [text] if item else text):
        return f'write `"{text}"`'
    examples = [stand_ins(owner)[field]] if issubclass(owner, Kind) and field in stand_ins(owner) else info.examples
    example = show({str(path[-1]): examples[0]}, plain=True)[1:-1] if examples else None
    if item or info.is_required():
        return f"write for example `{example}`" if example else None
    instead = f", or write for example `{example}`" if example and text.lower() not in ("no", "n", "off") else ""
    return f"leave {'its value' if field != path[-1] else f'`{field}`'} out{instead}"


def _model_of_keras(source: Source) -> Diagnostic:
    return Diagnostic(
        UnknownField,
        "this is a model as Keras writes it, not a spec",
        source.place(("class_name",), key=True),
        wanted="a spec, with `input`, `encoder` and `decoder`",
        got="`class_name` and `config`",
        help="save the model with `model.save('model.keras')`: `aespec import model.keras` makes a spec of it",
    )


def _cause(problem: Diagnostic, source: Source) -> tuple[object, ...]:
    """What is wrong, and where it was written: the value of the variable that is used there, if one is."""
    place = problem.place
    return problem.rule, source.filled[place] if place and place in source.filled else place, problem.message


def _with_variable(problem: Diagnostic, source: Source) -> Diagnostic:
    """The problem, with the variable that gave the value."""
    if problem.got is None or problem.place is None or problem.place not in source.filled:
        return problem
    name, place = source.filled[problem.place]
    where = f"on line {place.line}" if place.name == problem.place.name else f"in {place.name}"
    return replace(problem, got=f"{problem.got}, the value of `{name}` {where}")


def _unusable(fault: Fault) -> Diagnostic:
    """A plugin's kind that cannot be imported or that two packages claim: said already, but for the place."""
    known: Diagnostic = fault.context["diagnostic"]
    return replace(known, place=fault.source.keys.get(fault.loc) or fault.value)


_SAY: Mapping[str, Callable[[Fault], Diagnostic]] = {
    "unknown_kind": unknown_kind,
    "extra_forbidden": unknown_field,
    "missing": missing_field,
    "not_one_key": not_one_key,
    "fields_wanted": fields_wanted,
    "combination": combination,
    "bad_regularizer": bad_regularizer,
    "wrapped": said_in_full,
    "axes": said_in_full,
    "unusable": _unusable,
}
