"""Pooling by attention."""

from __future__ import annotations

from pydantic import PositiveFloat

from aespec.initializers import GlorotUniform, Initializer
from aespec.layers.arrange import RepeatVector
from aespec.layers.base import Example, Layer, Param, known
from aespec.shapes import Shape, elements, need_rank


class AttentionPool(Layer):
    """The mean of all steps, each weighted by how well it matches a learned query.

    ``y = sum_t w_t x_t``, where ``w = softmax_t(x_t @ query / temperature)``.
    """

    kind = "attention_pool"
    main = "temperature"
    examples = (
        Example(input=(4, 3)),
        Example({"temperature": 0.25}, input=(None, 2)),
        Example({"query_initializer": "zeros"}, input=(3, 2)),
    )

    temperature: PositiveFloat = 1.0
    """How evenly the steps count: near 0 the best match alone, far above 1 all alike."""
    query_initializer: Initializer = GlorotUniform()
    """How the query starts."""

    def infer(self, x: Shape) -> Shape:
        """(steps, features) -> (features,)."""
        need_rank(x, "steps, features", help="`attention_pool` follows a layer that gives a sequence")
        return (known(x, 1, "features"),)

    def params(self, x: Shape) -> dict[str, Param]:
        """Query (features, 1)."""
        return {"query": Param((known(x, 1, "features"), 1), self.query_initializer)}

    def multiply_adds(self, x: Shape) -> int | None:
        """Two a value: for the score of its step, and for the mean."""
        n = elements(x)
        return n and 2 * n

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """The mean, at every step."""
        return (RepeatVector(n=known(x, 0, "steps")),)
