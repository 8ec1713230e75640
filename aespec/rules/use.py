"""Rules about backends (E3), data (E4) and runs (E5)."""

from aespec.diagnostics import Rule


class UnknownBackend(Rule):
    """A name that is no backend.

    A backend turns a spec into a model of one framework. `aespec backends` lists those that are installed and
    says what each can do; packages can add others.
    """

    code = "E301"
    bad = "aespec build stacked.yaml --backend pytorch"
    good = "aespec build stacked.yaml --backend torch"


class BackendUnavailable(Rule):
    """The framework of a backend is not installed, or cannot be imported.

    aespec itself needs no framework: specs are checked and summarized without one. To build or to train a model,
    install the framework of a backend; the message gives the command.
    """

    code = "E302"
    bad = "aespec train stacked.yaml --backend torch"
    good = "pip install 'aespec[torch]'"


class UnsupportedKind(Rule):
    """The backend has no lowering for a kind.

    Each backend says for each kind how it is built. Where that is missing, use another backend, or write the
    lowering: `aespec backends` shows the table of kinds and backends.
    """

    code = "E303"
    bad = "aespec build recurrent.yaml --backend dense_only"
    good = "aespec build recurrent.yaml --backend numpy"


class PluginConflict(Rule):
    """Two packages claim one name.

    Kinds, backends and lowerings come from any package that announces them, and which of two were used would
    depend on the order of installation. Uninstall one of the two packages that the message names.
    """

    code = "E304"
    bad = "pip install aespec-fancy aespec-other   # both bring a layer `fancy_pool`"
    good = "pip uninstall aespec-other"


class BuiltDiffers(Rule):
    """The built model is not the one that the spec describes.

    After a backend has built a model, its weights and their shapes are compared with those of the graph. A
    difference is a mistake of the backend, not of the spec: report it, with the message, to the backend's
    author. `aespec conformance` shows what else the backend gets wrong.
    """

    code = "E305"
    bad = "aespec build stacked.yaml --backend experimental"
    good = "aespec conformance --backend experimental"


class BadLaunch(Rule):
    """Processes that are to train together were not started as their backend takes them.

    PyTorch takes processes that `torchrun` starts, Keras those of the cluster in the variable `TF_CONFIG`, which is the
    same in each but for the `index` of its task. Started in another way, each would train a model of its own, and all
    of them in one folder. All need the same spec, data and checkpoint, which is looked at before the first step.
    """

    code = "E306"
    bad = "torchrun --nproc-per-node 2 -m aespec train stacked.yaml --backend keras"
    good = "torchrun --nproc-per-node 2 -m aespec train stacked.yaml --backend torch"


class TeamLost(Rule):
    """Processes that train together lost one of them.

    Each waits for the others at every step, so that none can go on alone. The checkpoints are whole: the run goes on
    from the last, with as many processes as before, or with one.
    """

    code = "E307"
    bad = "torchrun --nproc-per-node 2 -m aespec train stacked.yaml --backend torch"
    good = "torchrun --nproc-per-node 2 -m aespec train --resume runs/stacked-torch"


class DataNotFound(Rule):
    """There is no such data.

    Data is a file, a folder of images, or the name of a data set that aespec knows. A path counts from the
    folder you are in. Known data sets are downloaded once and kept.
    """

    code = "E401"
    bad = "aespec train stacked.yaml --data fashion_mist"
    good = "aespec train stacked.yaml --data fashion_mnist"


class DataShape(Rule):
    """The data has not the shape that the spec's `input` states.

    The first axis of the data counts samples; the others must be those of `input`, channels last. A `null` in
    `input` fits any length.
    """

    code = "E402"
    bad = 'aespec train stacked.yaml --data images_32x32.npy --set "input=[28, 28]"'
    good = 'aespec train stacked.yaml --data images_32x32.npy --set "input=[32, 32]"'


