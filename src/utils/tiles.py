"""The pictures in the frame grid: heat, box and crop, laid over each other."""

import cv2
import numpy as np

from utils.analysis import FrameResult
from utils.config import VISIBLE_SHARE


def frame_tiles(result: FrameResult, size: tuple[int, int], side: int) -> list[np.ndarray]:
    """The frame with box and heat, the visible crop, and the crop under its heat.

    RGB pictures (H, W, 3) uint8: the first of size (width, height), the others of side x side.
    Without a face the others are blank.
    """
    image = result.frame.image
    scale = size[0] / image.shape[1]
    frame = _resized(image, size)[..., ::-1].copy()
    if result.visible is None or result.heat is None:
        blank = np.full((side, side, 3), 235, np.uint8)
        return [frame, blank, blank]
    corners = np.array(result.visible) * scale
    left, top, right, _ = (round(v) for v in corners)
    heat_side = max(right - left, 1)
    heat = _resized(result.heat.astype(np.float32), (heat_side, heat_side))
    # The part of the square that lies inside the picture.
    ys = slice(max(top, 0), min(top + heat_side, size[1]))
    xs = slice(max(left, 0), min(left + heat_side, size[0]))
    inside = heat[ys.start - top : ys.stop - top, xs.start - left : xs.stop - left]
    frame[ys, xs] = _heated(frame[ys, xs], inside)
    box = [round(v * scale) for v in result.face.box_xyxy]
    cv2.rectangle(frame, box[:2], box[2:], (255, 255, 255), 3)
    cv2.rectangle(frame, box[:2], box[2:], (0, 0, 0), 1)

    edge = round(len(result.crop) * (1 - VISIBLE_SHARE) / 2)
    visible = result.crop[edge : len(result.crop) - edge, edge : len(result.crop) - edge]
    crop = _resized(visible, (side, side))[..., ::-1]
    return [frame, crop, _heated(crop, _resized(result.heat.astype(np.float32), (side, side)))]


def _heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay heat (h, w) in [0, 1] over an RGB picture: the hotter, the less of it shines through."""
    heat = np.clip(heat, 0, 1)
    levels = (heat * 255).round().astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1]
    opacity = 0.65 * np.sqrt(heat)[..., None]
    return (picture * (1 - opacity) + colours * opacity).round().astype(np.uint8)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    down = size[0] < picture.shape[1]
    method = cv2.INTER_AREA if down else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=method)
