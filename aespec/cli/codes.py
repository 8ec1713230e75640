"""The codes of a run's model, and the samples that it makes of codes, for the commands that do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.cli.output import writing
from aespec.cli.trained import Trained
from aespec.diagnostics import AespecError, Diagnostic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.uses.generation import Distribution
    from aespec.uses.posterior import Units

    Floats = NDArray[np.floating[Any]]
    Array = NDArray[np.float64]

__all__ = ["Codes", "Prior"]

FITTED = 10_000
"""To the codes of how many training samples at most a distribution is fitted."""

MEASURED = 5_000
"""On how many held-out samples at most a model is measured."""

Prior = tuple[str, int]
"""A kind of distribution, and how many normals are mixed in it."""


@dataclass(frozen=True)
class Codes:
    """The codes of a run's model, and the samples that it makes of codes."""

    trained: Trained
    seed: int = 0

    def random(self, what: str) -> np.random.Generator:
        """Random numbers for a purpose, whatever else was drawn before."""
        from aespec.initializers import parameter_stream

        return parameter_stream(self.seed, what)

    @cached_property
    def variational(self) -> bool:
        """Whether codes have a prior."""
        from aespec.uses.posterior import latent

        return latent(self.trained.run.graph) is not None

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of a code; where that depends on the length of a sample, of the code of a sample of the run."""
        graph = self.trained.run.graph
        shape = graph[graph.code].shape
        if None in shape:
            shape = graph.shapes(self.trained.unseen.inputs.shape[1:])[graph.code]
        return tuple(n for n in shape if n is not None)

    @cached_property
    def measured(self) -> Floats:
        """Samples that the model was not trained on; of many some."""
        from aespec.data.streams import chosen, take

        x = self.trained.unseen.inputs
        return take(x, chosen(x, MEASURED, self.random("measure")))

    @cached_property
    def units(self) -> Units | None:
        """What each unit carries of those samples, where the model is variational."""
        from aespec.uses.posterior import moments, units

        return units(*moments(self.trained.model, self.measured), self.measured) if self.variational else None

    @cached_property
    def rows(self) -> Array:
        """The codes of those samples, (n, units); of a variational model their means."""
        import numpy as np

        from aespec.apply import codes

        return codes(self.trained.model, self.measured).astype(np.float64).reshape(len(self.measured), -1)

    def sample(self, i: int) -> Floats:
        """A sample that the model was not trained on, (1, ...).

        Raises:
            AespecError: There are not so many.
        """
        import numpy as np

        from aespec.rules import DataShape
        from aespec.shapes import counted

        shown = self.trained.unseen
        if i >= len(shown.inputs):
            raise AespecError(
                Diagnostic(
                    DataShape,
                    f"there is no {shown.what} {i:,}",
                    wanted=f"a number from 0 to {len(shown.inputs) - 1:,}",
                    got=f"{i:,}, of {counted(len(shown.inputs), shown.what)} of {shown.name}",
                    help="the first has the number 0",
                )
            )
        return np.asarray(shown.inputs[i : i + 1])

    def of_sample(self, i: int) -> Array:
        """The code of that sample, (units,); of a variational model its mean.

        Raises:
            AespecError: There are not so many samples.
        """
        import numpy as np

        return self.trained.model.encode(self.sample(i)).astype(np.float64).ravel()

    def distribution(self, prior: Prior | None) -> Distribution:
        """What codes are drawn from.

        Raises:
            AespecError: The model has no prior, and none was chosen; or what was chosen cannot be fitted.
        """
        from aespec.data.streams import chosen, take
        from aespec.rules import NotVariational
        from aespec.uses.generation import drawn_codes, fitted_mixture, fitted_normal, standard_normal

        if prior is None or prior[0] == "standard":
            if not self.variational:
                graph = self.trained.run.graph
                raise AespecError(
                    Diagnostic(
                        NotVariational,
                        f"the code of `{graph.name}` has no prior to draw from",
                        wanted="an encoder that ends in `gaussian_latent`, or a distribution fitted to the codes",
                        got=f"an encoder that ends in `{graph[graph.code].layer.kind}`",
                        help="`--prior gaussian` fits a normal distribution to the codes of the training samples, "
                        "`--prior mixture:10` a mixture of ten",
                    )
                )
            return standard_normal(prod(self.shape))
        instead = "`--prior standard` needs none" if self.variational else "train the run again"
        with self.trained.data.needed(f"the fit of `--prior {prior[0]}`", instead):
            training = self.trained.training.inputs
        x = take(training, chosen(training, FITTED, self.random("fit")))
        rows = drawn_codes(self.trained.model, x, self.random("fit/posterior"))
        return fitted_normal(rows) if prior[0] == "gaussian" else fitted_mixture(rows, prior[1], seed=self.seed)

    def decode(self, rows: Array, *, own_units: bool = True) -> Floats:
        """What the model makes of codes; in the units of the data, unless it is wanted as the model gives it."""
        from aespec.uses.generation import decoded

        found = decoded(self.trained.model, rows, self.shape)
        return self.in_units(found) if own_units else found

    def in_units(self, samples: Floats) -> Floats:
        """Samples in the units of the data, where the run scaled them."""
        scaling = self.trained.run.scaling
        return samples if scaling is None else scaling.undo(samples)

    def draw(self, samples: Floats, path: Path, what: str, **names: Sequence[str]) -> None:
        """Draw samples, and write the picture."""
        from aespec.uses.generation_picture import columns_for, draw_grid

        run = self.trained.run
        columns = len(names["columns_are"]) if names else columns_for(samples, images=run.images)
        with writing(path.parent):
            draw_grid(
                samples,
                path,
                columns=columns,
                images=run.images,
                features=run.spec.input.columns or run.record["data"]["columns"] or (),
                limits=run.spec.input.range if run.scaling is None else None,
                title=f"{run.spec.name}, {what}",
                **names,
            )

    def save(self, parts: Iterable[Floats], n: int, path: Path | None) -> None:
        """Write so many samples to a file, some at a time, where one is wanted."""
        from aespec.data.export import array_file

        if path is None:
            return
        parts = iter(parts)
        first = next(parts)
        with writing(path.parent), array_file(path, (n, *first.shape[1:]), first.dtype) as write:
            for part in chain([first], parts):
                write(part)

    def fit(self, distribution: Distribution) -> dict[str, int]:
        """To how many samples a distribution was fitted, and of how many; nothing of the prior."""
        count = distribution.samples
        return {"fitted_to": count, "of": len(self.trained.training.inputs)} if count else {}

    def notes(self, distribution: Distribution) -> list[str]:
        """What is to be said of the distribution that codes were drawn from."""
        notes = []
        if fit := self.fit(distribution):
            notes.append(f"fitted to the codes of {fit['fitted_to']:,} of {fit['of']:,} {self.trained.training.what}s")
            if fit["fitted_to"] <= prod(self.shape):
                notes.append("which are fewer than the code has units: all that is drawn lies in the plane of theirs")
        return notes
