"""Applies ``a.b=value`` assignments to a tree of nodes: ``--set`` on the command line, and options like it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aespec.diagnostics import AespecError, Diagnostic, Place, show
from aespec.fieldnames import field_meant
from aespec.rules import BadOverride
from aespec.source.items import ITEMS
from aespec.source.text import MAX_DEPTH, SURROGATES, Entry, Node, Text, clipped, refuse_characters, too_deep
from aespec.source.yaml_text import BREAKS, read_yaml

NAME = "--set"
"""The name of the Place of whatever an assignment says."""


@dataclass(frozen=True, slots=True)
class Option:
    """What an option of its own assigns, as ``--epochs 5`` does: its value is all that is written."""

    name: str
    """``--epochs``, which is the name of the Place of whatever the value says."""
    path: str
    value: str
    weak: bool = False
    """Whether what is set in the same place counts instead."""


Override = str | Option
"""An assignment, ``a.b=value``, or an option that is one."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of a path, and its place in the assignment."""

    name: str
    place: Place


def added(assignments: Sequence[Override], others: Sequence[Override]) -> list[Override]:
    """Assignments with others, which are made after them, but before what is set below them: that refines them.

    All that the others say is to be left then, or they would be told and not be so.

    >>> added(["a.b.c=1", "d=2"], ["d=3", "a.b=x"])
    ['a.b=x', 'a.b.c=1', 'd=2', 'd=3']

    Raises:
        AespecError: Some of that would be taken away.
    """
    found = list(assignments)
    known = {*map(_path, found)}
    others = [each for each in others if not (isinstance(each, Option) and each.weak and _path(each) in known)]
    for other in sorted(others, key=lambda each: _path(each).count(".")):
        path = f"{_path(other)}."
        above = max((i for i, each in enumerate(found) if path.startswith(f"{_path(each)}.")), default=-1)
        below = (i for i, each in enumerate(found) if i > above and _path(each).startswith(path))
        found.insert(next(below, len(found)), other)
    for i, each in enumerate(found):
        if each in others:
            _refuse_in_vain(each, found[i + 1 :])
    return found


def _refuse_in_vain(assignment: Override, later: Sequence[Override]) -> None:
    """Refuse an assignment that loses a value when later ones are made."""
    below = [each for each in later if _path(each).startswith(f"{_path(assignment)}.")]
    if below and (taking := _taking_away(assignment, below)) is not None:
        name = assignment.name if isinstance(assignment, Option) else _path(assignment)
        what = f"`{_words(taking)}` takes away what `{name}` says"
        raise _bad(what, _line(taking), help="keep one or the other")


def _taking_away(assignment: Override, below: Sequence[Override]) -> Override | None:
    """The first of the assignments below one that takes a value of it away."""
    try:
        steps, value = _read(_plainly(assignment), [])
        root = _assign(Node(None, value.place), steps, 0, value)
        said = {part for part in _parts(value, keys=False) if part[1] is not None or value.value is None}
        for each in below:
            root = override(root, _plainly(each), [])
            if not said.issubset(_parts(root, keys=True)):
                return each
    except AespecError:  # it is told when the assignments are made
        pass
    return None


def _path(assignment: Override) -> str:
    return plain_path(assignment.path if isinstance(assignment, Option) else assignment.partition("=")[0])


def _plainly(assignment: Override) -> Override:
    """The same, by its plain path."""
    if isinstance(assignment, Option):
        return assignment
    path, equals, value = assignment.partition("=")
    return f"{plain_path(path)}{equals}{value}"


def plain_path(path: str) -> str:
    """A path as others that lead to the same place are written too.

    >>> plain_path("encoder . 01.dense"), plain_path("input.0")
    ('encoder.1.dense', 'input.shape.0')
    """
    steps = ".".join(re.sub("^0+(?=[0-9]+$)", "", step.strip()) for step in path.split("."))
    return re.sub(r"^input\.(?=[0-9]+$)", "input.shape.", steps)


def _line(assignment: Override) -> Place:
    """The place of all that is written of an assignment."""
    if isinstance(assignment, Option):
        return _whole(_text(assignment.value, assignment.name))
    return _whole(_text(assignment, NAME))


def _words(assignment: Override) -> str:
    """An assignment as messages write it."""
    return clipped(f"{assignment.name} {assignment.value}" if isinstance(assignment, Option) else assignment)


def _parts(node: Node, *, keys: bool) -> Iterator[tuple[Place, Any]]:
    """Values of a tree that hold no others, each with its place, and the keys, of which a bare kind's is the kind's."""
    if isinstance(node.value, list):
        for item in node.value:
            yield from _parts(item, keys=keys)
    elif isinstance(node.value, dict):
        for name, (key, child) in node.value.items():
            if keys:
                yield key, name
            yield from _parts(child, keys=keys)
    else:
        yield node.place, node.value


