"""What validation teaches about a model's scores: how they weigh, and from where they decide."""

import math
from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from scoring.likelihood import WEAK, Likelihood, Rate, log_odds, ratio_of
from scoring.metrics import Scores, by_video
from scoring.verdict import Marks
from utils.config import FAKE, REAL

BLENDED = "blended"  # the source of fakes that are blended from validation's own reals
SUBSETS = (1, 2, 3)  # frames of a video that are left, beside all, to learn how few weigh
FRAMES = (0, 0.25, 0.5, 1, 2, 4, 8, 16, 32)  # candidates of Likelihood.frames
NEARLY = 4  # decimals of the log loss: less is no reason to weigh frames more apart
SHARP = (2, 50, 98)  # percentiles of the sharpness that a likelihood refers to
LEAST_SOURCE = 5  # records: sources with fewer count together as one
LEAST_VIDEOS = 20  # of several frames: with fewer, bounds count all records
FALSE_ALARMS, MISSED = 0.03, 0.05  # shares that verdicts may have wrong
LEAST_REALS, LEAST_FAKES = math.ceil(1 / FALSE_ALARMS), math.ceil(1 / MISSED)  # that can show them
LEAST_PART, LEAST_KIND = 50, 15  # reals of a source or harm, fakes of a kind, that count alone
LEAST_CLEARED = 2 * MISSED  # of the reals: as many of some kind of fakes would be no support
Z_95 = 1.96


@dataclass(frozen=True)
class Evidence:
    """Scores of validation, as it is and made worse.

    p_fake: the network's of n frames, with the sharpness of their faces and the number of their
    record, (n,) each. labels, sources, harms: of the m records by number, a video made worse being
    a record of its own; harms '' where it is as it is. The source of a fake is its kind.
    """

    p_fake: np.ndarray
    sharpness: np.ndarray
    numbers: np.ndarray
    labels: np.ndarray
    sources: np.ndarray
    harms: np.ndarray

    def seen(self) -> tuple["Evidence", np.ndarray]:
        """The same of records that have scores alone, numbered in their order; and how many frames
        each has. The sharpness of a frame is the median of its record's."""
        names, numbers, counts = np.unique(self.numbers, return_inverse=True, return_counts=True)
        sharpness = medians(self.sharpness, numbers)
        about = (part[names] for part in (self.labels, self.sources, self.harms))
        return Evidence(self.p_fake, sharpness, numbers, *about), counts


