"""What a ``repeat`` says: how many turns it has, and what its names stand for in each."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from aespec.diagnostics import Diagnostic, Place, Turn, show
from aespec.rules import BadRepeat, WrongValue
from aespec.source.text import MAX_NODES, Entry, Node, clipped
from aespec.source.variables import Frame, Given

NAME = r"[^\W\d]\w*"
"""What a name that a `repeat` gives looks like."""


def turns(fields: Mapping[str, Entry], place: Place, frame: Frame) -> Iterator[Frame]:
    """The frames of the turns, one after the other; none where something is wrong, which is told.

    Args:
        fields: All but the layers, filled in.
        place: Where the `repeat` stands.
        frame: What it stands in.
    """
    tally = frame.tally
    nodes = {name: entry.node for name, entry in fields.items()}
    each = _mapping(nodes.get("each"))
    if any(node.place in tally.spoilt for node in [*nodes.values(), *(part.node for part in each.values())]):
        return
    if faults := [*_faults(nodes, place, frame)]:
        tally.add(*faults)
        return
    times, index = nodes.get("times"), nodes.get("index")
    lists = {name: part.node.value for name, part in each.items() if isinstance(part.node.value, list)}
    count = times.value if times and isinstance(times.value, int) else max(map(len, lists.values()))
    number_name = index.value if index and isinstance(index.value, str) else None
    for name, values in lists.items():
        key = each[name].key
        others = len(lists) > 1
        without = f"remove `{name}`" if others else f"write `times: {count}` instead of `each`"
        tally.given[key] = Given(name, without, {node.place for node in values}, key if others else None)
    if index and number_name:
        key = fields["index"].key
        tally.given[index.place] = Given(number_name, f"remove `index: {number_name}`", {index.place}, key)
    for number in range(count):
        names = {name: values[number] for name, values in lists.items()}
        if index and number_name:
            names[number_name] = Node(number, index.place)
        stated = ", ".join(f"{name} = {show(node.data, 20)}" for name, node in names.items())
        turn = f"turn {number + 1} of {count} of `repeat`" + (f" ({clipped(stated, 60)})" if stated else "")
        yield replace(frame, variables={**frame.variables, **names}, turns=(Turn(turn, number_name), *frame.turns))


def _mapping(node: Node | None) -> dict[str, Entry]:
    return node.value if node and isinstance(node.value, dict) else {}


def _faults(nodes: Mapping[str, Node], place: Place, frame: Frame) -> Iterator[Diagnostic]:
    times, each, index = (nodes.get(name) for name in ("times", "each", "index"))
    if times and each:
        help = "leave `times` out: the lists of `each` say how many turns there are"
        yield Diagnostic(BadRepeat, "both `times` and `each`", times.place, "one of the two", "both", help)
    elif not times and not each:
        help = "add `times: 3`, or `each: {units: [64, 32]}`"
        yield Diagnostic(BadRepeat, "`repeat` does not say how often", place, "`times` or `each`", "neither", help)
    if times and not (
        isinstance(times.value, int) and not isinstance(times.value, bool) and 1 <= times.value <= MAX_NODES
    ):
        yield _wrong("times", times, f"a whole number from 1 to {MAX_NODES:,}", "write it like `times: 3`")
    if each:
        yield from _each_faults(each)
    if index and not isinstance(index.value, str):
        yield _wrong("index", index, "a name", "write it like `index: i`")
    names = [(name, key) for name, (key, _) in _mapping(each).items()]
    names += [(index.value, index.place)] if index and isinstance(index.value, str) else []
    taken = set(frame.variables)
    for name, at in names:
        if not re.fullmatch(NAME, name):
            what, wanted = f"`{clipped(name)}` is no name", "letters, digits and `_`, no digit first"
            yield Diagnostic(BadRepeat, what, at, wanted, f"`{clipped(name)}`", "call it otherwise, as `i`")
        elif name in taken:
            what, wanted = (
                f"the name `{clipped(name)}` is taken",
                "a name that no variable and no `repeat` around it has",
            )
            yield Diagnostic(BadRepeat, what, at, wanted, f"`{clipped(name)}` again", "call it otherwise here")
        taken.add(name)


def _each_faults(each: Node) -> Iterator[Diagnostic]:
    """What is wrong with the lists of ``each``."""
    help = "write it like `each: {units: [64, 32]}`"
    if isinstance(each.value, list) and each.value and not any(isinstance(item.value, dict) for item in each.value):
        help = f"give the list a name, and use that: `each: {{units: {show(each.data)}}}`, `${{units}}`"
    if not isinstance(each.value, dict) or not each.value:
        yield _wrong("each", each, "names with a list each", help)
    first = None
    for name, (_, node) in _mapping(each).items():
        if not isinstance(node.value, list) or not node.value:
            yield _wrong(clipped(name), node, "a list of values, one for each turn", help)
            continue
        for item in node.value:
            if isinstance(item.value, dict):
                yield _wrong(clipped(name), item, "a scalar or a list for each turn", help)
        first = first or (name, len(node.value))
        if len(node.value) != first[1]:
            what, wanted = (
                "the lists of `each` are not equally long",
                f"{first[1]} values, as `{clipped(first[0])}` has",
            )
            got, help_ = str(len(node.value)), f"give `{clipped(name)}` a value for each turn"
            yield Diagnostic(BadRepeat, what, node.place, wanted, got, help_)


def _wrong(name: str, node: Node, wanted: str, help: str) -> Diagnostic:
    return Diagnostic(WrongValue, f"`{name}` has a wrong value", node.place, wanted, show(node.data), help)
