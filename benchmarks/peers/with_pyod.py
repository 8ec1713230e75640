"""The dense autoencoder with PyOD's `AutoEncoder`: see `packages.py`.

    python benchmarks/peers/with_pyod.py data.npz reconstruction.npy EPOCHS BATCH_SIZE

Its settings are PyOD's defaults but for what makes the model the same: no batch normalization, dropout, weight decay
or standardization. PyOD has mean squared error only, a linear reconstruction, and no selu. Its `fit` ends by scoring
the training samples, which is not counted.
"""

import json
import sys
from time import perf_counter

import numpy as np
import torch
from pyod.models.auto_encoder import AutoEncoder


class Timed(AutoEncoder):
    """Notes when each epoch ends."""

    def train(self, train_loader: torch.utils.data.DataLoader) -> None:
        """Train."""
        self.marks = [perf_counter()]
        super().train(train_loader)

    def epoch_update(self) -> None:
        """Called after each epoch."""
        super().epoch_update()
        self.marks.append(perf_counter())


data, result = sys.argv[1:3]
epochs, batch_size = map(int, sys.argv[3:])
arrays = np.load(data)
detector = Timed(
    hidden_neuron_list=[100, 30],
    hidden_activation_name="relu",
    batch_norm=False,
    dropout_rate=0,
    preprocessing=False,
    optimizer_params={},
    lr=0.001,
    epoch_num=epochs,
    batch_size=batch_size,
    verbose=0,
)
detector.fit(arrays["train"])

with torch.inference_mode():
    np.save(result, detector.model(torch.from_numpy(arrays["held"])).numpy())
parameters = sum(parameter.numel() for parameter in detector.model.parameters())
seconds = np.diff(detector.marks).tolist()
print(json.dumps({"parameters": parameters, "seconds": seconds, "whole": sum(seconds)}))
