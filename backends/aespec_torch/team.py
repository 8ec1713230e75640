"""Several processes that train one model together, as ``torchrun`` starts them: each takes its share of every batch.

Losses are means over the samples of a batch. The mean over all of it is the sum of the processes' means, each times
its share of the samples: gradients come together so in PyTorch's DistributedDataParallel, and with `mean_of_all` so do
those means over a batch that something else is a function of, such as the moments of batch normalization.
"""

from __future__ import annotations

import atexit
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from aespec.backend import LOOK, Team, uncompiled
from aespec.launchers import TORCHRUN, started_by
from aespec_torch.contexts import device
from aespec_torch.model import TorchModel, to_array
from aespec_torch.shares import share, shared
from aespec_torch.training import Found, TorchTrainer

if TYPE_CHECKING:
    from aespec.backend import Array
    from aespec.noise import Noise
    from aespec.plan import TrainingPlan

__all__ = ["TeamTrainer", "exchange", "lost", "team"]


def team() -> Team:
    """Which of how many processes this is; they are brought together when it is first asked.

    Raises:
        AespecError: Processes were started in a way that PyTorch does not take.
    """
    if started_by(TORCHRUN, "torch") == 1:
        return Team()
    if not dist.is_initialized():
        where = device()
        if where.type == "cuda":
            torch.cuda.set_device(where)
        dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
        atexit.register(_leave)  # while what it stands on is still there
    return Team(dist.get_rank(), dist.get_world_size())


def _leave() -> None:
    """Leave the team, unless that is done."""
    if dist.is_initialized():
        dist.destroy_process_group()


def exchange(numbers: Sequence[float]) -> Array:
    """What each process of the team gave here, a row for each."""
    here = team()
    rows = torch.zeros(here.size, len(numbers), dtype=torch.float64, device=device())
    rows[here.rank] = torch.tensor(numbers, dtype=torch.float64)
    dist.all_reduce(rows)
    return to_array(rows)


def lost(error: Exception) -> bool:
    """Whether an error means that another process is gone: of torch's, or of gloo's, which has no type of its own."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


class TeamTrainer(TorchTrainer):
    """A trainer that does its share of each batch."""

    def __init__(self, model: TorchModel, plan: TrainingPlan, samples: int) -> None:
        super().__init__(model, plan, samples)
        self.team = team()
        self._whole = self._slopes
        self._parallel = DistributedDataParallel(_Terms(model), static_graph=True)
        self.note = f"steps shared by {self.team.size} processes ({dist.get_backend()}){uncompiled(plan)}"

    def steps(self, *arguments: Any, **others: Any) -> dict[str, Array]:
        """See `aespec.backend.Trainer.steps`."""
        with warnings.catch_warnings():  # of gradients in channels_last, which are put in order
            warnings.filterwarnings("ignore", "Grad strides do not match")
            return super().steps(*arguments, **others)

    def _step(self, given: list[Tensor], rows: Tensor, rate: float, draws: Mapping[str, Tensor] | None) -> list[Tensor]:
        own = self._own(rows)
        share = len(own) / len(rows)
        # The last batch may be too short for all: a process without a sample does another's, which counts for nothing.
        ours = None if draws is None else {name: self._own(draw) if share else draw[:1] for name, draw in draws.items()}
        with shared(share):
            return [term * share for term in super()._step(given, own if share else rows[:1], rate, ours)]

    def _slopes(self, batch: list[Tensor], draws: Mapping[str, Tensor] | None) -> Found:
        for value in self.values:
            value.grad = None
        with torch.enable_grad(), self._precision():
            terms = self._parallel(batch, draws)
            (terms["total"] * (self.team.size * share())).backward()
        grads = [torch.zeros_like(value) if value.grad is None else value.grad for value in self.values]
        return [term.detach() for term in terms.values()], grads

    def _own(self, rows: Tensor) -> Tensor:
        """This process's part of what a batch has a row for each sample of."""
        return rows[self.team.rank :: self.team.size]

    def _looks(self, step: int) -> bool:
        return step % LOOK == 0

    def _told(self, losses: Tensor) -> Array:
        dist.all_reduce(losses)
        return to_array(losses)

    def _seeds(self, noise: Noise) -> tuple[int, ...]:
        return (*super()._seeds(noise), self.team.rank)

    def _summed(self, batches: Sequence[tuple[Tensor, ...]]) -> Tensor:
        total = super()._summed(batches[self.team.rank :: self.team.size])
        dist.all_reduce(total)
        return total


class _Terms(nn.Module):
    """A model's loss as a module, which is what DistributedDataParallel wraps."""

    def __init__(self, model: TorchModel) -> None:
        super().__init__()
        self.native, self._model = model.native, model

    def forward(self, batch: list[Tensor], draws: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        """See `TorchModel.terms`."""
        return self._model.terms(batch[0], draws, *batch[1:])
