"""Kinds: the named building blocks of a spec, and how a value in a spec becomes one.

A family (layers, activations, losses, ...) is an abstract subclass of `Kind`; its members are concrete
subclasses with a `kind` name. In a spec a member is written as a bare name (``flatten``), as ``kind: value``
for its one main field (``dense: 100``) or as ``kind: {fields}`` (``dense: {units: 100}``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from aespec.diagnostics import AespecError

__all__ = [
    "Combined",
    "Kind",
    "Objections",
    "OneOrList",
    "combination",
    "nested",
    "own_first",
    "refuse",
    "stand_ins",
    "together",
]

T = TypeVar("T")

Objections = Iterator[PydanticCustomError]
"""What a check finds wrong, one by one."""

Check = Callable[[Any], Objections]


def together(*fields: str) -> Callable[[Check], Check]:
    """Mark a method of a `Combined` that says what is wrong with fields together, which are each right.

    It yields a `combination` for each such thing, and looks at no field but these.
    """

    def mark(check: Check) -> Check:
        check.__dict__["together"] = fields
        return check

    return mark


class Combined(BaseModel):
    """A model that tells all that is wrong with it at once: single fields, and fields together.

    A validator of pydantic's that runs after the fields does not run where one of them is wrong, and keeps those
    after it from running. The methods that are marked `together` run for whatever fields are right.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _tell_all(cls, stated: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            made = validate(stated)
        except ValidationError as error:
            wrong = error.errors()
            if not isinstance(stated, dict) or not all(each["loc"] for each in wrong):
                raise
            fields = {each["loc"][0] for each in wrong}
            right = {field: value for field, value in stated.items() if field not in fields}
            try:
                made = validate({**stand_ins(cls), **right})
            except ValidationError:
                raise error from None
            if found := _wrong_together(made, fields):
                refuse(found, stated, wrong)
            raise
        if found := _wrong_together(made):
            refuse(found, stated)
        return made


class Kind(Combined):
    """A named, immutable, validated building block of a spec."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True, allow_inf_nan=False)

    family: ClassVar[str]
    """What the family is called in messages, such as ``layer`` or ``loss``."""
    kind: ClassVar[str]
    """The name in a spec. A class without one is the family itself."""
    main: ClassVar[str | None] = None
    """The field that ``kind: value`` sets."""
    elsewhere: ClassVar[tuple[str, ...]] = ()
    """What it is called in Keras, PyTorch or papers, where that is not nearly its own name."""

    @classmethod
    def concrete(cls) -> bool:
        """Whether this class is a member of its family, not the family or a shared base."""
        return "kind" in cls.__dict__

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read a member of this family from the value that stands for it in a spec.

        Raises:
            PydanticCustomError: The value names no member, or its fields are wrong.
        """
        from aespec.registry import find_kind

        if isinstance(value, cls):
            return value
        name, fields = _name_and_fields(cls.family, value)
        try:
            member = find_kind(cls, name)
        except AespecError as error:
            context = {"name": name, "diagnostic": error.diagnostics[0], "at": (name,)}
            raise PydanticCustomError("unusable", "`{name}` cannot be used", context) from None
        if fields is None:
            fields = {}
        elif not isinstance(fields, dict):
            if member.main is None:
                own = [field for field in own_first(member) if member.model_fields[field].default is not None]
                required = [field for field in own if member.model_fields[field].is_required()]
                takes = member.taking(fields)
                raise PydanticCustomError(
                    "fields_wanted",
                    "`{kind}` takes its fields as a mapping",
                    {
                        "kind": name,
                        "fields": required or takes or own[:1],
                        "taking": takes,
                        "needs": bool(required),
                        "family": member.family,
                        "at": (name,),
                    },
                )
            fields = {member.main: fields}
        read: Self = nested((name,), lambda: member.model_validate(fields))
        return read

    @classmethod
    def taking(cls, value: Any) -> list[str]:
        """The fields that a single value can be meant for, of a kind whose fields a spec has to name.

        They are its own, and for a number those of its family, such as a loss's weight.
        """
        family = next(base for base in cls.__mro__ if "family" in base.__dict__)
        likely = {*cls.__annotations__, *(family.__annotations__ if type(value) in (int, float) else ())}
        return [field for field in own_first(cls) if field in likely and cls._takes(field, value)]

    @classmethod
    def _takes(cls, field: str, value: Any) -> bool:
        """Whether a value is right for a field, with all others left out."""
        try:
            cls.model_validate({field: value})
        except ValidationError:
            return False
        return True

    def to_data(self) -> Any:
        """The shortest value that reads back as this kind with every field stated."""
        fields = self.model_dump(mode="json", exclude_none=True)
        return (
            {self.kind: {name: fields[name] for name in own_first(type(self)) if name in fields}}
            if fields
            else self.kind
        )

    def stated(self) -> dict[str, Any]:
        """The fields that a spec has to state: those that are required, and those that are not at their default."""
        fields = dict(self)
        needed = {name: fields[name] for name, info in type(self).model_fields.items() if info.is_required()}
        usual = dict(type(self)(**needed))
        return {name: fields[name] for name in own_first(type(self)) if name in needed or fields[name] != usual[name]}

    def __str__(self) -> str:
        stated = [f"{name}={_short(value)}" for name, value in self.stated().items()]
        return f"{self.kind}({', '.join(stated)})" if stated else self.kind

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if cls.concrete():
            return handler(source)
        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.plain_serializer_function_ser_schema(lambda kind: kind.to_data())
        )


