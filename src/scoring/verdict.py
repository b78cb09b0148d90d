"""From the scores of a face's frames to votes, confidence and a verdict, perhaps INCONCLUSIVE."""

from dataclasses import dataclass, replace

import numpy as np

from scoring.likelihood import (
    Likelihood,
    Rate,
    rate_text,
    ratio_of,
    ratio_text,
    side,
    support,
    weight_text,
)
from scoring.temporal import FAKE, REAL, Run, fake_runs, frame_vote
from utils.config import VerdictConfig

RULES = VerdictConfig()
INCONCLUSIVE = "INCONCLUSIVE"
TITLES = {FAKE: "DEEPFAKE DETECTED", REAL: "APPEARS AUTHENTIC", INCONCLUSIVE: "INCONCLUSIVE"}
# What a verdict REAL would be where some kind of fakes often scores as reals do.
NO_TRACE = "no trace of a face swap; a generated or re-enacted face would often look the same"


@dataclass(frozen=True)
class Marks:
    """What validation taught about a model's scores.

    likelihood: how scores weigh. A video is FAKE from the ratio fake_from on, None if no score is
    sure enough, and REAL below real_below, 0 if none is. false_alarms, cleared: shares of the real
    videos of validation that are thus called FAKE and REAL; found, missed: of its fakes. None where
    unknown.
    """

    likelihood: Likelihood = Likelihood()
    real_below: float = 0.0
    fake_from: float | None = None
    false_alarms: Rate | None = None
    cleared: Rate | None = None
    found: Rate | None = None
    missed: Rate | None = None

    @property
    def undecided(self) -> tuple[float, float]:
        """p_fake of a video between which nothing is decided."""
        high = 1.0 if self.fake_from is None else self.fake_from / (1 + self.fake_from)
        return self.real_below / (1 + self.real_below), high

    def is_fake(self, ratio: float) -> bool:
        return self.fake_from is not None and ratio >= self.fake_from


def known_marks(stored: dict) -> Marks:
    """Marks from plain values, as asdict gives them and files hold them."""
    return Marks(**(stored | {"likelihood": Likelihood(**stored["likelihood"])}))


def describe_marks(marks: Marks) -> list[str]:
    """Lines for the console, shares with their 95 % intervals."""
    known = marks.likelihood
    low, high = ratio_text(known.low), ratio_text(known.high)
    lines = [
        f"likelihood ratios from {low} to {high}, by {known.reals:,} reals, {known.fakes:,} fakes"
    ]
    if marks.fake_from is None:
        lines.append("no verdict FAKE: too few validation videos, or too alike")
    else:
        shares = f"{rate_text(marks.false_alarms)} of reals, {rate_text(marks.found)} of fakes"
        lines.append(f"FAKE from {ratio_text(marks.fake_from)}: {shares}")
    if not marks.real_below:
        lines.append("no verdict REAL: too few validation videos, or some fakes score as reals do")
    else:
        shares = f"{rate_text(marks.cleared)} of reals, {rate_text(marks.missed)} of fakes"
        lines.append(f"REAL below {ratio_text(marks.real_below)}: {shares}")
    return lines


@dataclass(frozen=True)
class Verdict:
    """The judgement of one face of a video, and of the video whose face it is.

    outcome: FAKE, REAL or INCONCLUSIVE. p_fake: of all usable frames joined, in [0, 1], or None.
    confidence: probability of the class that the outcome names; None when INCONCLUSIVE. agreement:
    share of usable frames on the majority's side. reasons: why it is INCONCLUSIVE. span: first and
    last second of the part that is FAKE, where it is not the whole. likelihood_ratio: how many
    times likelier such scores are on a fake than on a real video, of that part or the whole; None
    where it is not known.
    """

    outcome: str
    p_fake: float | None
    confidence: float | None
    fake_votes: int
    real_votes: int
    agreement: float | None
    reasons: tuple[str, ...] = ()
    span: tuple[float, float] | None = None
    likelihood_ratio: float | None = None

    @property
    def usable(self) -> int:
        return self.fake_votes + self.real_votes

    @property
    def title(self) -> str:
        """What it says, with the side to which it leans."""
        text = TITLES[self.outcome]
        leaning = self.likelihood_ratio and side(self.likelihood_ratio)
        return f"{text}, LEANS {leaning}" if self.outcome == INCONCLUSIVE and leaning else text

    @property
    def weight(self) -> str | None:
        """The likelihood ratio with its words, or None."""
        ratio = self.likelihood_ratio
        if ratio is None:
            return None
        whom = side(ratio)
        return f"{ratio_text(ratio)} ({support(ratio)}{f' for {whom}' if whom else ''})"


