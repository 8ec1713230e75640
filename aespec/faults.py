"""What pydantic found wrong, each with its place in the file and what the model says of the field."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from aespec.diagnostics import Loc, Place, nearest, show
from aespec.fieldnames import MANY, field_meant, follows, known_elsewhere, otherwise
from aespec.kind import Kind, own_first, stand_ins
from aespec.source import Source
from aespec.source.text import LOST

__all__ = ["Advice", "Fault", "faults", "faulty", "holder", "holds_layers", "inner_models", "layers_in", "owner_of"]


def faults(errors: Sequence[Mapping[str, Any]], source: Source, model: type[BaseModel]) -> list[Fault]:
    """The single errors of a validation of ``source`` against ``model``."""
    top = frozenset(model.model_fields)
    return [Fault(loc, error, source, owner_of(_field(loc), model), top) for loc, error in _unfold(errors)]


def faulty(errors: Sequence[Mapping[str, Any]]) -> list[Loc]:
    """The path of each single error."""
    return [loc for loc, _ in _unfold(errors)]


Advice = Callable[["Fault"], str | None]
"""What to do about a fault, in words, if it is one of a sort."""


@dataclass(frozen=True)
class Fault:
    """One error of pydantic, with its whole path and the model that has the field it ends in."""

    loc: Loc
    error: Mapping[str, Any]
    source: Source
    owner: type[BaseModel] | None
    top: frozenset[str]
    """The fields at the top of the file."""
    _advised: list[tuple[Advice | None, str | None]] = dataclasses.field(default_factory=list, compare=False)

    def advised(self, advice: Sequence[Advice]) -> tuple[Advice | None, str | None]:
        """The first of these pieces of advice that has something to say of it, and what; looked for once."""
        if not self._advised:
            self._advised.append(next(((each, said) for each in advice if (said := each(self))), (None, None)))
        return self._advised[0]

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
    def field(self) -> str:
        """The field's name, of an item's value the field that has the list."""
        return str(_field(self.loc)[-1]) if self.loc else ""

    @property
    def subject(self) -> str:
        """The field, as messages name it."""
        if not self.loc:
            return "the spec"
        item = self.written[-1:]
        if isinstance(self.loc[-1], int) and item and isinstance(item[0], int):
            return f"item {item[0] + 1} of `{self.field}`"
        return f"`{self.field}`"

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

        return (field_docs(self.owner).get(self.field) if self.owner else None) or f"a value for `{self.field}`"

    @property
    def stand_in(self) -> float | None:
        """Of a single value of a kind that is no whole number, and so decides no shape: one that the field takes."""
        info = self.kind.model_fields.get(str(self.loc[-1])) if self.kind else None
        if self.kind is None or info is None or self.type == "missing":
            return None
        value = stand_ins(self.kind).get(self.field) if info.is_required() else info.default
        return value if isinstance(value, float) else None

    @cached_property
    def rank(self) -> int | None:
        """How many axes there are beside the channels, where that can be read: 2 for images."""
        data = self.source.data if isinstance(self.source.data, dict) else {}
        stated = data.get("input")
        shape = stated.get("shape") if isinstance(stated, dict) else stated
        at = self.loc[1] if len(self.loc) > 1 and isinstance(self.loc[1], int) else None
        blocks = [("decoder", at), ("encoder", None)] if self.loc[:1] == ("decoder",) else [("encoder", at)]
        for block, end in blocks:
            layers = data.get(block)
            before = layers[:end][-MANY:] if isinstance(layers, list) else []
            made = (each["reshape"] for each in reversed(before) if isinstance(each, dict) and "reshape" in each)
            last = next((each.get("target_shape") if isinstance(each, dict) else each for each in made), None)
            if isinstance(last, list):
                return len(last) - 1
        return len(shape) - 1 if isinstance(shape, list) else None

    @cached_property
    def held(self) -> dict[str, Any] | None:
        """The field that takes the kind which an unknown field is, with that kind.

        Of ``time_distributed: {dense: 3}`` it is ``{layer: {dense: 3}}``.
        """
        from aespec.meanings import as_kind, short
        from aespec.registry import known_kind

        beside, value = self.source.value(self.written[:-1]), self.error["input"]
        if otherwise(str(self.loc[-1]), self.kind.family if self.kind else ""):
            return None
        for field, family in self._holding if isinstance(beside, dict) and not self.together else ():
            if field not in beside and (kind := known_kind(self.loc[-1], family)):
                return {field: short(as_kind(family, kind, None if value is True else value))}
        return self.together

    @property
    def together(self) -> dict[str, Any] | None:
        """The main field with the kind that it takes, where all unknown fields are that kind together.

        Of ``time_distributed: {type: dense, units: 3}`` it is ``{layer: {dense: {units: 3}}}``.
        """
        from aespec.meanings import kind_meant, short

        for field, family in self._holding:
            if self.kind is None or field != self.kind.main or not self.stray:
                continue
            beside = self.source.value(self.written[:-1])
            meant = kind_meant(family, self.stray, self.rank)
            if meant is None and family == "layer" and field not in beside:
                meant = self._layer_lacking
            if meant:
                return {field: short(meant)}
        return None

    @property
    def _layer_lacking(self) -> dict[str, Any] | None:
        """The layer that unknown fields of a wrapper are of, if they have its main field among them."""
        from aespec.meanings import fields_meant
        from aespec.registry import kinds, known_kind

        for name in ("dense", "lstm"):
            kind = kinds("layer")[name]
            fields = fields_meant(kind, self.stray)
            bare = not any(known_kind(key, "layer") for key in self.stray)
            if bare and "units" in fields and all(field in kind.model_fields for field in fields):
                try:
                    self.kind.model_validate({self.kind.main: {name: fields}})  # type: ignore[union-attr]
                except ValidationError:
                    continue
                return {name: fields}
        return None

    @property
    def stray(self) -> dict[str, Any]:
        """This unknown field and those that stand beside it; none where they are too many to be one kind."""
        beside = self.source.value(self.written[:-1])
        if self.owner is None or not isinstance(beside, dict) or len(beside) > MANY:
            return {}
        return {key: value for key, value in beside.items() if key not in self.owner.model_fields}

    @property
    def _holding(self) -> list[tuple[str, str]]:
        """The owner's fields that take one kind, each with the family of it; of layers, the main field alone."""
        owner, main = self.owner, self.kind.main if self.kind else None
        return [
            (field, inner.family)
            for field in (own_first(owner) if owner else ())
            for inner in (inner_models(owner, field) if owner else ())
            if issubclass(inner, Kind) and (field == main or inner.family != "layer")
        ]

    @property
    def layers(self) -> bool:
        """Whether the field holds a list of layers."""
        return self.owner is not None and holds_layers(self.owner, self.field)

    @cached_property
    def meant(self) -> str | None:
        """The field that an unknown one was likely meant to be."""
        if self.held:
            return next(iter(self.held))
        if self.loc[-1] == LOST:
            return None
        near = field_meant(str(self.loc[-1]), own_first(self.owner)) if self.owner else None
        if near == "name" and not isinstance(self.error["input"], str):
            near = None
        return near or self._lacking

    @property
    def _lacking(self) -> str | None:
        """A field that is not stated, and is needed: this may be its name elsewhere, as `p` is, or `layers`."""
        beside, number = self.source.value(self.written[:-1]), self.error["input"]
        name = str(self.loc[-1])
        if self.owner is None or not isinstance(beside, dict) or follows(name):
            return None
        if self.kind is None:
            lists = [name for name in self.owner.model_fields if holds_layers(self.owner, name)]
            return next((name for name in lists if layers_in(number) and name not in beside), None)
        if self.kind.family in ("optimizer", "schedule") or otherwise(name, self.kind.family):
            return None
        numbers = [key for key, value in self.stray.items() if type(value) in (int, float) and not follows(key)]
        if numbers != [self.loc[-1]]:
            return None
        needed = [self.kind.main, *(name for name, info in self.kind.model_fields.items() if info.is_required())]
        return next((name for name in needed if name and name not in beside), None)

    @property
    def belongs(self) -> Belonging | None:
        """Where an unknown field belongs that is one of what a field beside it holds."""
        return self.belonging({})

    def belonging(self, added: Mapping[str, Any]) -> Belonging | None:
        """`belongs`, where some of what stands beside it is to be another."""
        beside = self.source.value(self.written[:-1])
        if self.owner is None or not isinstance(beside, dict):
            return None
        if self.kind is None and otherwise(str(self.loc[-1]), ""):
            return None
        return _within(self.owner, {**beside, **added}, str(self.loc[-1]), self.error["input"])


