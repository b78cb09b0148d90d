"""What videos suffer on their way: crops made worse in known steps, for the robustness sweep."""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from pictures.augment import degrade
from pictures.compression import h264, jpeg


def resized(crop: np.ndarray, share: float) -> np.ndarray:
    size = crop.shape[1::-1]
    small = cv2.resize(crop, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def noisy(crop: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, deviation, crop.shape)
    return np.clip(crop + noise, 0, 255).round().astype(np.uint8)


CLEAN_PLACE = {"brightness": 2}  # of the clean crop among the strengths, where it is not the first

# Kind -> (name of its strength, from mild to strong; the change at that strength).
SWEEP: dict[str, dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "JPEG": {f"quality {q}": partial(jpeg, quality=q) for q in (70, 50, 30)},
    "H.264": {f"crf {crf}": partial(h264, crf=crf) for crf in (28, 35, 40)},
    "resolution": {
        name: partial(resized, share=s) for name, s in (("half", 0.5), ("quarter", 0.25))
    },
    "blur": {f"{s} px": partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=s) for s in (1, 2, 3)},
    "noise": {f"deviation {d}": partial(noisy, deviation=d) for d in (5, 10, 20)},
    "brightness": {f"x {f}": partial(cv2.convertScaleAbs, alpha=f) for f in (0.5, 0.75, 1.5)},
    "JPEG and resolution": {"quality 50, half": lambda crop: jpeg(resized(crop, 0.5), 50)},
}


# A strong step of most kinds of the sweep, and what training does to crops: a model's marks have to
# hold under each.
HARMS = ("as in training", "JPEG, quality 30", "H.264, crf 40", "resolution, half", "blur, 3 px")
HARMS += ("noise, deviation 10",)


def harm(image: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """The image (S, S, 3) uint8 under one of HARMS."""
    return degrade(image, rng) if name == HARMS[0] else all_changes()[name](image)


def condition(kind: str, strength: str) -> str:
    return f"{kind}, {strength}"


def all_changes(kinds: dict[str, dict[str, Callable]] = SWEEP) -> dict[str, Callable]:
    """Every change of the sweep, or of other such kinds, by its condition's name."""
    return {condition(kind, name): f for kind, steps in kinds.items() for name, f in steps.items()}