def judge(
    p_fake: list[float | None],
    marks: Marks,
    seconds: list[float] | None = None,
    is_image: bool = False,
    caveat: str | None = None,
) -> Verdict:
    """Judge a face from p_fake of the sampled frames, None for a frame in which it is not found.

    seconds: times of the frames; with them a part of a video can be FAKE. An image is judged on its
    one frame. A caveat, such as untrained weights, forbids a verdict.
    """
    usable = [score for score in p_fake if score is not None]
    if not usable:
        reason = "no face found" if is_image else "no face found in any sampled frame"
        return Verdict(INCONCLUSIVE, None, None, 0, 0, None, (reason,))
    forced = _forced(usable, marks)
    if caveat:  # it would be a weight that nobody has measured
        forced = replace(forced, likelihood_ratio=None)
    reasons = [caveat] if caveat else []
    if len(usable) < RULES.min_frames and not is_image:
        reasons.append(
            f"too few usable frames ({len(usable)} with a face, {RULES.min_frames} needed)"
        )
    reasons += _doubts(forced, marks)
    if (reasons or forced.outcome == REAL) and seconds and not caveat:
        part = _fake_part(p_fake, seconds, marks)
        if part and part.frames < len(usable):
            score, span = _joined([part.p_fake] * part.frames, marks), (part.start, part.end)
            facts = {"confidence": score, "likelihood_ratio": float(ratio_of(score)), "span": span}
            return replace(forced, outcome=FAKE, **facts)
    if reasons:
        return replace(forced, outcome=INCONCLUSIVE, confidence=None, reasons=tuple(reasons))
    return forced


def _joined(p_fake: list[float], marks: Marks) -> float:
    return float(marks.likelihood.of_videos(np.array(p_fake), np.zeros(len(p_fake)))[0])


def _forced(usable: list[float], marks: Marks) -> Verdict:
    """FAKE or REAL by the joined score, however little speaks for it."""
    score = _joined(usable, marks)
    outcome = frame_vote(score)
    confidence = score if outcome == FAKE else 1 - score
    fake_votes = sum(frame_vote(value) == FAKE for value in usable)
    real_votes = len(usable) - fake_votes
    agreement = max(fake_votes, real_votes) / len(usable)
    votes = fake_votes, real_votes, agreement
    return Verdict(outcome, score, confidence, *votes, likelihood_ratio=float(ratio_of(score)))


def _doubts(forced: Verdict, marks: Marks) -> list[str]:
    """What speaks against a forced verdict: frames that vote otherwise, and a ratio at which
    verdicts were too often wrong."""
    doubts = []
    fake_votes, real_votes, ratio = forced.fake_votes, forced.real_votes, forced.likelihood_ratio
    with_verdict = fake_votes if forced.outcome == FAKE else real_votes
    if with_verdict / forced.usable < RULES.min_agreement:
        doubts.append(f"frames disagree ({fake_votes} vote FAKE, {real_votes} vote REAL)")
    if ratio is not None and ratio >= marks.real_below and not marks.is_fake(ratio):
        whom = side(ratio) or "to neither side"
        doubts.append(f"leans {whom}: {weight_text(ratio)} ({support(ratio)})")
        if side(ratio) == REAL and not marks.real_below:
            doubts.append(NO_TRACE)
    return doubts


def _fake_part(p_fake: list[float | None], seconds: list[float], marks: Marks) -> Run | None:
    """The run of FAKE frames that is long and clear enough to be called FAKE by itself."""
    usable = sum(score is not None for score in p_fake)
    length = max(RULES.min_frames, int(np.ceil(RULES.min_run * usable)))
    runs = [run for run in fake_runs(p_fake, seconds) if run.frames >= length]
    ratios = [ratio_of(_joined([run.p_fake] * run.frames, marks)) for run in runs]
    best = max(range(len(runs)), key=ratios.__getitem__, default=None)
    return None if best is None or not marks.is_fake(ratios[best]) else runs[best]


def most_suspicious(verdicts: list[Verdict], is_image: bool) -> int:
    """Number of the verdict that becomes the video's, of one verdict or more, one a face.

    Among faces in enough frames, FAKE goes before INCONCLUSIVE and that before REAL, then the
    higher score first. Where no face is in enough frames, it is the one in most.
    """
    supported = [n for n, v in enumerate(verdicts) if is_supported(v, is_image)]
    if not supported:
        return max(range(len(verdicts)), key=lambda n: verdicts[n].usable)
    return max(supported, key=lambda n: suspicion(verdicts[n]))


def is_supported(verdict: Verdict, is_image: bool) -> bool:
    return is_image or verdict.usable >= RULES.min_frames


def suspicion(verdict: Verdict) -> tuple:
    """By which verdicts on faces are sorted."""
    return (REAL, INCONCLUSIVE, FAKE).index(verdict.outcome), verdict.p_fake