class DataNotFinite(Rule):
    """The data holds NaN or infinity.

    One such value makes the loss NaN, and with it all weights after one step. The message says how many there
    are and where the first is. Fill in or drop those samples before training.
    """

    code = "E403"
    bad = """
python -c "import numpy; numpy.save('x.npy', [[0.5, numpy.nan]])"; aespec train tiny.yaml --data x.npy
"""
    good = """
python -c "import numpy; numpy.save('x.npy', [[0.5, 0.0]])"; aespec train tiny.yaml --data x.npy
"""


class DataUnreadable(Rule):
    """The data cannot be read.

    The file is damaged, is of a format that aespec does not read, or does not hold what was asked for, such as a column
    of numbers or of that name. Pickled objects inside NumPy files are never loaded, since they can run code: save plain
    arrays of numbers.
    """

    code = "E404"
    bad = "aespec train stacked.yaml --data pickled_objects.npy"
    good = "aespec train stacked.yaml --data images.npy"


class DataRange(Rule):
    """The data lies outside the range that the spec states.

    `range` says between which values samples lie, and a loss such as `binary_crossentropy` relies on it: values
    from 0 to 255 against a sigmoid would train to nothing. Scale the data, or state its range as it is. Bytes,
    which are arrays of dtype uint8, are scaled for you.
    """

    code = "E405"
    bad = "aespec train stacked.yaml --data floats_0_to_255.npy"
    good = "aespec train stacked.yaml --data floats_0_to_1.npy"


class RunUnreadable(Rule):
    """The run folder is missing, incomplete or damaged.

    A run folder holds `spec.yaml`, `weights.safetensors`, `run.json` and `history.csv`. One without weights is still
    being trained, or was interrupted before its last epoch ended: `aespec train --resume RUN` goes on with it. Where it
    has ended and its weights are gone, that writes them again from its checkpoint.
    """

    code = "E501"
    bad = "aespec reconstruct runs/stackd-torch"
    good = "aespec reconstruct runs/stacked-torch"


class WeightsMismatch(Rule):
    """The weights are not those of this model.

    Weights are matched by name and shape, and all of them must fit: a part that silently kept its first values
    would give a model that looks trained and is not. Use the `spec.yaml` of the run that saved them.
    """

    code = "E502"
    bad = "aespec reconstruct runs/conv-torch    # whose spec.yaml was exchanged for another model's"
    good = "aespec reconstruct runs/conv-torch    # as training wrote it"


class LossNotFinite(Rule):
    """The loss, or a value of the model, became NaN or infinite.

    Training stopped, since no later step can mend the weights. Most often the learning rate is too high; also
    look at the range of the data, and at an activation without bounds before a loss that takes a logarithm. Nothing
    is verified of a model that gives such values from the start.
    """

    code = "E503"
    bad = "aespec train stacked.yaml --set training.optimizer.sgd.learning_rate=1e6"
    good = "aespec train stacked.yaml --set training.optimizer.sgd.learning_rate=0.1"


class FolderUnwritable(Rule):
    """A folder or file cannot be written, or stdout.

    The disk is full, the folder belongs to somebody else, or a file stands where a folder is wanted. Files are
    written under a temporary name and renamed when they are whole, so what was there before is still good. What takes
    long, such as training, goes on where stdout alone cannot be written, and says so.
    """

    code = "E505"
    bad = "aespec build stacked.yaml --backend torch -o /proc/stacked"
    good = "aespec build stacked.yaml --backend torch -o models/stacked"


class RunBusy(Rule):
    """Another process is training in this folder.

    Two trainings that wrote into one folder would leave neither. The lock belongs to the process and ends with it,
    however that ends: there is nothing to clean up after a crash.
    """

    code = "E506"
    bad = "aespec train stacked.yaml -o runs/a & aespec train stacked.yaml -o runs/a"
    good = "aespec train stacked.yaml -o runs/a & aespec train stacked.yaml -o runs/b"


