"""``aespec convert``: a model as a file for those who do not have aespec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import format_option
from aespec.cli.output import echo_json, made, vacant, writing
from aespec.shapes import counted

if TYPE_CHECKING:
    from aespec.converting import Converted, Saved


def _known(context: click.Context, _: click.Parameter, name: str) -> str:
    from aespec.converting import TENSORS, formats
    from aespec.registry import backend_names

    if name not in (*backend_names(), TENSORS):
        raise click.BadParameter(f"'{name}' is none of {', '.join(formats())}.")
    return name


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "form_of", required=True, metavar="FORMAT", callback=_known, help="keras, torch or safetensors.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file.  [default: the model's name, in this folder]",
)
@click.option(
    "--plain",
    is_flag=True,
    help="Write layers of the framework alone: the same values, but tied kernels are written out.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@format_option("text", "json")
def convert(run: Path, form_of: str, out: Path | None, plain: bool, force: bool, form: str) -> None:
    """Write a trained model as a file for those who do not have aespec.

    RUN is the folder of a run or of a built model. For keras the file is a .keras, which Keras loads; for torch a .pt2,
    a program that PyTorch runs, and its state_dict beside it; for safetensors it has the weights under
    their names in aespec, and the spec. A model's file is read back and run on a few samples, and it is printed by how
    much the values differ.
    """
    from aespec.converting import exporting, open_saved
    from aespec.run import SPEC, WEIGHTS

    saved = open_saved(run)
    format = exporting(form_of)
    if plain and not format.simplifies:
        raise click.BadParameter(
            f"has no meaning with `--to {form_of}`: no file of it needs aespec.", param_hint="--plain"
        )
    suffix, *more = format.suffixes
    out = Path(saved.graph.name + suffix) if out is None else out
    if out.suffix != suffix:
        raise click.BadParameter(f"'{out}' does not end in {suffix}.", param_hint="-o")
    vacant(out, *(out.with_suffix(other) for other in more), force=force, keep=(run / SPEC, run / WEIGHTS))
    with writing(out.parent):
        done = format.convert(saved, out, plain=plain)
    if form == "json":
        echo_json(_as_data(done, saved))
    else:
        click.echo(_told(done, saved, plain=plain))


def _as_data(done: Converted, saved: Saved) -> dict[str, Any]:
    return {
        **made(done.files),
        "load": done.load,
        "needs": list(done.needs),
        "lost": list(done.lost),
        "samples": done.samples,
        "difference": done.difference,
        "scaling": saved.scaling and saved.scaling.model_dump(),
    }


def _told(done: Converted, saved: Saved, *, plain: bool) -> str:
    lines = [f"wrote {' and '.join(map(str, done.files))}", f"  load it with: {done.load}"]
    if done.difference is not None:
        lines.append(
            f"  read back: the values of {counted(done.samples, 'sample')} differ by {done.difference:.1e} at most"
        )
        told = "stands in it for `aespec import` alone; `aespec eject` writes code that trains"
        lines.append(f"  how it was trained ({_trained_by(saved)}) {told}")
    if saved.scaling:
        lines += ["  it takes scaled samples and gives them back scaled: (x - center) / scale, for each feature"]
        lines += ["  the numbers are in the run's run.json, under data and scaling, and in what `--format json` prints"]
    if done.needs:
        lines += ["  it needs aespec, since the framework has no such layers:", *(f"    {need}" for need in done.needs)]
        lines += [] if plain else ["  `--plain` writes a file of the same values that does not"]
    if done.lost:
        lines += ["  the values are the same, but this is lost:", *(f"    {what}" for what in done.lost)]
    return "\n".join(lines)


def _trained_by(saved: Saved) -> str:
    """The loss, the optimizer and what else a plan states that changes the steps."""
    plan = saved.spec.training
    named = [*(loss.kind for loss in saved.graph.losses), plan.optimizer.kind]
    named += [name for name in ("ema", "greedy") if getattr(plan, name)]
    return ", ".join(f"`{name}`" for name in named)
