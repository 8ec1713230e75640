"""Makes of a spec as it is written what it stands for: variables filled in, ``repeat`` and ``include`` carried out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from aespec.diagnostics import AespecError, Diagnostic, Loc, Place, show
from aespec.fieldnames import field_meant
from aespec.rules import UnknownKind, UnknownVariable, WrongValue
from aespec.source.include import BLOCKS, Library, given, included
from aespec.source.items import fields, misspelt, named
from aespec.source.repeat import turns
from aespec.source.text import AT_THE_TOP, LOST, MAX_DEPTH, Entry, Node, clipped, repeated, too_deep
from aespec.source.variables import Frame


class Expansion:
    """Turns trees of nodes into others, which have no variables, no ``repeat`` and no ``include``.

    Every node keeps its place, with the turns and the inclusions that it came from. All of it is counted, and what is
    too large is refused before it is made.
    """

    def __init__(self, library: Library) -> None:
        """Take the files that may be included."""
        self._library = library

    def spec(self, root: Node, frame: Frame) -> Node:
        """The tree of a whole spec.

        Raises:
            AespecError: It is too large. What else is wrong goes to the frame's tally.
        """
        entries = root.value if isinstance(root.value, dict) else {}
        others: dict[str, Entry] = {key: entry for key, entry in entries.items() if key != "vars"}
        frame, declared = self._declare(entries, frame, {}, 0)
        nothing = "vars" not in entries or entries["vars"].node.value is None
        if nothing and (meant := _vars_meant(root, entries)):  # which is told where fields are
            frame, _ = self._declare({"vars": meant}, frame, {}, 0)
        filled = self._fill(Node(others, root.place), frame, 0, ()).value
        return Node({**declared, **filled} if isinstance(filled, dict) else declared, root.place)

    def _fill(self, node: Node, frame: Frame, depth: int, loc: Loc | None = None, *, final: bool = False) -> Node:
        """The node with everything below it filled in.

        Args:
            node: What is written.
            frame: What it stands in.
            depth: How many lists and mappings are around it.
            loc: Where it stands in its spec, as far as that may be a list of layers.
            final: Its texts came out of a variable, and are what they are.
        """
        tally, value = frame.tally, node.value
        place = node.place if final else frame.place(node.place)
        tally.make(place)
        if isinstance(value, str) and not final:
            value, final = frame.fill(value, place), True
        if not isinstance(value, list | dict):
            return Node(value, place)
        if depth == MAX_DEPTH:
            too_deep(place)
        if isinstance(value, dict):

            def below(key: str, item: Node) -> Node:
                return self._fill(item, frame, depth + 1, _path(loc, key, item), final=final)

            return Node(self._mapping(value, frame, below, final=final), place)
        block = next((name for name, path in BLOCKS.items() if path == loc), None)
        if block and not final:
            return Node(self._layers(value, replace(frame, block=block), depth + 1), place)
        return Node([self._fill(item, frame, depth + 1, final=final) for item in value], place)

    def _mapping(
        self, value: Mapping[str, Entry], frame: Frame, below: Callable[[str, Node], Node], *, final: bool = False
    ) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for name, (place, item) in value.items():
            at = place if final else frame.place(place)
            key = name if final else self._key(name, at, frame)
            if key in entries:
                frame.tally.add(repeated(key, at, entries[key]))
            else:
                entries[key] = Entry(at, below(key, item))
        return entries

    def _key(self, name: str, place: Place, frame: Frame) -> str:
        key = frame.fill(name, place)
        if isinstance(key, list | dict):
            help = "a variable in a key holds a name"
            frame.tally.add(Diagnostic(UnknownVariable, "a list cannot be a key", place, help=help))
            return name
        return key if isinstance(key, str) else show(key)

    def _declare(
        self, entries: Mapping[str, Entry], frame: Frame, values: Mapping[str, Entry], depth: int
    ) -> tuple[Frame, dict[str, Entry]]:
        """The frame that a spec's ``vars`` make, some with values that are given; and ``vars`` itself, if there."""
        if "vars" not in entries:
            return replace(frame, unread=any(key == LOST or re.match(r"vars\s*=", key) for key in entries)), {}
        key, node = entries["vars"]
        place = frame.place(node.place)
        if frame.place(key) in frame.tally.spoilt:  # as where it is written twice
            frame = replace(frame, unread=True)
        frame.tally.make(place)
        if not isinstance(node.value, dict):
            if node.value is not None and node.value != LOST:
                frame.tally.add(_wrong("`vars` is not a mapping", place, "names with their values"))
            unread = node.value is not None or frame.unread
            return replace(frame, unread=unread), {"vars": Entry(key, Node(node.value, place))}
        variables: dict[str, Node] = {}  # grows while the frame is used already: each can use those before it
        frame = replace(frame, variables=variables, declared=node.value)

        def define(name: str, item: Node) -> Node:
            value = values[name].node if name in values else self._fill(item, frame, depth + 2)
            if isinstance(value.value, dict):
                what = f"the variable `{clipped(name)}` is a mapping"
                frame.tally.add(_wrong(what, value.place, "a scalar or a list"))
            return variables.setdefault(name, value)

        return frame, {"vars": Entry(key, Node(self._mapping(node.value, frame, define), place))}

    def _layers(self, items: list[Node], frame: Frame, depth: int) -> list[Node]:
        layers: list[Node] = []
        for written in items:
            item = self._as_meant(written, frame)
            match named(item):
                case "repeat":
                    made = self._repeat(item, frame, depth)
                case "include":
                    made = self._include(item, frame, depth)
                case _:
                    made = [self._fill(item, frame, depth)]
            if not made:  # a hole, of which nothing more is said
                hole = Node(None, frame.place(item.place))
                frame.tally.make(hole.place)
                frame.tally.spoilt.add(hole.place)
                made = [hole]
            layers += made
        return layers

    def _as_meant(self, item: Node, frame: Frame) -> Node:
        """An item by its name, where that is only misspelt, which is told."""
        if not isinstance(item.value, dict) or len(item.value) != 1:
            return item
        ((name, (key, node)),) = item.value.items()
        near = misspelt(name, node)
        if near is None:
            return item
        what, got = f"unknown layer kind `{clipped(name)}`", f"`{clipped(name)}`"
        frame.tally.add(
            Diagnostic(
                UnknownKind,
                what,
                frame.place(key),
                "a kind of layer",
                got,
                f"did you mean `{near}`? `aespec layers` lists all kinds",
            )
        )
        return Node({near: Entry(key, node)}, item.place)

    def _repeat(self, item: Node, frame: Frame, depth: int) -> list[Node]:
        """The layers of all turns; none where something is wrong."""
        stated = self._fields("repeat", item, frame, depth)
        if not stated:
            return self._unturned(item, frame, depth)
        layers: list[Node] = []
        written = stated.pop("layers").node
        for turn in turns(stated, frame.place(item.place), frame):
            made = self._list(written, turn, depth + 2)
            if not made:
                return []
            layers += made
        return layers or self._unturned(item, frame, depth)

    def _unturned(self, item: Node, frame: Frame, depth: int) -> list[Node]:
        """The layers of a `repeat` of which something is wrong, so that of them is told what is; behind a hole."""
        stated = item.value["repeat"].node.value if isinstance(item.value, dict) else None
        inner = stated if isinstance(stated, dict) else {}
        name = next((each for each in inner if field_meant(each, ("layers",))), None)
        if name is None or not isinstance(inner[name].node.value, list):
            return []
        hole = Node(None, frame.place(item.place))
        frame.tally.spoilt.add(hole.place)
        made = self._fill(inner[name].node, replace(frame, unread=True), depth + 2, BLOCKS[frame.block])
        return [hole, *made.value] if isinstance(made.value, list) else []

    def _include(self, item: Node, frame: Frame, depth: int) -> list[Node]:
        """The layers of the other file; none where something is wrong."""
        stated = self._fields("include", item, frame, depth)
        if not stated or any(entry.node.place in frame.tally.spoilt for entry in stated.values()):
            return []
        try:
            entries, inner, written = included(stated, frame, self._library)
        except AespecError as error:
            frame.tally.add(*error.diagnostics)
            return []
        inner, _ = self._declare(entries, inner, given(stated), depth)
        return self._list(written, inner, depth + 1)

    def _list(self, node: Node, frame: Frame, depth: int) -> list[Node]:
        """The layers of a list of the frame's block; none where it is no list or has none, which is told."""
        made = self._fill(node, frame, depth, BLOCKS[frame.block])
        if isinstance(made.value, list) and made.value:
            return made.value
        if made.place not in frame.tally.spoilt:
            help = "write a dash and a layer for each, as in an encoder"
            what, wanted = "these are no layers", "a list of one layer or more"
            frame.tally.add(Diagnostic(WrongValue, what, made.place, wanted, show(made.data), help))
        return []

    def _fields(self, name: str, item: Node, frame: Frame, depth: int) -> dict[str, Entry]:
        """The fields of an item, filled in but for the layers that turns will fill in; none where one is wrong."""
        return {
            field: Entry(key, node if field == "layers" else self._fill(node, frame, depth + 2))
            for field, (key, node) in fields(name, item, frame).items()
        }


