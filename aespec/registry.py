"""What exists: the kinds of each family and the backends, built in or from another package's entry points.

Groups: ``aespec.layers`` (kind -> class), ``aespec.backends`` (name -> `Backend` object) and
``aespec.lowerings`` (``backend.kind`` -> function). Entry points are read without importing what they name.
A name that two packages claim, or that cannot be imported, is an error where it is used, and nowhere else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

from aespec.absent import instead_of
from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.kind import Kind
from aespec.rules import BackendUnavailable, PluginConflict, UnknownBackend

if TYPE_CHECKING:
    from aespec.backend import Backend

__all__ = [
    "FAMILIES",
    "backend_names",
    "find_backend",
    "find_kind",
    "is_typo",
    "kind_names",
    "kinds",
    "known_kind",
    "main_field",
    "nearest_kind",
    "package",
]

_HOMES = {
    "layer": "aespec.layers",
    "activation": "aespec.activations",
    "initializer": "aespec.initializers",
    "regularizer": "aespec.regularizers",
    "loss": "aespec.losses",
    "optimizer": "aespec.optimizers",
    "schedule": "aespec.schedules",
    "decoder form": "aespec.spec",
}
FAMILIES = tuple(_HOMES)
"""What kinds there are of."""

_GROUPS = {"layer": "aespec.layers"}
_KIND = re.compile(r'^    kind = "(\w+)"$', re.MULTILINE)


def kind_names(family: str) -> list[str]:
    """The names of a family's kinds, built-in ones first; no plugin is imported."""
    return list(dict.fromkeys([*_modules(family), *_claims(_GROUPS.get(family))]))


def kinds(family: str) -> dict[str, type[Kind]]:
    """Every kind of a family by name, plugins imported; one that cannot be used is left out."""
    found: dict[str, type[Kind]] = dict(_builtin(family))
    for name in kind_names(family):
        if name not in found:
            with suppress(AespecError):
                found[name] = _plugin_kind(name)
    return found


def nearest_kind(name: str, *families: str, beside: Iterable[str] = (), rank: int | None = None) -> str | None:
    """The kind that was likely meant by a name, which may be its name elsewhere, or what stands beside the kinds.

    Where the name is without a number of axes, as `max_pool` is, it is the kind of that ``rank``, if there is one.
    """
    name = name.rpartition(".")[2]  # as in `keras.layers.Dense`
    members = {kind: member for family in families for kind, member in kinds(family).items()}
    # A name elsewhere is meant where it is written, or mistyped: not where another name is somewhat like it.
    others = {**_elsewhere(members), **{kind: kind for kind in members}}
    squashed = {each.replace("_", "") for each in others}
    if name.replace("_", "").lower() not in squashed and any(instead_of(name, family) for family in families):
        return None
    near = next((others[each] for each in difflib.get_close_matches(name.lower(), others, 1, 0.88)), None)
    near = near or nearest(name, [*(kind for family in families for kind in kind_names(family)), *beside])
    own, digits = getattr(members.get(near or ""), "rank", None), re.findall(r"\d", name)
    if near is None or own is None or str(own) in digits:
        return near
    alike = near.replace(f"{own}d", f"{digits[-1] if digits else rank}d")
    return alike if alike in members else None if digits else near  # `Conv3D` is no kind


def is_typo(name: str, kind: str, family: str) -> bool:
    """Whether there is no doubt that a name is that of a kind, which it has elsewhere, or with a slip in it."""
    own = name.rpartition(".")[2]
    alike = difflib.SequenceMatcher(None, own.lower(), kind).ratio() >= SLIP and len(own) > 3
    return known_kind(own, family) == kind or alike or _nearly_elsewhere(own, kind, family)


def _nearly_elsewhere(name: str, kind: str, family: str) -> bool:
    """Whether a name is nearly one that a kind has elsewhere."""
    names = [each.lower() for each in (kinds(family)[kind].elsewhere if kind in kinds(family) else ())]
    return bool(difflib.get_close_matches(name.lower(), names, 1, 0.88))


