"""What pydantic found wrong, said in aespec's words and shown in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import BaseModel

from aespec.diagnostics import Diagnostic, Loc, Place, in_order, nearest, show
from aespec.kind import Kind, own_first
from aespec.rules import BadCombination, BadRegularizer, MissingField, NotOneKey, UnknownField, UnknownKind, WrongValue
from aespec.source import Source

__all__ = ["diagnose", "faulty", "holder"]


def diagnose(errors: Sequence[Mapping[str, Any]], source: Source, model: type[BaseModel]) -> list[Diagnostic]:
    """One diagnostic for each error of a validation of ``source`` against ``model``, in the file's order."""
    faults = [Fault(loc, error, source, _owner(loc, model)) for loc, error in _unfold(errors)]
    found = [_SAY.get(fault.type, _wrong_value)(fault) for fault in faults]
    unique = {(d.rule, d.place, d.message): d for d in found}
    return in_order(unique.values())


def faulty(errors: Sequence[Mapping[str, Any]]) -> list[Loc]:
    """The path of each single error."""
    return [loc for loc, _ in _unfold(errors)]


@dataclass(frozen=True)
class Fault:
    """One error of pydantic, with its whole path and the model that has the field it ends in."""

    loc: Loc
    error: Mapping[str, Any]
    source: Source
    owner: type[BaseModel] | None

    @property
    def type(self) -> str:
        """The name that pydantic gives the error."""
        return str(self.error["type"])

    @property
    def context(self) -> Mapping[str, Any]:
        """What the error says beside its text."""
        context: Mapping[str, Any] = self.error.get("ctx", {})
        return context

    @property
    def subject(self) -> str:
        """The field, as messages name it."""
        if not self.loc:
            return "the spec"
        if isinstance(self.loc[-1], str):
            return f"`{self.loc[-1]}`"
        return f"item {self.loc[-1] + 1} of `{next(part for part in reversed(self.loc) if isinstance(part, str))}`"

    @property
    def written(self) -> Loc:
        """The path as the file has it: without the fields that a short form leaves out."""
        path: Loc = ()
        for part in self.loc:
            if (*path, part) in self.source.values:
                path = (*path, part)
        return path

    @property
    def value(self) -> Place | None:
        """Where the value stands."""
        return self.source.place(self.written)

    @property
    def key(self) -> Place | None:
        """Where the field's name stands."""
        return self.source.place(self.written, key=True)

    @property
    def got(self) -> str:
        """The value, as messages show it."""
        value = self.error["input"]
        return show(value.to_data() if isinstance(value, Kind) else value)

    def doc(self, name: str) -> str:
        """What the owner says of a field."""
        from aespec.reference import field_docs

        return (field_docs(self.owner).get(name) if self.owner else None) or f"a value for `{name}`"


def _unfold(errors: Sequence[Mapping[str, Any]], above: Loc = ()) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    """Every single error with its whole path, those that a kind's own validation gathered included."""
    for error in errors:
        loc, context = (*above, *error["loc"]), error.get("ctx", {})
        if error["type"] == "nested":
            yield from _unfold(context["errors"], (*loc, *context["at"]))
        else:
            yield (*loc, *context.get("at", ())), error


def _unknown_kind(fault: Fault) -> Diagnostic:
    family, name, options = (fault.context[key] for key in ("family", "name", "options"))
    near = nearest(name, options)
    where = (
        "`aespec layers` lists all kinds" if family == "layer" else f"`aespec layers --family '{family}'` lists them"
    )
    return Diagnostic(
        UnknownKind,
        f"unknown {family} `{name}`" if family == "decoder form" else f"unknown {family} kind `{name}`",
        fault.source.keys.get(fault.loc) or fault.value,
        wanted=_choice(options),
        got=f"`{name}`",
        help=f"did you mean `{near}`?" if near else where,
    )


def _unknown_field(fault: Fault) -> Diagnostic:
    fields = own_first(fault.owner) if fault.owner else []
    near = nearest(str(fault.loc[-1]), fields)
    named = fault.owner is not None and issubclass(fault.owner, Kind) and fault.owner.concrete()
    of = f" of `{fault.loc[-2]}`" if named or len(fault.loc) > 1 else ""
    return Diagnostic(
        UnknownField,
        f"unknown field {fault.subject}{of}",
        fault.key,
        wanted=_choice(fields),
        got=fault.subject,
        help=f"did you mean `{near}`?" if near else f"remove {fault.subject}",
    )


def _missing(fault: Fault) -> Diagnostic:
    name = str(fault.loc[-1])
    return Diagnostic(
        MissingField,
        f"{f'`{fault.loc[-2]}`' if len(fault.loc) > 1 else 'the spec'} lacks the field {fault.subject}",
        fault.key,
        wanted=f"`{name}`: {fault.doc(name)}",
        got="nothing",
        help=f"add `{name}: ...`",
    )


