"""What scores are worth: figures by frame, by video and by group; threshold and temperature."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score, roc_curve

from utils.config import FAKE, REAL

# Of verdicts on validation that may be wrong: it takes more to accuse than to clear.
MAX_WRONG = {REAL: 0.10, FAKE: 0.05}

WAYS = ("mean", "log-odds", "majority")  # to join the scores of a video's frames


@dataclass(frozen=True)
class Scores:
    """p_fake of n frames or videos, float in [0, 1], with their labels, 0 real and 1 fake.

    groups: a name for each, such as its data set and method; samples: each frame's number in its
    data set; None where nobody asks.
    """

    p_fake: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None
    samples: np.ndarray | None = None


def join(
    p_fake: np.ndarray, numbers: np.ndarray, way: str = "mean", threshold: float = 0.5
) -> np.ndarray:
    """One score in [0, 1] for each video, in the order of their numbers, from p_fake of its frames
    and the video's number of each, (n,) both.

    'mean': of p_fake; 'log-odds': their mean, as a probability again; 'majority': the share of
    frames with p_fake from the threshold up, to be held against 0.5.
    """
    if way not in WAYS:
        raise ValueError(f"{way!r} is not one of {', '.join(WAYS)}")
    votes = {"mean": p_fake, "log-odds": log_odds(p_fake), "majority": p_fake >= threshold}[way]
    _, inverse = np.unique(numbers, return_inverse=True)
    means = np.bincount(inverse, votes) / np.bincount(inverse)
    return 1 / (1 + np.exp(-means)) if way == "log-odds" else means


def by_video(
    frames: Scores, videos: np.ndarray, way: str = "mean", threshold: float = 0.5
) -> Scores:
    """The joined score of each video's frames; videos (n,) holds each frame's video number."""
    _, first = np.unique(videos, return_index=True)
    groups = None if frames.groups is None else frames.groups[first]
    return Scores(join(frames.p_fake, videos, way, threshold), frames.labels[first], groups)


def metrics(scores: Scores, threshold: float) -> dict:
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
        "confusion": {"tn": int(tn), "fp": int(fp), "fn": int(fn), "tp": int(tp)},
    }


def equal_error_rate(scores: Scores) -> float:
    """Where false-positive and false-negative rate meet, interpolated on the ROC curve."""
    fpr, tpr, _ = roc_curve(scores.labels, scores.p_fake, drop_intermediate=False)
    gap = fpr - (1 - tpr)  # rises from -1 to 1
    after = int(np.argmax(gap >= 0))
    if gap[after] == 0:
        return float(fpr[after])
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(fpr[after - 1] + share * (fpr[after] - fpr[after - 1]))


def by_group(scores: Scores, threshold: float) -> dict[str, dict]:
    """Metrics of each group of fakes against all reals, and of each group of reals alone."""
    result = {}
    for name in sorted(set(scores.groups)):
        members = scores.groups == name
        if (scores.labels[members] == FAKE).any():
            members = members | (scores.labels == REAL)
        result[name] = metrics(Scores(scores.p_fake[members], scores.labels[members]), threshold)
    return result


def choose_threshold(scores: Scores) -> dict[str, float]:
    """The threshold with the best balanced accuracy, and the error rates that it gave.

    Among equals the one nearest 0.5; it lies half way between two scores, so that neither sits on
    it. Without both classes it is 0.5 with unknown rates.
    """
    if len(np.unique(scores.labels)) < 2:
        return {"threshold": 0.5, "false_positive_rate": None, "false_negative_rate": None}
    levels = np.unique(scores.p_fake)
    candidates = np.clip(np.concatenate([[0.5], (levels[1:] + levels[:-1]) / 2]), 1e-6, 1 - 1e-6)
    real, fake = (np.sort(scores.p_fake[scores.labels == label]) for label in (REAL, FAKE))
    fpr = 1 - np.searchsorted(real, candidates) / len(real)
    fnr = np.searchsorted(fake, candidates) / len(fake)
    order = np.lexsort((np.abs(candidates - 0.5), np.round(fpr + fnr, 9)))
    best = order[0]
    return {
        "threshold": float(candidates[best]),
        "false_positive_rate": float(fpr[best]),
        "false_negative_rate": float(fnr[best]),
    }


def log_odds(p_fake: np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(p_fake, np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


def fit_temperature(scores: Scores) -> float:
    """The temperature in [0.05, 20] by which dividing log-odds minimises the log loss.

    Guo et al., ICML 2017. Classes count alike, for validation's share of fakes is not the world's.
    """
    odds = log_odds(scores.p_fake)
    signs = np.where(scores.labels == FAKE, 1.0, -1.0)
    counts = np.bincount(scores.labels, minlength=2)
    if not counts.all():
        return 1.0
    weights = 1 / counts[scores.labels]
    temperatures = np.geomspace(0.05, 20, 400)
    losses = [(weights * np.logaddexp(0, -signs * odds / t)).sum() for t in temperatures]
    return float(temperatures[int(np.argmin(losses))])


def with_temperature(p_fake: np.ndarray, temperature: float) -> np.ndarray:
    """p_fake after dividing its log-odds by the temperature."""
    return 1 / (1 + np.exp(-log_odds(p_fake) / temperature))


@dataclass(frozen=True)
class Calibration:
    """What validation teaches about a model's scores. Rates are None where a class was absent.

    real_below, fake_from: between them too many of its verdicts would have been wrong.
    """

    temperature: float
    threshold: float
    false_positive_rate: float | None
    false_negative_rate: float | None
    real_below: float = 0.0
    fake_from: float = 1.0


def calibrate(frames: Scores, videos: np.ndarray) -> Calibration:
    """Temperature from the frames, then the threshold from the videos' scaled means."""
    temperature = fit_temperature(frames)
    scaled = by_video(scale(frames, temperature), videos)
    chosen = choose_threshold(scaled)
    return Calibration(temperature, **chosen, **decided_ends(scaled, chosen["threshold"]))


