"""How much scores weigh: the likelihood ratio, and the words for it."""

from dataclasses import dataclass

import numpy as np

# From which ratio what is said (ENFSI guideline for evaluative reporting, 2015, section 2.4).
WEAK = 2
SUPPORT = (
    (1_000_000, "extremely strong"),
    (10_000, "very strong"),
    (1_000, "strong"),
    (100, "moderately strong"),
    (10, "moderate"),
    (WEAK, "weak"),
)

Rate = tuple[float, float, float]  # a share in [0, 1], and both ends of its 95 % interval


@dataclass(frozen=True)
class Likelihood:
    """How many times likelier a score is on a fake than on a real video, as validation taught it.

    Its natural log for one frame, from the network's log-odds s and the sharpness q of the face:
    (offset + slope * s + sharpness * log(q / middle)) / (1 + frames), and for n frames their mean
    times (1 + frames) * n / (n + frames). So fewer frames give a ratio nearer to 1, and more weigh
    no more than validation saw, for frames of one video are not independent.

    slope, frames: 0 or more. sharp: lowest, middle and highest q that validation judged by; beyond
    them it counts as the nearer. low, high: bounds of the ratio, by the rule of three for so many
    reals and fakes.
    """

    slope: float = 1.0
    offset: float = 0.0
    sharpness: float = 0.0
    frames: float = 0.0
    low: float = 1e-7
    high: float = 1e7
    sharp: tuple[float, float, float] = (1.0, 1.0, 1.0)
    reals: int = 0
    fakes: int = 0

    def of_frames(self, p_fake: np.ndarray, sharpness: np.ndarray | float | None = None):
        """p_fake of n frames, ratio / (1 + ratio), from the network's (n,); NaN, or without any
        sharpness, as of faces of the middle one."""
        lowest, middle, highest = self.sharp
        q = middle if sharpness is None else np.nan_to_num(sharpness, nan=middle)
        blur = np.log(np.clip(q, lowest, highest) / middle)
        weighed = self.offset + self.slope * log_odds(p_fake) + self.sharpness * blur
        return probability(self._bounded(weighed / (1 + self.frames)))

    def of_videos(self, p_fake: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """p_fake of videos in the order of their numbers, ratio / (1 + ratio), from what of_frames
        gave for each frame, and the number of its video, (n,) both."""
        _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        means = np.bincount(inverse, log_odds(p_fake)) / counts
        return probability(
            self._bounded(means * (1 + self.frames) * counts / (counts + self.frames))
        )

    def _bounded(self, log_ratio: np.ndarray) -> np.ndarray:
        return np.clip(log_ratio, np.log(self.low), np.log(self.high))


def log_odds(p_fake: np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(p_fake, np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


def probability(log_ratio: np.ndarray) -> np.ndarray:
    """Of a fake, were fakes and reals equally frequent."""
    return 1 / (1 + np.exp(-log_ratio))


def ratio_of(p_fake: float) -> float:
    """The likelihood ratio that p_fake stands for, in reach of log_odds; of arrays too."""
    return np.exp(log_odds(p_fake))


def ratio_text(ratio: float) -> str:
    """Two figures of it: 4.2, 1/35, 1,200."""
    if ratio < 0.995:
        return "1/" + ratio_text(1 / ratio)
    rounded = float(f"{ratio:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def support(ratio: float) -> str:
    """The strength of evidence in words: 'weak support', 'no support'."""
    size = max(ratio, 1 / ratio) * (1 + 1e-9)
    return next((f"{word} support" for least, word in SUPPORT if size >= least), "no support")


def side(ratio: float) -> str | None:
    """FAKE or REAL, the side that a ratio supports, or None."""
    if support(ratio) == "no support":
        return None
    return "FAKE" if ratio > 1 else "REAL"


def weight_text(ratio: float) -> str:
    """What a ratio means, in a sentence's end."""
    if side(ratio) is None:
        return "such scores are about as frequent on real videos as on fakes"
    whom = "fakes" if ratio > 1 else "real videos"
    times = ratio_text(max(ratio, 1 / ratio))
    return f"such scores are {times} times as frequent on {whom}"


def comparison(ratio: float) -> str:
    """The same with the other side, for a ratio that supports one."""
    return f"{weight_text(ratio)} as on {'real videos' if ratio > 1 else 'fakes'}"


def rate_text(rate: Rate | None) -> str:
    if rate is None:
        return "an unknown share"
    return f"{rate[0]:.1%} [{rate[1]:.1%}, {rate[2]:.1%}]"