def _path(loc: Loc | None, key: str, item: Node) -> Loc | None:
    """Where a value stands: a block that is misspelt, or in a mapping of its own, is a block nevertheless."""
    if loc is None:
        return None
    if loc == () and key not in AT_THE_TOP:
        inner = item.value if isinstance(item.value, dict) else {}
        if len(inner.keys() & {*AT_THE_TOP}) > 1:  # the whole spec, below a name
            return ()
        return (field_meant(key, AT_THE_TOP) or key,)
    if loc in (("encoder",), ("decoder",)) and key == "layers":
        return loc
    if loc == ("classifier",) and key == "layers":
        return (*loc, "head")
    return (*loc, key)


def _vars_meant(root: Node, entries: Mapping[str, Entry]) -> Entry | None:
    """The variables of a spec that has them at its top, below a misspelt name, or in a mapping that holds all."""
    for key, entry in entries.items():
        inner = entry.node.value
        if not isinstance(inner, dict) or key in AT_THE_TOP:
            continue
        if field_meant(key, ("vars",)) and not any(isinstance(each.node.value, dict) for each in inner.values()):
            return entry
        if "vars" in inner and len(inner.keys() & {*AT_THE_TOP}) > 1:
            return inner["vars"]
    named = {key: entry for key, entry in entries.items() if key not in AT_THE_TOP and key.isidentifier()}
    stray = {key: entry for key, entry in named.items() if not isinstance(entry.node.value, dict | list)}
    return Entry(root.place, Node(stray, root.place)) if stray else None


def _wrong(message: str, place: Place, wanted: str) -> Diagnostic:
    return Diagnostic(WrongValue, message, place, wanted, help="write it like `vars: {width: 64}`")
