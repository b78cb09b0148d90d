"""From the scores of frames to votes, confidence and a verdict that may be INCONCLUSIVE."""

from dataclasses import dataclass

import numpy as np

from utils.config import VerdictConfig

FAKE, REAL, INCONCLUSIVE = "FAKE", "REAL", "INCONCLUSIVE"


@dataclass(frozen=True)
class Verdict:
    """The judgement of one video.

    outcome: FAKE, REAL or INCONCLUSIVE. p_fake: mean over usable frames in [0, 1], or None.
    confidence: probability of the class that the outcome names, relative to the threshold; None
    when INCONCLUSIVE.
    agreement: share of usable frames on the majority's side. reasons: why it is INCONCLUSIVE.
    """

    outcome: str
    p_fake: float | None
    confidence: float | None
    fake_votes: int
    real_votes: int
    agreement: float | None
    reasons: tuple[str, ...] = ()


def frame_vote(p_fake: float, threshold: float) -> str:
    return FAKE if p_fake >= threshold else REAL


def relative(p_fake: float, threshold: float) -> float:
    """p_fake moved along the log-odds so that the threshold falls on 0.5; in [0, 1].

    What is said of confidence and of nearness refers to this, whatever threshold was learned.
    """
    fake, real = p_fake * (1 - threshold), (1 - p_fake) * threshold
    return fake / (fake + real)


def undecided_range(
    threshold: float, measured: tuple[float, float], config: VerdictConfig
) -> tuple[float, float]:
    """p_fake between which nothing is decided: near the threshold, and where validation says so."""
    low, high = (relative(0.5 + side * config.band, 1 - threshold) for side in (-1, 1))
    return min(low, measured[0]), max(high, measured[1])


def judge(
    p_fake: list[float | None],
    threshold: float,
    config: VerdictConfig,
    measured: tuple[float, float] | None = None,
    is_image: bool = False,
    caveat: str | None = None,
) -> Verdict:
    """Judge a video from p_fake of its sampled frames, None for a frame without a face.

    measured: the checkpoint's undecided range, where it has one. An image is judged on its one
    frame. A caveat, such as untrained weights, forbids a verdict.
    """
    usable = [score for score in p_fake if score is not None]
    if not usable:
        reason = "no face found" if is_image else "no face found in any sampled frame"
        return Verdict(INCONCLUSIVE, None, None, 0, 0, None, (reason,))
    mean = float(np.mean(usable))
    fake_votes = sum(frame_vote(score, threshold) == FAKE for score in usable)
    real_votes = len(usable) - fake_votes
    agreement = max(fake_votes, real_votes) / len(usable)
    outcome = frame_vote(mean, threshold)
    with_verdict = (fake_votes if outcome == FAKE else real_votes) / len(usable)

    reasons = [caveat] if caveat else []
    if len(usable) < config.min_frames and not is_image:
        reasons.append(
            f"too few usable frames ({len(usable)} with a face, {config.min_frames} needed)"
        )
    if with_verdict < config.min_agreement:
        reasons.append(f"frames disagree ({fake_votes} vote FAKE, {real_votes} vote REAL)")
    clear = relative(mean, threshold)
    low, high = undecided_range(threshold, measured or (threshold, threshold), config)
    if abs(clear - 0.5) < config.band or (measured and measured[0] <= mean < measured[1]):
        reasons.append(
            f"score not clear enough (mean p_fake {mean:.3f}, threshold {threshold:.3f}, "
            f"undecided from {low:.3f} to {high:.3f})"
        )
    if reasons:
        outcome, confidence = INCONCLUSIVE, None
    else:
        confidence = clear if outcome == FAKE else 1 - clear
    return Verdict(outcome, mean, confidence, fake_votes, real_votes, agreement, tuple(reasons))


def consistency(p_fake: list[float]) -> list[float]:
    """For each usable frame, 1 - its distance from the mean of all, in [0, 1]."""
    mean = np.mean(p_fake)
    return [float(1 - abs(score - mean)) for score in p_fake]
