# What the commands of the tour are given: files and runs that a user has. Run by `refresh.py`, in the folder of a page.
set -euo pipefail

printf '%s\n' 'input: [784]' 'encoder:' '  - dropout: 0.2' '  - dens: {units: 100, activation: selu}' 'decoder: mirror' > broken.yaml

python - << 'END'
import numpy as np

random = np.random.default_rng(0)
for name, steps in ("sensors", 2000), ("new", 500):
    series = np.sin(np.arange(steps)[:, None] / (5, 8, 13)) + random.normal(0, 0.05, (steps, 3))
    np.savetxt(f"{name}.csv", series, "%.4f", ",", header="pressure,flow,heat", comments="")
END

mkdir before && aespec new --from sensors.csv -o before/sensors.yaml > /dev/null
for run in "specs/conv.yaml torch digits" "before/sensors.yaml torch sensors.csv" "specs/sparse_kl.yaml torch digits" "specs/denoising.yaml torch digits" \
  "specs/pca.yaml keras plane" "specs/variational.yaml keras digits"; do
  read -r spec backend data <<< "$run"
  aespec train "$spec" --backend "$backend" --data "$data" --epochs 1 --quiet
done
aespec build specs/stacked.yaml --backend keras -o built > /dev/null
cp built/*.keras model.keras
