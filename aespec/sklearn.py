"""Autoencoders for scikit-learn: a spec's model as a transformer and an outlier detector.

    from aespec.sklearn import Autoencoder

    codes = Autoencoder("specs/stacked.yaml", epochs=5).fit_transform(images)

It keeps scikit-learn's conventions (https://scikit-learn.org/stable/developers/develop.html), and has the fitted
attributes of PyOD's detectors.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from functools import cached_property
from math import isqrt, prod
from numbers import Real
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_array, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("aespec.sklearn needs scikit-learn 1.6 or later: pip install 'aespec[data]'") from error

from aespec.apply import codes, reconstructions
from aespec.building import build
from aespec.course import Built, follow
from aespec.course import build as build_to_train
from aespec.data import fitting, load_for
from aespec.data.files import Raw
from aespec.data.scaling import Scaling
from aespec.data.streams import batches
from aespec.diagnostics import AespecError, Diagnostic
from aespec.history import read
from aespec.layers.base import Weighted
from aespec.rules import DataShape, MissingField
from aespec.run import open_run
from aespec.shapes import show_shape
from aespec.spec import Spec, load, parse
from aespec.training import split
from aespec.uses.anomaly import errors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples
    from aespec.shapes import Shape

    Array = NDArray[np.floating[Any]]

__all__ = ["Autoencoder", "table_spec"]


def table_spec(features: int, dtype: str = "float32") -> Spec:
    """The spec of an autoencoder for tables: one hidden layer on each side of a code of ``sqrt(features)`` numbers.

    Features are scaled to a mean of 0 and a deviation of 1. All samples are trained on, none is held out.
    """
    hidden = {"units": min(max(features, 16), 256), "activation": "selu"}
    return parse(
        {
            "input": {"shape": [features], "scaling": "standard"},
            "encoder": [{"dense": hidden}, {"dense": {"units": isqrt(features)}}],
            "decoder": "mirror",
            "loss": "mse",
            "training": {
                "optimizer": {"adam": 0.01},
                "schedule": "cosine",
                "epochs": 100,
                "batch_size": 32,
                "validation_split": 0,
                "dtype": dtype,
            },
        }
    )


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OutlierMixin, BaseEstimator):
    """An autoencoder as a transformer to its code, and as a detector of outliers, which it restores badly.

    Parameters that are None leave to the spec what they say. What a spec says of files (``columns``, ``label``,
    ``stride``, ``window``) is not looked at, since samples come as arrays. All of ``X`` is trained on but for the
    spec's ``validation_split``, its last rows.

    Args:
        spec: The path of a spec, its text, a mapping or a `aespec.Spec`; by default `table_spec` of X's features, in
            X's precision.
        backend: The backend that trains and computes.
        overrides: Values for places in the spec, such as ``{"encoder.1.dense.units": 64}``; see ``--set``.
        code_size: The ``units`` of the encoder's last layer that has such.
        epochs: Times that all training samples are seen.
        batch_size: Samples a step.
        learning_rate: The optimizer's.
        scaling: How each feature is scaled, as found on the samples that are trained on: ``"standard"``, ``"minmax"``,
            None for not at all, or ``"auto"`` for what the spec says.
        contamination: The share of the samples in ``fit`` that are taken for outliers, in (0, 0.5], which settles the
            threshold; or ``"auto"``, for errors beyond Tukey's upper fence: the third quartile of the errors of those
            samples, and one and a half times the distance between their quartiles (Tukey, Exploratory Data Analysis,
            1977).
        random_state: A seed or a generator, for the first weights, the order of batches and noise. None is the seed
            that the spec has, and without a spec another one in each fit.

    Attributes:
        spec_: The spec that was trained, with all that the parameters changed in it.
        model_: The `aespec.backend.Model`; ``model_.native`` is the framework's own.
        n_features_in_: The number of columns of ``X``.
        feature_names_in_: What they are called, where ``X`` was a data frame.
        n_iter_: The number of epochs.
        loss_curve_: The training loss of each epoch.
        history_: A row for each epoch: each term of the loss, of training and as ``val_`` of validation, the learning
            rate, the seconds. ``pandas.DataFrame(history_)`` makes a table of it.
        offset_: What `decision_function` takes from `score_samples`.
        decision_scores_: The error of each sample in ``fit``: the higher the more abnormal, as in PyOD.
        threshold_: The error above which a sample is an outlier, ``-offset_``.
        labels_: Which of the samples in ``fit`` are outliers: 1 where they are, else 0, as in PyOD.
    """

    def __init__(
        self,
        spec: str | PathLike[str] | Mapping[str, Any] | Spec | None = None,
        *,
        backend: str = "torch",
        overrides: Mapping[str, Any] | None = None,
        code_size: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        scaling: Literal["auto", "standard", "minmax"] | None = "auto",
        contamination: float | Literal["auto"] = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.spec = spec
        self.backend = backend
        self.overrides = overrides
        self.code_size = code_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.scaling = scaling
        self.contamination = contamination
        self.random_state = random_state

    @classmethod
    def from_run(
        cls, folder: str | PathLike[str], *, backend: str | None = None, contamination: float | Literal["auto"] = "auto"
    ) -> Self:
        """The fitted estimator of a run folder.

        The run's own training samples settle the threshold, so they are read again.

        Args:
            folder: The run's folder.
            backend: What is to compute; by default what trained it.
            contamination: See the class.

        Raises:
            AespecError: The run is damaged or unfinished, or its data is not there any more.
            ValueError: The contamination is none.
        """
        run = open_run(folder)
        training = run.data().training
        for warning in training.warnings:
            warnings.warn(warning, stacklevel=2)
        x = training.inputs
        found = cls(run.spec, backend=backend or run.record["backend"], contamination=contamination)
        found._check_parameters()
        found.n_features_in_ = prod(x.shape[1:])
        columns = run.record["data"]["columns"]
        if columns and len(columns) == found.n_features_in_:
            found.feature_names_in_ = np.asarray(columns, dtype=object)
        history = read(run.folder)
        told = zip(history.phases, history.rows, strict=True)
        rows = [{"phase": phase, **row, "epoch": int(row["epoch"])} for phase, row in told]
        return found._settle(run.spec, run.model(backend), run.scaling, rows, x)

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train the model on samples.

        Args:
            X: Samples, (n, features). Features are brought into the shape of the spec's input, row by row; a spec
                whose input has several axes takes samples of that shape too.
            y: Not looked at.

        Raises:
            AespecError: The spec or the backend are wrong, the samples do not fit the spec, or the loss stopped being
                finite.
            ValueError: ``X`` is no table of finite numbers with two rows or more, or a parameter is out of its bounds.
        """
        self._check_parameters()
        given, axes = self._rows(X)
        rows = validate_data(self, given, dtype=[np.float64, np.float32], ensure_min_samples=2)
        spec = self._resolved(rows)
        built = build_to_train(spec, backend=self.backend)
        seen, held, scaling = _prepared(rows, axes, spec, built)
        epochs = follow(built, spec.training, seen, held)
        whole = seen if spec.training.validation_data else np.concatenate([seen, np.asarray(held)])
        return self._settle(spec, built.model, scaling, [epoch.row for epoch in epochs], whole)

    def transform(self, X: ArrayLike) -> Array:
        """The code of each sample, (n, numbers in a code); of a Gaussian code its mean."""
        found = codes(self.model_, self._samples(X))
        return found.reshape(len(found), -1)

    def inverse_transform(self, X: ArrayLike) -> Array:
        """What the decoder makes of codes, (n, features), in the units of the samples."""
        check_is_fitted(self)
        given = check_array(X, dtype=self.spec_.training.dtype)
        if given.shape[1] != self._n_features_out:
            raise ValueError(f"X has {given.shape[1]} features, but a code has {self._n_features_out}.")
        given = given.reshape(-1, *self._code)
        found = np.concatenate([self.model_.decode(batch) for batch in batches(given)])
        if self._scaling is not None:
            found = self._scaling.undo(found)
        return found.reshape(len(found), -1)

    def feature_errors(self, X: Any) -> Any:
        """The squared error of each feature of each sample, (n, features); a data frame where ``X`` is one.

        Errors are measured as the model sees the features, after scaling, so that they can be compared. Their mean
        over a sample is the negative of its `score_samples`.
        """
        x = self._samples(X)
        found = ((x.astype("float64") - reconstructions(self.model_, x)) ** 2).reshape(len(x), -1)
        if hasattr(X, "iloc") and hasattr(self, "feature_names_in_"):
            import pandas as pd

            return pd.DataFrame(found, columns=self.feature_names_in_, index=X.index)
        return found

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """The negative mean squared error of each sample, (n,): the lower, the more abnormal."""
        return -errors(self.model_, self._samples(X))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """`score_samples` less `offset_`, (n,): negative for outliers. PyOD's has the opposite sign."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """-1 for outliers and 1 for other samples, (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """The mean of `score_samples`, by which searches of parameters compare models of the same scaling."""
        return float(self.score_samples(X).mean())

    @property
    def model_(self) -> Model:
        """The trained model."""
        check_is_fitted(self)
        return self._trained.model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"] if self.spec is None else []
        return tags

    @property
    def _n_features_out(self) -> int:
        """The numbers in a code, which scikit-learn names."""
        return prod(self._code)

    def _check_parameters(self) -> None:
        """Refuse what no spec would.

        Raises:
            ValueError: The contamination or the scaling is none.
        """
        share = self.contamination
        if share != "auto" and not (isinstance(share, Real) and 0 < share <= 0.5):
            raise ValueError(f"contamination must be 'auto' or a share in (0, 0.5], not {share!r}.")
        if self.scaling not in ("auto", "standard", "minmax", None):
            raise ValueError(f"scaling must be 'auto', 'standard', 'minmax' or None, not {self.scaling!r}.")

    def _resolved(self, rows: Array) -> Spec:
        """The spec with all that the parameters change in it."""
        given = table_spec(rows.shape[1], rows.dtype.name) if self.spec is None else self.spec
        spec = _read(given, [f"{path}={_flow(value)}" for path, value in (self.overrides or {}).items()])
        data = spec.to_data()
        plan = data["training"]
        if self.code_size is not None:
            place = _coding(spec)
            data["encoder"][place][spec.encoder[place].kind]["units"] = self.code_size
        if self.epochs is not None:
            plan["epochs"] = self.epochs
        if self.batch_size is not None:
            plan["batch_size"] = self.batch_size
        if self.learning_rate is not None:
            plan["optimizer"][spec.training.optimizer.kind]["learning_rate"] = self.learning_rate
        if self.scaling != "auto":
            data["input"]["scaling"] = self.scaling
        if self.random_state is not None or self.spec is None:
            plan["seed"] = check_random_state(self.random_state).randint(2**31 - 1)
        return parse(data)

    def _settle(
        self, spec: Spec, model: Model, scaling: Scaling | None, rows: list[dict[str, Any]], x: Samples
    ) -> Self:
        """Take what training came to, and the threshold from the samples that were given to it."""
        self.spec_, self.history_ = spec, rows
        self._trained, self._scaling = _Trained(spec, self.backend, model), scaling
        self._shape = tuple(x.shape[1:])
        self._code = model.encode(np.asarray(x[:1])).shape[1:]
        self.loss_curve_ = [row["total"] for row in rows if not row["phase"]]
        self.n_iter_ = len(self.loss_curve_)
        self.decision_scores_ = errors(model, x)
        self.threshold_ = _threshold(self.decision_scores_, self.contamination)
        self.offset_ = -self.threshold_
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(int)
        return self

    def _rows(self, X: Any) -> tuple[Any, tuple[int, ...] | None]:
        """Samples as rows, and the axes of one where it has several, as only a spec can have them."""
        axes = tuple(getattr(X, "shape", ()))[1:]
        if self.spec is None or len(axes) < 2:
            return X, None
        return np.asarray(X).reshape(len(X), -1), axes

    def _samples(self, X: ArrayLike) -> Array:
        """Samples as the model takes them."""
        check_is_fitted(self)
        given, axes = self._rows(X)
        if axes not in (None, self._shape):
            raise AespecError(
                Diagnostic(
                    DataShape,
                    "the samples have not the shape of those that the model was trained on",
                    wanted=f"samples of {show_shape(self._shape)}, or rows of {self.n_features_in_} features",
                    got=f"samples of {show_shape(axes)}",
                    help="bring them into that shape, or into rows with `X.reshape(len(X), -1)`",
                )
            )
        dtype = self.spec_.training.dtype
        rows = validate_data(self, given, reset=False, dtype="float64" if self._scaling else dtype)
        x: Array = rows.reshape(len(rows), *self._shape)
        return x if self._scaling is None else np.asarray(self._scaling.apply(x, dtype, "X"))


class _Trained:
    """A trained model, which is pickled as its spec, its backend and its weights, and built again when it is used."""

    weights: Mapping[str, Array]
    """Those to build the model with, where it is not built."""

    def __init__(self, spec: Spec, backend: str, model: Model) -> None:
        self.spec, self.backend, self.model = spec, backend, model

    @cached_property
    def model(self) -> Model:
        """The model, here after unpickling."""
        built = build(self.spec, backend=self.backend, dtype=self.spec.training.dtype)
        built.load_weights(self.weights)
        return built

    def __getstate__(self) -> dict[str, Any]:
        built: Model | None = self.__dict__.get("model")
        return {
            "spec": self.spec,
            "backend": self.backend,
            "weights": self.weights if built is None else built.weights(),
        }


def _read(spec: Any, assignments: list[str]) -> Spec:
    """The spec that a parameter stands for."""
    if isinstance(spec, Spec):
        return parse(spec.to_data(), assignments) if assignments else spec
    if isinstance(spec, str) and (": " in spec or "\n" in spec or spec.lstrip().startswith("{")):
        return parse(spec, assignments)
    if isinstance(spec, str | PathLike):
        return load(fspath(spec), assignments)
    if isinstance(spec, Mapping):
        return parse(spec, assignments)
    raise TypeError(f"spec must be a path, YAML, a mapping or an aespec.Spec, not {type(spec).__name__}.")


def _flow(value: Any) -> str:
    """A value as it stands behind ``--set PATH=``: JSON, which is YAML too."""
    return json.dumps(value, default=lambda number: number.tolist())


def _coding(spec: Spec) -> int:
    """The place in the encoder of the layer that gives the code its width.

    Raises:
        AespecError: It has no ``units``.
    """
    for place, layer in reversed([*enumerate(spec.encoder)]):
        if "units" in type(layer).model_fields:
            return place
        if any(isinstance(each, Weighted) for each in (layer, *dict(layer).values())):  # it, or what it wraps
            break
    raise AespecError(
        Diagnostic(
            MissingField,
            "`code_size` is the `units` of the encoder's last layer with a kernel, which has none",
            wanted="a `dense`, an `lstm`, a `gru` or a `gaussian_latent`",
            got=f"`{layer.kind}`",
            help="vary what decides the code with `overrides`, such as the `filters` of a convolution",
        )
    )


def _arranged(rows: Array, shape: Shape) -> Array:
    """Rows in the shape of a spec's input, where their length allows it."""
    known = prod(n for n in shape if n is not None)
    unknown = shape.count(None)
    if unknown > 1 or rows.shape[1] % known or (not unknown and rows.shape[1] != known):
        return rows
    return rows.reshape(len(rows), *(-1 if n is None else n for n in shape))


def _prepared(
    rows: Array, axes: tuple[int, ...] | None, spec: Spec, built: Built
) -> tuple[Array, Samples, Scaling | None]:
    """Samples to train on and to measure the loss on, as the model takes them, and how they were scaled.

    Raises:
        AespecError: They do not fit the spec.
    """
    plan, way, graph = spec.training, spec.input.scaling, built.model.graph
    x = _arranged(rows, graph.sample_shape) if axes is None else rows.reshape(len(rows), *axes)
    if len(graph.sample_shape) == 2 and x.shape[1:] == graph.sample_shape[1:] and x.shape != graph.sample_shape:
        _refuse_series(graph.sample_shape, spec.input.stride or 1)
    x, _ = fitting.fit(
        Raw(x),
        "X",
        graph.sample_shape,
        spec.input.range if way is None else None,
        plan.dtype if way is None else "float64",
        within_unit=graph.unit_loss is not None and way is None,
    )
    fraction = 0.0 if plan.validation_data else plan.validation_split
    seen, held = split(x, fraction, "X")
    scaling = None
    if way is not None:
        scaling = Scaling.fit(seen, way, spec.input.range or (0.0, 1.0), "X")
        seen, held = (scaling.apply(part, plan.dtype, "X") for part in (seen, held))
    if plan.validation_data:
        held = load_for(spec, graph, plan.validation_data, "train", plan.dtype, scaling=scaling).inputs
    return np.asarray(seen), held, scaling


def _refuse_series(shape: Shape, stride: int) -> NoReturn:
    """Refuse one long series, which a stride would have cut in a file."""
    windows = f"numpy.lib.stride_tricks.sliding_window_view(X, {shape[0]}, axis=0)[::{stride}].swapaxes(1, 2)"
    raise AespecError(
        Diagnostic(
            DataShape,
            "X is one long series, and the estimator takes windows: it does not look at `stride`",
            wanted=f"windows of shape {show_shape(shape)}, in an array of three axes",
            got=f"steps of shape {show_shape(shape[1:])}",
            help=f"cut the windows yourself: `{windows}`",
        )
    )


def _threshold(scores: NDArray[np.float64], contamination: float | Literal["auto"]) -> float:
    """The error above which a sample is an outlier; see `Autoencoder`."""
    if contamination != "auto":
        return float(np.quantile(scores, 1 - contamination))
    lower, upper = np.quantile(scores, [0.25, 0.75])
    return float(upper + 1.5 * (upper - lower))