def decided_ends(scores: Scores, threshold: float) -> dict:
    """The highest score below which, and the lowest from which, no more than MAX_WRONG of the
    verdicts are wrong, were real and fake equally frequent; 0 and 1 where there is none. Nor are
    more than MAX_WRONG[FAKE] of the reals called fake."""
    real, fake = (np.sort(scores.p_fake[scores.labels == label]) for label in (REAL, FAKE))
    if not len(real) or not len(fake):
        return {"real_below": 0.0, "fake_from": 1.0}
    levels = np.unique(np.append(scores.p_fake, threshold))
    reals = np.searchsorted(real, levels) / len(real)  # the share below each level
    fakes = np.searchsorted(fake, levels) / len(fake)
    low = levels[(levels <= threshold) & (reals > 0) & (fakes <= MAX_WRONG[REAL] * (reals + fakes))]
    reals, fakes = 1 - reals, 1 - fakes
    is_sure = (fakes > 0) & (reals <= MAX_WRONG[FAKE] * np.minimum(1, reals + fakes))
    high = levels[(levels >= threshold) & is_sure]
    return {
        "real_below": float(low.max()) if len(low) else 0.0,
        "fake_from": float(high.min()) if len(high) else 1.0,
    }


def scale(scores: Scores, temperature: float) -> Scores:
    return replace(scores, p_fake=with_temperature(scores.p_fake, temperature))


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


class Outcome:
    """One pass of evaluation with the checkpoint's calibration applied.

    raw and frames: scores of the frames before and after temperature scaling; videos: their means;
    numbers: each frame's video. The metrics are at the checkpoint's threshold.
    """

    def __init__(self, raw: Scores, numbers: np.ndarray, temperature: float, threshold: float):
        self.raw, self.numbers, self.threshold = raw, numbers, threshold
        self.frames = scale(raw, temperature)
        self.videos = by_video(self.frames, numbers)
        self.frame_metrics = metrics(self.frames, threshold)
        self.video_metrics = metrics(self.videos, threshold)
        self.by_method = by_group(self.videos, threshold)


def _ratio(part, whole) -> float | None:
    return float(part / whole) if whole else None
