"""What can stand in a list of layers beside layers, ``repeat`` and ``include``, and how they are written."""

from collections.abc import Iterator, Mapping

from aespec.diagnostics import Diagnostic, Place, Rule, nearest, show
from aespec.fieldnames import field_meant
from aespec.rules import BadInclude, BadRepeat, MissingField, NotOneKey, UnknownField, WrongValue
from aespec.source.text import Entry, Node, clipped
from aespec.source.variables import Frame

ITEMS: Mapping[str, Mapping[str, str]] = {
    "repeat": {
        "layers": "The layers of each turn, which can use the names as they use `vars`.",
        "times": "The number of turns.",
        "each": "Names, and for each a list of what it stands for in the turns; all lists are equally long.",
        "index": "A name for the number of the turn, counted from 0.",
    },
    "include": {
        "spec": "The file, by its path from the folder of the file that includes it.",
        "block": "The list of layers to take: `encoder`, `decoder` or `head`; by default the one of the same name.",
        "vars": "Values for variables of the file, instead of those that it gives them itself.",
    },
}
"""Their fields, of which the first is needed, and what these are."""

RULES: Mapping[str, type[Rule]] = {"repeat": BadRepeat, "include": BadInclude}
"""The rules that explain them."""


def named(item: Node) -> str | None:
    """Which of them an item of a list of layers is, if it is one; what else stands in it is told by `fields`."""
    stated = item.value if isinstance(item.value, dict) else (item.value,)
    return next((name for name in ITEMS if name in stated), None)


def misspelt(name: str, node: Node) -> str | None:
    """Which of them a name was likely meant to be that is none, if what stands below has a field of it."""
    if name in ITEMS or not isinstance(node.value, dict):
        return None
    near = nearest(name.lower(), ITEMS)
    return near if near and any(field_meant(field, ITEMS[near]) for field in node.value) else None


def fields(name: str, item: Node, frame: Frame) -> Mapping[str, Entry]:
    """The fields that an item states, as they are written; none where something is wrong, which is told."""
    if isinstance(item.value, dict) and len(item.value) == 1 and name == "include":
        (entry,) = item.value.values()
        if isinstance(entry.node.value, str):
            return {"spec": entry}
    problems = [*_faults(name, item, frame)]
    frame.tally.add(*problems)
    inner = item.value[name].node.value if isinstance(item.value, dict) else None
    if problems or not isinstance(inner, dict):
        return {}
    return {field: Entry(frame.place(key), node) for field, (key, node) in inner.items()}


def _faults(name: str, item: Node, frame: Frame) -> Iterator[Diagnostic]:
    from aespec.registry import known_kind

    known, place = ITEMS[name], frame.place(item.place)
    if isinstance(item.value, dict) and len(item.value) > 1:
        yield _beside(name, item.value, place)
        return
    node = item.value[name].node if isinstance(item.value, dict) else Node(None, item.place)
    if not isinstance(node.value, dict):
        what, wanted, got = f"`{name}` has no fields", f"fields: {_quoted(known)}", show(node.data)
        help = f"write it like `{_EXAMPLES[name]}`"
        yield Diagnostic(WrongValue, what, frame.place(node.place), wanted, got, help)
        return
    unknown = {field: entry.key for field, entry in node.value.items() if field not in known}
    for field, key in unknown.items():
        near = field_meant(field, known)
        what, got = f"unknown field `{clipped(field)}` of `{name}`", f"`{clipped(field)}`"
        help = f"did you mean `{near}`?" if near else f"remove `{clipped(field)}`"
        if name == "repeat" and not near and known_kind(field, "layer"):
            help = f"put it into the list `layers`, as `- {clipped(field)}: ...`"
        yield Diagnostic(UnknownField, what, frame.place(key), _quoted(known), got, help)
    needed, text = next(iter(known.items()))
    if needed not in node.value and not unknown:
        what, wanted = f"`{name}` lacks the field `{needed}`", f"`{needed}`: {text}"
        yield Diagnostic(MissingField, what, place, wanted, "nothing", f"add `{needed}: ...`")


_EXAMPLES = {"repeat": "repeat: {times: 2, layers: [{dense: 64}]}", "include": "include: blocks.yaml"}


def _beside(name: str, item: Mapping[str, Entry], place: Place) -> Diagnostic:
    """Say that other keys stand beside ``repeat`` or ``include`` in one item."""
    from aespec.registry import known_kind

    others = [key for key in item if key != name]
    what, wanted = f"`{name}` is not alone in its item", f"`{name}` with its fields inside"
    held, help = item[name].node.data, "give each item a dash of its own"
    if all(other in ITEMS[name] for other in others):
        help = f"indent {_quoted(others)} below `{name}`, as its fields"
        if held is not None and not isinstance(held, dict):  # it needs its name first
            alone = "spec" if name == "include" else "layers" if isinstance(held, list) else "times"
            stated = {alone: held, **{other: item[other].node.data for other in others}}
            help = f"write `{name}: {show(stated, 300, plain=True)}`"
    elif name == "repeat" and type(held) is int and len(others) == 1 and known_kind(others[0], "layer"):
        layer = {others[0]: item[others[0]].node.data}
        help = f"write `{name}: {show({'times': held, 'layers': [layer]}, 300, plain=True)}`"
    return Diagnostic(NotOneKey, what, place, wanted, f"beside it {_quoted(others[:8])}", help)


def _quoted(names: Mapping[str, str] | list[str]) -> str:
    return ", ".join(f"`{clipped(name)}`" for name in names)
