"""Figures of an evaluation and how sure they are: by a bootstrap over groups of people."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.partners import pair_of
from datasets.registry import source_of
from datasets.splits import connected_components
from scoring.calibration import Outcome
from scoring.metrics import Scores, above_own, metrics, paired
from utils.config import FAKE, REAL

SHARES = (0.01, 0.05)  # of reals that may be called fake, where the true-positive rate is asked


@dataclass(frozen=True)
class About:
    """Of each record: label, source, source with method, group of people, and what it shares with
    the footage it was made from, or ''; (n,) each."""

    labels: np.ndarray
    datasets: np.ndarray
    kinds: np.ndarray
    groups: np.ndarray
    pairs: np.ndarray


def about_records(records: list[dict]) -> About:
    return About(
        np.array([record["label"] for record in records]),
        np.array([source_of(record) for record in records]),
        np.array([f"{source_of(record)} {record['method']}" for record in records]),
        people_groups(records),
        np.array([pair_of(record) or "" for record in records]),
    )


def people_groups(records: list[dict]) -> np.ndarray:
    """(n,) the number of each record's component of shared identity: what the bootstrap draws."""
    place = {}
    for number, component in enumerate(connected_components(records)):
        place |= {id(record): number for record in component}
    return np.array([place[id(record)] for record in records])


def bootstrap(
    groups: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], draws: int = 1000
) -> list[float] | None:
    """95 % percentile interval, whole groups drawn with replacement (Efron, 1979).

    statistic takes (k, n), how often each of n items was drawn, and gives (k,), NaN where it is
    undefined. None with fewer than two groups, where most draws leave it undefined, and where all
    agree, as on scores that part the classes cleanly: that says nothing of how far chance goes.
    """
    names, inverse = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return None
    counts = np.random.default_rng(0).multinomial(len(names), [1 / len(names)] * len(names), draws)
    blocks = np.array_split(counts, 1 + draws * len(groups) // 5_000_000)
    values = np.concatenate([statistic(block[:, inverse]) for block in blocks])
    values = values[np.isfinite(values)]
    if len(values) < draws / 2 or np.ptp(values) == 0:
        return None
    return [float(value) for value in np.percentile(values, [2.5, 97.5])]


def aucs(scores: Scores, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve (ties count half) for each row of weights (k, n) of n scores; NaN
    where a class has no weight."""
    order = np.argsort(scores.p_fake, kind="stable")
    starts = np.unique(scores.p_fake[order], return_index=True)[1]
    fake, real = (
        np.add.reduceat(weights[:, order] * (scores.labels[order] == label), starts, axis=1)
        for label in (FAKE, REAL)
    )
    below = np.cumsum(real, axis=1) - real / 2
    pairs = fake.sum(1) * real.sum(1)
    return np.where(pairs > 0, (fake * below).sum(1) / np.maximum(pairs, 1), np.nan)


def rate_at(scores: Scores, fpr: float) -> float | None:
    """True-positive rate at the lowest threshold that calls at most fpr of the reals fake."""
    real = np.sort(scores.p_fake[scores.labels == REAL])[::-1]
    fake = scores.p_fake[scores.labels == FAKE]
    if not len(real) or not len(fake):
        return None
    return float((fake > real[int(fpr * len(real))]).mean())


def measured(scores: Scores, groups: np.ndarray) -> dict:
    """metrics() and the AUC's interval, rates at 0.5 and at allowed false alarms, and the share of
    fakes above their own footage, with its interval."""
    result = metrics(scores)
    result["auc_interval"] = bootstrap(groups, lambda weights: aucs(scores, weights))
    for share in SHARES:
        result[f"tpr_at_{share:.0%}_fpr"] = rate_at(scores, share)
    numbers, shares, _ = above_own(scores)
    result["paired"] = paired(scores) | {"interval": None}
    if len(numbers):
        result["paired"]["interval"] = bootstrap(
            groups[numbers], lambda weights: (weights @ shares) / weights.sum(1)
        )
    counts = result["confusion"]
    reals = counts["fp"] + counts["tn"]
    result["false_positive_rate"] = counts["fp"] / reals if reals else None
    return result


def figures(outcome: Outcome, groups: np.ndarray, members: np.ndarray | None = None) -> dict:
    """Figures by video and by frame; members, (n,) bool, restricts them to some of the records."""
    result = {}
    for unit, scores, numbers in (
        ("video", outcome.videos, np.unique(outcome.numbers)),
        ("frame", outcome.frames, outcome.numbers),
    ):
        taken = slice(None) if members is None else members[numbers]
        result[unit] = measured(scores.of(taken), groups[numbers][taken])
    return result


def by_name(outcome: Outcome, names: np.ndarray, about: About) -> dict[str, dict]:
    """figures() of the records of each name. Fakes alone are measured against the reals of their
    data set, or against all where it has none."""
    is_real = np.zeros(len(names), bool)
    seen = np.unique(outcome.numbers)
    is_real[seen] = about.labels[seen] == REAL
    result = {}
    for name in sorted(set(names[seen])):
        members = names == name
        if not (members & is_real).any():
            own = is_real & np.isin(about.datasets, about.datasets[members])
            members = members | (own if own.any() else is_real)
        result[str(name)] = figures(outcome, about.groups, members)
    return result


def difference(one: Scores, other: Scores, groups: np.ndarray) -> dict:
    """AUC of one minus that of the other on the same items, and its interval: each draw takes the
    same people for both. None where a class is missing."""

    def statistic(weights: np.ndarray) -> np.ndarray:
        return aucs(one, weights) - aucs(other, weights)

    value = float(statistic(np.ones((1, len(one.labels))))[0])
    is_known = np.isfinite(value)
    return {
        "value": value if is_known else None,
        "interval": bootstrap(groups, statistic) if is_known else None,
    }
