"""What comes out of a video, an image, or a folder of images: evenly spaced frames."""

from dataclasses import dataclass
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


def sample_indices(n_frames: int, count: int) -> list[int]:
    """At most count unique indices in [0, n_frames), evenly spaced, first and last included."""
    if n_frames <= count:
        return list(range(n_frames))
    return np.linspace(0, n_frames - 1, count).round().astype(int).tolist()


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
