"""The text of a spec and the place (line, column) of each value in it."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import getitem
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self

from aespec.diagnostics import AespecError, Diagnostic, Loc, Place, nearest
from aespec.rules import UnknownVariable
from aespec.source.expand import Expansion
from aespec.source.file import is_json, read_root, read_text
from aespec.source.include import Library
from aespec.source.override import NAME, Override, override
from aespec.source.text import LOST, Node, clipped
from aespec.source.variables import Frame, Given, Tally
from aespec.source.yaml_dump import dump_yaml


@dataclass(frozen=True)
class Source:
    """A spec as it is written: its data, with overrides applied and variables filled in, and each value's place."""

    name: str
    text: str
    data: Any
    values: Mapping[Loc, Place]
    keys: Mapping[Loc, Place]
    """The place of the key of each value that is in a mapping."""
    spoilt: Set[Loc]
    """The values that problems of the text spoil; a mapping counts when one of its keys is spoilt."""
    misnamed: Set[Loc]
    """Those whose keys are."""
    used: Set[Place]
    """Where the values of those variables stand that something uses."""
    filled: Mapping[Place, tuple[str, Place]]
    """For the place of each use of a variable that is all of a value: its name, and where what it stands for stands."""
    idle: Mapping[Place, Given]
    """The names that a `repeat` gives, by their places, and nothing uses."""

    @classmethod
    def read(
        cls, path: str | PathLike[str], overrides: Sequence[Override] = (), problems: list[Diagnostic] | None = None
    ) -> Self:
        """Read a YAML file, or a JSON file where the name ends in ``.json``, and apply ``a.b=value`` overrides.

        Raises:
            AespecError: with every problem that was found.
        """
        name = fspath(path)
        text = read_text(name, name)
        file = Path(name).parent.resolve() / Path(name).name
        return cls.parse(text, name, overrides, problems, file)

    @classmethod
    def parse(
        cls,
        text: str,
        name: str = "<string>",
        overrides: Sequence[Override] = (),
        problems: list[Diagnostic] | None = None,
        file: Path | None = None,
    ) -> Self:
        """Read a text as ``read`` reads a file of that name.

        Args:
            text: YAML, or JSON where the name ends in ``.json``.
            name: What messages call it.
            overrides: Assignments such as ``a.b=value``, and options that are such, in the order to make them in.
            problems: Takes the problems in spite of which there is data, so that its reader can tell of more.
            file: The file that it is the text of; without it, it can include none.

        Raises:
            AespecError: with every problem that was found, where there is no data or no such list.
        """
        gathered, problems = problems, []
        tally = Tally(problems)
        try:
            root = read_root(text, name, problems, tally.spoilt)
            of_text = len(problems)
            for assignment in overrides:
                try:
                    root = override(root, assignment, problems)
                except AespecError as error:
                    problems += error.diagnostics
            tally.spoilt.update(problem.place for problem in problems[of_text:] if problem.place)
            root = Expansion(Library(name, text, file)).spec(root, Frame(tally, file=file))
            problems += _unused(root, tally)
            if LOST not in text:  # what was left out is not to be told of
                problems[:] = [each for each in problems if LOST not in f"{each.message} {each.got}"]
        except AespecError as error:
            problems += error.diagnostics
            gathered = None
        found = _told_once(sorted(dict.fromkeys(problems), key=lambda problem: _position(problem, name)))
        if gathered is None and found:
            raise AespecError(*found)
        if gathered is not None:
            gathered += found
        values: dict[Loc, Place] = {}
        keys: dict[Loc, Place] = {}
        data = _settled(root, (), values, keys)
        idle = {place: given for place, given in tally.given.items() if not given.stands & tally.used}
        misnamed = _at(tally.spoilt, keys)
        spoilt = _at(tally.spoilt, values) | misnamed | {loc[:-1] for loc in misnamed}
        return cls(name, text, data, values, keys, spoilt, misnamed, tally.used, tally.filled, idle)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Take a spec that is Python data; it is written as YAML, so that errors have a place to point at.

        Raises:
            AespecError: with every problem that was found.
        """
        return cls.parse(dump_yaml(data))

    @property
    def is_json(self) -> bool:
        """Whether it is JSON rather than YAML."""
        return is_json(self.name)

    def is_set(self, loc: Loc) -> bool:
        """Whether the key at ``loc`` is written in an override and not in the file."""
        key = self.keys.get(loc)
        return key is not None and key.name != self.name and key.included_at is None

    def value(self, loc: Loc) -> Any:
        """Give the value at ``loc``."""
        return reduce(getitem, loc, self.data)

    def revised(self, moved: Mapping[Loc, Loc], values: Mapping[Loc, Any], stated: Mapping[Loc, Loc]) -> Self:
        """The same with some of its data elsewhere, or other; the places stay those of what is written.

        Args:
            moved: The new path of each key that has another one.
            values: What some paths hold instead, after that.
            stated: Of what these hold, where it stands in the old data.
        """
        data = deepcopy(self.data)
        taken = {new: reduce(getitem, old[:-1], data).pop(old[-1]) for old, new in moved.items()}
        for loc, value in sorted({**values, **taken}.items(), key=lambda change: len(change[0])):
            _put(data, loc, value)

        around: dict[Loc, Place] = {}

        def path(loc: Loc) -> Loc | None:
            for end in range(len(loc), 0, -1):
                if loc[:end] in moved:
                    return (*moved[loc[:end]], *loc[end:])
                if loc[:end] in values:
                    return loc if end == len(loc) else None
            return loc

        for old, target in moved.items():  # what has to be there to hold it stands where it does
            at = self.keys.get(old)
            around |= {} if at is None else {target[:end]: at for end in range(1, len(target))}
        values_at, keys_at = ([(path(loc), at) for loc, at in places.items()] for places in (self.values, self.keys))
        return replace(
            self,
            data=data,
            values={
                **around,
                **{loc: at for loc, at in values_at if loc is not None},
                **{new: self.values[old] for new, old in stated.items() if old in self.values},
            },
            keys={
                **{loc: at for loc, at in keys_at if loc is not None},
                **{new: self.keys[old] for new, old in stated.items() if old in self.keys},
            },
            spoilt={new for loc in self.spoilt if (new := path(loc)) is not None},
            misnamed={new for loc in self.misnamed if (new := path(loc)) is not None},
        )

    def place(self, loc: Loc, *, key: bool = False) -> Place | None:
        """Give the place of the value at ``loc``, or of the nearest value around it; with ``key``, of its key.

        An item that stands without its list, as a lone one may, is item 0.
        """
        known: Loc = ()
        for part in loc:
            if (*known, part) in self.values:
                known = (*known, part)
            elif part != 0:
                break
        if known not in self.values:
            return None
        return self.keys.get(known, self.values[known]) if key else self.values[known]


def _put(data: Any, loc: Loc, value: Any) -> None:
    """Set what stands at a path, in new mappings where there are none."""
    for part, inner in pairwise(loc):
        held = data.get(part) if isinstance(data, dict) else data[part]
        if not isinstance(held, list if isinstance(inner, int) else dict):
            data[part] = {}
        data = data[part]
    data[loc[-1]] = value


def _settled(node: Node, loc: Loc, values: dict[Loc, Place], keys: dict[Loc, Place]) -> Any:
    """The data of a node at ``loc``, whose places it adds."""
    values[loc] = node.place
    if isinstance(node.value, list):
        return [_settled(item, (*loc, index), values, keys) for index, item in enumerate(node.value)]
    if not isinstance(node.value, dict):
        return node.value
    keys.update({(*loc, name): key for name, (key, _) in node.value.items()})
    return {name: _settled(item, (*loc, name), values, keys) for name, (_, item) in node.value.items()}


def _unused(root: Node, tally: Tally) -> list[Diagnostic]:
    """The variables that only an override states, and that nothing uses."""
    stated = root.value["vars"].node.value if isinstance(root.value, dict) and "vars" in root.value else None
    own = stated if isinstance(stated, dict) else {}
    added = {name: key for name, (key, node) in own.items() if key.name == NAME and node.place not in tally.used}
    problems = []
    for name, key in added.items():
        near = nearest(name, [each for each in own if each not in added])
        others = ", ".join(f"`{each}`" for each in [*own][:5] if each not in added)
        otherwise = f"the spec has {others}" if others else f"write `${{{name}}}` where the spec is to have it"
        help = f"did you mean `vars.{near}`?" if near else otherwise
        problems.append(Diagnostic(UnknownVariable, f"nothing uses the variable `{clipped(name)}`", key, help=help))
    return problems


def _told_once(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Of several uses of a variable that there is not, the first, with how many there are."""
    alike = Counter((each.rule, each.message) for each in found)
    first: dict[object, Diagnostic] = {}
    for each in found:
        same = each.rule, each.message
        if each.message.endswith("stand for each other"):
            first.setdefault(same, each)
        elif each.message.startswith("unknown variable") and alike[same] > 1:
            help = f"{each.help} (it is used {alike[same]} times)" if each.help else None
            first.setdefault(same, replace(each, help=help))
        else:
            first[id(each)] = each
    return [*first.values()]


def _at(places: Set[Place], what: Mapping[Loc, Place]) -> set[Loc]:
    """The values, or the keys, that begin at these places."""
    begin = {(place.name, place.line, place.column) for place in places}
    return {loc for loc, place in what.items() if (place.name, place.line, place.column) in begin}


def _position(problem: Diagnostic, file: str) -> tuple[bool, tuple[tuple[int, int], ...]]:
    """Sort by line within the file, of what it includes by the line that does; what overrides say follows as given."""
    outer = problem.place
    while outer and outer.included_at:
        outer = outer.included_at
    if outer is None or outer.name != file:
        return outer is not None, ()
    return False, problem.place.position if problem.place else ()