def override(root: Node, assignment: Override, problems: list[Diagnostic]) -> Node:
    """Give the tree with the assignment's value at its path; what lies off the path is shared with ``root``.

    Raises:
        AespecError: where the assignment cannot be read, or its path leads nowhere.
    """
    steps, node = _read(assignment, problems)
    return _assign(root, steps, 0, node)


def _read(assignment: Override, problems: list[Diagnostic]) -> tuple[list[_Step], Node]:
    """The path of an assignment, and its value."""
    text, steps = _option(assignment) if isinstance(assignment, Option) else _assignment(assignment)
    node = read_yaml(text, problems)
    if node is None:
        after = f"`{assignment.name}`" if isinstance(assignment, Option) else "`=`"
        raise _bad(f"nothing stands after {after}", _whole(text), help='write `null` or `""` if you mean that')
    if isinstance(node.value, list | dict) and not node.place.text[node.place.column - 1 :].startswith(("[", "{")):
        raise _bad("the value is not in one piece", node.place, help="put a list in `[ ]` and a mapping in `{ }`")
    return steps, node


def _option(option: Option) -> tuple[Text, list[_Step]]:
    """The text of an option's value, and its path, whose parts have the whole text as their place."""
    text = _text(option.value, option.name)
    return text, [_Step(part, _whole(text)) for part in option.path.split(".")]


def _assignment(assignment: str) -> tuple[Text, list[_Step]]:
    """The text of an assignment, of which the value alone is to be read, and its path."""
    path, equals, _ = assignment.partition("=")
    text = _text(assignment, NAME, blank=len(path) + 1)
    if not equals:
        help = "write it as `path=value`, like `training.epochs=5`"
        raise _bad("an assignment without `=`", _whole(text), help=help)
    if re.search(BREAKS, path):
        raise _bad("a line break in the path", _whole(text), help="write the path on one line")
    return text, _steps(path, text)


def _text(written: str, name: str, blank: int = 0) -> Text:
    refuse_characters(Text(written, name, BREAKS), SURROGATES)
    return Text(written, name, BREAKS, blank)


def _whole(text: Text) -> Place:
    """The place of the first line."""
    return text.place(0, 0, len(text.lines[0]))


def _steps(path: str, text: Text) -> list[_Step]:
    steps = []
    column = 0
    for part in path.split("."):
        name = part.strip()
        place = text.place(0, column + part.index(name), len(name))
        if not name:
            what = "an empty part in the path" if path.strip() else "no path before `=`"
            raise _bad(what, place, help="name each step, like `encoder.1.dense.units`")
        steps.append(_Step(name, place))
        column += len(part) + 1
    if len(steps) > MAX_DEPTH:
        too_deep(steps[MAX_DEPTH].place)
    return steps


def _assign(node: Node, steps: Sequence[_Step], done: int, value: Node) -> Node:
    """Set what lies ``steps[done:]`` below ``node``."""
    if done == len(steps):
        return value
    step = steps[done]
    if isinstance(node.value, list) and not _in_short_input(steps, done):
        index = _index(node.value, steps, done)
        items = list(node.value)
        _refuse_layer_of(items[index], steps, done + 1)
        items[index] = _assign(items[index], steps, done + 1, value)
        return Node(items, node.place)
    entries = _entries(node, steps, done)
    key, child = entries.get(step.name) or Entry(step.place, Node(None, step.place))
    return Node({**entries, step.name: Entry(key, _assign(child, steps, done + 1, value))}, node.place)


def _refuse_layer_of(item: Node, steps: Sequence[_Step], done: int) -> None:
    """Refuse a path that goes into a ``repeat`` or an ``include`` as into one of the layers that it stands for."""
    made = next((each for each in ITEMS if _holds(item, each)), None)
    if made is None or done == len(steps) or steps[done].name == made:
        return
    name, place = steps[done].name, steps[done].place
    path, rest = f"{_written(steps[:done])}.{made}", clipped(".".join(step.name for step in steps[done:]))
    fields = item.value[made].node.value if isinstance(item.value, dict) else None
    layers = fields["layers"].node.value if isinstance(fields, dict) and "layers" in fields else []
    same = _of_kind(layers, name) if isinstance(layers, list) else []
    if same:
        help = f"did you mean `{path}.layers.{same[0]}.{rest}`?"
    elif name in ITEMS[made]:
        help = f"did you mean `{path}.{rest}`?"
    else:
        help = f"begin the path with `{path}`: its fields are {', '.join(f'`{field}`' for field in ITEMS[made])}"
    what = f"`{_written(steps[:done])}` is {'an' if made[0] in 'aeiou' else 'a'} `{made}`, not `{clipped(name)}`"
    raise _bad(what, place, f"`{made}`", f"`{clipped(name)}`", help)