class Belonging(NamedTuple):
    """Where a field belongs that stands beside what holds it."""

    name: str
    """What it is called there."""
    owner: str
    """Whose it is."""
    path: Loc
    """Where it stands, from what it stands beside on."""
    written: dict[str, Any]
    """What holds it, as it is to be written."""
    stated: bool
    """Whether it is stated there already, so that it is not written into it."""


def layers_in(stated: Any) -> list[str]:
    """The kinds of those items of a list that are layers."""
    from aespec.registry import known_kind

    items = stated if isinstance(stated, list) else ()
    names = (next(iter(each), None) if isinstance(each, dict | list) else each for each in items)
    return [kind for name in names if (kind := known_kind(name, "layer"))]


def holds_layers(owner: type[BaseModel], name: str) -> bool:
    """Whether a field holds a list of layers."""
    inner = [each for each in inner_models(owner, name) if issubclass(each, Kind)]
    return any(each.family == "layer" and not each.concrete() for each in inner)


def holder(loc: Loc, model: type[BaseModel]) -> Loc | None:
    """The outermost field on a path that may be left out and holds a kind that changes no shape: an activation, a loss.

    A field that does not exist counts as the one that it was likely meant to be.

    Args:
        loc: The path.
        model: What has its first part as a field.
    """
    for end in range(1, len(loc) + 1):
        owner, name = owner_of(loc[:end], model), loc[end - 1]
        field = nearest(str(name), own_first(owner)) if owner and isinstance(name, str) else None
        if owner is None or field is None or owner.model_fields[field].is_required():
            continue
        if any(issubclass(inner, Kind) and inner.family != "layer" for inner in inner_models(owner, field)):
            return loc[:end]
    return None


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


