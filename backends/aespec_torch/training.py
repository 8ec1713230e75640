"""A model in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from aespec_torch.contexts import mode, seeded
from aespec_torch.model import TorchModel, to_array, to_tensor
from aespec_torch.table import lowerings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.backend import Array
    from aespec.spec import TrainingPlan

__all__ = ["TorchTrainer"]


class TorchTrainer:
    """A `aespec.backend.Trainer`. Noise comes from the plan's seed and the number of the epoch."""

    def __init__(self, model: TorchModel, plan: TrainingPlan) -> None:
        self.model = model
        trained = [parameter for parameter in model.native.parameters() if parameter.requires_grad]
        self.optimizer: torch.optim.Optimizer = lowerings[plan.optimizer](plan.optimizer, trained)
        self._seed, self._epochs = plan.seed, 0

    @torch.enable_grad()
    def epoch(
        self, x: Array, order: NDArray[np.int64], batch_size: int, tick: Callable[[int], None]
    ) -> dict[str, float]:
        """Train once over the samples ``x[order]``. Losses stay tensors until the end: nothing waits for them."""
        self._epochs += 1
        samples, chosen = to_tensor(x), to_tensor(order)
        found: list[dict[str, Tensor]] = []
        sizes = []
        with mode(self.model.native, training=True), seeded(self._seed, self._epochs):
            for start in range(0, len(order), batch_size):
                batch = samples.index_select(0, chosen[start : start + batch_size]).to(self.model.dtype)
                terms = self.model.terms(batch)
                self.optimizer.zero_grad()
                torch.autograd.backward(terms["total"])
                self.optimizer.step()
                found.append({name: term.detach() for name, term in terms.items()})
                sizes.append(len(batch))
                tick(start + len(batch))
            self.optimizer.zero_grad()
        return _mean(found, sizes)

    @torch.inference_mode()
    def evaluate(self, x: Array, batch_size: int) -> dict[str, float]:
        """Each term of the loss and ``total`` outside training, meaned over the samples."""
        with mode(self.model.native, training=False):
            batches = [batch.to(self.model.dtype) for batch in torch.split(to_tensor(x), batch_size)]
            return _mean([self.model.terms(batch) for batch in batches], [len(batch) for batch in batches])


def _mean(found: Sequence[dict[str, Tensor]], sizes: Sequence[int]) -> dict[str, float]:
    """Each term, meaned over samples: a short batch counts for less."""
    losses = {name: to_array(torch.stack([terms[name] for terms in found])) for name in found[0]}
    return {name: float(np.average(values.astype("float64"), weights=sizes)) for name, values in losses.items()}
