"""The pictures in the frame grid: heat, boxes and crop, laid over each other."""

import cv2
import numpy as np

from faces.detect import Face
from judging.analysis import View
from media.frame import Frame
from utils.config import VISIBLE_SHARE

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def frame_tiles(
    frame: Frame, view: View | None, size: tuple[int, int], side: int, named: dict[str, Face]
) -> list[np.ndarray]:
    """The frame with boxes and the view's heat, the visible crop, and the crop under its heat.

    RGB pictures (H, W, 3) uint8: the first of size (width, height), the others of side x side.
    named: all judged faces of the frame by the letters to write at their boxes. Without a view the
    crops are blank.
    """
    scale = size[0] / frame.image.shape[1]
    picture = _resized(frame.image, size)[..., ::-1].copy()
    crop = overlay = np.full((side, side, 3), 235, np.uint8)
    if view:
        lay_heat(picture, np.multiply(view.visible, scale), view.heat)
        edge = round(len(view.crop) * (1 - VISIBLE_SHARE) / 2)
        visible = view.crop[edge : len(view.crop) - edge, edge : len(view.crop) - edge]
        crop = _resized(visible, (side, side))[..., ::-1]
        overlay = heated(crop, _resized(view.heat.astype(np.float32), (side, side)))
    for name, face in named.items():
        box = [round(v * scale) for v in face.box_xyxy]
        is_shown = view is not None and face is view.face
        cv2.rectangle(picture, box[:2], box[2:], WHITE, 3 if is_shown else 1)
        cv2.rectangle(picture, box[:2], box[2:], BLACK, 1)
        if name:
            place = (max(box[0], 0) + 3, max(box[1], 0) + 15)
            for colour, width in ((BLACK, 4), (WHITE, 1)):
                font = cv2.FONT_HERSHEY_SIMPLEX
                cv2.putText(picture, name, place, font, 0.5, colour, width, cv2.LINE_AA)
    return [picture, crop, overlay]


def lay_heat(picture: np.ndarray, square, heat: np.ndarray) -> None:
    """Lay heat over what square (left, top, right, bottom) covers of an RGB picture, in place."""
    left, top, right, _ = (round(v) for v in square)
    side = max(right - left, 1)
    heat = _resized(heat.astype(np.float32), (side, side))
    # The part of the square that lies inside the picture.
    ys = slice(max(top, 0), min(top + side, picture.shape[0]))
    xs = slice(max(left, 0), min(left + side, picture.shape[1]))
    inside = heat[ys.start - top : ys.stop - top, xs.start - left : xs.stop - left]
    if inside.size:
        picture[ys, xs] = heated(picture[ys, xs], inside)


def heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay heat (h, w) in [0, 1] over an RGB picture: the hotter, the less of it shines through."""
    heat = np.clip(heat, 0, 1)
    levels = (heat * 255).round().astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    colours = cv2.cvtColor(colours, cv2.COLOR_BGR2RGB)
    opacity = (0.65 * np.sqrt(heat)).astype(np.float32)
    return cv2.blendLinear(np.ascontiguousarray(picture), colours, 1 - opacity, opacity)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    down = size[0] < picture.shape[1]
    method = cv2.INTER_AREA if down else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=method)