class NotThisRun(Rule):
    """The run cannot go on as asked.

    `--resume` goes on with the spec, the data and the precision that the run began with; the number of epochs, the
    learning rate and the backend may be others. The data must be what it was, sample by sample; if it has moved,
    `--data` says where it is.
    """

    code = "E507"
    bad = "aespec train --resume runs/stacked-torch --dtype float64"
    good = "aespec train --resume runs/stacked-torch --epochs 40"


class OtherSweep(Rule):
    """The folder holds another sweep.

    The same command goes on with the trials of a sweep that was cut off, and asks for more of them with a larger
    `--random` or `--optuna`. With another spec, other data, another backend or search the results could not be
    compared, so a folder holds one sweep. Give the new one another folder with `-o`, or say with `--force` that it
    may be replaced.
    """

    code = "E508"
    bad = "aespec sweep stacked.yaml --backend keras --vary training.batch_size=16,32 -o sweeps/stacked-torch"
    good = "aespec sweep stacked.yaml --backend keras --vary training.batch_size=16,32 -o sweeps/stacked-keras"


class BadSweep(Rule):
    """What a sweep is to vary makes no search.

    `--vary PATH=VALUES` takes a path as `--set` has it and a list of values, `16,32,64`, or a range of numbers,
    `0.1..0.5` or `1e-4..1e-1:log`. A range of whole numbers gives whole numbers. A grid tries every value, so that it
    takes lists only; `--random N` and `--optuna N` draw from ranges too. Each path is varied once.
    """

    code = "E509"
    bad = "aespec sweep stacked.yaml --backend torch --vary training.batch_size=16..64"
    good = "aespec sweep stacked.yaml --backend torch --vary training.batch_size=16..64 --random 8"


class TrialFailed(Rule):
    """A trial of a sweep came to no result.

    Its process was killed, as systems do where memory runs out, its framework gave up, or its history lacks what the
    trials are ranked by. The other trials go on, and the same command tries it again. The message has the command that
    trains the trial alone.
    """

    code = "E510"
    bad = "aespec sweep huge.yaml --backend torch --vary training.batch_size=4096,8192 --jobs 8"
    good = "aespec sweep huge.yaml --backend torch --vary training.batch_size=4096,8192 --jobs 2"


class NotVariational(Rule):
    """The code of the model is a point, not a distribution.

    A variational model gives each sample a normal distribution, and training pulls these towards the standard normal,
    the prior: what is drawn from it decodes to a new sample. The codes of another model lie where they lie, so that a
    distribution must first be fitted to them: `--prior gaussian`, or `--prior mixture:10`.
    """

    code = "E511"
    bad = "aespec generate runs/stacked-torch"
    good = "aespec generate runs/stacked-torch --prior mixture:10"


class ModelUnreadable(Rule):
    """The file to import is no model's, or it is damaged.

    Files are read as data, never run: a `.keras` file of Keras 3, or a `.pt2` file, which `torch.export.save` writes.
    What is larger than the model that it describes, or names things outside itself, is not read on.
    """

    code = "E512"
    bad = "aespec import model.h5"
    good = "aespec import model.keras"


class NotExpressible(Rule):
    """A spec cannot say some part of a model that is to be imported.

    A spec has the kinds of layers that `aespec layers` lists, one after the other. Each part that is none of them is
    named, with what would take its place. `--partial` imports the rest: what is left out is then missing in the model.
    Where the rest does not fit together without it, because it changes the shape, it cannot be left out.
    """

    code = "E513"
    bad = "aespec import with_a_lambda.keras -o spec.yaml"
    good = "aespec import with_a_lambda.keras -o spec.yaml --partial"


class RunExists(Rule):
    """The run folder, or the file, exists already.

    A finished run is not overwritten, nor is a spec or code that somebody may have changed. Give the new one another
    name with `-o`, or say with `--force` that the old one may be replaced.
    """

    code = "E504"
    bad = "aespec train stacked.yaml -o runs/stacked-torch"
    good = "aespec train stacked.yaml -o runs/stacked-torch-2"
