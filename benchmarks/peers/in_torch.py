"""The zoo by hand in PyTorch: modules of stock layers, a `DataLoader`, and the loop of its guides.

The loop is that of pytorch.org's "Training with PyTorch"; models output probabilities and the loss is `BCELoss`, as in
most autoencoder tutorials and in pytorch/examples' `vae`. Convolutions take channels first, as is usual, from samples
that were laid out so beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

__all__ = ["MODELS", "MORE_PARAMETERS", "Peer", "set_threads"]


@dataclass
class Parts:
    """What a training takes."""

    model: nn.Module
    loss: Callable[[Any, Tensor], Tensor]
    optimizer: torch.optim.Optimizer
    samples: Callable[[np.ndarray], Tensor] = torch.from_numpy


def stacked() -> Parts:
    """784 - 100 - 30 - 100 - 784."""
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, 100),
        nn.SELU(),
        nn.Linear(100, 30),
        nn.SELU(),
        nn.Linear(30, 100),
        nn.SELU(),
        nn.Linear(100, 28 * 28),
        nn.Sigmoid(),
        nn.Unflatten(1, (28, 28)),
    )
    return Parts(model, nn.BCELoss(), torch.optim.SGD(model.parameters(), lr=1.5))


class Tied(nn.Module):
    """The stacked one, its decoder using the encoder's weights transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(28 * 28, 100)
        self.code = nn.Linear(100, 30)
        self.hidden_bias = nn.Parameter(torch.zeros(100))
        self.output_bias = nn.Parameter(torch.zeros(28 * 28))

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode."""
        x = F.selu(self.hidden(x.flatten(1)))
        x = F.selu(self.code(x))
        x = F.selu(F.linear(x, self.code.weight.t(), self.hidden_bias))
        return torch.sigmoid(F.linear(x, self.hidden.weight.t(), self.output_bias)).unflatten(1, (28, 28))


def tied() -> Parts:
    """The stacked one with tied kernels."""
    model = Tied()
    return Parts(model, nn.BCELoss(), torch.optim.SGD(model.parameters(), lr=1.5))


class GaussianNoise(nn.Module):
    """Adds normal noise while training."""

    def __init__(self, stddev: float) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return x + self.stddev * torch.randn_like(x) if self.training else x


class MaskingNoise(nn.Module):
    """Sets a fraction of the values to zero while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return x * (torch.rand_like(x) >= self.rate) if self.training else x


def _noisy(noise: nn.Module) -> Parts:
    model = nn.Sequential(
        nn.Flatten(),
        noise,
        nn.Linear(28 * 28, 100),
        nn.SELU(),
        nn.Linear(100, 30),
        nn.SELU(),
        nn.Linear(30, 100),
        nn.SELU(),
        nn.Linear(100, 28 * 28),
        nn.Sigmoid(),
        nn.Unflatten(1, (28, 28)),
    )
    return Parts(model, nn.BCELoss(), torch.optim.SGD(model.parameters(), lr=1.0))


def denoising() -> Parts:
    """The stacked one behind Gaussian noise."""
    return _noisy(GaussianNoise(0.2))


def denoising_dropout() -> Parts:
    """The stacked one behind dropout."""
    return _noisy(nn.Dropout(0.5))


def overcomplete_denoising() -> Parts:
    """784 - 1000 - 784 behind masking noise."""
    model = nn.Sequential(
        nn.Flatten(),
        MaskingNoise(0.33),
        nn.Linear(28 * 28, 1000),
        nn.ReLU(),
        nn.Linear(1000, 28 * 28),
        nn.Sigmoid(),
        nn.Unflatten(1, (28, 28)),
    )
    nn.init.kaiming_normal_(model[2].weight)
    return Parts(model, nn.BCELoss(), torch.optim.Adam(model.parameters()))


class Sparse(nn.Module):
    """784 - 100 - 300 - 100 - 784, which also gives the code, for a penalty."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(28 * 28, 100), nn.SELU(), nn.Linear(100, 300), nn.Sigmoid()
        )
        self.decoder = nn.Sequential(
            nn.Linear(300, 100), nn.SELU(), nn.Linear(100, 28 * 28), nn.Sigmoid(), nn.Unflatten(1, (28, 28))
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The reconstruction and the code."""
        code = self.encoder(x)
        return self.decoder(code), code