def _not_one_key(fault: Fault) -> Diagnostic:
    family, keys = fault.context["family"], fault.context["keys"]
    article = "an" if family[0] in "aeiou" else "a"
    help = None
    if keys and family == "layer":
        help = f"give each layer a dash of its own: `- {keys[0]}: ...`; fields go inside braces or one level deeper"
    elif keys:
        help = f"write `{{{keys[0]}: {{...}}}}`, one kind with its fields inside"
    elif isinstance(fault.error["input"], list) and family == "layer":
        help = "a layer cannot be a list: take the inner brackets or the extra dash away"
    return Diagnostic(
        NotOneKey,
        f"this is not one {family}",
        fault.value,
        wanted=f"{article} {family}: a bare name, `kind: value` or `kind: {{fields}}`",
        got=_choice(keys, "and") if keys else fault.got,
        help=help,
    )


def _fields_wanted(fault: Fault) -> Diagnostic:
    kind, fields = fault.context["kind"], [f for f in fault.context["fields"] if f != "name"]
    stated = f"`{kind}: {{{fields[0]}: ...}}`" if fields else f"`{kind}` alone"
    return Diagnostic(
        WrongValue,
        f"`{kind}` takes no single value",
        fault.value,
        wanted=stated,
        got=show(fault.error["input"][kind]),
        help=f"write {stated}",
    )


def _combination(fault: Fault) -> Diagnostic:
    message, wanted, help = (fault.context[key] for key in ("message", "wanted", "help"))
    return Diagnostic(BadCombination, message, fault.value, wanted=wanted, got=fault.got, help=help)


def _bad_regularizer(fault: Fault) -> Diagnostic:
    kind, target = fault.context["kind"], fault.context["wanted"]
    help = f"use `activity_regularizer: {{{kind}: ...}}`" if target == "activity" else f"`{kind}` comes with its layer"
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
    near = None
    if fault.type == "literal_error" and isinstance(fault.error["input"], str):
        near = nearest(fault.error["input"], _expected(fault.context))
    bounds = fault.type.startswith(("greater_than", "less_than"))
    return Diagnostic(
        WrongValue,
        f"{fault.subject} {'lies outside its bounds' if bounds else 'has a wrong value'}",
        fault.value,
        wanted=_wanted(fault),
        got=fault.got,
        help=f"did you mean `{near}`?"
        if near
        else f"{fault.subject}: {fault.doc(str(fault.loc[-1]))}"
        if fault.loc
        else None,
    )


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


def _wanted(fault: Fault) -> str:
    if fault.type == "literal_error":
        return _choice(_expected(fault.context))
    return _WANTED.get(fault.type, str(fault.error["msg"])).format(**fault.context)


def _expected(context: Mapping[str, Any]) -> list[str]:
    return str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")


def _choice(options: Sequence[str], word: str = "or") -> str:
    quoted = [f"`{option}`" for option in options]
    if len(quoted) > 12:
        return ", ".join([*quoted[:12], f"... ({len(quoted)} in all)"])
    return f" {word} ".join(", ".join(quoted).rsplit(", ", 1))


def holder(loc: Loc, model: type[BaseModel]) -> Loc | None:
    """The outermost field on a path that may be left out and holds a kind that changes no shape: an activation, a loss.

    Args:
        loc: The path.
        model: What has its first part as a field.
    """
    for end in range(1, len(loc) + 1):
        owner, name = _owner(loc[:end], model), loc[end - 1]
        if owner is None or name not in owner.model_fields or owner.model_fields[name].is_required():
            continue
        if any(issubclass(inner, Kind) and inner.family != "layer" for inner in _inner(owner, str(name))):
            return loc[:end]
    return None


def _owner(loc: Loc, model: type[BaseModel]) -> type[BaseModel] | None:
    """The model that has the field which a path ends in, found by walking the path from the top."""
    from aespec.registry import kinds

    owner: type[BaseModel] | None = model
    families: list[str] = []
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        if families:
            owner = next((member for family in families if (member := kinds(family).get(part))), None)
            families = []
        elif owner is not None and part in owner.model_fields:
            inner = _inner(owner, part)
            if len(inner) == 1 and not (issubclass(inner[0], Kind) and not inner[0].concrete()):
                owner = inner[0]
            else:  # the next part is the name of a kind
                owner, families = None, [each.family for each in inner if issubclass(each, Kind)]
    return owner


def _inner(owner: type[BaseModel], name: str) -> list[type[BaseModel]]:
    """The models and families that a field holds: alone, optional, in a tuple or one of several."""
    found = []
    waiting = [owner.model_fields[name].annotation]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        waiting.extend(get_args(annotation))
    return found
