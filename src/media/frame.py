"""What comes out of a video, an image, or a folder of images: evenly spaced frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from utils.config import IMAGE_SUFFIXES


class VideoError(Exception):
    """A file that cannot be read as a video or image; the message is the reason."""


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its number, its own time stamp, and image (H, W, 3) uint8 BGR."""

    index: int
    seconds: float
    image: np.ndarray


class Frames(list[Frame]):
    """The frames read from a file, in order.

    notes: what a reader of the result must know of the file and of what was done to it. is_image:
    whether the file's content, whatever its suffix, is a picture and no video. facts: what the file
    says of itself (media/facts.py). caveat: why they are too little for a verdict.
    """

    def __init__(
        self,
        frames: Iterable[Frame],
        notes: Iterable[str] = (),
        is_image: bool = False,
        facts: dict | None = None,
        caveat: str | None = None,
    ):
        super().__init__(frames)
        self.notes = tuple(dict.fromkeys(notes))
        self.is_image, self.facts, self.caveat = is_image, facts or {}, caveat


def sample_indices(n_frames: int, count: int) -> list[int]:
    """At most count unique indices in [0, n_frames), evenly spaced, first and last included."""
    if n_frames <= count:
        return list(range(n_frames))
    return np.linspace(0, n_frames - 1, count).round().astype(int).tolist()


def sample_times(seconds: Sequence[float], count: int) -> list[int]:
    """At most count unique indices of frames shown at these seconds, which never fall: evenly
    spaced, and in time where numbers would leave one more than half a step from where time has it.
    """
    indices = sample_indices(len(seconds), count)
    if len(indices) < 3 or len(seconds) <= count:
        return indices
    shown = np.asarray(seconds)
    due = np.linspace(shown[0], shown[-1], count)
    if np.abs(shown[indices] - due).max() <= (due[1] - due[0]) / 2:
        return indices
    after = np.searchsorted(shown, due).clip(1, len(shown) - 1)
    nearest = after - (due - shown[after - 1] < shown[after] - due)
    chosen = sorted(set(nearest.tolist()))
    while len(chosen) < count:  # two moments had the same nearest frame
        before, after = max(pairwise(chosen), key=lambda pair: pair[1] - pair[0])
        chosen = sorted([*chosen, (before + after) // 2])
    return chosen


def is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def decode_image(content: bytes) -> np.ndarray:
    """(H, W, 3) uint8 BGR. Raises VideoError."""
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError("of OpenCV") from error
        image = None
    if image is None:
        raise VideoError("is damaged, or not an image")
    return image