def sparse_l1() -> Parts:
    """A code of 300 sigmoids with an l1 penalty."""

    def loss(outputs: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
        reconstruction, code = outputs
        return F.binary_cross_entropy(reconstruction, x) + 1e-3 * code.abs().sum(1).mean()

    model = Sparse()
    return Parts(model, loss, torch.optim.SGD(model.parameters(), lr=1.0))


def sparse_kl() -> Parts:
    """A code of 300 sigmoids that are to be active a tenth of the time."""

    def loss(outputs: tuple[Tensor, Tensor], x: Tensor, target: float = 0.1) -> Tensor:
        reconstruction, code = outputs
        mean = code.mean(0)
        divergence = target * torch.log(target / mean) + (1 - target) * torch.log((1 - target) / (1 - mean))
        return F.binary_cross_entropy(reconstruction, x) + 0.05 / 32 * divergence.sum()

    model = Sparse()
    return Parts(model, loss, torch.optim.SGD(model.parameters(), lr=1.0))


class VariationalAutoencoder(nn.Module):
    """784 - 150 - 100 - 10 and back, shaped as in pytorch/examples."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 150), nn.SELU(), nn.Linear(150, 100), nn.SELU())
        self.mean = nn.Linear(100, 10)
        self.log_var = nn.Linear(100, 10)
        self.decoder = nn.Sequential(
            nn.Linear(10, 100),
            nn.SELU(),
            nn.Linear(100, 150),
            nn.SELU(),
            nn.Linear(150, 28 * 28),
            nn.Sigmoid(),
            nn.Unflatten(1, (28, 28)),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The reconstruction, the means and the log-variances."""
        hidden = self.encoder(x)
        mean, log_var = self.mean(hidden), self.log_var(hidden)
        std = torch.exp(0.5 * log_var)
        return self.decoder(mean + std * torch.randn_like(std)), mean, log_var


def variational() -> Parts:
    """A Gaussian code of 10."""

    def loss(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
        reconstruction, mean, log_var = outputs
        divergence = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp(), dim=1)
        return F.binary_cross_entropy(reconstruction, x) + divergence.mean() / 784

    model = VariationalAutoencoder()
    return Parts(model, loss, torch.optim.RMSprop(model.parameters(), lr=0.001, alpha=0.9))


def conv() -> Parts:
    """Three convolutions with pooling, three transposed ones."""
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.SELU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.SELU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.SELU(),
        nn.MaxPool2d(2),
        nn.ConvTranspose2d(64, 32, 3, stride=2),
        nn.SELU(),
        nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
        nn.SELU(),
        nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
        nn.Sigmoid(),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    return Parts(model, nn.BCELoss(), optimizer, lambda x: torch.from_numpy(x).unsqueeze(1))


def conv1d() -> Parts:
    """Two strided convolutions over time, two transposed ones."""
    model = nn.Sequential(
        nn.Conv1d(6, 32, 7, stride=2, padding=3),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv1d(32, 16, 7, stride=2, padding=3),
        nn.ReLU(),
        nn.ConvTranspose1d(16, 32, 7, stride=2, padding=3, output_padding=1),
        nn.ReLU(),
        nn.ConvTranspose1d(32, 6, 7, stride=2, padding=3, output_padding=1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    return Parts(model, nn.MSELoss(), optimizer, lambda x: torch.from_numpy(x).transpose(1, 2).contiguous())


class Recurrent(nn.Module):
    """LSTMs of 100 and 30, and one of 100 that reads the code 28 times."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = nn.LSTM(28, 100, batch_first=True)
        self.code = nn.LSTM(100, 30, batch_first=True)
        self.writer = nn.LSTM(30, 100, batch_first=True)
        self.row = nn.Linear(100, 28)

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode."""
        x, _ = self.reader(x)
        _, (code, _) = self.code(x)
        x, _ = self.writer(code[-1].unsqueeze(1).repeat(1, 28, 1))
        return torch.sigmoid(self.row(x))


def recurrent() -> Parts:
    """An autoencoder of LSTMs."""
    model = Recurrent()
    return Parts(model, nn.BCELoss(), torch.optim.SGD(model.parameters(), lr=0.1))


class RecurrentGRU(nn.Module):
    """The same with GRUs, the first in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = nn.GRU(28, 50, batch_first=True, bidirectional=True)
        self.code = nn.GRU(100, 30, batch_first=True)
        self.writer = nn.GRU(30, 100, batch_first=True)
        self.row = nn.Linear(100, 28)

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode."""
        x, _ = self.reader(x)
        _, code = self.code(x)
        x, _ = self.writer(code[-1].unsqueeze(1).repeat(1, 28, 1))
        return torch.sigmoid(self.row(x))


def recurrent_gru() -> Parts:
    """An autoencoder of GRUs."""
    model = RecurrentGRU()
    return Parts(model, nn.BCELoss(), torch.optim.SGD(model.parameters(), lr=0.1))


def pca() -> Parts:
    """3 - 2 - 3, linear."""
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 3))
    return Parts(model, nn.MSELoss(), torch.optim.Adam(model.parameters(), lr=0.05, betas=(0.9, 0.95)))


def oneclass() -> Parts:
    """784 - 128 - 32 - 128 - 784, a linear code."""
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, 128),
        nn.ReLU(),
        nn.Linear(128, 32),
        nn.Linear(32, 128),
        nn.ReLU(),
        nn.Linear(128, 28 * 28),
        nn.Sigmoid(),
        nn.Unflatten(1, (28, 28)),
    )
    return Parts(model, nn.BCELoss(), torch.optim.Adam(model.parameters()))


MODELS: dict[str, Callable[[], Parts]] = {
    model.__name__: model
    for model in (
        conv,
        conv1d,
        denoising,
        denoising_dropout,
        oneclass,
        overcomplete_denoising,
        pca,
        recurrent,
        recurrent_gru,
        sparse_kl,
        sparse_l1,
        stacked,
        tied,
        variational,
    )
}
"""By the name of the spec in the zoo."""

MORE_PARAMETERS = {"recurrent": 4 * (100 + 30 + 100)}
"""What a model has beyond the spec's: PyTorch's LSTM has two biases for each gate."""


class Peer:
    """A model in training."""

    def __init__(self, name: str, x: np.ndarray, batch_size: int) -> None:
        self.parts = MODELS[name]()
        self.parameters = sum(parameter.numel() for parameter in self.parts.model.parameters())
        self.loader = DataLoader(TensorDataset(self.parts.samples(x)), batch_size=batch_size, shuffle=True)

    def epoch(self) -> tuple[float, float]:
        """Train once over the samples; its seconds and its mean loss."""
        start, total = perf_counter(), 0.0
        model, loss_function, optimizer = self.parts.model, self.parts.loss, self.parts.optimizer
        model.train()
        for (batch,) in self.loader:
            optimizer.zero_grad()
            loss = loss_function(model(batch), batch)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return perf_counter() - start, total / len(self.loader)


def set_threads(count: int) -> None:
    """Let PyTorch use so many threads, for both sides."""
    torch.set_num_threads(count)
