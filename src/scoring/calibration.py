"""What validation teaches about a model's scores: temperature, threshold, where to say nothing."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from scoring.metrics import Scores, by_video, metrics
from scoring.verdict import WAYS, Marks, log_odds
from utils.config import FAKE, REAL

MIN_PART = 50  # videos below which a group, or a range of sharpness, says nothing of its own
Z_95 = 1.645  # one-sided: rates are taken at the upper end of their interval
# A majority is only reported: its scores have no more values than there are frames.
CHOICE = ("mean", "log-odds")
BETTER = 0.002  # of AUC: less than this is no reason to leave the mean


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

    voting: the way of joining frames that told the videos apart best, voting_auc how well each did.
    real_below, fake_from: between them more than max_wrong of the verdicts might be wrong.
    false_alarms: share of the real videos from fake_from up. by_sharpness: the last three again,
    for videos with faces less sharp than below (None in the last: all others).
    """

    temperature: float
    threshold: float
    false_positive_rate: float | None
    false_negative_rate: float | None
    voting: str
    voting_auc: dict
    max_wrong: float
    real_below: float = 0.0
    fake_from: float = 1.0
    false_alarms: float | None = None
    by_sharpness: tuple = ()


def calibrate(frames: Scores, videos: np.ndarray, max_wrong: float) -> Calibration:
    """Temperature from the frames, then from the videos' joined scores everything else."""
    temperature = fit_temperature(frames)
    scaled = {way: by_video(scale(frames, temperature), videos, way) for way in WAYS}
    labels = scaled["mean"].labels
    has_both = len(np.unique(labels)) == 2
    aucs = {way: metrics(videos, 0.5)["auc"] for way, videos in scaled.items()}
    voting = max(CHOICE, key=lambda way: aucs[way] or 0)
    if not has_both or aucs[voting] < aucs["mean"] + BETTER:
        voting = "mean"
    chosen = choose_threshold(scaled[voting])
    ends = decided_ends(scaled[voting], chosen["threshold"], max_wrong)
    return Calibration(
        temperature, **chosen, voting=voting, voting_auc=aucs, max_wrong=max_wrong, **ends
    )


def calibrate_by_sharpness(
    known: Calibration, frames: Scores, videos: np.ndarray, sharpness: np.ndarray, parts: int = 4
) -> Calibration:
    """The same, FAKE as rare under every harm, and with marks of their own for videos by the median
    sharpness of their faces.

    frames: of validation as it is and made worse, the harm as the group; sharpness (n,) of each. A
    part never decides more than all together; where one has too few videos, there are no parts.
    """
    scaled = by_video(scale(frames, known.temperature), videos, known.voting)
    known = hold_under_harms(known, scaled)
    _, inverse = np.unique(videos, return_inverse=True)
    order = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
    medians = np.array([np.median(sharpness[part]) for part in order])
    edges = np.quantile(medians, np.arange(1, parts) / parts)
    places = np.searchsorted(edges, medians, side="right")
    rows = []
    for part in range(parts):
        members = places == part
        if np.bincount(scaled.labels[members], minlength=2).min() < MIN_PART:
            return known
        some = Scores(scaled.p_fake[members], scaled.labels[members])
        ends = decided_ends(some, known.threshold, known.max_wrong)
        ends["real_below"] = min(ends["real_below"], known.real_below)
        ends["fake_from"] = max(ends["fake_from"], known.fake_from)
        real = some.p_fake[some.labels == REAL]
        ends["false_alarms"] = float((real >= ends["fake_from"]).mean())
        rows.append({"below": float(edges[part]) if part < parts - 1 else None} | ends)
    return replace(known, by_sharpness=tuple(rows))


def hold_under_harms(known: Calibration, scores: Scores) -> Calibration:
    """The same, but no more than max_wrong of any group's reals called FAKE; false_alarms are of
    all these reals. The highest of several rates errs on the safe side, without an interval."""
    everybody, *groups = with_groups(scores, REAL)
    if not len(everybody):
        return known
    allowed = [np.sort(part)[-1 - int(known.max_wrong * len(part))] for part in groups]
    fake_from = float(max([known.fake_from, *np.nextafter(allowed, 2)]))
    return replace(known, fake_from=fake_from, false_alarms=(everybody >= fake_from).mean().item())


def with_groups(scores: Scores, label: int) -> list[np.ndarray]:
    """p_fake of all of a class, and of each of its groups that is large enough to judge by."""
    groups = np.zeros(len(scores.labels)) if scores.groups is None else scores.groups
    members = scores.labels == label
    parts = [scores.p_fake[members & (groups == name)] for name in np.unique(groups)]
    return [scores.p_fake[members]] + [part for part in parts if len(part) >= MIN_PART]


def decided_ends(scores: Scores, threshold: float, max_wrong: float) -> dict:
    """Between which scores nothing is decided, so that no more than max_wrong of the verdicts are
    wrong, were real and fake equally frequent; 0 and 1 where there is no such score.

    REAL holds against each group of fakes by itself, and of no group of reals is more than
    max_wrong called fake. Rates of errors are taken at the upper end of their intervals: too few
    videos decide nothing. false_alarms: the share of all reals from fake_from up.
    """
    if len(np.unique(scores.labels)) < 2:
        return {"real_below": 0.0, "fake_from": 1.0, "false_alarms": None}
    reals, fakes = (with_groups(scores, label) for label in (REAL, FAKE))
    levels = np.unique(np.append(scores.p_fake, threshold))
    right = share_below(reals[0], levels)
    wrong = np.max([interval_below(part, levels)[1] for part in fakes], axis=0)
    is_sure = (right > 0) & (wrong <= max_wrong * (right + wrong))
    low = levels[(levels <= threshold) & is_sure]
    alarms = [1 - interval_below(part, levels)[0] for part in reals]
    right, wrong = 1 - share_below(fakes[0], levels), alarms[0]
    is_sure = (right > 0) & (wrong <= max_wrong * (right + wrong))
    is_sure &= np.max(alarms, axis=0) <= max_wrong
    high = levels[(levels >= threshold) & is_sure]
    fake_from = float(high.min()) if len(high) else 1.0
    return {
        "real_below": float(low.max()) if len(low) else 0.0,
        "fake_from": fake_from,
        "false_alarms": float((reals[0] >= fake_from).mean()),
    }


def share_below(p_fake: np.ndarray, levels: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.sort(p_fake), levels) / len(p_fake)


def interval_below(p_fake: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the interval of the share below each level (Wilson, 1927)."""
    share, n = share_below(p_fake, levels), len(p_fake)
    spread = Z_95 * np.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    middle = share + Z_95**2 / (2 * n)
    return (middle - spread) / (1 + Z_95**2 / n), (middle + spread) / (1 + Z_95**2 / n)


def scale(scores: Scores, temperature: float) -> Scores:
    return replace(scores, p_fake=with_temperature(scores.p_fake, temperature))


class Outcome:
    """One pass of evaluation with the checkpoint's calibration applied.

    raw and frames: scores of the frames before and after temperature scaling; videos: joined;
    numbers: each frame's video. The metrics are at the checkpoint's threshold.
    """

    def __init__(self, raw: Scores, numbers: np.ndarray, temperature: float, marks: Marks):
        self.raw, self.numbers, self.marks = raw, numbers, marks
        self.threshold = marks.threshold
        self.frames = scale(raw, temperature)
        self.videos = by_video(self.frames, numbers, marks.voting)

    @cached_property
    def frame_metrics(self) -> dict:
        return metrics(self.frames, self.threshold)

    @cached_property
    def video_metrics(self) -> dict:
        return metrics(self.videos, self.threshold)
