"""Finds what is to be written otherwise in a text that is no JSON, so that it is.

Where a text cannot go on, each small change not far before is tried; the one behind which it goes on furthest is taken.
(Burke and Fisher, A Practical Method for LR and LL Syntactic Error Diagnosis and Recovery, 1987)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aespec.source.text import AT_THE_TOP

__all__ = ["CLOSING", "START", "TEXT", "VALUE", "Change", "Item", "State", "doubtful", "first_change"]

TEXT, VALUE = "text", "value"
"""What is no sign: a text, which can be a key, and another value."""

CLOSING = {"[": "]", "{": "}"}

_BACK = 5
"""Items before the one that does not fit which are looked at."""
_AHEAD = 100
"""Items behind it that may fit."""
_LEAST = 3
"""Those that have to, for a change to be believed."""


class Item(NamedTuple):
    """A token: a sign, ``TEXT`` or ``VALUE``."""

    what: str
    said: str
    bare: bool
    """Whether it is a text without quotes."""
    line: int
    indent: int | None
    """The column of a line's first; None of others."""


class Change(NamedTuple):
    """What makes items fit: some are taken away, and others put there."""

    at: int
    taken: int = 0
    put: tuple[str, ...] = ()
    closed: int | None = None
    """Before which item the bracket that is put is closed again."""
    cost: float = 0


class State(NamedTuple):
    """What may come next."""

    wants: str
    """``value``, ``item`` (a value, or the end of a list), ``key``, ``entry`` (a key, or the end of a mapping),
    ``colon``, ``more`` (a comma, or an end), ``nothing``."""
    opened: str
    """The brackets that are open."""


START = State("value", "")


def _step(state: State, what: str) -> State | None:
    """The state behind an item; None where that cannot stand there."""
    wants, opened = state
    if wants in ("value", "item"):
        if what in CLOSING:
            return State("item" if what == "[" else "entry", opened + what)
        if what in (TEXT, VALUE):
            return _behind(opened)
        return _behind(opened[:-1]) if wants == "item" and what == "]" else None
    if wants in ("key", "entry"):
        if what == TEXT:
            return State("colon", opened)
        return _behind(opened[:-1]) if wants == "entry" and what == "}" else None
    if wants == "colon":
        return State("value", opened) if what == ":" else None
    if wants == "more":
        if what == ",":
            return State("value" if opened[-1] == "[" else "key", opened)
        return _behind(opened[:-1]) if what == CLOSING[opened[-1]] else None
    return None


def _behind(opened: str) -> State:
    return State("more" if opened else "nothing", opened)


def first_change(items: Sequence[Item], states: list[State]) -> tuple[int, Change | None] | None:
    """Where the first item stands that does not fit, and what to change; None where all do.

    A number beyond the last item stands for the end; in the place of a change that cannot be told is None.

    Args:
        items: What is to fit.
        states: Those before the first items, of which there is at least ``START``; takes those before all that fit.

    >>> def change(text):
    ...     kinds = [TEXT if each.isalpha() else VALUE if each.isdigit() else each for each in text]
    ...     return first_change([Item(kind, each, False, 1, None) for kind, each in zip(kinds, text)], [START])
    >>> change("{a:1}"), change("[1,2,3,4}")[1].put, change("{a1,b:2}")[1].put
    (None, (']',), (':',))
    >>> change("[1,2,3,,4]")[1][:3]
    (7, 1, ())
    """
    for item in items[len(states) - 1 :]:
        state = _step(states[-1], item.what)
        if state is None:
            break
        states.append(state)
    stop = len(states) - 1
    if stop == len(items) and states[-1].wants == "nothing":
        return None
    tried = [(_reach(items, states, change, stop), -change.cost, change) for change in _changes(items, states, stop)]
    reach, _, best = max(tried, key=lambda each: each[:2], default=(0, 0, None))
    least = 1 if best and best.cost <= 1 else _LEAST
    return stop, best if reach >= min(stop + least, len(items) + 1) else None


