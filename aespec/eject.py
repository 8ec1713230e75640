"""A model as one file of framework code: what is not any framework's about it.

A backend that ejects has a table of cells, kind -> code, and a module of what its framework lacks, whose classes and
functions are copied into the file where its code names them: see `aespec.code`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import fill
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from aespec import schedules
from aespec.backend import Backend, Lowerings
from aespec.code import WIDTH, Call, literal, written
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import UnsupportedKind
from aespec.shapes import Shape

if TYPE_CHECKING:
    from aespec.data.scaling import Scaling
    from aespec.graph import Graph
    from aespec.plan import TrainingPlan
    from aespec.spec import Spec

__all__ = [
    "Ejector",
    "docstring",
    "ejector",
    "header",
    "held_out",
    "in_words",
    "rate",
    "rate_at",
    "remarks",
    "require",
    "samples",
    "scaling_code",
    "unsaid",
]


@runtime_checkable
class Ejector(Protocol):
    """A `Backend` that can write its models as code."""

    def eject(self, spec: Spec, graph: Graph, source: str, scaling: Scaling | None = None) -> str:
        """One file of code that builds, loads and trains the model of a spec, without aespec.

        Args:
            spec: The spec.
            graph: What it compiles to.
            source: What the file says that it was made from.
            scaling: How a run of the spec scaled features, for the file to do it too.

        Raises:
            AespecError: A kind has no code.
        """


def ejector(backend: Backend) -> Ejector:
    """The backend, if it can write its models as code.

    Raises:
        AespecError: It cannot.
    """
    if isinstance(backend, Ejector):
        return backend
    raise AespecError(
        Diagnostic(
            UnsupportedKind,
            f"the backend `{backend.name}` cannot write its models as code",
            wanted="a backend that ejects",
            got=f"`{backend.name}`",
            help="use `--backend torch` or `--backend keras`",
        )
    )


def require(cells: Lowerings, graph: Graph) -> None:
    """Refuse a model with kinds that there is no code for, all at once.

    Raises:
        AespecError: There are some.
    """
    missing = dict.fromkeys((kind.family, kind.kind) for kind in graph.kinds() if type(kind) not in cells)
    if missing:
        raise AespecError(*(_without_code(family, f"`{kind}`", cells.backend) for family, kind in missing))


def _without_code(family: str, what: str, backend: str) -> Diagnostic:
    return Diagnostic(
        UnsupportedKind,
        f"the {family} {what} cannot be ejected for `{backend}`",
        wanted="kinds that the backend has code for",
        got=what,
        help=f"`aespec build SPEC --backend {backend} -o FOLDER` saves the model as the framework does",
    )


def unsaid(family: str, what: str, backend: str) -> AespecError:
    """The error for fields of a kind, in words, that there is no code for."""
    return AespecError(_without_code(family, what, backend))


def header(spec: Spec, source: str, scaling: Scaling | None, versions: str, usage: Iterable[str]) -> str:
    """The docstring of a file: what the model is, what the file was made from and for, how it is used."""
    from importlib.metadata import version

    title = fill(_plain(f"{spec.name}: {spec.description}" if spec.description else spec.name), WIDTH - 3)
    made = fill(
        _plain(f"Written by aespec {version('aespec')} from {source}, for {versions}. It needs no aespec."), WIDTH
    )
    given = [line for words in (_windows(spec), _scaled(spec, scaling)) if words for line in (fill(words, WIDTH), "")]
    return "\n".join([f'"""{title}', "", made, "", *given, *(f"    {line}" for line in usage), '"""'])


def _plain(text: str) -> str:
    """Text as it may stand in a docstring, in one line."""
    shown = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return shown.replace("\\", "\\\\").replace('"', "'")


def samples(spec: Spec, graph: Graph) -> str:
    """What training is given, in words."""
    shape = ", ".join(["samples", *("any" if n is None else str(n) for n in graph.sample_shape)])
    bounds = spec.input.range
    values = f" of values from {bounds[0]:g} to {bounds[1]:g}" if bounds else ""
    scaled = ", scaled" if spec.input.scaling else ""
    return f"({shape}){values}{scaled}"


def _windows(spec: Spec) -> str | None:
    """How samples are cut from a series, and put together again, in words; None where they are no windows of one."""
    if spec.input.stride is None:
        return None
    return (
        "Samples are windows of a series (steps, channels): the first begins at step 0, others every "
        f"{spec.input.stride} steps, and a last one ends with the series. Put together again, a step has the mean over "
        "the windows that it is in."
    )


def _scaled(spec: Spec, scaling: Scaling | None) -> str | None:
    """How samples are scaled before the model sees them, in words; None where they are not."""
    if spec.input.scaling is None:
        return None
    low, high = spec.input.range or (0.0, 1.0)
    ends = "a mean of 0 and a deviation of 1" if spec.input.scaling == "standard" else f"{low:g} to {high:g}"
    how = (
        "`scaled` does that with the numbers of the run, and `restored` undoes it."
        if scaling
        else "(x - center) / scale. A run has both in its run.json, under data and scaling."
    )
    return f"Each channel (last axis) is scaled to {ends} over the training samples: {how}"


def scaling_code(
    spec: Spec, scaling: Scaling | None, float32: str, kind: str, array: str, beside: str = "", **fields: Any
) -> str | None:
    """The functions ``scaled`` and ``restored``, and the numbers that they use; None where there are none.

    Args:
        spec: The spec, whose columns are named.
        scaling: How a run scaled features.
        float32: What makes an array of 32 bits of another one, as it stands behind that.
        kind: The type of an array; nothing where the code has no annotations.
        array: The function that makes an array of a list.
        beside: What puts such an array where another is, whose name is to stand in its braces.
        fields: What else it is given, for 64 bits.
    """
    if scaling is None:
        return None
    of, gives = (f": {kind}", f" -> {kind}") if kind else ("", "")
    columns = spec.input.columns or ()
    return "\n".join(
        [
            *(written(list(columns), before="COLUMNS = ") if columns else ()),
            *written(Call(array, scaling.center, **fields), before="CENTER = "),
            *written(Call(array, scaling.scale, **fields), before="SCALE = "),
            *("", "", f"def scaled(x{of}){gives}:"),
            '    """Samples as the model takes them."""',
            f"    return ((x - CENTER{beside.format('x')}) / SCALE{beside.format('x')}){float32}",
            *("", "", f"def restored(y{of}){gives}:"),
            '    """Undo `scaled`: what the model gives, in the units of the samples."""',
            f"    return y * SCALE{beside.format('y')} + CENTER{beside.format('y')}",
        ]
    )


def remarks(graph: Graph, plan: TrainingPlan, framework: str) -> Iterator[str]:
    """What a plan asks for that the code does not do, in sentences."""
    drawn = "first weights, batches and noise" if graph.stochastic else "first weights and batches"
    yield f"{framework} draws {drawn}: a run differs from aespec's as one seed's from another's."
    if plan.ema is not None:
        yield f"Left out: the moving average of the weights (ema {plan.ema})."
    if plan.greedy:
        yield "Left out: the greedy phases before the training of the whole."
    if plan.dtype != "float32":
        yield f"The spec asks for {plan.dtype}; this is float32."
    if plan.mixed_precision is not None:
        yield f"Left out: {plan.mixed_precision} for the layers; all is float32."


def held_out(plan: TrainingPlan) -> str:
    """The first line of the docstring of a function that trains."""
    share = f"; the last {100 * plan.validation_split:.4g}% are for validation" if plan.validation_split else ""
    return f"Train on samples{share}."


def docstring(first: str, more: Iterable[str]) -> list[str]:
    """The lines of a function's docstring: its first line, and sentences below it."""
    text = fill(_plain(" ".join(more)), WIDTH, initial_indent="    ", subsequent_indent="    ")
    head = fill(f'"""{first}', WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [*head.splitlines(), "", *text.splitlines(), '    """']


def rate(plan: TrainingPlan) -> str | None:
    """The function ``rate`` of a schedule that sees no losses, None for another.

    Its argument is a time, counted in epochs; a warm-up asks for the length of a step as well.
    """
    schedule, full = plan.schedule, literal(plan.optimizer.learning_rate)
    if isinstance(schedule, schedules.Step):
        lines = [f"return {full} * {literal(schedule.factor)} ** ((time + 1e-9) // {literal(schedule.every)})"]
    elif isinstance(schedule, schedules.Exponential):
        lines = [f"return {full} * {literal(schedule.factor)} ** (time / {literal(schedule.every)})"]
    elif isinstance(schedule, schedules.Cosine):
        lines = _cosine(schedule, full, plan.epochs)
    else:
        return None
    head = f"def {rate_at(plan, 'time: float', 'step: float')} -> float:"
    text = '"""The learning rate at a time that is counted in epochs."""'
    return "\n".join([head, *(f"    {line}" for line in (text, *lines))])


def rate_at(plan: TrainingPlan, time: str, step: str) -> str:
    """The call of `rate`."""
    warm = isinstance(plan.schedule, schedules.Cosine) and plan.schedule.warmup
    return f"rate({time}, {step})" if warm else f"rate({time})"


def _cosine(schedule: schedules.Cosine, full: str, epochs: int) -> list[str]:
    lines, part, half = [], f"time / {epochs}", "(1 + math.cos(math.pi * part)) / 2"
    if schedule.warmup:
        warmup = literal(schedule.warmup)
        lines = [f"if time < {warmup}:", f"    return {full} * min(time + step, {warmup}) / max({warmup}, step)"]
        part = f"min((time - {warmup}) / max({epochs} - {warmup}, step), 1.0)"
    final = literal(schedule.final)
    down = f"({final} + (1 - {final}) * {half})" if schedule.final else half
    return [*lines, f"part = {part}", f"return {full} * {down}"]


def in_words(shape: Shape) -> str:
    """A shape of a batch, as docstrings have it."""
    return f"({', '.join(['batch', *('any' if n is None else str(n) for n in shape)])})"
