"""What a face's scores do over time: votes, runs of FAKE frames, agreement, drift."""

from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from scoring.likelihood import log_odds, probability

FAKE, REAL = "FAKE", "REAL"


@dataclass(frozen=True)
class Run:
    """Frames in a row that vote FAKE: their number, first and last second, and the p_fake of one
    frame that weighs as they do on average."""

    frames: int
    start: float
    end: float
    p_fake: float


def frame_vote(p_fake: float) -> str:
    """FAKE from 0.5 on, where a score is as frequent on fakes as on reals."""
    return FAKE if p_fake >= 0.5 else REAL


def fake_runs(p_fake: list[float | None], seconds: list[float]) -> list[Run]:
    """Runs of frames that vote FAKE, in order; frames without the face do not end one."""
    seen = [(p, second) for p, second in zip(p_fake, seconds, strict=True) if p is not None]
    runs = []
    for vote, members in groupby(seen, lambda pair: frame_vote(pair[0])):
        if vote == FAKE:
            scores, times = zip(*members, strict=True)
            mean = float(probability(log_odds(scores).mean()))
            runs.append(Run(len(times), times[0], times[-1], mean))
    return runs


def consistency(p_fake: list[float]) -> list[float]:
    """For each usable frame, 1 - its distance from the mean of all, in [0, 1]."""
    mean = np.mean(p_fake)
    return [float(1 - abs(score - mean)) for score in p_fake]


def neighbour_agreement(p_fake: list[float]) -> float | None:
    """Share of neighbouring usable frames that vote alike; None with fewer than two."""
    pairs = list(pairwise(map(frame_vote, p_fake)))
    return sum(a == b for a, b in pairs) / len(pairs) if pairs else None


def drift(p_fake: list[float]) -> float | None:
    """Mean p_fake of the second half of the usable frames minus that of the first, in [-1, 1];
    None with fewer than four."""
    half = len(p_fake) // 2
    return float(np.mean(p_fake[-half:]) - np.mean(p_fake[:half])) if len(p_fake) >= 4 else None
