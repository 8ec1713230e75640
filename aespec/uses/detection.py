"""Detection: what scores of anomaly say. Thresholds, labels, and how well they agree with the truth.

What is above a threshold is an anomaly; the threshold is a quantile of the scores of normal samples, or of those that
are scored, where some of them are known to be anomalies, or a number that is known from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING, Any

from aespec.data.labels import classes, need_each
from aespec.diagnostics import AespecError, Diagnostic, missing, nearest
from aespec.rules import DataUnreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["Detection", "Ranking", "Threshold", "detection", "ranking", "threshold", "truth_of"]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Threshold:
    """The score above which a sample is an anomaly: a quantile of some scores, or one that was given."""

    value: float
    low: float = -inf
    """Where the quantile lies of what the scores were drawn from, with a confidence of 95 %: at least here,"""
    high: float = inf
    """and at most here; infinite where the scores are too few to tell."""
    quantile: float | None = None
    """Which it is; None for one that was given."""
    samples: int = 0
    """How many scores it is the quantile of."""


def threshold(scores: Array, quantile: float) -> Threshold:
    """A quantile of scores, with the interval that its order statistics give it.

    The interval needs no assumption on how scores are distributed: the number of scores below the true quantile is
    binomial (Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2).

    Args:
        scores: Of normal samples, (n,), or of those of which ``1 - quantile`` are anomalies.
        quantile: Between 0 and 1.
    """
    import numpy as np
    from scipy.stats import binom

    n, ordered = len(scores), np.concatenate([[-np.inf], np.sort(scores), [np.inf]])
    below = int(binom.ppf((1 - CONFIDENCE) / 2, n, quantile))
    above = int(binom.ppf((1 + CONFIDENCE) / 2, n, quantile)) + 1
    value = float(np.quantile(scores, quantile))
    return Threshold(value, float(ordered[below]), float(ordered[min(above, n + 1)]), quantile, n)


@dataclass(frozen=True)
class Detection:
    """What labels are worth, where the truth is known; None stands for a fraction of nothing."""

    found: int
    """Anomalies that are labelled so."""
    missed: int
    """Anomalies that are not."""
    false_alarms: int
    """Normal samples that are labelled anomalies."""
    passed: int
    """Normal samples that are not."""

    @property
    def precision(self) -> float | None:
        """The fraction of anomalies among what is labelled so."""
        return _fraction(self.found, self.found + self.false_alarms)

    @property
    def recall(self) -> float | None:
        """The fraction of the anomalies that is found."""
        return _fraction(self.found, self.found + self.missed)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall."""
        return _fraction(2 * self.found, 2 * self.found + self.false_alarms + self.missed)

    @property
    def false_alarm_rate(self) -> float | None:
        """The fraction of the normal samples that is labelled anomalies."""
        return _fraction(self.false_alarms, self.false_alarms + self.passed)


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def detection(truth: Flags, labelled: Flags) -> Detection:
    """What labels are worth.

    Args:
        truth: Which samples are anomalies, (n,).
        labelled: Which are labelled so, (n,).
    """
    counts = (truth & labelled, truth & ~labelled, ~truth & labelled, ~truth & ~labelled)
    return Detection(*(int(count.sum()) for count in counts))


@dataclass(frozen=True, eq=False)
class Ranking:
    """How well scores tell anomalies from normal samples, whatever the threshold."""

    auroc: float
    """The probability that an anomaly has a higher score than a normal sample: the area under the ROC curve."""
    error: float
    """Its standard error, by the choice of the samples; NaN where they cannot tell it: see `ranking`."""
    average_precision: float
    """The area under the precision-recall curve, as scikit-learn sums it; a random score has `prevalence`."""
    prevalence: float
    """The fraction of anomalies."""
    roc: tuple[Array, Array]
    """The false and the true positive rate at each threshold."""
    precision_recall: tuple[Array, Array]
    """Precision and recall at each threshold."""


def ranking(truth: Flags, scores: Array) -> Ranking | None:
    """How well scores tell anomalies from normal samples; None where all samples are of one kind.

    The standard error of the area is that of DeLong et al. (1988, https://doi.org/10.2307/2531595). It is NaN with
    fewer than two samples of a kind, and where all of a kind rank alike among the other kind, as with an area of 1
    or 0: the estimate is then 0 however few the samples are.

    Args:
        truth: Which samples are anomalies, (n,).
        scores: The higher the more anomalous, (n,).

    Raises:
        AespecError: scikit-learn is missing.
    """
    if truth.all() or not truth.any():
        return None
    metrics = _metrics()
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    false, true, _ = metrics.roc_curve(truth, scores)
    return Ranking(
        auroc=float(metrics.roc_auc_score(truth, scores)),
        error=_area_error(scores[truth], scores[~truth]),
        average_precision=float(metrics.average_precision_score(truth, scores)),
        prevalence=float(truth.mean()),
        roc=(false, true),
        precision_recall=(precision, recall),
    )


def _area_error(anomalies: Array, normal: Array) -> float:
    """The standard error of the area under the ROC curve, from how each score ranks among those of the other kind."""
    import numpy as np
    from scipy.stats import rankdata

    m, n = len(anomalies), len(normal)
    if min(m, n) < 2:
        return float("nan")
    together = rankdata(np.concatenate([anomalies, normal]))
    above = (together[:m] - rankdata(anomalies)) / n
    below = (together[m:] - rankdata(normal)) / m
    return sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n) or float("nan")


def _metrics() -> Any:
    try:
        from sklearn import metrics
    except ImportError:
        raise missing("scikit-learn", "data", "to compare scores with the truth") from None
    return metrics


def truth_of(labels: NDArray[Any], normal: Sequence[str] = (), name: str = "the data") -> Flags:
    """Which samples are anomalies, by their labels.

    Args:
        labels: Of each sample, (n,): a number or a name.
        normal: The labels of normal samples, as text; all others are anomalies. Without any, the labels must be 0 for
            normal samples and 1 for anomalies.
        name: What messages call the data.

    Raises:
        AespecError: One is missing, there is no such label, or without ``normal`` there are others than 0 and 1.
    """
    import numpy as np

    need_each(labels, name)
    known, index = classes(labels)
    text = np.asarray(known)[index]
    if not normal:
        if not np.isin(text, ("0", "1")).all():
            raise AespecError(
                Diagnostic(
                    DataUnreadable,
                    f"the labels of {name} do not say which samples are anomalies",
                    wanted="0 for normal samples and 1 for anomalies",
                    got=_listed(known),
                    help=f"say which labels are normal, as in `--normal {known[0]}`",
                )
            )
        anomalies: Flags = text == "1"
        return anomalies
    for each in normal:
        if each not in known:
            near = nearest(each, known)
            raise AespecError(
                Diagnostic(
                    DataUnreadable,
                    f"no sample of {name} has the label `{each}`",
                    wanted=f"one of {_listed(known)}",
                    got=f"`{each}`",
                    help=f"did you mean `{near}`?" if near else "give labels that are there, separated by commas",
                )
            )
    return ~np.isin(text, [*normal])


def _listed(labels: Sequence[str]) -> str:
    more = f", ... ({len(labels)} in all)" if len(labels) > 12 else ""
    return ", ".join(labels[:12]) + more
