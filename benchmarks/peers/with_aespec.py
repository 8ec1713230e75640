"""The dense autoencoder with aespec: see `packages.py`.

python benchmarks/peers/with_aespec.py torch data.npz reconstruction.npy EPOCHS BATCH_SIZE
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

import aespec

backend, data, result = sys.argv[1:4]
epochs, batch_size = map(int, sys.argv[4:])
arrays = np.load(data)
changes = [f"training.epochs={epochs}", f"training.batch_size={batch_size}"]
spec = aespec.load(Path(__file__).with_name("dense.yaml"), changes)

model = aespec.build(spec, backend=backend)
start = perf_counter()
course = aespec.fit(model, arrays["train"], spec.training)
whole = perf_counter() - start

np.save(result, model.reconstruct(arrays["held"]))
parameters = sum(weight.size for weight in model.weights().values())
print(json.dumps({"parameters": parameters, "seconds": [epoch.seconds for epoch in course], "whole": whole}))
