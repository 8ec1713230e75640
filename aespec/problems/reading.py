"""How a wrong spec is read on: as what its messages say to write, where there is no doubt of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aespec.diagnostics import Loc
from aespec.faults import Fault
from aespec.fieldnames import field_meant
from aespec.meanings import short
from aespec.problems.fields import field_misspelt, lengths, misplaced, phases, wrapped
from aespec.problems.kinds import kind_misspelt, kind_stated, rest_of_call
from aespec.problems.values import after_comma
from aespec.problems.writing import in_place

__all__ = ["Reading"]


@dataclass
class Reading:
    """What is read otherwise than it is written."""

    moved: dict[Loc, Loc] = field(default_factory=dict)
    """The path that each key should have."""
    values: dict[Loc, Any] = field(default_factory=dict)
    """What should stand at a path."""
    stated: dict[Loc, Loc] = field(default_factory=dict)
    """Where each field of these values is written."""
    cut: set[Loc] = field(default_factory=set)
    """Parts of what brackets cut in several."""
    _changed: set[Loc] = field(default_factory=set)
    _below: set[Loc] = field(default_factory=set)
    _beside: set[Loc] = field(default_factory=set)
    _seen: set[Loc] = field(default_factory=set)

    @classmethod
    def of(cls, found: Sequence[Fault]) -> Reading:
        """The reading that the advice for these faults comes to."""
        reading = cls(cut={loc for fault in found for loc in (*rest_of_call(fault)[1], *after_comma(fault))})
        for fault in found:
            reading._as_named(fault)
        named = {*reading._beside}
        placed: dict[Loc, Loc] = {}  # where each field goes that stands elsewhere, and what it is taken out of
        beside = {fault.loc: fault.source.value(fault.written[:-1]) for fault in found if fault.written}
        belonging = {fault.loc: belongs for fault in found if misplaced(fault) and (belongs := fault.belongs)}
        news = {loc: (*loc[:-1], *belongs.path) for loc, belongs in belonging.items()}
        for loc, new in sorted(news.items(), key=lambda each: len(each[1])):
            belongs = belonging[loc]
            holding = [placed[new[:end]] for end in range(len(new)) if new[:end] in placed]
            if loc[:-1] in named or any(each != loc[:-1] for each in holding):
                continue
            reading._changed.add(loc)  # of several that are told as one, what holds others is moved alone
            if not holding:
                reading._move(loc, loc, new)
                placed[new] = loc[:-1]
                field = str(belongs.path[0])
                if not isinstance(beside[loc].get(field, {}), dict):  # its short form
                    reading.values[(*loc[:-1], field)] = belongs.written[field]
        reading._seen = {fault.loc for fault in found if not reading.awaits(fault)}
        return reading

    def __bool__(self) -> bool:
        return bool(self.moved or self.values)

    def awaits(self, fault: Fault) -> bool:
        """Whether what a fault means depends on what is read otherwise beside it."""
        alone = fault.type == "combination" or (fault.loc not in self._changed and fault.written not in self.cut)
        return fault.type in ("combination", "extra_forbidden") and alone and fault.loc[:-1] in self._beside

    def hid(self, fault: Fault) -> bool:
        """Whether a fault of the new reading was not to be seen, or not told, before."""
        if fault.loc in self._seen and fault.type == "extra_forbidden":
            return False
        if fault.type in ("combination", "extra_forbidden") and fault.loc[:-1] in self._beside:
            return True
        return any(path[: end + 1] in self._below for path in (fault.loc, fault.written) for end in range(len(path)))

    def _as_named(self, fault: Fault) -> None:
        written = fault.written
        if fault.type == "extra_forbidden":
            if shape := lengths(fault):
                self._set(fault.loc, (*written[:-1], "shape"), [*shape.values()])
            elif named := phases(fault):
                self._set(fault.loc, written[:-1], [*named.values()])
            for key in wrapped(fault):
                self._move(fault.loc, (*written, key), (*written[:-1], key))
            if not misplaced(fault) and (name := field_misspelt(fault)):
                self._move(fault.loc, written, (*written[:-1], name))
        elif fault.type == "unknown_kind" and (name := kind_misspelt(fault)):
            if isinstance(fault.error["input"], str):
                self._set(fault.loc, written, name, told=False)
            else:
                self._move(fault.loc, written, (*written[:-1], name))
                self._beside.add(written[:-2])
        elif fault.type in ("unknown_kind", "not_one_key") and (kind := kind_stated(fault)):
            bare = fault.type == "not_one_key" or isinstance(fault.error["input"], str)
            held = in_place(fault, kind)
            path = written if bare else written[:-1]
            self._set(fault.loc, path, short(kind) if held is kind else held)
            self._find_fields(fault, path, kind)

        elif fault.layers and isinstance(stated := fault.error["input"], dict) and len(stated) == 1:
            ((key, layers),) = stated.items()
            if isinstance(layers, list) and fault.loc == written:
                self._move(fault.loc, (*written, key), written)

    def _find_fields(self, fault: Fault, path: Loc, kind: dict[str, Any]) -> None:
        """Find where the fields of a kind are written that stand beside its name, or below it."""
        ((name, fields),) = kind.items()
        for above in fault.written, path:
            old = fault.source.value(above)
            for key in old if isinstance(old, dict) and isinstance(fields, dict) else ():
                if meant := key if key in fields else field_meant(str(key), fields):
                    self.stated[(*path, name, meant)] = (*above, key)
                    self.stated.setdefault((*path, name), above)

    def _move(self, loc: Loc, old: Loc, new: Loc) -> None:
        self.moved[old] = new
        self._changed.add(loc)
        self._below.add(new)
        self._beside |= {loc[:-1], new[:-1]}

    def _set(self, loc: Loc, path: Loc, value: Any, *, told: bool = True) -> None:
        self.values[path] = value
        self._changed.add(loc)
        if isinstance(path[-1], str):
            self._beside.add(path[:-1])
        if told:
            self._below.add(path)
