"""Finding faces in frames, and cutting them out."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faces.yunet import YUNET_FILE, find_yunet_file
from utils import console

DETECTION_SIDE_PX = 640  # frames are shrunk to this longer side before detection
MIN_SCORE = 0.6

# Haar's square box, rescaled to YuNet's face box: YuNet's width and height over Haar's side, and
# the shift of the centre. Medians over 168 faces that both found in frames of FaceForensics++; a
# test checks that the crops agree.
HAAR_WIDTH, HAAR_HEIGHT, HAAR_SHIFT_Y = 0.795, 1.076, 0.019


@dataclass(frozen=True)
class Face:
    """A detected face, in pixels of its image.

    box_xyxy: left, top, right, bottom. landmarks_xy: right eye, left eye, nose tip, right and left
    mouth corner as the subject has them; None from a detector that has none. score: in [0, 1].
    """

    box_xyxy: tuple[float, float, float, float]
    landmarks_xy: tuple[tuple[float, float], ...] | None
    score: float

    @property
    def side_px(self) -> float:
        left, top, right, bottom = self.box_xyxy
        return max(right - left, bottom - top)

    @property
    def centre_xy(self) -> tuple[float, float]:
        left, top, right, bottom = self.box_xyxy
        return (left + right) / 2, (top + bottom) / 2


class YuNetDetector:
    """OpenCV's YuNet (Wu, Peng and Yu, Machine Intelligence Research 2023)."""

    name = "yunet"

    def __init__(self, model_file: Path):
        self._net = cv2.FaceDetectorYN.create(str(model_file), "", (320, 320), MIN_SCORE, 0.3, 100)

    def detect(self, image: np.ndarray) -> list[Face]:
        """Faces in an (H, W, 3) uint8 BGR image, largest first."""
        small, scale = _shrink(image)
        # On less than 32 pixels the network reads beyond its input.
        short = [max(0, 32 - length) for length in small.shape[:2]]
        small = cv2.copyMakeBorder(small, 0, short[0], 0, short[1], cv2.BORDER_REPLICATE)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        _, rows = self._net.detect(small)
        faces = []
        for *places, score in [] if rows is None else rows.tolist():
            if not np.isfinite(places).all():
                continue
            left, top, width, height, *points = (value / scale for value in places)
            landmarks = tuple(zip(points[0::2], points[1::2], strict=True))
            face = Face((left, top, left + width, top + height), landmarks, score)
            x, y = face.centre_xy
            if 0 <= x <= image.shape[1] and 0 <= y <= image.shape[0]:
                faces.append(face)
        return sorted(faces, key=lambda face: -face.side_px)


class HaarDetector:
    """The frontal-face cascade that OpenCV 4 carries (Viola and Jones, CVPR 2001)."""

    name = "haar"

    def __init__(self):
        folder = Path(cv2.data.haarcascades)
        self._cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def detect(self, image: np.ndarray) -> list[Face]:
        """Faces in an (H, W, 3) uint8 BGR image, largest first, as boxes of YuNet's convention."""
        small, scale = _shrink(image)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        faces = []
        for left, top, width, height in self._cascade.detectMultiScale(
            grey, 1.1, 5, minSize=(32, 32)
        ):
            x, y = left + width / 2, top + height * (0.5 + HAAR_SHIFT_Y)
            half_w, half_h = width * HAAR_WIDTH / 2, height * HAAR_HEIGHT / 2
            box = (x - half_w, y - half_h, x + half_w, y + half_h)
            faces.append(Face(tuple(float(v / scale) for v in box), None, 1.0))
        return sorted(faces, key=lambda face: -face.side_px)


def load_detector(kind: str, models_dir: Path) -> YuNetDetector | HaarDetector:
    """The detector named kind: 'yunet', 'haar', or 'auto' for YuNet where its file can be had.

    Raises FileNotFoundError for 'yunet' without its file. 'auto' then warns once and uses Haar.
    """
    if kind == "haar":
        return HaarDetector()
    try:
        return YuNetDetector(find_yunet_file(models_dir))
    except (OSError, cv2.error) as error:
        reason = error.err if isinstance(error, cv2.error) else error
        if kind == "yunet":
            raise FileNotFoundError(f"YuNet is not available: {reason}") from error
        console.warn(
            f"YuNet is not available ({console.shown(reason)}): using OpenCV's Haar cascade, which "
            f"misses more faces. Remedy: put {YUNET_FILE} into {console.shown(models_dir)}"
        )
        return HaarDetector()


def _shrink(image: np.ndarray) -> tuple[np.ndarray, float]:
    scale = min(1.0, DETECTION_SIDE_PX / max(image.shape[:2]))
    if scale == 1.0:
        return image, scale
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def square_around(face: Face, margin: float) -> tuple[int, int, int, int]:
    """The square (left, top, right, bottom) of margin x the face's longer side around its centre.

    Whole pixels; it may reach over the border of the image.
    """
    x, y = face.centre_xy
    side = max(1, round(face.side_px * margin))
    left, top = round(x - side / 2), round(y - side / 2)
    return left, top, left + side, top + side


def whole_image(image: np.ndarray, margin: float) -> Face:
    """A face whose crop with this margin is the whole image, for images that are cut already."""
    height, width = image.shape[:2]
    half = max(height, width) / margin / 2
    x, y = width / 2, height / 2
    return Face((x - half, y - half, x + half, y + half), None, 0.0)


def crop_square(image: np.ndarray, square: tuple[int, int, int, int], size_px: int) -> np.ndarray:
    """Cut a square from an (H, W, 3) image and scale it to (size_px, size_px, 3).

    What lies outside the image is its reflection. Area interpolation downwards, linear upwards.
    """
    left, top, right, bottom = square
    height, width = image.shape[:2]
    if min(left, top) >= 0 and right <= width and bottom <= height:
        cut = image[top:bottom, left:right]  # the same, without the copy
    else:
        rows = _reflected(np.arange(top, bottom), height)
        cut = image[rows[:, None], _reflected(np.arange(left, right), width)]
    method = cv2.INTER_AREA if right - left > size_px else cv2.INTER_LINEAR
    return cv2.resize(cut, (size_px, size_px), interpolation=method)


def _reflected(indices: np.ndarray, length: int) -> np.ndarray:
    """Fold indices beyond [0, length) back into it, as in a mirror on the first and last pixel."""
    period = max(2 * (length - 1), 1)
    folded = indices % period
    return np.where(folded < length, folded, period - folded)


def to_crop(points_xy, square: tuple[int, int, int, int], size_px: int) -> list[list[float]]:
    """Map points from pixels of the frame to pixels of the crop, rounded to a tenth."""
    scale = size_px / (square[2] - square[0])
    return [
        [round((x - square[0]) * scale, 1), round((y - square[1]) * scale, 1)] for x, y in points_xy
    ]
