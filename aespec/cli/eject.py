"""``aespec eject``: a model as one file of framework code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aespec.cli.inputs import Compiled, Specs, takes_specs
from aespec.cli.options import backend_option
from aespec.cli.output import vacant, writing

if TYPE_CHECKING:
    from aespec.data.scaling import Scaling


@click.command()
@takes_specs(several=False)
@backend_option(required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the code into this file, instead of printing it.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def eject(specs: Specs, backend: str, out: Path | None, force: bool) -> None:
    """Write the model of a spec as one file of Keras or PyTorch code.

    SPEC is a spec, or the folder of a run or of a built model. The code builds the model, loads the weights of a run
    and trains as the spec says. It needs the framework and safetensors, and nothing of aespec.
    """
    from aespec.eject import ejector
    from aespec.files import write_text
    from aespec.registry import find_backend

    if out is not None:
        vacant(out, force=force)
    read = specs.only()
    code = ejector(find_backend(backend)).eject(read.spec, read.graph, read.path, _scaling(read))
    if out is None:
        click.echo(code, nl=False)
        return
    with writing(out.parent):
        write_text(out, code)
    click.echo(f"wrote {out}: {len(code.splitlines())} lines")


def _scaling(read: Compiled) -> Scaling | None:
    """How features were scaled, if the spec is that of a folder that knows it."""
    from aespec.converting import scaling_of
    from aespec.run import SPEC

    path = Path(read.path)
    return scaling_of(path.parent, read.spec) if path.name == SPEC else None