SLIP = 0.78
"""How like a name has to be of which a letter or two is wrong: `desne` is 0.8 like `dense`."""


def known_kind(name: Any, family: str) -> str | None:
    """The kind that has a name, here or elsewhere, in small letters or in capitals."""
    members, low = kinds(family), str(name).lower()
    return next((each for each in (str(name), low, _elsewhere(members).get(low)) if each in members), None)


def main_field(name: str) -> str | None:
    """The field that a value alone sets, of the kind with a name, whatever its family, or of a part of the plan."""
    from aespec.plan import SHORT

    named = (kinds(family)[name].main for family in _HOMES if name in kind_names(family) and name in kinds(family))
    return next(named, SHORT.get(name))


def _elsewhere(members: Mapping[str, type[Kind]]) -> dict[str, str]:
    """The kind that each name elsewhere is for, in small letters."""
    return {each.lower(): kind for kind, member in members.items() for each in member.elsewhere}


def find_kind(family: type[Kind], name: Any) -> type[Any]:
    """The class of one kind.

    Raises:
        PydanticCustomError: No kind of that family has the name.
        AespecError: Two packages claim the name, or what the one that has it brings cannot be used.
    """
    builtin = _modules(family.family)
    plugins = _claims(_GROUPS.get(family.family))
    if name in plugins:
        return _plugin_kind(name)
    if name in builtin:
        return _builtin_kind(family.family, name)
    raise PydanticCustomError(
        "unknown_kind",
        "unknown {family} kind",
        {"family": family.family, "name": str(name), "options": [*builtin, *plugins], "at": (name,)},
    )


def package(kind: type[Kind]) -> str:
    """The package that brings a kind."""
    if kind in _builtin(kind.family).values():
        return "aespec"
    return _owner(_entry(_GROUPS[kind.family], kind.kind))


def backend_names() -> list[str]:
    """The names of the backends that are installed, usable or not."""
    return list(_claims("aespec.backends"))


_FRAMEWORKS = {"tensorflow": "keras", "tf": "keras"}
"""The backends of frameworks that have other names."""


def find_backend(name: str) -> Backend:
    """A backend by name, with the lowerings that other packages bring for it.

    Raises:
        AespecError: No package has it, two have it, or its framework is missing.
    """
    names = _claims("aespec.backends")
    if name not in names:
        near = nearest(_FRAMEWORKS.get(name.lower(), name), names)
        raise AespecError(
            Diagnostic(
                UnknownBackend,
                f"unknown backend `{name}`",
                wanted=", ".join(f"`{known}`" for known in names) or "an installed backend",
                got=f"`{name}`",
                help=f"did you mean `{near}`?" if near else "`aespec backends` lists them",
            )
        )
    backend: Backend = _load("aespec.backends", name)
    if getattr(backend, "name", None) != name:
        raise _misnamed("aespec.backends", name, f"an `aespec.backend.Backend` whose `name` is `{name}`", backend)
    _own_cells(name)  # to be known before others are added
    for cell in _claims("aespec.lowerings"):
        target, _, kind = cell.partition(".")
        if target == name:
            backend.lowerings.add(kind, _lowering(cell))
    return backend


@cache
def _modules(family: str) -> dict[str, str]:
    """The module of each built-in kind, read from the modules' text: to look one up, one module is imported."""
    home = _HOMES[family]
    spec = find_spec(home)
    folder = spec.submodule_search_locations if spec else None
    files = sorted(Path(folder[0]).glob("*.py")) if folder else [Path(spec.origin or "")] if spec else []
    return {
        kind: f"{home}.{file.stem}" if folder else home
        for file in files
        for kind in _KIND.findall(file.read_text(encoding="utf-8"))
    }


@cache
def _builtin(family: str) -> dict[str, type[Kind]]:
    return {name: _builtin_kind(family, name) for name in _modules(family)}