@dataclass(frozen=True)
class OneOrList:
    """Says of a tuple that a spec may state one item alone for it, as well as a list."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: tuple(value) if isinstance(value, (list, tuple)) else (value,), handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        listed = handler(schema)
        return {"anyOf": [listed["items"], listed]}


def _short(value: Any) -> Any:
    """A value for the eye: a number with at most six significant digits."""
    if isinstance(value, tuple):
        return tuple(map(_short, value))
    return float(f"{value:.6g}") if isinstance(value, float) else value


def own_first(model: type[BaseModel]) -> list[str]:
    """The names of a model's fields: those of its own class before those that it shares with others."""
    depth = {name: i for i, cls in enumerate(model.__mro__) for name in getattr(cls, "__annotations__", {})}
    return sorted(model.model_fields, key=lambda name: depth[name])


def combination(message: str, *, field: str | int, wanted: str, help: str | None = None) -> PydanticCustomError:
    """The error for fields, or items, that are each right and wrong together; ``field`` is the one to look at."""
    context = {"message": message, "wanted": wanted, "help": help, "at": (field,)}
    return PydanticCustomError("combination", "{message}", context)


def refuse(found: Sequence[PydanticCustomError], stated: Any, wrong: Sequence[Mapping[str, Any]] = ()) -> NoReturn:
    """Raise several errors as one, from which `aespec.faults` unfolds them.

    Args:
        found: Those that a check of ``stated`` found.
        stated: What is refused.
        wrong: Those that pydantic found in it.

    Raises:
        PydanticCustomError: With all of them; the one alone where there is no other.
    """
    if len(found) == 1 and not wrong:
        raise found[0]
    errors = [
        {"type": each.type, "loc": (), "msg": each.message(), "ctx": each.context, "input": stated} for each in found
    ]
    told = "; ".join(str(each["msg"]) for each in (*wrong, *errors))
    raise PydanticCustomError("nested", "{title}", {"title": told, "at": (), "errors": [*wrong, *errors]})


@cache
def _checks(model: type[Combined]) -> tuple[Any, ...]:
    """The methods of a model that are marked `together`, those that it shares with others first."""
    named = {name: each for base in reversed(model.__mro__) for name, each in vars(base).items()}
    return tuple(each for each in named.values() if hasattr(each, "together"))


def _wrong_together(made: Combined, without: Set[str | int] = frozenset()) -> list[PydanticCustomError]:
    """What the checks of a model find, but for those that look at some fields."""
    return [each for check in _checks(type(made)) if without.isdisjoint(check.together) for each in check(made)]


def stand_ins(model: type[Combined]) -> dict[str, Any]:
    """Of each field that has no default, a value that it takes."""
    needed = {name: info.examples for name, info in model.model_fields.items() if info.is_required()}
    shown = getattr(model, "examples", ())
    return {
        **{name: examples[0] for name, examples in needed.items() if examples},
        **{name: value for name, value in (shown[0].fields.items() if shown else ()) if name in needed},
    }


def nested(at: tuple[str | int, ...], validate: Callable[[], T]) -> T:
    """Run a validation whose errors belong below ``at``, keeping each error's own place and type.

    pydantic flattens an error raised inside a validator to its text. This keeps the list of them in the
    context of one error, from which `aespec.faults` unfolds them.
    """
    try:
        return validate()
    except ValidationError as error:
        raise PydanticCustomError(
            "nested", "{title}", {"title": error.title, "at": at, "errors": error.errors()}
        ) from None


def _name_and_fields(family: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.items()))
    if isinstance(value, dict) and value:
        raise PydanticCustomError(
            "not_one_key", "a {family} is written as one key, its kind", {"family": family, "keys": list(value)}
        )
    raise PydanticCustomError("not_one_key", "a {family} is written as its kind", {"family": family, "keys": []})