def medians(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """For each value the median of those with its number, (n,)."""
    _, numbers = np.unique(numbers, return_inverse=True)
    return np.array([np.median(part) for part in _parts(values, numbers)])[numbers]


def _parts(values: np.ndarray, numbers: np.ndarray) -> list[np.ndarray]:
    """values of each number from 0 up, in order."""
    order = np.argsort(numbers, kind="stable")
    return np.split(values[order], np.cumsum(np.bincount(numbers))[:-1])


def calibrate(evidence: Evidence) -> Marks:
    known, counts = evidence.seen()
    if len(np.unique(known.labels)) < 2:
        return Marks(Likelihood(slope=0.0, low=1.0, high=1.0))
    likelihood = fit_likelihood(known, counts)
    frames = likelihood.of_frames(known.p_fake, known.sharpness)
    return choose_marks(likelihood, likelihood.of_videos(frames, known.numbers), known, counts)


def fit_likelihood(known: Evidence, counts: np.ndarray) -> Likelihood:
    """Logistic regression on the mean log-odds of some of a video's frames, of 1, 2, 3 and of all,
    with a ridge as heavy as one record; classes and, in a class, sources weighted alike, so that
    the log-odds of its answer are a log-likelihood-ratio.

    What sharpness alone would tell is taken off again: it is validation's choice of videos, no
    trace of forgery. Scores that tell nothing, or the contrary, weigh nothing.
    """
    reals, fakes = (_bounding(known, counts, label) for label in (REAL, FAKE))
    bounds = {"low": min(1.0, 3 / max(fakes, 1)), "high": max(1.0, reals / 3)}
    bounds |= {"reals": reals, "fakes": fakes}
    sharp = np.maximum(known.sharpness, 1e-3)
    lowest, middle, highest = (float(value) for value in np.percentile(sharp, SHARP))
    blur = np.log(np.clip(sharp, lowest, highest) / middle)
    rows = _subsets(log_odds(known.p_fake), known.numbers)
    record, size, odds, share = (np.array(column) for column in zip(*rows, strict=True))
    labels, weights = known.labels[record], _alike(known)[record] * share
    centre, spread = np.average(odds, weights=weights), odds.std() or 1.0
    blur = np.array([part[0] for part in _parts(blur, known.numbers)])[record]
    features = np.stack([np.ones(len(odds)), blur, (odds - centre) / spread], axis=1)
    fits = []
    for frames in FRAMES:
        shrunk = features * (size / (size + frames))[:, None]
        found = _regression(shrunk, labels, weights)
        losses = np.logaddexp(0, np.where(labels == FAKE, -1, 1) * (shrunk @ found))
        loss = round(np.average(losses, weights=weights), NEARLY)
        fits.append((loss, frames, found, _regression(shrunk[:, :2], labels, weights)))
    _, frames, (base, blurred, slope), alone = min(fits, key=lambda fit: fit[:2])
    if slope <= 0:
        return Likelihood(slope=0.0, **bounds)
    offset = float(base - alone[0] - slope * centre / spread)
    weight = float(blurred - alone[1])
    edges = (lowest, middle, highest)
    return Likelihood(float(slope / spread), offset, weight, float(frames), sharp=edges, **bounds)


def _regression(features: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    model = LogisticRegression(solver="newton-cholesky", fit_intercept=False)
    return model.fit(features, labels, sample_weight=weights).coef_[0]


def _subsets(odds: np.ndarray, numbers: np.ndarray) -> list[tuple[int, int, float, float]]:
    """Record, number of frames, their mean and its share of the record's weight, of each subset."""
    rng, rows = np.random.default_rng(0), []
    for record, part in enumerate(_parts(odds, numbers)):
        part = rng.permutation(part)
        sizes = {size for size in SUBSETS if size < len(part)} | {len(part)}
        rows += [(record, n, part[:n].mean(), 1 / len(sizes)) for n in sorted(sizes)]
    return rows


def _alike(known: Evidence) -> np.ndarray:
    """The weight of each record: classes alike, in a class sources alike; their mean is 1."""
    weights, is_clean = np.zeros(len(known.labels)), known.harms == ""
    for label in (REAL, FAKE):
        members = known.labels == label
        names, own = np.unique(known.sources[members], return_inverse=True)
        clean = np.bincount(own[is_clean[members]], minlength=len(names))
        own = np.where(clean[own] < LEAST_SOURCE, len(names), own)
        counts = np.bincount(own)
        weights[members] = 1 / (counts[own] * np.count_nonzero(counts))
    return weights * len(weights) / 2


def _bounding(known: Evidence, counts: np.ndarray, label: int) -> int:
    """How many videos of a class bound the ratio: without blends if there are enough, else all of
    several frames, else all records."""
    members = (known.labels == label) & (known.harms == "")
    videos = members & (counts > 1)
    choices = (videos & (known.sources != BLENDED), videos, members)
    sizes = [int(part.sum()) for part in choices]
    return next((n for n in sizes if n >= LEAST_VIDEOS), sizes[-1])


def choose_marks(
    likelihood: Likelihood, p_fake: np.ndarray, known: Evidence, counts: np.ndarray
) -> Marks:
    """From which ratio FAKE, so that of validation's reals no more than FALSE_ALARMS are, nor of
    those of several frames, of a source, or under a harm; and below which REAL, so that no more
    than MISSED of the fakes are, of any kind; both with weak support at least. Fewer videos than
    can show such a share, or a mark that hardly anything reaches, give no verdict of that name.

    p_fake, counts: of each record, the likelihood's and the number of frames.
    """
    ratios, is_clean, is_several = ratio_of(p_fake), known.harms == "", counts > 1
    reals, fakes = known.labels == REAL, known.labels == FAKE

    def groups(members: np.ndarray, least: int) -> list[np.ndarray]:
        """Ratios of all, and of each source by itself, those of several frames again apart, and
        once more as they are, for a harm that makes all scores faint would hide them."""
        parts = [members, *(members & (known.sources == s) for s in np.unique(known.sources))]
        parts += [part & is_several for part in parts]
        parts += [members & is_several & is_clean]
        return [ratios[members]] + [ratios[p] for p in parts if (p & is_clean).sum() >= least]

    fake_from, real_below = None, 0.0
    if (reals & is_clean).sum() >= LEAST_REALS:
        parts = groups(reals, LEAST_PART)
        harmed = [ratios[reals & (known.harms == name)] for name in np.unique(known.harms)]
        parts += [part for part in harmed if len(part) >= LEAST_PART]
        # The least number that so many of the part, and no more, reach.
        levels = [np.sort(part)[-1 - int(FALSE_ALARMS * len(part) + 1e-9)] for part in parts]
        level = float(max(WEAK, np.nextafter(max(levels), np.inf)))
        fake_from = level if (ratios[fakes] >= level).any() else None
    if (fakes & is_clean).sum() >= LEAST_FAKES:
        parts = groups(fakes, LEAST_KIND)
        levels = [np.sort(part)[int(MISSED * len(part) + 1e-9)] for part in parts]
        real_below = float(min(1 / WEAK, *levels))
        if (ratios[reals] < real_below).mean() < LEAST_CLEARED:
            real_below = 0.0

    def rate(members: np.ndarray, hits: np.ndarray) -> Rate:
        return interval_of(float(hits[members].mean()), max(1, int((members & is_clean).sum())))

    called_fake = ratios >= (np.inf if fake_from is None else fake_from)
    called_real = ratios < real_below
    rates = [rate(of, hits) for of in (reals, fakes) for hits in (called_fake, called_real)]
    return Marks(likelihood, real_below, fake_from, *rates)


def interval_of(share: float, n: int) -> Rate:
    """A share of n, and the ends of its 95 % interval (Wilson, 1927)."""
    spread = Z_95 * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    middle, whole = share + Z_95**2 / (2 * n), 1 + Z_95**2 / n
    return share, max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


@dataclass
class Outcome:
    """One pass of evaluation, weighed as the checkpoint's marks say.

    raw and frames: p_fake of the frames as the network gives it, and calibrated; videos: joined;
    numbers: each frame's video. sharpness: of each frame's face, (n,), or None.
    """

    raw: Scores
    numbers: np.ndarray
    marks: Marks = Marks()
    sharpness: np.ndarray | None = None

    def __post_init__(self):
        p_fake = self.marks.likelihood.of_frames(self.raw.p_fake, self.sharpness)
        self.frames = replace(self.raw, p_fake=p_fake)
        self.videos = by_video(self.frames, self.numbers, self.marks.likelihood)

    def only(self, numbers: np.ndarray) -> "Outcome":
        """The same of some of the videos."""
        members = np.isin(self.numbers, numbers)
        sharpness = None if self.sharpness is None else self.sharpness[members]
        return Outcome(self.raw.of(members), self.numbers[members], self.marks, sharpness)
