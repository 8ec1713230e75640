"""What pydantic found wrong, said in aespec's words and shown in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from aespec.diagnostics import Diagnostic, Loc, nearest, show
from aespec.kind import Kind
from aespec.rules import BadCombination, BadRegularizer, MissingField, NotOneKey, Rule, UnknownField, UnknownKind, WrongValue
from aespec.source import Source

__all__ = ["diagnose"]


def diagnose(errors: Sequence[Mapping[str, Any]], source: Source, model: type[BaseModel]) -> list[Diagnostic]:
    """One diagnostic for each error of a validation of ``source`` against ``model``, in the file's order."""
    found = [_diagnostic(loc, error, source, model) for loc, error in _unfold(errors)]
    unique = {(d.rule, d.place, d.message): d for d in found}
    return sorted(unique.values(), key=lambda d: (d.place.line, d.place.column) if d.place else (0, 0))


def _unfold(errors: Sequence[Mapping[str, Any]], above: Loc = ()) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    """Every single error with its whole path, those that a kind's own validation gathered included."""
    for error in errors:
        loc = (*above, *error["loc"])
        context = error.get("ctx", {})
        if error["type"] == "nested":
            yield from _unfold(context["errors"], (*loc, *context["at"]))
        else:
            yield (*loc, *context.get("at", ())), error


def _diagnostic(loc: Loc, error: Mapping[str, Any], source: Source, model: type[BaseModel]) -> Diagnostic:
    kind, context, got = error["type"], error.get("ctx", {}), error["input"]
    where, at_key = source.place(loc), source.place(loc, key=True)
    owner = _owner(loc, model)
    subject = f"`{loc[-1]}`" if loc else "the spec"
    match kind:
        case "unknown_kind":
            family, name = context["family"], context["name"]
            near = nearest(name, context["options"])
            return Diagnostic(
                UnknownKind,
                f"unknown {family} `{name}`" if family == "decoder form" else f"unknown {family} kind `{name}`",
                at_key,
                wanted=_choice(context["options"]),
                got=f"`{name}`",
                help=f"did you mean `{near}`?" if near else _where_to_look(family),
            )
        case "extra_forbidden":
            fields = list(owner.model_fields) if owner else []
            near = nearest(str(loc[-1]), fields)
            of = f" of `{owner.kind}`" if owner and issubclass(owner, Kind) and owner.concrete() else ""
            return Diagnostic(
                UnknownField,
                f"unknown field {subject}{of}",
                at_key,
                wanted=_choice(fields),
                got=subject,
                help=f"did you mean `{near}`?" if near else f"remove {subject}",
            )
        case "missing":
            of = f"`{loc[-2]}`" if len(loc) > 1 else "the spec"
            return Diagnostic(
                MissingField,
                f"{of} lacks the field {subject}",
                source.place(loc[:-1], key=True),
                wanted=_doc(owner, str(loc[-1])),
                got="nothing",
                help=f"add `{loc[-1]}: ...`",
            )
        case "not_one_key":
            family, keys = context["family"], context["keys"]
            help = f"write each {family} as an item of its own: `- {keys[0]}: ...`" if keys else None
            if isinstance(got, list) and family == "layer":
                help = "a layer cannot be a list; take the inner brackets or the extra dash away"
            return Diagnostic(
                NotOneKey,
                f"this is not one {family}",
                where,
                wanted=f"a {family}: a bare name, `kind: value` or `kind: {{fields}}`",
                got=_choice(keys, "and") if keys else show(got),
                help=help,
            )
        case "fields_wanted":
            fields = context["fields"]
            return Diagnostic(
                WrongValue,
                error["msg"],
                where,
                wanted=f"`{context['kind']}` alone, or `{context['kind']}: {{{fields[0]}: ...}}`" if fields else "no value",
                got=_got(got),
            )
        case "combination":
            return Diagnostic(
                BadCombination, context["message"], where, wanted=context["wanted"], got=_got(got), help=context["help"]
            )
        case "bad_regularizer":
            return Diagnostic(
                BadRegularizer,
                error["msg"],
                where,
                wanted=f"`{context['kind']}` on an {context['wanted']}",
                got=subject,
                help=f"use `activity_regularizer: {{{context['kind']}: ...}}`" if context["wanted"] == "activity" else None,
            )
    rule: type[Rule] = WrongValue
    wanted = str(context.get("wanted") or _wanted(kind, context, error["msg"]))
    near = nearest(got, _expected(context)) if kind == "literal_error" and isinstance(got, str) else None
    doc = context.get("help") or (_doc(owner, str(loc[-1])) if loc else None)
    return Diagnostic(
        rule,
        f"{subject} {'lies outside its bounds' if kind.endswith('_than') or 'than_equal' in kind else 'has a wrong value'}"
        if kind not in ("wrapped", "axes")
        else error["msg"],
        where,
        wanted=wanted,
        got=context.get("got") or _got(got),
        help=f"did you mean `{near}`?" if near else doc,
    )


_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
}


def _wanted(kind: str, context: Mapping[str, Any], message: str) -> str:
    match kind:
        case "greater_than":
            return f"above {context['gt']}"
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case "less_than":
            return f"below {context['lt']}"
        case "less_than_equal":
            return f"{context['le']} or less"
        case "literal_error":
            return _choice(_expected(context))
        case "too_short":
            return f"at least {context['min_length']}"
        case "too_long":
            return f"at most {context['max_length']}"
        case "string_pattern_mismatch":
            return "letters, digits and underscores, a letter first"
        case "missing_argument" | "unexpected_positional_argument":
            return "another number of values"
    return _TYPES.get(kind, message)


def _expected(context: Mapping[str, Any]) -> list[str]:
    return str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")


def _choice(options: Sequence[str], word: str = "or") -> str:
    quoted = [f"`{option}`" for option in options]
    if len(quoted) > 12:
        return ", ".join([*quoted[:12], f"... ({len(quoted)} in all)"])
    return f" {word} ".join(", ".join(quoted).rsplit(", ", 1))


def _got(value: Any) -> str:
    return show(value.to_data() if isinstance(value, Kind) else value)


def _where_to_look(family: str) -> str | None:
    return "`aespec layers` lists all kinds" if family == "layer" else f"`aespec layers --family {family}` lists them"


def _owner(loc: Loc, model: type[BaseModel]) -> type[BaseModel] | None:
    """The model that has the field which a path ends in, found by walking the path from the top."""
    from aespec.registry import kinds

    owner: type[BaseModel] | None = model
    family: type[Kind] | None = None
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        if family is not None:
            owner, family = kinds(family.family).get(part), None
        elif owner is not None and part in owner.model_fields:
            inner = _inner(owner, part)
            owner, family = (None, inner) if inner and issubclass(inner, Kind) and not inner.concrete() else (inner, None)
    return owner


def _inner(owner: type[BaseModel], name: str) -> Any:
    """The model or family that a field holds, alone, optional or in a tuple."""
    from typing import get_args

    waiting = [owner.model_fields[name].annotation]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        waiting.extend(get_args(annotation))
    from aespec.layers.base import Layer

    return Layer if name == "decoder" else None


def _doc(owner: type[BaseModel] | None, name: str) -> str:
    from aespec.reference import field_docs

    return (owner and field_docs(owner).get(name)) or f"a value for `{name}`"