def owner_of(loc: Loc, model: type[BaseModel]) -> type[BaseModel] | None:
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
            inner = inner_models(owner, part)
            if len(inner) == 1 and not (issubclass(inner[0], Kind) and not inner[0].concrete()):
                owner = inner[0]
            else:  # the next part is the name of a kind
                owner, families = None, [each.family for each in inner if issubclass(each, Kind)]
    return owner


def _within(owner: type[BaseModel], stated: Mapping[str, Any], name: str, value: Any) -> Belonging | None:
    """`Fault.belongs`, of a model of which so much is stated; what stands there is looked through first."""
    for field in sorted(owner.model_fields, key=lambda each: each not in stated):
        held = stated.get(field, owner.model_fields[field].default)
        for inner in inner_models(owner, field):
            label, member, fields = _held(field, inner, held)
            if member is None:
                continue
            # Of those that begin alike: not `validation_data` for `data`.
            alike = [each for each in member.model_fields if each[0] == name[:1].lower()]
            if near := known_elsewhere(name, member.model_fields) or nearest(name, alike):
                known = {field_meant(each, member.model_fields) or each: own for each, own in fields.items()}
                fields = {near: value, **known} if near in known else {**known, near: value}
                written = fields[near] if [*fields] == [getattr(member, "main", None)] else fields
                inside = {label: written} if issubclass(member, Kind) else written
                path = (field, label) if issubclass(member, Kind) else (field,)
                if isinstance(written, dict):
                    path = (*path, near)
                return Belonging(near, label, path, {field: inside}, near in known)
            if not issubclass(member, Kind) and (deeper := _within(member, fields, name, value)):
                held = {field: {**fields, **deeper.written}}
                return deeper._replace(path=(field, *deeper.path), written=held)
    return None


def _held(field: str, inner: type[BaseModel], held: Any) -> tuple[str, type[BaseModel] | None, dict[str, Any]]:
    """What a field holds: what messages call it, its model, None where it has none, and the fields that are stated."""
    from aespec.registry import kinds, known_kind

    label: Any = field
    member: type[BaseModel] | None = inner
    if issubclass(inner, Kind):
        label, held = next(iter(held.items())) if isinstance(held, dict) and len(held) == 1 else (held, None)
        label = label.kind if isinstance(label, Kind) else label
        known = known_kind(label, inner.family) if isinstance(label, str) else None
        label, member = known or label, kinds(inner.family).get(known or "")
    if isinstance(held, dict) or member is None:
        return label, member, held if isinstance(held, dict) else {}
    if not isinstance(held, bool | int | float | str | list):  # nothing, or the default
        return label, None if isinstance(held, tuple) else member, {}
    main = getattr(member, "main", None)
    return label, member, {main: held} if main else kind_within(member, held)


def kind_within(section: type[BaseModel], name: Any) -> dict[str, str]:
    """The field of a section that holds the kind of a name, and that kind; empty where none does."""
    from aespec.registry import known_kind

    for field in section.model_fields if isinstance(name, str) else ():
        families = [each.family for each in inner_models(section, field) if issubclass(each, Kind)]
        if kind := next(filter(None, (known_kind(name, family) for family in families)), None):
            return {field: kind}
    return {}


@cache
def inner_models(owner: type[BaseModel], name: str) -> tuple[type[BaseModel], ...]:
    """The models and families that a field holds: alone, optional, in a tuple or one of several."""
    found = []
    waiting = [owner.model_fields[name].annotation] if name in owner.model_fields else []
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        waiting.extend(get_args(annotation))
    return tuple(found)
