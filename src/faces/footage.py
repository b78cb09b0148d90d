"""The faces of the footage that a fake was made of: cut by the same boxes, both show the same."""

from pathlib import Path

import cv2
import numpy as np

from faces.detect import Face
from faces.tracks import main_faces
from media.frame import Frame, VideoError
from media.video import read_frames

# Median difference of grey values, of 255, up to which two pictures show the same moment: at most 1
# over 35 fakes of FaceForensics++ and their originals, 8 to 33 where people moved in between.
SAME_MOMENT = 4
OVERVIEW_PX = 32


def faces_of_original(path: Path, frames: list[Frame], detector) -> list[Face | None] | None:
    """The main face of the original in each of a fake's frames, or None if they do not correspond.

    They do not where the original cannot be read, is of another size, lacks one of the frames, or
    shows something else in them. A fake may end earlier, as many do.
    """
    try:
        originals = read_frames(path, len(frames), end=frames[-1].index + 1)
    except (VideoError, OSError):
        return None
    if [frame.index for frame in originals] != [frame.index for frame in frames]:
        return None
    images = [frame.image for frame in originals]
    if not all(_is_same(o, f.image) for o, f in zip(images, frames, strict=True)):
        return None
    return main_faces(images, [detector.detect(image) for image in images])


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two (H, W, 3) uint8 BGR images show the same in more than half of the picture."""
    if one.shape != other.shape:
        return False
    return np.median(cv2.absdiff(_overview(one), _overview(other))) <= SAME_MOMENT


def _overview(image: np.ndarray) -> np.ndarray:
    small = cv2.resize(image, (OVERVIEW_PX, OVERVIEW_PX), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