def _entries(node: Node, steps: Sequence[_Step], done: int) -> dict[str, Entry]:
    """Give the mapping that a path goes through, made of nothing, a bare kind, shape or value if need be."""
    from aespec.registry import main_field

    name = steps[done].name
    if isinstance(node.value, list):
        return {"shape": Entry(node.place, node)}
    if isinstance(node.value, dict):
        return node.value
    if node.value is None:
        return {}
    if node.value == name:
        return {name: Entry(node.place, Node(None, node.place))}
    around = steps[done - 1].name if done and not _names_field(steps[:done]) else ""
    if main := "spec" if around == "include" else main_field(around):
        return {main: Entry(node.place, node)}
    path = _written(steps[:done])
    if inside := _in_kind(node.value, name):
        help = f"did you mean `{path}.{inside}`?"
    elif node.place.name.startswith("--"):
        option = "" if node.place.name == NAME else f"{node.place.name} "
        help = f"`{clipped(option + node.place.text)}` makes it that: change one of the two"
    else:
        help = f"set it as a whole: `{path}={{{name}: …}}`"
    raise _bad(
        f"`{path}` is a single value, and the path goes on inside it", steps[done].place, None, show(node.value), help
    )


def _names_field(steps: Sequence[_Step]) -> bool:
    """Whether the last step is a field of a layer, which may be called as a layer is: ``dense.activation``."""
    from aespec.registry import kinds

    layers = kinds("layer")
    return len(steps) > 1 and steps[-2].name in layers and steps[-1].name in layers[steps[-2].name].model_fields


def _in_kind(value: Any, name: str) -> str | None:
    """The path of a field of a kind that stands bare, from what holds it on."""
    from aespec.registry import FAMILIES, kinds

    for members in map(kinds, FAMILIES if isinstance(value, str) else ()):
        if value in members and (field := field_meant(name, members[value].model_fields)):
            return f"{value}.{field}"
    return None


def _in_short_input(steps: Sequence[_Step], done: int) -> bool:
    """Whether a step names a field of an ``input`` that is written as its shape alone."""
    return done == 1 and steps[0].name == "input" and re.fullmatch("-?[0-9]+", steps[1].name) is None


def _index(items: list[Node], steps: Sequence[_Step], done: int) -> int:
    """Give the place in a list that a step names."""
    name, place = steps[done].name, steps[done].place
    path = _written(steps[:done])
    wanted = f"a number from 0 to {len(items) - 1}" if items else None
    if re.fullmatch("-[0-9]+", name):
        help = f"the last is `{path}.{len(items) - 1}`" if items else "set the list as a whole"
        raise _bad(f"items of `{path}` are counted from 0, from the front", place, wanted, f"`{clipped(name)}`", help)
    if not re.fullmatch("[0-9]+", name):
        same = _of_kind(items, name)
        help = f"`{path}.{same[0]}` is a `{name}`" if same else f"write `{path}.0` for the first"
        raise _bad(f"`{path}` is a list, whose items have numbers", place, wanted, f"`{clipped(name)}`", help)
    digits = name.lstrip("0") or "0"
    if len(digits) > len(str(len(items))) or int(digits) >= len(items):
        count = f"{len(items)} item{'s' * (len(items) != 1)}"
        help = f"to add an item, set the list as a whole: `{path}=[…]`"
        if (option := items[0].place.name if items else NAME) != NAME and option.startswith("--"):
            help = f"to add an item, say so with `{option}`"
        if made := next((each for each in ITEMS if any(_holds(item, each) for item in items)), None):
            help = f"items are counted as they are written: `{made}` is one, whatever it stands for"
        raise _bad(f"`{path}` has {count}", place, wanted, f"`{clipped(name)}`", help)
    return int(digits)


def _of_kind(items: Sequence[Node], name: str) -> list[int]:
    """Which items are a kind, with fields or without."""
    return [i for i, item in enumerate(items) if item.value == name or _holds(item, name)]


def _holds(node: Node, name: str) -> bool:
    return isinstance(node.value, dict) and name in node.value


def _written(steps: Sequence[_Step]) -> str:
    return clipped(".".join(step.name for step in steps)) or "the spec"


def _bad(
    message: str, place: Place, wanted: str | None = None, got: str | None = None, help: str | None = None
) -> AespecError:
    return AespecError(Diagnostic(BadOverride, message, place, wanted, got, help))
