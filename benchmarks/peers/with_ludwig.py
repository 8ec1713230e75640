"""The dense autoencoder with Ludwig: see `packages.py`.

    python benchmarks/peers/with_ludwig.py data.npz reconstruction.npy EPOCHS BATCH_SIZE

Ludwig has no autoencoder as such: here an output feature of vectors is to be what the input feature is, and the code
is its combiner, as its dense encoder makes layers of one width only. It takes vectors as text, which is read before
training and not counted; measuring between epochs, checkpoints and logs are switched off.
"""

import json
import logging
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from ludwig.api import LudwigModel
from ludwig.callbacks import Callback


class Clock(Callback):
    """Times each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_start(self, trainer: object, progress_tracker: object, save_path: str) -> None:
        """Start."""
        self.start = perf_counter()

    def on_epoch_end(self, trainer: object, progress_tracker: object, save_path: str) -> None:
        """Stop."""
        self.seconds.append(perf_counter() - self.start)


def frame(x: np.ndarray) -> pd.DataFrame:
    """The samples as a table."""
    text = [" ".join(map(repr, row)) for row in x.tolist()]
    return pd.DataFrame({"image": text, "restored": text})


data, result = map(Path.absolute, map(Path, sys.argv[1:3]))
epochs, batch_size = map(int, sys.argv[3:])
arrays = np.load(data)
config = {
    "input_features": [
        {
            "name": "image",
            "type": "vector",
            "encoder": {"type": "dense", "num_layers": 1, "output_size": 100, "activation": "relu"},
        }
    ],
    "combiner": {"type": "concat", "fc_layers": [{"output_size": 30, "activation": "relu"}]},
    "output_features": [
        {
            "name": "restored",
            "type": "vector",
            "decoder": {"type": "projector", "fc_layers": [{"output_size": 100, "activation": "relu"}]},
            "loss": {"type": "mean_squared_error"},
        }
    ],
    "trainer": {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": 0.001,
        "optimizer": {"type": "adam"},
        "regularization_type": None,
        "gradient_clipping": None,
        "early_stop": -1,
        "skip_all_evaluation": True,
    },
}
clock = Clock()
# It leaves a file of its own where it runs.
with tempfile.TemporaryDirectory() as folder, chdir(folder), redirect_stdout(sys.stderr):
    model = LudwigModel(config, logging_level=logging.ERROR, callbacks=[clock], backend="local")
    model.train(
        training_set=frame(arrays["train"]),
        output_directory=folder,
        skip_save_processed_input=True,
        skip_save_progress=True,
        skip_save_log=True,
    )
    found, _ = model.predict(dataset=frame(arrays["held"])[["image"]], skip_save_predictions=True)
np.save(result, np.stack(found["restored_predictions"].to_list()).astype("float32"))
parameters = sum(parameter.numel() for parameter in model.model.parameters())
print(json.dumps({"parameters": parameters, "seconds": clock.seconds, "whole": sum(clock.seconds)}))
