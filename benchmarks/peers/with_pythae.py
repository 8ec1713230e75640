"""The dense autoencoder with pythae's `AE`: see `packages.py`.

    python benchmarks/peers/with_pythae.py data.npz reconstruction.npy EPOCHS BATCH_SIZE

pythae lets a user give both networks. Its loss is the squared error summed over a sample, which is the mean times 784;
Adam divides such a factor out again but for its epsilon. It copies the model after each epoch that is the best so far.
"""

import json
import sys
import tempfile
from contextlib import redirect_stdout
from time import perf_counter

import numpy as np
import torch
from pythae.models import AE, AEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn


class Encoder(BaseEncoder):
    """784 - 100 - 30."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 30), nn.ReLU())

    def forward(self, x: Tensor) -> ModelOutput:
        """Encode."""
        return ModelOutput(embedding=self.layers(x))


class Decoder(BaseDecoder):
    """30 - 100 - 784."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(30, 100), nn.ReLU(), nn.Linear(100, 784))

    def forward(self, z: Tensor) -> ModelOutput:
        """Decode."""
        return ModelOutput(reconstruction=self.layers(z))


class Clock(TrainingCallback):
    """Times each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, training_config: BaseTrainerConfig, **rest: object) -> None:
        """Start."""
        self.start = perf_counter()

    def on_epoch_end(self, training_config: BaseTrainerConfig, **rest: object) -> None:
        """Stop."""
        self.seconds.append(perf_counter() - self.start)


data, result = sys.argv[1:3]
epochs, batch_size = map(int, sys.argv[3:])
arrays = np.load(data)
model = AE(AEConfig(input_dim=(784,), latent_dim=30), encoder=Encoder(), decoder=Decoder())
clock = Clock()
with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
    config = BaseTrainerConfig(
        output_dir=folder,
        num_epochs=epochs,
        per_device_train_batch_size=batch_size,
        learning_rate=0.001,
        optimizer_cls="Adam",
        no_cuda=True,
    )
    TrainingPipeline(model=model, training_config=config)(train_data=arrays["train"], callbacks=[clock])

with torch.inference_mode():
    np.save(result, model.reconstruct(torch.from_numpy(arrays["held"])).numpy())
parameters = sum(parameter.numel() for parameter in model.parameters())
print(json.dumps({"parameters": parameters, "seconds": clock.seconds, "whole": sum(clock.seconds)}))
