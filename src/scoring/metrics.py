"""What scores are worth: figures by frame and by video."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score, roc_curve

from scoring.likelihood import Likelihood, log_odds
from utils.config import FAKE, REAL

AS_THEY_ARE = Likelihood()


@dataclass(frozen=True)
class Scores:
    """p_fake of n frames or videos, float in [0, 1], with their labels, 0 real and 1 fake.

    groups: a name for each, such as its data set and method; samples: each frame's number in its
    data set; pairs: what a fake shares with its own real footage, '' where it is not known; None
    where nobody asks.
    """

    p_fake: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None
    samples: np.ndarray | None = None
    pairs: np.ndarray | None = None

    def of(self, members: np.ndarray | slice) -> "Scores":
        """The same of some of them."""
        return Scores(*(None if part is None else part[members] for part in vars(self).values()))


def by_video(frames: Scores, videos: np.ndarray, likelihood: Likelihood = AS_THEY_ARE) -> Scores:
    """The joined score of each video's frames; videos (n,) holds each frame's video number."""
    _, first = np.unique(videos, return_index=True)
    p_fake = likelihood.of_videos(frames.p_fake, videos)
    return replace(frames.of(first), p_fake=p_fake, samples=None)


def above_own(scores: Scores) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of the fakes whose own real footage is among the scores, of each the share of that
    footage that it scores above, ties half, and how far its log-odds lie above their mean; (m,)
    all."""
    if scores.pairs is None:
        return np.zeros(0, int), np.zeros(0), np.zeros(0)
    numbers, shares, distances = [], [], []
    for number in np.flatnonzero((scores.labels == FAKE) & (scores.pairs != "")):
        own = scores.p_fake[(scores.labels == REAL) & (scores.pairs == scores.pairs[number])]
        if len(own):
            score = scores.p_fake[number]
            numbers.append(number)
            shares.append(((score > own) + 0.5 * (score == own)).mean())
            distances.append(log_odds(score) - log_odds(own).mean())
    return np.array(numbers, int), np.array(shares), np.array(distances)


def paired(scores: Scores) -> dict:
    """The share of fakes scored above their own real footage, their shift, and their number; None
    without any.

    Both share camera, light and page, so that only the forgery can tell them apart. The shift is
    the mean distance of their log-odds in standard deviations of that distance, which moves less by
    chance than the share; None where all distances are equal.
    """
    _, shares, distances = above_own(scores)
    spread = float(distances.std()) if len(distances) else 0.0
    return {
        "share": float(shares.mean()) if len(shares) else None,
        "shift": float(distances.mean()) / spread if spread > 1e-9 else None,
        "n": len(shares),
    }


def metrics(scores: Scores, threshold: float = 0.5) -> dict:
    """Figures in [0, 1] and the confusion counts; fake is the positive class.

    A figure that its denominator leaves undefined is None.
    """
    predicted = (scores.p_fake >= threshold).astype(int)
    tn, fp, fn, tp = confusion_matrix(scores.labels, predicted, labels=[REAL, FAKE]).ravel()
    has_both = len(np.unique(scores.labels)) == 2
    recall, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    return {
        "n": len(scores.labels),
        "accuracy": _ratio(tp + tn, len(scores.labels)),
        "balanced_accuracy": (recall + specificity) / 2 if has_both else None,
        "precision": _ratio(tp, tp + fp),
        "recall": recall,
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "auc": float(roc_auc_score(scores.labels, scores.p_fake)) if has_both else None,
        "average_precision": (
            float(average_precision_score(scores.labels, scores.p_fake)) if has_both else None
        ),
        "eer": equal_error_rate(scores) if has_both else None,
        "cllr": cllr(scores) if has_both else None,
        "cllr_min": cllr(best_calibrated(scores)) if has_both else None,
        "confusion": {"tn": int(tn), "fp": int(fp), "fn": int(fn), "tp": int(tp)},
    }


def equal_error_rate(scores: Scores) -> float:
    """Where false-positive and false-negative rate meet, interpolated on the ROC curve."""
    fpr, tpr, _ = roc_curve(scores.labels, scores.p_fake, drop_intermediate=False)
    return float(np.interp(0, fpr - (1 - tpr), fpr))  # their gap rises from -1 to 1


def cllr(scores: Scores) -> float:
    """The cost of likelihood ratios (Brümmer and du Preez, 2006), p_fake being ratio / (1 + ratio):
    0 where all are right and sure, 1 for ratios of 1, more where they mislead."""
    costs = np.logaddexp(0, np.where(scores.labels == FAKE, -1, 1) * log_odds(scores.p_fake))
    return float(np.mean([costs[scores.labels == n].mean() for n in (REAL, FAKE)]) / np.log(2))


def best_calibrated(scores: Scores) -> Scores:
    """The same in the order of their scores, weighing as well as any such order can: by isotonic
    regression (pool adjacent violators), classes alike."""
    weights = 1 / np.bincount(scores.labels, minlength=2)[scores.labels]
    fit = IsotonicRegression(y_min=0, y_max=1)
    p_fake = fit.fit_transform(scores.p_fake, scores.labels, sample_weight=weights)
    return Scores(p_fake, scores.labels)


def reliability(scores: Scores, bins: int = 10) -> tuple[list[dict], float]:
    """Mean p_fake against the share of fakes in equal bins of p_fake, both classes weighted alike,
    and the expected calibration error: their mean distance, by the weight in the bins."""
    weights = 1 / np.bincount(scores.labels, minlength=2)[scores.labels]
    places = np.minimum((scores.p_fake * bins).astype(int), bins - 1)
    rows = []
    for number in range(bins):
        members = places == number
        if members.any():
            mean = np.average(scores.p_fake[members], weights=weights[members])
            fake = np.average(scores.labels[members], weights=weights[members])
            share = weights[members].sum() / weights.sum()
            rows.append({"weight": float(share), "p_fake": float(mean), "fake": float(fake)})
    return rows, float(sum(row["weight"] * abs(row["p_fake"] - row["fake"]) for row in rows))


def _ratio(part, whole) -> float | None:
    return float(part / whole) if whole else None