def doubtful(items: Sequence[Item], states: Sequence[State], change: Change) -> range:
    """Behind which brackets fields may be meant to stand elsewhere: where lines do not show which bracket lacks."""
    laid_out = len({item.indent for item in items}) > 2
    if laid_out or change.taken or not change.put or change.put[-1] != "}":  # a list takes no fields
        return range(0)
    first = _opening(items, change.at)
    if change.at == len(items):  # no field of the spec stands in another, so that it lacks in the last
        wants = [at for at, state in enumerate(states[: change.at]) if state == ("value", "{")]
        first = wants[-1] if wants else 0
    return range(first, change.at) if first else range(0)


def _reach(items: Sequence[Item], states: Sequence[State], change: Change, stop: int) -> int:
    """How far items fit after a change; one more than there are items where it is all that lacked."""
    state: State | None = states[change.at]
    for put in change.put:
        state = _step(state, put) if state else None
    end = min(len(items), stop + _AHEAD)
    for at in range(change.at + change.taken, end + 1):
        if state and at == change.closed:
            state = _step(state, CLOSING[change.put[0]])
        if state is None:
            return at - 1
        if at < end:
            state = _step(state, items[at].what)
    return end if end < len(items) or state is None or state.wants != "nothing" else end + 1


def _changes(items: Sequence[Item], states: Sequence[State], stop: int) -> Iterator[Change]:
    """What may be changed where an item does not fit."""
    for at in range(stop, max(stop - _BACK, -1), -1) if stop < len(items) else ():
        yield from _changes_at(items, at)
    if stop == len(items) or states[stop].wants == "nothing":
        yield Change(stop, 0, tuple(CLOSING[bracket] for bracket in reversed(states[stop].opened)), cost=2)
        yield from (change._replace(cost=change.cost / 10) for change in _by_indents(items, states))
        yield from (change._replace(cost=change.cost / 10) for change in _by_names(items, states))
        return
    if items[stop].what == ":" and stop and items[stop - 1].what == TEXT and not _is_of_the_top(items[stop - 1]):
        yield Change(stop - 1, 0, ("{",), _end_of_value(items, stop + 1), cost=1)
        yield Change(stop - 1, 0, ("{",), cost=1.5)
        if stop > 1 and items[stop - 2].what == "[":
            yield Change(stop - 2, 1, ("{",), cost=1.2)
        if stop + 1 < len(items) and items[stop + 1].line != items[stop].line:
            yield Change(stop, 1, (",",), cost=0.5)
    if items[stop].what == "}" and stop > 1 and items[stop - 2].what == "{" and items[stop - 1].what == TEXT:
        yield Change(stop - 2, 3, (TEXT,), cost=0.5)
    closed = items[stop].what in CLOSING.values() and items[stop - 1].what == ","
    if closed and stop + 1 < len(items) and items[stop + 1].what not in (",", *CLOSING.values()):
        yield Change(stop - 1, 2, (items[stop].what, ","), cost=0.5)
    of_one = items[stop].what == "]" and "[" not in states[stop].opened  # a list of one value
    if of_one and items[stop - 1].what != "]":
        yield Change(_start_of_value(items, stop - 1), 0, ("[",), cost=1)
    if (begin := _first_number(items, stop)) is not None:
        end = next((at for at in range(stop, len(items)) if items[at].what not in (VALUE, ",")), stop)
        yield Change(begin, 0, ("[",), end - (items[end - 1].what == ","), cost=0.5)
    # the value before it may be the first of a list
    if items[stop].what in CLOSING and states[stop].wants == "key":
        yield Change(_start_of_value(items, stop - 2), 0, ("[",), cost=2)
    if items[stop].what in (",", "]") and states[stop].wants == "colon":
        yield Change(_start_of_value(items, stop - 3), 0, ("[",), cost=2)
    if first := _opening(items, stop):
        doubled = items[first].what in (items[first - 1].what, items[first + 1].what)
        yield Change(first, 1, cost=1 if doubled else 4)


