"""From the scores of a face's frames to votes, confidence and a verdict, perhaps INCONCLUSIVE."""

from dataclasses import dataclass, replace

import numpy as np

from scoring.temporal import FAKE, REAL, Run, fake_runs, frame_vote
from utils.config import VerdictConfig

INCONCLUSIVE = "INCONCLUSIVE"
TITLES = {
    FAKE: "DEEPFAKE DETECTED",
    REAL: "APPEARS AUTHENTIC",
    INCONCLUSIVE: "INCONCLUSIVE",
}
WAYS = ("mean", "log-odds", "majority")


@dataclass(frozen=True)
class Marks:
    """What validation taught about a model's scores; all but voting in [0, 1].

    threshold: p_fake from which a frame or video counts as fake. Between real_below and fake_from
    too many verdicts were wrong; 0 and 1 mean that there is no such verdict. false_alarms: share of
    real videos that scored fake_from or more, None where unknown. voting: how the scores of frames
    are joined, one of WAYS.
    """

    threshold: float = 0.5
    real_below: float = 0.5
    fake_from: float = 0.5
    false_alarms: float | None = None
    voting: str = "mean"

    def undecided(self, rules: VerdictConfig) -> tuple[float, float]:
        """p_fake between which nothing is decided: near the threshold, and between the marks."""
        low, high = (relative(0.5 + side * rules.band, 1 - self.threshold) for side in (-1, 1))
        return min(low, self.real_below), max(high, self.fake_from)


@dataclass(frozen=True)
class Verdict:
    """The judgement of one face of a video, and of the video whose face it is.

    outcome: FAKE, REAL or INCONCLUSIVE. p_fake: of all usable frames joined, in [0, 1], or None.
    confidence: probability of the class that the outcome names, relative to the threshold; None
    when INCONCLUSIVE. agreement: share of usable frames on the majority's side. reasons: why it is
    INCONCLUSIVE. span: first and last second of the part that is FAKE, where it is not the whole.
    """

    outcome: str
    p_fake: float | None
    confidence: float | None
    fake_votes: int
    real_votes: int
    agreement: float | None
    reasons: tuple[str, ...] = ()
    span: tuple[float, float] | None = None

    @property
    def usable(self) -> int:
        return self.fake_votes + self.real_votes


def log_odds(p_fake: np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(p_fake, np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


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


def relative(p_fake: float, threshold: float) -> float:
    """p_fake moved along the log-odds so that the threshold falls on 0.5; in [0, 1].

    What is said of confidence and of nearness refers to this, whatever threshold was learned.
    """
    fake, real = p_fake * (1 - threshold), (1 - p_fake) * threshold
    return fake / (fake + real)


def judge(
    p_fake: list[float | None],
    marks: Marks,
    rules: VerdictConfig,
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
    reasons = [caveat] if caveat else []
    if len(usable) < rules.min_frames and not is_image:
        reasons.append(
            f"too few usable frames ({len(usable)} with a face, {rules.min_frames} needed)"
        )
    reasons += _doubts(forced, marks, rules)
    if (reasons or forced.outcome == REAL) and seconds and not caveat:
        part = _fake_part(p_fake, seconds, marks, rules)
        if part and part.frames < len(usable):
            confidence, span = relative(part.p_fake, marks.threshold), (part.start, part.end)
            return replace(forced, outcome=FAKE, confidence=confidence, span=span)
    if reasons:
        return replace(forced, outcome=INCONCLUSIVE, confidence=None, reasons=tuple(reasons))
    return forced


def _forced(usable: list[float], marks: Marks) -> Verdict:
    """FAKE or REAL by the joined score, however little speaks for it."""
    score = float(join(np.array(usable), np.zeros(len(usable)), marks.voting)[0])
    outcome, clear = frame_vote(score, marks.threshold), relative(score, marks.threshold)
    confidence = clear if outcome == FAKE else 1 - clear
    fake_votes = sum(frame_vote(value, marks.threshold) == FAKE for value in usable)
    real_votes = len(usable) - fake_votes
    agreement = max(fake_votes, real_votes) / len(usable)
    return Verdict(outcome, score, confidence, fake_votes, real_votes, agreement)


def _doubts(forced: Verdict, marks: Marks, rules: VerdictConfig) -> list[str]:
    """What speaks against a forced verdict: frames that vote otherwise, and a score near the
    threshold or where verdicts were too often wrong."""
    doubts = []
    fake_votes, real_votes, score = forced.fake_votes, forced.real_votes, forced.p_fake
    with_verdict = fake_votes if forced.outcome == FAKE else real_votes
    if with_verdict / forced.usable < rules.min_agreement:
        doubts.append(f"frames disagree ({fake_votes} vote FAKE, {real_votes} vote REAL)")
    is_near = abs(relative(score, marks.threshold) - 0.5) < rules.band
    end = marks.fake_from if marks.fake_from < 1 else np.inf
    if is_near or marks.real_below <= score < end:
        low, high = marks.undecided(rules)
        doubts.append(
            f"score not clear enough (p_fake {score:.3f}, threshold {marks.threshold:.3f}, "
            f"undecided from {low:.3f} to {high:.3f})"
        )
    return doubts


def _fake_part(
    p_fake: list[float | None], seconds: list[float], marks: Marks, rules: VerdictConfig
) -> Run | None:
    """The run of FAKE frames that is long and clear enough to be called FAKE by itself."""
    usable = sum(score is not None for score in p_fake)
    length = max(rules.min_frames, int(np.ceil(rules.min_run * usable)))
    runs = [run for run in fake_runs(p_fake, seconds, marks.threshold) if run.frames >= length]
    part = max(runs, key=lambda run: run.p_fake, default=None)
    _, high = marks.undecided(rules)
    return part if part and marks.fake_from < 1 and part.p_fake >= high else None


def most_suspicious(verdicts: list[Verdict], rules: VerdictConfig, is_image: bool) -> int:
    """Number of the verdict that becomes the video's, of one verdict or more, one a face.

    Among faces in enough frames, FAKE goes before INCONCLUSIVE and that before REAL, then the
    higher score first. Where no face is in enough frames, it is the one in most.
    """
    supported = [n for n, v in enumerate(verdicts) if is_supported(v, rules, is_image)]
    if not supported:
        return max(range(len(verdicts)), key=lambda n: verdicts[n].usable)
    return max(supported, key=lambda n: suspicion(verdicts[n]))


def is_supported(verdict: Verdict, rules: VerdictConfig, is_image: bool) -> bool:
    return is_image or verdict.usable >= rules.min_frames


def suspicion(verdict: Verdict) -> tuple:
    """By which verdicts on faces are sorted."""
    return (REAL, INCONCLUSIVE, FAKE).index(verdict.outcome), verdict.p_fake
