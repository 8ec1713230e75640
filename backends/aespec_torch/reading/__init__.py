"""A ``.pt2`` file as layers.

A program has tensors channels first. Here a value is what a spec has, channels last, with the order in which the
program has its axes; a `permute` is imported only where a layer looks at that order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aespec.importing import Archive, Flaw, Found, Part, Unsaid, own_name, spec_in
from aespec.shapes import Shape
from aespec_torch.reading.operations import ACTIVATIONS, AS_THEY_ARE, CELLS
from aespec_torch.reading.pieces import Piece, joined
from aespec_torch.reading.program import Program, Step
from aespec_torch.saving import ABOUT

__all__ = ["read"]


def read(archive: Archive) -> Found:
    """What a file of `torch.export.save` holds; see `aespec.importing.Reader`.

    Raises:
        AespecError: It is damaged, or no chain of operations.
    """
    root = next((name.partition("/")[0] for name in archive.names if name.endswith("/models/model.json")), "")
    with archive.reading("a program as `torch.export.save` writes it"):
        reading = Reading(Program(archive, root))
        parts = tuple(_part(piece, trains=reading.program.trains) for piece in joined(reading.pieces))
        extra = f"{root}/extra/{ABOUT}"
        about = archive.json(extra) if extra in archive.names else None
        spec = spec_in(about)
        lacks = "a program has no penalties" if spec else "a program states no loss and no penalties: the loss is `mse`"
        notes = [lacks if spec else f"{lacks}, and there are no penalties", *reading.notes]
        if any("permute" in part.layer for part in parts):
            notes.append("`permute` stands where the order of the axes matters: the spec has channels last")
        return Found(root, reading.input, parts, tuple(reading.flaws), notes=tuple(notes), about=about)


WRAPPERS = ("time_distributed", "bidirectional")
"""Kinds that name the modules of what they wrap."""


def _part(piece: Piece, *, trains: bool) -> Part:
    frozen = trains and {tensor.trained for tensor in piece.tensors} - {None} == {False}
    *block, module = piece.name.split(".")
    name = own_name(module, piece.kind, *WRAPPERS) if piece.tensors and len(block) < 2 else {}
    fields = {**piece.fields, **({"freeze": True} if frozen else {})}
    return Part(
        piece.name,
        {"time_distributed": {"layer": {piece.kind: fields}, **name}}
        if piece.at_each_step
        else {piece.kind: {**fields, **name}},
        piece.tensors,
        piece.encoding,
        piece.closes,
        piece.tied_to,
        piece.key,
    )


class Reading:
    """The pieces of a program, and where its reading stands."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.input: Shape = program.sizes(program.start)
        self.flaws: list[Flaw] = []
        self.notes: list[str] = []
        self.pieces: list[Piece] = []
        self.owners: dict[str, str] = {}
        """The operation that has used each kernel."""
        self.order: tuple[int | None, ...] = tuple(range(len(self.input)))
        """For each axis in the program, which of the value it is; None for one of length one that the value lacks."""
        self.steps: tuple[int | None] | None = None
        """The number of steps that count as samples, where they do."""
        self.last_of: int | None = None
        """Where the program has the last states of a recurrent layer, one more axis before the batch: of how many."""
        self.at: Step
        self._read()
        self.notes += self._idle()

    def _read(self) -> None:
        steps = self.program.chain()
        blocks = list(dict.fromkeys(step.operation.block for step in steps))
        for step in steps:
            self.at = step
            encoding = step.operation.block == blocks[0] if len(blocks) == 2 else None
            name = step.operation.path
            self.program.archive.at = f"`{name}`"
            try:
                for piece in self._said(step):
                    self._add(replace(piece, name=name, encoding=encoding))
            except Unsaid as unsaid:
                self._leave_out(step, unsaid)
        if self.steps is not None or self.last_of is not None:
            raise Unsaid("an output whose first axis is not the batch's", "samples along the first axis")
        self.at = replace(self.at, given=self.at.shape)
        for piece in self.as_written():
            self._add(replace(piece, name="output", encoding=False if len(blocks) == 2 else None))

    def _leave_out(self, step: Step, unsaid: Unsaid) -> None:
        """Go on with what the operation is given; where it gives another shape, only to see what else is unsaid."""
        needed = step.mixes or step.shape != step.given
        self.flaws.append(Flaw(step.operation.path, unsaid.what, unsaid.why, "change the module", needed=needed))
        if needed:
            self.order, self.last_of = tuple(range(len(step.shape))), None

    def _add(self, piece: Piece) -> None:
        self.pieces.append(replace(piece, given=self.lengths(), at_each_step=self.steps is not None))

    def _said(self, step: Step) -> Iterator[Piece]:
        name = step.operation.name
        if self.last_of is not None and name not in ("select", "squeeze"):
            raise Unsaid(f"`{name}` of the last states of a recurrent layer", "one of them")
        if None in self.order and name not in AS_THEY_ARE | ACTIVATIONS.keys():
            yield from self.as_written()
        if name in ACTIVATIONS:
            yield Piece("activation", {"function": ACTIVATIONS[name](step.args)}, closes=True)
        elif name in CELLS:
            yield from CELLS[name](self, step)
        else:
            raise Unsaid(f"`{name}`", "an operation of a layer that `aespec layers` lists")

    def own(self, name: str) -> str:
        """The key of a parameter, which no layer before may have.

        Raises:
            Unsaid: One has.
        """
        key = self.program.stored.get(name, name)
        if key in self.owners:
            raise Unsaid(f"the weight `{key}` of another layer", "a weight of its own, or the transpose")
        self.owners[key] = self.at.operation.name
        return key

    def lengths(self) -> Shape:
        """The value's shape, of what the operation is given."""
        axes = sorted(axis for axis in self.order if axis is not None)
        return tuple(self.at.given[self.order.index(axis)] for axis in axes)

    def arranged(self, wanted: tuple[int | None, ...]) -> Iterator[Piece]:
        """The layer that gives the value's axes this order in the program, where they have another."""
        rank = sum(axis is not None for axis in wanted)
        dims = [(self.order[wanted.index(axis)] or 0) + 1 for axis in range(rank)]
        self.order = wanted
        if dims != sorted(dims):
            yield Piece("permute", {"dims": dims})

    def channels_last(self) -> Iterator[Piece]:
        """See to it that the program's first axis is the value's last."""
        rank = sum(axis is not None for axis in self.order)
        numbers = iter([rank - 1, *range(rank - 1)])
        yield from self.arranged(tuple(None if axis is None else next(numbers) for axis in self.order))

    def as_written(self) -> Iterator[Piece]:
        """See to it that the axes of the value are the program's."""
        numbers = iter(range(len(self.order)))
        yield from self.arranged(tuple(None if axis is None else next(numbers) for axis in self.order))
        if None in self.order:
            yield Piece("reshape", {"target_shape": [-1 if n is None else n for n in self.at.given]})
            self.order = tuple(range(len(self.order)))

    def _idle(self) -> Iterator[str]:
        """What of the program the spec lacks, though it changes no value."""
        for path in self.program.idle():
            yield f"`{path}` does nothing in the program, as noise does nothing outside training: it is left out"
        for operation in self.program.unused():
            if operation.path not in self.used_beside and operation.name in CELLS | ACTIVATIONS:
                yield f"`{operation.path}` computes what the output does not depend on: it is left out"

    @property
    def used_beside(self) -> set[str]:
        """The modules that are said though the output does not depend on them."""
        return {piece.beside for piece in self.pieces if piece.beside}