def _changes_at(items: Sequence[Item], at: int) -> Iterator[Change]:
    for put in (",", ":"):
        yield Change(at, 0, (put,), cost=1)
    for put in ("]", "}"):
        yield Change(at, 0, (put,), cost=2)
    for put in ("[", "{"):
        yield Change(at, 0, (put,), cost=3)
        yield Change(at, 0, (TEXT, ":", put), cost=4)
    for put in ("]", "}"):  # a line is left out
        yield Change(at, 0, (put, ","), cost=3)
    yield Change(at, 0, (VALUE,), cost=3)
    yield Change(at, 0, (TEXT, ":"), cost=3)
    what, said, bare = items[at][:3]
    doubled = at > 0 and items[at - 1].what == what in CLOSING
    text = 0.5 if bare and not re.search(r"\w", said) else 2 if bare else 5
    cost = {",": 0, "[": 4, "{": 4, TEXT: text, VALUE: 5}.get(what, 2)
    yield Change(at, 1, cost=1 if doubled else cost)
    for put in (",", ":", "]", "}", "[", "{"):
        if put != what:
            worth = 6 if what in (TEXT, VALUE) else 3
            yield Change(at, 1, (put,), cost=0 if said in _MEANT.get(put, ()) else worth)
    if what == VALUE:
        yield Change(at, 1, (TEXT,), cost=1)


_MEANT = {":": ("=", "=>", "->"), ",": (";",)}
"""What stands for a sign elsewhere."""


def _first_number(items: Sequence[Item], stop: int) -> int | None:
    """Where numbers with commas between them begin, behind a colon, of which one stands where a key should."""
    first = stop
    while first > 1 and items[first - 1].what == "," and items[first - 2].what == VALUE:
        first -= 2
    return first if first < stop and items[stop].what == VALUE and items[first - 1].what == ":" else None


def _end_of_value(items: Sequence[Item], at: int) -> int:
    """Behind the value that begins at an item."""
    depth = 0
    for end in range(at, len(items)):
        depth += (items[end].what in CLOSING) - (items[end].what in CLOSING.values())
        if depth <= 0:
            return end + (depth == 0)
    return len(items)


def _start_of_value(items: Sequence[Item], at: int) -> int:
    """Where the value begins that ends with an item."""
    depth = 0
    for start in range(at, -1, -1):
        depth += (items[start].what in CLOSING.values()) - (items[start].what in CLOSING)
        if depth <= 0:
            return start
    return 0


def _opening(items: Sequence[Item], at: int) -> int:
    """The bracket that is open at an item; 0 where none is, or the first."""
    depth = 0
    for start in range(at - 1, 0, -1):
        depth += (items[start].what in CLOSING.values()) - (items[start].what in CLOSING)
        if depth < 0:
            return start
    return 0


def _by_indents(items: Sequence[Item], states: Sequence[State]) -> Iterator[Change]:
    """Changes before the first line that stands at another depth than those before it that are indented alike."""
    depths: dict[int, int] = {}
    for at, state in enumerate(states[:-1]):
        item = items[at]
        if item.indent is None:
            continue
        depth = len(state.opened) - (item.what in CLOSING.values())
        if depths.setdefault(item.indent, depth) != depth:
            above = items[at - 1].line
            for before in range(at, 0, -1):
                yield from _brackets_at(items, before)
                if items[before].line < above:
                    return
            return


def _by_names(items: Sequence[Item], states: Sequence[State]) -> Iterator[Change]:
    """Changes before the first field of the spec that stands in another, or of another that stands at the top."""
    for at in range(2, min(len(states), len(items)) - 1):
        state, item = states[at], items[at]
        if item.what != TEXT or items[at + 1].what != ":" or state.wants != "key":
            continue
        deep = len(state.opened) > 1
        if _is_of_the_top(item) if deep else item.said not in AT_THE_TOP:
            for before in (at - 1, at - 2):
                yield from _brackets_at(items, before)
            if not deep:
                yield Change(at, 0, (TEXT, ":", "{"), cost=1)
            return


def _is_of_the_top(item: Item) -> bool:
    """Whether a key is a field of the spec that no other thing has."""
    return item.said in AT_THE_TOP and item.said not in ("name", "description")


def _brackets_at(items: Sequence[Item], at: int) -> Iterator[Change]:
    for put in CLOSING.values():
        yield Change(at, 0, (put,), cost=2)
    if items[at].what in CLOSING or items[at].what in CLOSING.values():
        yield Change(at, 1, cost=2)
    for put in CLOSING:
        yield Change(at, 0, (put,), cost=3)