def _builtin_kind(family: str, name: str) -> type[Kind]:
    members = vars(import_module(_modules(family)[name])).values()
    return next(cls for cls in members if isinstance(cls, type) and vars(cls).get("kind") == name)


@cache
def _claims(group: str | None) -> dict[str, list[EntryPoint]]:
    """The entry points of a group by name: several where several packages claim one."""
    claims: dict[str, list[EntryPoint]] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name) if group else ():
        claims.setdefault(entry.name, []).append(entry)
    return claims


@cache
def _own_cells(backend: str) -> frozenset[str]:
    """What a backend lowers by itself."""
    return frozenset(_load("aespec.backends", backend).lowerings)


def _plugin_kind(name: str) -> type[Kind]:
    from aespec.layers.base import Layer

    kind = _load("aespec.layers", name)
    if isinstance(kind, type) and issubclass(kind, Layer) and vars(kind).get("kind") == name:
        return kind
    raise _misnamed("aespec.layers", name, f"a subclass of `aespec.layers.Layer` whose `kind` is `{name}`", kind)


def _misnamed(group: str, name: str, wanted: str, got: Any) -> AespecError:
    owner = _owner(_entry(group, name))
    return AespecError(
        Diagnostic(
            BackendUnavailable,
            f"`{name}` of package `{owner}` is not what it is announced as",
            wanted=wanted,
            got=f"`{got!r}`",
            help=f"report it to the authors of `{owner}`",
        )
    )


def _lowering(cell: str) -> Callable[..., Any]:
    """A cell that another package brings; one that cannot be used says so when it is called."""
    try:
        lowering: Callable[..., Any] = _load("aespec.lowerings", cell)
    except AespecError as error:
        problems = error.diagnostics

        def refuse(*_: Any, **__: Any) -> Any:
            raise AespecError(*problems)

        return refuse
    return lowering


@cache
def _load(group: str, name: str) -> Any:
    entry = _entry(group, name)
    try:
        return entry.load()
    except AespecError:
        raise  # it says itself what it lacks
    except (Exception, SystemExit) as error:  # whatever a plugin raises at import, it never breaks another
        owner = _owner(entry)
        raise AespecError(
            Diagnostic(
                BackendUnavailable,
                f"`{name}` of package `{owner}` cannot be imported",
                wanted=f"`{entry.value}`",
                got=f"{type(error).__name__}: {error}",
                help=_remedy(entry, owner, error),
            )
        ) from error


def _entry(group: str, name: str) -> EntryPoint:
    """The one entry point of a name; what aespec or a backend has without one counts as claimed as well."""
    entries = _claims(group)[name]
    owners = {_owner(entry) for entry in entries}
    backend, _, kind = name.partition(".")
    if group == "aespec.layers" and name in _builtin("layer"):
        owners.add("aespec")
    if group == "aespec.lowerings" and f"layer:{kind}" in _own_cells(backend):
        owners.add(_owner(_entry("aespec.backends", backend)))
    if len(owners) == 1:
        return entries[0]
    raise AespecError(
        Diagnostic(
            PluginConflict,
            f"two packages claim the name `{name}` in {group}",
            wanted="one owner for each name",
            got=" and ".join(f"`{owner}`" for owner in sorted(owners)),
            help=f"uninstall one: `pip uninstall {min(owners - {'aespec'})}`",
        )
    )


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "?"


def _remedy(entry: EntryPoint, owner: str, error: BaseException) -> str:
    """The command that brings what an import lacks: a package comes with what it requires."""
    if owner == "aespec":
        return f"`pip install 'aespec[{entry.name}]'`"
    if not isinstance(error, ImportError):
        return f"report it to the authors of `{owner}`"
    its_own = (error.name or "").partition(".")[0] == entry.module.partition(".")[0]
    return f"`pip install {'--force-reinstall ' if its_own else ''}'{owner}'`"
