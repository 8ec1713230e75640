"""What exists: the kinds of each family and the backends, built in or from another package's entry points.

Groups: ``aespec.layers`` (kind -> class), ``aespec.backends`` (name -> `Backend` object) and
``aespec.lowerings`` (``backend.kind`` -> function). Entry points are read without importing what they name.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.kind import Kind
from aespec.rules import BackendUnavailable, PluginConflict, UnknownBackend

if TYPE_CHECKING:
    from aespec.backend import Backend

__all__ = ["backend_names", "find_backend", "find_kind", "kind_names", "kinds"]

_HOMES = {
    "layer": "aespec.layers",
    "activation": "aespec.activations",
    "initializer": "aespec.initializers",
    "regularizer": "aespec.regularizers",
    "loss": "aespec.losses",
    "optimizer": "aespec.optimizers",
    "decoder form": "aespec.spec",
}


def kind_names(family: str) -> list[str]:
    """The names of a family's kinds, built-in ones first; no plugin is imported."""
    return list(dict.fromkeys([*_builtin(family), *_plugins("aespec.layers" if family == "layer" else None)]))


def kinds(family: str) -> dict[str, type[Kind]]:
    """Every kind of a family by name, plugins imported; one that fails to import is left out."""
    found: dict[str, type[Kind]] = dict(_builtin(family))
    for name in kind_names(family):
        if name not in found:
            with suppress(AespecError):
                found[name] = _plugin_kind(name)
    return found


def find_kind(family: type[Kind], name: Any) -> type[Any]:
    """The class of one kind.

    Raises:
        PydanticCustomError: No kind of that family has the name.
        AespecError: Two packages claim the name, or the one that has it cannot be imported.
    """
    builtin = _builtin(family.family)
    plugins = _plugins("aespec.layers" if family.family == "layer" else None)
    if name in plugins:
        return _plugin_kind(name)
    if name in builtin:
        return builtin[name]
    raise PydanticCustomError(
        "unknown_kind",
        "unknown {family} kind",
        {"family": family.family, "name": str(name), "options": [*builtin, *plugins], "at": (name,)},
    )


def backend_names() -> list[str]:
    """The names of the backends that are installed, usable or not."""
    return list(_plugins("aespec.backends"))


def find_backend(name: str) -> Backend:
    """A backend by name, with the lowerings that other packages bring for it.

    Raises:
        AespecError: No package has it, two have it, or its framework is missing.
    """
    plugins = _plugins("aespec.backends")
    if name not in plugins:
        near = nearest(name, plugins)
        raise AespecError(
            Diagnostic(
                UnknownBackend,
                f"unknown backend `{name}`",
                wanted=", ".join(f"`{known}`" for known in plugins) or "an installed backend",
                got=f"`{name}`",
                help=f"did you mean `{near}`?" if near else "`aespec backends` lists them",
            )
        )
    backend: Backend = _load("aespec.backends", name)
    for cell in _plugins("aespec.lowerings"):
        target, _, kind = cell.partition(".")
        if target == name and kind not in backend.lowerings:
            backend.lowerings.add(kind, _load("aespec.lowerings", cell))
    return backend


@cache
def _builtin(family: str) -> dict[str, type[Kind]]:
    home = import_module(_HOMES[family])
    names = [f"{home.__name__}.{m.name}" for m in iter_modules(home.__path__)] if hasattr(home, "__path__") else []
    return {
        cls.kind: cls
        for module in [home, *map(import_module, names)]
        for cls in vars(module).values()
        if isinstance(cls, type)
        and issubclass(cls, Kind)
        and cls.concrete()
        and cls.family == family
        and cls.__module__ == module.__name__
    }


@cache
def _plugins(group: str | None) -> dict[str, EntryPoint]:
    """The entry points of a group by name, built-in kinds counting as claimed by aespec itself."""
    if group is None:
        return {}
    claims: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        claims.setdefault(entry.name, []).append(entry)
    builtin = _builtin("layer") if group == "aespec.layers" else {}
    for name, entries in claims.items():
        owners = sorted({*(["aespec"] if name in builtin else []), *(e.dist.name if e.dist else "?" for e in entries)})
        if len(owners) > 1:
            raise AespecError(
                Diagnostic(
                    PluginConflict,
                    f"two packages claim the name `{name}` in {group}",
                    wanted="one owner for each name",
                    got=" and ".join(f"`{owner}`" for owner in owners),
                    help=f"uninstall one: `pip uninstall {next(o for o in owners if o != 'aespec')}`",
                )
            )
    return {name: entries[0] for name, entries in sorted(claims.items())}


def _plugin_kind(name: str) -> type[Kind]:
    kind: type[Kind] = _load("aespec.layers", name)
    return kind


def _load(group: str, name: str) -> Any:
    entry = _plugins(group)[name]
    owner = entry.dist.name if entry.dist else "?"
    try:
        return entry.load()
    except Exception as error:  # whatever a plugin raises at import makes it unavailable, never breaks another
        missing = getattr(error, "name", None) if isinstance(error, ImportError) else None
        extra = f"aespec[{name}]" if owner == "aespec" else missing
        raise AespecError(
            Diagnostic(
                BackendUnavailable,
                f"`{name}` of package `{owner}` cannot be imported",
                wanted=f"`{entry.value}`",
                got=f"{type(error).__name__}: {error}",
                help=f"`pip install '{extra}'`" if extra else f"reinstall or report to `{owner}`",
            )
        ) from error
