"""What pydantic found wrong, said in aespec's words and shown in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import BaseModel

from aespec.diagnostics import Diagnostic, Loc, Place, in_order, nearest, show
from aespec.kind import Kind, own_first
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

__all__ = ["diagnose", "faulty", "holder"]


def diagnose(errors: Sequence[Mapping[str, Any]], source: Source, model: type[BaseModel]) -> list[Diagnostic]:
    """One diagnostic for each error of a validation of ``source`` against ``model``, in the file's order.

    A value that its own text spoils is not blamed again, nor is a field called missing that is only misspelt.
    """
    faults = [Fault(loc, error, source, _owner(_field(loc), model)) for loc, error in _unfold(errors)]
    misspelt = {(*fault.loc[:-1], fault.meant) for fault in faults if fault.type == "extra_forbidden"}
    told = [
        fault
        for fault in faults
        if fault.written not in source.spoilt and not (fault.type == "missing" and fault.loc in misspelt)
    ]
    found = [_SAY.get(fault.type, _wrong_value)(fault) for fault in told]
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
    def kind(self) -> type[Kind] | None:
        """The owner, where it is a kind."""
        return self.owner if self.owner and issubclass(self.owner, Kind) and self.owner.concrete() else None

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
        item, field = self.written[-1:], f"`{_field(self.loc)[-1]}`"
        if isinstance(self.loc[-1], int) and item and isinstance(item[0], int):
            return f"item {item[0] + 1} of {field}"
        return field

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

    @property
    def doc(self) -> str:
        """What the owner says of the field."""
        from aespec.reference import field_docs

        name = str(_field(self.loc)[-1])
        return (field_docs(self.owner).get(name) if self.owner else None) or f"a value for `{name}`"

    @property
    def wraps(self) -> bool:
        """Whether an unknown field is a kind that the main field takes, as in ``time_distributed: {dense: 3}``."""
        from aespec.registry import kind_names

        if self.kind is None or self.kind.main is None:
            return False
        families = [inner.family for inner in _inner(self.kind, self.kind.main) if issubclass(inner, Kind)]
        return any(self.loc[-1] in kind_names(family) for family in families)

    @property
    def meant(self) -> str | None:
        """The field that an unknown one was likely meant to be."""
        if self.kind and self.wraps:
            return self.kind.main
        return nearest(str(self.loc[-1]), own_first(self.owner)) if self.owner else None


def _field(loc: Loc) -> Loc:
    """The path of the field that a path leads into: without the items of its value."""
    return _field(loc[:-1]) if loc and isinstance(loc[-1], int) else loc


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
    if fault.wraps:
        return f"write `{fault.meant}: {show({fault.loc[-1]: fault.error['input']})}`"
    return f"did you mean `{fault.meant}`?" if fault.meant else f"remove {fault.subject}"


def _missing(fault: Fault) -> Diagnostic:
    name = str(fault.loc[-1])
    return Diagnostic(
        MissingField,
        f"{f'`{fault.loc[-2]}`' if len(fault.loc) > 1 else 'the spec'} lacks the field {fault.subject}",
        fault.key,
        wanted=f"`{name}`: {fault.doc}",
        got="nothing",
        help=f"add `{name}: ...`",
    )


def _not_one_key(fault: Fault) -> Diagnostic:
    family, keys = fault.context["family"], fault.context["keys"]
    added = [key for key in keys if fault.source.is_set((*fault.written, key))]
    standing = [key for key in keys if key not in added]
    if added and standing:
        return _second_kind(fault, added[0], standing[0])
    article = "an" if family[0] in "aeiou" else "a"
    return Diagnostic(
        NotOneKey,
        f"this is not one {family}",
        fault.value,
        wanted=f"{article} {family}: a bare name, `kind: value` or `kind: {{fields}}`",
        got=_choice(keys, "and") if keys else fault.got,
        help=_one_key(fault),
    )


def _one_key(fault: Fault) -> str | None:
    """How to write one kind."""
    keys, item = fault.context["keys"], not isinstance(fault.loc[-1], str)
    if keys and item and fault.source.is_json:
        return f'give each layer braces of its own: `{{"{keys[0]}": ...}}`; its fields go inside inner braces'
    if keys and item:
        return f"give each layer a dash of its own: `- {keys[0]}: ...`; fields go inside braces or one level deeper"
    if keys:
        return f"write `{{{keys[0]}: {{...}}}}`, one kind with its fields inside"
    if item:
        is_list = isinstance(fault.error["input"], list)
        return "a layer cannot be a list: take the inner brackets or the extra dash away" if is_list else None
    examples = getattr(fault.kind, "examples", ())
    if fault.kind and fault.kind.main == fault.loc[-1] and examples:
        return f"write for example `{show({fault.kind.kind: dict(examples[0].fields)}, 100)[1:-1]}`"
    return f"{fault.subject}: {fault.doc}"


def _second_kind(fault: Fault, name: str, standing: str) -> Diagnostic:
    """An override whose path names another kind than the one that stands there."""
    from aespec.registry import kinds

    family, path = fault.context["family"], ".".join(map(str, fault.written))
    members = kinds(family)
    if name in members:
        help = f"to make it another kind, set it as a whole: `{path}={{{name}: …}}`"
    else:
        field = f".{name}" if standing in members and name in members[standing].model_fields else ""
        help = f"did you mean `{path}.{standing}{field}`?"
    return Diagnostic(
        BadOverride,
        f"the {family} at `{path}` is `{standing}`, not `{name}`",
        fault.source.keys[(*fault.written, name)],
        wanted=f"`{standing}`",
        got=f"`{name}`",
        help=help,
    )


def _fields_wanted(fault: Fault) -> Diagnostic:
    kind, fields = fault.context["kind"], ", ".join(f"{field}: ..." for field in fault.context["fields"])
    stated = f"`{kind}: {{{fields}}}`" if fields else f"`{kind}` alone"
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
    got = show(fault.source.value(fault.written))
    return Diagnostic(BadCombination, message, fault.value, wanted=wanted, got=got, help=help)


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
        help=f"did you mean `{near}`?" if near else f"`{_field(fault.loc)[-1]}`: {fault.doc}" if fault.loc else None,
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

_PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_]*$": "letters, digits and `_`, a letter first",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "letters, digits, `_`, `.` and `-`, a letter or a digit first",
}


def _wanted(fault: Fault) -> str:
    if fault.type == "literal_error":
        return _choice(_expected(fault.context))
    if fault.type == "string_pattern_mismatch" and fault.context["pattern"] in _PATTERNS:
        return _PATTERNS[fault.context["pattern"]]
    return _WANTED.get(fault.type, str(fault.error["msg"])).format(**fault.context)


def _expected(context: Mapping[str, Any]) -> list[str]:
    return str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")


def _choice(options: Sequence[str], word: str = "or") -> str:
    quoted = [f"`{option}`" for option in options]
    if len(quoted) > 12:
        return ", ".join([*quoted[:7], f"... ({len(quoted)} in all)"])
    return f" {word} ".join(", ".join(quoted).rsplit(", ", 1))


def holder(loc: Loc, model: type[BaseModel]) -> Loc | None:
    """The outermost field on a path that may be left out and holds a kind that changes no shape: an activation, a loss.

    A field that does not exist counts as the one that it was likely meant to be.

    Args:
        loc: The path.
        model: What has its first part as a field.
    """
    for end in range(1, len(loc) + 1):
        owner, name = _owner(loc[:end], model), loc[end - 1]
        field = nearest(str(name), own_first(owner)) if owner and isinstance(name, str) else None
        if owner is None or field is None or owner.model_fields[field].is_required():
            continue
        if any(issubclass(inner, Kind) and inner.family != "layer" for inner in _inner(owner, field)):
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
